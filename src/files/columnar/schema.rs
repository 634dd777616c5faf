//! What the output is like: schema, compression, order.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{ColumnDescPtr, ColumnPath, SchemaDescriptor, Type};

use super::metadata::KeyValues;
use super::reader::{Fate, GroupReader};
use super::{BYTES_MAX, unreadable};
use crate::files::Error;

/// What the output of a file is like.
#[derive(Clone)]
pub(super) struct Plan {
    /// Its columns.
    pub(super) schema: SchemaRef,
    /// How it is written.
    pub(super) options: ArrowWriterOptions,
    /// The same, for row groups that are copied.
    pub(super) properties: WriterProperties,
}

impl Plan {
    /// The plan for the output of a file.
    pub(super) fn of(reader: &GroupReader) -> Result<Self, Error> {
        let input = reader.metadata();
        let field = |(place, field): (usize, &Arc<Field>)| match reader.fate(place) {
            Fate::Kept => Some(Arc::clone(field)),
            Fate::LeftOut => None,
            Fate::Replaced(output) => Some(Arc::new(Field::new(output, DataType::Int64, true))),
        };
        let fields = input.schema().fields().iter().enumerate().filter_map(field);
        let schema =
            Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), HashMap::default()));
        let properties = properties(reader);
        let mut options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_skip_arrow_metadata(!has_arrow_schema(input.metadata()));
        // The same Parquet types, not those that the library would choose for the same values.
        if input.parquet_schema().columns().iter().all(can_be_written) {
            let replaced = replaced(input.parquet_schema(), reader)
                .map_err(|cause| unreadable("the schema", &cause))?;
            options = options.with_parquet_schema(replaced);
        }
        Ok(Self { schema, options, properties })
    }
}

fn has_arrow_schema(metadata: &ParquetMetaData) -> bool {
    let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    pairs.into_iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY)
}

fn properties(reader: &GroupReader) -> WriterProperties {
    let input = reader.metadata();
    let metadata = input.metadata();
    let schema = input.parquet_schema();
    let fate = |leaf| reader.fate(schema.get_column_root_idx(leaf));
    let names = input.schema().fields().iter().enumerate();
    let left_out = names.filter(|(place, _)| reader.fate(*place) == Fate::LeftOut);
    let left_out: Vec<&str> = left_out.map(|(_, field)| field.name().as_str()).collect();
    let mut builder = WriterProperties::builder()
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(Some(BYTES_MAX))
        .set_key_value_metadata(Some(KeyValues::of(input).after(reader.columns(), &left_out)))
        .set_sorting_columns(sorting(metadata, fate));
    let first = metadata.row_groups().first();
    for (leaf, column) in first.into_iter().flat_map(|group| group.columns()).enumerate() {
        let path = match fate(leaf) {
            Fate::Kept => column.column_path().clone(),
            Fate::LeftOut => continue,
            Fate::Replaced(output) => ColumnPath::new(vec![output.to_owned()]),
        };
        builder = builder.set_column_compression(path, compression(column.compression()));
    }
    builder.build()
}

/// The same compression, or the form of it that is written today.
fn compression(input: Compression) -> Compression {
    match input {
        Compression::LZ4 => Compression::LZ4_RAW,
        other => other,
    }
}

/// The order of the rows, as far as it does not begin with what is replaced or left out.
fn sorting<'a>(
    metadata: &ParquetMetaData,
    fate: impl Fn(usize) -> Fate<'a>,
) -> Option<Vec<SortingColumn>> {
    let mut groups = metadata.row_groups().iter().map(|group| group.sorting_columns());
    let first = groups.next().flatten()?.clone();
    if !groups.all(|other| other == Some(&first)) {
        return None;
    }
    // By its place in the output.
    let kept = |column: SortingColumn| {
        let leaf = usize::try_from(column.column_idx).ok()?;
        let before = (0..leaf).filter(|leaf| fate(*leaf) != Fate::LeftOut).count();
        let column_idx = i32::try_from(before).ok()?;
        (fate(leaf) == Fate::Kept).then_some(SortingColumn { column_idx, ..column })
    };
    let kept: Vec<SortingColumn> = first.into_iter().map_while(kept).collect();
    (!kept.is_empty()).then_some(kept)
}

/// Whether the library writes such a column: not `INT96`, nor decimals as bytes.
fn can_be_written(column: &ColumnDescPtr) -> bool {
    let is_decimal = column.converted_type() == ConvertedType::DECIMAL
        || matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }));
    match column.physical_type() {
        Physical::INT96 => false,
        Physical::BYTE_ARRAY => !is_decimal,
        _ => true,
    }
}

fn replaced(
    schema: &SchemaDescriptor,
    reader: &GroupReader,
) -> Result<SchemaDescriptor, ParquetError> {
    let root = schema.root_schema();
    let field = |(place, field): (usize, &Arc<Type>)| match reader.fate(place) {
        Fate::Kept => Some(Ok(Arc::clone(field))),
        Fate::LeftOut => None,
        Fate::Replaced(output) => {
            let ids = Type::primitive_type_builder(output, Physical::INT64);
            Some(ids.with_repetition(Repetition::OPTIONAL).build().map(Arc::new))
        }
    };
    let fields = root.get_fields().iter().enumerate().filter_map(field);
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let root = Type::group_type_builder(root.name()).with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}
