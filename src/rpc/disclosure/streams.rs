//! The two streams of `DisclosureService`.
//!
//! ```text
//! serials:     receive ─► map ─► submit ─► await record ─► reply      several wait for one commit
//! surrogates:  receive ─► issue, recorded ─► reply
//! ```
//!
//! The caller is looked at again with every message; a disclosure that is closed meanwhile ends its
//! streams.

use std::pin::Pin;
use std::sync::Arc;

use prost::Message as _;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::DisclosureHandler;
use super::convert;
use crate::audit::Recorded;
use crate::policy::Right;
use crate::registers::Answered;
use crate::rpc::auth::{Caller, StandingPermit};
use crate::rpc::inbound::Inbound;
use crate::rpc::ingest::convert::notes;
use crate::rpc::ingest::out_of_order;
use crate::rpc::ingest::stream::{
    BATCHES_AT_ONCE, Counted, Replies, UnderWay, WAITING_AT_ONCE, off_thread,
};
use crate::rpc::limits::InFlight;
use crate::rpc::proto::issue_serials_request::Message as SerialsIn;
use crate::rpc::proto::issue_serials_response::Message as SerialsOut;
use crate::rpc::proto::issue_surrogates_request::Message as SurrogatesIn;
use crate::rpc::proto::{
    IssueSerialsRequest, IssueSerialsResponse, IssueSurrogatesRequest, IssueSurrogatesResponse,
    RegisterIdBatch, Serials, SerialsOpened, SerialsSummary,
};
use crate::service::{
    Error, ErrorCode, Issuing, MappedSerials, Pending, Service, SurrogateBatch, SurrogateIssuing,
    Violation,
};

/// Answers of a stream.
type Answers<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;
/// Answers of a stream of serials.
pub(super) type SerialReplies = Answers<IssueSerialsResponse>;
/// Answers of a stream of surrogates.
pub(super) type SurrogateReplies = Answers<IssueSurrogatesResponse>;

/// The receiving end of a stream.
struct Receiving<M> {
    service: Arc<Service>,
    in_flight: Arc<InFlight>,
    standing: StandingPermit,
    inbound: Inbound<M>,
}

/// A batch that waits for its commit, or the end.
enum Waiting {
    Batch(Pending<Answered>, Counted),
    End(Result<(), Error>),
}

/// Serials.
pub(super) fn issue_serials(
    handler: &DisclosureHandler,
    request: Request<Streaming<IssueSerialsRequest>>,
) -> Result<Response<SerialReplies>, Status> {
    run(handler, request, |mut receiving, replies| async move { receiving.serials(&replies).await })
}

/// Surrogates.
pub(super) fn issue_surrogates(
    handler: &DisclosureHandler,
    request: Request<Streaming<IssueSurrogatesRequest>>,
) -> Result<Response<SurrogateReplies>, Status> {
    run(
        handler,
        request,
        |mut receiving, replies| async move { receiving.surrogates(&replies).await },
    )
}

/// Counts the stream, and receives it to its end or to its first error.
fn run<M, R, F>(
    handler: &DisclosureHandler,
    request: Request<Streaming<M>>,
    receive: impl FnOnce(Receiving<M>, Replies<R>) -> F + Send + 'static,
) -> Result<Response<Answers<R>>, Status>
where
    M: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<(), Error>> + Send,
{
    let caller = Caller::of(&request)?;
    let status = |error: Error| caller.status(&error);
    let slot = handler.in_flight.stream().map_err(status)?;
    let standing = StandingPermit::new(caller.clone(), Right::Disclose).map_err(status)?;
    let inbound = Inbound::new(request.into_inner(), &handler.limits);
    let (to, receiver) = channel(BATCHES_AT_ONCE);
    let replies = Replies { to, idle: inbound.idle() };
    let receiving = Receiving {
        service: Arc::clone(&handler.service),
        in_flight: Arc::clone(&handler.in_flight),
        standing,
        inbound,
    };
    tokio::spawn(async move {
        if let Err(error) = receive(receiving, replies.clone()).await {
            // Who asked may have gone, or never reads.
            drop(replies.send(Err(caller.status(&error))).await);
        }
        drop(slot);
    });
    Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
}

impl Receiving<IssueSerialsRequest> {
    async fn serials(&mut self, replies: &Replies<IssueSerialsResponse>) -> Result<(), Error> {
        let first = self.inbound.next().await?.and_then(|message| message.message);
        let Some(SerialsIn::Open(header)) = first else { return Err(out_of_order()) };
        let id = convert::disclosure_id(&header.disclosure)?;
        let (service, permit) = (Arc::clone(&self.service), self.standing.permit()?.clone());
        let issuing = Arc::new(off_thread(move || service.open_serials(&permit, id)).await?);
        let opened = SerialsOpened {
            batch_identifiers_max: u32::try_from(issuing.batch_max()).unwrap_or(u32::MAX),
            serial_width: issuing.width().and_then(|one| one.try_into().ok()).unwrap_or_default(),
            has_labels: issuing.width().is_none(),
        };
        reply(replies, SerialsOut::Opened(opened)).await?;
        let (waiting, to_answer) = channel(WAITING_AT_ONCE);
        let answering = tokio::spawn(answer(Arc::clone(&issuing), to_answer, replies.clone()));
        let end = self.submit_batches(&issuing, &waiting).await;
        // The last stage ends by itself when it has failed.
        drop(waiting.send(Waiting::End(end)).await);
        drop(waiting);
        answering.await.map_err(|_| Error::internal("a stream ended without a result"))?
    }

