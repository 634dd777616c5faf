//! Erasure of persons who have several identifiers.

use super::super::identities::{NUMBER, SPLIT, event};
use super::*;
use crate::vault::PERSONS;

/// A world where the first two are one person, of whom NPR has the first and KPR the second, and the
/// third somebody else.
fn linked() -> (World, Vec<u64>, Vec<u64>) {
    let world = World::identities();
    let people = numbers(3);
    world.report("NPR", DECEMBER, &[people[0], people[2]]);
    world.report("KPR", DECEMBER, &people[1..2]);
    world.happens(NUMBER, people[1], &people[..1]);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    assert_eq!(ids[0], ids[1], "one person, one ID");
    (world, people, ids)
}

#[test]
fn an_erasure_is_of_the_person_under_every_identifier() {
    let (world, people, ids) = linked();
    // Asked for under the identifier that NPR never got a row of by itself.
    world.erase("NPR", people[1], Scope::Whole);
    let orders = world.orders("NPR", 0);
    assert!(orders.len() == 1 && orders[0].ids.contains(&ids[0]));
    assert_eq!(world.members("NPR"), 1);
    let mut fresh = None;
    for _ in 0..2 {
        let again = world.report("NPR", DECEMBER, &people);
        assert_eq!((suppressed(&again), again.ids[2]), (vec![0, 1], ids[2]));
        assert!(again.leaf_ids.is_empty());
        let later = world.report("NPR", LATER, &people);
        assert!(suppressed(&later).is_empty());
        assert_eq!((later.ids[0], later.ids[2]), (later.ids[1], ids[2]));
        assert!(!orders[0].ids.contains(&later.ids[0]));
        assert!(later.leaf_ids.iter().all(|leaf| !orders[0].ids.contains(&leaf.id)));
        assert_eq!(*fresh.get_or_insert(later.ids[0]), later.ids[0]);
        world.reseal();
    }
    let twice = world.ask_erasure("NPR", people[0], Scope::Whole);
    assert!(twice.is_ok(), "of what has come since");
    // KPR has its own past.
    let kpr = world.report("KPR", DECEMBER, &people[..2]);
    assert!(suppressed(&kpr).is_empty() && kpr.ids[0] == kpr.ids[1]);
}

#[test]
fn rows_of_joined_identifiers_that_were_mapped_before_an_erasure_are_looked_at_again() {
    let (world, people, ids) = linked();
    let open = |days: (&str, &str)| {
        let period = Some((days.0.parse().unwrap(), days.1.parse().unwrap()));
        let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
        let request = DeliveryRequest { period, ..request };
        world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap()
    };
    let (past, later) = (open(DECEMBER), open(LATER));
    let (old, new) = (past.map(batch(&people)).unwrap(), later.map(batch(&people)).unwrap());
    world.erase("NPR", people[0], Scope::Whole);
    let erased = world.orders("NPR", 0).remove(0).ids;
    let answered = wait(&past, past.submit(old).unwrap()).unwrap().into_answer().0;
    assert_eq!((suppressed(&answered), answered.ids[2]), (vec![0, 1], ids[2]));
    assert!(answered.leaf_ids.is_empty());
    let answered = wait(&later, later.submit(new).unwrap()).unwrap().into_answer().0;
    assert!(suppressed(&answered).is_empty());
    assert_eq!((answered.ids[0], answered.ids[2]), (answered.ids[1], ids[2]));
    let _ = wait(&past, past.finish(DeliveryState::Complete).unwrap()).unwrap();
    assert_eq!(world.last_with("delivery_closed")["counts"]["persons"], 1, "who is answered");
    let own = answered.leaf_ids.iter().map(|leaf| leaf.id);
    assert!(answered.ids[..2].iter().copied().chain(own).all(|id| !erased.contains(&id)));
    assert_eq!(world.report("NPR", LATER, &people).ids, answered.ids);
}

