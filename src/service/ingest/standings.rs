//! What the register says about the persons of a batch, read while they are being found.
//!
//! Why: persons lie all over the column, so that each read waits for the look-up of a page as well as
//! for its line. A cell that is asked for and read a little later waits once; one that is read when
//! the batch is through waits twice, since the processor keeps fewer pages in mind than a batch has
//! persons.

use crate::registers::{Cells, Standing};
use crate::vault::PersonNo;

/// How many persons after it was asked for a cell is read.
const BEHIND: usize = 64;

/// The standings of the persons that the vault knew, in the order of their rows.
#[derive(Default)]
pub(super) struct Standings {
    persons: Vec<PersonNo>,
    read: Vec<Standing>,
    next: usize,
}

impl Standings {
    /// With room for so many.
    pub(super) fn with_capacity(persons: usize) -> Self {
        let (persons, read) = (Vec::with_capacity(persons), Vec::with_capacity(persons));
        Self { persons, read, next: 0 }
    }

    /// Takes the next person, and reads the cell of an earlier one.
    #[inline]
    pub(super) fn take(&mut self, person: PersonNo, cells: &Cells<'_>) {
        cells.prefetch(person);
        self.persons.push(person);
        if self.persons.len() > self.read.len() + BEHIND {
            self.read.push(cells.standing(self.persons[self.read.len()]));
        }
    }

    /// Reads the cells of the last persons.
    pub(super) fn finish(&mut self, cells: &Cells<'_>) {
        let left = &self.persons[self.read.len()..];
        self.read.extend(left.iter().map(|person| cells.standing(*person)));
    }

    /// The standing of the person of the next row that has one. Whoever was not known then, and is
    /// by now, is looked up: they are new.
    #[inline]
    pub(super) fn next(&mut self, person: PersonNo, cells: &Cells<'_>) -> Standing {
        match self.persons.get(self.next) {
            Some(known) if *known == person => {
                self.next += 1;
                self.read[self.next - 1]
            }
            _ => cells.standing(person),
        }
    }
}
