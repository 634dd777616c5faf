use std::path::Path;

use super::shown::{application_heading, application_json, application_line, application_lines};
use super::*;
use crate::disclosure::description::Description;
use crate::rpc::proto::{Application, ExtractDelivery, HistoryStep};

fn described() -> Description {
    Description::load(Path::new("examples/disclosure/research.toml")).unwrap()
}

fn step(step: &str, state: &str, reason: &str) -> HistoryStep {
    HistoryStep {
        step: step.into(),
        state: state.into(),
        by: "officer".into(),
        at: "2026-03-02T10:00:00Z".into(),
        reason: reason.into(),
    }
}

fn an_application() -> Application {
    let description = described();
    Application {
        id: "A-2026-0001".into(),
        request: Some((&description.application).into()),
        recipient: "Universitetet i Eksempelby".into(),
        recipient_class: "researcher".into(),
        state: "withdrawn".into(),
        decisions: vec![(&description.decision).into()],
        history: vec![
            step("receive", "received", ""),
            step("withdraw", "withdrawn", "the project has ended"),
        ],
    }
}

fn a_disclosure() -> Disclosure {
    let delivery = ExtractDelivery {
        manifest: "ab".repeat(32),
        files: vec!["episodes.parquet".into(), "claims.csv".into()],
        rows: 300,
        persons: 20,
        persons_left_out: 1,
        by: "officer".into(),
        at: "2026-03-03T10:00:00Z".into(),
    };
    let description = described();
    Disclosure {
        id: "5a".repeat(16),
        application: "A-2026-0001".into(),
        decision: 1,
        decided: Some((&description.decision).into()),
        recipient_key: description.recipient_key.to_string(),
        expires: Some(wire_date(description.expires)),
        state: "extracted".into(),
        persons: 20,
        deliveries: vec![delivery],
        history: vec![step("open", "open", ""), step("deliver", "extracted", "")],
        window_until: String::new(),
    }
}

#[test]
fn an_application_is_shown_with_its_decisions_and_its_history() {
    let text = application_lines(&an_application()).join("\n");
    for shown in [
        "A-2026-0001  withdrawn",
        "Universitetet i Eksempelby (researcher), 352601810",
        "Spørreundersøkelse i prosjektet (other)",
        "decision 1: dispensation by helsedataservice, 26/04711-9",
        "2026-03-02 to 2029-12-31",
        "birth_year (age in bands of 5 years on 2026-01-01), sex, in_date (month)",
        "icd10 (first 3 characters)",
        "hours (at most 40)",
        "surrogates of episode_id (key space episodes, by unit_orgnr)",
        "at least 5 persons share each of birth_year, sex",
        "withdrawn  by officer: the project has ended",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

#[test]
fn lists_have_their_columns_below_their_names() {
    let (heading, line) = (application_heading(), application_line(&an_application()));
    for (name, value) in
        [("state", "withdrawn"), ("registers", "NPR, KPR"), ("purpose", "research")]
    {
        assert_eq!(heading.find(name), line.find(value), "{name}");
    }
    let (heading, line) = (disclosure_heading(), disclosure_line(&a_disclosure()));
    for (name, value) in [("application", "A-2026"), ("state", "extracted"), ("expires", "2028-")] {
        assert_eq!(heading.find(name), line.find(value), "{name}");
    }
    assert_eq!(heading.len(), line.len(), "persons stand at the right");
}

#[test]
fn a_disclosure_is_shown_with_what_was_decided_and_delivered() {
    let text = disclosure_lines(&a_disclosure()).join("\n");
    for shown in [
        "5a5a  extracted",
        "expires          2028-12-31",
        "episodes.parquet, claims.csv: 300 rows, 20 persons, 1 left out, by officer, manifest abab",
        "decision 1: dispensation",
        "deliver            extracted  by officer",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

/// Goal: what a machine reads can be written into a description again.
#[test]
fn the_json_of_requests_and_decisions_is_that_of_the_files() {
    let json = application_json(&an_application()).unwrap();
    let description = described();
    let request: crate::disclosure::application::Request =
        serde_json::from_value(json["request"].clone()).unwrap();
    assert_eq!(request, description.application);
    let decision: crate::disclosure::Decision =
        serde_json::from_value(json["decisions"][0].clone()).unwrap();
    assert_eq!(decision, description.decision);
    assert_eq!(json["history"][1]["reason"], "the project has ended");

    let json = with(disclosure_json(&a_disclosure()).unwrap(), &[("older_copies", "none")]);
    assert_eq!((&json["id"], &json["decision"]), (&"5a".repeat(16).into(), &1.into()));
    assert_eq!((&json["expires"], &json["older_copies"]), (&"2028-12-31".into(), &"none".into()));
    assert_eq!(json["deliveries"][0]["persons_left_out"], 1);
    assert_eq!(json["decided"]["kind"], "dispensation");
}

#[test]
fn an_answer_of_a_later_server_is_not_guessed_at() {
    let mut application = an_application();
    application.decisions[0].authority = "somebody_new".into();
    let error = application_json(&application).unwrap_err();
    assert_eq!(error.exit(), Exit::Internal);
    assert!(error.advice()[0].contains("hvelv status"));
    assert_eq!(told::<()>(None).unwrap_err().exit(), Exit::Internal);
}
