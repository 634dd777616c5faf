//! Joins of two tables: how many of the pairs are right.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use super::chance::{Joined, real};
use super::released::Table;

/// The last digits of a number before its check digit that two numbers are paired by.
const DIGITS: u64 = 10_000_000;

/// Serials of nine digits are spread over so many, and register IDs over more.
const SERIALS: usize = 100_000_000;

/// Persons with the same number.
pub(crate) fn by_number(a: &Table, b: &Table) -> Joined {
    let theirs = b.numbers();
    let numbers = a.numbers();
    let right = numbers.iter().filter(|(number, person)| theirs.get(number) == Some(person));
    let pairs = numbers.len();
    Joined { pairs, right: right.count(), mean: real(pairs) / real(SERIALS) }
}

/// Persons whose numbers end alike; each of one table with each of the other.
pub(crate) fn by_digits(a: &Table, b: &Table) -> Joined {
    let end = |number: u64| number / 10 % DIGITS;
    let theirs: HashMap<usize, u64> =
        b.numbers().into_iter().map(|(number, person)| (person, end(number))).collect();
    let numbers = a.numbers();
    let right =
        numbers.iter().filter(|(number, person)| theirs.get(person) == Some(&end(**number)));
    let digits = f64::from(u32::try_from(DIGITS).unwrap());
    Joined { pairs: numbers.len(), right: right.count(), mean: real(numbers.len()) / digits }
}

/// The first with the first, the second with the second: persons, or rows by whose they are.
pub(crate) fn by_order(a: &[usize], b: &[usize]) -> Joined {
    let mean = of_shuffled(a, b) * real(a.len().min(b.len()));
    of_persons(a.iter().zip(b).map(|(a, b)| (*a, Some(*b))), mean)
}

/// Pairs that are made of rows: a person counts once, since rows of a person stand together, so that
/// one right pair brings more.  Persons that were paired rightly are no more than right pairs, so the
/// mean of these is a bound on theirs.
pub(crate) fn of_persons(pairs: impl Iterator<Item = (usize, Option<usize>)>, mean: f64) -> Joined {
    let (mut all, mut right) = (HashSet::new(), HashSet::new());
    for (ours, theirs) in pairs {
        all.insert(ours);
        if theirs == Some(ours) {
            right.insert(ours);
        }
    }
    Joined { pairs: all.len(), right: right.len(), mean }
}

/// How likely one thing drawn from each is the same person's.
pub(crate) fn of_shuffled(a: &[usize], b: &[usize]) -> f64 {
    let (ours, theirs) = (counts(a), counts(b));
    let shared = |(person, count): (&usize, &usize)| {
        real(*count) * real(theirs.get(person).copied().unwrap_or_default())
    };
    ours.iter().map(shared).sum::<f64>() / real(a.len()) / real(b.len())
}

fn counts(persons: &[usize]) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    persons.iter().for_each(|person| *counts.entry(*person).or_default() += 1);
    counts
}

/// Rows with the same value, a surrogate or what it stands for: right if the person is.
pub(crate) fn by_value(a: &Table, b: &Table) -> Joined {
    let theirs: HashMap<&str, usize> =
        b.rows.iter().map(|row| (row.value.as_str(), row.person)).collect();
    let pairs = a.rows.iter().map(|row| (row.person, theirs.get(row.value.as_str()).copied()));
    // Surrogates have 128 bits.
    of_persons(pairs, 0.0)
}

/// Files that were changed at the same moment.
pub(crate) fn by_time(a: &[PathBuf], b: &[PathBuf]) -> usize {
    let changed = |file: &PathBuf| fs::metadata(file).unwrap().modified().unwrap();
    a.iter().filter(|file| b.iter().any(|other| changed(file) == changed(other))).count()
}

/// What content joins.
pub(crate) struct Content {
    pub(crate) right: usize,
    of: usize,
}

/// Persons whose rows, without number and value, are like nobody else's in either table.
pub(crate) fn by_content(a: &Table, b: &Table) -> Content {
    let (ours, theirs) = (alone(a), alone(b));
    let right = ours.iter().filter(|(rows, person)| theirs.get(*rows) == Some(person)).count();
    Content { right, of: a.persons() }
}

/// Persons by their rows, of whom nobody else has the same ones.
fn alone(table: &Table) -> HashMap<Vec<&[String; 4]>, usize> {
    let mut persons: BTreeMap<usize, Vec<&[String; 4]>> = BTreeMap::new();
    for row in &table.rows {
        persons.entry(row.person).or_default().push(&row.variables);
    }
    let mut alike: HashMap<Vec<&[String; 4]>, Vec<usize>> = HashMap::new();
    for (person, mut rows) in persons {
        rows.sort();
        alike.entry(rows).or_default().push(person);
    }
    let alone = alike.into_iter().filter(|(_, persons)| persons.len() == 1);
    alone.map(|(rows, persons)| (rows, persons[0])).collect()
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} ({:.1} %)",
            self.right,
            self.of,
            100.0 * real(self.right) / real(self.of)
        )
    }
}

#[test]
fn pairs_are_counted_as_they_are_right() {
    assert_eq!(by_order(&[1, 2, 3], &[1, 3, 2]).right, 1);
    // Of three persons with one row each, one of three pairs by chance.
    assert!((by_order(&[1, 2, 3], &[1, 3, 2]).mean - 1.0).abs() < 1e-12);
    assert!((by_order(&[1, 1, 2, 2], &[1, 2, 1, 2]).mean - 2.0).abs() < 1e-12);
    // Two rows of one person are one right person.
    let together = by_order(&[1, 1, 2, 3], &[1, 1, 3, 2]);
    assert_eq!((together.pairs, together.right), (3, 1));
}
