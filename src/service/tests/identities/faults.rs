//! Changes of links that come to nothing.

use super::*;
use crate::registers::{EventId, LinkReason, PersonFact, Provenance};

/// How a change ends that is not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Dropped,
    Panicked,
}

impl World {
    /// Waits for the stores to be opened again, if they are to be.
    fn settle(&self) {
        drop(self.service.open_now());
        self.wait_open();
    }
}

/// Goal: what was staged and not recorded is nowhere, and what comes after it can be read again.
/// Method: a link, a fact and a pointer that are never committed, then good ones, then a restart.
#[test]
fn a_change_of_links_that_was_never_recorded_leaves_nothing_behind() {
    for end in [End::Dropped, End::Panicked] {
        let world = World::identities();
        let people = numbers(4);
        let npr = world.ingest("NPR", "HF", &people);
        let leaves = [world.leaf(people[0]), world.leaf(people[1])];
        let open = world.service.open_now().unwrap();
        let feed: TermCode = "folkeregisteret".parse().unwrap();
        let provenance = Provenance {
            event: Some(EventId { feed: feed.clone(), sequence: 1 }),
            effective: None,
            at: world.clock.now(),
            principal: "i".parse().unwrap(),
            organisation: "983744516".parse().unwrap(),
            statement: None,
        };
        let staged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut change = open.registers.change_links();
            let link = (leaves, Protection::Shown);
            let reason = LinkReason::IdentifierChanged;
            change.join(PERSONS, link, reason, provenance.clone()).unwrap();
            let of = (PERSONS, leaves[0].person);
            change.record(of, PersonFact::Died(None), &provenance).unwrap();
            change.advance(&feed, 7, 1).unwrap();
            assert_eq!(end, End::Dropped, "on purpose");
        }));
        assert_eq!(staged.is_err(), end == End::Panicked);
        drop(open);
        world.settle();
        assert_eq!(world.found(&people).ids, npr, "{end:?}");
        assert_eq!(world.status(people[0]).life, Life::Alive);
        assert_eq!(world.happens(NUMBER, people[2], &people[3..]).read_to, 1);
        world.happens(IdentityEventType::Died, people[2], &[]);
        world.reseal();
        assert_eq!(world.found(&people).ids, [npr[0], npr[1], npr[2], npr[2]], "{end:?}");
        assert_eq!(world.status(people[3]).life, Life::Dead(None));
    }
}

/// Goal: names of feeds are for ever, so that no client may make them without end.
#[test]
fn one_feed_too_many_is_refused_and_joins_nobody() {
    let world = World::identities();
    let people = numbers(4);
    let npr = world.ingest("NPR", "HF", &people);
    let permit = world.permit("i", Right::ApplyEvents);
    let apply = |feed: &str, events: &[IdentityEvent]| {
        world.service.apply_events(&permit, &feed.parse().unwrap(), events)
    };
    let link = |at: usize| [event(1, NUMBER, people[at], &people[at + 1..at + 2])];
    for feed in 1..=64 {
        let nobody = [event(1, IdentityEventType::Reactivated, people[0], &[])];
        assert!(apply(&format!("feed_{feed}"), &nobody).is_ok());
    }
    let refused = apply("feed_65", &link(0)).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::RequestInvalid);
    assert!(refused.violations().iter().any(|one| one.field == "feed"));
    assert_eq!(world.found(&people).ids, npr);
    let known = [event(2, NUMBER, people[2], &people[3..])];
    assert!(apply("feed_64", &known).is_ok(), "one that is known goes on");
    world.reseal();
    assert_eq!(world.found(&people).ids, [npr[0], npr[1], npr[2], npr[2]]);
    assert_eq!(apply("feed_65", &link(0)).err().unwrap().code(), ErrorCode::RequestInvalid);
}

/// Goal: a recorder that is gone is told by whoever waits for it, and another takes its place.
#[test]
fn a_recorder_that_panics_is_followed_by_another() {
    let world = World::identities();
    let people = numbers(1);
    let npr = world.ingest("NPR", "HF", &people);
    let entry = || world.service.entry(actor(&world.operator()), Action::IdChangesRead);
    let open = world.service.open_now().unwrap();
    open.registers.record_act(entry(), Box::new(|_| panic!("on purpose")));
    assert!(open.registers.record_act_and_wait(entry()).is_err());
    assert!(open.registers.has_failed(), "so that it is opened again");
    drop(open);
    world.settle();
    assert_eq!(world.ingest("NPR", "HF", &people), npr);
}
