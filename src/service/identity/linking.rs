//! Identifiers that a sender states to be one person's: what a message carries beside the main one.
//!
//! ```text
//! columns ─► rows of identifiers ─► whose are they?        ─► row by row, then rows that meet (deciding.rs)
//!         ─► leaves for the unknown ones of rows that hold ─► links, entry in one commit ─► an outcome a row
//! ```
//!
//! Invariants: each row has an outcome; a row is linked as a whole or not at all; what of it depends on
//! what others state is decided by all rows of the request, and never by their order; a link of a
//! sender replaces no ID of one who has an ID by that of another who has one; who is dead, erased,
//! protected, or known twice elsewhere is answered by one word; of a row that is not linked nothing is
//! kept; a sender ends the links of its own statements and no others; nothing is linked in a one-way
//! register.
//!
//! What it does *not* protect: a sender who states what is wrong of persons whom no register has twice.
//! Each link says whose statement it is, so that it can be taken back as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Limit, Service, Violation, actor, allow};
use super::identifiers::Identifiers;
use crate::audit::{Action, Entry, Recorded};
use crate::policy::{Denied, Permit};
use crate::registers::catalogue::Register;
use crate::registers::{
    Joining, Leaf, LinkReason, LinksChange, Protection, Provenance, Reach, Statement,
};
use crate::vault::{Origin, PERSONS, PersonNo, Unknown};

use deciding::Deciding;
use rows::Row;
pub use rows::{LinkOutcome, LinkOutcomes, StatedColumn, StatedRows};

mod deciding;
mod rows;

/// Columns of identifiers that rows have at least, and at most.
const COLUMNS: std::ops::RangeInclusive<usize> = 2..=8;

impl Service {
    /// Links the identifiers of each row, as far as nothing speaks against it.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `register_closed`, `source_unknown`, `batch_too_large`,
    /// `request_invalid` for columns of different lengths and for a one-way register, `server_sealed`,
    /// `commit_uncertain` (send them again).
    pub fn link_identifiers(
        &self,
        permit: &Permit,
        stated: &StatedRows,
    ) -> Result<Recorded<LinkOutcomes>, Error> {
        let (open, mut statement) = self.state(permit, stated, Action::IdentifiersLinked)?;
        let linked = statement.link(self, &open);
        linked.inspect_err(|_| {
            self.reopen_if_failed(&open);
        })
    }

    /// Takes back what the sender stated of the identifiers of each row: ends the links between any two
    /// of them that it has made for this register and source, and no others.
    ///
    /// # Errors
    ///
    /// Those of [`Self::link_identifiers`].
    pub fn unlink_identifiers(
        &self,
        permit: &Permit,
        stated: &StatedRows,
    ) -> Result<Recorded<LinkOutcomes>, Error> {
        let (open, mut statement) = self.state(permit, stated, Action::IdentifiersUnlinked)?;
        let unlinked = statement.unlink(self, &open);
        unlinked.inspect_err(|_| {
            self.reopen_if_failed(&open);
        })
    }

    /// What is stated, by whom and of which identifiers, once it may be.
    fn state(
        &self,
        permit: &Permit,
        stated: &StatedRows,
        action: Action,
    ) -> Result<(Arc<Open>, Stating), Error> {
        allow(permit, &stated.right())?;
        self.check_stated(stated)?;
        let open = self.open_now()?;
        let register = self.register_of_statement(permit, stated)?;
        let today = self.parts.clock.today();
        let mut entry = self.entry(actor(permit), action);
        entry.register = Some(stated.register.to_string());
        entry.source = Some(stated.source.to_string());
        let mut identifiers = Identifiers::default();
        let rows = stated.parse(&self.parts.rules.at(today), &mut identifiers);
        let statement =
            Statement { register: stated.register.clone(), source: stated.source.clone() };
        let provenance = Provenance {
            event: None,
            effective: None,
            at: self.parts.clock.now(),
            principal: permit.principal().clone(),
            organisation: permit.organisation(),
            statement: Some(statement),
        };
        let source = stated.source.to_string();
        let origin = Origin { register: register.number, source, seen: today };
        Ok((open, Stating { identifiers, rows, provenance, origin, entry }))
    }

