use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use jiff::civil::date;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::WriterProperties;

use super::*;
use crate::files::destination::Existing;
use crate::files::guard::{Guard, Kind};
use crate::files::{
    Answers, Asked, Block, IdColumn, LeadingZeros, Place, Presence, Reader, Values, Writer,
};

mod contacts;
mod damage;
mod resume;

/// What the tests put in the place of an identifier.
const ID_OF_ZERO: i64 = 100_000_000_000_000;

/// Digits that begin with a zero and are of the form of synthetic identifiers.
fn number(row: usize) -> u64 {
    1_810_000_000 + row as u64
}

fn column(name: &str, output: &str, presence: Presence) -> IdColumn {
    let (name, output) = (name.to_owned(), output.to_owned());
    IdColumn { name, output, presence, digits: 11, leading_zeros: LeadingZeros::Kept }
}

fn fnr() -> Vec<IdColumn> {
    vec![column("fnr", "npr_id", Presence::Required)]
}

fn guard() -> Guard {
    Guard::new(date(2026, 11, 22), Vec::new()).unwrap()
}

fn write(path: &Path, batches: &[RecordBatch], properties: WriterProperties) {
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn strings(rows: std::ops::Range<usize>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.map(|row| format!("{:011}", number(row)))))
}

/// Answers each identifier with itself, behind a 1.
fn answers(block: &GroupBlock, columns: &[IdColumn]) -> Answers {
    let of = |column: usize| {
        let Asked { values, rows } = block.asked(column);
        let id =
            |number: u64| if number < 100_000_000_000 { 100_000_000_000_000 + number } else { 0 };
        let ids: Vec<u64> = match values {
            Values::Ascii(bytes) => bytes
                .chunks(11)
                .map(|digits| id(std::str::from_utf8(digits).unwrap().parse().unwrap()))
                .collect(),
            Values::Integers(numbers) => numbers.into_iter().map(id).collect(),
            Values::Text(texts) => texts.iter().map(|text| text.parse().map_or(0, id)).collect(),
        };
        let mut all = vec![0; block.rows()];
        let rows = rows.unwrap_or_else(|| (0..).take(ids.len()).collect());
        rows.iter().zip(ids).for_each(|(row, id)| all[*row as usize] = id);
        all
    };
    Answers { ids: (0..columns.len()).map(of).collect(), left_out: Vec::new() }
}

fn open(directory: &Path, columns: &[IdColumn], guard: &mut Guard) -> Result<GroupReader, Error> {
    let input = directory.join("in.parquet");
    let columns = (columns.to_vec(), Vec::new());
    GroupReader::open(File::open(&input).unwrap(), &input, columns, 100, guard)
}

/// Sends `in.parquet` through, to `out.parquet`.
fn replace(directory: &Path, columns: &[IdColumn]) -> Result<Guard, Error> {
    let mut guard = guard();
    let mut reader = open(directory, columns, &mut guard)?;
    let output = directory.join("out.parquet");
    let mut writer = GroupWriter::create(&output, Existing::Keep, &reader)?;
    loop {
        let block = reader.read(&mut guard)?;
        if block.rows() == 0 {
            writer.finish(&block)?;
            writer.publish()?;
            return Ok(guard);
        }
        writer.write(&block, &answers(&block, columns))?;
    }
}

