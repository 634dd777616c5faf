//! `DisclosureService`: applications, decisions, disclosures, and what is issued in them.

use std::sync::Arc;

use tonic::{Request, Response, Status, Streaming};

use super::auth::Caller;
use super::blocking;
use super::limits::InFlight;
use super::proto::disclosure_service_server::DisclosureService;
use super::proto::{
    CloseDisclosureRequest, CloseDisclosureResponse, CloseWindowRequest, CloseWindowResponse,
    CompleteDisclosureRequest, CompleteDisclosureResponse, ConfirmBridgeDeletionRequest,
    ConfirmBridgeDeletionResponse, ConfirmDeletionRequest, ConfirmDeletionResponse,
    GetApplicationRequest, GetApplicationResponse, GetDisclosureRequest, GetDisclosureResponse,
    IdentifySerialRequest, IdentifySerialResponse, IssueBridgeRequest, IssueSerialsRequest,
    IssueSurrogatesRequest, ListApplicationsRequest, ListApplicationsResponse, ListBridgesRequest,
    ListBridgesResponse, ListDisclosuresRequest, ListDisclosuresResponse, LoadBridgeRequest,
    LoadBridgeResponse, OpenDisclosureRequest, OpenDisclosureResponse, OpenWindowRequest,
    OpenWindowResponse, ReceiveApplicationRequest, ReceiveApplicationResponse,
    RecordDecisionRequest, RecordDecisionResponse, RecordDeliveryRequest, RecordDeliveryResponse,
    RefuseApplicationRequest, RefuseApplicationResponse, RouteApplicationRequest,
    RouteApplicationResponse, WithdrawApplicationRequest, WithdrawApplicationResponse,
};
use crate::config::server::Limits;
use crate::policy::{Permit, Right};
use crate::service::{Error, OpenedWindow, Service};

mod bridges;
mod convert;
mod loading;
mod streams;

/// The handlers.
pub(super) struct DisclosureHandler {
    service: Arc<Service>,
    in_flight: Arc<InFlight>,
    limits: Limits,
}

impl DisclosureHandler {
    pub(super) fn new(service: Arc<Service>, in_flight: Arc<InFlight>, limits: &Limits) -> Self {
        Self { service, in_flight, limits: limits.clone() }
    }

    /// Does what only an officer may do.
    async fn officer<Q: Send + 'static, R: Send + 'static>(
        &self,
        caller: &Caller,
        asked: Result<Q, Error>,
        work: fn(&Service, &Permit, Q) -> Result<R, Error>,
    ) -> Result<Response<R>, Status> {
        let asked = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(caller, move |caller| work(&service, &caller.permit(Right::Disclose)?, asked))
            .await
    }

    /// Reads, which an auditor may too.
    async fn reader<Q: Send + 'static, R: Send + 'static>(
        &self,
        caller: &Caller,
        asked: Result<Q, Error>,
        work: fn(&Service, &Permit, Q) -> Result<R, Error>,
    ) -> Result<Response<R>, Status> {
        let asked = asked.map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(caller, move |caller| {
            let permit = caller.permit(Right::Disclose);
            let permit = permit.or_else(|_| caller.permit(Right::ReadDisclosures))?;
            work(&service, &permit, asked)
        })
        .await
    }
}

