//! The committer of the log: adds staged entries to the batch of the state they describe, commits,
//! and only then says that something is recorded.
//!
//! ```text
//! stage(entry)* ─► commit(batch of the state), synced ─► Committed ─► Recorded<T>
//! ```
//!
//! Invariants: one thread owns the log; a [`Recorded`] value exists only after the synced commit of
//! its entry; after a commit that failed or is uncertain the log is not used again (its tree is
//! ahead of the disk), the store is opened anew.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::leaf::Leaf;
use super::pruning::StoredBody;
use super::reader::{AuditReader, StoredLeaves, checkpoint_of};
use super::{Entry, Frontier, LeafHashes as _, Recorded, Salt, TreeHead, VerifierKey};
use crate::crypto::{Entropy, Place};
use crate::keyring::Keyring;
use crate::store::keys::{Key, Kind};
use crate::store::{self, Batch, Durability, Step, Store};

pub(super) const KIND_BODY: u16 = 0x30;

/// Why the log refuses.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The stored log contradicts itself.
    #[error("the stored audit log is damaged at entry {index}: {what}")]
    Damaged {
        /// The first entry that is wrong.
        index: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An earlier commit failed and its fate is unknown; the log must be opened anew.
    #[error("an earlier commit of the audit log failed; it must be opened again")]
    Broken,
    /// An entry could not be made or sealed.
    #[error("an audit entry could not be made")]
    Entry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such entry or tree.
    #[error("the audit log has {size} entries")]
    OutOfRange {
        /// Entries there are.
        size: u64,
    },
    /// The store failed.
    #[error("the audit log's store failed")]
    Store(#[from] store::Error),
    /// The log is not the one that a witness has seen.
    #[error("the audit log is refused against its witness: {what}")]
    Witness {
        /// What is wrong.
        what: &'static str,
    },
}

pub(super) fn unmade(error: impl std::error::Error + Send + Sync + 'static) -> LogError {
    LogError::Entry(Box::new(error))
}

/// The writing end of the log. Owned by the thread that commits the register plane.
pub struct AuditLog {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    entropy: Arc<Entropy>,
    frontier: Frontier,
    durable: u64,
    staged: Vec<(Key, Vec<u8>)>,
    /// What takes the place of bodies with the next commit.
    pruned: Vec<(Key, Vec<u8>)>,
    // A commit was begun and has not succeeded: the tree may be ahead of the disk.
    broken: bool,
}

/// Entries that a commit has made durable.
pub struct Committed(Range<u64>);

impl Committed {
    /// Says that a value is recorded by one of the entries of this commit.
    ///
    /// # Panics
    ///
    /// When the entry is not of this commit: a bug that would answer without a record.
    pub fn record<T>(&self, index: u64, value: T) -> Recorded<T> {
        assert!(self.0.contains(&index), "a value is recorded by an entry of its own commit");
        Recorded::durable(value, index)
    }
}

impl AuditLog {
    /// Opens the log: rebuilds its tree from the stored leaf hashes, and holds it against the last
    /// checkpoint that was signed.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] when entries are missing or are not those that were signed, at the first
    /// entry of which that shows.
    pub fn open(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        verifiers: &[VerifierKey],
        entropy: Arc<Entropy>,
    ) -> Result<Self, LogError> {
        let signed = last_checkpoint(store.as_ref(), verifiers)?;
        let mut signed_found = signed.is_none() || signed == Some(Frontier::new().head());
        let mut frontier = Frontier::new();
        StoredLeaves::new(store.as_ref()).visit(0..u64::MAX, &mut |hash| {
            frontier.append(hash).map_err(unmade)?;
            if let Some(signed) = signed.filter(|signed| signed.size == frontier.size()) {
                signed_found = signed == frontier.head();
            }
            Ok(())
        })?;
        let durable = frontier.size();
        if !signed_found {
            return Err(first_damage(store, keyring, verifiers, durable));
        }
        Ok(Self {
            store,
            keyring,
            entropy,
            frontier,
            durable,
            staged: Vec::new(),
            pruned: Vec::new(),
            broken: false,
        })
    }

    /// Entries, staged ones included.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Stages an entry for the next commit; gives its number. It counts once that has succeeded.
    ///
    /// # Errors
    ///
    /// [`LogError::Entry`]; [`LogError::Broken`].
    pub fn stage(&mut self, entry: &Entry) -> Result<u64, LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        let salt = Salt::from_bytes(self.entropy.draw().map_err(unmade)?);
        let leaf = Leaf::new(salt, entry.encode()).map_err(unmade)?;
        let hash = leaf.hash();
        let index = self.frontier.size();
        let key = Key::audit_body(index);
        let place = Place { kind: KIND_BODY, row: key.as_bytes(), field: 0 };
        let keys = &self.keyring.registers().audit.storage;
        let sealed = keys.seal(&self.entropy, &place, &leaf.encode()).map_err(unmade)?;
        self.frontier.append(hash).map_err(unmade)?;
        self.staged.push((key, sealed));
        self.staged.push((Key::audit_leaf(index), hash.as_bytes().to_vec()));
        Ok(index)
    }

    /// Drops bodies with the next commit: in their place stands the number of the entry that says so,
    /// which is staged already. Their hashes stay.
    ///
    /// The caller's duty: the bodies may be pruned, and the entry says which.
    ///
    /// # Errors
    ///
    /// [`LogError::OutOfRange`] unless all of them are before that entry; [`LogError::Entry`].
    pub fn prune(&mut self, entries: RangeInclusive<u64>, by: u64) -> Result<(), LogError> {
        if *entries.end() >= by || by >= self.frontier.size() {
            return Err(LogError::OutOfRange { size: self.frontier.size() });
        }
        let keys = &self.keyring.registers().audit.storage;
        for index in entries {
            let missing = LogError::Damaged { index, what: "it is missing" };
            let hash = StoredLeaves::new(self.store.as_ref()).leaf_hash(index)?.ok_or(missing)?;
            let key = Key::audit_body(index);
            let place = Place { kind: KIND_BODY, row: key.as_bytes(), field: 0 };
            let record = StoredBody::encode_pruned(by, hash);
            let sealed = keys.seal(&self.entropy, &place, &record).map_err(unmade)?;
            self.pruned.push((key, sealed));
        }
        Ok(())
    }

    /// Commits a batch with everything staged since the last commit, synced.
    ///
    /// # Errors
    ///
    /// [`LogError::Store`]; the log refuses everything from then on and must be opened anew.
    pub fn commit(
        &mut self,
        operation: &'static str,
        mut batch: Batch,
    ) -> Result<Committed, LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        self.broken = true;
        self.staged.drain(..).for_each(|(key, value)| batch.insert(key, value));
        self.pruned.drain(..).for_each(|(key, value)| batch.put(key, value));
        self.store.commit(operation, batch, Durability::Synced)?;
        self.broken = false;
        let committed = self.durable..self.frontier.size();
        self.durable = committed.end;
        Ok(Committed(committed))
    }
}

/// Where a log is wrong that is not the one that was signed: all of it is read, bodies too.
fn first_damage(
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    verifiers: &[VerifierKey],
    size: u64,
) -> LogError {
    let reader = AuditReader::new(store, keyring);
    reader.check_from(Frontier::new(), verifiers).err().unwrap_or(LogError::Damaged {
        index: size,
        what: "the last signed checkpoint says otherwise",
    })
}

/// The tree of the newest checkpoint in a store.
pub(super) fn last_checkpoint(
    store: &dyn Store,
    verifiers: &[VerifierKey],
) -> Result<Option<TreeHead>, LogError> {
    let mut newest = None;
    store.scan(Key::all(Kind::Checkpoint), &mut |key, value| {
        newest = Some((Key::trailing_u64(key)?, value.to_vec()));
        Ok(Step::Continue)
    })?;
    let Some((index, note)) = newest else { return Ok(None) };
    checkpoint_of(&note, verifiers)
        .map(Some)
        .ok_or(LogError::Damaged { index, what: "the checkpoint after it does not verify" })
}
