//! `CatalogueService`: the registers, for everybody, also while the server is sealed (S-21).

use std::sync::Arc;

use jiff::civil::Date;
use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::proto::catalogue_service_server::CatalogueService;
use super::proto::{
    self, GetRegisterRequest, GetRegisterResponse, ListRegistersRequest, ListRegistersResponse,
};
use crate::clock::Clock;
use crate::registers::catalogue::{self, Catalogue, Register, Responsibility, Validity};
use crate::service::{Error, ErrorCode, Service};

/// The handlers.
pub(super) struct CatalogueHandler {
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
}

impl CatalogueHandler {
    pub(super) const fn new(service: Arc<Service>, clock: Arc<dyn Clock>) -> Self {
        Self { service, clock }
    }
}

#[tonic::async_trait]
impl CatalogueService for CatalogueHandler {
    async fn list_registers(
        &self,
        _: Request<ListRegistersRequest>,
    ) -> Result<Response<ListRegistersResponse>, Status> {
        let (catalogue, today) = (self.service.catalogue(), self.clock.today());
        let registers = catalogue.iter().map(|one| register(one, catalogue, today)).collect();
        Ok(Response::new(ListRegistersResponse { registers }))
    }

    async fn get_register(
        &self,
        request: Request<GetRegisterRequest>,
    ) -> Result<Response<GetRegisterResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (catalogue, today) = (self.service.catalogue(), self.clock.today());
        let found = catalogue
            .by_code(&request.get_ref().code)
            .ok_or_else(|| caller.status(&Error::new(ErrorCode::RegisterUnknown)))?;
        let register = Some(register(found, catalogue, today));
        Ok(Response::new(GetRegisterResponse { register }))
    }
}

fn register(register: &Register, catalogue: &Catalogue, today: Date) -> proto::Register {
    let sources = register.sources.iter();
    let uses = register.reservation.uses.iter();
    let quality = register.quality_registers.iter().filter(|one| one.validity.contains(today));
    proto::Register {
        code: register.code.to_string(),
        name_nb: register.names.nb.clone(),
        name_en: register.names.en.clone(),
        controllers: organisations(&register.controllers, catalogue),
        processors: organisations(&register.processors, catalogue),
        legal_basis: register.legal_basis.clone(),
        purposes: register.purposes.iter().map(ToString::to_string).collect(),
        sources: sources
            .map(|one| proto::Source { code: one.code.to_string(), name: one.names.nb.clone() })
            .collect(),
        identity_mode: proto::IdentityMode::from(register.identity_mode).into(),
        consent_required: register.requires_consent(),
        closed: !register.is_open(today),
        id_column: register.id_column.to_string(),
        reservation_uses: uses.map(|one| one.code.to_string()).collect(),
        quality_registers: quality
            .map(|one| proto::Source { code: one.code.to_string(), name: one.names.nb.clone() })
            .collect(),
    }
}

fn organisations(holders: &[Responsibility], catalogue: &Catalogue) -> Vec<proto::Organisation> {
    let one = |holder: &Responsibility| {
        let (valid_from, valid_to) = days(holder.validity);
        // The catalogue's invariant is that it knows the organisation; its code is a name as well.
        let name = catalogue
            .organisation(&holder.organisation)
            .map_or_else(|| holder.organisation.to_string(), |found| found.names.nb.clone());
        proto::Organisation { name, valid_from, valid_to }
    };
    holders.iter().map(one).collect()
}

/// First and last day, empty when open.
fn days(validity: Validity) -> (String, String) {
    let text = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    (text(validity.from()), text(validity.to()))
}

impl From<catalogue::IdentityMode> for proto::IdentityMode {
    fn from(mode: catalogue::IdentityMode) -> Self {
        match mode {
            catalogue::IdentityMode::OneWay => Self::OneWay,
            catalogue::IdentityMode::Sealed => Self::Sealed,
            catalogue::IdentityMode::SealedWithContact => Self::SealedWithContact,
        }
    }
}

#[cfg(test)]
mod tests {

    use jiff::civil::date;

    use super::*;

    fn shipped(code: &str, today: Date) -> proto::Register {
        let path = crate::testing::repository().join("registers.toml");
        let catalogue = Catalogue::load(&path).unwrap();
        register(catalogue.by_code(code).unwrap(), &catalogue, today)
    }

    #[test]
    fn a_register_is_told_with_its_controllers_sources_and_rules() {
        let npr = shipped("NPR", date(2026, 6, 1));
        assert_eq!((npr.code.as_str(), npr.id_column.as_str()), ("NPR", "npr_id"));
        assert_eq!(npr.identity_mode(), proto::IdentityMode::Sealed);
        assert!(!npr.closed && !npr.consent_required);
        assert!(!npr.sources.is_empty() && !npr.legal_basis.is_empty());
        let handed_over = npr.controllers.iter().any(|one| one.valid_from == "2024-01-01");
        assert!(handed_over, "{:?}", npr.controllers);
        assert!(npr.quality_registers.iter().any(|one| one.code == "DIABETES"), "R-11");
    }

    #[test]
    fn a_closed_register_is_closed_from_its_day_on() {
        let today = date(2026, 6, 1);
        assert!(shipped("IPLOS", today).closed);
        assert_eq!(shipped("IPLOS", today).identity_mode(), proto::IdentityMode::OneWay);
        assert!(!shipped("IPLOS", date(2010, 1, 1)).closed);
    }

    #[test]
    fn a_register_that_rests_on_consent_says_so() {
        assert!(shipped("REHAB", date(2026, 6, 1)).consent_required);
    }
}
