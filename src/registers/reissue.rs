//! A person's IDs in a register, issued anew: because one has leaked, or the identity is protected now.
//!
//! ```text
//! RightsChange, held alone ─► recorder: register numbers, delta, records, feed, approval and entry in
//!                             one commit ─► inverse, former IDs, column
//!
//! former ID   leaked      stands for its person still: files that were made before have it
//!             protected   nobody's, with all that were before it; the custodian alone has the pair
//! ```
//!
//! All IDs that the person has in the register are replaced, one for each leaf: the row of a leaf
//! carries its root's ID and its own, so that one that stayed would show which new ID is whose.
//!
//! INVARIANT: a former ID is one that a later delta has replaced with no end of the past between; an
//! erasure ends former IDs with the past.
//! INVARIANT: a protected reissue is in no feed, and hides every ID that its leaf had before, with what
//! the feed has said of the leaf until then: read again, that would be said of the new IDs.
//!
//! What it does *not* protect: whoever compares the rows that a register had under the old ID with
//! those under the new one.
//!
//! FORMAT: docs/FORMATS.md, section "Reissue".

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::column::Standing;
use super::delta::{self, Stored};
use super::keys::PlaneKeys;
use super::links::{Renewed, encode_json};
use super::recorder::Recorder;
use super::records::record_place;
use super::{Error, Members, More, Reach, Registers};
use crate::config::words::word_enum;
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Step, Store};
use crate::vault::PersonNo;

mod former;

pub(super) use former::FormerIds;

const VERSION: u8 = 1;

word_enum! {
    /// Why IDs are issued anew.
    pub enum ReissueReason {
        /// An ID is known to somebody who must not know whose it is.
        Leaked = "leaked",
        /// The identity is protected: nobody but a custodian is told which new ID is whose.
        Protected = "protected",
    }
}

/// Version 1.  No `Debug`: it has numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    person: u64,
    from: u64,
    to: u64,
    reason: String,
    at: String,
}

/// A register number that another has replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) renewed: Renewed,
    pub(super) reason: ReissueReason,
    pub(super) at: Timestamp,
}

impl Record {
    /// The plaintext of the record.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Renewed { leaf, from, to } = self.renewed;
        encode_json(&StoredV1 {
            v: VERSION,
            person: leaf.number(),
            from,
            to,
            reason: self.reason.to_string(),
            at: self.at.to_string(),
        })
    }

    /// Reads a record back; `None` when it is not one.
    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let StoredV1 { v, person, from, to, reason, at } = serde_json::from_slice(plain).ok()?;
        let leaf = PersonNo::from_number(person)?;
        let renewed = Renewed { leaf, from, to };
        let record = Self { renewed, reason: reason.parse().ok()?, at: at.parse().ok()? };
        (v == VERSION).then_some(record)
    }
}

/// What is replaced with a commit.
pub(super) struct Reissuing {
    pub(super) register: u16,
    /// Whose, with the register number and the ID until now.
    pub(super) persons: Vec<(PersonNo, u64, u64)>,
    /// Whose ID the person's rows are answered with.
    pub(super) root: PersonNo,
    pub(super) reason: ReissueReason,
    pub(super) at: Timestamp,
    /// The register numbers and IDs from now on: the recorder's.
    pub(super) new: OnceLock<Vec<(u64, u64)>>,
}

/// IDs of a person that were replaced.
pub struct ReissuedIds(pub(super) Arc<Reissuing>);

impl ReissuedIds {
    /// Each old ID with the one that stands in its place.
    pub fn pairs(&self) -> Vec<[u64; 2]> {
        let new = self.0.new.get().into_iter().flatten();
        self.0.persons.iter().zip(new).map(|((.., old), (_, new))| [*old, *new]).collect()
    }
}

impl Reissuing {
    /// Writes the delta, the records and what the register is told.
    pub(super) fn stage(&self, recorder: &mut Recorder, batch: &mut Batch) -> Result<(), Error> {
        let Recorder { numbers, feed, members, keys, entropy, .. } = recorder;
        let register = self.register;
        let numbers = numbers.get_mut(&register).ok_or(Error::NoRegister)?;
        let members = members.get(&register).ok_or(Error::NoRegister)?;
        let drawn = numbers.draw(self.persons.len(), keys)?;
        let ids = keys.derive_ids(register, drawn.clone())?;
        let pairs = self.persons.iter().zip(&drawn);
        let entries: Vec<_> =
            pairs.clone().map(|((person, ..), to)| (*person, Stored::Member(*to))).collect();
        let key = Key::delta(register, numbers.next_delta());
        batch.insert(key, delta::encode(keys.storage(), entropy, &key, entries)?);
        // Numbered from 1: whoever has read nothing has read up to 0.
        let count = members.former.read().unwrap_or_else(PoisonError::into_inner).count;
        for (sequence, ((leaf, from, _), to)) in (count + 1..).zip(pairs) {
            let renewed = Renewed { leaf: *leaf, from: *from, to: *to };
            let record = Record { renewed, reason: self.reason, at: self.at };
            let key = Key::reissue(register, sequence);
            let sealed = keys.storage().seal(entropy, &record_place(&key), &record.encode())?;
            batch.insert(key, sealed);
            if self.reason == ReissueReason::Leaked {
                let told = (renewed, self.root, self.at);
                feed.stage_renewed(register, told, (&**keys, &**entropy), batch)?;
            }
        }
        let new = drawn.into_iter().zip(ids).collect();
        assert!(self.new.set(new).is_ok(), "a reissue is staged once");
        Ok(())
    }

