//! What two persons open: who a serial is, and files of identifiers for a linking party.

use super::disclosures::decision;
use super::rights::reserved;
use super::*;
use crate::approval::{Act, Verdict};
use crate::config::codes::Identifiers;
use crate::disclosure::decision::{BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::words::Reidentification;
use crate::disclosure::{Decision, DisclosureId};
use crate::extract::bridge::opened;
use crate::extract::recipient::NewKey;

mod told;

pub(super) const PARTY: &str = "382199359";

/// Everybody, and somebody who approves.
pub(super) fn world() -> World {
    world_with(|_| ())
}

/// The same with another configuration.
pub(super) fn world_with(change: impl FnOnce(&mut Config)) -> World {
    let approver = "[[principal]]\nname = 'second'\nkind = 'person'\norganisation = '983744516'\n\
        certificates = ['uri:spiffe://hvelv.dev/second']\nroles = ['approver']\n\
        [[principal]]\nname = 'c'\nkind = 'person'\norganisation = '983744516'\n\
        certificates = ['uri:spiffe://hvelv.dev/c']\nroles = ['custodian']\n";
    let world = World::with_config(Budgets::DEFAULT, &format!("{ACCESS}{approver}"), change);
    world.unseal();
    world
}

/// A decision that permits everything.
pub(super) fn permissive() -> Decision {
    let number = PARTY.parse().unwrap();
    let to = LinkingParty { number, name: "Koblingsenheten".parse().unwrap() };
    Decision {
        reidentification: Reidentification::Permitted,
        bridge_out: Some(BridgeOut { to, delete_by: date(2026, 12, 31) }),
        ..decision()
    }
}

impl World {
    /// An approval of an act about a disclosure, asked for and given.
    pub(super) fn approve(&self, act: Act, id: DisclosureId, parameters: &[(&str, &str)]) {
        self.approve_as("f", (act, &id.to_string()), parameters);
    }

    pub(super) fn approve_as(
        &self,
        who: &str,
        (act, subject): (Act, &str),
        parameters: &[(&str, &str)],
    ) {
        let pairs = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let request = ApprovalRequest {
            act,
            subject: subject.to_owned(),
            parameters: Parameters(pairs.collect()),
            reason: "case 26/1".into(),
            basis: "helseregisterloven § 19 e".into(),
        };
        let asking = self.permit(who, Right::RequestApprovals);
        let asked = self.service.request_approval(&asking, request).unwrap().0;
        let approving = self.permit("second", Right::Approve);
        let decision =
            ApprovalDecision { id: asked.approval.id, verdict: Verdict::Approve, note: None };
        let _ = self.service.decide_approval(&approving, decision).unwrap();
    }

    pub(super) fn identify(&self, id: DisclosureId, serial: u64) -> Result<Vec<String>, Error> {
        let serial = serial.to_string();
        let recorded = self.service.identify_serial(&self.officer(), id, &serial)?;
        let known = recorded.into_answer().0;
        Ok(known.iter().map(|one| one.number.as_str().to_owned()).collect())
    }

    pub(super) fn issue(
        &self,
        id: DisclosureId,
        party: &str,
        key: &NewKey,
    ) -> Result<SealedBridge, Error> {
        let (party, key) = (party.parse().unwrap(), key.public.parse().unwrap());
        let request = IssueBridge { disclosure: id, party, key };
        Ok(self.service.issue_bridge(&self.officer(), &request)?.into_answer().0)
    }

    /// A disclosure of these persons, with their serials.
    fn disclosed(&self, decision: Decision, people: &[u64]) -> (DisclosureId, Vec<u64>) {
        let npr = self.ingest("NPR", "HF", people);
        let id = self.disclosure_of(self.application(), decision);
        let serials = self.serials(id, "NPR", &npr).unwrap().ids;
        (id, serials)
    }

    pub(super) fn approve_bridge(&self, id: DisclosureId, key: &NewKey) {
        self.approve(Act::BridgeOut, id, &[("party", PARTY), ("key", &key.public)]);
    }

    pub(super) fn entries_with(&self, part: &str) -> usize {
        self.bodies().iter().filter(|body| body.contains(part)).count()
    }
}

#[track_caller]
pub(super) fn code<T>(outcome: Result<T, Error>) -> &'static str {
    outcome.err().expect("it is refused").code().as_str()
}

