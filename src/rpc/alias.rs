//! `AliasService`: IDs that a register had before.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::auth::Caller;
use super::blocking;
use super::identity::convert::{limit, register};
use super::ingest::convert::notes;
use super::proto::alias_service_server::AliasService;
use super::proto::{
    Alias, AliasProblem as WireProblem, ConvertIdsRequest, ConvertIdsResponse, ListAliasesRequest,
    ListAliasesResponse, LoadAliasesRequest, LoadAliasesResponse, RefusedAlias,
};
use crate::audit::Recorded;
use crate::policy::Right;
use crate::registers::{AliasPairs, AliasProblem, LoadedAliases, More};
use crate::service::{AliasPair, Error, Service, Violation};

/// The handlers.
pub(super) struct AliasHandler {
    service: Arc<Service>,
}

impl AliasHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl AliasService for AliasHandler {
    async fn convert_ids(
        &self,
        request: Request<ConvertIdsRequest>,
    ) -> Result<Response<ConvertIdsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ConvertIdsRequest { register: code, existing_ids } = request.into_inner();
        let existing: Vec<_> = existing_ids.into_iter().map(Zeroizing::new).collect();
        let code = register(&code).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::FollowIds { register: code.clone() })?;
            let recorded = service.convert_ids(&permit, &code, &existing)?;
            let (answered, audit_entry) = recorded.into_answer();
            Ok(ConvertIdsResponse { notes: notes(&answered), ids: answered.ids, audit_entry })
        })
        .await
    }

    async fn list_aliases(
        &self,
        request: Request<ListAliasesRequest>,
    ) -> Result<Response<ListAliasesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ListAliasesRequest { register: code, after, limit: most } = request.into_inner();
        let code = register(&code).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::FollowIds { register: code.clone() })?;
            service.alias_pairs(&permit, &code, (after, limit(most))).map(pairs)
        })
        .await
    }

    async fn load_aliases(
        &self,
        request: Request<LoadAliasesRequest>,
    ) -> Result<Response<LoadAliasesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let LoadAliasesRequest { register: code, ids, existing_ids } = request.into_inner();
        let existing: Vec<_> = existing_ids.into_iter().map(Zeroizing::new).collect();
        let code = register(&code).map_err(|error| caller.status(&error))?;
        if ids.len() != existing.len() {
            let text = "must be as many as `ids`".into();
            let violation = Violation { field: "existing_ids".into(), text };
            return Err(caller.status(&Error::invalid(vec![violation])));
        }
        let rows = ids.into_iter().zip(existing);
        let rows = rows.map(|(id, existing)| AliasPair { id, existing }).collect();
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::LoadAliases { register: code.clone() })?;
            service.load_aliases(&permit, &code, rows).map(loaded)
        })
        .await
    }
}

/// What became of pairs, which exists only recorded.
fn loaded(recorded: Recorded<LoadedAliases>) -> LoadAliasesResponse {
    let (LoadedAliases { loaded, unchanged, refused }, audit_entry) = recorded.into_answer();
    let refused = refused.into_iter().map(|(row, problem)| {
        let problem = match problem {
            AliasProblem::Contradicted => WireProblem::Contradicted,
            AliasProblem::LooksLikeIdentifier => WireProblem::LooksLikeIdentifier,
            AliasProblem::Malformed => WireProblem::Malformed,
            AliasProblem::Suppressed => WireProblem::Suppressed,
            AliasProblem::Taken => WireProblem::Taken,
            AliasProblem::UnknownId => WireProblem::UnknownId,
        };
        RefusedAlias { row, problem: problem.into() }
    });
    LoadAliasesResponse { loaded, unchanged, refused: refused.collect(), audit_entry }
}

/// Pairs, which exist only recorded.
fn pairs(recorded: Recorded<AliasPairs>) -> ListAliasesResponse {
    let (AliasPairs { pairs, last, more }, audit_entry) = recorded.into_answer();
    let aliases = pairs.into_iter().map(|(sequence, existing, id)| {
        let existing_id = existing.as_str().to_owned();
        Alias { sequence, existing_id, id }
    });
    ListAliasesResponse { aliases: aliases.collect(), last, more: more == More::Yes, audit_entry }
}
