//! Links: which identifiers are one person's, since when and by which event.
//!
//! Why it exists: a person's number changes, two numbers turn out to be one person's, and sometimes
//! that was wrong.  Nothing that was answered is ever rewritten: each identifier keeps its own person
//! number, a *leaf*, and links say which leaves belong together.
//!
//! ```text
//! HeldLinks     read: many at a time        ingest, rights and serials, from looking to handing over
//! LinksChange   change: one at a time       look ─► graph ─► recorder: facts, feed and entry, one commit
//!
//! person = leaves joined by links in force        root = the leaf that was drawn first
//! ```
//!
//! INVARIANT: the graph is what the stored facts say, in their order; a fact is never changed.
//! INVARIANT: a link that ends takes nothing but itself; what joined before it is as it was.
//! INVARIANT: nobody who holds rights or a column takes the links: links first, then rights, then the
//! column, each once.
//! INVARIANT: a graph whose commit failed answers nobody: nothing is recorded until the plane is
//! opened again, which reads the facts.
//!
//! What it does *not* protect: whoever has this plane's store and its keys can read which numbers are
//! one person's.

mod change;
mod fact;
mod feed;
mod graph;
mod persons;
mod pointer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::records::record_place;
use super::{Error, Members, PlaneKeys, Registers};
use crate::config::codes::TermCode;
use crate::store::keys::{Key, Kind};
use crate::store::{Step, Store};
use crate::vault::PersonNo;

pub use change::LinksChange;
pub(super) use fact::encode as encode_json;
pub use fact::{
    EventId, Leaf, LinkChange, LinkFact, LinkReason, Protection, Provenance, Statement,
};
pub(super) use feed::{Feed, Move, Renewed};
pub use feed::{IdChange, IdChanges, More};
pub use graph::{Graph, Joining, Moved, Reach};
use persons::PersonFacts;
pub use persons::{AddressProtection, Life, PersonFact, PersonStatus};
pub use pointer::FeedPointer;
use pointer::Pointers;

/// The links of all partitions.
#[derive(Default)]
pub(super) struct Links(RwLock<State>);

#[derive(Default)]
struct State {
    graphs: BTreeMap<u16, Graph>,
    persons: PersonFacts,
    pointers: Pointers,
    /// Changes so far: whoever looked at another count has to look again.
    changes: u64,
}

impl Links {
    /// Reads all facts, and says how many there are.
    pub(super) fn load(store: &dyn Store, keys: &PlaneKeys) -> Result<(Self, u64), Error> {
        let (mut state, mut failure) = (State::default(), None);
        store.scan(Key::all(Kind::Link), &mut |key, value| {
            let taken = open_fact(keys, key, value)
                .and_then(|fact| state.take(Key::leading_u16(key)?, Key::trailing_u64(key)?, fact));
            failure = taken.err();
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        state.persons = PersonFacts::load(store, keys)?;
        state.pointers = Pointers::load(store, keys)?;
        let count = state.changes + state.persons.count();
        Ok((Self(RwLock::new(state)), count))
    }

    /// Marks the cells of a register of whoever is one person with somebody who has a tombstone.
    pub(super) fn mark_tombstoned(&self, members: &Members) {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let graph = state.graphs.get(&members.partition);
        members.mark_tombstoned(graph, &members.rights.tombstoned());
    }
}

impl State {
    /// Takes a stored fact in, in its order.
    fn take(&mut self, partition: u16, sequence: u64, fact: LinkFact) -> Result<(), Error> {
        let graph = self.graphs.entry(partition).or_default();
        let is_next = sequence == graph.next();
        let taken = match fact.change {
            LinkChange::Joined(leaves, protection) => {
                matches!(graph.join(leaves, fact.provenance.event, protection), Joining::Made(_))
            }
            LinkChange::Separated(link) => graph.separate(link).is_some(),
        };
        self.changes += 1;
        if is_next && taken { Ok(()) } else { Err(Error::Damaged { what: "sequence of links" }) }
    }
}

fn open_fact(keys: &PlaneKeys, key: &[u8], value: &[u8]) -> Result<LinkFact, Error> {
    let damaged = || Error::Damaged { what: "link" };
    let key = Key::parse(key)?.1;
    let plain = keys.storage().open(&record_place(&key), value).map_err(|_| damaged())?;
    LinkFact::decode(&plain).ok_or_else(damaged)
}

/// The links, held for reading: none of them changes while this lives.
pub struct HeldLinks<'a>(RwLockReadGuard<'a, State>);

impl HeldLinks<'_> {
    /// The links of a partition, if there are any.
    pub fn of(&self, partition: u16) -> Option<&Graph> {
        self.0.graphs.get(&partition)
    }

    /// Changes so far: whoever looked at another count has to look again.
    pub fn change_count(&self) -> u64 {
        self.0.changes
    }

    /// What the population register says about a person, by what it said of any of these leaves.
    pub fn person_facts(&self, partition: u16, leaves: &[PersonNo]) -> PersonStatus {
        self.0.persons.status(partition, leaves)
    }

    /// How far a feed of events has been read.
    pub fn pointer(&self, feed: &TermCode) -> Option<FeedPointer> {
        self.0.pointers.of(feed).cloned()
    }

    /// The root of a leaf, by the links that may be shown.
    pub fn root_of(&self, partition: u16, leaf: PersonNo) -> PersonNo {
        self.of(partition).map_or(leaf, |graph| graph.root_of(leaf))
    }

    /// The leaves of a leaf's person, the first drawn before the others; itself at least.
    pub fn leaves_of(&self, partition: u16, leaf: PersonNo, reach: Reach) -> Vec<PersonNo> {
        self.of(partition).map_or_else(|| vec![leaf], |graph| graph.leaves_of(leaf, reach))
    }
}

impl Registers {
    /// Holds the links for reading.
    pub fn hold_links(&self) -> HeldLinks<'_> {
        HeldLinks(self.links.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds the links alone.
    pub fn change_links(&self) -> LinksChange<'_> {
        let state = self.links.0.write().unwrap_or_else(PoisonError::into_inner);
        LinksChange::new(self, state)
    }

    /// What the population register says about a person, by what it said of any of these leaves.  Not
    /// for who holds links, rights or a column.
    pub fn person_facts(&self, partition: u16, leaves: &[PersonNo]) -> PersonStatus {
        self.hold_links().person_facts(partition, leaves)
    }

    /// The leaves of a leaf's person, protected links included, the first drawn before the others;
    /// itself at least.  Not for who holds links, rights or a column: they have
    /// [`HeldLinks::leaves_of`].
    pub fn leaves_of(&self, partition: u16, leaf: PersonNo) -> Vec<PersonNo> {
        self.hold_links().leaves_of(partition, leaf, Reach::All)
    }

    /// The root of a leaf, by the links that may be shown.  Not for who holds links, rights or a
    /// column.
    pub fn root_of(&self, partition: u16, leaf: PersonNo) -> PersonNo {
        self.hold_links().root_of(partition, leaf)
    }

    /// What the links of a leaf say, ended ones too, the oldest first: their sequence numbers, and
    /// the facts.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn link_facts(
        &self,
        partition: u16,
        sequences: &[u64],
    ) -> Result<Vec<(u64, LinkFact)>, Error> {
        let facts = sequences.iter().map(|sequence| {
            let key = Key::link(partition, *sequence);
            let stored = self.store.get(&key)?.ok_or(Error::Damaged { what: "link" })?;
            Ok((*sequence, open_fact(&self.keys, key.as_bytes(), &stored)?))
        });
        facts.collect()
    }
}
