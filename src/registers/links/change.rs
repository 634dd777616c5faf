//! Changing links and what is known of persons: many events, one commit.
//!
//! Each event is seen by the next one, so that the live state changes before the store does.  A change
//! that ends in any other way than recorded, by an early return, a panic or a commit that failed, fails
//! the plane before the links are let go: nothing is recorded by what was never stored, and the facts
//! are read again.

use std::collections::BTreeSet;
use std::mem::take;
use std::sync::RwLockWriteGuard;

use jiff::Timestamp;

use super::fact::{Leaf, LinkChange, LinkFact, LinkReason, Protection, Provenance};
use super::feed::Move;
use super::graph::{Graph, Joining, Moved, Reach};
use super::persons::{self, PersonFact, PersonStatus};
use super::{FeedPointer, State};
use crate::audit::{Entry, Recorded};
use crate::config::codes::TermCode;
use crate::registers::queue::With;
use crate::registers::{Error, PersonSet, Registers, Write};
use crate::store::keys::Key;
use crate::vault::{PERSONS, PersonNo};

/// The links, held alone, so that what was looked at is so still when it changes.
pub struct LinksChange<'a> {
    registers: &'a Registers,
    state: RwLockWriteGuard<'a, State>,
    writes: Vec<Write>,
    moves: Vec<Move>,
    /// Whom it is about.
    about: BTreeSet<PersonNo>,
    /// Whether the state may be another than what is stored.
    is_ahead: bool,
}

impl<'a> LinksChange<'a> {
    pub(super) fn new(registers: &'a Registers, state: RwLockWriteGuard<'a, State>) -> Self {
        let (writes, moves, about) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { registers, state, writes, moves, about, is_ahead: false }
    }

    /// The state, to change it.  INVARIANT: there is no other way to it.
    fn ahead(&mut self) -> &mut State {
        self.is_ahead = true;
        &mut self.state
    }