fn read(directory: &Path) -> (Vec<RecordBatch>, ParquetMetaData) {
    let file = File::open(directory.join("out.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = builder.metadata().as_ref().clone();
    (builder.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect(), metadata)
}

fn ids(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter().collect()
}

fn id(row: usize) -> Option<i64> {
    Some(ID_OF_ZERO + i64::try_from(number(row)).unwrap())
}

#[test]
fn identifiers_of_every_type_become_the_same_ids() {
    let numbers: Vec<u64> = (0..250).map(number).collect();
    let texts: Vec<String> = numbers.iter().map(|number| format!("{number:011}")).collect();
    let signed = || numbers.iter().map(|number| i64::try_from(*number).unwrap());
    let text = || texts.iter().map(String::as_str);
    let decimal = |scale: i8| {
        let unit = 10_i128.pow(u32::try_from(scale).unwrap());
        let values = Decimal128Array::from_iter_values(signed().map(|n| i128::from(n) * unit));
        values.with_precision_and_scale(20, scale).unwrap()
    };
    let arrays: Vec<ArrayRef> = vec![
        strings(0..250),
        Arc::new(LargeStringArray::from_iter_values(text())),
        Arc::new(StringViewArray::from_iter_values(text())),
        Arc::new(BinaryArray::from_iter_values(text())),
        Arc::new(text().collect::<DictionaryArray<Int32Type>>()),
        Arc::new(Int64Array::from_iter_values(signed())),
        Arc::new(UInt64Array::from(numbers.clone())),
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        Arc::new(Float64Array::from_iter_values(numbers.iter().map(|number| *number as f64))),
        Arc::new(decimal(0)),
        Arc::new(decimal(2)),
    ];
    for array in arrays {
        let kind = array.data_type().clone();
        let directory = tempfile::tempdir().unwrap();
        write(&directory.path().join("in.parquet"), &[batch(vec![("fnr", array)])], plain());
        replace(directory.path(), &fnr()).unwrap();
        let (batches, _) = read(directory.path());
        assert_eq!(batches[0].schema().field(0).data_type(), &DataType::Int64);
        assert!(ids(&batches[0], "npr_id") == (0..250).map(id).collect::<Vec<_>>(), "{kind}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "{kind}");
    }
}

#[test]
fn numbers_that_are_no_identifiers_and_nulls_have_no_id() {
    let directory = tempfile::tempdir().unwrap();
    let doubles = [Some(1_810_012_345.0), Some(0.5), Some(-1.0), Some(f64::NAN), Some(1e300), None];
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("fnr", Arc::new(Float64Array::from(doubles.to_vec()))),
        (
            "mor",
            Arc::new(Int64Array::from(vec![Some(-1), None, Some(1_810_012_345), None, None, None])),
        ),
        ("far", Arc::new(StringArray::from(vec![None::<&str>; 6]))),
    ];
    write(&directory.path().join("in.parquet"), &[batch(arrays)], plain());
    let columns = vec![
        column("fnr", "npr_id", Presence::Required),
        column("mor", "mor_id", Presence::Optional),
        column("far", "far_id", Presence::Optional),
    ];
    replace(directory.path(), &columns).unwrap();
    let (batches, _) = read(directory.path());
    let one = Some(100_001_810_012_345);
    assert_eq!(ids(&batches[0], "npr_id"), [one, None, None, None, None, None]);
    assert_eq!(ids(&batches[0], "mor_id"), [None, None, one, None, None, None]);
    assert_eq!(ids(&batches[0], "far_id"), [None; 6]);
}

/// Columns of many types, nested ones among them.
fn others(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let mut list = ListBuilder::new(StringBuilder::new());
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..rows {
        for item in 0..row % 3 {
            list.values().append_value(format!("A{item}"));
            map.keys().append_value(format!("k{item}"));
            map.values().append_option((item == 0).then_some("v"));
        }
        list.append(row % 5 != 0);
        map.append(true).unwrap();
    }
    let field = |name: &str, kind| Arc::new(Field::new(name, kind, true));
    let names: ArrayRef = Arc::new(StringArray::from_iter(
        (0..rows).map(|row| (row % 2 == 0).then(|| format!("n{row}"))),
    ));
    let inner = StructArray::from(vec![
        (field("name", DataType::Utf8), names),
        (
            field("list", list.finish_cloned().data_type().clone()),
            Arc::new(list.finish()) as ArrayRef,
        ),
    ]);
    let count = i32::try_from(rows).unwrap();
    let times = (0..i64::from(count)).map(|row| row * 1_000_003);
    let amounts = Decimal128Array::from_iter_values((0..count).map(i128::from));
    vec![
        ("nested", Arc::new(inner)),
        ("map", Arc::new(map.finish())),
        ("flag", Arc::new(BooleanArray::from_iter((0..rows).map(|row| Some(row % 2 == 0))))),
        ("day", Arc::new(Date32Array::from_iter_values(0..count))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("amount", Arc::new(amounts.with_precision_and_scale(9, 2).unwrap())),
        (
            "ward",
            Arc::new(
                (0..rows).map(|row| ["a", "b"][row % 2]).collect::<DictionaryArray<Int32Type>>(),
            ),
        ),
        ("count", Arc::new(Int32Array::from_iter_values(0..count))),
    ]
}

#[test]
fn other_columns_keep_their_types_and_values() {
    let directory = tempfile::tempdir().unwrap();
    let mut columns = others(500);
    columns.insert(3, ("fnr", strings(0..500)));
    let input = batch(columns);
    write(&directory.path().join("in.parquet"), std::slice::from_ref(&input), plain());
    replace(directory.path(), &fnr()).unwrap();
    let (batches, metadata) = read(directory.path());
    let output = &batches[0];
    assert_eq!(output.num_columns(), input.num_columns());
    for (place, field) in input.schema().fields().iter().enumerate() {
        let name = if place == 3 { "npr_id" } else { field.name() };
        assert_eq!(output.schema().field(place).name(), name);
        if place != 3 {
            assert_eq!(output.schema().field(place).data_type(), field.data_type());
            assert!(output.column(place) == input.column(place), "{name} has other values");
        }
    }
    let text = format!("{:?}", metadata.file_metadata().schema());
    assert!(text.contains("npr_id") && !text.contains("\"fnr\""));
}

#[test]
fn row_groups_compression_order_and_metadata_are_kept_but_for_what_is_stale() {
    let directory = tempfile::tempdir().unwrap();
    let batches: Vec<RecordBatch> = [(0..300), (300..350), (350..600)]
        .map(|rows| {
            batch(vec![
                (
                    "n",
                    Arc::new(Int32Array::from_iter_values(0..i32::try_from(rows.len()).unwrap())),
                ),
                ("fnr", strings(rows)),
            ])
        })
        .into();
    let pandas = r#"{"columns":[{"field_name":"fnr","name":"fnr","pandas_type":"unicode"},
        {"field_name":"n","name":"n","pandas_type":"int32"}],"index_columns":["fnr"]}"#;
    let pairs = [
        ("owner", "HF"),
        ("pandas", pandas),
        ("org.apache.spark.sql.parquet.row.metadata", r#"{"fields":[{"name":"fnr"}]}"#),
    ];
    let pairs = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    let order = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(pairs.to_vec()))
        .set_sorting_columns(Some(vec![order(0), order(1)]))
        .build();
    write(&directory.path().join("in.parquet"), &batches, properties);
    replace(directory.path(), &fnr()).unwrap();
    let (_, metadata) = read(directory.path());
    let rows: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [300, 50, 250]);
    for group in metadata.row_groups() {
        assert_eq!(group.sorting_columns(), Some(&vec![order(0)]));
        let is_zstd = |compression| matches!(compression, Compression::ZSTD(_));
        assert!(group.columns().iter().all(|column| is_zstd(column.compression())));
    }
    let value = |key: &str| {
        let mut pairs = metadata.file_metadata().key_value_metadata().unwrap().iter();
        pairs.find(|pair| pair.key == key).and_then(|pair| pair.value.clone())
    };
    assert_eq!(value("owner").as_deref(), Some("HF"));
    assert_eq!(value("org.apache.spark.sql.parquet.row.metadata"), None);
    let pandas: serde_json::Value = serde_json::from_str(&value("pandas").unwrap()).unwrap();
    assert_eq!(pandas["columns"][0]["field_name"], "npr_id");
    assert_eq!(pandas["columns"][0]["pandas_type"], "int64");
    assert_eq!(pandas["columns"][1]["pandas_type"], "int32");
    assert_eq!(pandas["index_columns"][0], "npr_id");
}

