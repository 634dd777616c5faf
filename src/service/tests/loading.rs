//! Bridges in: who gets another party's ID, what is refused without saying whose it is, and that
//! nothing is left of it when the disclosure is completed.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::bridges::{PARTY, code, world};
use super::disclosures::{decision, done};
use super::rights::reserved;
use super::*;
use crate::approval::Act;
use crate::config::codes::{DisclosurePurpose, Identifiers};
use crate::crypto::sha256;
use crate::disclosure::decision::{BridgeIn, BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::id::Sha256Hex;
use crate::disclosure::words::Reidentification;
use crate::disclosure::{Decision, DisclosureId};
use crate::registers::{Fact, PersonSet};

fn party(number: &str) -> LinkingParty {
    LinkingParty { number: number.parse().unwrap(), name: "Koblingsenheten".parse().unwrap() }
}

/// A decision with another party's IDs.
pub(super) fn labelled() -> Decision {
    Decision { bridge_in: Some(BridgeIn { from: party(PARTY) }), ..decision() }
}

/// The file of a party: an ID for each number.
pub(super) fn file(rows: impl IntoIterator<Item = (u64, String)>) -> String {
    let rows = rows.into_iter().map(|(number, label)| format!("{number:011},{label}\n"));
    std::iter::once("identifier,label\n".to_owned()).chain(rows).collect()
}

fn label(place: usize) -> String {
    format!("P-{place:04}")
}

pub(super) fn each(people: &[u64]) -> String {
    file(people.iter().enumerate().map(|(place, number)| (*number, label(place))))
}

impl World {
    pub(super) fn approve_load(&self, id: DisclosureId, text: &str) {
        let digest = Sha256Hex(sha256(text.as_bytes())).to_string();
        self.approve(Act::BridgeIn, id, &[("party", PARTY), ("file", &digest)]);
    }

    pub(super) fn load(&self, id: DisclosureId, text: &str) -> Result<LoadReport, Error> {
        let file = Zeroizing::new(text.as_bytes().to_vec());
        let request = LoadBridge { disclosure: id, party: PARTY.parse().unwrap(), file };
        Ok(self.service.load_bridge(&self.officer(), &request)?.into_answer().0)
    }

    pub(super) fn loaded(&self, id: DisclosureId, text: &str) -> LoadReport {
        self.approve_load(id, text);
        self.load(id, text).unwrap()
    }

    fn stored_labels(&self, id: DisclosureId) -> usize {
        let mut count = 0;
        let range = Key::all_bridge_labels(id.0);
        let each = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(crate::store::Step::Continue)
        };
        self.stores.registers.scan(range, each).unwrap();
        count
    }

    fn overdue_loaded(&self) -> Vec<bool> {
        let auditor = self.permit("r", Right::ReadDisclosures);
        let all = self.service.loaded_bridges(&auditor).unwrap();
        all.iter().map(|one| one.is_overdue).collect()
    }
}

