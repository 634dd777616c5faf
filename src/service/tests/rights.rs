//! Reservations and consents over stores in memory: what they do to serials and deliveries, from when
//! on, and what is left of them.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::disclosures::{REQUEST, decision, done, issue};
use super::*;
use crate::audit::Reference;
use crate::config::codes::{DisclosurePurpose, Identifiers};
use crate::disclosure::decision::ReservationOverride;
use crate::disclosure::{Decision, DisclosureId, Request};
use crate::registers::{Channel, Fact};
use crate::vault::PERSONS;

mod consents;

const KPR: u16 = 2;

pub(super) fn subject(register: &str, number: u64) -> RightsSubject {
    RightsSubject {
        register: register.parse().unwrap(),
        kind: RowKind { declared: Declared::Any, assigner: None },
        identifier: Zeroizing::new(format!("{number:011}")),
    }
}

pub(super) fn reserved(code: &str) -> Fact {
    Fact::ReservationSet(code.parse().unwrap())
}

fn lifted(code: &str) -> Fact {
    Fact::ReservationLifted(code.parse().unwrap())
}

fn consent(purpose: DisclosurePurpose) -> Fact {
    Fact::ConsentGiven(BTreeSet::from([purpose]))
}

pub(super) fn quality() -> Fact {
    consent(DisclosurePurpose::QualityImprovement)
}

impl World {
    pub(super) fn rights_officer(&self) -> Permit {
        self.permit("p", Right::Rights)
    }

    pub(super) fn say(&self, register: &str, number: u64, fact: Fact) -> Result<u64, Error> {
        let (permit, subject) = (self.rights_officer(), subject(register, number));
        let recorded = self.service.record_rights(&permit, &subject, Channel::Letter, fact)?;
        Ok(recorded.index())
    }

    pub(super) fn rights_of(&self, register: &str, number: u64) -> Result<RightsView, Error> {
        let recorded = self.service.rights(&self.rights_officer(), &subject(register, number))?;
        Ok(recorded.into_answer().0)
    }

    fn disclosure_with(&self, request: &str, decision: Decision) -> DisclosureId {
        let request: Request = toml::from_str(request).unwrap();
        let (application, _) = self.service.receive_application(&self.officer(), request).unwrap();
        self.disclosure_of(application.id(), decision)
    }

    pub(super) fn research(&self, overrides: &[(&str, Identifiers)]) -> DisclosureId {
        let overrides = overrides.iter().map(|(provision, identifiers)| ReservationOverride {
            provision: provision.parse().unwrap(),
            identifiers: *identifiers,
        });
        let decision = Decision { overrides: overrides.collect(), ..decision() };
        self.disclosure_with(REQUEST, decision)
    }

    pub(super) fn rehab(&self, numbers: &[u64]) -> Answered {
        let request = Self::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
        self.deliver(&request, numbers).unwrap()
    }

    /// The uses that a person is reserved against, in order.
    pub(super) fn rights_in_force(&self, register: &str, number: u64) -> Vec<String> {
        let view = self.rights_of(register, number).unwrap();
        view.reservations.iter().map(ToString::to_string).collect()
    }

    pub(super) fn persons_known(&self) -> u64 {
        self.service.status(Detail::Full).detail.unwrap().persons
    }

    pub(super) fn wait_until_open(&self) {
        let mut state = self.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
    }

