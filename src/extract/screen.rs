//! Who comes out: how many persons, and how many share each combination.
//!
//! Why it exists: the report of an extract says how many persons are in it over all files, and the
//! small cells are counted over the same rows.

use std::hash::{BuildHasher as _, RandomState};

use roaring::RoaringTreemap;

use super::cells::{self, CellCounter, TooMany};
use super::plan::Observer;
use crate::disclosure::terms::SmallCells;

/// Sees each row that comes out.
pub struct Screen {
    cells: Option<CellCounter>,
    persons: RoaringTreemap,
    last: Option<u64>,
    labels: RandomState,
    too_many: Option<TooMany>,
}

/// What was seen.
pub struct Seen {
    /// Different persons in all files.
    pub persons: u64,
    /// The small cells, if the decision asks for them.
    pub cells: Option<cells::Report>,
}

impl Screen {
    /// For what a decision asks.
    #[must_use]
    pub fn new(asked: Option<&SmallCells>) -> Self {
        Self {
            cells: asked.map(CellCounter::new),
            persons: RoaringTreemap::new(),
            last: None,
            labels: RandomState::new(),
            too_many: None,
        }
    }

    /// What was seen, after the last row.
    ///
    /// # Errors
    ///
    /// [`TooMany`], at more than 4 billion.
    pub fn finish(self) -> Result<Seen, TooMany> {
        match self.too_many {
            Some(too_many) => Err(too_many),
            None => Ok(Seen {
                persons: self.persons.len(),
                cells: self.cells.map(CellCounter::finish).transpose()?,
            }),
        }
    }

    /// A serial's own number; of a label one that no two labels share but by chance.
    fn number(&self, person: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        match bytes.get_mut(8_usize.saturating_sub(person.len())..) {
            Some(low) if person.len() == super::row::SERIAL_BYTES => {
                low.copy_from_slice(person);
                u64::from_be_bytes(bytes)
            }
            _ => self.labels.hash_one(person),
        }
    }
}

impl Observer for Screen {
    fn row(&mut self, _file: usize, person: &[u8], cells: &[Option<&[u8]>]) {
        let number = self.number(person);
        if self.last != Some(number) {
            self.last = Some(number);
            self.persons.insert(number);
        }
        if let Some(counter) = &mut self.cells {
            let cells = cells.iter().enumerate();
            let cells = cells.filter_map(|(place, cell)| cell.map(|cell| (place, cell)));
            if let Err(too_many) = counter.add(number, cells) {
                self.too_many = Some(too_many);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_counted_once_over_all_files_and_small_cells_over_the_same_rows() {
        let asked = SmallCells { persons_min: 2, columns: vec!["sex".into()] };
        let mut screen = Screen::new(Some(&asked));
        let row = |screen: &mut Screen, file, person: &[u8], sex: Option<&[u8]>| {
            screen.row(file, person, &[sex]);
        };
        row(&mut screen, 0, &[0, 0, 0, 0, 1, 1], Some(b"1"));
        row(&mut screen, 0, &[0, 0, 0, 0, 1, 1], Some(b"1"));
        row(&mut screen, 0, &[0, 0, 0, 0, 1, 2], Some(b"1"));
        row(&mut screen, 1, &[0, 0, 0, 0, 1, 1], None);
        let seen = screen.finish().unwrap();
        let cells = seen.cells.unwrap();
        assert_eq!((seen.persons, cells.persons, cells.persons_below), (2, 2, 0));
    }

    #[test]
    fn labels_are_persons_too() {
        let mut screen = Screen::new(None);
        for label in ["P-0001", "P-0001", "P-2", "project-17"] {
            screen.row(0, label.as_bytes(), &[]);
        }
        let seen = screen.finish().unwrap();
        assert_eq!((seen.persons, seen.cells.is_none()), (3, true));
    }
}