#[test]
fn persons_are_named_by_the_partys_ids_and_who_has_none_is_left_out_and_counted() {
    let world = world();
    let people = numbers(30);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people[..10]);
    let id = world.disclosure_of(world.application(), labelled());
    assert_eq!(code(world.serials(id, "NPR", &npr)), "step_out_of_order", "nothing is loaded");
    let text = each(&people[..20]);
    assert_eq!(code(world.load(id, &text)), "approval_required");
    let report = world.loaded(id, &text);
    let expected = LoadCounts { rows: 20, known: 20, ..LoadCounts::default() };
    assert_eq!((report.counts, report.bridge.bridge.persons), (expected, 20));
    assert_eq!(code(world.load(id, &text)), "approval_required", "it is used up");
    for _ in 0..2 {
        let answered = world.serials(id, "NPR", &npr).unwrap();
        assert!(answered.ids.iter().all(|serial| *serial == 0), "no serial is answered");
        let named: Vec<String> = (0..20).map(label).collect();
        assert_eq!(answered.labels[..20], named);
        assert!(answered.labels[20..].iter().all(String::is_empty));
        let outside = answered.notes.iter().map(|note| (note.row, note.code.name()));
        assert!(outside.eq((20..30).map(|row| (row, "outside_disclosure"))));
        assert_eq!(world.serials(id, "KPR", &kpr).unwrap().labels, named[..10], "one name for all");
        assert_eq!(world.service.disclosure(&world.officer(), id).unwrap().persons, 20);
        world.reseal();
    }
    let issuing = world.service.open_serials(&world.officer(), id).unwrap();
    assert_eq!(issuing.width(), None);
    assert_eq!(world.entries_with(r#""outside_disclosure":10"#), 2);
    assert_eq!(world.entries_with(r#""action":"bridge_loaded""#), 1);
    assert_eq!(world.entries_with("bridge from 382199359, to be deleted by 2027-12-31"), 1);
    assert!((0..20).all(|place| world.entries_with(&label(place)) == 0));
}

/// Goal: an approval of one file is of no use for another, nor for another party or disclosure.
#[test]
fn exactly_the_approved_file_is_loaded() {
    let world = world();
    let people = numbers(3);
    world.ingest("NPR", "HF", &people);
    let (id, other) = (
        world.disclosure_of(world.application(), labelled()),
        world.disclosure_of(world.application(), labelled()),
    );
    let text = each(&people);
    world.approve_load(id, &text);
    for (id, text) in
        [(id, text.replace("P-", "Q-")), (id, each(&people[..2])), (other, text.clone())]
    {
        assert_eq!(code(world.load(id, &text)), "approval_required");
    }
    let (without, _) = (world.disclosure(), ());
    let refused = world.load(without, &text).err().unwrap();
    assert!(refused.text().contains("does not permit bridge_in"), "{}", refused.text());
    let stranger =
        Decision { bridge_in: Some(BridgeIn { from: party("983744516") }), ..decision() };
    let stranger = world.disclosure_of(world.application(), stranger);
    let refused = world.load(stranger, &text).err().unwrap();
    assert!(refused.text().contains("another linking party"), "{}", refused.text());
    let refused = world.load(id, "fnr,id\n").err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RequestInvalid);
    assert_eq!(world.load(id, &text).unwrap().counts.known, 3);
    assert_eq!(world.entries_with(r#""attempted":"bridge_loaded""#), 5);
}

#[test]
fn only_counts_are_told_and_nobody_is_assigned_or_told_to_be_in_other_registers() {
    let world = world();
    let people = numbers(12);
    world.ingest("NPR", "HF", &people[..3]);
    let consent = Fact::ConsentGiven(BTreeSet::from([DisclosurePurpose::QualityImprovement]));
    world.say("REHAB", people[3], consent).unwrap();
    let before = world.service.status(Detail::Full).detail.unwrap().persons;
    let id = world.disclosure_of(world.application(), labelled());
    let mut rows: Vec<(u64, String)> = people.iter().copied().zip((0..).map(label)).collect();
    // A wrong check digit, and IDs that are none or may be somebody's.
    rows[10].0 += 1;
    rows.push((people[11], "a b".into()));
    rows.push((people[11], format!("x{:011}", people[0])));
    rows.push((people[0], label(0)));
    let text = file(rows);
    let report = world.loaded(id, &text);
    let counts = report.counts;
    assert_eq!((counts.rows, counts.known, counts.repeated), (15, 3, 1));
    // Seven who are nowhere, one who is in another register, and one whose other rows are refused.
    assert_eq!((counts.unknown, counts.rejected, counts.duplicates), (8, 3, 0));
    let refused: Vec<_> = report.refused.iter().map(|one| (one.row, one.code)).collect();
    assert_eq!(refused, [(11, "check_digits"), (13, "label_form"), (14, "label_identifier")]);
    assert_eq!(world.service.status(Detail::Full).detail.unwrap().persons, before);
    // Whom it asked about is kept, sealed, also who is in another register.
    let bodies = world.bodies();
    let at = bodies.iter().position(|body| body.contains(r#""action":"bridge_loaded""#)).unwrap();
    let open = world.service.open_now().unwrap();
    let asked = open.registers.stored(&Key::audit_persons(at as u64)).unwrap().unwrap();
    let key = Key::audit_persons(at as u64);
    let place = crate::crypto::Place { kind: 0x33, row: key.as_bytes(), field: 0 };
    let storage = &open.keys().keyring.registers().storage;
    let asked = PersonSet::decode(&storage.open(&place, &asked).unwrap()).unwrap();
    assert_eq!(asked.len(), 4);
}

/// Goal: a conflict gives nobody in it an ID, and says no more than the rows themselves.
#[test]
fn duplicates_are_refused_by_row_whoever_is_known() {
    let world = world();
    let people = numbers(8);
    world.ingest("NPR", "HF", &people[..5]);
    let id = world.disclosure_of(world.application(), labelled());
    let rows = [
        // One known person with two IDs; two known persons with one; a known and an unknown one with
        // one; two unknown ones with one; and no conflict.
        (people[0], "A"),
        (people[0], "B"),
        (people[1], "C"),
        (people[2], "C"),
        (people[3], "D"),
        (people[5], "D"),
        (people[6], "E"),
        (people[7], "E"),
        (people[4], "G"),
        (people[4], "G"),
    ];
    let text = file(rows.map(|(number, label)| (number, label.to_owned())));
    let report = world.loaded(id, &text);
    let counts = report.counts;
    assert_eq!((counts.duplicates, counts.known, counts.repeated, counts.unknown), (8, 1, 1, 0));
    let refused: Vec<u64> = report.refused.iter().map(|one| one.row).collect();
    assert_eq!(refused, (1..=8).collect::<Vec<u64>>());
    assert!(report.refused.iter().all(|one| one.code == "duplicate"));
    let npr = world.ingest("NPR", "HF", &people[..5]);
    let answered = world.serials(id, "NPR", &npr).unwrap();
    assert_eq!(answered.labels, ["", "", "", "", "G"]);
}

#[test]
fn a_reservation_keeps_a_person_from_being_named_and_an_override_is_counted() {
    let world = world();
    let people = numbers(6);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[1], reserved("secondary_purposes")).unwrap();
    let id = world.disclosure_of(world.application(), labelled());
    let text = each(&people);
    let report = world.loaded(id, &text);
    assert_eq!((report.counts.known, report.counts.left_out), (5, 1));
    world.say("KPR", people[2], reserved("secondary_purposes")).unwrap();
    let answered = world.serials(id, "KPR", &kpr).unwrap();
    let notes: Vec<_> = answered.notes.iter().map(|one| (one.row, one.code.name())).collect();
    assert_eq!(notes, [(1, "suppressed"), (2, "suppressed")]);
    let provision = "register_linkage".parse().unwrap();
    let overrides = vec![ReservationOverride { provision, identifiers: Identifiers::Without }];
    let over = world.disclosure_of(world.application(), Decision { overrides, ..labelled() });
    let report = world.loaded(over, &text);
    assert_eq!((report.counts.known, report.counts.left_out), (6, 0));
    assert_eq!(world.entries_with(r#""overridden_register_linkage":2"#), 1);
    world.serials(over, "KPR", &kpr).unwrap();
    assert_eq!(world.entries_with(r#""overridden_register_linkage":2"#), 2);
}

/// Goal: a recipient that gave the IDs itself gets as good as the fødselsnummer.
#[test]
fn who_is_reserved_against_identifiers_is_not_named_to_the_party_that_gave_the_ids() {
    let world = world();
    let people = numbers(4);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[1], reserved("with_identifier")).unwrap();
    let text = each(&people);
    for (from, left_out) in [(PARTY, 0), ("352601810", 1)] {
        let decided = Decision { bridge_in: Some(BridgeIn { from: party(from) }), ..decision() };
        let id = world.disclosure_of(world.application(), decided);
        let digest = Sha256Hex(sha256(text.as_bytes())).to_string();
        world.approve(Act::BridgeIn, id, &[("party", from), ("file", &digest)]);
        let file = Zeroizing::new(text.as_bytes().to_vec());
        let request = LoadBridge { disclosure: id, party: from.parse().unwrap(), file };
        let report = world.service.load_bridge(&world.officer(), &request).unwrap();
        assert_eq!(report.into_answer().0.counts.left_out, left_out);
        let notes = world.serials(id, "KPR", &kpr).unwrap().notes;
        assert_eq!(notes.len() as u64, left_out);
    }
}

#[test]
fn a_bridge_is_replaced_until_its_first_id_is_answered() {
    let world = world();
    let people = numbers(5);
    let npr = world.ingest("NPR", "HF", &people);
    let id = world.disclosure_of(world.application(), labelled());
    world.loaded(id, &each(&people));
    let stream = world.service.open_serials(&world.officer(), id).unwrap();
    let mapped = stream.map("NPR", &npr).unwrap();
    let other = each(&people[..3]).replace("P-", "Q-");
    assert_eq!(world.loaded(id, &other).counts.known, 3);
    assert_eq!(code(stream.submit(mapped)), "step_out_of_order", "those IDs are gone");
    let mapped = stream.map("NPR", &npr).unwrap();
    let answered = done(&stream, stream.submit(mapped).unwrap()).unwrap().into_answer().0;
    assert_eq!(answered.labels, ["Q-0000", "Q-0001", "Q-0002", "", ""]);
    for _ in 0..2 {
        world.approve_load(id, &each(&people));
        assert_eq!(code(world.load(id, &each(&people))), "step_out_of_order");
        world.reseal();
    }
}

/// Goal: nothing of another party's IDs outlives completion.  Method: the store is looked through for
/// their records; what was answered is answered no more, also by a stream that was open.
#[test]
fn completion_deletes_the_ids_and_so_does_closing() {
    for closes in [false, true] {
        let world = world();
        let people = numbers(5000);
        let npr = world.ingest("NPR", "HF", &people);
        let id = world.disclosure_of(world.application(), labelled());
        world.loaded(id, &each(&people));
        assert_eq!(world.stored_labels(id), 2, "in parts of 4096");
        let stream = world.service.open_serials(&world.officer(), id).unwrap();
        let mapped = stream.map("NPR", &npr).unwrap();
        if closes {
            let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
        } else {
            world.complete(id);
        }
        assert_eq!(world.stored_labels(id), 0);
        assert!(stream.submit(mapped).is_err() && stream.map("NPR", &npr).is_err());
        let loaded = world.service.loaded_bridges(&world.officer()).unwrap();
        assert_eq!(loaded[0].bridge.deleted().unwrap().by.as_str(), "f");
        world.reseal();
        assert_eq!(code(world.serials(id, "NPR", &npr)), "step_out_of_order");
        world.clock.set("2028-01-01T12:00:00Z".parse().unwrap());
        assert_eq!(world.overdue_loaded(), [false]);
    }
}

#[test]
fn ids_that_outlive_the_last_day_are_overdue() {
    let world = world();
    world.ingest("NPR", "HF", &numbers(2));
    let id = world.disclosure_of(world.application(), labelled());
    world.loaded(id, &each(&numbers(2)));
    assert_eq!(world.overdue_loaded(), [false]);
    world.clock.set("2028-01-01T12:00:00Z".parse().unwrap());
    for _ in 0..2 {
        assert_eq!(world.overdue_loaded(), [true]);
        world.reseal();
    }
    let text = each(&numbers(1));
    world.approve_load(id, &text);
    let refused = world.load(id, &text).err().unwrap();
    assert!(refused.text().contains("valid until") || refused.text().contains("expired"));
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    assert_eq!(world.overdue_loaded(), [false]);
}

#[test]
fn what_contradicts_another_partys_ids_is_not_opened() {
    let world = world();
    let to = party(PARTY);
    let out = Some(BridgeOut { to, delete_by: date(2026, 12, 31) });
    let reidentified = Reidentification::Permitted;
    for decided in [
        Decision { bridge_out: out, ..labelled() },
        Decision { reidentification: reidentified, ..labelled() },
    ] {
        let refused = world.try_open_of(world.application(), decided).err().unwrap();
        assert!(refused.text().contains("IDs of another party"), "{}", refused.text());
    }
}

#[test]
fn a_bridge_in_whose_record_failed_is_wholly_there_or_not_at_all() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = world();
        let people = numbers(3);
        world.ingest("NPR", "HF", &people);
        let id = world.disclosure_of(world.application(), labelled());
        let text = each(&people);
        world.approve_load(id, &text);
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        assert_eq!(code(world.load(id, &text)), "commit_uncertain");
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        let is_there = world.service.loaded_bridges(&world.officer()).unwrap().len() == 1;
        assert_eq!(world.stored_labels(id), usize::from(is_there));
        assert_eq!(world.load(id, &text).is_err(), is_there, "the approval is used with it");
    }
}
