//! `AuditService`: entries, checkpoints and proofs of the audit log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::auth::{Caller, StandingPermit};
use super::limits::{InFlight, StreamSlot};
use super::proto::audit_service_server::AuditService;
use super::proto::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetInclusionProofRequest, GetInclusionProofResponse,
    GetReceiptRequest, GetReceiptResponse, ListEntriesRequest, ListEntriesResponse,
    PruneEntriesRequest, PruneEntriesResponse,
};
use super::{blocking, off_thread};
use crate::audit::Recorded;
use crate::policy::Right;
use crate::service::{
    AuditCheckpoint, AuditReceipt, AuditRecord, ConsistencyProof, Error, ErrorCode, InclusionProof,
    Pruned, Service,
};

/// Entries that are read at once, off the async threads; each page is a few hundred kilobytes.
const PAGE_ENTRIES: usize = 256;

/// The handlers.
pub(super) struct AuditHandler {
    service: Arc<Service>,
    in_flight: Arc<InFlight>,
    idle: Duration,
}

impl AuditHandler {
    /// `idle` is how long a client may leave an entry unread.
    pub(super) const fn new(
        service: Arc<Service>,
        in_flight: Arc<InFlight>,
        idle: Duration,
    ) -> Self {
        Self { service, in_flight, idle }
    }
}

type Entry = Result<ListEntriesResponse, Status>;

#[tonic::async_trait]
impl AuditService for AuditHandler {
    type ListEntriesStream = ReceiverStream<Entry>;

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<Self::ListEntriesStream>, Status> {
        let caller = Caller::of(&request)?;
        let range = request.into_inner();
        let stream = self.in_flight.stream().map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        let (entries, standing) = off_thread(&caller, move |caller| {
            let mut standing = StandingPermit::new(caller, Right::ReadAudit)?;
            let entries = service.audit_entries(standing.permit()?, range.start, range.count)?;
            Ok((entries, standing))
        })
        .await?;
        let (sender, receiver) = mpsc::channel(PAGE_ENTRIES);
        tokio::spawn(send(entries, standing, sender, self.idle, stream));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.audit_checkpoint(&caller.permit(Right::ReadAudit)?).map(Into::into)
        })
        .await
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<GetInclusionProofResponse>, Status> {
        let caller = Caller::of(&request)?;
        let wanted = request.into_inner();
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ReadAudit)?;
            service.audit_inclusion(&permit, wanted.index, wanted.tree_size).map(Into::into)
        })
        .await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let caller = Caller::of(&request)?;
        let wanted = request.into_inner();
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ReadAudit)?;
            service.audit_consistency(&permit, wanted.old_size, wanted.new_size).map(Into::into)
        })
        .await
    }

    async fn get_receipt(
        &self,
        request: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        let caller = Caller::of(&request)?;
        let index = request.into_inner().index;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.audit_receipt(&caller.permit(Right::ReadOwnEntries)?, index).map(Into::into)
        })
        .await
    }

    async fn prune_entries(
        &self,
        request: Request<PruneEntriesRequest>,
    ) -> Result<Response<PruneEntriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let retention_days = request.into_inner().retention_days;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.prune_audit(&caller.permit(Right::Operate)?, retention_days).map(Into::into)
        })
        .await
    }
}

impl From<Pruned> for PruneEntriesResponse {
    fn from(pruned: Pruned) -> Self {
        let Pruned { bodies, entries } = pruned;
        Self { bodies, audit_entries: entries }
    }
}

impl From<Recorded<AuditReceipt>> for GetReceiptResponse {
    fn from(recorded: Recorded<AuditReceipt>) -> Self {
        let (receipt, audit_entry) = recorded.into_answer();
        Self {
            index: receipt.index,
            leaf_hash: receipt.leaf_hash.to_vec(),
            salt: receipt.salt,
            body: receipt.body,
            path: receipt.path.iter().map(|hash| hash.to_vec()).collect(),
            note: receipt.note,
            verifier_key: receipt.verifier_key,
            audit_entry,
        }
    }
}

/// Sends entries page by page, asking before each entry whether the caller may still read.
async fn send(
    mut entries: impl Iterator<Item = Result<AuditRecord, Error>> + Send + 'static,
    mut standing: StandingPermit,
    to: mpsc::Sender<Entry>,
    idle: Duration,
    _counted: StreamSlot,
) {
    loop {
        let caller = standing.caller().clone();
        let read = off_thread(&caller, move |_| {
            let page: Vec<_> = entries.by_ref().take(PAGE_ENTRIES).collect();
            Ok((page, entries))
        });
        let page = match read.await {
            Ok((page, rest)) => {
                entries = rest;
                page
            }
            Err(status) => return drop(to.try_send(Err(status))),
        };
        if page.is_empty() {
            return;
        }
        for record in page {
            let entry = standing.permit().map(drop).and(record).map(Into::into);
            let entry = entry.map_err(|error| caller.status(&error));
            let is_last = entry.is_err();
            let sent = tokio::time::timeout(idle, to.send(entry)).await;
            if sent.is_err() {
                drop(caller.status(&Error::new(ErrorCode::StreamIdle)));
            }
            if is_last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}

impl From<AuditRecord> for ListEntriesResponse {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { index, leaf_hash, salt, body } = record;
        Self { index, leaf_hash: leaf_hash.to_vec(), salt, body }
    }
}

impl From<AuditCheckpoint> for GetCheckpointResponse {
    fn from(checkpoint: AuditCheckpoint) -> Self {
        let AuditCheckpoint { note, verifier_key, verifier_keys } = checkpoint;
        Self { note, verifier_key, verifier_keys }
    }
}

impl From<InclusionProof> for GetInclusionProofResponse {
    fn from(proof: InclusionProof) -> Self {
        let path = proof.path.iter().map(|hash| hash.to_vec()).collect();
        Self { tree_size: proof.tree_size, leaf_hash: proof.leaf_hash.to_vec(), path }
    }
}

impl From<ConsistencyProof> for GetConsistencyProofResponse {
    fn from(proof: ConsistencyProof) -> Self {
        let path = proof.path.iter().map(|hash| hash.to_vec()).collect();
        Self { new_size: proof.new_size, path }
    }
}
