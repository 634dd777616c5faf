//! Applications: who asks for what, for whom, and what was decided.
//!
//! ```text
//! receive ─► received ──decide──► decided ──decide──► decided     (a supplement, an extension)
//!               │                    │
//!               ├──refuse──► refused │     by the authority
//!               └──withdraw──────────┴──► withdrawn     by the applicant, or the decision was annulled
//! ```
//!
//! INVARIANTS: the recipient's class is that of `organisations.toml` on the day of the application; an
//! application of a class that is refused always does not come to be; decisions are added and never
//! changed, and are numbered from 1 in their order.
//!
//! What it does *not* protect: a disclosure that is open when its application is withdrawn issues
//! nothing any more, and its key lives on until it is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Rulebook};
use super::history::{Act, History, Machine, StepError};
use super::id::ApplicationId;
use super::lifecycle::Disclosure;
use super::line::Line;
use super::organisations::{Organisations, Recipient};
use super::refusal::{Error, Refusal, Refused};
use super::text::as_text;
use super::words::SourceKind;
use crate::config::codes::{DisclosurePurpose, OrganisationNumber, RegisterCode};
use crate::config::words::word_enum;

word_enum! {
    /// How far an application has come.
    pub enum ApplicationState {
        /// At least one decision lets something out.
        Decided = "decided",
        /// Nothing is decided yet.
        Received = "received",
        /// The authority said no.
        Refused = "refused",
        /// The applicant took it back, or the decision was annulled.
        Withdrawn = "withdrawn",
    }
}

word_enum! {
    /// What is done to an application.
    pub enum ApplicationStep {
        /// A decision is recorded.
        Decide = "decide",
        /// A disclosure is opened.
        Open = "open",
        /// It is recorded.
        Receive = "receive",
        /// The authority's no is recorded.
        Refuse = "refuse",
        /// It is taken back.
        Withdraw = "withdraw",
    }
}

impl Machine for ApplicationState {
    type Step = ApplicationStep;
    const STEPS: &'static [ApplicationStep] = ApplicationStep::ALL;

    fn after(state: Option<Self>, step: ApplicationStep) -> Option<Self> {
        match (state, step) {
            (None, ApplicationStep::Receive) => Some(Self::Received),
            (Some(Self::Received | Self::Decided), ApplicationStep::Decide)
            | (Some(Self::Decided), ApplicationStep::Open) => Some(Self::Decided),
            (Some(Self::Received), ApplicationStep::Refuse) => Some(Self::Refused),
            (Some(Self::Received | Self::Decided), ApplicationStep::Withdraw) => {
                Some(Self::Withdrawn)
            }
            _ => None,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Decided => "what was decided is changed by a further decision",
            Self::Received => "record the decision first",
            Self::Refused | Self::Withdrawn => "register a new application",
        }
    }
}

/// Where an extract is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// HUNT Cloud (NTNU).
    HuntCloud,
    /// Another secure environment.
    Other(Line),
    /// SAFE (UiB).
    Safe,
    /// TSD (UiO).
    Tsd,
}

/// Text that names no environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of hunt_cloud, safe, tsd, or other: and its name")]
pub struct EnvironmentError;

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HuntCloud => f.write_str("hunt_cloud"),
            Self::Other(name) => write!(f, "other: {name}"),
            Self::Safe => f.write_str("safe"),
            Self::Tsd => f.write_str("tsd"),
        }
    }
}

impl std::str::FromStr for Environment {
    type Err = EnvironmentError;

    fn from_str(text: &str) -> Result<Self, EnvironmentError> {
        let other = text.strip_prefix("other: ").map(str::parse);
        match (text, other) {
            ("hunt_cloud", _) => Ok(Self::HuntCloud),
            ("safe", _) => Ok(Self::Safe),
            ("tsd", _) => Ok(Self::Tsd),
            (_, Some(Ok(name))) => Ok(Self::Other(name)),
            _ => Err(EnvironmentError),
        }
    }
}

as_text!(ApplicationState, ApplicationStep, Environment);

/// A source that is combined with ours and is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherSource {
    /// What it is called.
    pub name: Line,
    /// What it is: that may change who decides.
    pub kind: SourceKind,
}

/// What is applied for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who applies, such as a project leader.
    pub applicant: Line,
    /// The organisation that receives.
    pub organisation: OrganisationNumber,
    /// What for.
    pub purpose: DisclosurePurpose,
    /// Data of these registers; at least one, each once.
    pub registers: Vec<RegisterCode>,
    /// Data of others that ours are combined with, at the recipient or on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub combined_with: Vec<OtherSource>,
    /// The provisions that processing at the recipient rests on; at least one.
    pub legal_basis: Vec<Line>,
    /// Where the extract is delivered.
    pub delivered_to: Environment,
    /// Whom to ask.
    pub contact: Line,
    /// What it is about.
    pub description: Line,
}

