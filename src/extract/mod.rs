//! Extracts: what a disclosure lets out, with løpenummer, screened, signed and sealed to its
//! recipient.
//!
//! # Why it exists
//!
//! A recipient gets the approved variables of the approved registers, in which a person is a serial
//! of this disclosure and nothing else. Everything that could link the extract to the register, or
//! to another extract, is taken away here: the register ID, other identifiers, what was not
//! approved, and the order of the rows. The recipient can see that the files are what was decided.
//!
//! ```text
//! file ──Reader──► Block ──Asker──► answered ──Maker──► rows ──Sorter──► runs ──merge──► rows
//!           │               │ ▲                   (key ‖ released cells)               in order
//!           └► Guard        └─┴─ Issuer: serials, surrogates                               │
//!                                                                                          ▼
//!     cells ◄── Observed: rows as they go out: fewer than k? refused ◄─────────────────────┤
//!                                                                                          ▼
//!                                            seal (age) ──► NAME.age ◄── Pieces: CSV or Parquet
//!                                              │ SHA-256, bytes
//!                                              ▼
//!                            manifest ──sign──► note ──seal──► NAME.manifest.age ──► open
//! ```
//!
//! | File | What |
//! |---|---|
//! | [`cells`] | how many persons share each combination of the columns that the decision names |
//! | [`manifest`] | what an extract is, as a signed note |
//! | [`recipient`] | keys of recipients; the one importer of `age` |
//! | [`seal`] | files that are encrypted as they are written |
//! | [`mod@open`] | the recipient's side: decrypts, verifies, writes |
//! | the others | the engine, [`run`]: reads, replaces, sorts and writes |
//!
//! # Invariants
//!
//! - What the terms do not name is never put into a row ([`Terms`](crate::disclosure::terms::Terms)).
//! - The output is a function of the released content and the person keys alone: rows are ordered by
//!   both, and nothing else of the input (order, row groups, statistics, metadata) is written.
//! - No byte of a file's output is written before the guard has seen all of its input.
//! - Memory is bounded by [`Plan::memory_bytes`] and the row groups of the input; what does not fit
//!   is put aside sealed, in a file without a name. Each stage is a thread and waits for the next.
//! - Nothing has its name before it is complete and durable; the manifest gets its name last.
//! - No error, report or `Debug` holds a value of the file or a secret key.
//!
//! # What it does *not* protect
//!
//! Released content itself links: the same dates, hospital and diagnosis are the same in two
//! extracts. Small cells screen named columns alone. A recipient's computer, and what is done with
//! the files there.

mod asker;
mod block;
pub mod bridge;
pub mod bridge_in;
mod cell;
pub mod cells;
mod coarser;
mod columns;
mod csv_file;
mod date;
mod engine;
mod error;
mod issuer;
mod maker;
pub mod manifest;
mod merge;
pub mod open;
mod parquet_file;
mod plan;
mod reader;
pub mod recipient;
mod report;
mod row;
mod runs;
mod screen;
pub mod seal;
mod secondary;
mod sort;
mod standing;
mod surrogate;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod writing;

pub use engine::run;
pub use error::Error;
pub use issuer::{Issued, Issuer, IssuerError, Refusal};
pub use plan::{Input, MEMORY_BYTES_MIN, Observer, Output, Plan, RefusedRows};
pub use report::{FileReport, RefusedRow, ReleasedColumn, Report};
pub use screen::{Screen, Seen};
