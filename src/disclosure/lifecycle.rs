//! Disclosures: opened on a decision, delivered, completed, closed.
//!
//! ```text
//! open ──deliver──► extracted ──complete──► completed ──close──► closed
//!   │                   └──────────────────close────────────────►  ▲
//!   └──────────────────────close───────────────────────────────────┘
//! confirm_deletion: in completed and in closed, once, by word of the recipient
//! ```
//!
//! INVARIANTS: opened by [`Disclosure::open`] alone, on a decision that is valid that day; the last
//! day is not after the decision's; what is issued is issued through a [`Granted`], which there is
//! only while the disclosure lives, before both last days, and while its application stands.
//!
//! What it does *not* protect: after closing nobody here can tell who a serial was.  The recipient
//! still has the data; that they are deleted is the recipient's word.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::application::{Application, ApplicationState, ApplicationStep};
use super::decision::Decision;
use super::delivery::{Closing, Delivery, Extract};
use super::history::{Act, Change, History, Machine};
use super::id::{ApplicationId, DisclosureId};
use super::line::Line;
use super::recipient_key::RecipientKey;
use super::refusal::{Error, Refusal};
use super::text::as_text;
use super::words::Reidentification;
use crate::config::codes::OrganisationNumber;
use crate::config::words::word_enum;

word_enum! {
    /// How far a disclosure has come.
    pub enum DisclosureState {
        /// Its key is destroyed.
        Closed = "closed",
        /// Everything is delivered; nothing more is issued.
        Completed = "completed",
        /// At least one extract is delivered; more may come.
        Extracted = "extracted",
        /// Nothing is delivered yet.
        Open = "open",
    }
}

word_enum! {
    /// What is done to a disclosure.
    pub enum DisclosureStep {
        /// Its key is destroyed.
        Close = "close",
        /// It is said that nothing more is issued.
        Complete = "complete",
        /// The recipient has said that the data are deleted.
        ConfirmDeletion = "confirm_deletion",
        /// An extract is recorded.
        Deliver = "deliver",
        /// It is opened.
        Open = "open",
    }
}

word_enum! {
    /// What the key of a disclosure is used for.
    pub enum DisclosureUse {
        /// A project's own IDs are taken in.
        BridgeIn = "bridge_in",
        /// Fødselsnummer and serials go to a linking party.
        BridgeOut = "bridge_out",
        /// Serials and surrogates are issued.
        Issue = "issue",
        /// A serial is turned back into a person.
        Reidentify = "reidentify",
    }
}

as_text!(DisclosureState, DisclosureStep, DisclosureUse);

impl Machine for DisclosureState {
    type Step = DisclosureStep;
    const STEPS: &'static [DisclosureStep] = DisclosureStep::ALL;

    fn after(state: Option<Self>, step: DisclosureStep) -> Option<Self> {
        match (state, step) {
            (None, DisclosureStep::Open) => Some(Self::Open),
            (Some(Self::Open | Self::Extracted), DisclosureStep::Deliver) => Some(Self::Extracted),
            (Some(Self::Extracted), DisclosureStep::Complete) => Some(Self::Completed),
            (Some(state), DisclosureStep::Close) if state != Self::Closed => Some(Self::Closed),
            (Some(state @ (Self::Completed | Self::Closed)), DisclosureStep::ConfirmDeletion) => {
                Some(state)
            }
            _ => None,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Closed => "its key is destroyed; more needs a new disclosure",
            Self::Completed => "nothing more is issued; more needs a new disclosure",
            Self::Extracted => "deliver the rest, complete it, or close it",
            Self::Open => "deliver an extract first, or close it",
        }
    }
}

/// What a disclosure is opened with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Its id: 16 random bytes that were never given before.
    pub id: DisclosureId,
    /// The number of the decision.
    pub decision: u32,
    /// The recipient's age key that extracts are sealed to.
    pub recipient_key: RecipientKey,
    /// What the recipient verifies the manifests' signature with.
    pub verifier: Line,
    /// The last day on which anything is issued.
    pub expires: Date,
}

