//! Makes an extract: what a decision lets out of registers' files, with løpenummer.
//!
//! # Why it exists
//!
//! A recipient gets the approved variables of the approved registers, in which a person is a serial
//! of this disclosure and nothing else. Everything that could link the extract to the register, or
//! to another extract, is taken away here: the register ID, other identifiers, what was not
//! approved, and the order of the rows.
//!
//! ```text
//! file ──Reader──► Block ──Maker──► rows (key ‖ released cells) ──Sorter──► runs ──merge──► Writer
//!           │                 │ ▲
//!           └► Guard          └─┴─ Issuer: serials, surrogates
//! ```
//!
//! # Invariants
//!
//! - What the terms do not name is never put into a row ([`Terms`](crate::disclosure::terms::Terms)).
//! - The output is a function of the released content and the person keys alone: rows are ordered by
//!   both, and nothing else of the input (order, row groups, statistics, metadata) is written.
//! - No byte of a file's output is written before the guard has seen all of its input.
//! - Memory is bounded by [`Plan::memory_bytes`] and the row groups of the input; what does not fit
//!   is put aside sealed, in a file without a name.
//! - No error, report or `Debug` holds a value of the file.
//!
//! # What it does *not* protect
//!
//! Released content itself links: the same dates, hospital and diagnosis are the same in two
//! extracts. Small cells are counted by an [`Observer`], not here.

mod block;
mod cell;
mod coarser;
mod columns;
mod csv_file;
mod date;
mod engine;
mod error;
mod issuer;
mod make;
mod maker;
mod merge;
mod parquet_file;
mod plan;
mod reader;
mod report;
mod row;
mod runs;
mod secondary;
mod sort;
mod standing;
mod surrogate;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod values;
mod writing;

pub use engine::run;
pub use error::Error;
pub use issuer::{Issued, Issuer, IssuerError, Refusal};
pub use make::{Job, make};
pub use plan::{Input, MEMORY_BYTES_MIN, NoObserver, Observer, Output, Plan, RefusedRows};
pub use report::{FileReport, RefusedRow, ReleasedColumn, Report};
