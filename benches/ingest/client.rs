//! Clients of a server, and one round of deliveries.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tonic::transport::Channel;

use hvelv::clock::Clock;
use hvelv::rpc::client::{ClientIdentity, ClientOptions, connect};
use hvelv::rpc::proto::PseudonymizeStreamRequest;
use hvelv::rpc::proto::UnsealRequest;
use hvelv::rpc::proto::ingest_service_client::IngestServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Inner;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Outer;

use super::load::{Load, Messages, header};

/// What clients need.
pub(crate) struct Clients {
    /// Where they run.
    pub(crate) runtime: Runtime,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The directory of their certificates.
    pub(crate) files: PathBuf,
}

impl Clients {
    /// A connection of its own.
    pub(crate) async fn connect(&self, address: SocketAddr, name: &str) -> Channel {
        let identity = ClientIdentity {
            certificate_file: self.files.join(format!("{name}.pem")),
            key_file: self.files.join(format!("{name}-key.pem")),
        };
        let options = ClientOptions {
            address: address.to_string(),
            server_name: Some("localhost".to_owned()),
            ca_file: self.files.join("ca.pem"),
            identity: Some(identity),
        };
        connect(&options, &self.clock).await.unwrap()
    }

    /// Opens a server; gives how long it loaded.
    pub(crate) fn unseal(&self, address: SocketAddr) -> Duration {
        let passphrase = std::fs::read(self.files.join("passphrase")).unwrap();
        self.runtime.block_on(async {
            let mut client = OperatorServiceClient::new(self.connect(address, "operator").await);
            let unsealed = client.unseal(UnsealRequest { passphrase }).await.unwrap();
            Duration::from_millis(unsealed.into_inner().load_ms)
        })
    }

    /// One round: identifiers per second, opening and closing of the delivery included, and the longest
    /// that a stream waited for its next answer.
    pub(crate) fn round(
        &self,
        address: SocketAddr,
        load: Load,
        messages: &Messages,
    ) -> (f64, Duration) {
        self.runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..load.streams {
                let channel = self.connect(address, "pipeline").await;
                clients.push(IngestServiceClient::new(channel));
            }
            let begun = self.clock.monotonic();
            let streams: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(stream, client)| {
                    // Each stream begins elsewhere in the population.
                    let from = stream * messages.len() / load.streams;
                    let (messages, clock) = (Arc::clone(messages), Arc::clone(&self.clock));
                    tokio::spawn(deliver(client, messages, from..from + load.count, clock))
                })
                .collect();
            let (mut answered, mut longest) = (0, Duration::ZERO);
            for stream in streams {
                let (rows, pause) = stream.await.unwrap();
                answered += rows;
                longest = longest.max(pause);
            }
            let took = self.clock.monotonic().saturating_sub(begun);
            (answered as f64 / took.as_secs_f64(), longest)
        })
    }
}

/// One delivery; gives how many identifiers were answered with an ID, which must be all, and the
/// longest wait for an answer.
async fn deliver(
    mut client: IngestServiceClient<Channel>,
    messages: Messages,
    places: std::ops::Range<usize>,
    clock: Arc<dyn Clock>,
) -> (usize, Duration) {
    let open = PseudonymizeStreamRequest { message: Some(Inner::Open(header())) };
    let batches = places.map(move |place| messages[place % messages.len()].clone());
    let requests = tokio_stream::iter(std::iter::once(open).chain(batches));
    let mut replies = client.pseudonymize_stream(requests).await.unwrap().into_inner();
    let (mut answered, mut rows) = (0, 0);
    let (mut longest, mut last) = (Duration::ZERO, clock.monotonic());
    while let Some(reply) = replies.message().await.unwrap() {
        let now = clock.monotonic();
        longest = longest.max(now.saturating_sub(last));
        last = now;
        if let Some(Outer::Result(result)) = reply.message {
            rows += result.ids.len();
            answered += result.ids.iter().filter(|id| **id != 0).count();
        }
    }
    assert!(rows > 0 && answered == rows, "{answered} of {rows} rows were answered with an ID");
    (answered, longest)
}
