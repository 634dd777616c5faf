//! What two persons open, from outside: a bridge that only its party reads, who a serial is, and what
//! stands in the log afterwards.

use std::fs;
use std::net::SocketAddr;

use hvelv::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use hvelv::rpc::proto::issue_serials_request::Message as SerialsIn;
use hvelv::rpc::proto::issue_serials_response::Message as SerialsOut;
use hvelv::rpc::proto::{IssueSerialsRequest, RegisterIdBatch, SerialsHeader};
use serde_json::Value;
use tonic::transport::Channel;

use crate::disclosure::{EXAMPLE, day};
use crate::harness::{
    InProcessServer, Installation, PRINCIPALS, Ran, ask, audit_entries, bounded, digits, header,
    hvelv, integers, people, validity,
};

const PARTY: &str = "382199359";
const DENIED: i32 = 4;
const PRECONDITION: i32 = 5;

fn installation() -> Installation {
    let installation = Installation::new();
    let ola = ("ola", "person", "'approver'");
    installation.grant(&[&PRINCIPALS[..], &[ola]].concat());
    installation.issue(&installation.authority, "ola", "ola", validity(-24, 24));
    installation
}

/// The command line as somebody.
struct Terminal<'a>(&'a Installation, SocketAddr);

impl Terminal<'_> {
    fn run(&self, name: &str, arguments: &[&str]) -> Ran {
        let connect = self.0.connect_file(self.1, name);
        hvelv(&[arguments, &["--connect", connect.to_str().unwrap()]].concat())
    }

    fn json(&self, name: &str, arguments: &[&str]) -> Value {
        let ran = self.run(name, &[arguments, &["--json"]].concat()).well();
        serde_json::from_str(&ran.out).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.0.path(name).to_str().unwrap().to_owned()
    }

    /// A disclosure that permits everything but a bridge in.
    fn disclosure(&self) -> String {
        let delete_by = day(10);
        let to = format!("{{ number = \"{PARTY}\", name = \"Koblingsenheten\" }}");
        let permitted = format!(
            "reidentification = \"permitted\"\n\
             bridge_out = {{ to = {to}, delete_by = \"{delete_by}\" }}\n"
        );
        let text = fs::read_to_string(EXAMPLE).unwrap();
        let text = text.replace("2026-03-02", &day(-1).to_string());
        let text = text.replace("2029-12-31", &day(300).to_string());
        let text = text.replace("2028-12-31", &day(200).to_string());
        let text = text.replace("reidentification = \"refused\"\n", &permitted);
        let path = self.path("description.toml");
        fs::write(&path, text).unwrap();
        let ran = self.json("officer", &["disclosure", "run", &path]);
        ran["disclosure"]["id"].as_str().unwrap().to_owned()
    }

    /// An approval that the officer asks for and ola gives.
    fn approve(&self, act: &str, subject: &str, parameters: &[&str]) {
        let mut arguments = vec!["approval", "request", "--act", act, "--subject", subject];
        arguments.extend(["--reason", "linkage", "--basis", "case 26/1"]);
        arguments.extend(parameters.iter().flat_map(|one| ["--parameter", one]));
        let asked = self.json("officer", &arguments);
        let id = asked["id"].as_str().unwrap();
        self.run("ola", &["approval", "approve", id]).well();
    }
}

