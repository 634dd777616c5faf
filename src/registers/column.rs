//! The column of a register: person number to register ID, in memory.
//!
//! One cell of 8 bytes holds the ID or a state, so that one read answers a row and no cipher runs
//! on the hot path. IDs are below 2^50, so that the upper bits of a cell are free: one says that
//! the register's sparse map of tombstones has something about this person. Cells come in blocks
//! of 10^7, the blocks that person numbers are drawn in, each in memory of its own that is mapped
//! when it is touched.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::memory::{Pages, prefetch};
use crate::vault::PersonNo;

/// What a register says about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A member, with this ID (15 digits).
    Member(u64),
    /// Not a member.
    NotMember,
    /// Not to be answered; why is not told to senders.
    Suppressed,
    /// A past that was erased is kept out: the register's tombstones say which.  The ID that the person
    /// has nevertheless, or has got since; 0 for none.
    Tombstoned(u64),
}

impl Standing {
    const SUPPRESSED_CELL: u64 = 1 << 63;
    const MARK: u64 = 1 << 62;

    /// The ID, if there is one.
    #[must_use]
    pub const fn id(self) -> Option<u64> {
        match self {
            Self::Member(id) | Self::Tombstoned(id) if id != 0 => Some(id),
            _ => None,
        }
    }

    /// Whether the register has the person, told or not.
    #[must_use]
    pub const fn is_in_register(self) -> bool {
        !matches!(self, Self::NotMember | Self::Tombstoned(0))
    }

    fn cell(self) -> u64 {
        match self {
            Self::Member(id) => id,
            Self::NotMember => 0,
            Self::Suppressed => Self::SUPPRESSED_CELL,
            Self::Tombstoned(id) => id | Self::MARK,
        }
    }

    #[inline]
    const fn is_member_cell(cell: u64) -> bool {
        cell != 0 && cell < Self::MARK
    }

    #[inline]
    fn from_cell(cell: u64) -> Self {
        match cell {
            0 => Self::NotMember,
            id if Self::is_member_cell(id) => Self::Member(id),
            cell if cell & Self::SUPPRESSED_CELL != 0 => Self::Suppressed,
            cell => Self::Tombstoned(cell & !Self::MARK),
        }
    }
}

/// 10^7 cells.
type Block = Pages<u64>;

/// A register's cells.
#[derive(Default)]
pub(super) struct Column {
    blocks: RwLock<Vec<Option<Block>>>,
}

/// The cells, held for reading: no cell changes while this lives.
pub struct Held<'a>(RwLockReadGuard<'a, Vec<Option<Block>>>);

/// The cells, to be read.
pub struct Cells<'a>(Vec<&'a [u64]>);

impl Column {
    pub(super) fn hold(&self) -> Held<'_> {
        Held(self.blocks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes cells; readers see all of them or none.  What is marked stays marked.
    pub(super) fn publish(&self, cells: &[(PersonNo, Standing)]) {
        self.change(
            cells.iter().map(|(person, standing)| (*person, standing.cell())),
            Standing::MARK,
        );
    }

    /// Marks persons of whom there are tombstones.
    pub(super) fn mark(&self, persons: &[PersonNo]) {
        self.change(persons.iter().map(|person| (*person, Standing::MARK)), u64::MAX);
    }

    /// Writes cells, and keeps what they have in the bits of `kept`.
    fn change(&self, cells: impl Iterator<Item = (PersonNo, u64)>, kept: u64) {
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        for (person, cell) in cells {
            let (block, place) = split(person);
            while blocks.len() <= block {
                blocks.push(None);
            }
            let block = blocks[block].get_or_insert_with(|| Block::zeroed(BLOCK_CELLS));
            block[place] = cell | (block[place] & kept);
        }
    }
}

impl Held<'_> {
    /// The cells.
    pub fn cells(&self) -> Cells<'_> {
        Cells(self.0.iter().map(|block| block.as_deref().unwrap_or_default()).collect())
    }
}

