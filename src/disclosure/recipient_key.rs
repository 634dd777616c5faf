//! The age key that extracts are sealed to.
//!
//! What it does *not* protect: that the key is the recipient's.  The officer gets it by a way that
//! is not the e-mail of the application, and compares it.

use std::fmt;
use std::str::FromStr;

use super::text::as_text;

/// An age recipient, `age1` and 58 more characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecipientKey(String);

/// Why a text is no [`RecipientKey`]; the text is never repeated, as it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientKeyError {
    /// Not the form of a recipient.
    #[error("is not an age recipient; the recipient's begins with age1 and has 62 characters")]
    Form,
    /// A secret key.
    #[error(
        "is a secret key, which only its owner may have: tell the recipient to make a new pair and \
         to send the line that begins with age1"
    )]
    Secret,
}

impl RecipientKey {
    /// The recipient as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecipientKey {
    type Err = RecipientKeyError;

    fn from_str(text: &str) -> Result<Self, RecipientKeyError> {
        const CHARS: usize = 62;
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(RecipientKeyError::Secret);
        }
        let body = text.strip_prefix("age1").ok_or(RecipientKeyError::Form)?;
        if text.len() != CHARS || !has_right_checksum(body) {
            return Err(RecipientKeyError::Form);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(RecipientKey);

/// Whether the part after `age1` ends with the checksum of Bech32 (BIP 173): one mistyped character
/// is noticed here, and not when the recipient cannot open the extract.
fn has_right_checksum(body: &str) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let place = |byte: u8| ALPHABET.iter().zip(0_u32..).find(|(one, _)| **one == byte);
    let step = |sum: u32, value: u32| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ value;
        let bits = GENERATOR.iter().zip(0_u32..).filter(|(_, bit)| top >> bit & 1 == 1);
        bits.fold(shifted, |sum, (generator, _)| sum ^ generator)
    };
    // The prefix `age` is summed as its characters' upper bits, a zero, and their lower bits.
    let prefix = b"age".iter().map(|byte| u32::from(byte >> 5));
    let prefix = prefix.chain([0]).chain(b"age".iter().map(|byte| u32::from(byte & 31)));
    let mut sum = prefix.fold(1, step);
    for byte in body.bytes() {
        let Some((_, value)) = place(byte) else { return false };
        sum = step(sum, value);
    }
    sum == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of age.
    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn a_recipient_key_has_a_checksum() {
        assert_eq!(KEY.parse::<RecipientKey>().unwrap().to_string(), KEY);
        for at in 4..KEY.len() {
            let other = if &KEY[at..=at] == "q" { "p" } else { "q" };
            let text = format!("{}{other}{}", &KEY[..at], &KEY[at + 1..]);
            assert_eq!(text.parse::<RecipientKey>(), Err(RecipientKeyError::Form));
        }
        for text in ["", "age1", &KEY[..61], &KEY.to_uppercase(), "ssh-ed25519 AAAA"] {
            assert_eq!(text.parse::<RecipientKey>(), Err(RecipientKeyError::Form), "{text}");
        }
    }

    #[test]
    fn a_secret_key_is_refused_and_not_repeated() {
        for text in ["AGE-SECRET-KEY-1ABC", "age-secret-key-1abc"] {
            let error = text.parse::<RecipientKey>().unwrap_err();
            assert_eq!(error, RecipientKeyError::Secret);
            assert!(!error.to_string().to_uppercase().contains("1ABC"));
        }
    }
}
