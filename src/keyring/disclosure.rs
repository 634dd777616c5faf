//! The keys of one disclosure: made when it is opened, dead when it is closed.
//!
//! ```text
//! K_disclosure    random, 32 bytes; in the register plane's store, wrapped under the erasure key
//!   ├─► serials      FF1-AES-256         løpenummer
//!   ├─► surrogates   HMAC-SHA-256        secondary identifiers
//!   ├─► storage      AES-256-GCM         what must die with the disclosure
//!   └─► digests      HMAC-SHA-256        what was answered, and which serial an approval is about
//!
//! wrapped    = envelope of K_disclosure, context ("disclosure", store id, id of the disclosure)
//! surrogate  = HMAC-SHA-256(K_surrogates, frame(key space, institution, value)), first 16 bytes
//! ```
//!
//! FORMAT: docs/FORMATS.md, section "Disclosures".
//!
//! INVARIANT: two disclosures share a key only where a decision says that one continues the other.

use std::fmt;

use super::{ErasureKeys, Error, StoreId};
use crate::crypto::aead::sealed_under;
use crate::crypto::secret::assert_secret;
use crate::crypto::{
    DigestKey, Entropy, KeyId, Label, SecretBytes, SerialCipher, SerialWidth, StorageKey,
    StorageKeys, WrapKey, derive_secret,
};

/// Bytes of a surrogate: 128 bits, so that two values of a disclosure never meet by chance.
pub const SURROGATE_BYTES: usize = 16;

/// What a disclosure's key does.
pub struct DisclosureKeys {
    serials: SerialCipher,
    surrogates: DigestKey,
    storage: StorageKeys,
    digests: DigestKey,
}

impl DisclosureKeys {
    pub(super) fn new(secret: &SecretBytes<32>, width: SerialWidth) -> Self {
        let derive = |label| derive_secret::<32>(secret, label, &[]);
        let storage = StorageKey::new(KeyId::UNNUMBERED, &derive(Label::DisclosureStorage));
        Self {
            serials: SerialCipher::new(&derive(Label::DisclosureSerials), width),
            surrogates: DigestKey::new(&derive(Label::DisclosureSurrogates)),
            storage: StorageKeys::new(storage, Vec::new()),
            digests: DigestKey::new(&derive(Label::DisclosureDigests)),
        }
    }

    /// The permutation that makes serials.
    #[must_use]
    pub fn serials(&self) -> &SerialCipher {
        &self.serials
    }

    /// What seals records that die with the disclosure.
    #[must_use]
    pub fn storage(&self) -> &StorageKeys {
        &self.storage
    }

    /// What makes digests that nobody can search once the disclosure is closed.
    #[must_use]
    pub fn digests(&self) -> &DigestKey {
        &self.digests
    }

    /// What stands for a value of a key space; `institution` is empty where the value is unique
    /// without it.
    #[must_use]
    pub fn surrogate(
        &self,
        key_space: &str,
        institution: &[u8],
        value: &[u8],
    ) -> [u8; SURROGATE_BYTES] {
        let digest = self.surrogates.digest_parts(&[key_space.as_bytes(), institution, value]);
        let mut surrogate = [0; SURROGATE_BYTES];
        surrogate.copy_from_slice(&digest.as_bytes()[..SURROGATE_BYTES]);
        surrogate
    }
}

/// The key of a disclosure as it lies in the store.
#[derive(Clone)]
pub struct WrappedDisclosureKey(Vec<u8>);

impl WrappedDisclosureKey {
    /// Makes a key for a disclosure.
    ///
    /// # Errors
    /// [`Error::Crypto`] without randomness.
    pub fn generate(id: [u8; 16], erasure: &ErasureKeys, entropy: &Entropy) -> Result<Self, Error> {
        let secret = SecretBytes::generate(entropy)?;
        Self::wrap(id, erasure.store_id(), &erasure.active(), &secret, entropy)
    }

    /// As it was read from the store.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The envelope.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The keys.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not open: it is another disclosure's, or its erasure key is
    /// destroyed.
    pub fn open(
        &self,
        id: [u8; 16],
        erasure: &ErasureKeys,
        width: SerialWidth,
    ) -> Result<DisclosureKeys, Error> {
        Ok(DisclosureKeys::new(&self.secret(id, erasure)?, width))
    }

    /// What makes its digests, alone.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_digests(&self, id: [u8; 16], erasure: &ErasureKeys) -> Result<DigestKey, Error> {
        let secret = self.secret(id, erasure)?;
        Ok(DigestKey::new(&derive_secret::<32>(&secret, Label::DisclosureDigests, &[])))
    }

    /// The same key for another disclosure, which continues this one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn continued_as(
        &self,
        id: [u8; 16],
        by: [u8; 16],
        erasure: &ErasureKeys,
        entropy: &Entropy,
    ) -> Result<Self, Error> {
        let secret = self.secret(id, erasure)?;
        Self::wrap(by, erasure.store_id(), &erasure.active(), &secret, entropy)
    }

    /// The same key under another erasure key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn rewrap(
        &self,
        id: [u8; 16],
        erasure: &ErasureKeys,
        under: &WrapKey,
        entropy: &Entropy,
    ) -> Result<Self, Error> {
        let secret = self.secret(id, erasure)?;
        Self::wrap(id, erasure.store_id(), under, &secret, entropy)
    }

    fn secret(&self, id: [u8; 16], erasure: &ErasureKeys) -> Result<SecretBytes<32>, Error> {
        let damaged = Error::Damaged { reason: "a disclosure's key does not open" };
        let Some(key) = sealed_under(&self.0).and_then(|under| erasure.with_id(under)) else {
            return Err(damaged);
        };
        key.open(&context(erasure.store_id(), &id), &self.0).map_err(|_| damaged)
    }

    fn wrap(
        id: [u8; 16],
        store_id: &StoreId,
        under: &WrapKey,
        secret: &SecretBytes<32>,
        entropy: &Entropy,
    ) -> Result<Self, Error> {
        Ok(Self(under.seal(entropy, &context(store_id, &id), secret)?))
    }
}

fn context<'a>(store_id: &'a StoreId, id: &'a [u8; 16]) -> [&'a [u8]; 3] {
    [b"disclosure", store_id.as_bytes(), id]
}

impl fmt::Debug for DisclosureKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisclosureKeys(..)")
    }
}

impl fmt::Debug for WrappedDisclosureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedDisclosureKey(..)")
    }
}

assert_secret!(DisclosureKeys);
