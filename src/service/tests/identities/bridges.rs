//! Bridges of persons who have several identifiers.

use super::super::bridges::{PARTY, permissive};
use super::super::loading::{file, labelled};
use super::*;
use crate::extract::bridge::opened;
use crate::extract::recipient::NewKey;

/// Goal: a party that knows a person by another identifier than the registers gives the person its ID.
/// Method: of four persons the register knows the first identifier; the party the second, both with one
/// ID, both with two, and none.
#[test]
fn a_party_may_know_a_person_by_another_identifier() {
    let world = World::identities();
    let people = numbers(8);
    let npr = world.ingest("NPR", "HF", &people[..4]);
    let links = (0..4_usize)
        .map(|place| event(place as u64 + 1, NUMBER, people[place], &people[4 + place..5 + place]));
    let links: Vec<IdentityEvent> = links.collect();
    assert_eq!(world.apply(&links).counts.applied, 4);
    let id = world.disclosure_of(world.application(), labelled());
    let text = file([
        (people[4], "second".into()),
        (people[1], "one".into()),
        (people[5], "one".into()),
        (people[2], "a".into()),
        (people[6], "b".into()),
    ]);
    let report = world.loaded(id, &text);
    // The rows alone say what is told of rows: an ID of two identifiers.  Which identifiers are one
    // person's is in a count.
    let told: Vec<_> = report.refused.iter().map(|one| (one.row, one.code)).collect();
    assert_eq!(told, [(2, "duplicate"), (3, "duplicate")]);
    let expected = LoadCounts { rows: 5, known: 1, duplicates: 4, ..LoadCounts::default() };
    assert_eq!(report.counts, expected);
    let answered = world.serials(id, "NPR", &npr).unwrap();
    assert_eq!(answered.labels, ["second", "", "", ""]);
}

/// Goal: the linking party gets every identifier of a person, with the one serial, and no protected one.
#[test]
fn a_bridge_has_every_identifier_that_is_the_persons() {
    let world = World::identities();
    let people = numbers(6);
    let npr = world.ingest("NPR", "HF", &people[..3]);
    let mut protected = event(2, NUMBER, people[1], &people[4..5]);
    protected.protection = Protection::Protected;
    world.apply(&[event(1, NUMBER, people[0], &people[3..4]), protected]);
    let id = world.disclosure_of(world.application(), permissive());
    let serials = world.serials(id, "NPR", &npr).unwrap().ids;
    let key = NewKey::generate();
    world.approve_bridge(id, &key);
    let issued = world.issue(id, PARTY, &key).unwrap();
    let text = opened(&issued.file, &key.file).unwrap();
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.sort_unstable();
    let of = |number: u64, serial: u64| format!("fnr,{number:011},,{serial}");
    let mut expected = [(0, 0), (3, 0), (1, 1), (2, 2)]
        .map(|(who, serial): (usize, usize)| of(people[who], serials[serial]));
    expected.sort_unstable();
    assert_eq!(rows, expected);
    assert_eq!(issued.bridge.bridge.persons, 3);
    // Whoever's identifier was given is told, also after a split.
    world.happens(SPLIT, people[0], &people[3..4]);
    let told = [0, 3, 4].map(|who: usize| {
        let told = world.innsyn(people[who]);
        told.accesses.iter().any(|access| access.action == "bridge_issued")
    });
    assert_eq!(told, [true, true, false]);
}