    /// Shows it, after the commit.
    pub(super) fn publish(&self, members: &BTreeMap<u16, Arc<Members>>) {
        let (Some(members), Some(new)) = (members.get(&self.register), self.new.get()) else {
            return;
        };
        let persons = || self.persons.iter().zip(new);
        // An ID leads somewhere before it is answered, and the old one as long as it is.
        let mut inverse = members.inverse.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(inverse) = inverse.as_mut() {
            persons().for_each(|((person, ..), (number, _))| inverse.set(*number, *person));
        }
        drop(inverse);
        let mut former = members.former.write().unwrap_or_else(PoisonError::into_inner);
        for (person, _, old) in &self.persons {
            former.replace(*person, *old);
            former.note(*person, *old, (self.reason, self.at));
        }
        drop(former);
        let cells: Vec<_> =
            persons().map(|((person, ..), (_, id))| (*person, Standing::Member(*id))).collect();
        members.column.publish(&cells);
    }
}

/// Reads which of a register's former IDs are hidden.  Call it when the deltas were read.
pub(super) fn load(
    store: &dyn Store,
    keys: &PlaneKeys,
    (register, former): (u16, &mut FormerIds),
) -> Result<u64, Error> {
    let (mut records, mut failure) = (Vec::new(), None);
    store.scan(Key::reissues_from(register, 0), &mut |bytes, value| {
        let is_next = Key::trailing_u64(bytes)? == records.len() as u64 + 1;
        let record = open(keys, &Key::parse(bytes)?.1, value);
        match record.filter(|_| is_next) {
            Some(record) => records.push(record),
            None => failure = Some(Error::Damaged { what: Kind::Reissue.name() }),
        }
        Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
    })?;
    failure.map_or(Ok(()), Err)?;
    let ids = keys.derive_ids(register, records.iter().map(|one| one.renewed.from).collect())?;
    for (record, id) in records.iter().zip(ids) {
        former.note(record.renewed.leaf, id, (record.reason, record.at));
    }
    Ok(former.count)
}

fn open(keys: &PlaneKeys, key: &Key, value: &[u8]) -> Option<Record> {
    Record::decode(&keys.storage().open(&record_place(key), value).ok()?)
}

/// One ID that was replaced, as a custodian sees it.
pub struct Reissue {
    /// Its number in the register's list, from 1.
    pub sequence: u64,
    /// Whose.
    pub person: PersonNo,
    /// The ID until then, and the one that took its place.
    pub ids: [u64; 2],
    /// Why.
    pub reason: ReissueReason,
    /// When.
    pub at: Timestamp,
}

/// IDs that were replaced, in order.
#[derive(Default)]
pub struct Reissues {
    /// Those of persons whose past has not ended since.
    pub reissues: Vec<Reissue>,
    /// Go on after this one.
    pub last: u64,
    /// Whether there are more.
    pub more: More,
}

impl Registers {
    /// The IDs of a register that were replaced, protected ones too, after a number; at most so many
    /// are looked at.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`], [`Error::Store`].
    pub fn reissues(&self, register: u16, after: u64, max: usize) -> Result<Reissues, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let mut found = Reissues { last: after, ..Reissues::default() };
        let (mut records, mut failure) = (Vec::new(), None);
        let range = Key::reissues_from(register, after.saturating_add(1));
        self.store.scan(range, &mut |bytes, value| {
            if records.len() == max {
                found.more = More::Yes;
                return Ok(Step::Stop);
            }
            match open(&self.keys, &Key::parse(bytes)?.1, value) {
                Some(record) => records.push((Key::trailing_u64(bytes)?, record)),
                None => failure = Some(Error::Damaged { what: Kind::Reissue.name() }),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        let numbers =
            records.iter().flat_map(|(_, one)| [one.renewed.from, one.renewed.to]).collect();
        let ids = self.keys.derive_ids(register, numbers)?;
        let former = members.former.read().unwrap_or_else(PoisonError::into_inner);
        for ((sequence, record), ids) in records.into_iter().zip(ids.chunks_exact(2)) {
            found.last = sequence;
            let Record { renewed: Renewed { leaf: person, .. }, reason, at } = record;
            if former.person(ids[0]) == Some(person) {
                let ids = [ids[0], ids[1]];
                found.reissues.push(Reissue { sequence, person, ids, reason, at });
            }
        }
        Ok(found)
    }

    /// The IDs that a person had in a register before the one of today: all, or those that are not
    /// hidden.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn former_ids(
        &self,
        register: u16,
        person: PersonNo,
        reach: Reach,
    ) -> Result<Vec<u64>, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        Ok(members.former.read().unwrap_or_else(PoisonError::into_inner).of(person, reach))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u64) -> PersonNo {
        PersonNo::from_number(number).unwrap()
    }

    #[test]
    fn a_reissue_is_the_golden_bytes() {
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        let renewed = Renewed { leaf: person(9), from: 7, to: 8 };
        for reason in ReissueReason::ALL {
            let golden = format!(
                r#"{{"v":1,"person":9,"from":7,"to":8,"reason":"{reason}","at":"2026-03-01T12:00:00Z"}}"#
            );
            let record = Record { renewed, reason: *reason, at };
            assert_eq!(std::str::from_utf8(&record.encode()).unwrap(), golden);
            assert!(Record::decode(golden.as_bytes()).unwrap() == record);
            assert!(Record::decode(golden.replace("ed\"", "\"").as_bytes()).is_none());
        }
    }
}
