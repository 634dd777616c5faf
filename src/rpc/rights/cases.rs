//! Cases, orders and retention plans between the wire's messages and the service's types.

use jiff::civil::Date;

use super::convert::Violations;
use crate::config::codes::RegisterCode;
use crate::crypto::KeyedDigest;
use crate::crypto::hex;
use crate::disclosure::line::Line;
use crate::policy::Right;
use crate::registers::More;
use crate::rights::cases::{Assessment, Case, CaseId, Request, Scope};
use crate::rights::retention::Action;
use crate::rpc::calendar::{read_date, wire_date};
use crate::rpc::proto::decide_case_request::Decision;
use crate::rpc::proto::{
    AssessCaseRequest, CalendarDate, CaseStep, ConfirmOrderRequest, DataScope, DecideCaseRequest,
    DeletionOrder, ErasureCase, GetCaseRequest, ListCasesRequest, ListCasesResponse,
    ListOrdersRequest, PlanRetentionResponse, ReceiveCaseRequest, RetentionAction,
    RunRetentionRequest, WithdrawCaseRequest,
};
use crate::service::{
    CaseList, CasePage, CaseSummary, Deciding, Error, NewCase, OrderAbout, OrderView,
    RetentionPlan, ScopeKind,
};

/// What a request asks for, and the right that it takes.
type Asked<T> = Result<(Right, T), Error>;

const LINE: &str = "must be one line of 1 to 1000 characters, without a fødselsnummer";

impl Violations {
    fn case(&mut self, text: &str) -> Option<CaseId> {
        self.need(text.parse().ok(), "case", "is not the number of a case, such as E-2026-0001")
    }

    fn line(&mut self, text: &str, field: &'static str) -> Option<Line> {
        self.need(text.parse().ok(), field, LINE)
    }

    fn register(&mut self, text: &str) -> Option<RegisterCode> {
        self.need(text.parse().ok(), "register", "is not a register code")
    }

    fn day(&mut self, day: Option<&CalendarDate>, field: &'static str) -> Option<Date> {
        self.need(day.and_then(read_date), field, "must be a day that exists")
    }

    /// A day that may be missing.
    fn maybe_day(
        &mut self,
        day: Option<&CalendarDate>,
        field: &'static str,
    ) -> Option<Option<Date>> {
        match day {
            None => Some(None),
            given => self.day(given, field).map(Some),
        }
    }

    fn scope(&mut self, wire: Option<&DataScope>, field: &'static str) -> Option<Scope> {
        let scope = wire.and_then(|wire| {
            let has_day = wire.up_to.is_some();
            match (wire.kind.as_str(), has_day, wire.records.is_empty()) {
                ("whole", false, true) => Some(Scope::Whole),
                ("period", true, true) => {
                    let up_to = read_date(wire.up_to.as_ref()?)?;
                    Some(Scope::Period { up_to })
                }
                ("records", false, false) => Scope::records(&wire.records).ok(),
                _ => None,
            }
        });
        let text = "must be whole, a period with its last day, or 1 to 100 different records by \
                    names without a fødselsnummer";
        self.need(scope, field, text)
    }
}

/// A request that comes in.
pub(super) fn receive(request: ReceiveCaseRequest) -> Asked<NewCase> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    let channel = violations.channel(&request.channel);
    let on = violations.day(request.requested_on.as_ref(), "requested_on");
    let asked = violations.scope(request.asked.as_ref(), "asked");
    let reason = violations.line(&request.reason, "reason");
    let new = || {
        let request = Request { channel: channel?, on: on?, asked: asked?, reason: reason? };
        Some((Right::Rights, NewCase { subject: subject?, request }))
    };
    violations.finish(new())
}

/// What an officer has found.
pub(super) fn assess(request: AssessCaseRequest) -> Asked<(CaseId, Assessment)> {
    const WORDS: &str = "must be strong or ordinary";
    let mut violations = Violations::default();
    let case = violations.case(&request.case);
    let burden = violations.need(request.burden.parse().ok(), "burden", WORDS);
    let interest = request.public_interest.parse().ok();
    let public_interest = violations.need(interest, "public_interest", WORDS);
    let died = violations.maybe_day(request.died.as_ref(), "died");
    let note = violations.line(&request.note, "note");
    let assessment = || {
        let (burden, public_interest) = (burden?, public_interest?);
        let found = Assessment { burden, public_interest, died: died?, note: note? };
        Some((Right::Rights, (case?, found)))
    };
    violations.finish(assessment())
}

