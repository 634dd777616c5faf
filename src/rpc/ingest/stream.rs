//! One delivery on one stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tonic::Status;

use super::{convert, out_of_order};
use crate::audit::Recorded;
use crate::registers::{Answered, DeliveryState};
use crate::rpc::auth::{Caller, StandingPermit};
use crate::rpc::inbound::Inbound;
use crate::rpc::limits::{BatchSlot, InFlight};
use crate::rpc::proto::pseudonymize_stream_request::Message as Inner;
use crate::rpc::proto::pseudonymize_stream_response::Message as Outer;
use crate::rpc::proto::{
    DeliveryOpened, DeliverySummary, IdentifierBatch, PseudonymizeStreamRequest,
    PseudonymizeStreamResponse,
};
use crate::service::{Delivery, Error, ErrorCode, Limit, Mapped, Pending, Service};

/// Batches of one stream that are mapped at the same time: enough to keep the processors busy; more
/// would hold memory and win nothing.
pub(in crate::rpc) const BATCHES_AT_ONCE: usize = 4;
/// Batches of one stream that wait for their commit at the same time. A stream gets no further than
/// this many while a disk syncs: 32 batches of 4096 in 5 ms are 26 million identifiers/s. What waits
/// is answers, 8 bytes a row.
pub(in crate::rpc) const WAITING_AT_ONCE: usize = 32;

/// What a stream replies with.
type Reply<M> = Result<M, Status>;

/// Where a stream replies, and how long its client may leave a reply unread: what waits for a client
/// that never reads would otherwise be kept from all others.
pub(in crate::rpc) struct Replies<M = PseudonymizeStreamResponse> {
    pub(in crate::rpc) to: Sender<Reply<M>>,
    pub(in crate::rpc) idle: Limit,
}

impl<M> Clone for Replies<M> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), idle: self.idle }
    }
}

impl<M> Replies<M> {
    pub(in crate::rpc) async fn send(&self, reply: Reply<M>) -> Result<(), Error> {
        let sent = self.to.send_timeout(reply, Duration::from_millis(self.idle.max)).await;
        sent.map_err(|error| match error {
            SendTimeoutError::Closed(_) => Error::new(ErrorCode::StreamBroken),
            SendTimeoutError::Timeout(_) => Error::limit(ErrorCode::StreamIdle, self.idle),
        })
    }
}

/// The receiving end of a stream.
pub(super) struct Receiving {
    pub(super) service: Arc<Service>,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) batch_identifiers_max: usize,
    pub(super) caller: Caller,
    pub(super) inbound: Inbound<PseudonymizeStreamRequest>,
}

/// A batch that is being mapped, or the end of what is received.
enum Mapping {
    Batch(JoinHandle<Result<Mapped, Error>>, Counted),
    End(Result<(), Error>),
}

/// A batch that waits for its commit, or the end.
enum Waiting {
    Batch(Pending<Answered>, Counted),
    End(Result<(), Error>),
}

/// How many batches of one stream are under way, and word of each that is done.
#[derive(Default)]
pub(in crate::rpc) struct UnderWay {
    count: AtomicUsize,
    done: Notify,
}

/// A batch under way, counted among all callers' and among its stream's.
pub(in crate::rpc) struct Counted {
    slot: Option<BatchSlot>,
    stream: Arc<UnderWay>,
}

impl UnderWay {
    /// Counts a batch. When all callers together have too many, a stream waits for its own to be
    /// answered: its sender is slowed down by flow control, and no delivery is broken off half way.
    /// A stream that has none under way waits in turn, and is served before those that have; it is
    /// refused when nobody has given anything back for as long as a client may be idle.
    pub(in crate::rpc) async fn count(
        self: &Arc<Self>,
        all: &InFlight,
        bytes: usize,
        idle: Limit,
    ) -> Result<Counted, Error> {
        loop {
            // Read first: a batch that is done has given its slot back before it is counted down.
            let is_idle = self.count.load(Ordering::Acquire) == 0;
            let slot = match all.batch(bytes) {
                Ok(slot) => slot,
                Err(_) if is_idle => {
                    all.batch_within(bytes, Duration::from_millis(idle.max)).await?
                }
                Err(_) => {
                    self.done.notified().await;
                    continue;
                }
            };
            self.count.fetch_add(1, Ordering::AcqRel);
            return Ok(Counted { slot: Some(slot), stream: Arc::clone(self) });
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        drop(self.slot.take());
        self.stream.count.fetch_sub(1, Ordering::AcqRel);
        self.stream.done.notify_one();
    }
}

impl Receiving {
    /// Receives a delivery to its end, or to its first error, and replies to each message.
    pub(super) async fn run(mut self, replies: Replies) {
        let caller = self.caller.clone();
        if let Err(error) = self.receive(&replies).await {
            // Who asked may have gone, or never reads.
            drop(replies.send(Err(caller.status(&error))).await);
        }
    }

