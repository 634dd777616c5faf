//! Serials of eight digits, which are made of ordinals: whom the server knows besides does not count.

use super::bridges::{PARTY, code, permissive, world};
use super::disclosures::{decision, done, issue};
use super::identities::{INTO, SPLIT};
use super::windows::joint;
use super::*;
use crate::approval::Act;
use crate::disclosure::{Decision, DisclosureId};
use crate::extract::bridge::opened;
use crate::extract::recipient::NewKey;
use crate::ident::{Serial, SerialWidth};

fn eight() -> Decision {
    Decision { serial_width: SerialWidth::Eight, ..decision() }
}

fn eight_permissive() -> Decision {
    Decision { serial_width: SerialWidth::Eight, ..permissive() }
}

impl World {
    fn eight(&self) -> DisclosureId {
        self.disclosure_of(self.application(), eight())
    }

    /// Records of ordinals, under whichever disclosure.
    fn stored_ordinals(&self) -> usize {
        let open = self.service.open_now().unwrap();
        open.registers.stored_all(Key::all(Kind::SerialOrdinal)).unwrap().len()
    }

    fn leave(&self, first: DisclosureId, count: u64) {
        self.service.open_now().unwrap().book.leave_ordinals(first, count);
    }
}

#[track_caller]
fn all_differ(serials: &[u64]) {
    let distinct: HashSet<u64> = serials.iter().copied().collect();
    assert_eq!(distinct.len(), serials.len());
    for serial in serials {
        assert!(Serial::try_from_u64(SerialWidth::Eight, *serial).is_ok(), "with its check digit");
    }
}

/// The rank correlation of values and their places.
fn spearman(values: &[u64]) -> f64 {
    let mut sorted: Vec<(u64, usize)> = values.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let squares =
        |(rank, (_, place)): (usize, &(u64, usize))| (rank as f64 - *place as f64).powi(2);
    let sum: f64 = sorted.iter().enumerate().map(squares).sum();
    let count = values.len() as f64;
    1.0 - 6.0 * sum / (count * (count * count - 1.0))
}

#[test]
fn eight_digits_serve_a_disclosure_whoever_else_the_server_knows() {
    let world = World::unsealed();
    let people = numbers(2_000);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let (first, second) = (world.eight(), world.eight());
    let serials = world.serials(first, "NPR", &npr).unwrap().ids;
    all_differ(&serials);
    assert_eq!(world.serials(first, "KPR", &kpr).unwrap().ids, serials, "by the other register");
    let others = world.serials(second, "NPR", &npr).unwrap().ids;
    let equal = others.iter().zip(&serials).filter(|(other, serial)| other == serial).count();
    // By chance one in 9,000,000.
    assert!(equal <= 1, "{equal} persons have one serial in both");
    let bound = 5.0 / (people.len() as f64).sqrt();
    for serials in [&serials, &others] {
        let rho = spearman(serials);
        assert!(rho.abs() < bound, "the order of arrival shows: {rho}");
    }
    for _ in 0..2 {
        world.reseal();
        assert_eq!(world.serials(first, "KPR", &kpr).unwrap().ids, serials, "after a restart");
    }
    let more = world.ingest("NPR", "HF", &numbers(2_100)[2_000..]);
    let later = world.serials(first, "NPR", &more).unwrap().ids;
    all_differ(&[serials, later].concat());
    let view = world.service.disclosure(&world.officer(), first).unwrap();
    assert_eq!(view.persons, 2_100);
}

#[test]
fn a_one_way_register_alone_has_serials_of_eight_digits_too() {
    let world = world();
    let iplos = world.import(&numbers(50));
    let mut decided = Decision { serial_width: SerialWidth::Eight, ..joint() };
    decided.terms.registers.truncate(1);
    let id = world.try_joint(decided).unwrap();
    let serials = world.serials(id, "IPLOS", &iplos).unwrap().ids;
    all_differ(&serials);
    world.reseal();
    assert_eq!(world.serials(id, "IPLOS", &iplos).unwrap().ids, serials);
}

#[test]
fn a_joint_disclosure_of_eight_digits_is_refused_with_the_width_to_choose() {
    for is_empty in [true, false] {
        let world = world();
        if !is_empty {
            world.import(&numbers(3));
        }
        let decided = Decision { serial_width: SerialWidth::Eight, ..joint() };
        let refused = world.try_joint(decided).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RuleRefuses);
        let told = "joint disclosure; decide on 9 digits";
        assert!(refused.text().contains(told), "{}", refused.text());
    }
}

