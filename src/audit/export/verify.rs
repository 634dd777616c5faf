//! Verifying an export: streaming, in bounded memory, naming the entry that is wrong.

use std::io::{self, BufRead, Read as _};

use thiserror::Error;

use super::super::checkpoint::{Checkpoint, CheckpointError};
use super::super::pruning::PruningCheck;
use super::super::tree::Frontier;
use super::{EntryLine, FORMAT_VERSION, HeaderLine, KeptLeaf, LINE_BYTES_MAX, Leaf, Salt};
use crate::crypto::note::{NoteError, VerifierKey};

/// Where the key came from that the checkpoint was verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// From the export itself: it is whole and agrees with itself, and may be anybody's.
    ExportItself,
    /// From the caller: the holder of that key has signed this log.
    ExpectedKey,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a report with `Trust::ExportItself` does not say whose log it is"]
pub struct Report {
    /// The checkpoint: which log, its size and root.
    pub checkpoint: Checkpoint,
    /// The key its signature was verified with.
    pub verifier_key: VerifierKey,
    /// Where that key came from.
    pub trust: Trust,
    /// How many entries have no body left.
    pub pruned_count: u64,
    /// What later entries say of those without a body.
    pub pruning: PruningCheck,
}

/// Why an export was refused, and where. Nothing of an entry's text is quoted.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// Salt and body of an entry do not give its hash.
    #[error("entry {index} was changed: its salt and body do not give its hash")]
    Changed {
        /// The entry.
        index: u64,
    },
    /// The checkpoint does not verify, with the key named in the header or the expected one.
    #[error("checkpoint does not verify")]
    Checkpoint(#[source] CheckpointError),
    /// The expected verifier key is malformed.
    #[error("expected verifier key is malformed")]
    ExpectedKey(#[source] NoteError),
    /// More entries than the checkpoint has.
    #[error("there are entries after the {size} of the checkpoint")]
    Extra {
        /// Size of the checkpoint's tree.
        size: u64,
    },
    /// The first line is not the header of an export.
    #[error("first line is not the header of an export")]
    Header,
    /// A line is not an entry.
    #[error("line of entry {index} is malformed")]
    Malformed {
        /// The entry that should stand there.
        index: u64,
    },
    /// An entry is not there.
    #[error("entry {index} is missing: entry {found} stands in its place")]
    Missing {
        /// The entry that should stand there.
        index: u64,
        /// The one that does.
        found: u64,
    },
    /// The origin in the header is not that of the checkpoint.
    #[error("origin in the header is not that of the checkpoint")]
    Origin,
    /// An entry stands after a later one, or twice.
    #[error("entry {found} stands in the place of entry {index}")]
    OutOfOrder {
        /// The entry that should stand there.
        index: u64,
        /// The one that does.
        found: u64,
    },
    /// The export could not be read.
    #[error("export could not be read")]
    Read(#[source] io::Error),
    /// Every entry agrees with its hash, but the hashes do not give the signed root.
    #[error("the {size} entries do not give the signed root: entries and hashes were changed")]
    RootMismatch {
        /// Size of the checkpoint's tree.
        size: u64,
    },
    /// The export ends before the checkpoint's last entry, or within a line.
    #[error("export ends after {found} whole entries of {size}")]
    Truncated {
        /// Size of the checkpoint's tree.
        size: u64,
        /// How many are there.
        found: u64,
    },
    /// A version this program does not know.
    #[error("export has the unknown version {0}")]
    UnknownVersion(u32),
    /// The export is by another key than the expected one.
    #[error("export is by another key than the expected one")]
    WrongKey,
}

impl VerifyError {
    /// The first entry that is wrong, where one can be named: the header is no entry, and hashes that
    /// are wrong together with what they are of show only in the root.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match self {
            Self::Changed { index }
            | Self::Malformed { index }
            | Self::Missing { index, .. }
            | Self::OutOfOrder { index, .. } => Some(*index),
            Self::Extra { size } => Some(*size),
            Self::Truncated { found, .. } => Some(*found),
            Self::Checkpoint(_)
            | Self::ExpectedKey(_)
            | Self::Header
            | Self::Origin
            | Self::Read(_)
            | Self::RootMismatch { .. }
            | Self::UnknownVersion(_)
            | Self::WrongKey => None,
        }
    }
}

/// Verifies an export against `expected_verifier_key`, or, without one, against itself.
///
/// Without an expected key the report says [`Trust::ExportItself`]: that proves that the export is
/// whole and consistent, and *not* that it is the log of the server it claims to be from. Nor does
/// either prove that the checkpoint is the newest one.
///
/// # Errors
///
/// The first thing that is wrong, as a [`VerifyError`].
pub fn verify_export<R: BufRead>(
    reader: R,
    expected_verifier_key: Option<&str>,
) -> Result<Report, VerifyError> {
    let mut lines = Lines { reader, buffer: Vec::new() };
    let Some(Line::Whole(header)) = lines.next()? else { return Err(VerifyError::Header) };
    let verification = Verification::begin(header, expected_verifier_key)?;
    verification.rest(&mut lines)
}

/// An export verified up to some entry.
#[derive(Clone)]
pub(in crate::audit) struct Verification {
    checkpoint: Checkpoint,
    verifier_key: VerifierKey,
    trust: Trust,
    tree: Frontier,
    pruned_count: u64,
    pruning: PruningCheck,
}