    pub(super) fn last_with(&self, action: &str) -> serde_json::Value {
        let pattern = format!(r#""action":"{action}""#);
        let bodies = self.bodies();
        let body = bodies.iter().rfind(|body| body.contains(&pattern)).unwrap();
        serde_json::from_str(body).unwrap()
    }
}

/// The rows that were suppressed; every other row has an ID.
pub(super) fn suppressed(answered: &Answered) -> Vec<u32> {
    let notes = answered.notes.iter();
    let rows: Vec<u32> = notes
        .map(|note| {
            assert_eq!(note.code, RowCode::Suppressed);
            note.row
        })
        .collect();
    for (row, id) in (0..).zip(&answered.ids) {
        assert_eq!(*id == 0, rows.contains(&row), "row {row}");
    }
    rows
}

pub(super) fn code<T>(outcome: Result<T, Error>) -> ErrorCode {
    outcome.err().expect("it is refused").code()
}

#[test]
fn a_reservation_keeps_a_person_out_of_its_registers_rows_at_once_and_until_it_is_lifted() {
    let world = World::unsealed();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let id = world.research(&[]);
    let all = world.serials(id, "KPR", &kpr).unwrap();
    assert!(suppressed(&all).is_empty());
    world.say("KPR", people[1], reserved("secondary_purposes")).unwrap();
    for _ in 0..2 {
        let answered = world.serials(id, "KPR", &kpr).unwrap();
        assert_eq!(suppressed(&answered), [1]);
        assert_eq!(answered.ids[2], all.ids[2]);
        assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, all.ids, "the other register");
        world.reseal();
    }
    world.say("KPR", people[1], lifted("secondary_purposes")).unwrap();
    assert_eq!(world.serials(id, "KPR", &kpr).unwrap().ids, all.ids);
    let entry = world.last_with("serials_issued");
    assert_eq!(
        (&entry["counts"]["answered"], &entry["counts"]["suppressed"]),
        (&4.into(), &().into())
    );
}

#[test]
fn a_reservation_of_another_use_or_purpose_is_no_hindrance() {
    let world = World::unsealed();
    let people = numbers(3);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[0], reserved("with_identifier")).unwrap();
    world.say("KPR", people[1], reserved("dental_without_refund")).unwrap();
    world.say("KPR", people[2], reserved("secondary_purposes")).unwrap();
    let research = world.research(&[]);
    assert_eq!(suppressed(&world.serials(research, "KPR", &kpr).unwrap()), [2]);
    let statistics =
        REQUEST.replace("\"research\"", "\"statistics\"").replace("352601810", "396030829");
    let statistics = world.disclosure_with(&statistics, decision());
    assert!(suppressed(&world.serials(statistics, "KPR", &kpr).unwrap()).is_empty());
}

#[test]
fn an_override_that_the_decision_names_is_counted_by_its_provision() {
    let world = World::unsealed();
    let people = numbers(5);
    let kpr = world.ingest("KPR", "KUHR", &people);
    for person in &people[..2] {
        world.say("KPR", *person, reserved("secondary_purposes")).unwrap();
    }
    let id = world.research(&[
        ("riksrevisjonsloven_12", Identifiers::Without),
        ("register_linkage", Identifiers::With),
    ]);
    // One of the reserved persons twice: rows are counted.
    let rows = [kpr[0], kpr[1], kpr[2], kpr[0]];
    assert!(suppressed(&world.serials(id, "KPR", &rows).unwrap()).is_empty());
    let entry = world.last_with("serials_issued");
    let counts = entry["counts"].as_object().unwrap();
    assert_eq!(counts["overridden_riksrevisjonsloven_12"], 3);
    assert_eq!((&counts["rows"], &counts["answered"]), (&4.into(), &4.into()));
    assert!(!counts.contains_key("overridden_register_linkage"));
    // Without reserved persons nothing is overridden.
    world.serials(id, "KPR", &kpr[2..]).unwrap();
    assert!(!world.last_with("serials_issued").to_string().contains("overridden"));
}

