//! Ciphers, tags, digests and signatures, each behind a type that has one purpose.
//!
//! This module is the only importer of `ring`, `aes`, `aes-gcm`, `hmac`, `sha2`, `cmac` and
//! `argon2`, so that each can be replaced in one place.  It reads no clock and no file; randomness
//! comes through [`Entropy`] alone.
//!
//! | File | What |
//! |---|---|
//! | [`secret`] | [`SecretBytes`] and [`Passphrase`]: secrets that are wiped and never printed |
//! | [`entropy`] | the one source of randomness |
//! | [`labels`], [`framing`] | what separates one use of a key from another |
//! | [`aead`], [`wrap`] | sealed records, and keys sealed under keys |
//! | [`moment`] | what is put aside on disk for as long as a command runs |
//! | [`digest`] | SHA-256, keyed digests, derived keys |
//! | [`tag`], [`oneway`] | identifier tags |
//! | [`ff1`] | FF1 on decimal numbers |
//! | [`permutation`], [`pseudonym`] | numbers in drawn order, register IDs, serials |
//! | [`passphrase`] | keys from passphrases |
//! | [`shamir`], [`share`] | a secret in shares, and a share as text for a person |
//! | [`sign`], [`note`] | Ed25519, and C2SP signed notes |
//!
//! INVARIANT: key bytes leave this module only sealed.  Nothing here prints, serialises or compares
//! a secret other than in constant time.
//!
//! Not protected: memory of a running, unsealed process; registers and stack slots that the compiler
//! spills; what the locked versions of the dependencies leave unwiped (SECURITY.md lists it).

pub mod aead;
pub mod digest;
pub mod entropy;
pub mod ff1;
pub mod framing;
pub(crate) mod hex;
pub mod labels;
pub mod moment;
pub mod note;
pub mod oneway;
pub mod passphrase;
pub mod permutation;
pub mod pseudonym;
pub mod secret;
pub mod shamir;
pub mod share;
pub mod sign;
pub mod tag;
pub mod wrap;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod known_answers;
#[cfg(test)]
pub(crate) mod test_support;

pub use aead::{KeyId, Place, Sealer, StorageKey, StorageKeys};
pub use digest::{DigestKey, KeyedDigest, KeyedHasher, Sha256, derive_secret, sha256};
pub use entropy::Entropy;
pub use labels::Label;
pub use moment::MomentKey;
pub use oneway::{OneWayKey, OuterKey};
pub use passphrase::Argon2Params;
pub use permutation::NumberKey;
pub use pseudonym::{RegisterIdCipher, SerialCipher, SerialWidth};
pub use secret::{Passphrase, SecretBytes};
pub use share::{Share, ShareError, ShareHead};
pub use sign::{PublicKey, Signature, SigningKey};
pub use tag::{IndexKey, Tag, TagInput};
pub use wrap::WrapKey;

/// Why a cryptographic operation was refused.
///
/// The texts name no value: neither the input nor anything derived from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Entropy,
    /// A sealed value does not open: other key, other place, other version, or changed bytes.
    /// The causes are not told apart.
    #[error("sealed value does not open")]
    Open,
    /// A number lies outside the domain of the permutation it was given to.
    #[error("number lies outside the domain of the permutation")]
    OutOfRange,
    /// Parameters of the passphrase function lie outside the accepted bounds.
    #[error("passphrase parameters lie outside the accepted bounds")]
    Parameters,
    /// A passphrase is empty or longer than 1024 bytes.
    #[error("passphrase is empty or longer than 1024 bytes")]
    Passphrase,
    /// The key has sealed as many values as its nonce policy allows, and must be replaced.
    #[error("key has sealed as many values as it may, a new epoch is due")]
    SealLimit,
    /// A signature does not belong to this message and key.
    #[error("signature does not verify")]
    Signature,
    /// No permutation is defined for this number of digits.
    #[error("number of digits is not supported")]
    Width,
}
