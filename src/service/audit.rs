//! Reading the audit log: entries, checkpoints, proofs. Every reading is recorded.

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Parameters, Service, actor, allow};
use crate::approval::Act;
use crate::audit::{
    Action, Actor, KeptLeaf, LeafHashes, LogError, Origin, ProveError, PruningPlan,
    RETENTION_DAYS_MIN, SignedCheckpoint, VerifierKey, consistency_proof, inclusion_proof,
};
use crate::config::Config;
use crate::metrics::Checkpoint;
use crate::policy::{Permit, Right};
use crate::registers::Write;
use crate::store::Step;

/// Entries read at a time.
const PAGE_ENTRIES: u64 = 1024;

const NO_SUCH_TREE: &str = "there is no such entry or tree";

/// One entry as an auditor gets it.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Number, from 0.
    pub index: u64,
    /// Leaf hash.
    pub leaf_hash: [u8; 32],
    /// Salt, 16 bytes; empty when the body is pruned.
    pub salt: Vec<u8>,
    /// Body; empty when it is pruned.
    pub body: Vec<u8>,
}

/// A signed checkpoint and the key to verify it with.
#[derive(Clone, Debug)]
pub struct AuditCheckpoint {
    /// Signed note.
    pub note: String,
    /// Verifier key.
    pub verifier_key: String,
    /// Those of all keys that have signed it.
    pub verifier_keys: Vec<String>,
}

/// Proof that an entry is in a tree.
#[derive(Clone, Debug)]
pub struct InclusionProof {
    /// Size of the tree.
    pub tree_size: u64,
    /// Leaf hash.
    pub leaf_hash: [u8; 32],
    /// Audit path, from the leaf up.
    pub path: Vec<[u8; 32]>,
}

/// Proof that one tree begins with another.
#[derive(Clone, Debug)]
pub struct ConsistencyProof {
    /// Size of the newer tree.
    pub new_size: u64,
    /// Proof.
    pub path: Vec<[u8; 32]>,
}

/// What was pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many bodies.
    pub bodies: u64,
    /// Numbers of the entries that say which.
    pub entries: Vec<u64>,
}

/// What an approval to prune is about: all that whoever approves must know.
#[must_use]
pub fn pruning_subject(retention_days: u64) -> String {
    format!("entries older than {retention_days} days")
}

/// Entries, read page by page.
pub type AuditEntries = Box<dyn Iterator<Item = Result<AuditRecord, Error>> + Send>;

