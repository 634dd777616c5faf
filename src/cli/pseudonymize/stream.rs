//! The server as a [`Pseudonymizer`]: one bidirectional stream.

use std::mem::ManuallyDrop;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::engine::{Pseudonymizer, Stopped, ToSend};
use crate::cli::connect::Channel;
use crate::cli::error::{Error, Exit};
use crate::rpc::proto::ingest_service_client::IngestServiceClient;
use crate::rpc::proto::pseudonymize_stream_request::Message as Request;
use crate::rpc::proto::pseudonymize_stream_response::Message as Response;
use crate::rpc::proto::{
    DeliveryHeader, DeliverySummary, PseudonymizeStreamRequest, PseudonymizeStreamResponse,
    RegisterIds,
};

/// Batches queued towards the connection.
const QUEUE: usize = 2;

/// Largest answer: 65,536 rows with a note each fit.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A delivery that the server has opened.
///
/// INVARIANT: `requests` is dropped only when the delivery is complete, for that closes our side of
/// the stream, which tells the server that it is. On any other path it is never dropped, and the
/// stream breaks with the connection when the process ends.
pub(super) struct Delivery {
    requests: ManuallyDrop<mpsc::Sender<PseudonymizeStreamRequest>>,
    responses: Streaming<PseudonymizeStreamResponse>,
    batch_rows_max: usize,
    id: String,
}

impl Delivery {
    /// Opens a delivery.
    ///
    /// # Errors
    ///
    /// What the server says, or that there is no connection.
    pub(super) async fn open(channel: Channel, header: DeliveryHeader) -> Result<Self, Error> {
        let (requests, queued) = mpsc::channel(QUEUE);
        let requests = ManuallyDrop::new(requests);
        let message = PseudonymizeStreamRequest { message: Some(Request::Open(header)) };
        requests.send(message).await.map_err(|_| hung_up())?;
        let mut client =
            IngestServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        let mut responses =
            client.pseudonymize_stream(ReceiverStream::new(queued)).await?.into_inner();
        match responses.message().await?.and_then(|response| response.message) {
            Some(Response::Opened(opened)) => {
                let batch_rows_max = usize::try_from(opened.batch_identifiers_max.max(1))
                    .map_err(|_| out_of_turn("a batch size"))?;
                Ok(Self { requests, responses, batch_rows_max, id: opened.delivery_id })
            }
            Some(_) => Err(out_of_turn("another message than that the delivery is open")),
            None => Err(hung_up()),
        }
    }

    /// The delivery's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Most identifiers that the server takes in one batch.
    pub(super) fn batch_rows_max(&self) -> usize {
        self.batch_rows_max
    }
}

impl Pseudonymizer for Delivery {
    async fn deliver(
        self,
        mut batches: mpsc::Receiver<ToSend>,
        answers: mpsc::Sender<RegisterIds>,
    ) -> Result<DeliverySummary, Stopped> {
        let Self { requests, mut responses, .. } = self;
        let send = async move {
            loop {
                let batch = match batches.recv().await {
                    Some(ToSend::Batch(batch)) => batch,
                    Some(ToSend::End) => break,
                    None => return Err(Stopped::Abandoned),
                };
                let message = PseudonymizeStreamRequest { message: Some(Request::Batch(batch)) };
                // When the stream has ended, its status says why: `receive` reports it.
                if requests.send(message).await.is_err() {
                    return Ok(());
                }
            }
            drop(ManuallyDrop::into_inner(requests));
            Ok(())
        };
        let receive = async move {
            loop {
                match next(&mut responses).await? {
                    Response::Result(ids) => {
                        answers.send(ids).await.map_err(|_| Stopped::Abandoned)?;
                    }
                    Response::Summary(summary) => {
                        // The delivery is stored.  The status is waited for, whatever it says, so
                        // that the server does not take us for gone.
                        drop(responses.message().await);
                        return Ok(summary);
                    }
                    Response::Opened(_) => {
                        return Err(out_of_turn("a second time that the delivery is open").into());
                    }
                }
            }
        };
        let ((), summary) = tokio::try_join!(send, receive)?;
        Ok(summary)
    }
}

async fn next(responses: &mut Streaming<PseudonymizeStreamResponse>) -> Result<Response, Error> {
    let response = responses.message().await?.ok_or_else(hung_up)?;
    response.message.ok_or_else(|| out_of_turn("an empty message"))
}

fn hung_up() -> Error {
    Error::new(Exit::Unavailable, "the server ended the delivery half way")
}

fn out_of_turn(what: &str) -> Error {
    Error::internal(format!("the server answered {what}"))
        .advise("Check that --server is a Hvelv of this version.")
}

#[cfg(test)]
mod tests;
