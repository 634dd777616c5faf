//! Sealed, open, sealed again: who answers when, and that nothing is lost.

use hvelv::rpc::proto::audit_service_client::AuditServiceClient;
use std::net::SocketAddr;

use hvelv::rpc::proto::catalogue_service_client::CatalogueServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::{
    GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest, ListEntriesRequest,
    ListRegistersRequest, SealRequest, ServerState,
};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{
    InProcessServer, Installation, Stream, ask, bounded, header, look_up, packed, people, refusal,
};

const SEALED: Code = Code::FailedPrecondition;

fn sealed() -> (Code, String) {
    (SEALED, "server_sealed".to_owned())
}

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    let checked = bounded(HealthClient::new(channel.clone()).check(request)).await;
    checked.unwrap().into_inner().status()
}

async fn everything_else_is_refused(installation: &Installation, server: &InProcessServer) {
    let channel = installation.connect(server.address, "pipeline").await;
    let batch = || packed(&people(1));
    assert_eq!(refusal(ask(&channel, header("NPR", "HF"), batch()).await), sealed());
    assert_eq!(refusal(ask(&channel, look_up("NPR", "HF"), batch()).await), sealed());
    assert_eq!(refusal(Stream::open(&channel, header("NPR", "HF")).await), sealed());

    let channel = installation.connect(server.address, "auditor").await;
    let mut audit = AuditServiceClient::new(channel);
    let entries = ListEntriesRequest { start: 0, count: 1 };
    assert_eq!(refusal(bounded(audit.list_entries(entries)).await), sealed());
    assert_eq!(refusal(bounded(audit.get_checkpoint(GetCheckpointRequest {})).await), sealed());
    let inclusion = GetInclusionProofRequest { index: 0, tree_size: 0 };
    assert_eq!(refusal(bounded(audit.get_inclusion_proof(inclusion)).await), sealed());
    let consistency = GetConsistencyProofRequest { old_size: 1, new_size: 0 };
    assert_eq!(refusal(bounded(audit.get_consistency_proof(consistency)).await), sealed());
    assert_eq!(refusal(server.seal(installation).await), sealed());
}

