//! Lowercase hexadecimal, the form of every byte string in JSON and in verifier keys.
//!
//! Only lowercase is read back: a value has one form, so a changed letter case is a changed export.

use serde::{Deserialize as _, Deserializer, Serializer, de};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The bytes as lowercase hexadecimal.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0f)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

/// The `N` bytes that the text spells, or nothing if it is not exactly 2·`N` lowercase digits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// For `#[serde(with = "hex")]` on a byte array.
pub(crate) fn serialize<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

/// For `#[serde(with = "hex")]` on a byte array.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(deserializer)?;
    decode(&text).ok_or_else(|| de::Error::custom("not lowercase hexadecimal of the right length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_one_form_only() {
        assert_eq!(encode(&[0x00, 0x9a, 0xff]), "009aff");
        assert_eq!(decode("009aff"), Some([0x00, 0x9a, 0xff]));
        for refused in ["009AFF", "009af", "009aff0", "009aff00", "009ag0", " 09aff", "", "+09aff"]
        {
            assert_eq!(decode::<3>(refused), None, "{refused}");
        }
    }
}
