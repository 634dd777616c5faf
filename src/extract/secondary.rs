//! Surrogates of identifiers other than the person's, asked for once each while memory lasts.
//!
//! What is known is found by a hash of 128 bits under keys of the moment, and not by the value: a
//! value that comes back costs one place of memory instead of four. Two values of one hash would get
//! one surrogate, which is no likelier than that two surrogates, of 128 bits themselves, are equal.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};

use super::asker::Keys;
use super::block::Block;
use super::cell::{Cell, Kind, append_text};
use super::columns::{Columns, Replaced};
use super::error::Error;
use super::issuer::Issuer;

/// What one surrogate takes, with its place in the table.
const KNOWN_BYTES: usize = 80;

/// A column whose values come back less often than one in so many is not remembered.
const REPEATED_MIN: u64 = 16;

/// The surrogates of one column.
pub(super) struct Surrogates {
    keys: [RandomState; 2],
    known: HashMap<Digest, Known, BuildHasherDefault<Taken>>,
    known_max: usize,
    /// Cells so far, and how many of them had been seen before.
    cells: u64,
    repeated: u64,
    /// Whether values hardly ever come back, so that none is remembered.
    is_unique: bool,
}

/// What is known of a value.
#[derive(Clone, Copy)]
enum Known {
    /// It is asked for with this block, in this place.
    Asked(usize),
    Surrogate([u8; 16]),
}

/// The hash of an institution and a value.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Digest([u64; 2]);

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Takes a hash for a hash.
#[derive(Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Values that are asked for, one after the other, each after its institution.
#[derive(Default)]
struct Asked {
    bytes: Vec<u8>,
    /// Where each begins: its institution, and the value itself.
    starts: Vec<[usize; 2]>,
    /// Of each its hash, where values are remembered.
    digests: Vec<Digest>,
}

impl Surrogates {
    pub(super) fn new(memory_bytes_max: usize) -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            known: HashMap::default(),
            known_max: memory_bytes_max / KNOWN_BYTES,
            cells: 0,
            repeated: 0,
            is_unique: false,
        }
    }

    /// Finds the surrogates of a block: nothing for an empty cell, and for a row that does not come
    /// out.
    ///
    /// # Errors
    ///
    /// The issuer's, or it answers something else than was asked.
    pub(super) fn ask(
        &mut self,
        column: &Replaced,
        columns: &Columns,
        (block, persons): (&Block, &Keys),
        issuer: &mut dyn Issuer,
    ) -> Result<Vec<Option<[u8; 16]>>, Error> {
        self.make_room();
        let mut asked = Asked::default();
        let mut rows = Vec::with_capacity(block.rows);
        for row in 0..block.rows {
            let value = block.cell(column.value, row);
            let is_wanted = persons.of(row).is_some() && !matches!(value, Cell::Empty);
            rows.push(is_wanted.then(|| {
                asked.begin();
                if let Some(institution) = column.institution {
                    let kind = columns.read.get(institution);
                    append(kind, block.cell(institution, row), &mut asked.bytes);
                }
                asked.begin_value();
                append(columns.read.get(column.value), value, &mut asked.bytes);
                self.find(&mut asked)
            }));
        }
        let answers = if asked.starts.is_empty() {
            Vec::new()
        } else {
            issuer.surrogates(&column.key_space, &asked.pairs()).map_err(Error::Issuer)?
        };
        if answers.len() != asked.starts.len() {
            return Err(Error::internal("the issuer answered another number of values"));
        }
        let answered = |known| match known {
            Known::Asked(place) => answers.get(place).copied(),
            Known::Surrogate(surrogate) => Some(surrogate),
        };
        for (digest, surrogate) in asked.digests.iter().zip(&answers) {
            self.known.insert(*digest, Known::Surrogate(*surrogate));
        }
        Ok(rows.into_iter().map(|known| known.and_then(answered)).collect())
    }

    /// Finds the last of the values that are asked for, and takes it back if it is known.
    fn find(&mut self, asked: &mut Asked) -> Known {
        let place = asked.starts.len().saturating_sub(1);
        self.cells += 1;
        if self.is_unique {
            return Known::Asked(place);
        }
        let pair = asked.pair(place);
        let digest = Digest(self.keys.each_ref().map(|key| key.hash_one(pair)));
        match self.known.entry(digest) {
            Entry::Occupied(known) => {
                self.repeated += 1;
                asked.take_back();
                *known.get()
            }
            Entry::Vacant(new) => {
                asked.digests.push(digest);
                *new.insert(Known::Asked(place))
            }
        }
    }

    /// Forgets what is known when there is too much of it.
    fn make_room(&mut self) {
        if self.known.len() > self.known_max {
            self.is_unique = self.repeated * REPEATED_MIN < self.cells;
            self.known = HashMap::default();
        }
    }
}

impl Asked {
    fn begin(&mut self) {
        self.starts.push([self.bytes.len(); 2]);
    }

    fn begin_value(&mut self) {
        if let Some([_, value]) = self.starts.last_mut() {
            *value = self.bytes.len();
        }
    }

    fn take_back(&mut self) {
        if let Some([start, _]) = self.starts.pop() {
            self.bytes.truncate(start);
        }
    }

    /// Institution and value.
    fn pair(&self, place: usize) -> (&[u8], &[u8]) {
        let [start, value] = self.starts.get(place).copied().unwrap_or_default();
        let end = self.starts.get(place + 1).map_or(self.bytes.len(), |[next, _]| *next);
        let part = |from: usize, to: usize| self.bytes.get(from..to).unwrap_or_default();
        (part(start, value), part(value, end))
    }

    fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        (0..self.starts.len()).map(|place| self.pair(place)).collect()
    }
}

/// The same value is the same text, whatever file it stands in.
fn append(kind: Option<&Kind>, cell: Cell<'_>, out: &mut Vec<u8>) {
    match (cell, kind) {
        (Cell::Text(text), _) => out.extend_from_slice(text),
        (Cell::Number(number), Some(Kind::Fixed(kind))) => append_text(kind, number, out),
        _ => {}
    }
}
