//! How many of some identifiers stand next to another: a count, and nothing else of them.
//!
//! Why: who tries numbers one after the other sends what no register does.  A number has two check
//! digits, so that the next one that exists is one, two or three individual numbers further.
//!
//! What it does *not* see: numbers that are further apart, or in different batches; the numbers of one
//! institution, which gives them one after the other.

use zeroize::Zeroizing;

use super::{IdKind, NationalId};

/// Distance in individual numbers at which two are neighbours.
const DISTANCE_MAX: u64 = 3;

/// How many of the identifiers have a neighbour among them: of the same kind, with the same date of
/// birth, and an individual number close by.  The same number twice is none.
#[must_use]
pub fn neighbour_count<'a>(identifiers: impl Iterator<Item = &'a NationalId>) -> u64 {
    let national = identifiers.filter(|one| one.kind() != IdKind::Local);
    let mut keys: Zeroizing<Vec<u64>> = Zeroizing::new(national.map(key).collect());
    keys.sort_unstable();
    keys.dedup();
    let is_close = |one: &u64, other: &u64| other - one <= DISTANCE_MAX;
    let count =
        keys.chunk_by(is_close).filter(|run| run.len() > 1).map(<[u64]>::len).sum::<usize>();
    count as u64
}

/// Kind, year, month, day and individual number, in this order, as a number; what has no date is as
/// it is written, without check digits.
fn key(identifier: &NationalId) -> u64 {
    // EXPOSE: compared with others of the same batch here, and wiped.
    let digits = identifier.expose_digits();
    let text = digits.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        let part = text.get(range).unwrap_or_default();
        part.iter().fold(0, |sum: u64, digit| sum * 10 + u64::from(digit.wrapping_sub(b'0')))
    };
    let within = match identifier.kind() {
        // Local numbers are not counted.
        IdKind::Duf | IdKind::Local => number(0..10),
        IdKind::Dnr | IdKind::Felles | IdKind::Fnr | IdKind::Hnr => {
            let date = number(4..6) * 10_000 + number(2..4) * 100 + number(0..2);
            date * 1_000 + number(6..9)
        }
    };
    u64::from(identifier.kind().code()) * 1_000_000_000_000 + within
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Mode;
    use crate::ident::testing::{BEFORE_2032, duf_number, read, rules, with_check_digits};

    /// Heads of nine digits: day, month + 80, year, individual number.
    fn count(heads: &[u64]) -> u64 {
        let numbers = heads.iter().map(|head| with_check_digits(*head).expect("it exists"));
        count_of(numbers)
    }

    fn count_of(numbers: impl Iterator<Item = u64>) -> u64 {
        let rules = rules(Mode::Test);
        let rules = rules.at(BEFORE_2032);
        let all: Vec<NationalId> = numbers.map(|number| read(&rules, number).unwrap()).collect();
        neighbour_count(all.iter())
    }

    #[test]
    fn neighbours_are_of_one_day_and_close_to_each_other() {
        let exists = |head: &u64| with_check_digits(*head).is_some();
        let day: Vec<u64> = (178_480_300..178_480_400).filter(exists).collect();
        assert!(day.len() > 70, "most individual numbers exist");
        assert_eq!(count(&day), day.len() as u64);
        let mut backwards = day.clone();
        backwards.reverse();
        assert_eq!(count(&backwards), day.len() as u64, "in any order");
        let apart: Vec<u64> = day.iter().copied().step_by(8).collect();
        assert_eq!(count(&apart), 0);
        assert_eq!(count(&[day[0]; 9]), 0, "the same number is no neighbour");
        // The same individual number on other days, and the numbers around a change of date.
        let days = (1..=28).map(|of| of * 10_000_000 + 8_480_300).map(|head| head + 1);
        assert_eq!(count(&days.filter(exists).collect::<Vec<_>>()), 0);
        assert_eq!(count(&[]), 0);
    }

    #[test]
    fn numbers_without_a_date_are_neighbours_by_their_serial() {
        let duf = |serial| duf_number(2020, serial);
        let real = |numbers: &[u64]| {
            let rules = rules(Mode::Production);
            let rules = rules.at(BEFORE_2032);
            let read = numbers.iter().map(|number| read(&rules, *number).unwrap());
            let all: Vec<NationalId> = read.collect();
            neighbour_count(all.iter())
        };
        assert_eq!(real(&[duf(100_000), duf(100_001), duf(100_500)]), 2);
    }
}
