//! Joint disclosures of a one-way register and others: one løpenummer a person, in a window alone, and
//! nothing that is stored says who is who.

use super::bridges::{PARTY, code, world};
use super::disclosures::{REQUEST, decision, issue};
use super::*;
use crate::approval::Act;
use crate::disclosure::decision::{BridgeIn, LinkingParty};
use crate::disclosure::words::Reidentification;
use crate::disclosure::{Decision, DisclosureId, Request};
use crate::ident::SerialWidth;
use crate::vault::{PERSONS, PersonNo};

const IPLOS: u16 = 3;

/// A decision of IPLOS and KPR.
pub(super) fn joint() -> Decision {
    let mut decided = decision();
    for (terms, code) in decided.terms.registers.iter_mut().zip(["IPLOS", "KPR"]) {
        terms.register = code.to_owned();
        terms.secondary.clear();
    }
    decided
}

impl World {
    pub(super) fn import(&self, people: &[u64]) -> Vec<u64> {
        let mut request = Self::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
        request.purpose = IngestPurpose::HistoricalImport;
        self.deliver(&request, people).unwrap().ids
    }

    pub(super) fn try_joint(&self, decided: Decision) -> Result<DisclosureId, Error> {
        let request = REQUEST.replace("\"NPR\", \"KPR\"", "\"IPLOS\", \"KPR\"");
        let request: Request = toml::from_str(&request).unwrap();
        let received = self.service.receive_application(&self.officer(), request);
        self.try_open_of(received.unwrap().0.id(), decided)
    }

    fn joint(&self) -> DisclosureId {
        self.try_joint(joint()).unwrap()
    }

    fn open_window(&self, id: DisclosureId, minutes: u32) -> Result<OpenedWindow, Error> {
        Ok(self.service.open_window(&self.officer(), id, minutes)?.into_answer().0)
    }

    pub(super) fn window(&self, id: DisclosureId) -> OpenedWindow {
        self.approve(Act::OpenWindow, id, &[("minutes", "60")]);
        self.open_window(id, 60).unwrap()
    }

    fn in_disclosures(&self, partition: u16, person: PersonNo) -> Vec<[u8; 16]> {
        let open = self.service.open_now().unwrap();
        let found = self.service.disclosures_with(&open, partition, &[person]).unwrap();
        found.into_iter().collect()
    }

    fn later(&self, minutes: i64) {
        let now = self.service.parts.clock.now();
        self.clock.set(now.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap());
    }
}

/// 30 persons of IPLOS, 30 of KPR; 20 of them are the same.
fn registers(world: &World) -> (Vec<u64>, Vec<u64>) {
    let people = numbers(40);
    // Others, so that numbers of both partitions are in use that mean different persons.
    world.ingest("NPR", "HF", &numbers(100)[40..]);
    (world.import(&people[..30]), world.ingest("KPR", "KUHR", &people[10..]))
}

#[test]
fn a_person_in_both_registers_has_one_serial_and_no_two_persons_share_one() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let id = world.joint();
    let opened = world.window(id);
    assert_eq!((opened.looked_at, opened.in_both), (30, 20));
    let by_iplos = world.serials(id, "IPLOS", &iplos).unwrap().ids;
    let by_kpr = world.serials(id, "KPR", &kpr).unwrap().ids;
    assert_eq!(by_iplos[10..], by_kpr[..20], "who is in both");
    let all: HashSet<u64> = by_iplos.iter().chain(&by_kpr).copied().collect();
    assert_eq!(all.len(), 40, "and nobody else");
    assert!(!all.contains(&0));
    // In another disclosure they are others, and in another window of this one the same.
    let other = world.joint();
    world.window(other);
    let others = world.serials(other, "IPLOS", &iplos).unwrap().ids;
    assert!(others.iter().all(|serial| !all.contains(serial)));
    let _ = world.service.close_window(&world.officer(), id).unwrap();
    world.reseal();
    world.window(id);
    assert_eq!(world.serials(id, "IPLOS", &iplos).unwrap().ids, by_iplos);
    let view = world.service.disclosure(&world.officer(), id).unwrap();
    assert_eq!((view.persons, view.window_until.is_some()), (60, true), "by each register");
}

