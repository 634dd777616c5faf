//! A witness: keeps the newest checkpoint of a log, and cosigns nothing that goes back or forks.
//!
//! It exists because whoever holds the log's signing key and its store can write another history
//! and sign it. A witness has another key, is kept by others on another host, and needs only a
//! public key, one signed note and a proof of a few hashes. Its rules are those of `add-checkpoint`
//! in <https://c2sp.org/tlog-witness>; the numbers there stand with each [`Refusal`].
//!
//! ```text
//!            old size, proof, note ─► signed by the log? ─► from the head that is kept? ─► consistent?
//! head kept ◄── stored, then ◄────────────────────────────────────────────── cosignature
//! ```
//!
//! FORMAT: what it keeps is its head: the text that it cosigned last, with the signatures of the log's
//! keys that it has verified and its own, and no other line; or an empty file before the first.
//!
//! INVARIANT: a head that it gives opens again. What anybody may have added to a note does not come
//! into one.
//! INVARIANT: of all checkpoints that one witness has cosigned, each begins with every smaller one.
//! INVARIANT: the time of a cosignature is not before that of the one before it.
//!
//! It does *not* protect against a head that is put back to an older one together with the log: that
//! takes both hosts. A lost head is not begun anew: the witness gets a new key.

use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::tree::{Hash, ProofError, TreeHead, empty_root, verify_consistency};
use crate::crypto::note::{NoteError, Origin, VerifierKey, WitnessSecret, only_signed_by};

mod request;

pub use request::{MalformedRequest, WitnessRequest};

/// Why a checkpoint is not cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// None of the keys of the log has signed it. (403)
    #[error("checkpoint is not signed by the log")]
    Checkpoint(#[source] CheckpointError),
    /// The log is shorter than the one that was cosigned. (409)
    #[error("log has gone back: it has {size} entries, and had {witnessed}")]
    GoneBack {
        /// What it has now.
        size: u64,
        /// What it had.
        witnessed: u64,
    },
    /// The head that is kept is not one that this witness has cosigned.
    #[error("head of the witness does not verify under its own key")]
    Head(#[source] NoteError),
    /// The proof does not begin where the head ends. (409)
    #[error("proof begins at {old_size} entries, and the witness has seen {witnessed}")]
    OldSize {
        /// Where it begins.
        old_size: u64,
        /// What was cosigned last.
        witnessed: u64,
    },
    /// The log has signed two trees of one size: another history was written. (409)
    #[error("log is another than the one of {witnessed} entries that was witnessed")]
    Forked {
        /// How long that was: the first entry that differs is before it.
        witnessed: u64,
    },
    /// The proof does not lead from what was cosigned to the checkpoint: another history was written, or
    /// the proof is a wrong one. (422)
    #[error("log does not continue the one of {witnessed} entries that was witnessed")]
    NotProven {
        /// How long that was.
        witnessed: u64,
        /// What the proof came to.
        #[source]
        cause: ProofError,
    },
    /// It cannot be cosigned: it is too long, or no note.
    #[error("checkpoint cannot be cosigned")]
    Unkept(#[source] NoteError),
}

impl Refusal {
    /// Whether it shows by itself that the log was changed.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Forked { .. })
    }

    /// Whether it shows that the log was changed if the log's server has just been asked. A file may
    /// be an old one, or have a wrong proof.
    #[must_use]
    pub fn accuses_server(&self) -> bool {
        matches!(self, Self::Forked { .. } | Self::GoneBack { .. } | Self::NotProven { .. })
    }
}

/// A checkpoint with the cosignature of this witness.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a cosignature is given away only once it is kept as the head"]
pub struct Cosigned {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The note with the cosignature: what is to be kept as the head.
    pub note: String,
    /// The line of the cosignature alone.
    pub line: String,
    /// How it is dated: when it was asked for, or as the one before it if that is later.
    pub seconds: u64,
}

/// The witness of one log.
#[derive(Debug)]
pub struct Witness {
    secret: WitnessSecret,
    keys: Vec<VerifierKey>,
    head: Option<(TreeHead, u64)>,
}

impl Witness {
    /// A witness with the head that it has kept, empty before its first checkpoint. `keys` are the
    /// log's: one, or the old and the new while one follows the other.
    ///
    /// # Errors
    ///
    /// [`Refusal::Head`], [`Refusal::Checkpoint`]: the head was changed, or is another log's.
    pub fn open(
        secret: WitnessSecret,
        keys: Vec<VerifierKey>,
        head: &str,
    ) -> Result<Self, Refusal> {
        let mut witness = Self { secret, keys, head: None };
        if !head.is_empty() {
            witness.head = Some(witness.kept(head)?);
        }
        Ok(witness)
    }

    /// What was cosigned last; the empty tree before that.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let empty = TreeHead { size: 0, root: empty_root() };
        self.head.map_or(empty, |(tree, _)| tree)
    }

    /// Cosigns a checkpoint that continues what was cosigned before.
    ///
    /// `proof` is the consistency proof from `old_size` on; `seconds` is the time, since 1970.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn add_checkpoint(
        &mut self,
        old_size: u64,
        proof: &[Hash],
        note: &str,
        seconds: u64,
    ) -> Result<Cosigned, Refusal> {
        let checkpoint = self.signed(note)?;
        let head = self.head();
        let (size, witnessed) = (checkpoint.tree.size, head.size);
        if size < witnessed {
            return Err(Refusal::GoneBack { size, witnessed });
        }
        if size == witnessed && checkpoint.tree != head {
            return Err(Refusal::Forked { witnessed });
        }
        if old_size != witnessed {
            return Err(Refusal::OldSize { old_size, witnessed });
        }
        verify_consistency(head, checkpoint.tree, proof)
            .map_err(|cause| Refusal::NotProven { witnessed, cause })?;
        let seconds = self.head.map_or(seconds, |(_, before)| seconds.max(before));
        let signed = only_signed_by(note, &self.keys).map_err(Refusal::Unkept)?;
        let line = self.secret.cosign(&signed, seconds).map_err(Refusal::Unkept)?;
        let note = format!("{signed}{line}");
        // As the next start will.
        self.head = Some(self.kept(&note)?);
        Ok(Cosigned { checkpoint, note, line, seconds })
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.keys.first().map(VerifierKey::name)
    }

    /// What a head says. The witness's own word is enough: the log's keys may have changed since.
    fn kept(&self, head: &str) -> Result<(TreeHead, u64), Refusal> {
        let (text, seconds) = self.secret.public().open(head).map_err(Refusal::Head)?;
        let origin = self.origin().ok_or(Refusal::Checkpoint(CheckpointError::Origin))?;
        let checkpoint = Checkpoint::parse(text, origin).map_err(Refusal::Checkpoint)?;
        Ok((checkpoint.tree, seconds))
    }

    fn signed(&self, note: &str) -> Result<Checkpoint, Refusal> {
        let mut refusal = CheckpointError::Unsigned;
        for key in &self.keys {
            match Checkpoint::parse_and_verify(note, key) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(cause) => refusal = cause,
            }
        }
        Err(Refusal::Checkpoint(refusal))
    }
}

#[cfg(test)]
mod tests;
