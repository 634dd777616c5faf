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

use std::ops::Range;
use std::sync::Arc;

use super::leaf::Leaf;
use super::{
    Checkpoint, Entry, Frontier, Hash, KeptLeaf, LeafHashes, Origin, Recorded, Salt, TreeHead,
    VerifierKey,
};
use crate::crypto::{Entropy, Place, SigningKey};
use crate::keyring::Keyring;
use crate::store::keys::{Key, Kind};
use crate::store::{self, Batch, Durability, Step, Store};

const KIND_BODY: u16 = 0x30;

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
}

fn unmade(error: impl std::error::Error + Send + Sync + 'static) -> LogError {
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
    /// [`LogError::Damaged`] when entries are missing or are not those that were signed.
    pub fn open(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        verifiers: &[VerifierKey],
        entropy: Arc<Entropy>,
    ) -> Result<Self, LogError> {
        let signed = last_checkpoint(store.as_ref(), verifiers)?;
        let mut signed_found = signed.is_none() || signed == Some(Frontier::new().head());
        let mut frontier = Frontier::new();
        StoredLeaves(store.as_ref()).visit(0..u64::MAX, &mut |hash| {
            frontier.append(hash).map_err(unmade)?;
            if let Some(signed) = signed.filter(|signed| signed.size == frontier.size()) {
                signed_found = signed == frontier.head();
            }
            Ok(())
        })?;
        let durable = frontier.size();
        if !signed_found {
            let what = "the last signed checkpoint says otherwise";
            return Err(LogError::Damaged { index: durable, what });
        }
        Ok(Self { store, keyring, entropy, frontier, durable, staged: Vec::new(), broken: false })
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
        self.store.commit(operation, batch, Durability::Synced)?;
        self.broken = false;
        let committed = self.durable..self.frontier.size();
        self.durable = committed.end;
        Ok(Committed(committed))
    }
}

/// The reading end of the log: entries, proofs, checkpoints.
pub struct AuditReader {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    /// The tree as far as it was recomputed from the bodies on disk.
    verified: std::sync::Mutex<Frontier>,
}

impl AuditReader {
    /// A reader of the log in a store.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>) -> Self {
        Self { store, keyring, verified: std::sync::Mutex::new(Frontier::new()) }
    }

    /// Visits entries of a range, ascending, with their stored leaf hashes.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] when one does not open, has another hash or is missing; or the first
    /// that `visit` returns.
    pub fn entries(
        &self,
        range: Range<u64>,
        visit: &mut dyn FnMut(u64, KeptLeaf) -> Result<Step, LogError>,
    ) -> Result<(), LogError> {
        let mut failure = None;
        let mut next = range.start;
        let keys = Key::audit_leaf(range.start)..end_key(range.end);
        self.store.scan(keys, &mut |key, value| {
            let index = Key::trailing_u64(key)?;
            let step = if index == next {
                self.read(index, value).and_then(|leaf| visit(index, leaf))
            } else {
                Err(LogError::Damaged { index: next, what: "it is missing" })
            };
            next = index + 1;
            Ok(step.unwrap_or_else(|error| {
                failure = Some(error);
                Step::Stop
            }))
        })?;
        failure.map_or(Ok(()), Err)
    }

    fn read(&self, index: u64, stored_hash: &[u8]) -> Result<KeptLeaf, LogError> {
        let damaged = |what| LogError::Damaged { index, what };
        let stored: [u8; 32] = stored_hash.try_into().map_err(|_| damaged("its hash is cut"))?;
        let hash = Hash::from_bytes(stored);
        let key = Key::audit_body(index);
        // Pruning does not exist yet, so a body that is not there was taken away.
        let sealed = self.store.get(&key)?.ok_or_else(|| damaged("its body is missing"))?;
        let place = Place { kind: KIND_BODY, row: key.as_bytes(), field: 0 };
        let keys = &self.keyring.registers().audit.storage;
        let opened = keys.open(&place, &sealed).map_err(|_| damaged("it does not open"))?;
        let leaf = Leaf::decode(&opened).map_err(|_| damaged("it does not decode"))?;
        if leaf.hash() != hash {
            return Err(damaged("its hash is another"));
        }
        Ok(KeptLeaf::Whole(leaf))
    }

    /// Recomputes the tree from the bodies on disk, from where the last call ended.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] at the first entry that is wrong.
    pub fn verify_from_disk(&self) -> Result<TreeHead, LogError> {
        let mut verified = self.verified.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut frontier = verified.clone();
        self.entries(frontier.size()..u64::MAX, &mut |_, leaf| {
            frontier.append(leaf.hash()).map_err(unmade)?;
            Ok(Step::Continue)
        })?;
        *verified = frontier.clone();
        Ok(frontier.head())
    }

    /// Signs a checkpoint of the log as it is on disk, after verifying what is new since the last.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] when the stored log does not verify; nothing is signed then.
    pub fn checkpoint(
        &self,
        origin: &Origin,
        key: &SigningKey,
    ) -> Result<(String, VerifierKey), LogError> {
        let tree = self.verify_from_disk()?;
        let size = tree.size;
        let checkpoint = Checkpoint { origin: origin.clone(), tree };
        let note = checkpoint.sign(key).map_err(unmade)?;
        let mut batch = Batch::new();
        batch.put(Key::checkpoint(size), note.clone().into_bytes());
        self.store.commit("checkpoint", batch, Durability::Synced)?;
        Ok((note, VerifierKey::new(origin.clone(), key.public_key())))
    }

    /// The stored leaf hashes, for proofs.
    pub fn leaves(&self) -> StoredLeaves<'_> {
        StoredLeaves(self.store.as_ref())
    }

    /// Entries in the store, counted by the last leaf hash.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn size(&self) -> Result<u64, LogError> {
        let mut size =
            self.verified.lock().unwrap_or_else(std::sync::PoisonError::into_inner).size();
        self.leaves().visit(size..u64::MAX, &mut |_| {
            size += 1;
            Ok(())
        })?;
        Ok(size)
    }
}

