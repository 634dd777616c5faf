//! Erasure over stores in memory: what is decided is out of reach, stays out while it may be sent again,
//! and is told to the register; and the vault forgets whom nobody holds.

use super::rights::{code, quality, reserved, subject, suppressed};
use super::*;
use crate::crypto::KeyedDigest;
use crate::ident::parse_number;
use crate::registers::{Channel, Fact};
use crate::rights::cases::{
    Assessment, Burden, Case, CaseId, CaseState, OrderReason, Outcome, PublicInterest, Request,
    Scope,
};
use crate::rights::retention::Action as Due;
use crate::vault::{PERSONS, PersonNo, Unknown};

mod forgetting;
mod links;
mod orders;
mod queued;

fn line(text: &str) -> crate::disclosure::line::Line {
    text.parse().unwrap()
}

fn period(text: &str) -> Scope {
    Scope::Period { up_to: text.parse().unwrap() }
}

fn named(names: &[&str]) -> Scope {
    Scope::records(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

impl World {
    pub(super) fn ask_erasure(
        &self,
        register: &str,
        number: u64,
        asked: Scope,
    ) -> Result<Case, Error> {
        let request = Request {
            channel: Channel::Helsenorge,
            on: date(2026, 1, 10),
            asked,
            reason: line("Jeg vil ikke ha det stående."),
        };
        let new = NewCase { subject: subject(register, number), request };
        Ok(self.service.receive_case(&self.rights_officer(), new)?.into_answer().0)
    }

    fn assess(&self, id: CaseId, interest: PublicInterest) -> Result<Case, Error> {
        let found = Assessment {
            burden: Burden::Strong,
            public_interest: interest,
            died: None,
            note: line("Talked over with the controller."),
        };
        Ok(self.service.assess_case(&self.rights_officer(), id, found)?.into_answer().0)
    }

    fn decide_case(&self, id: CaseId, deciding: Deciding) -> Result<Case, Error> {
        let permit = self.rights_officer();
        let reason = line("It burdens the person.");
        Ok(self.service.decide_case(&permit, id, deciding, reason)?.into_answer().0)
    }

    /// A case from request to order.
    pub(super) fn erase(&self, register: &str, number: u64, scope: Scope) -> Case {
        let case = self.ask_erasure(register, number, scope.clone()).unwrap();
        self.assess(case.id(), PublicInterest::Ordinary).unwrap();
        self.decide_case(case.id(), Deciding::Grant(scope)).unwrap()
    }

    fn register_system(&self, register: &str) -> Permit {
        self.permit("s", Right::Orders { register: register.parse().unwrap() })
    }

    pub(super) fn orders(&self, register: &str, after: u64) -> Vec<OrderView> {
        let permit = self.register_system(register);
        let found = self.service.orders(&permit, &register.parse().unwrap(), (after, 0));
        found.unwrap().into_answer().0
    }

    fn confirm(&self, register: &str, number: u64) -> Result<u64, Error> {
        let permit = self.permit("s", Right::ConfirmOrders { register: register.parse().unwrap() });
        let confirmed = self.service.confirm_order(&permit, &register.parse().unwrap(), number)?;
        Ok(confirmed.index())
    }

    /// A delivery about some days.
    pub(super) fn report(&self, register: &str, days: (&str, &str), numbers: &[u64]) -> Answered {
        let source = match register {
            "NPR" => "HF",
            "KPR" => "KUHR",
            _ => "LOKAL",
        };
        let period = Some((days.0.parse().unwrap(), days.1.parse().unwrap()));
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        self.deliver(&DeliveryRequest { period, ..request }, numbers).unwrap()
    }

    /// A delivery that is open.
    fn opened(&self, register: &str, source: &str, days: (&str, &str)) -> Delivery {
        let period = Some((days.0.parse().unwrap(), days.1.parse().unwrap()));
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        let request = DeliveryRequest { period, ..request };
        self.service.open_delivery(&self.permit("a", request.right()), &request).unwrap()
    }

    /// The person that the vault knows by a number.
    fn person(&self, number: u64) -> PersonNo {
        self.person_of(PERSONS, number)
    }

    fn person_of(&self, partition: u16, number: u64) -> PersonNo {
        let rules = rules();
        let rules = rules.at(date(2026, 1, 15));
        let parsed = parse_number(&rules, Declared::Kind(IdKind::Fnr), None, number).unwrap();
        let open = self.service.open_now().unwrap();
        let mut row = Some(Ok(parsed));
        let mut found = open.vault.find(partition, 1, |rows| rows.extend(row.take())).unwrap();
        found.finish(Unknown::Leave).unwrap()[0].unwrap()
    }

    fn look_up_days(&self, period: Option<(&str, &str)>, numbers: &[u64]) -> Answered {
        let day = |text: &str| text.parse().unwrap();
        let period = period.map(|(from, to)| (day(from), day(to)));
        let request = Self::request("NPR", "HF", IngestMode::ResolveOnly);
        self.deliver(&DeliveryRequest { period, ..request }, numbers).unwrap()
    }

    pub(super) fn members(&self, register: &str) -> u64 {
        let detail = self.service.status(Detail::Full).detail.unwrap();
        detail.registers.into_iter().find(|(code, _)| code == register).unwrap().1
    }

    fn plan(&self) -> RetentionPlan {
        self.service.plan_retention(&self.rights_officer()).unwrap().into_answer().0
    }

    fn run(&self, digest: KeyedDigest) -> Result<Vec<Due>, Error> {
        let done = self.service.run_retention(&self.rights_officer(), digest)?;
        Ok(done.into_answer().0)
    }

    /// Lets time go until the tombstones of today have expired.
    fn wait_for_tombstones(&self) {
        self.clock.advance(Duration::from_secs(800 * 86_400));
    }
}

pub(super) const JANUARY: (&str, &str) = ("2026-01-01", "2026-01-31");
pub(super) const DECEMBER: (&str, &str) = ("2025-12-01", "2025-12-31");
/// Begins on the day after the erasures, which are decided today.
pub(super) const LATER: (&str, &str) = ("2026-01-16", "2026-02-28");

#[test]
fn an_erased_past_stays_out_and_a_later_row_gets_a_fresh_id() {
    let world = World::unsealed();
    let people = numbers(3);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    world.erase("NPR", people[1], Scope::Whole);
    assert_eq!(world.members("NPR"), 2);
    let mut fresh = 0;
    for round in 0..2 {
        // The same again, and one that begins before the erasure and ends after it.
        for days in [DECEMBER, JANUARY, ("2025-01-01", "2026-06-30")] {
            let again = world.report("NPR", days, &people);
            assert_eq!(suppressed(&again), [1], "{days:?}");
            assert_eq!((again.ids[0], again.ids[2]), (ids[0], ids[2]), "the others are answered");
        }
        let later = world.report("NPR", LATER, &people);
        assert!(suppressed(&later).is_empty());
        assert!(later.ids[1] != 0 && later.ids[1] != ids[1]);
        assert_eq!(later.new_members, u32::from(round == 0));
        if round > 0 {
            assert_eq!(later.ids[1], fresh, "also after a restart");
        }
        fresh = later.ids[1];
        assert_eq!(world.members("NPR"), 3);
        world.reseal();
        assert_eq!(world.members("NPR"), 3);
    }
    let closed = world.last_with("delivery_closed");
    assert_eq!(closed["counts"]["rows"], 3, "the delivery was not stopped");
    // What the register was told before is nobody's, in a disclosure too.
    let id = world.research(&[]);
    let answered = world.serials(id, "NPR", &[ids[0], ids[1], fresh]).unwrap();
    let notes: Vec<_> = answered.notes.iter().map(|note| (note.row, note.code)).collect();
    assert_eq!(notes, [(1, RowCode::Unknown)]);
    // When the sources can no longer send the past again, it is not kept out any more.
    world.wait_for_tombstones();
    assert_eq!(world.report("NPR", DECEMBER, &people).ids, [ids[0], fresh, ids[2]]);
}

#[test]
fn a_delivery_about_days_to_come_is_refused() {
    let world = World::unsealed();
    let people = numbers(1);
    world.report("NPR", DECEMBER, &people);
    world.erase("NPR", people[0], Scope::Whole);
    // Where the sender is, it may be tomorrow.
    assert!(suppressed(&world.report("NPR", LATER, &people)).is_empty());
    for from in [date(2026, 1, 17), date(2098, 1, 1)] {
        for mode in [IngestMode::ResolveOnly, IngestMode::ResolveOrAssign] {
            let request = World::request("NPR", "HF", mode);
            let request = DeliveryRequest { period: Some((from, date(2098, 12, 31))), ..request };
            let refused = world.deliver(&request, &people).err().unwrap();
            assert_eq!(refused.code(), ErrorCode::RequestInvalid);
            assert_eq!(refused.violations()[0].field, "delivery.period");
        }
    }
}

#[test]
fn a_look_up_is_told_the_id_that_there_is_and_no_past() {
    let world = World::unsealed();
    let people = numbers(2);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    world.erase("NPR", people[0], Scope::Whole);
    for days in [None, Some(DECEMBER)] {
        let told = world.look_up_days(days, &people);
        assert_eq!((suppressed(&told), told.ids[1]), (vec![0], ids[1]));
    }
    let later = world.look_up_days(Some(LATER), &people);
    assert_eq!(later.notes[0].code, RowCode::Unknown);
    let fresh = world.report("NPR", LATER, &people).ids[0];
    assert_eq!(world.look_up_days(None, &people).ids, [fresh, ids[1]]);
    assert_eq!(suppressed(&world.look_up_days(Some(DECEMBER), &people)), [0]);
}

#[test]
fn a_batch_that_was_mapped_before_an_erasure_is_looked_at_again() {
    let world = World::unsealed();
    let people = numbers(3);
    let ids = world.report("NPR", DECEMBER, &people[..2]).ids;
    let open = |days: (&str, &str)| {
        let period = Some((days.0.parse().unwrap(), days.1.parse().unwrap()));
        let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
        let request = DeliveryRequest { period, ..request };
        world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap()
    };
    let (past, later) = (open(DECEMBER), open(LATER));
    let (old, new) = (past.map(batch(&people)).unwrap(), later.map(batch(&people)).unwrap());
    world.erase("NPR", people[0], Scope::Whole);
    let answered = wait(&past, past.submit(old).unwrap()).unwrap().into_answer().0;
    assert_eq!((suppressed(&answered), answered.ids[1]), (vec![0], ids[1]));
    let answered = wait(&later, later.submit(new).unwrap()).unwrap().into_answer().0;
    assert!(suppressed(&answered).is_empty());
    assert!(answered.ids[0] != ids[0], "a fresh one");
    let entry = world.last_with("ingest");
    assert_eq!((&entry["counts"]["answered"], &entry["counts"]["rows"]), (&3.into(), &3.into()));
    assert_eq!(world.report("NPR", LATER, &people).ids, answered.ids);
    // And serials that were mapped by the old ID are not answered.
    let id = world.research(&[]);
    let issuing = world.service.open_serials(&world.officer(), id).unwrap();
    let mapped = issuing.map("NPR", &answered.ids).unwrap();
    world.erase("NPR", people[1], Scope::Whole);
    let serials = disclosures::done(&issuing, issuing.submit(mapped).unwrap());
    let serials = serials.unwrap().into_answer().0;
    let notes: Vec<_> = serials.notes.iter().map(|note| (note.row, note.code)).collect();
    assert_eq!((notes, serials.ids[1]), (vec![(1, RowCode::Unknown)], 0));
}

/// Goal: a row of a later period is not lost because another came first.  Method: a batch is mapped, the
/// person is erased, another row brings the person back under a fresh ID, and the batch is submitted.
#[test]
fn a_later_row_that_was_mapped_before_an_erasure_gets_the_id_that_another_has_brought() {
    let world = World::unsealed();
    let people = numbers(2);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    let later = world.opened("NPR", "HF", LATER);
    let past = world.opened("NPR", "HF", DECEMBER);
    let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
    let request = DeliveryRequest { period: None, ..request };
    let permit = world.permit("a", request.right());
    let look_up = world.service.open_delivery(&permit, &request).unwrap();
    let deliveries = [&later, &past, &look_up];
    let mapped = deliveries.map(|delivery| delivery.map(batch(&people)).unwrap());
    let first = later.map(batch(&people[..1])).unwrap();
    world.erase("NPR", people[0], Scope::Whole);
    let fresh = wait(&later, later.submit(first).unwrap()).unwrap().into_answer().0.ids[0];
    let answers: Vec<Answered> = deliveries
        .into_iter()
        .zip(mapped)
        .map(|(delivery, mapped)| {
            wait(delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0
        })
        .collect();
    assert!(answers[0].notes.is_empty() && fresh != ids[0]);
    assert_eq!(answers[0].ids, [fresh, ids[1]]);
    assert_eq!((suppressed(&answers[1]), answers[1].ids[1]), (vec![0], ids[1]));
    assert_eq!(answers[2].ids, [fresh, ids[1]]);
    let _ = wait(&later, later.finish(DeliveryState::Complete).unwrap()).unwrap();
    let closed = world.last_with("delivery_closed");
    assert_eq!((&closed["counts"]["persons"], &closed["counts"]["rows"]), (&2.into(), &3.into()));
}

#[test]
fn a_partial_erasure_keeps_the_id_and_keeps_its_period_out() {
    let world = World::unsealed();
    let people = numbers(2);
    let ids = world.report("KPR", JANUARY, &people).ids;
    // Nothing is 30 years old as long as nothing so old was delivered.
    let case = world.ask_erasure("KPR", people[1], Scope::Whole).unwrap();
    world.assess(case.id(), PublicInterest::Strong).unwrap();
    world.decide_case(case.id(), Deciding::Refuse).unwrap();
    assert_eq!(world.report("KPR", ("1990-01-01", "1990-12-31"), &people).ids, ids);
    // 30 years old: by the register's own rule, whatever the assessment.
    let case = world.ask_erasure("KPR", people[0], Scope::Whole).unwrap();
    world.assess(case.id(), PublicInterest::Strong).unwrap();
    let old = period("1996-01-15");
    assert_eq!(code(world.decide_case(case.id(), Deciding::Refuse)), ErrorCode::RuleRefuses);
    let too_much = world.decide_case(case.id(), Deciding::Grant(period("1996-01-16")));
    assert_eq!(code(too_much), ErrorCode::RuleRefuses);
    let case = world.decide_case(case.id(), Deciding::Grant(old.clone())).unwrap();
    assert_eq!(case.decision().unwrap().outcome, Outcome::GrantedInPart);
    for _ in 0..2 {
        assert_eq!(suppressed(&world.report("KPR", ("1990-01-01", "1990-12-31"), &people)), [0]);
        assert_eq!(suppressed(&world.report("KPR", ("1996-01-01", "1996-12-31"), &people)), [0]);
        assert_eq!(world.report("KPR", ("1996-01-16", "1996-12-31"), &people).ids, ids);
        assert_eq!(world.report("KPR", JANUARY, &people).ids, ids);
        world.reseal();
    }
    // Named records are the register's to find, and to refuse.
    let case = world.erase("KPR", people[1], named(&["epikrise 7", "kontakt 12"]));
    assert_eq!(world.report("KPR", JANUARY, &people).ids, ids);
    let orders = world.orders("KPR", 0);
    let shown: Vec<_> = orders.iter().map(|one| (one.number, one.ids[0], &one.scope)).collect();
    assert_eq!(shown, [(1, ids[0], &old), (2, ids[1], &named(&["epikrise 7", "kontakt 12"]))]);
    assert_eq!((orders[1].reason, orders[1].case), (OrderReason::Erasure, Some(case.id())));
}

#[test]
fn a_commit_that_failed_leaves_an_erasure_that_is_wholly_there_or_not_at_all() {
    for (fault, is_erased) in [(Fault::Lost, false), (Fault::Uncertain, true)] {
        let world = World::unsealed();
        let people = numbers(2);
        let ids = world.report("NPR", DECEMBER, &people).ids;
        let case = world.ask_erasure("NPR", people[0], Scope::Whole).unwrap();
        world.assess(case.id(), PublicInterest::Ordinary).unwrap();
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let failed = world.decide_case(case.id(), Deciding::Grant(Scope::Whole));
        assert_eq!(code(failed), ErrorCode::CommitUncertain);
        world.wait_until_open();
        let answered = world.report("NPR", DECEMBER, &people);
        assert_eq!(answered.ids[1], ids[1]);
        assert_eq!(answered.ids[0], if is_erased { 0 } else { ids[0] });
        assert_eq!(world.orders("NPR", 0).len(), usize::from(is_erased));
        let read = world.service.case(&world.rights_officer(), case.id()).unwrap();
        let expected = if is_erased { CaseState::Ordered } else { CaseState::Assessed };
        assert_eq!(read.into_answer().0.state(), expected);
        if !is_erased {
            world.decide_case(case.id(), Deciding::Grant(Scope::Whole)).unwrap();
            assert_eq!(suppressed(&world.report("NPR", DECEMBER, &people)), [0]);
        }
    }
}
