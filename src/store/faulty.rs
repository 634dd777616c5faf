//! A store that fails on purpose, around any other.
//!
//! Faults a writer must survive: a commit that did not happen, a commit that did happen but was reported
//! as failed (an uncertain one), and files that cannot be merged, as on a full disk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::Key;
use super::{Batch, Durability, Error, Snapshot, Store, Visit};

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    Lost,
    /// Everything is written, and an error is reported all the same.
    Uncertain,
    /// Commits are written, and nothing is purged.
    Unpurged,
}

/// Wraps a store; commits from the n-th on fail.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    commits_left: AtomicU64,
}

impl FaultyStore {
    /// Fails every commit after the first `commits`.
    pub fn after(inner: Arc<dyn Store>, commits: u64, fault: Fault) -> Self {
        Self { inner, fault, commits_left: AtomicU64::new(commits) }
    }
}

impl Store for FaultyStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(key)
    }

    fn scan(&self, range: Range<Key>, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.inner.scan(range, visit)
    }

    fn commit(
        &self,
        operation: &'static str,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), Error> {
        if self.fault == Fault::Unpurged {
            return self.inner.commit(operation, batch, durability);
        }
        let take = |left: u64| left.checked_sub(1);
        if self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return self.inner.commit(operation, batch, durability);
        }
        if self.fault == Fault::Uncertain {
            self.inner.commit(operation, batch, durability)?;
        }
        Err(Error::Engine { operation, source: "fault on purpose".into() })
    }

    fn purge(&self, ranges: &[Range<Key>]) -> Result<(), Error> {
        if self.fault == Fault::Unpurged {
            return Err(Error::Engine { operation: "purge", source: "fault on purpose".into() });
        }
        self.inner.purge(ranges)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.inner.snapshot()
    }
}
