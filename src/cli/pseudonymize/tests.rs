use std::path::PathBuf;

use tokio::sync::mpsc;

use super::destination::{Destination, Existing};
use super::engine::{Finished, Pseudonymizer, Sending, Stopped, ToSend};
use super::table::Table;
use super::writer::{Tally, Writer, code_name};
use super::*;
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::{
    DeliverySummary, IdentifierBatch, IdentifierType, RegisterIds, RowCode, RowNote,
};

/// What the fake does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Answers so many batches, then says that it is unavailable.
    StopAfter(usize),
    /// Leaves a row out of its answers.
    OneIdShort,
    /// Answers 0 without saying why.
    ZeroWithoutCode,
    /// Closes the delivery with another count.
    WrongCount,
}

/// Gives the ID 100 000 000 000 000 + the cell's own digits; a cell that is not 11 digits is
/// answered `format`, one that ends in 9 `check_digits`, one that ends in 8 is joined.
struct Fake {
    fault: Fault,
    seen: std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl Fake {
    fn answer(&self, batch: &IdentifierBatch) -> RegisterIds {
        let cells: Vec<String> = match batch.column.as_ref().unwrap() {
            Column::PackedAscii(bytes) => {
                self.seen.lock().unwrap().push("packed");
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                (0..text.len() / 11).map(|at| text[at * 11..at * 11 + 11].to_owned()).collect()
            }
            Column::Text(text) => {
                self.seen.lock().unwrap().push("text");
                text.values.clone()
            }
            Column::Integers(_) => panic!("not sent by this program"),
        };
        let mut answer = RegisterIds::default();
        for (row, cell) in (0..).zip(&cells) {
            let digits = cell.len() == 11 && cell.bytes().all(|byte| byte.is_ascii_digit());
            let code = match cell.as_bytes().last() {
                _ if !digits => Some(RowCode::Format),
                Some(b'9') => Some(RowCode::CheckDigits),
                Some(b'8') => Some(RowCode::Joined),
                _ => None,
            };
            let has_id = matches!(code, None | Some(RowCode::Joined));
            let zero = self.fault == Fault::ZeroWithoutCode && row == 1;
            let id = if has_id && !zero {
                100_000_000_000_000 + cell.parse::<u64>().unwrap()
            } else {
                0
            };
            answer.ids.push(id);
            if let Some(code) = code {
                answer.notes.push(RowNote { row, code: code.into(), own_id: 0 });
            }
        }
        if self.fault == Fault::OneIdShort {
            answer.ids.pop();
        }
        answer
    }
}

impl Pseudonymizer for Fake {
    async fn deliver(
        self,
        mut batches: mpsc::Receiver<ToSend>,
        answers: mpsc::Sender<RegisterIds>,
    ) -> Result<DeliverySummary, Stopped> {
        let mut summary = DeliverySummary::default();
        let mut answered = 0;
        loop {
            match batches.recv().await {
                Some(ToSend::Batch(_)) if self.fault == Fault::StopAfter(answered) => {
                    return Err(Error::new(Exit::Unavailable, "the server is stopping").into());
                }
                Some(ToSend::Batch(batch)) => {
                    let answer = self.answer(&batch);
                    summary.rows += answer.ids.len() as u64;
                    answers.send(answer).await.map_err(|_| Stopped::Abandoned)?;
                    answered += 1;
                }
                Some(ToSend::End) => break,
                None => return Err(Stopped::Abandoned),
            }
        }
        summary.rows += u64::from(self.fault == Fault::WrongCount);
        Ok(summary)
    }
}

/// What came out of a run.
struct Outcome {
    result: Result<Tally, Error>,
    output: Option<String>,
    rejects: Option<String>,
    files: Vec<String>,
    forms: Vec<&'static str>,
}

impl Outcome {
    fn output(&self) -> &str {
        self.output.as_deref().unwrap()
    }

    fn error(&self) -> &Error {
        assert_eq!(self.files, Vec::<String>::new(), "something was left behind");
        self.result.as_ref().err().unwrap()
    }
}

fn send(input: &[u8]) -> Outcome {
    send_with(input, None, 3, Fault::None)
}

fn send_with(input: &[u8], delimiter: Option<u8>, batch_rows: usize, fault: Fault) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.csv");
    let seen = std::sync::Arc::default();
    let fake = Fake { fault, seen: std::sync::Arc::clone(&seen) };
    let result = deliver(input, delimiter, batch_rows, &out, fake);
    let read = |path: PathBuf| std::fs::read(path).ok().map(|b| String::from_utf8_lossy(&b).into());
    let mut files: Vec<String> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let forms = seen.lock().unwrap().clone();
    let rejects = read(writer::rejects_name(&out));
    Outcome { result, output: read(out), rejects, files, forms }
}

