//! Serials and surrogates of the server, for the engine that makes extracts.

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

use crate::cli::error::Error;
use crate::extract::{Issued, Issuer, IssuerError, Refusal};
use crate::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use crate::rpc::proto::issue_serials_request::Message as SerialsIn;
use crate::rpc::proto::issue_serials_response::Message as SerialsOut;
use crate::rpc::proto::issue_surrogates_request::Message as SurrogatesIn;
use crate::rpc::proto::{
    IssueSerialsRequest, IssueSerialsResponse, IssueSurrogatesRequest, IssueSurrogatesResponse,
    RegisterIdBatch, RowCode, Serials, SerialsHeader, SurrogatesHeader, ValueBatch,
};

/// Rows of one message.
const BATCH_ROWS: usize = 4096;

/// Asks the server.
pub(super) struct ServerIssuer<C> {
    client: DisclosureServiceClient<C>,
    runtime: Handle,
    disclosure: String,
    serials: Option<Asked<IssueSerialsRequest, IssueSerialsResponse>>,
    surrogates: Option<Asked<IssueSurrogatesRequest, IssueSurrogatesResponse>>,
    failed: Option<Error>,
}

/// An open stream.
struct Asked<Q, A> {
    questions: UnboundedSender<Q>,
    answers: Streaming<A>,
}

/// Said to the engine, which repeats nothing of the server's.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer")]
struct NotAnswered;

impl ServerIssuer<crate::cli::connect::Channel> {
    /// Asks about one disclosure.
    pub(super) fn new(
        client: DisclosureServiceClient<crate::cli::connect::Channel>,
        runtime: Handle,
        disclosure: String,
    ) -> Self {
        Self { client, runtime, disclosure, serials: None, surrogates: None, failed: None }
    }

    /// Why the server did not answer, if it did not.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// Ends the streams, so that the server stores who is in the disclosure.
    ///
    /// # Errors
    ///
    /// The server's.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        drop(self.surrogates.take());
        let Some(Asked { questions, mut answers }) = self.serials.take() else { return Ok(()) };
        drop(questions);
        self.runtime.clone().block_on(async {
            match answers.message().await?.and_then(|answer| answer.message) {
                Some(SerialsOut::Summary(_)) => Ok(()),
                _ => Err(unexpected()),
            }
        })
    }

    async fn ask_serials(&mut self, register: &str, ids: &[u64]) -> Result<Vec<Issued>, Error> {
        if self.serials.is_none() {
            let (questions, receiver) = unbounded_channel();
            let open = SerialsIn::Open(SerialsHeader { disclosure: self.disclosure.clone() });
            ask(&questions, IssueSerialsRequest { message: Some(open) })?;
            let questions_stream = UnboundedReceiverStream::new(receiver);
            let mut answers = self.client.issue_serials(questions_stream).await?.into_inner();
            match answers.message().await?.and_then(|answer| answer.message) {
                Some(SerialsOut::Opened(_)) => {}
                _ => return Err(unexpected()),
            }
            self.serials = Some(Asked { questions, answers });
        }
        let Some(asked) = &mut self.serials else { return Err(unexpected()) };
        for chunk in ids.chunks(BATCH_ROWS) {
            let batch = RegisterIdBatch {
                register: register.to_owned(),
                ids: chunk.to_vec(),
                ..RegisterIdBatch::default()
            };
            let message = Some(SerialsIn::Batch(batch));
            ask(&asked.questions, IssueSerialsRequest { message })?;
        }
        let mut issued = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(BATCH_ROWS) {
            match asked.answers.message().await?.and_then(|answer| answer.message) {
                Some(SerialsOut::Result(serials)) => append(&serials, chunk.len(), &mut issued)?,
                _ => return Err(unexpected()),
            }
        }
        Ok(issued)
    }

    async fn ask_surrogates(
        &mut self,
        key_space: &str,
        values: &[(&[u8], &[u8])],
    ) -> Result<Vec<[u8; 16]>, Error> {
        if self.surrogates.is_none() {
            let (questions, receiver) = unbounded_channel();
            let open = SurrogatesIn::Open(SurrogatesHeader { disclosure: self.disclosure.clone() });
            ask(&questions, IssueSurrogatesRequest { message: Some(open) })?;
            let questions_stream = UnboundedReceiverStream::new(receiver);
            let answers = self.client.issue_surrogates(questions_stream).await?.into_inner();
            self.surrogates = Some(Asked { questions, answers });
        }
        let Some(asked) = &mut self.surrogates else { return Err(unexpected()) };
        for chunk in values.chunks(BATCH_ROWS) {
            let bytes = |one: &[u8]| one.to_vec().into();
            let institutions = if chunk.iter().all(|(institution, _)| institution.is_empty()) {
                Vec::new()
            } else {
                chunk.iter().map(|(institution, _)| bytes(institution)).collect()
            };
            let batch = ValueBatch {
                key_space: key_space.to_owned(),
                values: chunk.iter().map(|(_, value)| bytes(value)).collect(),
                institutions,
            };
            let message = Some(SurrogatesIn::Batch(batch));
            ask(&asked.questions, IssueSurrogatesRequest { message })?;
        }
        let mut surrogates = Vec::with_capacity(values.len());
        for chunk in values.chunks(BATCH_ROWS) {
            let answer = asked.answers.message().await?.ok_or_else(unexpected)?;
            let (each, rest) = answer.surrogates.as_chunks::<16>();
            if each.len() != chunk.len() || !rest.is_empty() {
                return Err(unexpected());
            }
            surrogates.extend_from_slice(each);
        }
        Ok(surrogates)
    }

    fn answered<T>(&mut self, outcome: Result<T, Error>) -> Result<T, IssuerError> {
        outcome.map_err(|error| {
            self.failed = Some(error);
            Box::new(NotAnswered).into()
        })
    }
}