    fn check_stated(&self, stated: &StatedRows) -> Result<(), Error> {
        let max = self.parts.config.limits.batch_identifiers_max;
        let cells: usize = stated.columns.iter().map(|column| column.values.len()).sum();
        if cells > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        let is_even = stated.columns.iter().all(|column| column.values.len() == stated.len());
        let problems = [
            (!COLUMNS.contains(&stated.columns.len()), "must be 2 to 8"),
            (!is_even, "must have as many values each; give empty text where a row has none"),
        ];
        let violations = problems.into_iter().filter(|(is_wrong, _)| *is_wrong);
        let violations: Vec<Violation> = violations
            .map(|(_, text)| Violation { field: "columns".into(), text: text.into() })
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }

    /// The register of a statement: known, of sealed identities, open, and the source the caller's.
    fn register_of_statement(
        &self,
        permit: &Permit,
        stated: &StatedRows,
    ) -> Result<&Register, Error> {
        let today = self.parts.clock.today();
        let register = self.parts.catalogue.by_code(stated.register.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        if register.is_one_way() {
            let text =
                "is one-way: it keeps no identities, and nothing may say which of them are one";
            let violation = Violation { field: "register".into(), text: text.into() };
            return Err(Error::invalid(vec![violation]));
        }
        if !register.is_open(today) {
            return Err(Error::new(ErrorCode::RegisterClosed));
        }
        let source = register.source(stated.source.as_str());
        let source = source.filter(|source| source.validity.contains(today));
        let source = source.ok_or_else(|| Error::new(ErrorCode::SourceUnknown))?;
        let owners = &source.organisations;
        if owners.is_empty() || owners.contains(&permit.organisation()) {
            return Ok(register);
        }
        Err(Denied.into())
    }
}

/// Rows that are looked at, with everything that their links say of themselves.
struct Stating {
    identifiers: Identifiers,
    rows: Vec<Row>,
    provenance: Provenance,
    origin: Origin,
    entry: Entry,
}

impl Stating {
    fn link(
        &mut self,
        service: &Service,
        open: &Arc<Open>,
    ) -> Result<Recorded<LinkOutcomes>, Error> {
        let mut change = open.registers.change_links();
        // Whoever is on the way into a register is in it before it is asked who is.
        change.settle().map_err(register_error)?;
        let mut known = self.known(service, open, &mut change)?;
        let deciding = Deciding::new((service, open), &change, self.origin.register, &known);
        let mut outcomes = deciding?.decide(&self.rows);
        let linked = |(row, outcome): (&Row, &LinkOutcome)| match row {
            Ok(places) if *outcome == LinkOutcome::Linked => Some(places.clone()),
            _ => None,
        };
        let places: Vec<Option<Vec<usize>>> = self.rows.iter().zip(&outcomes).map(linked).collect();
        self.assign(service, open, places.iter().flatten().flatten(), &mut known)?;
        change.concerns(PERSONS, known.iter().copied().flatten());
        for (outcome, places) in outcomes.iter_mut().zip(&places) {
            let persons = places.iter().flatten().filter_map(|place| known[*place]);
            *outcome =
                self.join((service, open), &mut change, &persons.collect::<Vec<_>>(), *outcome)?;
        }
        change.commit(self.told(&outcomes), outcomes).map_err(register_error)
    }

    fn unlink(
        &mut self,
        service: &Service,
        open: &Arc<Open>,
    ) -> Result<Recorded<LinkOutcomes>, Error> {
        let mut change = open.registers.change_links();
        let known = self.known(service, open, &mut change)?;
        change.concerns(PERSONS, known.iter().copied().flatten());
        let mut outcomes = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            outcomes.push(match row {
                Err(outcome) => *outcome,
                Ok(places) => {
                    let persons = places.iter().filter_map(|place| known[*place]);
                    self.take_back(open, &mut change, &persons.collect::<Vec<_>>())?
                }
            });
        }
        change.commit(self.told(&outcomes), outcomes).map_err(register_error)
    }

    /// Whom the identifiers are of, as far as they are known.
    fn known(
        &self,
        service: &Service,
        open: &Arc<Open>,
        change: &mut LinksChange<'_>,
    ) -> Result<Vec<Option<PersonNo>>, Error> {
        let known = self.identifiers.known(open, PERSONS);
        let known = known.map_err(|error| service.identity_vault_failed(open, error))?;
        // In a moment the vault does not know them any more: the sender asks again then.
        if known.iter().flatten().any(|person| open.registers.is_forgotten(PERSONS, *person)) {
            return Err(Error::new(ErrorCode::CommitUncertain));
        }
        change.concerns(PERSONS, known.iter().copied().flatten());
        Ok(known)
    }

