//! `hvelv pseudonymize` over files of every kind: Parquet, several columns, many files, pipes, the
//! guard, and going on after a kill.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::harness::{
    InProcessServer, Installation, PROGRAM, Ran, Running, audit_entries, digits, hvelv, people,
    run, until,
};

const INPUT: i32 = 6;
const FOUND: i32 = 7;

/// The arguments that everybody gives, and the names of the files.
fn words(installation: &Installation, server: &InProcessServer, more: &[&str]) -> Vec<String> {
    let connect = installation.connect_file(server.address, "sender");
    let all = ["pseudonymize", "--register", "NPR", "--source", "HF", "--period", "2025"];
    let mut words: Vec<String> = all.map(str::to_owned).to_vec();
    words.extend(["--connect".to_owned(), connect.display().to_string()]);
    words.extend(more.iter().map(|word| match word.strip_prefix('@') {
        Some(name) => installation.path(name).display().to_string(),
        None => (*word).to_owned(),
    }));
    words
}

/// Runs the command; `block_in_place` lets the server in this process go on. A word that begins with
/// `@` is a file of the installation.
fn send(installation: &Installation, server: &InProcessServer, more: &[&str]) -> Ran {
    let words = words(installation, server, more);
    tokio::task::block_in_place(|| hvelv(&words))
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    for at in (0..batch.num_rows()).step_by(5000) {
        writer.write(&batch.slice(at, 5000.min(batch.num_rows() - at))).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
}

fn read_parquet(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut batches = builder.with_batch_size(1 << 20).build().unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

fn texts(numbers: &[u64]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(numbers.iter().map(|number| digits(*number))))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("out"));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_file_has_the_ids_that_csv_has() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(3000);
    let csv: String = numbers.iter().fold("fnr\n".to_owned(), |mut text, number| {
        writeln!(text, "{}", digits(*number)).unwrap();
        text
    });
    fs::write(installation.path("in.csv"), csv).unwrap();
    send(&installation, &server, &["--id-column", "fnr", "@in.csv", "@out.csv"]).well();
    let csv = fs::read_to_string(installation.path("out.csv")).unwrap();
    let expected: Vec<i64> = csv.lines().skip(1).map(|line| line.parse().unwrap()).collect();

    let signed = numbers.iter().map(|number| i64::try_from(*number).unwrap());
    for (name, array) in [
        ("text.parquet", texts(&numbers)),
        ("number.parquet", Arc::new(Int64Array::from_iter_values(signed)) as ArrayRef),
    ] {
        let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3000));
        write_parquet(&installation.path(name), vec![("row", rows), ("fnr", array)]);
        let (input, output) = (format!("@{name}"), format!("@out-{name}"));
        let ran = send(&installation, &server, &["--id-column", "fnr", "--json", &input, &output]);
        let events: Vec<serde_json::Value> =
            ran.well().out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0]["event"], "begun");
        assert_eq!(events.last().unwrap()["event"], "done");
        assert_eq!(events.last().unwrap()["rows"], 3000);
        let batch = read_parquet(&installation.path(&format!("out-{name}")));
        let column = batch.column_by_name("npr_id").unwrap().as_primitive::<Int64Type>();
        assert!(column.values().as_ref() == expected.as_slice(), "{name}");
        assert_eq!(batch.schema().field(0).name(), "row");
    }
    server.stop().await;
}

/// The column is text in one file, and a number in the next: the IDs are the same, and where it can
/// hold no identifier the file is refused by name and type.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_whose_type_changes_from_file_to_file_has_the_same_ids() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(50);
    let signed: Vec<i64> = numbers.iter().map(|number| i64::try_from(*number).unwrap()).collect();
    let doubles = signed.iter().map(|number| number.to_string().parse().unwrap());
    let arrays: [ArrayRef; 4] = [
        texts(&numbers),
        Arc::new(Int64Array::from(signed.clone())),
        Arc::new(Float64Array::from_iter_values(doubles)),
        Arc::new(Int32Array::from(vec![1; 50])),
    ];
    for (name, array) in ["a", "b", "c", "d"].into_iter().zip(arrays) {
        write_parquet(&installation.path(&format!("{name}.parquet")), vec![("fnr", array)]);
    }
    let files = ["@a.parquet", "@b.parquet", "@c.parquet", "@d.parquet"];
    let options = ["--id-column", "fnr", "--out-dir", "@out"];
    let ran = send(&installation, &server, &[&options[..], &files].concat());
    ran.ended(INPUT, "d.parquet: column fnr is of type Int32, which holds no identifiers");
    let ids = |name: &str| {
        let batch = read_parquet(&installation.path("out").join(name));
        batch.column_by_name("npr_id").unwrap().as_primitive::<Int64Type>().clone()
    };
    let expected = ids("a.parquet");
    assert!(expected.values().iter().all(|id| *id > 0));
    assert!(ids("b.parquet") == expected && ids("c.parquet") == expected);
    assert!(!installation.path("out").join("d.parquet").exists());
    server.stop().await;
}

