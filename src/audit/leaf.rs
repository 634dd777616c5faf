//! One leaf of the log: a salt and a body, or, once the body is pruned, only their hash.
//!
//! The salt exists so that a body can be removed when its retention ends while its hash stays in
//! the tree: without 16 random bytes, a body of a few known fields could be found again from its
//! hash by trying.
//!
//! FORMAT:
//!
//! ```text
//! leaf hash     SHA-256(0x00 ‖ salt ‖ body)                 the leaf of RFC 6962, section 2.1
//! stored record version 0x01 (1) ‖ salt (16) ‖ body (rest)  what the store seals
//! pruned        no record; the leaf hash (32), kept by the store in any case
//! ```
//!
//! INVARIANT: a body is UTF-8 and no longer than [`BODY_BYTES_MAX`].
//!
//! It does *not* hide the body by itself: the store seals the record.

use thiserror::Error;

use super::tree::{Hash, leaf_hash};
use crate::crypto::hex;

/// Longest body, in bytes.
///
/// Entries are a few hundred bytes; the longest list the differences of an access load. The bound
/// lets an export be verified in constant memory.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Length of a salt, in bytes: 128 bits, so that a pruned body cannot be found by trying.
pub const SALT_BYTES: usize = 16;

const RECORD_VERSION: u8 = 0x01;

/// Why a leaf was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeafError {
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("entry body of {0} bytes is too long")]
    BodyTooLong(usize),
    /// The body of a stored record is not UTF-8.
    #[error("stored entry is not UTF-8")]
    NotUtf8,
    /// A stored record is shorter than a version and a salt.
    #[error("stored entry is too short")]
    TooShort,
    /// The stored record has a version this program does not know.
    #[error("stored entry has the unknown version {0}")]
    UnknownVersion(u8),
}

/// Random bytes that keep a pruned body from being guessed: fresh for each leaf, from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; SALT_BYTES]);

impl Salt {
    /// Takes the bytes, which are fresh from the system's random source.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SALT_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SALT_BYTES] {
        &self.0
    }

    pub(super) fn to_hex(self) -> String {
        hex::encode(&self.0)
    }
}

/// A leaf with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    salt: Salt,
    body: String,
}

impl Leaf {
    /// Takes a body, as [`Entry::encode`](super::Entry::encode) gives it, and a fresh salt.
    ///
    /// # Errors
    ///
    /// [`LeafError::BodyTooLong`].
    pub fn new(salt: Salt, body: String) -> Result<Self, LeafError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(LeafError::BodyTooLong(body.len()));
        }
        Ok(Self { salt, body })
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// The body: one JSON object. These bytes are the truth; decoding them is for display.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// `SHA-256(0x00 ‖ salt ‖ body)`, RFC 6962, section 2.1.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(&[&self.salt.0, self.body.as_bytes()])
    }

    /// The record that the store seals.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(1 + SALT_BYTES + self.body.len());
        record.push(RECORD_VERSION);
        record.extend_from_slice(&self.salt.0);
        record.extend_from_slice(self.body.as_bytes());
        record
    }

    /// Reads a record that the store has opened.
    ///
    /// # Errors
    ///
    /// Any [`LeafError`]; the record says it all, so none names a byte of it.
    pub fn decode(record: &[u8]) -> Result<Self, LeafError> {
        let (&version, rest) = record.split_first().ok_or(LeafError::TooShort)?;
        if version != RECORD_VERSION {
            return Err(LeafError::UnknownVersion(version));
        }
        let (salt, body) = rest.split_first_chunk().ok_or(LeafError::TooShort)?;
        let body = str::from_utf8(body).map_err(|_| LeafError::NotUtf8)?;
        Self::new(Salt(*salt), body.to_owned())
    }
}

/// A leaf as the log still has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptLeaf {
    /// The body was removed when its retention ended; the hash stays.
    Pruned(Hash),
    /// Salt and body.
    Whole(Leaf),
}

impl KeptLeaf {
    /// The leaf hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self {
            Self::Pruned(hash) => *hash,
            Self::Whole(leaf) => leaf.hash(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn golden() -> (Leaf, Vec<u8>) {
        let salt = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let leaf = Leaf::new(Salt(salt), r#"{"v":1}"#.to_owned()).unwrap();
        let mut record = vec![0x01];
        record.extend(0..16);
        record.extend(b"{\"v\":1}");
        (leaf, record)
    }

    #[test]
    fn stored_record_and_hash_are_the_golden_bytes() {
        let (leaf, record) = golden();
        assert_eq!(leaf.encode(), record);
        assert_eq!(Leaf::decode(&record), Ok(leaf.clone()));
        // Python: hashlib.sha256(b"\0" + bytes(range(16)) + b'{"v":1}').hexdigest().
        assert_eq!(
            leaf.hash().to_string(),
            "a59791364726bd5298b445e963f92355a68fc9598c38e2a342c8de45f42a2c21"
        );
        assert_eq!(KeptLeaf::Pruned(leaf.hash()).hash(), KeptLeaf::Whole(leaf).hash());
    }

    #[test]
    fn decode_names_what_is_wrong_with_a_record() {
        let (_, record) = golden();
        assert_eq!(Leaf::decode(&[]), Err(LeafError::TooShort));
        assert_eq!(Leaf::decode(&record[..16]), Err(LeafError::TooShort));
        for version in [0x00, 0x02, 0xff] {
            let mut bad = record.clone();
            bad[0] = version;
            assert_eq!(Leaf::decode(&bad), Err(LeafError::UnknownVersion(version)));
        }
        let mut bad = record;
        bad[17] = 0xff;
        assert_eq!(Leaf::decode(&bad), Err(LeafError::NotUtf8));
    }

    #[test]
    fn a_body_has_a_longest_length() {
        let longest = "x".repeat(BODY_BYTES_MAX);
        assert!(Leaf::new(Salt([0; 16]), longest.clone()).is_ok());
        let refused = Leaf::new(Salt([0; 16]), longest + "x");
        assert_eq!(refused, Err(LeafError::BodyTooLong(BODY_BYTES_MAX + 1)));
    }

    proptest! {
        #[test]
        fn records_round_trip_and_salt_and_body_both_move_the_hash(
            salt in any::<[u8; 16]>(),
            body in ".{0,80}",
            flip in 0_usize..128,
        ) {
            let leaf = Leaf::new(Salt(salt), body.clone()).unwrap();
            prop_assert_eq!(Leaf::decode(&leaf.encode()), Ok(leaf.clone()));

            let mut other = salt;
            other[flip / 8] ^= 1 << (flip % 8);
            prop_assert_ne!(Leaf::new(Salt(other), body.clone()).unwrap().hash(), leaf.hash());
            prop_assert_ne!(Leaf::new(Salt(salt), body + "x").unwrap().hash(), leaf.hash());
        }

        #[test]
        fn decode_never_panics(record in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Leaf::decode(&record);
        }
    }
}
