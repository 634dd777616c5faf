//! Synthetic fødselsnumre and D-numbers with Skatteetaten's Tenor marker (month + 80), and
//! DUF-numbers of a year to come.
//!
//! # Why it exists
//!
//! Demos, tests and benchmarks need as many persons as they like, and no real number may be in the
//! repository. The numbers are a pure function of birth date and individ number, so that a data
//! set can be made again from its description.
//!
//! # Invariants
//!
//! - Every fødselsnummer and D-number carries the +80 marker; there is no way to ask for one
//!   without. It passes the 1964 rule and tells the birth date it was made from.
//! - Every DUF-number is of the year 2099: none has been given out.
//!
//! # What it does *not* protect
//!
//! The same numbers may belong to persons of Skatteetaten's own Test-Norge. A DUF-number has no
//! marker that a server knows: production takes it by its form, and test only by its beginning
//! (`test_duf_prefixes`). A felles hjelpenummer is random but for its first digit, so none can be
//! made that is surely nobody's.

use jiff::civil::Date;

use super::attributes::{NumberSeries, birth_year};
use super::check::{Parts, duf_check_digits};
use super::national::{IdKind, Marker};

/// How many individ numbers there are.
const INDIVID_COUNT: u16 = 1000;

/// The synthetic number of a birth date and an individ number (DOMAIN B1, B2, B6).
///
/// `None` when the series' century table does not give that year for that individ number, when
/// either check digit would be 10, and outside the years of the table (1854–2039).
#[must_use]
pub fn tenor_number(series: NumberSeries, birth: Date, individ: u16) -> Option<u64> {
    if individ >= INDIVID_COUNT {
        return None;
    }
    let year = u8::try_from(birth.year().rem_euclid(100)).ok()?;
    if birth_year(series, year, individ) != Some(birth.year()) {
        return None;
    }
    let (day_offset, kind) = match series {
        NumberSeries::Dnr => (40, IdKind::Dnr),
        NumberSeries::Fnr => (0, IdKind::Fnr),
    };
    let day = u64::try_from(birth.day()).ok()? + day_offset;
    let month = u64::try_from(birth.month()).ok()? + 80;
    let date = (day * 100 + month) * 100 + u64::from(year);
    let head = (date * 1000 + u64::from(individ)) * 100;

    let check_1 = check_digit(Parts::of(head).rest_1())?;
    let check_2 = check_digit(Parts::of(head + check_1 * 10).rest_2())?;
    let number = head + check_1 * 10 + check_2;

    let parts = Parts::of(number);
    assert!(
        parts.marker() == Marker::Tenor80 && parts.kind() == kind && parts.has_date(),
        "only synthetic numbers are made here"
    );
    Some(number)
}

/// The digit that brings a check sum with this rest to 0 mod 11; 10 is none.
fn check_digit(rest: u32) -> Option<u64> {
    let digit = (11 - u64::from(rest)) % 11;
    (digit < 10).then_some(digit)
}

/// The year of every synthetic DUF-number.
pub const DUF_YEAR: u64 = 2099;

/// How many serial numbers a year of DUF-numbers has.
const DUF_SERIALS: u64 = 1_000_000;

/// The synthetic DUF-number with a serial number (DOMAIN B5); `None` from a million on.
#[must_use]
pub fn duf_number(serial: u64) -> Option<u64> {
    let head = DUF_YEAR * DUF_SERIALS + serial;
    (serial < DUF_SERIALS).then(|| head * 100 + duf_check_digits(head))
}

/// All synthetic numbers of one birth date, by rising individ number.
pub fn numbers_of_day(series: NumberSeries, birth: Date) -> impl Iterator<Item = u64> {
    (0..INDIVID_COUNT).filter_map(move |individ| tenor_number(series, birth, individ))
}

/// The `nth` (from 0) synthetic number of one birth date; `None` when the date has fewer.
#[must_use]
pub fn nth_valid(series: NumberSeries, birth: Date, nth: usize) -> Option<u64> {
    numbers_of_day(series, birth).nth(nth)
}

