//! `hvelv pseudonymize` of large files beside plain reading and writing of the same files.
//!
//! ```text
//! cargo bench --bench files                  prints figures, leaves them for the table of `make bench`
//! cargo bench --bench files -- --smoke       a few rows, once
//! ```
//!
//! `HVELV_BENCH_ROWS` is the number of rows (10,000,000 by default).  The reference reads every
//! record with the csv or the parquet crate and writes it again, synced, in this process and on one
//! thread.  Hvelv's side is the program as users start it, with its server, its record of every
//! batch and its search of the other columns; both share the machine's processors.
//!
//! Beside it also DuckDB, on two threads, joining the same file with a table of person and ID, where it
//! can be installed from PyPI: without a server, a record or a search, and in no order.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::path::{Path, PathBuf};

use hvelv::clock::{Clock, SystemClock};

#[path = "../extract/duckdb.rs"]
mod duckdb;
mod mapping;
#[path = "../results/part.rs"]
mod part;
mod plain;
mod program;
#[path = "../results/row.rs"]
mod row;
mod server;
#[path = "../results/spread.rs"]
mod spread;

use duckdb::Duck;
use mapping::Mapping;
use row::Row;
use server::Server;

/// How much is measured.
struct Size {
    persons: u64,
    rows: u64,
    rounds: usize,
}

const SMOKE: Size = Size { persons: 1000, rows: 5000, rounds: 1 };

/// A kind of file, with what copies it.
struct Kind {
    ending: &'static str,
    copy: fn(&Path, &Path),
}

const KINDS: [Kind; 2] = [
    Kind { ending: "csv", copy: plain::copy_csv },
    Kind { ending: "parquet", copy: plain::copy_parquet },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has("--list") {
        // A test runner asks for the names of tests.
        println!("{}", if has("--ignored") { "" } else { "smoke: test" });
        return;
    }
    let is_smoke = has("--smoke") || !has("--bench");
    let found = measure(&if is_smoke { SMOKE } else { full() });
    if !is_smoke {
        part::write("files", &found);
    }
}

#[expect(clippy::disallowed_methods, reason = "the size of a benchmark is no configuration")]
fn full() -> Size {
    let rows = std::env::var("HVELV_BENCH_ROWS").ok();
    let rows = rows.map_or(10_000_000, |text| text.parse().expect("a count of rows"));
    Size { persons: rows / 50, rows, rounds: 3 }
}

fn measure(size: &Size) -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    program::unseal(&server);
    let duck = match Duck::install(directory.path()) {
        Ok(duck) => Some(duck),
        Err(reason) => {
            println!("SKIPPED, nothing is measured beside DuckDB: {reason}");
            None
        }
    };
    let mut rows = Vec::new();
    for kind in KINDS {
        let place = Place { directory: directory.path(), ending: kind.ending };
        program::synth(size.persons, size.rows, &place.file("rows"));
        let mapping = duck.as_ref().map(|duck| Mapping::new(duck, &place));
        rows.extend(beside(&kind, &server, mapping.as_ref(), &place, size));
    }
    rows
}

/// Where the files of a kind are.
struct Place<'a> {
    directory: &'a Path,
    ending: &'static str,
}

impl Place<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.{}", self.ending))
    }
}

/// Rounds of one kind of file.
fn beside(
    kind: &Kind,
    server: &Server,
    mapping: Option<&Mapping<'_>>,
    place: &Place<'_>,
    size: &Size,
) -> Vec<Row> {
    let clock = SystemClock::new();
    let rate = |seconds: f64| size.rows as f64 / seconds;
    let took = |work: &mut dyn FnMut()| {
        let begun = clock.monotonic();
        work();
        rate(clock.monotonic().saturating_sub(begun).as_secs_f64())
    };
    let [input, copied, output] = ["rows", "copy", "ids"].map(|name| place.file(name));
    let (mut plain, mut joined, mut peak) = (Vec::new(), Vec::new(), 0);
    // The first round of the first kind also meets everybody for the first time.
    for round in 0..=size.rounds {
        let copying = took(&mut || (kind.copy)(&input, &copied));
        let mut memory = 0;
        let replacing = took(&mut || memory = program::pseudonymize(server, &input, &output));
        let joining = mapping.map(|mapping| rate(mapping.join(place)));
        std::fs::remove_file(&copied).unwrap();
        std::fs::remove_file(&output).unwrap();
        if round > 0 || size.rounds == 1 {
            plain.push((replacing, copying));
            joined.extend(joining.map(|joining| (replacing, joining)));
            peak = peak.max(memory);
        }
    }
    let measure = format!("pseudonymize, {}", kind.ending);
    let mut rows = vec![Row::beside(&measure, "rows/s", &plain)];
    if !joined.is_empty() {
        rows.push(Row::beside(format!("{measure}, beside DuckDB joining"), "rows/s", &joined));
    }
    for row in &rows {
        let reference = row.reference.unwrap_or_default() / 1e6;
        println!("{}: {:.2} M rows/s, reference {reference:.2}", row.measure, row.value / 1e6);
    }
    let memory = format!("{measure}, peak memory of");
    rows.push(Row::alone(format!("{memory} the command"), "KiB", peak as f64));
    rows.push(Row::alone(format!("{memory} the server"), "KiB", server.peak_kib() as f64));
    rows
}
