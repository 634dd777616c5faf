//! Identifiers that belong to nobody.

use hvelv::ident::{NumberSeries, synthetic};
use jiff::civil::{Date, date};

/// Different synthetic fødselsnummer, sorted by birth.
pub(crate) fn people(count: usize) -> Vec<u64> {
    people_born(date(1950, 1, 1), count)
}

/// Different synthetic fødselsnummer of persons born from a day on.
pub(crate) fn people_born(first: Date, count: usize) -> Vec<u64> {
    let numbers: Vec<u64> =
        synthetic::numbers_between(NumberSeries::Fnr, first, date(2039, 12, 31))
            .take(count)
            .collect();
    assert_eq!(numbers.len(), count, "the synthetic population is large enough");
    numbers
}

/// A synthetic D-number.
pub(crate) fn dnr() -> u64 {
    synthetic::nth_valid(NumberSeries::Dnr, date(1980, 5, 5), 7).unwrap()
}

/// A number as it is written.
pub(crate) fn digits(number: u64) -> String {
    format!("{number:011}")
}

/// The check digits behind nine digits, unless one of them would be 10.
pub(crate) fn completed(head: u64) -> Option<u64> {
    let sum = |number: u64, weights: &[u64]| -> u64 {
        let tens = |place: usize| 10_u64.pow(u32::try_from(weights.len() - 1 - place).unwrap());
        weights.iter().enumerate().map(|(place, weight)| number / tens(place) % 10 * weight).sum()
    };
    let digit = |sum: u64| Some((11 - sum % 11) % 11).filter(|digit| *digit < 10);
    let with_first = head * 10 + digit(sum(head, &[3, 7, 6, 1, 8, 9, 4, 5, 2]))?;
    let second = digit(sum(with_first, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]))?;
    Some(with_first * 10 + second)
}

/// The first number with right check digits behind a six-digit beginning.
pub(crate) fn first_with(beginning: u64) -> u64 {
    (0..1000).find_map(|individ| completed(beginning * 1000 + individ)).unwrap()
}

#[test]
fn check_digits_are_those_of_the_library() {
    for number in people(1000) {
        assert_eq!(completed(number / 100), Some(number));
    }
}
