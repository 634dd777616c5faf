//! Each kind of event, and what is wrong with some.

use super::super::disclosures::decision;
use super::*;
use crate::disclosure::Decision;

const DIED: IdentityEventType = IdentityEventType::Died;
const CORRECTED: IdentityEventType = IdentityEventType::DeathChanged;
const ACTIVE: IdentityEventType = IdentityEventType::Reactivated;
const ADDRESS: IdentityEventType = IdentityEventType::AddressProtection;

fn death(
    sequence: u64,
    event_type: IdentityEventType,
    number: u64,
    died: Option<Date>,
) -> IdentityEvent {
    IdentityEvent { died, ..event(sequence, event_type, number, &[]) }
}

#[test]
fn a_death_is_known_of_the_person_and_can_be_corrected_and_revoked() {
    let world = World::identities();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    let day = |day| Some(date(2026, 1, day));
    world.apply(&[death(1, DIED, people[1], day(2)), event(2, NUMBER, people[0], &people[1..])]);
    for person in &people {
        assert_eq!(world.status(*person).life, Life::Dead(day(2)));
    }
    let said_again = world.apply(&[death(3, DIED, people[0], day(2))]);
    assert_eq!(said_again.counts.unchanged, 1);
    world.apply(&[death(4, CORRECTED, people[0], day(3))]);
    assert_eq!(world.status(people[1]).life, Life::Dead(day(3)));
    world.reseal();
    assert_eq!(world.status(people[1]).life, Life::Dead(day(3)), "after a restart");
    // A split gives each what was said of it, in the order in which it was said.
    world.apply(&[event(5, SPLIT, people[0], &people[1..])]);
    assert_eq!(world.status(people[0]).life, Life::Dead(day(3)));
    assert_eq!(world.status(people[1]).life, Life::Dead(day(2)));
    world.apply(&[death(6, CORRECTED, people[0], None), death(7, ACTIVE, people[1], None)]);
    for person in &people {
        assert_eq!(world.status(*person).life, Life::Alive);
    }
    assert_eq!(world.apply(&[death(8, ACTIVE, people[1], None)]).counts.unchanged, 1);
}

#[test]
fn a_secret_address_and_a_false_identity_come_and_go() {
    let world = World::identities();
    let people = numbers(1);
    world.ingest("NPR", "HF", &people);
    let address = |sequence, address| IdentityEvent {
        address: Some(address),
        ..event(sequence, ADDRESS, people[0], &[])
    };
    let identity = |sequence, falsehood| IdentityEvent {
        falsehood: Some(falsehood),
        ..event(sequence, IdentityEventType::FalseIdentity, people[0], &[])
    };
    for (sequence, protection) in (1..).zip(AddressProtection::ALL) {
        world.apply(&[address(sequence, *protection)]);
        assert_eq!(world.status(people[0]).address, *protection);
    }
    world.apply(&[identity(10, Falsehood::False)]);
    assert!(world.status(people[0]).has_false_identity);
    world.apply(&[identity(11, Falsehood::True), identity(12, Falsehood::True)]);
    assert!(!world.status(people[0]).has_false_identity);
}

