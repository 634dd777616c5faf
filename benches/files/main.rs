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

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::path::Path;
use std::time::Duration;

use hvelv::clock::{Clock, SystemClock};

#[path = "../results/part.rs"]
mod part;
mod plain;
mod program;
#[path = "../results/row.rs"]
mod row;
mod server;
#[path = "../results/spread.rs"]
mod spread;

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
    let clock = SystemClock::new();
    let took = |work: &mut dyn FnMut()| {
        let begun = clock.monotonic();
        work();
        clock.monotonic().saturating_sub(begun)
    };
    let file = |name: String| directory.path().join(name);
    let server = Server::start(directory.path());
    program::unseal(&server);
    let mut results = Vec::new();
    for kind in KINDS {
        let input = file(format!("rows.{}", kind.ending));
        program::synth(size.persons, size.rows, &input);
        let (mut rounds, mut peak) = (Vec::new(), 0);
        let rate = |took: Duration| size.rows as f64 / took.as_secs_f64();
        // The first round of the first kind also meets everybody for the first time.
        for round in 0..=size.rounds {
            let (copied, output) = (
                file(format!("copy-{round}.{}", kind.ending)),
                file(format!("ids-{round}.{}", kind.ending)),
            );
            let copying = took(&mut || (kind.copy)(&input, &copied));
            let mut memory = 0;
            let replacing = took(&mut || memory = program::pseudonymize(&server, &input, &output));
            std::fs::remove_file(copied).unwrap();
            std::fs::remove_file(output).unwrap();
            if round > 0 || size.rounds == 1 {
                rounds.push((rate(replacing), rate(copying)));
                peak = peak.max(memory);
            }
        }
        let measure = format!("pseudonymize, {}", kind.ending);
        let row = Row::beside(&measure, "rows/s", &rounds);
        println!(
            "{measure}, {} rows, {} rounds: {:.2} M rows/s, plain copy {:.2} M rows/s; peak memory of \
             the command {} MiB, of the server {} MiB",
            size.rows,
            rounds.len(),
            row.value / 1e6,
            row.reference.unwrap_or_default() / 1e6,
            peak / 1024,
            server.peak_kib() / 1024,
        );
        results.push(row);
        let measure = format!("{measure}, peak memory of the command");
        results.push(Row::alone(measure, "KiB", peak as f64));
    }
    results
}
