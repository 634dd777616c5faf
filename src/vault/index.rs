//! The index in memory: identifier tag to person number, insert-once, read by many.
//!
//! Why our own table and not a general map: a batch looks up thousands of tags at once, and what it
//! costs is waiting for memory. Entries are 16 bytes, four to a line of 64; all four of a line are
//! compared at once, without a branch that depends on where an entry lies. The caller asks for the
//! lines of some tags, makes further tags, and only then compares, so that the waits overlap with
//! work.
//!
//! ```text
//! tag (128 bits)  =  fingerprint (88) ‖ rest (40)
//! slot            =  fingerprint (88) ‖ person number + 1 (40)        0 = empty, 2^40 = emptied
//! shard           =  the fingerprint's upper 6 bits;  first line = its lower bits
//! line            =  4 slots, filled from the first; a full line goes on in the next
//! ```
//!
//! Two tags with equal fingerprints would be taken for one person. Tags are outputs of a keyed
//! function, so for 5·10^7 identifiers the chance that any two of them meet is below 2^-37; that is
//! accepted. A load that meets a fingerprint twice means a damaged store, and refuses to serve.
//!
//! An entry that is removed leaves its slot *emptied*: nobody's, whatever is looked for, but not free,
//! so that entries behind it are still found.  A later entry may take the slot; growing drops it.
//!
//! Invariants: an entry is inserted once and does not change until it is removed; some line of a shard
//! is not full (load ≤ 3/4, emptied slots included).

use std::hint::select_unpredictable;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::PersonNo;
use crate::crypto::Tag;
use crate::memory::{Pages, prefetch};

const SHARDS: usize = 64;
const SHARD_BITS: u32 = 6;
const VALUE_BITS: u32 = 40;
const VALUE_MASK: u128 = (1 << VALUE_BITS) - 1;
/// A slot whose entry was removed: its value is nobody's number, its fingerprint no reason to stop.
const EMPTIED: u128 = 1 << VALUE_BITS;
/// Lines of an empty shard: 1 MiB for all of them.
const LINES_MIN: usize = 256;
/// Room is made for no more than so many entries, whatever is asked for.
const ROOM_MAX: usize = 1 << 27;

/// A tag that is in the index already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Duplicate;

pub(super) struct Index {
    shards: Vec<RwLock<Shard>>,
}

/// Four slots: what the processor fetches at once.
type Line = [u128; 4];

struct Shard {
    lines: Pages<Line>,
    occupied: usize,
    emptied: usize,
}

/// The index, held for reading: nothing is inserted while this lives.
pub(super) struct Held<'a>(Vec<RwLockReadGuard<'a, Shard>>);

/// The index, to be read.
pub(super) struct Tables<'a>(Vec<&'a [Line]>);

impl Held<'_> {
    pub(super) fn tables(&self) -> Tables<'_> {
        Tables(self.0.iter().map(|shard| &*shard.lines).collect())
    }
}

impl Tables<'_> {
    /// Asks for the line of a tag that will be looked up in a moment.
    #[inline]
    pub(super) fn prefetch(&self, tag: Tag) {
        let table = self.0[shard_of(tag)];
        prefetch(table, home(table, tag.to_u128()));
    }

    /// The person of a tag, if it is known.
    #[inline]
    pub(super) fn find(&self, tag: Tag) -> Option<PersonNo> {
        find(self.0[shard_of(tag)], tag)
    }
}

impl Index {
    pub(super) fn new() -> Self {
        Self::with_room(0)
    }

