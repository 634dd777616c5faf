//! Erasure cases: a person asks that data about them be deleted, an officer assesses and decides.
//!
//! ```text
//! received ──assess──► assessed ──grant──► ordered ──confirm──► confirmed
//!    │                    │ ▲ assess again
//!    │                    ├──refuse──► refused
//!    └────withdraw────────┴──withdraw──► withdrawn
//! ```
//!
//! What may be granted follows from the assessment and the register's own rule ([`permitted`]).  With
//! the grant the data are out of reach at once; the register deletes them by an [`Order`], and the
//! case is confirmed when it says that it has.
//!
//! INVARIANTS: no more is granted than was asked for and is permitted; what the register's own rule
//! gives is not refused; who did what, and when, is never lost.
//!
//! What it does *not* protect: whether data burden a person, and what speaks for keeping them, the
//! officer says.

mod assessment;
mod case;
mod id;
mod order;
mod record;
mod scope;
mod words;

pub use assessment::{Assessment, Ground, Permission, Permitted, permitted};
pub use case::{Case, CaseError, CaseState, CaseStep, Decision, Received, Refusal, Request, Whom};
pub use id::{CaseId, CaseIdError};
pub use order::{About, Confirmation, NumberedPerson, Order, OrderReason};
pub use record::RecordError;
pub use scope::{RECORDS_MAX, Scope, ScopeError};
pub use words::{Burden, Outcome, PublicInterest};

#[cfg(test)]
mod tests;
