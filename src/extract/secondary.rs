//! Surrogates of identifiers other than the person's, asked for once each while memory lasts.

use super::asker::Keys;
use super::block::Block;
use super::cell::{Cell, Kind, append_text};
use super::columns::{Columns, Replaced};
use super::error::Error;
use super::issuer::Issuer;
use super::values::Values;

/// Bytes before an institution: its length.
const LENGTH_BYTES: usize = size_of::<u32>();

/// A column whose values come back less often than one in so many is not remembered.
const REPEATED_MIN: u64 = 16;

/// The surrogates of one column.
pub(super) struct Surrogates {
    /// Length of the institution, institution, value.
    values: Values,
    known: Vec<[u8; 16]>,
    memory_bytes_max: usize,
    /// Cells so far, and how many of them had been seen before.
    cells: u64,
    repeated: u64,
    /// Whether values hardly ever come back, so that none is looked for and each block forgotten.
    is_unique: bool,
}

impl Surrogates {
    pub(super) fn new(memory_bytes_max: usize) -> Self {
        Self {
            values: Values::new(),
            known: Vec::new(),
            memory_bytes_max,
            cells: 0,
            repeated: 0,
            is_unique: false,
        }
    }

    /// Finds the surrogates of a block: nothing for an empty cell, and for a row that does not come
    /// out.
    ///
    /// # Errors
    ///
    /// The issuer's, or it answers something else than was asked.
    pub(super) fn ask(
        &mut self,
        column: &Replaced,
        columns: &Columns,
        (block, persons): (&Block, &Keys),
        issuer: &mut dyn Issuer,
    ) -> Result<Vec<Option<[u8; 16]>>, Error> {
        self.make_room();
        let begun = self.values.len();
        let mut numbers = Vec::with_capacity(block.rows);
        for row in 0..block.rows {
            let value = block.cell(column.value, row);
            let is_asked = persons.of(row).is_some() && !matches!(value, Cell::Empty);
            numbers.push(is_asked.then(|| {
                let institution = column.institution.map(|place| (place, block.cell(place, row)));
                self.number(columns, institution, (column.value, value))
            }));
        }
        self.fill(&column.key_space, begun, issuer)?;
        let known = |number: u32| self.known.get(usize::try_from(number).ok()?).copied();
        Ok(numbers.into_iter().map(|number| number.and_then(known)).collect())
    }

    /// The number of a value, by its place among the columns and its cell.
    fn number(
        &mut self,
        columns: &Columns,
        institution: Option<(usize, Cell<'_>)>,
        (place, value): (usize, Cell<'_>),
    ) -> u32 {
        let write = |bytes: &mut Vec<u8>| {
            let start = bytes.len();
            bytes.extend_from_slice(&[0; LENGTH_BYTES]);
            if let Some((place, cell)) = institution {
                append(columns.read.get(place), cell, bytes);
            }
            let length = bytes.len() - start - LENGTH_BYTES;
            let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
            if let Some(head) = bytes.get_mut(start..start + LENGTH_BYTES) {
                head.copy_from_slice(&length);
            }
            append(columns.read.get(place), value, bytes);
        };
        self.cells += 1;
        if self.is_unique {
            return self.values.append(write);
        }
        let (number, is_new) = self.values.number(write);
        self.repeated += u64::from(!is_new);
        number
    }

    /// Forgets what is known when there is too much of it, or when it is of no use.
    fn make_room(&mut self) {
        let memory_bytes = self.values.memory_bytes() + size_of_val(self.known.as_slice());
        if memory_bytes > self.memory_bytes_max {
            self.is_unique = self.repeated * REPEATED_MIN < self.cells;
        }
        if self.is_unique || memory_bytes > self.memory_bytes_max {
            self.values.clear();
            self.known.clear();
        }
    }

    /// Asks for the values that came since there were `begun`.
    fn fill(
        &mut self,
        key_space: &str,
        begun: usize,
        issuer: &mut dyn Issuer,
    ) -> Result<(), Error> {
        let new = begun..self.values.len();
        if new.is_empty() {
            return Ok(());
        }
        let asked: Vec<(&[u8], &[u8])> =
            new.map(|number| apart(self.values.value(number))).collect();
        let answers = issuer.surrogates(key_space, &asked).map_err(Error::Issuer)?;
        if answers.len() != asked.len() {
            return Err(Error::internal("the issuer answered another number of values"));
        }
        self.known.extend(answers);
        Ok(())
    }
}

/// Institution and value.
fn apart(joined: &[u8]) -> (&[u8], &[u8]) {
    let split = joined.split_first_chunk::<LENGTH_BYTES>();
    let (length, rest) = split.unwrap_or((&[0; LENGTH_BYTES], &[]));
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or_default();
    rest.split_at_checked(length).unwrap_or_default()
}

/// The same value is the same text, whatever file it stands in.
fn append(kind: Option<&Kind>, cell: Cell<'_>, out: &mut Vec<u8>) {
    match (cell, kind) {
        (Cell::Text(text), _) => out.extend_from_slice(text),
        (Cell::Number(number), Some(Kind::Fixed(kind))) => append_text(kind, number, out),
        _ => {}
    }
}
