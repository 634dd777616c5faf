//! Inputs that are right, to begin with: the files of the repository and its test vectors.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

/// A seed of a target whose first byte says which parser gets it.
macro_rules! seed {
    ($which:literal, $file:literal) => {
        with($which, include_bytes!(concat!("../../", $file)))
    };
}

/// The seeds of a target.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "configuration" => vec![
            seed!(0, "hvelv.toml"),
            seed!(1, "registers.toml"),
            seed!(2, "access.toml"),
            seed!(3, "decisions.toml"),
            seed!(4, "organisations.toml"),
            seed!(5, "examples/disclosure/research.toml"),
            seed!(6, "keys/policy.toml"),
        ],
        "csv" => vec![
            b"id,name\n21842198726,a\n\"2184\",\"b\"\"\"\n".to_vec(),
            b"\xef\xbb\xbfid;x\r\n1;2\r\n".to_vec(),
            b"\"id\"\tx\n1\t2\n".to_vec(),
        ],
        "identifiers" => identifiers(),
        "key_file" => vec![
            include_bytes!("../vectors/keyfile_v1.toml").to_vec(),
            include_bytes!("../vectors/keyfile_v2.toml").to_vec(),
        ],
        "messages" => messages(),
        "notes" => notes(),
        "packed" => vec![identifiers().concat()],
        "parquet" => vec![parquet()],
        "records" => records(),
        _ => Vec::new(),
    }
}

fn with(which: u8, rest: &[u8]) -> Vec<u8> {
    let mut input = vec![which];
    input.extend_from_slice(rest);
    input
}

/// Numbers of the committed table: its first column with digits alone.
fn identifiers() -> Vec<Vec<u8>> {
    let table = include_str!("../vectors/identifiers.tsv");
    let digits = |cell: &&str| cell.len() >= 11 && cell.bytes().all(|byte| byte.is_ascii_digit());
    table
        .lines()
        .filter_map(|line| line.split('\t').find(digits))
        .take(100)
        .map(|number| number.as_bytes().to_vec())
        .collect()
}

/// Strings, numbers and parts of messages, for each kind of request.
fn messages() -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 4] = [
        b"",
        b"\x0a\x03NPR\x12\x02HF\x18\x01",
        b"\x0a\x0d\x0a\x0b21842198726",
        b"\x12\x08\x0a\x06\x08\x01\x10\x02\x18\x03",
    ];
    let count = u8::try_from(super::targets::messages::names().len()).unwrap();
    (0..count).flat_map(|which| bodies.map(|body| with(which, body))).collect()
}

fn notes() -> Vec<Vec<u8>> {
    let text = include_str!("../vectors/audit-notes.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut notes = vec![
        seed!(4, "tests/vectors/backup_manifest_v1.note"),
        seed!(5, "tests/vectors/extract_manifest_v1.note"),
        seed!(6, "tests/vectors/audit-export-v1.jsonl"),
    ];
    let mut todo = vec![&vectors];
    while let Some(value) = todo.pop() {
        match value {
            serde_json::Value::String(text) => {
                notes.extend([0, 1, 2, 3, 7, 8].map(|which| with(which, text.as_bytes())));
            }
            serde_json::Value::Array(parts) => todo.extend(parts),
            serde_json::Value::Object(parts) => todo.extend(parts.values()),
            _ => {}
        }
    }
    notes
}

fn records() -> Vec<Vec<u8>> {
    let entries = include_str!("../vectors/audit-entries-v1.jsonl");
    let mut records: Vec<_> = entries.lines().map(|line| with(0, line.as_bytes())).collect();
    records.push(with(1, &[&[1][..], &[7; 16], b"{\"action\":\"x\"}"].concat()));
    for kind in 0..=0x7f {
        records.push(with(2, &[&[kind][..], &[0; 24]].concat()));
    }
    records.push(with(3, &[1; 21]));
    for which in 4..9 {
        records.push(with(which, &[0; 32]));
    }
    records.extend([
        seed!(5, "tests/vectors/application_v1.json"),
        seed!(6, "tests/vectors/disclosure_v1.json"),
        seed!(7, "tests/vectors/order_v1.json"),
        seed!(8, "tests/vectors/case_v1.json"),
    ]);
    records
}

fn parquet() -> Vec<u8> {
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["21842198726", "21842198726"]));
    let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("n", counts)]).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}