#[test]
fn a_serial_of_whom_a_register_has_erased_is_identified_to_nobody() {
    let world = world();
    let people = numbers(3);
    let (id, serials) = world.disclosed(permissive(), &people);
    world.erase("NPR", people[0], crate::rights::cases::Scope::Whole);
    // The vault knows the identity until the tombstone has expired.
    for (serial, expected) in [(serials[0], Some("person_erased")), (serials[1], None)] {
        world.approve(Act::IdentifySerial, id, &[("serial", &serial.to_string())]);
        let told = world.identify(id, serial).map_err(|error| error.code().as_str());
        assert_eq!(told.err(), expected);
    }
    let refused = world.bodies().into_iter().rfind(|body| body.contains("person_erased"));
    assert!(refused.is_some_and(|body| body.contains("serial_identified")));
}

#[test]
fn a_serial_is_identified_once_by_whom_another_person_allowed_it() {
    let world = world();
    let people = numbers(20);
    let (id, serials) = world.disclosed(permissive(), &people);
    assert_eq!(code(world.identify(id, serials[3])), "approval_required");
    world.approve(Act::IdentifySerial, id, &[("serial", &serials[3].to_string())]);
    assert_eq!(code(world.identify(id, serials[4])), "approval_required", "of another serial");
    assert_eq!(world.identify(id, serials[3]).unwrap(), [format!("{:011}", people[3])]);
    assert_eq!(code(world.identify(id, serials[3])), "approval_required", "it is used up");
    let told: Vec<Entry> = world
        .bodies()
        .iter()
        .map(|body| Entry::decode(body).unwrap())
        .filter(|entry| entry.action == Action::SerialIdentified)
        .collect();
    assert_eq!((told.len(), told[0].disclosure.as_deref()), (1, Some(&*id.to_string())));
    let open = world.service.open_now().unwrap();
    let person = open.registers.person_of_audit(told[0].reference.unwrap()).unwrap().unwrap();
    let npr = world.ingest("NPR", "HF", &people[3..4]);
    let expected = open.registers.identify(1, &npr).unwrap()[0].unwrap();
    assert_eq!(person, (crate::vault::PERSONS, expected), "the reference leads to the person");
    drop(open);
    let refused = r#""attempted":"serial_identified","reason":"approval_required""#;
    assert_eq!(world.entries_with(refused), 3);
    let secrets = [serials[3].to_string(), format!("{:011}", people[3])];
    assert!(secrets.iter().all(|secret| world.entries_with(secret) == 0));
}

#[test]
fn a_serial_of_nobody_and_one_of_a_person_who_is_not_in_the_disclosure_are_answered_alike() {
    let world = world();
    let people = numbers(20);
    let (id, serials) = world.disclosed(permissive(), &people[..10]);
    // The serials that the others would have: a disclosure that continues has the same key.
    let npr = world.ingest("NPR", "HF", &people);
    let application = world.application();
    let first = world.disclosure_of(application, permissive());
    let all = world.serials(first, "NPR", &npr).unwrap().ids;
    let continued = Decision { continues: Some(first), ..permissive() };
    let second = world.disclosure_of(application, continued);
    world.serials(second, "NPR", &npr[..10]).unwrap();
    let nobody = crate::ident::Serial::from_body(crate::ident::SerialWidth::Nine, 98_765_432);
    let nobody = nobody.unwrap().as_u64();
    let mut told = Vec::new();
    for (id, serial) in [(second, all[15]), (second, nobody), (id, nobody)] {
        world.approve(Act::IdentifySerial, id, &[("serial", &serial.to_string())]);
        let refused = world.identify(id, serial).err().unwrap();
        told.push((refused.code(), refused.text().to_owned()));
    }
    assert!(told.iter().all(|one| *one == told[0] && one.0 == ErrorCode::SerialUnknown));
    let wrong = world.identify(id, serials[0] ^ 1);
    assert_eq!(code(wrong), "request_invalid");
    let text = world.identify(id, 41_814_061_033).err().unwrap();
    assert!(!format!("{text:?}").contains("41814061033"));
}

