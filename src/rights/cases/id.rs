//! What a case is called: `E-2026-0001`, as officers say it on the telephone.  It opens nothing.

use std::fmt;
use std::str::FromStr;

use crate::disclosure::text::as_text;

/// The number of a case, such as `E-2026-0001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId {
    year: u16,
    number: u32,
}

/// Text that is not the number of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the number of a case, such as E-2026-0001")]
pub struct CaseIdError;

impl CaseId {
    /// The case with that number in its year; `None` outside the years 2000 to 9999, and for the
    /// number 0.
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

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E-{}-{:04}", self.year, self.number)
    }
}

impl FromStr for CaseId {
    type Err = CaseIdError;

    fn from_str(text: &str) -> Result<Self, CaseIdError> {
        let parts = text.strip_prefix("E-").and_then(|rest| rest.split_once('-'));
        let (year, number) = parts.ok_or(CaseIdError)?;
        let id = year.parse().ok().zip(number.parse().ok());
        let id = id.and_then(|(year, number)| Self::new(year, number));
        // One case has one text: no sign, no other number of zeros.
        id.filter(|id| id.to_string() == text).ok_or(CaseIdError)
    }
}

as_text!(CaseId);
