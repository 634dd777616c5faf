//! Ordinals: what serials are made of that have too few digits for person numbers.
//!
//! ```text
//! leaf that is named for the first time ─► next ordinal, in memory ─► SerialOrdinal, with the entry
//!                                                                      │ durable
//!                                                                      ▼
//!                                                                    answer
//!
//! FORMAT:  SerialOrdinal ‖ disclosure id ‖ sequence    envelope of: version 0x01 ‖ ordinal*
//!          ordinal   leaf (5, big-endian) ‖ its ordinal (3)
//! ```
//!
//! Why: person numbers lie in permuted blocks of 10^7, and eight digits hold 9·10^6 serials.  Ordinals
//! are counted from 0 in the disclosure, so that it can have as many persons as there are serials,
//! whatever else the server knows.
//!
//! Disclosures that continue one another have one key, and so one set of ordinals, under the id of the
//! first.
//!
//! Invariants: under one key an ordinal is one leaf's; it is in the store before a serial that is made
//! of it is answered.  One that was drawn for an answer that nobody got is perhaps never given.
//!
//! What it does *not* protect: ordinals have the order in which persons were answered.  A serial does
//! not show it, being permuted under the disclosure's key.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::{Zeroize, Zeroizing};

use super::VERSION;
use crate::crypto::Entropy;
use crate::registers::records::record_place;
use crate::registers::{Error, PlaneKeys};
use crate::store::keys::Key;
use crate::store::{Batch, Step, Store};
use crate::vault::PersonNo;

const ENTRY_BYTES: usize = 8;
const LEAF_BYTES: usize = 5;

/// The ordinals of all disclosures of one key.
pub struct Ordinals {
    first: [u8; 16],
    capacity: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<PersonNo, u64>,
    /// Below it everything is given, or was.
    next: u64,
    /// Who has an ordinal that is in no batch yet.
    unstored: HashSet<PersonNo>,
    next_record: u64,
}

