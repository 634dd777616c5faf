//! Disclosures over gRPC: an officer's whole course, who is refused, and what stands in the log
//! afterwards.

mod caller;

use hvelv::rpc::proto::{
    Decision, GetApplicationRequest, OpenDisclosureRequest, RefuseApplicationRequest,
    RouteApplicationRequest, WithdrawApplicationRequest,
};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use self::caller::call;
pub(crate) use self::caller::{Caller, EXAMPLE, day, described};
use crate::harness::{InProcessServer, Installation, audit_entries, bounded, reason, refusal};

/// Of `organisations.toml`: an insurer.
pub(crate) const INSURER: &str = "355979717";

/// A refusal with its code, and a part of what is told.
#[track_caller]
fn says<T>(answer: Result<T, Status>, code: &str, text: &str) {
    let status = answer.err().expect("the request is refused");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, code));
    assert!(status.message().contains(text), "{text}: {}", status.message());
}

/// What was done, of the entries that are about applications and disclosures.
fn actions(entries: &[Value]) -> Vec<&str> {
    let about = entries.iter().filter(|one| one["actor"]["principal"] == "officer");
    about.map(|one| one["action"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_goes_from_its_application_to_a_key_that_is_destroyed() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let mut officer = Caller::of(&installation, server.address, "officer").await;
    let (request, decision, open) = described();

    let application = officer.receive(request.clone()).await.unwrap();
    let id = application.id.clone();
    assert_eq!(id, format!("A-{}-0001", day(0).year()));
    assert_eq!(
        (application.state.as_str(), application.recipient_class.as_str()),
        ("received", "researcher")
    );
    assert_eq!(application.request.as_ref(), Some(&request));

    let open = OpenDisclosureRequest { application: id.clone(), ..open };
    let early = officer.open(open.clone()).await;
    says(early, "rule_refuses", "none with number 1");
    let wrong = Decision { authority: "rek".into(), ..decision.clone() };
    let refused = officer.decide(&id, wrong).await;
    let explained = "for research: Helsedataservice, rule of 2023-03-15";
    says(
        refused,
        "rule_refuses",
        &format!(
            "REK cannot decide on dispensation here; NPR, KPR, \
         Spørreundersøkelse i prosjektet {explained}"
        ),
    );
    let kind = decision.kind.clone();
    let asked = RouteApplicationRequest { request: Some(request), kind, day: None };
    let routed = call!(officer, route_application, asked).unwrap();
    assert_eq!(routed.authority, "helsedataservice");
    assert!(routed.explanation.contains(explained), "{}", routed.explanation);
    assert_eq!(officer.decide(&id, decision.clone()).await.unwrap(), 1);

    let disclosure = officer.open(open.clone()).await.unwrap();
    let disclosed = disclosure.id.clone();
    assert_eq!((disclosed.len(), disclosure.state.as_str()), (32, "open"));
    assert_eq!(
        (&disclosure.expires, disclosure.decided.as_ref()),
        (&open.expires, Some(&decision))
    );
    says(officer.complete(&disclosed).await, "step_out_of_order", "is open; cannot complete");
    says(officer.confirm(&disclosed).await, "step_out_of_order", "possible now: ");

    from_delivery_to_closing(&mut officer, &disclosed).await;

    let reason = "the project has ended".to_owned();
    let withdraw = WithdrawApplicationRequest { application: id.clone(), reason };
    let withdrawn = call!(officer, withdraw_application, withdraw).unwrap().application.unwrap();
    assert_eq!(withdrawn.history.last().unwrap().reason, "the project has ended");
    says(officer.open(open).await, "step_out_of_order", "is withdrawn");

    let entries = audit_entries(&installation, server.address).await;
    the_log_has_the_course(&entries, &id, &disclosed);
    server.stop().await;
}

async fn from_delivery_to_closing(officer: &mut Caller, disclosed: &str) {
    let (signed, delivered) = officer.deliver(disclosed).await.unwrap();
    assert!(
        signed.contains(disclosed) && signed.contains("\n\u{2014} localhost/hvelv-test"),
        "{signed}"
    );
    assert_eq!((delivered.state.as_str(), delivered.deliveries.len()), ("extracted", 1));
    assert_eq!(officer.complete(disclosed).await.unwrap().state, "completed");
    says(officer.deliver(disclosed).await, "step_out_of_order", "is completed");
    assert_eq!(officer.confirm(disclosed).await.unwrap().state, "completed");
    says(officer.confirm(disclosed).await, "rule_refuses", "was confirmed before");
    let (closed, older_copies) = officer.close(disclosed).await.unwrap();
    assert!(
        closed.state == "closed" && older_copies.contains("copies of the key file from before")
    );
    says(officer.close(disclosed).await, "step_out_of_order", "its key is destroyed");
    let steps: Vec<&str> = closed.history.iter().map(|change| change.step.as_str()).collect();
    assert_eq!(steps, ["open", "deliver", "complete", "confirm_deletion", "close"]);
}

fn the_log_has_the_course(entries: &[Value], id: &str, disclosed: &str) {
    let expected = [
        "application_received",
        "refused",
        "decision_recorded",
        "disclosure_opened",
        "refused",
        "refused",
        "extract_recorded",
        "disclosure_completed",
        "refused",
        "deletion_confirmed",
        "refused",
        "disclosure_closed",
        "refused",
        "application_withdrawn",
        "refused",
    ];
    assert_eq!(actions(entries), expected);
    for entry in entries.iter().filter(|one| one["actor"]["principal"] == "officer") {
        assert_eq!(entry["application"], id, "{entry}");
    }
    let refused: Vec<_> = entries.iter().filter(|one| one["action"] == "refused").collect();
    assert_eq!(
        (&refused[0]["attempted"], &refused[0]["reason"]),
        (&"decision_recorded".into(), &"rule_refuses".into())
    );
    let extract = entries.iter().find(|one| one["action"] == "extract_recorded").unwrap();
    assert_eq!(extract["disclosure"], disclosed);
    assert_eq!(
        (&extract["counts"]["persons_left_out"], &extract["changes"][0]),
        (&1.into(), &"note: looked at by hand".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insurer_is_refused_and_the_refusal_is_recorded() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let mut officer = Caller::of(&installation, server.address, "officer").await;
    let (mut request, ..) = described();
    request.organisation = INSURER.to_owned();
    let refused = officer.receive(request.clone()).await;
    says(refused, "rule_refuses", "data are never disclosed to insurer");
    request.organisation = "971526920".to_owned();
    let unknown = officer.receive(request).await;
    says(unknown, "rule_refuses", "is no organisation of organisations.toml");
    assert!(officer.applications().await.unwrap().is_empty());
    let entries = audit_entries(&installation, server.address).await;
    let refused: Vec<_> = entries.iter().filter(|one| one["action"] == "refused").collect();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["attempted"], "application_received");
    assert_eq!(refused[0]["actor"]["principal"], "officer");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_is_there_after_sealing_and_the_newest_comes_first() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let mut officer = Caller::of(&installation, server.address, "officer").await;
    let (request, decision, open) = described();
    let mut disclosures = Vec::new();
    for number in 1..=2 {
        let id = officer.receive(request.clone()).await.unwrap().id;
        assert!(id.ends_with(&format!("-000{number}")));
        officer.decide(&id, decision.clone()).await.unwrap();
        let open = OpenDisclosureRequest { application: id, ..open.clone() };
        disclosures.insert(0, officer.open(open).await.unwrap());
    }
    let id = officer.receive(request).await.unwrap().id;
    let refuse = RefuseApplicationRequest { application: id, reason: "no legal basis".into() };
    let refused = call!(officer, refuse_application, refuse).unwrap().application.unwrap();
    assert_eq!(refused.state, "refused");

    server.seal(&installation).await.unwrap();
    assert_eq!(
        refusal(officer.disclosures().await),
        (Code::FailedPrecondition, "server_sealed".to_owned())
    );
    server.unseal(&installation).await.unwrap();

    assert_eq!(officer.disclosures().await.unwrap(), disclosures);
    assert_eq!(officer.disclosure(&disclosures[1].id).await.unwrap(), disclosures[1]);
    let listed = officer.applications().await.unwrap();
    let states: Vec<&str> = listed.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["refused", "decided", "decided"]);
    let application = GetApplicationRequest { application: listed[2].id.clone() };
    let found = call!(officer, get_application, application).unwrap();
    assert_eq!(found.application.as_ref(), Some(&listed[2]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_and_nobody_but_an_officer_changes_anything() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let mut officer = Caller::of(&installation, server.address, "officer").await;
    let (request, decision, open) = described();
    let id = officer.receive(request.clone()).await.unwrap().id;
    officer.decide(&id, decision.clone()).await.unwrap();
    let open = OpenDisclosureRequest { application: id.clone(), ..open };
    let disclosed = officer.open(open.clone()).await.unwrap().id;
    let denied = (Code::PermissionDenied, "not_allowed".to_owned());
    for name in ["auditor", "operator", "pipeline", "guest", "stranger"] {
        let mut other = Caller::of(&installation, server.address, name).await;
        assert_eq!(refusal(other.receive(request.clone()).await), denied, "{name}");
        assert_eq!(refusal(other.decide(&id, decision.clone()).await), denied);
        assert_eq!(refusal(other.open(open.clone()).await), denied);
        assert_eq!(refusal(other.deliver(&disclosed).await), denied);
        assert_eq!(refusal(other.complete(&disclosed).await), denied);
        assert_eq!(refusal(other.confirm(&disclosed).await), denied);
        assert_eq!(refusal(other.close(&disclosed).await), denied);
        let listed = other.applications().await;
        let found = other.disclosure(&disclosed).await;
        if name == "auditor" {
            assert_eq!(listed.unwrap().len(), 1);
            assert_eq!(found.unwrap().state, "open");
        } else {
            assert_eq!(refusal(listed), denied);
            assert_eq!(refusal(found), denied);
        }
    }
    let none = officer.disclosure(&"0".repeat(32)).await;
    assert_eq!(refusal(none), (Code::NotFound, "disclosure_unknown".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_request_is_told_without_a_value() {
    const NUMBER: &str = "41814061033";
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let mut officer = Caller::of(&installation, server.address, "officer").await;
    let (mut request, mut decision, _) = described();
    request.registers[1] = NUMBER.to_owned();
    request.contact = format!("for {NUMBER}");
    let received = officer.receive(request).await;
    decision.terms.as_mut().unwrap().registers[0].variables[2].name = NUMBER.to_owned();
    decision.authority = NUMBER.to_owned();
    let decided = officer.decide(NUMBER, decision).await;
    let found = officer.disclosure(NUMBER).await;
    let expected = [
        (received.unwrap_err(), vec!["request.registers[1]", "request.contact"]),
        (
            decided.unwrap_err(),
            vec![
                "application",
                "decision.authority",
                "decision.terms.registers[0].variables[2].name",
            ],
        ),
        (found.unwrap_err(), vec!["disclosure"]),
    ];
    for (status, fields) in expected {
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "request_invalid")
        );
        let told = status.get_error_details().bad_request().unwrap().field_violations.clone();
        let told: Vec<&str> = told.iter().map(|one| one.field.as_str()).collect::<Vec<_>>();
        assert_eq!(told, fields);
        assert!(!format!("{status:?}").contains(NUMBER));
    }
    server.stop().await;
}
