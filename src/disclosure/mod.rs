//! Disclosures: from an application and its decision to data in which a person is a løpenummer.
//!
//! ```text
//! Application ── decide ──► Decision ── open ──► Disclosure ── deliver ──► Delivery
//!  received                  by whom routing      open                      what came out
//!  decided                   says may decide      extracted
//!  refused, withdrawn                             completed
//!                                                 closed
//! ```
//!
//! Pure: types, rules and states.  Who may do what is `policy`'s, storage and keys are
//! `registers`' and `keyring`'s, files are made by the command line.
//!
//! INVARIANTS: prosecution, employers and insurers get nothing (D-08); nothing is opened without a
//! decision of the authority that the rules of its day name; nothing is issued after the decision's
//! or the disclosure's last day, or after closing; who changed what, and when, is never lost.
//!
//! What it does *not* protect: the decision itself is on paper.  That it was made, and says what the
//! officer has written here, nobody can tell from the record.

pub mod application;
pub mod bridge;
pub mod bridge_in;
pub mod decision;
pub mod delivery;
pub mod description;
pub mod history;
pub mod id;
pub mod label;
pub mod lifecycle;
pub mod line;
pub mod organisations;
pub mod recipient_key;
pub mod record;
pub mod refusal;
pub mod routing;
pub mod terms;
pub(crate) mod text;
pub mod words;

pub use application::{Application, Request};
pub use bridge::Bridge;
pub use bridge_in::LoadedBridge;
pub use decision::{Decision, Rulebook};
pub use delivery::Delivery;
pub use history::Act;
pub use id::{ApplicationId, DisclosureId};
pub use label::{Label, LabelError};
pub use lifecycle::Disclosure;
pub use refusal::{Error, Refusal, Refused};
pub use terms::Terms;

#[cfg(test)]
mod tests;