    /// Waits until every answer that was handed over before is recorded: whoever was on the way into a
    /// register is in it, and nobody else comes while this lives.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn settle(&self) -> Result<(), Error> {
        self.registers.wait_for_recorder()
    }

    /// How far a feed of events has been read.
    pub fn pointer(&self, feed: &TermCode) -> Option<&FeedPointer> {
        self.state.pointers.of(feed)
    }

    /// Whether a feed is known, or may still become so.
    pub fn has_room_for(&self, feed: &TermCode) -> bool {
        self.state.pointers.has_room_for(feed)
    }

    /// What the population register says about a leaf's person, what this change records included.
    pub fn status_of(&self, partition: u16, leaf: PersonNo) -> PersonStatus {
        let leaves = self.of(partition).map(|graph| graph.leaves_of(leaf, Reach::All));
        self.state.persons.status(partition, &leaves.unwrap_or_else(|| vec![leaf]))
    }

    /// The links of a partition, those that this change makes included.
    pub fn of(&self, partition: u16) -> Option<&Graph> {
        self.state.graphs.get(&partition)
    }

    /// Says whom it concerns, of a partition, whatever becomes of it.
    pub fn concerns(&mut self, partition: u16, leaves: impl IntoIterator<Item = PersonNo>) {
        if partition == PERSONS {
            self.about.extend(leaves);
        }
    }

    /// Joins two leaves of a partition.  An event that has joined them before does nothing, nor does one
    /// that would give a person more leaves, or a leaf more links, than there may be.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn join(
        &mut self,
        partition: u16,
        (leaves, protection): ([Leaf; 2], Protection),
        reason: LinkReason,
        provenance: Provenance,
    ) -> Result<Joining, Error> {
        let persons = leaves.map(|leaf| leaf.person);
        let graph = self.ahead().graphs.entry(partition).or_default();
        if !graph.has_made(persons, provenance.event.as_ref()) && !graph.has_room_for(persons) {
            return Ok(Joining::TooMany);
        }
        let sequence = graph.next();
        let joining = graph.join(leaves, provenance.event.clone(), protection);
        if let Joining::Made(moved) = &joining {
            self.note(partition, persons, moved, provenance.at);
            let change = LinkChange::Joined(leaves, protection);
            self.stage(partition, sequence, &LinkFact { change, reason, provenance })?;
        }
        Ok(joining)
    }

    /// Ends the links between two leaves that are in force, each with a fact of its own; says whose
    /// root has changed.  Nothing where there is none: they were never joined.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn separate(
        &mut self,
        partition: u16,
        leaves: [PersonNo; 2],
        reason: LinkReason,
        provenance: &Provenance,
    ) -> Result<Option<Vec<Moved>>, Error> {
        let graph = self.state.graphs.get(&partition);
        let links = graph.map_or_else(Vec::new, |graph| graph.links_between(leaves));
        if links.is_empty() {
            return Ok(None);
        }
        self.end((partition, leaves), links, reason, provenance).map(Some)
    }

    /// Ends links between two leaves that are in force, by their sequence numbers, each with a fact of
    /// its own; says whose root has changed.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn end(
        &mut self,
        (partition, leaves): (u16, [PersonNo; 2]),
        links: Vec<u64>,
        reason: LinkReason,
        provenance: &Provenance,
    ) -> Result<Vec<Moved>, Error> {
        let mut moved = Vec::new();
        for link in links {
            let graph = self.ahead().graphs.entry(partition).or_default();
            let sequence = graph.next();
            moved.extend(graph.separate(link).unwrap_or_default());
            let change = LinkChange::Separated(link);
            let fact = LinkFact { change, reason, provenance: provenance.clone() };
            self.stage(partition, sequence, &fact)?;
        }
        self.note(partition, leaves, &moved, provenance.at);
        Ok(moved)
    }

    /// Records what the population register says about the person of a leaf.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn record(
        &mut self,
        (partition, leaf): (u16, PersonNo),
        fact: PersonFact,
        provenance: &Provenance,
    ) -> Result<(), Error> {
        let plain = persons::encode(leaf, &fact, provenance);
        let sequence = self.ahead().persons.take((partition, leaf), fact);
        let key = Key::person_fact(partition, sequence);
        let sealed = self.registers.seal_record(&key, &plain)?;
        self.writes.extend([Write::Put(key, sealed), Write::VaultUsed(partition)]);
        self.note(partition, [leaf; 2], &[], provenance.at);
        Ok(())
    }

    /// Moves the pointer of a feed.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`], [`Error::TooLarge`].
    pub fn advance(&mut self, feed: &TermCode, to: u64, events: u64) -> Result<(), Error> {
        let (number, pointer) = self.ahead().pointers.advance(feed, to, events)?;
        let (key, plain) = (Key::event_pointer(number), pointer.encode());
        let sealed = self.registers.seal_record(&key, &plain)?;
        self.writes.push(Write::Put(key, sealed));
        Ok(())
    }

    fn note(&mut self, partition: u16, leaves: [PersonNo; 2], moved: &[Moved], at: Timestamp) {
        let moved = moved.iter().map(|moved| Move::new(partition, *moved, at));
        self.moves.extend(moved);
        self.concerns(partition, leaves);
    }

    fn stage(&mut self, partition: u16, sequence: u64, fact: &LinkFact) -> Result<(), Error> {
        let key = Key::link(partition, sequence);
        let sealed = self.registers.seal_record(&key, &fact.encode())?;
        self.writes.push(Write::Put(key, sealed));
        self.writes.push(Write::VaultUsed(partition));
        self.ahead().changes += 1;
        Ok(())
    }

    /// Records everything with its audit entry, and waits until it is durable; it is in force when
    /// this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn commit<T: Send + 'static>(
        mut self,
        entry: Entry,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        let (mut writes, mut moves) = (take(&mut self.writes), take(&mut self.moves));
        for one in &mut moves {
            let graph = self.state.graphs.get(&one.partition);
            one.look_at_person(&self.registers.members, graph);
        }
        let members = self.registers.members.values().filter(|one| one.partition == PERSONS);
        members.for_each(|one| one.mark_tombstoned(self.of(PERSONS), &self.about));
        if !self.about.is_empty() {
            let mut persons = PersonSet::default();
            persons.extend(&take(&mut self.about).into_iter().collect::<Vec<_>>());
            writes.push(Write::Concerns(persons));
        }
        let with = With { writes, moves, ..With::default() };
        let recorded = self.registers.send_and_wait(entry, with, value);
        self.is_ahead &= recorded.is_err();
        recorded
    }
}

impl Drop for LinksChange<'_> {
    /// The links are let go after this: whoever reads them then finds the plane failed.
    fn drop(&mut self) {
        if self.is_ahead {
            self.registers.fail("a change of links was not recorded");
        }
    }
}
