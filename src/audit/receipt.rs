//! Receipts: that one entry is in the log, in one text that is checked offline with public keys.
//!
//! They exist so that who delivered or was given something can show, years later and without this
//! server, that it was recorded, and how. The form is <https://c2sp.org/tlog-proof>.
//!
//! FORMAT:
//!
//! ```text
//! c2sp.org/tlog-proof@v1 newline
//! "extra " base64(entry) newline
//! "index " index newline
//! base64(hash (32)) newline, for each of the audit path, from the leaf up
//! newline
//! checkpoint, a signed note, perhaps with cosignatures of witnesses
//!
//! entry   0x01 (1) ‖ leaf hash (32)              what it says is not told
//!         0x02 (1) ‖ salt (16) ‖ body (rest)     what it says
//! ```
//!
//! INVARIANT: nothing of a text is believed before the path leads from the entry to a root that the
//! log's key has signed.
//!
//! It does *not* show that others are shown the same log: that takes a witness's cosignature on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::leaf::{KeptLeaf, Leaf, LeafError, Salt};
use super::tree::{Hash, ProofError, verify_inclusion};
use crate::crypto::note::{NOTE_BYTES_MAX, NoteError, VerifierKey, WitnessKey};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
const HASH_ONLY: u8 = 0x01;
const WHOLE: u8 = 0x02;
/// A tree has at most 2^64 leaves.
const PATH_MAX: usize = 64;
/// Longest text: a longest body and a longest note, in base64 and with the rest.
const TEXT_BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// Why a receipt was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The checkpoint does not verify.
    #[error("checkpoint of the receipt does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is too long, or not UTF-8.
    #[error("entry of the receipt is malformed")]
    Entry(#[from] LeafError),
    /// It is not of the form of a receipt.
    #[error("receipt is malformed")]
    Malformed,
    /// The path does not lead from the entry to the signed root.
    #[error("entry is not in the log that the checkpoint is of")]
    Proof(#[from] ProofError),
    /// The witness has not cosigned the checkpoint.
    #[error("checkpoint of the receipt is not cosigned by the witness")]
    Witness(#[source] NoteError),
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the entry.
    pub index: u64,
    /// The entry; without salt and body where what it says is not told, or pruned.
    pub entry: KeptLeaf,
    /// Audit path, from the leaf up.
    pub path: Vec<Hash>,
    /// The checkpoint, a signed note.
    pub note: String,
}

/// What a receipt has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "without a look at what it says a receipt shows that something was recorded"]
pub struct Verified {
    /// The log, and how long it was.
    pub checkpoint: Checkpoint,
    /// When the witness cosigned it, in seconds since 1970, if one was asked for.
    pub witnessed: Option<u64>,
}

impl Receipt {
    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let entry = match &self.entry {
            KeptLeaf::Pruned(hash) => [&[HASH_ONLY], &hash.as_bytes()[..]].concat(),
            KeptLeaf::Whole(leaf) => {
                [&[WHOLE], &leaf.salt().as_bytes()[..], leaf.body().as_bytes()].concat()
            }
        };
        let mut text =
            format!("{FIRST_LINE}\nextra {}\nindex {}\n", BASE64.encode(entry), self.index);
        for hash in &self.path {
            text.push_str(&BASE64.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads a text. Nothing is verified.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Malformed`], [`ReceiptError::Entry`].
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ReceiptError::Malformed);
        }
        let (head, note) = text.split_once("\n\n").ok_or(ReceiptError::Malformed)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(ReceiptError::Malformed);
        }
        let after = |line: Option<&str>, word| {
            line.and_then(|line| line.strip_prefix(word)).map(str::to_owned)
        };
        let extra = after(lines.next(), "extra ").ok_or(ReceiptError::Malformed)?;
        let index = after(lines.next(), "index ").ok_or(ReceiptError::Malformed)?;
        let number: u64 = index.parse().map_err(|_| ReceiptError::Malformed)?;
        if number.to_string() != index {
            return Err(ReceiptError::Malformed);
        }
        let path: Option<Vec<Hash>> = lines.map(hash).collect();
        let path = path.filter(|path| path.len() <= PATH_MAX).ok_or(ReceiptError::Malformed)?;
        Ok(Self { index: number, entry: entry(&extra)?, path, note: note.to_owned() })
    }

    /// Checks it with the log's key, and with a witness's if it must have cosigned.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`].
    pub fn verify(
        &self,
        key: &VerifierKey,
        witness: Option<&WitnessKey>,
    ) -> Result<Verified, ReceiptError> {
        let checkpoint = Checkpoint::parse_and_verify(&self.note, key)?;
        verify_inclusion(self.entry.hash(), self.index, checkpoint.tree, &self.path)?;
        let witnessed = witness
            .map(|witness| witness.open(&self.note).map(|(_, seconds)| seconds))
            .transpose()
            .map_err(ReceiptError::Witness)?;
        Ok(Verified { checkpoint, witnessed })
    }
}

fn hash(line: &str) -> Option<Hash> {
    BASE64.decode(line).ok()?.try_into().ok().map(Hash::from_bytes)
}

fn entry(extra: &str) -> Result<KeptLeaf, ReceiptError> {
    let bytes = BASE64.decode(extra).map_err(|_| ReceiptError::Malformed)?;
    match bytes.split_first() {
        Some((&HASH_ONLY, hash)) => {
            let hash = hash.try_into().map_err(|_| ReceiptError::Malformed)?;
            Ok(KeptLeaf::Pruned(Hash::from_bytes(hash)))
        }
        Some((&WHOLE, rest)) => {
            let (salt, body) = rest.split_first_chunk().ok_or(ReceiptError::Malformed)?;
            let body = str::from_utf8(body).map_err(|_| LeafError::NotUtf8)?;
            Ok(KeptLeaf::Whole(Leaf::new(Salt::from_bytes(*salt), body.to_owned())?))
        }
        _ => Err(ReceiptError::Malformed),
    }
}

#[cfg(test)]
mod tests;
