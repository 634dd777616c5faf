//! The guard: no identifier slips through in a column that nobody declared.
//!
//! # Why it exists
//!
//! A column of identifiers is replaced because somebody named it. The number that does harm is the
//! other one: the mother's in a column of free text, the patient's own, copied into the case number.
//!
//! # When a column is refused
//!
//! - It holds a single fødselsnummer or D-number: as the cell, a word of it, or in groups
//!   (`010190 12345`). Real and synthetic ones both count, whatever the environment.
//! - More of its numbers pass the check digits of another kind (DUF-number, felles hjelpenummer,
//!   H-number, register ID, a fødselsnummer that lost its zero or stands against a letter) than chance
//!   gives, once in 100,000 such columns. Different values are counted, in a sample of bounded size,
//!   so that a constant does not decide. A DUF-number is held against numbers of its form whose
//!   last two digits are 00 to 10: one in eleven passes by chance, be they timestamps or not.
//! - It repeats the identifier of its own row, or those of the file's identifier columns.
//!
//! # Invariants
//!
//! - Findings are columns, kinds and counts, never values. Samples are keyed hashes in memory.
//! - An exception names its column and a reason, and what it lets through is counted and told.
//!
//! # What it does *not* protect
//!
//! Names, addresses, other rare values; numbers in words, images, compressed or encoded bytes; a
//! number whose digits are spread over cells or separated by anything but one space, `-`, `.` or
//! `/`; a handful of identifiers of the other kinds, which chance explains as well.

mod find;
mod kind;
mod sample;

use std::collections::BTreeMap;

use jiff::civil::Date;

use self::find::{Form, Found, numbers, whole};
use self::kind::Classifier;
pub use self::kind::Kind;
use self::sample::{HashKey, Sample};
use super::chance::is_chance;
use super::{Error, ErrorKind};
use crate::ident::RegisterId;

/// How many numbers of each kind, by [`Kind::place`].
type Counts = [u64; Kind::ALL.len()];

/// Fewest values, and smallest share, by which two columns repeat each other beyond coincidence.
const SHARED_MIN: u64 = 3;
const SHARED_PERCENT_MIN: u64 = 1;

/// A column that may hold identifiers, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The column; of a nested one the whole path, or its beginning.
    pub column: String,
    /// Why it may.
    pub reason: String,
}

/// Numbers of one kind that a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The column.
    pub column: String,
    /// What they are.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// Why they are let through, if they are.
    pub reason: Option<String>,
}

/// What is known of one column.
struct Watched {
    name: String,
    reason: Option<String>,
    counts: Counts,
    samples: BTreeMap<Kind, Sample>,
    numbers: Sample,
}

/// What the file's identifier columns hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifiers {
    /// National identifiers.
    National,
    /// Register IDs.
    Register,
}

/// Looks at every cell that is not an identifier's.
pub struct Guard {
    classifier: Classifier,
    declared: Identifiers,
    key: HashKey,
    columns: Vec<Watched>,
    exceptions: Vec<Exception>,
    identifiers: Sample,
}

impl Guard {
    /// A guard without columns. `today` decides which check digits are valid.
    ///
    /// # Errors
    ///
    /// None in practice: the rules it uses are constant.
    pub fn new(today: Date, exceptions: Vec<Exception>) -> Result<Self, Error> {
        Self::beside(Identifiers::National, today, exceptions)
    }

    /// A guard over a file whose identifier columns hold such identifiers.
    ///
    /// # Errors
    ///
    /// As [`Guard::new`].
    pub fn beside(
        declared: Identifiers,
        today: Date,
        exceptions: Vec<Exception>,
    ) -> Result<Self, Error> {
        let classifier = Classifier::new(today)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the guard has no rules"))?;
        Ok(Self {
            classifier,
            declared,
            key: HashKey::generate(),
            columns: Vec::new(),
            exceptions,
            identifiers: Sample::default(),
        })
    }

