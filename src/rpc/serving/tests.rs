//! Goal: every refusal of the transport and the guard, and both ways to stop.  Method: real TLS over
//! loopback, a mock clock for certificates, and waiting for states with a bound.

use std::sync::atomic::Ordering;

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::*;
use crate::rpc::harness::{Client, Delivery, WAIT, World, bounded, moment, until, year};
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::pseudonymize_stream_request::Message;
use crate::rpc::proto::{
    IdentifierBatch, PseudonymizeRequest, PseudonymizeResponse, PseudonymizeStreamRequest,
};

type Answer = Result<tonic::Response<PseudonymizeResponse>, tonic::Status>;

fn batch(assigner: &str, bytes: usize) -> IdentifierBatch {
    let column = Some(Column::PackedAscii(vec![b'0'; bytes].into()));
    IdentifierBatch { assigner: assigner.to_owned(), column, ..IdentifierBatch::default() }
}

fn request(assigner: &str, bytes: usize) -> PseudonymizeRequest {
    PseudonymizeRequest { delivery: None, batch: Some(batch(assigner, bytes)) }
}

fn message(bytes: usize) -> PseudonymizeStreamRequest {
    PseudonymizeStreamRequest { message: Some(Message::Batch(batch("", bytes))) }
}

async fn ask(client: &mut Client) -> Answer {
    bounded(client.pseudonymize(request("", 11))).await
}

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn refused(answer: Answer) -> (Code, String, String) {
    let status = answer.expect_err("the request is refused");
    (status.code(), reason(&status), status.message().to_owned())
}

#[tokio::test]
async fn a_named_caller_with_the_role_is_answered() {
    let world = World::new();
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    assert_eq!(ask(&mut client).await.unwrap().into_inner().delivery_id, "sender");
    drop(client);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_certificate_only_open_methods_answer() {
    let world = World::new();
    let server = world.serve().await;
    let channel = world.connect(&server, None).await.unwrap();
    let request = HealthCheckRequest::default();
    bounded(HealthClient::new(channel.clone()).check(request)).await.unwrap();
    let (code, reason, _) = refused(ask(&mut Client::new(channel)).await);
    assert_eq!((code, reason.as_str()), (Code::Unauthenticated, "certificate_required"));
    assert_eq!(server.entered(), 0);
}

#[tokio::test]
async fn a_stranger_and_a_caller_without_the_role_get_the_same_answer() {
    let world = World::new();
    let server = world.serve().await;
    let stranger = refused(ask(&mut world.client(&server, "stranger").await).await);
    let auditor = refused(ask(&mut world.client(&server, "auditor").await).await);
    assert_eq!(stranger, auditor);
    assert_eq!(stranger.0, Code::PermissionDenied);
    assert_eq!(server.entered(), 0);
}

#[tokio::test]
async fn a_method_that_is_not_in_the_table_is_not_there() {
    let world = World::new();
    let server = world.serve().await;
    let channel = world.connect(&server, Some(world.identity("sender"))).await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    bounded(client.ready()).await.unwrap();
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
    let path = http::uri::PathAndQuery::from_static("/hvelv.v1.IngestService/Absent");
    let asked = client.unary(tonic::Request::new(HealthCheckRequest::default()), path, codec);
    let status = bounded(asked).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "method_unknown"));
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_the_name_of_the_limit() {
    let mut world = World::new();
    world.config.limits.message_bytes_max = 4096;
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let (code, reason_text, text) = refused(bounded(client.pseudonymize(request("", 5000))).await);
    assert_eq!((code, reason_text.as_str()), (Code::ResourceExhausted, "message_too_large"));
    assert!(text.contains("limits.message_bytes_max = 4096"), "{text}");

    let mut delivery = Delivery::open(&mut client).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    let status = delivery.exchange(message(5000)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (code, "message_too_large"));
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_the_senders_mistake() {
    let world = World::new();
    let server = world.serve().await;
    let channel = world.connect(&server, Some(world.identity("sender"))).await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    bounded(client.ready()).await.unwrap();
    // Field 1 is a number here and a message there.
    let codec =
        tonic_prost::ProstCodec::<crate::rpc::proto::ListEntriesRequest, HealthCheckRequest>::default();
    let wrong = crate::rpc::proto::ListEntriesRequest { start: 5, count: 5 };
    let path = http::uri::PathAndQuery::from_static("/hvelv.v1.IngestService/Pseudonymize");
    let status = bounded(client.unary(tonic::Request::new(wrong), path, codec)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "message_malformed")
    );
}

