//! IngestService: batches in, register IDs out.
//!
//! ```text
//! stream:  receive ─► map (several batches at once) ─► submit, in order ─► await record ─► reply
//!             │ recheck the caller                        one commit covers many batches
//! ```
//!
//! While a batch waits for its commit the next ones are mapped and received, so that neither the
//! sync nor one processor bounds a stream. Order is kept by two bounded queues.

pub(super) mod convert;
pub(super) mod stream;

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::auth::Caller;
use super::inbound::Inbound;
use super::limits::InFlight;
use super::proto::ingest_service_server::IngestService;
use super::proto::{
    PseudonymizeRequest, PseudonymizeResponse, PseudonymizeStreamRequest,
    PseudonymizeStreamResponse,
};
use crate::config::server::Limits;
use crate::registers::DeliveryState;
use crate::service::{Error, ErrorCode, Service};

/// Handles IngestService.
pub struct IngestHandler {
    service: Arc<Service>,
    in_flight: Arc<InFlight>,
    limits: Limits,
}

type Replies = Pin<Box<dyn Stream<Item = Result<PseudonymizeStreamResponse, Status>> + Send>>;

impl IngestHandler {
    /// A handler over a service.
    pub fn new(service: Arc<Service>, in_flight: Arc<InFlight>, limits: &Limits) -> Self {
        Self { service, in_flight, limits: limits.clone() }
    }

    async fn answer(
        &self,
        caller: &Caller,
        request: PseudonymizeRequest,
    ) -> Result<PseudonymizeResponse, Error> {
        let (header, batch) = convert::unary(request)?;
        let permit = caller.permit(header.right())?;
        let service = Arc::clone(&self.service);
        let mapped = stream::off_thread(move || {
            let delivery = service.open_delivery(&permit, &header)?;
            let mapped = delivery.map(batch)?;
            Ok((Arc::new(delivery), mapped))
        });
        let (delivery, mapped) = mapped.await?;
        if delivery.has_exceptions() {
            let _ = stream::recorded(&delivery, delivery.record_opened()?).await?;
        }
        let is_settled = mapped.is_settled();
        let pending = stream::submit_one(&delivery, mapped).await?;
        // Right behind the answer, so that one sync is enough for both.
        let finished = is_settled.then(|| delivery.finish(DeliveryState::Complete)).transpose()?;
        let answered = stream::recorded(&delivery, pending).await?;
        let over_budget = answered.peek().over_budget_count();
        let finished = match finished {
            Some(finished) => finished,
            // Only now is it known who was new, which the delivery's record says.
            None if over_budget > 0 => delivery.finish(DeliveryState::Broken)?,
            None => delivery.finish(DeliveryState::Complete)?,
        };
        let _ = stream::recorded(&delivery, finished).await?;
        if over_budget > 0 {
            let error = stream::over_budget_error(&delivery, over_budget).await?;
            if answered.peek().ids.iter().all(|id| *id == 0) {
                return Err(error);
            }
        }
        let delivery_id = delivery.id().to_string();
        Ok(PseudonymizeResponse { result: Some(convert::answer(answered)), delivery_id })
    }
}

#[tonic::async_trait]
impl IngestService for IngestHandler {
    async fn pseudonymize(
        &self,
        request: Request<PseudonymizeRequest>,
    ) -> Result<Response<PseudonymizeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let bytes = prost::Message::encoded_len(request.get_ref());
        let slot = self.in_flight.batch(bytes).map_err(|error| caller.status(&error))?;
        let answer = self.answer(&caller, request.into_inner()).await;
        drop(slot);
        answer.map(Response::new).map_err(|error| caller.status(&error))
    }

    type PseudonymizeStreamStream = Replies;

    async fn pseudonymize_stream(
        &self,
        request: Request<Streaming<PseudonymizeStreamRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let caller = Caller::of(&request)?;
        let slot = self.in_flight.stream().map_err(|error| caller.status(&error))?;
        let inbound = Inbound::new(request.into_inner(), &self.limits);
        let (to, receiver) = tokio::sync::mpsc::channel(stream::BATCHES_AT_ONCE);
        let replies = stream::Replies { to, idle: inbound.idle() };
        let receiving = stream::Receiving {
            service: Arc::clone(&self.service),
            in_flight: Arc::clone(&self.in_flight),
            batch_identifiers_max: self.limits.batch_identifiers_max,
            caller,
            inbound,
        };
        tokio::spawn(async move {
            receiving.run(replies).await;
            drop(slot);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// A message out of order.
pub(super) fn out_of_order() -> Error {
    Error::new(ErrorCode::DeliveryOrder)
}
