use super::shown::{act, party, state};
use super::*;
use crate::rpc::proto::{ApprovalAct, ApprovalMove, ApprovalParty};

fn party_of(principal: &str, person: &str) -> Option<ApprovalParty> {
    let (principal, person) = (principal.to_owned(), person.to_owned());
    Some(ApprovalParty { principal, person, organisation: "983744516".into() })
}

fn approval() -> Approval {
    Approval {
        id: "k7x2-9mfp-3qwd-h5tz".into(),
        act: ApprovalAct::BridgeOut.into(),
        subject: "disclosure 26-0017 to SSB".into(),
        state: ApprovalState::Approved.into(),
        reason: "linkage".into(),
        legal_basis: "helseregisterloven § 19 e".into(),
        digest: "ab".repeat(32),
        requested_by: party_of("kari.officer", "kari"),
        requested_at: "2026-01-15T12:00:00Z".into(),
        expires_at: "2026-01-18T12:00:00Z".into(),
        moves: vec![ApprovalMove {
            to: ApprovalState::Approved.into(),
            by: party_of("ola", "ola"),
            at: "2026-01-15T13:00:00Z".into(),
            note: "seen".into(),
        }],
    }
}

#[test]
fn an_approval_is_a_row_below_its_names() {
    let heading = row(["ID", "STATE", "ACT", "REQUESTED BY", "EXPIRES", "SUBJECT"]);
    let line = as_row(&approval());
    for (name, value) in [
        ("ID", "k7x2-9mfp-3qwd-h5tz"),
        ("STATE", "approved"),
        ("ACT", "bridge_out"),
        ("REQUESTED BY", "kari.officer"),
        ("EXPIRES", "2026-01-18T12:00:00Z"),
        ("SUBJECT", "disclosure 26-0017 to SSB"),
    ] {
        assert_eq!(heading.find(name), line.find(value), "{name}: {line}");
    }
}

#[test]
fn an_approval_is_shown_with_every_step_and_who_is_behind_it() {
    let lines = as_text(&approval());
    assert!(
        lines.contains(&"requested     2026-01-15T12:00:00Z by kari.officer (kari)".to_owned())
    );
    assert_eq!(lines.last().unwrap(), "approved      2026-01-15T13:00:00Z by ola: seen");
    let json = as_json(&approval());
    assert_eq!((&json["act"], &json["state"]), (&"bridge_out".into(), &"approved".into()));
    assert_eq!(json["requested_by"]["person"], "kari");
    assert_eq!(json["moves"][0]["note"], "seen");
}

#[test]
fn what_a_newer_server_knows_is_unknown_here() {
    assert_eq!(act(ApprovalAct::Unspecified), "unknown");
    assert_eq!(state(ApprovalState::Unspecified), "unknown");
    assert_eq!(party(&None), serde_json::Value::Null);
}

#[test]
fn a_parameter_is_a_name_and_a_value_and_an_error_repeats_neither() {
    let read = parameter("serial=12=3").unwrap();
    assert_eq!((read.name.as_str(), read.value.as_str()), ("serial", "12=3"));
    let refused = parameter("41814061033").unwrap_err();
    assert_eq!(refused.exit(), Exit::Usage);
    assert!(!format!("{refused} {refused:?}").contains("41814061033"));
}