/// Waits until health says that a server no longer takes deliveries.
pub(crate) async fn until_sealed(installation: &Installation, address: SocketAddr) {
    let channel = installation.connect(address, "operator").await;
    let request = HealthCheckRequest { service: "hvelv.v1.IngestService".to_owned() };
    let mut watch = bounded(HealthClient::new(channel).watch(request)).await.unwrap().into_inner();
    while bounded(watch.message()).await.unwrap().unwrap().status() == ServingStatus::Serving {}
    // Health changes when sealing begins; who unseals waits for its end.
    let operator = installation.connect(address, "operator").await;
    let mut client = OperatorServiceClient::new(operator);
    assert_eq!(refusal(bounded(client.seal(SealRequest {})).await), sealed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_server_answers_health_status_catalogue_and_unseal_only() {
    let installation = Installation::new();
    let server = InProcessServer::sealed(&installation).await;
    let anybody = installation.try_connect(server.address, None).await.unwrap();
    for (service, open_while_sealed) in [
        ("", true),
        ("hvelv.v1.CatalogueService", true),
        ("hvelv.v1.OperatorService", true),
        ("hvelv.v1.IngestService", false),
        ("hvelv.v1.AuditService", false),
    ] {
        let is_serving = health(&anybody, service).await == ServingStatus::Serving;
        assert_eq!(is_serving, open_while_sealed, "{service}");
    }
    let status = server.status(&installation).await;
    assert_eq!((status.state(), status.development_keys), (ServerState::Sealed, true));
    assert_eq!((status.persons, status.registers.len()), (0, 0));
    let mut catalogue = CatalogueServiceClient::new(anybody.clone());
    bounded(catalogue.list_registers(ListRegistersRequest {})).await.unwrap();
    everything_else_is_refused(&installation, &server).await;

    server.unseal(&installation).await.unwrap();
    // A change of state reaches health by a task of its own.
    let request = HealthCheckRequest { service: "hvelv.v1.IngestService".to_owned() };
    let watch = bounded(HealthClient::new(anybody).watch(request)).await;
    let mut watch = watch.unwrap().into_inner();
    while bounded(watch.message()).await.unwrap().unwrap().status() != ServingStatus::Serving {}
    assert_eq!(server.status(&installation).await.state(), ServerState::Open);
    server.seal(&installation).await.unwrap();
    while bounded(watch.message()).await.unwrap().unwrap().status() == ServingStatus::Serving {}
    everything_else_is_refused(&installation, &server).await;
    drop(watch);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_opens_nothing_and_does_no_harm() {
    let installation = Installation::new();
    let server = InProcessServer::sealed(&installation).await;
    let long = "x".repeat(100_000);
    for wrong in
        ["", "wrong", "correct horse battery stapl", "correct horse battery staple ", &long]
    {
        let status = server.unseal_with(&installation, wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(crate::harness::reason(&status), "passphrase_wrong");
        let said = format!("{status:?}");
        assert!(wrong.is_empty() || wrong == "wrong" || !said.contains(wrong), "{said}");
        assert_eq!(server.status(&installation).await.state(), ServerState::Sealed);
    }
    server.unseal(&installation).await.unwrap();
    let again = server.unseal(&installation).await;
    assert_eq!(refusal(again), (Code::FailedPrecondition, "already_unsealed".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_ends_a_running_stream_and_unsealing_gives_the_same_ids() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let channel = installation.connect(server.address, "sender").await;
    let numbers = people(2000);
    let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
    let first = stream.exchange(packed(&numbers[..1000])).await.unwrap();
    let mut idle = Stream::open(&channel, header("NPR", "HF")).await.unwrap().0;

    server.seal(&installation).await.unwrap();
    assert_eq!(refusal(stream.exchange(packed(&numbers)).await), sealed());
    assert_eq!(server.unseal(&installation).await.unwrap().persons, 1000);
    // A stream of before does not go on either: it is another opening.
    assert!(idle.exchange(packed(&numbers[..1])).await.is_err());

    let again = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
    let again = again.result.unwrap();
    assert_eq!((&again.ids[..1000], again.new_members), (&first.ids[..], 1000));
    for _ in 0..3 {
        server.seal(&installation).await.unwrap();
        assert_eq!(server.unseal(&installation).await.unwrap().persons, 2000);
        let found = ask(&channel, header("NPR", "HF"), packed(&numbers)).await.unwrap();
        assert_eq!(found.result.unwrap().ids, again.ids);
    }
    server.stop().await;
}

/// Many batches are under way when the seal comes: each is answered with IDs that stay, or refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_in_the_midst_of_batches_loses_no_answer() {
    let installation = Installation::new();
    let server = InProcessServer::open(&installation).await;
    let numbers = people(40_000);
    let mut senders = Vec::new();
    for part in numbers.chunks(10_000) {
        let channel = installation.connect(server.address, "sender").await;
        let (mut stream, _) = Stream::open(&channel, header("NPR", "HF")).await.unwrap();
        stream.exchange(packed(&part[..1])).await.unwrap();
        let part = part.to_vec();
        senders.push(tokio::spawn(async move {
            let mut answered = Vec::new();
            for batch in part.chunks(500) {
                match stream.exchange(packed(batch)).await {
                    Ok(result) => answered.extend(batch.iter().copied().zip(result.ids)),
                    Err(status) => {
                        assert_eq!(status.code(), SEALED, "{status}");
                        break;
                    }
                }
            }
            answered
        }));
    }
    server.seal(&installation).await.unwrap();
    let mut answered = Vec::new();
    for sender in senders {
        answered.extend(bounded(sender).await.unwrap());
    }
    server.unseal(&installation).await.unwrap();
    let channel = installation.connect(server.address, "pipeline").await;
    let (asked, ids): (Vec<u64>, Vec<u64>) = answered.into_iter().unzip();
    let found = ask(&channel, look_up("NPR", "HF"), packed(&asked)).await.unwrap();
    assert_eq!(found.result.unwrap().ids, ids);
    server.stop().await;
}
