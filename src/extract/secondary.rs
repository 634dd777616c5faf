//! Surrogates of identifiers other than the person's, asked for once each while memory lasts.

use std::collections::HashMap;
use std::ops::Range;

use super::block::Block;
use super::cell::{Cell, Kind, append_text};
use super::columns::{Columns, Replaced};
use super::error::Error;
use super::issuer::Issuer;

/// What one value takes beside its bytes.
const VALUE_BYTES: usize = 64;

/// Stands for an empty cell, and for a row that does not come out.
pub(super) const NONE: u32 = u32::MAX;

/// The surrogates of one column.
pub(super) struct Surrogates {
    /// Length of the institution, institution, value → place.
    places: HashMap<Box<[u8]>, u32>,
    known: Vec<[u8; 16]>,
    bytes: usize,
    bytes_max: usize,
}

/// Where a value that is asked for lies among the bytes of its block.
struct Asked {
    institution: Range<usize>,
    value: Range<usize>,
}

impl Surrogates {
    pub(super) fn new(memory_bytes: usize) -> Self {
        Self { places: HashMap::new(), known: Vec::new(), bytes: 0, bytes_max: memory_bytes }
    }

    /// Finds the surrogates of a block: for each row a number for [`Surrogates::known`], [`NONE`]
    /// where there is nothing to replace.
    ///
    /// # Errors
    ///
    /// The issuer's, or it answers something else than was asked.
    pub(super) fn ask(
        &mut self,
        column: &Replaced,
        columns: &Columns,
        (block, comes_out): (&Block, &[bool]),
        issuer: &mut dyn Issuer,
    ) -> Result<Vec<u32>, Error> {
        if self.bytes > self.bytes_max {
            self.places.clear();
            self.known.clear();
            self.bytes = 0;
        }
        let mut rows = vec![NONE; block.rows];
        let (mut bytes, mut asked) = (Vec::new(), Vec::new());
        for ((row, place), comes_out) in rows.iter_mut().enumerate().zip(comes_out) {
            let value = block.cell(column.value, row);
            if !comes_out || matches!(value, Cell::Empty) {
                continue;
            }
            let start = bytes.len();
            bytes.extend_from_slice(&[0; 4]);
            if let Some(institution) = column.institution {
                append(columns.read.get(institution), block.cell(institution, row), &mut bytes);
            }
            let middle = bytes.len();
            let length = u32::try_from(middle - start - 4).unwrap_or(u32::MAX).to_be_bytes();
            if let Some(head) = bytes.get_mut(start..start + 4) {
                head.copy_from_slice(&length);
            }
            append(columns.read.get(column.value), value, &mut bytes);
            let key = bytes.get(start..).unwrap_or_default();
            *place = match self.places.get(key) {
                Some(known) => {
                    let known = *known;
                    bytes.truncate(start);
                    known
                }
                None => {
                    let new = u32::try_from(self.known.len()).unwrap_or(NONE);
                    self.places.insert(key.into(), new);
                    self.known.push([0; 16]);
                    self.bytes += key.len() + VALUE_BYTES;
                    let value = middle..bytes.len();
                    asked.push(Asked { institution: start + 4..middle, value });
                    new
                }
            };
        }
        self.fill(&column.key_space, &bytes, &asked, issuer)?;
        Ok(rows)
    }

    /// Asks for the values that are last among the known.
    fn fill(
        &mut self,
        key_space: &str,
        bytes: &[u8],
        asked: &[Asked],
        issuer: &mut dyn Issuer,
    ) -> Result<(), Error> {
        if asked.is_empty() {
            return Ok(());
        }
        let part = |span: &Range<usize>| bytes.get(span.clone()).unwrap_or_default();
        let values: Vec<(&[u8], &[u8])> =
            asked.iter().map(|asked| (part(&asked.institution), part(&asked.value))).collect();
        let answers = issuer.surrogates(key_space, &values).map_err(Error::Issuer)?;
        let first = self.known.len() - asked.len();
        match self.known.get_mut(first..) {
            Some(new) if new.len() == answers.len() => new.copy_from_slice(&answers),
            _ => return Err(Error::internal("the issuer answered another number of values")),
        }
        Ok(())
    }

    /// A surrogate by its number.
    pub(super) fn known(&self, place: u32) -> Option<&[u8; 16]> {
        self.known.get(usize::try_from(place).ok()?)
    }
}

/// The same value is the same text, whatever file it stands in.
fn append(kind: Option<&Kind>, cell: Cell<'_>, out: &mut Vec<u8>) {
    match (cell, kind) {
        (Cell::Text(text), _) => out.extend_from_slice(text),
        (Cell::Number(number), Some(Kind::Fixed(kind))) => append_text(kind, number, out),
        _ => {}
    }
}