/// An application, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    pub(super) id: ApplicationId,
    pub(super) request: Request,
    pub(super) recipient: Recipient,
    pub(super) decisions: Vec<Decision>,
    pub(super) history: History<ApplicationState>,
}

impl Application {
    /// Records an application.
    ///
    /// # Errors
    ///
    /// [`Refused`] with every reason: an unknown organisation, a recipient that is refused always.
    pub fn receive(
        id: ApplicationId,
        request: Request,
        organisations: &Organisations,
        act: &Act,
    ) -> Result<Self, Refused> {
        let recipient = organisations.on(request.organisation, act.day())?.clone();
        if recipient.class.is_refused_always() {
            return Err(Refusal::HardRefusal(recipient.class).into());
        }
        Refused::unless_empty(request.problems())?;
        let history = History::begin(ApplicationStep::Receive, act)
            .expect("`receive` is the step before all states");
        Ok(Self { id, request, recipient, decisions: Vec::new(), history })
    }

    /// Records a decision, and says its number.
    ///
    /// `continued` is the disclosure that it names in `continues`, if it names one.
    ///
    /// # Errors
    ///
    /// [`Error`]; the application is as it was.
    pub fn decide(
        &mut self,
        decision: Decision,
        continued: Option<(&Self, &Disclosure)>,
        rulebook: &Rulebook<'_>,
        act: &Act,
    ) -> Result<u32, Error> {
        self.allow(ApplicationStep::Decide)?;
        decision.check(self, rulebook, act.day())?;
        decision.check_continued(self, continued)?;
        let number = u32::try_from(self.decisions.len() + 1)
            .expect("nobody records four billion decisions on one application");
        self.take(ApplicationStep::Decide, None, act)?;
        self.decisions.push(decision);
        Ok(number)
    }

    /// Records that the authority refused.
    ///
    /// # Errors
    ///
    /// [`Error::Step`].
    pub fn refuse(&mut self, reason: Line, act: &Act) -> Result<(), Error> {
        self.take(ApplicationStep::Refuse, Some(reason), act)
    }

    /// Records that the application was taken back, or its decision annulled.
    ///
    /// # Errors
    ///
    /// [`Error::Step`].
    pub fn withdraw(&mut self, reason: Line, act: &Act) -> Result<(), Error> {
        self.take(ApplicationStep::Withdraw, Some(reason), act)
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> ApplicationId {
        self.id
    }

    /// What is applied for.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Who receives, as it was when the application came.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What was decided, in order.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The decision with that number, from 1.
    ///
    /// # Errors
    ///
    /// [`Refusal::Decision`].
    pub fn decision(&self, number: u32) -> Result<&Decision, Refusal> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let found = index.and_then(|index| self.decisions.get(index));
        found.ok_or(Refusal::Decision { have: self.decisions.len(), number })
    }

    /// What was done, by whom and when.
    #[must_use]
    pub const fn history(&self) -> &History<ApplicationState> {
        &self.history
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> ApplicationState {
        self.history.state()
    }

    pub(super) fn allow(&self, step: ApplicationStep) -> Result<(), Error> {
        self.history.allow(&format_args!("application {}", self.id), step)?;
        Ok(())
    }

    /// The error of something that the state does not allow.
    pub(super) fn out_of_order(&self, step: &dyn fmt::Display) -> StepError {
        self.history.out_of_order(&format_args!("application {}", self.id), step)
    }

    pub(super) fn take(
        &mut self,
        step: ApplicationStep,
        reason: Option<Line>,
        act: &Act,
    ) -> Result<(), Error> {
        self.history.take(&format_args!("application {}", self.id), step, reason, act)?;
        Ok(())
    }
}

impl Request {
    /// Everything that is wrong with the request itself.
    pub(super) fn problems(&self) -> Vec<Refusal> {
        let mut problems = Vec::new();
        if self.registers.is_empty() {
            problems.push(Refusal::Request("names no register; name those whose data are wanted"));
        }
        let twice = |(at, code): (usize, &RegisterCode)| self.registers[..at].contains(code);
        if self.registers.iter().enumerate().any(twice) {
            problems.push(Refusal::Request("names a register twice; remove one"));
        }
        if self.legal_basis.is_empty() {
            problems.push(Refusal::Request("names no legal basis; processing rests on one"));
        }
        problems
    }
}