#[test]
fn nobody_is_identified_where_the_decision_does_not_permit_it_or_the_key_is_dead() {
    let world = world();
    let (id, serials) = world.disclosed(decision(), &numbers(3));
    world.approve(Act::IdentifySerial, id, &[("serial", &serials[0].to_string())]);
    let refused = world.identify(id, serials[0]).err().unwrap();
    assert!(refused.text().contains("does not permit reidentify"), "{}", refused.text());
    let (id, serials) = world.disclosed(permissive(), &numbers(3));
    world.approve(Act::IdentifySerial, id, &[("serial", &serials[0].to_string())]);
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    assert_eq!(code(world.identify(id, serials[0])), "step_out_of_order");
    assert_eq!(world.entries_with(r#""attempted":"serial_identified""#), 2);
}

#[test]
fn an_act_that_opens_no_identity_gives_no_permit_to_reveal() {
    let world = world();
    let id = world.disclosure();
    for (act, reveals, matches) in [
        (Act::BridgeIn, false, false),
        (Act::BridgeOut, true, false),
        (Act::OpenConversion, false, true),
        (Act::OpenWindow, false, true),
    ] {
        world.approve(act, id, &[]);
        let open = world.service.open_now().unwrap();
        let subject = id.to_string();
        let permit = world.officer();
        let taken =
            world.service.take_approval(&open, &permit, (act, &subject), &Parameters::default());
        let taken = taken.unwrap();
        assert_eq!(taken.reveal().is_some(), reveals, "{act}");
        assert_eq!(taken.matching().is_some(), matches, "{act}");
    }
}

#[test]
fn a_bridge_has_everybody_of_the_disclosure_and_only_the_party_reads_it() {
    let world = world();
    let people = numbers(600);
    world.ingest("NPR", "HF", &people);
    let (id, serials) = world.disclosed(permissive(), &people[100..500]);
    let key = NewKey::generate();
    assert_eq!(code(world.issue(id, PARTY, &key)), "approval_required");
    world.approve_bridge(id, &key);
    assert_eq!(code(world.issue(id, PARTY, &NewKey::generate())), "approval_required");
    let issued = world.issue(id, PARTY, &key).unwrap();
    assert_eq!(code(world.issue(id, PARTY, &key)), "approval_required", "it is used up");
    assert_eq!(opened(&issued.file, &NewKey::generate().file), None);
    let text = opened(&issued.file, &key.file).unwrap();
    let mut expected: Vec<String> = people[100..500]
        .iter()
        .zip(&serials)
        .map(|(number, serial)| format!("fnr,{number:011},,{serial}"))
        .collect();
    expected.sort_unstable();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("type,number,assigner,lopenr"));
    let mut rows: Vec<&str> = lines.collect();
    rows.sort_unstable();
    assert_eq!(rows, expected);
    assert_eq!((issued.bridge.bridge.number, issued.bridge.bridge.persons), (1, 400));
    assert_eq!(world.entries_with(r#""action":"bridge_issued""#), 1);
    assert_eq!(world.entries_with("bridge 1 to 382199359, to be deleted by 2026-12-31"), 1);
}

/// Goal: who may not go with the fødselsnummer has a serial and stands in no bridge.
#[test]
fn a_reservation_against_disclosure_with_identifiers_keeps_a_person_out_of_a_bridge() {
    let world = world();
    let people = numbers(10);
    world.ingest("KPR", "KUHR", &people[..5]);
    let (id, serials) = world.disclosed(permissive(), &people);
    assert!(serials.iter().all(|serial| *serial != 0));
    world.say("KPR", people[3], reserved("with_identifier")).unwrap();
    let key = NewKey::generate();
    world.approve_bridge(id, &key);
    let issued = world.issue(id, PARTY, &key).unwrap();
    let text = opened(&issued.file, &key.file).unwrap();
    assert_eq!((issued.bridge.bridge.persons, text.lines().count()), (9, 10));
    assert!(!text.contains(&format!("{:011}", people[3])));
    assert_eq!(world.entries_with(r#""counts":{"bytes":"#), 1);
    assert_eq!(world.entries_with(r#""left_out":1,"persons":9,"rows":9"#), 1);
}

/// Goal: who goes in spite of a reservation is counted by the provision.
#[test]
fn who_is_in_a_bridge_in_spite_of_a_reservation_is_counted_by_provision() {
    let world = world();
    let people = numbers(10);
    world.ingest("KPR", "KUHR", &people[..5]);
    let provision = "register_linkage".parse().unwrap();
    let overrides = vec![ReservationOverride { provision, identifiers: Identifiers::With }];
    let (id, _) = world.disclosed(Decision { overrides, ..permissive() }, &people);
    for number in &people[1..4] {
        world.say("KPR", *number, reserved("with_identifier")).unwrap();
    }
    let key = NewKey::generate();
    world.approve_bridge(id, &key);
    assert_eq!(world.issue(id, PARTY, &key).unwrap().bridge.bridge.persons, 10);
    let counts = r#""left_out":0,"overridden_register_linkage":3,"persons":10,"rows":10"#;
    assert_eq!(world.entries_with(counts), 1);
}

#[test]
fn a_bridge_is_refused_to_another_party_without_persons_and_after_its_last_day() {
    let world = world();
    let key = NewKey::generate();
    let (none, _) = world.disclosed(decision(), &numbers(3));
    let refused = world.issue(none, PARTY, &key).err().unwrap();
    assert!(refused.text().contains("does not permit bridge_out"), "{}", refused.text());
    let (id, _) = world.disclosed(permissive(), &numbers(3));
    let refused = world.issue(id, "983744516", &key).err().unwrap();
    assert!(refused.text().contains("another linking party"), "{}", refused.text());
    let empty = world.disclosure_of(world.application(), permissive());
    let refused = world.issue(empty, PARTY, &key).err().unwrap();
    assert!(refused.text().contains("nobody is in the disclosure"), "{}", refused.text());
    world.clock.set("2027-01-02T12:00:00Z".parse().unwrap());
    let refused = world.issue(id, PARTY, &key).err().unwrap();
    assert!(refused.text().contains("to be deleted before today"), "{}", refused.text());
    assert_eq!(world.entries_with(r#""attempted":"bridge_issued""#), 4);
    assert!(world.service.bridges(&world.officer()).unwrap().is_empty());
}

#[test]
fn a_bridge_is_overdue_until_its_deletion_is_confirmed_also_after_the_disclosure_is_closed() {
    let world = world();
    let (id, _) = world.disclosed(permissive(), &numbers(3));
    let key = NewKey::generate();
    for number in 1..=2 {
        world.approve_bridge(id, &key);
        assert_eq!(world.issue(id, PARTY, &key).unwrap().bridge.bridge.number, number);
    }
    let officer = world.officer();
    let _ = world.service.close_disclosure(&officer, id).unwrap();
    let overdue = |world: &World| {
        let auditor = world.permit("r", Right::ReadDisclosures);
        let all = world.service.bridges(&auditor).unwrap();
        let mut late: Vec<u32> =
            all.iter().filter(|one| one.is_overdue).map(|one| one.bridge.number).collect();
        late.sort_unstable();
        (all.len(), late)
    };
    assert_eq!(overdue(&world), (2, vec![]));
    world.clock.set("2027-01-01T12:00:00Z".parse().unwrap());
    world.reseal();
    assert_eq!(overdue(&world), (2, vec![1, 2]));
    let (view, _) = world.service.confirm_bridge_deletion(&officer, (id, 2)).unwrap();
    assert_eq!(view.bridge.deleted().unwrap().by, *officer.principal());
    world.reseal();
    assert_eq!(overdue(&world), (2, vec![1]));
    let again = world.service.confirm_bridge_deletion(&officer, (id, 2));
    assert_eq!(code(again), "rule_refuses");
    let unknown = world.service.confirm_bridge_deletion(&officer, (id, 3));
    assert_eq!(code(unknown), "bridge_unknown");
    assert_eq!(world.entries_with(r#""action":"bridge_deleted""#), 1);
}

#[test]
fn a_bridge_whose_record_failed_is_not_answered_and_its_approval_not_half_used() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = world();
        let (id, _) = world.disclosed(permissive(), &numbers(3));
        let key = NewKey::generate();
        world.approve_bridge(id, &key);
        world.service.seal(&world.operator()).unwrap();
        // The entry of unsealing is the first commit, the bridge the next.
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        assert_eq!(code(world.issue(id, PARTY, &key)), "commit_uncertain");
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        let bridges = world.service.bridges(&world.officer()).unwrap().len();
        let again = world.issue(id, PARTY, &key).is_ok();
        assert_eq!(bridges == 0, again, "used with the bridge, or not at all: {fault:?}");
    }
}