#[test]
fn bridges_and_re_identification_know_whose_an_ordinal_is() {
    let world = world();
    let people = numbers(300);
    let npr = world.ingest("NPR", "HF", &people);
    let id = world.disclosure_of(world.application(), eight_permissive());
    let serials = world.serials(id, "NPR", &npr[100..]).unwrap().ids;
    for _ in 0..2 {
        let serial = serials[7].to_string();
        world.approve(Act::IdentifySerial, id, &[("serial", &serial)]);
        assert_eq!(world.identify(id, serials[7]).unwrap(), [format!("{:011}", people[107])]);
        let key = NewKey::generate();
        world.approve_bridge(id, &key);
        let text = opened(&world.issue(id, PARTY, &key).unwrap().file, &key.file).unwrap();
        let rows: HashSet<&str> = text.lines().skip(1).collect();
        let expected = people[100..].iter().zip(&serials);
        let expected: Vec<String> =
            expected.map(|(number, serial)| format!("fnr,{number:011},,{serial}")).collect();
        assert_eq!(rows, expected.iter().map(String::as_str).collect());
        world.reseal();
    }
    // Of nobody, and of somebody whose answer was never recorded.
    let nobody = (1_000_000..).filter_map(|body| Serial::from_body(SerialWidth::Eight, body));
    let mut nobody = nobody.map(Serial::as_u64).filter(|serial| !serials.contains(serial));
    let nobody = nobody.next().unwrap();
    let issuing = world.service.open_serials(&world.officer(), id).unwrap();
    drop(issuing.map("NPR", &npr[..1]).unwrap());
    world.approve(Act::IdentifySerial, id, &[("serial", &nobody.to_string())]);
    assert_eq!(code(world.identify(id, nobody)), "serial_unknown");
}

/// Goal: who has one key has one numbering, whoever of them lives.  Method: a disclosure and two that
/// continue it, answered in turn, also for persons whom the others do not have.
#[test]
fn disclosures_of_one_key_share_their_ordinals_until_the_last_is_closed() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(40));
    let application = world.application();
    let first = world.disclosure_of(application, eight());
    let before = world.serials(first, "NPR", &npr[..10]).unwrap().ids;
    let continued = Decision { continues: Some(first), ..eight() };
    let second = world.disclosure_of(application, continued);
    let third = Decision { continues: Some(second), ..eight() };
    let third = world.disclosure_of(application, third);
    let by_second = world.serials(second, "NPR", &npr[5..20]).unwrap().ids;
    assert_eq!(by_second[..5], before[5..], "a supplement goes on");
    let by_first = world.serials(first, "NPR", &npr[20..30]).unwrap().ids;
    all_differ(&[&before[..], &by_second[5..], &by_first].concat());
    let all = world.serials(third, "NPR", &npr).unwrap().ids;
    assert_eq!(all[..30], [&before[..], &by_second[5..], &by_first].concat());
    all_differ(&all);
    let other = world.eight();
    world.serials(other, "NPR", &npr).unwrap();
    for closing in [first, third] {
        let _ = world.service.close_disclosure(&world.officer(), closing).unwrap();
        assert_eq!(world.serials(second, "NPR", &npr[..20]).unwrap().ids, all[..20]);
        world.reseal();
    }
    let (kept, records) = (world.serials(other, "NPR", &npr).unwrap().ids, world.stored_ordinals());
    let _ = world.service.close_disclosure(&world.officer(), second).unwrap();
    assert_eq!((records > 1, world.stored_ordinals()), (true, 1), "that of the other key");
    world.reseal();
    assert_eq!(world.serials(other, "NPR", &npr).unwrap().ids, kept);
}

/// Goal: what was handed over before a closing leaves nothing after it.  Method: the recorder is told of
/// more to come, so that answer and closing may share a commit; either way nothing is left.
#[test]
fn an_answer_on_its_way_leaves_no_ordinal_when_its_disclosure_is_closed() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(40));
    for _ in 0..5 {
        let id = world.eight();
        let issuing = world.service.open_serials(&world.officer(), id).unwrap();
        issue(&issuing, "NPR", &npr[..10]).unwrap();
        assert_eq!(world.stored_ordinals(), 1);
        let open = world.service.open_now().unwrap();
        let arriving = open.registers.announce();
        let pending = issuing.submit(issuing.map("NPR", &npr).unwrap()).unwrap();
        let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
        drop((arriving, open));
        assert_eq!(done(&issuing, pending).unwrap().into_answer().0.notes, []);
        assert_eq!(world.stored_ordinals(), 0);
    }
}

#[test]
fn a_disclosure_that_has_no_more_serials_says_so_and_goes_on_for_whom_it_has() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(20));
    let id = world.eight();
    let serials = world.serials(id, "NPR", &npr[..10]).unwrap().ids;
    world.leave(id, 3);
    let refused = world.serials(id, "NPR", &npr).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RuleRefuses);
    for part in ["9000000 persons", "decide on 9 digits"] {
        assert!(refused.text().contains(part), "{}", refused.text());
    }
    assert_eq!(world.serials(id, "NPR", &npr[..10]).unwrap().ids, serials);
    let last = world.serials(id, "NPR", &npr[10..13]).unwrap().ids;
    world.reseal();
    assert_eq!(world.serials(id, "NPR", &npr[..13]).unwrap().ids, [&serials[..], &last].concat());
    assert!(world.serials(id, "NPR", &npr[13..14]).is_err(), "the last ordinal is stored");
}

