//! What sealing ends, waits for, and leaves in the log.

use super::*;
use crate::store::records::Plane as StorePlane;

fn open_delivery(world: &World) -> Delivery {
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap()
}

/// Goal: a sender who always has a batch under way is ended too.  Method: what a batch holds is held
/// here while the server is sealed.
#[test]
fn a_stream_is_refused_from_the_moment_of_sealing_however_many_batches_are_under_way() {
    let world = World::unsealed();
    let delivery = open_delivery(&world);
    send(&delivery, &numbers(10)).unwrap();
    let mapped = delivery.map(batch(&numbers(20))).unwrap();
    let under_way = world.service.open_now().unwrap();
    let (service, operator) = (Arc::clone(&world.service), world.operator());
    let sealing = std::thread::spawn(move || service.seal(&operator));
    while !under_way.is_closing() {
        std::thread::yield_now();
    }
    let refused = delivery.map(batch(&numbers(30))).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServerSealed);
    let refused = delivery.submit(mapped).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServerSealed);
    assert!(!sealing.is_finished(), "it waits for what is under way");
    drop(under_way);
    sealing.join().unwrap().unwrap();
    world.unseal();
    let bodies = world.bodies();
    let sealed = bodies.iter().position(|body| body.contains("\"action\":\"sealed\"")).unwrap();
    let last = bodies.iter().rposition(|body| body.contains("\"action\":\"ingest\"")).unwrap();
    assert!(last < sealed, "no row is answered after the entry that says sealed");
}

#[test]
fn who_opened_the_server_is_in_the_log_whatever_was_refused_before() {
    let shared = Shared::new();
    for _ in 0..300 {
        assert_eq!(shared.refused("a", &shared.vault[0]), ErrorCode::NotAllowed);
    }
    for shares in [&shared.registers, &shared.vault] {
        shared.give("kari", &shares[0]).unwrap();
        shared.give("ola", &shares[1]).unwrap();
    }
    assert_eq!(shared.state(), State::Open);
    let bodies = shared.world.bodies();
    let given = bodies.iter().filter(|body| body.contains("\"action\":\"share_given\""));
    assert_eq!(given.count(), 4);
    assert!(bodies.iter().any(|body| body.contains("\"left_out\":44")));
}

#[test]
fn shares_that_are_thrown_away_leave_an_entry_that_says_by_whom() {
    let shared = Shared::new();
    shared.give("kari", &shared.registers[0]).unwrap();
    shared.world.service.seal(&shared.world.operator()).unwrap();
    shared.give("kari", &shared.registers[0]).unwrap();
    shared.world.service.seal_by_signal();
    shared.give("ola", &shared.registers[1]).unwrap();
    let kept = u64::from(Seal::DEFAULT.shares_kept_minutes) * 60;
    shared.world.clock.advance(Duration::from_secs(kept));
    shared.world.service.seal_if_idle();
    shared.world.unseal();
    let bodies = shared.world.bodies();
    let forgotten: Vec<&String> =
        bodies.iter().filter(|body| body.contains("towards opening is forgotten")).collect();
    assert_eq!(forgotten.len(), 3, "{bodies:?}");
    assert!(forgotten[0].contains("\"principal\":\"o\""));
    assert!(forgotten[1].contains("by signal"));
    assert!(forgotten[2].contains("did not come in time"));
}

#[test]
fn a_server_that_is_reopening_its_stores_is_sealed_with_an_entry_and_without_its_keys() {
    let world = World::new();
    *world.stores.fault.lock().unwrap() = Some((StorePlane::Registers, 12, Fault::Lost));
    world.unseal();
    // The stores are not reopened before this is gone.
    let under_way = world.service.open_now().unwrap();
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let people = numbers(2000);
    let failed = people.chunks(20).any(|chunk| world.deliver(&request, chunk).is_err());
    assert!(failed);
    assert_eq!(world.service.status(Detail::Public).state, State::Degraded);
    let keys = Arc::downgrade(&under_way.keys().keyring);
    let (service, operator) = (Arc::clone(&world.service), world.operator());
    let sealing = std::thread::spawn(move || service.seal(&operator));
    while world.service.status(Detail::Public).state != State::Sealed {
        std::thread::yield_now();
    }
    drop(under_way);
    sealing.join().unwrap().unwrap();
    assert!(keys.upgrade().is_none(), "whoever sealed it knows that the keys are gone");
    world.unseal();
    let bodies = world.bodies();
    let is_it = |body: &&String| body.contains("\"action\":\"sealed\"") && body.contains("\"o\"");
    assert_eq!(bodies.iter().filter(is_it).count(), 1, "{bodies:?}");
}
