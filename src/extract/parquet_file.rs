//! Rows as Parquet, so that the file depends on its rows and nothing else.
//!
//! Row groups have a fixed number of rows, dictionaries are in the order of the rows, and there are
//! no statistics, no index of pages, no metadata of the input and no time.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, PrimitiveArray, RecordBatch,
    make_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::cell::{Cell, Kind, float, narrowed};
use super::columns::{PERSON_COLUMN, Person, Shape};
use super::error::Error;
use super::row::Cells;
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
    columns: Vec<(Kind, Column)>,
    rows: usize,
}

/// Cells of a column that are not written yet.
enum Column {
    Numbers(Vec<Option<i128>>),
    Texts(StringBuilder),
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
    pub(super) fn begin(shape: Shape) -> Self {
        let person = match shape.person {
            Person::Label => Kind::Text,
            Person::Serial => Kind::Fixed(DataType::Int64),
        };
        let mut fields = vec![Field::new(PERSON_COLUMN, data_type(&person), false)];
        fields.extend(
            shape.columns.iter().map(|(name, kind)| Field::new(name, data_type(kind), true)),
        );
        let kinds = std::iter::once(person).chain(shape.columns.into_iter().map(|(_, kind)| kind));
        let columns = kinds.map(|kind| {
            let column = match &kind {
                Kind::Fixed(_) => Column::Numbers(Vec::with_capacity(BATCH_ROWS)),
                Kind::Text => Column::Texts(StringBuilder::new()),
            };
            (kind, column)
        });
        let (schema, columns) = (Arc::new(Schema::new(fields)), columns.collect());
        Self { schema, person: shape.person, columns, rows: 0 }
    }

    /// Takes a row, and gives a batch when there are enough for one.
    ///
    /// # Errors
    ///
    /// A fault in this program.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<Option<RecordBatch>, Error> {
        let mut cells = Cells::of(row);
        for (place, (kind, column)) in self.columns.iter_mut().enumerate() {
            let cell = match (place, self.person) {
                (0, Person::Serial) => Cell::Number(cells.serial().into()),
                (0, Person::Label) => Cell::Text(cells.text()),
                _ => cells.next(kind),
            };
            match (column, cell) {
                (Column::Numbers(numbers), Cell::Number(number)) => numbers.push(Some(number)),
                (Column::Numbers(numbers), _) => numbers.push(None),
                (Column::Texts(texts), Cell::Text(text)) => {
                    let text = std::str::from_utf8(text)
                        .map_err(|_| Error::internal("a row is not what its columns say"))?;
                    texts.append_value(text);
                }
                (Column::Texts(texts), _) => texts.append_null(),
            }
        }
        self.rows += 1;
        if self.rows < BATCH_ROWS { Ok(None) } else { self.take().map(Some) }
    }

    /// The rows that are left, perhaps none.
    ///
    /// # Errors
    ///
    /// A fault in this program.
    pub(super) fn take(&mut self) -> Result<RecordBatch, Error> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (kind, column) in &mut self.columns {
            arrays.push(match (column, kind) {
                (Column::Texts(texts), _) => Arc::new(texts.finish()),
                (Column::Numbers(numbers), Kind::Fixed(kind)) => {
                    let array = array(kind, numbers);
                    numbers.clear();
                    array.ok_or_else(|| Error::internal("a cell does not fit its column"))?
                }
                (Column::Numbers(_), Kind::Text) => {
                    return Err(Error::internal("a column of text has numbers"));
                }
            });
        }
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|_| Error::internal("a batch does not fit its schema"))
    }
}

fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Fixed(kind) => kind.clone(),
        Kind::Text => DataType::Utf8,
    }
}

/// The array of a type; `None` when a number does not fit it.
fn array(kind: &DataType, numbers: &[Option<i128>]) -> Option<ArrayRef> {
    let numbers = || numbers.iter().copied();
    Some(match kind {
        DataType::Boolean => {
            Arc::new(BooleanArray::from_iter(numbers().map(|one| one.map(|one| one != 0))))
        }
        DataType::Float32 => Arc::new(Float32Array::from_iter(
            numbers().map(|one| one.map(|one| narrowed(float(one)))),
        )),
        DataType::Float64 => Arc::new(Float64Array::from_iter(numbers().map(|one| one.map(float)))),
        DataType::Int8 => Arc::new(primitive::<Int8Type>(numbers())?),
        DataType::Int16 => Arc::new(primitive::<Int16Type>(numbers())?),
        DataType::UInt8 => Arc::new(primitive::<UInt8Type>(numbers())?),
        DataType::UInt16 => Arc::new(primitive::<UInt16Type>(numbers())?),
        DataType::UInt32 => Arc::new(primitive::<UInt32Type>(numbers())?),
        DataType::UInt64 => Arc::new(primitive::<UInt64Type>(numbers())?),
        DataType::Int32 => Arc::new(primitive::<Int32Type>(numbers())?),
        DataType::Date32 | DataType::Time32(_) => {
            renamed(&primitive::<Int32Type>(numbers())?, kind)?
        }
        DataType::Decimal128(..) => renamed(&primitive::<Decimal128Type>(numbers())?, kind)?,
        _ => renamed(&primitive::<Int64Type>(numbers())?, kind)?,
    })
}

fn primitive<T: ArrowPrimitiveType>(
    numbers: impl Iterator<Item = Option<i128>>,
) -> Option<PrimitiveArray<T>>
where
    T::Native: TryFrom<i128>,
{
    let native = |number: Option<i128>| match number {
        Some(number) => T::Native::try_from(number).ok().map(Some),
        None => Some(None),
    };
    let natives: Option<Vec<Option<T::Native>>> = numbers.map(native).collect();
    Some(PrimitiveArray::from_iter(natives?))
}

/// The same numbers as another type that is stored in the same way.
fn renamed<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, kind: &DataType) -> Option<ArrayRef> {
    let data = array.to_data().into_builder().data_type(kind.clone()).build().ok()?;
    Some(make_array(data))
}
