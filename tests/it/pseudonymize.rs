//! `hvelv pseudonymize`: the file that comes out, and that nothing comes out when something fails.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Command;

use crate::harness::{
    InProcessServer, Installation, PASSPHRASE, Ran, Running, ServerProcess, ask, bounded, digits,
    hvelv, look_up, people, run, text, unseal, until,
};

const USAGE: i32 = 2;
const UNAVAILABLE: i32 = 3;
const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;
const INPUT: i32 = 6;
const REJECTS: i32 = 8;

/// The arguments that everybody gives.
fn arguments(installation: &Installation, connect: &str, more: &[&str]) -> Vec<String> {
    let mut words: Vec<String> =
        ["pseudonymize", "--register", "NPR", "--source", "HF", "--period"]
            .into_iter()
            .chain(["2025", "--id-column", "fnr", "--connect", connect])
            .chain(more.iter().copied())
            .map(str::to_owned)
            .collect();
    words.extend(["in.csv", "out.csv"].map(|name| installation.path(name).display().to_string()));
    words
}

/// Runs the command over a file; `block_in_place` lets the server in this process go on.
fn pseudonymize(
    installation: &Installation,
    server: &InProcessServer,
    more: &[&str],
    input: &[u8],
) -> Ran {
    fs::write(installation.path("in.csv"), input).unwrap();
    let connect = installation.connect_file(server.address, "sender");
    let words = arguments(installation, connect.to_str().unwrap(), more);
    tokio::task::block_in_place(|| hvelv(&words))
}

/// The files that the command has left, whole or in part.
fn outputs(installation: &Installation) -> Vec<String> {
    let directory = installation.path("");
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("out"))
        .collect()
}

fn output(installation: &Installation) -> String {
    fs::read_to_string(installation.path("out.csv")).unwrap()
}

async fn ids(installation: &Installation, server: &InProcessServer, numbers: &[u64]) -> Vec<u64> {
    let channel = installation.connect(server.address, "pipeline").await;
    let answer = ask(&channel, look_up("NPR", "HF"), text(numbers)).await.unwrap();
    answer.result.unwrap().ids
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identifiers_are_replaced_and_everything_else_stays() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(1000);
    let mut input = "case;fnr;text\n".to_owned();
    for (row, number) in numbers.iter().enumerate() {
        writeln!(input, "{row};{};a \"b\" æøå", digits(*number)).unwrap();
    }
    let options = ["--json", "--batch-rows", "64"];
    let ran = pseudonymize(&installation, &server, &options, input.as_bytes()).well();
    let ids = ids(&installation, &server, &numbers).await;
    let mut expected = "case;npr_id;text\n".to_owned();
    for (row, id) in ids.iter().enumerate() {
        writeln!(expected, "{row};{id};a \"b\" æøå").unwrap();
    }
    assert!(output(&installation) == expected, "the output is another");
    assert_eq!(outputs(&installation), ["out.csv"]);
    let summary: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["rows"], &summary["rejected"]), (&1000.into(), &0.into()));
    assert_eq!((&summary["new_members"], &summary["persons"]), (&1000.into(), &1000.into()));

    // The same file again gives the same file; but never over one that is there.
    let again = pseudonymize(&installation, &server, &[], input.as_bytes());
    again.ended(PRECONDITION, "exists already");
    assert!(output(&installation) == expected, "a file that exists is not touched");
    pseudonymize(&installation, &server, &["--overwrite"], input.as_bytes()).well();
    assert!(output(&installation) == expected, "the same identifiers have the same IDs");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_line_ends_and_quotes_stay_as_they_are() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(3);
    let [a, b, c] = [0, 1, 2].map(|place| digits(numbers[place]));
    let input = format!(
        "\u{feff}\"fnr\",note\r\n{a},\"x, \"\"y\"\"\"\r\n\"{b}\",\"two\r\nlines\"\r\n\r\n{c},last"
    );
    pseudonymize(&installation, &server, &[], input.as_bytes()).well();
    let ids = ids(&installation, &server, &numbers).await;
    let expected = format!(
        "\u{feff}\"npr_id\",note\r\n{},\"x, \"\"y\"\"\"\r\n\"{}\",\"two\r\nlines\"\r\n\r\n{},last",
        ids[0], ids[1], ids[2]
    );
    assert_eq!(output(&installation), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_listed_by_number_and_code_and_never_by_value() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(2);
    let good = digits(numbers[0]);
    let bad = digits(numbers[1] / 10 * 10 + (numbers[1] + 1) % 10);
    let input = format!("fnr,n\n{good},1\n{bad},2\n,3\n{}x,4\n{good},5\n", &good[..10]);
    let ran = pseudonymize(&installation, &server, &["--fail-on-rejects"], input.as_bytes());
    ran.ended(REJECTS, "3 rejected");
    let id = ids(&installation, &server, &numbers[..1]).await[0];
    assert_eq!(output(&installation), format!("npr_id,n\n{id},1\n{id},5\n"));
    let rejects = fs::read_to_string(installation.path("out.csv.rejects.csv")).unwrap();
    assert_eq!(rejects, "row,code\n2,check_digits\n3,format\n4,format\n");
    assert!(!ran.err.contains(&bad) && !ran.out.contains(&bad));

    fs::remove_file(installation.path("out.csv")).unwrap();
    let ran = pseudonymize(&installation, &server, &[], input.as_bytes());
    ran.ended(PRECONDITION, "out.csv.rejects.csv exists already");
    pseudonymize(&installation, &server, &["--overwrite"], input.as_bytes()).well();
    server.stop().await;
}

