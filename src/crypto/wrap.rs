//! Keys sealed under keys.
//!
//! ```text
//! FORMAT:  wrapped = version 0x01 (1) ‖ wrapping key's id u32 BE (4) ‖ nonce (12)
//!                    ‖ ciphertext (N) ‖ tag (16)
//! FORMAT:  aad = frame("hvelv/v1/seal/key", version (1), wrapping key's id u32 BE (4), context…)
//! ```
//!
//! The bytes of the inner key never leave `crypto`: they go from one [`SecretBytes`] to another.
//!
//! Nonce policy: 96 random bits.  A wrapping key seals a few thousand keys in its life, so that the
//! bound of 2^32 is never near and is not counted.

use std::fmt;

use super::aead::{ENVELOPE_VERSION, Envelope, Gcm};
use super::framing::{frame_into, part_into};
use super::secret::assert_secret;
use super::{Entropy, Error, KeyId, Label, SecretBytes};

/// A key that seals other keys and nothing else.
pub struct WrapKey(Gcm);

impl WrapKey {
    /// The wrapping key `secret`, known as `id`.
    #[must_use]
    pub fn new(id: KeyId, secret: &SecretBytes<32>) -> Self {
        Self(Gcm::new(id, secret))
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id()
    }

    /// `wrapped = 0x01 ‖ id ‖ N ‖ AES-256-GCM(K, N, aad(context), inner)`, `N` random.
    ///
    /// The caller's duty: a context that says which key this is (purpose, scope, epoch, store).
    ///
    /// # Errors
    /// [`Error::Entropy`] without randomness.
    pub fn seal<const N: usize>(
        &self,
        entropy: &Entropy,
        context: &[&[u8]],
        inner: &SecretBytes<N>,
    ) -> Result<Vec<u8>, Error> {
        let nonce = entropy.draw()?;
        let mut out = Vec::new();
        // EXPOSE: the bytes are sealed where they are copied to.
        let plaintext = inner.expose();
        self.0.envelope_into(&mut out, &nonce, &self.aad(context), plaintext);
        Ok(out)
    }

    /// Opens what [`WrapKey::seal`] made with the same context.
    ///
    /// # Errors
    /// [`Error::Open`] for another key, another context, another length, or changed bytes.
    pub fn open<const N: usize>(
        &self,
        context: &[&[u8]],
        wrapped: &[u8],
    ) -> Result<SecretBytes<N>, Error> {
        let parsed = Envelope::parse(wrapped)?;
        if parsed.id != self.id() || parsed.ciphertext.len() != N {
            return Err(Error::Open);
        }
        SecretBytes::try_filled(|bytes| {
            bytes.copy_from_slice(parsed.ciphertext);
            self.0.open_unchecked(parsed.nonce, &self.aad(context), bytes, parsed.tag)
        })
    }

    fn aad(&self, context: &[&[u8]]) -> Vec<u8> {
        wrap_aad(self.id(), context)
    }
}

pub(in crate::crypto) fn wrap_aad(id: KeyId, context: &[&[u8]]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(128);
    let label = Label::WrappedKey.text().as_bytes();
    let head: [&[u8]; 3] = [label, &[ENVELOPE_VERSION], &id.number().to_be_bytes()];
    frame_into(&mut aad, head.len() + context.len(), &head);
    for part in context {
        part_into(&mut aad, part);
    }
    aad
}

impl fmt::Debug for WrapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrapKey({}, ..)", self.id())
    }
}

assert_secret!(WrapKey);

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(seed: u64) -> SecretBytes<32> {
        SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
    }

    fn wrap_key(id: u32) -> WrapKey {
        WrapKey::new(KeyId::new(id), &secret(u64::from(id)))
    }

    fn wrapped() -> Vec<u8> {
        wrap_key(4).seal(&Entropy::os(), &[b"purpose", b"epoch"], &secret(100)).unwrap()
    }

    #[test]
    fn a_wrapped_key_comes_back() {
        let inner = wrap_key(4).open::<32>(&[b"purpose", b"epoch"], &wrapped()).unwrap();
        assert!(inner.ct_eq(&secret(100)));
    }

    #[test]
    fn another_context_is_refused() {
        for context in [&[&b"purpose"[..], b"other"][..], &[b"purpose"], &[b"purposeepoch"], &[]] {
            let refused = wrap_key(4).open::<32>(context, &wrapped());
            assert_eq!(refused.unwrap_err(), Error::Open);
        }
    }

    #[test]
    fn another_wrapping_key_or_id_is_refused() {
        let context: [&[u8]; 2] = [b"purpose", b"epoch"];
        assert_eq!(wrap_key(5).open::<32>(&context, &wrapped()).unwrap_err(), Error::Open);
        let same_key_other_id = WrapKey::new(KeyId::new(5), &secret(4));
        assert_eq!(same_key_other_id.open::<32>(&context, &wrapped()).unwrap_err(), Error::Open);
        let mut renumbered = wrapped();
        renumbered[4] = 5;
        assert_eq!(same_key_other_id.open::<32>(&context, &renumbered).unwrap_err(), Error::Open);
    }

    #[test]
    fn another_length_is_refused() {
        let context: [&[u8]; 2] = [b"purpose", b"epoch"];
        assert_eq!(wrap_key(4).open::<16>(&context, &wrapped()).unwrap_err(), Error::Open);
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_refused() {
        let context: [&[u8]; 2] = [b"purpose", b"epoch"];
        let good = wrapped();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(wrap_key(4).open::<32>(&context, &bad).unwrap_err(), Error::Open);
            assert_eq!(wrap_key(4).open::<32>(&context, &good[..at]).unwrap_err(), Error::Open);
        }
    }
}
