//! Parquet files that cannot be used.

use super::*;
use crate::files::ErrorKind;

/// What is said of a file, and that nothing is left of the output.
fn refused(directory: &Path, columns: &[IdColumn]) -> Error {
    let error = replace(directory, columns).err().expect("it is refused");
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 1, "something was left behind");
    let said = format!("{error} {:?}", error.advice());
    assert!(!said.contains("1810000"), "{said}");
    error
}

fn good() -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.parquet");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let batches = [(0..1000), (1000..2000)].map(|rows| batch(vec![("fnr", strings(rows))]));
    write(&path, &batches, properties);
    let bytes = std::fs::read(&path).unwrap();
    (directory, bytes)
}

#[test]
fn a_file_that_is_no_parquet_or_cut_off_is_refused() {
    let (directory, bytes) = good();
    let path = directory.path().join("in.parquet");
    let whole = bytes.len();
    for wrong in [
        b"fnr,x\n01810012345,1\n".as_slice(),
        b"",
        b"PAR1",
        &bytes[..whole - 1],
        &bytes[..whole / 2],
        &bytes[..100],
        &bytes[1..],
    ] {
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(refused(directory.path(), &fnr()).kind(), ErrorKind::Input);
    }
}

/// The first row group is whole, and the second is not: what was written of the first goes too.
#[test]
fn a_damaged_page_is_refused_by_its_row_group_and_nothing_is_left() {
    let (directory, bytes) = good();
    let metadata = {
        let file = File::open(directory.path().join("in.parquet")).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().clone()
    };
    let column = metadata.row_group(1).column(0);
    let start = usize::try_from(column.dictionary_page_offset().unwrap()).unwrap();
    let length = usize::try_from(column.compressed_size()).unwrap();
    for (from, to) in
        [(start, start + 8), (start + 20, start + 60), (start + length / 2, start + length)]
    {
        let mut damaged = bytes.clone();
        damaged[from..to].fill(0xff);
        std::fs::write(directory.path().join("in.parquet"), damaged).unwrap();
        let error = refused(directory.path(), &fnr());
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("row group 2"), "{error}");
    }
}

#[test]
fn columns_that_hold_no_identifiers_are_refused_by_name_and_type() {
    let directory = tempfile::tempdir().unwrap();
    let mut columns = others(3);
    columns.push(("fnr", Arc::new(Int32Array::from(vec![1, 2, 3]))));
    write(&directory.path().join("in.parquet"), &[batch(columns)], plain());
    let error = refused(directory.path(), &fnr());
    assert_eq!(error.to_string(), "column fnr is of type Int32, which holds no identifiers");
    let nested = [column("nested", "npr_id", Presence::Required)];
    assert!(refused(directory.path(), &nested).to_string().contains("is of type Struct"));
    let missing = refused(directory.path(), &[column("pnr", "npr_id", Presence::Required)]);
    assert_eq!(missing.to_string(), "there is no column pnr");
    assert!(missing.advice()[0].contains("nested, map, flag"));
    let taken = [column("ward", "count", Presence::Required)];
    assert!(refused(directory.path(), &taken).to_string().contains("a column count already"));
}

#[test]
fn metadata_with_an_identifier_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let pair = KeyValue::new("comment".to_owned(), "about 41814061033".to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
    write(&directory.path().join("in.parquet"), &[batch(vec![("fnr", strings(0..1))])], properties);
    let error = refused(directory.path(), &fnr());
    assert_eq!(error.kind(), ErrorKind::Found);
    assert!(!error.to_string().contains("4181"), "{error}");
}

/// Goal: damage anywhere, the footer included, is an error or unnoticed, and never a panic. Method:
/// one byte after the other is inverted, all over the file.
#[test]
fn an_inverted_byte_is_no_panic_wherever_it_is() {
    let (directory, bytes) = good();
    let path = directory.path().join("in.parquet");
    let footer = bytes.len() - 600..bytes.len();
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(101).chain(footer) {
        let mut damaged = bytes.clone();
        damaged[at] = !damaged[at];
        std::fs::write(&path, damaged).unwrap();
        match replace(directory.path(), &fnr()) {
            Ok(_) => std::fs::remove_file(directory.path().join("out.parquet")).unwrap(),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains("1810000"), "{error}");
            }
        }
    }
    assert!(refused > 100, "damage was noticed {refused} times only");
}

#[test]
fn text_that_is_not_utf_8_is_refused_by_its_row_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.parquet");
    let text: ArrayRef = Arc::new(StringArray::from(vec!["Tromsoe", "Bodoe"]));
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    write(&path, &[batch(vec![("fnr", strings(0..2)), ("town", text)])], properties);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(7).position(|window| window == b"Tromsoe").unwrap();
    bytes[at + 5] = 0xf8;
    std::fs::write(&path, bytes).unwrap();
    let error = refused(directory.path(), &fnr());
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().starts_with("row group 1"), "{error}");
}