    async fn receive(&mut self, replies: &Replies) -> Result<(), Error> {
        let (mut standing, delivery) = self.open().await?;
        let opened = recorded(&delivery, delivery.record_opened()?).await?;
        let opened = opened.map(|()| ());
        let batch_identifiers_max = u32::try_from(self.batch_identifiers_max).unwrap_or(u32::MAX);
        let opened = DeliveryOpened {
            delivery_id: answered_with(&opened, delivery.id().to_string()),
            batch_identifiers_max,
        };
        reply(replies, Outer::Opened(opened)).await?;

        let (mappings, to_submit) = channel(BATCHES_AT_ONCE);
        let (waiting, to_answer) = channel(WAITING_AT_ONCE);
        let submitting = tokio::spawn(submit(Arc::clone(&delivery), to_submit, waiting));
        let answering = tokio::spawn(answer(Arc::clone(&delivery), to_answer, replies.clone()));
        let end = self.map_batches(&mut standing, &delivery, &mappings).await;
        // The stages end by themselves when one of them has failed.
        drop(mappings.send(Mapping::End(end)).await);
        drop(mappings);
        drop(submitting.await);
        answering.await.map_err(|_| Error::internal("a stream ended without a result"))?
    }

    /// The first message opens the delivery.
    async fn open(&mut self) -> Result<(StandingPermit, Arc<Delivery>), Error> {
        let first = self.inbound.next().await?.and_then(|message| message.message);
        let Some(Inner::Open(header)) = first else { return Err(out_of_order()) };
        let request = convert::header(header)?;
        let mut standing = StandingPermit::new(self.caller.clone(), request.right())?;
        let permit = standing.permit()?.clone();
        let service = Arc::clone(&self.service);
        let delivery = off_thread(move || service.open_delivery(&permit, &request)).await?;
        Ok((standing, Arc::new(delivery)))
    }

    /// Receives batches and starts to map them.
    async fn map_batches(
        &mut self,
        standing: &mut StandingPermit,
        delivery: &Arc<Delivery>,
        mappings: &Sender<Mapping>,
    ) -> Result<(), Error> {
        let under_way = Arc::<UnderWay>::default();
        loop {
            let received = tokio::select! {
                received = self.inbound.next() => received?,
                // A later stage failed: it tells the client why.
                () = mappings.closed() => return Ok(()),
            };
            let Some(message) = received else { return Ok(()) };
            let Some(Inner::Batch(batch)) = message.message else { return Err(out_of_order()) };
            let (bytes, idle) = (prost::Message::encoded_len(&batch), self.inbound.idle());
            let slot = under_way.count(&self.in_flight, bytes, idle).await?;
            // A certificate withdrawn meanwhile, also while it waited, ends the stream here.
            let _ = standing.permit()?;
            let mapping = map(delivery, batch)?;
            if mappings.send(Mapping::Batch(mapping, slot)).await.is_err() {
                return Ok(());
            }
        }
    }
}

fn map(
    delivery: &Arc<Delivery>,
    batch: IdentifierBatch,
) -> Result<JoinHandle<Result<Mapped, Error>>, Error> {
    let batch = convert::batch(batch)?;
    let delivery = Arc::clone(delivery);
    Ok(crate::rpc::begin_off_thread(move || delivery.map(batch)))
}

/// Submits mapped batches in the order of the stream.
async fn submit(delivery: Arc<Delivery>, mut from: Receiver<Mapping>, to: Sender<Waiting>) {
    loop {
        let received = tokio::select! {
            received = from.recv() => received,
            // The last stage failed: the stream ends now, not with the sender's next message.
            () = to.closed() => return,
        };
        let Some(mapping) = received else { return };
        let next = match mapping {
            Mapping::Batch(mapping, slot) => {
                let mapped = mapping.await;
                let mapped = mapped
                    .unwrap_or_else(|_| Err(Error::internal("a batch ended without a result")));
                let submitted = match mapped {
                    Ok(mapped) => submit_one(&delivery, mapped).await,
                    Err(error) => Err(error),
                };
                match submitted {
                    Ok(pending) => Waiting::Batch(pending, slot),
                    Err(error) => Waiting::End(Err(error)),
                }
            }
            Mapping::End(end) => Waiting::End(end),
        };
        let is_end = matches!(next, Waiting::End(_));
        if to.send(next).await.is_err() || is_end {
            return;
        }
    }
}

/// Submits a mapped batch, off the async threads if that waits for a disk.
pub(super) async fn submit_one(
    delivery: &Arc<Delivery>,
    mapped: Mapped,
) -> Result<Pending<Answered>, Error> {
    if !mapped.says_contacts() {
        return delivery.submit(mapped);
    }
    let delivery = Arc::clone(delivery);
    off_thread(move || delivery.submit(mapped)).await
}

/// Replies to each batch once it is recorded, and to the end.
async fn answer(
    delivery: Arc<Delivery>,
    mut from: Receiver<Waiting>,
    replies: Replies,
) -> Result<(), Error> {
    while let Some(waiting) = from.recv().await {
        match waiting {
            Waiting::Batch(pending, slot) => {
                let answered = recorded(&delivery, pending).await?;
                let over_budget = answered.peek().over_budget_count();
                reply(&replies, Outer::Result(convert::answer(answered))).await?;
                drop(slot);
                if over_budget > 0 {
                    return Err(over_budget_error(&delivery, over_budget).await?);
                }
            }
            Waiting::End(end) => {
                end?;
                let finished = delivery.finish(DeliveryState::Complete)?;
                let finished = recorded(&delivery, finished).await?;
                let summary = delivery.summary(&finished);
                let (delivery_id, audit_entry) = (delivery.id().to_string(), finished.index());
                let summary = DeliverySummary {
                    delivery_id,
                    rows: summary.rows,
                    answered: summary.answered,
                    without_id: summary.rows - summary.answered,
                    new_members: summary.new_members,
                    persons: summary.persons,
                    audit_entry,
                };
                return reply(&replies, Outer::Summary(summary)).await;
            }
        }
    }
    Ok(())
}

/// Does processor work, or waits for a disk, off the async threads.
pub(in crate::rpc) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // A panic's message is dropped: it may hold anything.
    let ended = |_| Err(Error::internal("a task ended without a result"));
    crate::rpc::begin_off_thread(work).await.unwrap_or_else(ended)
}

