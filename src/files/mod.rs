//! Tables in files: reading, replacing identifier columns, writing; and the guard over the rest.
//!
//! # Why it exists
//!
//! Registers' data come and go as CSV and Parquet. Every command that lets such a file through needs
//! the same: rows in blocks of bounded size, the columns of identifiers taken out and replaced,
//! everything else untouched, an output that appears only when it is complete, and a guard that no
//! identifier slips through in a column that nobody declared.
//!
//! ```text
//! Reader ──Block──► identifiers (Asked) ──► the service ──► IDs (Answers)
//!    │ └────────────────────── Block ────────────────────────► Writer ──► Destination
//!    └── each cell of the other columns ──► Guard
//! ```
//!
//! # Invariants
//!
//! - Memory is bounded by the block and, for Parquet, by one row group of the output.
//! - Nothing is published before it is complete and durable ([`destination`]).
//! - No error, `Debug` or checkpoint holds a value of the file.
//! - No network and no asynchrony here; the command line moves the identifiers.
//!
//! # What it does *not* protect
//!
//! What the guard cannot see, [`guard`] says.

pub mod chance;
pub mod checkpoint;
pub mod columnar;
pub mod delimited;
pub mod destination;
mod error;
pub mod guard;
mod source;
mod table;

pub use error::{Error, ErrorKind};
pub use source::{Format, Source};
pub use table::{
    Answers, Asked, Block, ContactColumn, ContactKind, ContactTexts, IdColumn, LeadingZeros, Place,
    Presence, Reader, Values, Writer, Written,
};