    /// An index that does not grow before it has so many entries, or nearly as many.
    pub(super) fn with_room(entries: usize) -> Self {
        let lines = entries.min(ROOM_MAX) / SHARDS / 3;
        let lines = lines.next_power_of_two().max(LINES_MIN);
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::with_lines(lines))).collect();
        Self { shards }
    }

    /// Holds the index for reading.
    pub(super) fn hold(&self) -> Held<'_> {
        let shards = self.shards.iter();
        Held(shards.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner)).collect())
    }

    /// Inserts new entries; they are visible when this returns.  Shard by shard, so that each is
    /// locked once and the waits for its lines overlap.
    ///
    /// # Errors
    ///
    /// [`Duplicate`] when a fingerprint is there already; some of the others stay.
    pub(super) fn insert_many(&self, entries: &[(Tag, PersonNo)]) -> Result<(), Duplicate> {
        let mut by_shard: [Vec<&(Tag, PersonNo)>; SHARDS] = std::array::from_fn(|_| Vec::new());
        entries.iter().for_each(|entry| by_shard[shard_of(entry.0)].push(entry));
        let touched = self.shards.iter().zip(by_shard).filter(|(_, of)| !of.is_empty());
        for (shard, entries) in touched {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let ask = |tag: Tag| prefetch(&shard.lines, home(&shard.lines, tag.to_u128()));
            entries.iter().for_each(|(tag, _)| ask(*tag));
            entries.iter().try_for_each(|(tag, person)| shard.insert(*tag, *person))?;
        }
        Ok(())
    }

    /// Removes the entries of tags; nobody is found by them from now on.
    pub(super) fn remove_many(&self, tags: &[Tag]) {
        for tag in tags {
            let shard = &self.shards[shard_of(*tag)];
            shard.write().unwrap_or_else(PoisonError::into_inner).remove(*tag);
        }
    }

    /// Bytes of the tables, free slots included.
    pub(super) fn bytes(&self) -> usize {
        self.hold().tables().0.iter().map(|table| size_of_val(*table)).sum()
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

/// The first line of a tag: known from the tag and from its slot alike, so that a shard can grow.
#[inline]
fn home(lines: &[Line], tag_or_slot: u128) -> usize {
    // The count of lines is a power of two.
    ((tag_or_slot >> VALUE_BITS) as usize) & (lines.len() - 1)
}

/// The person of a tag.
#[inline]
fn find(lines: &[Line], tag: Tag) -> Option<PersonNo> {
    let fingerprint = tag.to_u128() & !VALUE_MASK;
    let mut place = home(lines, fingerprint);
    loop {
        let line = &lines[place];
        // No branch before all four are compared: which of them it is cannot be foretold, and a wrong
        // guess would also undo the looks-up that have begun after it.
        let mut found = 0;
        for slot in line {
            let (upper, lower) = halves(slot ^ fingerprint);
            let is_same = upper | (lower >> VALUE_BITS) == 0;
            found |= select_unpredictable(is_same, lower, 0);
        }
        if found != 0 {
            return PersonNo::from_index_value(found);
        }
        if line[3] == 0 {
            return None;
        }
        place = (place + 1) & (lines.len() - 1);
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each is a half")]
fn halves(slot: u128) -> (u64, u64) {
    ((slot >> 64) as u64, slot as u64)
}

impl Shard {
    fn with_lines(count: usize) -> Self {
        Self { lines: Pages::zeroed(count), occupied: 0, emptied: 0 }
    }

    fn insert(&mut self, tag: Tag, person: PersonNo) -> Result<(), Duplicate> {
        let fingerprint = tag.to_u128() & !VALUE_MASK;
        if find(&self.lines, tag).is_some() {
            return Err(Duplicate);
        }
        // Three quarters of the slots.
        if self.occupied + self.emptied + 1 > self.lines.len() * 3 {
            self.make_room();
        }
        self.place(fingerprint | u128::from(person.index_value()));
        self.occupied += 1;
        Ok(())
    }

    fn place(&mut self, entry: u128) {
        let mut place = home(&self.lines, entry);
        loop {
            let is_free = |slot: &&mut u128| matches!(**slot, 0 | EMPTIED);
            if let Some(slot) = self.lines[place].iter_mut().find(is_free) {
                self.emptied -= usize::from(*slot == EMPTIED);
                *slot = entry;
                return;
            }
            place = (place + 1) & (self.lines.len() - 1);
        }
    }

    fn remove(&mut self, tag: Tag) {
        let fingerprint = tag.to_u128() & !VALUE_MASK;
        let is_entry =
            |slot: &&mut u128| **slot & !VALUE_MASK == fingerprint && **slot & VALUE_MASK != 0;
        let mut place = home(&self.lines, fingerprint);
        loop {
            if let Some(slot) = self.lines[place].iter_mut().find(is_entry) {
                *slot = EMPTIED;
                self.occupied -= 1;
                self.emptied += 1;
                return;
            }
            if self.lines[place][3] == 0 {
                return;
            }
            place = (place + 1) & (self.lines.len() - 1);
        }
    }

    /// Drops emptied slots, and doubles unless they were half of what is taken.
    fn make_room(&mut self) {
        let count = self.lines.len() * if self.occupied > self.emptied { 2 } else { 1 };
        self.emptied = 0;
        let old = std::mem::replace(&mut self.lines, Pages::zeroed(count));
        for entry in old.as_flattened().iter().filter(|entry| !matches!(**entry, 0 | EMPTIED)) {
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

    fn find_all(index: &Index, tags: &[Tag]) -> Vec<Option<PersonNo>> {
        let held = index.hold();
        let tables = held.tables();
        tags.iter().for_each(|tag| tables.prefetch(*tag));
        tags.iter().map(|tag| tables.find(*tag)).collect()
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
        for (n, found) in find_all(&index, &tags).into_iter().enumerate() {
            let expected = (n < 300_000).then(|| person(n as u64 * 3));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn entries_whose_homes_wrap_around_the_end_are_found() {
        let index = Index::new();
        let all_ones = u128::MAX << VALUE_BITS;
        // The same shard (upper bits) and the last line as home, with different fingerprints.
        let tags: Vec<Tag> =
            (0..20_u128).map(|n| Tag::from_bytes((all_ones ^ (n << 100)).to_be_bytes())).collect();
        for (n, tag) in tags.iter().enumerate() {
            index.insert_many(&[(*tag, person(n as u64))]).unwrap();
        }
        let found = find_all(&index, &tags);
        assert!(found.iter().enumerate().all(|(n, found)| *found == Some(person(n as u64))));
    }

    /// Goal: all 88 bits of a fingerprint count, in each slot of a line.  Method: fill a line, then ask
    /// for tags that differ from one of its own in a single bit; the low 40 bits are no fingerprint.
    #[test]
    fn a_tag_that_differs_in_one_bit_of_its_fingerprint_is_somebody_else() {
        let index = Index::new();
        // The same home: the shard's bits and those above the value are equal.
        let tags = [1_u128, 2, 3, 4].map(|n| (n << 90) | (7 << VALUE_BITS));
        let as_tag = |tag: u128| Tag::from_bytes(tag.to_be_bytes());
        for (tag, number) in tags.iter().zip(0..) {
            index.insert_many(&[(as_tag(*tag), person(number))]).unwrap();
        }
        for (tag, number) in tags.iter().zip(0..) {
            for bit in 0..128 {
                let other = as_tag(tag ^ (1 << bit));
                let expected = (bit < VALUE_BITS).then(|| person(number));
                let is_another = tags.iter().any(|tag| (tag ^ other.to_u128()) >> VALUE_BITS == 0);
                if bit < VALUE_BITS || !is_another {
                    assert_eq!(find_all(&index, &[other]), [expected], "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn whoever_was_removed_makes_room_for_as_many() {
        let index = Index::new();
        let some = |round: u64| (0..20_000).map(move |n| (tag(round * 20_000 + n), person(n)));
        index.insert_many(&some(0).collect::<Vec<_>>()).unwrap();
        let bytes = index.bytes();
        for round in 0..20 {
            index.remove_many(&some(round).map(|(tag, _)| tag).collect::<Vec<_>>());
            index.insert_many(&some(round + 1).collect::<Vec<_>>()).unwrap();
        }
        assert!(index.len() == 20_000 && index.bytes() <= 2 * bytes);
    }

    /// Goal: a removed entry is gone and no other is lost.  Method: full lines that run on into each
    /// other, around the end of the table; some are removed, others take their place.
    #[test]
    fn a_removed_entry_is_gone_and_those_behind_it_are_found() {
        let index = Index::new();
        let all_ones = u128::MAX << VALUE_BITS;
        let at = |n: u128| Tag::from_bytes((all_ones ^ (n << 100)).to_be_bytes());
        let tags: Vec<Tag> = (0..40).map(at).collect();
        for (tag, number) in tags[..20].iter().zip(0..) {
            index.insert_many(&[(*tag, person(number))]).unwrap();
        }
        let removed = [0, 3, 4, 7, 11, 19];
        index.remove_many(&removed.map(|n| tags[n]));
        index.remove_many(&removed.map(|n| tags[n]));
        assert_eq!(index.len(), 14, "removed once");
        let expected = |n: usize| (n < 20 && !removed.contains(&n)).then(|| person(n as u64));
        for (n, found) in find_all(&index, &tags).into_iter().enumerate() {
            assert_eq!(found, expected(n), "entry {n}");
        }
        // Their slots are taken again, and so is the tag of one who was removed.
        let again: Vec<_> = tags[20..].iter().zip(20..).map(|(tag, n)| (*tag, person(n))).collect();
        index.insert_many(&again).unwrap();
        index.insert_many(&[(tags[3], person(99))]).unwrap();
        let found = find_all(&index, &tags);
        assert_eq!((found[3], found[4], found[39]), (Some(person(99)), None, Some(person(39))));
        assert_eq!(index.len(), 35);
        // A tag whose fingerprint is the mark of an emptied slot is somebody like any other.
        let mark = Tag::from_bytes(EMPTIED.to_be_bytes());
        assert_eq!(find_all(&index, &[mark]), [None]);
        index.insert_many(&[(mark, person(7))]).unwrap();
        assert_eq!(find_all(&index, &[mark]), [Some(person(7))]);
        index.remove_many(&[mark]);
        assert_eq!(find_all(&index, &[mark]), [None]);
    }

    #[test]
    fn removing_and_inserting_again_and_again_never_fills_the_table() {
        let index = Index::new();
        for round in 0..40_u64 {
            let entries: Vec<_> = (0..2000).map(|n| (tag(round * 2000 + n), person(n))).collect();
            index.insert_many(&entries).unwrap();
            let tags: Vec<Tag> = entries.iter().map(|(tag, _)| *tag).collect();
            assert!(find_all(&index, &tags).iter().all(Option::is_some));
            index.remove_many(&tags);
            assert!(find_all(&index, &tags).iter().all(Option::is_none));
        }
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn a_second_insert_of_a_fingerprint_is_refused_and_changes_nothing() {
        let index = Index::new();
        index.insert_many(&[(tag(1), person(1))]).unwrap();
        assert_eq!(index.insert_many(&[(tag(1), person(2))]), Err(Duplicate));
        assert_eq!(find_all(&index, &[tag(1)]), [Some(person(1))]);
    }
}
