//! Reservations and consents from outside: the command line says it, serials and deliveries heed it, at
//! once and after a `kill -9`, and nobody without the role is told anything.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use hvelv::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use hvelv::rpc::proto::issue_serials_request::Message as Asked;
use hvelv::rpc::proto::issue_serials_response::Message as Told;
use hvelv::rpc::proto::{
    ApplicationRequest, CalendarDate, Decision, IssueSerialsRequest, OpenDisclosureRequest,
    ReceiveApplicationRequest, RecordDecisionRequest, RegisterIdBatch, RegisterTerms,
    ReservationOverride, RowCode, Serials, SerialsHeader, Terms, Variable,
};
use tonic::transport::Channel;

use crate::harness::{
    Installation, PASSPHRASE, PROGRAM, Ran, ServerProcess, ask, audit_entries, bounded, digits,
    header, hvelv, log_verifies, packed, people, run, unseal,
};

const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const SUPPRESSED: i32 = RowCode::Suppressed as i32;

async fn start(installation: &Installation) -> ServerProcess {
    let server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    server
}

/// The command line of somebody who says what a person has said.
struct Said<'a> {
    installation: &'a Installation,
    server: &'a ServerProcess,
    caller: &'static str,
}

impl Said<'_> {
    fn run(&self, number: u64, words: &str) -> Ran {
        let file = self.installation.path("person");
        fs::write(&file, digits(number) + "\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let connect = self.installation.connect_file(self.server.address, self.caller);
        let mut arguments: Vec<&str> = words.split_whitespace().collect();
        arguments.extend(["--identifier-file", file.to_str().unwrap()]);
        arguments.extend(["--connect", connect.to_str().unwrap()]);
        hvelv(&arguments)
    }
}

/// A disclosure of KPR for research; gives its id.
async fn disclosure(channel: &Channel, overrides: &[&str]) -> String {
    let mut client = DisclosureServiceClient::new(channel.clone());
    let request = ApplicationRequest {
        applicant: "Prosjekt X".into(),
        organisation: "352601810".into(),
        purpose: "research".into(),
        registers: vec!["KPR".into()],
        legal_basis: vec!["GDPR art. 6 nr. 1 e".into()],
        delivered_to: "tsd".into(),
        contact: "x@uni.example".into(),
        description: "En test".into(),
        ..ApplicationRequest::default()
    };
    let received = ReceiveApplicationRequest { request: Some(request) };
    let received = bounded(client.receive_application(received)).await.unwrap().into_inner();
    let application = received.application.unwrap().id;
    let variables = vec![Variable { name: "sex".into(), generalisation: None }];
    let terms = RegisterTerms { register: "KPR".into(), variables, secondary: Vec::new() };
    let named = overrides.iter().map(|provision| ReservationOverride {
        provision: (*provision).to_owned(),
        with_identifiers: false,
    });
    let decision = Decision {
        authority: "helsedataservice".into(),
        kind: "access".into(),
        reference: "26/1".into(),
        dated: Some(CalendarDate { year: 2026, month: 1, day: 10 }),
        valid_until: Some(CalendarDate { year: 2099, month: 12, day: 31 }),
        overrides: named.collect(),
        terms: Some(Terms { registers: vec![terms], small_cells: None }),
        ..Decision::default()
    };
    let decided =
        RecordDecisionRequest { application: application.clone(), decision: Some(decision) };
    let number = bounded(client.record_decision(decided)).await.unwrap().into_inner().decision;
    let recipient_key = KEY.into();
    let opened =
        OpenDisclosureRequest { application, decision: number, recipient_key, expires: None };
    let opened = bounded(client.open_disclosure(opened)).await.unwrap().into_inner();
    opened.disclosure.unwrap().id
}

async fn serials(channel: &Channel, disclosure: &str, ids: &[u64]) -> Serials {
    let mut client = DisclosureServiceClient::new(channel.clone());
    let batch =
        RegisterIdBatch { register: "KPR".into(), ids: ids.to_vec(), ..RegisterIdBatch::default() };
    let open = Asked::Open(SerialsHeader { disclosure: disclosure.to_owned() });
    let messages =
        [open, Asked::Batch(batch)].map(|message| IssueSerialsRequest { message: Some(message) });
    let stream = client.issue_serials(tokio_stream::iter(messages));
    let mut replies = bounded(stream).await.unwrap().into_inner();
    let mut result = None;
    while let Some(reply) = bounded(replies.message()).await.unwrap() {
        if let Some(Told::Result(serials)) = reply.message {
            result = Some(serials);
        }
    }
    result.expect("a batch is answered")
}

