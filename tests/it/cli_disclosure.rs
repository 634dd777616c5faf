//! Disclosures over the command line: one file, one step at a time, and what is asked before a key
//! is destroyed.

use serde_json::Value;

use crate::disclosure::{EXAMPLE, INSURER, day};
use crate::harness::{Installation, PASSPHRASE, Ran, ServerProcess, hvelv, unseal};

/// A server as a process, and the command line as somebody.
struct Terminal {
    installation: Installation,
    server: ServerProcess,
}

impl Terminal {
    async fn open() -> Self {
        let installation = Installation::new();
        let server = ServerProcess::start(&installation.config_file());
        let operator = installation.connect(server.address, "operator").await;
        unseal(&operator, PASSPHRASE).await.unwrap();
        Self { installation, server }
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Ran {
        let connect = self.installation.connect_file(self.server.address, name);
        hvelv(&[arguments, &["--connect", connect.to_str().unwrap()]].concat())
    }

    fn officer(&self, arguments: &[&str]) -> Ran {
        self.run("officer", arguments)
    }

    /// The example as of today, with something replaced, in a file.
    fn file(&self, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(EXAMPLE).unwrap();
        assert!(text.contains(from));
        let text = text.replace("2026-03-02", &day(-1).to_string());
        let text = text.replace("2029-12-31", &day(300).to_string());
        let text = text.replace("2028-12-31", &day(200).to_string());
        let path = self.installation.path("description.toml");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_becomes_an_open_disclosure_and_the_command_line_ends_it() {
    let terminal = Terminal::open().await;
    let file = terminal.file("TSD", "TSD");
    let ran = terminal.officer(&["disclosure", "run", &file, "--json"]).well();
    let ran = json(&ran.out);
    let application = ran["application"].as_str().unwrap();
    let id = ran["disclosure"]["id"].as_str().unwrap();
    assert_eq!((&ran["decision"], &ran["disclosure"]["state"]), (&1.into(), &"open".into()));
    let next = ran["next"].as_str().unwrap();
    assert!(
        next.starts_with(&format!("hvelv extract make --disclosure {id} --contact ")),
        "{next}"
    );
    assert_eq!(
        (next.matches("--file").count(), ran["audit_entries"].as_array().unwrap().len()),
        (2, 3)
    );

    let listed = terminal.run("auditor", &["disclosure", "list"]).well().out;
    let line: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(line, [id, application, "1", "open", &day(200).to_string(), "0"]);
    let shown = terminal.officer(&["disclosure", "show", id]).well().out;
    assert!(shown.contains("decision 1: dispensation by helsedataservice"), "{shown}");
    assert!(shown.contains("manifests are verified with localhost/hvelv-test"), "{shown}");
    let shown = terminal.officer(&["disclosure", "show", id, "--json"]).well().out;
    assert!(json(&shown)["verifier_key"].as_str().unwrap().contains('+'));
    terminal.officer(&["disclosure", "complete", id]).ended(5, "is open; cannot complete");
    terminal.officer(&["disclosure", "confirm-deletion", id]).ended(5, "step_out_of_order");
    terminal.run("auditor", &["disclosure", "close", id, "--yes"]).ended(4, "not_allowed");
    terminal.officer(&["disclosure", "close", id]).ended(2, "Give --yes if it is meant");
    let closed = terminal.officer(&["disclosure", "close", id, "--yes"]).well();
    assert!(closed.out.contains("closed") && closed.err.contains("copies of the key file from"));
    let listed = terminal.officer(&["disclosure", "list", "--json"]).well().out;
    assert_eq!(json(&listed)["state"], "closed");
    terminal.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_takes_one_step_at_a_time() {
    let terminal = Terminal::open().await;
    let officer = |arguments: &[&str]| terminal.officer(arguments);
    let list = officer(&["application", "list"]).well();
    assert!(list.out.is_empty() && list.err.contains("no application was received yet"));
    assert!(officer(&["disclosure", "list"]).well().err.contains("no disclosure was opened yet"));

    let file = terminal.file("TSD", "TSD");
    let route = ["application", "route", "--file", &file, "--kind"];
    let routed = officer(&[&route[..], &["dispensation"]].concat()).well();
    assert!(routed.out.starts_with("helsedataservice: NPR, KPR, "), "{routed:?}");
    let before = [&route[..], &["access", "--day", "2020-01-01"]].concat();
    officer(&before).ended(5, "registers.toml does not say who decided on 2020-01-01");
    let received = officer(&["application", "receive", "--file", &file, "--json"]).well();
    let id = json(&received.out)["id"].as_str().unwrap().to_owned();
    let again = officer(&["application", "route", &id, "--kind", "dispensation", "--json"]).well();
    assert_eq!(json(&again.out)["authority"], "helsedataservice");
    officer(&["decision", "show", &id]).ended(2, "has 0 decisions");

    let wrong = terminal.file("\"helsedataservice\"", "\"rek\"");
    let refused = officer(&["decision", "record", &id, "--file", &wrong]);
    refused.ended(5, "REK cannot decide on dispensation here");
    let file = terminal.file("TSD", "TSD");
    let recorded = officer(&["decision", "record", &id, "--file", &file]).well();
    assert!(recorded.out.starts_with("decision 1: ") && recorded.err.contains("entry"));
    let shown = terminal.run("auditor", &["decision", "show", &id, "--number", "1", "--json"]);
    assert_eq!(json(&shown.well().out)["decision"]["serial_width"], 9);

    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let open = ["disclosure", "open", &id, "--decision", "1", "--recipient-key"];
    let opened = officer(&[&open[..], &[key, "--json"]].concat()).well();
    assert_eq!(json(&opened.out)["expires"], day(300).to_string());
    let secret = officer(&[&open[..], &["AGE-SECRET-KEY-1ABCDEF"]].concat());
    secret.ended(2, "recipient_key: is a secret key");
    assert!(!secret.err.contains("ABCDEF"), "a secret key is not repeated");

    let reason = ["--reason", "the project has ended"];
    let withdrawn = officer(&[&["application", "withdraw", &id][..], &reason].concat()).well();
    assert!(withdrawn.out.contains("the project has ended"));
    let refused = officer(&[&["application", "refuse", &id][..], &reason].concat());
    refused.ended(5, "step_out_of_order");
    officer(&["application", "show", "A-2026-0099"]).ended(2, "application_unknown");
    let list = terminal.run("auditor", &["application", "list"]).well().out;
    assert!(list.lines().nth(1).unwrap().contains("withdrawn"), "{list}");
    terminal.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_is_read_as_a_whole_and_a_refused_step_says_how_to_go_on() {
    let terminal = Terminal::open().await;
    let bad = terminal.file("purpose = \"research\"", "purpose = \"resarch\"\nreasons = 1");
    let ran = terminal.officer(&["disclosure", "run", &bad]);
    ran.ended(2, "application.purpose");
    assert!(ran.err.contains("reasons"), "all problems are told: {ran:?}");
    let wrong = terminal.file("\"helsedataservice\"", "\"rek\"");
    let ran = terminal.officer(&["disclosure", "run", &wrong]);
    ran.ended(5, "hvelv decision record A-");
    let insurer = terminal.file("352601810", INSURER);
    terminal.officer(&["disclosure", "run", &insurer]).ended(5, "never disclosed to insurer");
    let listed = terminal.officer(&["application", "list", "--json"]).well().out;
    assert_eq!(listed.lines().count(), 1, "only what was received: {listed}");
    assert_eq!(json(&listed)["state"], "received");
    terminal.server.stop();
}

#[test]
fn check_tells_all_problems_of_the_rules_of_disclosure() {
    let installation = Installation::new();
    let config = installation.config_file();
    let check = || hvelv(&["check", "--config", config.to_str().unwrap()]);
    check().well();
    for (file, from, to) in [
        ("decisions.toml", "authority = \"rek\"", "authority = \"reck\""),
        ("organisations.toml", "class = \"insurer\"", "class = \"assurer\""),
    ] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from));
        std::fs::write(installation.path(file), text.replace(from, to)).unwrap();
    }
    let ran = check();
    ran.ended(2, "`reck` is not one of controller, ");
    assert!(ran.err.contains("`assurer` is not one of "), "{ran:?}");
    assert!(ran.err.contains("decisions.toml:") && ran.err.contains("organisations.toml:"));
}
