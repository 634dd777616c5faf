//! Whose serial a leaf has that was joined to others: never that of a leaf that was not asked for.

use super::super::bridges::{PARTY, permissive};
use super::*;
use crate::approval::Act;
use crate::disclosure::{Decision, DisclosureId};
use crate::extract::bridge::opened;
use crate::extract::recipient::NewKey;
use crate::ident::SerialWidth;

const WIDTHS: [SerialWidth; 2] = [SerialWidth::Eight, SerialWidth::Nine];

fn decided(serial_width: SerialWidth) -> Decision {
    Decision { serial_width, ..permissive() }
}

impl World {
    /// Two who are joined, the first the root, with their IDs in KPR.
    fn joined() -> (Self, Vec<u64>, Vec<u64>) {
        let world = Self::identities();
        let people = numbers(2);
        let kpr = world.ingest("KPR", "KUHR", &people);
        world.happens(NUMBER, people[0], &people[1..]);
        (world, people, kpr)
    }

    /// Whom a serial is told to be of.
    fn behind(&self, id: DisclosureId, serial: u64) -> Vec<String> {
        self.approve(Act::IdentifySerial, id, &[("serial", &serial.to_string())]);
        self.identify(id, serial).unwrap()
    }

    /// How many disclosures each is told of.
    fn told(&self, people: &[u64]) -> Vec<usize> {
        people.iter().map(|one| self.innsyn(*one).disclosures.len()).collect()
    }

    fn persons_of(&self, id: DisclosureId) -> u64 {
        self.service.disclosure(&self.officer(), id).unwrap().persons
    }

    /// The rows of a bridge, sorted.
    fn bridge_rows(&self, id: DisclosureId) -> Vec<String> {
        let key = NewKey::generate();
        self.approve_bridge(id, &key);
        let issued = self.issue(id, PARTY, &key).unwrap();
        let text = opened(&issued.file, &key.file).unwrap();
        let mut rows: Vec<String> = text.lines().skip(1).map(ToOwned::to_owned).collect();
        rows.sort_unstable();
        rows
    }
}

fn fnr(number: u64) -> String {
    format!("{number:011}")
}

fn rows<const N: usize>(of: [(u64, u64); N]) -> Vec<String> {
    let mut rows = of.map(|(number, serial)| format!("fnr,{},,{serial}", fnr(number)));
    rows.sort_unstable();
    rows.to_vec()
}

/// Goal: a merge that was wrong gives nobody another's serial, identity or innsyn.  Method: of two who
/// were joined the later one was asked for, and everything is asked after the split.
#[test]
fn a_serial_is_not_that_of_a_leaf_that_nobody_asked_for() {
    for width in WIDTHS {
        let (world, people, kpr) = World::joined();
        let id = world.disclosure_of(world.application(), decided(width));
        let serial = world.serials(id, "KPR", &kpr[1..]).unwrap().ids[0];
        assert_eq!(
            world.bridge_rows(id),
            rows([(people[0], serial), (people[1], serial)]),
            "joined"
        );
        world.happens(SPLIT, people[0], &people[1..]);
        assert_eq!((world.told(&people), world.persons_of(id)), (vec![0, 1], 1));
        assert_eq!(world.behind(id, serial), [fnr(people[1])]);
        assert_eq!(world.bridge_rows(id), rows([(people[1], serial)]));
        let other = world.serials(id, "KPR", &kpr[..1]).unwrap().ids[0];
        assert_ne!(other, serial, "two persons have two serials");
        for _ in 0..2 {
            assert_eq!(world.serials(id, "KPR", &kpr).unwrap().ids, [other, serial]);
            assert_eq!((world.told(&people), world.persons_of(id)), (vec![1, 1], 2));
            assert_eq!(world.behind(id, other), [fnr(people[0])]);
            assert_eq!(world.bridge_rows(id), rows([(people[0], other), (people[1], serial)]));
            world.reseal();
        }
    }
}