/// Goal: whoever joins anew after an erasure joins with the root.  Method: a row under an identifier
/// with an ID of its own is mapped; then it is joined to an older identifier, and both are erased.
#[test]
fn a_row_that_was_mapped_before_a_link_and_an_erasure_joins_with_the_root() {
    let world = World::identities();
    let people = numbers(2);
    let before = world.report("NPR", DECEMBER, &people).ids;
    let period = Some((LATER.0.parse().unwrap(), LATER.1.parse().unwrap()));
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let request = DeliveryRequest { period, ..request };
    let permit = world.permit("a", request.right());
    let later = world.service.open_delivery(&permit, &request).unwrap();
    let mapped = later.map(batch(&people[1..])).unwrap();
    world.happens(NUMBER, people[0], &people[1..]);
    world.erase("NPR", people[0], Scope::Whole);
    let answered = wait(&later, later.submit(mapped).unwrap()).unwrap().into_answer().0;
    assert!(answered.notes.is_empty() && !before.contains(&answered.ids[0]));
    let again = world.report("NPR", LATER, &people);
    assert_eq!(again.ids, [answered.ids[0]; 2], "the root's");
    assert_eq!(again.leaf_ids[0].id, answered.leaf_ids[0].id);
}

/// Goal: what was erased of a person does not come back under an identifier that is found to be the
/// person's later.  Method: one of two persons is erased, then they turn out to be one, whichever was
/// drawn first; and the same with a third between them.
#[test]
fn an_erased_past_stays_out_under_an_identifier_that_is_joined_later() {
    for (order, between) in [([0, 1], false), ([1, 0], false), ([0, 1], true), ([1, 0], true)] {
        let world = World::identities();
        let people = numbers(4);
        // Whoever is drawn first is the root.
        let [erased, other] = [people[0], people[1]];
        for at in order {
            world.report("NPR", DECEMBER, &[people[at]]);
        }
        world.report("NPR", DECEMBER, &people[2..]);
        world.report("KPR", DECEMBER, &[erased, people[3]]);
        world.erase("KPR", erased, Scope::Whole);
        let delivery = world.opened("KPR", "KUHR", DECEMBER);
        let mapped = delivery.map(batch(&[other])).unwrap();
        if between {
            world.happens(NUMBER, people[2], &[erased]);
            world.happens(NUMBER, other, &[people[2]]);
        } else {
            world.happens(NUMBER, other, &[erased]);
        }
        let answered = wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0;
        assert_eq!(suppressed(&answered), [0], "mapped before the link");
        for _ in 0..2 {
            let again = world.report("KPR", DECEMBER, &people[..2]);
            assert_eq!(suppressed(&again), [0, 1], "{order:?} {between}");
            world.reseal();
        }
        let later = world.report("KPR", LATER, &people[..2]);
        assert!(suppressed(&later).is_empty() && later.ids[0] == later.ids[1]);
        world.reseal();
        assert_eq!(suppressed(&world.report("KPR", DECEMBER, &people)), {
            if between { vec![0, 1, 2] } else { vec![0, 1] }
        });
    }
}

/// Goal: whoever turns out to be somebody else is not kept out by what was asked of the other.  Method:
/// two are wrongly one person, one is erased, and they are split.
#[test]
fn a_tombstone_binds_who_is_one_with_whom_it_was_asked_for_and_nobody_after_a_split() {
    for asked in [0, 1] {
        let (world, people, ids) = linked();
        world.erase("NPR", people[asked], Scope::Whole);
        assert_eq!(suppressed(&world.report("NPR", DECEMBER, &people)), [0, 1]);
        world.happens(SPLIT, people[1], &people[..1]);
        for _ in 0..2 {
            let after = world.report("NPR", DECEMBER, &people);
            assert_eq!(suppressed(&after), [u32::try_from(asked).unwrap()]);
            assert!(after.ids[1 - asked] != 0 && !ids[..2].contains(&after.ids[1 - asked]));
            world.reseal();
        }
        let again = world.ask_erasure("NPR", people[asked], Scope::Whole);
        assert_eq!(code(again), ErrorCode::PersonErased);
    }
}