    /// Gives the unknown identifiers of rows that are linked a leaf.
    fn assign<'a>(
        &self,
        service: &Service,
        open: &Arc<Open>,
        places: impl Iterator<Item = &'a usize>,
        known: &mut [Option<PersonNo>],
    ) -> Result<(), Error> {
        let new: BTreeSet<usize> =
            places.copied().filter(|place| known[*place].is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let new: Vec<usize> = new.into_iter().collect();
        let assigned = self.identifiers.find(open, PERSONS, &new, Unknown::Assign(&self.origin));
        let assigned = assigned.map_err(|error| service.identity_vault_failed(open, error))?;
        for (place, person) in new.into_iter().zip(assigned) {
            known[place] = person;
        }
        Ok(())
    }

    /// Joins the first identifier of a row with the others.
    fn join(
        &self,
        (service, open): (&Service, &Arc<Open>),
        change: &mut LinksChange<'_>,
        persons: &[PersonNo],
        outcome: LinkOutcome,
    ) -> Result<LinkOutcome, Error> {
        let Some((first, others)) = persons.split_first() else { return Ok(outcome) };
        let leaf = |person: PersonNo| -> Result<Leaf, Error> {
            let drawn = open.vault.drawn(PERSONS, person);
            let drawn = drawn.map_err(|error| service.identity_vault_failed(open, error))?;
            Ok(Leaf { person, drawn })
        };
        for other in others {
            let graph = change.of(PERSONS);
            if graph.is_some_and(|graph| !graph.links_between([*first, *other]).is_empty()) {
                continue;
            }
            let made = ([leaf(*first)?, leaf(*other)?], Protection::Shown);
            let made = change.join(PERSONS, made, LinkReason::Stated, self.provenance.clone());
            if made.map_err(register_error)? == Joining::TooMany {
                // There was room for all of the rows that meet.
                return Err(Error::internal("a row that was to be linked has no room"));
            }
        }
        Ok(outcome)
    }

    /// Ends the links between persons that are the sender's own.
    fn take_back(
        &self,
        open: &Arc<Open>,
        change: &mut LinksChange<'_>,
        persons: &[PersonNo],
    ) -> Result<LinkOutcome, Error> {
        let pairs = persons.iter().enumerate();
        let pairs =
            pairs.flat_map(|(at, one)| persons[at + 1..].iter().map(|other| [*one, *other]));
        let (mut was_linked, mut is_one) = (false, false);
        let pairs: Vec<[PersonNo; 2]> = pairs.collect();
        for pair in &pairs {
            let links = change.of(PERSONS).map(|graph| graph.links_between(*pair));
            let facts = open.registers.link_facts(PERSONS, &links.unwrap_or_default());
            let facts = facts.map_err(register_error)?;
            let own = facts.into_iter().filter(|(_, fact)| {
                fact.reason == LinkReason::Stated
                    && fact.provenance.statement == self.provenance.statement
            });
            let own: Vec<u64> = own.map(|(sequence, _)| sequence).collect();
            if !own.is_empty() {
                let whose = (PERSONS, *pair);
                let ended = change.end(whose, own, LinkReason::Stated, &self.provenance);
                ended.map_err(register_error)?;
                was_linked = true;
            }
        }
        for [one, other] in pairs {
            let graph = change.of(PERSONS);
            let leaves = graph.map(|graph| graph.leaves_of(one, Reach::Shown)).unwrap_or_default();
            is_one |= leaves.contains(&other);
        }
        Ok(match (was_linked, is_one) {
            (false, _) => LinkOutcome::NeverLinked,
            (true, false) => LinkOutcome::Unlinked,
            (true, true) => LinkOutcome::StillJoined,
        })
    }

    /// The entry about rows.
    fn told(&self, outcomes: &[LinkOutcome]) -> Entry {
        let mut entry = self.entry.clone();
        entry.counts.insert("rows".into(), outcomes.len() as u64);
        for outcome in outcomes {
            *entry.counts.entry(outcome.as_str().into()).or_default() += 1;
        }
        entry
    }
}