/// The serials of NPR's IDs.
async fn serials(channel: &Channel, disclosure: &str, ids: Vec<u64>) -> Vec<u64> {
    let open = SerialsIn::Open(SerialsHeader { disclosure: disclosure.to_owned() });
    let batch = SerialsIn::Batch(RegisterIdBatch {
        register: "NPR".to_owned(),
        ids,
        ..RegisterIdBatch::default()
    });
    let messages = [open, batch].map(|message| IssueSerialsRequest { message: Some(message) });
    let mut client = DisclosureServiceClient::new(channel.clone());
    let replies = bounded(client.issue_serials(tokio_stream::iter(messages))).await;
    let mut replies = replies.unwrap().into_inner();
    let mut serials = Vec::new();
    while let Some(reply) = bounded(replies.message()).await.unwrap() {
        if let Some(SerialsOut::Result(result)) = reply.message {
            serials = result.serials;
        }
    }
    serials
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_and_a_serial_are_opened_by_two_persons_and_nobody_else_reads_them() {
    let installation = installation();
    let server = InProcessServer::open(&installation).await;
    let terminal = Terminal(&installation, server.address);
    let pipeline = installation.connect(server.address, "pipeline").await;
    let numbers = people(300);
    let npr = ask(&pipeline, header("NPR", "HF"), integers(&numbers)).await.unwrap();
    let disclosure = terminal.disclosure();
    let officer = installation.connect(server.address, "officer").await;
    let serials = serials(&officer, &disclosure, npr.result.unwrap().ids).await;

    let secret = terminal.path("party.key");
    let key = hvelv(&["extract", "key", &secret]).well().out.trim().to_owned();
    let file = terminal.path("bridge.csv.age");
    let out = ["bridge", "out", &disclosure, &file, "--party", PARTY, "--recipient", &key];
    terminal.run("officer", &out).ended(PRECONDITION, "another person's approval");
    assert!(!fs::exists(&file).unwrap(), "nothing is written without the approval");
    let party = format!("party={PARTY}");
    terminal.approve("bridge_out", &disclosure, &[&party, &format!("key={key}")]);
    terminal.run("pipeline", &out).ended(DENIED, "not allowed");
    let issued = terminal.json("officer", &out);
    assert_eq!((&issued["number"], &issued["persons"]), (&1.into(), &300.into()));
    let sealed = fs::read(&file).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/"));

    let serial = terminal.path("serial.txt");
    fs::write(&serial, format!("serial={}\n", serials[7])).unwrap();
    let identify = ["disclosure", "identify", &disclosure, &serial];
    terminal.run("officer", &identify).ended(PRECONDITION, "another person's approval");
    let parameter = format!("serial={}", serials[7]);
    terminal.approve("identify_serial", &disclosure, &[&parameter]);
    let found = terminal.run("officer", &identify).well();
    assert_eq!(found.out.trim(), format!("fnr {}", digits(numbers[7])));
    terminal.run("officer", &identify).ended(PRECONDITION, "another person's approval");

    let none = terminal.run("auditor", &["bridge", "list", "--overdue"]).well();
    assert_eq!(none.out, "", "its last day is not over");
    assert!(terminal.run("auditor", &["bridge", "list"]).well().out.contains("300 persons"));
    let confirmed = terminal.json("officer", &["bridge", "confirm", &disclosure, "1"]);
    assert_eq!(confirmed["deleted_by"], "officer");
    terminal.run("officer", &["bridge", "confirm", &disclosure, "1"]).ended(PRECONDITION, "before");
    the_log_says_who_got_what(&audit_entries(&installation, server.address).await);
    server.stop().await;
}

fn the_log_says_who_got_what(entries: &[Value]) {
    let actions: Vec<&str> = entries.iter().map(|one| one["action"].as_str().unwrap()).collect();
    for action in ["bridge_issued", "serial_identified"] {
        let at = actions.iter().position(|one| *one == action).unwrap();
        assert_eq!(actions[at - 1], "approval_used", "{action}");
        assert_eq!(entries[at]["actor"]["principal"], "officer");
    }
    assert!(actions.contains(&"bridge_deleted"));
    let issued = entries.iter().find(|one| one["action"] == "bridge_issued").unwrap();
    assert_eq!(issued["counts"]["persons"], 300);
    assert_eq!(issued["digest"].as_str().unwrap().len(), 64);
    let identified = entries.iter().find(|one| one["action"] == "serial_identified").unwrap();
    assert_eq!(identified["reference"].as_str().unwrap().len(), 32);
}
