//! Budgets at the service: under which terms a client asks, what is told of them, and grants.

use std::sync::Arc;

use jiff::civil::Date;

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Service, Violation, actor, allow};
use crate::audit::{Action, Recorded};
use crate::config::access::{Access, Role};
use crate::config::budgets::{Budget, Budgets, LIMIT_MAX};
use crate::config::codes::{PrincipalName, RegisterCode};
use crate::policy::{Denied, Permit, Right};
use crate::registers::budget::{Account, Asking, Grant, Level, NewGrant, Terms};
use crate::registers::catalogue::Register;

/// How long a grant may last: what is needed for longer is a limit of its own in `access.toml`.
const GRANT_DAYS_MAX: i32 = 366;
/// Grants of an account that have not ended.
const GRANTS_MAX: usize = 16;
/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 200;
/// Ten digits in a row may be somebody's number, written without its leading zero.
const REASON_DIGITS_MAX: usize = 9;

/// What is asked of a grant.
#[derive(Clone, Debug)]
pub struct GrantRequest {
    /// For whom.
    pub principal: PrincipalName,
    /// In which register.
    pub register: RegisterCode,
    /// Of which budget.
    pub budget: Budget,
    /// How many.
    pub amount: u64,
    /// The last day.
    pub until: Date,
    /// Why.
    pub reason: String,
}

/// One budget of one account.
#[derive(Clone, Debug)]
pub struct BudgetStatus {
    /// Whose.
    pub principal: String,
    /// Code of the register; its number if the catalogue has lost it.
    pub register: String,
    /// Persons that the account was told about, ever.
    pub persons_ever: u64,
    /// What is spent, and of what.
    pub level: Level,
}

/// Whose budgets are asked about.
#[derive(Clone, Debug, Default)]
pub struct BudgetFilter {
    /// One principal's, or everybody's.
    pub principal: Option<PrincipalName>,
    /// In one register, or in all.
    pub register: Option<RegisterCode>,
}

/// A budget that is spent, as its client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentBudget {
    /// Which.
    pub budget: Budget,
    /// Whose.
    pub principal: String,
    /// In which register.
    pub register: String,
    /// Spent, and of how many.
    pub used: u64,
    /// The limit, with grants.
    pub limit: u64,
    /// The first day on which it is full again.
    pub refills: Date,
}

impl Service {
    /// Takes an access file into use: its own budgets count from now on, also for open streams.
    pub fn use_access(&self, access: Arc<Access>) {
        *self.access.write().unwrap_or_else(std::sync::PoisonError::into_inner) = access;
    }

    /// The access file of now.
    pub(super) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What a principal may spend in a register today.
    pub(super) fn terms(&self, principal: &str, register: &str) -> Terms {
        let Budgets { period_days, limits } = self.parts.config.budgets;
        let named = principal.parse::<PrincipalName>().ok().zip(register.parse().ok());
        let access = self.access();
        let own = named.and_then(|(principal, register)| {
            access.by_name(&principal).map(|principal| principal.own_budgets(&register))
        });
        let limits = own.unwrap_or_default().over(limits);
        Terms { today: self.parts.clock.today(), budgets: Budgets { period_days, limits } }
    }

