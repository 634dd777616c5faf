//! Tags of one-way registers, for which no identity is stored.
//!
//! The inner tag has no inverse; the outer layer can be changed without the input, so that the outer
//! key can be rotated although nobody can enumerate what the register holds.
//!
//! ```text
//! FORMAT:  tag (16 bytes) = AES-256(K_outer, inner)
//!          inner (16 bytes) = first 16 bytes of HMAC-SHA-256(K_mac, encoding)
//! ```
//!
//! Not protected: who holds both keys can still try all plausible numbers; the quorum that opens
//! them is the protection.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Block};

use super::secret::assert_secret;
use super::tag::{BATCH_BLOCKS, Tag};
use super::{DigestKey, SecretBytes};

/// The outer key of one-way tags.
///
/// Boxed: whatever moves it moves no round keys.
pub struct OuterKey(Box<Aes256>);

impl OuterKey {
    /// The key `secret`.
    #[must_use]
    pub fn new(secret: &SecretBytes<32>) -> Self {
        // EXPOSE: the cipher expands the key into its round keys.
        Self(Box::new(Aes256::new(secret.expose().into())))
    }

    /// `tag' = AES-256(K_to, AES-256^-1(K_self, tag))` for each tag, in place.
    ///
    /// The caller's duty: to replace the stored tags in one batch, so that a tag is never under one
    /// key while the store says the other.
    pub fn rewrap(&self, to: &Self, tags: &mut [Tag]) {
        in_blocks(tags, |blocks| {
            self.0.decrypt_blocks(blocks);
            to.0.encrypt_blocks(blocks);
        });
    }

    fn seal(&self, tags: &mut [Tag]) {
        in_blocks(tags, |blocks| self.0.encrypt_blocks(blocks));
    }
}

impl fmt::Debug for OuterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OuterKey(..)")
    }
}

/// The keys of one one-way register's tags.
pub struct OneWayKey {
    mac: DigestKey,
    outer: OuterKey,
}

impl OneWayKey {
    /// Both keys.
    #[must_use]
    pub fn new(mac: &SecretBytes<32>, outer: OuterKey) -> Self {
        Self { mac: DigestKey::new(mac), outer }
    }

    /// The outer key, for changing it.
    #[must_use]
    pub fn outer(&self) -> &OuterKey {
        &self.outer
    }

    /// `tag = AES-256(K_outer, HMAC-SHA-256(K_mac, encoding)[..16])`, RFC 2104, FIPS 197.
    #[must_use]
    pub fn tag(&self, encoding: &[u8]) -> Tag {
        let mut tag = [self.inner(encoding)];
        self.outer.seal(&mut tag);
        tag[0]
    }

    /// Adds the tags of many encodings to `out`.  Equal to [`OneWayKey::tag`] of each.
    pub fn tag_many<'a>(&self, encodings: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<Tag>) {
        let before = out.len();
        out.extend(encodings.into_iter().map(|encoding| self.inner(encoding)));
        self.outer.seal(&mut out[before..]);
    }

    fn inner(&self, encoding: &[u8]) -> Tag {
        let digest = self.mac.digest(encoding);
        let (head, _) = digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
        Tag::from_bytes(*head)
    }
}

impl fmt::Debug for OneWayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneWayKey(..)")
    }
}

assert_secret!(OneWayKey, OuterKey);

/// Hands the tags to `change` as AES blocks, a batch at a time.
fn in_blocks(tags: &mut [Tag], change: impl Fn(&mut [Block])) {
    let mut blocks = [Block::from([0; 16]); BATCH_BLOCKS];
    for chunk in tags.chunks_mut(BATCH_BLOCKS) {
        let blocks = &mut blocks[..chunk.len()];
        for (block, tag) in blocks.iter_mut().zip(chunk.iter()) {
            block.0 = tag.to_bytes();
        }
        change(blocks);
        for (tag, block) in chunk.iter_mut().zip(blocks.iter()) {
            *tag = Tag::from_bytes(block.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Entropy;

    fn secret(seed: u64) -> SecretBytes<32> {
        SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
    }

    fn key(outer: u64) -> OneWayKey {
        OneWayKey::new(&secret(1), OuterKey::new(&secret(outer)))
    }

    fn encodings() -> Vec<Vec<u8>> {
        (0_u32..150).map(|i| format!("encoding {i}").into_bytes()).collect()
    }

    fn tags(key: &OneWayKey) -> Vec<Tag> {
        let mut tags = Vec::new();
        key.tag_many(encodings().iter().map(Vec::as_slice), &mut tags);
        tags
    }

    #[test]
    fn a_batch_equals_single_tags() {
        let key = key(2);
        let single: Vec<Tag> = encodings().iter().map(|encoding| key.tag(encoding)).collect();
        assert_eq!(tags(&key), single);
    }

    #[test]
    fn the_outer_key_is_changed_without_the_inputs() {
        let mut changed = tags(&key(2));
        assert_ne!(changed, tags(&key(3)));
        key(2).outer().rewrap(key(3).outer(), &mut changed);
        assert_eq!(changed, tags(&key(3)));
    }

    #[test]
    fn the_inner_tag_is_the_first_half_of_the_hmac() {
        let key = key(2);
        let mut tag = [key.tag(b"input")];
        in_blocks(&mut tag, |blocks| key.outer.0.decrypt_blocks(blocks));
        let hmac = DigestKey::new(&secret(1)).digest(b"input");
        assert_eq!(tag[0].to_bytes(), hmac.as_bytes()[..16]);
    }
}
