//! Identities that change, over stores in memory: links and splits, what they do to IDs, serials and
//! rights, and what the registers are told.

use std::collections::BTreeMap;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::disclosures::{done, issue};
use super::rights::reserved;
use super::*;
use crate::config::codes::{RegisterCode, TermCode};
use crate::registers::{AddressProtection, IdChange, Leaf, LeafId, Life, PersonStatus, Protection};
use crate::vault::PERSONS;

mod between;
mod bounds;
mod bridges;
mod consents;
mod events;
mod faults;
mod feeds;
mod naming;
mod protected;
mod told;
mod unsaid;

pub(super) const NUMBER: IdentityEventType = IdentityEventType::IdentifierChanged;
const AWAY: IdentityEventType = IdentityEventType::MergedAway;
pub(super) const INTO: IdentityEventType = IdentityEventType::MergedInto;
pub(super) const SPLIT: IdentityEventType = IdentityEventType::SplitChanged;
const RESTORED: IdentityEventType = IdentityEventType::SplitRestored;

pub(super) fn access() -> String {
    let principal = |name: &str, kind: &str, role: &str| {
        format!(
            "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
             certificates = ['uri:spiffe://hvelv.dev/{name}']\nroles = [{role}]\n"
        )
    };
    [
        ACCESS.to_owned(),
        principal("i", "system", "'identity'"),
        principal("c", "person", "'custodian'"),
        principal("second", "person", "'approver'"),
        principal("n", "system", "'resolve:NPR:*', 'resolve:KPR:*', 'resolve:IPLOS:*'"),
        principal("l", "system", "'import:NPR:*', 'import:KPR:*'"),
        principal("h", "system", "'link:NPR:*', 'link:IPLOS:*'"),
    ]
    .concat()
}

/// An event as most are: about a person, with another number.
pub(super) fn event(
    sequence: u64,
    event_type: IdentityEventType,
    number: u64,
    others: &[u64],
) -> IdentityEvent {
    let text = |number: &u64| Zeroizing::new(format!("{number:011}"));
    IdentityEvent {
        sequence,
        event_type: Some(event_type),
        identifier: text(&number),
        others: others.iter().map(text).collect(),
        effective: Some(date(2026, 1, 1)),
        died: None,
        address: None,
        falsehood: None,
        protection: Protection::Shown,
    }
}

impl World {
    pub(super) fn identities() -> Self {
        let world = Self::with(Budgets::DEFAULT, &access());
        world.unseal();
        world
    }

    pub(super) fn apply(&self, events: &[IdentityEvent]) -> AppliedEvents {
        self.try_apply(events).unwrap()
    }

    pub(super) fn try_apply(&self, events: &[IdentityEvent]) -> Result<AppliedEvents, Error> {
        let permit = self.permit("i", Right::ApplyEvents);
        let feed: TermCode = "folkeregisteret".parse().unwrap();
        Ok(self.service.apply_events(&permit, &feed, events)?.into_answer().0)
    }

    /// One event after all that came before.
    pub(super) fn happens(
        &self,
        event_type: IdentityEventType,
        number: u64,
        others: &[u64],
    ) -> AppliedEvents {
        self.apply(&[event(self.next_event(), event_type, number, others)])
    }

    /// The number of the event after all that came before.
    pub(super) fn next_event(&self) -> u64 {
        let feed = "folkeregisteret".parse().unwrap();
        let open = self.service.open_now().unwrap();
        open.registers.hold_links().pointer(&feed).map_or(0, |one| one.sequence) + 1
    }

    pub(super) fn changes(&self, register: &str) -> Vec<IdChange> {
        let register: RegisterCode = register.parse().unwrap();
        let permit = self.permit("n", Right::FollowIds { register: register.clone() });
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let read = self.service.id_changes(&permit, &register, (after, 3)).unwrap();
            let read = read.into_answer().0;
            all.extend(read.changes.iter().map(|(_, change, _)| *change));
            after = read.last;
            if read.more == crate::registers::More::No {
                return all;
            }
        }
    }

    pub(super) fn found(&self, numbers: &[u64]) -> Answered {
        let request = Self::request("NPR", "HF", IngestMode::ResolveOnly);
        self.deliver(&request, numbers).unwrap()
    }

    pub(super) fn rows(&self, register: &str, source: &str, numbers: &[u64]) -> Answered {
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        self.deliver(&request, numbers).unwrap()
    }

    pub(super) fn status(&self, number: u64) -> PersonStatus {
        let (open, person) = (self.service.open_now().unwrap(), self.leaf(number).person);
        open.registers.person_facts(PERSONS, &open.registers.leaves_of(PERSONS, person))
    }

    fn leaf(&self, number: u64) -> Leaf {
        let open = self.service.open_now().unwrap();
        let mut row = Some(rules_parse(number));
        let mut found = open.vault.find(PERSONS, 1, |rows| rows.extend(row.take())).unwrap();
        let person = found.finish(crate::vault::Unknown::Leave).unwrap()[0].unwrap();
        Leaf { person, drawn: open.vault.drawn(PERSONS, person).unwrap() }
    }

    fn wait_open(&self) {
        let mut state = self.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
    }
}

