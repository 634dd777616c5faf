//! What a sender lets stand in a file although its guard found identifiers there, and why.
//!
//! Why it exists: the guard is the sender's, and so are its exceptions. The register sees them in its
//! own log, or nobody but the sender ever does.
//!
//! INVARIANT: nothing here holds what could be a person's number. It is free text that goes into the
//! audit log, which auditors read and exports carry.

/// Most exceptions of one delivery.
pub const EXCEPTIONS_MAX: usize = 32;

/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// The longest word for a kind.
const KIND_CHARS_MAX: usize = 32;

/// Most digits that follow each other, separators between them not counted. An identifier has 11 or
/// 12, and 10 if it has lost its zero.
const DIGITS_MAX: usize = 9;

/// An exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierException {
    /// The column that keeps them.
    pub column: LogLine,
    /// What they are.
    pub kind: KindWord,
    /// Why they stay.
    pub reason: LogLine,
}

impl IdentifierException {
    /// The line of the audit log. FORMAT: docs/FORMATS.md, "Entry body".
    pub(super) fn line(&self) -> String {
        let Self { column, kind, reason } = self;
        format!("identifiers allowed in column {} ({}): {}", column.0, kind.0, reason.0)
    }
}

/// A text for the audit log.
///
/// INVARIANT: one line of 1 to 200 printable characters, without ten digits in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine(String);

impl LogLine {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_line = !text.trim().is_empty()
            && text.chars().count() <= TEXT_CHARS_MAX
            && is_printable(text)
            && longest_number(text) <= DIGITS_MAX;
        is_line.then(|| Self(text.to_owned()))
    }
}

/// A word for what identifiers are: `fnr`, `any`.
///
/// INVARIANT: 1 to 32 of `a` to `z` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindWord(String);

impl KindWord {
    /// The word, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = (1..=KIND_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_word.then(|| Self(text.to_owned()))
    }
}

/// Whether nothing in a text is invisible or changes how the rest is shown.
fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control) && !text.escape_debug().to_string().contains("\\u{")
}

/// Digits of the longest number, however it is grouped: one character between two digits that is no
/// letter separates groups, as in `010190 12345`.
fn longest_number(text: &str) -> usize {
    let (mut longest, mut digits, mut others) = (0, 0, 0);
    for character in text.chars() {
        if character.is_numeric() {
            digits += 1;
            others = 0;
        } else {
            others += 1;
            if others > 1 || character.is_alphabetic() || character == '_' {
                digits = 0;
            }
        }
        longest = longest.max(digits);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_has_no_number_of_a_person_in_any_grouping() {
        for good in [
            "note",
            "mors_fnr",
            "agreed 2026-11-22, case 24/12345",
            "kolonne «Tromsø»",
            "dato_2026_01_01_2026_12_31",
            "123456789",
            &"x".repeat(200),
        ] {
            assert!(LogLine::parse(good).is_some(), "{good}");
        }
        for bad in [
            "41814061033",
            "x41814061033x",
            "1810012345",
            "418140 61033",
            "418140-61033",
            "41.81.40-610 33",
            "418140\u{a0}61033",
            "٤١٨١٤٠٦١٠٣٣",
            "",
            "  ",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            &"x".repeat(201),
        ] {
            assert!(LogLine::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_kind_is_a_short_word() {
        for good in ["fnr", "any", "lost_zero"] {
            assert!(KindWord::parse(good).is_some(), "{good}");
        }
        for bad in ["", "Fnr", "a b", "a1", "ø", &"x".repeat(33)] {
            assert!(KindWord::parse(bad).is_none(), "{bad}");
        }
    }
}
