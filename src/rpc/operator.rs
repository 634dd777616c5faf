//! `OperatorService`: status, unseal, seal, budgets.

use std::mem;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::operator_service_server::OperatorService;
use super::proto::{
    GrantBudgetRequest, GrantBudgetResponse, ListBudgetsRequest, ListBudgetsResponse,
    RegisterStatus, SealRequest, SealResponse, ServerState, StatusRequest, StatusResponse,
    UnsealRequest, UnsealResponse,
};
use crate::crypto::Passphrase;
use crate::policy::Right;
use crate::service::{self, Detail, Error, ErrorCode, Service, State, Unsealed};

mod budget;

/// The handlers.
pub(super) struct OperatorHandler {
    service: Arc<Service>,
}

impl OperatorHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl OperatorService for OperatorHandler {
    async fn status(
        &self,
        request: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        let caller = Caller::of(&request)?;
        let detail = match caller.permit(Right::Operate) {
            Ok(_) => Detail::Full,
            Err(_) => Detail::Public,
        };
        Ok(Response::new(self.service.status(detail).into()))
    }

    async fn unseal(
        &self,
        request: Request<UnsealRequest>,
    ) -> Result<Response<UnsealResponse>, Status> {
        let caller = Caller::of(&request)?;
        let passphrase = Passphrase::new(mem::take(&mut request.into_inner().passphrase));
        // One that cannot be right is answered like one that is not.
        let wrong = |_| caller.status(&Error::new(ErrorCode::PassphraseWrong));
        let passphrase = passphrase.map_err(wrong)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.unseal(&caller.permit(Right::Operate)?, passphrase).map(UnsealResponse::from)
        })
        .await
    }

    async fn seal(&self, request: Request<SealRequest>) -> Result<Response<SealResponse>, Status> {
        let caller = Caller::of(&request)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.seal(&caller.permit(Right::Operate)?).map(|()| SealResponse {})
        })
        .await
    }

    async fn list_budgets(
        &self,
        request: Request<ListBudgetsRequest>,
    ) -> Result<Response<ListBudgetsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let filter = budget::filter(request.get_ref()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.budgets(&caller.permit(Right::Operate)?, &filter).map(Into::into)
        })
        .await
    }

    async fn grant_budget(
        &self,
        request: Request<GrantBudgetRequest>,
    ) -> Result<Response<GrantBudgetResponse>, Status> {
        let caller = Caller::of(&request)?;
        let grant = budget::grant(request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            service.grant_budget(&caller.permit(Right::Operate)?, grant).map(budget::granted)
        })
        .await
    }
}

impl From<State> for ServerState {
    fn from(state: State) -> Self {
        match state {
            State::Degraded => Self::Degraded,
            State::Open => Self::Open,
            State::Sealed => Self::Sealed,
            State::Unsealing => Self::Unsealing,
        }
    }
}

impl From<service::Status> for StatusResponse {
    fn from(status: service::Status) -> Self {
        let mut response = Self {
            state: ServerState::from(status.state).into(),
            mode: status.mode.as_str().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            development_keys: status.development_keys,
            ..Self::default()
        };
        if let Some(detail) = status.detail {
            let registers = detail.registers.into_iter();
            response.persons = detail.persons;
            response.registers =
                registers.map(|(code, members)| RegisterStatus { code, members }).collect();
            response.audit_entries = detail.audit_entries;
            response.open_deliveries = detail.open_deliveries;
        }
        response
    }
}

impl From<Unsealed> for UnsealResponse {
    fn from(unsealed: Unsealed) -> Self {
        let load_ms = u64::try_from(unsealed.load.as_millis()).unwrap_or(u64::MAX);
        Self { persons: unsealed.persons, load_ms }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::server::Mode;
    use crate::service::StatusDetail;

    fn status(detail: Option<StatusDetail>) -> StatusResponse {
        let mode = Mode::Test;
        service::Status { state: State::Open, mode, development_keys: false, detail }.into()
    }

    #[test]
    fn without_detail_a_status_has_no_counts() {
        let response = status(None);
        assert_eq!((response.state(), response.mode.as_str()), (ServerState::Open, "test"));
        let counts = (response.persons, response.audit_entries, response.open_deliveries);
        assert_eq!((counts, response.registers.len()), ((0, 0, 0), 0));
    }

    #[test]
    fn with_detail_it_has_them_in_their_places() {
        let registers = vec![("NPR".to_owned(), 2)];
        let detail = StatusDetail { persons: 1, registers, audit_entries: 3, open_deliveries: 4 };
        let response = status(Some(detail));
        let counts = (response.persons, response.audit_entries, response.open_deliveries);
        assert_eq!(counts, (1, 3, 4));
        assert_eq!(
            (response.registers[0].code.as_str(), response.registers[0].members),
            ("NPR", 2)
        );
    }

    #[test]
    fn loading_is_told_in_milliseconds() {
        let unsealed = Unsealed { persons: 1, load: Duration::from_micros(2_500) };
        assert_eq!(UnsealResponse::from(unsealed).load_ms, 2);
    }
}