/// A checkpoint that one file has left is met by another of the other kind, and by the same file of
/// which a row was changed behind the checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_file_is_refused_for_either_kind() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers: Vec<u64> = people(20_000).into_iter().cycle().take(60_000).collect();
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..60_000));
    write_parquet(&installation.path("in.parquet"), vec![("fnr", texts(&numbers)), ("n", rows)]);
    fs::write(installation.path("other.csv"), format!("fnr,n\n{},1\n", digits(numbers[0])))
        .unwrap();
    let options = ["--id-column", "fnr", "--batch-rows", "100", "--checkpoint-rows", "1000"];
    let first = [&options[..], &["@in.parquet", "@out"]].concat();
    let mut command = Running::start(&words(&installation, &server, &first));
    let checkpoint = installation.path("out.checkpoint");
    until("there is a checkpoint", || checkpoint.exists()).await;
    command.kill();
    let before = names(&installation.path(""));
    let other = [&options[..], &["@other.csv", "@out"]].concat();
    let ran = send(&installation, &server, &other);
    ran.ended(5, "is of another file, or the file was changed since");
    write_parquet(
        &installation.path("in.parquet"),
        vec![("fnr", texts(&numbers)), ("n", Arc::new(Int64Array::from(vec![7; 60_000])))],
    );
    send(&installation, &server, &first).ended(5, "is of another file");
    assert_eq!(names(&installation.path("")), before, "a refusal touches nothing");
    let anew = [&first[..], &["--restart"]].concat();
    send(&installation, &server, &anew).well();
    // What the killed process wrote and no checkpoint names stays, as after any kill.
    let after = names(&installation.path(""));
    let new: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new, ["out"]);
    assert!(!checkpoint.exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mother_and_child_go_in_one_delivery() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(4);
    let mothers: ArrayRef = texts(&numbers[..3]);
    let children: ArrayRef =
        Arc::new(StringArray::from(vec![Some(digits(numbers[3])), None, Some("x".to_owned())]));
    write_parquet(&installation.path("in.parquet"), vec![("mor", mothers), ("barn", children)]);
    let columns = ["--id-column", "mor::mor_id", "--optional-id-column", "barn:fnr:barn_id"];
    let files = ["--json", "@in.parquet", "@out.parquet"];
    let ran = send(&installation, &server, &[&columns[..], &files].concat()).well();
    let done: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&done["persons"], &done["rows"], &done["rejected"]),
        (&4.into(), &3.into(), &1.into())
    );
    let batch = read_parquet(&installation.path("out.parquet"));
    let nulls = |name: &str| batch.column_by_name(name).unwrap().null_count();
    assert_eq!((batch.num_rows(), nulls("mor_id"), nulls("barn_id")), (3, 0, 2));
    let rejects = fs::read_to_string(installation.path("out.parquet.rejects.csv")).unwrap();
    assert_eq!(rejects, "row,code,column\n3,format,barn\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_files_a_bad_one_does_not_stop_the_others() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(2);
    let (one, two) = (digits(numbers[0]), digits(numbers[1]));
    fs::write(installation.path("a.csv"), format!("fnr\n{one}\n")).unwrap();
    fs::write(installation.path("b.csv"), format!("fnr\n{one},x\n")).unwrap();
    fs::write(installation.path("c.parquet"), "no parquet").unwrap();
    write_parquet(&installation.path("d.parquet"), vec![("fnr", texts(&numbers))]);
    fs::write(installation.path("e.csv"), format!("fnr,note\n{one},mor {two}\n")).unwrap();
    let files = ["@a.csv", "@b.csv", "@c.parquet", "@d.parquet", "@e.csv"];
    let options = ["--id-column", "fnr", "--out-dir", "@out"];
    let ran = send(&installation, &server, &[&options[..], &files].concat());
    ran.ended(INPUT, "3 of 5 files failed");
    assert!(ran.err.contains("b.csv: row 1") && ran.err.contains("column note: 1 ×"), "{ran:?}");
    assert!(!ran.err.contains(&one) && !ran.err.contains(&two));
    let mut written: Vec<String> = fs::read_dir(installation.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, ["a.csv", "d.parquet"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_goes_to_standard_output_when_it_is_whole() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let number = digits(people(1)[0]);
    let through = |input: &str| {
        fs::write(installation.path("in.csv"), input).unwrap();
        let mut command = Command::new("sh");
        let words = words(&installation, &server, &["--id-column", "fnr", "-", "-"]).join("' '");
        let line = format!("'{PROGRAM}' '{words}' < '{}'", installation.path("in.csv").display());
        command.args(["-c", &line]);
        tokio::task::block_in_place(|| run(command))
    };
    let ran = through(&format!("fnr,n\n{number},1\nx,2\n")).well();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0] == "npr_id,n" && lines[1].ends_with(",1") && lines.len() == 2, "{ran:?}");
    assert!(ran.err.contains("give --rejects FILE"), "{ran:?}");
    for (input, code) in
        [(format!("fnr,n\n{number},1\n{number}\n"), INPUT), (format!("fnr,n\nx,{number}\n"), FOUND)]
    {
        let ran = through(&input);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{}", ran.err);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_refuses_and_an_exception_is_told() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(2);
    let (one, two) = (digits(numbers[0]), digits(numbers[1]));
    fs::write(installation.path("in.csv"), format!("fnr,note\n{one},mor {two}\n")).unwrap();
    let ran = send(&installation, &server, &["--id-column", "fnr", "@in.csv", "@out.csv"]);
    ran.ended(FOUND, "column note: 1 × fødselsnummer");
    assert!(!ran.err.contains(&two) && names(&installation.path("")).is_empty());
    let allow = ["--allow-identifiers", "note=agreed in case 7", "--quiet"];
    let options = [&["--id-column", "fnr"], &allow[..], &["@in.csv", "@out.csv"]].concat();
    let ran = send(&installation, &server, &options).well();
    assert!(ran.err.contains("column note: 1 × fødselsnummer let through: agreed in case 7"));
    // The register sees it too, in its own log.
    let bodies = entries_of(&installation, &server, "delivery_opened").await;
    let lines: Vec<_> = bodies.iter().map(|body| body["changes"].clone()).collect();
    let line = "identifiers allowed in column note (any): agreed in case 7";
    assert_eq!(lines, [serde_json::Value::Null, serde_json::json!([line])]);
    server.stop().await;
}

/// The entries of an action in the audit log.
async fn entries_of(
    installation: &Installation,
    server: &InProcessServer,
    action: &str,
) -> Vec<serde_json::Value> {
    let mut entries = audit_entries(installation, server.address).await;
    entries.retain(|body| body["action"] == action);
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_that_looks_like_a_number_is_refused_before_anything_is_sent() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let number = digits(people(1)[0]);
    fs::write(installation.path("in.csv"), format!("fnr,note\n{number},x\n")).unwrap();
    let grouped = format!("note=on behalf of {} {}", &number[..6], &number[6..]);
    for reason in [format!("note=case {number}"), grouped, format!("note={}", "x".repeat(201))] {
        let options = ["--id-column", "fnr", "--allow-identifiers", &reason];
        let ran = send(&installation, &server, &[&options[..], &["@in.csv", "@out.csv"]].concat());
        ran.ended(2, "--allow-identifiers number 1 cannot stand in a log");
        assert!(!ran.err.contains(&number[..6]), "{ran:?}");
    }
    assert!(entries_of(&installation, &server, "delivery_opened").await.is_empty());
    server.stop().await;
}

/// The command is killed, as by a power cut, when it has made a checkpoint; then it is run again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_command_goes_on_and_the_file_comes_out_the_same() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers: Vec<u64> = people(20_000).into_iter().cycle().take(100_000).collect();
    let mut csv = "fnr,n\n".to_owned();
    for (row, number) in numbers.iter().enumerate() {
        writeln!(csv, "{},{row}", digits(*number)).unwrap();
    }
    fs::write(installation.path("in.csv"), csv).unwrap();
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    write_parquet(&installation.path("in.parquet"), vec![("fnr", texts(&numbers)), ("n", rows)]);
    for kind in ["csv", "parquet"] {
        let (input, output) = (format!("@in.{kind}"), format!("@out.{kind}"));
        let options = ["--id-column", "fnr", "--batch-rows", "100", "--checkpoint-rows", "1000"];
        let whole = format!("@whole.{kind}");
        send(&installation, &server, &[&options[..], &[&input, &whole]].concat()).well();

        let again = words(&installation, &server, &[&options[..], &[&input, &output]].concat());
        let mut command = Running::start(&again);
        let checkpoint = installation.path(&format!("out.{kind}.checkpoint"));
        until("there is a checkpoint", || checkpoint.exists()).await;
        command.kill();
        assert!(!installation.path(&format!("out.{kind}")).exists(), "killed too late");
        let ran = tokio::task::block_in_place(|| hvelv(&again)).well();
        assert!(ran.err.contains("goes on after row "), "{ran:?}");
        let out = installation.path(&format!("out.{kind}"));
        let whole = installation.path(&format!("whole.{kind}"));
        if kind == "csv" {
            assert!(fs::read(&out).unwrap() == fs::read(&whole).unwrap(), "the file is another");
        } else {
            assert!(read_parquet(&out) == read_parquet(&whole), "the file is another");
        }
        assert!(!checkpoint.exists());
        fs::remove_file(out).unwrap();
    }
    server.stop().await;
}