/// What is wrong with an event is told by its number and a code; the others are applied.
#[test]
fn events_that_contradict_what_is_known_are_reported_and_stop_nothing() {
    let world = World::identities();
    let people = numbers(6);
    let npr = world.ingest("NPR", "HF", &people[..4]);
    let one = |sequence, event_type, number| event(sequence, event_type, number, &[]);
    let future = Some(date(2026, 12, 31));
    let early = Some(date(1900, 1, 1));
    let day = Some(date(2026, 1, 2));
    let mut unreadable = event(8, NUMBER, people[0], &[]);
    unreadable.others.push(Zeroizing::new("12345".to_owned()));
    let mut passed_over = one(12, NUMBER, people[0]);
    passed_over.event_type = None;
    let events = [
        event(1, SPLIT, people[0], &people[1..2]),
        event(2, SPLIT, people[0], &people[5..]),
        death(3, CORRECTED, people[0], None),
        death(4, DIED, people[1], early),
        death(5, DIED, people[1], future),
        one(6, ADDRESS, people[0]),
        one(7, NUMBER, people[0]),
        unreadable,
        one(9, IdentityEventType::FalseIdentity, people[0]),
        death(10, CORRECTED, people[2], day),
        event(11, SPLIT, people[4], &people[5..]),
        passed_over,
        event(13, NUMBER, people[4], &people[5..]),
        event(14, NUMBER, people[2], &people[3..4]),
    ];
    let applied = world.apply(&events);
    let codes: Vec<(u64, &str)> =
        applied.reports.iter().map(|report| (report.sequence, report.code.as_str())).collect();
    let expected = [
        (1, "never_joined"),
        (2, "never_joined"),
        (3, "death_not_recorded"),
        (4, "death_before_birth"),
        (5, "date_in_future"),
        (6, "field_missing"),
        (7, "field_missing"),
        (8, "identifier_refused"),
        (9, "field_missing"),
        (10, "death_not_recorded"),
        (11, "never_joined"),
    ];
    assert_eq!(codes, expected);
    let EventCounts { applied: changed, unchanged, nobody, passed_over, reported, .. } =
        applied.counts;
    assert_eq!((changed, unchanged, nobody, passed_over, reported), (1, 1, 0, 1, 11));
    assert_eq!(world.status(people[1]).life, Life::Alive);
    assert_eq!(world.status(people[2]).life, Life::Dead(day), "the correction says that it is so");
    assert_eq!(world.found(&people[2..4]).ids, [npr[2]; 2]);
    let detail = world.service.status(Detail::Full).detail.unwrap();
    assert_eq!(detail.persons, 4, "an event about nobody makes nobody");
    let entry = world.bodies().into_iter().find(|body| body.contains("identity_events_applied"));
    let entry = entry.unwrap();
    assert!(entry.contains(r#""event 4: death_before_birth""#), "{entry}");
    assert!(entry.contains(r#""nobody":1"#), "the log has what the answer does not say: {entry}");
    for person in &people {
        assert!(!entry.contains(&person.to_string()));
    }
}

#[test]
fn a_new_identifier_of_somebody_known_gets_its_leaf_at_once() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people[..1]);
    // The second is known by the first event only, and makes the third known.
    world.apply(&[
        event(1, NUMBER, people[0], &people[1..2]),
        event(2, AWAY, people[2], &people[1..2]),
    ]);
    assert_eq!(world.service.status(Detail::Full).detail.unwrap().persons, 3);
    assert_eq!(world.found(&people).ids, [npr[0]; 3]);
    assert!(world.found(&people).leaf_ids.is_empty(), "a look-up makes nobody a member");
    assert!(world.changes("NPR").is_empty());
}

/// Goal: no event says who of a one-way register is whom of the others.  Method: events about persons
/// of both; whatever is stored of them is of the sealed registers, and IPLOS is as it was.
#[test]
fn events_say_nothing_of_a_one_way_register() {
    let world = World::identities();
    let people = numbers(2);
    let mut request = World::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
    request.purpose = IngestPurpose::HistoricalImport;
    let iplos = world.deliver(&request, &people).unwrap().ids;
    world.ingest("NPR", "HF", &people);
    let applied = world.apply(&[
        event(1, NUMBER, people[0], &people[1..]),
        death(2, DIED, people[0], Some(date(2026, 1, 2))),
    ]);
    assert_eq!(applied.counts.applied, 2);
    assert_eq!(world.deliver(&request, &people).unwrap().ids, iplos);
    assert!(world.changes("IPLOS").is_empty());
    assert_eq!(world.changes("NPR").len(), 1);
    for kind in [Kind::Link, Kind::PersonFact] {
        let mut partitions = Vec::new();
        let mut note = |key: &[u8], _: &[u8]| {
            partitions.push(Key::leading_u16(key)?);
            Ok(crate::store::Step::Continue)
        };
        world.stores.registers.scan(Key::all(kind), &mut note).unwrap();
        assert_eq!(partitions, [PERSONS]);
    }
}

#[test]
fn numbers_of_events_ascend_and_a_request_has_a_bound() {
    let world = World::identities();
    let people = numbers(2);
    let two = |first, second| {
        [event(first, NUMBER, people[0], &[]), event(second, NUMBER, people[0], &[])]
    };
    for (first, second) in [(2, 1), (1, 1), (0, 1)] {
        let refused = world.try_apply(&two(first, second)).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RequestInvalid);
    }
    let max = world.service.parts.config.limits.batch_identifiers_max as u64;
    let many: Vec<_> = (1..=max + 1).map(|at| event(at, NUMBER, people[0], &[])).collect();
    assert_eq!(world.try_apply(&many).err().unwrap().code(), ErrorCode::BatchTooLarge);
    let nothing = world.apply(&[]);
    assert_eq!((nothing.read_to, nothing.counts), (0, EventCounts::default()));
}

#[test]
fn a_supplement_keeps_the_serials_of_leaves_that_were_split_meanwhile() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    world.apply(&[event(1, AWAY, people[1], &people[..1])]);
    let application = world.application();
    let first = world.disclosure_of(application, decision());
    let serials = world.serials(first, "NPR", &npr).unwrap().ids;
    assert_eq!(serials[0], serials[1]);
    world.apply(&[event(2, SPLIT, people[0], &people[1..])]);
    let continued = Decision { continues: Some(first), ..decision() };
    let second = world.disclosure_of(application, continued);
    assert_eq!(world.serials(second, "NPR", &npr[1..]).unwrap().ids, serials[1..]);
    world.reseal();
    assert_eq!(world.serials(second, "NPR", &npr).unwrap().ids, serials);
    let other = world.serials(world.disclosure(), "NPR", &npr).unwrap().ids;
    assert_ne!(other[0], other[1], "one that continues nothing has two persons");
}

/// Goal: disclosures of one key are of one mind, whoever of them answers first.  Method: the one that
/// continues is in use before the other answers; siblings too.
#[test]
fn disclosures_of_one_key_heed_what_the_others_have_answered_meanwhile() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let application = world.application();
    let first = world.disclosure_of(application, decision());
    let continued = Decision { continues: Some(first), ..decision() };
    let second = world.disclosure_of(application, continued.clone());
    let third = world.disclosure_of(application, continued);
    let all = [first, second, third];
    let streams = all.map(|id| world.service.open_serials(&world.officer(), id).unwrap());
    let serial = issue(&streams[1], "NPR", &npr[1..]).unwrap().ids[0];
    world.apply(&[event(1, AWAY, people[1], &people[..1])]);
    for stream in &streams {
        let answered = issue(stream, "NPR", &npr).unwrap().ids;
        assert_eq!(answered, [serial, serial], "the person keeps the serial, by either leaf");
    }
    world.apply(&[event(2, SPLIT, people[0], &people[1..])]);
    for _ in 0..2 {
        for id in all {
            assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, [serial, serial]);
        }
        world.reseal();
    }
}
