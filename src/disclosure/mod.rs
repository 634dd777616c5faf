//! Disclosures: from an application and its decision to data in which a person is a løpenummer.
//!
//! Pure: types, rules and states.  Who may do what is `policy`'s, storage and keys are
//! `registers`' and `keyring`'s, files are made by the command line.

pub mod terms;
