//! Feeds of many events: cut anywhere, read twice, of a day's size.

use std::num::Wrapping;

use super::*;

/// Events of a busy day.
const EVENTS: u64 = 50_000;

/// Numbers that look random, from a seed that the test shows.
struct Draws(Wrapping<u64>);

impl Draws {
    fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX generator; the upper bits are the better ones.
        self.0 = self.0 * Wrapping(6_364_136_223_846_793_005) + Wrapping(1_442_695_040_888_963_407);
        (self.0.0 >> 33) % end
    }
}

impl World {
    /// What the feed of a register has after an entry, and its last.
    pub(in crate::service::tests) fn told_to(
        &self,
        register: &str,
        after: u64,
    ) -> (Vec<IdChange>, u64) {
        let register: RegisterCode = register.parse().unwrap();
        let permit = self.permit("s", Right::FollowIds { register: register.clone() });
        let read = self.service.id_changes(&permit, &register, (after, 0)).unwrap();
        let read = read.into_answer().0;
        (read.changes.into_iter().map(|(_, change, _)| change).collect(), read.last)
    }
}

/// Events about some known persons, and some whom nobody knows.
fn feed(seed: u64, count: u64, people: &[u64]) -> Vec<IdentityEvent> {
    let mut draws = Draws(Wrapping(seed));
    let any = |draws: &mut Draws| people[draws.place(people.len())];
    let mut events = Vec::new();
    for sequence in 1..=count {
        let one = any(&mut draws);
        // Few persons have more than some identifiers.
        let family = people.chunks(4).find(|family| family.contains(&one)).unwrap();
        let other = family[draws.place(family.len())];
        let kind = draws.below(16);
        events.push(match kind {
            0..=2 => event(sequence, NUMBER, one, &[other]),
            3 => event(sequence, INTO, one, &[other]),
            4 => event(sequence, AWAY, one, &[other]),
            5 | 6 => event(sequence, SPLIT, one, &[other]),
            7 | 8 => {
                let died = Some(date(2026, 1, if kind == 7 { 8 } else { 9 }));
                IdentityEvent { died, ..event(sequence, IdentityEventType::Died, one, &[]) }
            }
            9 => event(sequence, IdentityEventType::Reactivated, one, &[]),
            10 => {
                let address = Some(AddressProtection::ALL[draws.place(4)]);
                let kind = IdentityEventType::AddressProtection;
                IdentityEvent { address, ..event(sequence, kind, one, &[]) }
            }
            _ => IdentityEvent { event_type: None, ..event(sequence, NUMBER, one, &[]) },
        });
    }
    events
}

/// What can be told of persons apart from their numbers, which differ from world to world.
#[derive(Debug, PartialEq)]
struct EndState {
    /// For each, the first who has the same ID.
    same_as: Vec<usize>,
    statuses: Vec<PersonStatus>,
    feed: Vec<(usize, usize)>,
}

fn end_state(world: &World, people: &[u64], npr: &[u64]) -> EndState {
    let place = |id: u64| npr.iter().position(|one| *one == id).unwrap();
    let ids = world.found(&people[..npr.len()]).ids;
    let changes = world.changes("NPR").into_iter().map(|change| match change {
        IdChange::Restored { id } => (place(id), place(id)),
        IdChange::Superseded { old_id, new_id } => (place(old_id), place(new_id)),
    });
    EndState {
        same_as: ids.iter().map(|id| place(*id)).collect(),
        statuses: people[..npr.len()].iter().map(|person| world.status(*person)).collect(),
        feed: changes.collect(),
    }
}

fn persons_in_order(world: &World, people: &[u64]) -> Vec<u64> {
    // One by one, so that they are drawn in the same order in each world.
    people.iter().flat_map(|person| world.ingest("NPR", "HF", &[*person])).collect()
}

#[test]
fn a_feed_that_is_cut_anywhere_and_read_twice_comes_to_the_same_end() {
    let people = numbers(24);
    for seed in 1..=6 {
        let whole = World::identities();
        let npr = persons_in_order(&whole, &people[..14]);
        let applied = whole.apply(&feed(seed, 300, &people));
        assert!(applied.counts.applied > 50 && applied.counts.passed_over > 50, "seed {seed}");
        let expected = end_state(&whole, &people, &npr);
        let again = whole.apply(&feed(seed, 300, &people));
        assert_eq!((again.counts.repeated, again.counts.applied), (300, 0), "seed {seed}");
        assert_eq!(end_state(&whole, &people, &npr), expected, "seed {seed}, read twice");

        let cut = World::identities();
        let npr = persons_in_order(&cut, &people[..14]);
        let (mut draws, mut end) = (Draws(Wrapping(seed)), 0);
        let mut total = 0;
        while end < 300 {
            // Each reading begins somewhere before where the last one ended.
            let begin = end - draws.below(end + 1).min(20);
            end = (end + 1 + draws.below(40)).min(300);
            let events = feed(seed, end, &people);
            let applied = cut.apply(&events[usize::try_from(begin).unwrap()..]);
            total += applied.counts.applied;
            if draws.below(4) == 0 {
                cut.reseal();
            }
        }
        assert_eq!(total, applied.counts.applied, "seed {seed}");
        assert_eq!(end_state(&cut, &people, &npr), expected, "seed {seed}, cut");
    }
}

#[test]
fn a_day_of_events_is_applied_in_seconds_and_twice_over_changes_nothing() {
    let people = numbers(2_000);
    let world = World::identities();
    let npr = world.ingest("NPR", "HF", &people[..1_498]);
    for (turn, expected) in [(1, 0), (2, EVENTS)] {
        let mut counts = BTreeMap::<&str, u64>::new();
        for batch in feed(99, EVENTS, &people).chunks(2_000) {
            let EventCounts { applied, repeated, .. } = world.apply(batch).counts;
            *counts.entry("applied").or_default() += applied;
            *counts.entry("repeated").or_default() += repeated;
        }
        assert_eq!(counts["repeated"], expected, "turn {turn}");
        assert_eq!(counts["applied"] == 0, turn == 2);
    }
    let before = (world.found(&people).ids, world.changes_count());
    world.reseal();
    assert_eq!((world.found(&people).ids, world.changes_count()), before);
    assert_ne!(before.0[..1_498], npr[..]);
}

impl World {
    fn changes_count(&self) -> (u64, u64) {
        let npr: RegisterCode = "NPR".parse().unwrap();
        let permit = self.permit("n", Right::FollowIds { register: npr.clone() });
        let read = self.service.id_changes(&permit, &npr, (0, 0)).unwrap().into_answer().0;
        (read.changes.len() as u64, read.last)
    }
}