fn suppressed(notes: &[hvelv::rpc::proto::RowNote]) -> Vec<u32> {
    assert!(notes.iter().all(|note| note.code == SUPPRESSED));
    notes.iter().map(|note| note.row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_heeded_at_once_also_after_a_kill_and_goes_behind_a_named_provision() {
    let installation = Installation::new();
    let mut server = start(&installation).await;
    let numbers = people(5);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let kpr = ask(&pipeline, header("KPR", "KUHR"), packed(&numbers)).await.unwrap();
    let kpr = kpr.result.unwrap().ids;
    let officer = installation.connect(server.address, "officer").await;
    let id = disclosure(&officer, &[]).await;
    let all = serials(&officer, &id, &kpr).await;
    assert!(all.notes.is_empty());
    let said = Said { installation: &installation, server: &server, caller: "rights" };
    let set = "reservation set --register KPR --use secondary_purposes --channel helsenorge";
    let told = said.run(numbers[3], &format!("{set} --json")).well();
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert!(told["audit_entry"].is_u64());
    assert_eq!(suppressed(&serials(&officer, &id, &kpr).await.notes), [3]);
    server.process.kill();

    let server = start(&installation).await;
    let officer = installation.connect(server.address, "officer").await;
    let answered = serials(&officer, &id, &kpr).await;
    assert_eq!((suppressed(&answered.notes), answered.serials[3]), (vec![3], 0));
    let linked = disclosure(&officer, &["register_linkage"]).await;
    assert!(serials(&officer, &linked, &kpr).await.notes.is_empty());
    let entries = audit_entries(&installation, server.address).await;
    let overridden = |entry: &&serde_json::Value| {
        entry["action"] == "serials_issued" && entry["disclosure"] == linked.as_str()
    };
    let entry = entries.iter().rfind(overridden).unwrap();
    assert_eq!(entry["counts"]["overridden_register_linkage"], 1);

    let said = Said { installation: &installation, server: &server, caller: "rights" };
    let shown = said.run(numbers[3], "reservation show --register KPR").well();
    assert!(shown.out.starts_with("reserved against: secondary_purposes\nconsents to: none\n"));
    assert!(
        shown.out.contains("reservation_set secondary_purposes, by rights, through helsenorge")
    );
    // From standard input.
    let connect = installation.connect_file(server.address, "rights");
    let mut lift = Command::new("sh");
    lift.args(["-c", "exec \"$0\" \"$@\" < \"$PERSON\"", PROGRAM]).args(["reservation", "lift"]);
    lift.args(["--register", "KPR", "--use", "secondary_purposes", "--channel", "letter"]);
    lift.args(["--identifier-file", "-", "--connect"]).arg(&connect);
    lift.env("PERSON", installation.path("person"));
    run(lift).well();
    assert_eq!(serials(&officer, &id, &kpr).await.serials, all.serials);
    log_verifies(&installation, server.address);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_lets_a_person_in_and_its_withdrawal_keeps_the_person_out() {
    let installation = Installation::new();
    let server = start(&installation).await;
    let numbers = people(3);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let said = Said { installation: &installation, server: &server, caller: "rights" };
    let give = "consent give --register REHAB --purpose quality_improvement --channel institution";
    let deliver = async || {
        let asked = ask(&pipeline, header("REHAB", "LOKAL"), packed(&numbers)).await;
        asked.unwrap().result.unwrap()
    };
    assert_eq!(suppressed(&deliver().await.notes), [0, 1, 2]);
    said.run(numbers[1], give).well();
    said.run(numbers[2], give).well();
    let answered = deliver().await;
    assert_eq!((suppressed(&answered.notes), answered.new_members), (vec![0], 2));
    said.run(numbers[1], "consent withdraw --register REHAB --channel helsenorge").well();
    let after = deliver().await;
    assert_eq!(suppressed(&after.notes), [0, 1]);
    assert_eq!(after.ids[2], answered.ids[2]);
    let shown = said.run(numbers[1], "reservation show --register REHAB --json").well().out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["consented"], serde_json::json!([]));
    assert_eq!(shown["facts"][0]["purposes"][0], "quality_improvement");
    assert_eq!(shown["facts"][1]["kind"], "consent_withdrawn");

    // What cannot be done.
    said.run(numbers[1], "consent withdraw --register REHAB --channel letter")
        .ended(5, "consent_not_given");
    said.run(numbers[0], "consent withdraw --register REHAB --channel letter")
        .ended(2, "person_not_in_register");
    said.run(numbers[0], &give.replace("REHAB", "NPR")).ended(5, "register_not_on_consent");
    said.run(numbers[0], &give.replace("quality_improvement", "research")).ended(2, "purposes");
    said.run(numbers[0], &give.replace("institution", "rumour")).ended(2, "channel");
    let malformed = said.run(numbers[0] + 1, give);
    malformed.ended(2, "subject.identifier");
    assert!(!malformed.err.contains(&digits(numbers[0] + 1)), "{malformed:?}");
    for caller in ["pipeline", "operator", "officer", "auditor", "stranger"] {
        let other = Said { caller, ..said };
        let mut told = numbers.iter().map(|number| {
            let ran = other.run(*number, "reservation show --register REHAB");
            ran.ended(4, "not_allowed");
            ran.err
        });
        let first = told.next().unwrap();
        let same = |text: &str| text.lines().next().map(str::to_owned);
        assert!(told.all(|text| same(&text) == same(&first)), "{first}");
    }
    let entries = audit_entries(&installation, server.address).await;
    for (action, count) in [("consent_given", 2), ("consent_withdrawn", 1), ("rights_read", 1)] {
        let found: Vec<_> = entries.iter().filter(|entry| entry["action"] == action).collect();
        assert_eq!(found.len(), count, "{action}");
        assert!(found.iter().all(|entry| entry["reference"].as_str().unwrap().len() == 32));
    }
    let all: String = entries.iter().map(ToString::to_string).collect();
    assert!(numbers.iter().all(|number| !all.contains(&digits(*number))));
    server.stop();
}

/// Innsyn from outside: JSON, a page, what to ask a register and its answer, a refusal, and a caller
/// without the role.
#[tokio::test(flavor = "multi_thread")]
async fn innsyn_is_told_as_json_and_as_a_page_and_takes_the_registers_answer() {
    let installation = Installation::new();
    let server = start(&installation).await;
    let pipeline = installation.connect(server.address, "pipeline").await;
    let people = people(2);
    ask(&pipeline, header("NPR", "HF"), packed(&people)).await.unwrap();
    let officer = Said { installation: &installation, server: &server, caller: "rights" };
    let (requests, page) = (installation.path("requests"), installation.path("innsyn.html"));
    let asked = format!(
        "innsyn --as self --way manual --life alive --json --register-requests {} --html {}",
        requests.display(),
        page.display()
    );
    let told = officer.run(people[0], &asked);
    let told = told.well();
    let report: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(report["registers"][0]["code"], "NPR");
    assert!(fs::read_to_string(&page).unwrap().contains("Norsk pasientregister"));
    let request = fs::read_to_string(requests.join("NPR.json")).unwrap();
    let request: serde_json::Value = serde_json::from_str(&request).unwrap();
    assert_eq!(request["request"], report["audit_entry"]);
    assert_eq!(request["register_ids"][0].as_str().unwrap().len(), 15);
    for shown in [&told.out, &told.err, &fs::read_to_string(&page).unwrap()] {
        assert!(!shown.contains(&digits(people[0])), "no identifier is told");
    }
    let refused = officer.run(people[0], "innsyn --as parent --way manual --life alive --json");
    assert_eq!(refused.code, Some(5), "{}", refused.err);
    assert!(refused.err.contains("protected address"), "it says what is missing");
    let again = officer.run(people[0], "innsyn --as self --way manual --life alive --json");
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    let actions: Vec<&str> = again["accesses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["refused", "innsyn_given"]);
    let stranger = Said { installation: &installation, server: &server, caller: "pipeline" };
    assert_eq!(
        stranger.run(people[0], "innsyn --as self --way manual --life alive --json").code,
        Some(4)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quality_register_states_and_asks_who_has_consented_to_it_and_nobody_else_does() {
    let installation = Installation::new();
    let mut server = start(&installation).await;
    let numbers = people(3);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let npr = ask(&pipeline, header("NPR", "HF"), packed(&numbers[..2])).await.unwrap();
    let npr = npr.result.unwrap().ids;
    let state = "consent state --register NPR --quality-register DIABETES --channel letter";
    let by = |server, caller| Said { installation: &installation, server, caller };
    by(&server, "quality").run(numbers[0], &format!("{state} --said given --on 2026-01-02")).well();
    by(&server, "rights")
        .run(numbers[1], &format!("{state} --said reserved --on 2026-01-03"))
        .well();
    let again = format!("{state} --said withdrawn --on 2026-01-04");
    by(&server, "rights").run(numbers[1], &again).ended(5, "quality_consent_not_given");
    by(&server, "quality").run(numbers[2], &again).ended(2, "person_not_in_register");
    by(&server, "officer").run(numbers[0], &again).ended(4, "not_allowed");
    let of_ms = again.replace("DIABETES", "MS");
    by(&server, "quality").run(numbers[0], &of_ms).ended(4, "not_allowed");
    let shown = by(&server, "rights").run(numbers[0], "reservation show --register NPR").well();
    assert!(shown.out.contains("quality_consent_given DIABETES, said on 2026-01-02, by quality"));
    server.process.kill();

    let server = start(&installation).await;
    let (persons, ids) = (installation.path("persons"), installation.path("ids"));
    fs::write(&persons, numbers.iter().map(|one| digits(*one) + "\n").collect::<String>()).unwrap();
    fs::write(&ids, format!("{}\n{}\n12\n", npr[1], npr[0])).unwrap();
    let check = |option: &str, file: &std::path::Path, caller: &str| {
        let connect = installation.connect_file(server.address, caller);
        let mut arguments = vec!["consent", "check", "--register", "NPR"];
        arguments.extend(["--quality-register", "DIABETES", option, file.to_str().unwrap()]);
        arguments.extend(["--connect", connect.to_str().unwrap()]);
        hvelv(&arguments)
    };
    assert_eq!(check("--identifiers", &persons, "quality").well().out, "1 yes\n2 no\n3 unknown\n");
    assert_eq!(check("--ids", &ids, "quality").well().out, "1 no\n2 yes\n3 invalid\n");
    check("--ids", &ids, "rights").ended(4, "not_allowed");
    log_verifies(&installation, server.address);
    server.stop();
}
