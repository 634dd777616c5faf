//! What became of the files: columns, rows, findings; never a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::issuer::Refusal;
use crate::files::guard::Finding;

/// Most refused rows that are listed one by one; the counts are of all.
pub(super) const REFUSED_ROWS_MAX: usize = 1000;

/// What became of the files of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The files, in the order in which they were given.
    pub files: Vec<FileReport>,
    /// How many persons are left out of the register that most are left out of, each counted once
    /// over its files: at least so many, since persons of two registers may be the same.
    pub persons_left_out: u64,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file that was read.
    pub input: PathBuf,
    /// The register whose IDs it holds.
    pub register: String,
    /// The columns that came out, in order, the person's first.
    pub columns: Vec<ReleasedColumn>,
    /// The columns of the input that did not come out, in the order of the input, the ID's among
    /// them.
    pub dropped: Vec<String>,
    /// What the guard found and an exception let through, with its reason.
    pub findings: Vec<Finding>,
    /// Rows of the input.
    pub rows_in: u64,
    /// Rows that came out.
    pub rows_out: u64,
    /// Rows of persons who are left out.
    pub rows_left_out: u64,
    /// How many persons those are.
    pub persons_left_out: u64,
    /// Rows of persons whom the disclosure is not about.
    pub rows_outside: u64,
    /// How many persons those are.
    pub persons_outside: u64,
    /// Rows without a løpenummer, by the reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// The first 1000 of them.
    pub refused_rows: Vec<RefusedRow>,
}

/// One column that came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedColumn {
    /// Its name.
    pub name: String,
    /// What its cells are: `text`, or a type of Parquet such as `Int64`.
    pub kind: String,
}

/// A row without a løpenummer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Its number, from 1, after the header.
    pub row: u64,
    /// Why.
    pub refusal: Refusal,
}

impl FileReport {
    /// Takes notice of a refused row.
    pub(super) fn refuse(&mut self, row: u64, refusal: Refusal) {
        *self.refused.entry(refusal).or_default() += 1;
        if self.refused_rows.len() < REFUSED_ROWS_MAX {
            self.refused_rows.push(RefusedRow { row, refusal });
        }
    }
}
