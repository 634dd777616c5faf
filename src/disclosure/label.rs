//! An ID that another party gave a person for one project.
//!
//! Why it exists: in a disclosure with a bridge in it stands in the place of the løpenummer, and goes
//! to the recipient.  What could be anybody's number never does, however it is written.
//!
//! ```text
//! 1 to 64 of  A–Z a–z 0–9 - _ . : / # + = @        the first a letter or digit
//! ```
//!
//! INVARIANT: no run of digits in it, and not all its digits together if it has nothing else but
//! signs, is a national identifier, one that has lost its zero, or of the form of a register ID.
//!
//! What it does *not* protect: that the ID is not made from a number in another way.  Only the party
//! knows how it was made.

use std::fmt;

use crate::ident::{Declared, RegisterId, Reject, RulesAt, parse_text};

/// An ID of another party.
///
/// Pseudonymous personal data: no `Display`, and a `Debug` that says nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label<'a>(&'a str);

/// Why a text is no [`Label`]; the text is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Empty, too long, or other characters.
    #[error(
        "an ID is 1 to 64 letters a to z, digits and - _ . : / # + = @, the first a letter or digit"
    )]
    Form,
    /// It may be somebody's.
    #[error(
        "an ID holds what may be a national identifier or a register ID; the party must make others"
    )]
    Identifier,
}

impl<'a> Label<'a> {
    /// The longest, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Reads an ID, under the rules for identifiers of the day.
    ///
    /// # Errors
    ///
    /// [`LabelError`].
    pub fn parse(rules: &RulesAt<'_>, text: &'a [u8]) -> Result<Self, LabelError> {
        let is_taken = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/#+=@".contains(byte);
        let has_form = text.len() <= Self::BYTES_MAX
            && text.first().is_some_and(u8::is_ascii_alphanumeric)
            && text.iter().all(is_taken);
        let label = std::str::from_utf8(text).ok().filter(|_| has_form).ok_or(LabelError::Form)?;
        let mut runs = label.split(|c: char| !c.is_ascii_digit());
        let has_letters = label.contains(|c: char| c.is_ascii_alphabetic());
        let joined: String = label.chars().filter(char::is_ascii_digit).collect();
        let is_number = |digits: &str| is_number(rules, digits);
        if runs.any(is_number) || (!has_letters && is_number(&joined)) {
            return Err(LabelError::Identifier);
        }
        Ok(Self(label))
    }

    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Label(..)")
    }
}

/// Whether digits may be somebody's number.  Those that this environment refuses are too: what is
/// refused for its marker or its missing assigner is well formed.
fn is_number(rules: &RulesAt<'_>, digits: &str) -> bool {
    let padded;
    let digits = match digits.len() {
        10 => {
            padded = format!("0{digits}");
            &padded
        }
        RegisterId::DIGIT_COUNT => return RegisterId::parse(digits.as_bytes()).is_ok(),
        _ => digits,
    };
    let parsed = parse_text(rules, Declared::Any, None, digits.as_bytes());
    !matches!(parsed, Err(Reject::CheckDigits | Reject::Date | Reject::Format))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::ident::{Mode, Rules, RulesConfig};

    /// Goal: whatever the environment, no number of anybody passes as an ID.
    #[test]
    fn what_may_be_somebodys_number_is_no_id_however_it_is_written() {
        for mode in [Mode::Development, Mode::Production] {
            let rules = Rules::new(&RulesConfig::new(mode)).unwrap();
            let rules = rules.at(date(2026, 1, 1));
            let parse = |text: &str| {
                Label::parse(&rules, text.as_bytes()).map(|label| label.as_str().to_owned())
            };
            for good in [
                "P-0001",
                "41814061034",
                "a",
                "2f1c==",
                "HUNT4:123456789",
                "1234567890",
                &"x".repeat(64),
                "c6b7d7f4-8b1c-4b0e-9a43-6a4f64d0c7aa",
            ] {
                assert_eq!(parse(good).as_deref(), Ok(good), "{mode:?} {good}");
            }
            // A Tenor number, in the forms in which people write it; a D-number without its zero; a
            // number of a register.
            let id = RegisterId::from_parts(crate::ident::KeyEpochDigit::new(1).unwrap(), 7);
            let id = id.unwrap().as_u64().to_string();
            for bad in [
                "41814061033",
                "P41814061033",
                "41814061033-x",
                "418140-61033",
                "41.81.40-61033",
                id.as_str(),
                &format!("NPR-{id}"),
            ] {
                assert_eq!(parse(bad), Err(LabelError::Identifier), "{mode:?} {bad}");
            }
            for bad in [
                "",
                "-1",
                "=1+1",
                "a b",
                "a,b",
                "a;b",
                "a\tb",
                "a\"b",
                "bø",
                "a\u{0}b",
                &"x".repeat(65),
            ] {
                assert_eq!(parse(bad), Err(LabelError::Form), "{mode:?} {bad}");
            }
        }
        assert_eq!(format!("{:?}", Label("x")), "Label(..)");
    }

    /// Goal: a number whose first zero a spreadsheet took is still one.
    #[test]
    fn a_number_that_lost_its_zero_is_no_id() {
        let rules = crate::testing::rules();
        let rules = rules.at(date(2026, 1, 1));
        let from = (date(1990, 1, 1), date(1990, 1, 9));
        let series = crate::ident::NumberSeries::Fnr;
        for number in crate::ident::synthetic::numbers_between(series, from.0, from.1).take(20) {
            let short = number.to_string();
            assert_eq!(short.len(), 10);
            assert_eq!(Label::parse(&rules, short.as_bytes()), Err(LabelError::Identifier));
        }
    }
}