#[test]
fn rows_that_are_left_out_are_not_in_the_output() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("in.parquet"), &[batch(vec![("fnr", strings(0..10))])], plain());
    let mut guard = guard();
    let mut reader = open(directory.path(), &fnr(), &mut guard).unwrap();
    let output = directory.path().join("out.parquet");
    let mut writer = GroupWriter::create(&output, Existing::Keep, &reader).unwrap();
    let block = reader.read(&mut guard).unwrap();
    let mut answers = answers(&block, &fnr());
    answers.left_out = vec![0, 3, 4, 9];
    writer.write(&block, &answers).unwrap();
    writer.finish(&reader.read(&mut guard).unwrap()).unwrap();
    writer.publish().unwrap();
    let (batches, _) = read(directory.path());
    assert_eq!(ids(&batches[0], "npr_id"), [1, 2, 5, 6, 7, 8].map(id));
}

#[test]
fn a_file_without_rows_stays_one() {
    let directory = tempfile::tempdir().unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("fnr", DataType::Utf8, true)]));
    let empty = RecordBatch::new_empty(schema);
    write(&directory.path().join("in.parquet"), &[empty], plain());
    replace(directory.path(), &fnr()).unwrap();
    let (batches, metadata) = read(directory.path());
    assert!(batches.is_empty());
    assert_eq!(metadata.file_metadata().schema().get_fields()[0].name(), "npr_id");
}

#[test]
fn the_guard_sees_into_every_column() {
    let found = "ring 41814061033";
    let mut list = ListBuilder::new(StringBuilder::new());
    list.values().append_value(found);
    list.append(true);
    let field = |name: &str, kind: &DataType| Arc::new(Field::new(name, kind.clone(), true));
    let list: ArrayRef = Arc::new(list.finish());
    let nested = StructArray::from(vec![(field("notes", list.data_type()), list)]);
    let columns: Vec<(&str, &str, ArrayRef)> = vec![
        ("note", "note", Arc::new(StringArray::from(vec![found]))),
        ("note", "note", Arc::new(vec![found].into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("note", "note.notes", Arc::new(nested)),
        ("note", "note", Arc::new(Int64Array::from(vec![41_814_061_033]))),
        ("note", "note", Arc::new(Float64Array::from(vec![41_814_061_033.0]))),
        (
            "note",
            "note",
            Arc::new(
                Decimal128Array::from(vec![41_814_061_033])
                    .with_precision_and_scale(11, 0)
                    .unwrap(),
            ),
        ),
    ];
    for (name, path, array) in columns {
        let directory = tempfile::tempdir().unwrap();
        // Other leaves before and behind it, so that the right one is named.
        let mut all = others(1);
        all.insert(0, ("fnr", strings(0..1)));
        all.insert(3, (name, array));
        write(&directory.path().join("in.parquet"), &[batch(all)], plain());
        let findings = replace(directory.path(), &fnr()).unwrap().findings();
        let found: Vec<(&str, Kind)> =
            findings.iter().map(|finding| (finding.column.as_str(), finding.kind)).collect();
        assert_eq!(found, [(path, Kind::Dnr)]);
    }
}