#[test]
fn a_window_takes_two_persons_and_is_of_a_joint_disclosure_alone() {
    let world = world();
    let (iplos, _) = registers(&world);
    let id = world.joint();
    assert_eq!(code(world.open_window(id, 60)), "approval_required");
    world.approve(Act::OpenWindow, id, &[("minutes", "60")]);
    assert_eq!(code(world.open_window(id, 480)), "approval_required", "for longer");
    for minutes in [0, 481] {
        assert_eq!(code(world.open_window(id, minutes)), "request_invalid");
    }
    let plain = world.disclosure();
    let refused = world.open_window(plain, 60).err().unwrap();
    assert!(refused.text().contains("needs no window"), "{}", refused.text());
    world.open_window(id, 60).unwrap();
    assert_eq!(code(world.open_window(id, 60)), "step_out_of_order", "one is open");
    world.serials(id, "IPLOS", &iplos).unwrap();
    assert_eq!(world.entries_with(r#""action":"window_opened""#), 1);
    assert_eq!(world.entries_with(r#""counts":{"looked_at":30}"#), 1);
    assert_eq!(world.entries_with("in_both"), 0, "two windows would say who came between them");
    assert_eq!(world.entries_with("until 2026-01-15T13:00:00Z"), 1);
    assert_eq!(world.entries_with(r#""attempted":"window_opened""#), 4);
}

/// Goal: outside a window nobody gets a serial by an ID of the one-way register, whatever ended it.
#[test]
fn a_window_ends_by_its_time_by_hand_by_sealing_and_with_the_disclosure() {
    for how in ["its time was over", "by hand", "the server was sealed", "completed", "closed"] {
        let world = world();
        let (iplos, kpr) = registers(&world);
        let id = world.joint();
        let stream = world.service.open_serials(&world.officer(), id).unwrap();
        assert_eq!(code(issue(&stream, "IPLOS", &iplos)), "step_out_of_order");
        assert_eq!(code(issue(&stream, "KPR", &kpr)), "step_out_of_order", "before the first");
        world.window(id);
        issue(&stream, "IPLOS", &iplos[..3]).unwrap();
        let mapped = stream.map("IPLOS", &iplos).unwrap();
        let officer = world.officer();
        match how {
            "its time was over" => {
                world.later(60);
                assert!(stream.map("IPLOS", &iplos).is_err(), "before anybody has ended it");
                world.service.sign_due_checkpoint();
            }
            "by hand" => drop(world.service.close_window(&officer, id).unwrap()),
            "the server was sealed" => world.reseal(),
            "completed" => world.complete(id),
            _ => drop(world.service.close_disclosure(&officer, id).unwrap()),
        }
        assert!(stream.submit(mapped).is_err(), "{how}: what was mapped before");
        assert!(stream.map("IPLOS", &iplos).is_err(), "{how}");
        assert!(world.serials(id, "IPLOS", &iplos).is_err(), "{how}");
        assert_eq!(world.entries_with(r#""action":"window_closed""#), 1, "{how}");
        assert!(world.entries_with("ended: ") == 1 && world.entries_with(how) >= 1, "{how}");
        assert_eq!(code(world.service.close_window(&officer, id)), "step_out_of_order");
    }
}

/// Goal: a person has one serial however many windows there are, also one who joins a register
/// between them.  Method: the person of the first window's IPLOS is let into KPR afterwards.
#[test]
fn who_joins_after_the_first_window_is_left_out_and_keeps_the_serial() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let id = world.joint();
    world.window(id);
    let first = world.serials(id, "IPLOS", &iplos).unwrap().ids;
    let late = world.ingest("KPR", "KUHR", &numbers(1));
    for _ in 0..2 {
        let answered = world.serials(id, "KPR", &[late[0], kpr[0]]).unwrap();
        assert_eq!((answered.ids[0], answered.notes[0].code), (0, RowCode::OutsideDisclosure));
        assert_ne!(answered.ids[1], 0);
        assert_eq!(world.serials(id, "IPLOS", &iplos).unwrap().ids, first);
        world.reseal();
        assert_eq!(world.window(id).looked_at, 30, "those of the first window");
    }
}

/// Goal: a person of the one-way register has one serial too, also who joins it between two windows.
#[test]
fn who_joins_the_one_way_register_after_the_first_window_is_left_out_of_all() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let id = world.joint();
    world.window(id);
    // The last of KPR, and somebody who is in neither.
    let late = world.import(&[numbers(40)[39], numbers(101)[100]]);
    let first = world.serials(id, "KPR", &kpr).unwrap().ids;
    for _ in 0..2 {
        let answered = world.serials(id, "IPLOS", &[late[0], iplos[0], late[1]]).unwrap();
        let codes: Vec<_> = answered.notes.iter().map(|note| (note.row, note.code)).collect();
        let outside = RowCode::OutsideDisclosure;
        assert_eq!(codes, [(0, outside), (2, outside)]);
        assert_eq!(world.serials(id, "KPR", &kpr).unwrap().ids, first);
        world.reseal();
        world.window(id);
    }
}

/// Goal: whose identity a window has opened is told so, and nobody by their ID of IPLOS.
#[test]
fn a_window_is_told_to_those_whose_identities_it_has_opened() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let id = world.joint();
    world.window(id);
    let open = world.service.open_now().unwrap();
    let told = |register: u16, partition: u16, id: u64| -> Vec<Action> {
        let person = open.registers.identify(register, &[id]).unwrap()[0].unwrap();
        let entries = open.registers.audit_of(partition, &[person]).unwrap();
        entries.into_iter().map(|(_, entry)| entry.action).collect()
    };
    assert_eq!(told(2, PERSONS, kpr[29]), [Action::WindowOpened]);
    assert_eq!(told(2, PERSONS, kpr[0]), [Action::WindowOpened], "who is in both alike");
    assert_eq!(told(IPLOS, IPLOS, iplos[10]), []);
    assert_eq!(told(IPLOS, IPLOS, iplos[0]), []);
}

/// Goal: a number of one partition says nothing of the same number in another.  Method: streams that
/// are cut off, whose persons are not folded yet.
#[test]
fn who_is_in_a_disclosure_of_one_partition_is_in_none_of_another() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let mut alone = joint();
    alone.terms.registers.truncate(1);
    let (one_way, sealed) = (world.try_joint(alone).unwrap(), world.disclosure());
    let streams = [one_way, sealed].map(|id| world.service.open_serials(&world.officer(), id));
    let [one, other] = streams.map(Result::unwrap);
    issue(&one, "IPLOS", &iplos).unwrap();
    issue(&other, "KPR", &kpr).unwrap();
    let open = world.service.open_now().unwrap();
    let person = |register, id| open.registers.identify(register, &[id]).unwrap()[0].unwrap();
    let (of_iplos, of_kpr) = (person(IPLOS, iplos[0]), person(2, kpr[0]));
    let of = |partition, person| world.in_disclosures(partition, person);
    assert_eq!(of(IPLOS, of_iplos), [one_way.0]);
    assert_eq!(of(PERSONS, of_kpr), [sealed.0]);
    assert!(of(PERSONS, of_iplos).is_empty(), "somebody else, with the same number");
    assert!(of(IPLOS, of_kpr).is_empty());
}

/// Goal: nothing that is stored links the two registers' persons.  Method: everything that the window
/// and its serials have written is looked through, opened, for the persons of both.
#[test]
fn nothing_that_is_stored_says_who_is_who() {
    let world = world();
    let (iplos, kpr) = registers(&world);
    let id = world.joint();
    let before = stored(&world);
    world.window(id);
    world.serials(id, "IPLOS", &iplos[10..11]).unwrap();
    world.serials(id, "KPR", &kpr[5..6]).unwrap();
    let open = world.service.open_now().unwrap();
    let person = |register, id| open.registers.identify(register, &[id]).unwrap()[0].unwrap();
    let (one_way, same) = (person(IPLOS, iplos[10]), person(2, kpr[0]));
    assert_eq!(world.in_disclosures(IPLOS, one_way), [id.0]);
    assert!(world.in_disclosures(PERSONS, same).is_empty(), "by that ID alone");
    assert_eq!(world.in_disclosures(PERSONS, person(2, kpr[5])), [id.0]);
    // Now by the other register's ID too: one row each, and one serial.
    world.serials(id, "KPR", &kpr[..1]).unwrap();
    let digests: Vec<_> = world.entries_of(Action::SerialsIssued).into_iter().collect();
    let different: HashSet<_> = digests.iter().map(|(_, entry)| entry.digest).collect();
    assert_eq!((digests.len(), different.len()), (3, 3), "no two entries have one digest");
    // Nor does whoever has the disclosure's key find the serial in the entry of IPLOS.
    let serial = world.serials(id, "KPR", &kpr[..1]).unwrap().ids[0];
    let own = world.wrapped_key(id).open_digests(id.0, open.keys().keyring.erasure()).unwrap();
    let keys = (&own, open.registers.keys().digest());
    assert_eq!(world.stored_digests().entry_of(keys, serial), Some(digests[2].0));
    let new: Vec<_> = stored(&world).into_iter().filter(|one| !before.contains(one)).collect();
    let kinds: Vec<Kind> = new.iter().map(|key| Key::parse(key).unwrap().0).collect();
    let expected = [
        Kind::Approval,
        Kind::AuditBody,
        Kind::AuditLeaf,
        Kind::AuditPersons,
        Kind::Checkpoint,
        Kind::Disclosed,
        Kind::WindowOneWay,
        Kind::WindowPersons,
    ];
    assert!(kinds.iter().all(|kind| expected.contains(kind)), "{kinds:?}");
    let sets = new.iter().filter(|key| key[0] == 0x64);
    // Sets of each partition, and none holds persons of both.
    let partitions: HashSet<&[u8]> = sets.map(|key| &key[1..3]).collect();
    assert_eq!(partitions.len(), 2);
    drop(open);
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    let kept = |key: &Vec<u8>| [0x69, 0x6c].contains(&key[0]);
    assert!(!stored(&world).iter().any(kept), "they die with the disclosure");
}

/// Every key of the register plane's store.
pub(super) fn stored(world: &World) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let all = Key::all(Kind::Marker).start..Key::all(Kind::Approval).end;
    let each = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(crate::store::Step::Continue)
    };
    world.stores.registers.scan(all, each).unwrap();
    keys
}

#[test]
fn a_disclosure_with_a_one_way_register_has_no_bridge_and_no_way_back() {
    let world = world();
    let number = PARTY.parse().unwrap();
    let from = LinkingParty { number, name: "Koblingsenheten".parse().unwrap() };
    for decided in [
        Decision { bridge_in: Some(BridgeIn { from }), ..joint() },
        Decision { reidentification: Reidentification::Permitted, ..joint() },
    ] {
        let refused = world.try_joint(decided).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RuleRefuses);
        assert!(refused.text().contains("IPLOS is a one-way register"), "{}", refused.text());
    }
}

#[test]
fn the_width_has_room_for_both_and_one_way_serials_are_continued_by_their_own_alone() {
    let world = world();
    let (iplos, _) = registers(&world);
    let narrow = Decision { serial_width: SerialWidth::Eight, ..joint() };
    let refused = world.try_joint(narrow).err().unwrap();
    assert!(refused.text().contains("8 digits are too few"), "{}", refused.text());
    let mut alone = joint();
    alone.terms.registers.truncate(1);
    let first = world.try_joint(alone.clone()).unwrap();
    world.serials(first, "IPLOS", &iplos).unwrap();
    let application = world.service.disclosure(&world.officer(), first).unwrap();
    let application = application.disclosure.application();
    let mut sealed = joint();
    sealed.terms.registers.remove(0);
    let continued = Decision { continues: Some(first), ..sealed.clone() };
    let refused = world.try_open_of(application, continued).err().unwrap();
    assert!(refused.text().contains("two persons one"), "{}", refused.text());
    let continued = Decision { continues: Some(first), ..alone };
    world.try_open_of(application, continued).unwrap();
    // Pins of the one would be passed over by the other, and two have two first windows.
    for (first, then) in [(sealed.clone(), joint()), (joint(), sealed), (joint(), joint())] {
        let first = world.try_open_of(application, first).unwrap();
        let then = Decision { continues: Some(first), ..then };
        let refused = world.try_open_of(application, then).err().unwrap();
        assert!(refused.text().contains("a joint disclosure continues none"), "{}", refused.text());
    }
}

#[test]
fn a_window_whose_record_failed_is_not_open() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = world();
        let (iplos, _) = registers(&world);
        let id = world.joint();
        world.approve(Act::OpenWindow, id, &[("minutes", "60")]);
        world.service.seal(&world.operator()).unwrap();
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        assert_eq!(code(world.open_window(id, 60)), "commit_uncertain");
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        assert_eq!(code(world.serials(id, "IPLOS", &iplos)), "step_out_of_order");
    }
}
