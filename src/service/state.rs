//! What state the server is in, and how much of it is told.

use std::time::Duration;

use crate::config::server::Mode;

/// What state the server is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A commit failed; the stores are being reopened.
    Degraded,
    /// Open.
    Open,
    /// Sealed.
    Sealed,
    /// Being opened.
    Unsealing,
}

impl State {
    /// Names of all states, for metrics.
    pub const NAMES: [&str; 4] = ["degraded", "open", "sealed", "unsealing"];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Unsealing => "unsealing",
        }
    }
}

/// How much a status tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// What anybody may know.
    Public,
}

/// The state of the server.
#[derive(Clone, Debug)]
pub struct Status {
    /// State.
    pub state: State,
    /// Mode.
    pub mode: Mode,
    /// Whether the keys are marked as development keys.
    pub development_keys: bool,
    /// Counts.
    pub detail: Option<StatusDetail>,
}

/// Counts of an open server.
#[derive(Clone, Debug, Default)]
pub struct StatusDetail {
    /// Identifiers known to the vault.
    pub persons: u64,
    /// Members by register code, in the catalogue's order.
    pub registers: Vec<(String, u64)>,
    /// Entries in the audit log.
    pub audit_entries: u64,
    /// Deliveries open now.
    pub open_deliveries: u64,
}

/// The server was opened.
#[derive(Clone, Copy, Debug)]
pub struct Unsealed {
    /// Identifiers in the index.
    pub persons: u64,
    /// How long opening took.
    pub load: Duration,
}