impl Ordinals {
    /// Reads the ordinals of the disclosures of one key.
    pub(in crate::registers) fn load(
        (store, keys): (&dyn Store, &PlaneKeys),
        first: [u8; 16],
        capacity: u64,
    ) -> Result<Self, Error> {
        let (mut state, mut failure) = (State::default(), None);
        store.scan(Key::serial_ordinals(first), &mut |bytes, value| {
            let key = Key::parse(bytes)?.1;
            state.next_record = Key::trailing_u64(bytes)? + 1;
            let opened = keys.storage().open(&record_place(&key), value).ok();
            let read = opened.as_deref().and_then(|plain| decode(plain));
            if read.is_none_or(|read| !state.take(&read, capacity)) {
                failure = Some(Error::Damaged { what: "ordinal of a serial" });
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        Ok(Self { first, capacity, state: Mutex::new(state) })
    }

    /// The ordinals of leaves, in their order; who has none gets the next.  `None` when not so many
    /// are left, and nobody gets one.
    #[must_use]
    pub fn draw(&self, leaves: &[PersonNo]) -> Option<Vec<u64>> {
        let mut state = self.state();
        let begun = state.next;
        let mut ordinals = Vec::with_capacity(leaves.len());
        for (at, leaf) in leaves.iter().enumerate() {
            let known = state.known.get(leaf).copied();
            if known.is_none() && state.next == self.capacity {
                state.take_back(&leaves[..at], begun);
                return None;
            }
            ordinals.push(known.unwrap_or_else(|| state.draw(*leaf)));
        }
        Some(ordinals)
    }

    /// The ordinal of a leaf that has one.
    pub fn of(&self, leaf: PersonNo) -> Option<u64> {
        self.state().known.get(&leaf).copied()
    }

    /// The leaf that has an ordinal.  Looks at all of them: it is asked about one person at a time.
    pub fn leaf_of(&self, ordinal: u64) -> Option<PersonNo> {
        let state = self.state();
        state.known.iter().find(|(_, one)| **one == ordinal).map(|(leaf, _)| *leaf)
    }

    /// Whether nobody has one.
    pub fn is_empty(&self) -> bool {
        self.state().known.is_empty()
    }

    /// Puts the ordinals of those who are told a serial, and have one that is not stored, into a
    /// batch.  If its commit fails the stores are read anew, and this is gone.
    pub(super) fn stage(
        &self,
        (keys, entropy): (&PlaneKeys, &Entropy),
        told: &[PersonNo],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut state = self.state();
        let mut new = Vec::new();
        for leaf in told {
            if state.unstored.remove(leaf)
                && let Some(ordinal) = state.known.get(leaf)
            {
                new.push((*leaf, *ordinal));
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let key = Key::serial_ordinal(self.first, state.next_record);
        state.next_record += 1;
        batch.insert(key, keys.storage().seal(entropy, &record_place(&key), &encode(&new))?);
        Ok(())
    }

    /// Removes all records, after those of the batch itself.
    pub(in crate::registers) fn remove(&self, batch: &mut Batch) {
        let records = 0..self.state().next_record;
        records.for_each(|record| batch.remove(Key::serial_ordinal(self.first, record)));
    }

    /// Leaves so many, as if the others were given.
    #[cfg(all(test, feature = "server"))]
    pub(crate) fn leave(&self, count: u64) {
        self.state().next = self.capacity - count;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn draw(&mut self, leaf: PersonNo) -> u64 {
        let ordinal = self.next;
        self.known.insert(leaf, ordinal);
        self.unstored.insert(leaf);
        self.next += 1;
        ordinal
    }

    /// Undoes draws from an ordinal on.
    fn take_back(&mut self, leaves: &[PersonNo], begun: u64) {
        for leaf in leaves {
            if self.known.get(leaf).is_some_and(|ordinal| *ordinal >= begun) {
                self.known.remove(leaf);
                self.unstored.remove(leaf);
            }
        }
        self.next = begun;
    }

    /// Takes what is stored, unless it cannot be.
    fn take(&mut self, read: &[(PersonNo, u64)], capacity: u64) -> bool {
        for (leaf, ordinal) in read {
            self.next = self.next.max(ordinal + 1);
            if *ordinal >= capacity || self.known.insert(*leaf, *ordinal).is_some() {
                return false;
            }
        }
        true
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.known.values_mut().for_each(Zeroize::zeroize);
    }
}

fn encode(ordinals: &[(PersonNo, u64)]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + ENTRY_BYTES * ordinals.len()));
    plain.push(VERSION);
    for (leaf, ordinal) in ordinals {
        plain.extend_from_slice(&leaf.number().to_be_bytes()[8 - LEAF_BYTES..]);
        // The capacity is less than 2^24.
        plain.extend_from_slice(&ordinal.to_be_bytes()[LEAF_BYTES..]);
    }
    plain
}

fn decode(plain: &[u8]) -> Option<Vec<(PersonNo, u64)>> {
    let (&VERSION, ordinals) = plain.split_first()? else { return None };
    let (ordinals, rest) = ordinals.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    let ordinal = |bytes: &[u8; ENTRY_BYTES]| {
        let (leaf, ordinal) = bytes.split_at(LEAF_BYTES);
        Some((PersonNo::from_number(number(leaf))?, number(ordinal)))
    };
    ordinals.iter().map(ordinal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persons(numbers: &[u64]) -> Vec<PersonNo> {
        numbers.iter().map(|number| PersonNo::from_number(*number).unwrap()).collect()
    }

    fn ordinals(capacity: u64) -> Ordinals {
        Ordinals { first: [1; 16], capacity, state: Mutex::default() }
    }

    #[test]
    fn ordinals_are_the_golden_bytes() {
        let leaves = persons(&[7, 0xff_ffff_fffe]);
        let plain = encode(&[(leaves[0], 0), (leaves[1], 8_999_999)]);
        let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "010000000007000000fffffffffe89543f");
        assert_eq!(decode(&plain).unwrap(), [(leaves[0], 0), (leaves[1], 8_999_999)]);
        for bad in [&plain[..0], &plain[..5], &[2][..], &[1, 255, 255, 255, 255, 255, 0, 0, 0]] {
            assert!(decode(bad).is_none());
        }
    }

    #[test]
    fn ordinals_are_dense_and_one_leafs() {
        let ordinals = ordinals(10);
        let leaves = persons(&[9_999_999, 3, 9_999_999, 12_000_000]);
        assert_eq!(ordinals.draw(&leaves).unwrap(), [0, 1, 0, 2]);
        assert_eq!(ordinals.draw(&leaves[1..]).unwrap(), [1, 0, 2]);
        assert_eq!(ordinals.leaf_of(2), Some(leaves[3]));
        assert_eq!((ordinals.leaf_of(3), ordinals.of(persons(&[4])[0])), (None, None));
    }

    #[test]
    fn a_batch_for_which_too_few_are_left_draws_none() {
        let ordinals = ordinals(3);
        let leaves = persons(&[5, 6, 7, 8]);
        assert_eq!(ordinals.draw(&leaves[..2]).unwrap(), [0, 1]);
        assert_eq!(ordinals.draw(&leaves), None);
        assert_eq!(ordinals.of(leaves[2]), None);
        assert_eq!(ordinals.draw(&leaves[3..]).unwrap(), [2], "the last one is still there");
        assert_eq!(ordinals.draw(&leaves[..2]).unwrap(), [0, 1], "who has one keeps it");
    }

    #[test]
    fn what_cannot_be_stored_is_damaged() {
        let leaves = persons(&[5, 6]);
        assert!(!State::default().take(&[(leaves[0], 3)], 3), "beyond the width");
        assert!(!State::default().take(&[(leaves[0], 0), (leaves[0], 1)], 3), "a leaf twice");
        let mut state = State::default();
        assert!(state.take(&[(leaves[0], 2), (leaves[1], 0)], 3));
        assert_eq!(state.next, 3);
    }
}
