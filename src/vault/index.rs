//! The index in memory: identifier tag to person number, insert-once, read by many.
//!
//! Why our own table and not a general map: a batch looks up thousands of tags at once, and what it
//! costs is waiting for memory. Entries are 16 bytes, four to a cache line, probed linearly; a batch
//! asks for the first slot of a tag many tags before it compares it, so that the waits overlap.
//!
//! ```text
//! tag (128 bits)  =  fingerprint (88) ‖ rest (40)
//! slot            =  fingerprint (88) ‖ person number + 1 (40)        0 = empty
//! shard           =  the fingerprint's upper 6 bits;  first slot = its lower bits
//! ```
//!
//! Two tags with equal fingerprints would be taken for one person. Tags are outputs of a keyed
//! function, so for 5·10^7 identifiers the chance that any two of them meet is below 2^-37; that is
//! accepted. A load that meets a fingerprint twice means a damaged store, and refuses to serve.
//!
//! Invariants: an entry is inserted once and never changes; no slot run is full (load ≤ 3/4).

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::PersonNo;
use crate::crypto::Tag;
use crate::memory::{Pages, prefetch};

const SHARDS: usize = 64;
const SHARD_BITS: u32 = 6;
const VALUE_BITS: u32 = 40;
const VALUE_MASK: u128 = (1 << VALUE_BITS) - 1;
/// Slots of an empty shard: 1 MiB for all of them.
const SLOTS_MIN: usize = 1024;
/// How many tags before its comparison a tag's first slot is asked for.
const AHEAD: usize = 32;

/// A tag that is in the index already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate;

pub(super) struct Index {
    shards: Vec<RwLock<Shard>>,
}

struct Shard {
    slots: Pages<u128>,
    occupied: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::with_slots(SLOTS_MIN))).collect();
        Self { shards }
    }

    /// Persons of many tags, in order; `None` where a tag is not known. Replaces what `found` held.
    pub(super) fn find_many(&self, tags: &[Tag], found: &mut Vec<Option<PersonNo>>) {
        found.clear();
        found.reserve(tags.len());
        let shards: Vec<RwLockReadGuard<'_, Shard>> =
            self.shards.iter().map(|s| s.read().unwrap_or_else(PoisonError::into_inner)).collect();
        let tables: Vec<&[u128]> = shards.iter().map(|shard| &*shard.slots).collect();
        let ask = |tag: &Tag| {
            let table = tables[shard_of(*tag)];
            prefetch(table, home(table, tag.to_u128()));
        };
        tags.iter().take(AHEAD).for_each(ask);
        for (place, tag) in tags.iter().enumerate() {
            if let Some(later) = tags.get(place + AHEAD) {
                ask(later);
            }
            found.push(find(tables[shard_of(*tag)], *tag));
        }
    }

    /// Inserts new entries; they are visible at once.
    ///
    /// # Errors
    ///
    /// [`Duplicate`] when a fingerprint is there already; entries before it stay.
    pub(super) fn insert_many(&self, entries: &[(Tag, PersonNo)]) -> Result<(), Duplicate> {
        for (tag, person) in entries {
            let mut shard =
                self.shards[shard_of(*tag)].write().unwrap_or_else(PoisonError::into_inner);
            shard.insert(*tag, *person)?;
        }
        Ok(())
    }

    /// Bytes of the tables, free slots included.
    pub(super) fn bytes(&self) -> usize {
        let slots = |shard: &RwLock<Shard>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).slots.len()
        };
        self.shards.iter().map(slots).sum::<usize>() * size_of::<u128>()
    }

    /// Entries in the index.
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).occupied)
            .sum()
    }
}

#[inline]
fn shard_of(tag: Tag) -> usize {
    (tag.to_u128() >> (128 - SHARD_BITS)) as usize
}

