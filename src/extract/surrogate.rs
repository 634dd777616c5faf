//! How a surrogate is written: 26 characters that are never taken for an identifier or a number.
//!
//! FORMAT: base32 of RFC 4648 in lower case, without padding, of 16 bytes.  No identifier has 26
//! characters, and no program that reads tables takes letters and digits of that length for a number.

/// How many characters a surrogate has.
pub(super) const SURROGATE_CHARACTERS: usize = 26;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes a surrogate.
pub(super) fn written(surrogate: &[u8; 16]) -> [u8; SURROGATE_CHARACTERS] {
    let mut rest = u128::from_be_bytes(*surrogate);
    let mut text = [0; SURROGATE_CHARACTERS];
    for character in &mut text {
        // Five bits at a time from the upper end; what comes after the last three are zeros.
        let [digit, ..] = rest.to_be_bytes();
        *character = ALPHABET[usize::from(digit >> 3)];
        rest <<= 5;
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
