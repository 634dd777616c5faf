//! Who is answered what: by certificate, role, time, and what is withdrawn while a stream runs.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::uri::PathAndQuery;
use hvelv::clock::{Clock, MockClock, SystemClock};
use hvelv::policy::methods::{METHODS, Rule};
use hvelv::rpc::certificates::DevelopmentAuthority;
use hvelv::rpc::proto::catalogue_service_client::CatalogueServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::{ListRegistersRequest, StatusRequest, StatusResponse};
use jiff::SignedDuration;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{
    BOUND, InProcessServer, Installation, PASSPHRASE, ServerProcess, Stream, ask, audit_entries,
    bounded, header, packed, people, reason, refusal, unseal, until, validity,
};

async fn status(channel: &Channel) -> Result<StatusResponse, Status> {
    let mut client = OperatorServiceClient::new(channel.clone());
    bounded(client.status(StatusRequest {})).await.map(tonic::Response::into_inner)
}

/// The methods that answer everybody, answer.
async fn open_methods_answer(channel: &Channel) {
    let told = status(channel).await.unwrap();
    assert_eq!((told.persons, told.audit_entries, told.registers.len()), (0, 0, 0));
    let mut catalogue = CatalogueServiceClient::new(channel.clone());
    let listed = bounded(catalogue.list_registers(ListRegistersRequest {})).await.unwrap();
    assert!(listed.into_inner().registers.iter().any(|register| register.code == "NPR"));
    let request = HealthCheckRequest::default();
    bounded(HealthClient::new(channel.clone()).check(request)).await.unwrap();
}

