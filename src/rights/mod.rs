//! What a person has a right to, and what ends by itself, as rules and texts: pure, without clock,
//! store or keys.
//!
//! Why it exists: what is told to a person about themselves, and to whom on their behalf, is law before
//! it is code.  Here it is a table that can be read row by row, and a report that can be printed.
//!
//! ```text
//! representation  facts that a caller states ─► who may ask, or why not
//! report          what innsyn says, as one value; JSON as in docs/FORMATS.md
//! records         what a register is asked for, and what it answers
//! page            a report as a page that a person can read and print
//! cases           erasure: request ─► assessment ─► decision ─► order ─► confirmation
//! retention       what is to be done today because a time is over
//! ```
//!
//! What it does *not* protect: facts are the caller's word.  The audit entry keeps them, so that it can
//! be asked later whether they were true.

pub mod cases;
pub mod page;
pub mod records;
pub mod report;
pub mod representation;
pub mod retention;
