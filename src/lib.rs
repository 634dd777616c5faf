//! Hvelv keeps people's identities out of health data.
//!
//! A register's pipeline sends national identifiers and gets register IDs back; the identities stay
//! in a sealed store that almost nobody can open.  `docs/ARCHITECTURE.md` says how it hangs together.
//!
//! ```text
//! ident, crypto ← keyring ← store ← vault, registers, audit ← policy ← disclosure ← rights ← service ← rpc, cli
//! ident, crypto ← files ← extract ← cli
//! crypto ← approval ← registers, policy
//! crypto ← backup ← service, cli
//! config ← rights ← service, rpc, cli
//! ```

pub mod approval;
pub mod audit;
pub mod backup;
#[cfg(feature = "server")]
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod disclosure;
#[cfg(feature = "files")]
pub mod extract;
#[cfg(feature = "files")]
pub mod files;
pub mod ident;
pub mod keyring;
mod memory;
#[cfg(feature = "server")]
pub mod metrics;
pub mod policy;
pub mod registers;
pub mod rights;
#[cfg(feature = "server")]
pub mod rpc;
#[cfg(feature = "server")]
pub mod service;
pub mod store;
pub mod vault;

#[cfg(test)]
mod testing;
