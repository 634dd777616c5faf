//! The id of an approval, as people say it to each other: `k7x2-9mfp-3qwd-h5tz`.
//!
//! 10 random bytes: one who asks tells it to one who approves, on the telephone if need be, and
//! nobody guesses one.  Sixteen characters of Crockford's base32, which has no i, l, o and u; in
//! groups, so that it is read without losing the place and never looks like anybody's number.

use std::fmt;
use std::str::FromStr;

/// Digits of Crockford's base32, in order.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUP_CHARS: usize = 4;

/// The id of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalId(pub [u8; Self::BYTES]);

/// Text that is no approval's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an approval's id: four groups of four letters and digits, such as k7x2-9mfp-3qwd-h5tz"
)]
pub struct MalformedId;

impl ApprovalId {
    /// Its length.
    pub const BYTES: usize = 10;
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let chars = self.0.len() * 8 / 5;
        for place in 0..chars {
            if place > 0 && place.is_multiple_of(GROUP_CHARS) {
                f.write_str("-")?;
            }
            let digit = usize::try_from(bits >> (5 * (chars - 1 - place)) & 31).unwrap_or_default();
            write!(f, "{}", char::from(DIGITS[digit]))?;
        }
        Ok(())
    }
}

impl FromStr for ApprovalId {
    type Err = MalformedId;

    /// Reads an id as it is written, also in capital letters and without hyphens.
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let chars: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        if chars.len() != Self::BYTES * 8 / 5 || text.len() > Self::BYTES * 4 {
            return Err(MalformedId);
        }
        let mut bits = 0_u128;
        for char in chars {
            let digit = DIGITS.iter().position(|digit| *digit == char.to_ascii_lowercase());
            bits = bits << 5 | u128::try_from(digit.ok_or(MalformedId)?).unwrap_or_default();
        }
        bits.to_be_bytes().last_chunk().copied().map(Self).ok_or(MalformedId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_four_groups_that_people_can_say() {
        let id = ApprovalId([0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
        assert_eq!(id.to_string(), "000g-40r4-0m30-e27z");
        assert_eq!("000G40R40M30E27Z".parse(), Ok(id));
        assert_eq!(ApprovalId([0xff; 10]).to_string(), "zzzz-zzzz-zzzz-zzzz");
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        let long = "-".repeat(100) + "000g-40r4-0m30-e27z";
        let bad = [
            "",
            "000g-40r4-0m30-e27",
            "000g-40r4-0m30-e27zz",
            "iiii-llll-oooo-uuuu",
            "41814061033",
        ];
        for text in bad.into_iter().chain([long.as_str(), "000g-40r4-0m30-e27æ"]) {
            let refused = text.parse::<ApprovalId>();
            assert_eq!(refused, Err(MalformedId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_read_as_it_is_written(bytes in any::<[u8; 10]>()) {
            let id = ApprovalId(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().len(), 19);
        }
    }
}
