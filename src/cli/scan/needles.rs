//! The numbers to look for, arranged for looking up.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use crate::cli::error::Error;
use crate::files::delimited::{Layout, Table};

/// Fewest and most digits of a number. Below, anything holds it by chance; above, it is no integer.
const DIGITS_MIN: usize = 8;
const DIGITS_MAX: usize = 18;

/// An integer below this looks like a counter or a length, and is not searched for as one.
const INTEGER_MIN: u64 = 10_000_000;

/// Bits of the filter that stands before the set.
const FILTER_BITS: u32 = 22;

/// Leading bits, or digits, by which numbers count as close to one another.
const PREFIX_BITS: u32 = 13;
const PREFIX_DIGITS: usize = 4;

/// The numbers of one length. Holds identifiers: no `Debug`.
pub(super) struct Group {
    digits: usize,
    /// Ten to the power of `digits`.
    pub(super) limit: u64,
    /// Bytes of the shortest integer that holds every number of this length.
    pub(super) short_bytes: u32,
    numbers: HashSet<u64>,
    filter: Vec<u64>,
    /// How many numbers begin with these bits, or digits: see [`Group::near_integer`].
    by_bits: Vec<u32>,
    by_digits: Vec<u32>,
    tail_bits: u32,
    tail_limit: u64,
}

impl Group {
    fn new(digits: usize) -> Self {
        let power = |digits: usize| (0..digits).fold(1, |power: u64, _| power * 10);
        let limit = power(digits);
        let bits = u64::BITS - (limit - 1).leading_zeros();
        Self {
            digits,
            limit,
            short_bytes: bits.div_ceil(8),
            numbers: HashSet::new(),
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            by_bits: vec![0; 1 << PREFIX_BITS],
            by_digits: vec![0; 10_000],
            tail_bits: bits - PREFIX_BITS,
            tail_limit: power(digits - PREFIX_DIGITS),
        }
    }

    /// Digits of each number.
    pub(super) fn digits(&self) -> usize {
        self.digits
    }

    fn insert(&mut self, number: u64) {
        if !self.numbers.insert(number) {
            return;
        }
        let (word, bit) = filter_place(number);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        if let Some(count) = self.by_digits.get_mut(index(number / self.tail_limit)) {
            *count += 1;
        }
        if number >= INTEGER_MIN
            && let Some(count) = self.by_bits.get_mut(index(number >> self.tail_bits))
        {
            *count += 1;
        }
    }

    /// Whether these digits are one of the numbers.
    #[inline]
    pub(super) fn has(&self, number: u64) -> bool {
        let (word, bit) = filter_place(number);
        self.filter.get(word).is_some_and(|word| word & bit != 0) && self.numbers.contains(&number)
    }

    /// Whether this integer could be one of the numbers: as long, and too large for a counter.
    #[inline]
    pub(super) fn is_candidate(&self, number: u64) -> bool {
        number < self.limit && number >= INTEGER_MIN
    }

    /// How many of the numbers begin with the same bits as this candidate. If its other bits are
    /// random, each of them is hit with a probability of one in [`Group::integer_tails`].
    #[inline]
    pub(super) fn near_integer(&self, number: u64) -> u64 {
        self.by_bits.get(index(number >> self.tail_bits)).copied().unwrap_or_default().into()
    }

    /// As [`Group::near_integer`], for digits.
    #[inline]
    pub(super) fn near_digits(&self, number: u64) -> u64 {
        self.by_digits.get(index(number / self.tail_limit)).copied().unwrap_or_default().into()
    }

    /// Different values of the bits after the leading ones.
    pub(super) fn integer_tails(&self) -> f64 {
        f64::from(self.tail_bits).exp2()
    }

    /// Different values of the digits after the leading ones.
    #[expect(clippy::cast_precision_loss, reason = "a power of ten below 10^15 is exact")]
    pub(super) fn digit_tails(&self) -> f64 {
        self.tail_limit as f64
    }

    /// Some of the numbers that are searched for in every form, for the self-test.
    pub(super) fn samples(&self) -> impl Iterator<Item = u64> {
        self.numbers.iter().copied().filter(|number| *number >= INTEGER_MIN).take(16)
    }
}

fn index(prefix: u64) -> usize {
    usize::try_from(prefix).unwrap_or(usize::MAX)
}

#[inline]
fn filter_place(number: u64) -> (usize, u64) {
    // Fibonacci hashing: neighbours, as identifiers of one day are, spread over the filter.
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - FILTER_BITS);
    (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
}

/// All numbers, by their length.
pub(super) struct Needles {
    groups: Vec<Group>,
}

impl Needles {
    /// Reads a column of a CSV file. Cells that are empty are passed over.
    ///
    /// # Errors
    ///
    /// As the table's; a cell that is not 8 to 18 digits, by its row; no number at all.
    pub(super) fn read(input: impl Read, column: &str) -> Result<Self, Error> {
        let mut table = Table::open(input, &[column], Layout::default())?;
        let mut numbers = Vec::new();
        let mut row_bytes = Vec::new();
        while let Some(row) = table.append_row(&mut row_bytes)? {
            let cell = table.cell(0, &row_bytes, row);
            if !cell.is_empty() {
                let number = parse(cell).ok_or_else(|| {
                    Error::input(format!("row {} is not 8 to 18 digits", table.place().rows))
                        .advise("Shorter numbers are found everywhere by chance.")
                })?;
                numbers.push(number);
            }
            row_bytes.clear();
        }
        if numbers.is_empty() {
            return Err(Error::input("there is no number to look for").advise("Check --column."));
        }
        Ok(Self::new(numbers))
    }

    /// Arranges numbers, each with its count of digits.
    pub(super) fn new(numbers: impl IntoIterator<Item = (usize, u64)>) -> Self {
        let mut groups = BTreeMap::new();
        for (digits, number) in numbers {
            groups.entry(digits).or_insert_with(|| Group::new(digits)).insert(number);
        }
        Self { groups: groups.into_values().collect() }
    }

    /// The numbers by their length.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many different numbers there are.
    pub(super) fn count(&self) -> usize {
        self.groups.iter().map(|group| group.numbers.len()).sum()
    }
}

fn parse(cell: &[u8]) -> Option<(usize, u64)> {
    let in_bounds = (DIGITS_MIN..=DIGITS_MAX).contains(&cell.len());
    if !in_bounds || !cell.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = cell.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some((cell.len(), number))
}
