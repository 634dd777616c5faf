//! What innsyn makes of what is known of a person, and of who they once were one with.

use super::super::innsyn::by_letter;
use super::*;
use crate::rights::representation::{
    Acting, Address, Age, Facts, Life as StatedLife, Refusal, Stated, Way,
};

/// Goal: what the population register has said counts, whatever the caller states.
#[test]
fn who_is_dead_or_protected_is_so_whatever_is_stated() {
    let world = World::identities();
    let child = crate::ident::synthetic::numbers_between(
        crate::ident::NumberSeries::Fnr,
        date(2012, 1, 16),
        date(2012, 1, 16),
    );
    let people: Vec<u64> = child.take(2).collect();
    world.ingest("NPR", "HF", &people);
    let parent = Facts {
        life: Some(StatedLife::Alive),
        address: Some(Address::Open),
        address_of_actor: Some(Address::Open),
        parental_responsibility: Some(Stated::Yes),
        parent_at_address: Some(Stated::Yes),
        age: Some(Age::Under16),
        ..Facts::new(Acting::Parent, Way::Manual)
    };
    let asks = |number, facts| world.ask_innsyn(number, facts, RegisterIds::Untold);
    assert!(asks(people[0], parent).is_ok());
    let hidden = IdentityEvent {
        address: Some(AddressProtection::Confidential),
        ..event(1, IdentityEventType::AddressProtection, people[0], &[])
    };
    let died = IdentityEvent {
        died: Some(date(2026, 1, 2)),
        ..event(2, IdentityEventType::Died, people[1], &[])
    };
    world.apply(&[hidden, died]);
    let refused = asks(people[0], parent).err().unwrap();
    assert_eq!(refused.text(), Refusal::AddressProtected.text());
    let refused = asks(people[1], by_letter()).err().unwrap();
    assert_eq!(refused.text(), Refusal::DeadNotKin.text());
    assert!(asks(people[0], by_letter()).is_ok(), "the person is the one it protects");
}

/// Goal: a request belongs to whom it was about, also when they turn out to be two.
#[test]
fn a_request_stays_with_the_identifier_that_was_asked_about_after_a_split() {
    let world = World::identities();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people);
    world.happens(NUMBER, people[0], &people[1..]);
    world.innsyn(people[1]);
    world.happens(SPLIT, people[0], &people[1..]);
    let asked = |number| {
        let told = world.innsyn(number);
        told.accesses.iter().filter(|access| access.action == "innsyn_given").count()
    };
    assert_eq!((asked(people[0]), asked(people[1])), (0, 1));
}

/// Goal: whose identity was opened is told, each of those whom one ID stood for.
#[test]
fn a_reveal_of_linked_identifiers_is_told_to_each_after_a_split() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    world.happens(NUMBER, people[0], &people[1..2]);
    world.approve_reveal("NPR", npr[0]);
    assert_eq!(world.reveal("NPR", npr[0]).unwrap().len(), 2);
    world.happens(SPLIT, people[0], &people[1..2]);
    for _ in 0..2 {
        let told = people.iter().map(|number| {
            let told = world.innsyn(*number);
            told.accesses.iter().filter(|access| access.action == "identity_revealed").count()
        });
        assert_eq!(told.collect::<Vec<_>>(), [1, 1, 0]);
        world.reseal();
    }
}
