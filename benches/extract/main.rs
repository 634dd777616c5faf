//! An extract beside DuckDB: the same rows read, joined with the same serials, sorted and written.
//!
//! ```text
//! cargo bench --bench extract                prints figures, leaves them for the table of `make bench`
//! cargo bench --bench extract -- --smoke     a few rows, once; without DuckDB if it is not there
//! ```
//!
//! `HVELV_BENCH_ROWS` is the number of rows (1,000,000 by default), of one person in 50 rows. Both
//! have two threads and 1 GB of memory, and each runs in a process of its own, whose peak is shown.
//! DuckDB comes from PyPI into an environment that is thrown away; where it cannot be installed the
//! comparison is left out, with the reason. The outputs are compared row for row.
//!
//! "Equal work" has both also replace two columns by surrogates (DuckDB by `md5`), count persons by
//! sex, year of birth and municipality, and seal the output to an age recipient with its SHA-256. Our
//! side does it as `hvelv extract make` does, but for the server: surrogates are made here.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

mod duck;
mod duckdb;
mod input;
#[path = "../results/part.rs"]
mod part;
#[path = "../results/row.rs"]
mod row;
mod seal;
#[path = "../results/spread.rs"]
mod spread;
mod worker;

use duckdb::{Duck, Measured};
use row::Row;

/// Memory for either side.
const MEMORY_BYTES: usize = 1_000_000_000;

/// The columns that come out.
const VARIABLES: [&str; 10] = [
    "in_date",
    "out_date",
    "icd10",
    "unit",
    "care_level",
    "admission",
    "sex",
    "birth_year",
    "municipality",
    "comment",
];

/// The columns that are replaced by surrogates in equal work.
const SECONDARY: [&str; 2] = ["episode_id", "patient_no"];

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Surrogates, small cells, SHA-256 and age too.
    Equal,
    /// Read, join, sort, write.
    Plain,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if let Some(at) = arguments.iter().position(|argument| argument == "--worker") {
        worker::run(&arguments[at + 1..]);
        return;
    }
    if has("--list") {
        // A test runner asks for the names of tests.
        println!("{}", if has("--ignored") { "" } else { "smoke: test" });
        return;
    }
    let is_smoke = has("--smoke") || !has("--bench");
    let found = measure(if is_smoke { 5000 } else { rows() });
    if !is_smoke {
        part::write("extract", &found);
    }
}

#[expect(clippy::disallowed_methods, reason = "the size of a benchmark is no configuration")]
fn rows() -> u64 {
    let rows = std::env::var("HVELV_BENCH_ROWS").ok();
    rows.map_or(1_000_000, |text| text.parse().expect("a count of rows"))
}

fn measure(rows: u64) -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    input::write(rows, &at("in.csv"), &at("serials.csv"));
    let duck = match Duck::install(directory.path()) {
        Ok(duck) => Some(duck),
        Err(reason) => {
            println!("without DuckDB: {reason}");
            None
        }
    };
    let mut results = Vec::new();
    for ending in ["csv", "parquet"] {
        let input = at(&format!("in.{ending}"));
        match &duck {
            Some(duck) if ending == "parquet" => duck.to_parquet(&at("in.csv"), &input),
            None if ending == "parquet" => continue,
            _ => {}
        }
        for work in [Work::Plain, Work::Equal] {
            let (ours, theirs) = (at(&format!("ours.{ending}")), at(&format!("theirs.{ending}")));
            let measured = worker::start(&input, &ours, &at("serials.csv"), work);
            let beside = duck.as_ref().map(|duck| {
                let beside = duck.extract(&input, &theirs, &at("serials.csv"), work);
                if work == Work::Plain {
                    duck.compare(&ours, &theirs, rows);
                }
                beside
            });
            results.push(told(rows, ending, work, &measured, beside.as_ref()));
            let _ = std::fs::remove_file(&ours);
            let _ = std::fs::remove_file(&theirs);
        }
    }
    results
}

fn told(rows: u64, ending: &str, work: Work, ours: &Measured, theirs: Option<&Measured>) -> Row {
    let name = match work {
        Work::Equal => "extract at equal work",
        Work::Plain => "extract",
    };
    let rate = |measured: &Measured| rows as f64 / measured.seconds;
    let beside = theirs.map_or_else(String::new, |theirs| {
        format!(
            ", DuckDB {:.2} M rows/s (peak {:.0} MiB), ratio {:.2}",
            rate(theirs) / 1e6,
            theirs.peak_mib,
            rate(ours) / rate(theirs)
        )
    });
    println!(
        "{name}, {ending}, {rows} rows: {:.2} M rows/s (peak {:.0} MiB){beside}",
        rate(ours) / 1e6,
        ours.peak_mib
    );
    let measure = format!("{name}, {ending}");
    match theirs {
        Some(theirs) => Row::beside(measure, "rows/s", &[(rate(ours), rate(theirs))]),
        None => Row::alone(measure, "rows/s", rate(ours)),
    }
}
