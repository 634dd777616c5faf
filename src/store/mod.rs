//! Storage: an ordered map with atomic, durable batches, and nothing more.
//!
//! Why it exists: the vault and the register plane each own one store. Both append (groups of new
//! persons, deltas of new members, log entries) and read everything once at start, so what they
//! need of an engine is small enough for RocksDB, PostgreSQL or memory alike.
//!
//! ```text
//! keys.rs     the whole key space, one table
//! records.rs  what stands in clear: schema marker, high-water marks
//! rocks.rs    RocksDB                      memory.rs   the second implementation
//! log_tail.rs what a power cut leaves of RocksDB's log, told from damage
//! resealing.rs  finds what older keys have sealed
//! finding.rs  what a check of a store finds wrong, and where
//! faulty.rs   wraps either: fails the n-th commit, or commits and then reports failure
//! ```
//!
//! What it does *not* protect: RocksDB does not encrypt. Whoever hands a value to a store has sealed
//! it first; keys show kinds, register numbers, counts and random ids, nothing else.

pub mod faulty;
pub mod finding;
pub mod keys;
#[cfg(feature = "server")]
mod log_tail;
pub mod memory;
pub mod records;
pub mod resealing;
#[cfg(feature = "server")]
pub mod rocks;

#[cfg(test)]
mod conformance;

use std::ops::Range;

/// Whether a commit has reached the disk when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced (fdatasync) before the call returns.
    Synced,
    /// Left to the next synced commit. Only for what can be made again.
    Unsynced,
}

/// Whether a scan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// On to the next key.
    Continue,
    /// Enough.
    Stop,
}

/// Why a store refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no database where one is expected; creating one is an explicit command.
    #[error("no store at {path}; make one with `hvelv init`")]
    Missing {
        /// Where it was looked for.
        path: String,
    },
    /// There is one already where a new one is to be made.
    #[error("there is a store at {path} already")]
    Exists {
        /// Where.
        path: String,
    },
    /// The database has no schema marker.
    #[error("the store has no schema marker: it is not a store of this program, or damaged")]
    NoMarker,
    /// The schema is newer or older than this program serves.
    #[error("the store has schema {found}, this program serves {served}: use the matching version")]
    Schema {
        /// What the store says.
        found: u16,
        /// What this program serves.
        served: u16,
    },
    /// The marker is of another plane, environment or installation.
    #[error("the store belongs to another {what}: check the directories and the key file")]
    Foreign {
        /// What differs.
        what: &'static str,
    },
    /// An insert met a key that exists.
    #[error("a record that is written once exists already ({kind})")]
    Duplicate {
        /// The kind of key.
        kind: &'static str,
    },
    /// A stored key or record does not decode.
    #[error("a stored {kind} does not decode: the store is damaged")]
    Damaged {
        /// The kind of record.
        kind: &'static str,
    },
    /// The engine reported an error.
    #[error("the storage engine failed while it did `{operation}`")]
    Engine {
        /// What was being done.
        operation: &'static str,
        /// The engine's own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A set of changes that happen together or not at all.
#[must_use = "a batch does nothing until it is committed"]
#[derive(Debug, Default)]
pub struct Batch {
    changes: Vec<Change>,
    waiting: usize,
}

/// One change of a batch.
#[derive(Debug)]
pub(crate) enum Change {
    /// Writes a key that must not exist.
    Insert(keys::Key, Vec<u8>),
    /// Writes a key, whether it exists or not.
    Put(keys::Key, Vec<u8>),
    /// Removes a key, whether it exists or not.
    Remove(keys::Key),
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a key that must not exist yet; the commit fails as a whole when it does.
    pub fn insert(&mut self, key: keys::Key, value: Vec<u8>) {
        self.changes.push(Change::Insert(key, value));
    }

    /// Writes a key, replacing what is there.
    pub fn put(&mut self, key: keys::Key, value: Vec<u8>) {
        self.changes.push(Change::Put(key, value));
    }

    /// Removes a key; no error when it is absent.
    pub fn remove(&mut self, key: keys::Key) {
        self.changes.push(Change::Remove(key));
    }

    /// Says how many batches of identifiers are answered with this commit, for metrics.
    pub fn answers(&mut self, waiting: usize) {
        self.waiting = waiting;
    }

    /// Batches of identifiers that are answered with this commit.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of its keys and values.
    pub fn size_bytes(&self) -> usize {
        let size = |change: &Change| match change {
            Change::Insert(key, value) | Change::Put(key, value) => {
                key.as_bytes().len() + value.len()
            }
            Change::Remove(key) => key.as_bytes().len(),
        };
        self.changes.iter().map(size).sum()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn changes(self) -> Vec<Change> {
        self.changes
    }
}

/// What a scan calls with each key and value.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Step, Error> + 'a;

/// A frozen copy of a store, as files.  What it takes of the disk goes when it is dropped.
pub trait Snapshot: Send {
    /// The files, in the order of their names.
    fn files(&self) -> &[SnapshotFile];

    /// Opens a file of the copy for reading.
    ///
    /// # Errors
    ///
    /// The system's.
    fn open(&self, name: &str) -> std::io::Result<Box<dyn std::io::Read + Send>>;
}

/// A file of a frozen copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its bare name.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// Whether a file of this name and content is in later copies too, as long as the engine keeps it.
    pub is_lasting: bool,
}

/// An ordered map of bytes with atomic batches.
///
/// Contract, held by one conformance suite over every implementation: a commit is all or nothing,
/// also across a crash; after `Durability::Synced` it survives one; a scan sees keys in ascending
/// byte order; an insert of a key that exists changes nothing and says so. There is one writer per
/// store (its owner thread), any number of readers.
pub trait Store: Send + Sync + 'static {
    /// The value under a key.
    fn get(&self, key: &keys::Key) -> Result<Option<Vec<u8>>, Error>;

    /// Visits keys of a range in ascending order.
    ///
    /// # Errors
    ///
    /// The engine's, or the first that `visit` returns.
    fn scan(&self, range: Range<keys::Key>, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// Makes all changes of a batch, or none. `operation` labels errors and metrics.
    fn commit(
        &self,
        operation: &'static str,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), Error>;

    /// Removes what the engine still has of earlier values under the keys of a range: what was
    /// replaced or removed is in no file of the store when this returns.  Slow.
    ///
    /// # Errors
    ///
    /// The engine's; then earlier values may still be there.
    fn purge(&self, ranges: &[Range<keys::Key>]) -> Result<(), Error>;

    /// A copy of the store as it is at one moment, which later commits do not change.
    ///
    /// # Errors
    ///
    /// The engine's.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;
}
