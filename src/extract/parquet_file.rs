//! Rows as Parquet, so that the file depends on its rows and nothing else.
//!
//! Row groups have a fixed number of rows, dictionaries are in the order of the rows, and there are
//! no statistics, no index of pages, no metadata of the input and no time.

use std::io::Write;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, PrimitiveArray, RecordBatch,
    StringArray, make_array,
};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::cell::{Cell, Kind, float, narrowed};
use super::columns::{PERSON_COLUMN, Person, Shape};
use super::error::Error;
use super::row::{Cells, Form};
use super::writing::Pieces;
use crate::files::columnar::unwritable;

/// Rows of a row group; the last one has what is left.
pub(super) const GROUP_ROWS: usize = 128 * 1024;

/// Rows handed to the library at a time.
const BATCH_ROWS: usize = 8 * 1024;

/// A Parquet file being written.
pub(super) struct ParquetFile<'a>(ArrowWriter<&'a mut (dyn Write + Send)>);

/// Rows on their way to a Parquet file.
pub(super) struct Batches {
    schema: SchemaRef,
    person: Person,
    /// The cells of the batch, the person's first.
    columns: Vec<Column>,
    rows: usize,
}

/// Cells of a column that are not written yet.
struct Column {
    kind: Kind,
    form: Form,
    /// Of fixed size; 0 where there is nothing.
    numbers: Vec<i128>,
    /// One after the other, and where each ends.
    texts: Vec<u8>,
    ends: Vec<i32>,
    presence: NullBufferBuilder,
}

impl<'a> ParquetFile<'a> {
    /// Begins a file of the schema of its batches.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub(super) fn begin(
        sink: &'a mut (dyn Write + Send),
        batches: &Batches,
    ) -> Result<Self, Error> {
        let properties = WriterProperties::builder()
            .set_created_by("hvelv".to_owned())
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(None)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .build();
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let schema = Arc::clone(&batches.schema);
        let writer = ArrowWriter::try_new_with_options(sink, schema, options);
        Ok(Self(writer.map_err(|cause| unwritable(&cause))?))
    }

    /// Writes a batch.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        Ok(self.0.write(batch).map_err(|cause| unwritable(&cause))?)
    }

    /// Writes the footer.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.0.close().map_err(|cause| unwritable(&cause))?;
        Ok(())
    }
}

impl Batches {
    /// No rows yet.
    pub(super) fn begin(shape: &Shape) -> Self {
        let person = match shape.person {
            Person::Label => Kind::Text,
            Person::Serial => Kind::Fixed(DataType::Int64),
        };
        let mut fields = vec![Field::new(PERSON_COLUMN, data_type(&person), false)];
        fields.extend(
            shape.columns.iter().map(|(name, kind)| Field::new(name, data_type(kind), true)),
        );
        let kinds = shape.columns.iter().map(|(_, kind)| kind.clone());
        let columns = std::iter::once(person).chain(kinds).map(Column::begin).collect();
        Self { schema: Arc::new(Schema::new(fields)), person: shape.person, columns, rows: 0 }
    }

    fn take(&mut self) -> Result<RecordBatch, Error> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Column::take).collect::<Option<_>>();
        let arrays = arrays.ok_or_else(|| Error::internal("a row is not what its columns say"))?;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|_| Error::internal("a batch does not fit its schema"))
    }
}

impl Pieces for Batches {
    type Piece = RecordBatch;

    fn push(&mut self, row: &[u8]) -> Result<Option<RecordBatch>, Error> {
        let mut cells = Cells::of(row);
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.push(match (place, self.person) {
                (0, Person::Serial) => Cell::Number(cells.serial().into()),
                (0, Person::Label) => Cell::Text(cells.text()),
                _ => cells.next(column.form),
            });
        }
        self.rows += 1;
        if self.rows < BATCH_ROWS { Ok(None) } else { self.take().map(Some) }
    }

    /// The rows that are left, perhaps none.
    fn finish(&mut self) -> Result<RecordBatch, Error> {
        self.take()
    }
}

