//! Small cells: how many persons share each combination of the columns that a decision names.
//!
//! # Why it exists
//!
//! A person whose combination of, say, age, sex and municipality nobody else has can be known by it.
//! The decision names such columns and how many persons, k, must share each combination.
//!
//! # What is counted
//!
//! Distinct persons, over all files of an extract, joined by løpenummer.  A person's combination
//! is, for each named column, the *set* of different values that the person's rows have in it,
//! whatever the file.  An empty cell is a value; a column without a row of the person is the empty
//! set.  Who has rows in no file with a named column has the empty combination.
//!
//! # Memory
//!
//! Exact: nothing is hashed away.  Rows of one person that follow each other are one *visit*: 12 bytes
//! each, so 10 million persons whose rows stand together in two files are 240 MB.  To that come the
//! *different* combinations: 16 to 24 bytes each and 4 a value, and the different values of a
//! column once.  Rows in any order are counted right; only memory depends on it.
//!
//! # What it does *not* protect
//!
//! [`GUARANTEE`] says it; every report shows it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use self::interned::Interned;
use crate::disclosure::terms::SmallCells;

mod interned;
#[cfg(test)]
mod tests;

/// What a report says, and what it does not.
pub const GUARANTEE: &str = "Screened: the combinations of these columns, over all files of this \
    extract together. Nothing more is guaranteed: other columns and other extracts were not looked \
    at; a person may be known by other content, such as dates, places and the order of events, or by \
    what somebody knows from elsewhere; and persons who share a combination may share what is sensitive too.";

/// Subsets of columns that a report's text lists.
const LISTED_MAX: usize = 10;

/// More persons and rows than this program counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {} different values, combinations or persons; make columns coarser", u32::MAX)]
pub struct TooMany;

/// One person's rows that follow each other: who, and the combination in them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    /// Upper and lower half of the person's number: in halves so that a visit has 12 bytes.
    person: [u32; 2],
    combination: u32,
}

/// Counts persons by combination.  Holds values of rows: no `Debug`.
pub struct CellCounter {
    persons_min: u32,
    columns: Vec<String>,
    /// The number of a value, by column.
    values: Vec<HashMap<Box<[u8]>, u32>>,
    /// The column of a value, by its number.
    column_of: Vec<usize>,
    combinations: Interned,
    visits: Vec<Visit>,
    current: Option<u64>,
    current_values: BTreeSet<u32>,
    /// The cell that was added last, by column: rows of a person are much alike.
    last: Vec<Option<Vec<u8>>>,
}

impl CellCounter {
    /// Counts what a decision asks for.
    #[must_use]
    pub fn new(asked: &SmallCells) -> Self {
        Self {
            persons_min: asked.persons_min,
            columns: asked.columns.clone(),
            values: asked.columns.iter().map(|_| HashMap::new()).collect(),
            column_of: Vec::new(),
            combinations: Interned::default(),
            visits: Vec::new(),
            current: None,
            current_values: BTreeSet::new(),
            last: vec![None; asked.columns.len()],
        }
    }

    /// Counts one row, as it is released: the number of the person (the serial), and the cells of
    /// those columns that its file has, each by its place among those that are asked for.
    ///
    /// # Errors
    ///
    /// [`TooMany`], at more than 4 billion.
    pub fn add<'a>(
        &mut self,
        person: u64,
        cells: impl IntoIterator<Item = (usize, &'a [u8])>,
    ) -> Result<(), TooMany> {
        if self.current != Some(person) {
            self.end_visit()?;
            self.current = Some(person);
            self.last.fill(None);
        }
        for (column, text) in cells {
            if self.last[column].as_deref() == Some(text) {
                continue;
            }
            self.last[column] = Some(text.to_vec());
            let value = self.value(column, text)?;
            self.current_values.insert(value);
        }
        Ok(())
    }

    fn value(&mut self, column: usize, text: &[u8]) -> Result<u32, TooMany> {
        if let Some(&value) = self.values[column].get(text) {
            return Ok(value);
        }
        let value = u32::try_from(self.column_of.len()).map_err(|_| TooMany)?;
        self.column_of.push(column);
        self.values[column].insert(text.into(), value);
        Ok(value)
    }

