//! The server: every service, put together.
//!
//! Where to plug in a service: its handler becomes one line in `routes`, its methods become rows in
//! `policy::methods`, its name a line in `health`.

use std::sync::Arc;
use std::time::Duration;

use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

use super::alias::AliasHandler;
use super::approval::ApprovalHandler;
use super::audit::AuditHandler;
use super::auth::AccessWatch;
use super::catalogue::CatalogueHandler;
use super::control::Control;
use super::conversion::ConversionHandler;
use super::disclosure::DisclosureHandler;
use super::identity::IdentityHandler;
use super::ingest::IngestHandler;
use super::limits::InFlight;
use super::operator::OperatorHandler;
use super::proto;
use super::proto::alias_service_server::AliasServiceServer;
use super::proto::approval_service_server::ApprovalServiceServer;
use super::proto::audit_service_server::AuditServiceServer;
use super::proto::catalogue_service_server::CatalogueServiceServer;
use super::proto::conversion_service_server::ConversionServiceServer;
use super::proto::disclosure_service_server::DisclosureServiceServer;
use super::proto::identity_service_server::IdentityServiceServer;
use super::proto::ingest_service_server::IngestServiceServer;
use super::proto::operator_service_server::OperatorServiceServer;
use super::proto::reveal_service_server::RevealServiceServer;
use super::proto::rights_service_server::RightsServiceServer;
use super::reveal::RevealHandler;
use super::rights::RightsHandler;
use super::scrape::Scrape;
use super::serving::{Served, run};
use super::tls::accept::Counters;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::server::Mode;
use crate::service::Service;

pub use super::serving::ServeError;

/// Serves until it is told to stop.  What the access file grants at the start is recorded here.
///
/// # Errors
///
/// If a TLS file or the address is of no use, or if serving ends by itself.
pub async fn serve(
    config: &Config,
    service: Arc<Service>,
    access: Arc<AccessWatch>,
    control: Control,
) -> Result<(), ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let in_flight = Arc::new(InFlight::new(&config.limits));
    let routes = routes(config, &service, &in_flight, access.clock(), health)?;
    let metrics = Arc::clone(service.metrics());
    let scrape = scrape(Arc::clone(&service), in_flight, control.counters());
    let served = Served { host: service, routes, health: reporter, metrics, scrape };
    run(config, served, access, control).await
}

/// What a scrape is answered with: what was counted, and everything as it is now.
fn scrape(service: Arc<Service>, in_flight: Arc<InFlight>, counters: Arc<Counters>) -> Scrape {
    Arc::new(move || {
        let mut reading = service.reading();
        reading.transport = in_flight.reading();
        reading.transport.connections = counters.reading();
        service.metrics().render(reading)
    })
}

/// Every service.
fn routes(
    config: &Config,
    service: &Arc<Service>,
    in_flight: &Arc<InFlight>,
    clock: &Arc<dyn Clock>,
    health: HealthServer<impl Health>,
) -> Result<Routes, ServeError> {
    let limits = &config.limits;
    let bytes_max = limits.message_bytes_max;
    let idle = Duration::from_millis(limits.stream_idle_timeout_ms);
    let ingest = IngestHandler::new(Arc::clone(service), Arc::clone(in_flight), limits);
    let alias = AliasHandler::new(Arc::clone(service));
    let approval = ApprovalHandler::new(Arc::clone(service));
    let audit = AuditHandler::new(Arc::clone(service), Arc::clone(in_flight), idle);
    let catalogue = CatalogueHandler::new(Arc::clone(service), Arc::clone(clock));
    let conversion = ConversionHandler::new(Arc::clone(service));
    let disclosure = DisclosureHandler::new(Arc::clone(service), Arc::clone(in_flight), limits);
    let identity = IdentityHandler::new(Arc::clone(service));
    let operator = OperatorHandler::new(Arc::clone(service), Arc::clone(in_flight), idle);
    let reveal = RevealHandler::new(Arc::clone(service));
    let rights = RightsHandler::new(Arc::clone(service));
    let routes = Routes::new(IngestServiceServer::new(ingest).max_decoding_message_size(bytes_max))
        .add_service(AliasServiceServer::new(alias).max_decoding_message_size(bytes_max))
        .add_service(ApprovalServiceServer::new(approval).max_decoding_message_size(bytes_max))
        .add_service(AuditServiceServer::new(audit).max_decoding_message_size(bytes_max))
        .add_service(CatalogueServiceServer::new(catalogue).max_decoding_message_size(bytes_max))
        .add_service(ConversionServiceServer::new(conversion).max_decoding_message_size(bytes_max))
        .add_service(DisclosureServiceServer::new(disclosure).max_decoding_message_size(bytes_max))
        .add_service(IdentityServiceServer::new(identity).max_decoding_message_size(bytes_max))
        .add_service(OperatorServiceServer::new(operator).max_decoding_message_size(bytes_max))
        .add_service(RevealServiceServer::new(reveal).max_decoding_message_size(bytes_max))
        .add_service(RightsServiceServer::new(rights).max_decoding_message_size(bytes_max))
        .add_service(health.max_decoding_message_size(bytes_max));
    Ok(match reflection(config.mode)? {
        Some(reflection) => routes.add_service(reflection.max_decoding_message_size(bytes_max)),
        None => routes,
    })
}

/// Reflection, in development mode only.
fn reflection(
    mode: Mode,
) -> Result<Option<ServerReflectionServer<impl ServerReflection>>, ServeError> {
    match mode {
        Mode::Development => tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map(Some)
            .map_err(ServeError::Reflection),
        Mode::Production | Mode::Test => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_is_offered_in_development_only() {
        assert!(reflection(Mode::Development).unwrap().is_some());
        assert!(reflection(Mode::Production).unwrap().is_none());
        assert!(reflection(Mode::Test).unwrap().is_none());
    }
}
