//! What one event does to the persons of the sealed registers.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::identifiers::{Parsed, Since};
use super::{EventCode, Falsehood, IdentityEvent, IdentityEventType};
use crate::config::codes::TermCode;
use crate::policy::Permit;
use crate::registers::{
    self, AddressProtection, EventId, Joining, Leaf, Life, LinkReason, LinksChange, PersonFact,
    Protection, Provenance, Reach,
};
use crate::vault::{self, PERSONS, PersonNo, Vault};

/// What became of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Somebody is known by it.
    pub(super) somebody: bool,
    /// It changed something.
    pub(super) changed: bool,
    /// What is wrong with it.
    pub(super) code: Option<EventCode>,
}

/// How an event came to be known.
pub(super) struct Known<'a> {
    pub(super) permit: &'a Permit,
    pub(super) feed: &'a TermCode,
    pub(super) today: Date,
    pub(super) at: Timestamp,
}

/// Why an event could not be applied.
pub(super) enum Failure {
    Registers(registers::Error),
    Vault(vault::Error),
}

impl From<registers::Error> for Failure {
    fn from(error: registers::Error) -> Self {
        Self::Registers(error)
    }
}

/// Applies events to the persons of the sealed registers.
pub(super) struct Applying<'a, 'b> {
    vault: &'a Arc<Vault>,
    change: &'a mut LinksChange<'b>,
    persons: &'a [Option<Since>],
    drawn: HashMap<PersonNo, u64>,
}

/// An event, with what all steps need of it.
struct Step<'a> {
    event: &'a IdentityEvent,
    main: Option<PersonNo>,
    others: Vec<Option<PersonNo>>,
    provenance: Provenance,
}

impl Outcome {
    const NOBODY: Self = Self { somebody: false, changed: false, code: None };
    const UNCHANGED: Self = Self { somebody: true, changed: false, code: None };
    const CHANGED: Self = Self { somebody: true, changed: true, code: None };

    const fn wrong(code: EventCode) -> Self {
        Self { somebody: true, changed: false, code: Some(code) }
    }

    /// Adds what became of another part of it.
    pub(super) fn add(&mut self, other: Self) {
        self.somebody |= other.somebody;
        self.changed |= other.changed;
        self.code = self.code.or(other.code);
    }
}

impl<'a, 'b> Applying<'a, 'b> {
    pub(super) fn new(
        vault: &'a Arc<Vault>,
        change: &'a mut LinksChange<'b>,
        persons: &'a [Option<Since>],
    ) -> Self {
        Self { vault, change, persons, drawn: HashMap::new() }
    }

    pub(super) fn apply(
        &mut self,
        (at, event): (usize, &IdentityEvent),
        (parsed, born): (&Parsed, Option<Date>),
        by: &Known<'_>,
    ) -> Result<Outcome, Failure> {
        let Some(event_type) = event.event_type else { return Ok(Outcome::NOBODY) };
        let person = |place: &usize| {
            let known = self.persons.get(*place).copied().flatten();
            known.filter(|known| known.event <= at).map(|known| known.person)
        };
        let others: Vec<Option<PersonNo>> = parsed.others.iter().map(person).collect();
        let main = person(&parsed.main);
        // Whom it is about is recorded whatever becomes of it: the answer may say that they are known.
        self.change.concerns(PERSONS, others.iter().copied().chain([main]).flatten());
        if let Some(code) = wrong_by_itself((event_type, event), parsed, (born, by.today)) {
            return Ok(Outcome::wrong(code));
        }
        let provenance = Provenance {
            event: Some(EventId { feed: by.feed.clone(), sequence: event.sequence }),
            effective: event.effective,
            at: by.at,
            principal: by.permit.principal().clone(),
            organisation: by.permit.organisation(),
            statement: None,
        };
        let step = Step { event, main, others, provenance };
        match event_type {
            IdentityEventType::AddressProtection => self.address(&step),
            IdentityEventType::DeathChanged => self.death_changed(&step),
            IdentityEventType::Died => self.died(&step),
            IdentityEventType::DufChanged => self.join(&step, LinkReason::DufChanged),
            IdentityEventType::FalseIdentity => self.false_identity(&step),
            IdentityEventType::IdentifierChanged => self.join(&step, LinkReason::IdentifierChanged),
            IdentityEventType::MergedAway => self.join(&step, LinkReason::MergedAway),
            IdentityEventType::MergedInto => self.join(&step, LinkReason::MergedInto),
            IdentityEventType::Reactivated => self.reactivated(&step),
            IdentityEventType::SplitChanged => self.split(&step, LinkReason::SplitChanged),
            IdentityEventType::SplitRestored => self.split(&step, LinkReason::SplitRestored),
        }
    }

