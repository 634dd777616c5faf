//! A store in memory: the second implementation, for tests and models.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use super::keys::Key;
use super::{Batch, Change, Durability, Error, Snapshot, SnapshotFile, Step, Store, Visit};

/// An ordered map in memory. Every commit counts as synced.
#[derive(Debug, Default)]
pub struct MemoryStore {
    map: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

struct MapSnapshot {
    files: [SnapshotFile; 1],
    bytes: Vec<u8>,
}

impl Snapshot for MapSnapshot {
    fn files(&self) -> &[SnapshotFile] {
        &self.files
    }

    fn open(&self, _: &str) -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.bytes.clone())))
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.map.read().unwrap_or_else(PoisonError::into_inner).get(key.as_bytes()).cloned())
    }

    fn scan(&self, range: Range<Key>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let bounds = range.start.as_bytes().to_vec()..range.end.as_bytes().to_vec();
        for (key, value) in self.map.read().unwrap_or_else(PoisonError::into_inner).range(bounds) {
            if visit(key, value)? == Step::Stop {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, _: &'static str, batch: Batch, _: Durability) -> Result<(), Error> {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let changes = batch.changes();
        for change in &changes {
            if let Change::Insert(key, _) = change
                && map.contains_key(key.as_bytes())
            {
                let kind = Key::parse(key.as_bytes())?.0.name();
                return Err(Error::Duplicate { kind });
            }
        }
        for change in changes {
            match change {
                Change::Insert(key, value) | Change::Put(key, value) => {
                    map.insert(key.as_bytes().to_vec(), value);
                }
                Change::Remove(key) => {
                    map.remove(key.as_bytes());
                }
            }
        }
        Ok(())
    }

    fn purge(&self, _: &[Range<Key>]) -> Result<(), Error> {
        // A map has no earlier values.
        Ok(())
    }

    /// One file: `( length u32 ‖ key ‖ length u32 ‖ value )*`.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        let mut bytes = Vec::new();
        for (key, value) in self.map.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for part in [key, value] {
                let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
        let file =
            SnapshotFile { name: "entries".into(), bytes: bytes.len() as u64, is_lasting: false };
        Ok(Box::new(MapSnapshot { files: [file], bytes }))
    }
}
