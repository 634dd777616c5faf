//! Cases in a list: what an officer needs to find one, and nothing of what the person has said.
//!
//! Why so: a list is about many persons at once, and its entry names none of them.  Words, burden and
//! death are in the case, which is read by itself and recorded as about its person.

use jiff::civil::Date;

use super::super::{Error, Service, actor, allow};
use crate::audit::{Action, Recorded};
use crate::config::codes::RegisterCode;
use crate::policy::{Permit, Right};
use crate::registers::More;
use crate::rights::cases::{Case, CaseId, CaseState, Scope};

/// Most cases that one call answers.
const CASES_MAX: usize = 1_000;

/// What is seen of a case in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseSummary {
    /// Its number.
    pub id: CaseId,
    /// The register.
    pub register: RegisterCode,
    /// How far it has come.
    pub state: CaseState,
    /// When the person asked.
    pub requested_on: Date,
    /// What kind of data: not which records.
    pub asked: ScopeKind,
    /// The number of the order, once there is one.
    pub order: Option<u64>,
}

/// A scope without what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// Data up to a day.
    Period {
        /// The day.
        up_to: Date,
    },
    /// Named records.
    Records,
    /// All.
    Whole,
}

/// Which of the cases that are wanted are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct CasePage {
    /// Those that are older than this one.
    pub after: Option<CaseId>,
    /// At most so many; 0 for as many as one call answers.
    pub limit: usize,
}

/// Some cases, and whether there are more.
#[derive(Clone, Debug, Default)]
pub struct CaseList {
    /// The newest first.
    pub cases: Vec<CaseSummary>,
    /// Whether there are older ones.
    pub more: More,
}

impl Service {
    /// The cases that are wanted, the newest first, a page at a time.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`, `commit_uncertain`.
    pub fn cases(
        &self,
        permit: &Permit,
        is_wanted: impl Fn(&Case) -> bool,
        page: CasePage,
    ) -> Result<Recorded<CaseList>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let limit = if page.limit == 0 { CASES_MAX } else { page.limit.min(CASES_MAX) };
        let is_older = |case: &Case| page.after.is_none_or(|after| case.id() < after);
        let mut found = open.cases.some(limit + 1, |case| is_older(case) && is_wanted(case));
        let more = if found.len() > limit { More::Yes } else { More::No };
        found.truncate(limit);
        let mut entry = self.entry(actor(permit), Action::CasesRead);
        entry.counts.insert("cases".into(), found.len() as u64);
        let recorded = open.registers.record_value_and_wait(entry, CaseList { cases: found, more });
        recorded.map_err(|error| self.rights_failed(&open, error))
    }
}

impl CaseSummary {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            id: case.id(),
            register: case.register().clone(),
            state: case.state(),
            requested_on: case.request().on,
            asked: match &case.request().asked {
                Scope::Period { up_to } => ScopeKind::Period { up_to: *up_to },
                Scope::Records { .. } => ScopeKind::Records,
                Scope::Whole => ScopeKind::Whole,
            },
            order: case.order(),
        }
    }
}