/// Goal: no ordinal is given to two, whatever commit fails.
#[test]
fn ordinals_whose_record_failed_are_given_to_nobody_else_who_was_answered() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = World::unsealed();
        let npr = world.ingest("NPR", "HF", &numbers(60));
        let id = world.eight();
        let serials = world.serials(id, "NPR", &npr[..20]).unwrap().ids;
        world.service.seal(&world.operator()).unwrap();
        // The entry of unsealing is the first commit, the serials the next.
        *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, fault));
        world.unseal();
        let failed = world.serials(id, "NPR", &npr[20..40]).err().unwrap();
        assert_eq!(failed.code(), ErrorCode::CommitUncertain);
        let mut state = world.service.watch_state();
        while *state.borrow_and_update() != State::Open {
            std::thread::yield_now();
        }
        // Others first.
        let others = world.serials(id, "NPR", &npr[40..]).unwrap().ids;
        let again = world.serials(id, "NPR", &npr[20..40]).unwrap().ids;
        let all = [serials, again, others].concat();
        all_differ(&all);
        world.reseal();
        assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, all, "{fault:?}");
    }
}

#[test]
fn streams_that_share_a_commit_store_each_ordinal_once() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(40));
    let id = world.eight();
    let streams = [0, 1].map(|_| world.service.open_serials(&world.officer(), id).unwrap());
    let mut told = std::collections::BTreeMap::new();
    for round in 0..5 {
        let open = world.service.open_now().unwrap();
        let arriving = open.registers.announce();
        let rows = [&npr[round * 8..round * 8 + 6], &npr[round * 8 + 3..round * 8 + 8]];
        let mapped = [0, 1].map(|at| streams[at].map("NPR", rows[at]).unwrap());
        let waiting: Vec<_> = streams
            .iter()
            .zip(mapped)
            .map(|(stream, mapped)| stream.submit(mapped).unwrap())
            .collect();
        drop((arriving, open));
        for ((stream, pending), rows) in streams.iter().zip(waiting).zip(rows) {
            let answered = done(stream, pending).unwrap().into_answer().0;
            for (row, serial) in rows.iter().zip(answered.ids) {
                assert_eq!(*told.entry(*row).or_insert(serial), serial);
            }
        }
    }
    drop(streams);
    world.reseal();
    let serials = world.serials(id, "NPR", &npr).unwrap().ids;
    all_differ(&serials);
    assert!(npr.iter().zip(&serials).all(|(row, serial)| told[row] == *serial));
}

#[test]
fn a_merge_and_its_split_change_no_serial_of_eight_digits() {
    let world = World::identities();
    let people = numbers(3);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let (before, during) = (world.eight(), world.eight());
    let serials = world.serials(before, "KPR", &kpr).unwrap().ids;
    let issuing = world.service.open_serials(&world.officer(), during).unwrap();
    // Drawn for an identifier that is another's when it is recorded.
    let mapped = issuing.map("KPR", &kpr[1..2]).unwrap();
    world.happens(INTO, people[0], &people[1..2]);
    let one = done(&issuing, issuing.submit(mapped).unwrap()).unwrap().into_answer().0.ids[0];
    assert_eq!(issue(&issuing, "KPR", &kpr).unwrap().ids[..2], [one, one]);
    drop(issuing);
    world.happens(SPLIT, people[0], &people[1..2]);
    for _ in 0..2 {
        assert_eq!(world.serials(before, "KPR", &kpr).unwrap().ids, serials);
        let pinned = world.serials(during, "KPR", &kpr).unwrap().ids;
        assert_eq!(pinned[..2], [one, one], "a serial once answered stays with its leaf");
        assert_ne!(pinned[2], one);
        world.reseal();
    }
}

/// A store of an earlier version may have answered with serials of 8 digits made of person numbers.
#[test]
fn serials_of_eight_digits_without_ordinals_do_not_go_on() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(5));
    let id = world.eight();
    world.serials(id, "NPR", &npr).unwrap();
    world.service.seal(&world.operator()).unwrap();
    let mut batch = crate::store::Batch::new();
    batch.remove(Key::serial_ordinal(id.0, 0));
    world.stores.registers.commit("test", batch, crate::store::Durability::Synced).unwrap();
    world.unseal();
    let refused = world.serials(id, "NPR", &npr).err().unwrap();
    assert!(refused.text().contains("decide on a new disclosure"), "{}", refused.text());
    assert!(world.service.close_disclosure(&world.officer(), id).is_ok());
}
