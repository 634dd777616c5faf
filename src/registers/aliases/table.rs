//! Existing ID to register number, in memory: compact, and wiped.
//!
//! ```text
//! slots   place of an entry and 1, 4 bytes each, by a hash of the text under a key of this run
//! blocks  of 1 MiB: entry = register number (6) ‖ length (1) ‖ text; none crosses a block's end
//! ```
//!
//! An ID of 12 characters takes 19 bytes of a block, and between 5.3 and 10.7 of the slots, which are
//! at most three quarters full and doubled then.  A `HashMap` of strings takes four times as much and
//! leaves them behind when it is dropped.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::memory::Pages;
use crate::registers::Error;

const BLOCK_BYTES: usize = 1 << 20;
const HEAD_BYTES: usize = 7;
const SLOTS_FIRST: usize = 1 << 10;
/// Entries that slots of 4 bytes can reach, in bytes of blocks.
const BYTES_MAX: usize = u32::MAX as usize - BLOCK_BYTES;
/// Bytes that the longest entry takes.
const ENTRY_BYTES_MAX: usize = HEAD_BYTES + 64;

/// Existing IDs and what they stand for.
#[derive(Default)]
pub(super) struct Table {
    hasher: RandomState,
    slots: Option<Pages<u32>>,
    blocks: Vec<Pages<u8>>,
    /// Where the next entry begins.
    end: usize,
    count: usize,
}

impl Table {
    /// The register number that an existing ID stands for.
    pub(super) fn number_of(&self, text: &str) -> Option<u64> {
        let slots = self.slots.as_deref()?;
        let at = entry_at(slots[self.slot(slots, text)])?;
        let mut number = [0; 8];
        number[2..].copy_from_slice(&self.bytes_at(at)[..6]);
        Some(u64::from_be_bytes(number))
    }

    /// Whether so many more fit.
    pub(super) fn check_room(&self, count: usize) -> Result<(), Error> {
        let fits = self.end + count.saturating_mul(ENTRY_BYTES_MAX) < BYTES_MAX;
        if fits { Ok(()) } else { Err(Error::TooLarge) }
    }

    /// Notes what an existing ID stands for, in place of what it stood for.
    pub(super) fn insert(&mut self, text: &str, number: u64) -> Result<(), Error> {
        self.check_room(1)?;
        let slots = self.slots.as_ref().map_or(0, |slots| slots.len());
        if 4 * (self.count + 1) > 3 * slots {
            self.grow((2 * slots).max(SLOTS_FIRST));
        }
        let slots = self.slots.as_deref().unwrap_or_default();
        let slot = self.slot(slots, text);
        let at = match entry_at(slots[slot]) {
            Some(at) => at,
            None => self.append(slot, text),
        };
        let (block, place) = (at / BLOCK_BYTES, at % BLOCK_BYTES);
        self.blocks[block][place..place + 6].copy_from_slice(&number.to_be_bytes()[2..]);
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count as u64
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> u64 {
        let slots = self.slots.as_ref().map_or(0, |slots| size_of_val::<[u32]>(slots));
        (slots + self.blocks.len() * BLOCK_BYTES) as u64
    }

    /// Puts an entry without its number into the blocks, and its place into a slot.
    fn append(&mut self, slot: usize, text: &str) -> usize {
        let bytes = HEAD_BYTES + text.len();
        if self.end % BLOCK_BYTES + bytes > BLOCK_BYTES {
            self.end = self.end.next_multiple_of(BLOCK_BYTES);
        }
        let (at, place) = (self.end, self.end % BLOCK_BYTES);
        if at / BLOCK_BYTES == self.blocks.len() {
            self.blocks.push(Pages::zeroed(BLOCK_BYTES));
        }
        let entry = &mut self.blocks[at / BLOCK_BYTES][place..place + bytes];
        // PANIC: none; an existing ID has at most 64 bytes, and the blocks were looked at.
        entry[6] = u8::try_from(text.len()).unwrap_or(u8::MAX);
        entry[HEAD_BYTES..].copy_from_slice(text.as_bytes());
        if let Some(slots) = &mut self.slots {
            slots[slot] = u32::try_from(at + 1).unwrap_or(u32::MAX);
        }
        self.end += bytes;
        self.count += 1;
        at
    }

    fn grow(&mut self, slots: usize) {
        let old = self.slots.replace(Pages::zeroed(slots));
        for entry in old.iter().flat_map(|old| old.iter()).filter(|entry| **entry != 0) {
            let Some(at) = entry_at(*entry) else { continue };
            let slots = self.slots.as_deref().unwrap_or_default();
            let slot = self.slot_of(slots, self.text_at(at));
            if let Some(slots) = &mut self.slots {
                slots[slot] = *entry;
            }
        }
    }

    /// The slot of a text, or the empty one that it belongs to.
    fn slot(&self, slots: &[u32], text: &str) -> usize {
        self.slot_of(slots, text.as_bytes())
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the lower bits choose a slot")]
    fn slot_of(&self, slots: &[u32], text: &[u8]) -> usize {
        let mask = slots.len() - 1;
        let mut slot = self.hasher.hash_one(text) as usize & mask;
        // One slot in four is empty at least, so that this ends.
        while let Some(at) = entry_at(slots[slot]) {
            if self.text_at(at) == text {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn bytes_at(&self, at: usize) -> &[u8] {
        &self.blocks[at / BLOCK_BYTES][at % BLOCK_BYTES..]
    }

    fn text_at(&self, at: usize) -> &[u8] {
        let bytes = self.bytes_at(at);
        &bytes[HEAD_BYTES..HEAD_BYTES + usize::from(bytes[6])]
    }
}

/// Where the entry of a slot begins, if it has one.
fn entry_at(slot: u32) -> Option<usize> {
    usize::try_from(slot).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_through_growth_and_can_stand_for_something_else() {
        let mut table = Table::default();
        assert_eq!(table.number_of("a"), None);
        for number in 0..200_000_u64 {
            table.insert(&format!("gammel-{number}"), number).unwrap();
        }
        table.insert("gammel-7", 1 << 40).unwrap();
        assert_eq!(table.count(), 200_000);
        for number in [0, 1, 199_999] {
            assert_eq!(table.number_of(&format!("gammel-{number}")), Some(number));
        }
        assert_eq!(table.number_of("gammel-7"), Some(1 << 40));
        assert_eq!(table.number_of("gammel-200000"), None);
        assert_eq!(table.number_of("gammel-"), None);
        table.insert(&"x".repeat(64), 5).unwrap();
        assert_eq!(table.number_of(&"x".repeat(64)), Some(5));
    }

    #[test]
    fn an_id_of_twelve_characters_takes_at_most_32_bytes() {
        let mut table = Table::default();
        for number in 0..1_000_000_u64 {
            table.insert(&format!("{number:012}"), number).unwrap();
        }
        let tenths = 10 * table.bytes() / table.count();
        assert_eq!(tenths, 283, "OPERATIONS says 28.3 bytes");
    }
}
