//! `ApprovalService`: requests, decisions, and what became of them.

use std::mem;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::approval_service_server::ApprovalService;
use super::proto::{
    Approval as WireApproval, ApprovalAct, ApprovalMove, ApprovalParty, ApprovalState,
    ApprovalVerdict, DecideApprovalRequest, DecideApprovalResponse, GetAccessRequest,
    GetAccessResponse, GetApprovalRequest, GetApprovalResponse, GrantRoleRequest,
    GrantRoleResponse, ListApprovalsRequest, ListApprovalsResponse, RequestApprovalRequest,
    RequestApprovalResponse, WithdrawApprovalRequest, WithdrawApprovalResponse,
};
use crate::approval::{Act, Approval, ApprovalId, Move, Party, State, Verdict};
use crate::audit::Recorded;
use crate::policy::{Permit, Right};
use crate::service::{
    ApprovalDecision, ApprovalFilter, ApprovalRequest, ApprovalStatus, Error, Parameters, Service,
    Violation,
};

mod access;

/// The handlers.
pub(super) struct ApprovalHandler {
    service: Arc<Service>,
}

impl ApprovalHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl ApprovalService for ApprovalHandler {
    async fn request_approval(
        &self,
        request: Request<RequestApprovalRequest>,
    ) -> Result<Response<RequestApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = asked(request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::RequestApprovals)?;
            let (approval, audit_entry) = told(service.request_approval(&permit, asked)?);
            Ok(RequestApprovalResponse { approval, audit_entry })
        })
        .await
    }

    async fn decide_approval(
        &self,
        request: Request<DecideApprovalRequest>,
    ) -> Result<Response<DecideApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let decided = decided(request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::Approve)?;
            let (approval, audit_entry) = told(service.decide_approval(&permit, decided)?);
            Ok(DecideApprovalResponse { approval, audit_entry })
        })
        .await
    }

    async fn withdraw_approval(
        &self,
        request: Request<WithdrawApprovalRequest>,
    ) -> Result<Response<WithdrawApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let id = only_id(&request.get_ref().id).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let permit = caller.permit(Right::RequestApprovals)?;
            let (approval, audit_entry) = told(service.withdraw_approval(&permit, &id)?);
            Ok(WithdrawApprovalResponse { approval, audit_entry })
        })
        .await
    }

    async fn list_approvals(
        &self,
        request: Request<ListApprovalsRequest>,
    ) -> Result<Response<ListApprovalsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let filter = filter(request.get_ref()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let found = service.approvals(&sight(&caller)?, filter)?;
            let approvals = found.into_iter().map(Into::into).collect();
            Ok(ListApprovalsResponse { approvals })
        })
        .await
    }

    async fn get_access(
        &self,
        request: Request<GetAccessRequest>,
    ) -> Result<Response<GetAccessResponse>, Status> {
        let caller = Caller::of(&request)?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            Ok(GetAccessResponse::from(service.access_status(&sight(&caller)?)?))
        })
        .await
    }

    async fn grant_role(
        &self,
        request: Request<GrantRoleRequest>,
    ) -> Result<Response<GrantRoleResponse>, Status> {
        let caller = Caller::of(&request)?;
        let granted = access::granted(request.get_ref()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let (principal, role) = granted;
            let permit = caller.permit(Right::RequestApprovals)?;
            let recorded = service.grant_role(&permit, &principal, &role)?;
            Ok(GrantRoleResponse { audit_entry: recorded.index() })
        })
        .await
    }

    async fn get_approval(
        &self,
        request: Request<GetApprovalRequest>,
    ) -> Result<Response<GetApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let id = only_id(&request.get_ref().id).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let found = service.approval(&sight(&caller)?, &id)?;
            Ok(GetApprovalResponse { approval: Some(found.into()) })
        })
        .await
    }
}

/// The wider of the two rights under which somebody may look.
fn sight(caller: &Caller) -> Result<Permit, Error> {
    caller.permit(Right::SeeApprovals).or_else(|_| caller.permit(Right::RequestApprovals))
}

fn violation(field: &'static str, text: &'static str) -> Violation {
    Violation { field: field.into(), text: text.into() }
}

fn read_id(text: &str) -> Result<ApprovalId, Violation> {
    let malformed = "is not an approval's id: four groups of four letters and digits";
    text.parse().map_err(|_| violation("id", malformed))
}

fn only_id(text: &str) -> Result<ApprovalId, Error> {
    read_id(text).map_err(|violation| Error::invalid(vec![violation]))
}

/// What is asked for.
fn asked(mut request: RequestApprovalRequest) -> Result<ApprovalRequest, Error> {
    let act = match request.act() {
        ApprovalAct::Unspecified => {
            return Err(Error::invalid(vec![violation("act", "must be given")]));
        }
        ApprovalAct::AcceptRestore => Act::AcceptRestore,
        ApprovalAct::BridgeIn => Act::BridgeIn,
        ApprovalAct::BridgeOut => Act::BridgeOut,
        ApprovalAct::GrantRole => Act::GrantRole,
        ApprovalAct::IdentifySerial => Act::IdentifySerial,
        ApprovalAct::OpenConversion => Act::OpenConversion,
        ApprovalAct::OpenWindow => Act::OpenWindow,
        ApprovalAct::PruneAudit => Act::PruneAudit,
        ApprovalAct::ReissueId => Act::ReissueId,
        ApprovalAct::RevealIdentity => Act::RevealIdentity,
    };
    let parameters = mem::take(&mut request.parameters).into_iter();
    Ok(ApprovalRequest {
        act,
        subject: request.subject,
        parameters: Parameters(parameters.map(|one| (one.name, one.value)).collect()),
        reason: request.reason,
        basis: request.legal_basis,
    })
}

