//! Bridges and serials that are identified: what two persons have allowed, on the wire.

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{DisclosureHandler, convert};
use crate::ident::IdKind;
use crate::policy::Right;
use crate::rpc::auth::Caller;
use crate::rpc::calendar::wire_date;
use crate::rpc::off_thread;
use crate::rpc::proto::{
    self, BridgeIssued, IdentifierType, IssueBridgeRequest, IssueBridgeResponse,
};
use crate::service::{BridgeView, LoadedView, RevealedIdentifier, SealedBridge};

/// Bytes of the file in one message.
const CHUNK_BYTES: usize = 256 * 1024;

/// What was issued, and its file.
pub(super) type BridgeReplies =
    Pin<Box<dyn Stream<Item = Result<IssueBridgeResponse, Status>> + Send>>;

/// A bridge out: recorded, then its file in chunks as fast as the client takes them.
pub(super) async fn issue(
    handler: &DisclosureHandler,
    request: Request<IssueBridgeRequest>,
) -> Result<Response<BridgeReplies>, Status> {
    let caller = Caller::of(&request)?;
    let asked = convert::bridge(request.get_ref()).map_err(|error| caller.status(&error))?;
    let slot = handler.in_flight.stream().map_err(|error| caller.status(&error))?;
    let service = Arc::clone(&handler.service);
    let recorded = off_thread(&caller, move |caller| {
        service.issue_bridge(&caller.permit(Right::Disclose)?, &asked)
    })
    .await?;
    let (SealedBridge { bridge, file }, audit_entry) = recorded.into_answer();
    let bytes = file.len() as u64;
    let issued = BridgeIssued { bridge: Some((&bridge).into()), bytes, audit_entry };
    let chunks = (0..file.len()).step_by(CHUNK_BYTES).map(move |from| {
        // The stream is counted until its last chunk is taken.
        let _slot = &slot;
        let chunk = file[from..file.len().min(from + CHUNK_BYTES)].to_vec();
        IssueBridgeResponse { issued: None, chunk }
    });
    let first = IssueBridgeResponse { issued: Some(issued), chunk: Vec::new() };
    let replies = std::iter::once(first).chain(chunks).map(Ok);
    Ok(Response::new(Box::pin(tokio_stream::iter(replies))))
}

impl From<&BridgeView> for proto::Bridge {
    fn from(view: &BridgeView) -> Self {
        let bridge = &view.bridge;
        let deleted = bridge.deleted();
        Self {
            disclosure: bridge.disclosure.to_string(),
            number: bridge.number,
            to: Some((&bridge.to).into()),
            key: bridge.key.to_string(),
            persons: bridge.persons,
            issued_by: bridge.issued.by.to_string(),
            issued_at: bridge.issued.at.to_string(),
            delete_by: Some(wire_date(bridge.delete_by)),
            deleted_by: deleted.map(|act| act.by.to_string()).unwrap_or_default(),
            deleted_at: deleted.map(|act| act.at.to_string()).unwrap_or_default(),
            overdue: view.is_overdue,
            from: None,
        }
    }
}

impl From<&LoadedView> for proto::Bridge {
    fn from(view: &LoadedView) -> Self {
        let bridge = &view.bridge;
        let deleted = bridge.deleted();
        Self {
            disclosure: bridge.disclosure.to_string(),
            number: 0,
            to: None,
            key: String::new(),
            persons: bridge.persons,
            issued_by: bridge.loaded.by.to_string(),
            issued_at: bridge.loaded.at.to_string(),
            delete_by: Some(wire_date(bridge.delete_by)),
            deleted_by: deleted.map(|act| act.by.to_string()).unwrap_or_default(),
            deleted_at: deleted.map(|act| act.at.to_string()).unwrap_or_default(),
            overdue: view.is_overdue,
            from: Some((&bridge.from).into()),
        }
    }
}

/// Bridges of both directions in one list, each of which has the newest first.
pub(super) fn listed(
    out: &[BridgeView],
    loaded: &[LoadedView],
    overdue_only: bool,
) -> Vec<proto::Bridge> {
    let out = out.iter().map(|one| (one.bridge.issued.at, proto::Bridge::from(one)));
    let loaded = loaded.iter().map(|one| (one.bridge.loaded.at, proto::Bridge::from(one)));
    let mut all: Vec<_> = out.chain(loaded).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.into_iter().map(|(_, one)| one).filter(|one| one.overdue || !overdue_only).collect()
}

impl From<&RevealedIdentifier> for proto::RevealedIdentifier {
    fn from(identifier: &RevealedIdentifier) -> Self {
        let kind = match identifier.kind {
            IdKind::Dnr => IdentifierType::Dnr,
            IdKind::Duf => IdentifierType::Duf,
            IdKind::Felles => IdentifierType::Felles,
            IdKind::Fnr => IdentifierType::Fnr,
            IdKind::Hnr => IdentifierType::Hnr,
            IdKind::Local => IdentifierType::Local,
        };
        Self {
            r#type: kind.into(),
            number: identifier.number.as_str().to_owned(),
            assigner: identifier.assigner.map(|number| number.to_string()).unwrap_or_default(),
        }
    }
}
