//! Budgets from outside: an enumerator with a valid certificate, `kill -9`, grants, and who is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hvelv::rpc::certificates::client_uri;
use hvelv::rpc::proto::RowCode;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::harness::{
    InProcessServer, Installation, InstallationOptions, PASSPHRASE, ServerProcess, Stream, ask,
    audit_entries, header, hvelv, look_up, packed, people, reason, refusal, unseal, validity,
};

const SMALL: &str = "persons_max = 100\nmisses_max = 10\nassignments_max = 100";
const SPENT: i32 = RowCode::BudgetSpent as i32;

fn installation() -> Installation {
    let options = InstallationOptions { budgets: SMALL, ..InstallationOptions::default() };
    Installation::with(&options)
}

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

/// Sends numbers, ten at a time, until the stream is ended; gives those that got an ID, and what was
/// told at the end.
async fn enumerate(channel: &Channel, numbers: &[u64]) -> (Vec<u64>, tonic::Status) {
    let (mut stream, _) = Stream::open(channel, header("NPR", "HF")).await.unwrap();
    let mut answered = Vec::new();
    for batch in numbers.chunks(10) {
        let result = match stream.exchange(packed(batch)).await {
            Ok(result) => result,
            Err(status) => return (answered, status),
        };
        let with_id = batch.iter().zip(&result.ids).filter(|(_, id)| **id != 0);
        answered.extend(with_id.map(|(number, _)| *number));
        let refused = result.notes.iter().filter(|note| note.code == SPENT).count();
        let without = result.ids.iter().filter(|id| **id == 0).count();
        assert_eq!(refused, without);
    }
    panic!("the enumerator came to its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enumerator_stops_at_its_budget_also_when_the_server_is_killed_in_between() {
    let installation = installation();
    let numbers = people(1000);
    let mut server = start(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    // 60 of 100, then the process dies in the middle of the stream.
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let first = stream.exchange(packed(&numbers[..60])).await.unwrap();
    assert!(first.ids.iter().all(|id| *id != 0));
    stream.send(packed(&numbers[60..65])).await;
    server.process.kill();

    let mut server = start(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let (answered, status) = enumerate(&channel, &numbers).await;
    assert!((95..=100).contains(&answered.len()), "{} answered", answered.len());
    assert!(answered == numbers[..answered.len()], "the first are answered, as far as it reaches");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "budget_spent")
    );
    assert!(status.message().contains("hvelv budget grant"), "{}", status.message());
    let told = status.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!((told["budget"].as_str(), told["budget_limit"].as_str()), ("persons", "100"));
    assert!(
        told["budget_refills_on"].len() == 10 && status.message().contains(" of sender in NPR")
    );
    server.process.kill();

    // Again and again: nobody else, and whoever was answered is answered still.
    let server = start(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let (again, _) = enumerate(&channel, &numbers).await;
    assert_eq!(again, answered);
    let (others, _) = enumerate(&channel, &numbers[500..]).await;
    assert!(others.is_empty());
    let one = ask(&channel, header("NPR", "HF"), packed(&numbers[999..])).await;
    assert_eq!(refusal(one), (Code::ResourceExhausted, "budget_spent".to_owned()));
    let some = ask(&channel, header("NPR", "HF"), packed(&[numbers[0], numbers[999]])).await;
    let some = some.unwrap().result.unwrap();
    assert!(some.ids[0] != 0 && some.ids[1] == 0 && some.notes[0].code == SPENT);

    let entries = audit_entries(&installation, server.address).await;
    let refused: Vec<_> = entries.iter().filter(|entry| entry["action"] == "refused").collect();
    assert_eq!(refused.len(), 5, "each refused delivery is in the log");
    for entry in refused {
        assert_eq!(
            (&entry["attempted"], &entry["reason"]),
            (&"ingest".into(), &"budget_spent".into())
        );
        assert_eq!(entry["counts"]["persons_limit"], 100);
    }
    let recorded = |name: &str| -> u64 {
        let ingest = entries.iter().filter(|entry| entry["action"] == "ingest");
        ingest.filter_map(|entry| entry["counts"][name].as_u64()).sum()
    };
    assert!(recorded("new_members") <= 100 && recorded("budget_spent") > 0);
    let stored = entries.iter().filter(|entry| entry["action"] == "delivery_closed");
    assert!(stored.clone().all(|entry| entry["reason"] == "broken"), "none of them is complete");
    drop(channel);
    server.stop();
}

/// Nothing may be spent: an ingest gets no ID, a look-up is not told who is unknown, and nobody is
/// stored. A number that the rules refuse still has its own code.
#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_zero_answers_about_nobody_and_stores_nobody() {
    let budgets = "persons_max = 0\nmisses_max = 0\nassignments_max = 0";
    let options = InstallationOptions { budgets, ..InstallationOptions::default() };
    let installation = Installation::with(&options);
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "pipeline").await;
    let numbers = people(3);
    for delivery in [header("NPR", "HF"), look_up("NPR", "HF")] {
        let status = ask(&channel, delivery.clone(), packed(&numbers)).await.unwrap_err();
        let expected = (Code::ResourceExhausted, "budget_spent");
        assert_eq!((status.code(), reason(&status).as_str()), expected);
        let (mut stream, _) = Stream::open(&channel, delivery.clone()).await.unwrap();
        let result = stream.exchange(packed(&numbers)).await.unwrap();
        assert_eq!(result.ids, [0; 3]);
        assert!(result.notes.iter().all(|note| note.code == SPENT), "{result:?}");
        let status = stream.result().await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), expected);
        let bad = ask(&channel, delivery, packed(&[numbers[0] ^ 1])).await.unwrap();
        assert_ne!(bad.result.unwrap().notes[0].code, SPENT);
    }
    assert_eq!(server.status(&installation).await.persons, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_its_misses_are_spent_a_look_up_tells_nothing_about_anybody() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(60);
    let sender = installation.connect(server.address, "sender").await;
    ask(&sender, header("NPR", "HF"), packed(&numbers[..30])).await.unwrap();
    let pipeline = installation.connect(server.address, "pipeline").await;
    let spend = ask(&pipeline, look_up("NPR", "HF"), packed(&numbers[30..40])).await.unwrap();
    let unknown = RowCode::Unknown as i32;
    assert!(spend.result.unwrap().notes.iter().all(|note| note.code == unknown));
    let mut told = BTreeMap::new();
    for number in [numbers[0], numbers[1], numbers[50], numbers[51]] {
        let refused = ask(&pipeline, look_up("NPR", "HF"), packed(&[number])).await;
        let status = refused.err().unwrap();
        *told.entry((status.code() as i32, status.message().to_owned())).or_insert(0) += 1;
    }
    assert_eq!(told.into_values().collect::<Vec<_>>(), [4], "known and unknown are told the same");
    // Another client, and another register, have budgets of their own.
    ask(&sender, header("NPR", "HF"), packed(&numbers[30..31])).await.unwrap();
    let other = ask(&pipeline, look_up("KPR", "KUHR"), packed(&numbers[..1])).await.unwrap();
    assert_eq!(other.result.unwrap().notes[0].code, unknown);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_is_spent_and_grants_more() {
    let installation = installation();
    let numbers = people(150);
    let server = start(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let (answered, _) = enumerate(&channel, &numbers).await;
    assert_eq!(answered.len(), 100);
    let operator = installation.connect_file(server.address, "operator");
    let operator = ["--connect", operator.to_str().unwrap()];
    let shown = hvelv(&[&["budget", "show"][..], &operator].concat()).well().out;
    let line = |shown: &str, budget: &str| {
        let line = shown.lines().find(|line| line.contains(budget)).unwrap().to_owned();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line(&shown, "persons")[..5], ["sender", "NPR", "persons", "100", "100"]);
    assert_eq!(line(&shown, "misses")[3..5], ["0", "10"]);

    let tomorrow = validity(0, 24).to.to_string()[..10].to_owned();
    let grant = |budget: &'static str, reason: &'static str| {
        let what = ["budget", "grant", "--principal", "sender", "--register", "NPR"];
        let how = ["--budget", budget, "--amount", "50", "--until", &tomorrow, "--reason", reason];
        hvelv(&[&what[..], &how, &operator].concat())
    };
    grant("persons", "41814061033").ended(2, "request_invalid");
    grant("people", "first load").ended(2, "people");
    let granted = grant("persons", "first load, case 26/1").well();
    assert!(granted.out.contains("0 of 50 used") && granted.err.contains("entry"), "{granted:?}");
    grant("assignments", "first load, case 26/1").well();
    let mut stranger = vec!["budget", "show", "--connect"];
    let sender = installation.connect_file(server.address, "sender");
    stranger.push(sender.to_str().unwrap());
    hvelv(&stranger).ended(4, "not_allowed");

    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let result = stream.exchange(packed(&numbers)).await.unwrap();
    assert!(result.ids.iter().all(|id| *id != 0) && result.new_members == 50);
    stream.finish().await.unwrap();
    let json = hvelv(&[&["budget", "show", "--json"][..], &operator].concat()).well().out;
    let budgets: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let persons = budgets.iter().find(|one| one["budget"] == "persons").unwrap();
    assert_eq!((&persons["used"], &persons["limit"]), (&150.into(), &150.into()));
    assert_eq!(persons["persons_ever"], 150);
    assert_eq!(persons["grants"][0]["granted_by"], "operator");
    let entries = audit_entries(&installation, server.address).await;
    let grants: Vec<_> = entries.iter().filter(|one| one["action"] == "budget_granted").collect();
    assert_eq!(grants.len(), 2);
    assert_eq!(grants[0]["basis"], "first load, case 26/1");
    assert_eq!(grants[0]["actor"]["principal"], "operator");
    drop(channel);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cumulative_delivery_is_complete_the_second_time_with_nothing_left() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(100);
    let channel = installation.connect(server.address, "sender").await;
    for new in [100, 0] {
        let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
        let result = stream.exchange(packed(&numbers)).await.unwrap();
        assert_eq!(u64::from(result.new_members), new);
        let summary = stream.finish().await.unwrap();
        assert_eq!((summary.answered, summary.persons), (100, 100));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_is_not_written_when_a_budget_is_spent() {
    let installation = installation();
    let server = start(&installation).await;
    let (input, output) = (installation.path("in.csv"), installation.path("out.csv"));
    let mut text = "fnr\n".to_owned();
    people(150).iter().for_each(|number| writeln!(text, "{number:011}").unwrap());
    std::fs::write(&input, text).unwrap();
    let sender = installation.connect_file(server.address, "sender");
    let paths = [&sender, &input, &output].map(|path| path.to_str().unwrap());
    let how = ["--register", "NPR", "--source", "HF", "--id-column", "fnr", "--period", "2025"];
    let command = ["pseudonymize", "--connect", paths[0]];
    let ran = hvelv(&[&command[..], &how, &paths[1..]].concat());
    ran.ended(3, "budget_spent");
    assert!(ran.err.contains("hvelv budget grant"), "{ran:?}");
    assert!(!output.exists());
    server.stop();
}

/// a local register feeds the central one with its own certificate, as its own source there,
/// and reaches nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_local_register_delivers_to_the_central_one_as_itself_and_to_nothing_else() {
    let installation = Installation::new();
    let mut access = std::fs::read_to_string("access.toml").unwrap();
    let (rehab, operator) = (client_uri("rehab-ous"), client_uri("operator"));
    // The example as it is shipped, with certificates that this test has.
    let start = access.find("sha256:6a09e667").unwrap();
    let end = start + access[start..].find('"').unwrap();
    access.replace_range(start..end, &format!("uri:{rehab}"));
    let access =
        access.replace("uri:spiffe://hvelv.example/person/nils", &format!("uri:{operator}"));
    std::fs::write(installation.path("access.toml"), access).unwrap();
    installation.issue(&installation.authority, "rehab-ous", "rehab-ous", validity(-24, 24));
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "rehab-ous").await;

    let own = ask(&channel, header("REHAB", "LOKAL-OUS"), packed(&people(2))).await.unwrap();
    // Without consent nobody is recorded.
    let suppressed = RowCode::Suppressed as i32;
    assert!(own.result.unwrap().notes.iter().all(|note| note.code == suppressed));
    for other in [
        header("REHAB", "LOKAL"),
        header("NPR", "HF"),
        header("KPR", "KOMMUNE"),
        look_up("REHAB", "LOKAL-OUS"),
        look_up("NPR", "HF"),
    ] {
        let refused = ask(&channel, other, packed(&people(1))).await;
        assert_eq!(refusal(refused), (Code::PermissionDenied, "not_allowed".to_owned()));
    }
    server.stop().await;
}