    fn end_visit(&mut self) -> Result<(), TooMany> {
        let Some(person) = self.current.take() else { return Ok(()) };
        let values: Vec<u32> = std::mem::take(&mut self.current_values).into_iter().collect();
        let combination = self.combinations.number(&values)?;
        let halves = |number: u64| {
            let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
            [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
        };
        self.visits.push(Visit { person: halves(person), combination });
        Ok(())
    }

    /// Counts everybody: after the last row of the last file.
    ///
    /// # Errors
    ///
    /// [`TooMany`], at more than 4 billion.
    pub fn finish(mut self) -> Result<Report, TooMany> {
        self.end_visit()?;
        self.visits.sort_unstable();
        let mut counts: Vec<u32> = Vec::new();
        let mut persons = 0;
        for visits in self.visits.chunk_by(|one, other| one.person == other.person) {
            let combination = match visits {
                [one] => one.combination,
                several => {
                    let all = several.iter().flat_map(|v| self.combinations.values(v.combination));
                    let mut all: Vec<u32> = all.copied().collect();
                    all.sort_unstable();
                    all.dedup();
                    self.combinations.number(&all)?
                }
            };
            let at = combination as usize;
            if at >= counts.len() {
                counts.resize(at + 1, 0);
            }
            counts[at] = counts[at].checked_add(1).ok_or(TooMany)?;
            persons += 1;
        }
        // They are counted, and what follows needs the memory.
        drop(std::mem::take(&mut self.visits));
        let whole = Small::of(counts.iter().copied(), self.persons_min);
        Ok(Report {
            persons_min: self.persons_min,
            subsets: self.subsets(&counts)?,
            columns: self.columns,
            persons,
            combinations: whole.cells,
            combinations_below: whole.cells_below,
            persons_below: whole.persons_below,
            unique_persons: whole.unique,
        })
    }

    /// Each column and each pair of columns, the worst first, those without small cells left out.
    fn subsets(&self, counts: &[u32]) -> Result<Vec<Subset>, TooMany> {
        let columns = 0..self.columns.len();
        let singles = columns.clone().map(|column| vec![column]);
        let pairs = columns.clone().flat_map(|a| (a + 1..columns.end).map(move |b| vec![a, b]));
        let mut subsets = Vec::new();
        for chosen in singles.chain(pairs).filter(|chosen| chosen.len() < self.columns.len()) {
            let small = self.small(&chosen, counts)?;
            if small.persons_below > 0 {
                let columns = chosen.iter().map(|&column| self.columns[column].clone()).collect();
                subsets.push(Subset {
                    columns,
                    persons_below: small.persons_below,
                    unique_persons: small.unique,
                });
            }
        }
        subsets.sort_by(|one, other| {
            other
                .persons_below
                .cmp(&one.persons_below)
                .then(one.columns.len().cmp(&other.columns.len()))
        });
        Ok(subsets)
    }

    /// Counts by some of the columns alone.
    fn small(&self, chosen: &[usize], counts: &[u32]) -> Result<Small, TooMany> {
        let mut projected = Interned::default();
        let mut sums: Vec<u32> = Vec::new();
        let mut values = Vec::new();
        for (combination, &count) in (0..).zip(counts).filter(|(_, count)| **count > 0) {
            values.clear();
            let all = self.combinations.values(combination).iter();
            values.extend(all.filter(|&&v| chosen.contains(&self.column_of[v as usize])));
            let at = projected.number(&values)? as usize;
            if at == sums.len() {
                sums.push(0);
            }
            sums[at] = sums[at].checked_add(count).ok_or(TooMany)?;
        }
        Ok(Small::of(sums.into_iter(), self.persons_min))
    }
}

/// What is small among counts of persons.
#[derive(Default)]
struct Small {
    cells: u64,
    cells_below: u64,
    persons_below: u64,
    unique: u64,
}

impl Small {
    fn of(counts: impl Iterator<Item = u32>, persons_min: u32) -> Self {
        let mut small = Self::default();
        for count in counts.filter(|count| *count > 0) {
            small.cells += 1;
            if count < persons_min {
                small.cells_below += 1;
                small.persons_below += u64::from(count);
            }
            if count == 1 {
                small.unique += 1;
            }
        }
        small
    }
}

/// What was counted.  Names of columns and counts: for those who decide, not for the recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many persons must share each combination: k.
    pub persons_min: u32,
    /// The columns that were screened.
    pub columns: Vec<String>,
    /// Distinct persons.
    pub persons: u64,
    /// Different combinations.
    pub combinations: u64,
    /// Combinations that fewer than k persons share.
    pub combinations_below: u64,
    /// Persons in them.
    pub persons_below: u64,
    /// Persons whose combination nobody else has.
    pub unique_persons: u64,
    /// Single columns and pairs that have small cells by themselves, the worst first.
    pub subsets: Vec<Subset>,
}

