//! Identifier tags: AES-256-CMAC over the encoded identifier.
//!
//! A tag is what the vault's index is keyed by.  Nothing rests on it being one-way: whoever has the
//! key can list the tags of all plausible numbers, which is why the key is in the vault alone.  CMAC
//! was chosen because one AES call makes the tag of any encoding of up to 16 bytes, and because such
//! a tag can be decrypted, so that the index key can be changed without opening an identity.
//!
//! ```text
//! FORMAT:  tag (16 bytes) = AES-256-CMAC(K_index, encoding)      NIST SP 800-38B, not truncated
//!   L = AES(K, 0^128)   K1 = L·x   K2 = L·x^2                   in GF(2^128), R = 0x87
//!   encoding of exactly 16 bytes:   tag = AES(K, encoding ⊕ K1)
//!   encoding of 0 to 15 bytes:      tag = AES(K, (encoding ‖ 0x80 ‖ 0…) ⊕ K2)
//!   longer:                         CBC-MAC, the last block as above
//! ```
//!
//! Not protected: that two deliveries hold the same person shows as the same tag to whoever reads
//! tags; the store seals them.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Block};
use zeroize::Zeroize;

use super::SecretBytes;
use super::secret::assert_secret;

/// Blocks encrypted at once: the widest batch that the `aes` crate processes (VAES on AVX-512).
pub(in crate::crypto) const BATCH_BLOCKS: usize = 64;

/// An identifier's tag.
///
/// TIMING: compared with `==`, in variable time, as keys of a map are.  A tag is not a secret that a
/// caller could guess at: callers send identifiers, never tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag([u8; 16]);

impl Tag {
    /// A tag read back from the store.
    #[must_use]
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store.
    #[must_use]
    #[inline]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The tag as one number, most significant byte first: the order of the bytes.
    #[must_use]
    #[inline]
    pub const fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// An encoding of at most 16 bytes, padded and ready for one AES call.
///
/// INVARIANT: `block` is the encoding, followed, when shorter than 16 bytes, by 0x80 and zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TagInput {
    block: [u8; 16],
    length: u8,
}

impl TagInput {
    /// No bytes at all.
    pub const EMPTY: Self = {
        let mut block = [0; 16];
        block[0] = 0x80;
        Self { block, length: 0 }
    };

    /// The encoding, or `None` when it is longer than 16 bytes (then [`IndexKey::tag`] serves).
    #[must_use]
    pub fn new(encoding: &[u8]) -> Option<Self> {
        let mut block = [0; 16];
        block.get_mut(..encoding.len())?.copy_from_slice(encoding);
        if let Some(end) = block.get_mut(encoding.len()) {
            *end = 0x80;
        }
        // At most 16, so the length fits.
        let length = u8::try_from(encoding.len()).ok()?;
        Some(Self { block, length })
    }

    /// The encoding in one word, the first byte lowest, as the hot path has it; its length is known
    /// to the compiler. Bits above the length are dropped.
    #[must_use]
    #[inline]
    pub const fn from_word<const LENGTH: u8>(encoding: u128) -> Self {
        const { assert!(LENGTH < 16, "shorter than an AES block") };
        let end = 1 << (8 * LENGTH);
        let padded = (encoding & (end - 1)) | (0x80 * end);
        Self { block: padded.to_le_bytes(), length: LENGTH }
    }

    /// The encoding.
    #[must_use]
    pub fn encoding(&self) -> &[u8] {
        &self.block[..usize::from(self.length)]
    }

    /// A block that ends in 0x80 and zeros, taken as a padded encoding.
    fn from_padded(block: [u8; 16]) -> Option<Self> {
        let length = block.iter().rposition(|byte| *byte != 0)?;
        if block[length] != 0x80 {
            return None;
        }
        Some(Self { block, length: u8::try_from(length).ok()? })
    }
}

impl fmt::Debug for TagInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagInput(..)")
    }
}

