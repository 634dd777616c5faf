//! Who calls the service of disclosures, and what the shipped example applies for.

use std::net::SocketAddr;
use std::path::Path;

use hvelv::clock::{Clock as _, SystemClock};
use hvelv::disclosure::description::Description;
use hvelv::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use hvelv::rpc::proto::{
    Application, ApplicationRequest, CalendarDate, CloseDisclosureRequest,
    CompleteDisclosureRequest, ConfirmDeletionRequest, Decision, Disclosure, GetDisclosureRequest,
    ListApplicationsRequest, ListDisclosuresRequest, OpenDisclosureRequest,
    ReceiveApplicationRequest, RecordDecisionRequest, RecordDeliveryRequest,
};
use jiff::ToSpan as _;
use jiff::civil::Date;
use tonic::Status;
use tonic::transport::Channel;

use crate::harness::{Installation, bounded, manifest};

/// Calls a method and takes its answer apart.
macro_rules! call {
    ($caller:expr, $method:ident, $request:expr) => {
        bounded($caller.0.$method($request)).await.map(tonic::Response::into_inner)
    };
}
pub(super) use call;

/// The shipped example of a description.
pub(crate) const EXAMPLE: &str = "examples/disclosure/research.toml";
/// The example as of today.
pub(crate) fn described() -> (ApplicationRequest, Decision, OpenDisclosureRequest) {
    let description = Description::load(Path::new(EXAMPLE)).unwrap();
    let mut decision = Decision::from(&description.decision);
    decision.dated = Some(wire(day(-1)));
    decision.valid_until = Some(wire(day(300)));
    let open = OpenDisclosureRequest {
        application: String::new(),
        decision: 1,
        recipient_key: description.recipient_key.to_string(),
        expires: Some(wire(day(200))),
    };
    ((&description.application).into(), decision, open)
}

/// The day so many days from now.
pub(crate) fn day(days: i32) -> Date {
    SystemClock::new().today().checked_add(days.days()).unwrap()
}

fn wire(day: Date) -> CalendarDate {
    let part = |number: i8| u32::try_from(number).unwrap();
    CalendarDate {
        year: u32::try_from(day.year()).unwrap(),
        month: part(day.month()),
        day: part(day.day()),
    }
}

/// A caller of the service.
pub(crate) struct Caller(pub(super) DisclosureServiceClient<Channel>);

impl Caller {
    pub(crate) async fn of(installation: &Installation, server: SocketAddr, name: &str) -> Self {
        Self(DisclosureServiceClient::new(installation.connect(server, name).await))
    }

    pub(crate) async fn receive(
        &mut self,
        request: ApplicationRequest,
    ) -> Result<Application, Status> {
        let request = ReceiveApplicationRequest { request: Some(request) };
        Ok(call!(self, receive_application, request)?.application.unwrap())
    }

    pub(crate) async fn decide(
        &mut self,
        application: &str,
        decision: Decision,
    ) -> Result<u32, Status> {
        let request =
            RecordDecisionRequest { application: application.to_owned(), decision: Some(decision) };
        let recorded = call!(self, record_decision, request)?;
        assert_eq!(recorded.application.unwrap().state, "decided");
        Ok(recorded.decision)
    }

    pub(crate) async fn open(
        &mut self,
        request: OpenDisclosureRequest,
    ) -> Result<Disclosure, Status> {
        Ok(call!(self, open_disclosure, request)?.disclosure.unwrap())
    }

    pub(crate) async fn applications(&mut self) -> Result<Vec<Application>, Status> {
        Ok(call!(self, list_applications, ListApplicationsRequest {})?.applications)
    }

    pub(crate) async fn disclosures(&mut self) -> Result<Vec<Disclosure>, Status> {
        Ok(call!(self, list_disclosures, ListDisclosuresRequest {})?.disclosures)
    }

    pub(crate) async fn deliver(
        &mut self,
        disclosure: &str,
    ) -> Result<(String, Disclosure), Status> {
        let found = GetDisclosureRequest { disclosure: disclosure.to_owned() };
        let found = call!(self, get_disclosure, found)?;
        let request = RecordDeliveryRequest {
            disclosure: disclosure.to_owned(),
            manifest: manifest(found.disclosure.as_ref().unwrap(), &found.verifier_key),
            files: vec!["episodes.csv".to_owned()],
            rows: 30,
            persons: 10,
            persons_left_out: 1,
            guard_exceptions: vec!["note: looked at by hand".to_owned()],
        };
        let recorded = call!(self, record_delivery, request)?;
        Ok((recorded.signed_manifest, recorded.disclosure.unwrap()))
    }

    pub(crate) async fn complete(&mut self, disclosure: &str) -> Result<Disclosure, Status> {
        let request = CompleteDisclosureRequest { disclosure: disclosure.to_owned() };
        Ok(call!(self, complete_disclosure, request)?.disclosure.unwrap())
    }

    pub(crate) async fn confirm(&mut self, disclosure: &str) -> Result<Disclosure, Status> {
        let request = ConfirmDeletionRequest { disclosure: disclosure.to_owned() };
        Ok(call!(self, confirm_deletion, request)?.disclosure.unwrap())
    }

    pub(crate) async fn close(&mut self, disclosure: &str) -> Result<(Disclosure, String), Status> {
        let request = CloseDisclosureRequest { disclosure: disclosure.to_owned() };
        let closed = call!(self, close_disclosure, request)?;
        Ok((closed.disclosure.unwrap(), closed.older_copies))
    }

    pub(crate) async fn disclosure(&mut self, disclosure: &str) -> Result<Disclosure, Status> {
        let request = GetDisclosureRequest { disclosure: disclosure.to_owned() };
        Ok(call!(self, get_disclosure, request)?.disclosure.unwrap())
    }
}
