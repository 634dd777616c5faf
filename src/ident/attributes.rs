//! Birth date and sex, where the number still tells them.
//!
//! # Why it exists
//!
//! Registers need both when the sender gives neither. Up to 2031 a number tells them; from 2032 a
//! new number tells nothing, and cannot be told from an old one (DOMAIN B3). So both are asked
//! with the date of receipt, and the answer is often `None`; the caller then stores the attribute
//! from its own source, or none.
//!
//! # Invariants
//!
//! Never a guess: `None` when the digits allow more than one answer, for kinds without a date
//! (felles hjelpenummer, DUF, local numbers) or with an unreliable one (H-number), for a number that
//! only the 2032 rule passes, and for anything received from 2032 on.
//!
//! # What it does *not* protect
//!
//! The date in a D-number can differ from the real one on purpose (DOMAIN B2, Skatteetaten).

use jiff::civil::Date;

use super::national::{CheckRule, IdKind, NationalId};
use super::rules::RulesAt;

#[cfg(test)]
mod tests;

/// The two number series that hold a birth date, each with its own century table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberSeries {
    /// D-numbers, as extended on 16 November 2021 (DOMAIN B2).
    Dnr,
    /// Fødselsnumre (DOMAIN B1).
    Fnr,
}

/// Legal sex as the number tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// The last individ digit is even.
    Female,
    /// The last individ digit is odd.
    Male,
}

/// The birth year from the two year digits and the individ number; `None` where the table has no
/// entry.
///
/// | series | individ | years | source |
/// |---|---|---|---|
/// | fnr | 000–499 | 1900–1999 | DOMAIN B1 |
/// | fnr | 500–749 | 1854–1899 | DOMAIN B1 |
/// | fnr | 900–999 | 1940–1999 | DOMAIN B1 |
/// | fnr | 500–999 | 2000–2039 | DOMAIN B1 |
/// | D | 500–599 | 1858–1899 | DOMAIN B2 |
/// | D | 000–199 | 1900–1939 | DOMAIN B2 |
/// | D | 000–499, 600–999 | 1940–1999 | DOMAIN B2 |
/// | D | 200–999 | 2000–2039 | DOMAIN B2 |
///
/// No pair of digits is in two rows of a series. D-numbers given out before the change fit the same
/// table: Skatteetaten moved only series that had not been used
/// (`sos-utvidelse-av-dnr-serien.md`).
#[must_use]
pub const fn birth_year(series: NumberSeries, year: u8, individ: u16) -> Option<i16> {
    let century = match (series, year, individ) {
        (NumberSeries::Fnr, 0..=99, 0..=499) => 1900,
        (NumberSeries::Fnr, 54..=99, 500..=749) => 1800,
        (NumberSeries::Fnr, 40..=99, 900..=999) => 1900,
        (NumberSeries::Fnr, 0..=39, 500..=999) => 2000,
        (NumberSeries::Dnr, 58..=99, 500..=599) => 1800,
        (NumberSeries::Dnr, 0..=39, 0..=199) => 1900,
        (NumberSeries::Dnr, 40..=99, 0..=499 | 600..=999) => 1900,
        (NumberSeries::Dnr, 0..=39, 200..=999) => 2000,
        _ => return None,
    };
    Some(century + year as i16)
}

/// The birth date that the number tells, for what was received under these rules.
///
/// `None` as the module's invariants say; also for a date that the century's calendar lacks
/// (29 February 1900), for a date after the day of receipt, and for the synthetic months 66–72,
/// which are one month to NHN and another to NAV.
#[must_use]
pub fn birth_date(id: &NationalId, rules: &RulesAt<'_>) -> Option<Date> {
    let series = series_that_tells(id, rules)?;
    let parts = id.parts();
    if parts.month_is_ambiguous() {
        return None;
    }
    let year = birth_year(series, parts.year, parts.individ)?;
    let month = i8::try_from(parts.month()).ok()?;
    let day = i8::try_from(parts.day()).ok()?;
    Date::new(year, month, day).ok().filter(|date| *date <= rules.received())
}

/// The sex that the number tells: the last individ digit is even for a woman, odd for a man
/// (DOMAIN B1, folkeregisterforskriften § 2-2).
///
/// `None` as the module's invariants say.
#[must_use]
pub fn sex(id: &NationalId, rules: &RulesAt<'_>) -> Option<Sex> {
    series_that_tells(id, rules)?;
    Some(if id.parts().individ.is_multiple_of(2) { Sex::Female } else { Sex::Male })
}

/// The series of a number that may still be asked for birth date and sex.
fn series_that_tells(id: &NationalId, rules: &RulesAt<'_>) -> Option<NumberSeries> {
    let series = match id.kind() {
        IdKind::Dnr => NumberSeries::Dnr,
        IdKind::Fnr => NumberSeries::Fnr,
        IdKind::Duf | IdKind::Felles | IdKind::Hnr | IdKind::Local => return None,
    };
    let is_old = matches!(id.passed_rule(), CheckRule::Rule1964) && !rules.accepts_2032();
    is_old.then_some(series)
}