/// What a tag decrypts to.  CMAC does not say which of the two the encoding was, nor whether it was
/// a single block at all: of random blocks one in 255 looks padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedTag {
    /// The encoding, if it had exactly 16 bytes.
    pub exact: TagInput,
    /// The encoding, if it was shorter; `None` shows that it was not.
    pub padded: Option<TagInput>,
}

/// The key of identifier tags: AES-256-CMAC with both subkeys made beforehand.
pub struct IndexKey {
    // Boxed: whatever moves the key moves no round keys.
    cipher: Box<Aes256>,
    k1: [u8; 16],
    k2: [u8; 16],
}

impl IndexKey {
    /// The key `secret`.
    #[must_use]
    pub fn new(secret: &SecretBytes<32>) -> Self {
        // EXPOSE: the cipher expands the key into its round keys.
        let cipher = Box::new(Aes256::new(secret.expose().into()));
        let mut l = Block::from([0; 16]);
        cipher.encrypt_block(&mut l);
        let k1 = double(&l.0);
        let k2 = double(&k1);
        l.zeroize();
        Self { cipher, k1, k2 }
    }

    /// `tag = AES-256-CMAC(K_index, encoding)`, any length.
    ///
    /// The caller's duty: an encoding that is injective over (type, assigner, number).
    #[must_use]
    pub fn tag(&self, encoding: &[u8]) -> Tag {
        let last_at = encoding.len().saturating_sub(1) / 16 * 16;
        let (before, last) = encoding.split_at(last_at);
        let mut state = Block::from([0; 16]);
        for block in before.chunks_exact(16) {
            xor(&mut state.0, block);
            self.cipher.encrypt_block(&mut state);
        }
        let last = TagInput::new(last).expect("the last block has at most 16 bytes");
        xor(&mut state.0, &self.masked(&last));
        self.cipher.encrypt_block(&mut state);
        Tag(state.0)
    }

    /// Adds the tags of many short encodings to `out`, 64 blocks at a time.
    ///
    /// Equal to [`IndexKey::tag`] of each. Keeps no copy of an encoding: each is encrypted where it
    /// was put.
    pub fn tag_many(&self, inputs: impl IntoIterator<Item = TagInput>, out: &mut Vec<Tag>) {
        let mut inputs = inputs.into_iter();
        let mut blocks = [Block::from([0; 16]); BATCH_BLOCKS];
        loop {
            let mut count = 0;
            for (block, input) in blocks.iter_mut().zip(&mut inputs) {
                block.0 = self.masked(&input);
                count += 1;
            }
            self.cipher.encrypt_blocks(&mut blocks[..count]);
            out.extend(blocks[..count].iter().map(|block| Tag(block.0)));
            if count < BATCH_BLOCKS {
                return;
            }
        }
    }

    /// `X = AES-256^-1(K_index, tag)`; the encoding is `X ⊕ K1` if it filled the block, or
    /// `X ⊕ K2` without its padding.
    ///
    /// For changing the index key without opening identities.  The caller's duty: to know from its
    /// own records that the tag is of a single block, and to take the reading that parses as an
    /// identifier.
    #[must_use]
    pub fn decode_single_block(&self, tag: Tag) -> DecodedTag {
        let mut block = Block::from(tag.0);
        self.cipher.decrypt_block(&mut block);
        let mut exact = block.0;
        xor(&mut exact, &self.k1);
        let mut padded = block.0;
        xor(&mut padded, &self.k2);
        DecodedTag {
            exact: TagInput { block: exact, length: 16 },
            padded: TagInput::from_padded(padded),
        }
    }

    // Inlined, so that the block stays in registers from its making to its place in a batch.
    #[inline(always)]
    fn masked(&self, input: &TagInput) -> [u8; 16] {
        let subkey = if input.length == 16 { &self.k1 } else { &self.k2 };
        (u128::from_ne_bytes(input.block) ^ u128::from_ne_bytes(*subkey)).to_ne_bytes()
    }
}

