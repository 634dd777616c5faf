//! The mapping path, beside what bounds it.
//!
//! ```text
//! cargo bench --bench ingest                 everything; figures for the table of `make bench`
//! cargo bench --bench ingest -- wire         one section of it
//! cargo bench --bench ingest -- --smoke      one tiny round of each; so does cargo test --benches
//!
//! wire        over gRPC with TLS, beside a raw tonic echo of the same bytes with the same settings
//! postgres    beside PostgreSQL 15 with batched SQL, where it is installed
//! ```
//!
//! `HVELV_BENCH_PERSONS` is the population (1,000,000 by default; the targets are of 10,000,000).
//!
//! What it does *not* tell: how fast a machine is. Clients, echo and Hvelv share its processors, so
//! only the ratio can be compared with another machine's.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

mod cluster;
mod compare;
mod echo;
mod in_process;
#[path = "../results/part.rs"]
mod part;
mod postgres;
#[path = "../results/row.rs"]
mod row;
#[path = "../results/spread.rs"]
mod spread;
mod wire;
mod world;

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
}

const SMOKE: Size =
    Size { persons: 4096, identifiers: 8192, rounds: 1, unseen: 4096, rounds_unseen: 1 };

/// A part of the whole, which can be asked for alone.
struct Section {
    name: &'static str,
    measure: fn(&Size) -> Vec<Row>,
}

const SECTIONS: [Section; 2] = [
    Section { name: "wire", measure: wire::measure },
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
    let size = if is_smoke { SMOKE } else { full() };
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
fn number(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

fn full() -> Size {
    let persons = number("HVELV_BENCH_PERSONS", 1_000_000);
    let rounds = number("HVELV_BENCH_ROUNDS", 9);
    let identifiers = number("HVELV_BENCH_IDENTIFIERS", 4 << 20);
    Size { persons, identifiers, rounds, unseen: 1 << 17, rounds_unseen: rounds.min(3) }
}
