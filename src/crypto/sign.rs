//! Ed25519 signatures (RFC 8032), for checkpoints of the audit log and for manifests.
//!
//! Not protected: `ring` does not wipe the expanded private key when it is dropped.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::secret::assert_secret;
use super::{Error, SecretBytes, Sha256};

/// A signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// A signature read back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 64] {
        self.0
    }
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key pair of a seed (RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &SecretBytes<32>) -> Self {
        // EXPOSE: ring expands the seed into the private scalar and prefix.
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("every 32 bytes are a seed");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { pair, public: PublicKey(public) }
    }

    /// `signature = Ed25519(seed, message)`, deterministic.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        Signature(bytes)
    }

    /// The key that verifies.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

assert_secret!(SigningKey);

/// A key that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// A public key read back.  Whether it is a point shows when it verifies.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Verifies a signature (RFC 8032 section 5.1.7).
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not belong to this message and key.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Error> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, &signature.0)
            .map_err(|_| Error::Signature)
    }

    /// `key id = first 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)`: how a C2SP signed note
    /// names this key (signed-note, "Signatures", type 0x01 Ed25519).
    #[must_use]
    pub fn note_key_id(&self, name: &str) -> [u8; 4] {
        self.key_id(name, 0x01)
    }

    /// The same for cosignatures of a witness (tlog-cosignature, type 0x04 timestamped Ed25519).
    #[must_use]
    pub fn cosignature_key_id(&self, name: &str) -> [u8; 4] {
        self.key_id(name, 0x04)
    }

    fn key_id(&self, name: &str, algorithm: u8) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update(&[0x0a, algorithm]);
        hasher.update(&self.0);
        let hash = hasher.finish();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Entropy;

    fn key(seed: u64) -> SigningKey {
        let entropy = Entropy::dangerous_seeded(seed);
        SigningKey::from_seed(&SecretBytes::generate(&entropy).unwrap())
    }

    #[test]
    fn a_signature_verifies_for_its_message_and_key_only() {
        let signature = key(1).sign(b"message");
        assert_eq!(key(1).public_key().verify(b"message", &signature), Ok(()));
        assert_eq!(key(1).public_key().verify(b"other", &signature), Err(Error::Signature));
        assert_eq!(key(2).public_key().verify(b"message", &signature), Err(Error::Signature));
        let mut bytes = signature.to_bytes();
        bytes[63] ^= 1;
        let changed = Signature::from_bytes(bytes);
        assert_eq!(key(1).public_key().verify(b"message", &changed), Err(Error::Signature));
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", key(1)), "SigningKey(..)");
    }
}
