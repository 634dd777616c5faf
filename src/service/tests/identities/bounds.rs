//! How much one request, one event and one person may take: every link is made while nobody else is
//! answered.

use super::*;

/// What stands in the documents: identifiers beside the event's own, identifiers of one person, links
/// of one identifier.
const OTHERS_MAX: usize = 16;
const LEAVES_MAX: usize = 64;
const LINKS_MAX: usize = 64;

fn codes(applied: &AppliedEvents) -> Vec<&str> {
    applied.reports.iter().map(|report| report.code.as_str()).collect()
}

#[test]
fn an_event_and_a_request_name_so_many_identifiers_and_no_more() {
    let world = World::identities();
    let people = numbers(18);
    world.ingest("NPR", "HF", &people[..1]);
    let refused = world.try_apply(&[event(1, NUMBER, people[0], &people[1..])]).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RequestInvalid);
    let violation = &refused.violations()[0];
    assert_eq!(violation.field, "events.others");
    assert!(violation.text.contains("16"), "{}", violation.text);
    let most = world.apply(&[event(1, NUMBER, people[0], &people[1..=OTHERS_MAX])]);
    assert_eq!(most.counts.applied, 1);
    // Each identifier of a request counts, not each event.
    let max = world.service.parts.config.limits.batch_identifiers_max as u64;
    let events = max / (OTHERS_MAX as u64 + 1) + 1;
    let many: Vec<_> =
        (2..2 + events).map(|at| event(at, NUMBER, people[0], &people[1..=OTHERS_MAX])).collect();
    let refused = world.try_apply(&many).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::BatchTooLarge);
    assert!(refused.text().contains("limits.batch_identifiers_max"));
    assert_eq!(world.apply(&[]).read_to, 1, "nothing of it was read");
}

#[test]
fn a_person_has_so_many_identifiers_and_a_link_too_many_is_reported() {
    let world = World::identities();
    let people = numbers(LEAVES_MAX + 3);
    world.ingest("NPR", "HF", &people[..1]);
    let mut applied = Vec::new();
    for others in people[1..LEAVES_MAX].chunks(OTHERS_MAX) {
        applied.push(world.happens(NUMBER, people[0], others).counts.applied);
    }
    assert!(applied.iter().all(|applied| *applied == 1));
    let id = world.found(&people[..1]).ids[0];
    assert_eq!(world.found(&people[..LEAVES_MAX]).ids, [id; LEAVES_MAX]);
    let [.., one, two, three] = &people[..] else { panic!("there are more") };
    let more = world.happens(NUMBER, people[5], &[*one]);
    assert_eq!((codes(&more), more.counts.applied), (vec!["too_many_joined"], 0));
    // Nor by joining two persons who have many.
    world.happens(NUMBER, *two, &[*three]);
    world.ingest("NPR", "HF", &[*two]);
    world.happens(NUMBER, *two, &[*three]);
    assert_eq!(codes(&world.happens(INTO, people[1], &[*two])), ["too_many_joined"]);
    assert_eq!(world.found(&[*three]).ids, world.found(&[*two]).ids);
    assert_ne!(world.found(&[*three]).ids[0], id);
    // A split makes room.
    world.happens(SPLIT, people[0], &people[1..3]);
    assert_eq!(world.happens(NUMBER, people[5], &[*two]).counts.applied, 1);
    world.reseal();
    assert_eq!(world.found(&[*three]).ids[0], id);
}

#[test]
fn an_identifier_has_so_many_links_and_they_end_together() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let events: Vec<_> =
        (1..=LINKS_MAX as u64 + 9).map(|at| event(at, NUMBER, people[0], &people[1..])).collect();
    let applied = world.apply(&events);
    assert_eq!(applied.counts.applied, LINKS_MAX as u64);
    assert_eq!(codes(&applied), ["too_many_joined"; 9]);
    assert!(codes(&world.happens(SPLIT, people[0], &people[1..])).is_empty());
    assert_eq!(world.found(&people).ids, npr);
}