/// All synthetic numbers of the birth dates from `first` to `last`, day by day; none twice.
pub fn numbers_between(series: NumberSeries, first: Date, last: Date) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok())
        .take_while(move |day| *day <= last)
        .flat_map(move |day| numbers_of_day(series, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::testing::{read, rules};
    use crate::ident::{CheckRule, Mode, Reject, birth_date};
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn known_synthetic_persons_are_made_again() {
        let of = tenor_number;
        let (fnr, dnr) = (NumberSeries::Fnr, NumberSeries::Dnr);
        assert_eq!(of(fnr, date(2003, 4, 5), 998), Some(5_840_399_895));
        assert_eq!(of(fnr, date(1994, 2, 12), 999), Some(12_829_499_914));
        assert_eq!(of(dnr, date(1940, 1, 1), 610), Some(41_814_061_033));
        assert_eq!(of(dnr, date(2000, 1, 1), 218), Some(41_810_021_827));
    }

    #[test]
    fn numbers_outside_the_century_table_are_not_made() {
        for (birth, individ) in [
            (date(1853, 1, 1), 500),
            (date(1899, 1, 1), 750),
            (date(2040, 1, 1), 950),
            (date(1950, 1, 1), 600),
            (date(1950, 1, 1), 1000),
            (date(1950, 1, 1), u16::MAX),
        ] {
            assert_eq!(tenor_number(NumberSeries::Fnr, birth, individ), None);
        }
    }

    #[test]
    fn duf_numbers_are_of_a_year_to_come_and_known_by_their_beginning() {
        let mut config = crate::ident::RulesConfig::new(Mode::Test);
        config.test_duf_prefixes.push("2099000".into());
        let rules = crate::ident::Rules::new(&config).unwrap();
        let at = rules.at(date(2026, 1, 1));
        for serial in [0, 1, 7, 999] {
            let number = duf_number(serial).unwrap();
            assert_eq!(number / 100, 2_099_000_000 + serial);
            assert_eq!(read(&at, number).unwrap().kind(), IdKind::Duf);
        }
        assert_eq!(read(&at, duf_number(1000).unwrap()).unwrap_err(), Reject::RealInTest);
        assert!(duf_number(999_999).is_some() && duf_number(1_000_000).is_none());
    }

    /// DOMAIN B1: (10/11)² of the 600 individ numbers 000–499 and 900–999 is 496.
    #[test]
    fn a_day_of_1950_has_about_496_numbers_and_none_twice() {
        let (first, last) = (date(1950, 1, 1), date(1950, 12, 31));
        let numbers: Vec<u64> = numbers_between(NumberSeries::Fnr, first, last).collect();
        let distinct: HashSet<u64> = numbers.iter().copied().collect();
        assert_eq!(distinct.len(), numbers.len());
        let of_day = numbers.len() / 365;
        assert!((490..=502).contains(&of_day), "{of_day}");
        assert_eq!(nth_valid(NumberSeries::Fnr, first, 0), numbers.first().copied());
        assert_eq!(nth_valid(NumberSeries::Fnr, first, 600), None);
    }

    proptest! {
        #[test]
        fn every_number_is_synthetic_valid_and_tells_its_birth_date(
            days in 0..60_000i32, individ in 0..1000u16,
            series in prop::sample::select(vec![NumberSeries::Dnr, NumberSeries::Fnr]),
        ) {
            let birth = date(1854, 1, 1).saturating_add(jiff::Span::new().days(days));
            let Some(number) = tenor_number(series, birth, individ) else { return Ok(()) };
            let received = date(2031, 12, 31);
            let test = rules(Mode::Test);
            let id = read(&test.at(received), number).unwrap();
            prop_assert_eq!(id.marker(), Marker::Tenor80);
            prop_assert_eq!(id.passed_rule(), CheckRule::Rule1964);
            let told = birth_date(&id, &test.at(received));
            prop_assert_eq!(told, Some(birth).filter(|birth| *birth <= received));
            let production = rules(Mode::Production);
            let refused = read(&production.at(received), number).unwrap_err();
            prop_assert_eq!(refused, Reject::SyntheticInProduction);
        }
    }
}
