//! Extracts: what a disclosure lets out, screened, described, signed and sealed to its recipient.
//!
//! # Why it exists
//!
//! A decision names columns, how coarse they are and who gets them.  This module makes files of that
//! and of nothing else, and lets the recipient see that they are what was decided.
//!
//! ```text
//! rows as they go out ──► cells ──► fewer than k? refused
//!          └────────────► seal (age) ──► NAME.age ──────────────┐
//!                           │ SHA-256, bytes                    ├──► open ──► the recipient's files
//!                           ▼                                   │
//!                        manifest ──sign──► note ──seal──► NAME.manifest.age
//! ```
//!
//! | File | What |
//! |---|---|
//! | [`cells`] | how many persons share each combination of the columns that the decision names |
//! | [`manifest`] | what an extract is, as a signed note |
//! | [`recipient`] | keys of recipients; the one importer of `age` |
//! | [`seal`] | files that are encrypted as they are written |
//! | [`open`] | the recipient's side: decrypts, verifies, writes |
//!
//! # Invariants
//!
//! - No plaintext of an extract is written to a disk but by [`open`].
//! - Nothing has its name before it is complete and durable; the manifest gets its name last.
//! - No error and no `Debug` holds a value of a row or a secret key.
//!
//! # What it does *not* protect
//!
//! What the recipient can tell from content: the small cells screen named columns alone. A recipient's
//! computer, and what is done with the files there.

pub mod cells;
pub mod manifest;
pub mod open;
pub mod recipient;
pub mod seal;
#[cfg(test)]
mod testing;
