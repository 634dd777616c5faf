//! ASCII digits to numbers and back, eight at a time, and a buffer that wipes itself.
//!
//! # Why it exists
//!
//! Identifiers arrive and leave as ASCII; in between they are one `u64`. Both directions are on
//! the mapping path, so each works on eight digits in one 64-bit word (SWAR) and allocates nothing.
//!
//! # Invariants
//!
//! Only the ten bytes `0`–`9` count as digits: no sign, blank, underscore or other Unicode digit.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Eight ASCII zeros.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The most digits that any identifier of ours has: the 15 of a register ID.
pub(super) const DIGIT_MAX: usize = 15;

/// Up to 15 ASCII digits of an identifier, on the stack, wiped on drop.
///
/// Made by the `expose_digits` and `digits` methods; whoever copies the bytes out of it is
/// responsible for the copy.
///
/// INVARIANT: `1 <= count <= 15`, and the first `count` bytes are ASCII digits.
pub struct Digits {
    bytes: [u8; DIGIT_MAX],
    count: u8,
}

impl Digits {
    /// The last `COUNT` digits of `number`, with leading zeros.
    #[inline]
    pub(super) fn of<const COUNT: usize>(number: u64) -> Self {
        const { assert!(COUNT >= 1 && COUNT <= DIGIT_MAX) };
        let ascii = ascii_16(number);
        let mut bytes = [b'0'; DIGIT_MAX];
        for (to, from) in bytes.iter_mut().zip(ascii.iter().skip(16 - COUNT)) {
            *to = *from;
        }
        Self { bytes, count: COUNT.to_le_bytes()[0] }
    }

    /// The characters of a text that is not all digits.
    pub(super) fn of_text(text: &[u8]) -> Self {
        let mut bytes = [b'0'; DIGIT_MAX];
        let count = bytes.iter_mut().zip(text).map(|(to, from)| *to = *from).count();
        // At most 15, so the count fits.
        Self { bytes, count: count.to_le_bytes()[0] }
    }

    /// The digits, ASCII, most significant first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // The invariant makes the default unreachable; it keeps a panic out of this path.
        self.bytes.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII digits are always UTF-8; see `as_bytes` for the default.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(..)")
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl ZeroizeOnDrop for Digits {}

/// True when each of the eight bytes is an ASCII digit.
///
/// A byte is a digit exactly when its high nibble is 3 both before and after adding 6. A carry out
/// of a byte needs that byte to be at least 0xFA, which the first condition refuses already.
const fn all_digits(word: u64) -> bool {
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let shifted = word.wrapping_add(0x0606_0606_0606_0606);
    (word & HIGH) | ((shifted & HIGH) >> 4) == 0x3333_3333_3333_3333
}

/// Eight ASCII digits as four pairs, 0–99, the first pair in the lowest 16 bits.
///
/// Each byte is added to ten times the byte below it; the product wraps by design, as only the
/// upper byte of each 16 bits is kept.
const fn pairs_of_ascii(word: u64) -> u64 {
    let joined = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(10 * (1 << 8) + 1);
    (joined >> 8) & 0x00FF_00FF_00FF_00FF
}

/// The number below 10^8 that four pairs spell, by the same step twice more.
const fn join_pairs(pairs: u64) -> u64 {
    let quads = (pairs.wrapping_mul(100 * (1 << 16) + 1) >> 16) & 0x0000_FFFF_0000_FFFF;
    quads.wrapping_mul(10_000 * (1 << 32) + 1) >> 32
}

/// A number below 10^8 as four pairs, 0–99, the first pair in the lowest 16 bits.
///
/// Both halves are divided at once by a reciprocal: 10486 / 2^20 is exact for four digits by 100.
#[inline]
pub(super) const fn split_pairs(number: u64) -> u64 {
    let quads = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = (quads.wrapping_mul(10_486) >> 20) & 0x0000_007F_0000_007F;
    hundreds | (quads.wrapping_sub(hundreds.wrapping_mul(100)) << 16)
}

/// Four pairs in ASCII, the first digit in the lowest byte; undoes [`pairs_of_ascii`].
///
/// All four are divided at once by a reciprocal: 103 / 2^10 is exact for two digits by 10.
const fn ascii_of_pairs(pairs: u64) -> u64 {
    let tens = (pairs.wrapping_mul(103) >> 10) & 0x000F_000F_000F_000F;
    ZEROS | tens | (pairs.wrapping_sub(tens.wrapping_mul(10)) << 8)
}

/// The number that eight ASCII digits spell; the first digit is the lowest byte.
const fn join_8(word: u64) -> u64 {
    join_pairs(pairs_of_ascii(word))
}

/// The eight ASCII digits of a number below 10^8; undoes [`join_8`].
const fn split_8(number: u64) -> u64 {
    ascii_of_pairs(split_pairs(number))
}

/// Two words of digits as one number, `high * scale + low`.
const fn join(high: u64, low: u64, scale: u64) -> Option<u64> {
    if all_digits(high) & all_digits(low) {
        // At most (10^8 - 1) * 10^7 + 10^8 - 1, far below 2^64.
        Some(join_8(high).wrapping_mul(scale).wrapping_add(join_8(low)))
    } else {
        None
    }
}

/// Eleven digits, cut for the tables of [`check`](super::check).
#[derive(Clone, Copy)]
pub(super) struct Eleven {
    /// The whole number, below 10^11.
    pub(super) number: u64,
    /// The first eight digits as four pairs, the first pair in the lowest 16 bits.
    pub(super) pairs: u64,
    /// The last three digits as a number, 0–999.
    pub(super) tail: u64,
}

impl Eleven {
    /// Cuts a number; digits above the eleventh are ignored.
    #[inline]
    pub(super) const fn of_number(number: u64) -> Self {
        let number = number % 100_000_000_000;
        Self { number, pairs: split_pairs(number / 1000), tail: number % 1000 }
    }

