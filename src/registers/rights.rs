//! Reservations and consents: an append-only ledger per register, and what is in force, in memory.
//!
//! Why it exists: what a person has said decides whether the person's data are taken in, and whether
//! they leave.  It is asked for each row, so that what is in force is a sparse map in memory; what
//! was ever said is in the store, for innsyn.
//!
//! ```text
//! HeldRights     read: many at a time         ingest and serials, from looking to handing over
//! RightsChange   change: one at a time        look ─► recorder: fact and entry in one commit ─► map
//! ```
//!
//! Whoever hands an answer to the recorder holds the rights for reading meanwhile, and a change holds
//! them alone from looking until its commit.  So an answer either stands before the change in the
//! log, or knows it; and a change begins when all that was handed over before is in the column.
//!
//! An erasure is such a change too ([`Erasure`]): it ends a past in the register, and what must not
//! come back of it is a tombstone.
//!
//! INVARIANT: what is in force is what the stored facts say, in their order.
//! INVARIANT: a fact is never changed or removed (S-25).
//! INVARIANT: what a person has said is what was said under any of the person's leaves, in the order
//! of the ledger; a split gives each leaf its own facts back.
//! INVARIANT: nobody who holds a column takes the rights: a change waits for the recorder, which
//! waits for the columns.  Links first, then rights, then the column.
//!
//! What it does *not* protect: whoever has this plane's store and its keys can read who, as a number,
//! has said what.

mod erasing;
mod fact;
mod quality;
mod reissuing;
mod release;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::links::{Graph, HeldLinks, Reach};
use super::queue::With;
use super::records::record_place;
use super::tombstone::{self, Tombstone};
use super::{Error, PlaneKeys, Registers, Write};
use crate::audit::{Entry, Recorded, Reference};
use crate::config::codes::{DisclosurePurpose, TermCode};
use crate::store::keys::Key;
use crate::store::{Step, Store};
use crate::vault::PersonNo;

pub use erasing::{Afterwards, Ended, Erasure, Recording};
pub use fact::{Channel, Fact, RightsFact};
pub use quality::{QualityAnswer, QualityConsents, QualityFact, QualityStatement};
pub use release::{Release, ReleaseRule};

/// What is in force for one person in one register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonRights {
    /// The uses that the person is reserved against.
    pub reservations: BTreeSet<TermCode>,
    /// What the person has consented to, unless the consent was withdrawn.
    pub consent: Option<BTreeSet<DisclosurePurpose>>,
    /// What the person has said to quality registers; nothing here depends on it.
    pub quality: QualityConsents,
    /// The person's facts, by their sequence numbers.
    facts: Vec<(u64, Fact)>,
}

impl PersonRights {
    /// Whether anything is in force that must find the person.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.consent.is_some() || !self.reservations.is_empty() || self.quality.is_in_force()
    }

    fn take(&mut self, sequence: u64, fact: &Fact) {
        match fact {
            Fact::ConsentGiven(purposes) => self.consent = Some(purposes.clone()),
            Fact::ConsentWithdrawn => self.consent = None,
            Fact::Quality(said) => self.quality.take(said),
            Fact::ReservationLifted(code) => {
                self.reservations.remove(code);
            }
            Fact::ReservationSet(code) => {
                self.reservations.insert(code.clone());
            }
        }
        self.facts.push((sequence, fact.clone()));
    }
}

/// The rights of one register.
#[derive(Default)]
pub(super) struct Rights(RwLock<State>);

#[derive(Default)]
struct State {
    persons: HashMap<PersonNo, PersonRights>,
    /// Facts that are stored.
    count: u64,
    /// By the leaf that the erasure was asked for: they bind every leaf that is one person with it now.
    tombstones: HashMap<PersonNo, Vec<Tombstone>>,
    next_tombstone: u64,
    /// Number of the last order; the first is 1.
    last_order: u64,
    /// What ended since the plane was opened, in order.
    endings: Vec<Ended>,
}

