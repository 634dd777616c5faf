//! Sealed records: AES-256-GCM (NIST SP 800-38D) bound to the place where the record lies.
//!
//! ```text
//! FORMAT:  envelope = version 0x01 (1) ‖ key id u32 BE (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
//! FORMAT:  aad = frame("hvelv/v1/seal/record", version (1), key id u32 BE (4),
//!                      kind u16 BE (2), row, field u16 BE (2))
//! ```
//!
//! A record moved to another row, table or field does not open, nor does one under another key or
//! version.  Unknown key id, wrong tag, wrong place and bytes that are no envelope give the same
//! error.
//!
//! Not protected: which key sealed a record (its id is in the clear), how long the record is, and
//! an older envelope put back in the same place (the store's versions and the audit log see that).

mod keys;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use super::framing::{frame_into, part_into};
use super::secret::assert_secret;
use super::{Entropy, Error, Label, SecretBytes};

pub use keys::StorageKeys;

/// First byte of every envelope.
pub const ENVELOPE_VERSION: u8 = 1;
/// Bytes of an envelope before the ciphertext: version, key id, nonce.
pub const ENVELOPE_HEAD_BYTES: usize = 1 + 4 + NONCE_BYTES;
/// How much longer an envelope is than what it seals.
pub const ENVELOPE_OVERHEAD_BYTES: usize = ENVELOPE_HEAD_BYTES + TAG_BYTES;
/// Most values that one key seals: NIST SP 800-38D section 8.3, random 96-bit nonces, a chance of
/// 2^-32 that any two are equal.
pub const SEALS_MAX: u64 = 1 << 32;

pub(in crate::crypto) const NONCE_BYTES: usize = 12;
pub(in crate::crypto) const TAG_BYTES: usize = 16;
/// Nonces that a [`Sealer`] draws at once: one system call for 64 records.
const NONCES_AT_ONCE: usize = 64;

/// The number by which a key is known outside `crypto` and `keyring`.  Numbers of the key file
/// start at 1; 0 stands for a key that has no number (a root, a key from a passphrase).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u32);

impl KeyId {
    /// A key without a number.
    pub const UNNUMBERED: Self = Self(0);

    /// The key with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a record lies.  All three are authenticated, none is stored in the envelope.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The kind of record: the table, numbered by the store.
    pub kind: u16,
    /// The record's key within its table.
    pub row: &'a [u8],
    /// The field within the record; 0 where the record is sealed whole.
    pub field: u16,
}

/// AES-256-GCM with explicit nonce and associated data, under a key with an id.
pub(in crate::crypto) struct Gcm {
    id: KeyId,
    // Boxed: whatever moves the key moves no round keys.
    cipher: Box<Aes256Gcm>,
}

impl Gcm {
    pub(in crate::crypto) fn new(id: KeyId, secret: &SecretBytes<32>) -> Self {
        // EXPOSE: the cipher expands the key into its round keys.
        Self { id, cipher: Box::new(Aes256Gcm::new(secret.expose().into())) }
    }

    pub(in crate::crypto) fn id(&self) -> KeyId {
        self.id
    }

    /// `(C, T) = AES-256-GCM(K, N, A, P)` in place.  `_unchecked`: the caller answers for the nonce.
    pub(in crate::crypto) fn seal_unchecked(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        self.cipher
            .encrypt_inout_detached(&Nonce::from(*nonce), aad, buffer.into())
            .expect("records are far shorter than GCM's 64 GiB")
            .into()
    }

    /// `P = AES-256-GCM^-1(K, N, A, C, T)` in place; the buffer stays ciphertext when refused.
    pub(in crate::crypto) fn open_unchecked(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Error> {
        self.cipher
            .decrypt_inout_detached(&Nonce::from(*nonce), aad, buffer.into(), &Tag::from(*tag))
            .map_err(|_| Error::Open)
    }

    /// Appends `version ‖ key id ‖ nonce ‖ ciphertext ‖ tag`.
    pub(in crate::crypto) fn envelope_into(
        &self,
        out: &mut Vec<u8>,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plaintext: &[u8],
    ) {
        // Reserved first, so that growing never leaves a copy of plaintext behind.
        out.reserve(ENVELOPE_OVERHEAD_BYTES + plaintext.len());
        out.push(ENVELOPE_VERSION);
        out.extend_from_slice(&self.id.0.to_be_bytes());
        out.extend_from_slice(nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.seal_unchecked(nonce, aad, &mut out[start..]);
        out.extend_from_slice(&tag);
    }
}

/// An envelope taken apart; nothing in it is authenticated yet.
pub(in crate::crypto) struct Envelope<'a> {
    pub(in crate::crypto) id: KeyId,
    pub(in crate::crypto) nonce: &'a [u8; NONCE_BYTES],
    pub(in crate::crypto) ciphertext: &'a [u8],
    pub(in crate::crypto) tag: &'a [u8; TAG_BYTES],
}

impl<'a> Envelope<'a> {
    pub(in crate::crypto) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (version, rest) = bytes.split_first().ok_or(Error::Open)?;
        if *version != ENVELOPE_VERSION {
            return Err(Error::Open);
        }
        let (id, rest) = rest.split_first_chunk::<4>().ok_or(Error::Open)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(Error::Open)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(Error::Open)?;
        Ok(Self { id: KeyId(u32::from_be_bytes(*id)), nonce, ciphertext, tag })
    }
}

/// The id of the key that sealed an envelope, so that a sweep finds what an old key still holds.
/// `None` when the bytes are no envelope.  Nothing is authenticated.
#[must_use]
pub fn sealed_under(envelope: &[u8]) -> Option<KeyId> {
    Envelope::parse(envelope).ok().map(|parsed| parsed.id)
}

