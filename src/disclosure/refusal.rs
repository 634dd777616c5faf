//! Why something is refused: each reason says what was wrong and what to do.

use jiff::civil::Date;

use super::history::StepError;
use super::lifecycle::DisclosureUse;
use super::terms::TermsError;
use super::words::{Authority, DecisionKind, RecipientClass};
use crate::config::codes::{DisclosurePurpose, OrganisationNumber, RegisterCode, TermCode};
use crate::config::words::listed;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The earlier disclosure cannot be continued.
    #[error("the decision continues another disclosure, which {0}")]
    Continuation(&'static str),
    /// A date comes before another that it must not.
    #[error("{0}")]
    Dates(&'static str),
    /// There is nothing whose deletion could be confirmed, or it was confirmed before.
    #[error("{0}")]
    Deletion(&'static str),
    /// The application has no such decision.
    #[error("the application has {have} decisions, and none with number {number}")]
    Decision {
        /// How many there are.
        have: usize,
        /// Which was asked for.
        number: u32,
    },
    /// The decision's last day has passed.
    #[error("the decision was valid until {until}; today is {day}: a new decision is needed")]
    DecisionExpired {
        /// Its last day.
        until: Date,
        /// The day that was asked about.
        day: Date,
    },
    /// The disclosure's last day has passed.
    #[error(
        "the disclosure expired on {until}; today is {day}: close it; more needs a new decision"
    )]
    DisclosureExpired {
        /// Its last day.
        until: Date,
        /// The day that was asked about.
        day: Date,
    },
    /// The recipient is of a kind that gets nothing (D-08).
    #[error(
        "data are never disclosed to {0} (prosecution, employers, insurers), whatever the decision \
         or consent"
    )]
    HardRefusal(RecipientClass),
    /// Nobody is known to decide.
    #[error("{0}")]
    NoRule(String),
    /// The decision does not permit it.
    #[error("the decision does not permit {0}; a new decision must")]
    NotPermitted(DisclosureUse),
    /// A register keeps no identity.
    #[error("{register} is a one-way register: its disclosures have no {what}")]
    OneWay {
        /// The register.
        register: RegisterCode,
        /// What the decision wanted.
        what: &'static str,
    },
    /// No such organisation on that day.
    #[error("{number} is no organisation of organisations.toml that is valid on {day}")]
    Organisation {
        /// Its number.
        number: OrganisationNumber,
        /// The day.
        day: Date,
    },
    /// An override of a reservation that no register of the application knows for the purpose.
    #[error(
        "{provision} is no override of a reservation in {registers} for {purpose}; registers.toml \
         has those there are"
    )]
    Override {
        /// What was named.
        provision: TermCode,
        /// The registers.
        registers: String,
        /// The purpose.
        purpose: DisclosurePurpose,
    },
    /// A bridge to or from somebody else.
    #[error("the decision names another linking party; bridges are for that party alone")]
    Party,
    /// What a register's data may not be used for.
    #[error("{register} may not be used for {purpose}; its purposes are {purposes}")]
    Purpose {
        /// The register.
        register: RegisterCode,
        /// What was asked for.
        purpose: DisclosurePurpose,
        /// What it may be used for.
        purposes: String,
    },
    /// The application itself is wrong.
    #[error("the application {0}")]
    Request(&'static str),
    /// No rule lets the recipient have it.
    #[error(
        "no [[recipient]] of decisions.toml lets {class} have {register} for {purpose} on {day}"
    )]
    Recipient {
        /// The kind of recipient.
        class: RecipientClass,
        /// The register.
        register: RegisterCode,
        /// What for.
        purpose: DisclosurePurpose,
        /// The day.
        day: Date,
    },
    /// The terms let out what was not applied for.
    #[error("the decision lets out {0}, which the application does not name")]
    RegisterNotAppliedFor(String),
    /// Screened columns would go out a second time with the same løpenummer.
    #[error(
        "{0} went out before with the same løpenummer, and small cells are counted over the files of \
         one command: make all files with screened columns in one, and give them again as they were; \
         corrected ones take a new disclosure that continues none"
    )]
    ScreenedBefore(String),
    /// The terms are wrong in themselves.
    #[error("terms.{0}")]
    Terms(TermsError),
    /// A register that there is not.
    #[error("there is no register {0}")]
    UnknownRegister(RegisterCode),
    /// Somebody decided who may not.
    #[error("{} cannot decide on {kind} here; {explanation}", .given.name())]
    WrongAuthority {
        /// Who decided.
        given: Authority,
        /// What.
        kind: DecisionKind,
        /// Who decides, and by which rule.
        explanation: String,
    },
}

/// Every reason why something is refused.
///
/// INVARIANT: never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed_by_semicolon(.0))]
pub struct Refused(Vec<Refusal>);

/// Why an application or a disclosure did not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rules are against it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The state, or the clock, is against it.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl Refused {
    /// Nothing, if there is no reason.
    ///
    /// # Errors
    ///
    /// The reasons, if there are any.
    pub(super) fn unless_empty(reasons: Vec<Refusal>) -> Result<(), Self> {
        if reasons.is_empty() { Ok(()) } else { Err(Self(reasons)) }
    }

    /// The reasons.
    #[must_use]
    pub fn reasons(&self) -> &[Refusal] {
        &self.0
    }
}

impl From<Refusal> for Refused {
    fn from(reason: Refusal) -> Self {
        Self(vec![reason])
    }
}

impl From<Refusal> for Error {
    fn from(reason: Refusal) -> Self {
        Self::Refused(reason.into())
    }
}

fn listed_by_semicolon(reasons: &[Refusal]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The purposes of a register, as a refusal shows them.
pub(super) fn shown_purposes<'a>(
    purposes: impl IntoIterator<Item = &'a DisclosurePurpose>,
) -> String {
    let text = listed(purposes);
    if text.is_empty() { "none".into() } else { text }
}
