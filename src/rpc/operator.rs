//! `OperatorService`: status, unsealing, seal, budgets.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::limits::InFlight;
use super::proto::operator_service_server::OperatorService;
use super::proto::{
    AcceptRestoreRequest, AcceptRestoreResponse, BackupRequest, GetRestoreRequest,
    GetRestoreResponse, GiveShareRequest, GiveShareResponse, GrantBudgetRequest,
    GrantBudgetResponse, ListBudgetsRequest, ListBudgetsResponse, RegisterStatus, RootStatus,
    SealRequest, SealResponse, ServerState, StatusRequest, StatusResponse, UnsealRequest,
    UnsealResponse,
};
use crate::crypto::{Passphrase, Share, ShareError};
use crate::policy::Right;
use crate::service::{
    self, Detail, Error, ErrorCode, GivenShare, PendingRestore, RootState, Service, State, Unsealed,
};

mod backup;
mod budget;

/// The handlers.
pub(super) struct OperatorHandler {
    service: Arc<Service>,
    in_flight: Arc<InFlight>,
    idle: Duration,
}

impl OperatorHandler {
    /// `idle` is how long a client may leave a part of a backup unread.
    pub(super) const fn new(
        service: Arc<Service>,
        in_flight: Arc<InFlight>,
        idle: Duration,
    ) -> Self {
        Self { service, in_flight, idle }
    }
}

#[tonic::async_trait]
impl OperatorService for OperatorHandler {
    type BackupStream = backup::BackupReplies;

    async fn backup(
        &self,
        request: Request<BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        backup::backup(self, request).await
    }

    async fn get_restore(
        &self,
        request: Request<GetRestoreRequest>,
    ) -> Result<Response<GetRestoreResponse>, Status> {
        let caller = Caller::of(&request)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let pending = service.pending_restore(&caller.permit(Right::Operate)?)?;
            Ok(pending.as_ref().map(GetRestoreResponse::from).unwrap_or_default())
        })
        .await
    }

    async fn accept_restore(
        &self,
        request: Request<AcceptRestoreRequest>,
    ) -> Result<Response<AcceptRestoreResponse>, Status> {
        let caller = Caller::of(&request)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let recorded = service.accept_restore(&caller.permit(Right::Operate)?)?;
            Ok(AcceptRestoreResponse { audit_entry: recorded.index() })
        })
        .await
    }

    async fn status(
        &self,
        request: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        let caller = Caller::of(&request)?;
        let detail = match caller.permit(Right::Operate) {
            Ok(_) => Detail::Full,
            Err(_) => Detail::Public,
        };
        let mut status = StatusResponse::from(self.service.status(detail));
        if let Ok(permit) = caller.permit(Right::GiveShares) {
            let service = Arc::clone(&self.service);
            // The key file is read.
            let roots = crate::rpc::begin_off_thread(move || service.root_states(&permit)).await;
            status.roots = roots.unwrap_or_default().into_iter().map(Into::into).collect();
        }
        Ok(Response::new(status))
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

    async fn give_share(
        &self,
        request: Request<GiveShareRequest>,
    ) -> Result<Response<GiveShareResponse>, Status> {
        let caller = Caller::of(&request)?;
        let share = Share::parse(mem::take(&mut request.into_inner().share));
        let share = share.map_err(|error| {
            let code = ErrorCode::ShareMalformed;
            caller.status(&match error {
                ShareError::Malformed => Error::new(code),
                ShareError::UnknownVersion { .. } => Error::share(code, error.to_string()),
            })
        })?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::GiveShares)?;
            service.give_share(&permit, share).map(GiveShareResponse::from)
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

impl From<&PendingRestore> for GetRestoreResponse {
    fn from(pending: &PendingRestore) -> Self {
        Self {
            pending: true,
            backup: pending.backup.to_string(),
            made: format!("{:.0}", pending.made),
            subject: pending.subject(),
            gap: pending.gap(),
        }
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

fn waiting(roots: Vec<RootState>) -> Vec<RootStatus> {
    roots.into_iter().map(Into::into).collect()
}

impl From<RootState> for RootStatus {
    fn from(root: RootState) -> Self {
        Self {
            plane: root.plane.to_owned(),
            open: root.is_open,
            passphrase: root.passphrase,
            set: root.set,
            shares_total: root.shares_total.into(),
            shares_needed: root.shares_needed.into(),
            shares_given: root.shares_given.into_iter().map(Into::into).collect(),
            given_by: root.given_by,
        }
    }
}

impl From<GivenShare> for GiveShareResponse {
    fn from(given: GivenShare) -> Self {
        let UnsealResponse { persons, load_ms, waiting } = given.outcome.into();
        let (plane, index) = (given.plane.to_owned(), given.index.into());
        Self { plane, index, waiting, persons, load_ms }
    }
}

impl From<Unsealed> for UnsealResponse {
    fn from(unsealed: Unsealed) -> Self {
        let load_ms = u64::try_from(unsealed.load.as_millis()).unwrap_or(u64::MAX);
        Self { persons: unsealed.persons, load_ms, waiting: waiting(unsealed.waiting) }
    }
}

#[cfg(test)]
mod tests {
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
        let load = Duration::from_micros(2_500);
        let unsealed = Unsealed { persons: 1, load, waiting: Vec::new() };
        assert_eq!(UnsealResponse::from(unsealed).load_ms, 2);
    }
}