impl Column {
    fn begin(kind: Kind) -> Self {
        Self {
            form: Form::of(&kind),
            kind,
            numbers: Vec::new(),
            texts: Vec::new(),
            ends: Vec::new(),
            presence: NullBufferBuilder::new(BATCH_ROWS),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        let number = if let Cell::Number(number) = cell { number } else { 0 };
        let text = if let Cell::Text(text) = cell { text } else { &[] };
        match self.kind {
            Kind::Fixed(_) => self.numbers.push(number),
            Kind::Text => {
                self.texts.extend_from_slice(text);
                // A batch of longer texts is told when it is taken: its ends do not rise.
                self.ends.push(i32::try_from(self.texts.len()).unwrap_or(-1));
            }
        }
        self.presence.append(!matches!(cell, Cell::Empty));
    }

    /// The cells so far; `None` when they do not fit the column.
    fn take(&mut self) -> Option<ArrayRef> {
        let presence = self.presence.finish();
        let array = match &self.kind {
            Kind::Fixed(kind) => array(kind, &self.numbers, presence)?,
            Kind::Text => {
                let ends = std::iter::once(0).chain(std::mem::take(&mut self.ends));
                let ends: Vec<i32> = ends.collect();
                if !ends.is_sorted() {
                    return None;
                }
                let texts = std::mem::take(&mut self.texts).into();
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(StringArray::try_new(offsets, texts, presence).ok()?)
            }
        };
        self.numbers.clear();
        Some(array)
    }
}

fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Fixed(kind) => kind.clone(),
        Kind::Text => DataType::Utf8,
    }
}

/// The array of a type; `None` when a number does not fit it.
fn array(kind: &DataType, numbers: &[i128], presence: Option<NullBuffer>) -> Option<ArrayRef> {
    let fractions = || numbers.iter().map(|number| float(*number));
    Some(match kind {
        DataType::Boolean => {
            let values = numbers.iter().map(|number| *number != 0).collect();
            Arc::new(BooleanArray::new(values, presence))
        }
        DataType::Float32 => {
            Arc::new(Float32Array::new(fractions().map(narrowed).collect(), presence))
        }
        DataType::Float64 => Arc::new(Float64Array::new(fractions().collect(), presence)),
        DataType::Int8 => Arc::new(primitive::<Int8Type>(numbers, presence)?),
        DataType::Int16 => Arc::new(primitive::<Int16Type>(numbers, presence)?),
        DataType::UInt8 => Arc::new(primitive::<UInt8Type>(numbers, presence)?),
        DataType::UInt16 => Arc::new(primitive::<UInt16Type>(numbers, presence)?),
        DataType::UInt32 => Arc::new(primitive::<UInt32Type>(numbers, presence)?),
        DataType::UInt64 => Arc::new(primitive::<UInt64Type>(numbers, presence)?),
        DataType::Int32 => Arc::new(primitive::<Int32Type>(numbers, presence)?),
        DataType::Date32 | DataType::Time32(_) => {
            renamed(&primitive::<Int32Type>(numbers, presence)?, kind)?
        }
        DataType::Decimal128(..) => {
            renamed(&primitive::<Decimal128Type>(numbers, presence)?, kind)?
        }
        _ => renamed(&primitive::<Int64Type>(numbers, presence)?, kind)?,
    })
}

fn primitive<T: ArrowPrimitiveType>(
    numbers: &[i128],
    presence: Option<NullBuffer>,
) -> Option<PrimitiveArray<T>>
where
    T::Native: TryFrom<i128>,
{
    let natives = numbers.iter().map(|number| T::Native::try_from(*number).ok());
    Some(PrimitiveArray::new(natives.collect::<Option<Vec<_>>>()?.into(), presence))
}

/// The same numbers as another type that is stored in the same way.
fn renamed<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, kind: &DataType) -> Option<ArrayRef> {
    let data = array.to_data().into_builder().data_type(kind.clone()).build().ok()?;
    Some(make_array(data))
}