    /// Watches columns, in their order; `None` is one of identifiers. Names are looked at too.
    ///
    /// # Errors
    ///
    /// A name that holds an identifier; an exception for a column that there is not.
    pub(crate) fn watch(&mut self, names: &[Option<String>]) -> Result<(), Error> {
        for (place, name) in (1..).zip(names) {
            let name = name.clone().unwrap_or_default();
            if self.holds_single(name.as_bytes()) {
                let what = format!("the name of column {place} holds a national identifier");
                return Err(Error::new(ErrorKind::Found, what)
                    .advise("Rename it. It is not shown here, and no exception is made for it."));
            }
            let excepted = self.exceptions.iter().find(|exception| {
                let rest = name.strip_prefix(&exception.column);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            self.columns.push(Watched {
                reason: excepted.map(|exception| exception.reason.clone()),
                name,
                counts: Counts::default(),
                samples: BTreeMap::new(),
                numbers: Sample::default(),
            });
        }
        for Exception { column, .. } in &self.exceptions {
            let is_there = self.columns.iter().any(|watched| {
                let rest = watched.name.strip_prefix(column.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            if !is_there {
                return Err(Error::input(format!(
                    "there is no column {column} to allow identifiers in"
                ))
                .advise("--allow-identifiers names a column that stays as it is."));
            }
        }
        Ok(())
    }

    /// Whether a text of the file that is no cell holds a fødselsnummer or D-number.
    pub(crate) fn holds_single(&self, text: &[u8]) -> bool {
        let mut holds = false;
        numbers(text, |found| {
            let kind = self.classifier.classify(found);
            holds |= matches!(kind, Some((Kind::Dnr | Kind::Fnr | Kind::InWord, true)));
        });
        holds
    }

    /// Takes notice of an identifier of the file's identifier columns.
    pub(crate) fn identifier(&mut self, number: u64) {
        self.identifiers.add(self.key, number, true);
    }

    /// Looks at a cell of text; `own` are the identifiers of its row.
    pub(crate) fn text(&mut self, column: usize, cell: &[u8], own: &[u64]) {
        let Self { classifier, declared, key, columns, .. } = self;
        if let Some(watched) = columns.get_mut(column) {
            let seen = |found: Found| Seen { found, is_like_declared: declared.are_like(found) };
            numbers(cell, |found| watched.see(classifier, *key, &seen(found), own));
        }
    }

    /// Looks at a cell that is a whole number, `times` times.
    pub(crate) fn number(&mut self, column: usize, number: u64, own: &[u64]) {
        let digits = match number {
            1_000_000_000..10_000_000_000 => 10,
            10_000_000_000..100_000_000_000 => 11,
            100_000_000_000..1_000_000_000_000 => 12,
            100_000_000_000_000..1_000_000_000_000_000 => 15,
            _ => return,
        };
        let Self { classifier, declared, key, columns, .. } = self;
        if let Some(watched) = columns.get_mut(column) {
            let found = Found { number, digits, form: Form::Whole };
            let seen = Seen { found, is_like_declared: declared.are_like(found) };
            watched.see(classifier, *key, &seen, own);
        }
    }

    /// Refuses what was seen so far, or lets it through.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Found`], with every column, kind and count.
    pub fn verdict(&self) -> Result<(), Error> {
        let refused: Vec<Finding> =
            self.findings().into_iter().filter(|finding| finding.reason.is_none()).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let what = "identifiers stand in columns that were not declared";
        let mut error = Error::new(ErrorKind::Found, what);
        for Finding { column, kind, count, .. } in &refused {
            error = error.advise(format!("column {column}: {count} × {}", kind.name()));
        }
        Err(error
            .advise("Nothing was written. Declare the column with --id-column, or remove it.")
            .advise("If it must stay as it is: --allow-identifiers COLUMN=REASON."))
    }

    /// What the columns hold beyond chance, allowed or not.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let of = |watched: &Watched| {
            let found = Kind::ALL.into_iter().filter(|kind| self.is_beyond_chance(watched, *kind));
            let finding = |kind: Kind| Finding {
                column: watched.name.clone(),
                kind,
                count: self.count(watched, kind),
                reason: watched.reason.clone(),
            };
            found.map(finding).collect::<Vec<_>>()
        };
        self.columns.iter().flat_map(of).collect()
    }

    /// The counts so far, for a checkpoint.
    #[must_use]
    pub fn counts(&self) -> Vec<Vec<u64>> {
        self.columns.iter().map(|watched| watched.counts.to_vec()).collect()
    }

    /// Goes on from the counts of a checkpoint. The samples begin anew: what was before the
    /// checkpoint had its verdict then.
    ///
    /// # Errors
    ///
    /// They are of other columns.
    pub fn resume(&mut self, counts: &[Vec<u64>]) -> Result<(), Error> {
        let is_stale = || {
            Error::new(ErrorKind::Stale, "the checkpoint is of a file with other columns")
                .advise("Begin anew with --restart.")
        };
        if counts.len() != self.columns.len() {
            return Err(is_stale());
        }
        for (watched, counts) in self.columns.iter_mut().zip(counts) {
            watched.counts = counts.as_slice().try_into().map_err(|_| is_stale())?;
        }
        Ok(())
    }

    /// How many there are; of those that stand in other rows, at least.
    fn count(&self, watched: &Watched, kind: Kind) -> u64 {
        match kind {
            Kind::Repeated => watched.count(kind).max(watched.numbers.shared(&self.identifiers).1),
            _ => watched.count(kind).max(1),
        }
    }

    fn is_beyond_chance(&self, watched: &Watched, kind: Kind) -> bool {
        if kind.is_single() {
            return watched.count(kind) > 0;
        }
        if kind == Kind::Repeated {
            let (comparable, shared) = watched.numbers.shared(&self.identifiers);
            let is_shared = shared >= SHARED_MIN && shared * 100 >= comparable * SHARED_PERCENT_MIN;
            return watched.count(kind) > 0 || is_shared;
        }
        let Some(sample) = watched.samples.get(&kind) else { return false };
        let (values, hits) = sample.counts();
        hits > 0 && !is_chance(hits, as_f64(values) * self.classifier.chance(kind))
    }
}

impl Identifiers {
    /// Whether a number is as long as they are.
    fn are_like(self, found: Found) -> bool {
        match self {
            Self::National => matches!(found.digits, 10..=12),
            Self::Register => found.digits == RegisterId::DIGIT_COUNT,
        }
    }
}

/// A number of a cell, and whether it is as long as the declared identifiers.
struct Seen {
    found: Found,
    is_like_declared: bool,
}

impl Watched {
    fn see(&mut self, classifier: &Classifier, key: HashKey, seen: &Seen, own: &[u64]) {
        let Seen { found, is_like_declared } = *seen;
        let is_repeated = own.contains(&found.number);
        if is_repeated {
            self.add(Kind::Repeated);
        }
        if is_like_declared {
            self.numbers.add(key, found.number, false);
        }
        let Some((kind, is_hit)) = classifier.classify(found) else { return };
        if is_hit {
            self.add(kind);
        }
        if !kind.is_single() {
            self.samples.entry(kind).or_default().add(key, found.number, is_hit);
        }
    }

    fn add(&mut self, kind: Kind) {
        if let Some(count) = self.counts.get_mut(kind.place()) {
            *count += 1;
        }
    }

    fn count(&self, kind: Kind) -> u64 {
        self.counts.get(kind.place()).copied().unwrap_or_default()
    }
}

/// The identifier that a cell of text is, as a number; 0 if it is none.
pub(super) fn own_number(cell: &[u8]) -> u64 {
    match whole(cell) {
        Some(found) if matches!(found.digits, 10..=12) => found.number,
        _ => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most the size of a sample")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
