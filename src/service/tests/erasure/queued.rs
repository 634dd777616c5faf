//! Rows that are on their way while a past ends.

use super::super::identities::{NUMBER, event};
use super::*;
use crate::registers::Protection;

/// Rounds of what may go by in a moment.
const ROUNDS: usize = 12;

/// A row that was handed over and is not recorded yet: another batch is under way, for which the
/// recorder waits a little.
struct Queued {
    delivery: Delivery,
    pending: Pending<Answered>,
    _under_way: Mapped,
}

impl World {
    fn queue(&self, register: &str, days: (&str, &str), number: u64) -> Queued {
        let source = if register == "NPR" { "HF" } else { "LOKAL" };
        let period = Some((days.0.parse().unwrap(), days.1.parse().unwrap()));
        let request = Self::request(register, source, IngestMode::ResolveOrAssign);
        let request = DeliveryRequest { period, ..request };
        let permit = self.permit("a", request.right());
        let delivery = self.service.open_delivery(&permit, &request).unwrap();
        let mapped = delivery.map(batch(&[number])).unwrap();
        let under_way = delivery.map(batch(&[])).unwrap();
        let pending = delivery.submit(mapped).unwrap();
        Queued { delivery, pending, _under_way: under_way }
    }

    /// The members of a register, which are the same once the plane has been read again.
    fn members_read_again(&self, register: &str) -> u64 {
        let members = self.members(register);
        self.reseal();
        assert_eq!(self.members(register), members, "what is shown is what is stored");
        members
    }
}

#[test]
fn a_withdrawal_ends_an_id_that_was_on_its_way() {
    let world = World::unsealed();
    let people = numbers(ROUNDS);
    for (round, person) in people.iter().enumerate() {
        world.say("REHAB", *person, quality()).unwrap();
        let Queued { delivery, pending, .. } = world.queue("REHAB", JANUARY, *person);
        world.say("REHAB", *person, Fact::ConsentWithdrawn).unwrap();
        let answered = wait(&delivery, pending).unwrap().into_answer().0;
        assert_eq!(answered.new_members, 1, "it was handed over before");
        let orders = world.orders("REHAB", 0);
        assert_eq!(orders.len(), round + 1);
        assert_eq!(orders[round].ids, answered.ids);
        assert_eq!(world.members("REHAB"), 0);
    }
    assert_eq!(world.members_read_again("REHAB"), 0);
}

#[test]
fn an_erasure_knows_the_id_of_an_identifier_that_was_on_its_way() {
    let world = World::identities();
    let people = numbers(2 * ROUNDS);
    world.report("NPR", DECEMBER, &people[..ROUNDS]);
    world.report("KPR", DECEMBER, &people[ROUNDS..]);
    for (round, (one, other)) in people[..ROUNDS].iter().zip(&people[ROUNDS..]).enumerate() {
        world.happens(NUMBER, *other, &[*one]);
        let case = world.ask_erasure("NPR", *one, Scope::Whole).unwrap();
        world.assess(case.id(), PublicInterest::Ordinary).unwrap();
        let before = world.members("NPR");
        let Queued { delivery, pending, .. } = world.queue("NPR", DECEMBER, *other);
        world.decide_case(case.id(), Deciding::Grant(Scope::Whole)).unwrap();
        let answered = wait(&delivery, pending).unwrap().into_answer().0;
        let [leaf] = answered.leaf_ids[..] else { panic!("the other has joined") };
        let order = world.orders("NPR", 0).remove(round);
        assert!(order.ids.contains(&answered.ids[0]) && order.ids.contains(&leaf.id));
        assert_eq!(world.members("NPR"), before - 1);
    }
    assert_eq!(world.members_read_again("NPR"), 0);
    assert_eq!(suppressed(&world.report("NPR", DECEMBER, &people)).len(), 2 * ROUNDS);
}

/// Goal: a consent is the person's, also where no register may know that two are one.  Method: two
/// identifiers of a protected link, each a member by itself; the consent of one is withdrawn.
#[test]
fn a_withdrawn_consent_ends_the_ids_of_protected_identifiers_by_orders_of_their_own() {
    let world = World::identities();
    let people = numbers(3);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    let ids = world.report("REHAB", JANUARY, &people).ids;
    let protected = |sequence, one: u64, other: u64| IdentityEvent {
        protection: Protection::Protected,
        ..event(sequence, NUMBER, one, &[other])
    };
    world.try_apply(&[protected(1, people[1], people[0])]).unwrap();
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    for _ in 0..2 {
        let orders = world.orders("REHAB", 0);
        let told: Vec<_> = orders.iter().map(|one| (one.number, one.ids.clone())).collect();
        assert_eq!(told, [(1, vec![ids[0]]), (2, vec![ids[1]])], "never in one order");
        assert_eq!(suppressed(&world.report("REHAB", JANUARY, &people)), [0, 1]);
        assert_eq!(world.members_read_again("REHAB"), 1);
    }
    world.confirm("REHAB", 1).unwrap();
    world.confirm("REHAB", 2).unwrap();
}
