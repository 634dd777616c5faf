//! Some rows of a file: the cells of the columns that are wanted, and no others.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};

use super::cell::{Cell, Kind, of_float};

/// Some rows. Holds values of the file: no `Debug`.
pub(super) struct Block {
    /// Number of the first row, from 1.
    pub(super) first_row: u64,
    pub(super) rows: usize,
    pub(super) cells: Cells,
}

/// The cells of a block.
pub(super) enum Cells {
    /// Of a Parquet file, by column.
    Arrays(Vec<Column>),
    /// Of a CSV file: row after row, each cell's end; they lie one after the other.
    Texts { bytes: Vec<u8>, ends: Vec<u32>, columns: usize },
}

/// The cells of one column.
pub(super) enum Column {
    Numbers { values: Vec<i128>, nulls: Option<NullBuffer> },
    Texts(StringArray),
}

impl Block {
    /// The cell of a column of a row.
    pub(super) fn cell(&self, column: usize, row: usize) -> Cell<'_> {
        match &self.cells {
            Cells::Arrays(columns) => columns.get(column).map_or(Cell::Empty, |one| one.cell(row)),
            Cells::Texts { bytes, ends, columns } => {
                let at = row * columns + column;
                let start = at.checked_sub(1).map_or(0, |before| end(ends, before));
                match bytes.get(start..end(ends, at)) {
                    None | Some([]) => Cell::Empty,
                    Some(text) => Cell::Text(text),
                }
            }
        }
    }
}

fn end(ends: &[u32], at: usize) -> usize {
    ends.get(at).and_then(|end| usize::try_from(*end).ok()).unwrap_or_default()
}

impl Column {
    /// The cells of an array; `None` when they are not of the kind.
    pub(super) fn of(array: &dyn Array, kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Text => Self::Texts(array.as_string_opt::<i32>()?.clone()),
            Kind::Fixed(kind) => {
                Self::Numbers { values: numbers(array, kind)?, nulls: array.nulls().cloned() }
            }
        })
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Numbers { nulls: Some(nulls), .. } if nulls.is_null(row) => Cell::Empty,
            Self::Numbers { values, .. } => {
                values.get(row).map_or(Cell::Empty, |number| Cell::Number(*number))
            }
            Self::Texts(texts) if texts.is_null(row) => Cell::Empty,
            Self::Texts(texts) => match texts.value(row).as_bytes() {
                [] => Cell::Empty,
                text => Cell::Text(text),
            },
        }
    }
}

fn numbers(array: &dyn Array, kind: &DataType) -> Option<Vec<i128>> {
    match kind {
        DataType::Boolean => {
            Some(array.as_boolean_opt()?.values().iter().map(i128::from).collect())
        }
        DataType::Int8 => whole::<Int8Type>(array),
        DataType::Int16 => whole::<Int16Type>(array),
        DataType::Int32 => whole::<Int32Type>(array),
        DataType::Int64 => whole::<Int64Type>(array),
        DataType::UInt8 => whole::<UInt8Type>(array),
        DataType::UInt16 => whole::<UInt16Type>(array),
        DataType::UInt32 => whole::<UInt32Type>(array),
        DataType::UInt64 => whole::<UInt64Type>(array),
        DataType::Date32 => whole::<Date32Type>(array),
        DataType::Date64 => whole::<Date64Type>(array),
        DataType::Time32(TimeUnit::Second) => whole::<Time32SecondType>(array),
        DataType::Time32(_) => whole::<Time32MillisecondType>(array),
        DataType::Time64(TimeUnit::Microsecond) => whole::<Time64MicrosecondType>(array),
        DataType::Time64(_) => whole::<Time64NanosecondType>(array),
        DataType::Timestamp(TimeUnit::Second, _) => whole::<TimestampSecondType>(array),
        DataType::Timestamp(TimeUnit::Millisecond, _) => whole::<TimestampMillisecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => whole::<TimestampMicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => whole::<TimestampNanosecondType>(array),
        DataType::Decimal128(..) => whole::<Decimal128Type>(array),
        DataType::Float32 => fractions::<Float32Type>(array),
        DataType::Float64 => fractions::<Float64Type>(array),
        _ => None,
    }
}

fn whole<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<Vec<i128>>
where
    T::Native: Into<i128>,
{
    Some(array.as_primitive_opt::<T>()?.values().iter().map(|value| (*value).into()).collect())
}

fn fractions<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<Vec<i128>>
where
    T::Native: Into<f64>,
{
    let values = array.as_primitive_opt::<T>()?.values();
    Some(values.iter().map(|value| of_float((*value).into())).collect())
}
