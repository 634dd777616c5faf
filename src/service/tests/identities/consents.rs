//! Links in a register on consent.

use super::super::rights::{quality, suppressed};
use super::*;
use crate::registers::Fact;

impl World {
    fn consenting(&self) -> u64 {
        let detail = self.service.status(Detail::Full).detail.unwrap();
        detail.registers.iter().find(|(register, _)| register == "REHAB").unwrap().1
    }
}

/// Goal: nobody joins a register on consent whose consent is not in force.  Method: two identifiers,
/// one with a consent and an ID; what the other has said decides when they turn out to be one person's.
#[test]
fn a_link_takes_nobody_into_a_register_on_consent_who_has_withdrawn_it() {
    for (is_withdrawn, members) in [(false, 2), (true, 1)] {
        let world = World::identities();
        let people = numbers(2);
        for number in &people {
            world.say("REHAB", *number, quality()).unwrap();
        }
        let id = world.rehab(&people[1..]).ids[0];
        if is_withdrawn {
            world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
        }
        world.happens(NUMBER, people[0], &people[1..]);
        assert_eq!(world.consenting(), members, "withdrawn: {is_withdrawn}");
        let answered = world.rehab(&people);
        if is_withdrawn {
            assert_eq!(suppressed(&answered), [0, 1]);
            assert_eq!(world.consenting(), 1);
            world.say("REHAB", people[0], quality()).unwrap();
        }
        let answered = world.rehab(&people);
        assert_eq!((answered.ids[0], world.consenting()), (answered.ids[1], 2));
        assert_eq!(answered.leaf_ids, [own(1, id)], "so the register is told of both");
        assert_ne!(answered.ids[0], id);
        world.reseal();
        assert_eq!(world.rehab(&people).ids, answered.ids);
    }
}

/// Goal: a register knows of each of its IDs by which other it is superseded, also when the root joins it
/// after the link, by a row that names nobody else.
#[test]
fn a_root_that_joins_once_the_consent_is_back_is_told_by_the_feed() {
    let world = World::identities();
    let people = numbers(3);
    for number in &people {
        world.say("REHAB", *number, quality()).unwrap();
    }
    let ids = world.rehab(&people[1..]).ids;
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    world.happens(NUMBER, people[0], &people[1..]);
    let (told, read_to) = world.told_to("REHAB", 0);
    assert!(told.is_empty(), "there is no ID that they are superseded by");
    world.say("REHAB", people[2], quality()).unwrap();
    let root = world.rehab(&people[..1]).ids[0];
    let (told, read_to) = world.told_to("REHAB", read_to);
    assert!(told == [superseded(ids[0], root), superseded(ids[1], root)]);
    assert_eq!(world.rehab(&people).ids, [root; 3]);
    world.reseal();
    assert!(world.told_to("REHAB", read_to).0.is_empty(), "once");
}

/// Goal: as above, where no row brings the root but the link of a further leaf, whose consent is the
/// last word of all.
#[test]
fn a_root_that_joins_with_a_further_leaf_is_told_for_whoever_waited_for_it() {
    let world = World::identities();
    let people = numbers(3);
    world.ingest("NPR", "HF", &people);
    for number in [people[1], people[0], people[2]] {
        world.say("REHAB", number, quality()).unwrap();
    }
    let ids = world.rehab(&people[1..]).ids;
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    world.happens(NUMBER, people[0], &people[1..2]);
    let (told, read_to) = world.told_to("REHAB", 0);
    assert!(told.is_empty(), "the root stays out");
    world.say("REHAB", people[2], quality()).unwrap();
    world.happens(NUMBER, people[0], &people[2..]);
    let (told, read_to) = world.told_to("REHAB", read_to);
    let root = world.rehab(&people[..1]).ids[0];
    assert!(told == [superseded(ids[1], root), superseded(ids[0], root)]);
    assert!(world.told_to("REHAB", read_to).0.is_empty(), "once");
}