    fn join(&mut self, step: &Step<'_>, reason: LinkReason) -> Result<Outcome, Failure> {
        // Whoever is known gave the others their leaves.
        let Some(main) = step.main else { return Ok(Outcome::NOBODY) };
        let mut outcome = Outcome::UNCHANGED;
        for other in step.others.iter().copied().flatten() {
            let leaves = [self.leaf(main)?, self.leaf(other)?];
            let protection = self.protection(step, [main, other], reason);
            let made = (leaves, protection);
            let made = self.change.join(PERSONS, made, reason, step.provenance.clone())?;
            outcome.add(match made {
                Joining::Made(_) => Outcome::CHANGED,
                Joining::Repeated => Outcome::UNCHANGED,
                Joining::TooMany => Outcome::wrong(EventCode::TooManyJoined),
            });
        }
        Ok(outcome)
    }

    /// A link is protected if the event says so, or if either person has a false identity or a strictly
    /// confidential address: then a new number may be a new identity.
    fn protection(
        &self,
        step: &Step<'_>,
        persons: [PersonNo; 2],
        reason: LinkReason,
    ) -> Protection {
        let is_hidden = |person: &PersonNo| {
            let status = self.change.status_of(PERSONS, *person);
            status.address == AddressProtection::Strict || status.has_false_identity
        };
        if reason == LinkReason::FalseIdentity || persons.iter().any(is_hidden) {
            return Protection::Protected;
        }
        step.event.protection
    }

    fn split(&mut self, step: &Step<'_>, reason: LinkReason) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::UNCHANGED;
        for other in &step.others {
            let (Some(main), Some(other)) = (step.main, *other) else {
                outcome.add(Outcome::wrong(EventCode::NeverJoined));
                continue;
            };
            outcome.add(self.separate([main, other], reason, &step.provenance)?);
        }
        Ok(outcome)
    }

    fn separate(
        &mut self,
        leaves: [PersonNo; 2],
        reason: LinkReason,
        provenance: &Provenance,
    ) -> Result<Outcome, Failure> {
        let ended = self.change.separate(PERSONS, leaves, reason, provenance)?;
        let graph = self.change.of(PERSONS);
        let is_one =
            graph.is_some_and(|graph| graph.leaves_of(leaves[0], Reach::All).contains(&leaves[1]));
        let mut outcome = if ended.is_some() { Outcome::CHANGED } else { Outcome::UNCHANGED };
        outcome.code = match (ended, is_one) {
            (Some(_), true) => Some(EventCode::StillJoined),
            (None, _) if !graph.is_some_and(|graph| graph.were_joined(leaves)) => {
                Some(EventCode::NeverJoined)
            }
            _ => None,
        };
        Ok(outcome)
    }

    fn died(&mut self, step: &Step<'_>) -> Result<Outcome, Failure> {
        self.record(step, PersonFact::Died(step.event.died), |life, _| {
            life != Life::Dead(step.event.died)
        })
    }

