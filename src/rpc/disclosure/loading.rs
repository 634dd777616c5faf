//! Bridges in, on the wire: a header, the bytes of a file, and one answer.
//!
//! The file is whole in memory before anything is done with it: another person has approved exactly
//! these bytes.  How long it is is said first, and counted among what all callers have under way.

use std::sync::Arc;

use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use zeroize::Zeroizing;

use super::{DisclosureHandler, convert};
use crate::policy::Right;
use crate::rpc::auth::{Caller, StandingPermit};
use crate::rpc::inbound::Inbound;
use crate::rpc::ingest::out_of_order;
use crate::rpc::ingest::stream::off_thread;
use crate::rpc::proto::load_bridge_request::Message;
use crate::rpc::proto::{self, LoadBridgeRequest, LoadBridgeResponse};
use crate::service::{
    Error, LOAD_BYTES_MAX, LoadBridge, LoadReport, RefusedRow, Service, Violation,
};

/// A bridge in.
pub(super) async fn load(
    handler: &DisclosureHandler,
    request: Request<Streaming<LoadBridgeRequest>>,
) -> Result<Response<LoadBridgeResponse>, Status> {
    let caller = Caller::of(&request)?;
    let inbound = Inbound::new(request.into_inner(), &handler.limits);
    let loaded = load_from(handler, &caller, inbound).await;
    loaded.map(Response::new).map_err(|error| caller.status(&error))
}

async fn load_from(
    handler: &DisclosureHandler,
    caller: &Caller,
    mut inbound: Inbound<LoadBridgeRequest>,
) -> Result<LoadBridgeResponse, Error> {
    let _stream = handler.in_flight.stream()?;
    let mut standing = StandingPermit::new(caller.clone(), Right::Disclose)?;
    let first = inbound.next().await?.and_then(|message| message.message);
    let Some(Message::Open(header)) = first else { return Err(out_of_order()) };
    let (disclosure, party) = convert::loading(&header)?;
    let bytes = usize::try_from(header.bytes).unwrap_or(usize::MAX);
    if bytes > LOAD_BYTES_MAX {
        return Err(violation("bytes", "is more than 134,217,728; leave out who is not needed"));
    }
    // Who may not load it does not fill the memory first.
    let (service, permit) = (Arc::clone(&handler.service), standing.permit()?.clone());
    off_thread(move || service.expect_bridge(&permit, disclosure, party)).await?;
    let _slot = handler.in_flight.batch(bytes.max(header.encoded_len()))?;
    let mut file = Zeroizing::new(Vec::with_capacity(bytes));
    while let Some(message) = inbound.next().await? {
        let _ = standing.permit()?;
        let Some(Message::Chunk(chunk)) = message.message else { return Err(out_of_order()) };
        let chunk = Zeroizing::new(chunk);
        if file.len() + chunk.len() > bytes {
            return Err(violation("chunk", "is more than `bytes` says"));
        }
        file.extend_from_slice(&chunk);
    }
    if file.len() < bytes {
        return Err(violation("bytes", "is more than was sent; send the whole file again"));
    }
    let (service, permit) = (Arc::clone(&handler.service), standing.permit()?.clone());
    off_thread(move || answer(&service, &permit, LoadBridge { disclosure, party, file })).await
}

fn answer(
    service: &Service,
    permit: &crate::policy::Permit,
    request: LoadBridge,
) -> Result<LoadBridgeResponse, Error> {
    let (report, audit_entry) = service.load_bridge(permit, &request)?.into_answer();
    let LoadReport { bridge, counts, refused } = report;
    Ok(LoadBridgeResponse {
        bridge: Some((&bridge).into()),
        rows: counts.rows,
        known: counts.known,
        repeated_rows: counts.repeated,
        unknown: counts.unknown,
        rejected: counts.rejected,
        duplicates: counts.duplicates,
        left_out: counts.left_out,
        refused: refused.iter().map(Into::into).collect(),
        audit_entry,
    })
}

impl From<&RefusedRow> for proto::RefusedRow {
    fn from(row: &RefusedRow) -> Self {
        Self { row: row.row, code: row.code.to_owned() }
    }
}

fn violation(field: &'static str, text: &'static str) -> Error {
    Error::invalid(vec![Violation { field: field.into(), text: text.into() }])
}
