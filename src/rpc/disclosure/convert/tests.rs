use jiff::civil::date;

use super::*;
use crate::config::codes::DisclosurePurpose;
use crate::disclosure::Terms;
use crate::disclosure::decision::{BridgeIn, BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::terms::Generalisation;
use crate::disclosure::words::{Authority, Identifiers, Reidentification, SourceKind};
use crate::ident::SerialWidth;
use crate::rpc::proto;
use crate::rpc::proto::CalendarDate;

/// From the documentation of age.
const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// A synthetic fødselsnummer in every place where there is text.
const CANARY: &str = "41806012345";

fn a_request() -> Request {
    serde_json::from_value(serde_json::json!({
        "applicant": "Prosjekt Hjerte",
        "organisation": "983744516",
        "purpose": "research",
        "registers": ["NPR", "KPR"],
        "combined_with": [{"name": "HUNT", "kind": "unlisted"}],
        "legal_basis": ["GDPR art. 6 nr. 1 e", "GDPR art. 9 nr. 2 j"],
        "delivered_to": "other: Sikker sone",
        "contact": "hjerte@uni.example",
        "description": "Hjertesvikt",
    }))
    .unwrap()
}

fn the_terms() -> Terms {
    serde_json::from_value(serde_json::json!({
        "registers": [
            {
                "register": "NPR",
                "variables": [
                    {"name": "born", "generalisation":
                        {"kind": "age_band", "years": 5, "on": "2026-01-01"}},
                    {"name": "icd10", "generalisation": {"kind": "first_characters", "count": 3}},
                    {"name": "in_date", "generalisation": {"kind": "month"}},
                    {"name": "days", "generalisation": {"kind": "top_code", "highest": -7}},
                    {"name": "out_date", "generalisation": {"kind": "year"}},
                    {"name": "sex"},
                ],
                "secondary": [
                    {"column": "episode", "key_space": "episodes", "institution": "unit"},
                    {"column": "patient", "key_space": "patients"},
                ],
            },
            {"register": "KPR", "variables": [{"name": "code"}]},
        ],
        "small_cells": {"persons_min": 5, "columns": ["born", "sex"]},
    }))
    .unwrap()
}

fn a_party() -> LinkingParty {
    let name = "Statistisk sentralbyrå".parse().unwrap();
    LinkingParty { number: "971526920".parse().unwrap(), name }
}

fn whole() -> Decision {
    Decision {
        authority: Authority::Helsedataservice,
        kind: DecisionKind::Dispensation,
        reference: "26/1".parse().unwrap(),
        dated: date(2026, 3, 2),
        valid_until: date(2029, 12, 31),
        serial_width: SerialWidth::from_digit_count(13).unwrap(),
        continues: Some(DisclosureId([0x5a; 16])),
        bridge_out: Some(BridgeOut { to: a_party(), delete_by: date(2026, 12, 31) }),
        bridge_in: Some(BridgeIn { from: a_party() }),
        reidentification: Reidentification::Permitted,
        overrides: vec![
            ReservationOverride {
                provision: "statistikkloven_10".parse().unwrap(),
                identifiers: Identifiers::With,
            },
            ReservationOverride {
                provision: "register_linkage".parse().unwrap(),
                identifiers: Identifiers::Without,
            },
        ],
        terms: the_terms(),
    }
}

/// As few fields as there can be.
fn bare() -> Decision {
    let mut terms = the_terms();
    terms.registers.truncate(1);
    terms.registers[0].secondary.clear();
    terms.small_cells = None;
    Decision {
        serial_width: SerialWidth::default(),
        continues: None,
        bridge_out: None,
        bridge_in: None,
        reidentification: Reidentification::Refused,
        overrides: Vec::new(),
        terms,
        ..whole()
    }
}

fn through_the_wire(given: &Decision) -> Decision {
    let wire =
        RecordDecisionRequest { application: "A-2026-0001".into(), decision: Some(given.into()) };
    decision(wire).unwrap().1
}

fn request_through_the_wire(request: &Request) -> Request {
    receive(ReceiveApplicationRequest { request: Some(request.into()) }).unwrap()
}

/// What is wrong, by field; the value is in no text.
fn violations<T>(result: Result<T, Error>) -> Vec<(String, String)> {
    let error = result.err().expect("it is refused");
    let each = error.violations().iter();
    let all: Vec<_> = each.map(|one| (one.field.to_string(), one.text.to_string())).collect();
    for (field, text) in &all {
        assert!(!field.contains("12345") && !text.contains("12345"), "{field}: {text}");
    }
    all
}

fn fields<T>(result: Result<T, Error>) -> Vec<String> {
    violations(result).into_iter().map(|(field, _)| field).collect()
}

#[test]
fn an_application_comes_back_from_the_wire() {
    let given = a_request();
    assert_eq!(request_through_the_wire(&given), given);
    let mut given = a_request();
    given.combined_with.clear();
    for environment in ["tsd", "safe", "hunt_cloud", "other: X"] {
        given.delivered_to = environment.parse().unwrap();
        assert_eq!(request_through_the_wire(&given), given);
    }
    for purpose in DisclosurePurpose::ALL {
        given.purpose = *purpose;
        assert_eq!(request_through_the_wire(&given), given);
    }
    for kind in SourceKind::ALL {
        given.combined_with = a_request().combined_with;
        given.combined_with[0].kind = *kind;
        assert_eq!(request_through_the_wire(&given), given);
    }
}

#[test]
fn a_decision_comes_back_from_the_wire() {
    for mut given in [whole(), bare()] {
        assert_eq!(through_the_wire(&given), given);
        for authority in Authority::ALL {
            given.authority = *authority;
            assert_eq!(through_the_wire(&given), given);
        }
        for kind in DecisionKind::ALL {
            given.kind = *kind;
            assert_eq!(through_the_wire(&given), given);
        }
        for width in [8, 9, 13, 14] {
            given.serial_width = SerialWidth::from_digit_count(width).unwrap();
            assert_eq!(through_the_wire(&given), given);
        }
    }
}

#[test]
fn a_width_of_zero_is_the_usual_one() {
    let mut wire = proto::Decision::from(&bare());
    wire.serial_width = 0;
    let request = |wire: &proto::Decision| RecordDecisionRequest {
        application: "A-2026-0001".into(),
        decision: Some(wire.clone()),
    };
    assert_eq!(decision(request(&wire)).unwrap().1.serial_width.digit_count(), 9);
    for digits in [1, 7, 10, 15, u32::MAX] {
        wire.serial_width = digits;
        assert_eq!(fields(decision(request(&wire))), ["decision.serial_width"]);
    }
}

#[test]
fn everything_that_is_wrong_with_an_application_is_told_by_field() {
    assert_eq!(fields(receive(ReceiveApplicationRequest::default())), ["request"]);
    let request = Some(proto::ApplicationRequest::default());
    let empty = fields(receive(ReceiveApplicationRequest { request }));
    let required =
        ["applicant", "organisation", "purpose", "delivered_to", "contact", "description"];
    assert_eq!(empty, required.map(|name| format!("request.{name}")));

    let mut request = proto::ApplicationRequest::from(&a_request());
    request.applicant = format!("for {CANARY}");
    request.organisation = CANARY.into();
    request.purpose = CANARY.into();
    request.registers[1] = CANARY.into();
    request.combined_with[0] = proto::OtherSource { name: CANARY.into(), kind: CANARY.into() };
    request.legal_basis[1] = "two\nlines".into();
    request.delivered_to = CANARY.into();
    let told = violations(receive(ReceiveApplicationRequest { request: Some(request) }));
    let text = |field: &str| {
        let found = told.iter().find(|(one, _)| one == field);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    };
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(text("request.applicant").contains("eleven digits"));
    assert!(text("request.organisation").contains("nine digits"));
    assert!(text("request.purpose").starts_with("is not one of clinical_decision_support, "));
    assert!(text("request.registers[1]").starts_with("is not a register code (a capital letter"));
    assert!(text("request.combined_with[0].kind").contains("patient_records"));
    assert!(text("request.combined_with[0].name").contains("eleven digits"));
    assert!(text("request.legal_basis[1]").starts_with("must be one line"));
    assert!(text("request.delivered_to").contains("hunt_cloud"));
}

#[test]
fn everything_that_is_wrong_with_a_decision_is_told_by_field() {
    let empty = RecordDecisionRequest { decision: Some(proto::Decision::default()), ..default() };
    let required = ["authority", "kind", "reference", "dated", "valid_until", "terms"];
    let required = required.map(|name| format!("decision.{name}"));
    assert_eq!(fields(decision(empty)), [&["application".to_owned()][..], &required].concat());

    let mut wire = proto::Decision::from(&whole());
    wire.authority = CANARY.into();
    wire.dated = Some(CalendarDate { year: 2026, month: 2, day: 30 });
    wire.continues = CANARY.into();
    wire.bridge_out = Some(proto::BridgeOut::default());
    wire.bridge_in.as_mut().unwrap().from.as_mut().unwrap().number = CANARY.into();
    wire.overrides[1].provision = CANARY.into();
    let terms = wire.terms.as_mut().unwrap();
    terms.registers[0].variables[0].name = format!("born {CANARY}");
    terms.registers[0].variables[2].generalisation = Some(proto::Generalisation { kind: None });
    terms.registers[0].secondary[0].institution = CANARY.into();
    terms.registers[1].register.clear();
    terms.small_cells.as_mut().unwrap().columns[1] = CANARY.into();
    let band = proto::generalisation::AgeBand { years: 5, on: None };
    let kind = Some(proto::generalisation::Kind::AgeBand(band));
    terms.registers[1].variables[0].generalisation = Some(proto::Generalisation { kind });
    let request = RecordDecisionRequest { application: CANARY.into(), decision: Some(wire) };
    let expected = [
        "application",
        "decision.authority",
        "decision.dated",
        "decision.continues",
        "decision.bridge_out.to",
        "decision.bridge_out.delete_by",
        "decision.bridge_in.from.number",
        "decision.overrides[1].provision",
        "decision.terms.registers[0].variables[0].name",
        "decision.terms.registers[0].variables[2].generalisation",
        "decision.terms.registers[0].secondary[0].institution",
        "decision.terms.registers[1].register",
        "decision.terms.registers[1].variables[0].generalisation.age_band.on",
        "decision.terms.small_cells.columns[1]",
    ];
    assert_eq!(fields(decision(request)), expected);
}

fn default<T: Default>() -> T {
    T::default()
}

#[test]
fn ids_reasons_days_and_keys_are_looked_at() {
    assert_eq!(fields(application_id(CANARY)), ["application"]);
    assert_eq!(fields(application_id("")), ["application"]);
    assert_eq!(fields(disclosure_id(CANARY)), ["disclosure"]);
    assert_eq!(disclosure_id(&"5a".repeat(16)).unwrap(), DisclosureId([0x5a; 16]));
    assert_eq!(fields(ending("", CANARY)), ["application", "reason"]);
    let (id, reason) = ending("A-2026-0007", "annulled by the appeals board").unwrap();
    assert_eq!((id.number(), reason.as_str()), (7, "annulled by the appeals board"));

    let wrong = RouteApplicationRequest { day: Some(default()), ..default() };
    assert_eq!(fields(route(wrong)), ["request", "kind", "day"]);
    let request = Some((&a_request()).into());
    let asked = RouteApplicationRequest { request, kind: "access".into(), day: None };
    assert_eq!(route(asked).unwrap(), (a_request(), DecisionKind::Access, None));

    let secret = format!("AGE-SECRET-KEY-1{CANARY}");
    let wrong = OpenDisclosureRequest { recipient_key: secret, ..default() };
    let told = violations(open(wrong));
    assert_eq!(told[0].0, "application");
    assert!(told[1].0 == "recipient_key" && told[1].1.contains("secret key"), "{told:?}");
    let asked = OpenDisclosureRequest {
        application: "A-2026-0001".into(),
        decision: 2,
        recipient_key: KEY.into(),
        expires: Some(CalendarDate { year: 2027, month: 1, day: 31 }),
    };
    let opened = open(asked).unwrap();
    assert_eq!((opened.decision, opened.recipient_key.as_str()), (2, KEY));
    assert_eq!(opened.expires, Some(date(2027, 1, 31)));
}

#[test]
fn what_was_extracted_is_looked_at() {
    assert_eq!(fields(delivery(default())), ["disclosure", "manifest"]);
    let report = |files: &[&str], exception: &str| RecordDeliveryRequest {
        disclosure: "5a".repeat(16),
        manifest: "files\n".into(),
        files: files.iter().map(ToString::to_string).collect(),
        rows: 3,
        persons: 2,
        persons_left_out: 1,
        guard_exceptions: vec![exception.to_owned()],
    };
    let wrong = delivery(report(&["a.csv", CANARY], CANARY));
    assert_eq!(fields(wrong), ["files[1]", "guard_exceptions[0]"]);
    let (id, report) = delivery(report(&["a.csv"], "note: free text, looked at")).unwrap();
    assert_eq!(id, DisclosureId([0x5a; 16]));
    assert_eq!((report.rows, report.persons, report.persons_left_out), (3, 2, 1));
}

#[test]
fn a_list_and_its_problems_are_bounded() {
    let mut request = proto::ApplicationRequest::from(&a_request());
    request.registers = vec!["x".into(); 1_000];
    let told = fields(receive(ReceiveApplicationRequest { request: Some(request.clone()) }));
    assert_eq!((told.len(), told[99].as_str()), (100, "request.registers[99]"));
    request.registers.push("NPR".into());
    let told = fields(receive(ReceiveApplicationRequest { request: Some(request) }));
    assert_eq!(told, ["request.registers"]);
}

#[test]
fn each_generalisation_has_a_message_of_its_own() {
    let kinds: Vec<Generalisation> = the_terms().registers[0]
        .variables
        .iter()
        .flat_map(|one| one.generalisation.clone())
        .collect();
    assert_eq!(kinds.len(), 5);
    let wire: Vec<proto::Generalisation> = kinds.iter().map(Into::into).collect();
    for (at, one) in wire.iter().enumerate() {
        assert!(wire[..at].iter().all(|other| other != one));
    }
}
