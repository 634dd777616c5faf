//! Orders to registers, and who is refused what by name.

use super::*;

#[test]
fn orders_are_read_again_and_again_and_confirmed_once() {
    let world = World::unsealed();
    let people = numbers(3);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    let cases: Vec<Case> =
        people[..2].iter().map(|number| world.erase("NPR", *number, Scope::Whole)).collect();
    for _ in 0..2 {
        let all = world.orders("NPR", 0);
        let told: Vec<_> = all.iter().map(|one| (one.number, one.ids.clone())).collect();
        assert_eq!(told, [(1, vec![ids[0]]), (2, vec![ids[1]])], "the ID that was");
        assert_eq!(world.orders("NPR", 1).len(), 1);
        assert!(world.orders("NPR", 2).is_empty() && world.orders("KPR", 0).is_empty());
        world.reseal();
    }
    assert_eq!(code(world.confirm("NPR", 3)), ErrorCode::OrderUnknown);
    assert_eq!(code(world.confirm("KPR", 1)), ErrorCode::OrderUnknown);
    world.confirm("NPR", 1).unwrap();
    assert_eq!(code(world.confirm("NPR", 1)), ErrorCode::OrderConfirmed);
    world.reseal();
    assert_eq!(code(world.confirm("NPR", 1)), ErrorCode::OrderConfirmed);
    let states: Vec<CaseState> = cases
        .iter()
        .map(|case| {
            let read = world.service.case(&world.rights_officer(), case.id()).unwrap();
            read.into_answer().0.state()
        })
        .collect();
    assert_eq!(states, [CaseState::Confirmed, CaseState::Ordered]);
    let orders = world.orders("NPR", 0);
    assert_eq!(orders[0].confirmed.as_ref().unwrap().by.as_str(), "s");
    assert!(orders[1].confirmed.is_none());
    // One source is not the register, and one register is not another.
    for (name, register) in [("a", "NPR"), ("p", "NPR"), ("s", "MSIS")] {
        let principal = world.access.by_name(&name.parse().unwrap()).unwrap();
        let register = || register.parse().unwrap();
        for right in
            [Right::ConfirmOrders { register: register() }, Right::Orders { register: register() }]
        {
            assert!(authorize(principal, right, date(2026, 1, 15)).is_err(), "{name}");
        }
    }
    let refused: Vec<String> =
        world.bodies().into_iter().filter(|body| body.contains(r#""action":"refused""#)).collect();
    assert_eq!(refused.len(), 4, "and they are recorded");
}

#[test]
fn a_withdrawn_consent_orders_deletion_and_ends_the_id() {
    let world = World::unsealed();
    let people = numbers(3);
    for person in &people {
        world.say("REHAB", *person, quality()).unwrap();
    }
    let ids = world.rehab(&people[..2]).ids;
    for person in [people[0], people[2]] {
        world.say("REHAB", person, Fact::ConsentWithdrawn).unwrap();
    }
    let orders = world.orders("REHAB", 0);
    assert_eq!(orders.len(), 1, "nothing is ordered of whom the register never had");
    assert_eq!((&orders[0].ids[..], &orders[0].scope), (&ids[..1], &Scope::Whole));
    assert_eq!((orders[0].reason, orders[0].case), (OrderReason::ConsentWithdrawn, None));
    assert_eq!(world.members("REHAB"), 1);
    assert_eq!(world.rights_of("REHAB", people[0]).unwrap().facts.len(), 2, "the ledger is kept");
    let again = world.say("REHAB", people[0], Fact::ConsentWithdrawn);
    assert_eq!(code(again), ErrorCode::ConsentNotGiven);
    let never = world.say("REHAB", numbers(4)[3], Fact::ConsentWithdrawn);
    assert_eq!(code(never), ErrorCode::PersonNotInRegister);
    assert_eq!(world.orders("REHAB", 0).len(), 1);
}

#[test]
fn whom_no_case_can_be_about_is_refused_by_name_and_recorded() {
    let world = World::unsealed();
    let people = numbers(4);
    world.report("NPR", DECEMBER, &people[..1]);
    world.report("KPR", DECEMBER, &people[1..3]);
    world.erase("KPR", people[1], Scope::Whole);
    for (number, expected) in [
        (people[0], ErrorCode::PersonNotInRegister),
        (people[1], ErrorCode::PersonErased),
        (people[3], ErrorCode::PersonNotInRegister),
    ] {
        assert_eq!(code(world.ask_erasure("KPR", number, Scope::Whole)), expected);
        let entry = world.last_with("refused");
        assert_eq!(entry["attempted"], "case_received");
        assert_eq!(entry["reason"], expected.as_str());
    }
    let future = world.ask_erasure("KPR", people[2], period("2026-02-01"));
    assert_eq!(code(future), ErrorCode::RuleRefuses);
    let refused = world.bodies();
    let refused = refused.iter().filter(|body| body.contains(r#""action":"refused""#));
    assert_eq!(refused.count(), 4);
    let unknown = CaseId::new(2026, 9).unwrap();
    assert_eq!(code(world.assess(unknown, PublicInterest::Strong)), ErrorCode::CaseUnknown);
    // A case is decided once, and after it was assessed.
    let case = world.ask_erasure("KPR", people[2], Scope::Whole).unwrap();
    assert_eq!(case.id().to_string(), "E-2026-0002");
    let early = world.decide_case(case.id(), Deciding::Grant(Scope::Whole));
    assert_eq!(code(early), ErrorCode::StepOutOfOrder);
    assert_eq!(world.last_with("refused")["attempted"], "erasure_ordered");
    world.assess(case.id(), PublicInterest::Strong).unwrap();
    let refused = world.decide_case(case.id(), Deciding::Grant(Scope::Whole));
    assert_eq!(code(refused), ErrorCode::RuleRefuses);
    world.assess(case.id(), PublicInterest::Ordinary).unwrap();
    world.decide_case(case.id(), Deciding::Grant(Scope::Whole)).unwrap();
    assert_eq!(
        code(world.decide_case(case.id(), Deciding::Grant(Scope::Whole))),
        ErrorCode::StepOutOfOrder
    );
    // Two cases about the same data: the second finds nothing more.
    world.report("NPR", DECEMBER, &people[3..]);
    let twice = [0, 1].map(|_| world.ask_erasure("NPR", people[3], Scope::Whole).unwrap().id());
    twice.iter().for_each(|id| drop(world.assess(*id, PublicInterest::Ordinary).unwrap()));
    world.decide_case(twice[0], Deciding::Grant(Scope::Whole)).unwrap();
    let again = world.decide_case(twice[1], Deciding::Grant(Scope::Whole));
    assert_eq!(code(again), ErrorCode::PersonErased);
    // No entry has an identifier, or the person's words.
    for body in world.bodies() {
        let holds = people.iter().any(|number| body.contains(&number.to_string()));
        assert!(!holds && !body.contains("stående"), "{body}");
    }
    for (name, right) in [("f", Right::Disclose), ("o", Right::Operate), ("r", Right::ReadAudit)] {
        let permit = world.permit(name, right);
        let refused = world.service.cases(&permit, |_| true, CasePage::default());
        assert_eq!(code(refused), ErrorCode::NotAllowed);
        assert_eq!(code(world.service.plan_retention(&permit)), ErrorCode::NotAllowed);
    }
    let page = CasePage::default();
    let listed = world.service.cases(&world.rights_officer(), Case::is_open, page).unwrap();
    assert_eq!(listed.into_answer().0.cases.len(), 1);
    let mut page = CasePage { after: None, limit: 2 };
    let mut seen = Vec::new();
    loop {
        let listed = world.service.cases(&world.rights_officer(), |_| true, page).unwrap();
        let listed = listed.into_answer().0;
        seen.extend(listed.cases.iter().map(|one| one.id.number()));
        if listed.more == crate::registers::More::No {
            break;
        }
        page.after = listed.cases.last().map(|one| one.id);
    }
    assert_eq!(seen, [4, 3, 2, 1]);
}
