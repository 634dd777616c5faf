//! Whether what a person has said lets a disclosure have the person's rows: pure.
//!
//! ```text
//! consent needed:   the disclosure's purpose is among what the person consented to, or left out
//! reservation of    disclosure                  keeps the rows from every disclosure for its purposes
//!                   disclosure_with_identifier  keeps them from those with the fødselsnummer
//!                   registration                is the register's to heed: nothing here
//! override          named in the decision, known to the register, for its purposes: goes before all
//!                   reservations; where the fødselsnummer goes along, only if it says that it does
//! ```
//!
//! An override goes before reservations (S-10), never before a missing consent.  A reservation
//! against a use that the catalogue no longer has is in force against every disclosure: a mistake in
//! `registers.toml` lets nobody's data out.

use std::collections::BTreeSet;

use super::PersonRights;
use crate::config::codes::{DisclosurePurpose, Identifiers, TermCode};
use crate::registers::catalogue::{Register, ReservationScope};

/// What becomes of a person's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release<'a> {
    /// They stay where they are.
    LeftOut,
    /// They go, by a provision that goes before the person's reservation.
    Overridden(&'a TermCode),
    /// They go.
    Released,
}

/// What counts in a register for one disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRule {
    /// The purpose that must have been consented to, where consent is needed.
    consent_to: Option<DisclosurePurpose>,
    /// Uses whose reservation is no hindrance to this disclosure.
    harmless: BTreeSet<TermCode>,
    /// The provision that goes before all reservations here.
    overridden_by: Option<TermCode>,
}

impl ReleaseRule {
    /// The rule of a register for a purpose, with or without the fødselsnummer, and the provisions
    /// that the decision names, each with what it says of the fødselsnummer.
    #[must_use]
    pub fn new<'a>(
        register: &Register,
        purpose: DisclosurePurpose,
        identifiers: Identifiers,
        named: impl IntoIterator<Item = (&'a TermCode, Identifiers)>,
    ) -> Self {
        let with = identifiers == Identifiers::With;
        let hinders = |scope| match scope {
            ReservationScope::Disclosure => true,
            ReservationScope::DisclosureWithIdentifier => with,
            ReservationScope::Registration => false,
        };
        let uses = register.reservation.uses.iter();
        let harmless = uses.filter(|one| !hinders(one.scope) || !one.concerns(purpose));
        let known = |code: &TermCode| {
            let mut overrides = register.reservation.overrides.iter();
            overrides.any(|one| one.code == *code && one.concerns(purpose))
        };
        let reaches = |says: Identifiers| !with || says == Identifiers::With;
        let mut named = named.into_iter();
        let overridden_by = named.find(|(code, says)| known(code) && reaches(*says));
        Self {
            consent_to: register.requires_consent().then_some(purpose),
            harmless: harmless.map(|one| one.code.clone()).collect(),
            overridden_by: overridden_by.map(|(code, _)| code.clone()),
        }
    }

    /// What becomes of the rows of a person for whom this is in force.
    #[must_use]
    pub fn decide(&self, rights: Option<&PersonRights>) -> Release<'_> {
        let consented = rights.and_then(|rights| rights.consent.as_ref());
        if let Some(purpose) = &self.consent_to
            && !consented.is_some_and(|purposes| purposes.contains(purpose))
        {
            return Release::LeftOut;
        }
        let is_reserved = rights.is_some_and(|rights| {
            rights.reservations.iter().any(|code| !self.harmless.contains(code))
        });
        match (is_reserved, &self.overridden_by) {
            (false, _) => Release::Released,
            (true, Some(provision)) => Release::Overridden(provision),
            (true, None) => Release::LeftOut,
        }
    }
}
