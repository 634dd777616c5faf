//! Writes rows as CSV: UTF-8, comma, LF, a header, quotes where RFC 4180 needs them.

use std::io::Write;

use super::cell::{Cell, Kind, append_text};
use super::columns::{PERSON_COLUMN, Person, Shape};
use super::error::Error;
use super::row::Cells;
use crate::files::{self, ErrorKind};

/// Bytes handed over at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A CSV file being written.
pub(super) struct CsvFile<'a> {
    sink: &'a mut (dyn Write + Send),
    shape: Shape,
    buffer: Vec<u8>,
}

impl<'a> CsvFile<'a> {
    /// Begins with the header.
    pub(super) fn begin(sink: &'a mut (dyn Write + Send), shape: Shape) -> Self {
        let mut buffer = Vec::with_capacity(2 * BUFFER_BYTES);
        buffer.extend_from_slice(PERSON_COLUMN.as_bytes());
        for (name, _) in &shape.columns {
            buffer.push(b',');
            append_quoted(name.as_bytes(), &mut buffer);
        }
        buffer.push(b'\n');
        Self { sink, shape, buffer }
    }

    /// Writes a row.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        let mut cells = Cells::of(row);
        match self.shape.person {
            Person::Label => append_quoted(cells.text(), &mut self.buffer),
            // Writing to memory does not fail.
            Person::Serial => drop(write!(self.buffer, "{}", cells.serial())),
        }
        for (_, kind) in &self.shape.columns {
            self.buffer.push(b',');
            append_cell(kind, cells.next(kind), &mut self.buffer);
        }
        self.buffer.push(b'\n');
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.sink.write_all(&self.buffer).map_err(|cause| {
            files::Error::new(ErrorKind::System, format!("cannot write the output: {cause}"))
        })?;
        self.buffer.clear();
        Ok(())
    }

    /// Hands over what is left.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.flush()
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
