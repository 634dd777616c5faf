//! Disclosures: from an application to serials, and to a key that is destroyed.
//!
//! ```text
//! receive ─► decide ─► open ─► serials, surrogates ─► record delivery ─► complete ─► close
//!              │         │          │                                                 │
//!              rules     key        who is in it is durable before the answer         key destroyed
//! ```
//!
//! Invariants: each change is stored in the batch of its audit entry; what the rules refuse always
//! is refused here whatever else is said, and recorded; after the entry that closes a disclosure
//! nothing is issued under its key.

mod applications;
mod approving;
mod book;
mod bridge_rows;
mod bridge_table;
mod bridges;
mod changing;
mod closing;
mod disclosures;
mod extracts;
mod identifying;
mod issued;
mod labels;
mod loading;
mod members;
mod naming;
mod numbering;
mod overdue;
mod pinning;
mod rules;
mod scope;
mod screening;
mod serials;
mod surrogates;
mod taking;
mod told;
mod window;
mod window_persons;

pub(super) use book::Book;
pub use bridges::{BridgeView, IssueBridge, SealedBridge};
pub use disclosures::{DisclosureView, OpenDisclosure};
pub use extracts::DeliveryReport;
pub use identifying::RevealedIdentifier;
pub use issued::{IssuingSummary, MappedSerials};
pub use loading::{LOAD_BYTES_MAX, LoadBridge, LoadReport, LoadedView};
pub use rules::DisclosureRules;
pub use serials::Issuing;
pub use surrogates::{SurrogateBatch, SurrogateIssuing};
pub use taking::{LoadCounts, RefusedRow};
pub use window::OpenedWindow;
