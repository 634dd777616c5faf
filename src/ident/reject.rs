//! Why an identifier was not taken: codes for programs, texts for people.
//!
//! # Why it exists
//!
//! A bad row never fails its batch (DESIGN section 6): its reason stands in its place. The reason
//! goes to the sender, into metrics and logs, so it must be stable and must not hold the value.
//!
//! # Invariants
//!
//! The codes are part of the protocol and do not change.
//!
//! # What it does *not* protect
//!
//! Which reason a row has tells a little about its value: that is what the sender needs.

use thiserror::Error;

/// Why an identifier was not taken.
///
/// The texts say what is wrong and what to do, and never repeat the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reject {
    /// An H-number or a local number came without the organisation that assigned it.
    #[error(
        "an h-number or a local number is unique only together with its assigner; send the \
         assigner's organisation number with it"
    )]
    AssignerMissing,
    /// The check digits do not match.
    #[error("the check digits do not match; correct the number at the source")]
    CheckDigits,
    /// The date in the number does not exist, or the month is of a kind no register takes.
    #[error("the number holds a date that does not exist; correct the number at the source")]
    Date,
    /// Not the right count of ASCII digits, or no local number.
    #[error(
        "not an identifier; send exactly 11 ascii digits (12 for a duf-number, as text 1 to 12 of \
         0-9, A-Z, hyphen, full stop and slash for a local number) with leading zeros and without \
         blanks or signs"
    )]
    Format,
    /// A valid number of another kind than the sender declared.
    #[error("the number is of another kind than declared; declare its own kind or any")]
    KindMismatch,
    /// A number that may belong to a real person, in test or development.
    #[error(
        "the number may belong to a real person and this server is for test; send synthetic \
         numbers, and remove real ones from the test data"
    )]
    RealInTest,
    /// A synthetic number, in production.
    #[error("the number is synthetic and this server is in production; send it to a test server")]
    SyntheticInProduction,
}

impl Reject {
    /// Each reason, in the order of the variants.
    pub const ALL: [Self; 7] = [
        Self::AssignerMissing,
        Self::CheckDigits,
        Self::Date,
        Self::Format,
        Self::KindMismatch,
        Self::RealInTest,
        Self::SyntheticInProduction,
    ];

    /// The stable name of the reason, for replies, metrics and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AssignerMissing => "assigner_missing",
            Self::CheckDigits => "check_digits",
            Self::Date => "date",
            Self::Format => "format",
            Self::KindMismatch => "kind_mismatch",
            Self::RealInTest => "real_in_test",
            Self::SyntheticInProduction => "synthetic_in_production",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reject_codes_are_stable_and_unique() {
        let codes = Reject::ALL.map(Reject::code);
        let expected = [
            "assigner_missing",
            "check_digits",
            "date",
            "format",
            "kind_mismatch",
            "real_in_test",
            "synthetic_in_production",
        ];
        assert_eq!(codes, expected);
        assert_eq!(HashSet::from(codes).len(), Reject::ALL.len());
        for reject in Reject::ALL {
            let text = reject.to_string();
            assert!(!text.ends_with('.') && text.starts_with(char::is_lowercase), "{text}");
        }
    }
}
