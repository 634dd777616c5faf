//! A Parquet file being written, batch by batch, through one buffer for each column.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic;
use parquet::file::properties::WriterProperties;

use super::digits::append_digits;
use super::population::Identifier;
use super::table::{Column, Holds, IdentifierForm};
use crate::cli::error::{Error, with_sources};
use crate::cli::pseudonymize::destination::{Destination, Existing};

/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;

/// How pages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Compression {
    /// Snappy: larger files, written faster.
    Snappy,
    /// Zstandard.
    #[default]
    Zstd,
}

/// The cells of a column that are not written yet.
enum Cells {
    Dates(Vec<i32>),
    Integers(Vec<i32>),
    Numbers(Vec<i64>),
    Texts { ends: Vec<i32>, bytes: Vec<u8> },
}

/// A column that is not written yet.
struct ColumnBuffer {
    cells: Cells,
    present: NullBufferBuilder,
}

/// The file, and the rows that are not written yet.
pub(super) struct ParquetFile {
    path: PathBuf,
    writer: ArrowWriter<Destination>,
    schema: SchemaRef,
    columns: Vec<ColumnBuffer>,
    rows: usize,
}

impl ParquetFile {
    /// Starts the file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub(super) fn create(
        path: &Path,
        existing: Existing,
        columns: &[Column],
        (compression, ids): (Compression, IdentifierForm),
    ) -> Result<Self, Error> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| {
                let is_optional = column.holds != Holds::Identifier;
                Field::new(column.name, data_type(column.holds, ids), is_optional)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let compression = match compression {
            Compression::Snappy => basic::Compression::SNAPPY,
            Compression::Zstd => basic::Compression::ZSTD(basic::ZstdLevel::default()),
        };
        let properties = WriterProperties::builder().set_compression(compression).build();
        let destination = Destination::create(path, existing)?;
        let writer = ArrowWriter::try_new(destination, Arc::clone(&schema), Some(properties))
            .map_err(|cause| failed(path, &cause))?;
        let columns =
            columns.iter().map(|column| ColumnBuffer::new(&data_type(column.holds, ids))).collect();
        Ok(Self { path: path.to_owned(), writer, schema, columns, rows: 0 })
    }

    pub(super) fn identifier(&mut self, at: usize, identifier: Identifier) {
        let Identifier { kind, number } = identifier;
        let Some(column) = self.columns.get_mut(at) else { return };
        match &mut column.cells {
            Cells::Numbers(numbers) => numbers.push(number.cast_signed()),
            Cells::Texts { bytes, .. } => append_digits(bytes, number, kind.digit_count()),
            Cells::Dates(_) | Cells::Integers(_) => {}
        }
        column.end(true);
    }

    /// A date or a whole number.
    pub(super) fn integer(&mut self, at: usize, number: i32) {
        let Some(column) = self.columns.get_mut(at) else { return };
        if let Cells::Dates(cells) | Cells::Integers(cells) = &mut column.cells {
            cells.push(number);
        }
        column.end(true);
    }

    pub(super) fn text(&mut self, at: usize, text: &str) {
        let Some(column) = self.columns.get_mut(at) else { return };
        if let Cells::Texts { bytes, .. } = &mut column.cells {
            bytes.extend_from_slice(text.as_bytes());
        }
        column.end(true);
    }

    pub(super) fn absent(&mut self, at: usize) {
        let Some(column) = self.columns.get_mut(at) else { return };
        match &mut column.cells {
            Cells::Dates(cells) | Cells::Integers(cells) => cells.push(0),
            Cells::Numbers(cells) => cells.push(0),
            Cells::Texts { .. } => {}
        }
        column.end(false);
    }

    /// Ends a row, and writes the batch when it is full.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(super) fn end_row(&mut self) -> Result<(), Error> {
        self.rows += 1;
        if self.rows < BATCH_ROWS {
            return Ok(());
        }
        self.write_batch()
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    ///
    /// The disk is full, or the name was taken meanwhile.
    pub(super) fn publish(mut self) -> Result<(), Error> {
        self.write_batch()?;
        let destination = self.writer.into_inner().map_err(|cause| failed(&self.path, &cause))?;
        destination.publish()
    }

    fn write_batch(&mut self) -> Result<(), Error> {
        self.rows = 0;
        let arrays: Result<Vec<ArrayRef>, ArrowError> =
            self.columns.iter_mut().map(ColumnBuffer::take).collect();
        let batch = arrays
            .and_then(|arrays| RecordBatch::try_new(Arc::clone(&self.schema), arrays))
            .map_err(|cause| failed(&self.path, &cause))?;
        self.writer.write(&batch).map_err(|cause| failed(&self.path, &cause))
    }
}

impl ColumnBuffer {
    fn new(data_type: &DataType) -> Self {
        let cells = match data_type {
            DataType::Date32 => Cells::Dates(Vec::with_capacity(BATCH_ROWS)),
            DataType::Int32 => Cells::Integers(Vec::with_capacity(BATCH_ROWS)),
            DataType::Int64 => Cells::Numbers(Vec::with_capacity(BATCH_ROWS)),
            _ => Cells::Texts { ends: vec![0], bytes: Vec::new() },
        };
        Self { cells, present: NullBufferBuilder::new(BATCH_ROWS) }
    }

    /// Ends a cell.
    fn end(&mut self, is_present: bool) {
        if let Cells::Texts { ends, bytes } = &mut self.cells {
            // A batch has a few megabytes of text.
            ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        }
        self.present.append(is_present);
    }

    /// The cells so far, as an array; the buffer is empty afterwards.
    fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls: Option<NullBuffer> = self.present.finish();
        Ok(match &mut self.cells {
            Cells::Dates(cells) => {
                Arc::new(Date32Array::try_new(ScalarBuffer::from(renewed(cells)), nulls)?)
            }
            Cells::Integers(cells) => {
                Arc::new(Int32Array::try_new(ScalarBuffer::from(renewed(cells)), nulls)?)
            }
            Cells::Numbers(cells) => {
                Arc::new(Int64Array::try_new(ScalarBuffer::from(renewed(cells)), nulls)?)
            }
            Cells::Texts { ends, bytes } => {
                let ends = std::mem::replace(ends, vec![0]);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                let capacity = bytes.len();
                let bytes = std::mem::replace(bytes, Vec::with_capacity(capacity));
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)
            }
        })
    }
}

/// The cells, leaving room for as many.
fn renewed<T>(cells: &mut Vec<T>) -> Vec<T> {
    std::mem::replace(cells, Vec::with_capacity(BATCH_ROWS))
}

fn data_type(holds: Holds, ids: IdentifierForm) -> DataType {
    match (holds, ids) {
        (Holds::Date, _) => DataType::Date32,
        (Holds::Identifier, IdentifierForm::Integer) => DataType::Int64,
        (Holds::Identifier, IdentifierForm::Text) | (Holds::Text, _) => DataType::Utf8,
        (Holds::Integer, _) => DataType::Int32,
    }
}

fn failed(path: &Path, cause: &dyn std::error::Error) -> Error {
    Error::usage(format!("cannot write {}: {}", path.display(), with_sources(cause)))
}
