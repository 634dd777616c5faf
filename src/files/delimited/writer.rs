//! Writes rows as they were read, with IDs in the places of identifiers.

use std::path::Path;

use super::block::{RowBlock, leave_out};
use crate::files::destination::{Destination, Existing};
use crate::files::{Answers, Block, Error, ErrorKind, Writer, Written};

/// A CSV file being written.
pub struct RowWriter {
    output: Destination,
    /// The columns of identifiers as they stand in the file, from left to right.
    order: Vec<usize>,
    /// Reused for each block.
    buffer: Vec<u8>,
}

impl RowWriter {
    /// Starts the output aside, with its header.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub fn create(name: &Path, existing: Existing, header: &[u8]) -> Result<Self, Error> {
        let mut output = Destination::create(name, existing)?;
        output.append(header)?;
        Ok(Self { output, order: Vec::new(), buffer: Vec::new() })
    }

    /// Goes on with an output.
    ///
    /// # Errors
    ///
    /// Its part is gone, shorter, or being written.
    pub fn resume(name: &Path, existing: Existing, written: &Written) -> Result<Self, Error> {
        let [part] = written.parts.as_slice() else {
            return Err(Error::new(ErrorKind::Stale, "the checkpoint is of another kind of file")
                .advise("Begin anew with --restart."));
        };
        let output = Destination::resume(name, existing, part, written.bytes)?;
        Ok(Self { output, order: Vec::new(), buffer: Vec::new() })
    }

    fn write_row(&mut self, block: &RowBlock, row: usize, answers: &Answers) {
        let (cells, Some(bounds)) = (block.cells_of(row), block.rows.get(row)) else { return };
        if self.order.is_empty() {
            self.order = (0..cells.len()).collect();
            self.order.sort_by_key(|column| cells.get(*column).map(|cell| cell.start));
        }
        let mut at = bounds.start;
        for &column in &self.order {
            let Some(cell) = cells.get(column).cloned() else { continue };
            if column >= block.replaced() {
                let (row, before) = (block.part(0..bounds.end), block.part(at..cell.start));
                at = leave_out(before, &cell, row, &mut self.buffer);
                continue;
            }
            let ids = answers.ids.get(column).map(Vec::as_slice).unwrap_or_default();
            let id = ids.get(row).copied().unwrap_or_default();
            let is_quoted = block.bytes.get(cell.start) == Some(&b'"');
            let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
            self.buffer.extend_from_slice(block.part(at..cell.start));
            self.buffer.extend_from_slice(quote);
            if id != 0 {
                self.buffer.extend_from_slice(&digits(id));
            }
            self.buffer.extend_from_slice(quote);
            at = cell.end;
        }
        self.buffer.extend_from_slice(block.part(at..bounds.end));
    }
}

impl Writer for RowWriter {
    type Block = RowBlock;

    fn write(&mut self, block: &RowBlock, answers: &Answers) -> Result<(), Error> {
        self.buffer.clear();
        let mut left_out = answers.left_out.iter().peekable();
        let mut at = 0;
        for (row, bounds) in (0_u32..).zip(&block.rows) {
            self.buffer.extend_from_slice(block.part(at..bounds.start));
            at = bounds.end;
            if left_out.next_if_eq(&&row).is_none() {
                let row = usize::try_from(row).unwrap_or(usize::MAX);
                self.write_row(block, row, answers);
            }
        }
        self.buffer.extend_from_slice(block.part(at..block.bytes.len()));
        self.output.append(&self.buffer)
    }

    fn checkpoint(&mut self) -> Result<Written, Error> {
        let (part, bytes) = self.output.checkpoint()?;
        Ok(Written { parts: vec![part], bytes })
    }

    fn forget(&mut self) {
        self.output.forget();
    }

    fn finish(&mut self, last: &RowBlock) -> Result<(), Error> {
        // Without rows, but perhaps with the empty lines at the end of the file.
        debug_assert_eq!(last.rows(), 0, "the last block has no rows");
        self.output.append(&last.bytes)?;
        self.output.sync()
    }

    fn publish(self) -> Result<(), Error> {
        self.output.publish()
    }
}

fn digits(mut id: u64) -> [u8; 15] {
    let mut digits = [b'0'; 15];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(id % 10).unwrap_or_default();
        id /= 10;
    }
    digits
}
