//! Erasure and retention: cases, orders to registers, and what the vault forgets.
//!
//! ```text
//! case    receive ─► assess ─► grant ─► delta, tombstone, order, case, entry: one commit
//! order   list ─► the register deletes ─► confirm
//! plan    facts ─► rights::retention::sweep ─► list and its digest ─► run, if it still is that list
//! forget  register plane: to be forgotten ─► vault ─► register plane: forgotten
//! ```
//!
//! Locks are taken in this order: the run, cases, links, rights of a register, column.
//!
//! Invariants: nothing is told or changed without an entry, refusals about persons included; from the
//! entry of an erasure on the old ID is unknown; the vault forgets whom no register holds, no tombstone
//! binds and no right in force needs.

mod book;
mod cases;
mod ending;
mod forgetting;
mod listing;
mod orders;
mod planning;

pub(super) use book::CaseBook;
pub use cases::{Deciding, NewCase};
pub(super) use ending::{Ending, EndingDraft};
pub use listing::{CaseList, CasePage, CaseSummary, ScopeKind};
pub use orders::{OrderAbout, OrderView};
pub use planning::RetentionPlan;
