//! Identities that change, from outside: events by the command line, rows under the person's ID with
//! the identifier's own beside it over gRPC, and feeds that registers read.

use std::fs;

use hvelv::rpc::proto::{RegisterIds, RowCode};
use tonic::transport::Channel;

use crate::harness::{
    Installation, PASSPHRASE, Ran, ServerProcess, ask, audit_entries, digits, header, hvelv,
    log_verifies, look_up, packed, people, unseal,
};

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

fn identity(
    installation: &Installation,
    server: &ServerProcess,
    caller: &str,
    words: &[&str],
) -> Ran {
    let connect = installation.connect_file(server.address, caller);
    let connect = ["--connect", connect.to_str().unwrap()];
    hvelv(&[&["identity"], words, &connect].concat())
}

/// One line of a feed.
fn line(sequence: u64, kind: &str, number: u64, other: u64) -> String {
    let (number, other) = (digits(number), digits(other));
    format!(
        "{{\"sekvensnummer\":\"{sequence}\",\"hendelse\":{{\"hendelsestype\":\"{kind}\",\
         \"folkeregisteridentifikator\":\"{number}\"}},\"identifikatorer\":[\"{other}\"]}}\n"
    )
}

async fn rows(pipeline: &Channel, numbers: &[u64]) -> RegisterIds {
    let answered = ask(pipeline, header("NPR", "HF"), packed(numbers)).await.unwrap();
    answered.result.unwrap()
}

/// The rows that were joined, with their own IDs.
fn joined(answered: &RegisterIds) -> Vec<(u32, u64)> {
    assert!(answered.notes.iter().all(|note| note.code() == RowCode::Joined));
    answered.notes.iter().map(|note| (note.row, note.own_id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_and_its_split_reach_rows_and_feeds_also_after_a_kill() {
    let installation = Installation::new();
    let mut server = start(&installation).await;
    let numbers = people(3);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let npr = rows(&pipeline, &numbers).await.ids;
    let file = installation.path("events.jsonl");
    let name = file.to_str().unwrap().to_owned();
    let merge = [
        line(1, "personErOpphoertSomDublett", numbers[1], numbers[0]),
        line(2, "personErBosatt", numbers[1], numbers[0]),
        line(3, "personErViderefoertSomGjeldendeVedSammenslaaing", numbers[0], numbers[1]),
        line(4, "personErEndretVedSplitting", numbers[0], numbers[2]),
    ];
    fs::write(&file, merge.concat()).unwrap();
    let told = identity(&installation, &server, "identity", &["apply", &name]).well();
    assert_eq!(told.out, "line 4, event 4: never_joined\n");
    assert!(told.err.contains("4 events: 2 applied, 0 unchanged or about nobody, 1 passed over"));
    let answered = rows(&pipeline, &numbers).await;
    assert_eq!(answered.ids, [npr[0], npr[0], npr[2]]);
    assert_eq!(joined(&answered), [(1, npr[1])]);
    server.process.kill();

    let server = start(&installation).await;
    let pipeline = installation.connect(server.address, "pipeline").await;
    let found = ask(&pipeline, look_up("NPR", "HF"), packed(&numbers[1..2])).await.unwrap();
    let found = found.result.unwrap();
    assert_eq!((found.ids[0], joined(&found)), (npr[0], vec![(0, npr[1])]));
    // The same file again, and the split behind it.
    let split = line(5, "personErGjenopprettetVedSplitting", numbers[1], numbers[0]);
    fs::write(&file, [merge.concat(), split].concat()).unwrap();
    let told = identity(&installation, &server, "identity", &["apply", &name, "--json"]).well();
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["repeated"], &told["applied"]), (&4.into(), &1.into()));
    assert_eq!((&told["read_to"], &told["reports"]), (&5.into(), &serde_json::json!([])));
    let answered = rows(&pipeline, &numbers).await;
    assert_eq!((&answered.ids, joined(&answered).len()), (&npr, 0));
    let changes = ["changes", "--register", "NPR"];
    let told = identity(&installation, &server, "pipeline", &changes).well();
    let lines: Vec<String> = told
        .out
        .lines()
        .map(|line| line.rsplit_once(' ').expect("it ends with a time").0.to_owned())
        .collect();
    let [first, second, ..] = &npr[..] else { unreachable!("there are three") };
    assert_eq!(lines, [format!("1 superseded {second} {first}"), format!("2 restored {second}")]);
    let after =
        identity(&installation, &server, "pipeline", &[&changes[..], &["--after", "1"]].concat());
    assert_eq!(after.well().out.lines().count(), 1);

    for (caller, words) in [
        ("sender", &changes[..]),
        ("identity", &changes[..]),
        ("pipeline", &["apply", &name]),
        ("identity", &["protected", "--register", "NPR"]),
    ] {
        identity(&installation, &server, caller, words).ended(4, "not allowed");
    }
    identity(&installation, &server, "custodian", &["protected", "--register", "NPR"]).well();
    let entries = audit_entries(&installation, server.address).await;
    let applied: Vec<_> =
        entries.iter().filter(|entry| entry["action"] == "identity_events_applied").collect();
    assert_eq!(applied.len(), 2);
    assert_eq!(applied[0]["changes"], serde_json::json!(["event 4: never_joined"]));
    for number in &numbers {
        assert!(!format!("{entries:?}").contains(&digits(*number)));
    }
    log_verifies(&installation, server.address);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_event_ends_the_command_behind_what_comes_before_it() {
    let installation = Installation::new();
    let server = start(&installation).await;
    let numbers = people(2);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let npr = rows(&pipeline, &numbers).await.ids;
    let file = installation.path("events.jsonl");
    let good = line(1, "endringIIdentifikasjonsnummer", numbers[0], numbers[1]);
    let cut = &good[..good.len() / 2];
    fs::write(&file, format!("{good}\n{}", cut.replace("\"1\"", "\"2\""))).unwrap();
    let words = ["apply", file.to_str().unwrap()];
    let ran = identity(&installation, &server, "identity", &words);
    ran.ended(2, "line 3 is not an event");
    assert!(!ran.err.contains(&digits(numbers[0])));
    assert_eq!(rows(&pipeline, &numbers).await.ids, [npr[0]; 2], "the first line is applied");
    server.stop();
}
