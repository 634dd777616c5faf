//! `RightsService`: innsyn, reservations and consents; erasure, orders and retention.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::rights_service_server::RightsService;
use super::proto::{
    AssessCaseRequest, AssessCaseResponse, CheckQualityConsentsRequest,
    CheckQualityConsentsResponse, ConfirmOrderRequest, ConfirmOrderResponse, DecideCaseRequest,
    DecideCaseResponse, GetCaseRequest, GetCaseResponse, GetInnsynRequest, GetInnsynResponse,
    GetRightsRequest, GetRightsResponse, GiveConsentRequest, GiveConsentResponse,
    LiftReservationRequest, LiftReservationResponse, ListCasesRequest, ListCasesResponse,
    ListOrdersRequest, ListOrdersResponse, PlanRetentionRequest, PlanRetentionResponse,
    ReceiveCaseRequest, ReceiveCaseResponse, RecordQualityConsentRequest,
    RecordQualityConsentResponse, RunRetentionRequest, RunRetentionResponse, SetReservationRequest,
    SetReservationResponse, WithdrawCaseRequest, WithdrawCaseResponse, WithdrawConsentRequest,
    WithdrawConsentResponse,
};
use crate::policy::{Permit, Right};
use crate::service::{Error, Service};

mod cases;
mod convert;
mod innsyn;
mod quality;

/// The handlers.
pub(super) struct RightsHandler {
    service: Arc<Service>,
}

impl RightsHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Does what was read from a request, as somebody with a right.
    async fn act<A: Send + 'static, T: Send + 'static>(
        &self,
        caller: &Caller,
        asked: Result<(Right, A), Error>,
        act: impl FnOnce(&Service, &Permit, A) -> Result<T, Error> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let (right, asked) = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(caller, move |caller| act(&service, &caller.permit(right)?, asked)).await
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

    async fn assess_case(
        &self,
        request: Request<AssessCaseRequest>,
    ) -> Result<Response<AssessCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::assess(request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            let (case, audit_entry) = service.assess_case(permit, asked.0, asked.1)?.into_answer();
            Ok(AssessCaseResponse { case: Some(cases::wire(&case)), audit_entry })
        })
        .await
    }

    async fn confirm_order(
        &self,
        request: Request<ConfirmOrderRequest>,
    ) -> Result<Response<ConfirmOrderResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::confirm(request.into_inner());
        self.act(&caller, asked, |service, permit, (register, number)| {
            let audit_entry = service.confirm_order(permit, &register, number)?.index();
            Ok(ConfirmOrderResponse { audit_entry })
        })
        .await
    }

    async fn decide_case(
        &self,
        request: Request<DecideCaseRequest>,
    ) -> Result<Response<DecideCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::decide(request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            let (case, audit_entry) =
                service.decide_case(permit, asked.0, asked.1, asked.2)?.into_answer();
            Ok(DecideCaseResponse { case: Some(cases::wire(&case)), audit_entry })
        })
        .await
    }

    async fn get_case(
        &self,
        request: Request<GetCaseRequest>,
    ) -> Result<Response<GetCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::get(request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            let (case, audit_entry) = service.case(permit, asked)?.into_answer();
            Ok(GetCaseResponse { case: Some(cases::wire(&case)), audit_entry })
        })
        .await
    }

    async fn list_cases(
        &self,
        request: Request<ListCasesRequest>,
    ) -> Result<Response<ListCasesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::page(&request.into_inner());
        self.act(&caller, asked, |service, permit, (which, page)| {
            let listed = service.cases(permit, |case| which.has(case), page)?;
            let (found, audit_entry) = listed.into_answer();
            Ok(cases::wire_list(&found, audit_entry))
        })
        .await
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::list(request.into_inner());
        self.act(&caller, asked, |service, permit, (register, page)| {
            let (orders, audit_entry) = service.orders(permit, &register, page)?.into_answer();
            let orders = orders.into_iter().map(cases::wire_order).collect();
            Ok(ListOrdersResponse { orders, audit_entry })
        })
        .await
    }

    async fn plan_retention(
        &self,
        request: Request<PlanRetentionRequest>,
    ) -> Result<Response<PlanRetentionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = {
            let PlanRetentionRequest {} = request.into_inner();
            Ok((Right::Rights, ()))
        };
        self.act(&caller, asked, |service, permit, ()| {
            let (plan, audit_entry) = service.plan_retention(permit)?.into_answer();
            Ok(cases::wire_plan(&plan, audit_entry))
        })
        .await
    }

    async fn check_quality_consents(
        &self,
        request: Request<CheckQualityConsentsRequest>,
    ) -> Result<Response<CheckQualityConsentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = quality::check(request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            service.check_quality_consents(permit, &asked).map(quality::answer)
        })
        .await
    }

    async fn record_quality_consent(
        &self,
        request: Request<RecordQualityConsentRequest>,
    ) -> Result<Response<RecordQualityConsentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = quality::record(request.into_inner());
        self.act(&caller, asked, |service, permit, (subject, channel, fact)| {
            let recorded = service.record_quality_consent(permit, &subject, channel, fact)?;
            Ok(RecordQualityConsentResponse { audit_entry: recorded.index() })
        })
        .await
    }

    async fn receive_case(
        &self,
        request: Request<ReceiveCaseRequest>,
    ) -> Result<Response<ReceiveCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::receive(request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            let (case, audit_entry) = service.receive_case(permit, asked)?.into_answer();
            Ok(ReceiveCaseResponse { case: Some(cases::wire(&case)), audit_entry })
        })
        .await
    }

    async fn run_retention(
        &self,
        request: Request<RunRetentionRequest>,
    ) -> Result<Response<RunRetentionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::run(&request.into_inner());
        self.act(&caller, asked, |service, permit, digest| {
            let (done, audit_entry) = service.run_retention(permit, digest)?.into_answer();
            let actions = done.iter().map(cases::wire_action).collect();
            Ok(RunRetentionResponse { actions, audit_entry })
        })
        .await
    }

    async fn withdraw_case(
        &self,
        request: Request<WithdrawCaseRequest>,
    ) -> Result<Response<WithdrawCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = cases::withdraw(&request.into_inner());
        self.act(&caller, asked, |service, permit, asked| {
            let (case, audit_entry) =
                service.withdraw_case(permit, asked.0, asked.1)?.into_answer();
            Ok(WithdrawCaseResponse { case: Some(cases::wire(&case)), audit_entry })
        })
        .await
    }
}