/// What the methods that do not answer everybody say, by path.
async fn guarded_methods(channel: &Channel) -> Vec<(&'static str, (Code, String))> {
    let mut refusals = Vec::new();
    for method in METHODS.iter().filter(|method| method.rule != Rule::Anyone) {
        let mut client = tonic::client::Grpc::new(channel.clone());
        bounded(client.ready()).await.unwrap();
        let codec = tonic_prost::ProstCodec::<StatusRequest, StatusRequest>::default();
        let path = PathAndQuery::from_static(method.path);
        let request = tonic::Request::new(StatusRequest {});
        refusals.push((method.path, refusal(bounded(client.unary(request, path, codec)).await)));
    }
    assert!(refusals.len() >= 8);
    refusals
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_only_the_open_methods_answer() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.try_connect(server.address, None).await.unwrap();
    open_methods_answer(&channel).await;
    for (path, refusal) in guarded_methods(&channel).await {
        let expected = (Code::Unauthenticated, "certificate_required".to_owned());
        assert_eq!(refusal, expected, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_certificate_and_one_without_roles_get_the_same_answers() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    for name in ["stranger", "guest"] {
        let channel = installation.connect(server.address, name).await;
        open_methods_answer(&channel).await;
        for (path, refusal) in guarded_methods(&channel).await {
            let expected = (Code::PermissionDenied, "not_allowed".to_owned());
            assert_eq!(refusal, expected, "{name} {path}");
        }
    }
    server.stop().await;
}

/// The methods of a role that everybody does not have.
const OWN: [(&str, &[&str]); 6] = [
    (
        "sender",
        &[
            "IngestService/",
            "AliasService/ConvertIds",
            "AliasService/ListAliases",
            "IdentityService/ListIdChanges",
            "RightsService/ConfirmOrder",
            "RightsService/ListOrders",
        ],
    ),
    ("identity", &["IdentityService/ApplyEvents"]),
    ("rights", &["RightsService/"]),
    (
        "quality",
        &[
            "ConversionService/ConvertOneWayIds",
            "RightsService/CheckQualityConsents",
            "RightsService/RecordQualityConsent",
        ],
    ),
    (
        "operator",
        &[
            "OperatorService/",
            "AuditService/GetReceipt",
            "AuditService/PruneEntries",
            "ApprovalService/GetAccess",
            "ApprovalService/GetApproval",
            "ApprovalService/ListApprovals",
            "ApprovalService/RequestApproval",
            "ApprovalService/WithdrawApproval",
        ],
    ),
    (
        "auditor",
        &[
            "AuditService/Get",
            "AuditService/ListEntries",
            "ApprovalService/GetAccess",
            "ApprovalService/GetApproval",
            "ApprovalService/ListApprovals",
            "DisclosureService/GetApplication",
            "DisclosureService/GetDisclosure",
            "DisclosureService/ListApplications",
            "DisclosureService/ListBridges",
            "DisclosureService/ListDisclosures",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_role_opens_its_own_methods_and_no_others() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    for (name, own) in OWN {
        let channel = installation.connect(server.address, name).await;
        for method in METHODS.iter().filter(|method| method.rule != Rule::Anyone) {
            let is_own = |own: &&str| method.path.starts_with(&format!("/hvelv.v1.{own}"));
            if own.iter().any(is_own) {
                continue;
            }
            let mut client = tonic::client::Grpc::new(channel.clone());
            bounded(client.ready()).await.unwrap();
            let codec = tonic_prost::ProstCodec::<StatusRequest, StatusRequest>::default();
            let path = PathAndQuery::from_static(method.path);
            let request = tonic::Request::new(StatusRequest {});
            let refusal = refusal(bounded(client.unary(request, path, codec)).await);
            assert_eq!(refusal.0, Code::PermissionDenied, "{name} {}", method.path);
        }
    }
    // A right to one register is no right to another.
    let channel = installation.connect(server.address, "sender").await;
    let other = ask(&channel, header("KPR", "KUHR"), packed(&people(1))).await;
    assert_eq!(refusal(other), (Code::PermissionDenied, "not_allowed".to_owned()));
    assert!(ask(&channel, header("NPR", "HF"), packed(&people(1))).await.is_ok());
    server.stop().await;
}

/// With TLS 1.3 a client learns with its first call, not in the handshake, that it was refused.  No
/// method answers, so there is no status of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_and_an_expired_one_get_no_answer_at_all() {
    let installation = Installation::new();
    let other = DevelopmentAuthority::generate(validity(-24, 24)).unwrap();
    installation.issue(&other, "pipeline", "forged", validity(-24, 24));
    installation.issue(&installation.authority, "pipeline", "expired", validity(-20, -1));
    installation.issue(&installation.authority, "pipeline", "early", validity(1, 20));
    let server = InProcessServer::sealed(&installation).await;
    for (count, file) in (1..).zip(["forged", "expired", "early"]) {
        if let Ok(channel) = installation.try_connect(server.address, Some(file)).await {
            let refused = status(&channel).await.unwrap_err();
            assert_eq!(reason(&refused), "", "{file}: {refused}");
            // It depends on when the connection's end is noticed.
            let broken = [Code::Cancelled, Code::Unavailable, Code::Unknown];
            assert!(broken.contains(&refused.code()), "{refused}");
        }
        let failed = &server.handle.counters().handshakes_failed;
        until("the handshake has failed", || failed.load(Ordering::SeqCst) >= count).await;
    }
    assert_eq!(server.handle.counters().accepted.load(Ordering::SeqCst), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_while_its_stream_runs_is_refused_by_name() {
    let installation = Installation::new();
    let clock = MockClock::new(SystemClock::new().now());
    let server = InProcessServer::with_clock(&installation, Arc::new(clock.clone())).await;
    server.unseal(&installation).await.unwrap();
    let channel = installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    stream.exchange(packed(&people(10))).await.unwrap();
    clock.set(clock.now().checked_add(SignedDuration::from_hours(24 * 366)).unwrap());
    let expected = (Code::Unauthenticated, "certificate_expired".to_owned());
    assert_eq!(refusal(stream.exchange(packed(&people(10))).await), expected);
    assert_eq!(refusal(ask(&channel, header("NPR", "HF"), packed(&people(1))).await), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_withdrawn_while_its_stream_runs_is_refused_at_the_next_message() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let first = stream.exchange(packed(&people(10))).await.unwrap();

    installation.withdraw("sender");
    assert!(bounded(server.handle.reload()).await.unwrap().access);
    let denied = (Code::PermissionDenied, "not_allowed".to_owned());
    assert_eq!(refusal(stream.exchange(packed(&people(20))).await), denied);
    assert_eq!(refusal(ask(&channel, header("NPR", "HF"), packed(&people(1))).await), denied);
    assert_eq!(server.status(&installation).await.persons, 10);

    // The change is in the log, after what was answered before it.
    let entries = audit_entries(&installation, server.address).await;
    let loaded = entries.iter().rev().find(|entry| entry["action"] == "access_loaded").unwrap();
    assert_eq!(loaded["changes"], serde_json::json!(["removed sender: ingest:NPR:HF"]));
    assert_eq!(loaded["actor"]["kind"], "server");

    installation.grant(&crate::harness::PRINCIPALS);
    assert!(bounded(server.handle.reload()).await.unwrap().access);
    let again = ask(&channel, header("NPR", "HF"), packed(&people(10))).await.unwrap();
    assert_eq!(again.result.unwrap().ids, first.ids);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_signal_withdraws_a_certificate_from_a_running_process() {
    let installation = Installation::new();
    let mut server = ServerProcess::start(&installation.config_file());
    let operator = installation.connect(server.address, "operator").await;
    unseal(&operator, PASSPHRASE).await.unwrap();
    let channel = installation.connect(server.address, "sender").await;
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    stream.exchange(packed(&people(10))).await.unwrap();

    installation.withdraw("sender");
    server.process.signal("HUP");
    server.process.wait_for("access file loaded");
    let denied = (Code::PermissionDenied, "not_allowed".to_owned());
    assert_eq!(refusal(stream.exchange(packed(&people(10))).await), denied);

    // A bad file changes nothing.
    std::fs::write(installation.path("access.toml"), "[[principal]]\nname = 1\n").unwrap();
    server.process.signal("HUP");
    server.process.wait_for("the access file was not loaded");
    assert!(status(&operator).await.unwrap().audit_entries > 0);
    drop((operator, channel, stream));
    server.stop();
}

/// A ClientHello of TLS 1.2: no `supported_versions`, so 1.2 is the newest that it offers.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = [&[0x03, 0x03][..], &[7; 32], &[0]].concat();
    // One suite, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; no compression.
    hello.extend([0x00, 0x02, 0xc0, 0x2b, 0x01, 0x00]);
    let groups = [0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17];
    let formats = [0x00, 0x0b, 0x00, 0x02, 0x01, 0x00];
    let signatures = [0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03];
    let extensions = [&groups[..], &formats, &signatures].concat();
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
    let message = [&[0x01, 0x00][..], &length, &hello].concat();
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&[0x16, 0x03, 0x01][..], &length, &message].concat()
}

#[test]
fn tls_1_2_is_refused_by_the_running_process() {
    let installation = Installation::new();
    let server = ServerProcess::start(&installation.config_file());
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.write_all(&client_hello_of_tls_1_2()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // A fatal alert, protocol_version (RFC 8446, section 6.2).
    assert_eq!((answer[0], &answer[5..]), (0x15, &[2, 70][..]));
    server.stop();
}