impl Rights {
    /// Reads a register's ledger, and says how many records it has.
    pub(super) fn load(
        store: &dyn Store,
        keys: &PlaneKeys,
        register: u16,
    ) -> Result<(Self, u64), Error> {
        let (mut state, mut failure) = (State::default(), None);
        store.scan(Key::rights_facts(register), &mut |key, value| {
            match open_fact(keys, key, value) {
                Ok((person, recorded)) if Key::trailing_u64(key)? == state.count => {
                    state.take(person, &recorded.fact);
                }
                Ok(_) => failure = Some(Error::Damaged { what: "sequence of rights facts" }),
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        let (tombstones, next) = tombstone::load(store, keys, register)?;
        for (person, tombstone) in tombstones {
            state.tombstones.entry(person).or_default().push(tombstone);
        }
        state.next_tombstone = next;
        store.scan(Key::orders_from(register, 0), &mut |key, _| {
            state.last_order = Key::trailing_u64(key)?;
            Ok(Step::Continue)
        })?;
        let count = state.count + state.next_tombstone + 2 * state.last_order;
        Ok((Self(RwLock::new(state)), count))
    }

    /// Whether a person has consented to anything, by these links.
    pub(super) fn consents(&self, graph: Option<&Graph>, person: PersonNo) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.of(graph, person).is_some_and(|rights| rights.consent.is_some())
    }

    /// Persons for whom a tombstone was asked.
    pub(super) fn tombstoned(&self) -> HashSet<PersonNo> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.tombstones.keys().copied().collect()
    }
}

impl State {
    /// What is in force for a leaf's person, by what was said under all its leaves.
    fn of(&self, graph: Option<&Graph>, leaf: PersonNo) -> Option<Cow<'_, PersonRights>> {
        let Some(graph) = graph.filter(|graph| graph.is_known(leaf)) else {
            return self.persons.get(&leaf).map(Cow::Borrowed);
        };
        self.said_under(&graph.leaves_of(leaf, Reach::All)).map(Cow::Owned)
    }

    /// What is in force by what was said under these leaves, in the order of the ledger.
    fn said_under(&self, leaves: &[PersonNo]) -> Option<PersonRights> {
        let mut said: Vec<&(u64, Fact)> = leaves
            .iter()
            .filter_map(|leaf| self.persons.get(leaf))
            .flat_map(|rights| &rights.facts)
            .collect();
        said.sort_by_key(|(sequence, _)| *sequence);
        let mut rights = PersonRights::default();
        said.iter().for_each(|(sequence, fact)| rights.take(*sequence, fact));
        (!rights.facts.is_empty()).then_some(rights)
    }

    fn take(&mut self, person: PersonNo, fact: &Fact) {
        self.persons.entry(person).or_default().take(self.count, fact);
        self.count += 1;
    }

    fn change_count(&self) -> u64 {
        self.count + self.endings.len() as u64
    }
}

fn open_fact(keys: &PlaneKeys, key: &[u8], value: &[u8]) -> Result<(PersonNo, RightsFact), Error> {
    let damaged = || Error::Damaged { what: "rights fact" };
    let key = Key::parse(key)?.1;
    let plain = keys.storage().open(&record_place(&key), value).map_err(|_| damaged())?;
    RightsFact::decode(&plain).ok_or_else(damaged)
}

/// The person whom the audit entry with a reference is about, and the person's partition.
pub(super) fn person_of(
    store: &dyn Store,
    keys: &PlaneKeys,
    reference: Reference,
) -> Result<Option<(u16, PersonNo)>, Error> {
    let damaged = || Error::Damaged { what: "audit person" };
    let key = Key::audit_person(*reference.as_bytes());
    let Some(stored) = store.get(&key)? else { return Ok(None) };
    let plain = keys.storage().open(&record_place(&key), &stored).map_err(|_| damaged())?;
    fact::read_audit_person(&plain).map(Some).ok_or_else(damaged)
}

/// The rights of a register, held for reading: none of them changes while this lives.
pub struct HeldRights<'a> {
    links: Rc<HeldLinks<'a>>,
    partition: u16,
    state: RwLockReadGuard<'a, State>,
}

