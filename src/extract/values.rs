//! Distinct values, each with a number, in memory that is one piece: values come by the million.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// Slots of an empty table.
const SLOTS_MIN: usize = 1 << 16;

/// A slot without a value.
const FREE: u32 = u32::MAX;

/// Distinct values, numbered from 0 in the order in which they came.
///
/// INVARIANT: `slots` has a power of two of slots, at least twice as many as there are values.
pub(super) struct Values {
    hasher: RandomState,
    bytes: Vec<u8>,
    /// For each value its hash and where its bytes end.
    values: Vec<(u64, usize)>,
    /// The numbers of values, each at its hash or in the next free slot after it.
    slots: Vec<u32>,
}

impl Values {
    pub(super) fn new() -> Self {
        let slots = vec![FREE; SLOTS_MIN];
        Self { hasher: RandomState::new(), bytes: Vec::new(), values: Vec::new(), slots }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How much memory they take.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.len()
            + self.values.len() * size_of::<(u64, usize)>()
            + self.slots.len() * size_of::<u32>()
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.values.clear();
        self.slots = vec![FREE; SLOTS_MIN];
    }

    /// The number of the value that is written, and whether it is new.
    pub(super) fn number(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> (u32, bool) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let value = self.bytes.get(start..).unwrap_or_default();
        let hash = self.hasher.hash_one(value);
        let mut slot = self.slot_of(hash);
        loop {
            let number = self.slots.get(slot).copied().unwrap_or(FREE);
            if number == FREE {
                break;
            }
            if self.is_at(number, hash, start) {
                self.bytes.truncate(start);
                return (number, false);
            }
            slot = (slot + 1) % self.slots.len();
        }
        let number = u32::try_from(self.values.len()).unwrap_or(FREE);
        self.values.push((hash, self.bytes.len()));
        if let Some(free) = self.slots.get_mut(slot) {
            *free = number;
        }
        if self.values.len() * 2 > self.slots.len() {
            self.grow();
        }
        (number, true)
    }

    /// The number of the value that is written, which is not looked for: until all are forgotten,
    /// each is taken for a new one.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> u32 {
        write(&mut self.bytes);
        let number = u32::try_from(self.values.len()).unwrap_or(FREE);
        self.values.push((0, self.bytes.len()));
        number
    }

    /// The bytes of a value.
    pub(super) fn value(&self, number: usize) -> &[u8] {
        self.bytes.get(self.span(number)).unwrap_or_default()
    }

    fn span(&self, number: usize) -> Range<usize> {
        let end = |number: usize| self.values.get(number).map_or(0, |(_, end)| *end);
        number.checked_sub(1).map_or(0, end)..end(number)
    }

    /// Whether a value is the one whose bytes begin at `start`.
    fn is_at(&self, number: u32, hash: u64, start: usize) -> bool {
        let Ok(number) = usize::try_from(number) else { return false };
        let is_likely = self.values.get(number).is_some_and(|(other, _)| *other == hash);
        is_likely && self.value(number) == self.bytes.get(start..).unwrap_or_default()
    }

    fn slot_of(&self, hash: u64) -> usize {
        // The length is a power of two, so that this is the lower bits.
        usize::try_from(hash).unwrap_or_default() & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![FREE; self.slots.len() * 2];
        for number in 0..self.values.len() {
            let hash = self.values.get(number).map_or(0, |(hash, _)| *hash);
            let mut slot = self.slot_of(hash);
            while self.slots.get(slot).is_some_and(|taken| *taken != FREE) {
                slot = (slot + 1) % self.slots.len();
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = u32::try_from(number).unwrap_or(FREE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_number_however_many_there_are() {
        let mut values = Values::new();
        for round in [true, false, false] {
            for value in 0..200_000_u32 {
                let text = value.to_string();
                let found = values.number(|bytes| bytes.extend_from_slice(text.as_bytes()));
                assert_eq!(found, (value, round));
            }
        }
        assert_eq!((values.len(), values.value(123_456)), (200_000, &b"123456"[..]));
        assert!(values.memory_bytes() > 1_000_000);
        values.clear();
        assert_eq!((values.append(|_| ()), values.append(|_| ())), (0, 1));
        values.clear();
        assert_eq!(values.number(|_| ()), (0, true));
        assert_eq!(values.number(|_| ()), (0, false));
    }
}
