//! `RightsService`: innsyn, reservations and consents.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::rights_service_server::RightsService;
use super::proto::{
    GetInnsynRequest, GetInnsynResponse, GetRightsRequest, GetRightsResponse, GiveConsentRequest,
    GiveConsentResponse, LiftReservationRequest, LiftReservationResponse, SetReservationRequest,
    SetReservationResponse, WithdrawConsentRequest, WithdrawConsentResponse,
};
use crate::policy::Right;
use crate::service::{Error, Service};

mod convert;
mod innsyn;

/// The handlers.
pub(super) struct RightsHandler {
    service: Arc<Service>,
}

impl RightsHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Records what a person has said, and answers with the number of the entry.
    async fn record<R: Send + 'static>(
        &self,
        caller: &Caller,
        asked: Result<convert::Said, Error>,
        answer: fn(u64) -> R,
    ) -> Result<Response<R>, Status> {
        let asked = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(caller, move |caller| {
            let permit = caller.permit(Right::Rights)?;
            let (subject, channel, fact) = asked;
            let recorded = service.record_rights(&permit, &subject, channel, fact)?;
            Ok(answer(recorded.index()))
        })
        .await
    }
}

#[tonic::async_trait]
impl RightsService for RightsHandler {
    async fn get_innsyn(
        &self,
        request: Request<GetInnsynRequest>,
    ) -> Result<Response<GetInnsynResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = innsyn::request(request.into_inner());
        let asked = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.innsyn(&caller.permit(Right::Rights)?, &asked).map(innsyn::answer)
        })
        .await
    }

    async fn get_rights(
        &self,
        request: Request<GetRightsRequest>,
    ) -> Result<Response<GetRightsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let subject = convert::subject(request.into_inner());
        let subject = subject.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.rights(&caller.permit(Right::Rights)?, &subject).map(convert::rights)
        })
        .await
    }

    async fn give_consent(
        &self,
        request: Request<GiveConsentRequest>,
    ) -> Result<Response<GiveConsentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::give(request.into_inner());
        self.record(&caller, asked, |audit_entry| GiveConsentResponse { audit_entry }).await
    }

    async fn lift_reservation(
        &self,
        request: Request<LiftReservationRequest>,
    ) -> Result<Response<LiftReservationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::lift(request.into_inner());
        self.record(&caller, asked, |audit_entry| LiftReservationResponse { audit_entry }).await
    }

    async fn set_reservation(
        &self,
        request: Request<SetReservationRequest>,
    ) -> Result<Response<SetReservationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::set(request.into_inner());
        self.record(&caller, asked, |audit_entry| SetReservationResponse { audit_entry }).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<WithdrawConsentRequest>,
    ) -> Result<Response<WithdrawConsentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::withdraw(request.into_inner());
        self.record(&caller, asked, |audit_entry| WithdrawConsentResponse { audit_entry }).await
    }
}
