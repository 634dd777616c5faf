//! A share of a root as a person keeps it: a line of text that can be typed from paper.
//!
//! ```text
//! FORMAT:  text    = Bech32m("hvelv", payload): 89 characters, BIP 350
//! FORMAT:  payload = version 0x01 (1) ‖ plane (1) ‖ store (4) ‖ set (8) ‖ threshold (1) ‖ index (1)
//!                    ‖ share (32)
//! ```
//!
//! Why Bech32m: 32 characters that are hard to confuse, no difference between capitals and small
//! letters, and a checksum that finds any four wrong characters in a text of up to 90; of other
//! errors it misses one in 2^30.  It is written in groups of four; spaces, hyphens and line ends are
//! passed over when it is read.
//!
//! INVARIANT: a text that does not read gives one error, whatever is wrong with it: a typing error
//! is found by comparing with the paper, and no answer tells where it is.
//!
//! What it does *not* protect: a share is a secret in the clear.  Its head says which store, root and
//! set it belongs to and how many are needed, so that it can be told what it is no share of; nothing
//! in it says anything about the root.

use std::fmt;

use zeroize::Zeroizing;

use super::secret::assert_secret;
use super::shamir::SHARE_BYTES;
use super::{DigestKey, KeyedDigest, Label, SecretBytes, derive_secret, shamir};

/// Longest text that is read: with a separator after each character it is shorter.
pub const TEXT_BYTES_MAX: usize = 256;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 16;
const PAYLOAD_BYTES: usize = HEAD_BYTES + SHARE_BYTES;
/// 384 bits in characters of 5, the last bit of padding.
const DATA_CHARS: usize = 77;
const CHECKSUM_CHARS: usize = 6;
const GROUP_CHARS: usize = 4;
const PREFIX: &str = "hvelv1";
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// What tells Bech32m from Bech32.
const BECH32M: u32 = 0x2bc8_30a3;

/// Why a text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Damaged, cut, mistyped, or something else.
    #[error(
        "this is no share, or it has a typing error: compare it with the paper, \
         from hvelv1 to the last character"
    )]
    Malformed,
    /// Well-formed, of a version that this program does not know.
    #[error("the share has version {found}, this program knows version 1: use a newer hvelv")]
    UnknownVersion {
        /// The version it has.
        found: u8,
    },
}

/// What a share says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareHead {
    /// Which root, as a number of `keyring`.
    pub plane: u8,
    /// The beginning of the store's id.
    pub store: [u8; 4],
    /// The set that it was made with, random.
    pub set: [u8; 8],
    /// How many of the set are needed.
    pub threshold: u8,
    /// Which of the set it is, from 1.
    pub index: u8,
}

/// A share.  Its secret part is wiped when it is dropped.
pub struct Share {
    head: ShareHead,
    secret: SecretBytes<SHARE_BYTES>,
}

impl Share {
    /// A share of what [`shamir::split`] has made.
    #[must_use]
    pub fn new(head: ShareHead, secret: SecretBytes<SHARE_BYTES>) -> Self {
        Self { head, secret }
    }

    /// What it says about itself.  Whoever gives it can write anything there.
    #[must_use]
    pub const fn head(&self) -> &ShareHead {
        &self.head
    }

    /// The id of its set, in hexadecimal, as it stands in the key file and in the log.
    #[must_use]
    pub fn set_text(&self) -> String {
        self.head.set.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// `tag = HMAC-SHA-256(share, frame("hvelv/v1/tag/share", head))`: what the key file keeps to know
    /// the share again.  It is of no use to whoever lacks the share, which has 256 random bits.
    #[must_use]
    pub fn tag(&self) -> KeyedDigest {
        let label = Label::ShareTag.text().as_bytes();
        DigestKey::new(&self.secret).digest_parts(&[label, &self.head.encode()])
    }

    /// The key that a root is sealed under, from as many shares of one set as its threshold:
    /// `KEK = HKDF-Expand(secret, frame("hvelv/v1/derive/share-kek", context…), 32)`.
    ///
    /// PANIC: when an index is 0 or given twice; whoever collects shares refuses such.
    #[must_use]
    pub fn join(shares: &[&Self], context: &[&[u8]]) -> SecretBytes<32> {
        let points: Vec<(u8, &SecretBytes<32>)> =
            shares.iter().map(|share| (share.head.index, &share.secret)).collect();
        Self::kek(&shamir::join(&points), context)
    }

    /// The same key, from the secret itself, when shares are made.
    #[must_use]
    pub fn kek(secret: &SecretBytes<32>, context: &[&[u8]]) -> SecretBytes<32> {
        derive_secret(secret, Label::ShareKek, context)
    }

    /// The text for its holder, in groups.  EXPOSE: this is how a share leaves; nothing else prints it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        let (head, secret) = payload.split_at_mut(HEAD_BYTES);
        head.copy_from_slice(&self.head.encode());
        secret.copy_from_slice(self.secret.expose());
        let mut symbols = Zeroizing::new([0_u8; DATA_CHARS + CHECKSUM_CHARS]);
        for (at, symbol) in symbols.iter_mut().take(DATA_CHARS).enumerate() {
            *symbol =
                (0..5).fold(0, |symbol, bit| symbol << 1 | bit_of(&payload[..], at * 5 + bit));
        }
        let checksum = checksum(&symbols[..]) ^ BECH32M;
        for (at, symbol) in symbols.iter_mut().skip(DATA_CHARS).enumerate() {
            *symbol = (checksum >> (5 * (5 - at)) & 31).to_le_bytes()[0];
        }
        // Never grows, since a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        text.push_str(PREFIX);
        for (at, symbol) in symbols.iter().enumerate() {
            if at % GROUP_CHARS == 0 {
                text.push(' ');
            }
            text.push(char::from(ALPHABET[usize::from(*symbol)]));
        }
        text
    }