/// What a sender is told whose rows were refused for a budget, once that is recorded.
pub(super) async fn over_budget_error(delivery: &Delivery, rows: usize) -> Result<Error, Error> {
    let (error, pending) = delivery.refuse_over_budget(rows)?;
    let _ = recorded(delivery, pending).await?;
    Ok(error)
}

/// Waits until something is recorded.
pub(super) async fn recorded<T>(
    delivery: &Delivery,
    pending: Pending<T>,
) -> Result<Recorded<T>, Error> {
    let recorded = pending.await.map_err(|_| Error::new(ErrorCode::ServerSealed))?;
    recorded.map_err(|error| delivery.record_failed(error))
}

async fn reply(replies: &Replies, message: Outer) -> Result<(), Error> {
    replies.send(Ok(PseudonymizeStreamResponse { message: Some(message) })).await
}

/// A value that may be told because something was recorded.
fn answered_with<T>(_: &Recorded<()>, value: T) -> T {
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server::Limits;

    fn idle_for(max: u64) -> Limit {
        Limit { option: "limits.stream_idle_timeout_ms", max }
    }

    #[tokio::test]
    async fn a_stream_over_the_limit_waits_and_an_idle_one_is_served_before_it() {
        let mut limits = Limits::DEFAULT;
        limits.in_flight_messages_max = 1;
        let all = InFlight::new(&limits);
        let (busy, idle) = (Arc::<UnderWay>::default(), Arc::<UnderWay>::default());
        let long = idle_for(3_600_000);
        let first = busy.count(&all, 1, long).await.unwrap();
        let (second, other) = (busy.count(&all, 1, long), idle.count(&all, 1, long));
        tokio::pin!(second, other);
        assert!(now_or_never(&mut second).await.is_none(), "it waits for its own");
        assert!(now_or_never(&mut other).await.is_none(), "it waits for anybody's");
        drop(first);
        assert!(now_or_never(&mut second).await.is_none(), "somebody has nothing yet");
        drop(other.await.unwrap());
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn an_idle_stream_is_refused_when_nobody_gives_anything_back() {
        let mut limits = Limits::DEFAULT;
        limits.in_flight_messages_max = 1;
        let all = InFlight::new(&limits);
        let (busy, idle) = (Arc::<UnderWay>::default(), Arc::<UnderWay>::default());
        let _held = busy.count(&all, 1, idle_for(1)).await.unwrap();
        let refused = idle.count(&all, 1, idle_for(1)).await.err().unwrap();
        assert_eq!(refused.code(), ErrorCode::TooManyInFlight);
        assert_eq!(refused.limit_met().unwrap().option, "limits.in_flight_messages_max");
    }

    /// The result if it is there already.
    async fn now_or_never<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            result = future => Some(result),
            () = std::future::ready(()) => None,
        }
    }
}
