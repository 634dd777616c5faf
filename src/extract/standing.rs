//! Who the persons of a file are in the disclosure, asked for once each while memory lasts.

use std::collections::HashMap;

use super::block::Block;
use super::cell::Cell;
use super::date::number;
use super::error::Error;
use super::issuer::{Issued, Issuer, Refusal};
use crate::ident::{RegisterId, RegisterIdError};

/// What one person takes, with its place in the table.
const PERSON_BYTES: usize = 64;

/// What is known of persons of one register.
pub(super) struct Standings {
    places: HashMap<u64, u32>,
    known: Vec<Known>,
    persons_max: usize,
}

/// A person, or rows that nobody is asked about.
pub(super) struct Known {
    pub(super) register_id: u64,
    pub(super) issued: Issued,
}

impl Standings {
    pub(super) fn new(memory_bytes: usize) -> Self {
        let persons_max = (memory_bytes / PERSON_BYTES).max(1);
        Self { places: HashMap::new(), known: Vec::new(), persons_max }
    }

    /// Finds out about all persons of a block: for each row a number for [`Standings::known`].
    ///
    /// # Errors
    ///
    /// The issuer's, or it answers something else than was asked.
    pub(super) fn ask(
        &mut self,
        register: &str,
        block: &Block,
        issuer: &mut dyn Issuer,
    ) -> Result<Vec<u32>, Error> {
        if self.known.len() > self.persons_max {
            self.places.clear();
            self.known.clear();
        }
        let begun = self.known.len();
        let mut rows = Vec::with_capacity(block.rows);
        for row in 0..block.rows {
            let id = digits_of(block.cell(0, row)).unwrap_or_default();
            let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
            let place = *self.places.entry(id).or_insert(next);
            if place == next {
                self.known.push(Known { register_id: id, issued: judged(id) });
            }
            rows.push(place);
        }
        let new = self.known.get_mut(begun..).unwrap_or_default();
        let is_asked = |known: &&mut Known| matches!(known.issued, Issued::Serial(_));
        let mut asked: Vec<&mut Known> = new.iter_mut().filter(is_asked).collect();
        let ids: Vec<u64> = asked.iter().map(|known| known.register_id).collect();
        if !ids.is_empty() {
            let answers = issuer.serials(register, &ids).map_err(Error::Issuer)?;
            if answers.len() != ids.len() {
                return Err(Error::internal("the issuer answered another number of IDs"));
            }
            for (known, issued) in asked.iter_mut().zip(answers) {
                known.issued = issued;
            }
        }
        Ok(rows)
    }

    /// What is known of a row's person.
    pub(super) fn known(&self, place: u32) -> Option<&Known> {
        self.known.get(usize::try_from(place).ok()?)
    }
}

/// What is known without asking; `Serial` where it must be asked.
fn judged(id: u64) -> Issued {
    match RegisterId::try_from_u64(id) {
        Ok(_) => Issued::Serial(0),
        Err(RegisterIdError::CheckDigit) => Issued::Refused(Refusal::CheckDigits),
        Err(RegisterIdError::Format) => Issued::Refused(Refusal::Format),
    }
}

/// The number of 15 digits that a cell of the ID column is.
pub(super) fn digits_of(cell: Cell<'_>) -> Option<u64> {
    let found = match cell {
        Cell::Text(text) if text.len() == RegisterId::DIGIT_COUNT => number(text),
        Cell::Number(number) => u64::try_from(number).ok(),
        _ => None,
    };
    found.filter(|number| (100_000_000_000_000..1_000_000_000_000_000).contains(number))
}
