//! A table being written, cell by cell, to a CSV or a Parquet file.
//!
//! Why it exists: what rows say must not depend on the file they end up in. A kind of data says its
//! columns once and then its cells from left to right; the file decides what they look like.
//!
//! Cells can be planted with an identifier, so that what looks for leaks has something to find.
//!
//! INVARIANT: a row has a cell of the right type for each column, or writing fails.

use std::path::Path;

use super::csv_file::CsvFile;
use super::days::Day;
use super::parquet_file::{Compression, ParquetFile};
use super::population::Identifier;
use crate::cli::error::Error;
use crate::cli::pseudonymize::destination::Existing;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Date,
    Identifier,
    Integer,
    Text,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
}

/// A column of dates.
pub(super) const fn date(name: &'static str) -> Column {
    Column { name, holds: Holds::Date }
}

/// A column of identifiers.
pub(super) const fn identifier(name: &'static str) -> Column {
    Column { name, holds: Holds::Identifier }
}

/// A column of whole numbers.
pub(super) const fn integer(name: &'static str) -> Column {
    Column { name, holds: Holds::Integer }
}

/// A column of text.
pub(super) const fn text(name: &'static str) -> Column {
    Column { name, holds: Holds::Text }
}

/// What Parquet files hold identifiers as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum IdentifierForm {
    /// 64-bit integers, which lose leading zeros.
    Integer,
    /// Text, with leading zeros.
    #[default]
    Text,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Parquet(Compression, IdentifierForm),
}

/// A file of either form.
enum File {
    Csv(CsvFile),
    Parquet(Box<ParquetFile>),
}

/// A table being written.
pub(super) struct Table {
    columns: &'static [Column],
    file: File,
    /// The column that the next cell is for.
    at: usize,
    /// Columns of this row that an identifier is added to.
    planted: Vec<usize>,
    /// What is added.
    plant: u64,
    fits: bool,
}

impl Table {
    /// Starts a file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub(super) fn create(
        path: &Path,
        form: Form,
        existing: Existing,
        columns: &'static [Column],
    ) -> Result<Self, Error> {
        let file = match form {
            Form::Csv => File::Csv(CsvFile::create(path, existing, columns)?),
            Form::Parquet(compression, ids) => {
                let file = ParquetFile::create(path, existing, columns, (compression, ids))?;
                File::Parquet(Box::new(file))
            }
        };
        Ok(Self { columns, file, at: 0, planted: Vec::new(), plant: 0, fits: true })
    }

    /// Adds an identifier to columns of this row. What it was called with before no longer counts.
    pub(super) fn plant(&mut self, columns: impl Iterator<Item = usize>, number: u64) {
        self.planted.clear();
        self.planted.extend(columns);
        self.plant = number;
    }

    pub(super) fn identifier(&mut self, identifier: Identifier) {
        self.expect(Holds::Identifier);
        match &mut self.file {
            File::Csv(file) => file.identifier(identifier),
            File::Parquet(file) => file.identifier(self.at, identifier),
        }
        self.at += 1;
    }

    pub(super) fn date(&mut self, day: Day) {
        self.expect(Holds::Date);
        match &mut self.file {
            File::Csv(file) => file.date(day),
            File::Parquet(file) => file.integer(self.at, day.number()),
        }
        self.at += 1;
    }

    pub(super) fn integer(&mut self, number: i32) {
        self.expect(Holds::Integer);
        match &mut self.file {
            File::Csv(file) => file.integer(number),
            File::Parquet(file) => file.integer(self.at, number),
        }
        self.at += 1;
    }

    /// An identifier as a text, in a column that is often empty.
    pub(super) fn identifier_text(&mut self, identifier: Identifier) {
        let Identifier { kind, number } = identifier;
        self.written(&format!("{number:0width$}", width = kind.digit_count()));
    }

    /// A text; an empty one is absent.
    pub(super) fn text(&mut self, text: &str) {
        if self.planted.contains(&self.at) {
            let blank = if text.is_empty() { "" } else { " " };
            let text = format!("{text}{blank}{:011}", self.plant);
            self.written(&text);
        } else if text.is_empty() {
            self.absent();
        } else {
            self.written(text);
        }
    }

    fn written(&mut self, text: &str) {
        self.expect(Holds::Text);
        match &mut self.file {
            File::Csv(file) => file.text(text),
            File::Parquet(file) => file.text(self.at, text),
        }
        self.at += 1;
    }

    /// A cell with nothing in it.
    pub(super) fn absent(&mut self) {
        match &mut self.file {
            File::Csv(file) => file.absent(),
            File::Parquet(file) => file.absent(self.at),
        }
        self.at += 1;
    }

    fn expect(&mut self, holds: Holds) {
        self.fits &= self.columns.get(self.at).is_some_and(|column| column.holds == holds);
    }

    /// Ends a row.
    ///
    /// # Errors
    ///
    /// The disk is full, or the row has not the table's columns.
    pub(super) fn end_row(&mut self) -> Result<(), Error> {
        if !self.fits || self.at != self.columns.len() {
            return Err(Error::internal("a row does not have the columns of its table"));
        }
        self.at = 0;
        match &mut self.file {
            File::Csv(file) => file.end_row(),
            File::Parquet(file) => file.end_row(),
        }
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    ///
    /// The disk is full, or the name was taken meanwhile.
    pub(super) fn publish(self) -> Result<(), Error> {
        match self.file {
            File::Csv(file) => file.publish(),
            File::Parquet(file) => file.publish(),
        }
    }
}
