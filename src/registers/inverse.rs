//! Register number to person: a register's column read backwards.
//!
//! Why it exists: ingest asks by person, a disclosure brings register IDs.  An ID decrypts to a
//! register number, and that is a place in here.  It costs 8 bytes a member, so that it is made
//! when it is first asked for, from the stored deltas, and kept up by the recorder from then on.

use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::memory::Pages;
use crate::vault::PersonNo;

/// The persons of one register, by register number.
#[derive(Default)]
pub(super) struct Inverse {
    // A person number and 1; 0 is nobody.
    blocks: Vec<Option<Pages<u64>>>,
}

#[expect(clippy::cast_possible_truncation, reason = "a block's 10^7 cells fit in a usize")]
const BLOCK_CELLS: usize = BLOCK_NUMBERS as usize;

fn split(register_number: u64) -> Option<(usize, usize)> {
    let block = usize::try_from(register_number / BLOCK_NUMBERS).ok()?;
    Some((block, usize::try_from(register_number % BLOCK_NUMBERS).ok()?))
}

impl Inverse {
    /// Notes whose a register number is.  Numbers are drawn from leased blocks, so that there are as
    /// many blocks as members need.
    pub(super) fn set(&mut self, register_number: u64, person: PersonNo) {
        let Some((block, place)) = split(register_number) else { return };
        while self.blocks.len() <= block {
            self.blocks.push(None);
        }
        let block = self.blocks[block].get_or_insert_with(|| Pages::zeroed(BLOCK_CELLS));
        block[place] = person.number() + 1;
    }

    /// Whose a register number is.
    pub(super) fn person(&self, register_number: u64) -> Option<PersonNo> {
        let (block, place) = split(register_number)?;
        let cell = *self.blocks.get(block)?.as_ref()?.get(place)?;
        PersonNo::from_number(cell.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_number_leads_to_its_person_and_others_to_nobody() {
        let mut inverse = Inverse::default();
        let person = |number| PersonNo::from_number(number).unwrap();
        inverse.set(0, person(7));
        inverse.set(2 * BLOCK_NUMBERS + 1, person(0));
        assert_eq!(inverse.person(0).map(PersonNo::number), Some(7));
        assert_eq!(inverse.person(2 * BLOCK_NUMBERS + 1).map(PersonNo::number), Some(0));
        for nobody in [1, BLOCK_NUMBERS, 2 * BLOCK_NUMBERS, 9 * BLOCK_NUMBERS, u64::MAX] {
            assert!(inverse.person(nobody).is_none());
        }
    }
}
