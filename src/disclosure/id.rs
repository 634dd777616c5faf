//! What applications and disclosures are called.
//!
//! An application has a short number, `A-2026-0001`: officers read it out on the telephone, it opens
//! nothing, and whoever guesses the next one must still have the role to see it.  The store gives it.
//!
//! A disclosure has 16 random bytes: its id names its key and stands in manifests that recipients
//! keep, where a counter would say how many others there are, and it must never be given twice, also
//! not after an older copy of the store came back.

use std::fmt;
use std::str::FromStr;

use super::text::as_text;

/// The number of an application, such as `A-2026-0001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationId {
    year: u16,
    number: u32,
}

/// The id of a disclosure: 32 lowercase hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisclosureId(pub [u8; 16]);

/// Text that is not the id that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not an application's.
    #[error("is not the number of an application, such as A-2026-0001")]
    Application,
    /// Not a disclosure's.
    #[error("is not the id of a disclosure (32 digits of 0-9 and a-f)")]
    Disclosure,
}

impl ApplicationId {
    /// The application with that number in its year; `None` outside the years 2000 to 9999, and for
    /// the number 0.
    #[must_use]
    pub const fn new(year: u16, number: u32) -> Option<Self> {
        if year < 2000 || year > 9999 || number == 0 { None } else { Some(Self { year, number }) }
    }

    /// The year in which it was received.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Its number in that year, from 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A-{}-{:04}", self.year, self.number)
    }
}

impl FromStr for ApplicationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parsed = text.strip_prefix("A-").and_then(|rest| rest.split_once('-'));
        let (year, number) = parsed.ok_or(IdError::Application)?;
        let id = year.parse().ok().zip(number.parse().ok());
        let id = id.and_then(|(year, number)| Self::new(year, number));
        // One application has one text: no sign, no other number of zeros.
        id.filter(|id| id.to_string() == text).ok_or(IdError::Application)
    }
}

impl fmt::Display for DisclosureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for DisclosureId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        hex(text).map(Self).ok_or(IdError::Disclosure)
    }
}

as_text!(ApplicationId, DisclosureId, ContentDigest, Sha256Hex);

/// A SHA-256 digest: 64 lowercase hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256Hex(pub [u8; 32]);

/// A digest of a content under a disclosure's key, after its salt: 96 lowercase hexadecimal digits as
/// text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentDigest {
    /// Random, so that equal contents have different digests.
    pub salt: [u8; 16],
    /// The digest.
    pub digest: [u8; 32],
}

/// Text that is not a SHA-256 digest, or not one under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a SHA-256 digest (64 digits of 0-9 and a-f, or 96 with its salt)")]
pub struct DigestError;

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Sha256Hex {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        hex(text).map(Self).ok_or(DigestError)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.salt.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        Sha256Hex(self.digest).fmt(f)
    }
}

impl FromStr for ContentDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes: [u8; 48] = hex(text).ok_or(DigestError)?;
        let parts = bytes.split_first_chunk().map(|(salt, rest)| (*salt, rest.try_into()));
        match parts {
            Some((salt, Ok(digest))) => Ok(Self { salt, digest }),
            _ => Err(DigestError),
        }
    }
}

/// The bytes of lowercase hexadecimal digits of exactly the right length.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_has_one_text() {
        let id = ApplicationId::new(2026, 1).unwrap();
        assert_eq!(id.to_string(), "A-2026-0001");
        assert_eq!("A-2026-12345".parse(), Ok(ApplicationId::new(2026, 12345).unwrap()));
        for text in [
            "",
            "A-2026-1",
            "A-2026-00001",
            "a-2026-0001",
            "A-2026-0000",
            "A-1999-0001",
            "A-+2026-0001",
        ] {
            assert_eq!(text.parse::<ApplicationId>(), Err(IdError::Application), "{text}");
        }
    }

    #[test]
    fn a_disclosure_has_one_text() {
        let id = DisclosureId([0x9a; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let text = id.to_string();
        for text in ["", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
            assert_eq!(text.parse::<DisclosureId>(), Err(IdError::Disclosure), "{text}");
        }
    }
}