#[tokio::test]
async fn a_stream_ends_at_its_number_of_messages() {
    let mut world = World::new();
    world.config.limits.stream_messages_max = 2;
    let server = world.serve().await;
    let mut delivery = Delivery::open(&mut world.client(&server, "sender").await).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    let status = delivery.exchange(message(11)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.stream_messages_max = 2"));
}

#[tokio::test]
async fn a_silent_stream_is_ended() {
    let mut world = World::new();
    world.config.limits.stream_idle_timeout_ms = 100;
    let server = world.serve().await;
    let mut delivery = Delivery::open(&mut world.client(&server, "sender").await).await.unwrap();
    let status = delivery.reply().await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "stream_idle"));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_the_limit() {
    let mut world = World::new();
    world.config.limits.request_timeout_ms = 100;
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let (code, _, text) = refused(bounded(client.pseudonymize(request(WAIT, 11))).await);
    assert_eq!(code, Code::DeadlineExceeded);
    assert!(text.contains("limits.request_timeout_ms = 100"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_is_withdrawn_stops_a_running_stream() {
    let world = World::new();
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let mut delivery = Delivery::open(&mut client).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    world.grant(&[("auditor", "'auditor'")]);
    let reloaded = bounded(server.handle.reload()).await.unwrap();
    assert_eq!(reloaded, Reloaded { access: true, tls: true });
    let status = delivery.exchange(message(11)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "not_allowed"));
    assert_eq!(refused(ask(&mut client).await).0, Code::PermissionDenied);
    let loads = server.host.loads.lock().unwrap().clone();
    assert_eq!(loads.last().unwrap(), "removed sender: ingest:NPR:HF");
}

#[tokio::test]
async fn a_role_that_is_withdrawn_stops_a_stream_and_one_that_is_kept_does_not() {
    let world = World::new();
    let server = world.serve().await;
    let mut delivery = Delivery::open(&mut world.client(&server, "sender").await).await.unwrap();
    world.grant(&[("sender", "'ingest:NPR:*', 'resolve:NPR:HF'")]);
    bounded(server.handle.reload()).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    world.grant(&[("sender", "'resolve:NPR:HF'")]);
    bounded(server.handle.reload()).await.unwrap();
    let status = delivery.exchange(message(11)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_certificate_that_expires_stops_a_running_stream() {
    let world = World::new();
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let mut delivery = Delivery::open(&mut client).await.unwrap();
    delivery.exchange(message(11)).await.unwrap();
    world.clock.set(moment("2027-01-01T00:00:00Z"));
    let status = delivery.exchange(message(11)).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unauthenticated, "certificate_expired")
    );
    assert_eq!(refused(ask(&mut client).await).0, Code::Unauthenticated);
}

#[tokio::test]
async fn a_principal_whose_last_day_is_over_is_stopped() {
    let world = World::new();
    world.write_access(
        "[[principal]]\nname = 'sender'\nkind = 'system'\norganisation = '983744516'\n\
         certificates = ['uri:spiffe://hvelv.dev/sender']\nroles = ['ingest:NPR:HF']\n\
         valid_to = '2026-06-01'\n",
    );
    let server = world.serve().await;
    let mut delivery = Delivery::open(&mut world.client(&server, "sender").await).await.unwrap();
    world.clock.set(moment("2026-06-01T23:59:59Z"));
    delivery.exchange(message(11)).await.unwrap();
    world.clock.set(moment("2026-06-02T00:00:00Z"));
    let status = delivery.exchange(message(11)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "not_allowed"));
}

#[tokio::test]
async fn a_bad_access_file_changes_nothing() {
    let world = World::new();
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let loads = server.host.loads.lock().unwrap().len();
    world.write_access("[[principal]]\nname = 'Bad Name'\nroles = ['emperor']\n");
    let reloaded = bounded(server.handle.reload()).await.unwrap();
    assert_eq!(reloaded, Reloaded { access: false, tls: true });
    assert!(ask(&mut client).await.is_ok());
    assert_eq!(server.host.loads.lock().unwrap().len(), loads);
}

#[tokio::test]
async fn what_the_access_file_grants_at_the_start_is_recorded() {
    let world = World::new();
    let server = world.serve().await;
    let expected = ["added auditor: auditor", "added sender: ingest:NPR:HF"];
    assert_eq!(*server.host.loads.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_stops() {
    let world = World::new();
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let asked = tokio::spawn(async move { client.pseudonymize(request(WAIT, 11)).await });
    until("the request is in flight", || server.entered() == 1).await;
    server.handle.stop().await;
    let address = server.address;
    let is_closed = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    bounded(is_closed).await;
    assert!(!server.host.is_down.load(Ordering::SeqCst));
    server.release();
    assert!(bounded(asked).await.unwrap().is_ok());
    server.ended().await.unwrap();
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let mut world = World::new();
    world.config.limits.shutdown_timeout_ms = 0;
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let asked = tokio::spawn(async move { client.pseudonymize(request(WAIT, 11)).await });
    until("the request is in flight", || server.entered() == 1).await;
    server.stop().await.unwrap();
    assert!(bounded(asked).await.unwrap().is_err());
}

#[tokio::test]
async fn a_second_order_to_stop_ends_the_draining() {
    let mut world = World::new();
    world.config.limits.shutdown_timeout_ms = 600_000;
    let server = world.serve().await;
    let mut client = world.client(&server, "sender").await;
    let asked = tokio::spawn(async move { client.pseudonymize(request(WAIT, 11)).await });
    until("the request is in flight", || server.entered() == 1).await;
    server.handle.stop().await;
    server.stop().await.unwrap();
    assert!(bounded(asked).await.unwrap().is_err());
}

#[tokio::test]
async fn a_health_watch_follows_the_state_and_does_not_delay_the_stop() {
    let mut world = World::new();
    world.config.limits.shutdown_timeout_ms = 600_000;
    let server = world.serve().await;
    let channel = world.connect(&server, None).await.unwrap();
    let service = "hvelv.v1.IngestService".to_owned();
    let watch = HealthClient::new(channel).watch(HealthCheckRequest { service }).await;
    let mut watch = watch.unwrap().into_inner();
    server.host.state.send_replace(State::Open);
    let serving = tonic_health::pb::health_check_response::ServingStatus::Serving;
    while bounded(watch.message()).await.unwrap().unwrap().status() != serving {}
    server.stop().await.unwrap();
    while matches!(bounded(watch.message()).await, Ok(Some(_))) {}
}

#[tokio::test]
async fn a_connection_too_many_of_one_principal_is_told_so() {
    let mut world = World::new();
    world.config.limits.connections_per_principal_max = 1;
    let server = world.serve().await;
    let mut first = world.client(&server, "sender").await;
    ask(&mut first).await.unwrap();
    let (code, _, text) = refused(ask(&mut world.client(&server, "sender").await).await);
    assert_eq!(code, Code::ResourceExhausted);
    assert!(text.contains("limits.connections_per_principal_max = 1"), "{text}");
    // Another principal has an allowance of its own.
    let auditor = refused(ask(&mut world.client(&server, "auditor").await).await);
    assert_eq!(auditor.0, Code::PermissionDenied);
}

#[tokio::test]
async fn anonymous_connections_never_take_all_places() {
    let mut world = World::new();
    world.config.limits.connections_max = 4;
    world.config.limits.connections_per_principal_max = 4;
    let server = world.serve().await;
    let request = HealthCheckRequest::default;
    let first = world.connect(&server, None).await.unwrap();
    bounded(HealthClient::new(first.clone()).check(request())).await.unwrap();
    let second = world.connect(&server, None).await.unwrap();
    let status = bounded(HealthClient::new(second).check(request())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(ask(&mut world.client(&server, "sender").await).await.is_ok());
}

#[tokio::test]
async fn a_server_certificate_of_another_authority_is_refused_by_the_client() {
    let mut world = World::new();
    let server = world.serve().await;
    let other = crate::rpc::certificates::DevelopmentAuthority::generate(year()).unwrap();
    world.config.tls.client_ca_file = world.path("other-ca.pem");
    other.write(&world.config.tls.client_ca_file).unwrap();
    assert!(world.connect(&server, None).await.is_err());
}