impl Service {
    /// Entries from `start` on, at most `count`, or all when it is 0, as they were when asked.
    ///
    /// # Errors
    ///
    /// `server_sealed`; an item's error when an entry is damaged.
    pub fn audit_entries(
        &self,
        permit: &Permit,
        start: u64,
        count: u64,
    ) -> Result<AuditEntries, Error> {
        let open = self.open_for_audit(permit)?;
        let size = open.registers.audit().size().map_err(log_error)?;
        let end = if count == 0 { size } else { size.min(start.saturating_add(count)) };
        let weak = std::sync::Arc::downgrade(&open);
        let mut next = start;
        let pages = std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let page = next..end.min(next + PAGE_ENTRIES);
            next = page.end;
            let Some(open) = weak.upgrade().filter(|open| !open.is_closing()) else {
                next = end;
                return Some(vec![Err(Error::new(ErrorCode::ServerSealed))]);
            };
            Some(read_page(&open, page))
        });
        Ok(Box::new(pages.flatten()))
    }

    /// A checkpoint of the log, verified from disk before it is signed.
    ///
    /// # Errors
    ///
    /// `server_sealed`; `store_unusable` when the stored log does not verify.
    pub fn audit_checkpoint(&self, permit: &Permit) -> Result<AuditCheckpoint, Error> {
        let open = self.open_for_audit(permit)?;
        let signed = self.sign_checkpoint(&open)?;
        let verifier_keys = self.verifier_keys(&open)?.iter().map(ToString::to_string).collect();
        Ok(AuditCheckpoint {
            note: signed.note,
            verifier_key: signed.verifier.to_string(),
            verifier_keys,
        })
    }

    /// Proof that an entry is in the tree of a size, or of now when the size is 0.
    ///
    /// # Errors
    ///
    /// `request_invalid` when there is no such entry or tree.
    pub fn audit_inclusion(
        &self,
        permit: &Permit,
        index: u64,
        tree_size: u64,
    ) -> Result<InclusionProof, Error> {
        let open = self.open_for_audit(permit)?;
        let reader = open.registers.audit();
        let tree_size = resolve_size(tree_size, reader.size().map_err(log_error)?)?;
        let (path, leaf) = reader.with_leaves(|leaves| {
            let path = inclusion_proof(index, tree_size, leaves).map_err(proof_error)?;
            Ok::<_, Error>((path, leaves.leaf_hash(index).map_err(log_error)?))
        })?;
        let leaf = leaf.ok_or_else(|| Error::internal("a proven leaf is gone"))?;
        Ok(InclusionProof { tree_size, leaf_hash: *leaf.as_bytes(), path: bytes(&path) })
    }

    /// Proof that the tree of one size begins with that of another.
    ///
    /// # Errors
    ///
    /// `request_invalid` when there are no such trees.
    pub fn audit_consistency(
        &self,
        permit: &Permit,
        old_size: u64,
        new_size: u64,
    ) -> Result<ConsistencyProof, Error> {
        let open = self.open_for_audit(permit)?;
        let reader = open.registers.audit();
        let new_size = resolve_size(new_size, reader.size().map_err(log_error)?)?;
        let path = reader
            .with_leaves(|leaves| consistency_proof(old_size, new_size, leaves))
            .map_err(proof_error)?;
        Ok(ConsistencyProof { new_size, path: bytes(&path) })
    }

    /// Records that somebody reads the log, then lets them.
    fn open_for_audit(&self, permit: &Permit) -> Result<std::sync::Arc<Open>, Error> {
        allow(permit, &Right::ReadAudit)?;
        let open = self.open_restored()?;
        let entry = self.entry(actor(permit), Action::AuditRead);
        let _ = open.registers.record_act_and_wait(entry).map_err(register_error)?;
        Ok(open)
    }

    /// The verifier keys of all keys that sign, the active one first.
    fn verifier_keys(&self, open: &Open) -> Result<Vec<VerifierKey>, Error> {
        let origin = audit_origin(&self.parts.config)?;
        let keys = open.registers.keys().signing();
        Ok(keys.iter().map(|key| VerifierKey::new(origin.clone(), key.public_key())).collect())
    }

    /// Records each key that signs from now on and has not signed the newest checkpoint: its next
    /// one is signed by the keys before it too, so that who knows one of them learns of it from it.
    pub(super) fn record_signing_keys(&self, open: &Open) -> Result<(), Error> {
        for key in self.verifier_keys(open)? {
            let signed = open.registers.audit().newest_is_signed_by(&key).map_err(log_error)?;
            if signed == Some(false) {
                let mut entry = self.entry(Actor::Server, Action::SigningKeyAdded);
                entry.changes = vec![format!("signed by {key}")];
                let _ = open.registers.record_act_and_wait(entry).map_err(register_error)?;
            }
        }
        Ok(())
    }

    /// Drops the bodies of entries whose retention is over: bulk deliveries and readings of the log.
    /// An entry says which, in the same commit; hashes and proofs stay.
    ///
    /// It takes another person's approval, since it destroys evidence of who did what, also of what
    /// the operator did: one person alone must not.  The approval is of the retention, which
    /// [`pruning_subject`] says; it is used with the first entry, of which there are more for a log of
    /// very many runs. Where there is nothing to drop it is not used.
    ///
    /// # Errors
    ///
    /// `not_allowed`; `request_invalid` for a retention that is too short; `approval_required` and
    /// `approval_void`, which are recorded; `server_sealed`; `store_unusable`; `commit_uncertain`.
    pub fn prune_audit(&self, permit: &Permit, retention_days: u64) -> Result<Pruned, Error> {
        allow(permit, &Right::Operate)?;
        let open = self.open_now()?;
        if retention_days < RETENTION_DAYS_MIN {
            return Err(Error::new(ErrorCode::RequestInvalid)
                .with_text("the retention is too short: it is 1827 days at least"));
        }
        let entry = self.entry(actor(permit), Action::EntriesPruned);
        let (about, now) = (pruning_subject(retention_days), entry.time);
        let approved =
            self.take_approval(&open, permit, (Act::PruneAudit, &about), &Parameters::default());
        let mut approved = Some(self.or_record(&open, &entry, approved)?);
        let plans = open.registers.audit().prunable(now, retention_days).map_err(log_error)?;
        let mut pruned = Pruned::default();
        for PruningPlan { pruning, dropped } in plans {
            let entry = pruning.entry(now, actor(permit));
            let writes = vec![Write::PruneEntries(dropped)];
            let done = match approved.take() {
                Some(approved) => {
                    open.registers.record_approved_act_and_wait(entry, writes, approved, ())
                }
                None => open.registers.record_change_and_wait(entry, writes),
            };
            let recorded = done.map_err(|error| {
                self.reopen_if_failed(&open);
                register_error(error)
            })?;
            pruned.bodies += pruning.bodies();
            pruned.entries.push(recorded.index());
        }
        Ok(pruned)
    }

    pub(super) fn sign_checkpoint(&self, open: &Open) -> Result<SignedCheckpoint, Error> {
        let origin = audit_origin(&self.parts.config)?;
        let keys = open.registers.keys().signing();
        let signed = open.registers.audit().checkpoint(&origin, &keys).map_err(log_error);
        self.metrics.checkpoint(match &signed {
            Ok(_) => Checkpoint::Signed,
            Err(_) => Checkpoint::Failed,
        });
        signed
    }
}

