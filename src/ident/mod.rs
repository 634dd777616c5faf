//! National identifiers, register IDs and løpenummer: parsing, check digits and stored codes.
//!
//! # Why it exists
//!
//! Everything that enters Hvelv as a person identifier becomes a [`NationalId`] here, at the edge,
//! and can be nothing else afterwards: right shape, a date that exists, right check digits, the
//! kind that the sender declared, and allowed in this environment. Register IDs and serials
//! (løpenummer) get the same treatment on their way out and back in.
//!
//! ```text
//!  bytes ──parse──► NationalId ──tag_input──► vault (tag, person number)
//!  FF1 body ──from_parts──► RegisterId ──digits──► register
//!  FF1 body ──from_body───► Serial ──────digits──► extract
//! ```
//!
//! # Invariants
//!
//! - Pure: no I/O, no clock, no randomness, and no allocation per identifier. The date of receipt
//!   and the rules are arguments.
//! - No error, `Debug` or panic text ever holds a value.
//! - Stored forms ([`IdKind::code`], [`NationalId::tag_input`], the three digit formats) are for
//!   ever and pinned by golden tests.
//!
//! # What it does *not* protect
//!
//! Check digits are a filter, never proof that a person exists or that the number is theirs
//! (DOMAIN B3). Copies that the compiler leaves on the stack when a value moves are not wiped.

mod attributes;
mod check;
pub mod damm;
mod digits;
mod local;
mod national;
mod neighbours;
pub mod oid;
mod parse;
mod place;
mod register_id;
mod reject;
mod rules;
mod serial;
pub mod synthetic;

pub use attributes::{NumberSeries, Sex, birth_date, birth_year, sex};
pub use digits::Digits;
pub use national::{Assigner, CheckRule, IdKind, Marker, NationalId};
pub use neighbours::neighbour_count;
pub use parse::{
    ColumnLength, Declared, parse_number, parse_packed_ascii, parse_packed_integers, parse_text,
};
pub use register_id::{KeyEpochDigit, RegisterId, RegisterIdError};
pub use reject::Reject;
pub use rules::{Mode, RULE_2032_FROM, Rules, RulesAt, RulesConfig, RulesProblem};
pub use serial::{Serial, SerialError, SerialWidth};

#[cfg(test)]
mod testing;
