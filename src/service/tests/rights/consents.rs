//! Registers on consent: who is taken in, who is disclosed, and what an end of a consent ends.

use super::*;
use crate::config::budgets::BudgetLimits;
use crate::disclosure::words::{Authority, DecisionKind};

#[test]
fn a_register_on_consent_takes_in_who_consents_and_nobody_else() {
    let world = World::unsealed();
    let people = numbers(4);
    world.ingest("NPR", "HF", &people[..2]);
    // The first is known to the vault, the third is not.
    world.say("REHAB", people[0], quality()).unwrap();
    assert_eq!(world.persons_known(), 2);
    world.say("REHAB", people[2], quality()).unwrap();
    assert_eq!(world.persons_known(), 3, "the consent has recorded the person");
    let answered = world.rehab(&people);
    assert_eq!(suppressed(&answered), [1, 3]);
    assert_eq!(answered.new_members, 2);
    assert_eq!(world.persons_known(), 3, "who does not consent is not even assigned");
    world.reseal();
    assert_eq!(world.rehab(&people).ids, answered.ids, "after a restart");
    let look_up = World::request("REHAB", "LOKAL", IngestMode::ResolveOnly);
    let looked_up = world.deliver(&look_up, &people).unwrap();
    assert_eq!(looked_up.ids, answered.ids);
}

#[test]
fn a_withdrawn_consent_stops_ingest_and_look_ups_and_keeps_the_ledger() {
    let world = World::unsealed();
    let people = numbers(2);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    let ids = world.rehab(&people).ids;
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    for _ in 0..2 {
        assert_eq!(suppressed(&world.rehab(&people)), [0]);
        let look_up = World::request("REHAB", "LOKAL", IngestMode::ResolveOnly);
        assert_eq!(suppressed(&world.deliver(&look_up, &people).unwrap()), [0]);
        world.reseal();
    }
    let view = world.rights_of("REHAB", people[0]).unwrap();
    assert_eq!(view.consent, None);
    let facts: Vec<Fact> = view.facts.into_iter().map(|fact| fact.fact).collect();
    assert_eq!(facts, [quality(), Fact::ConsentWithdrawn], "kept (S-25)");
    world.say("REHAB", people[0], quality()).unwrap();
    let again = world.rehab(&people).ids;
    assert_eq!(again[1], ids[1]);
    assert!(
        again[0] != 0 && again[0] != ids[0],
        "what stood under the ID before is deleted (S-25)"
    );
    world.reseal();
    assert_eq!(world.rehab(&people).ids, again);
}

#[test]
fn a_batch_that_was_mapped_before_a_withdrawal_is_looked_at_again() {
    let world = World::unsealed();
    let people = numbers(3);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    // The first is a member, the others join with the batch.
    world.rehab(&people[..1]);
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
    let delivery =
        world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap();
    let mapped = delivery.map(batch(&people)).unwrap();
    for person in &people[..2] {
        world.say("REHAB", *person, Fact::ConsentWithdrawn).unwrap();
    }
    let answered = wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0;
    assert_eq!(suppressed(&answered), [0, 1]);
    assert_eq!(answered.new_members, 1);
    let finished = delivery.finish(DeliveryState::Complete).unwrap();
    let summary = delivery.summary(&wait(&delivery, finished).unwrap());
    assert_eq!((summary.answered, summary.persons), (1, 1));
    let detail = world.service.status(Detail::Full).detail.unwrap();
    let rehab = detail.registers.iter().find(|(register, _)| register == "REHAB").unwrap();
    assert_eq!(rehab.1, 1, "whose consent had ended did not join, and who had joined is gone");
}

#[test]
fn a_disclosure_of_a_register_on_consent_has_who_consents_to_its_purpose() {
    let world = World::unsealed();
    let people = numbers(3);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    let ids = world.rehab(&people).ids;
    let request = REQUEST
        .replace("\"research\"", "\"quality_improvement\"")
        .replace("352601810", "396030829")
        .replace("[\"NPR\", \"KPR\"]", "[\"REHAB\"]");
    let mut decided = Decision {
        authority: Authority::Helsedirektoratet,
        kind: DecisionKind::Dispensation,
        ..decision()
    };
    decided.terms.registers.truncate(1);
    decided.terms.registers[0].register = "REHAB".to_owned();
    let id = world.disclosure_with(&request, decided);
    assert!(suppressed(&world.serials(id, "REHAB", &ids).unwrap()).is_empty());
    let issuing = world.service.open_serials(&world.officer(), id).unwrap();
    let mapped = issuing.map("REHAB", &ids).unwrap();
    world.say("REHAB", people[1], Fact::ConsentWithdrawn).unwrap();
    // The ID is nobody's, also in what was mapped before.
    let mapped = done(&issuing, issuing.submit(mapped).unwrap()).unwrap().into_answer().0;
    for answered in [mapped, world.serials(id, "REHAB", &ids).unwrap()] {
        let notes: Vec<_> = answered.notes.iter().map(|note| (note.row, note.code)).collect();
        assert_eq!(notes, [(1, RowCode::Unknown)]);
    }
}

#[test]
fn a_number_without_consent_costs_what_a_new_one_would() {
    let limits = BudgetLimits { assignments_max: 5, misses_max: 5, persons_max: 5 };
    let world = World::with(Budgets { period_days: 7, limits }, ACCESS);
    world.unseal();
    let people = numbers(12);
    world.say("REHAB", people[0], quality()).unwrap();
    world.say("REHAB", people[11], quality()).unwrap();
    let request = World::request("REHAB", "LOKAL", IngestMode::ResolveOrAssign);
    let permit = world.permit("a", request.right());
    let delivery = world.service.open_delivery(&permit, &request).unwrap();
    let answered = send(&delivery, &people).unwrap();
    let codes: Vec<RowCode> = answered.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes[..4], [RowCode::Suppressed; 4]);
    assert_eq!(codes[4..], [RowCode::BudgetSpent; 7], "with or without consent alike");
    assert!(answered.ids[0] != 0 && answered.ids[11] == 0);
    // Whom the client was told about costs nothing again.
    assert_eq!(send(&delivery, &people[..1]).unwrap().ids, answered.ids[..1]);
}

#[test]
fn a_consent_whose_commit_failed_in_either_plane_is_given_by_saying_it_again() {
    for (plane, commits) in [(Plane::Registers, 1), (Plane::Vault, 0)] {
        for fault in [Fault::Lost, Fault::Uncertain] {
            let world = World::unsealed();
            let people = numbers(2);
            world.service.seal(&world.operator()).unwrap();
            *world.stores.fault.lock().unwrap() = Some((plane, commits, fault));
            world.unseal();
            let failed = world.say("REHAB", people[0], quality());
            assert_eq!(code(failed), ErrorCode::CommitUncertain, "{plane:?} {fault:?}");
            world.wait_until_open();
            world.say("REHAB", people[0], quality()).unwrap();
            let answered = world.rehab(&people);
            assert_eq!(suppressed(&answered), [1]);
            world.reseal();
            assert_eq!(world.rehab(&people).ids, answered.ids);
        }
    }
}
