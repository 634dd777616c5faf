//! Reports that were saved, and answers of registers.

use clap::Parser as _;

use super::super::{Cli, Command};
use super::*;
use crate::rights::report::Register;

fn command(arguments: &[&str]) -> InnsynCommand {
    let arguments = [&["hvelv", "innsyn"], arguments].concat();
    let Command::Innsyn(command) = Cli::try_parse_from(arguments).unwrap().command else {
        panic!("innsyn is asked for")
    };
    *command
}

#[test]
fn a_saved_report_takes_an_answer_and_becomes_a_page_once() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let register = Register { code: "NPR".into(), name: "Pasienter".into(), ..Register::default() };
    let report = Report { v: 1, audit_entry: 7, registers: vec![register], ..Report::default() };
    std::fs::write(at("report.json"), report.to_json()).unwrap();
    let answer = r#"{"v":1,"kind":"innsyn_answer","request":7,"register":"NPR",
        "made":"2026-03-01T12:00:00Z","sections":[
            {"title":"Kontakter","columns":["Sted"],"rows":[["Sykehuset <i>"]]}]}"#;
    std::fs::write(at("answer.json"), answer).unwrap();
    let (report, answer, page) = (at("report.json"), at("answer.json"), at("page.html"));
    let making = ["--report", &report, "--register-answer", &answer, "--html", &page];
    assert!(run(&command(&making)).is_ok());
    let made = std::fs::read_to_string(&page).unwrap();
    assert!(made.contains("Sykehuset &lt;i&gt;"));
    assert!(run(&command(&making)).is_err(), "a page is not overwritten");
    let twice = ["--report", &report, "--register-answer", &answer, "--register-answer", &answer];
    assert!(run(&command(&twice)).unwrap_err().to_string().contains("answered already"));
    let wrong = std::fs::read_to_string(&answer).unwrap().replace(":7,", ":8,");
    std::fs::write(at("answer.json"), wrong).unwrap();
    let refused = run(&command(&making)).unwrap_err();
    assert!(refused.to_string().contains("another request"));
    let refused = run(&command(&["--report", &answer])).unwrap_err();
    assert!(refused.to_string().contains("no innsyn report"));
}

#[test]
fn who_asks_is_said_or_a_report_is_given() {
    let parse = |arguments: &[&str]| {
        Cli::try_parse_from([&["hvelv", "innsyn"], arguments].concat()).map(|_| ())
    };
    assert!(parse(&[]).is_err());
    assert!(parse(&["--as", "somebody"]).is_err());
    assert!(parse(&["--as", "self", "--report", "r.json"]).is_err());
    assert!(parse(&["--as", "self", "--life", "alive"]).is_err(), "how is said, too");
    assert!(parse(&["--as", "self", "--way", "manual", "--life", "alive"]).is_ok());
    assert!(parse(&["--report", "r.json"]).is_ok());
    let facts =
        command(&["--as", "kin", "--way", "manual", "--life", "dead"]).facts.read().unwrap();
    assert_eq!((facts.acting.as_str(), facts.way.as_str()), ("kin", "manual"));
    assert_eq!((facts.life.as_str(), facts.level.as_str()), ("dead", ""));
}