impl Issuer for ServerIssuer<crate::cli::connect::Channel> {
    fn serials(
        &mut self,
        register: &str,
        register_ids: &[u64],
    ) -> Result<Vec<Issued>, IssuerError> {
        let runtime = self.runtime.clone();
        let outcome = runtime.block_on(self.ask_serials(register, register_ids));
        self.answered(outcome)
    }

    fn surrogates(
        &mut self,
        key_space: &str,
        values: &[(&[u8], &[u8])],
    ) -> Result<Vec<[u8; 16]>, IssuerError> {
        let runtime = self.runtime.clone();
        let outcome = runtime.block_on(self.ask_surrogates(key_space, values));
        self.answered(outcome)
    }
}

/// A stream that has ended takes no more; why it ended its answers say.
fn ask<Q>(questions: &UnboundedSender<Q>, question: Q) -> Result<(), Error> {
    questions.send(question).map_err(|_| unexpected())
}

fn unexpected() -> Error {
    Status::unavailable("the server ended a stream in the middle").into()
}

/// The rows of a batch, serials or another party's IDs, with what the server says of those without.
fn append(serials: &Serials, rows: usize, issued: &mut Vec<Issued>) -> Result<(), Error> {
    let Serials { serials, labels, notes, .. } = serials;
    let named: Vec<Option<Issued>> = match (serials.len() == rows, labels.len() == rows) {
        (true, _) if labels.is_empty() => serials.iter().map(serial).collect(),
        (_, true) if serials.is_empty() => labels.iter().map(|one| label(one)).collect(),
        _ => return Err(unexpected()),
    };
    let mut notes = notes.iter().peekable();
    for (row, named) in (0_u32..).zip(named) {
        issued.push(match notes.next_if(|note| note.row == row) {
            None => named.ok_or_else(unexpected)?,
            Some(note) => match note.code() {
                RowCode::CheckDigits => Issued::Refused(Refusal::CheckDigits),
                RowCode::Format => Issued::Refused(Refusal::Format),
                RowCode::OutsideDisclosure => Issued::Outside,
                RowCode::Suppressed => Issued::LeftOut,
                RowCode::Unknown => Issued::Refused(Refusal::Unknown),
                _ => return Err(unexpected()),
            },
        });
    }
    Ok(())
}

fn serial(serial: &u64) -> Option<Issued> {
    (*serial != 0).then_some(Issued::Serial(*serial))
}

fn label(label: &str) -> Option<Issued> {
    (!label.is_empty()).then(|| Issued::Label(label.to_owned()))
}
