//! What happened to an application or a disclosure: each step, who took it, and when.
//!
//! INVARIANTS: a history is never empty; each step is one that the state before it allows; time does
//! not go back.  The state is that of the last step, and is stored nowhere else.

use std::fmt::{Debug, Display};

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::line::Line;
use crate::config::codes::PrincipalName;
use crate::config::words::listed;

/// Who does something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

impl Act {
    /// The day, in UTC, as all days of the server are.
    #[must_use]
    pub fn day(&self) -> Date {
        TimeZone::UTC.to_datetime(self.at).date()
    }
}

/// The states of something, and the steps between them.
pub trait Machine: Copy + Debug + Display + Eq + Sized + 'static {
    /// What can be done.
    type Step: Copy + Debug + Display + Eq + 'static;
    /// Every step, in order.
    const STEPS: &'static [Self::Step];

    /// The state after a step, or `None` if it cannot be taken; before the first step there is no
    /// state.
    fn after(state: Option<Self>, step: Self::Step) -> Option<Self>;

    /// What to do instead, for whoever met a state that does not allow a step.
    fn advice(self) -> &'static str;
}

/// One step that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Change<S, T> {
    /// What was done.
    pub step: T,
    /// The state since then.
    pub state: S,
    /// Who did it.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
    /// Why, where that must be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
}

impl<S, T> Change<S, T> {
    /// Who did it, and when.
    #[must_use]
    pub fn act(&self) -> Act {
        Act { by: self.by.clone(), at: self.at }
    }
}

/// A step that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The clock is behind the last change.
    #[error(
        "the last change is of {last}, which is later than now; correct the clock of the server"
    )]
    BackInTime {
        /// When the last change was.
        last: Timestamp,
    },
    /// The state does not allow it.
    #[error("{what} is {state}; cannot {step}; possible now: {possible}; {advice}")]
    OutOfOrder {
        /// Whose state it is.
        what: String,
        /// The state.
        state: String,
        /// What was to be done.
        step: String,
        /// What can be done.
        possible: String,
        /// What to do instead.
        advice: &'static str,
    },
}

/// All steps that were taken, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<S: Machine> {
    changes: Vec<Change<S, S::Step>>,
    state: S,
}

impl<S: Machine> History<S> {
    /// A history of its first step, if that is one.
    pub(crate) fn begin(step: S::Step, act: &Act) -> Option<Self> {
        let state = S::after(None, step)?;
        let change = Change { step, state, by: act.by.clone(), at: act.at, reason: None };
        Some(Self { changes: vec![change], state })
    }

    /// The history that was stored; `None` if it is none.
    pub(crate) fn replay(changes: Vec<Change<S, S::Step>>) -> Option<Self> {
        let mut state = None;
        let mut last = Timestamp::MIN;
        for change in &changes {
            let next = S::after(state, change.step)?;
            if next != change.state || change.at < last {
                return None;
            }
            (state, last) = (Some(next), change.at);
        }
        Some(Self { changes, state: state? })
    }

    /// The state now.
    #[must_use]
    pub const fn state(&self) -> S {
        self.state
    }

    /// The steps, the oldest first.
    #[must_use]
    pub fn changes(&self) -> &[Change<S, S::Step>] {
        &self.changes
    }

    /// The last step of a kind.
    #[must_use]
    pub fn last(&self, step: S::Step) -> Option<&Change<S, S::Step>> {
        self.changes.iter().rev().find(|change| change.step == step)
    }

    /// What can be done now.
    #[must_use]
    pub fn possible(&self) -> Vec<S::Step> {
        let steps = S::STEPS.iter().copied();
        steps.filter(|step| S::after(Some(self.state), *step).is_some()).collect()
    }

    /// The state after a step of what is called `what`.
    ///
    /// # Errors
    ///
    /// [`StepError::OutOfOrder`].
    pub(crate) fn allow(&self, what: &dyn Display, step: S::Step) -> Result<S, StepError> {
        S::after(Some(self.state), step).ok_or_else(|| self.out_of_order(what, &step))
    }

    /// The error of something that the state does not allow.
    pub(super) fn out_of_order(&self, what: &dyn Display, step: &dyn Display) -> StepError {
        let possible = self.possible();
        StepError::OutOfOrder {
            what: what.to_string(),
            state: self.state.to_string(),
            step: step.to_string(),
            possible: if possible.is_empty() { "nothing".into() } else { listed(possible) },
            advice: self.state.advice(),
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the history is as it was.
    pub(crate) fn take(
        &mut self,
        what: &dyn Display,
        step: S::Step,
        reason: Option<Line>,
        act: &Act,
    ) -> Result<(), StepError> {
        let state = self.allow(what, step)?;
        if let Some(last) = self.changes.last().filter(|last| act.at < last.at) {
            return Err(StepError::BackInTime { last: last.at });
        }
        self.changes.push(Change { step, state, by: act.by.clone(), at: act.at, reason });
        self.state = state;
        Ok(())
    }
}