fn rules_parse(number: u64) -> Result<crate::ident::NationalId, crate::ident::Reject> {
    let rules = rules();
    let rules = rules.at(date(2026, 1, 15));
    crate::ident::parse_text(&rules, Declared::Any, None, format!("{number:011}").as_bytes())
}

fn own(row: u32, id: u64) -> LeafId {
    LeafId { row, id }
}

fn superseded(old_id: u64, new_id: u64) -> IdChange {
    IdChange::Superseded { old_id, new_id }
}

#[test]
fn rows_under_another_identifier_have_the_roots_id_and_their_own_beside_it() {
    let world = World::identities();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people[..2]);
    assert_eq!(world.happens(NUMBER, people[0], &people[1..2]).counts.applied, 1);
    let answered = world.rows("NPR", "HF", &[people[1], people[0], people[2], people[1]]);
    assert_eq!((answered.ids[0], answered.ids[1], answered.ids[3]), (npr[0], npr[0], npr[0]));
    assert_eq!(answered.leaf_ids, [own(0, npr[1]), own(3, npr[1])]);
    assert_eq!((answered.notes.len(), answered.new_members), (0, 1));
    // A look-up says the same.
    let found = world.found(&[people[1], people[3]]);
    assert_eq!((found.ids[0], found.leaf_ids), (npr[0], vec![own(0, npr[1])]));
    assert_eq!(found.notes[0].code, RowCode::Unknown);
    world.reseal();
    assert_eq!(world.found(&people[1..2]).ids, [npr[0]], "after a restart");
    // In a register that has neither, both join with the first row.
    let kpr = world.rows("KPR", "KUHR", &people[1..2]);
    assert_eq!((kpr.new_members, kpr.leaf_ids.len()), (2, 1));
    assert_ne!(kpr.ids[0], kpr.leaf_ids[0].id);
    let again = world.rows("KPR", "KUHR", &people[..2]);
    assert_eq!((again.ids[0], again.ids[1]), (kpr.ids[0], kpr.ids[0]));
    assert_eq!((again.new_members, again.leaf_ids), (0, vec![own(1, kpr.leaf_ids[0].id)]));
    // The feed of that register has nothing: the row has said it.
    assert!(world.changes("KPR").is_empty());
    assert!(world.changes("NPR") == [superseded(npr[1], npr[0])]);
}

#[test]
fn a_root_that_the_register_does_not_have_joins_it_with_the_link() {
    let world = World::identities();
    let people = numbers(2);
    let kpr = world.ingest("KPR", "KUHR", &people[..1]);
    let npr = world.ingest("NPR", "HF", &people[1..]);
    world.happens(AWAY, people[1], &people[..1]);
    let found = world.found(&people);
    assert_eq!(found.ids[0], found.ids[1]);
    assert_ne!(found.ids[0], npr[0]);
    assert!(world.changes("NPR") == [superseded(npr[0], found.ids[0])]);
    assert!(world.changes("KPR").is_empty(), "it never had the other");
    assert_eq!(world.ingest("KPR", "KUHR", &people[..1]), kpr);
}

