//! The reading end of the log: entries, proofs, checkpoints.
//!
//! It exists apart from the committer, so that many can read while one writes. What it says of the
//! log it has recomputed from the bodies on disk: a checkpoint is signed over nothing else.
//!
//! ```text
//! bodies on disk ─► hashes ─► tree and blocks, as far as verified ─► checkpoint, proofs, tiles
//! ```
//!
//! INVARIANT: what is in `Verified` was recomputed from bodies, or from the hashes of entries of
//! which a later entry says that they were pruned.
//!
//! It does *not* show that the log is the one of yesterday: that takes an older checkpoint.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::{KIND_BODY, LogError, last_checkpoint, unmade};
use super::pruning::{Planning, Pruning, PruningPlan, StoredBody};
use super::{
    Blocks, Checkpoint, Entry, Frontier, Hash, KeptLeaf, LeafHashes, Origin, ProveError, TreeHead,
    VerifierKey, WitnessKey, root_of,
};
use crate::crypto::{Place, SigningKey};
use crate::keyring::Keyring;
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Durability, Step, Store};

/// The reading end of the log.
pub struct AuditReader {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    verified: Mutex<Verified>,
}

/// The log as far as it was recomputed from disk.
#[derive(Default)]
struct Verified {
    tree: Frontier,
    blocks: Blocks,
    /// The newest checkpoint that was signed here.
    signed: Option<SignedCheckpoint>,
}

/// A signed checkpoint.
#[derive(Clone, Debug)]
pub struct SignedCheckpoint {
    /// Size and root.
    pub tree: TreeHead,
    /// The note.
    pub note: String,
    /// The key to verify it with.
    pub verifier: VerifierKey,
}

