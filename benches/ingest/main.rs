//! The mapping path, beside what bounds it.
//!
//! ```text
//! cargo bench --bench ingest                 everything; figures for the table of `make bench`
//! cargo bench --bench ingest -- wire         one section of it
//! cargo bench --bench ingest -- --smoke      one tiny round of each; so does cargo test --benches
//!
//! stages      in process: each step, and all of them, beside AES and gathers over the same bytes
//! wire        over gRPC with TLS, beside a raw tonic echo of the same bytes with the same settings
//! latency     of single look-ups at half of saturation, beside an echo with one synced append
//! growth      1 and 10 million persons: rate, memory, pauses, start-up, size on disk
//! postgres    beside PostgreSQL 15 with batched SQL, where it is installed
//! ```
//!
//! ```text
//! HVELV_BENCH_PERSONS       the population: 1,000,000 by default; the targets are of 10,000,000
//! HVELV_BENCH_ROUNDS        rounds of each comparison: 9
//! HVELV_BENCH_IDENTIFIERS   identifiers in a round about known persons: 4,194,304
//! HVELV_BENCH_GROWTH        sizes, ascending: 1000000,10000000; at most 47000000
//! HVELV_BENCH_SECONDS       of each round of latency: 10
//! ```
//!
//! What it does *not* tell: how fast a machine is. Clients, echo and Hvelv share its processors, so
//! only the ratio can be compared with another machine's.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

mod client;
mod cluster;
mod compare;
mod echo;
mod growth;
mod in_process;
mod latency;
mod limits;
mod load;
#[path = "../results/part.rs"]
mod part;
mod postgres;
#[path = "../results/row.rs"]
mod row;
#[path = "../files/server.rs"]
mod server;
#[path = "../results/spread.rs"]
mod spread;
mod stages;
mod vault;
mod wire;
mod world;

use std::time::Duration;

use row::Row;

/// How much is measured.
struct Size {
    persons: usize,
    /// Identifiers in a round about known persons.
    identifiers: usize,
    rounds: usize,
    /// Identifiers in a round of first sight.
    unseen: usize,
    rounds_unseen: usize,
    /// Persons that a server grows to, ascending.
    growth: Vec<usize>,
    /// How long a round of latency is.
    latency: Duration,
}

fn smoke() -> Size {
    Size {
        persons: 4096,
        identifiers: 8192,
        rounds: 1,
        unseen: 4096,
        rounds_unseen: 1,
        growth: vec![4096, 8192],
        latency: Duration::from_millis(200),
    }
}

/// A part of the whole, which can be asked for alone.
struct Section {
    name: &'static str,
    measure: fn(&Size) -> Vec<Row>,
}

const SECTIONS: [Section; 5] = [
    Section { name: "stages", measure: stages::measure },
    Section { name: "wire", measure: wire::measure },
    Section { name: "latency", measure: latency::measure },
    Section { name: "growth", measure: growth::measure },
    Section { name: "postgres", measure: postgres::measure },
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
    let size = if is_smoke { smoke() } else { full() };
    let is_one_wanted = SECTIONS.iter().any(|section| has(section.name));
    for section in SECTIONS.iter().filter(|section| !is_one_wanted || has(section.name)) {
        println!("\n{}, {} persons", section.name, size.persons);
        let rows = (section.measure)(&size);
        if !is_smoke {
            part::write(&format!("ingest-{}", section.name), &rows);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the size of a benchmark is no configuration")]
fn numbers(name: &str, default: &str) -> Vec<usize> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.trim().parse().expect("a number")).collect()
}

fn full() -> Size {
    let number = |name, default| numbers(name, default)[0];
    let rounds = number("HVELV_BENCH_ROUNDS", "9");
    let growth = numbers("HVELV_BENCH_GROWTH", "1000000,10000000");
    assert!(growth.is_sorted(), "HVELV_BENCH_GROWTH is ascending");
    Size {
        persons: number("HVELV_BENCH_PERSONS", "1000000"),
        identifiers: number("HVELV_BENCH_IDENTIFIERS", "4194304"),
        rounds,
        unseen: 1 << 17,
        rounds_unseen: rounds.min(3),
        growth,
        latency: Duration::from_secs(number("HVELV_BENCH_SECONDS", "10") as u64),
    }
}
