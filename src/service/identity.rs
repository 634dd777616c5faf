//! Identities that change: events of the population register, and what follows from them.
//!
//! ```text
//! events ─► those after the feed's pointer ─► identifiers to leaves (a new one of somebody known: at once)
//!        ─► one by one: links, splits, deaths, secret addresses       (applying.rs, pure but for the graph)
//!        ─► facts, feeds of the registers, pointer and entry in one commit ─► in force, then answered
//! ```
//!
//! Invariants: an event is applied once, however often it is sent; what became of a feed does not
//! depend on where it was cut; an event about nobody who is known leaves a count and no more; an event
//! that contradicts what is known, or itself, is told by its number and a code, and stops nothing; the
//! answer to one that changes nothing is the same whether its person is known or not, and who is known
//! and named by any event stands in the log; nothing is applied to one-way registers, since the same
//! event in two partitions would say who is who.  What one request, event and person may take is
//! bounded, since nobody is answered while links are made.
//!
//! What it does *not* protect: whoever has the role joins and splits whom they like.  It stands in the
//! log, link by link in the ledger, and every split gives back what was joined.

use std::sync::Arc;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Limit, Service, Violation, actor, allow};
use crate::audit::{Action, Entry, Recorded};
use crate::config::codes::TermCode;
use crate::config::words::word_enum;
use crate::ident::{Declared, Reject, parse_text};
use crate::policy::{Permit, Right};
use crate::registers::{AddressProtection, LinkReason, LinksChange, Protection};
use crate::vault::{Origin, PERSONS};

use applying::Applying;
use identifiers::{Identifiers, Parsed};

mod applying;
mod identifiers;
mod linking;
mod reading;

pub use linking::{LinkOutcome, LinkOutcomes, StatedColumn, StatedRows};
pub use reading::{LinkStanding, ProtectedLink, ProtectedLinks};

/// Reports that are named in an entry; of more there is the count.
const REPORTS_NAMED: usize = 256;
/// Identifiers that one event names besides its own.  Folkeregisteret names one or two.
const OTHERS_MAX: usize = 16;

word_enum! {
    /// The events that mean something here, by their names in Folkeregisteret.
    pub enum IdentityEventType {
        /// How secret an address is.
        AddressProtection = "endringIAdressebeskyttelse",
        /// A death is corrected, or was none.
        DeathChanged = "endringIDoedsfall",
        /// A false identity.
        FalseIdentity = "endringIFalskIdentitet",
        /// Another fødselsnummer or D-number.
        IdentifierChanged = "endringIIdentifikasjonsnummer",
        /// A DUF-number.
        DufChanged = "endringIUtlendingsmyndighetenesIdentifikasjonsnummer",
        /// A death.
        Died = "personErDoed",
        /// A split: the number that stays.
        SplitChanged = "personErEndretVedSplitting",
        /// A split: the number that comes back.
        SplitRestored = "personErGjenopprettetVedSplitting",
        /// A merge: the number that ends.
        MergedAway = "personErOpphoertSomDublett",
        /// The person is active again; after a wrong death too.
        Reactivated = "personErReaktivert",
        /// A merge: the number that is carried on.
        MergedInto = "personErViderefoertSomGjeldendeVedSammenslaaing",
    }
}

impl IdentityEventType {
    /// Why the event joins its identifiers, if that is what it does.
    const fn joins(self) -> Option<LinkReason> {
        match self {
            Self::DufChanged => Some(LinkReason::DufChanged),
            Self::FalseIdentity => Some(LinkReason::FalseIdentity),
            Self::IdentifierChanged => Some(LinkReason::IdentifierChanged),
            Self::MergedAway => Some(LinkReason::MergedAway),
            Self::MergedInto => Some(LinkReason::MergedInto),
            _ => None,
        }
    }
}

word_enum! {
    /// What is wrong with an event.
    pub enum EventCode {
        /// A day after today.
        DateInFuture = "date_in_future",
        /// A death before the birth.
        DeathBeforeBirth = "death_before_birth",
        /// A correction of a death that was never told.
        DeathNotRecorded = "death_not_recorded",
        /// What the event is about is not in it.
        FieldMissing = "field_missing",
        /// An identifier that the rules refuse.
        IdentifierRefused = "identifier_refused",
        /// A split of what was never joined.
        NeverJoined = "never_joined",
        /// A split of two who are one person by other events too.
        StillJoined = "still_joined",
        /// More identifiers of one person than there may be, or more links of one identifier.
        TooManyJoined = "too_many_joined",
    }
}