impl HeldRights<'_> {
    /// What is in force for a person who ever said something.
    pub fn of(&self, person: PersonNo) -> Option<Cow<'_, PersonRights>> {
        self.state.of(self.links.of(self.partition), person)
    }

    /// What is in force by what was said under these leaves alone.
    pub fn said_under(&self, leaves: &[PersonNo]) -> Option<PersonRights> {
        self.state.said_under(leaves)
    }

    /// The links, which are held meanwhile.
    pub fn links(&self) -> &HeldLinks<'_> {
        &self.links
    }

    /// Whether a person has consented to anything.
    pub fn consents(&self, person: PersonNo) -> bool {
        self.of(person).is_some_and(|rights| rights.consent.is_some())
    }

    /// Changes so far, of links too: whoever looked at another count has to look again.
    pub fn change_count(&self) -> u64 {
        self.state.change_count() + self.links.change_count()
    }
}

/// The rights of a register, held alone, so that what was looked at is so still when it changes.
pub struct RightsChange<'a> {
    registers: &'a Registers,
    register: u16,
    links: HeldLinks<'a>,
    partition: u16,
    state: RwLockWriteGuard<'a, State>,
}

impl RightsChange<'_> {
    /// What is in force for a person who ever said something.
    pub fn of(&self, person: PersonNo) -> Option<Cow<'_, PersonRights>> {
        self.state.of(self.links.of(self.partition), person)
    }
}

impl Registers {
    fn rights_of(&self, register: u16) -> Result<(u16, &RwLock<State>), Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        Ok((members.partition, &members.rights.0))
    }

    /// Holds a register's rights for reading.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn hold_rights(&self, register: u16) -> Result<HeldRights<'_>, Error> {
        self.hold_rights_with(&Rc::new(self.hold_links()), register)
    }

    /// Holds a register's rights for reading, for who holds the links.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn hold_rights_with<'a>(
        &'a self,
        links: &Rc<HeldLinks<'a>>,
        register: u16,
    ) -> Result<HeldRights<'a>, Error> {
        let (partition, rights) = self.rights_of(register)?;
        let state = rights.read().unwrap_or_else(PoisonError::into_inner);
        Ok(HeldRights { links: Rc::clone(links), partition, state })
    }

    /// Holds a register's rights alone, once every answer that was given under them before has been
    /// recorded: who was on the way into the register is in it now, and nobody else comes meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Failed`].
    pub fn change_rights(&self, register: u16) -> Result<RightsChange<'_>, Error> {
        let (partition, rights) = self.rights_of(register)?;
        let links = self.hold_links();
        let state = rights.write().unwrap_or_else(PoisonError::into_inner);
        self.wait_for_recorder()?;
        Ok(RightsChange { registers: self, register, links, partition, state })
    }

    /// Everything that was ever recorded about a person's rights in a register, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn rights_facts(
        &self,
        register: u16,
        person: &PersonRights,
    ) -> Result<Vec<RightsFact>, Error> {
        let facts = person.facts.iter().map(|(sequence, _)| {
            let key = Key::rights_fact(register, *sequence);
            let stored = self.store.get(&key)?.ok_or(Error::Damaged { what: "rights fact" })?;
            Ok(open_fact(&self.keys, key.as_bytes(), &stored)?.1)
        });
        facts.collect()
    }

    /// What leads from the reference of an audit entry to its person.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn audit_person(
        &self,
        reference: Reference,
        partition: u16,
        person: PersonNo,
    ) -> Result<Write, Error> {
        let key = Key::audit_person(*reference.as_bytes());
        let sealed = self.seal_record(&key, fact::audit_person(partition, person).as_slice())?;
        Ok(Write::Put(key, sealed))
    }

    /// The person whom the audit entry with a reference is about, and the person's partition.  For
    /// innsyn.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn person_of_audit(&self, reference: Reference) -> Result<Option<(u16, PersonNo)>, Error> {
        person_of(self.store.as_ref(), &self.keys, reference)
    }

    /// Records an act together with what it changes and what is answered to it, and waits until it
    /// is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_answered_change_and_wait<T: Send + 'static>(
        &self,
        entry: Entry,
        writes: Vec<Write>,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        self.send_and_wait(entry, With { writes, ..With::default() }, value)
    }
}
