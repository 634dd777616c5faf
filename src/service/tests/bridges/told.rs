//! What a person is told of who was given their identity.

use super::super::rights::reserved;
use super::*;

#[test]
fn whoever_is_in_a_bridge_is_told_to_whom_it_went_and_who_was_left_out_is_not() {
    let world = world();
    let people = numbers(4);
    let (id, _) = world.disclosed(permissive(), &people[..3]);
    let kpr = world.ingest("KPR", "KUHR", &people[1..2]);
    world.serials(id, "KPR", &kpr).unwrap();
    world.say("KPR", people[1], reserved("with_identifier")).unwrap();
    let key = NewKey::generate();
    world.approve_bridge(id, &key);
    let sealed = world.issue(id, PARTY, &key).unwrap();
    assert_eq!(sealed.bridge.bridge.persons, 2);
    for round in 0..2 {
        let told = world.innsyn(people[0]);
        let bridge = &told.disclosures[0].bridges[0];
        assert_eq!(
            (bridge.to.name.as_str(), bridge.to.number.as_str()),
            ("Koblingsenheten", PARTY)
        );
        assert_eq!((bridge.delete_by.as_str(), bridge.deleted.as_str()), ("2026-12-31", ""));
        assert_eq!(told.accesses.last().unwrap().action, "bridge_issued");
        let left_out = world.innsyn(people[1]);
        assert!(left_out.disclosures[0].bridges.is_empty(), "with no identifier");
        assert!(left_out.accesses.iter().all(|access| access.action != "bridge_issued"));
        assert!(world.innsyn(people[3]).disclosures.is_empty());
        assert_eq!(told.accesses.len(), 1 + round, "{round}");
        world.reseal();
    }
    let _ = world.service.confirm_bridge_deletion(&world.officer(), (id, 1)).unwrap();
    let _ = world.service.close_disclosure(&world.officer(), id).unwrap();
    let told = world.innsyn(people[0]);
    assert_eq!(told.disclosures[0].state, "closed");
    assert_eq!(told.disclosures[0].bridges[0].deleted, "2026-01-15T12:00:00Z");
}

#[test]
fn whoever_was_identified_by_a_serial_is_told() {
    let world = world();
    let people = numbers(3);
    let (id, serials) = world.disclosed(permissive(), &people);
    world.approve(Act::IdentifySerial, id, &[("serial", &serials[1].to_string())]);
    world.identify(id, serials[1]).unwrap();
    let told = world.innsyn(people[1]);
    let access = &told.accesses[0];
    assert_eq!((access.action.as_str(), access.principal.as_str()), ("serial_identified", "f"));
    assert_eq!((access.purpose.as_str(), access.basis.as_str()), ("research", "26/1"));
    assert!(world.innsyn(people[0]).accesses.is_empty());
}

/// Goal: a bridge from which everybody was left out is told to nobody.
#[test]
fn a_bridge_with_nobody_in_it_is_told_to_nobody() {
    let world = world();
    let people = numbers(2);
    let (id, _) = world.disclosed(permissive(), &people);
    world.ingest("KPR", "KUHR", &people);
    for number in &people {
        world.say("KPR", *number, reserved("with_identifier")).unwrap();
    }
    let key = NewKey::generate();
    world.approve_bridge(id, &key);
    assert_eq!(world.issue(id, PARTY, &key).unwrap().bridge.bridge.persons, 0);
    for _ in 0..2 {
        for number in &people {
            let told = world.innsyn(*number);
            assert!(told.disclosures[0].bridges.is_empty());
            assert!(told.accesses.iter().all(|access| access.action != "bridge_issued"));
        }
        world.reseal();
    }
}