/// One event of a feed.
pub struct IdentityEvent {
    /// Its number in the feed.
    pub sequence: u64,
    /// What it is; nothing for an event that means nothing here.
    pub event_type: Option<IdentityEventType>,
    /// The identifier that it is about.
    pub identifier: Zeroizing<String>,
    /// The other identifiers that it names.
    pub others: Vec<Zeroizing<String>>,
    /// Since when it is so.
    pub effective: Option<Date>,
    /// The day of death.
    pub died: Option<Date>,
    /// How secret the address is.
    pub address: Option<AddressProtection>,
    /// Whether the identity is false; nothing where that is not said.
    pub falsehood: Option<Falsehood>,
    /// Whether a link that it makes may be shown to registers.
    pub protection: Protection,
}

/// Whether an identity is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Falsehood {
    /// It is.
    False,
    /// It is not.
    True,
}

/// An event that contradicts what is known, or itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// The event's number in the feed.
    pub sequence: u64,
    /// What is wrong with it.
    pub code: EventCode,
}

/// How many events became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Changed something.
    pub applied: u64,
    /// Said what was known; in an answer also those about nobody who is known.
    pub unchanged: u64,
    /// About nobody who is known; 0 in an answer, which does not say who is.
    pub nobody: u64,
    /// Of kinds that mean nothing here.
    pub passed_over: u64,
    /// Were read before.
    pub repeated: u64,
    /// Contradict what is known, or themselves.
    pub reported: u64,
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedEvents {
    /// The feed is read up to this event.
    pub read_to: u64,
    /// How many became what.
    pub counts: EventCounts,
    /// Those that contradict what is known, or themselves.
    pub reports: Vec<EventReport>,
}

impl Service {
    /// Applies the events of a feed that come after its pointer.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `batch_too_large`, `request_invalid` when the numbers do not ascend,
    /// `server_sealed`, `commit_uncertain` (send them again).
    pub fn apply_events(
        &self,
        permit: &Permit,
        feed: &TermCode,
        events: &[IdentityEvent],
    ) -> Result<Recorded<AppliedEvents>, Error> {
        allow(permit, &Right::ApplyEvents)?;
        self.check_events(events)?;
        let open = self.open_now()?;
        let mut entry = self.entry(actor(permit), Action::IdentityEventsApplied);
        entry.source = Some(feed.to_string());
        let applied = self.apply_new(&open, permit, (feed, events), entry);
        applied.inspect_err(|_| {
            self.reopen_if_failed(&open);
        })
    }

