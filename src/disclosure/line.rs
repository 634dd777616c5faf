//! A line of free text in a record: applicant, reference, contact, reason.
//!
//! Records of disclosures are shown to officers and auditors, and partly to recipients.  A person's
//! number has no place in them.
//!
//! INVARIANT: 1 to 1,000 characters, no control character, no surrounding blanks, and nothing with
//! the eleven digits of a fødselsnummer.
//!
//! What this does *not* protect: a name, or a number with other separators, is not noticed.

use std::fmt;
use std::str::FromStr;

use super::text::as_text;

/// A line of free text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(String);

/// Why a text is no [`Line`]; the text is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Empty, too long, or several lines.
    #[error("must be one line of 1 to 1000 characters, without blanks around it")]
    Form,
    /// Eleven digits.
    #[error("holds a number of eleven digits, as a fødselsnummer has; leave it out")]
    Identifier,
}

impl Line {
    const CHARS_MAX: usize = 1_000;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Line {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let is_line = !text.is_empty()
            && text.trim() == text
            && text.chars().count() <= Self::CHARS_MAX
            && !text.chars().any(char::is_control);
        if !is_line {
            return Err(LineError::Form);
        }
        if has_eleven_digits(text) {
            return Err(LineError::Identifier);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(Line);

/// Whether eleven digits stand together, or six and five with one character between.
fn has_eleven_digits(text: &str) -> bool {
    let words: Vec<usize> = text.split(|c: char| !c.is_ascii_digit()).map(str::len).collect();
    words.contains(&11) || words.windows(2).any(|pair| pair == [6, 5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_without_an_identifier() {
        assert!("REK 2026/123, sak 4".parse::<Line>().is_ok());
        assert!(" x".parse::<Line>().is_err() && "".parse::<Line>().is_err());
        assert!("a\nb".parse::<Line>().is_err());
        assert!("x".repeat(1_000).parse::<Line>().is_ok());
        assert_eq!("x".repeat(1_001).parse::<Line>(), Err(LineError::Form));
        for text in ["41806012345", "nr 418060 12345.", "(418060-12345)"] {
            let error = text.parse::<Line>().unwrap_err();
            assert_eq!(error, LineError::Identifier);
            assert!(!error.to_string().contains("12345"));
        }
        for text in ["+47 22 33 44 55", "org. 312345678", "2026-01-01 2026-12-31"] {
            assert!(text.parse::<Line>().is_ok(), "{text}");
        }
    }
}
