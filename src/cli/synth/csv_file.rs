//! A CSV file being written: comma, header row, quotes where they are needed, UTF-8.

use std::path::Path;

use super::days::{Calendar, Day};
use super::digits::append_digits;
use super::population::Identifier;
use super::table::Column;
use crate::cli::error::Error;
use crate::cli::pseudonymize::destination::{Destination, Existing};

/// Bytes handed over at a time.
const FLUSH_BYTES: usize = 64 * 1024;

/// The file, and the rows that are not handed over yet.
pub(super) struct CsvFile {
    destination: Destination,
    buffer: Vec<u8>,
    calendar: Calendar,
}

impl CsvFile {
    /// Starts the file aside, with its header.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub(super) fn create(
        path: &Path,
        existing: Existing,
        columns: &[Column],
    ) -> Result<Self, Error> {
        let destination = Destination::create(path, existing)?;
        let buffer = Vec::with_capacity(FLUSH_BYTES + 4096);
        let mut this = Self { destination, buffer, calendar: Calendar::new() };
        for column in columns {
            this.text(column.name);
        }
        this.end_row()?;
        Ok(this)
    }

    pub(super) fn identifier(&mut self, identifier: Identifier) {
        append_digits(&mut self.buffer, identifier.number, identifier.kind.digit_count());
        self.buffer.push(b',');
    }

    pub(super) fn date(&mut self, day: Day) {
        self.buffer.extend_from_slice(self.calendar.text(day));
        self.buffer.push(b',');
    }

    pub(super) fn integer(&mut self, number: i32) {
        if number < 0 {
            self.buffer.push(b'-');
        }
        append_digits(&mut self.buffer, number.unsigned_abs().into(), 1);
        self.buffer.push(b',');
    }

    pub(super) fn text(&mut self, text: &str) {
        if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            self.buffer.push(b'"');
            for byte in text.bytes() {
                if byte == b'"' {
                    self.buffer.push(b'"');
                }
                self.buffer.push(byte);
            }
            self.buffer.push(b'"');
        } else {
            self.buffer.extend_from_slice(text.as_bytes());
        }
        self.buffer.push(b',');
    }

    pub(super) fn absent(&mut self) {
        self.buffer.push(b',');
    }

    /// Puts a line end in the place of the last comma.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(super) fn end_row(&mut self) -> Result<(), Error> {
        if let Some(last) = self.buffer.last_mut() {
            *last = b'\n';
        }
        if self.buffer.len() < FLUSH_BYTES {
            return Ok(());
        }
        self.hand_over()
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    ///
    /// The disk is full, or the name was taken meanwhile.
    pub(super) fn publish(mut self) -> Result<(), Error> {
        self.hand_over()?;
        self.destination.publish()
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        self.destination.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
