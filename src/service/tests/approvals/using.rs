//! The act that uses an approval: once, exactly, by who asked, in one commit.

use super::*;

#[test]
fn what_one_person_asked_for_and_another_approved_is_done_once() {
    let world = world();
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
    let id = world.asked();
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
    assert_eq!(world.decide("ola", id, Verdict::Approve).unwrap(), State::Approved);
    let index = world.bridge("kari", &parameters("ssb")).unwrap();
    assert!(world.is_bridged());
    assert_eq!(world.state_of(id), State::Used);
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
    world.reseal();
    assert_eq!(world.state_of(id), State::Used, "also after a restart");
    refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalRequired);
    let bodies = world.bodies();
    let at = usize::try_from(index).unwrap();
    assert_eq!(Entry::decode(&bodies[at]).unwrap().action, Action::LogExported);
    assert_eq!(Entry::decode(&bodies[at - 1]).unwrap().action, Action::ApprovalUsed);
}

#[test]
fn only_exactly_what_was_approved_is_done() {
    let world = world();
    let id = world.approved();
    refused(world.bridge("kari", &parameters("another")), ErrorCode::ApprovalRequired);
    refused(world.bridge("kari", &Parameters::default()), ErrorCode::ApprovalRequired);
    refused(world.bridge("ola", &parameters("ssb")), ErrorCode::ApprovalRequired);
    let permit = world.permit("kari", Right::RequestApprovals);
    let open = world.service.open_now().unwrap();
    for (act, subject) in [(Act::BridgeIn, SUBJECT), (Act::BridgeOut, "disclosure 26-0018 to SSB")]
    {
        let other = parameters("ssb");
        let taken = world.service.take_approval(&open, &permit, (act, subject), &other);
        refused(taken, ErrorCode::ApprovalRequired);
    }
    assert_eq!(world.state_of(id), State::Approved);
    world.bridge("kari", &parameters("ssb")).unwrap();
}

#[test]
fn an_approver_whose_role_has_ended_approves_nothing_and_voids_what_they_approved() {
    let world = world();
    let (given, waiting) = (world.approved(), world.ask("kari", &bridge_to("hunt")).unwrap());
    for people in
        [with("ola", "'officer'", ""), with("ola", "'approver'", "valid_to = '2026-01-14'")]
    {
        world.use_people(&people);
        let late = world.decide("ola", waiting.approval.id, Verdict::Approve);
        refused(late, ErrorCode::NotAllowed);
        refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalVoid);
    }
    world.use_people(&PEOPLE);
    world.bridge("kari", &parameters("ssb")).unwrap();
    assert_eq!(world.state_of(given), State::Used);
}

#[test]
fn what_was_asked_for_by_who_lost_the_role_since_is_void() {
    let world = world();
    let (given, waiting) = (world.approved(), world.ask("kari", &bridge_to("hunt")).unwrap());
    let waiting = waiting.approval.id;
    for people in [
        with("kari", "'rights'", ""),
        with("kari", "'officer'", "valid_to = '2026-01-14'"),
        with("kari", "'officer'", "person = 'somebody'"),
    ] {
        world.use_people(&people);
        refused(world.decide("ola", waiting, Verdict::Approve), ErrorCode::ApprovalVoid);
        refused(world.bridge("kari", &parameters("ssb")), ErrorCode::ApprovalVoid);
    }
    assert_eq!(world.decide("ola", waiting, Verdict::Refuse).unwrap(), State::Refused);
    world.use_people(&PEOPLE);
    world.bridge("kari", &parameters("ssb")).unwrap();
    assert_eq!(world.state_of(given), State::Used);
}

