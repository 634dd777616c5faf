use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use tokio::sync::mpsc;

use super::answers::code_name;
use super::engine::{Pseudonymizer, Stopped, ToSend};
use super::*;
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::{DeliverySummary, IdentifierBatch, RegisterIds, RowCode, RowNote};

mod columns;
mod contacts;
mod csv;
mod guarded;
mod many;
mod resume;

/// Names and addresses of a batch.
type Told = (Vec<String>, Vec<String>);

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
    /// Answers with IDs of another key.
    OtherEpoch,
}

/// Gives the ID 100 000 000 000 000 + the cell's own digits; a cell that is not 11 or 12 digits is
/// answered `format`, one that ends in 9 `check_digits`, in 8 joined, in 7 `suppressed`.
struct Fake {
    fault: Fault,
    seen: Arc<Mutex<Vec<(&'static str, usize)>>>,
    /// Names and addresses that came with the batches.
    told: Arc<Mutex<Vec<Told>>>,
}

impl Fake {
    fn answer(&self, batch: &IdentifierBatch) -> RegisterIds {
        let (form, cells) = cells(batch);
        self.seen.lock().unwrap().push((form, cells.len()));
        let told = batch.contacts.iter().map(|one| (one.names.clone(), one.addresses.clone()));
        self.told.lock().unwrap().extend(told);
        let mut answer = RegisterIds::default();
        for (row, cell) in (0..).zip(&cells) {
            let digits = [11, 12].contains(&cell.len()) && cell.bytes().all(|b| b.is_ascii_digit());
            let code = match cell.as_bytes().last() {
                _ if !digits => Some(RowCode::Format),
                Some(b'9') => Some(RowCode::CheckDigits),
                Some(b'8') => Some(RowCode::Joined),
                Some(b'7') => Some(RowCode::Suppressed),
                _ => None,
            };
            let has_id = matches!(code, None | Some(RowCode::Joined));
            let zero = self.fault == Fault::ZeroWithoutCode && row == 1;
            let epoch = if self.fault == Fault::OtherEpoch { 2 } else { 1 };
            let id = if has_id && !zero {
                epoch * 100_000_000_000_000 + cell.parse::<u64>().unwrap()
            } else {
                0
            };
            answer.ids.push(id);
            if let Some(code) = code {
                // What begins with 02 has an ID of its own besides.
                let own_id = if has_id && cell.starts_with("02") { id + 1 } else { 0 };
                answer.notes.push(RowNote { row, code: code.into(), own_id });
            }
        }
        if self.fault == Fault::OneIdShort {
            answer.ids.pop();
        }
        answer
    }
}

fn cells(batch: &IdentifierBatch) -> (&'static str, Vec<String>) {
    match batch.column.as_ref().unwrap() {
        Column::PackedAscii(bytes) => {
            let width = if batch.r#type == 5 { 12 } else { 11 };
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let cell = |at: usize| text[at * width..(at + 1) * width].to_owned();
            ("packed", (0..text.len() / width).map(cell).collect())
        }
        Column::Text(text) => ("text", text.values.clone()),
        Column::Integers(integers) => {
            ("integers", integers.values.iter().map(|number| format!("{number:011}")).collect())
        }
    }
}

impl Pseudonymizer for Fake {
    async fn deliver(
        self,
        mut batches: mpsc::Receiver<ToSend>,
        answers: mpsc::Sender<RegisterIds>,
    ) -> Result<DeliverySummary, Stopped> {
        let mut summary = DeliverySummary { delivery_id: "d".to_owned(), ..Default::default() };
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

#[derive(clap::Parser)]
struct Only {
    #[command(flatten)]
    options: PseudonymizeOptions,
}

/// A directory with an input, and what was asked of the fake.
struct Bench {
    directory: tempfile::TempDir,
    input: &'static str,
    seen: Arc<Mutex<Vec<(&'static str, usize)>>>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Bench {
    fn new(input: &[u8]) -> Self {
        Self::named("in.csv", input)
    }

    fn named(name: &'static str, input: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), input).unwrap();
        Self { directory, input: name, seen: Arc::default(), told: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn options(&self, words: &[&str]) -> PseudonymizeOptions {
        let paths = [self.path(self.input), self.path("out.csv")];
        let all = ["x", "--register", "NPR", "--source", "HF", "--period", "2026"].into_iter();
        let all = all.chain(words.iter().copied()).map(std::ffi::OsString::from);
        Only::try_parse_from(all.chain(paths.map(PathBuf::into_os_string))).unwrap().options
    }

    /// Sends the input to `out.csv`.
    fn run(&self, words: &[&str], fault: Fault) -> Result<Exit, Error> {
        let options = self.options(words);
        let runtime = runtime().unwrap();
        let route = Route {
            options: &options,
            id_column: "npr_id",
            server: "https://hvelv:1",
            voice: Voice::Quiet,
            first_note: None.into(),
            today: jiff::civil::date(2026, 11, 22),
            runtime: &runtime,
        };
        let (seen, told) = (Arc::clone(&self.seen), Arc::clone(&self.told));
        let fake = Fake { fault, seen, told };
        let open = || Ok(Opened { id: "d".to_owned(), batch_rows_max: 1000, service: fake });
        let [job] = job::jobs(&options)?.try_into().unwrap();
        route.send(&job, open)
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = std::fs::read(self.path(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn output(&self) -> String {
        self.read("out.csv").unwrap()
    }

    fn rejects(&self) -> Option<String> {
        self.read("out.csv.rejects.csv")
    }

    /// The files beside the input.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != self.input);
        names.sort();
        names
    }

    /// The forms in which identifiers were sent, and how many.
    fn seen(&self) -> Vec<(&'static str, usize)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

const FNR: [&str; 2] = ["--id-column", "fnr"];

/// Sends a file whose column is `fnr`, three rows at a time; it comes through.
fn sent(input: &[u8]) -> Bench {
    let bench = Bench::new(input);
    bench.run(&[&FNR[..], &["--batch-rows", "3"]].concat(), Fault::None).unwrap();
    bench
}

/// Sends a file that is refused, of which nothing is left.
fn refused(input: &[u8], words: &[&str], fault: Fault) -> Error {
    let bench = Bench::new(input);
    let error = bench.run(words, fault).unwrap_err();
    assert_eq!(bench.files(), Vec::<String>::new(), "something was left behind");
    error
}

/// Sends a file whose column is `fnr`, which is refused.
fn refused_plainly(input: &[u8]) -> Error {
    refused(input, &FNR, Fault::None)
}

#[test]
fn codes_are_named_as_in_the_help() {
    let named = (1..=11).filter_map(|code| RowCode::try_from(code).ok()).map(code_name);
    for name in named {
        assert!(EXAMPLES.contains(&name), "{name}");
    }
}

#[test]
fn every_message_about_a_file_says_that_nothing_was_written() {
    let error = refused_plainly(b"fnr,x\n01810012345,1,2\n");
    assert!(error.advice().iter().any(|line| line.contains("othing was written")), "{error}");
}

#[test]
fn the_output_may_not_be_the_input() {
    let bench = Bench::new(b"fnr\n");
    std::fs::hard_link(bench.path("in.csv"), bench.path("out.csv")).unwrap();
    let error = bench.run(&FNR, Fault::None).unwrap_err();
    assert_eq!(error.exit(), Exit::Precondition, "a hard link is a file that exists");
    std::fs::remove_file(bench.path("out.csv")).unwrap();
    std::os::unix::fs::symlink(bench.path("in.csv"), bench.path("out.csv")).unwrap();
    let error = bench.run(&FNR, Fault::None).unwrap_err();
    assert!(error.to_string().contains("same file"), "{error}");
    assert!(is_standard(Path::new("-")));
}