    fn check_events(&self, events: &[IdentityEvent]) -> Result<(), Error> {
        let max = self.parts.config.limits.batch_identifiers_max;
        let identifiers: usize = events.iter().map(|event| 1 + event.others.len()).sum();
        if identifiers > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        let mut violations = Vec::new();
        let is_ascending = events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
        if !is_ascending || events.first().is_some_and(|first| first.sequence == 0) {
            let text = "must ascend from event to event, and begin at 1 or above";
            violations.push(Violation { field: "events.sequence".into(), text: text.into() });
        }
        if let Some(event) = events.iter().find(|event| event.others.len() > OTHERS_MAX) {
            let text =
                format!("has more than {OTHERS_MAX} identifiers in event {}", event.sequence);
            violations.push(Violation { field: "events.others".into(), text: text.into() });
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }

    fn apply_new(
        &self,
        open: &Arc<Open>,
        permit: &Permit,
        (feed, events): (&TermCode, &[IdentityEvent]),
        entry: Entry,
    ) -> Result<Recorded<AppliedEvents>, Error> {
        let mut change = open.registers.change_links();
        let read_to = change.pointer(feed).map_or(0, |pointer| pointer.sequence);
        let (repeated, new) =
            events.split_at(events.partition_point(|event| event.sequence <= read_to));
        if !new.is_empty() && !change.has_room_for(feed) {
            let text = "is a new one, and there are as many as there may be: deliver under the name \
                        of a feed that is known";
            let violation = Violation { field: "feed".into(), text: text.into() };
            return Err(Error::invalid(vec![violation]));
        }
        let mut applied = AppliedEvents { read_to, ..AppliedEvents::default() };
        applied.counts.repeated = repeated.len() as u64;
        if let Some(last) = new.last() {
            applied.read_to = last.sequence;
            self.apply_all((open, permit), (feed, new), &mut change, &mut applied)?;
            let moved = change.advance(feed, last.sequence, new.len() as u64);
            moved.map_err(register_error)?;
        }
        let entry = told(entry, events.len(), &applied);
        // Who delivers is not told whether somebody is known; the log is.
        applied.counts.unchanged += std::mem::take(&mut applied.counts.nobody);
        change.commit(entry, applied).map_err(register_error)
    }

    fn apply_all(
        &self,
        (open, permit): (&Arc<Open>, &Permit),
        (feed, events): (&TermCode, &[IdentityEvent]),
        change: &mut LinksChange<'_>,
        applied: &mut AppliedEvents,
    ) -> Result<(), Error> {
        let today = self.parts.clock.today();
        let rules = self.parts.rules.at(today);
        let parse = |text: &Zeroizing<String>| -> Result<_, Reject> {
            parse_text(&rules, Declared::Any, None, text.as_bytes())
        };
        let mut identifiers = Identifiers::default();
        let parsed: Vec<Option<Parsed>> =
            events.iter().map(|event| identifiers.parse(event, parse)).collect();
        let origin = Origin { register: 0, source: feed.to_string(), seen: today };
        let failed = |error| self.identity_vault_failed(open, error);
        let known = identifiers.known(open, PERSONS).map_err(failed)?;
        // In a moment the vault does not know them any more: the feed waits until it is so.
        if known.iter().flatten().any(|person| open.registers.is_forgotten(PERSONS, *person)) {
            return Err(Error::new(ErrorCode::CommitUncertain));
        }
        let persons = identifiers.persons(open, (PERSONS, known), &parsed, &origin);
        let persons = persons.map_err(failed)?;
        let mut applying = Applying::new(&open.vault, change, &persons);
        for ((at, event), parsed) in events.iter().enumerate().zip(&parsed) {
            let by = applying::Known { permit, feed, today, at: self.parts.clock.now() };
            let outcome = parsed.as_ref().map(|parsed| {
                applying.apply((at, event), (parsed, identifiers.born(parsed, &rules)), &by)
            });
            let outcome = outcome.transpose().map_err(|error| match error {
                applying::Failure::Registers(error) => register_error(error),
                applying::Failure::Vault(error) => self.identity_vault_failed(open, error),
            })?;
            applied.add(event, outcome.as_ref());
        }
        Ok(())
    }

    fn identity_vault_failed(&self, open: &Arc<Open>, error: crate::vault::Error) -> Error {
        if self.reopen_if_failed(open) {
            return Error::new(ErrorCode::CommitUncertain).with_source(error);
        }
        Error::internal(error)
    }
}

impl AppliedEvents {
    /// Counts an event, and reports what was wrong with it.
    fn add(&mut self, event: &IdentityEvent, came: Option<&applying::Outcome>) {
        let sequence = event.sequence;
        let counts = &mut self.counts;
        let (count, code) = match (event.event_type, came) {
            (None, _) => (&mut counts.passed_over, None),
            (Some(_), None) => (&mut counts.reported, Some(EventCode::IdentifierRefused)),
            (Some(_), Some(came)) => match came.code {
                Some(code) => (&mut counts.reported, Some(code)),
                None if came.changed => (&mut counts.applied, None),
                None if came.somebody => (&mut counts.unchanged, None),
                None => (&mut counts.nobody, None),
            },
        };
        *count += 1;
        self.reports.extend(code.map(|code| EventReport { sequence, code }));
    }
}

/// The entry about events.
fn told(mut entry: Entry, events: usize, applied: &AppliedEvents) -> Entry {
    let EventCounts { applied: changed, unchanged, nobody, passed_over, repeated, reported } =
        applied.counts;
    let counts = [
        ("events", events as u64),
        ("applied", changed),
        ("unchanged", unchanged),
        ("nobody", nobody),
        ("passed_over", passed_over),
        ("repeated", repeated),
        ("reported", reported),
    ];
    entry.counts.extend(
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.into(), count)),
    );
    let named = applied.reports.iter().take(REPORTS_NAMED);
    entry.changes = named.map(|one| format!("event {}: {}", one.sequence, one.code)).collect();
    entry
}
