//! The audit log: an RFC 6962 Merkle tree of everything that was answered or changed.
//!
//! It exists so that those who answer for the data can see who did what, with what right and how
//! much of it, and can see that nothing of that was changed afterwards: with an old checkpoint, a
//! public key and any C2SP tool, without trusting this program.
//!
//! ```text
//! Entry ──encode──► body ─┐
//!                  salt ──┴► Leaf ──hash──► Frontier ──head──► Checkpoint ──sign──► note
//!                             │ sealed       (tree)             │
//!                             ▼                                 ▼
//!                           store ───────────────────────► export ──► verify_export
//! ```
//!
//! | File | What |
//! |---|---|
//! | `entry` | what an entry says: JSON, version 1 |
//! | `leaf` | salt and body, their hash, the stored record |
//! | `tree` | Merkle tree, its frontier, inclusion and consistency proofs |
//! | `checkpoint` | C2SP checkpoints: signed notes (`crypto::note`), Ed25519 |
//! | `log`, `reader` | writing it, reading it |
//! | `pruning` | bodies whose retention is over, and the entries that say so |
//! | `export` | the log as a file, and its verification |
//! | `tiles` | the tree as files of 256 hashes (C2SP tlog-tiles) |
//! | `receipt` | proof that one entry is in the log (C2SP tlog-proof) |
//! | `witness` | who keeps the newest checkpoint and refuses to go back (C2SP tlog-witness) |
//! | `recorded` | proof that an answer was recorded first |
//!
//! INVARIANT: no entry holds an identifier, a person number, a register ID or a serial, nor an
//! unkeyed digest of one.
//! INVARIANT: only this module makes a [`Recorded`] value, after a durable commit.
//! INVARIANT: everything here but the committer is pure: no clock, no randomness, no store. Time
//! and salts come from the caller.
//!
//! Not protected: whoever holds the signing key and the store can write another history; it shows
//! only against a checkpoint kept elsewhere. An entry that was never written cannot be missed by
//! the tree: that every answer has one is what [`Recorded`] is for.

mod checkpoint;
mod entry;
mod export;
mod leaf;
mod log;
mod pruning;
mod reader;
mod receipt;
mod recorded;
mod reference;
mod tiles;
mod tree;
mod witness;

pub use crate::crypto::note::{
    NAME_BYTES_MAX, NOTE_BYTES_MAX, NoteError, Origin, VerifierKey, WitnessKey, WitnessSecret,
};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use entry::{Action, Actor, Entry, EntryError, EntryVersion, Mode};
pub use export::{ExportError, ExportWriter, Report, Trust, VerifyError, verify_export};
pub use leaf::{BODY_BYTES_MAX, KeptLeaf, Leaf, LeafError, SALT_BYTES, Salt};
pub use log::{AuditLog, Committed, LogError};
pub use pruning::{Pruning, PruningCheck, PruningPlan, RETENTION_DAYS_MIN};
pub use reader::{AuditReader, SignedCheckpoint, StoredLeaves};
pub use receipt::{Receipt, ReceiptError, Verified as VerifiedReceipt};
pub use recorded::Recorded;
pub use reference::Reference;
pub use tiles::{Tile, TileKind, bundle, first_difference, tiles_of};
pub use tree::{
    BLOCK_WIDTH, Blocks, Frontier, FrontierError, HASH_BYTES, Hash, LeafHashes, ProofError,
    ProveError, TreeHead, consistency_proof, empty_root, inclusion_proof, root_of,
    verify_consistency, verify_inclusion,
};
pub use witness::{Cosigned, MalformedRequest, Refusal, Witness, WitnessRequest};

#[cfg(test)]
mod tests;