fn deliver(
    input: &[u8],
    delimiter: Option<u8>,
    batch_rows_max: usize,
    out: &Path,
    fake: Fake,
) -> Result<Tally, Error> {
    let table = Table::open(input, "fnr", delimiter)?;
    let header = renamed_header(&table, "npr_id");
    let writer = Writer::create(out, Existing::Keep, &header, ProgressBar::hidden())?;
    let declared = IdentifierType::Any;
    let sending = Sending { declared, assigner: String::new(), batch_rows_max };
    let runtime = runtime().unwrap();
    let Finished { writer, .. } = engine::run(&runtime, table, writer, &sending, fake)?;
    let tally = *writer.tally();
    writer.publish()?;
    Ok(tally)
}

#[test]
fn the_identifier_column_is_replaced_in_place_and_everything_else_stays() {
    let outcome = send(b"a,fnr,b\nx,01810012345,y\n,41814061033,\"\"\n");
    assert_eq!(outcome.output(), "a,npr_id,b\nx,100001810012345,y\n,100041814061033,\"\"\n");
    assert_eq!(outcome.files, ["out.csv"]);
    assert_eq!(outcome.forms, ["packed"]);
}

#[test]
fn quoted_separators_newlines_and_quotes_stay_byte_for_byte() {
    let input = "fnr;t\r\n\"01810012345\";\"a;\"\"b\"\"\r\nc\"\r\n41814061033;5\" tube\r\n";
    let outcome = send(input.as_bytes());
    let expected = input
        .replace("fnr", "npr_id")
        .replace("01810012345", "100001810012345")
        .replace("41814061033", "100041814061033");
    assert_eq!(outcome.output(), expected);
}

#[test]
fn a_bom_and_crlf_are_kept_out_of_the_name_and_in_the_file() {
    let outcome = send(b"\xef\xbb\xbffnr,x\r\n01810012345,1\r\n");
    assert_eq!(outcome.output(), "\u{feff}npr_id,x\r\n100001810012345,1\r\n");
}

#[test]
fn a_last_line_without_its_end_stays_without() {
    assert_eq!(send(b"fnr\n01810012345").output(), "npr_id\n100001810012345");
}

#[test]
fn empty_lines_are_no_rows_and_stay_where_they_are() {
    let outcome = send(b"fnr,x\n\n01810012345,1\n\n\n4181406103x,2\n\n");
    assert_eq!(outcome.output(), "npr_id,x\n\n100001810012345,1\n\n\n\n");
    assert_eq!(outcome.rejects.unwrap(), "row,code\n2,format\n");
}

#[test]
fn latin_1_passes_through() {
    let outcome = send(b"fnr,sted\n01810012345,Troms\xf8\n");
    assert_eq!(outcome.result.unwrap().rows, 1);
}

#[test]
fn delimiters_are_told_from_the_header() {
    for (delimiter, header) in [(",", "fnr,b;c"), (";", "a,b;fnr"), ("\t", "a,b;c\tfnr")] {
        let columns = header.matches(delimiter).count();
        let mut cells = vec!["01810012345"; columns + 1];
        if !header.starts_with("fnr") {
            cells[0] = "x";
        }
        let input = format!("{header}\n{}\n", cells.join(delimiter));
        let outcome = send(input.as_bytes());
        assert!(outcome.output().contains("100001810012345"), "{header}");
    }
    let quoted = send(b"\"a,b\";\"fnr\"\n1;01810012345\n");
    assert_eq!(quoted.output(), "\"a,b\";\"npr_id\"\n1;100001810012345\n");
    let given = send_with(b"a|fnr\nx|01810012345\n", Some(b'|'), 3, Fault::None);
    assert_eq!(given.output(), "a|npr_id\nx|100001810012345\n");
}

#[test]
fn rejected_rows_go_to_the_side_file_by_number_and_code_and_never_by_value() {
    let outcome = send(b"fnr,x\n01810012345,1\n01810012349,2\nabc,3\n01810012348,4\n,5\n");
    assert_eq!(outcome.output(), "npr_id,x\n100001810012345,1\n100001810012348,4\n");
    let rejects = outcome.rejects.unwrap();
    assert_eq!(rejects, "row,code\n2,check_digits\n3,format\n5,format\n");
    assert_eq!(outcome.result.unwrap(), Tally { rows: 5, rejected: 3, joined: 1 });
    assert_eq!(outcome.files, ["out.csv", "out.csv.rejects.csv"]);
    assert_eq!(outcome.forms, ["text", "text"]);
}

#[test]
fn a_header_alone_gives_a_header_alone() {
    let outcome = send(b"a,fnr\n");
    assert_eq!(outcome.output(), "a,npr_id\n");
    assert_eq!(outcome.result.unwrap(), Tally::default());
}

#[test]
fn an_empty_file_is_refused() {
    for input in [&b""[..], b"\xef\xbb\xbf"] {
        assert_eq!(send(input).error().to_string(), "the file is empty");
    }
}