/// What is decided.
pub(super) fn decide(request: DecideCaseRequest) -> Asked<(CaseId, Deciding, Line)> {
    let mut violations = Violations::default();
    let case = violations.case(&request.case);
    let deciding = match request.decision {
        Some(Decision::Grant(scope)) => {
            violations.scope(Some(&scope), "grant").map(Deciding::Grant)
        }
        Some(Decision::Refuse(true)) => Some(Deciding::Refuse),
        _ => violations.need(None, "decision", "must be a grant, or a refusal that is true"),
    };
    let reason = violations.line(&request.reason, "reason");
    let decision = || Some((Right::Rights, (case?, deciding?, reason?)));
    violations.finish(decision())
}

/// Which case the person takes back.
pub(super) fn withdraw(request: &WithdrawCaseRequest) -> Asked<(CaseId, Line)> {
    let mut violations = Violations::default();
    let case = violations.case(&request.case);
    let reason = violations.line(&request.reason, "reason");
    violations.finish(case.zip(reason).map(|asked| (Right::Rights, asked)))
}

/// Which case is to be shown.
pub(super) fn get(request: GetCaseRequest) -> Asked<CaseId> {
    let mut violations = Violations::default();
    let case = violations.case(&request.case);
    violations.finish(case.map(|case| (Right::Rights, case)))
}

/// Which cases are to be listed.
#[derive(Clone, Copy)]
pub(super) enum Which {
    All,
    Open,
}

impl Which {
    pub(super) fn has(self, case: &Case) -> bool {
        matches!(self, Self::All) || case.is_open()
    }
}

/// Which cases are to be listed, and which page of them.
pub(super) fn page(request: &ListCasesRequest) -> Asked<(Which, CasePage)> {
    let mut violations = Violations::default();
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let after = match request.after.as_str() {
        "" => Some(None),
        _ => {
            let text = "is not the number of a case, such as E-2026-0001";
            violations.need(request.after.parse().ok(), "after", text).map(Some)
        }
    };
    let which = if request.open_only { Which::Open } else { Which::All };
    let asked = |after| (Right::Rights, (which, CasePage { after, limit }));
    violations.finish(after.map(asked))
}

/// Which orders are to be listed.
pub(super) fn list(request: ListOrdersRequest) -> Asked<(RegisterCode, (u64, usize))> {
    let mut violations = Violations::default();
    let register = violations.register(&request.register);
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let asked = |register: RegisterCode| {
        (Right::Orders { register: register.clone() }, (register, (request.after, limit)))
    };
    violations.finish(register.map(asked))
}

/// Which order is confirmed.
pub(super) fn confirm(request: ConfirmOrderRequest) -> Asked<(RegisterCode, u64)> {
    let mut violations = Violations::default();
    let register = violations.register(&request.register);
    let asked = |register: RegisterCode| {
        (Right::ConfirmOrders { register: register.clone() }, (register, request.number))
    };
    violations.finish(register.map(asked))
}

/// Which list is to be done.
pub(super) fn run(request: &RunRetentionRequest) -> Asked<KeyedDigest> {
    let mut violations = Violations::default();
    let digest = hex::decode(&request.digest).map(KeyedDigest::from_bytes);
    let digest = violations.need(digest, "digest", "is not the digest of a plan (64 digits)");
    violations.finish(digest.map(|digest| (Right::Rights, digest)))
}

/// Cases, as they are listed.
pub(super) fn wire_list(list: &CaseList, audit_entry: u64) -> ListCasesResponse {
    let wire = |one: &CaseSummary| ErasureCase {
        number: one.id.to_string(),
        register: one.register.to_string(),
        state: one.state.to_string(),
        requested_on: Some(wire_date(one.requested_on)),
        asked: Some(wire_kind(one.asked)),
        order: one.order.unwrap_or_default(),
        ..ErasureCase::default()
    };
    ListCasesResponse {
        cases: list.cases.iter().map(wire).collect(),
        more: list.more == More::Yes,
        audit_entry,
    }
}

fn wire_kind(kind: ScopeKind) -> DataScope {
    let (kind, up_to) = match kind {
        ScopeKind::Period { up_to } => ("period", Some(wire_date(up_to))),
        ScopeKind::Records => ("records", None),
        ScopeKind::Whole => ("whole", None),
    };
    DataScope { kind: kind.to_owned(), up_to, records: Vec::new() }
}