#[test]
fn a_chain_of_identifiers_is_one_person_whose_id_is_that_of_the_first() {
    let world = World::identities();
    let fnr = numbers(2);
    let dnr =
        crate::ident::synthetic::nth_valid(crate::ident::NumberSeries::Dnr, date(1980, 5, 5), 0);
    let (duf, dnr) = (crate::ident::synthetic::duf_number(4).unwrap(), dnr.unwrap());
    let permit =
        world.permit("a", World::request("NPR", "HF", IngestMode::ResolveOrAssign).right());
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let texts = |all: &[String]| {
        let kind = RowKind { declared: Declared::Any, assigner: None };
        Batch { kind, column: Column::Text(all.to_vec(), Vec::new()), contacts: Vec::new() }
    };
    let all = [format!("{duf:012}"), format!("{dnr:011}"), format!("{:011}", fnr[0])];
    let ask = |rows: &[String]| {
        let mapped = delivery.map(texts(rows)).unwrap();
        wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0
    };
    let first = ask(&all[..1]).ids[0];
    assert_ne!(first, 0);
    let mut duf_event = event(1, IdentityEventType::DufChanged, dnr, &[]);
    duf_event.others.push(Zeroizing::new(all[0].clone()));
    let others = [event(2, NUMBER, dnr, &fnr[..1]), event(3, NUMBER, fnr[0], &fnr[1..])];
    let events: Vec<_> = std::iter::once(duf_event).chain(others).collect();
    let applied = world.apply(&events);
    assert_eq!((applied.counts.applied, applied.reports.len()), (3, 0));
    let answered = ask(&all);
    assert_eq!(answered.ids, [first; 3]);
    assert_eq!(answered.leaf_ids.len(), 2);
    assert_eq!(ask(&[format!("{:011}", fnr[1])]).ids, [first], "the newest, never seen before");
    assert_eq!(world.found(&fnr).ids, [first; 2]);
}

/// Goal: a merge that was wrong leaves nothing behind.  Method: everything about two persons before the
/// merge, while it lasts, and after the split.
#[test]
fn a_merge_and_its_split_give_back_ids_serials_and_reservations() {
    let world = World::identities();
    let people = numbers(3);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let (before, during) = (world.disclosure(), world.disclosure());
    let serials = world.serials(before, "KPR", &kpr).unwrap().ids;
    world.say("KPR", people[0], reserved("with_identifier")).unwrap();
    world.say("KPR", people[1], reserved("dental_without_refund")).unwrap();
    // Both sides of a merge are told, and both count once.
    world.happens(AWAY, people[1], &people[..1]);
    assert_eq!(world.happens(INTO, people[0], &people[1..2]).counts.applied, 1);
    let merged = world.rows("KPR", "KUHR", &people);
    assert_eq!(merged.ids, [kpr[0], kpr[0], kpr[2]]);
    assert_eq!(world.serials(before, "KPR", &kpr).unwrap().ids, serials, "what was answered stays");
    let one = world.serials(during, "KPR", &kpr[1..2]).unwrap().ids[0];
    assert_eq!(world.serials(during, "KPR", &kpr).unwrap().ids[..2], [one, one]);
    let view = world.service.disclosure(&world.officer(), during).unwrap();
    assert_eq!(view.persons, 2, "leaves that share a serial are one person");
    for person in &people[..2] {
        let rights = world.rights_in_force("KPR", *person);
        assert_eq!(rights, ["dental_without_refund", "with_identifier"]);
    }
    // The split, told twice over as well.
    world.happens(SPLIT, people[0], &people[1..2]);
    let again = world.happens(RESTORED, people[1], &people[..1]);
    assert_eq!((again.counts.unchanged, again.reports.len()), (1, 0));
    for _ in 0..2 {
        let answered = world.rows("KPR", "KUHR", &people);
        assert_eq!((answered.ids, answered.leaf_ids), (kpr.clone(), Vec::new()));
        assert_eq!(world.serials(before, "KPR", &kpr).unwrap().ids, serials);
        let pinned = world.serials(during, "KPR", &kpr).unwrap().ids;
        assert_eq!(pinned[..2], [one, one], "a serial once answered stays with its leaf");
        assert_eq!(world.rights_in_force("KPR", people[0]), ["with_identifier"]);
        assert_eq!(world.rights_in_force("KPR", people[1]), ["dental_without_refund"]);
        let restored = IdChange::Restored { id: kpr[1] };
        assert!(world.changes("KPR") == [superseded(kpr[1], kpr[0]), restored]);
        world.reseal();
    }
    let new = world.disclosure();
    let apart = world.serials(new, "KPR", &kpr).unwrap().ids;
    assert_ne!(apart[0], apart[1], "in a new disclosure they are two");
}

