//! A store that fails on purpose, around any other.
//!
//! Two faults a writer must survive: a commit that did not happen, and a commit that did happen but
//! was reported as failed (an uncertain one).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::Key;
use super::{Batch, Durability, Error, Store, Visit};

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    Lost,
    /// Everything is written, and an error is reported all the same.
    Uncertain,
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
        let take = |left: u64| left.checked_sub(1);
        if self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return self.inner.commit(operation, batch, durability);
        }
        if self.fault == Fault::Uncertain {
            self.inner.commit(operation, batch, durability)?;
        }
        Err(Error::Engine { operation, source: "fault on purpose".into() })
    }

    fn purge(&self, range: Range<Key>) -> Result<(), Error> {
        self.inner.purge(range)
    }
}
