//! A backup as a stream of messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::OperatorHandler;
use crate::policy::Right;
use crate::rpc::auth::{Caller, StandingPermit};
use crate::rpc::limits::StreamSlot;
use crate::rpc::off_thread;
use crate::rpc::proto::backup_response::Part;
use crate::rpc::proto::{BackupBegun, BackupComplete, BackupRequest, BackupResponse};
use crate::service::{self, BackupPart, BackupParts, Error, ErrorCode};

/// Parts that wait for the client; each is a quarter of a mebibyte.
const PARTS_WAITING: usize = 16;

/// The replies of a backup.
pub(super) type BackupReplies = ReceiverStream<Result<BackupResponse, Status>>;

/// Begins a backup, and sends it part by part.
pub(super) async fn backup(
    handler: &OperatorHandler,
    request: Request<BackupRequest>,
) -> Result<Response<BackupReplies>, Status> {
    let caller = Caller::of(&request)?;
    let BackupRequest { recipients, since } = request.into_inner();
    let slot = handler.in_flight.stream().map_err(|error| caller.status(&error))?;
    let service = Arc::clone(&handler.service);
    let (begun, standing) = off_thread(&caller, move |caller| {
        let mut standing = StandingPermit::new(caller, Right::BackUp)?;
        let request = service::BackupRequest { recipients, since };
        let begun = service.back_up(standing.permit()?, &request)?;
        Ok((begun, standing))
    })
    .await?;
    let (parts, audit_entry) = begun.into_answer();
    let (sender, receiver) = mpsc::channel(PARTS_WAITING);
    let begun = BackupBegun { id: parts.id().to_string(), audit_entry };
    // There is room for the first.
    let _ = sender.try_send(Ok(BackupResponse { part: Some(Part::Begun(begun)) }));
    tokio::spawn(send(parts, standing, sender, handler.idle, slot));
    Ok(Response::new(ReceiverStream::new(receiver)))
}

async fn send(
    mut parts: BackupParts,
    mut standing: StandingPermit,
    to: mpsc::Sender<Result<BackupResponse, Status>>,
    idle: Duration,
    _counted: StreamSlot,
) {
    loop {
        let caller = standing.caller().clone();
        let made = off_thread(&caller, move |_| {
            let part = parts.next();
            Ok((part, parts))
        });
        let part = match made.await {
            Ok((Some(part), rest)) => {
                parts = rest;
                part
            }
            Ok((None, _)) => return,
            Err(status) => return drop(to.try_send(Err(status))),
        };
        let part = standing.permit().map(drop).and(part).map(BackupResponse::from);
        let part = part.map_err(|error| caller.status(&error));
        let is_last = part.is_err();
        let sent = tokio::time::timeout(idle, to.send(part)).await;
        if sent.is_err() {
            drop(caller.status(&Error::new(ErrorCode::StreamIdle)));
        }
        if is_last || !matches!(sent, Ok(Ok(()))) {
            // The copies of the stores are removed from the disk.
            drop(crate::rpc::begin_off_thread(move || drop(parts)));
            return;
        }
    }
}

impl From<BackupPart> for BackupResponse {
    fn from(part: BackupPart) -> Self {
        let part = match part {
            BackupPart::Bytes(bytes) => Part::Data(bytes),
            BackupPart::Complete(recorded) => {
                let (manifest, audit_entry) = recorded.into_answer();
                Part::Complete(BackupComplete { manifest, audit_entry })
            }
            BackupPart::File(name) => Part::File(name),
        };
        Self { part: Some(part) }
    }
}