#[test]
fn an_event_about_who_is_being_forgotten_waits_until_the_vault_has_forgotten() {
    let world = World::identities();
    let people = numbers(3);
    world.report("NPR", DECEMBER, &people[..2]);
    world.erase("NPR", people[0], Scope::Whole);
    world.confirm("NPR", 1).unwrap();
    world.wait_for_tombstones();
    let person = world.person(people[0]);
    let open = world.service.open_now().unwrap();
    open.registers.forget(&[(PERSONS, person)]);
    for others in [&people[1..2], &people[2..]] {
        let refused = world.try_apply(&[event(1, NUMBER, people[0], others)]);
        assert_eq!(refused.err().unwrap().code(), ErrorCode::CommitUncertain);
        let refused = world.try_apply(&[event(1, NUMBER, others[0], &people[..1])]);
        assert_eq!(refused.err().unwrap().code(), ErrorCode::CommitUncertain);
    }
    assert_eq!(world.persons_known(), 2, "nobody gets a leaf for it");
    open.registers.remember(&[(PERSONS, person)]);
    drop(open);
    // The plan knows who has been joined meanwhile, and the event whom the vault has forgotten.
    world.run(world.plan().digest).unwrap();
    assert_eq!(world.persons_known(), 1);
    world.happens(NUMBER, people[2], &people[..1]);
    assert_eq!(world.persons_known(), 1, "about nobody who is known");
}

#[test]
fn the_vault_forgets_all_identifiers_of_a_person_or_none() {
    let (world, people, _) = linked();
    world.erase("NPR", people[0], Scope::Whole);
    world.confirm("NPR", 1).unwrap();
    world.wait_for_tombstones();
    assert!(world.plan().actions.is_empty(), "KPR has the person under another identifier");
    world.erase("KPR", people[0], Scope::Whole);
    world.confirm("KPR", 1).unwrap();
    assert!(world.plan().actions.is_empty());
    world.wait_for_tombstones();
    let plan = world.plan();
    assert_eq!(plan.actions.len(), 2);
    assert_eq!(world.persons_known(), 3);
    world.run(plan.digest).unwrap();
    assert_eq!(world.persons_known(), 1);
    world.reseal();
    assert_eq!(world.persons_known(), 1);
    assert!(world.plan().actions.is_empty());
    let back = world.report("NPR", ("2030-01-01", "2030-01-31"), &people);
    assert!(suppressed(&back).is_empty() && back.ids[0] != back.ids[1], "strangers now");
}

#[test]
fn a_withdrawn_consent_ends_the_ids_of_all_identifiers() {
    let world = World::identities();
    let people = numbers(2);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    let ids = world.report("REHAB", JANUARY, &people).ids;
    world.happens(NUMBER, people[1], &people[..1]);
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    let orders = world.orders("REHAB", 0);
    assert_eq!(orders.len(), 1);
    assert!(ids.iter().all(|id| orders[0].ids.contains(id)));
    assert_eq!(suppressed(&world.report("REHAB", LATER, &people)), [0, 1]);
    assert_eq!(world.members("REHAB"), 0);
}

#[test]
fn the_day_of_death_is_that_of_the_population_register() {
    let world = World::identities();
    let people = numbers(2);
    world.report("KPR", DECEMBER, &people);
    let died = IdentityEvent {
        died: Some(date(2015, 3, 1)),
        ..event(1, IdentityEventType::Died, people[0], &[])
    };
    assert_eq!(world.try_apply(&[died]).unwrap().counts.applied, 1);
    for (number, is_granted) in [(people[0], true), (people[1], false)] {
        let case = world.ask_erasure("KPR", number, Scope::Whole).unwrap();
        let assessed = world.assess(case.id(), PublicInterest::Strong).unwrap();
        let known = is_granted.then(|| date(2015, 3, 1));
        assert_eq!(assessed.assessment().unwrap().died, known);
        let decided = world.decide_case(case.id(), Deciding::Grant(Scope::Whole));
        assert_eq!(decided.is_ok(), is_granted, "ten years after death (S-08)");
    }
}

#[test]
fn a_persons_cases_are_in_the_persons_report_and_in_nobody_elses() {
    let (world, people, _) = linked();
    let case = world.ask_erasure("NPR", people[0], Scope::Whole).unwrap();
    world.assess(case.id(), PublicInterest::Ordinary).unwrap();
    world.decide_case(case.id(), Deciding::Grant(period("2020-12-31"))).unwrap();
    for number in &people[..2] {
        let report = world.innsyn(*number);
        assert_eq!(report.cases.len(), 1);
        let told = &report.cases[0];
        assert_eq!((told.register.code.as_str(), told.state.as_str()), ("NPR", "ordered"));
        assert_eq!(told.text, "alle opplysninger; innvilget: opplysninger til og med 2020-12-31");
        assert!(!told.opened.is_empty() && !told.decided.is_empty());
    }
    assert!(world.innsyn(people[2]).cases.is_empty());
}
