//! Joins what the other benchmarks left, prints the table, and writes `bench-results.json` in the
//! target directory.
//!
//! ```text
//! cargo bench --bench results                after the others; `make bench` does it
//! ```
//!
//! A ratio is of two figures that were measured in turn, on the same machine, in the same run. The
//! figures themselves tell little about another machine.

#![expect(clippy::print_stdout, reason = "the table is what this is for")]

mod machine;
mod row;
mod spread;
mod table;
mod targets;

use row::Row;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has("--list") || !has("--bench") {
        // A test runner asks for the names of tests; tests/results.rs has them.
        return;
    }
    let directory = row::directory();
    let mut parts: Vec<_> = std::fs::read_dir(&directory)
        .expect("the benchmarks ran before this")
        .map(|entry| entry.expect("the target directory is readable").path())
        .collect();
    parts.sort();
    let mut rows: Vec<Row> = Vec::new();
    for part in parts {
        let text = std::fs::read(&part).expect("the target directory is readable");
        rows.extend(serde_json::from_slice::<Vec<Row>>(&text).expect("a benchmark wrote it"));
    }
    let target = directory.parent().expect("it is in the target directory");
    let machine = machine::describe(target);
    println!("{}", table::text(&machine, &rows));
    let path = target.join("bench-results.json");
    std::fs::write(&path, format!("{:#}\n", table::document(&machine, &rows)))
        .expect("the target directory is writable");
    println!("\nwritten: {}", path.display());
}
