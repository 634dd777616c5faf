//! How a person's past in a register ends, and what is seen of that.
//!
//! ```text
//! RightsChange, held alone ─► recorder: fact, delta, tombstones, order, case and entry in one commit
//!                                       ─► column ─► endings, tombstones
//! ```
//!
//! Endings are numbered as facts are: whoever decided by an earlier count looks again, so that no row
//! stands in the log, answered by the old ID, after the entry that ended it.

use jiff::civil::Date;

use super::super::leaving::Leaving;
use super::super::recorder::With;
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
    /// What is kept out; nothing where consent says it already, or the register's own records.
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
    /// The order to the register, under the number that [`RightsChange::next_order`] says.
    pub order: Option<&'a [u8]>,
    /// What is written besides.
    pub writes: Vec<Write>,
}

impl HeldRights<'_> {
    /// Whether a row about a person, in a delivery about days from `from` (yyyymmdd) on, is of a past
    /// that was erased.
    pub fn keeps_out(&self, person: PersonNo, from: u32, today: Date) -> bool {
        let tombstones = self.state.tombstones.get(&person).into_iter().flatten();
        tombstones.into_iter().any(|one| one.keeps_out(from, today))
    }

    /// The last day of a person's last tombstone.
    pub fn tombstone_until(&self, person: PersonNo) -> Option<Date> {
        let tombstones = self.state.tombstones.get(&person).into_iter().flatten();
        tombstones.map(|one| one.expires).max()
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
    /// The leaves of a person by the links that a register may be shown, this one first.
    pub fn leaves_of(&self, leaf: PersonNo) -> Vec<PersonNo> {
        let mut leaves = self.links.leaves_of(self.partition, leaf, Reach::Shown);
        leaves.retain(|one| *one != leaf);
        leaves.insert(0, leaf);
        leaves
    }

    /// The number of the next order to the register.
    pub fn next_order(&self) -> u64 {
        self.state.last_order + 1
    }

    /// Records an act with all that belongs to it and what is answered to it, and waits until everything is durable; it is in
    /// force when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`], [`Error::Failed`].
    pub fn record_all<T: Send + 'static>(
        mut self,
        recording: Recording<'_>,
        entry: Entry,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        let Recording { about: (partition, person, reference), fact, erasure, order, mut writes } =
            recording;
        let (registers, register) = (self.registers, self.register);
        writes.push(registers.audit_person(reference, partition, person)?);
        writes.push(Write::VaultUsed(partition));
        if let Some(fact) = fact {
            let key = Key::rights_fact(register, self.state.count);
            writes.push(Write::Put(key, registers.seal_record(&key, &fact.encode(person))?));
        }
        if let Some(order) = order {
            let key = Key::order(register, self.next_order());
            writes.push(Write::Put(key, registers.seal_record(&key, order)?));
        }
        let tombstone = erasure.as_ref().and_then(|erasure| erasure.tombstone);
        let persons = erasure.iter().flat_map(|erasure| &erasure.persons);
        for (sequence, (person, _)) in (self.state.next_tombstone..).zip(persons) {
            let Some(tombstone) = tombstone else { break };
            let key = Key::tombstone(register, sequence);
            let sealed = registers.seal_record(&key, tombstone.encode(*person).as_slice())?;
            writes.push(Write::Put(key, sealed));
        }
        let leaving = erasure.as_ref().map(|erasure| {
            Box::new(Leaving {
                register,
                persons: erasure.persons.clone(),
                ids: erasure.ids,
                is_marked: tombstone.is_some(),
            })
        });
        let with = With { writes, leaving, ..With::default() };
        let recorded = registers.send_and_wait(entry, with, value)?;
        if let Some(fact) = fact {
            self.state.take(person, &fact.fact);
        }
        self.state.last_order += u64::from(order.is_some());
        if let Some(erasure) = erasure {
            self.state.end(&erasure);
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
    fn end(&mut self, erasure: &Erasure) {
        for (person, id) in &erasure.persons {
            if let Some(tombstone) = erasure.tombstone {
                self.tombstones.entry(*person).or_default().push(tombstone);
                self.next_tombstone += 1;
            }
            self.endings.push(Ended { person: *person, id: *id, ids: erasure.ids });
        }
    }
}
