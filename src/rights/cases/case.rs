//! A case and its steps.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::assessment::{Assessment, Permitted};
use super::id::CaseId;
use super::scope::Scope;
use super::words::Outcome;
use crate::config::codes::RegisterCode;
use crate::config::words::word_enum;
use crate::disclosure::history::{Act, History, Machine, StepError};
use crate::disclosure::line::Line;
use crate::disclosure::text::as_text;
use crate::registers::Channel;

word_enum! {
    /// How far a case has come.
    pub enum CaseState {
        /// The officer has said what was found.
        Assessed = "assessed",
        /// The register has deleted what was ordered.
        Confirmed = "confirmed",
        /// Granted: the register has the order, and the data are out of reach.
        Ordered = "ordered",
        /// The person has asked.
        Received = "received",
        /// The answer is no.
        Refused = "refused",
        /// The person has taken the request back.
        Withdrawn = "withdrawn",
    }
}

word_enum! {
    /// What is done with a case.
    pub enum CaseStep {
        /// The officer says what was found.
        Assess = "assess",
        /// The register says that it has deleted.
        Confirm = "confirm",
        /// The officer grants, all or a part.
        Grant = "grant",
        /// The request comes.
        Receive = "receive",
        /// The officer refuses.
        Refuse = "refuse",
        /// The person takes it back.
        Withdraw = "withdraw",
    }
}

as_text!(CaseState, CaseStep);

impl Machine for CaseState {
    type Step = CaseStep;
    const STEPS: &'static [CaseStep] = CaseStep::ALL;

    fn after(state: Option<Self>, step: CaseStep) -> Option<Self> {
        match (state, step) {
            (None, CaseStep::Receive) => Some(Self::Received),
            (Some(Self::Received | Self::Assessed), CaseStep::Assess) => Some(Self::Assessed),
            (Some(Self::Assessed), CaseStep::Grant) => Some(Self::Ordered),
            (Some(Self::Assessed), CaseStep::Refuse) => Some(Self::Refused),
            (Some(Self::Received | Self::Assessed), CaseStep::Withdraw) => Some(Self::Withdrawn),
            (Some(Self::Ordered), CaseStep::Confirm) => Some(Self::Confirmed),
            _ => None,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Assessed => "decide it with `hvelv case decide`",
            Self::Confirmed | Self::Refused | Self::Withdrawn => {
                "it is over; a new request is a new case"
            }
            Self::Ordered => "the register confirms it when it has deleted the data",
            Self::Received => "assess it first with `hvelv case assess`",
        }
    }
}

/// Whose data: the numbers of the person's leaves in a partition of the vault.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// The partition.
    pub partition: u16,
    /// The person numbers, the root first.
    pub persons: Vec<u64>,
}

impl fmt::Debug for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whom(..)")
    }
}

/// What a person asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// How it came.
    pub channel: Channel,
    /// When.
    pub on: Date,
    /// Which data.
    pub asked: Scope,
    /// Why, in the person's words.
    pub reason: Line,
}

/// The reason is the person's: nothing of it is shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// All, a part or nothing.
    pub outcome: Outcome,
    /// What is deleted, unless nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Scope>,
    /// Why so.
    pub reason: Line,
}

/// What rules say against something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A day that has not come.
    #[error("{0} is after today; correct the date")]
    Future(&'static str),
    /// More than was asked for.
    #[error("the decision grants more than the person asked for; grant that or a part of it")]
    MoreThanAsked,
    /// Nothing gives that much.
    #[error(
        "neither the assessment (strongly burdensome, and no strong public interest against it) \
         nor the register's own rule gives that; refuse, grant a part, or assess again"
    )]
    NotPermitted,
    /// The own rule gives it.
    #[error("the register's own rule gives the person this, or a part of it; grant what it gives")]
    OwnRule,
}

/// Why a step of a case is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// A rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// A case that comes in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its number.
    pub id: CaseId,
    /// The register.
    pub register: RegisterCode,
    /// Whose data.
    pub whom: Whom,
    /// What is asked for.
    pub request: Request,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub(super) id: CaseId,
    pub(super) register: RegisterCode,
    pub(super) whom: Whom,
    pub(super) request: Request,
    pub(super) assessment: Option<Assessment>,
    pub(super) decision: Option<Decision>,
    /// Number of the order, once there is one.
    pub(super) order: Option<u64>,
    pub(super) history: History<CaseState>,
}