impl Cells<'_> {
    /// Asks for a person's cell, which will be read in a moment.
    #[inline]
    fn prefetch(&self, person: PersonNo) {
        let (block, place) = split(person);
        if let Some(cells) = self.0.get(block) {
            prefetch(cells, place);
        }
    }

    /// Asks for the cells of some rows.
    pub fn prefetch_many(&self, persons: &[Option<PersonNo>]) {
        persons.iter().flatten().for_each(|person| self.prefetch(*person));
    }

    /// What the register says about a person.
    #[inline]
    pub fn standing(&self, person: PersonNo) -> Standing {
        Standing::from_cell(self.cell(person))
    }

    /// Writes the IDs of rows all of which are about members of whom there is nothing more to say, and
    /// says whether they are: else `ids` holds nothing of use. Asks for the cells of `later` rows
    /// meanwhile.
    #[inline]
    pub fn take_members(
        &self,
        persons: &[Option<PersonNo>],
        later: &[Option<PersonNo>],
        ids: &mut [u64],
    ) -> bool {
        let mut later = later.iter();
        let mut are_members = true;
        for (person, id) in persons.iter().zip(ids) {
            later.next().copied().flatten().into_iter().for_each(|later| self.prefetch(later));
            *id = person.map_or(0, |person| self.cell(person));
            // No branch for each: nearly all are, and what they are is told at the end.
            are_members &= Standing::is_member_cell(*id);
        }
        are_members
    }

    #[inline]
    fn cell(&self, person: PersonNo) -> u64 {
        let (block, place) = split(person);
        self.0.get(block).and_then(|cells| cells.get(place)).copied().unwrap_or_default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a block's 10^7 cells fit in a usize")]
const BLOCK_CELLS: usize = BLOCK_NUMBERS as usize;

#[inline]
fn split(person: PersonNo) -> (usize, usize) {
    let number = person.number();
    ((number / BLOCK_NUMBERS) as usize, (number % BLOCK_NUMBERS) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_they_were_written_in_every_block() {
        let column = Column::default();
        let person = |number| PersonNo::from_number(number).unwrap();
        let cells = [
            (person(0), Standing::Member(123_456_789_012_345)),
            (person(BLOCK_NUMBERS - 1), Standing::Suppressed),
            (person(2 * BLOCK_NUMBERS), Standing::Member(987_654_321_098_765)),
        ];
        column.publish(&cells);
        let held = column.hold();
        let read = held.cells();
        for (person, standing) in cells {
            assert_eq!(read.standing(person), standing);
        }
        assert_eq!(read.standing(person(1)), Standing::NotMember);
        assert_eq!(read.standing(person(BLOCK_NUMBERS)), Standing::NotMember);
        assert_eq!(read.standing(person(9 * BLOCK_NUMBERS)), Standing::NotMember);
    }

    /// Goal: rows are members' IDs at once, or looked at one by one.  Method: one row of each other
    /// standing, in each place of a few rows about members.
    #[test]
    fn members_are_taken_together_and_nobody_else_with_them() {
        let column = Column::default();
        let person = |number| PersonNo::from_number(number);
        let id = |number| 123_456_789_012_000 + number;
        let members: Vec<_> =
            (0..5).map(|n| (person(n).unwrap(), Standing::Member(id(n)))).collect();
        column.publish(&members);
        column.publish(&[(person(6).unwrap(), Standing::Suppressed)]);
        column.mark(&[person(7).unwrap(), person(4).unwrap()]);
        let held = column.hold();
        let cells = held.cells();
        let rows: Vec<Option<PersonNo>> = (0..4).map(person).collect();
        let mut ids = [0; 4];
        for later in [&[][..], &rows, &[None, person(9 * BLOCK_NUMBERS)]] {
            assert!(cells.take_members(&rows, later, &mut ids));
            assert_eq!(ids, [id(0), id(1), id(2), id(3)]);
        }
        assert!(cells.take_members(&[], &rows, &mut []));
        // A member with a tombstone, one not there, one suppressed, one kept out, nobody.
        for other in [person(4), person(5), person(6), person(7), None] {
            for place in 0..rows.len() {
                let mut rows = rows.clone();
                rows[place] = other;
                assert!(!cells.take_members(&rows, &[], &mut ids), "{other:?} at {place}");
            }
        }
    }

    #[test]
    fn a_mark_stays_through_what_becomes_of_the_person() {
        let column = Column::default();
        let person = PersonNo::from_number(3).unwrap();
        let standing = || column.hold().cells().standing(person);
        column.publish(&[(person, Standing::Member(123_456_789_012_345))]);
        assert_eq!(standing().id(), Some(123_456_789_012_345));
        column.mark(&[person]);
        assert_eq!(standing(), Standing::Tombstoned(123_456_789_012_345));
        column.publish(&[(person, Standing::NotMember)]);
        assert_eq!((standing(), standing().id()), (Standing::Tombstoned(0), None));
        column.publish(&[(person, Standing::Member(987_654_321_098_765))]);
        assert_eq!(standing(), Standing::Tombstoned(987_654_321_098_765));
        column.publish(&[(person, Standing::Suppressed)]);
        assert_eq!(standing(), Standing::Suppressed);
    }
}
