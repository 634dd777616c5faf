//! `IdentityService`: events of the population register, and the feeds of changed IDs.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::identity_service_server::IdentityService;
use super::proto::{
    ApplyEventsRequest, ApplyEventsResponse, LinkIdentifiersRequest, LinkIdentifiersResponse,
    ListIdChangesRequest, ListIdChangesResponse, ListProtectedLinksRequest,
    ListProtectedLinksResponse, ListReissuesRequest, ListReissuesResponse, ReissueIdsRequest,
    ReissueIdsResponse, UnlinkIdentifiersRequest, UnlinkIdentifiersResponse,
};
use crate::policy::Right;
use crate::service::Service;

pub(super) mod convert;
mod linking;
mod reissue;

/// The handlers.
pub(super) struct IdentityHandler {
    service: Arc<Service>,
}

impl IdentityHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl IdentityService for IdentityHandler {
    async fn apply_events(
        &self,
        request: Request<ApplyEventsRequest>,
    ) -> Result<Response<ApplyEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::events(request.into_inner());
        let (feed, events) = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ApplyEvents)?;
            service.apply_events(&permit, &feed, &events).map(convert::applied)
        })
        .await
    }

    async fn link_identifiers(
        &self,
        request: Request<LinkIdentifiersRequest>,
    ) -> Result<Response<LinkIdentifiersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let rows = linking::linked_rows(request.into_inner());
        let rows = rows.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(rows.right())?;
            service.link_identifiers(&permit, &rows).map(linking::linked)
        })
        .await
    }

    async fn list_id_changes(
        &self,
        request: Request<ListIdChangesRequest>,
    ) -> Result<Response<ListIdChangesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ListIdChangesRequest { register, after, limit } = request.into_inner();
        let register = convert::register(&register).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::FollowIds { register: register.clone() })?;
            let asked = (after, convert::limit(limit));
            service.id_changes(&permit, &register, asked).map(convert::changes)
        })
        .await
    }

    async fn list_protected_links(
        &self,
        request: Request<ListProtectedLinksRequest>,
    ) -> Result<Response<ListProtectedLinksResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ListProtectedLinksRequest { register, after, limit } = request.into_inner();
        let register = convert::register(&register).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ReadProtectedLinks)?;
            let asked = (after, convert::limit(limit));
            service.protected_links(&permit, &register, asked).map(convert::protected)
        })
        .await
    }

    async fn list_reissues(
        &self,
        request: Request<ListReissuesRequest>,
    ) -> Result<Response<ListReissuesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ListReissuesRequest { register, after, limit } = request.into_inner();
        let register = convert::register(&register).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ReissueIds)?;
            let asked = (after, convert::limit(limit));
            service.reissues(&permit, &register, asked).map(reissue::listed)
        })
        .await
    }

    async fn reissue_ids(
        &self,
        request: Request<ReissueIdsRequest>,
    ) -> Result<Response<ReissueIdsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = reissue::asked(request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::ReissueIds)?;
            service.reissue_ids(&permit, &asked).map(reissue::replaced)
        })
        .await
    }

    async fn unlink_identifiers(
        &self,
        request: Request<UnlinkIdentifiersRequest>,
    ) -> Result<Response<UnlinkIdentifiersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let rows = linking::unlinked_rows(request.into_inner());
        let rows = rows.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(rows.right())?;
            service.unlink_identifiers(&permit, &rows).map(linking::unlinked)
        })
        .await
    }
}
