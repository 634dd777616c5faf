//! Checkpoints: the log's signed word on its size and root.
//!
//! They exist so that an auditor who keeps a few lines of text can later prove that the log was
//! changed. The form is that of <https://c2sp.org/tlog-checkpoint>.
//!
//! FORMAT: a signed note (see `crypto::note`) by the key that has the origin as its name, with the text
//!
//! ```text
//! origin newline
//! size, decimal, no leading zero newline
//! base64(root hash (32)) newline
//! ```
//!
//! INVARIANT: a log signs no two checkpoints between which there is no consistency proof. The
//! reader keeps this: it verifies the log from disk before it signs.
//!
//! It does *not* show that the log is the same for everybody, nor that it is the newest: whoever
//! holds the signing key can sign two histories, and only a witness off the host, or an auditor
//! with an older checkpoint, sees that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;

use super::tree::{Hash, TreeHead};
use crate::crypto::SigningKey;
use crate::crypto::note::{NoteError, Origin, VerifierKey, open_note, sign_note_with};

/// Why a checkpoint was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// An extension line is empty.
    #[error("checkpoint has a malformed extension line")]
    Extension,
    /// It is no note, or not one by the expected key.
    #[error("checkpoint is not a note by the expected key")]
    Note(#[from] NoteError),
    /// The origin is not the name of the key.
    #[error("checkpoint is of another log than the key")]
    Origin,
    /// The root is not the base64 form of 32 bytes.
    #[error("checkpoint has a malformed root")]
    Root,
    /// There is no key to sign with.
    #[error("checkpoint has no key to be signed by")]
    Unsigned,
    /// The size is not a decimal number without leading zeros.
    #[error("checkpoint has a malformed size")]
    Size,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Its size and root.
    pub tree: TreeHead,
}

impl Checkpoint {
    /// The note that says it, signed.
    ///
    /// The caller's duty: the tree was verified from the stored leaves, and begins with every tree
    /// signed before.
    ///
    /// # Errors
    ///
    /// None that an [`Origin`] can cause; the type is that of the note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        self.sign_with(&[key])
    }

    /// The same signed by several keys of the log, one of which follows another.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::sign`].
    pub fn sign_with(&self, keys: &[&SigningKey]) -> Result<String, CheckpointError> {
        let root = BASE64.encode(self.tree.root.as_bytes());
        let text = format!("{}\n{}\n{root}\n", self.origin, self.tree.size);
        Ok(sign_note_with(&text, &self.origin, keys)?)
    }

    /// Reads a note, if `key` has signed it.
    ///
    /// Extension lines are allowed, and passed over, as the specification demands; the log writes
    /// none.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]; nothing of the text is looked at before its signature is verified.
    pub fn parse_and_verify(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::parse(open_note(note, key)?, key.name())
    }

    /// Reads the text of a note, whose signature the caller has verified.
    pub(super) fn parse(text: &str, origin: &Origin) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        if lines.next() != Some(origin.as_str()) {
            return Err(CheckpointError::Origin);
        }
        let size = lines.next().and_then(parse_size).ok_or(CheckpointError::Size)?;
        let root = lines.next().and_then(parse_root).ok_or(CheckpointError::Root)?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Extension);
        }
        Ok(Self { origin: origin.clone(), tree: TreeHead { size, root } })
    }
}

fn parse_size(text: &str) -> Option<u64> {
    // `parse` alone would take "+1" and "01".
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    canonical.then(|| text.parse().ok()).flatten()
}

fn parse_root(text: &str) -> Option<Hash> {
    let bytes = BASE64.decode(text).ok()?;
    Some(Hash::from_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests;
