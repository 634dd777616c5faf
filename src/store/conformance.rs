//! One suite for every implementation of [`Store`].

use std::sync::Arc;

use super::faulty::{Fault, FaultyStore};
use super::keys::{Key, Kind};
use super::memory::MemoryStore;
use super::{Batch, Durability, Error, Step, Store};

fn contents(store: &dyn Store) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .scan(Key::all(Kind::AuditLeaf), &mut |key, value| {
            found.push((Key::trailing_u64(key)?, value.to_vec()));
            Ok(Step::Continue)
        })
        .unwrap();
    found
}

fn suite(store: &dyn Store) {
    let mut batch = Batch::new();
    for index in [3_u64, 1, 300, 2] {
        batch.insert(Key::audit_leaf(index), vec![u8::try_from(index % 251).unwrap()]);
    }
    batch.insert(Key::audit_body(1), b"another kind".to_vec());
    store.commit("test", batch, Durability::Synced).unwrap();
    let order: Vec<u64> = contents(store).iter().map(|(index, _)| *index).collect();
    assert_eq!(order, [1, 2, 3, 300], "a scan is in byte order and stays in its kind");

    let mut batch = Batch::new();
    batch.put(Key::audit_leaf(9), vec![9]);
    batch.insert(Key::audit_leaf(2), vec![0]);
    batch.remove(Key::audit_leaf(1));
    let refused = store.commit("test", batch, Durability::Synced);
    assert!(matches!(refused, Err(Error::Duplicate { kind: "audit leaf hash" })));
    assert_eq!(contents(store).len(), 4, "a refused batch changes nothing");

    let mut batch = Batch::new();
    batch.put(Key::audit_leaf(2), vec![22]);
    batch.remove(Key::audit_leaf(300));
    store.commit("test", batch, Durability::Unsynced).unwrap();
    assert_eq!(store.get(&Key::audit_leaf(2)).unwrap(), Some(vec![22]));
    assert_eq!(store.get(&Key::audit_leaf(300)).unwrap(), None);

    let mut visited = 0;
    store
        .scan(Key::all(Kind::AuditLeaf), &mut |_, _| {
            visited += 1;
            Ok(Step::Stop)
        })
        .unwrap();
    assert_eq!(visited, 1, "a scan stops when told");
    let failed = store.scan(Key::all(Kind::AuditLeaf), &mut |_, _| Err(Error::NoMarker));
    assert!(matches!(failed, Err(Error::NoMarker)), "a visitor's error comes out");
}

#[test]
fn memory_keeps_the_contract() {
    suite(&MemoryStore::new());
}

#[cfg(feature = "server")]
#[test]
fn rocksdb_keeps_the_contract_and_reopens() {
    use super::rocks::RocksStore;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    assert!(matches!(RocksStore::open(&path), Err(Error::Missing { .. })));
    let store = RocksStore::create(&path).unwrap();
    suite(&store);
    drop(store);
    assert!(matches!(RocksStore::create(&path), Err(Error::Exists { .. })));
    let store = RocksStore::open(&path).unwrap();
    assert_eq!(contents(&store).len(), 3);
    assert!(matches!(RocksStore::open(&path), Err(Error::Engine { .. })), "one process at a time");
}

/// A power cut may leave holes in what was not synced; only damage behind which something was
/// acknowledged is refused.
#[cfg(feature = "server")]
#[test]
fn a_torn_last_commit_is_dropped_and_damage_before_it_is_refused() {
    use super::rocks::RocksStore;
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &std::path::Path, from: u64| {
        let store = RocksStore::open(path).unwrap();
        for index in from..from + 3 {
            let mut batch = Batch::new();
            batch.insert(Key::audit_leaf(index), vec![7; 5000]);
            store.commit("test", batch, Durability::Synced).unwrap();
        }
    };
    for (record, kept) in [(2, Some(2)), (1, None), (0, None)] {
        let path = directory.path().join(record.to_string());
        drop(RocksStore::create(&path).unwrap());
        write(&path, 0);
        let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "log");
        let files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        let logs: Vec<_> = files.filter(is_log).collect();
        let [log] = logs.as_slice() else { panic!("one log: {logs:?}") };
        let mut bytes = std::fs::read(log).unwrap();
        // A lost sector within a record of 5,000 bytes and some.
        let hole = record * 5000 + 2000;
        bytes[hole..hole + 512].fill(0);
        std::fs::write(log, bytes).unwrap();
        match kept {
            Some(kept) => {
                assert_eq!(contents(&RocksStore::open(&path).unwrap()).len(), kept);
                write(&path, 10);
                assert_eq!(contents(&RocksStore::open(&path).unwrap()).len(), kept + 3);
            }
            None => assert!(matches!(RocksStore::open(&path), Err(Error::Engine { .. }))),
        }
    }
}

#[test]
fn a_faulty_store_loses_or_keeps_the_commit_it_reports_as_failed() {
    for (fault, kept) in [(Fault::Lost, 1), (Fault::Uncertain, 2)] {
        let inner = Arc::new(MemoryStore::new());
        let store = FaultyStore::after(Arc::clone(&inner) as Arc<dyn Store>, 1, fault);
        let write = |index| {
            let mut batch = Batch::new();
            batch.insert(Key::audit_leaf(index), vec![]);
            store.commit("test", batch, Durability::Synced)
        };
        write(0).unwrap();
        assert!(write(1).is_err());
        assert_eq!(contents(inner.as_ref()).len(), kept);
    }
}