impl Case {
    /// A request comes in.
    ///
    /// # Errors
    ///
    /// [`Refusal::Future`].
    pub fn receive(received: Received, act: &Act) -> Result<Self, CaseError> {
        let Received { id, register, whom, request } = received;
        if request.on > act.day() {
            return Err(Refusal::Future("the day of the request").into());
        }
        if let Scope::Period { up_to } = request.asked
            && up_to > act.day()
        {
            return Err(Refusal::Future("the last day of the data").into());
        }
        let history = History::begin(CaseStep::Receive, act)
            .expect("`receive` is the step before all states");
        let (assessment, decision, order) = (None, None, None);
        Ok(Self { id, register, whom, request, assessment, decision, order, history })
    }

    /// Says what was found; again, in place of what was said before.
    ///
    /// # Errors
    ///
    /// [`CaseError`]; the case is as it was.
    pub fn assess(&mut self, assessment: Assessment, act: &Act) -> Result<(), CaseError> {
        self.history.allow(&self.name(), CaseStep::Assess)?;
        if assessment.died.is_some_and(|died| died > act.day()) {
            return Err(Refusal::Future("the day of death").into());
        }
        self.take(CaseStep::Assess, Some(assessment.note.clone()), act)?;
        self.assessment = Some(assessment);
        Ok(())
    }

    /// Whether a scope may be granted.
    ///
    /// # Errors
    ///
    /// [`CaseError`].
    pub fn check_grant(&self, scope: &Scope, permitted: Permitted) -> Result<(), CaseError> {
        self.history.allow(&self.name(), CaseStep::Grant)?;
        if !self.request.asked.includes(scope) {
            return Err(Refusal::MoreThanAsked.into());
        }
        permitted.ground(scope).map(drop).ok_or_else(|| Refusal::NotPermitted.into())
    }

    /// Grants a scope, by an order with that number.
    ///
    /// # Errors
    ///
    /// [`CaseError`]; the case is as it was.
    pub fn grant(
        &mut self,
        (scope, permitted): (Scope, Permitted),
        order: u64,
        reason: Line,
        act: &Act,
    ) -> Result<(), CaseError> {
        self.check_grant(&scope, permitted)?;
        let is_all = scope == self.request.asked;
        self.take(CaseStep::Grant, Some(reason.clone()), act)?;
        let outcome = if is_all { Outcome::Granted } else { Outcome::GrantedInPart };
        self.decision = Some(Decision { outcome, granted: Some(scope), reason });
        self.order = Some(order);
        Ok(())
    }

    /// Refuses all that was asked for.
    ///
    /// # Errors
    ///
    /// [`CaseError`]; the case is as it was.
    pub fn refuse(
        &mut self,
        reason: Line,
        permitted: Permitted,
        act: &Act,
    ) -> Result<(), CaseError> {
        self.history.allow(&self.name(), CaseStep::Refuse)?;
        if permitted.by_rule.touches(&self.request.asked) {
            return Err(Refusal::OwnRule.into());
        }
        self.take(CaseStep::Refuse, Some(reason.clone()), act)?;
        self.decision = Some(Decision { outcome: Outcome::Refused, granted: None, reason });
        Ok(())
    }

    /// The person takes the request back.
    ///
    /// # Errors
    ///
    /// [`CaseError::Step`].
    pub fn withdraw(&mut self, reason: Line, act: &Act) -> Result<(), CaseError> {
        self.take(CaseStep::Withdraw, Some(reason), act)
    }

    /// The register has deleted what was ordered.
    ///
    /// # Errors
    ///
    /// [`CaseError::Step`].
    pub fn confirm(&mut self, act: &Act) -> Result<(), CaseError> {
        self.take(CaseStep::Confirm, None, act)
    }

    fn take(&mut self, step: CaseStep, reason: Option<Line>, act: &Act) -> Result<(), CaseError> {
        let name = self.name();
        Ok(self.history.take(&name, step, reason, act)?)
    }

    fn name(&self) -> String {
        format!("case {}", self.id)
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> CaseId {
        self.id
    }

    /// The register.
    #[must_use]
    pub const fn register(&self) -> &RegisterCode {
        &self.register
    }

    /// Whose data.
    #[must_use]
    pub const fn whom(&self) -> &Whom {
        &self.whom
    }

    /// What was asked for.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What was found, once it was.
    #[must_use]
    pub const fn assessment(&self) -> Option<&Assessment> {
        self.assessment.as_ref()
    }

    /// What was decided, once it was.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// The number of the order, once there is one.
    #[must_use]
    pub const fn order(&self) -> Option<u64> {
        self.order
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> CaseState {
        self.history.state()
    }

    /// What was done, by whom and when.
    #[must_use]
    pub const fn history(&self) -> &History<CaseState> {
        &self.history
    }

    /// Whether it waits for the officer.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state(), CaseState::Assessed | CaseState::Received)
    }
}
