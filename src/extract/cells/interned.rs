//! Lists of numbers that are each kept once, and known by a number of their own.
//!
//! A table of its own rather than `HashMap<Box<[u32]>, u32>`: where nearly every list is different, it
//! takes a third of the memory.

use std::hash::{BuildHasher as _, RandomState};

use super::TooMany;

/// No list.
const EMPTY: u32 = u32::MAX;

/// INVARIANT: at most half of the slots are taken, their number is a power of two, and `ends` has the
/// end of each list in `values`.
#[derive(Default)]
pub(super) struct Interned {
    values: Vec<u32>,
    ends: Vec<usize>,
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Interned {
    /// The list of a number that was given.
    pub(super) fn values(&self, number: u32) -> &[u32] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.values[start..self.ends[at]]
    }

    /// The number of a list: 0, 1, 2 … in the order in which they come for the first time.
    pub(super) fn number(&mut self, list: &[u32]) -> Result<u32, TooMany> {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow()?;
        }
        let slot = self.slot(list);
        if self.slots[slot] == EMPTY {
            self.slots[slot] = number_of(self.ends.len())?;
            self.values.extend_from_slice(list);
            self.ends.push(self.values.len());
        }
        Ok(self.slots[slot])
    }

    /// Where a list is, or has its place.
    fn slot(&self, list: &[u32]) -> usize {
        let mask = self.slots.len() - 1;
        // Its lower bits are as good as any.
        let bytes = self.hasher.hash_one(list).to_ne_bytes();
        let mut slot = usize::from_ne_bytes(bytes) & mask;
        while self.slots[slot] != EMPTY && self.values(self.slots[slot]) != list {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) -> Result<(), TooMany> {
        let size = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(size, EMPTY);
        for at in 0..self.ends.len() {
            let number = number_of(at)?;
            let slot = self.slot(self.values(number));
            self.slots[slot] = number;
        }
        Ok(())
    }
}

fn number_of(at: usize) -> Result<u32, TooMany> {
    u32::try_from(at).ok().filter(|number| *number != EMPTY).ok_or(TooMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_have_one_number_and_different_ones_their_own() {
        let mut interned = Interned::default();
        let lists: Vec<Vec<u32>> =
            (0..1000).map(|n| (0..n % 7).map(|i| n / 7 + i).collect()).collect();
        let numbers: Vec<u32> = lists.iter().map(|list| interned.number(list).unwrap()).collect();
        for (list, number) in lists.iter().zip(&numbers) {
            assert_eq!(interned.values(*number), list);
            assert_eq!(interned.number(list), Ok(*number));
        }
        let distinct: std::collections::HashSet<_> = lists.iter().collect();
        assert_eq!(interned.ends.len(), distinct.len());
    }
}