/// What the log is called, in checkpoints and keys.
pub(super) fn audit_origin(config: &Config) -> Result<Origin, Error> {
    config.audit.origin.as_str().parse().map_err(Error::internal)
}

fn read_page(open: &Open, page: std::ops::Range<u64>) -> Vec<Result<AuditRecord, Error>> {
    let mut records = Vec::new();
    let read = open.registers.audit().entries(page, &mut |index, leaf| {
        let leaf_hash = *leaf.hash().as_bytes();
        let (salt, body) = match &leaf {
            KeptLeaf::Pruned(_) => (Vec::new(), Vec::new()),
            KeptLeaf::Whole(leaf) => {
                (leaf.salt().as_bytes().to_vec(), leaf.body().as_bytes().to_vec())
            }
        };
        records.push(Ok(AuditRecord { index, leaf_hash, salt, body }));
        Ok(Step::Continue)
    });
    if let Err(error) = read {
        records.push(Err(log_error(error)));
    }
    records
}

fn resolve_size(asked: u64, now: u64) -> Result<u64, Error> {
    match asked {
        0 => Ok(now),
        asked if asked <= now => Ok(asked),
        _ => Err(Error::new(ErrorCode::RequestInvalid).with_text(NO_SUCH_TREE)),
    }
}

pub(super) fn bytes(path: &[crate::audit::Hash]) -> Vec<[u8; 32]> {
    path.iter().map(|hash| *hash.as_bytes()).collect()
}

pub(super) fn log_error(error: LogError) -> Error {
    match error {
        LogError::Damaged { .. } | LogError::Store(_) | LogError::Witness { .. } => {
            Error::new(ErrorCode::StoreUnusable).with_source(error)
        }
        LogError::OutOfRange { .. } => Error::new(ErrorCode::RequestInvalid).with_source(error),
        LogError::Broken | LogError::Entry(_) => Error::internal(error),
    }
}

/// Why there is no proof in a tree that the log is large enough for: it was asked for nothing that is
/// in it, or the store does not give what is.
pub(super) fn proof_error(error: ProveError<LogError>) -> Error {
    match error {
        ProveError::Failed(error) => log_error(error),
        ProveError::Incomplete { start, .. } => {
            let what = "leaf hashes from there on are missing";
            log_error(LogError::Damaged { index: start, what })
        }
        error @ ProveError::OutOfRange { .. } => {
            Error::new(ErrorCode::RequestInvalid).with_text(NO_SUCH_TREE).with_source(error)
        }
    }
}