#[test]
fn what_is_taken_and_not_done_can_be_taken_again() {
    let world = world();
    world.approved();
    let permit = world.permit("kari", Right::RequestApprovals);
    let open = world.service.open_now().unwrap();
    let take = || {
        let parameters = parameters("ssb");
        world.service.take_approval(&open, &permit, (Act::BridgeOut, SUBJECT), &parameters)
    };
    let held = take().unwrap();
    refused(take(), ErrorCode::ApprovalRequired);
    refused(world.withdraw("kari", held.id()), ErrorCode::ApprovalClosed);
    drop(held);
    drop(take().unwrap());
    let id = world.listed(&world.permit("r", Right::SeeApprovals), None)[0];
    assert_eq!(world.withdraw("kari", id).unwrap(), State::Withdrawn);
}

#[test]
fn what_was_taken_before_the_server_was_opened_again_is_not_used() {
    let world = world();
    let id = world.approved();
    let permit = world.permit("kari", Right::RequestApprovals);
    let open = world.service.open_now().unwrap();
    let act = (Act::BridgeOut, SUBJECT);
    let held = world.service.take_approval(&open, &permit, act, &parameters("ssb")).unwrap();
    drop(open);
    world.reseal();
    let open = world.service.open_now().unwrap();
    let entry = world.service.entry(actor(&permit), Action::LogExported);
    assert!(open.registers.record_approved_act_and_wait(entry, Vec::new(), held, ()).is_err());
    assert_eq!(world.state_of(id), State::Approved);
    world.bridge("kari", &parameters("ssb")).unwrap();
}

#[test]
fn many_threads_together_use_one_approval_once() {
    let world = Arc::new(world());
    world.approved();
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let world = Arc::clone(&world);
            std::thread::spawn(move || world.bridge("kari", &parameters("ssb")).is_ok())
        })
        .collect();
    let done = threads.into_iter().map(|one| one.join().unwrap()).filter(|done| *done).count();
    assert_eq!(done, 1);
}

#[test]
fn a_commit_that_fails_leaves_act_and_approval_both_done_or_both_undone() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        for commits in 0..5 {
            let world = World::with(Budgets::DEFAULT, &access_of(&PEOPLE));
            *world.stores.fault.lock().unwrap() = Some((Plane::Registers, commits, fault));
            if world.service.unseal(&world.operator(), passphrase()).is_err() {
                world.unseal();
            }
            let retry = |work: &dyn Fn() -> Result<bool, Error>| loop {
                match work() {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{error:?}"),
                }
                std::thread::yield_now();
            };
            let asked = Mutex::new(None);
            retry(&|| {
                *asked.lock().unwrap() = Some(world.ask("kari", &bridge_to("ssb"))?.approval.id);
                Ok(true)
            });
            let id = asked.lock().unwrap().unwrap();
            retry(&|| match world.decide("ola", id, Verdict::Approve) {
                // An uncertain decision was durable after all.
                Err(error) if error.code() == ErrorCode::ApprovalClosed => Ok(true),
                decided => decided.map(|_| true),
            });
            retry(&|| {
                let done = world.bridge("kari", &parameters("ssb"));
                let is_open = world.service.open_now().is_ok();
                if is_open {
                    let permit = world.permit("r", Right::SeeApprovals);
                    if let Ok(found) = world.service.approval(&permit, &id) {
                        assert_eq!(found.state == State::Used, world.is_bridged(), "{fault:?}");
                    }
                }
                match done {
                    Err(error) if error.code() == ErrorCode::ApprovalRequired => Ok(true),
                    done => done.map(|_| true),
                }
            });
            assert_eq!(world.state_of(id), State::Used, "{fault:?} {commits}");
            // Reading the log is recorded, and that commit may be the one that fails.
            let auditor = world.permit("r", Right::ReadAudit);
            retry(&|| world.service.audit_checkpoint(&auditor).map(|_| true));
            let bodies = world.bodies();
            let count = |action: &str| {
                let field = format!("\"action\":\"{action}\"");
                bodies.iter().filter(|body| body.contains(&field)).count()
            };
            assert_eq!(
                (count("approval_used"), count("log_exported")),
                (1, 1),
                "{fault:?} {commits}"
            );
        }
    }
}
