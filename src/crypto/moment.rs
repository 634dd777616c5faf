//! A key of the moment: what a command puts aside on disk and reads again before it ends.
//!
//! Why it exists: sorting more than fits into memory writes pseudonymous rows to disk.  Under a key
//! that is drawn for it and never written, they are gone with the process.
//!
//! ```text
//! FORMAT:  ciphertext ‖ tag (16) = AES-256-GCM(K, N, aad, chunk)
//! FORMAT:  N = chunk number u96 BE, from 0;  aad = frame("hvelv/v1/seal/moment")
//! ```
//!
//! Nonce policy: a counter.  The key lives in one process, is not cloned and seals each number once.
//!
//! Not protected: how long the chunks are, and which of them are read.

use std::fmt;

use super::aead::{Gcm, KeyId, NONCE_BYTES, TAG_BYTES};
use super::framing::frame;
use super::secret::assert_secret;
use super::{Entropy, Error, Label, SecretBytes};

/// A key that is never stored.
pub struct MomentKey {
    gcm: Gcm,
    aad: Vec<u8>,
    /// How many chunks are sealed: the number of the next.
    sealed: u64,
}

impl MomentKey {
    /// How much longer a sealed chunk is.
    pub const OVERHEAD_BYTES: usize = TAG_BYTES;

    /// Draws a key.
    ///
    /// # Errors
    /// [`Error::Entropy`] without randomness.
    pub fn generate(entropy: &Entropy) -> Result<Self, Error> {
        let gcm = Gcm::new(KeyId::UNNUMBERED, &SecretBytes::generate(entropy)?);
        Ok(Self { gcm, aad: frame(&[Label::Moment.text().as_bytes()]), sealed: 0 })
    }

    /// Seals a chunk in place, and gives the number by which it is opened.
    pub fn seal(&mut self, chunk: &mut Vec<u8>) -> u64 {
        let number = self.sealed;
        // 2^64 chunks are more than anybody writes; overflow is checked in all builds.
        self.sealed += 1;
        let tag = self.gcm.seal_unchecked(&nonce(number), &self.aad, chunk);
        chunk.extend_from_slice(&tag);
        number
    }

    /// Opens the chunk of a number in place.
    ///
    /// # Errors
    /// [`Error::Open`] when it is not what was sealed under that number.
    pub fn open(&self, number: u64, chunk: &mut Vec<u8>) -> Result<(), Error> {
        let body_bytes = chunk.len().checked_sub(TAG_BYTES).ok_or(Error::Open)?;
        let (body, tag) = chunk.split_at_mut(body_bytes);
        let tag: [u8; TAG_BYTES] = (&*tag).try_into().map_err(|_| Error::Open)?;
        self.gcm.open_unchecked(&nonce(number), &self.aad, body, &tag)?;
        chunk.truncate(body_bytes);
        Ok(())
    }
}

fn nonce(number: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

impl fmt::Debug for MomentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MomentKey(..)")
    }
}

assert_secret!(MomentKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_under_its_own_number_and_key_only() {
        let entropy = Entropy::os();
        let mut key = MomentKey::generate(&entropy).unwrap();
        let other = MomentKey::generate(&entropy).unwrap();
        let (mut first, mut second) = (b"rows".to_vec(), b"rows".to_vec());
        assert_eq!((key.seal(&mut first), key.seal(&mut second)), (0, 1));
        assert_ne!(first, second);
        assert_eq!(first.len(), 4 + MomentKey::OVERHEAD_BYTES);
        assert_eq!(key.open(1, &mut first), Err(Error::Open));
        assert_eq!(other.open(0, &mut first), Err(Error::Open));
        key.open(0, &mut first).unwrap();
        assert_eq!(first, b"rows");
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_refused() {
        let mut key = MomentKey::generate(&Entropy::os()).unwrap();
        let mut sealed = b"rows".to_vec();
        key.seal(&mut sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(0, &mut changed), Err(Error::Open));
            assert_eq!(key.open(0, &mut sealed[..at].to_vec()), Err(Error::Open));
        }
    }
}
