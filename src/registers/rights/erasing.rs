//! How a person's past in a register ends, and what is seen of that.
//!
//! ```text
//! RightsChange, held alone ─► recorder: fact, delta, tombstones, order, case and entry in one commit
//!                                       ─► column ─► endings, tombstones
//! ```
//!
//! Endings are numbered as facts are: whoever decided by an earlier count looks again, so that no row
//! stands in the log, answered by the old ID, after the entry that ended it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::super::leaving::Leaving;
use super::super::queue::With;
use super::super::tombstone::Tombstone;
use super::{HeldRights, RightsChange, RightsFact};
use crate::audit::{Entry, Recorded, Reference};
use crate::registers::links::Reach;
use crate::registers::{Error, Write};
use crate::store::keys::Key;
use crate::vault::PersonNo;

/// What becomes of a person's ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It is unknown from now on; a later row brings another.
    Ends,
    /// It stays: a part of the past is kept out.
    Stays,
}

/// The end of a past.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// The person's leaves, with the IDs that they have in the register; 0 for none.
    pub persons: Vec<(PersonNo, u64)>,
    /// What becomes of their IDs.
    pub ids: Afterwards,
    /// What is kept out of the person whom the act is about; nothing where consent says it already, or the register's own records.
    pub tombstone: Option<Tombstone>,
}

/// What ended since the plane was opened.
#[derive(Clone, Copy)]
pub struct Ended {
    /// Whose.
    pub person: PersonNo,
    /// The ID until then; 0 for none.
    pub id: u64,
    /// What became of it.
    pub ids: Afterwards,
}

/// An act on a person's rights, with everything that is stored with it.
pub struct Recording<'a> {
    /// Whom the audit entry is about, and its reference.
    pub about: (u16, PersonNo, Reference),
    /// What the person has said.
    pub fact: Option<&'a RightsFact>,
    /// What ends.
    pub erasure: Option<Erasure>,
    /// The orders to the register, from the number on that [`RightsChange::next_order`] says.
    pub orders: &'a [Zeroizing<Vec<u8>>],
    /// What is written besides.
    pub writes: Vec<Write>,
}

impl HeldRights<'_> {
    /// Whether a row about a person, in a delivery about days from `from` (yyyymmdd) on, is of a past
    /// that was erased.
    pub fn keeps_out(&self, person: PersonNo, from: u32, today: Date) -> bool {
        self.tombstones_of(person).any(|one| one.keeps_out(from, today))
    }

    /// The last day of a person's last tombstone.
    pub fn tombstone_until(&self, person: PersonNo) -> Option<Date> {
        self.tombstones_of(person).map(|one| one.expires).max()
    }

    /// Whether a past of a person was erased, under whichever identifier.
    pub fn has_tombstone(&self, person: PersonNo) -> bool {
        self.tombstones_of(person).next().is_some()
    }

    /// A past that was erased is the person's: a tombstone binds all leaves that are one with the leaf
    /// that it was asked for, for as long as they are.
    fn tombstones_of(&self, person: PersonNo) -> impl Iterator<Item = &Tombstone> {
        let leaves = self.links.leaves_of(self.partition, person, Reach::All);
        leaves.into_iter().filter_map(|leaf| self.state.tombstones.get(&leaf)).flatten()
    }

    /// Everybody who ever said something, or asked for an erasure.
    pub fn persons(&self) -> BTreeSet<PersonNo> {
        self.state.persons.keys().chain(self.state.tombstones.keys()).copied().collect()
    }

    /// How much has ended since the plane was opened.
    pub fn ended_count(&self) -> usize {
        self.state.endings.len()
    }

    /// What ended after so much had.
    pub fn ended_since(&self, ended_count: usize) -> &[Ended] {
        self.state.endings.get(ended_count..).unwrap_or_default()
    }
}

impl RightsChange<'_> {
    /// The leaves of a person by the links that a register may be shown.
    pub fn leaves_of(&self, leaf: PersonNo) -> Vec<PersonNo> {
        self.links.leaves_of(self.partition, leaf, Reach::Shown)
    }

    /// All leaves of a person, in groups of those that a register may be shown as one, the group of this
    /// leaf first.
    pub fn groups_of(&self, leaf: PersonNo) -> Vec<Vec<PersonNo>> {
        let mut groups = vec![self.leaves_of(leaf)];
        for one in self.links.leaves_of(self.partition, leaf, Reach::All) {
            if !groups.iter().any(|group| group.contains(&one)) {
                groups.push(self.leaves_of(one));
            }
        }
        groups
    }

    /// The number of the next order to the register.
    pub fn next_order(&self) -> u64 {
        self.state.last_order + 1
    }

    /// Records an act with all that belongs to it and what is answered to it, and waits until everything
    /// is durable; it is in force when this returns, and nothing comes in until this change is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`], [`Error::Failed`].
    pub fn record_all<T: Send + 'static>(
        &mut self,
        recording: Recording<'_>,
        entry: Entry,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        let Recording { about, fact, erasure, orders, mut writes } = recording;
        let (partition, person, reference) = about;
        let (registers, register) = (self.registers, self.register);
        writes.push(registers.audit_person(reference, partition, person)?);
        writes.push(Write::VaultUsed(partition));
        if let Some(fact) = fact {
            let key = Key::rights_fact(register, self.state.count);
            writes.push(Write::Put(key, registers.seal_record(&key, &fact.encode(person))?));
        }
        for (number, order) in (self.next_order()..).zip(orders) {
            let key = Key::order(register, number);
            writes.push(Write::Put(key, registers.seal_record(&key, order)?));
        }
        let mut marked = Vec::new();
        if let Some(tombstone) = erasure.as_ref().and_then(|erasure| erasure.tombstone) {
            let key = Key::tombstone(register, self.state.next_tombstone);
            let sealed = registers.seal_record(&key, tombstone.encode(person).as_slice())?;
            writes.push(Write::Put(key, sealed));
            marked = self.links.leaves_of(partition, person, Reach::All);
        }
        let leaving = erasure.as_ref().map(|erasure| {
            Box::new(Leaving {
                register,
                persons: erasure.persons.clone(),
                ids: erasure.ids,
                marked,
            })
        });
        let with = With { writes, leaving, ..With::default() };
        let recorded = registers.send_and_wait(entry, with, value)?;
        if let Some(fact) = fact {
            self.state.take(person, &fact.fact);
        }
        self.state.last_order += orders.len() as u64;
        if let Some(erasure) = erasure {
            self.state.end(person, &erasure);
        }
        Ok(recorded)
    }

    /// Records an order about everybody with its entry, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`], [`Error::Failed`].
    pub fn record_order(mut self, order: &[u8], entry: Entry) -> Result<Recorded<()>, Error> {
        let key = Key::order(self.register, self.next_order());
        let sealed = self.registers.seal_record(&key, order)?;
        let writes = vec![Write::Put(key, sealed)];
        let recorded = self.registers.record_change_and_wait(entry, writes)?;
        self.state.last_order += 1;
        Ok(recorded)
    }
}

impl super::State {
    fn end(&mut self, asked: PersonNo, erasure: &Erasure) {
        if let Some(tombstone) = erasure.tombstone {
            self.tombstones.entry(asked).or_default().push(tombstone);
            self.next_tombstone += 1;
        }
        for (person, id) in &erasure.persons {
            self.endings.push(Ended { person: *person, id: *id, ids: erasure.ids });
        }
    }
}
