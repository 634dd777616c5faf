//! Person numbers: searched for without ever being shown.
//!
//! They never leave the process, so no file can list them: they are drawn again from the key file.
//! They are also small, and a store is full of small integers (positions, sequences, lengths), so
//! one hit means nothing. Beside them the search looks for as many numbers that were never drawn,
//! from the same blocks, and counts how many different numbers of each kind turn up: bytes that hold
//! no person number hold as many of both.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::cli::error::Error;
use crate::cli::keys::Opened;
use crate::cli::{local, output};
use crate::service::setup::PersonNumbers;

/// Most numbers that are searched for: the first ones drawn.
const NUMBERS_MAX: u64 = 2_000_000;

/// A number as integers and as text, each of the widths that a format would use.
const FORMS: [&str; 6] = [
    "integer of 8 bytes, big-endian",
    "integer of 8 bytes, little-endian",
    "integer of 5 bytes, big-endian",
    "integer of 5 bytes, little-endian",
    "packed decimal",
    "ASCII digits",
];

/// Which numbers were drawn, and which as many were not: one bit each.
struct Numbers {
    drawn: Vec<u64>,
    control: Vec<u64>,
    count: u64,
}

/// Different numbers found in one form.
#[derive(Clone, Default)]
struct Hits {
    /// One bit for each number that was found: a position that a store repeats counts once.
    seen: Vec<u64>,
    drawn: u64,
    control: u64,
}

impl Hits {
    /// More hits than the control has, by more than chance allows (six standard deviations).
    fn is_found(&self) -> bool {
        let both = self.drawn + self.control;
        let difference = self.drawn.saturating_sub(self.control);
        difference > 12 && difference * difference > 36 * both
    }
}

/// Searches files for the person numbers of an installation; says whether there are any.
pub(super) fn search(given: &Opened, files: &[PathBuf]) -> Result<bool, Error> {
    let numbers = Numbers::draw(given)?;
    numbers.self_test()?;
    let mut hits = FORMS.map(|_| Hits::default());
    for path in files {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|cause| Error::file("read", path, &cause))?;
        numbers.count_in(&bytes, &mut hits);
    }
    output::result(&format!(
        "{} person numbers, and as many that were never drawn:",
        numbers.count
    ));
    let mut found = false;
    for (form, hits) in FORMS.iter().zip(&hits) {
        found |= hits.is_found();
        let verdict = if hits.is_found() { "FOUND" } else { "no more than chance" };
        let Hits { drawn, control, .. } = hits;
        output::result(&format!("{form:<36} {drawn:>8} found {control:>8} of control  {verdict}"));
    }
    Ok(found)
}

impl Numbers {
    /// Draws the numbers of the installation's persons again, and the control after them.
    fn draw(given: &Opened) -> Result<Self, Error> {
        let drawn = given.installation().dangerous_person_numbers(given.once()?, NUMBERS_MAX);
        let PersonNumbers { drawn, never_drawn } = drawn.map_err(local::from_setup)?;
        let count = drawn.len() as u64;
        let mut bits = Self { drawn: Vec::new(), control: Vec::new(), count };
        drawn.iter().for_each(|number| mark(&mut bits.drawn, *number));
        never_drawn.iter().for_each(|number| mark(&mut bits.control, *number));
        if count == 0 {
            return Err(Error::usage("no person number has been drawn yet"));
        }
        Ok(bits)
    }

    fn count_in(&self, bytes: &[u8], hits: &mut [Hits; FORMS.len()]) {
        let mut count = |form: usize, number: u64| {
            let (drawn, control) = (has(&self.drawn, number), has(&self.control, number));
            if (drawn || control) && !has(&hits[form].seen, number) {
                mark(&mut hits[form].seen, number);
                hits[form].drawn += u64::from(drawn);
                hits[form].control += u64::from(control);
            }
        };
        for window in bytes.windows(8) {
            let window: [u8; 8] = window.try_into().unwrap_or_default();
            let (big, little) = (u64::from_be_bytes(window), u64::from_le_bytes(window));
            count(0, big);
            count(1, little);
            count(2, big >> 24);
            count(3, little & ((1 << 40) - 1));
            if let Some(number) = decimal(window[..4].iter().flat_map(|b| [b >> 4, b & 15])) {
                count(4, number);
            }
            let digits = window.iter().map(|byte| byte.wrapping_sub(b'0'));
            if let Some(number) = decimal(digits.take(7)) {
                count(5, number);
            }
        }
    }

    /// Plants every number in every form and must find each.
    fn self_test(&self) -> Result<(), Error> {
        let planted: Vec<u64> = (0..self.drawn.len() as u64 * 64)
            .filter(|number| *number >= 1_000_000 && has(&self.drawn, *number))
            .take(100)
            .collect();
        for (form, name) in FORMS.iter().enumerate() {
            let mut bytes = Vec::new();
            for number in &planted {
                bytes.extend_from_slice(&written(*number, form));
                bytes.extend_from_slice(&[0xff; 8]);
            }
            let mut hits = FORMS.map(|_| Hits::default());
            self.count_in(&bytes, &mut hits);
            if planted.is_empty() || !hits[form].is_found() {
                return Err(Error::internal(format!("planted numbers were not found: {name}")));
            }
        }
        output::note(&format!("self-test: planted numbers found in {} forms", FORMS.len()));
        Ok(())
    }
}

/// A number of seven digits in a form.
fn written(number: u64, form: usize) -> Vec<u8> {
    let text = format!("{number:08}");
    match form {
        0 => number.to_be_bytes().to_vec(),
        1 => number.to_le_bytes().to_vec(),
        2 => number.to_be_bytes()[3..].to_vec(),
        3 => number.to_le_bytes()[..5].to_vec(),
        4 => {
            text.as_bytes().chunks(2).map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0')).collect()
        }
        _ => text.as_bytes()[1..].to_vec(),
    }
}

fn decimal(digits: impl Iterator<Item = u8>) -> Option<u64> {
    digits
        .into_iter()
        .try_fold(0, |number, digit| (digit < 10).then(|| number * 10 + u64::from(digit)))
}

fn mark(set: &mut Vec<u64>, number: u64) {
    let Ok(word) = usize::try_from(number / 64) else { return };
    if word >= set.len() {
        set.resize(word + 1, 0);
    }
    set[word] |= 1 << (number % 64);
}

fn has(set: &[u64], number: u64) -> bool {
    let word = usize::try_from(number / 64).ok().and_then(|word| set.get(word));
    word.is_some_and(|word| word >> (number % 64) & 1 == 1)
}