impl Drop for IndexKey {
    fn drop(&mut self) {
        self.k1.zeroize();
        self.k2.zeroize();
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

assert_secret!(IndexKey);

fn xor(to: &mut [u8; 16], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}

/// `block · x` in GF(2^128), SP 800-38B section 6.1; without a branch on the secret bit.
fn double(block: &[u8; 16]) -> [u8; 16] {
    let value = u128::from_be_bytes(*block);
    let carry = value >> 127;
    ((value << 1) ^ (0x87 * carry)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use cmac::{Cmac, Mac};
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Entropy;

    fn secret(seed: u64) -> SecretBytes<32> {
        SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap()
    }

    fn oracle(secret: &SecretBytes<32>, encoding: &[u8]) -> Tag {
        let mut cmac = Cmac::<Aes256>::new_from_slice(secret.expose()).unwrap();
        cmac.update(encoding);
        Tag((*cmac.finalize().as_bytes()).into())
    }

    #[test]
    fn batches_of_every_size_equal_single_tags() {
        let key = IndexKey::new(&secret(1));
        let inputs: Vec<TagInput> = (0_u32..200)
            .map(|i| {
                let bytes = [i.to_be_bytes(); 4];
                TagInput::new(&bytes.as_flattened()[..(i as usize) % 17]).unwrap()
            })
            .collect();
        let there_before = Tag([0xff; 16]);
        for count in 0..inputs.len() {
            let mut tags = vec![there_before];
            key.tag_many(inputs[..count].iter().copied(), &mut tags);
            let single = inputs[..count].iter().map(|input| key.tag(input.encoding()));
            let expected: Vec<Tag> = std::iter::once(there_before).chain(single).collect();
            assert_eq!(tags, expected);
        }
    }

    #[test]
    fn short_encodings_are_taken_and_long_ones_are_not() {
        assert_eq!(TagInput::new(&[1; 16]).unwrap().encoding(), [1; 16]);
        assert!(TagInput::new(&[]).unwrap().encoding().is_empty());
        assert_eq!(TagInput::new(&[1; 17]), None);
        assert_eq!(TagInput::EMPTY, TagInput::new(&[]).unwrap());
    }

    #[test]
    fn a_word_is_the_encoding_of_its_first_bytes() {
        let bytes = *b"abcdefghijklmnop";
        let word = u128::from_le_bytes(bytes);
        assert_eq!(TagInput::from_word::<15>(word), TagInput::new(&bytes[..15]).unwrap());
        assert_eq!(TagInput::from_word::<14>(word), TagInput::new(&bytes[..14]).unwrap());
        assert_eq!(TagInput::from_word::<0>(word), TagInput::EMPTY);
    }

    #[test]
    fn debug_shows_neither_tag_nor_input() {
        let shown = format!("{:?} {:?}", Tag([0xab; 16]), TagInput::new(b"01010112345").unwrap());
        assert_eq!(shown, "Tag(..) TagInput(..)");
    }

    #[test]
    fn a_padded_encoding_may_itself_end_in_zeros() {
        let key = IndexKey::new(&secret(1));
        let decoded = key.decode_single_block(key.tag(&[1, 0x80, 0, 0]));
        assert_eq!(decoded.padded.unwrap().encoding(), [1, 0x80, 0, 0]);
    }

    proptest! {
        #[test]
        fn tags_equal_the_cmac_crate(
            seed in 0_u64..50,
            encoding in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let secret = secret(seed);
            prop_assert_eq!(IndexKey::new(&secret).tag(&encoding), oracle(&secret, &encoding));
        }

        #[test]
        fn a_single_block_tag_decodes_to_its_encoding(
            encoding in prop::collection::vec(any::<u8>(), 0..=16),
        ) {
            let key = IndexKey::new(&secret(9));
            let decoded = key.decode_single_block(key.tag(&encoding));
            let read = if encoding.len() == 16 { Some(decoded.exact) } else { decoded.padded };
            let read = read.unwrap();
            prop_assert_eq!(read.encoding(), encoding.as_slice());
        }
    }
}