impl Verification {
    pub(in crate::audit) fn begin(
        header: &[u8],
        expected: Option<&str>,
    ) -> Result<Self, VerifyError> {
        let (checkpoint, verifier_key, trust) = verify_header(header, expected)?;
        let (tree, pruning) = (Frontier::new(), PruningCheck::default());
        Ok(Self { checkpoint, verifier_key, trust, tree, pruned_count: 0, pruning })
    }

    /// The entries from here on.
    pub(in crate::audit) fn rest<R: BufRead>(
        mut self,
        lines: &mut Lines<R>,
    ) -> Result<Report, VerifyError> {
        let size = self.checkpoint.tree.size;
        loop {
            let index = self.tree.size();
            match lines.next()? {
                None if index == size => break,
                None | Some(Line::Cut) => {
                    return Err(VerifyError::Truncated { size, found: index });
                }
                Some(_) if index == size => return Err(VerifyError::Extra { size }),
                Some(Line::TooLong) => return Err(VerifyError::Malformed { index }),
                Some(Line::Whole(line)) => self.entry(line)?,
            }
        }
        if self.tree.head() != self.checkpoint.tree {
            return Err(VerifyError::RootMismatch { size });
        }
        Ok(Report {
            pruning: self.pruning,
            checkpoint: self.checkpoint,
            verifier_key: self.verifier_key,
            trust: self.trust,
            pruned_count: self.pruned_count,
        })
    }

    /// One entry.
    pub(in crate::audit) fn entry(&mut self, line: &[u8]) -> Result<(), VerifyError> {
        let index = self.tree.size();
        let leaf = verify_entry(line, index)?;
        match &leaf {
            KeptLeaf::Pruned(_) => {
                self.pruned_count += 1;
                self.pruning.pruned(index);
            }
            KeptLeaf::Whole(leaf) => self.pruning.whole(index, leaf.body()),
        }
        let size = self.checkpoint.tree.size;
        self.tree.append(leaf.hash()).map_err(|_| VerifyError::Extra { size })?;
        Ok(())
    }
}

fn verify_header(
    line: &[u8],
    expected_verifier_key: Option<&str>,
) -> Result<(Checkpoint, VerifierKey, Trust), VerifyError> {
    /// The version alone, of a header of any version.
    #[derive(serde::Deserialize)]
    struct VersionOnly {
        hvelv_audit_export: u32,
    }

    let VersionOnly { hvelv_audit_export } =
        serde_json::from_slice(line).map_err(|_| VerifyError::Header)?;
    if hvelv_audit_export != FORMAT_VERSION {
        return Err(VerifyError::UnknownVersion(hvelv_audit_export));
    }
    let header: HeaderLine = serde_json::from_slice(line).map_err(|_| VerifyError::Header)?;
    let named: VerifierKey = header.verifier_key.parse().map_err(|_| VerifyError::Header)?;
    let signed_by = |key: &VerifierKey| Checkpoint::parse_and_verify(&header.checkpoint, key);
    let (key, trust) = match expected_verifier_key {
        None => (named, Trust::ExportItself),
        Some(expected) => {
            let expected: VerifierKey = expected.parse().map_err(VerifyError::ExpectedKey)?;
            // While one key of a log follows another both sign, and the export names one of them.
            if named != expected && signed_by(&expected).is_err() {
                return Err(VerifyError::WrongKey);
            }
            (expected, Trust::ExpectedKey)
        }
    };
    let checkpoint = signed_by(&key).map_err(VerifyError::Checkpoint)?;
    if header.origin != checkpoint.origin.as_str() {
        return Err(VerifyError::Origin);
    }
    Ok((checkpoint, key, trust))
}

fn verify_entry(line: &[u8], index: u64) -> Result<KeptLeaf, VerifyError> {
    let malformed = |_| VerifyError::Malformed { index };
    let EntryLine { i: found, hash, salt, body } =
        serde_json::from_slice(line).map_err(malformed)?;
    if found > index {
        return Err(VerifyError::Missing { index, found });
    }
    if found < index {
        return Err(VerifyError::OutOfOrder { index, found });
    }
    let leaf = match (salt, body) {
        (Some(salt), Some(body)) => {
            let leaf = Leaf::new(Salt::from_bytes(salt.0), body)
                .map_err(|_| VerifyError::Malformed { index })?;
            KeptLeaf::Whole(leaf)
        }
        (None, None) => KeptLeaf::Pruned(hash),
        (Some(_), None) | (None, Some(_)) => return Err(VerifyError::Malformed { index }),
    };
    if leaf.hash() == hash { Ok(leaf) } else { Err(VerifyError::Changed { index }) }
}

/// Lines of bounded length, read into one buffer.
pub(in crate::audit) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
}

pub(in crate::audit) enum Line<'a> {
    /// The input ends within it.
    Cut,
    /// Longer than any line of an export.
    TooLong,
    /// Without its newline.
    Whole(&'a [u8]),
}

impl<R: BufRead> Lines<R> {
    #[cfg(test)]
    pub(in crate::audit) fn of(reader: R) -> Self {
        Self { reader, buffer: Vec::new() }
    }

    fn next(&mut self) -> Result<Option<Line<'_>>, VerifyError> {
        self.buffer.clear();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.buffer);
        if read.map_err(VerifyError::Read)? == 0 {
            return Ok(None);
        }
        Ok(Some(match self.buffer.strip_suffix(b"\n") {
            Some(line) => Line::Whole(line),
            None if self.buffer.len() == LINE_BYTES_MAX => Line::TooLong,
            None => Line::Cut,
        }))
    }
}