/// A disclosure, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    pub(super) opening: Opening,
    pub(super) application: ApplicationId,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) history: History<DisclosureState>,
}

/// Proof that a disclosure's key may be used for something on one day.
///
/// INVARIANT: made by [`Disclosure::grant`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is granted and not used was not asked for"]
pub struct Granted<'a> {
    disclosure: &'a Disclosure,
    decision: &'a Decision,
    used_for: DisclosureUse,
}

impl<'a> Granted<'a> {
    /// The disclosure.
    #[must_use]
    pub const fn disclosure(&self) -> &'a Disclosure {
        self.disclosure
    }

    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> &'a Decision {
        self.decision
    }

    /// What its key may be used for.
    #[must_use]
    pub const fn used_for(&self) -> DisclosureUse {
        self.used_for
    }
}

impl Disclosure {
    /// Opens a disclosure on a decision of the application.
    ///
    /// # Errors
    ///
    /// [`Error`]; the application is as it was.
    pub fn open(opening: Opening, application: &mut Application, act: &Act) -> Result<Self, Error> {
        application.allow(ApplicationStep::Open)?;
        let class = application.recipient().class;
        if class.is_refused_always() {
            return Err(Refusal::HardRefusal(class).into());
        }
        let decision = application.decision(opening.decision)?;
        decision.check_day(act.day())?;
        if opening.expires < act.day() {
            let text = "the disclosure would have expired before it is opened; choose a later day";
            return Err(Refusal::Dates(text).into());
        }
        if decision.valid_until < opening.expires {
            let text =
                "the disclosure would outlive its decision; let it expire with it at the latest";
            return Err(Refusal::Dates(text).into());
        }
        application.take(ApplicationStep::Open, None, act)?;
        let history = History::begin(DisclosureStep::Open, act)
            .expect("`open` is the step before all states");
        Ok(Self { opening, application: application.id(), deliveries: Vec::new(), history })
    }

