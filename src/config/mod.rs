//! Configuration: what an operator writes in files, parsed into types that cannot be wrong.
//!
//! ```text
//! hvelv.toml      Config     addresses, limits, where everything is           server.rs
//! access.toml     Access     who the callers are and what they may do         access.rs
//! registers.toml  Catalogue  the registers (in crate::registers::catalogue)
//! ```
//!
//! Every file is read by `reader`, which goes on after a mistake: the operator sees all
//! [`Problems`] at once, each with file, line, option and what to do.  Unknown options are refused,
//! since a misspelt limit would otherwise be no limit.
//!
//! INVARIANT: nothing in the configuration is a secret.  Keys are named by path and read by
//! [`files::read_secret`].

pub mod access;
pub mod alarms;
pub mod approvals;
pub mod budgets;
pub mod codes;
pub mod files;
pub mod problems;
pub(crate) mod reader;
pub mod sealing;
pub mod server;
pub mod validity;
pub(crate) mod words;

pub use access::{Access, AccessChange, CertificateIdentity, Principal, Role, SourceScope};
pub use problems::{Problem, Problems};
pub use server::Config;
pub use validity::Validity;