    async fn submit_batches(
        &mut self,
        issuing: &Arc<Issuing>,
        waiting: &tokio::sync::mpsc::Sender<Waiting>,
    ) -> Result<(), Error> {
        let under_way = Arc::<UnderWay>::default();
        loop {
            let received = tokio::select! {
                received = self.inbound.next() => received?,
                // Answering failed: it tells the client why.
                () = waiting.closed() => return Ok(()),
            };
            let Some(message) = received else { return Ok(()) };
            let Some(SerialsIn::Batch(batch)) = message.message else {
                return Err(out_of_order());
            };
            let (bytes, idle) = (batch.encoded_len(), self.inbound.idle());
            let slot = under_way.count(&self.in_flight, bytes, idle).await?;
            // A certificate withdrawn meanwhile, also while it waited, ends the stream here.
            let _ = self.standing.permit()?;
            let this = Arc::clone(issuing);
            let mapped = off_thread(move || map(&this, &batch)).await?;
            let this = Arc::clone(issuing);
            let pending = off_thread(move || this.submit(mapped)).await?;
            if waiting.send(Waiting::Batch(pending, slot)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// The serials of a batch, whose persons are named in one of two ways.
fn map(issuing: &Issuing, batch: &RegisterIdBatch) -> Result<MappedSerials, Error> {
    let RegisterIdBatch { register, ids, existing_ids } = batch;
    if existing_ids.is_empty() {
        return issuing.map(register, ids);
    }
    if !ids.is_empty() {
        let text = "cannot be given together with `ids`".into();
        return Err(Error::invalid(vec![Violation { field: "batch.existing_ids".into(), text }]));
    }
    let existing: Vec<&str> = existing_ids.iter().map(String::as_str).collect();
    issuing.map_existing(register, &existing)
}

/// Replies to each batch once it is recorded, and to the end.
async fn answer(
    issuing: Arc<Issuing>,
    mut from: Receiver<Waiting>,
    replies: Replies<IssueSerialsResponse>,
) -> Result<(), Error> {
    while let Some(waiting) = from.recv().await {
        match waiting {
            Waiting::Batch(pending, slot) => {
                let (answered, audit_entry) = recorded(&issuing, pending).await?.into_answer();
                let notes = notes(&answered);
                let Answered { ids, labels, .. } = answered;
                let serials = if labels.is_empty() { ids } else { Vec::new() };
                let serials = Serials { serials, notes, audit_entry, labels };
                reply(&replies, SerialsOut::Result(serials)).await?;
                drop(slot);
            }
            Waiting::End(end) => {
                end?;
                let this = Arc::clone(&issuing);
                let (finished, summary) = off_thread(move || this.finish()).await?;
                let audit_entry = recorded(&issuing, finished).await?.index();
                let summary = SerialsSummary {
                    rows: summary.rows,
                    answered: summary.answered,
                    persons: summary.persons,
                    audit_entry,
                };
                return reply(&replies, SerialsOut::Summary(summary)).await;
            }
        }
    }
    Ok(())
}

async fn recorded<T>(issuing: &Issuing, pending: Pending<T>) -> Result<Recorded<T>, Error> {
    let recorded = pending.await.map_err(|_| Error::new(ErrorCode::ServerSealed))?;
    recorded.map_err(|error| issuing.record_failed(error))
}

async fn reply(replies: &Replies<IssueSerialsResponse>, message: SerialsOut) -> Result<(), Error> {
    replies.send(Ok(IssueSerialsResponse { message: Some(message) })).await
}

impl Receiving<IssueSurrogatesRequest> {
    async fn surrogates(
        &mut self,
        replies: &Replies<IssueSurrogatesResponse>,
    ) -> Result<(), Error> {
        let first = self.inbound.next().await?.and_then(|message| message.message);
        let Some(SurrogatesIn::Open(header)) = first else { return Err(out_of_order()) };
        let id = convert::disclosure_id(&header.disclosure)?;
        let (service, permit) = (Arc::clone(&self.service), self.standing.permit()?.clone());
        let issuing: Arc<SurrogateIssuing> =
            Arc::new(off_thread(move || service.open_surrogates(&permit, id)).await?);
        while let Some(message) = self.inbound.next().await? {
            let _ = self.standing.permit()?;
            let Some(SurrogatesIn::Batch(batch)) = message.message else {
                return Err(out_of_order());
            };
            let slot = self.in_flight.batch(batch.encoded_len())?;
            let this = Arc::clone(&issuing);
            let batch = SurrogateBatch {
                key_space: batch.key_space,
                values: batch.values,
                institutions: batch.institutions,
            };
            let (surrogates, audit_entry) =
                off_thread(move || this.issue(&batch)).await?.into_answer();
            replies.send(Ok(IssueSurrogatesResponse { surrogates, audit_entry })).await?;
            drop(slot);
        }
        Ok(())
    }
}