/// What is told at the end of a file whose column a spreadsheet took for numbers.
#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_told_by_code_with_what_a_spreadsheet_did_to_them() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(2);
    let good = digits(numbers[0]);
    let bad = digits(numbers[1] / 10 * 10 + (numbers[1] + 1) % 10);
    let rows = [
        &good,
        &bad,
        "4.18141E+10",
        "4,2E10",
        &format!("\"=\"\"{good}\"\"\""),
        &format!(" {good}"),
        &good[1..],
        "ukjent",
        "",
    ];
    let input = format!("fnr;n\n{};1\n", rows.join(";1\n"));
    let ran = pseudonymize(&installation, &server, &["--json"], input.as_bytes()).well();
    let done: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let codes = serde_json::json!({ "check_digits": 1, "format": 7 });
    assert_eq!((&done["rejected"], &done["rejected_by_code"]), (&8.into(), &codes));
    let causes = serde_json::json!({ "blanks": 1, "formula": 1, "lost_zero": 1, "scientific": 2 });
    assert_eq!(done["format_causes"], causes);
    for said in [
        "rejected: 1 check_digits, 7 format",
        "2 of those that are format are in scientific notation, such as 1.99E+10",
        "1 of those that are format are formulas",
        "1 of those that are format have blanks",
        "1 of those that are format have ten digits",
        "--leading-zeros",
    ] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    for cell in [&good[1..], &bad, "4.18141", "4,2E10", "ukjent"] {
        assert!(!ran.err.contains(cell) && !ran.out.contains(cell), "{cell}: {ran:?}");
    }

    // Without rejects nothing is said of them.
    let input = format!("fnr;n\n{good};1\n");
    let ran = pseudonymize(&installation, &server, &["--overwrite"], input.as_bytes()).well();
    assert!(!ran.err.contains("rejected:"), "{ran:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_was_not_given_is_told_when_the_work_begins_and_not_before_an_error() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let input = format!("fnr,n\n{},1\n", digits(people(1)[0]));
    fs::write(installation.path("in.csv"), input).unwrap();
    let connect = installation.connect_file(server.address, "sender");
    let mut words = arguments(&installation, connect.to_str().unwrap(), &[]);
    let period = words.iter().position(|word| word == "--period").unwrap();
    words.drain(period..period + 2);
    let run_with = |from: &str, to: &str, more: &str| {
        let mut words: Vec<String> =
            words.iter().map(|word| if word == from { to } else { word }.to_owned()).collect();
        words.insert(1, more.to_owned());
        tokio::task::block_in_place(|| hvelv(&words))
    };
    for (from, to, said) in [
        ("fnr", "name", "there is no column name"),
        ("NPR", "NOPE", "there is no register NOPE"),
        ("HF", "AVTALE", "not_allowed"),
    ] {
        let ran = run_with(from, to, "--json");
        assert!(ran.code != Some(0) && ran.err.contains(said), "{ran:?}");
        assert!(!ran.err.contains("--period"), "{ran:?}");
    }
    let ran = run_with("", "", "--overwrite").well();
    assert!(ran.err.starts_with("no --period: the rows report about "), "{ran:?}");
    let ran = run_with("", "", "--quiet");
    ran.ended(PRECONDITION, "exists already");
    assert!(!ran.err.contains("--period"), "{ran:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_gives_no_output_at_all() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(300);
    let mut rows = "fnr,n\n".to_owned();
    numbers.iter().for_each(|number| writeln!(rows, "{},1", digits(*number)).unwrap());
    let good = digits(numbers[0]);
    for (input, said) in [
        (format!("{rows}{good}\n"), "line 302"),
        (format!("{rows}{good},1,2\n{rows}"), "line 302"),
        (format!("{rows}{good},\"open\n{good},2\n"), "quote"),
        (rows.replace("fnr", "fødselsnummer"), "fnr"),
        (rows.replace("fnr,n", "fnr,fnr"), "fnr"),
        (rows.replace("fnr,n", "fnr,npr_id"), "npr_id"),
        (String::new(), "empty"),
    ] {
        // Small batches, so that some have been answered before the fault is met.
        let ran = pseudonymize(&installation, &server, &["--batch-rows", "10"], input.as_bytes());
        ran.ended(INPUT, said);
        assert!(numbers.iter().all(|number| !ran.err.contains(&digits(*number))), "{said}");
        assert!(outputs(&installation).is_empty(), "{said}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_ends_with_its_exit_code_and_no_output() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let input = format!("fnr\n{}\n", digits(people(1)[0]));
    fs::write(installation.path("in.csv"), &input).unwrap();
    let run_as = |name: &str, words: &[(&str, &str)]| {
        let connect = installation.connect_file(server.address, name);
        let mut all = arguments(&installation, connect.to_str().unwrap(), &[]);
        for (from, to) in words {
            let place = all.iter().position(|word| word == from).unwrap();
            all[place] = (*to).to_owned();
        }
        let ran = tokio::task::block_in_place(|| hvelv(&all));
        assert!(outputs(&installation).is_empty(), "{ran:?}");
        ran
    };
    run_as("stranger", &[]).ended(DENIED, "not_allowed");
    run_as("sender", &[("NPR", "NOPE")]).ended(USAGE, "there is no register NOPE");
    run_as("sender", &[("HF", "NOPE")]).ended(USAGE, "is not a source of NPR");
    run_as("sender", &[("NPR", "KPR"), ("HF", "KUHR")]).ended(DENIED, "not_allowed");
    run_as("pipeline", &[("NPR", "IPLOS"), ("HF", "KOMMUNE")])
        .ended(PRECONDITION, "register_closed");
    run_as("sender", &[("2025", "2025-13")]).ended(USAGE, "2025-13");
    server.seal(&installation).await.unwrap();
    run_as("sender", &[]).ended(PRECONDITION, "hvelv unseal");
    server.stop().await;
}

/// The input is a pipe that the test holds open, so that the command is surely half way.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_half_way_leaves_no_output_and_no_temporary_file() {
    let installation = Installation::new();
    let mut server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    let mut mkfifo = Command::new("mkfifo");
    mkfifo.arg(installation.path("in.csv"));
    run(mkfifo).well();
    // Opened for both, so that opening waits for nobody; what is written fits in the pipe.
    let both = fs::File::options().read(true).write(true).open(installation.path("in.csv"));
    let mut input = both.unwrap();
    let mut rows = "fnr,n\n".to_owned();
    let numbers = people(1000);
    numbers.iter().for_each(|number| writeln!(rows, "{},1", digits(*number)).unwrap());
    input.write_all(rows.as_bytes()).unwrap();

    let connect = installation.connect_file(server.address, "sender");
    let more = ["--batch-rows", "100"];
    let words = arguments(&installation, connect.to_str().unwrap(), &more);
    let mut command = Running::start(&words);
    let channel = installation.connect(server.address, "pipeline").await;
    // Half of it has been answered and written aside.
    let look = || ask(&channel, look_up("NPR", "HF"), text(&numbers[500..501]));
    bounded(async { while look().await.unwrap().result.unwrap().ids == [0] {} }).await;
    until("something is written aside", || !outputs(&installation).is_empty()).await;
    assert!(outputs(&installation)[0].starts_with("out.csv.part-"));

    server.process.kill();
    drop(input);
    let status = command.ended();
    assert_eq!(status.code(), Some(UNAVAILABLE), "{:?}", command.said);
    assert!(outputs(&installation).is_empty(), "{:?}", outputs(&installation));
    let said = command.said.join("\n");
    assert!(
        said.contains("nothing was written")
            && said.contains("was lost")
            && !said.contains(&digits(numbers[0])),
        "{said}"
    );
}