#[tonic::async_trait]
impl DisclosureService for DisclosureHandler {
    async fn receive_application(
        &self,
        request: Request<ReceiveApplicationRequest>,
    ) -> Result<Response<ReceiveApplicationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::receive(request.into_inner());
        self.officer(&caller, asked, |service, permit, request| {
            let (application, recorded) = service.receive_application(permit, request)?;
            let application = Some((&application).into());
            Ok(ReceiveApplicationResponse { application, audit_entry: recorded.index() })
        })
        .await
    }

    async fn record_decision(
        &self,
        request: Request<RecordDecisionRequest>,
    ) -> Result<Response<RecordDecisionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::decision(request.into_inner());
        self.officer(&caller, asked, |service, permit, (id, decision)| {
            let (application, decision, recorded) =
                service.record_decision(permit, id, decision)?;
            let application = Some((&application).into());
            Ok(RecordDecisionResponse { application, decision, audit_entry: recorded.index() })
        })
        .await
    }

    async fn refuse_application(
        &self,
        request: Request<RefuseApplicationRequest>,
    ) -> Result<Response<RefuseApplicationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::ending(&request.get_ref().application, &request.get_ref().reason);
        self.officer(&caller, asked, |service, permit, (id, reason)| {
            let (application, recorded) = service.refuse_application(permit, id, reason)?;
            let application = Some((&application).into());
            Ok(RefuseApplicationResponse { application, audit_entry: recorded.index() })
        })
        .await
    }

    async fn withdraw_application(
        &self,
        request: Request<WithdrawApplicationRequest>,
    ) -> Result<Response<WithdrawApplicationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::ending(&request.get_ref().application, &request.get_ref().reason);
        self.officer(&caller, asked, |service, permit, (id, reason)| {
            let (application, recorded) = service.withdraw_application(permit, id, reason)?;
            let application = Some((&application).into());
            Ok(WithdrawApplicationResponse { application, audit_entry: recorded.index() })
        })
        .await
    }

    async fn get_application(
        &self,
        request: Request<GetApplicationRequest>,
    ) -> Result<Response<GetApplicationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::application_id(&request.get_ref().application);
        self.reader(&caller, asked, |service, permit, id| {
            let application = service.application(permit, id)?;
            Ok(GetApplicationResponse { application: Some((&application).into()) })
        })
        .await
    }

    async fn list_applications(
        &self,
        request: Request<ListApplicationsRequest>,
    ) -> Result<Response<ListApplicationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.reader(&caller, Ok(()), |service, permit, ()| {
            let applications = service.applications(permit)?.iter().map(Into::into).collect();
            Ok(ListApplicationsResponse { applications })
        })
        .await
    }

    async fn route_application(
        &self,
        request: Request<RouteApplicationRequest>,
    ) -> Result<Response<RouteApplicationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::route(request.into_inner());
        self.officer(&caller, asked, |service, permit, (request, kind, day)| {
            let (authority, explanation) =
                service.route_application(permit, &request, kind, day)?;
            Ok(RouteApplicationResponse { authority: authority.to_string(), explanation })
        })
        .await
    }

    async fn open_disclosure(
        &self,
        request: Request<OpenDisclosureRequest>,
    ) -> Result<Response<OpenDisclosureResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::open(request.into_inner());
        self.officer(&caller, asked, |service, permit, open| {
            let (view, recorded) = service.open_disclosure(permit, open)?;
            let disclosure = Some((&view).into());
            Ok(OpenDisclosureResponse { disclosure, audit_entry: recorded.index() })
        })
        .await
    }

    async fn get_disclosure(
        &self,
        request: Request<GetDisclosureRequest>,
    ) -> Result<Response<GetDisclosureResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::disclosure_id(&request.get_ref().disclosure);
        self.reader(&caller, asked, |service, permit, id| {
            let disclosure = Some((&service.disclosure(permit, id)?).into());
            Ok(GetDisclosureResponse { disclosure, verifier_key: service.verifier_key()? })
        })
        .await
    }

    async fn list_disclosures(
        &self,
        request: Request<ListDisclosuresRequest>,
    ) -> Result<Response<ListDisclosuresResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.reader(&caller, Ok(()), |service, permit, ()| {
            let disclosures = service.disclosures(permit)?.iter().map(Into::into).collect();
            Ok(ListDisclosuresResponse { disclosures })
        })
        .await
    }

    type IssueSerialsStream = streams::SerialReplies;

    async fn issue_serials(
        &self,
        request: Request<Streaming<IssueSerialsRequest>>,
    ) -> Result<Response<streams::SerialReplies>, Status> {
        streams::issue_serials(self, request)
    }

    type IssueSurrogatesStream = streams::SurrogateReplies;

    async fn issue_surrogates(
        &self,
        request: Request<Streaming<IssueSurrogatesRequest>>,
    ) -> Result<Response<streams::SurrogateReplies>, Status> {
        streams::issue_surrogates(self, request)
    }

    async fn identify_serial(
        &self,
        request: Request<IdentifySerialRequest>,
    ) -> Result<Response<IdentifySerialResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::serial(request.into_inner());
        self.officer(&caller, asked, |service, permit, (id, serial)| {
            let recorded = service.identify_serial(permit, id, &serial)?;
            let (identifiers, audit_entry) = recorded.into_answer();
            let identifiers = identifiers.iter().map(Into::into).collect();
            Ok(IdentifySerialResponse { identifiers, audit_entry })
        })
        .await
    }

    type IssueBridgeStream = bridges::BridgeReplies;

    async fn issue_bridge(
        &self,
        request: Request<IssueBridgeRequest>,
    ) -> Result<Response<bridges::BridgeReplies>, Status> {
        bridges::issue(self, request).await
    }

    async fn list_bridges(
        &self,
        request: Request<ListBridgesRequest>,
    ) -> Result<Response<ListBridgesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let overdue_only = request.get_ref().overdue_only;
        self.reader(&caller, Ok(overdue_only), |service, permit, overdue_only| {
            let out = service.bridges(permit)?;
            let loaded = service.loaded_bridges(permit)?;
            Ok(ListBridgesResponse { bridges: bridges::listed(&out, &loaded, overdue_only) })
        })
        .await
    }

    async fn confirm_bridge_deletion(
        &self,
        request: Request<ConfirmBridgeDeletionRequest>,
    ) -> Result<Response<ConfirmBridgeDeletionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ConfirmBridgeDeletionRequest { disclosure, number } = request.into_inner();
        let asked = convert::disclosure_id(&disclosure).map(|id| (id, number));
        self.officer(&caller, asked, |service, permit, which| {
            let (view, recorded) = service.confirm_bridge_deletion(permit, which)?;
            let bridge = Some((&view).into());
            Ok(ConfirmBridgeDeletionResponse { bridge, audit_entry: recorded.index() })
        })
        .await
    }

    async fn load_bridge(
        &self,
        request: Request<Streaming<LoadBridgeRequest>>,
    ) -> Result<Response<LoadBridgeResponse>, Status> {
        loading::load(self, request).await
    }

    async fn open_window(
        &self,
        request: Request<OpenWindowRequest>,
    ) -> Result<Response<OpenWindowResponse>, Status> {
        let caller = Caller::of(&request)?;
        let OpenWindowRequest { disclosure, minutes } = request.into_inner();
        let asked = convert::disclosure_id(&disclosure).map(|id| (id, minutes));
        self.officer(&caller, asked, |service, permit, (id, minutes)| {
            let (opened, audit_entry) = service.open_window(permit, id, minutes)?.into_answer();
            let OpenedWindow { until, looked_at, in_both } = opened;
            let until = format!("{until:.0}");
            Ok(OpenWindowResponse { until, looked_at, in_both, audit_entry })
        })
        .await
    }

    async fn close_window(
        &self,
        request: Request<CloseWindowRequest>,
    ) -> Result<Response<CloseWindowResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::disclosure_id(&request.get_ref().disclosure);
        self.officer(&caller, asked, |service, permit, id| {
            Ok(CloseWindowResponse { audit_entry: service.close_window(permit, id)?.index() })
        })
        .await
    }

    async fn record_delivery(
        &self,
        request: Request<RecordDeliveryRequest>,
    ) -> Result<Response<RecordDeliveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::delivery(request.into_inner());
        self.officer(&caller, asked, |service, permit, (id, report)| {
            let (signed_manifest, view, recorded) = service.record_delivery(permit, id, report)?;
            let disclosure = Some((&view).into());
            let audit_entry = recorded.index();
            Ok(RecordDeliveryResponse { signed_manifest, disclosure, audit_entry })
        })
        .await
    }

    async fn complete_disclosure(
        &self,
        request: Request<CompleteDisclosureRequest>,
    ) -> Result<Response<CompleteDisclosureResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::disclosure_id(&request.get_ref().disclosure);
        self.officer(&caller, asked, |service, permit, id| {
            let (view, recorded) = service.complete_disclosure(permit, id)?;
            let disclosure = Some((&view).into());
            Ok(CompleteDisclosureResponse { disclosure, audit_entry: recorded.index() })
        })
        .await
    }

    async fn confirm_deletion(
        &self,
        request: Request<ConfirmDeletionRequest>,
    ) -> Result<Response<ConfirmDeletionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::disclosure_id(&request.get_ref().disclosure);
        self.officer(&caller, asked, |service, permit, id| {
            let (view, recorded) = service.confirm_deletion(permit, id)?;
            let disclosure = Some((&view).into());
            Ok(ConfirmDeletionResponse { disclosure, audit_entry: recorded.index() })
        })
        .await
    }

    async fn close_disclosure(
        &self,
        request: Request<CloseDisclosureRequest>,
    ) -> Result<Response<CloseDisclosureResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = convert::disclosure_id(&request.get_ref().disclosure);
        self.officer(&caller, asked, |service, permit, id| {
            let (view, recorded) = service.close_disclosure(permit, id)?;
            let disclosure = Some((&view).into());
            let (audit_entry, older_copies) = (recorded.index(), convert::older_copies(&view));
            Ok(CloseDisclosureResponse { disclosure, audit_entry, older_copies })
        })
        .await
    }
}
