//! Columns of names and addresses: read, and in no output.

use serde_json::json;

use super::*;
use crate::files::{ContactColumn, ContactKind};

const NAMES: [Option<&str>; 3] = [Some("K\u{e5}re \u{d8}"), None, Some("")];

fn contacts() -> Vec<ContactColumn> {
    let column = |name: &str, kind| ContactColumn { name: name.to_owned(), kind };
    vec![column("navn", ContactKind::Name), column("adresse", ContactKind::Address)]
}

fn open_with(directory: &Path, guard: &mut Guard) -> Result<GroupReader, Error> {
    let input = directory.join("in.parquet");
    let columns = (fnr(), contacts());
    GroupReader::open(File::open(&input).unwrap(), &input, columns, 100, guard)
}

/// What the first block says, and the output; the file has one block.
fn sent(directory: &Path) -> Vec<(ContactKind, Vec<String>)> {
    let mut guard = guard();
    let mut reader = open_with(directory, &mut guard).unwrap();
    let output = directory.join("out.parquet");
    let mut writer = GroupWriter::create(&output, Existing::Replace, &reader).unwrap();
    let block = reader.read(&mut guard).unwrap();
    let told = block.contacts().into_iter();
    let told = told.map(|one| (one.kind, one.texts.iter().map(|text| text.to_string()).collect()));
    let told = told.collect();
    writer.write(&block, &answers(&block, &fnr())).unwrap();
    let last = reader.read(&mut guard).unwrap();
    assert_eq!(last.rows(), 0);
    writer.finish(&last).unwrap();
    writer.publish().unwrap();
    guard.verdict().unwrap();
    told
}

fn names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn texts_of_every_type_are_read_and_their_columns_are_gone_wherever_they_stand() {
    let keys: DictionaryArray<Int32Type> = NAMES.into_iter().collect();
    let types: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter(NAMES)),
        Arc::new(LargeStringArray::from_iter(NAMES)),
        Arc::new(StringViewArray::from_iter(NAMES)),
        Arc::new(keys),
    ];
    for array in types {
        let address: ArrayRef = Arc::new(StringArray::from(vec!["Vei 1", "Vei 2\n0001 By", ""]));
        let kept: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
        let inner: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        let field = Arc::new(Field::new("a", DataType::Int32, true));
        let nested: ArrayRef = Arc::new(StructArray::from(vec![(field, inner)]));
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 3, 0, 4, 2]] {
            let columns = [
                ("navn", Arc::clone(&array)),
                ("fnr", strings(0..3)),
                ("adresse", Arc::clone(&address)),
                ("x", Arc::clone(&kept)),
                ("nested", Arc::clone(&nested)),
            ];
            let columns: Vec<(&str, ArrayRef)> =
                order.iter().map(|place| columns[*place].clone()).collect();
            let directory = tempfile::tempdir().unwrap();
            let input = directory.path().join("in.parquet");
            write(&input, &[batch(columns.clone())], plain());
            let texts = |list: [&str; 3]| list.map(str::to_owned).to_vec();
            let told = [
                (ContactKind::Name, texts(["K\u{e5}re \u{d8}", "", ""])),
                (ContactKind::Address, texts(["Vei 1", "Vei 2\n0001 By", ""])),
            ];
            assert_eq!(sent(directory.path()), told, "{:?}", array.data_type());
            let (batches, _) = read(directory.path());
            let left = columns.iter().filter(|(name, _)| !["navn", "adresse"].contains(name));
            let left: Vec<&str> =
                left.map(|(name, _)| if *name == "fnr" { "npr_id" } else { name }).collect();
            assert_eq!(names(&batches[0]), left);
            let x = batches[0].column_by_name("x").unwrap();
            assert_eq!(x.as_primitive::<Int64Type>().values(), &[7, 8, 9]);
            let bytes = std::fs::read(directory.path().join("out.parquet")).unwrap();
            assert!(!bytes.windows(4).any(|four| four == b"navn"), "not even its name");
        }
    }
}

/// Goal: what a file says of its columns holds for the output: pandas' list, other metadata, the order.
#[test]
fn what_speaks_of_a_column_that_is_left_out_is_left_out_too() {
    let directory = tempfile::tempdir().unwrap();
    let entry = |name: &str| json!({"name": name, "field_name": name, "pandas_type": "unicode"});
    let pandas = json!({
        "index_columns": ["navn", "x"],
        "columns": [entry("navn"), entry("fnr"), entry("adresse"), entry("x")],
    });
    let pair = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let pairs = vec![
        pair("pandas", &pandas.to_string()),
        pair("schema", r#"{"fields":["navn"]}"#),
        pair("owner", "HF"),
    ];
    let by = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(pairs))
        .set_sorting_columns(Some(vec![by(3), by(0), by(3)]))
        .build();
    let text = || -> ArrayRef { Arc::new(StringArray::from(vec!["a", "b"])) };
    let x: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let columns = vec![("navn", text()), ("fnr", strings(0..2)), ("adresse", text()), ("x", x)];
    write(&directory.path().join("in.parquet"), &[batch(columns)], properties);
    sent(directory.path());
    let (batches, metadata) = read(directory.path());
    assert_eq!(names(&batches[0]), ["npr_id", "x"]);
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key)?.value.clone();
    let pandas: serde_json::Value = serde_json::from_str(&value("pandas").unwrap()).unwrap();
    assert_eq!(pandas["index_columns"], json!(["x"]));
    let listed = pandas["columns"].as_array().unwrap().iter().map(|one| one["field_name"].clone());
    assert_eq!(listed.collect::<Vec<_>>(), [json!("npr_id"), json!("x")]);
    assert_eq!((value("schema"), value("owner").as_deref()), (None, Some("HF")));
    let sorted = metadata.row_group(0).sorting_columns().unwrap();
    assert_eq!(sorted, &vec![by(1)], "by its place in the output, up to the first that is gone");
}

#[test]
fn a_column_that_holds_no_text_is_refused_and_one_without_a_type_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in.parquet");
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let null: ArrayRef = Arc::new(arrow_array::NullArray::new(1));
    let file = |name: &ArrayRef| {
        let (name, address) = (Arc::clone(name), Arc::clone(&null));
        let columns = [("fnr", strings(0..1)), ("navn", name), ("adresse", address)];
        let columns = columns.map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        write(&input, &[batch], plain());
    };
    file(&number);
    let refused = open_with(directory.path(), &mut guard()).err().unwrap().to_string();
    assert!(refused.contains("column navn is of type Int64, which holds no names"), "{refused}");
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    file(&text);
    assert_eq!(sent(directory.path())[1].1, [""]);
    write(&input, &[batch(vec![("fnr", strings(0..1))])], plain());
    let refused = open_with(directory.path(), &mut guard()).err().unwrap().to_string();
    assert!(refused.contains("navn"), "{refused}");
}
