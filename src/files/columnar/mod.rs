//! Parquet: columns kept as they are, around the columns that change.
//!
//! # How a file comes out
//!
//! - Columns of identifiers become 64-bit integers, with null where there is no ID: 15 digits are
//!   exact in every program that reads Parquet, compress well, and are the digits that CSV has.
//!   Signed, because Spark, SAS and most databases have no unsigned integers.
//! - Columns of names and addresses are read and left out.
//! - All other columns keep type, nesting, logical type and compression (`schema.rs`).
//! - A row group ends where one of the input ends, or after 1,048,576 rows, or 256 MiB.
//! - Metadata is kept unless it speaks of a column that is replaced (`metadata.rs`).
//!
//! # Going on after a failure
//!
//! A Parquet file is readable only with its footer, so a file cannot be gone on with. The output is
//! written in segments, each a complete Parquet file beside the output; a checkpoint stands after a
//! segment. At the end the row groups of several segments are copied, as bytes, into one file.
//!
//! # What it does *not* do
//!
//! Identifiers inside nested columns are not replaced, only found by the guard. Bloom filters are
//! not written. `INT96` timestamps come out as 64-bit nanoseconds.

mod caught;
mod cells;
mod groups;
mod metadata;
mod reader;
mod schema;
mod segments;
#[cfg(test)]
mod tests;
mod watch;
mod writer;

use parquet::errors::ParquetError;

pub(crate) use groups::Groups;
pub use reader::{GroupBlock, GroupReader};
pub use writer::GroupWriter;

use super::{Error, ErrorKind};

/// Most rows in a row group of the output.
const ROWS_MAX: u64 = 1024 * 1024;

/// Most bytes in a row group of the output; so much of it is held in memory.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Whether a file begins as Parquet files do.
#[must_use]
pub fn begins_like_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1") || head.starts_with(b"PARE")
}

/// What is wrong with a file that is read. The library's words may quote the file, so they are left
/// out.
fn unreadable(place: &str, cause: &ParquetError) -> Error {
    match cause {
        ParquetError::EOF(_) | ParquetError::NeedMoreData(_) => {
            Error::input(format!("{place} ends too early"))
                .advise("The file was cut off: copy it again.")
        }
        ParquetError::NYI(_) => {
            Error::input(format!("{place} uses a feature of Parquet that is not supported"))
                .advise("Write it anew, with types and compression that are in common use.")
        }
        ParquetError::External(cause) if cause.is::<std::io::Error>() => {
            Error::input(format!("{place} cannot be read: the disk fails"))
        }
        _ => Error::input(format!("{place} is damaged, or not Parquet"))
            .advise("Copy it again, or write it anew."),
    }
}

/// The output cannot be written.
pub(crate) fn unwritable(cause: &ParquetError) -> Error {
    match cause {
        ParquetError::External(cause) => match cause.downcast_ref::<std::io::Error>() {
            Some(cause) => {
                Error::new(ErrorKind::System, format!("cannot write the output: {cause}"))
            }
            None => Error::new(ErrorKind::Internal, "the output cannot be written"),
        },
        _ => Error::new(ErrorKind::Internal, "the output cannot be written as Parquet"),
    }
}