/// Goal: a person has one serial, whichever stream is first.  Method: batches of both leaves are on
/// their way at once, with two streams of one disclosure and of two that share a key.
#[test]
fn batches_on_their_way_by_both_leaves_have_one_serial() {
    for width in WIDTHS {
        let (world, people, kpr) = World::joined();
        let application = world.application();
        let first = world.disclosure_of(application, decided(width));
        let continued = Decision { continues: Some(first), ..decided(width) };
        let second = world.disclosure_of(application, continued);
        for ids in [[first, second], [first, first]] {
            let streams = ids.map(|id| world.service.open_serials(&world.officer(), id).unwrap());
            let root = streams[0].map("KPR", &kpr[..1]).unwrap();
            let later = streams[1].map("KPR", &kpr[1..]).unwrap();
            // In the other order than they were mapped.
            let later = streams[1].submit(later).unwrap();
            let root = streams[0].submit(root).unwrap();
            let later = done(&streams[1], later).unwrap().into_answer().0.ids;
            let root = done(&streams[0], root).unwrap().into_answer().0.ids;
            assert_eq!(root, later);
        }
        assert_eq!((world.persons_of(first), world.persons_of(second)), (1, 1));
        let serial = world.serials(first, "KPR", &kpr).unwrap().ids;
        assert_eq!(serial[0], serial[1]);
        let mut told = world.behind(second, serial[0]);
        told.sort_unstable();
        assert_eq!(told, [fnr(people[0]), fnr(people[1])]);
        world.happens(SPLIT, people[0], &people[1..]);
        // In the first both were asked for while they were one; in the second the later alone.
        world.reseal();
        assert_eq!(world.behind(second, serial[0]), [fnr(people[1])]);
        assert_eq!(world.behind(first, serial[0]).len(), 2);
        assert_eq!(world.serials(second, "KPR", &kpr).unwrap().ids, serial);
    }
}

/// Goal: what was mapped and not answered names nobody.  Method: a batch that is thrown away, a split.
#[test]
fn a_batch_that_was_never_handed_over_names_nobody() {
    for width in WIDTHS {
        let (world, people, kpr) = World::joined();
        let id = world.disclosure_of(world.application(), decided(width));
        let stream = world.service.open_serials(&world.officer(), id).unwrap();
        drop(stream.map("KPR", &kpr[..1]).unwrap());
        let serial = issue(&stream, "KPR", &kpr[1..]).unwrap().ids[0];
        world.happens(SPLIT, people[0], &people[1..]);
        let apart = issue(&stream, "KPR", &kpr).unwrap().ids;
        assert!(apart[0] != serial && apart[1] == serial);
    }
}

/// Goal: a link changes no serial.  Method: two who have one each are joined; innsyn of either tells of
/// both disclosures, and each keeps its own.
#[test]
fn two_who_were_answered_before_they_were_joined_keep_their_serials() {
    for width in WIDTHS {
        let world = World::identities();
        let people = numbers(2);
        let kpr = world.ingest("KPR", "KUHR", &people);
        let ids = [0, 1].map(|_| world.disclosure_of(world.application(), decided(width)));
        let serials = world.serials(ids[0], "KPR", &kpr).unwrap().ids;
        world.serials(ids[1], "KPR", &kpr[1..]).unwrap();
        world.happens(NUMBER, people[0], &people[1..]);
        for _ in 0..2 {
            assert_eq!(world.serials(ids[0], "KPR", &kpr).unwrap().ids, serials);
            assert_eq!((world.told(&people), world.persons_of(ids[0])), (vec![2, 2], 2));
            world.reseal();
        }
        let expected = rows([(people[0], serials[0]), (people[1], serials[1])]);
        assert_eq!(world.bridge_rows(ids[0]), expected);
        assert_eq!(world.behind(ids[0], serials[1]).len(), 2, "they are one person");
        world.happens(SPLIT, people[0], &people[1..]);
        assert_eq!(world.behind(ids[0], serials[1]), [fnr(people[1])]);
        assert_eq!(world.told(&people), [1, 2]);
    }
}
