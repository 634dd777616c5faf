//! Names and addresses in a vault over memory and over files.

use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::store::faulty::{Fault, FaultyStore};
use crate::store::memory::MemoryStore;
use crate::testing::{Keys, MemoryMarks, identifiers};
use crate::vault::{HighWater, Origin, PERSONS, Rows, Seen, Unknown};

struct World {
    keys: Keys,
    store: Arc<MemoryStore>,
    marks: Arc<MemoryMarks>,
}

impl World {
    fn new() -> Self {
        Self { keys: Keys::new(), store: Arc::default(), marks: Arc::default() }
    }

    fn open(&self) -> Vault {
        self.open_over(Arc::clone(&self.store) as Arc<dyn Store>)
    }

    fn open_over(&self, store: Arc<dyn Store>) -> Vault {
        let keyring = self.keys.open();
        let keys = [PERSONS, 3]
            .map(|partition| PartitionKeys::new(Arc::clone(&keyring), partition).unwrap());
        let high_water = Arc::clone(&self.marks) as Arc<dyn HighWater>;
        let entropy = Arc::new(Entropy::os());
        Vault::open(store, keys.into(), &|_| Seen::default(), &high_water, &entropy).unwrap()
    }
}

fn persons(vault: &Vault, partition: u16, count: usize) -> Vec<PersonNo> {
    let mut rows = Some(identifiers(count));
    let parse = |parsed: &mut Rows| parsed.extend(rows.take().unwrap_or_default());
    let origin = Origin { register: 4, source: "LOKAL".into(), seen: date(2026, 1, 15) };
    let found = vault.find(partition, count, parse).unwrap().finish(Unknown::Assign(&origin));
    found.unwrap().into_iter().map(Option::unwrap).collect()
}

fn contact(name: &str, address: &str) -> Contact {
    Contact::parse(name, address).unwrap()
}

fn kept(vault: &Vault, register: u16, person: PersonNo) -> Option<KeptContact> {
    vault.partitions[&PERSONS].contact(vault.store.as_ref(), (register, person)).unwrap()
}

/// Contact keys of a store, and their values.
fn records(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(Step::Continue)
    };
    store.scan(Key::all(Kind::Contact), visit).unwrap();
    found
}

#[test]
fn what_was_said_last_is_there_after_a_restart_and_the_same_again_writes_nothing() {
    let world = World::new();
    let vault = world.open();
    let who = persons(&vault, PERSONS, 3);
    let first = [(who[0], contact("Kari", "Vei 1")), (who[1], contact("", "Vei 2"))];
    assert_eq!(vault.keep_contacts(PERSONS, (4, 10), &first).unwrap(), 2);
    let before = records(world.store.as_ref());
    assert_eq!(vault.keep_contacts(PERSONS, (4, 20), &first).unwrap(), 0);
    assert_eq!(records(world.store.as_ref()), before);
    // Of one person in one batch the last row holds; what is not said stays.
    let second = [(who[0], contact("", "Vei 3")), (who[0], contact("", "Vei 4"))];
    assert_eq!(vault.keep_contacts(PERSONS, (4, 30), &second).unwrap(), 1);
    drop(vault);
    let vault = world.open();
    let found = kept(&vault, 4, who[0]).unwrap();
    assert_eq!((found.contact, found.since, found.said), (contact("Kari", "Vei 4"), 10, 30));
    assert_eq!(kept(&vault, 1, who[0]), None, "another register has nothing");
    assert_eq!(kept(&vault, 4, who[2]), None);
    let has = vault.has_contact(PERSONS, 4, who[1]).unwrap().unwrap();
    assert_eq!(has, HasContact { name: false, address: true, since: 10, said: 10 });
}

#[test]
fn keys_and_values_show_no_person_and_no_length() {
    let world = World::new();
    let vault = world.open();
    let who = persons(&vault, PERSONS, 2);
    let rows = [(who[0], contact("A", "")), (who[1], contact("Anne Lise", "Storgata 1"))];
    vault.keep_contacts(PERSONS, (4, 0), &rows).unwrap();
    let found = records(world.store.as_ref());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].1.len(), found[1].1.len());
    for (key, value) in &found {
        assert_eq!((key[0], key.len()), (0x11, 21));
        for text in ["Anne Lise", "Storgata"] {
            assert!(!value.windows(text.len()).any(|part| part == text.as_bytes()));
        }
        for person in &who {
            let number = person.number().to_be_bytes();
            assert!(!key.windows(5).any(|part| part == &number[3..]));
        }
    }
    // A record opens in its own place alone.
    let mut batch = Batch::new();
    let other = key_of(&vault.partitions[&PERSONS].shared.keys, who[0], 1);
    batch.put(other, found[0].1.clone());
    world.store.commit("move", batch, Durability::Synced).unwrap();
    assert!(vault.has_contact(PERSONS, 1, who[0]).is_err());
}

