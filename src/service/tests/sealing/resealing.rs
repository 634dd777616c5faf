//! Goal: what older keys have sealed is sealed anew while the server works, and then they may go.
//! Method: every key that seals gets a successor; piece by piece, with deliveries in between, and the
//! server sealed in the midst of it; then the old keys are destroyed, and every record is verified.

use super::super::verify::{keys, put, records, verified, world};
use super::*;
use crate::keyring::{KeyFacts, KeyState, OldErasureKey, Purpose};
use crate::store::records::Plane as StorePlane;

const SEALING: [Purpose; 5] = [
    Purpose::AuditStorage,
    Purpose::Identity,
    Purpose::OnewayTagStorage,
    Purpose::RegisterStorage,
    Purpose::TagStorage,
];

impl World {
    fn rotate_sealing(&self) {
        for plane in [Plane::Registers, Plane::Vault] {
            edit(self, |editor| editor.rotate_sealing(plane));
        }
    }

    /// One piece: the clock stands still.
    fn reseal_piece(&self) {
        self.service.reseal_for(Duration::ZERO);
    }

    fn reseal_all(&self) {
        self.service.reseal_for(Duration::MAX);
    }

    fn older(&self) -> [u64; 2] {
        let open = self.service.current_open().unwrap();
        [open.registers.older_count().unwrap(), open.vault.older_count().unwrap()]
    }

    fn resealed(&self) -> Vec<String> {
        let is_it = |body: &String| body.contains("records_resealed");
        self.bodies().into_iter().filter(is_it).collect()
    }

    /// The same, of a server that may be reopening its stores.
    fn resealed_if(&self, is_open: bool) -> Vec<String> {
        let permit = self.permit("r", Right::ReadAudit);
        let Some(Ok(entries)) = is_open.then(|| self.service.audit_entries(&permit, 0, 0)) else {
            return Vec::new();
        };
        let body =
            |entry: Result<AuditRecord, Error>| Some(String::from_utf8(entry.ok()?.body).unwrap());
        entries.filter_map(body).filter(|body| body.contains("records_resealed")).collect()
    }

    fn destroy_older(&self) {
        edit(self, |editor| {
            let is_older = |key: &KeyFacts| {
                key.state == KeyState::DecryptOnly && SEALING.contains(&key.purpose)
            };
            let older: Vec<_> = editor.keys().into_iter().filter(is_older).collect();
            assert!(older.len() >= SEALING.len(), "{older:?}");
            older.iter().try_for_each(|key| editor.destroy(key.id, OldErasureKey::Destroy))
        });
    }
}

#[test]
fn what_older_keys_have_sealed_is_sealed_anew_while_ingest_goes_on_and_then_they_may_go() {
    let world = world();
    world.rotate_sealing();
    world.unseal();
    let people = numbers(240);
    let first = world.ingest("NPR", "HF", &people[..40]);
    let [registers, vault] = world.older();
    assert!(registers > 60 && vault > 1, "{registers} and {vault}");
    let mut turns = 0;
    while world.resealed().is_empty() {
        world.reseal_piece();
        let next = 40 + 10 * turns;
        world.ingest("NPR", "HF", &people[next..next + 10]);
        if turns == 1 {
            let [left, _] = world.older();
            assert!((1..registers).contains(&left), "{left} of {registers}");
            // What is left is begun again.
            world.reseal();
        }
        turns += 1;
    }
    assert!(turns >= 3, "{turns} turns: it was not stopped in the midst");
    assert_eq!(world.older(), [0, 0]);
    let entry = &world.resealed()[0];
    assert!(entry.contains("registers: ") && entry.contains("vault: "), "{entry}");
    assert!(!entry.contains("do not open"), "{entry}");
    world.reseal_all();
    assert_eq!(world.resealed().len(), 1, "what is done is done once");

    world.service.seal(&world.operator()).unwrap();
    world.destroy_older();
    assert_eq!(verified(&world, &keys(&world)).1, [""; 0]);
    world.unseal();
    assert_eq!(world.ingest("NPR", "HF", &people[..40]), first);
    world.reseal_all();
    assert_eq!(world.resealed().len(), 1, "nothing older is left to look for");
}

#[test]
fn without_an_older_key_nothing_is_written() {
    let world = world();
    world.unseal();
    let before = [&world.stores.registers, &world.stores.vault].map(|store| records(store));
    world.reseal_all();
    assert_eq!([&world.stores.registers, &world.stores.vault].map(|store| records(store)), before);
}

#[test]
fn records_that_do_not_open_are_named_in_the_entry_and_keep_their_key_alive() {
    let world = world();
    world.rotate_sealing();
    let of = |store: &MemoryStore, kind: Kind| {
        records(store).into_iter().find(|(key, _)| key[0] == kind.code()).unwrap()
    };
    let broken =
        [(&world.stores.registers, Kind::DeliveryPersons), (&world.stores.vault, Kind::Group)];
    for (store, kind) in broken {
        let (key, mut value) = of(store, kind);
        *value.last_mut().unwrap() ^= 1;
        put(store, &key, Some(value));
    }
    world.unseal();
    world.reseal_all();
    assert_eq!(world.older(), [1, 1]);
    let entry = &world.resealed()[0];
    assert!(entry.contains("registers: 1 do not open"), "{entry}");
    assert!(entry.contains("vault: 1 do not open"), "{entry}");
}

#[test]
fn a_write_that_fails_while_records_are_sealed_anew_loses_nothing() {
    for plane in [StorePlane::Registers, StorePlane::Vault] {
        for fault in [Fault::Lost, Fault::Uncertain] {
            let world = world();
            world.rotate_sealing();
            world.unseal();
            let people = numbers(40);
            let before = world.ingest("NPR", "HF", &people);
            world.service.seal(&world.operator()).unwrap();
            // Unsealing writes one entry to the register plane.
            let commits = u64::from(plane == StorePlane::Registers);
            *world.stores.fault.lock().unwrap() = Some((plane, commits, fault));
            world.unseal();
            world.reseal_all();
            let is_open = || world.service.current_open().is_some_and(|open| !open.has_failed());
            let real = crate::clock::SystemClock::new();
            let give_up = real.monotonic() + Duration::from_secs(60);
            while world.resealed_if(is_open()).is_empty() {
                assert!(real.monotonic() < give_up, "{plane:?} {fault:?}: it goes on");
                world.reseal_all();
                std::thread::yield_now();
            }
            assert_eq!(world.older(), [0, 0]);
            assert_eq!(world.ingest("NPR", "HF", &people), before);
            world.service.seal(&world.operator()).unwrap();
            assert_eq!(verified(&world, &keys(&world)).1, [""; 0]);
        }
    }
}