    /// Budgets of those who have asked for anything, or were granted something.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn budgets(
        &self,
        permit: &Permit,
        filter: &BudgetFilter,
    ) -> Result<Vec<BudgetStatus>, Error> {
        allow(permit, &Right::Operate)?;
        let is_wanted = |status: &BudgetStatus| {
            filter.principal.as_ref().is_none_or(|one| one.as_str() == status.principal)
                && filter.register.as_ref().is_none_or(|one| one.as_str() == status.register)
        };
        let open = self.open_now()?;
        Ok(self.budgets_of(&open).into_iter().filter(is_wanted).collect())
    }

    /// The level of every budget of everybody.
    pub(super) fn budgets_of(&self, open: &Open) -> Vec<BudgetStatus> {
        let accounts = open.registers.accounts();
        let each = |account: &Arc<Account>| {
            Budget::ALL.iter().map(|budget| self.status_of(account, *budget)).collect::<Vec<_>>()
        };
        accounts.iter().flat_map(each).collect()
    }

    fn status_of(&self, account: &Account, budget: Budget) -> BudgetStatus {
        let register = self.parts.catalogue.by_number(account.register());
        let register = register
            .map_or_else(|| account.register().to_string(), |one| one.code.as_str().to_owned());
        let terms = self.terms(account.principal(), &register);
        BudgetStatus {
            principal: account.principal().to_owned(),
            register,
            persons_ever: account.persons_ever(),
            level: account.level(budget, &terms),
        }
    }

    /// Grants more of a budget: durable and recorded when this returns, and in force at once.
    ///
    /// # Errors
    ///
    /// `not_allowed`, also to a principal for itself; `register_unknown`, `request_invalid` with
    /// every violation, `server_sealed`.
    pub fn grant_budget(
        &self,
        permit: &Permit,
        request: GrantRequest,
    ) -> Result<(BudgetStatus, Recorded<()>), Error> {
        allow(permit, &Right::Operate)?;
        if *permit.principal() == request.principal {
            // Whoever grants is somebody else than who asks.
            return Err(Denied.into());
        }
        let register = self.parts.catalogue.by_code(request.register.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let open = self.open_now()?;
        let account = self.account_to_grant(&open, &request, register)?;
        let GrantRequest { principal, budget, amount, until, reason, .. } = request;
        let mut entry = self.entry(actor(permit), Action::BudgetGranted);
        entry.register = Some(register.code.as_str().to_owned());
        entry.counts.insert("amount".into(), amount);
        entry.changes = vec![format!(
            "granted {principal} {amount} {budget} in {} until {until}",
            register.code
        )];
        entry.basis = Some(reason.clone());
        let by = permit.principal().as_str().to_owned();
        let grant = NewGrant { budget, amount, until, reason, by, granted: entry.time };
        let recorded = open.registers.record_grant_and_wait(Arc::clone(&account), grant, entry);
        let recorded = recorded.map_err(register_error)?;
        tracing::warn!(principal = %principal, register = %register.code, %budget, amount, %until,
            by = %permit.principal(), "a budget was granted");
        Ok((self.status_of(&account, budget), recorded))
    }

    /// The account that a grant is for, or everything that is wrong with the grant.
    fn account_to_grant(
        &self,
        open: &Open,
        request: &GrantRequest,
        register: &Register,
    ) -> Result<Arc<Account>, Error> {
        let mut violations = Vec::new();
        let mut add = |field: &'static str, text: &'static str| {
            violations.push(Violation { field: field.into(), text: text.into() });
        };
        let is_known = self.has_role(&request.principal, &register.code);
        if !is_known {
            add("principal", "has no role for this register in access.toml");
        }
        if !(1..=LIMIT_MAX).contains(&request.amount) {
            add("amount", "must be 1 to 100000000");
        }
        let today = self.parts.clock.today();
        let days = today.until(request.until).map_or(-1, |span| span.get_days());
        if !(0..=GRANT_DAYS_MAX).contains(&days) {
            add("until", "must be a day from today to 366 days ahead");
        }
        if !is_reason(&request.reason) {
            add("reason", "must be one line of 1 to 200 characters, without a number of 10 digits");
        }
        // Only who is known gets an account.
        let principal = request.principal.as_str();
        let account = is_known.then(|| open.registers.account(principal, register.number));
        let terms = self.terms(principal, register.code.as_str());
        let has_too_many = |account: &Arc<Account>| {
            account.level(request.budget, &terms).grants.len() >= GRANTS_MAX
        };
        if account.as_ref().is_some_and(has_too_many) {
            add("budget", "has 16 grants that have not ended already");
        }
        account.filter(|_| violations.is_empty()).ok_or_else(|| Error::invalid(violations))
    }

    /// Whether a principal may do anything in a register.
    fn has_role(&self, principal: &PrincipalName, register: &RegisterCode) -> bool {
        let access = self.access();
        let is_of = |role: &Role| role.scope().is_some_and(|(code, _)| code == register);
        access.by_name(principal).is_some_and(|principal| principal.roles().iter().any(is_of))
    }

    /// What the client is told whose rows were refused.
    pub(super) fn spent_budget(
        &self,
        open: &Open,
        (principal, register): (&str, &Register),
        asking: Asking,
    ) -> Option<SpentBudget> {
        let account = open.registers.account(principal, register.number);
        let level = account.spent(asking, &self.terms(principal, register.code.as_str()))?;
        Some(SpentBudget {
            budget: level.budget,
            principal: principal.to_owned(),
            register: register.code.as_str().to_owned(),
            used: level.used,
            limit: level.limit,
            refills: level.refills,
        })
    }
}

/// One line, not empty, and no number in it that could be a person's: it stands in the audit log.
pub(super) fn is_reason(text: &str) -> bool {
    let length = text.chars().count();
    let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    !text.trim().is_empty()
        && length <= REASON_CHARS_MAX
        && !text.chars().any(char::is_control)
        && longest <= REASON_DIGITS_MAX
}

/// The grants of a budget, as they are told.
impl BudgetStatus {
    /// The grants that have not ended, the first to end first.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.level.grants
    }
}

#[cfg(test)]
mod tests {
    use super::is_reason;

    #[test]
    fn a_reason_is_a_line_without_anybodys_number() {
        for good in ["first load", "sak 26/12345-7", "2026-01-12 012345678", &"x".repeat(200)] {
            assert!(is_reason(good), "{good}");
        }
        for bad in ["", "  ", "a\nb", "for 41814061033", "1234567890", &"x".repeat(201)] {
            assert!(!is_reason(bad), "{bad}");
        }
    }
}
