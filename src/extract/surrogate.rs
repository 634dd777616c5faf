//! How a surrogate is written: 26 characters that are never taken for an identifier or a number.
//!
//! FORMAT: base32 of RFC 4648 in lower case, without padding, of 16 bytes.  No identifier has 26
//! characters, and no program that reads tables takes letters and digits of that length for a number.

/// How many characters a surrogate has.
pub(super) const SURROGATE_CHARACTERS: usize = 26;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes a surrogate.
pub(super) fn written(surrogate: &[u8; 16]) -> [u8; SURROGATE_CHARACTERS] {
    let bits = u128::from_be_bytes(*surrogate);
    let mut text = [b'a'; SURROGATE_CHARACTERS];
    // The first 25 characters hold 125 bits; the last one holds 3 and two zeros.
    for (place, character) in (1_u32..).zip(text.iter_mut()) {
        let shifted = if place <= 25 { bits >> (128 - 5 * place) } else { bits << 2 };
        let digit = usize::try_from(shifted & 31).unwrap_or_default();
        *character = ALPHABET.get(digit).copied().unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_are_base32_of_rfc_4648() {
        let text = |bytes: &[u8; 16]| String::from_utf8(written(bytes).to_vec()).unwrap();
        // RFC 4648, section 10: "foobar" is MZXW6YTBOI; zeros after it.
        assert_eq!(text(b"foobar\0\0\0\0\0\0\0\0\0\0"), "mzxw6ytboiaaaaaaaaaaaaaaaa");
        assert_eq!(text(&[0; 16]), "a".repeat(26));
        assert_eq!(text(&[255; 16]), format!("{}4", "7".repeat(25)));
    }
}