    /// Reads a share as a person gives it; the bytes are wiped.
    ///
    /// # Errors
    /// [`ShareError`].
    pub fn parse(text: Vec<u8>) -> Result<Self, ShareError> {
        let text = Zeroizing::new(text);
        if text.len() > TEXT_BYTES_MAX {
            return Err(ShareError::Malformed);
        }
        // Filled in place: what is moved leaves its bytes behind.
        let mut symbols = Zeroizing::new([0_u8; DATA_CHARS + CHECKSUM_CHARS]);
        read_symbols(&text, &mut symbols).ok_or(ShareError::Malformed)?;
        if checksum(&symbols[..]) != BECH32M {
            return Err(ShareError::Malformed);
        }
        let bit = |at: usize| symbols[at / 5] >> (4 - at % 5) & 1;
        let mut payload = Zeroizing::new([0_u8; PAYLOAD_BYTES]);
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte = (0..8).fold(0, |byte, offset| byte << 1 | bit(at * 8 + offset));
        }
        if bit(PAYLOAD_BYTES * 8) != 0 {
            return Err(ShareError::Malformed);
        }
        if payload[0] != VERSION {
            return Err(ShareError::UnknownVersion { found: payload[0] });
        }
        let (head, secret) = payload.split_at(HEAD_BYTES);
        let head = ShareHead::decode(head);
        if head.index == 0 || head.threshold < 2 {
            return Err(ShareError::Malformed);
        }
        Ok(Self::new(head, SecretBytes::filled(|out| out.copy_from_slice(secret))))
    }
}

impl ShareHead {
    fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.plane;
        bytes[2..6].copy_from_slice(&self.store);
        bytes[6..14].copy_from_slice(&self.set);
        bytes[14] = self.threshold;
        bytes[15] = self.index;
        bytes
    }

    /// PANIC: never, there are [`HEAD_BYTES`] bytes at the one call site.
    fn decode(bytes: &[u8]) -> Self {
        let (mut store, mut set) = ([0; 4], [0; 8]);
        store.copy_from_slice(&bytes[2..6]);
        set.copy_from_slice(&bytes[6..14]);
        Self { plane: bytes[1], store, set, threshold: bytes[14], index: bytes[15] }
    }
}

/// Reads the symbols after the prefix, if the text has the shape of a share.
fn read_symbols(text: &[u8], symbols: &mut [u8; DATA_CHARS + CHECKSUM_CHARS]) -> Option<()> {
    let is_separator = |byte: u8| byte.is_ascii_whitespace() || byte == b'-';
    let mut characters = text.iter().copied().filter(|byte| !is_separator(*byte));
    let letters = || text.iter().filter(|byte| byte.is_ascii_alphabetic());
    // Both at once are what a checksum of small letters was not made for.
    if letters().any(u8::is_ascii_uppercase) && letters().any(u8::is_ascii_lowercase) {
        return None;
    }
    for expected in PREFIX.bytes() {
        if characters.next()?.to_ascii_lowercase() != expected {
            return None;
        }
    }
    for symbol in symbols.iter_mut() {
        let character = characters.next()?.to_ascii_lowercase();
        let value = (0_u8..32).find(|value| ALPHABET[usize::from(*value)] == character)?;
        *symbol = value;
    }
    characters.next().is_none().then_some(())
}

/// Bit `at` of bytes, the highest of the first byte being 0; beyond the end there are zeros.
fn bit_of(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1)
}

/// The checksum of BIP 173 over the prefix and symbols; over a whole text it is the constant.
fn checksum(symbols: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let human = &PREFIX.as_bytes()[..PREFIX.len() - 1];
    let high = human.iter().map(|byte| byte >> 5);
    let low = human.iter().map(|byte| byte & 31);
    let all = high.chain(std::iter::once(0)).chain(low).chain(symbols.iter().copied());
    all.fold(1, |sum: u32, symbol| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(symbol);
        let each = GENERATOR.iter().enumerate();
        each.fold(shifted, |sum, (bit, term)| if top >> bit & 1 == 1 { sum ^ term } else { sum })
    })
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({}, ..)", self.head.index)
    }
}

assert_secret!(Share);

#[cfg(test)]
mod tests;