/// The tree of the newest checkpoint in a store.
fn last_checkpoint(
    store: &dyn Store,
    verifiers: &[VerifierKey],
) -> Result<Option<TreeHead>, LogError> {
    let mut newest = None;
    store.scan(Key::all(Kind::Checkpoint), &mut |key, value| {
        newest = Some((Key::trailing_u64(key)?, value.to_vec()));
        Ok(Step::Continue)
    })?;
    let Some((index, note)) = newest else { return Ok(None) };
    String::from_utf8(note)
        .ok()
        .and_then(|note| {
            verifiers.iter().find_map(|key| Checkpoint::parse_and_verify(&note, key).ok())
        })
        .map(|checkpoint| Some(checkpoint.tree))
        .ok_or(LogError::Damaged { index, what: "the checkpoint after it does not verify" })
}

/// Leaf hashes as they lie in a store.
pub struct StoredLeaves<'a>(&'a dyn Store);

impl StoredLeaves<'_> {
    fn visit(
        &self,
        range: Range<u64>,
        each: &mut dyn FnMut(Hash) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let (mut next, mut failure) = (range.start, None);
        self.0.scan(Key::audit_leaf(range.start)..end_key(range.end), &mut |key, value| {
            let index = Key::trailing_u64(key)?;
            let hash: Result<[u8; 32], _> = value.try_into();
            let outcome = match hash {
                Ok(hash) if index == next => each(Hash::from_bytes(hash)),
                Ok(_) => Err(LogError::Damaged { index: next, what: "it is missing" }),
                Err(_) => Err(LogError::Damaged { index, what: "its hash is cut" }),
            };
            next = index + 1;
            failure = outcome.err();
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)
    }
}

impl LeafHashes for StoredLeaves<'_> {
    type Error = LogError;

    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), LogError> {
        self.visit(range, &mut |hash| {
            each(hash);
            Ok(())
        })
    }
}

/// The key after the last of a range; the end of the kind when the range has no end.
fn end_key(end: u64) -> Key {
    if end == u64::MAX { Key::all(Kind::AuditLeaf).end } else { Key::audit_leaf(end) }
}
