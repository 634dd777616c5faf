//! Searches that `hvelv scan` does not do: for text, and for small numbers.
//!
//! Person numbers and register numbers begin at 0, so that each is among the counters and lengths of
//! any file.  They are therefore compared with a control: as many numbers of the same range that were
//! never given.  Chance and structure find both alike; a leak finds the given ones only.
//!
//! Each number counts once in a form, however often it is found: a key or a constant of a file format
//! that is one of the numbers by chance stands in many places, and a leak is of many numbers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Numbers below this are too common to say anything.
const NUMBER_MIN: u64 = 1 << 16;

/// All ordinary files under some paths.
pub(crate) fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let inner: Vec<PathBuf> =
                std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            found.extend(files(&inner));
        } else if path.is_file() {
            found.push(path.clone());
        }
    }
    found
}

/// Where any of some texts lies: file and offset, never the text.
pub(crate) fn texts(paths: &[PathBuf], wanted: &HashSet<Vec<u8>>) -> Vec<String> {
    let lengths: HashSet<usize> = wanted.iter().map(Vec::len).collect();
    let mut begins = vec![false; 1 << 16];
    for text in wanted {
        begins[beginning(text)] = true;
    }
    let mut hits = Vec::new();
    for file in files(paths) {
        let bytes = std::fs::read(&file).unwrap();
        for offset in 0..bytes.len().saturating_sub(1) {
            if !begins[beginning(&bytes[offset..])] {
                continue;
            }
            let is_hit = |length: &usize| {
                bytes.get(offset..offset + length).is_some_and(|window| wanted.contains(window))
            };
            if lengths.iter().any(is_hit) {
                hits.push(format!("{} at {offset}", file.display()));
            }
        }
    }
    hits
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Ways in which a small number may be written.
pub(crate) const FORMS: [&str; 7] = [
    "decimal digits",
    "4 bytes BE",
    "4 bytes LE",
    "5 bytes BE",
    "5 bytes LE",
    "8 bytes BE",
    "8 bytes LE",
];

/// A set of numbers below a limit, looked up in one step.
pub(crate) struct SmallNumbers(Vec<bool>);

impl SmallNumbers {
    /// The set; numbers below 65,536 are left out.
    pub(crate) fn new(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut places = Vec::new();
        for number in numbers.into_iter().filter(|number| *number >= NUMBER_MIN) {
            let place = usize::try_from(number).unwrap();
            if place >= places.len() {
                places.resize(place + 1, false);
            }
            places[place] = true;
        }
        Self(places)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().filter(|is_in| **is_in).count()
    }

    fn has(&self, number: u64) -> bool {
        usize::try_from(number).is_ok_and(|place| self.0.get(place) == Some(&true))
    }

    /// Adds the numbers that are found in bytes, by form.
    fn find(&self, bytes: &[u8], found: &mut Found) {
        let mut take = |form: usize, number: u64| {
            if self.has(number) {
                found[form].insert(number);
            }
        };
        let (mut window, mut digits, mut value) = (0_u64, 0, 0_u64);
        for (end, &byte) in (1..).zip(bytes.iter().chain(b"\n")) {
            if byte.is_ascii_digit() {
                digits += 1;
                value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            } else {
                if (5..=13).contains(&digits) {
                    take(0, value);
                }
                (digits, value) = (0, 0);
            }
            window = window << 8 | u64::from(byte);
            let reversed = window.swap_bytes();
            let big = [window & 0xffff_ffff, window & 0xff_ffff_ffff, window];
            let little = [reversed >> 32, reversed >> 24, reversed];
            for (place, length) in [4, 5, 8].into_iter().enumerate() {
                if end >= length && end <= bytes.len() {
                    take(1 + 2 * place, big[place]);
                    take(2 + 2 * place, little[place]);
                }
            }
        }
    }

    /// How many of the numbers are found in files, by form.
    fn found_in(&self, paths: &[PathBuf]) -> [usize; FORMS.len()] {
        let mut found = Found::default();
        for file in files(paths) {
            self.find(&std::fs::read(file).unwrap(), &mut found);
        }
        found.map(|numbers| numbers.len())
    }
}

/// Numbers that were found, by form.
type Found = [HashSet<u64>; FORMS.len()];

/// Forms in which more of the given numbers turn up than the control explains: beyond six standard
/// deviations of the difference, and a handful.
pub(crate) fn beyond_control(
    paths: &[PathBuf],
    given: &SmallNumbers,
    control: &SmallNumbers,
) -> Vec<String> {
    let share = given.count() as f64 / control.count() as f64;
    assert!((0.9..1.1).contains(&share), "the control has as many numbers: {share}");
    let (given, control) = (given.found_in(paths), control.found_in(paths));
    let mut found = Vec::new();
    for (form, (given, control)) in FORMS.iter().zip(given.into_iter().zip(control)) {
        let bound = control as f64 + 6.0 * (2.0 * control as f64).sqrt() + 12.0;
        if given as f64 > bound {
            found.push(format!("{form}: {given} numbers, {control} of the control"));
        }
    }
    found
}

/// Writes numbers in one of [`FORMS`], apart from each other.
pub(crate) fn plant(path: &Path, numbers: &[u64], form: usize) {
    let mut bytes = vec![0xff; 16];
    for number in numbers {
        let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
        match form {
            0 => bytes.extend(number.to_string().into_bytes()),
            1 => bytes.extend(&big[4..]),
            2 => bytes.extend(&little[..4]),
            3 => bytes.extend(&big[3..]),
            4 => bytes.extend(&little[..5]),
            5 => bytes.extend(big),
            _ => bytes.extend(little),
        }
        bytes.extend([0xff; 9]);
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_text_is_found_at_its_offset_and_another_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inner/file");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "xx 410101 12345 yy 410101 12346").unwrap();
    let wanted = HashSet::from([b"410101 12345".to_vec(), b"absent".to_vec()]);
    let found = texts(&[directory.path().to_owned()], &wanted);
    assert_eq!(found, [format!("{} at 3", path.display())]);
}

#[test]
fn every_form_of_given_numbers_is_found_beyond_the_control() {
    let directory = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (0..1000).map(|place| 1_000_003 + place * 977).collect();
    let given = SmallNumbers::new(numbers.iter().copied());
    let control = SmallNumbers::new((0..1000).map(|place| 5_000_011 + place * 983));
    for (form, name) in FORMS.iter().enumerate() {
        let path = directory.path().join("planted");
        plant(&path, &numbers[..40], form);
        let found = beyond_control(std::slice::from_ref(&path), &given, &control);
        assert!(found.iter().any(|line| line.starts_with(name)), "{name}: {found:?}");
    }
    let path = directory.path().join("noise");
    let noise = (0..500_000_u64).map(|place| place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    std::fs::write(&path, noise.flat_map(u64::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    assert!(beyond_control(&[path], &given, &control).is_empty());
}
