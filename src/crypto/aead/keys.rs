//! The keys of one purpose, as epochs follow one another.

use zeroize::Zeroizing;

use super::super::secret::assert_secret;
use super::{Entropy, Envelope, Error, KeyId, Place, Sealer, StorageKey, sealed_under};

/// The keys of one purpose: one seals, all open.
#[derive(Debug)]
pub struct StorageKeys {
    active: StorageKey,
    /// Keys that only open, by id.
    older: Vec<StorageKey>,
}

impl StorageKeys {
    /// The key that seals, and those that only open.
    #[must_use]
    pub fn new(active: StorageKey, older: Vec<StorageKey>) -> Self {
        Self { active, older }
    }

    /// The key that seals.
    #[must_use]
    pub fn active(&self) -> &StorageKey {
        &self.active
    }

    /// The ids of all keys, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        std::iter::once(&self.active).chain(&self.older).map(StorageKey::id)
    }

    /// Seals under the active key; see [`StorageKey::seal`].
    ///
    /// # Errors
    /// As [`StorageKey::seal`].
    pub fn seal(
        &self,
        entropy: &Entropy,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.active.seal(entropy, place, plaintext)
    }

    /// Seals a batch under the active key; see [`StorageKey::sealer`].
    #[must_use]
    pub fn sealer<'a>(&'a self, entropy: &'a Entropy) -> Sealer<'a> {
        self.active.sealer(entropy)
    }

    /// `plaintext = AES-256-GCM^-1(K_id, N, aad(place), C, T)`, the key chosen by the id within.
    ///
    /// # Errors
    /// [`Error::Open`], the same for every cause.
    pub fn open(&self, place: &Place<'_>, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let parsed = Envelope::parse(envelope)?;
        std::iter::once(&self.active)
            .chain(&self.older)
            .find(|key| key.id() == parsed.id)
            .ok_or(Error::Open)?
            .open(place, &parsed)
    }

    /// Whether there are keys that only open.
    #[must_use]
    pub fn has_older(&self) -> bool {
        !self.older.is_empty()
    }

    /// Whether another key than the active one sealed an envelope.  Of bytes that are none it says no.
    #[must_use]
    pub fn is_older(&self, envelope: &[u8]) -> bool {
        sealed_under(envelope).is_some_and(|id| id != self.active.id())
    }

    /// An envelope's plaintext in an envelope of the active key, for the same place.
    ///
    /// # Errors
    /// [`Error::Open`]; as [`StorageKey::seal`].
    pub fn reseal(
        &self,
        entropy: &Entropy,
        place: &Place<'_>,
        envelope: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.seal(entropy, place, &self.open(place, envelope)?)
    }
}

assert_secret!(StorageKeys);
