//! The Merkle tree of RFC 6962, section 2.1, over SHA-256.
//!
//! It exists so that one signed root of 32 bytes commits to every entry and their order: a changed,
//! removed or inserted entry gives another root, and a proof of a few hashes shows that an entry is
//! in a tree, or that one tree is the beginning of another.
//!
//! FORMAT:
//!
//! ```text
//! leaf      SHA-256(0x00 ‖ salt ‖ body)         see leaf.rs
//! node      SHA-256(0x01 ‖ left ‖ right)
//! tree      of n > 1 leaves: node(first k, the rest), k the largest power of two below n
//! empty     SHA-256("")
//! frontier  version 0x01 (1) ‖ size (8, big-endian) ‖ one hash (32) for each 1 bit of the size,
//!           the highest first: the roots of the perfect subtrees the leaves fall into
//! ```
//!
//! Making a proof reads leaf hashes, streamed by range, and skips full blocks whose roots are known
//! (`blocks`): O(log n) work then, and O(n) without.
//!
//! INVARIANT: nothing here panics on any input, sizes up to `u64::MAX` included.
//!
//! It does *not* say who vouches for a root: that is the checkpoint's signature.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crypto::{Sha256, hex};

mod blocks;
mod proof;

pub use blocks::{BLOCK_WIDTH, Blocks};
pub use proof::{
    LeafHashes, ProofError, ProveError, consistency_proof, inclusion_proof, root_of,
    verify_consistency, verify_inclusion,
};

/// Length of a hash, in bytes.
pub const HASH_BYTES: usize = 32;

/// Prefix of a leaf, so that no leaf can be taken for a node (RFC 6962, section 2.1).
const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];
const FRONTIER_VERSION: u8 = 0x01;

/// A hash of the tree: of a leaf, a node or the root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(#[serde(with = "hex")] [u8; HASH_BYTES]);

impl Hash {
    /// Takes the bytes of a hash.
    #[must_use]
    pub fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }
}

impl fmt::Display for Hash {
    /// Lowercase hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A size and the root of the tree of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finish())
}

/// `SHA-256(0x00 ‖ part ‖ part ‖ …)`, RFC 6962, section 2.1.
///
/// The parts are joined without framing: the caller fixes the length of all but the last.
#[must_use]
pub(super) fn leaf_hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(&LEAF_PREFIX);
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finish())
}

/// `SHA-256(0x01 ‖ left ‖ right)`, RFC 6962, section 2.1.
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&NODE_PREFIX, &left.0, &right.0])
}

/// `SHA-256("")`, the root of the empty tree.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Why a frontier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrontierError {
    /// A subtree does not begin where one of its size can.
    #[error("subtree is not aligned")]
    Alignment,
    /// The tree has `u64::MAX` leaves.
    #[error("log is full")]
    Full,
    /// The number of hashes is not that of the size.
    #[error("stored frontier has the wrong length for its size")]
    Length,
    /// Shorter than a version and a size.
    #[error("stored frontier is too short")]
    TooShort,
    /// The stored frontier has a version this program does not know.
    #[error("stored frontier has the unknown version {0}")]
    UnknownVersion(u8),
}

/// The right edge of a tree: all that is needed to append to it and to know its root.
///
/// INVARIANT: `peaks` has one hash for each 1 bit of `size`, the highest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf and gives its index. One node hash on average, 64 at most.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`], and nothing is appended.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, FrontierError> {
        let index = self.size;
        self.size = index.checked_add(1).ok_or(FrontierError::Full)?;
        // The new leaf completes one perfect subtree for each 1 bit at the low end of the index.
        let mut root = leaf;
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.peaks.push(root);
        debug_assert_eq!(self.peaks.len(), peak_count(self.size));
        Ok(index)
    }

    /// Appends the perfect subtree of `2^height` leaves that has this root.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Alignment`] if none can begin here, [`FrontierError::Full`]; nothing is
    /// appended then.
    pub fn append_perfect(&mut self, height: u32, root: Hash) -> Result<(), FrontierError> {
        let leaves = 1_u64.checked_shl(height).ok_or(FrontierError::Full)?;
        if !self.size.is_multiple_of(leaves) {
            return Err(FrontierError::Alignment);
        }
        let size = self.size.checked_add(leaves).ok_or(FrontierError::Full)?;
        let mut root = root;
        for _ in 0..(self.size >> height).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.size = size;
        self.peaks.push(root);
        debug_assert_eq!(self.peaks.len(), peak_count(self.size));
        Ok(())
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(&last) = peaks.next() else { return empty_root() };
        peaks.fold(last, |right, left| node_hash(left, &right))
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 + self.peaks.len() * HASH_BYTES);
        bytes.push(FRONTIER_VERSION);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for peak in &self.peaks {
            bytes.extend_from_slice(&peak.0);
        }
        bytes
    }

    /// Reads stored bytes. They are as trustworthy as the store: verify the log from its leaf
    /// hashes before signing.
    ///
    /// # Errors
    ///
    /// Any [`FrontierError`] but `Full`.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (&version, rest) = bytes.split_first().ok_or(FrontierError::TooShort)?;
        if version != FRONTIER_VERSION {
            return Err(FrontierError::UnknownVersion(version));
        }
        let (size, hashes) = rest.split_first_chunk().ok_or(FrontierError::TooShort)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, tail) = hashes.as_chunks::<HASH_BYTES>();
        if hashes.len() != peak_count(size) || !tail.is_empty() {
            return Err(FrontierError::Length);
        }
        Ok(Self { size, peaks: hashes.iter().copied().map(Hash).collect() })
    }
}

/// Number of perfect subtrees of a tree of `size` leaves.
fn peak_count(size: u64) -> usize {
    size.count_ones() as usize
}

#[cfg(test)]
mod tests;