    /// Reads eleven ASCII digits, or nothing when a byte is not a digit.
    #[inline]
    pub(super) const fn of_ascii(row: &[u8; 11]) -> Option<Self> {
        const TAIL: u64 = 0xFFFF_FF00_0000_0000;
        // Two loads of eight bytes that overlap in five.
        let (Some(first), Some(last)) = (row.first_chunk(), row.last_chunk()) else {
            return None;
        };
        let (head, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        // Where each is a digit, both words are.
        if !(all_digits(head) & all_digits(last)) {
            return None;
        }
        let pairs = pairs_of_ascii(head);
        // The five digits before the tail count as zeros.
        let tail = join_8(last & TAIL);
        let number = join_pairs(pairs).wrapping_mul(1000).wrapping_add(tail);
        Some(Self { number, pairs, tail })
    }
}

/// The number that 12 ASCII digits spell, or nothing when a byte is not a digit.
#[inline]
pub(super) const fn number_of_12(row: &[u8; 12]) -> Option<u64> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *row;
    let high = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let low = u64::from_le_bytes([b'0', b'0', b'0', b'0', i, j, k, l]);
    join(high, low, 10_000)
}

/// The number that 15 ASCII digits spell, or nothing when a byte is not a digit.
#[inline]
pub(super) const fn number_of_15(row: &[u8; 15]) -> Option<u64> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = *row;
    let high = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let low = u64::from_le_bytes([b'0', i, j, k, l, m, n, o]);
    join(high, low, 10_000_000)
}

/// The number that 1 to 15 ASCII digits spell; the slow form, for configuration and serials.
#[inline]
pub(super) fn number_of(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > DIGIT_MAX || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // 15 digits stay below 10^15.
    Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The last 16 decimal digits of a number in ASCII, most significant first.
#[inline]
pub(super) const fn ascii_16(number: u64) -> [u8; 16] {
    const HALF: u64 = 100_000_000;
    let [a, b, c, d, e, f, g, h] = split_8((number / HALF) % HALF).to_le_bytes();
    let [i, j, k, l, m, n, o, p] = split_8(number % HALF).to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_number_of_four_digits_survives_both_halves_of_a_word() {
        for number in 0..10_000u64 {
            for shifted in [number, number * 10_000] {
                let word = split_8(shifted);
                assert_eq!(word.to_le_bytes().as_slice(), format!("{shifted:08}").as_bytes());
                assert!(all_digits(word));
                assert_eq!(join_8(word), shifted);
            }
        }
    }

    #[test]
    fn only_ten_byte_values_are_digits_at_any_place() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"01234567";
                bytes[place] = byte;
                assert_eq!(all_digits(u64::from_le_bytes(bytes)), byte.is_ascii_digit());
            }
        }
    }

    #[test]
    fn digits_pad_with_zeros_and_never_print() {
        let digits = Digits::of::<11>(1234);
        assert_eq!(digits.as_bytes(), b"00000001234");
        assert_eq!(digits.as_str(), "00000001234");
        assert_eq!(format!("{digits:?}"), "Digits(..)");
        assert_eq!(Digits::of::<15>(123_456_789_012_345).as_str(), "123456789012345");
    }

    proptest! {
        #[test]
        fn fast_forms_agree_with_the_slow_form(
            bytes in prop::array::uniform15(prop_oneof![9 => b'0'..=b'9', 1 => any::<u8>()]),
        ) {
            let [row_11, ..] = bytes.windows(11).collect::<Vec<_>>()[..] else { unreachable!() };
            let row_12 = &bytes[..12];
            let eleven = Eleven::of_ascii(row_11.try_into().unwrap());
            prop_assert_eq!(eleven.map(|eleven| eleven.number), number_of(row_11));
            if let Some(eleven) = eleven {
                let again = Eleven::of_number(eleven.number);
                prop_assert_eq!((again.pairs, again.tail), (eleven.pairs, eleven.tail));
                prop_assert_eq!(again.number % 1000, eleven.tail);
            }
            prop_assert_eq!(number_of_12(row_12.try_into().unwrap()), number_of(row_12));
            prop_assert_eq!(number_of_15(&bytes), number_of(&bytes));
        }

        #[test]
        fn sixteen_digits_round_trip(number in 0..10_000_000_000_000_000u64) {
            prop_assert_eq!(ascii_16(number).to_vec(), format!("{number:016}").into_bytes());
        }
    }
}