impl AuditReader {
    /// A reader of the log in a store.
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>) -> Self {
        Self { store, keyring, verified: Mutex::default() }
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
        let (mut failure, mut said) = (None, None);
        let mut next = range.start;
        let keys = Key::audit_leaf(range.start)..end_key(range.end);
        self.store.scan(keys, &mut |key, value| {
            let index = Key::trailing_u64(key)?;
            let step = if index == next {
                self.read(index, value, &mut said).and_then(|leaf| visit(index, leaf))
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

    /// One entry; `said` keeps what the last entry that spoke of pruning says.
    fn read(
        &self,
        index: u64,
        stored_hash: &[u8],
        said: &mut Option<(u64, Pruning)>,
    ) -> Result<KeptLeaf, LogError> {
        let damaged = |what| LogError::Damaged { index, what };
        let stored: [u8; 32] = stored_hash.try_into().map_err(|_| damaged("its hash is cut"))?;
        let hash = Hash::from_bytes(stored);
        match self.body(index)? {
            StoredBody::Whole(leaf) if leaf.hash() == hash => Ok(KeptLeaf::Whole(leaf)),
            StoredBody::Whole(_) => Err(damaged("its hash is another")),
            StoredBody::Pruned { hash: pruned, .. } if pruned != hash => {
                Err(damaged("its hash is another"))
            }
            StoredBody::Pruned { by, .. } => {
                if said.as_ref().is_none_or(|(of, _)| *of != by) {
                    *said = self.pruning(by)?.map(|pruning| (by, pruning));
                }
                match said {
                    Some((_, pruning)) if by > index && pruning.covers(index) => {
                        Ok(KeptLeaf::Pruned(hash))
                    }
                    _ => Err(damaged("no entry says that it was pruned")),
                }
            }
        }
    }

    fn body(&self, index: u64) -> Result<StoredBody, LogError> {
        let damaged = |what| LogError::Damaged { index, what };
        let key = Key::audit_body(index);
        let sealed = self.store.get(&key)?.ok_or_else(|| damaged("its body is missing"))?;
        let place = Place { kind: KIND_BODY, row: key.as_bytes(), field: 0 };
        let keys = &self.keyring.registers().audit.storage;
        let opened = keys.open(&place, &sealed).map_err(|_| damaged("it does not open"))?;
        StoredBody::decode(&opened).map_err(|_| damaged("it does not decode"))
    }

    /// What an entry says was pruned, if there is such an entry, with its own hash.
    fn pruning(&self, index: u64) -> Result<Option<Pruning>, LogError> {
        let Some(hash) = self.store.get(&Key::audit_leaf(index))? else { return Ok(None) };
        let StoredBody::Whole(leaf) = self.body(index)? else { return Ok(None) };
        let entry = Entry::decode(leaf.body()).ok();
        Ok(entry
            .filter(|_| leaf.hash().as_bytes()[..] == hash[..])
            .and_then(|entry| Pruning::of(&entry)))
    }

    /// What may be pruned now, one entry after the other.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`], [`LogError::Store`].
    pub fn prunable(
        &self,
        now: jiff::Timestamp,
        retention_days: u64,
    ) -> Result<Vec<PruningPlan>, LogError> {
        let mut planning = Planning::new(now, retention_days);
        self.entries(0..u64::MAX, &mut |index, leaf| {
            let may_go_on = match leaf {
                KeptLeaf::Pruned(_) => {
                    planning.pruned(index);
                    true
                }
                KeptLeaf::Whole(leaf) => planning.whole(index, leaf.body()),
            };
            Ok(if may_go_on { Step::Continue } else { Step::Stop })
        })?;
        Ok(planning.finish())
    }

    /// Recomputes the tree from the bodies on disk, from where the last call ended.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] at the first entry that is wrong.
    pub fn verify_from_disk(&self) -> Result<TreeHead, LogError> {
        self.verify(&mut self.verified())
    }

    fn verified(&self) -> MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recomputed before an error stays: those entries are good.
    fn verify(&self, verified: &mut Verified) -> Result<TreeHead, LogError> {
        self.entries(verified.tree.size()..u64::MAX, &mut |_, leaf| {
            verified.tree.append(leaf.hash()).map_err(unmade)?;
            verified.blocks.push(leaf.hash()).map_err(unmade)?;
            Ok(Step::Continue)
        })?;
        Ok(verified.tree.head())
    }

    /// Recomputes the log from disk, from a tree that is known to be good, and holds it against every
    /// stored checkpoint of that size or more. From the empty tree that is the whole log.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] at the first entry, or the size of the first checkpoint, that is wrong.
    pub fn check_from(
        &self,
        good: Frontier,
        verifiers: &[VerifierKey],
    ) -> Result<TreeHead, LogError> {
        let mut tree = good;
        let mut next = self.checkpoint_from(tree.size())?;
        let mut compare = |tree: &Frontier| {
            let Some((_, note)) = next.take_if(|(at, _)| *at == tree.size()) else { return Ok(()) };
            let signed = checkpoint_of(&note, verifiers).filter(|signed| *signed == tree.head());
            next = self.checkpoint_from(tree.size().saturating_add(1))?;
            let what = "its checkpoint does not verify, or is of another log";
            signed.map(|_| ()).ok_or(LogError::Damaged { index: tree.size(), what })
        };
        compare(&tree)?;
        self.entries(tree.size()..u64::MAX, &mut |_, leaf| {
            tree.append(leaf.hash()).map_err(unmade)?;
            compare(&tree)?;
            Ok(Step::Continue)
        })?;
        match next {
            None => Ok(tree.head()),
            Some(_) => Err(LogError::Damaged {
                index: tree.size(),
                what: "a signed checkpoint says that there are more",
            }),
        }
    }

    /// The first stored checkpoint of so many entries or more, and its size.
    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, Vec<u8>)>, LogError> {
        let mut found = None;
        let keys = Key::checkpoint(size)..Key::all(Kind::Checkpoint).end;
        self.store.scan(keys, &mut |key, note| {
            found = Some((Key::trailing_u64(key)?, note.to_vec()));
            Ok(Step::Stop)
        })?;
        Ok(found)
    }

    /// Signs a checkpoint of the log as it is on disk, after verifying what is new since the last:
    /// by all keys, a signature each, the first of which is named as the one to verify with.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] when the stored log does not verify; nothing is signed then.
    pub fn checkpoint(
        &self,
        origin: &Origin,
        keys: &[&SigningKey],
    ) -> Result<SignedCheckpoint, LogError> {
        let mut verified = self.verified();
        let tree = self.verify(&mut verified)?;
        let key = keys.first().ok_or_else(|| unmade(super::CheckpointError::Unsigned))?;
        let verifier = VerifierKey::new(origin.clone(), key.public_key());
        let checkpoint = Checkpoint { origin: origin.clone(), tree };
        let note = checkpoint.sign_with(keys).map_err(unmade)?;
        let mut batch = Batch::new();
        batch.put(Key::checkpoint(tree.size), note.clone().into_bytes());
        self.store.commit("checkpoint", batch, Durability::Synced)?;
        let signed = SignedCheckpoint { tree, note, verifier };
        verified.signed = Some(signed.clone());
        Ok(signed)
    }

    /// The newest checkpoint that was signed since the log was opened.
    pub fn signed(&self) -> Option<SignedCheckpoint> {
        self.verified().signed.clone()
    }

    /// Whether a key has signed the newest stored checkpoint; nothing without one.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn newest_is_signed_by(&self, key: &VerifierKey) -> Result<Option<bool>, LogError> {
        match last_checkpoint(self.store.as_ref(), std::slice::from_ref(key)) {
            Ok(newest) => Ok(newest.map(|_| true)),
            Err(LogError::Damaged { .. }) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    /// Whether the log continues the head that a witness has kept: what is to be asked of a log that
    /// comes from a backup before it serves.
    ///
    /// # Errors
    ///
    /// [`LogError::Witness`]: the head is not one of this log, cosigned by that witness, or the log is
    /// shorter or another than it.
    pub fn check_witnessed(
        &self,
        head: &str,
        verifiers: &[VerifierKey],
        witness: &WitnessKey,
    ) -> Result<TreeHead, LogError> {
        let refused = |what| LogError::Witness { what };
        witness.open(head).map_err(|_| refused("the head is not cosigned by the witness"))?;
        let head = checkpoint_of(head.as_bytes(), verifiers)
            .ok_or_else(|| refused("the head is not signed by this log"))?;
        match self.with_leaves(|leaves| root_of(head.size, leaves)) {
            Ok(tree) if tree == head => Ok(head),
            Ok(_) => Err(refused("the log is another than the one that was witnessed")),
            Err(ProveError::Failed(error)) => Err(error),
            Err(_) => Err(refused("the log is shorter than the one that was witnessed")),
        }
    }

    /// Makes proofs from the stored leaf hashes, with the full blocks that were verified.
    pub fn with_leaves<T>(&self, prove: impl FnOnce(&StoredLeaves<'_>) -> T) -> T {
        let verified = self.verified();
        prove(&StoredLeaves { store: self.store.as_ref(), blocks: Some(&verified.blocks) })
    }

    /// Entries in the store, counted by the last leaf hash.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn size(&self) -> Result<u64, LogError> {
        let mut size = self.verified().tree.size();
        StoredLeaves::new(self.store.as_ref()).visit(size..u64::MAX, &mut |_| {
            size += 1;
            Ok(())
        })?;
        Ok(size)
    }
}

/// Leaf hashes as they lie in a store.
pub struct StoredLeaves<'a> {
    store: &'a dyn Store,
    blocks: Option<&'a Blocks>,
}

impl<'a> StoredLeaves<'a> {
    /// All of them are read.
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, blocks: None }
    }

    pub(super) fn visit(
        &self,
        range: Range<u64>,
        each: &mut dyn FnMut(Hash) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let (mut next, mut failure) = (range.start, None);
        self.store.scan(Key::audit_leaf(range.start)..end_key(range.end), &mut |key, value| {
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

    fn blocks(&self) -> Option<&Blocks> {
        self.blocks
    }
}

/// What a stored checkpoint says, if one of the keys has signed it.
pub(super) fn checkpoint_of(note: &[u8], verifiers: &[VerifierKey]) -> Option<TreeHead> {
    let note = str::from_utf8(note).ok()?;
    let signed = verifiers.iter().find_map(|key| Checkpoint::parse_and_verify(note, key).ok());
    signed.map(|checkpoint| checkpoint.tree)
}

/// The key after the last of a range; the end of the kind when the range has no end.
fn end_key(end: u64) -> Key {
    if end == u64::MAX { Key::all(Kind::AuditLeaf).end } else { Key::audit_leaf(end) }
}
