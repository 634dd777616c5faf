//! What persons have said to disease and quality registers whose consents a register keeps (R-11).
//!
//! ```text
//! nothing ── given ──► yes ── withdrawn ──► no        reserved: no, whatever was said before
//!    ▲                                                given:    yes, whatever was said before
//!    └── reservation lifted ── no (reserved)
//! ```
//!
//! Why a day of its own: what is said on paper is recorded later, and in another order than it was said.
//! The last day counts, and of one day what was recorded last.
//!
//! What it does *not* do: keep anything out.  Neither rows of the register that keeps it nor its
//! disclosures depend on it; `release.rs` and ingest do not look at it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::config::codes::SourceCode;
use crate::config::words::word_enum;

word_enum! {
    /// What a person has said to a quality register.
    pub enum QualityStatement {
        /// Yes.
        Given = "given",
        /// No longer no.
        ReservationLifted = "reservation_lifted",
        /// No, whatever consent or law would allow.
        Reserved = "reserved",
        /// No longer yes.
        Withdrawn = "withdrawn",
    }
}

word_enum! {
    /// Whether a quality register has a person's consent.
    pub enum QualityAnswer {
        /// It has not: the person withdrew it, or is reserved.
        No = "no",
        /// Nothing was said, or nobody is known.
        Unknown = "unknown",
        /// It has.
        Yes = "yes",
    }
}

/// What a person has said to a quality register, and on which day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QualityFact {
    /// The quality register.
    pub register: SourceCode,
    /// What.
    pub said: QualityStatement,
    /// On which day it was said.
    pub on: Date,
}

impl QualityStatement {
    /// The word that stands for the fact in records and on the wire.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Given => "quality_consent_given",
            Self::ReservationLifted => "quality_reservation_lifted",
            Self::Reserved => "quality_reservation_set",
            Self::Withdrawn => "quality_consent_withdrawn",
        }
    }

    pub(super) fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.kind() == kind)
    }

    /// What a quality register is answered once this was said.
    #[must_use]
    pub const fn answer(self) -> QualityAnswer {
        match self {
            Self::Given => QualityAnswer::Yes,
            Self::ReservationLifted => QualityAnswer::Unknown,
            Self::Reserved | Self::Withdrawn => QualityAnswer::No,
        }
    }
}

/// What one person has said to quality registers: what counts of it, by each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QualityConsents(BTreeMap<SourceCode, (QualityStatement, Date)>);

impl QualityConsents {
    /// Takes a fact; facts come in the order in which they were recorded.
    pub(super) fn take(&mut self, fact: &QualityFact) {
        let held = self.0.get(&fact.register);
        if held.is_none_or(|(_, on)| *on <= fact.on) {
            self.0.insert(fact.register.clone(), (fact.said, fact.on));
        }
    }

    /// What was said to a quality register last, and when.
    #[must_use]
    pub fn said_to(&self, register: &SourceCode) -> Option<(QualityStatement, Date)> {
        self.0.get(register).copied()
    }

    /// Whether a quality register has the person's consent.
    #[must_use]
    pub fn answer(&self, register: &SourceCode) -> QualityAnswer {
        self.said_to(register).map_or(QualityAnswer::Unknown, |(said, _)| said.answer())
    }

    /// Whether a consent or a reservation is in force that must find the person.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        let binds = [QualityStatement::Given, QualityStatement::Reserved];
        self.0.values().any(|(said, _)| binds.contains(said))
    }

    /// Each quality register to which something was said, with what was said last, and when.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceCode, QualityStatement, Date)> {
        self.0.iter().map(|(register, (said, on))| (register, *said, *on))
    }
}