#[test]
fn an_erasure_in_one_register_leaves_the_others_and_a_forgotten_person_leaves_none() {
    let world = World::new();
    let vault = world.open();
    let who = persons(&vault, PERSONS, 20);
    let rows: Vec<_> = who.iter().map(|person| (*person, contact("N", "A"))).collect();
    for register in [1, 4] {
        assert_eq!(vault.keep_contacts(PERSONS, (register, 0), &rows).unwrap(), 20);
    }
    vault.erase_contacts(PERSONS, 4, &who[..2]).unwrap();
    assert!(kept(&vault, 4, who[0]).is_none() && kept(&vault, 1, who[0]).is_some());
    for _ in 0..2 {
        vault.erase(PERSONS, &who[1..19]).unwrap();
        assert_eq!(records(world.store.as_ref()).len(), 3);
    }
    assert!(kept(&vault, 1, who[0]).is_some() && kept(&vault, 4, who[19]).is_some());
    // Whoever is forgotten gets none any more.
    let late = vault.keep_contacts(PERSONS, (4, 1), &rows[1..2]);
    assert!(matches!(late, Err(Error::Erased)));
    assert_eq!(records(world.store.as_ref()).len(), 3);
}

#[test]
fn a_one_way_partition_keeps_no_name_and_no_address() {
    let world = World::new();
    let vault = world.open();
    let who = persons(&vault, 3, 1);
    let rows = [(who[0], contact("N", "A"))];
    assert!(matches!(vault.keep_contacts(3, (3, 0), &rows), Err(Error::NoPartition)));
    assert_eq!(vault.has_contact(3, 3, who[0]).unwrap(), None);
    assert!(records(world.store.as_ref()).is_empty());
    vault.erase_contacts(3, 3, &who).unwrap();
    assert!(!vault.has_failed());
}

#[test]
fn after_a_write_that_failed_nothing_is_written_until_the_vault_is_opened_again() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = World::new();
        let who = persons(&world.open(), PERSONS, 1);
        let rows = [(who[0], contact("N", "A"))];
        let inner = Arc::clone(&world.store) as Arc<dyn Store>;
        let vault = world.open_over(Arc::new(FaultyStore::after(inner, 0, fault)));
        assert!(vault.keep_contacts(PERSONS, (4, 0), &rows).is_err());
        assert!(vault.has_failed());
        assert!(matches!(vault.keep_contacts(PERSONS, (4, 1), &rows), Err(Error::Failed)));
        drop(vault);
        let vault = world.open();
        vault.keep_contacts(PERSONS, (4, 2), &rows).unwrap();
        assert_eq!(kept(&vault, 4, who[0]).unwrap().contact, rows[0].1);
    }
}

/// Goal: what an erased contact was sealed into is in no file of the store any more.
#[cfg(feature = "server")]
#[test]
fn no_file_of_the_store_has_what_an_erased_contact_was_sealed_into() {
    use crate::store::rocks::RocksStore;

    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault");
    drop(RocksStore::create(&path).unwrap());
    let store = Arc::new(RocksStore::open(&path).unwrap());
    let vault = world.open_over(Arc::clone(&store) as Arc<dyn Store>);
    let who = persons(&vault, PERSONS, 3);
    let rows: Vec<_> = who.iter().map(|person| (*person, contact("N", "A"))).collect();
    vault.keep_contacts(PERSONS, (4, 0), &rows).unwrap();
    let keys = &vault.partitions[&PERSONS].shared.keys;
    let value = |person: PersonNo| store.get(&key_of(keys, person, 4)).unwrap().unwrap();
    let sealed: Vec<Vec<u8>> = who.iter().map(|person| value(*person)[40..72].to_vec()).collect();
    let has = |part: &[u8]| {
        let entries = std::fs::read_dir(&path).unwrap();
        let mut files = entries.map(|one| std::fs::read(one.unwrap().path()).unwrap_or_default());
        files.any(|file| file.windows(part.len()).any(|window| window == part))
    };
    assert!(sealed.iter().all(|part| has(part)));
    vault.erase_contacts(PERSONS, 4, &who[..1]).unwrap();
    assert!(!has(&sealed[0]) && has(&sealed[1]) && has(&sealed[2]));
    vault.erase(PERSONS, &who[1..2]).unwrap();
    assert!(!has(&sealed[1]) && has(&sealed[2]));
}
