//! Makes rows to be released out of blocks that are answered for, and hands them to the sorter.

use super::asker::Answered;
use super::block::Block;
use super::coarser::{Misfit, coarser};
use super::columns::{Columns, Kept};
use super::error::Error;
use super::row;
use super::sort::Sorter;
use super::surrogate;
use crate::files;

/// Makes the rows of one file. Holds values of the file: no `Debug`.
pub(super) struct Maker<'a> {
    columns: &'a Columns,
    row: Vec<u8>,
    /// What a cell becomes, for a moment.
    buffer: Vec<u8>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(columns: &'a Columns) -> Self {
        Self { columns, row: Vec::new(), buffer: Vec::new() }
    }

    /// Makes the rows of a block.
    ///
    /// # Errors
    ///
    /// A cell that cannot be made coarser; the sorter's.
    pub(super) fn take(&mut self, answered: &Answered, sorter: &mut Sorter) -> Result<(), Error> {
        let Answered { block, persons, surrogates } = answered;
        for place in 0..block.rows {
            let Some(person) = persons.of(place) else { continue };
            self.row.clear();
            self.row.extend_from_slice(person);
            for kept in &self.columns.kept {
                append_kept(kept, (block, place), &mut self.row, &mut self.buffer)
                    .map_err(|misfit| unfit(block.first_row + place as u64, &kept.name, misfit))?;
            }
            for column in surrogates {
                if let Some(surrogate) = column.get(place).and_then(Option::as_ref) {
                    self.row.extend_from_slice(&surrogate::written(surrogate));
                }
                self.row.push(0);
            }
            sorter.push(&self.row)?;
        }
        Ok(())
    }
}

fn append_kept(
    kept: &Kept,
    (block, place): (&Block, usize),
    row: &mut Vec<u8>,
    buffer: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let mut cell = block.cell(kept.place, place);
    if let Some(generalisation) = &kept.generalisation {
        buffer.clear();
        cell = coarser(generalisation, &kept.read, cell, buffer)?;
    }
    // Kinds are settled when the file is opened, so that nothing but a 00 does not fit.
    row::append_cell(kept.form, cell, row).ok_or(Misfit::CodeZero)
}

fn unfit(row: u64, column: &str, misfit: Misfit) -> Error {
    files::Error::input(format!("row {row}, column {column}: the cell {misfit}"))
        .advise("Correct it at the source, or have the decision changed. It is not shown here.")
        .into()
}
