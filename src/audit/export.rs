//! Exports: the whole log as a file that anyone can verify, offline and without a secret.
//!
//! They exist so that the log can be checked, kept and read by those who do not trust the server it
//! came from. An export is JSON lines, so that it can also be read without Hvelv.
//!
//! FORMAT: UTF-8, one JSON object a line, each line ended by a newline, no other fields.
//!
//! ```text
//! header   {"hvelv_audit_export":1,"origin":…,"verifier_key":…,"checkpoint":note}
//! entry    {"i":index,"hash":leaf hash,"salt":16 bytes,"body":the body, exactly, as a string}
//! pruned   {"i":index,"hash":leaf hash}
//! ```
//!
//! Bytes are lowercase hexadecimal. The entries are all of the checkpoint's tree, from 0, in order.
//! The hash of an entry with a body is there so that a changed entry can be named; what is verified
//! is the hash computed from salt and body.
//!
//! Verification recomputes every leaf hash and the root, and compares with the checkpoint, whose
//! signature it has verified: O(1) work for each entry, in memory that is constant but for runs of
//! pruned entries.
//!
//! What verification does **not** prove:
//!
//! - *Without an expected verifier key*: that the log is anybody's. The key is then taken from the
//!   file itself, and whoever made the file can have made the key. It shows only that the file is
//!   whole and agrees with itself.
//! - That the checkpoint is the newest, or that others were shown the same log. Whoever holds the
//!   signing key can sign another history; an older checkpoint, or a witness, shows that.
//! - What a pruned entry said. That it was pruned, and not left out, is what a later entry says
//!   (`pruning`): the report names the first of which none says so.
//! - That an entry is true.

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::leaf::{BODY_BYTES_MAX, KeptLeaf, Leaf, SALT_BYTES, Salt};
use super::tree::{Frontier, FrontierError, Hash};
use crate::crypto::hex;
use crate::crypto::note::{NOTE_BYTES_MAX, VerifierKey};

pub(super) mod verify;

pub use verify::{Report, Trust, VerifyError, verify_export};

const FORMAT_VERSION: u32 = 1;

/// Longest line: a longest body or note in which each byte is escaped as `\u00XX`, and the rest.
const LINE_BYTES_MAX: usize =
    6 * if BODY_BYTES_MAX > NOTE_BYTES_MAX { BODY_BYTES_MAX } else { NOTE_BYTES_MAX } + 4096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine {
    hvelv_audit_export: u32,
    origin: String,
    verifier_key: String,
    checkpoint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrunedLine {
    i: u64,
    hash: Hash,
}

#[derive(Serialize)]
struct WholeLine<'a> {
    i: u64,
    hash: Hash,
    salt: String,
    body: &'a str,
}

/// What an entry's line can hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine {
    i: u64,
    hash: Hash,
    salt: Option<SaltHex>,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct SaltHex(#[serde(with = "hex")] [u8; SALT_BYTES]);

/// Why an export could not be written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The checkpoint is not one by the verifier key.
    #[error("checkpoint of the export does not verify")]
    Checkpoint(#[source] CheckpointError),
    /// The entries are more, or fewer, or others than the checkpoint's tree has.
    #[error("entries written are not those of the checkpoint")]
    NotTheCheckpoint,
    /// The destination could not be written.
    #[error("export could not be written")]
    Write(#[source] io::Error),
}

/// Writes an export, entry by entry.
///
/// It keeps the tree of what it wrote, so an export that would not verify is an error here and not
/// a surprise for the auditor.
#[derive(Debug)]
#[must_use = "an export is whole only when `finish` says so"]
pub struct ExportWriter<W> {
    writer: W,
    checkpoint: Checkpoint,
    tree: Frontier,
}

impl<W: io::Write> ExportWriter<W> {
    /// Writes the header: `note` is the signed checkpoint of the tree whose entries follow.
    ///
    /// # Errors
    ///
    /// [`ExportError::Checkpoint`] or [`ExportError::Write`].
    pub fn begin(writer: W, note: &str, key: &VerifierKey) -> Result<Self, ExportError> {
        let checkpoint =
            Checkpoint::parse_and_verify(note, key).map_err(ExportError::Checkpoint)?;
        let header = HeaderLine {
            hvelv_audit_export: FORMAT_VERSION,
            origin: checkpoint.origin.to_string(),
            verifier_key: key.to_string(),
            checkpoint: note.to_owned(),
        };
        let mut export = Self { writer, checkpoint, tree: Frontier::new() };
        export.line(&header)?;
        Ok(export)
    }

    /// Writes the next entry.
    ///
    /// # Errors
    ///
    /// [`ExportError::Write`], or [`ExportError::NotTheCheckpoint`] if the tree has no more.
    pub fn entry(&mut self, leaf: &KeptLeaf) -> Result<(), ExportError> {
        let hash = leaf.hash();
        if self.tree.size() == self.checkpoint.tree.size {
            return Err(ExportError::NotTheCheckpoint);
        }
        let append = self.tree.append(hash);
        let i = append.map_err(|_: FrontierError| ExportError::NotTheCheckpoint)?;
        match leaf {
            KeptLeaf::Pruned(hash) => self.line(&PrunedLine { i, hash: *hash }),
            KeptLeaf::Whole(leaf) => {
                let salt = leaf.salt().to_hex();
                self.line(&WholeLine { i, hash, salt, body: leaf.body() })
            }
        }
    }

    /// Flushes, and compares what was written with the checkpoint.
    ///
    /// # Errors
    ///
    /// [`ExportError::NotTheCheckpoint`]: the file must not be handed out. [`ExportError::Write`].
    pub fn finish(mut self) -> Result<W, ExportError> {
        if self.tree.head() != self.checkpoint.tree {
            return Err(ExportError::NotTheCheckpoint);
        }
        self.writer.flush().map_err(ExportError::Write)?;
        Ok(self.writer)
    }

    fn line<T: Serialize>(&mut self, line: &T) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.writer, line)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(ExportError::Write)
    }
}

#[cfg(test)]
mod tests;