/// Where a run begins: known from a tag and from a slot alike, so that a shard can grow.
#[inline]
fn home(slots: &[u128], tag_or_slot: u128) -> usize {
    // The count of slots is a power of two.
    ((tag_or_slot >> VALUE_BITS) as usize) & (slots.len() - 1)
}

/// The person of a tag.
#[inline]
fn find(slots: &[u128], tag: Tag) -> Option<PersonNo> {
    let fingerprint = tag.to_u128() & !VALUE_MASK;
    let mut place = home(slots, fingerprint);
    while slots[place] != 0 {
        if slots[place] & !VALUE_MASK == fingerprint {
            let stored = u64::try_from(slots[place] & VALUE_MASK).unwrap_or_default();
            return PersonNo::from_index_value(stored);
        }
        place = (place + 1) & (slots.len() - 1);
    }
    None
}

impl Shard {
    fn with_slots(count: usize) -> Self {
        Self { slots: Pages::zeroed(count), occupied: 0 }
    }

    fn insert(&mut self, tag: Tag, person: PersonNo) -> Result<(), Duplicate> {
        let fingerprint = tag.to_u128() & !VALUE_MASK;
        if find(&self.slots, tag).is_some() {
            return Err(Duplicate);
        }
        if (self.occupied + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.place(fingerprint | u128::from(person.index_value()));
        self.occupied += 1;
        Ok(())
    }

    fn place(&mut self, entry: u128) {
        let mut place = home(&self.slots, entry);
        while self.slots[place] != 0 {
            place = (place + 1) & (self.slots.len() - 1);
        }
        self.slots[place] = entry;
    }

    fn grow(&mut self) {
        let doubled = Pages::zeroed(self.slots.len() * 2);
        let old = std::mem::replace(&mut self.slots, doubled);
        for entry in old.iter().filter(|entry| **entry != 0) {
            self.place(*entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(n: u64) -> Tag {
        // A cheap mixer stands in for the keyed function.
        let high = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let low = (n + 7).wrapping_mul(0xd1b5_4a32_d192_ed03) ^ high.rotate_left(29);
        Tag::from_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    fn person(n: u64) -> PersonNo {
        PersonNo::from_number(n).unwrap()
    }

    #[test]
    fn every_entry_is_found_through_many_growths_and_nothing_else() {
        let index = Index::new();
        let entries: Vec<_> = (0..300_000).map(|n| (tag(n), person(n * 3))).collect();
        for chunk in entries.chunks(1000) {
            index.insert_many(chunk).unwrap();
        }
        assert_eq!(index.len(), entries.len());
        let tags: Vec<Tag> = (0..400_000).map(tag).collect();
        let mut found = Vec::new();
        index.find_many(&tags, &mut found);
        for (n, found) in found.into_iter().enumerate() {
            let expected = (n < 300_000).then(|| person(n as u64 * 3));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn entries_whose_homes_wrap_around_the_end_are_found() {
        let index = Index::new();
        let all_ones = u128::MAX << VALUE_BITS;
        // The same shard (upper bits) and the last slot as home, with different fingerprints.
        let tags: Vec<Tag> =
            (0..20_u128).map(|n| Tag::from_bytes((all_ones ^ (n << 100)).to_be_bytes())).collect();
        for (n, tag) in tags.iter().enumerate() {
            index.insert_many(&[(*tag, person(n as u64))]).unwrap();
        }
        let mut found = Vec::new();
        index.find_many(&tags, &mut found);
        assert!(found.iter().enumerate().all(|(n, found)| *found == Some(person(n as u64))));
    }

    #[test]
    fn a_second_insert_of_a_fingerprint_is_refused_and_changes_nothing() {
        let index = Index::new();
        index.insert_many(&[(tag(1), person(1))]).unwrap();
        assert_eq!(index.insert_many(&[(tag(1), person(2))]), Err(Duplicate));
        let mut found = Vec::new();
        index.find_many(&[tag(1)], &mut found);
        assert_eq!(found, [Some(person(1))]);
    }
}
