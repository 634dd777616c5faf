//! `hvelv synth`: its files are taken by a server, and what is wrong is refused.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::harness::{InProcessServer, Installation, InstallationOptions, Ran, hvelv};

const USAGE: i32 = 2;
const PRECONDITION: i32 = 5;

/// Runs the command with options, and a path for rows.
fn synth(options: &str, out: &Path) -> Ran {
    let words = ["synth"].into_iter().chain(options.split_whitespace()).chain(["--out"]);
    let words: Vec<String> = words.map(str::to_owned).chain([out.display().to_string()]).collect();
    hvelv(&words)
}

/// Sends a file to a register, and gives the summary.
fn pseudonymize(
    installation: &Installation,
    server: &InProcessServer,
    (register, source): (&str, &str),
    rows: &str,
) -> serde_json::Value {
    let connect = installation.connect_file(server.address, "pipeline");
    let file = |name: &str| installation.path(name).display().to_string();
    let words: Vec<String> = ["pseudonymize", "--register", register, "--source", source]
        .into_iter()
        .chain(["--period", "2020-01-01..2025-12-31", "--id-column", "fnr", "--json"])
        .map(str::to_owned)
        .chain(["--connect".to_owned(), connect.display().to_string()])
        .chain([file(rows), file(&format!("{register}-{rows}"))])
        .collect();
    let ran = tokio::task::block_in_place(|| hvelv(&words)).well();
    // Events, the last of which sums up.
    serde_json::from_str(ran.out.lines().last().unwrap()).unwrap()
}

/// How many different identifiers a file has.
fn identifiers(rows: &Path) -> usize {
    let text = fs::read_to_string(rows).unwrap();
    text.lines().skip(1).map(|row| row.split(',').next()).collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_taken_by_the_register_that_it_is_made_for() {
    let options = InstallationOptions {
        identifiers: "test_duf_prefixes = ['2099000']",
        ..InstallationOptions::default()
    };
    let installation = Installation::with(&options);
    let server = InProcessServer::open(&installation).await;
    for (kind, register) in [
        ("hospital", ("NPR", "HF")),
        ("claims", ("KPR", "KUHR")),
        ("municipal", ("KPR", "KOMMUNE")),
    ] {
        let rows = installation.path(&format!("{kind}.csv"));
        synth(&format!("--persons 2000 --rows 6000 --kind {kind}"), &rows).well();
        let summary = pseudonymize(&installation, &server, register, &format!("{kind}.csv"));
        assert_eq!((&summary["rows"], &summary["rejected"]), (&6000.into(), &0.into()), "{kind}");
        assert_eq!(summary["persons"], 2000, "{kind}");
    }
    // Earlier numbers are identifiers of their own until persons are linked.
    let rows = installation.path("dated.csv");
    let made = synth("--persons 2000 --rows 9000 --identifiers dated", &rows).well();
    assert!(made.err.contains("test_duf_prefixes = [\"2099000\"]"), "{made:?}");
    let summary = pseudonymize(&installation, &server, ("NPR", "HF"), "dated.csv");
    assert_eq!((&summary["rows"], &summary["rejected"]), (&9000.into(), &0.into()));
    assert!(identifiers(&rows) > 2000);
    assert_eq!(summary["persons"], identifiers(&rows));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_told_of_duf_numbers_refuses_them() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    synth("--persons 2000 --identifiers dated", &installation.path("dated.csv")).well();
    let summary = pseudonymize(&installation, &server, ("NPR", "HF"), "dated.csv");
    assert!(summary["rejected"].as_u64().unwrap() > 0, "{summary}");
    server.stop().await;
}

#[test]
fn what_does_not_fit_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let (csv, other) = (directory.path().join("rows.csv"), directory.path().join("rows.txt"));
    for (options, out, said) in [
        ("--persons 10 --rows 9", &csv, "at least as large"),
        ("--persons 10", &other, "end in .csv or .parquet"),
        ("--persons 10 --compression snappy", &csv, "for Parquet files"),
        ("--persons 10 --kind dental", &csv, "municipal"),
        ("--persons 10 --plant-identifiers comment", &csv, "not COLUMN=COUNT"),
        ("--persons 10 --plant-identifiers comment=many", &csv, "not a whole number"),
        ("--persons 10 --plant-identifiers diagnosis=1", &csv, "They have: episode_id"),
        ("--persons 10 --plant-identifiers comment=51", &csv, "than there are rows"),
        ("--persons 0", &csv, "1..=10000000"),
        ("--persons 10000001", &csv, "1..=10000000"),
    ] {
        synth(options, out).ended(USAGE, said);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was written");
    let parquet = directory.path().join("rows.parquet");
    synth("--persons 10 --compression snappy --id-type integer", &parquet).well();
    assert!(fs::read(&parquet).unwrap().starts_with(b"PAR1"));
    synth("--persons 10", &parquet).ended(PRECONDITION, "exists already");
}