/// What is decided, or everything that is wrong with it.
fn decided(request: DecideApprovalRequest) -> Result<ApprovalDecision, Error> {
    let verdict = match request.verdict() {
        ApprovalVerdict::Unspecified => Err(violation("verdict", "must be given")),
        ApprovalVerdict::Approve => Ok(Verdict::Approve),
        ApprovalVerdict::Refuse => Ok(Verdict::Refuse),
    };
    let note = Some(request.note).filter(|note| !note.is_empty());
    match (read_id(&request.id), verdict) {
        (Ok(id), Ok(verdict)) => Ok(ApprovalDecision { id, verdict, note }),
        (id, verdict) => {
            let violations = id.err().into_iter().chain(verdict.err());
            Err(Error::invalid(violations.collect()))
        }
    }
}

/// Which approvals are listed.
fn filter(request: &ListApprovalsRequest) -> Result<ApprovalFilter, Error> {
    let state = ApprovalState::try_from(request.state)
        .map_err(|_| Error::invalid(vec![violation("state", "is no state of an approval")]))?;
    let state = match state {
        ApprovalState::Unspecified => None,
        ApprovalState::Approved => Some(State::Approved),
        ApprovalState::Expired => Some(State::Expired),
        ApprovalState::Refused => Some(State::Refused),
        ApprovalState::Requested => Some(State::Requested),
        ApprovalState::Used => Some(State::Used),
        ApprovalState::Withdrawn => Some(State::Withdrawn),
    };
    let count = usize::try_from(request.count).unwrap_or(usize::MAX);
    Ok(ApprovalFilter { state, count })
}

fn told((status, recorded): (ApprovalStatus, Recorded<()>)) -> (Option<WireApproval>, u64) {
    (Some(status.into()), recorded.index())
}

impl From<ApprovalStatus> for WireApproval {
    fn from(ApprovalStatus { approval, state }: ApprovalStatus) -> Self {
        let Approval { id, wanted, reason, basis, requester, requested, expires, moves } = approval;
        Self {
            id: id.to_string(),
            act: wire_act(wanted.act).into(),
            subject: wanted.subject,
            state: wire_state(state).into(),
            reason,
            legal_basis: basis,
            digest: wanted.digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
            requested_by: Some(requester.into()),
            requested_at: format!("{requested:.0}"),
            expires_at: format!("{expires:.0}"),
            moves: moves.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Move> for ApprovalMove {
    fn from(one: Move) -> Self {
        Self {
            to: wire_state(one.to).into(),
            by: Some(one.by.into()),
            at: format!("{:.0}", one.at),
            note: one.note.unwrap_or_default(),
        }
    }
}

impl From<Party> for ApprovalParty {
    fn from(party: Party) -> Self {
        Self {
            principal: party.principal.to_string(),
            person: party.person.to_string(),
            organisation: party.organisation.to_string(),
        }
    }
}

const fn wire_act(act: Act) -> ApprovalAct {
    match act {
        Act::AcceptRestore => ApprovalAct::AcceptRestore,
        Act::BridgeIn => ApprovalAct::BridgeIn,
        Act::BridgeOut => ApprovalAct::BridgeOut,
        Act::GrantRole => ApprovalAct::GrantRole,
        Act::IdentifySerial => ApprovalAct::IdentifySerial,
        Act::OpenConversion => ApprovalAct::OpenConversion,
        Act::OpenWindow => ApprovalAct::OpenWindow,
        Act::PruneAudit => ApprovalAct::PruneAudit,
        Act::ReissueId => ApprovalAct::ReissueId,
        Act::RevealIdentity => ApprovalAct::RevealIdentity,
    }
}

const fn wire_state(state: State) -> ApprovalState {
    match state {
        State::Approved => ApprovalState::Approved,
        State::Expired => ApprovalState::Expired,
        State::Refused => ApprovalState::Refused,
        State::Requested => ApprovalState::Requested,
        State::Used => ApprovalState::Used,
        State::Withdrawn => ApprovalState::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<T>(result: Result<T, Error>) -> Vec<String> {
        let error = result.err().expect("it is refused");
        error.violations().iter().map(|one| one.field.to_string()).collect()
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_told() {
        assert_eq!(fields(asked(RequestApprovalRequest::default())), ["act"]);
        assert_eq!(fields(decided(DecideApprovalRequest::default())), ["id", "verdict"]);
        let half = DecideApprovalRequest {
            id: "k7x2-9mfp-3qwd-h5tz".into(),
            verdict: 7,
            note: String::new(),
        };
        assert_eq!(fields(decided(half)), ["verdict"]);
        assert_eq!(fields(only_id("41814061033")), ["id"]);
        assert_eq!(fields(filter(&ListApprovalsRequest { state: 99, count: 0 })), ["state"]);
    }

    #[test]
    fn each_act_and_state_comes_back_from_the_wire() {
        for act in Act::ALL.iter().copied() {
            let request = RequestApprovalRequest {
                act: wire_act(act).into(),
                ..RequestApprovalRequest::default()
            };
            assert_eq!(asked(request).unwrap().act, act);
        }
        for state in State::ALL.iter().copied() {
            let request = ListApprovalsRequest { state: wire_state(state).into(), count: 3 };
            let filter = filter(&request).unwrap();
            assert_eq!((filter.state, filter.count), (Some(state), 3));
        }
    }
}