    /// Whether the disclosure's key may be used that day.
    ///
    /// # Errors
    ///
    /// [`Error`] with what stands against it.
    pub fn grant<'a>(
        &'a self,
        used_for: DisclosureUse,
        application: &'a Application,
        day: Date,
    ) -> Result<Granted<'a>, Error> {
        if application.id() != self.application {
            return Err(Refusal::Request("is not that of the disclosure").into());
        }
        // A disclosure lives no longer than what it rests on.
        if application.state() != ApplicationState::Decided {
            return Err(application.out_of_order(&used_for).into());
        }
        let class = application.recipient().class;
        if class.is_refused_always() {
            return Err(Refusal::HardRefusal(class).into());
        }
        let is_alive = match self.state() {
            DisclosureState::Closed => false,
            DisclosureState::Completed => used_for == DisclosureUse::Reidentify,
            DisclosureState::Extracted | DisclosureState::Open => true,
        };
        if !is_alive {
            return Err(self.history.out_of_order(&self.name(), &used_for).into());
        }
        if self.opening.expires < day {
            return Err(Refusal::DisclosureExpired { until: self.opening.expires, day }.into());
        }
        let decision = application.decision(self.opening.decision)?;
        decision.check_day(day)?;
        let is_permitted = match used_for {
            DisclosureUse::BridgeIn => decision.bridge_in.is_some(),
            DisclosureUse::BridgeOut => decision.bridge_out.is_some(),
            DisclosureUse::Issue => true,
            DisclosureUse::Reidentify => decision.reidentification == Reidentification::Permitted,
        };
        if !is_permitted {
            return Err(Refusal::NotPermitted(used_for).into());
        }
        Ok(Granted { disclosure: self, decision, used_for })
    }

    /// As [`Self::grant`] of a bridge, to or from that party.
    ///
    /// # Errors
    ///
    /// As those of [`Self::grant`], and [`Refusal::Party`].
    pub fn grant_bridge<'a>(
        &'a self,
        used_for: DisclosureUse,
        party: OrganisationNumber,
        application: &'a Application,
        day: Date,
    ) -> Result<Granted<'a>, Error> {
        let granted = self.grant(used_for, application, day)?;
        let decision = granted.decision;
        let named = match used_for {
            DisclosureUse::BridgeIn => decision.bridge_in.as_ref().map(|one| &one.from),
            DisclosureUse::BridgeOut => decision.bridge_out.as_ref().map(|one| &one.to),
            DisclosureUse::Issue | DisclosureUse::Reidentify => None,
        };
        match named {
            Some(named) if named.number == party => Ok(granted),
            _ => Err(Refusal::Party.into()),
        }
    }

    /// Records an extract.
    ///
    /// # Errors
    ///
    /// [`Error`]; the disclosure is as it was.
    pub fn deliver(
        &mut self,
        extract: Extract,
        application: &Application,
        act: &Act,
    ) -> Result<(), Error> {
        self.history.allow(&self.name(), DisclosureStep::Deliver)?;
        let _ = self.grant(DisclosureUse::Issue, application, act.day())?;
        self.take(DisclosureStep::Deliver, act)?;
        self.deliveries.push(Delivery { extract, by: act.by.clone(), at: act.at });
        Ok(())
    }

    /// Says that nothing more is issued.
    ///
    /// # Errors
    ///
    /// [`Error::Step`].
    pub fn complete(&mut self, act: &Act) -> Result<(), Error> {
        self.take(DisclosureStep::Complete, act)
    }

    /// Says that its key is destroyed; allowed on any day, also when the application is withdrawn.
    ///
    /// # Errors
    ///
    /// [`Error::Step`].
    pub fn close(&mut self, act: &Act) -> Result<(), Error> {
        self.take(DisclosureStep::Close, act)
    }

    /// Records that the recipient has deleted the data.
    ///
    /// # Errors
    ///
    /// [`Error`]; the disclosure is as it was.
    pub fn confirm_deletion(&mut self, act: &Act) -> Result<(), Error> {
        self.history.allow(&self.name(), DisclosureStep::ConfirmDeletion)?;
        if self.deliveries.is_empty() {
            let text = "nothing was delivered, so the recipient has nothing to delete";
            return Err(Refusal::Deletion(text).into());
        }
        if self.deletion_confirmed().is_some() {
            return Err(Refusal::Deletion("the deletion was confirmed before").into());
        }
        self.take(DisclosureStep::ConfirmDeletion, act)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> DisclosureId {
        self.opening.id
    }

    /// What it was opened with.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The application that it rests on.
    #[must_use]
    pub const fn application(&self) -> ApplicationId {
        self.application
    }

    /// The number of the application's decision that it rests on.
    #[must_use]
    pub const fn decision(&self) -> u32 {
        self.opening.decision
    }

    /// The extracts, the oldest first.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> DisclosureState {
        self.history.state()
    }

    /// What was done, by whom and when.
    #[must_use]
    pub const fn history(&self) -> &History<DisclosureState> {
        &self.history
    }

    /// Who recorded that the recipient has deleted the data, and when.
    #[must_use]
    pub fn deletion_confirmed(&self) -> Option<Act> {
        self.history.last(DisclosureStep::ConfirmDeletion).map(Change::act)
    }

    /// Its end, if it has one.
    #[must_use]
    pub fn closing(&self) -> Option<Closing> {
        let closed = self.history.last(DisclosureStep::Close)?.act();
        Some(Closing { closed, deletion_confirmed: self.deletion_confirmed() })
    }

    /// Whether it should have been closed by that day.
    #[must_use]
    pub fn is_overdue(&self, day: Date) -> bool {
        self.state() != DisclosureState::Closed && self.opening.expires < day
    }

    fn name(&self) -> String {
        format!("disclosure {}", self.id())
    }

    fn take(&mut self, step: DisclosureStep, act: &Act) -> Result<(), Error> {
        let name = self.name();
        self.history.take(&name, step, None, act)?;
        Ok(())
    }
}
