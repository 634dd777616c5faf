//! Budgets between the wire's messages and the service's types.

use crate::audit::Recorded;
use crate::config::budgets::Budget;
use crate::registers::budget::Grant;
use crate::rpc::calendar::{read_date, wire_date};
use crate::rpc::proto::{
    Budget as WireBudget, BudgetGrant, BudgetStatus as WireStatus, GrantBudgetRequest,
    GrantBudgetResponse, ListBudgetsRequest, ListBudgetsResponse,
};
use crate::service::{BudgetFilter, BudgetStatus, Error, GrantRequest, Violation};

const NOT_A_PRINCIPAL: &str = "is not a principal's name";
const NOT_A_REGISTER: &str = "is not a register code";

fn violation(field: &'static str, text: &'static str) -> Violation {
    Violation { field: field.into(), text: text.into() }
}

/// Whose budgets are asked about.
pub(super) fn filter(request: &ListBudgetsRequest) -> Result<BudgetFilter, Error> {
    let principal = optional(&request.principal);
    let register = optional(&request.register);
    let mut violations = Vec::new();
    if principal.is_none() {
        violations.push(violation("principal", NOT_A_PRINCIPAL));
    }
    if register.is_none() {
        violations.push(violation("register", NOT_A_REGISTER));
    }
    match (principal, register) {
        (Some(principal), Some(register)) => Ok(BudgetFilter { principal, register }),
        _ => Err(Error::invalid(violations)),
    }
}

/// Text that may be empty, which is nothing; `None` when it is not of its form.
fn optional<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

/// What is asked of a grant, or everything that is wrong with it.
pub(super) fn grant(request: GrantBudgetRequest) -> Result<GrantRequest, Error> {
    let budget = match request.budget() {
        WireBudget::Unspecified => None,
        WireBudget::Assignments => Some(Budget::Assignments),
        WireBudget::Misses => Some(Budget::Misses),
        WireBudget::Persons => Some(Budget::Persons),
    };
    let mut violations = Vec::new();
    let mut need = |is_there: bool, field, text| {
        if !is_there {
            violations.push(violation(field, text));
        }
    };
    let principal = request.principal.parse().ok();
    need(principal.is_some(), "principal", NOT_A_PRINCIPAL);
    let register = request.register.parse().ok();
    need(register.is_some(), "register", NOT_A_REGISTER);
    need(budget.is_some(), "budget", "must be given");
    let until = request.until.as_ref().and_then(read_date);
    need(until.is_some(), "until", "must be a date");
    let (amount, reason) = (request.amount, request.reason);
    match (principal, register, budget, until) {
        (Some(principal), Some(register), Some(budget), Some(until)) => {
            Ok(GrantRequest { principal, register, budget, amount, until, reason })
        }
        _ => Err(Error::invalid(violations)),
    }
}

/// The answer to a grant.
pub(super) fn granted(granted: (BudgetStatus, Recorded<()>)) -> GrantBudgetResponse {
    let (status, recorded) = granted;
    GrantBudgetResponse { budget: Some(status.into()), audit_entry: recorded.index() }
}

impl From<Vec<BudgetStatus>> for ListBudgetsResponse {
    fn from(budgets: Vec<BudgetStatus>) -> Self {
        Self { budgets: budgets.into_iter().map(Into::into).collect() }
    }
}

impl From<BudgetStatus> for WireStatus {
    fn from(status: BudgetStatus) -> Self {
        let budget = match status.level.budget {
            Budget::Assignments => WireBudget::Assignments,
            Budget::Misses => WireBudget::Misses,
            Budget::Persons => WireBudget::Persons,
        };
        Self {
            grants: status.grants().iter().map(wire_grant).collect(),
            principal: status.principal,
            register: status.register,
            budget: budget.into(),
            used: status.level.used,
            limit: status.level.limit,
            refills_on: Some(wire_date(status.level.refills)),
            persons_ever: status.persons_ever,
        }
    }
}

fn wire_grant(grant: &Grant) -> BudgetGrant {
    BudgetGrant {
        number: grant.number,
        amount: grant.terms.amount,
        used: grant.used,
        until: Some(wire_date(grant.terms.until)),
        reason: grant.terms.reason.clone(),
        granted_by: grant.terms.by.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::CalendarDate;

    fn fields<T>(result: Result<T, Error>) -> Vec<String> {
        let error = result.err().expect("it is refused");
        error.violations().iter().map(|one| one.field.to_string()).collect()
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_told() {
        let empty = grant(GrantBudgetRequest::default());
        assert_eq!(fields(empty), ["principal", "register", "budget", "until"]);
        let until = Some(CalendarDate { year: 2026, month: 2, day: 30 });
        let request = GrantBudgetRequest {
            principal: "Nils".into(),
            register: "NPR".into(),
            budget: WireBudget::Misses.into(),
            until,
            ..GrantBudgetRequest::default()
        };
        assert_eq!(fields(grant(request)), ["principal", "until"]);
        let request = ListBudgetsRequest { principal: "A".into(), register: "npr".into() };
        assert_eq!(fields(filter(&request)), ["principal", "register"]);
        let all = filter(&ListBudgetsRequest::default()).unwrap();
        assert!(all.principal.is_none() && all.register.is_none());
    }
}
