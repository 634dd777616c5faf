//! SHA-256, keyed digests (HMAC-SHA-256) and keys derived from keys (HKDF-SHA-256, expand only).
//!
//! The plain hash is for the Merkle log, whose leaves carry a salt.  Whatever could be guessed (a
//! number, a small batch) gets a keyed digest instead: a plain hash of it is a searchable hash.
//!
//! HKDF-Expand is written here on HMAC rather than taken from the `hkdf` crate, because that leaves
//! the last output block, which is the derived key, unwiped on the stack (RustCrypto/KDFs issue
//! 215).  The crate is the oracle in the tests.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;
use subtle::ConstantTimeEq;

use super::framing::frame;
use super::labels::Label;
use super::secret::{SecretBytes, assert_secret};

/// `SHA-256(data)`, FIPS 180-4.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(data).into()
}

/// `SHA-256(part ‖ part ‖ …)`, part by part.  The parts are concatenated without framing: the
/// caller fixes the layout, as RFC 6962 does.
#[derive(Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The hash of all that was added.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(..)")
    }
}

/// The output of a [`DigestKey`].  It may be stored and shown: without the key nobody can search it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyedDigest([u8; 32]);

impl KeyedDigest {
    /// A digest read back from where it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// TIMING: equality that does not tell where the two differ, for a digest that authenticates.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// `KeyedDigest = HMAC-SHA-256(K, data)`, RFC 2104, FIPS 198-1.
///
/// Holds the two hash states after the key block, so that a digest costs no key set-up.
/// Boxed: whatever moves it moves none of them.
pub struct DigestKey(Box<Hmac<sha2::Sha256>>);

impl DigestKey {
    /// The key of a digest.
    #[must_use]
    pub fn new(secret: &SecretBytes<32>) -> Self {
        // EXPOSE: HMAC absorbs the key into its two states.
        Self::from_slice_unchecked(secret.expose())
    }

    /// A key of any length, as the published test vectors have it.
    pub(in crate::crypto) fn from_slice_unchecked(key: &[u8]) -> Self {
        Self(Box::new(Hmac::new_from_slice(key).expect("HMAC takes a key of any length")))
    }

    /// The digest of `data`.
    #[must_use]
    pub fn digest(&self, data: &[u8]) -> KeyedDigest {
        let mut hasher = self.hasher();
        hasher.update(data);
        hasher.finish()
    }

    /// The digest of framed parts: another split of the same bytes gives another digest.
    #[must_use]
    pub fn digest_parts(&self, parts: &[&[u8]]) -> KeyedDigest {
        self.digest(&frame(parts))
    }

    /// A digest made part by part.
    #[must_use]
    pub fn hasher(&self) -> KeyedHasher {
        KeyedHasher(Hmac::clone(&self.0))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// A keyed digest under way.
pub struct KeyedHasher(Hmac<sha2::Sha256>);

impl KeyedHasher {
    /// Adds bytes, without framing.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The digest of all that was added.
    #[must_use]
    pub fn finish(self) -> KeyedDigest {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finalize().as_bytes());
        KeyedDigest(digest)
    }
}

impl fmt::Debug for KeyedHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHasher(..)")
    }
}

assert_secret!(DigestKey, KeyedHasher);

/// `K' = HKDF-Expand(K, frame(label, context…), N)`, RFC 5869 section 2.3, SHA-256.
///
/// There is no extract step: `K` is uniformly random (section 3.3).  `N` is at most 32, one block.
/// The caller's duty: one label for one use of `K`, and a context that names the instance.
#[must_use]
pub fn derive_secret<const N: usize>(
    key: &SecretBytes<32>,
    label: Label,
    context: &[&[u8]],
) -> SecretBytes<N> {
    const { assert!(N <= 32, "one HMAC-SHA-256 block") };
    let mut parts = Vec::with_capacity(1 + context.len());
    parts.push(label.text().as_bytes());
    parts.extend_from_slice(context);
    let info = frame(&parts);
    // EXPOSE: the derivation is keyed with it.
    SecretBytes::filled(|out| hkdf_expand(key.expose(), &info, out))
}

/// HKDF-Expand of RFC 5869 section 2.3.  Each block is wiped as it is dropped.
///
/// PANIC: never, `out` is at most 255 blocks at all call sites.
pub(in crate::crypto) fn hkdf_expand(prk: &[u8], info: &[u8], out: &mut [u8]) {
    assert!(out.len() <= 255 * 32, "HKDF-SHA-256 gives at most 8160 bytes");
    let keyed = DigestKey::from_slice_unchecked(prk);
    let mut previous = None;
    for (chunk, counter) in out.chunks_mut(32).zip(1_u8..=255) {
        let mut mac = keyed.0.clone();
        if let Some(block) = previous.take() {
            let block: hmac::digest::CtOutput<Hmac<sha2::Sha256>> = block;
            mac.update(block.as_bytes());
        }
        mac.update(info);
        mac.update(&[counter]);
        let block = mac.finalize();
        chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        previous = Some(block);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> SecretBytes<32> {
        SecretBytes::filled(|bytes| *bytes = [byte; 32])
    }

    #[test]
    fn incremental_and_one_shot_hashes_agree() {
        let mut hasher = Sha256::new();
        hasher.update(b"ab");
        hasher.update(b"");
        hasher.update(b"c");
        assert_eq!(hasher.finish(), sha256(b"abc"));
    }

    #[test]
    fn incremental_and_one_shot_keyed_digests_agree() {
        let digest_key = DigestKey::new(&key(7));
        let mut hasher = digest_key.hasher();
        hasher.update(b"ab");
        hasher.update(b"c");
        let digest = hasher.finish();
        assert_eq!(digest, digest_key.digest(b"abc"));
        assert!(digest.ct_eq(&digest_key.digest(b"abc")));
        assert!(!digest.ct_eq(&digest_key.digest(b"abd")));
        assert_ne!(digest, DigestKey::new(&key(8)).digest(b"abc"));
    }

    #[test]
    fn digests_of_parts_depend_on_the_boundaries() {
        let digest_key = DigestKey::new(&key(7));
        assert_ne!(
            digest_key.digest_parts(&[b"ab", b"c"]),
            digest_key.digest_parts(&[b"a", b"bc"])
        );
    }

    #[test]
    fn derived_keys_differ_by_label_and_by_context() {
        let base = derive_secret::<32>(&key(1), Label::NumberBlock, &[&[0]]);
        assert!(base.ct_eq(&derive_secret(&key(1), Label::NumberBlock, &[&[0]])));
        assert!(!base.ct_eq(&derive_secret(&key(1), Label::NumberBlock, &[&[1]])));
        assert!(!base.ct_eq(&derive_secret(&key(1), Label::RootWrapKey, &[&[0]])));
        assert!(!base.ct_eq(&derive_secret(&key(2), Label::NumberBlock, &[&[0]])));
        assert!(!base.ct_eq(&derive_secret(&key(1), Label::NumberBlock, &[&[0], &[]])));
    }

    proptest! {
        #[test]
        fn expand_equals_the_hkdf_crate(
            prk in prop::array::uniform32(any::<u8>()),
            info in prop::collection::vec(any::<u8>(), 0..100),
            length in 0_usize..200,
        ) {
            let mut ours = vec![0; length];
            hkdf_expand(&prk, &info, &mut ours);
            let mut theirs = vec![0; length];
            hkdf::Hkdf::<sha2::Sha256>::from_prk(&prk).unwrap().expand(&info, &mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