/// Begins the associated data of a record: everything that is the same for all records of a key.
fn aad_head(out: &mut Vec<u8>, id: KeyId) {
    let label = Label::StorageRecord.text().as_bytes();
    frame_into(out, 6, &[label, &[ENVELOPE_VERSION], &id.0.to_be_bytes()]);
}

/// Completes it with the record's place.
fn aad_place(out: &mut Vec<u8>, place: &Place<'_>) {
    part_into(out, &place.kind.to_be_bytes());
    part_into(out, place.row);
    part_into(out, &place.field.to_be_bytes());
}

pub(in crate::crypto) fn record_aad(id: KeyId, place: &Place<'_>) -> Vec<u8> {
    let mut aad = Vec::with_capacity(64 + place.row.len());
    aad_head(&mut aad, id);
    aad_place(&mut aad, place);
    aad
}

/// A key that seals records, with its id.
///
/// Nonce policy: 96 random bits for each value; at most [`SEALS_MAX`] (2^32) values under one key.
/// The key counts what this process seals and refuses beyond the bound.  Across restarts the count
/// is what the caller makes of it: it hands the number of values sealed before (the store knows how
/// many records carry the key id, and how often they were rewritten) to [`StorageKey::resume`], and
/// replaces the key by a new epoch long before the bound, as `keys/policy.toml` says.
pub struct StorageKey {
    gcm: Gcm,
    seal_count: AtomicU64,
}

impl StorageKey {
    /// The key `secret`, known as `id`.
    #[must_use]
    pub fn new(id: KeyId, secret: &SecretBytes<32>) -> Self {
        Self { gcm: Gcm::new(id, secret), seal_count: AtomicU64::new(0) }
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.gcm.id
    }

    /// How many values this process, and those that it resumed from, have sealed under the key.
    #[must_use]
    pub fn seal_count(&self) -> u64 {
        self.seal_count.load(Ordering::Relaxed)
    }

    /// Counts values that earlier processes sealed.  Never lowers the count.
    pub fn resume(&self, sealed_before: u64) {
        self.seal_count.fetch_max(sealed_before, Ordering::Relaxed);
    }

    /// `envelope = 0x01 ‖ id ‖ N ‖ AES-256-GCM(K, N, aad(place), plaintext)`, `N` random.
    ///
    /// # Errors
    /// [`Error::SealLimit`] beyond the bound, [`Error::Entropy`] without randomness.
    pub fn seal(
        &self,
        entropy: &Entropy,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.count_one()?;
        let nonce = entropy.draw()?;
        let mut out = Vec::with_capacity(ENVELOPE_OVERHEAD_BYTES + plaintext.len());
        let aad = record_aad(self.id(), place);
        self.gcm.envelope_into(&mut out, &nonce, &aad, plaintext);
        Ok(out)
    }

    /// Seals many values: nonces are drawn 64 at a time, and nothing is allocated per value.
    #[must_use]
    pub fn sealer<'a>(&'a self, entropy: &'a Entropy) -> Sealer<'a> {
        let mut aad = Vec::with_capacity(128);
        aad_head(&mut aad, self.id());
        let aad_head_bytes = aad.len();
        let nonces = [[0; NONCE_BYTES]; NONCES_AT_ONCE];
        Sealer { key: self, entropy, nonces, nonces_used: NONCES_AT_ONCE, aad, aad_head_bytes }
    }

    fn count_one(&self) -> Result<(), Error> {
        if self.seal_count.fetch_add(1, Ordering::Relaxed) < SEALS_MAX {
            return Ok(());
        }
        // Back to the bound, so that a caller that tries for ever does not wrap the counter.
        self.seal_count.store(SEALS_MAX, Ordering::Relaxed);
        Err(Error::SealLimit)
    }

    fn open(&self, place: &Place<'_>, parsed: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let aad = record_aad(self.id(), place);
        let mut plaintext = Zeroizing::new(parsed.ciphertext.to_vec());
        self.gcm.open_unchecked(parsed.nonce, &aad, &mut plaintext, parsed.tag)?;
        Ok(plaintext)
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageKey({}, ..)", self.id())
    }
}

/// Seals a batch under one key.  Made by [`StorageKey::sealer`] or [`StorageKeys::sealer`].
pub struct Sealer<'a> {
    key: &'a StorageKey,
    entropy: &'a Entropy,
    nonces: [[u8; NONCE_BYTES]; NONCES_AT_ONCE],
    nonces_used: usize,
    aad: Vec<u8>,
    aad_head_bytes: usize,
}

impl Sealer<'_> {
    /// Appends the envelope of `plaintext` to `out`; the same bytes as [`StorageKey::seal`] makes.
    ///
    /// # Errors
    /// As [`StorageKey::seal`]; nothing is appended then.
    pub fn seal_into(
        &mut self,
        out: &mut Vec<u8>,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<(), Error> {
        self.key.count_one()?;
        if self.nonces_used == NONCES_AT_ONCE {
            self.entropy.fill(self.nonces.as_flattened_mut())?;
            self.nonces_used = 0;
        }
        let nonce = self.nonces[self.nonces_used];
        self.nonces_used += 1;
        self.aad.truncate(self.aad_head_bytes);
        aad_place(&mut self.aad, place);
        self.key.gcm.envelope_into(out, &nonce, &self.aad, plaintext);
        Ok(())
    }
}

impl fmt::Debug for Sealer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, ..)", self.key.id())
    }
}

assert_secret!(StorageKey, Sealer<'_>, Gcm);

#[cfg(test)]
mod tests;
