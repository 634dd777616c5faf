//! Rows as CSV: UTF-8, comma, LF, a header, quotes where RFC 4180 needs them.

use std::io::Write;

use super::cell::{Cell, Kind, append_text};
use super::columns::{PERSON_COLUMN, Person, Shape};
use super::error::Error;
use super::row::{Cells, Form};
use super::writing::Pieces;

/// Bytes handed over at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// The text of a CSV file, in pieces.
pub(super) struct CsvText {
    person: Person,
    columns: Vec<(Kind, Form)>,
    buffer: Vec<u8>,
}

impl CsvText {
    /// Begins with the header.
    pub(super) fn begin(shape: &Shape) -> Self {
        let mut buffer = Vec::with_capacity(2 * BUFFER_BYTES);
        buffer.extend_from_slice(PERSON_COLUMN.as_bytes());
        for (name, _) in &shape.columns {
            buffer.push(b',');
            append_quoted(name.as_bytes(), &mut buffer);
        }
        buffer.push(b'\n');
        let columns = shape.columns.iter().map(|(_, kind)| (kind.clone(), Form::of(kind)));
        Self { person: shape.person, columns: columns.collect(), buffer }
    }
}

impl Pieces for CsvText {
    type Piece = Vec<u8>;

    fn push(&mut self, row: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut cells = Cells::of(row);
        match self.person {
            Person::Label => append_quoted(cells.text(), &mut self.buffer),
            // Writing to memory does not fail.
            Person::Serial => drop(write!(self.buffer, "{}", cells.serial())),
        }
        for (kind, form) in &self.columns {
            self.buffer.push(b',');
            append_cell(kind, cells.next(*form), &mut self.buffer);
        }
        self.buffer.push(b'\n');
        let is_enough = self.buffer.len() >= BUFFER_BYTES;
        Ok(is_enough
            .then(|| std::mem::replace(&mut self.buffer, Vec::with_capacity(2 * BUFFER_BYTES))))
    }

    fn finish(&mut self) -> Result<Vec<u8>, Error> {
        Ok(std::mem::take(&mut self.buffer))
    }
}

/// Writes a cell as it stands in CSV.
fn append_cell(kind: &Kind, cell: Cell<'_>, out: &mut Vec<u8>) {
    match (cell, kind) {
        (Cell::Text(text), _) => append_quoted(text, out),
        (Cell::Number(number), Kind::Fixed(kind)) => append_text(kind, number, out),
        _ => {}
    }
}

fn append_quoted(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
