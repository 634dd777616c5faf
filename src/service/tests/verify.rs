//! Goal: whatever single record of either store is damaged, moved or removed, `verify` says where.
//! Method: a world with every common kind of record, of which each record is damaged in turn.

use super::rights::reserved;
use super::*;
use crate::keyring::Unsealing;
use crate::service::setup::verify::{Verified, check};
use crate::store::finding::Findings;
use crate::store::records::encode_mark;
use crate::store::{Batch, Durability, Step};

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// A world that was sealed after many things were done in it.
pub(super) fn world() -> World {
    let world = World::unsealed();
    let people = numbers(40);
    let npr = world.ingest("NPR", "HF", &people);
    world.ingest("KPR", "KUHR", &people[..30]);
    let mut historical = World::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
    historical.purpose = IngestPurpose::HistoricalImport;
    world.deliver(&historical, &people[..5]).unwrap();
    let look_up = World::request("NPR", "HF", IngestMode::ResolveOnly);
    world.deliver(&look_up, &people[..3]).unwrap();
    world.say("KPR", people[0], reserved("with_identifier")).unwrap();
    let (closed, open) = (world.disclosure(), world.disclosure());
    for id in [closed, open] {
        world.serials(id, "NPR", &npr).unwrap();
    }
    drop(world.service.close_disclosure(&world.officer(), closed).unwrap());
    world.service.seal(&world.operator()).unwrap();
    world
}

pub(super) fn keys(world: &World) -> OpenKeys {
    let sealed = open::load_key_file(&world.service.parts.config).unwrap();
    let mut unsealing = Unsealing::of(sealed);
    unsealing.give_passphrase(&passphrase()).unwrap();
    OpenKeys::unseal(unsealing).unwrap()
}

pub(super) fn verified(world: &World, keys: &OpenKeys) -> (Verified, Vec<String>) {
    let mut findings = Findings::default();
    let verified = check(&world.service.parts, keys, &mut findings).unwrap();
    (verified, findings.kept().iter().map(ToString::to_string).collect())
}

pub(super) fn records(store: &MemoryStore) -> Records {
    let mut found = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(Step::Continue)
    };
    store.scan(Key::everything(), &mut visit).unwrap();
    found
}

pub(super) fn put(store: &MemoryStore, key: &[u8], value: Option<Vec<u8>>) {
    let (mut batch, key) = (Batch::new(), Key::parse(key).unwrap().1);
    match value {
        Some(value) => batch.put(key, value),
        None => batch.remove(key),
    }
    store.commit("test", batch, Durability::Synced).unwrap();
}

#[test]
fn a_whole_installation_is_verified_and_counted() {
    let world = world();
    let (verified, findings) = verified(&world, &keys(&world));
    assert_eq!(findings, [""; 0]);
    assert_eq!(verified.persons, 45, "those of the one-way register have numbers of their own");
    let members: Vec<_> = verified.members.iter().filter(|(_, count)| *count > 0).collect();
    let expected = [("NPR", 40), ("KPR", 30), ("IPLOS", 5)];
    assert_eq!(members.len(), expected.len());
    for (code, count) in expected {
        assert!(members.contains(&&(code.to_owned(), count)), "{code} in {members:?}");
    }
    assert!(verified.entries > 10 && verified.records > verified.entries * 2);
}

#[test]
fn each_record_that_is_damaged_is_found_in_its_place() {
    let world = world();
    let keys = keys(&world);
    let mut kinds = HashSet::new();
    for store in [&world.stores.vault, &world.stores.registers] {
        for (key, value) in records(store) {
            let kind = Key::parse(&key).unwrap().0;
            // A marker and marks are in clear, and compared: below.
            if matches!(kind, Kind::Marker | Kind::HighWater | Kind::IndexMark)
                || matches!(kind, Kind::VaultLease | Kind::VaultUsed)
            {
                continue;
            }
            kinds.insert(kind.code());
            let mut damaged = value.clone();
            *damaged.last_mut().unwrap() ^= 1;
            put(store, &key, Some(damaged));
            let (_, findings) = verified(&world, &keys);
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let index = u64::from_be_bytes(*key.last_chunk().unwrap_or(&[0; 8]));
            let is_it = |finding: &String| {
                finding.contains(&hex) || finding.contains(&format!("entry {index}"))
            };
            assert!(findings.iter().any(is_it), "{} {hex}: {findings:?}", kind.name());
            put(store, &key, Some(value));
        }
    }
    assert!(kinds.len() >= 15, "{kinds:?}");
    assert_eq!(verified(&world, &keys).1, [""; 0]);
}

#[test]
fn records_that_are_gone_are_missed_where_others_speak_of_them() {
    let world = world();
    let keys = keys(&world);
    let spoken_of = [Kind::Group, Kind::AuditBody, Kind::AuditLeaf, Kind::Disclosure, Kind::Delta];
    for store in [&world.stores.vault, &world.stores.registers] {
        for (key, value) in records(store) {
            let kind = Key::parse(&key).unwrap().0;
            if spoken_of.contains(&kind) {
                put(store, &key, None);
                let (_, findings) = verified(&world, &keys);
                assert!(!findings.is_empty(), "{} {key:02x?}", kind.name());
                put(store, &key, Some(value));
            }
        }
    }
}

#[test]
fn a_record_in_anothers_place_and_a_key_of_nothing_are_found() {
    let world = world();
    let keys = keys(&world);
    let store = &world.stores.registers;
    let bodies: Records = {
        let all = records(store).into_iter();
        all.filter(|(key, _)| key[0] == Kind::AuditBody.code()).take(2).collect()
    };
    put(store, &bodies[0].0, Some(bodies[1].1.clone()));
    let (_, findings) = verified(&world, &keys);
    assert!(findings.iter().any(|one| one.starts_with("audit log entry 0:")), "{findings:?}");
    put(store, &bodies[0].0, Some(bodies[0].1.clone()));

    let group = records(&world.stores.vault).pop().unwrap();
    put(store, &group.0, Some(group.1));
    let (_, findings) = verified(&world, &keys);
    assert!(findings.iter().any(|one| one.ends_with("it is a record of the vault")));
}

#[test]
fn marks_that_were_lowered_are_found_against_the_others() {
    let world = world();
    let keys = keys(&world);
    for (store, key) in
        [(&world.stores.vault, Key::high_water(0)), (&world.stores.registers, Key::high_water(1))]
    {
        let before = store.get(&key).unwrap().unwrap();
        put(store, key.as_bytes(), Some(encode_mark(0)));
        let (_, findings) = verified(&world, &keys);
        assert!(findings.iter().any(|one| one.contains("behind the key file")), "{findings:?}");
        put(store, key.as_bytes(), Some(before));
    }
}