#[test]
fn merges_of_merges_and_circles_tell_the_registers_each_change_once() {
    let world = World::identities();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people);
    world.happens(INTO, people[0], &people[1..2]);
    world.happens(INTO, people[2], &people[3..]);
    world.happens(INTO, people[1], &people[3..]);
    assert_eq!(world.found(&people).ids, [npr[0]; 4]);
    // Round in a circle: one more reason, and no change.
    world.happens(INTO, people[3], &people[..1]);
    let split = world.happens(SPLIT, people[1], &people[3..]);
    assert_eq!(split.reports[0].code, EventCode::StillJoined);
    assert_eq!(world.found(&people).ids, [npr[0]; 4]);
    world.happens(SPLIT, people[0], &people[3..]);
    assert_eq!(world.found(&people).ids, [npr[0], npr[0], npr[2], npr[2]]);
    let mut told = world.changes("NPR");
    let expected = [
        superseded(npr[1], npr[0]),
        superseded(npr[3], npr[2]),
        superseded(npr[2], npr[0]),
        superseded(npr[3], npr[0]),
        IdChange::Restored { id: npr[2] },
        superseded(npr[3], npr[2]),
    ];
    told[2..4].sort_by_key(|change| *change != expected[2]);
    assert!(told == expected);
}

#[test]
fn links_that_come_between_mapping_and_recording_are_heeded() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let disclosure = world.disclosure();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let issuing = world.service.open_serials(&world.officer(), disclosure).unwrap();
    let submit =
        |mapped| wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0;
    // Joined meanwhile: the row has its own ID, and the feed says whose that is.
    let (mapped, serials) =
        (delivery.map(batch(&people)).unwrap(), issuing.map("NPR", &npr).unwrap());
    world.happens(NUMBER, people[0], &people[1..]);
    assert_eq!(submit(mapped).ids, npr);
    let answered = done(&issuing, issuing.submit(serials).unwrap()).unwrap().into_answer().0;
    assert_eq!(answered.ids[0], answered.ids[1], "a serial is looked at again");
    // Split meanwhile: nothing is answered by a root that is none any more.
    let mapped = delivery.map(batch(&people)).unwrap();
    world.happens(SPLIT, people[0], &people[1..]);
    let after = submit(mapped);
    assert_eq!((after.ids, after.leaf_ids.len()), (npr.clone(), 0));
    let again = issue(&issuing, "NPR", &npr).unwrap().ids;
    assert_eq!(again, answered.ids);
}

#[test]
fn a_commit_that_failed_leaves_a_link_that_is_wholly_there_or_not_at_all() {
    for (fault, is_joined) in [(Fault::Lost, false), (Fault::Uncertain, true)] {
        let world = World::identities();
        let people = numbers(2);
        let npr = world.ingest("NPR", "HF", &people);
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let link = || [event(1, NUMBER, people[0], &people[1..])];
        let failed = world.try_apply(&link()).err().unwrap();
        assert_eq!(failed.code(), ErrorCode::CommitUncertain);
        world.wait_open();
        let root = if is_joined { npr[0] } else { npr[1] };
        assert_eq!(world.found(&people).ids, [npr[0], root]);
        assert_eq!(world.changes("NPR").len(), usize::from(is_joined));
        let entries = world.bodies();
        let told = entries.iter().filter(|body| body.contains("identity_events_applied"));
        assert_eq!(told.count(), usize::from(is_joined), "and the log says the same");
        let again = world.apply(&link());
        assert_eq!(
            (again.counts.repeated, again.counts.applied),
            if is_joined { (1, 0) } else { (0, 1) }
        );
        assert_eq!(world.found(&people).ids, [npr[0]; 2]);
        assert!(world.changes("NPR") == [superseded(npr[1], npr[0])]);
    }
}

#[test]
fn only_whoever_may_delivers_events_or_reads_links() {
    let world = World::identities();
    let feed: TermCode = "folkeregisteret".parse().unwrap();
    let npr: RegisterCode = "NPR".parse().unwrap();
    let follow = || Right::FollowIds { register: npr.clone() };
    for permit in [world.operator(), world.permit("c", Right::ReadProtectedLinks)] {
        let refused = world.service.apply_events(&permit, &feed, &[]).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::NotAllowed);
        let refused = world.service.id_changes(&permit, &npr, (0, 0)).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::NotAllowed);
    }
    let permit = world.permit("n", follow());
    let refused = world.service.id_changes(&permit, &"KPR".parse().unwrap(), (0, 0)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed, "a permit is for one register");
    let refused = world.service.protected_links(&permit, &npr, (0, 0)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::NotAllowed);
    // A source's own system follows no register.
    let principal = world.access.by_name(&"a".parse().unwrap()).unwrap();
    assert!(authorize(principal, follow(), date(2026, 1, 15)).is_err());
}