#[test]
fn a_ragged_row_is_named_and_nothing_is_written() {
    let outcome = send(b"fnr,x\n01810012345,1\n01810012345,1\n01810012345,1\n01810012345\n");
    let error = outcome.error();
    assert_eq!(error.to_string(), "row 4 (line 5) has 1 fields, the header has 2");
    assert_eq!(error.exit(), Exit::Input);
}

#[test]
fn an_unclosed_quote_is_refused_wherever_it_is() {
    for input in [
        &b"fnr,x\n01810012345,\"a\n01810012345,b\n"[..],
        b"fnr,x\n01810012345,\"a\n01810012345,\"b\n",
        b"\"fnr,x\n01810012345,a\n",
        b"fnr,x\n\"01810012345,a\n",
    ] {
        let outcome = send(input);
        let error = outcome.error();
        assert_eq!(error.exit(), Exit::Input);
        assert!(error.to_string().contains("quote"), "{error}");
        assert!(!error.to_string().contains("0181"), "{error}");
    }
    // One that swallows a large file is noticed within the bound on a row.
    let mut large = b"fnr,x\n01810012345,\"a\n".to_vec();
    large.extend(b"01810012345,b\n".repeat(200_000));
    let outcome = send(&large);
    assert!(outcome.error().to_string().starts_with("row 1 (line 2) is longer"));
}

#[test]
fn a_missing_column_lists_the_columns_that_there_are() {
    let outcome = send(b"pasient;\"inn,dato\"\n1;2\n");
    let error = outcome.error();
    assert_eq!(error.to_string(), "there is no column fnr");
    assert_eq!(error.advice()[0], "The columns are: pasient, inn,dato.");
}

#[test]
fn a_first_row_that_is_data_is_not_shown() {
    let outcome = send(b"01810012345,a\n41814061033,b\n");
    let error = outcome.error();
    let all = format!("{error} {:?}", error.advice());
    assert!(all.contains("looks like data") && !all.contains("0181"), "{all}");
}

#[test]
fn a_column_that_is_there_twice_is_refused() {
    assert!(send(b"fnr,fnr\n1,2\n").error().to_string().contains("more than once"));
}

#[test]
fn utf_16_is_refused() {
    assert!(send(b"\xff\xfef\0n\0r\0\n\0").error().to_string().contains("UTF-16"));
}

#[test]
fn a_server_that_stops_half_way_leaves_nothing_and_says_how_far_it_was() {
    let input = [&b"fnr\n"[..], &b"01810012345\n".repeat(100)].concat();
    let outcome = send_with(&input, None, 3, Fault::StopAfter(5));
    let error = outcome.error();
    assert_eq!(error.exit(), Exit::Unavailable);
    assert!(error.advice()[0].starts_with("15 rows had been answered; nothing was written."));
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    for fault in [Fault::OneIdShort, Fault::ZeroWithoutCode, Fault::WrongCount] {
        let outcome = send_with(b"fnr\n01810012345\n01810012346\n", None, 3, fault);
        assert_eq!(outcome.error().exit(), Exit::Internal);
    }
}

#[test]
fn many_batches_come_out_in_order() {
    let rows: Vec<String> = (0..20_000u64).map(|n| format!("{n:010}1;{n}")).collect();
    let input = format!("fnr;n\n{}\n", rows.join("\n"));
    let outcome = send_with(input.as_bytes(), None, 7, Fault::None);
    let expected: Vec<String> = (0..20_000u64).map(|n| format!("1000{n:010}1;{n}")).collect();
    assert!(outcome.output() == format!("npr_id;n\n{}\n", expected.join("\n")));
}

#[test]
fn an_output_that_exists_is_left_alone_unless_it_is_to_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    std::fs::write(&name, "old").unwrap();
    let error = Destination::create(&name, Existing::Keep).err().unwrap();
    assert_eq!(error.exit(), Exit::Precondition);

    let mut replacing = Destination::create(&name, Existing::Replace).unwrap();
    replacing.append(b"new").unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"old", "replaced before it was complete");
    replacing.publish().unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"new");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_output_that_appears_meanwhile_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    let mut late = Destination::create(&name, Existing::Keep).unwrap();
    late.append(b"new").unwrap();
    std::fs::write(&name, "old").unwrap();
    assert_eq!(late.publish().err().unwrap().exit(), Exit::Precondition);
    assert_eq!(std::fs::read(&name).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_abandoned_output_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("out.csv");
    Destination::create(&name, Existing::Keep).unwrap().append(b"half").unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn codes_are_named_as_in_the_help() {
    let named = (1..=11).filter_map(|code| RowCode::try_from(code).ok()).map(code_name);
    for name in named {
        assert!(EXAMPLES.contains(&name), "{name}");
    }
}