    fn death_changed(&mut self, step: &Step<'_>) -> Result<Outcome, Failure> {
        // Of nobody no death was told either.
        let Some(main) = step.main else { return Ok(Outcome::wrong(EventCode::DeathNotRecorded)) };
        let is_early = self.change.status_of(PERSONS, main).life == Life::Alive;
        let mut outcome = match step.event.died {
            Some(_) => self.died(step)?,
            None => self.reactivated(step)?,
        };
        outcome.code = is_early.then_some(EventCode::DeathNotRecorded);
        Ok(outcome)
    }

    fn reactivated(&mut self, step: &Step<'_>) -> Result<Outcome, Failure> {
        self.record(step, PersonFact::DeathRevoked, |life, _| life != Life::Alive)
    }

    fn address(&mut self, step: &Step<'_>) -> Result<Outcome, Failure> {
        let Some(protection) = step.event.address else { return Ok(Outcome::UNCHANGED) };
        self.record(step, PersonFact::Address(protection), |_, address| address != protection)
    }

    fn record(
        &mut self,
        step: &Step<'_>,
        fact: PersonFact,
        is_new: impl FnOnce(Life, AddressProtection) -> bool,
    ) -> Result<Outcome, Failure> {
        let Some(main) = step.main else { return Ok(Outcome::NOBODY) };
        let status = self.change.status_of(PERSONS, main);
        if !is_new(status.life, status.address) {
            return Ok(Outcome::UNCHANGED);
        }
        self.change.record((PERSONS, main), fact, &step.provenance)?;
        Ok(Outcome::CHANGED)
    }

    fn false_identity(&mut self, step: &Step<'_>) -> Result<Outcome, Failure> {
        let is_false = step.event.falsehood == Some(Falsehood::False);
        let mut outcome = step.main.map_or(Outcome::NOBODY, |_| Outcome::UNCHANGED);
        if let Some(main) = step.main
            && self.change.status_of(PERSONS, main).has_false_identity != is_false
        {
            let fact =
                if is_false { PersonFact::FalseIdentity } else { PersonFact::FalseIdentityRevoked };
            self.change.record((PERSONS, main), fact, &step.provenance)?;
            outcome.changed = true;
        }
        if !step.others.is_empty() {
            let reason = LinkReason::FalseIdentity;
            outcome.add(if is_false {
                self.join(step, reason)?
            } else {
                self.split(step, reason)?
            });
        }
        Ok(outcome)
    }

    fn leaf(&mut self, person: PersonNo) -> Result<Leaf, Failure> {
        if let Some(drawn) = self.drawn.get(&person) {
            return Ok(Leaf { person, drawn: *drawn });
        }
        let drawn = self.vault.drawn(PERSONS, person).map_err(Failure::Vault)?;
        self.drawn.insert(person, drawn);
        Ok(Leaf { person, drawn })
    }
}

/// What is wrong with an event in itself, whoever it is about and whether anybody knows them: it is
/// judged first, so that it says nothing of that.
fn wrong_by_itself(
    (event_type, event): (IdentityEventType, &IdentityEvent),
    parsed: &Parsed,
    (born, today): (Option<Date>, Date),
) -> Option<EventCode> {
    let is_missing = match event_type {
        IdentityEventType::AddressProtection => event.address.is_none(),
        IdentityEventType::FalseIdentity => event.falsehood.is_none(),
        IdentityEventType::DeathChanged | IdentityEventType::Died => {
            let died = event.died?;
            let is_early = born.is_some_and(|born| died < born);
            let is_future = (died > today).then_some(EventCode::DateInFuture);
            return if is_early { Some(EventCode::DeathBeforeBirth) } else { is_future };
        }
        IdentityEventType::DufChanged
        | IdentityEventType::IdentifierChanged
        | IdentityEventType::MergedAway
        | IdentityEventType::MergedInto
        | IdentityEventType::SplitChanged
        | IdentityEventType::SplitRestored => parsed.others.is_empty(),
        IdentityEventType::Reactivated => false,
    };
    is_missing.then_some(EventCode::FieldMissing)
}
