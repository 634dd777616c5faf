//! Messages, streams, and what a refusal says.

use std::net::SocketAddr;

use hvelv::rpc::proto::audit_service_client::AuditServiceClient;
use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::ingest_service_client::IngestServiceClient;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Outbound;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Inbound;
use hvelv::rpc::proto::{
    CalendarDate, DeliveryHeader, DeliveryOpened, DeliverySummary, IdentifierBatch, IdentifierType,
    IngestPurpose, IntegerColumn, ListEntriesRequest, Mode, PseudonymizeRequest,
    PseudonymizeResponse, PseudonymizeStreamRequest, PseudonymizeStreamResponse, RegisterIds,
    ReportingPeriod, TextColumn,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{Installation, bounded, digits};

const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// An ordinary delivery about 2025.
pub(crate) fn header(register: &str, source: &str) -> DeliveryHeader {
    let day = |month, day| Some(CalendarDate { year: 2025, month, day });
    DeliveryHeader {
        register: register.to_owned(),
        source: source.to_owned(),
        purpose: IngestPurpose::Reporting.into(),
        mode: Mode::ResolveOrAssign.into(),
        period: Some(ReportingPeriod { from: day(1, 1), to: day(12, 31) }),
        identifier_exceptions: Vec::new(),
    }
}

/// A look-up that assigns nobody.
pub(crate) fn look_up(register: &str, source: &str) -> DeliveryHeader {
    let mode = Mode::ResolveOnly.into();
    DeliveryHeader { mode, period: None, ..header(register, source) }
}

/// Rows as text, of any kind.
pub(crate) fn texts<T: AsRef<str>>(values: &[T]) -> IdentifierBatch {
    let values = values.iter().map(|value| value.as_ref().to_owned()).collect();
    let column = TextColumn { values, row_types: Vec::new() };
    batch(IdentifierType::Any, Column::Text(column))
}

/// Fødselsnummer as text.
pub(crate) fn text(numbers: &[u64]) -> IdentifierBatch {
    texts(&numbers.iter().copied().map(digits).collect::<Vec<_>>())
}

/// Fødselsnummer as packed digits.
pub(crate) fn packed(numbers: &[u64]) -> IdentifierBatch {
    let bytes: String = numbers.iter().copied().map(digits).collect();
    batch(IdentifierType::Fnr, Column::PackedAscii(bytes.into_bytes().into()))
}

/// Fødselsnummer as integers.
pub(crate) fn integers(numbers: &[u64]) -> IdentifierBatch {
    let column = IntegerColumn { values: numbers.to_vec() };
    batch(IdentifierType::Fnr, Column::Integers(column))
}

fn batch(kind: IdentifierType, column: Column) -> IdentifierBatch {
    let column = Some(column);
    IdentifierBatch { r#type: kind.into(), column, ..IdentifierBatch::default() }
}

/// Sends one batch as a delivery of its own.
pub(crate) async fn ask(
    channel: &Channel,
    delivery: DeliveryHeader,
    batch: IdentifierBatch,
) -> Result<PseudonymizeResponse, Status> {
    let request = PseudonymizeRequest { delivery: Some(delivery), batch: Some(batch) };
    let mut client = client(channel);
    bounded(client.pseudonymize(request)).await.map(tonic::Response::into_inner)
}

fn client(channel: &Channel) -> IngestServiceClient<Channel> {
    IngestServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// The entries of the audit log, as an auditor reads them.
pub(crate) async fn audit_entries(
    installation: &Installation,
    server: SocketAddr,
) -> Vec<serde_json::Value> {
    let channel = installation.connect(server, "auditor").await;
    let request = ListEntriesRequest { start: 0, count: 0 };
    let mut client = AuditServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut entries = bounded(client.list_entries(request)).await.unwrap().into_inner();
    let mut bodies = Vec::new();
    while let Some(entry) = bounded(entries.message()).await.unwrap() {
        bodies.push(serde_json::from_slice(&entry.body).unwrap());
    }
    bodies
}

/// The stable code of a status of ours.
pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The code and the stable code of a refusal.
pub(crate) fn refusal<T>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.err().expect("the request is refused");
    (status.code(), reason(&status))
}

/// A delivery on a stream.
pub(crate) struct Stream {
    requests: Option<mpsc::Sender<PseudonymizeStreamRequest>>,
    replies: Streaming<PseudonymizeStreamResponse>,
}

impl Stream {
    /// A stream on which nothing has been said.
    pub(crate) async fn silent(channel: &Channel) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(8);
        let mut client = client(channel);
        let replies = bounded(client.pseudonymize_stream(ReceiverStream::new(receiver))).await?;
        Ok(Self { requests: Some(requests), replies: replies.into_inner() })
    }

    /// Opens a delivery.
    pub(crate) async fn open(
        channel: &Channel,
        header: DeliveryHeader,
    ) -> Result<(Self, DeliveryOpened), Status> {
        let mut stream = Self::silent(channel).await?;
        stream.say(Outbound::Open(header)).await;
        match stream.hear().await? {
            Some(Inbound::Opened(opened)) => Ok((stream, opened)),
            _ => panic!("something else than that the delivery is open"),
        }
    }

    /// Sends a message.  A stream that the server has ended takes none; its status says why.
    pub(crate) async fn say(&self, message: Outbound) {
        let message = PseudonymizeStreamRequest { message: Some(message) };
        drop(bounded(self.requests.as_ref().unwrap().send(message)).await);
    }

    /// Sends a batch and does not wait for its answer.
    pub(crate) async fn send(&self, batch: IdentifierBatch) {
        self.say(Outbound::Batch(batch)).await;
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Result<Option<Inbound>, Status> {
        let reply = bounded(self.replies.message()).await?;
        Ok(reply.map(|reply| reply.message.expect("a reply says something")))
    }

    /// The answer to the next batch.
    pub(crate) async fn result(&mut self) -> Result<RegisterIds, Status> {
        match self.hear().await? {
            Some(Inbound::Result(ids)) => Ok(ids),
            Some(_) => panic!("something else than an answer to a batch"),
            None => Err(Status::unavailable("the stream ended without an answer")),
        }
    }

    /// Sends a batch and waits for its answer.
    pub(crate) async fn exchange(&mut self, batch: IdentifierBatch) -> Result<RegisterIds, Status> {
        self.send(batch).await;
        self.result().await
    }

    /// Closes our side.
    pub(crate) fn close(&mut self) {
        self.requests = None;
    }

    /// Closes the delivery.
    pub(crate) async fn finish(mut self) -> Result<DeliverySummary, Status> {
        self.close();
        match self.hear().await? {
            Some(Inbound::Summary(summary)) => Ok(summary),
            Some(_) => panic!("something else than a summary"),
            None => Err(Status::unavailable("the stream ended without a summary")),
        }
    }
}
