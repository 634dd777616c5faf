//! gRPC health, driven by the state of the service.
//!
//! ```text
//!                       sealed  unsealing  open  degraded
//! "" (the process)        ✓        ✓        ✓       ✓      liveness: restarting helps nobody sealed
//! Catalogue, Operator     ✓        ✓        ✓       ✓
//! Audit                                     ✓       ✓      reading goes on
//! Disclosure                                ✓              nothing is answered unrecorded
//! Ingest                                    ✓              readiness, for a load balancer
//! ```

use tokio::sync::watch;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::proto::alias_service_server::AliasServiceServer;
use super::proto::approval_service_server::ApprovalServiceServer;
use super::proto::audit_service_server::AuditServiceServer;
use super::proto::catalogue_service_server::CatalogueServiceServer;
use super::proto::disclosure_service_server::DisclosureServiceServer;
use super::proto::identity_service_server::IdentityServiceServer;
use super::proto::ingest_service_server::IngestServiceServer;
use super::proto::operator_service_server::OperatorServiceServer;
use super::proto::rights_service_server::RightsServiceServer;
use crate::service::State;

/// The name of the process as a whole, as the health protocol has it.
const PROCESS: &str = "";

const ALL: [&str; 10] = [
    PROCESS,
    <AliasServiceServer<()> as NamedService>::NAME,
    <ApprovalServiceServer<()> as NamedService>::NAME,
    <AuditServiceServer<()> as NamedService>::NAME,
    <CatalogueServiceServer<()> as NamedService>::NAME,
    <DisclosureServiceServer<()> as NamedService>::NAME,
    <IdentityServiceServer<()> as NamedService>::NAME,
    <IngestServiceServer<()> as NamedService>::NAME,
    <OperatorServiceServer<()> as NamedService>::NAME,
    <RightsServiceServer<()> as NamedService>::NAME,
];

/// Whether a service answers in a state.
fn serving(name: &str, state: State) -> ServingStatus {
    let is_serving = match state {
        State::Open => true,
        State::Degraded => {
            name != <AliasServiceServer<()> as NamedService>::NAME
                && name != <DisclosureServiceServer<()> as NamedService>::NAME
                && name != <IdentityServiceServer<()> as NamedService>::NAME
                && name != <IngestServiceServer<()> as NamedService>::NAME
                && name != <RightsServiceServer<()> as NamedService>::NAME
        }
        State::Sealed | State::Unsealing => {
            name == PROCESS
                || name == <CatalogueServiceServer<()> as NamedService>::NAME
                || name == <OperatorServiceServer<()> as NamedService>::NAME
        }
    };
    if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}

/// Reports the state until the service is gone.
pub(super) async fn report(reporter: HealthReporter, mut state: watch::Receiver<State>) {
    loop {
        let now = *state.borrow_and_update();
        for name in ALL {
            reporter.set_service_status(name, serving(name, now)).await;
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Ends every watch, so that a server that stops does not wait for them.
pub(super) async fn end(mut reporter: HealthReporter) {
    for name in ALL {
        reporter.clear_service_status(name).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_server_is_alive_and_not_ready() {
        for state in [State::Sealed, State::Unsealing] {
            assert_eq!(serving(PROCESS, state), ServingStatus::Serving);
            assert_eq!(serving("hvelv.v1.CatalogueService", state), ServingStatus::Serving);
            assert_eq!(serving("hvelv.v1.OperatorService", state), ServingStatus::Serving);
            assert_eq!(serving("hvelv.v1.IngestService", state), ServingStatus::NotServing);
            assert_eq!(serving("hvelv.v1.AuditService", state), ServingStatus::NotServing);
            assert_eq!(serving("hvelv.v1.DisclosureService", state), ServingStatus::NotServing);
            assert_eq!(serving("hvelv.v1.RightsService", state), ServingStatus::NotServing);
        }
    }

    #[test]
    fn a_degraded_server_is_read_and_not_written() {
        for name in ["DisclosureService", "IdentityService", "IngestService", "RightsService"] {
            let name = &format!("hvelv.v1.{name}");
            assert_eq!(serving(name, State::Degraded), ServingStatus::NotServing);
        }
        assert_eq!(serving("hvelv.v1.AuditService", State::Degraded), ServingStatus::Serving);
        assert!(ALL.iter().all(|name| serving(name, State::Open) == ServingStatus::Serving));
    }
}