/// A case, as it is told.
pub(super) fn wire(case: &Case) -> ErasureCase {
    let (request, assessment, decision) = (case.request(), case.assessment(), case.decision());
    let history = case.history().changes().iter().map(|change| CaseStep {
        step: change.step.to_string(),
        by: change.by.to_string(),
        at: change.at.to_string(),
        reason: change.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    ErasureCase {
        number: case.id().to_string(),
        register: case.register().to_string(),
        state: case.state().to_string(),
        channel: request.channel.to_string(),
        requested_on: Some(wire_date(request.on)),
        asked: Some(wire_scope(&request.asked)),
        reason: request.reason.to_string(),
        burden: assessment.map(|one| one.burden.to_string()).unwrap_or_default(),
        public_interest: assessment.map(|one| one.public_interest.to_string()).unwrap_or_default(),
        died: assessment.and_then(|one| one.died).map(wire_date),
        outcome: decision.map(|one| one.outcome.to_string()).unwrap_or_default(),
        granted: decision.and_then(|one| one.granted.as_ref()).map(wire_scope),
        order: case.order().unwrap_or_default(),
        identifiers: u32::try_from(case.whom().persons.len()).unwrap_or(u32::MAX),
        history: history.collect(),
    }
}

fn wire_scope(scope: &Scope) -> DataScope {
    let kind = |kind: &str| DataScope { kind: kind.to_owned(), ..DataScope::default() };
    match scope {
        Scope::Period { up_to } => DataScope { up_to: Some(wire_date(*up_to)), ..kind("period") },
        Scope::Records { records } => {
            let records = records.iter().map(ToString::to_string).collect();
            DataScope { records, ..kind("records") }
        }
        Scope::Whole => kind("whole"),
    }
}

/// An order, as the register is told it.
pub(super) fn wire_order(order: OrderView) -> DeletionOrder {
    DeletionOrder {
        number: order.number,
        at: order.at.to_string(),
        everybody: order.about == OrderAbout::Everybody,
        ids: order.ids,
        scope: Some(wire_scope(&order.scope)),
        reason: order.reason.to_string(),
        case: order.case.map(|case| case.to_string()).unwrap_or_default(),
        confirmed_at: order.confirmed.map(|one| one.at.to_string()).unwrap_or_default(),
    }
}

/// A plan, as it is told.
pub(super) fn wire_plan(plan: &RetentionPlan, audit_entry: u64) -> PlanRetentionResponse {
    PlanRetentionResponse {
        actions: plan.actions.iter().map(wire_action).collect(),
        digest: hex::encode(plan.digest.as_bytes()),
        audit_entry,
    }
}

/// An action, as it is told.
pub(super) fn wire_action(action: &Action) -> RetentionAction {
    RetentionAction {
        kind: action.kind().to_owned(),
        about: action.shown(),
        performer: action.performer().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<T>(asked: Asked<T>) -> Vec<String> {
        let error = asked.err().expect("it is refused");
        error.violations().iter().map(|one| one.field.to_string()).collect()
    }

    fn scope(kind: &str, up_to: Option<CalendarDate>, records: &[&str]) -> Option<DataScope> {
        let records = records.iter().map(ToString::to_string).collect();
        Some(DataScope { kind: kind.into(), up_to, records })
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_told_at_once() {
        let all = ["subject", "channel", "requested_on", "asked", "reason"];
        assert_eq!(fields(receive(ReceiveCaseRequest::default())), all);
        let all = ["case", "burden", "public_interest", "note"];
        assert_eq!(fields(assess(AssessCaseRequest::default())), all);
        assert_eq!(fields(decide(DecideCaseRequest::default())), ["case", "decision", "reason"]);
        assert_eq!(fields(withdraw(&WithdrawCaseRequest::default())), ["case", "reason"]);
        assert_eq!(fields(get(GetCaseRequest::default())), ["case"]);
        let after = ListCasesRequest { after: "E-1".into(), ..ListCasesRequest::default() };
        assert_eq!(fields(page(&after)), ["after"]);
        assert_eq!(fields(list(ListOrdersRequest::default())), ["register"]);
        assert_eq!(fields(confirm(ConfirmOrderRequest::default())), ["register"]);
        assert_eq!(fields(run(&RunRetentionRequest { digest: "ab".into() })), ["digest"]);
    }

    #[test]
    fn a_scope_is_one_thing_and_comes_back_from_the_wire() {
        let day = || Some(wire_date(jiff::civil::date(2020, 12, 31)));
        let read = |wire: Option<DataScope>| Violations::default().scope(wire.as_ref(), "asked");
        for wire in
            [scope("whole", None, &[]), scope("period", day(), &[]), scope("records", None, &["a"])]
        {
            assert_eq!(Some(wire_scope(&read(wire.clone()).unwrap())), wire);
        }
        for wire in [
            None,
            scope("", None, &[]),
            scope("whole", day(), &[]),
            scope("whole", None, &["a"]),
            scope("period", None, &[]),
            scope("records", None, &[]),
            scope("records", None, &["a", "a"]),
            scope("records", None, &["41814061033"]),
        ] {
            assert_eq!(read(wire), None);
        }
    }
}
