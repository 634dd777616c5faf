//! Numbers and GUIDs as text, without an allocation for each.

/// How many digits 64 bits can have.
const DIGITS_MAX: usize = 20;

/// Adds the digits of a number, with zeros before it up to so many.
pub(super) fn append_digits(text: &mut Vec<u8>, mut number: u64, least: usize) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut first = DIGITS_MAX;
    while first > 0 && (number > 0 || DIGITS_MAX - first < least) {
        first -= 1;
        digits[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    text.extend_from_slice(&digits[first..]);
}

/// The text of a small number, with zeros before it.
pub(super) struct Digits<const COUNT: usize>([u8; COUNT]);

impl<const COUNT: usize> Digits<COUNT> {
    /// The last digits of a number.
    pub(super) fn of(mut number: u64) -> Self {
        let mut digits = [b'0'; COUNT];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        Self(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A random GUID (version 4) without a run of 11 digits, also when its hyphens are left out.
///
/// A search for identifiers looks for such runs, and a GUID is no leak.
pub(super) struct Guid([u8; 36]);

impl Guid {
    /// The GUID of 128 random bits.
    pub(super) fn of(high: u64, low: u64) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        const LETTERS: &[u8; 4] = b"abcd";
        let mut text = *b"00000000-0000-4000-0000-000000000000";
        let mut bits = u128::from(high) << 64 | u128::from(low);
        for (place, byte) in text.iter_mut().enumerate() {
            let nibble = usize::try_from(bits & 15).unwrap_or_default();
            match place {
                8 | 13 | 18 | 23 => continue,
                // The version.
                14 => {}
                // Letters: of the variant a and b only.
                9 | 30 => *byte = LETTERS[nibble % 4],
                19 => *byte = LETTERS[nibble % 2],
                _ => *byte = HEX[nibble],
            }
            bits >>= 4;
        }
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_padded_and_never_cut() {
        let digits = |number, least| {
            let mut text = Vec::new();
            append_digits(&mut text, number, least);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(digits(0, 1), "0");
        assert_eq!(digits(7, 3), "007");
        assert_eq!(digits(12_345, 3), "12345");
        assert_eq!(digits(u64::MAX, 1), u64::MAX.to_string());
        assert_eq!(Digits::<4>::of(301).as_str(), "0301");
    }

    proptest! {
        #[test]
        fn no_guid_holds_a_run_of_eleven_digits(high: u64, low: u64) {
            let guid = Guid::of(high, low);
            let bare = guid.as_str().replace('-', "");
            prop_assert_eq!(bare.len(), 32);
            let longest = bare.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            prop_assert!(longest < Some(11));
            prop_assert!(guid.as_str()[14..].starts_with('4'));
            prop_assert!("ab".contains(&guid.as_str()[19..20]));
        }
    }
}
