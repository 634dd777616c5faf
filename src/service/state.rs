//! What state the server is in, and how much of it is told.

use std::time::Duration;

use crate::config::server::Mode;
use crate::keyring::RootProgress;

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

/// What opens a root, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootState {
    /// `registers` or `vault`.
    pub plane: &'static str,
    /// Whether it is open.
    pub is_open: bool,
    /// Whether a passphrase opens it.
    pub passphrase: bool,
    /// The set of shares that opens it; empty if there is none.
    pub set: String,
    /// Shares that there are.
    pub shares_total: u8,
    /// Shares that open it.
    pub shares_needed: u8,
    /// Numbers of the shares given.
    pub shares_given: Vec<u8>,
    /// The principals who gave them, in the same order.
    pub given_by: Vec<String>,
}

impl RootState {
    pub(super) fn new(root: &RootProgress, given_by: Vec<String>) -> Self {
        let facts = &root.facts;
        let set = facts.shares.as_ref();
        Self {
            plane: facts.plane.text(),
            is_open: root.is_open,
            passphrase: facts.passphrase,
            set: set.map(|set| set.id.clone()).unwrap_or_default(),
            shares_total: set.map_or(0, |set| set.total),
            shares_needed: set.map_or(0, |set| set.threshold),
            shares_given: root.given.clone(),
            given_by,
        }
    }
}

/// Something was given that opens the server, or a part of what does.
#[derive(Clone, Debug)]
pub struct Unsealed {
    /// Identifiers in the index.
    pub persons: u64,
    /// How long opening took.
    pub load: Duration,
    /// If the server is not open yet: the roots.
    pub waiting: Vec<RootState>,
}