#[test]
fn nobody_is_answered_after_the_entry_of_the_reservation_who_was_mapped_before_it() {
    let world = World::unsealed();
    let people = numbers(3);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let id = world.research(&[]);
    let issuing = world.service.open_serials(&world.officer(), id).unwrap();
    let early = issuing.map("KPR", &kpr).unwrap();
    let late = issuing.map("KPR", &kpr).unwrap();
    let answered = done(&issuing, issuing.submit(early).unwrap()).unwrap().into_answer().0;
    assert!(suppressed(&answered).is_empty());
    world.say("KPR", people[2], reserved("secondary_purposes")).unwrap();
    let answered = done(&issuing, issuing.submit(late).unwrap()).unwrap().into_answer().0;
    assert_eq!(suppressed(&answered), [2]);
    let entry = world.last_with("serials_issued");
    assert_eq!(
        (&entry["counts"]["answered"], &entry["counts"]["suppressed"]),
        (&2.into(), &1.into())
    );
    assert_eq!(suppressed(&issue(&issuing, "KPR", &kpr).unwrap()), [2]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_recorded() {
    let world = World::unsealed();
    let people = numbers(4);
    world.ingest("KPR", "KUHR", &people[..1]);
    world.ingest("NPR", "HF", &people[1..2]);
    world.say("REHAB", people[3], quality()).unwrap();
    let (member, elsewhere, nobody) = (people[0], people[1], people[2]);
    let use_of = || reserved("secondary_purposes");
    let nobody_here = ErrorCode::PersonNotInRegister;
    for number in [elsewhere, nobody] {
        assert_eq!(code(world.say("KPR", number, use_of())), nobody_here);
        assert_eq!(code(world.say("KPR", number, lifted("secondary_purposes"))), nobody_here);
        assert_eq!(code(world.say("REHAB", number, Fact::ConsentWithdrawn)), nobody_here);
        assert_eq!(code(world.rights_of("KPR", number)), nobody_here);
    }
    assert_eq!(world.persons_known(), 3, "only a consent makes a person");
    assert_eq!(
        code(world.say("KPR", member, lifted("with_identifier"))),
        ErrorCode::ReservationNotSet
    );
    world.say("REHAB", people[3], Fact::ConsentWithdrawn).unwrap();
    let again = world.say("REHAB", people[3], Fact::ConsentWithdrawn);
    assert_eq!(code(again), ErrorCode::ConsentNotGiven);
    let refused: Vec<String> =
        world.bodies().into_iter().filter(|body| body.contains(r#""action":"refused""#)).collect();
    assert_eq!(refused.len(), 10);
    for (attempted, reason, count) in [
        ("reservation_set", "person_not_in_register", 2),
        ("reservation_lifted", "person_not_in_register", 2),
        ("consent_withdrawn", "person_not_in_register", 2),
        ("rights_read", "person_not_in_register", 2),
        ("reservation_lifted", "reservation_not_set", 1),
        ("consent_withdrawn", "consent_not_given", 1),
    ] {
        let pattern = format!(r#""attempted":"{attempted}","reason":"{reason}""#);
        assert_eq!(refused.iter().filter(|body| body.contains(&pattern)).count(), count);
    }
    // What the catalogue refuses is about nobody.
    assert_eq!(
        code(world.say("KPR", member, reserved("unheard_of"))),
        ErrorCode::ReservationUseUnknown
    );
    assert_eq!(code(world.say("NPR", member, use_of())), ErrorCode::ReservationUseUnknown);
    assert_eq!(code(world.say("KPR", member, quality())), ErrorCode::RegisterNotOnConsent);
    assert_eq!(code(world.say("XXX", member, use_of())), ErrorCode::RegisterUnknown);
    for purposes in [BTreeSet::new(), BTreeSet::from([DisclosurePurpose::Research])] {
        let refused = world.say("REHAB", member, Fact::ConsentGiven(purposes));
        assert_eq!(code(refused), ErrorCode::RequestInvalid);
    }
    let malformed = world.say("KPR", member + 1, use_of()).err().unwrap();
    assert_eq!(malformed.code(), ErrorCode::RequestInvalid);
    assert!(!format!("{malformed:?}").contains(&(member + 1).to_string()));
    // Nobody without the role is told anything.
    for (name, right) in [("f", Right::Disclose), ("o", Right::Operate), ("r", Right::ReadAudit)] {
        let permit = world.permit(name, right);
        for number in [member, nobody] {
            let read = world.service.rights(&permit, &subject("KPR", number));
            assert_eq!(code(read), ErrorCode::NotAllowed);
            let said = world.service.record_rights(
                &permit,
                &subject("KPR", number),
                Channel::Letter,
                use_of(),
            );
            assert_eq!(code(said), ErrorCode::NotAllowed);
        }
    }
}

#[test]
fn an_entry_leads_to_its_person_by_a_reference_of_its_own_and_says_no_identifier() {
    let world = World::unsealed();
    let people = numbers(2);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[1], reserved("with_identifier")).unwrap();
    world.say("KPR", people[1], lifted("with_identifier")).unwrap();
    let view = world.rights_of("KPR", people[1]).unwrap();
    assert!(view.reservations.is_empty());
    assert_eq!(view.facts.len(), 2);
    let refused = world.say("KPR", people[1], lifted("with_identifier"));
    assert_eq!(code(refused), ErrorCode::ReservationNotSet);
    let open = world.service.open_now().unwrap();
    let person = open.registers.identify(KPR, &kpr[1..]).unwrap()[0].unwrap();
    let mut references = Vec::new();
    for action in ["reservation_set", "reservation_lifted", "rights_read", "refused"] {
        let entry = world.last_with(action);
        let digits = entry["reference"].as_str().unwrap().to_owned();
        let bytes: Vec<u8> = (0..16)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let reference = Reference::from_bytes(bytes.try_into().unwrap());
        let found = open.registers.person_of_audit(reference).unwrap();
        assert_eq!(found, Some((PERSONS, person)), "{action}");
        references.push(digits);
    }
    assert_eq!(references.iter().collect::<HashSet<_>>().len(), 4, "no two share one");
    let other = Reference::from_bytes([0; 16]);
    assert_eq!(open.registers.person_of_audit(other).unwrap(), None);
    let set = world.last_with("reservation_set");
    assert_eq!(set["changes"], serde_json::json!(["use with_identifier"]));
    assert_eq!((&set["register"], &set["actor"]["principal"]), (&"KPR".into(), &"p".into()));
    for body in world.bodies() {
        assert!(!body.contains(&people[1].to_string()) && !body.contains(&kpr[1].to_string()));
    }
    assert_eq!(view.facts[0].reference.as_bytes().len(), 16);
    assert_eq!(view.facts[0].channel, Channel::Letter);
}

#[test]
fn a_commit_that_failed_leaves_a_reservation_that_is_wholly_there_or_not_at_all() {
    for (fault, is_reserved) in [(Fault::Lost, false), (Fault::Uncertain, true)] {
        let world = World::unsealed();
        let people = numbers(2);
        let kpr = world.ingest("KPR", "KUHR", &people);
        let id = world.research(&[]);
        world.service.seal(&world.operator()).unwrap();
        // The entry of unsealing is the first commit, the reservation the next.
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let failed = world.say("KPR", people[0], reserved("secondary_purposes"));
        assert_eq!(code(failed), ErrorCode::CommitUncertain);
        world.wait_until_open();
        let answered = world.serials(id, "KPR", &kpr).unwrap();
        let expected: &[u32] = if is_reserved { &[0] } else { &[] };
        assert_eq!(suppressed(&answered), expected);
        let view = world.rights_of("KPR", people[0]).unwrap();
        assert_eq!(view.facts.len(), usize::from(is_reserved), "the ledger says the same");
        let entries = world.bodies();
        let set = entries.iter().filter(|body| body.contains(r#""action":"reservation_set""#));
        assert_eq!(set.count(), usize::from(is_reserved), "and so does the log");
        // Said again, it is in force once.
        world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
        assert_eq!(suppressed(&world.serials(id, "KPR", &kpr).unwrap()), [0]);
        world.say("KPR", people[0], lifted("secondary_purposes")).unwrap();
        assert!(suppressed(&world.serials(id, "KPR", &kpr).unwrap()).is_empty());
    }
}

#[test]
fn a_sealed_server_says_and_records_nothing_about_anybody() {
    let world = World::new();
    let person = numbers(1)[0];
    assert_eq!(code(world.rights_of("KPR", person)), ErrorCode::ServerSealed);
    assert_eq!(code(world.say("REHAB", person, quality())), ErrorCode::ServerSealed);
}

#[test]
fn a_ledger_that_lacks_a_fact_is_not_opened() {
    let world = World::unsealed();
    let people = numbers(1);
    world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    world.say("KPR", people[0], reserved("with_identifier")).unwrap();
    world.service.seal(&world.operator()).unwrap();
    let mut removal = crate::store::Batch::new();
    removal.remove(Key::rights_fact(KPR, 0));
    let durability = crate::store::Durability::Synced;
    world.stores.registers.commit("damage on purpose", removal, durability).unwrap();
    let refused = world.service.unseal(&world.operator(), passphrase()).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::StoreUnusable);
}