/// Some of the columns, and how small their cells are by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subset {
    /// The columns.
    pub columns: Vec<String>,
    /// Persons whose combination of them fewer than k share.
    pub persons_below: u64,
    /// Persons whose combination of them nobody else has.
    pub unique_persons: u64,
}

/// What the recipient is told of a screening that was passed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Screened {
    /// How many persons share each combination at least: k.
    pub persons_min: u32,
    /// The columns that were screened.
    pub columns: Vec<String>,
    /// Distinct persons.
    pub persons: u64,
    /// Different combinations.
    pub combinations: u64,
    /// What this says, and what it does not: [`GUARANTEE`].
    pub guarantee: String,
}

/// Fewer than k persons share a combination: the extract is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "small cells: {persons} persons are in {combinations} combinations that fewer than \
     {persons_min} persons share"
)]
pub struct Refused {
    /// k.
    pub persons_min: u32,
    /// Persons in small cells.
    pub persons: u64,
    /// Small cells.
    pub combinations: u64,
}

impl Refused {
    /// What to do.
    pub const ADVICE: &str = "Make the columns of the worst combinations coarser, or leave one out; \
        the report names them. The decision's k is not lowered here: that takes a new decision.";
}

impl Report {
    /// Goes on only if each combination is shared by k persons.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn pass(&self) -> Result<Screened, Refused> {
        if self.combinations_below > 0 {
            return Err(Refused {
                persons_min: self.persons_min,
                persons: self.persons_below,
                combinations: self.combinations_below,
            });
        }
        Ok(Screened {
            persons_min: self.persons_min,
            columns: self.columns.clone(),
            persons: self.persons,
            combinations: self.combinations,
            guarantee: GUARANTEE.to_owned(),
        })
    }

    /// Persons in small cells, of a million.
    #[must_use]
    pub fn below_per_million(&self) -> u64 {
        // A share of nobody is 0.
        let share = u128::from(self.persons_below) * 1_000_000 / u128::from(self.persons.max(1));
        u64::try_from(share).unwrap_or(1_000_000)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.below_per_million() / 100;
        writeln!(f, "small cells, k = {}: {}", self.persons_min, self.columns.join(", "))?;
        writeln!(f, "  persons                        {}", self.persons)?;
        writeln!(f, "  different combinations         {}", self.combinations)?;
        writeln!(f, "  combinations of fewer than k   {}", self.combinations_below)?;
        let (whole, part) = (share / 100, share % 100);
        writeln!(
            f,
            "  persons in them                {} ({whole}.{part:02} %)",
            self.persons_below
        )?;
        writeln!(f, "  persons who are alone          {}", self.unique_persons)?;
        for subset in self.subsets.iter().take(LISTED_MAX) {
            let columns = subset.columns.join(", ");
            let (below, unique) = (subset.persons_below, subset.unique_persons);
            writeln!(f, "  by {columns} alone: {below} persons in small cells, {unique} alone")?;
        }
        write!(f, "{GUARANTEE}")
    }
}
