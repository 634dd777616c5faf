//! Columns of names and addresses: sent beside the identifiers, and not in the output.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use super::*;

const WORDS: [&str; 6] =
    ["--id-column", "fnr", "--name-column", "navn", "--address-column", "adresse"];

impl Bench {
    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn names_and_addresses_are_sent_and_their_columns_are_gone_wherever_they_stand() {
    for (input, output) in [
        (
            "navn;fnr;x;adresse\nKari;01810012345;1;Vei 1\nOla;01810012346;2;\n",
            "npr_id;x\n100001810012345;1\n100001810012346;2\n",
        ),
        (
            "fnr;navn;adresse;x\n01810012345;Kari;Vei 1;1\n01810012346;Ola;;2\n",
            "npr_id;x\n100001810012345;1\n100001810012346;2\n",
        ),
        (
            "x;adresse;navn;fnr\r\n1;Vei 1;Kari;01810012345\r\n2;;Ola;01810012346",
            "x;npr_id\r\n1;100001810012345\r\n2;100001810012346",
        ),
        (
            "x;fnr;adresse;navn\n1;01810012345;\"Vei 1\";\"Kari\"\n2;01810012346;;Ola\n",
            "x;npr_id\n1;100001810012345\n2;100001810012346\n",
        ),
    ] {
        let bench = Bench::new(input.as_bytes());
        bench.run(&WORDS, Fault::None).unwrap();
        assert_eq!(bench.output(), output, "{input}");
        assert_eq!(bench.told(), [(texts(&["Kari", "Ola"]), texts(&["Vei 1", ""]))], "{input}");
    }
}

#[test]
fn quotes_line_ends_and_letters_come_as_they_are_meant() {
    let input = "fnr,navn,adresse\n01810012345,\"K\u{e5}re \"\"K\"\" \u{d8}\",\"Vei 1\n0001 By\"\n";
    let latin: Vec<u8> = input.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
    for (bytes, encoding) in [(input.as_bytes(), "utf-8"), (&latin, "iso-8859-1")] {
        let bench = Bench::new(bytes);
        bench.run(&[&WORDS[..], &["--encoding", encoding]].concat(), Fault::None).unwrap();
        assert_eq!(bench.output(), "npr_id\n100001810012345\n");
        let told = (texts(&["K\u{e5}re \"K\" \u{d8}"]), texts(&["Vei 1\n0001 By"]));
        assert_eq!(bench.told(), [told]);
    }
}

#[test]
fn one_column_alone_is_sent_alone_and_empty_identifiers_take_theirs_with_them() {
    let bench = Bench::new(b"fnr,navn,adresse\n01810012345,Kari,x\n,Ola,y\n01810012346,Per,z\n");
    let words = ["--optional-id-column", "fnr", "--name-column", "navn"];
    bench.run(&words, Fault::None).unwrap();
    assert_eq!(bench.output(), "npr_id,adresse\n100001810012345,x\n,y\n100001810012346,z\n");
    assert_eq!(bench.told(), [(texts(&["Kari", "Per"]), Vec::new())]);
}

#[test]
fn what_the_server_would_refuse_is_told_by_row_and_never_by_its_value() {
    let long = "Lang".repeat(100);
    let input = format!("fnr,navn,adresse\n01810012345,Kari,x\n01810012346,{long},y\n");
    let error = refused(input.as_bytes(), &WORDS, Fault::None);
    assert_eq!(error.exit(), Exit::Input);
    assert!(error.to_string().contains("row 2: a name is"), "{error}");
    assert!(!error.to_string().contains("Lang"));
}

#[test]
fn the_guard_looks_at_the_other_columns_still() {
    let input = b"fnr,navn,adresse,x\n01810012345,Kari,Vei 1,01810012345\n";
    let error = refused(input, &WORDS, Fault::None);
    assert_eq!(error.exit(), Exit::Verification, "{error}");
}

#[test]
fn options_that_do_not_fit_are_refused_before_anything_is_sent() {
    let input = b"fnr,mor,navn,adresse\n01810012345,01810012346,Kari,Vei 1\n";
    for (words, part) in [
        (&["--id-column", "mor::m"][..], "whose"),
        (&["--mode", "resolve"], "ingest of now"),
        (&["--purpose", "historical-import"], "ingest of now"),
    ] {
        let error = refused(input, &[&WORDS[..], words].concat(), Fault::None);
        assert_eq!(error.exit(), Exit::Usage, "{words:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
    for twice in [
        ["--id-column", "fnr", "--name-column", "fnr"],
        ["--id-column", "navn", "--name-column", "navn"],
    ] {
        let error = refused(input, &twice, Fault::None);
        assert!(error.to_string().contains("given twice"), "{error}");
    }
}

/// Goal: the same rows say the same out of CSV and out of Parquet, in batches that the server takes.
#[test]
fn a_parquet_file_says_what_the_csv_file_of_the_same_rows_says() {
    let rows: Vec<[String; 3]> = (0..5000)
        .map(|row| [format!("{:011}", 1_810_000_000 + row * 10), format!("N{row}"), String::new()])
        .collect();
    let lines = rows.iter().map(|row| row.join(",") + "\n");
    let csv = Bench::new(
        ["fnr,navn,adresse\n".to_owned()].into_iter().chain(lines).collect::<String>().as_bytes(),
    );
    let column = |at: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[at])))
    };
    let columns = [("fnr", column(0)), ("navn", column(1)), ("adresse", column(2))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let parquet = Bench::named("in.parquet", &file);
    for bench in [&csv, &parquet] {
        bench.run(&[&WORDS[..], &["--batch-rows", "4096"]].concat(), Fault::None).unwrap();
    }
    let said = |bench: &Bench| {
        let told = bench.told();
        assert!(told.iter().all(|(names, _)| names.len() <= 1000), "what the server takes");
        let (names, addresses): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        (names.concat(), addresses.concat())
    };
    let told = said(&parquet);
    assert_eq!((told.0.len(), &*told.0[4999]), (5000, "N4999"));
    assert_eq!(told, said(&csv));
}
