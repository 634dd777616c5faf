//! The running server, apart from its wire: sealed or open, and what it does when it is open.
//!
//! ```text
//!            unseal                         a commit failed
//!  Sealed ──────────► Unsealing ──► Open ──────────────────► Degraded
//!     ▲                   │          │ ▲                        │
//!     └───────────────────┴── seal ──┘ └── reopened, reread ────┘
//! ```
//!
//! Everything that is open (keys, index, columns, stores) is one value, `open::Open`: sealing drops
//! it and waits until it is gone. A stream holds it weakly, so sealing ends every stream.
//!
//! Invariants: no answer leaves but from a [`Recorded`](crate::audit::Recorded) value; a use case
//! takes a [`Permit`]; after a commit whose fate is unknown both stores are opened and reread before
//! the next write.

mod access;
mod approval;
mod audit;
mod budget;
mod disclosure;
mod erasure;
pub mod error;
mod identity;
mod ingest;
mod innsyn;
mod measure;
mod open;
mod parts;
mod receipts;
mod reveal;
mod rights;
pub mod setup;
mod state;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::audit::{Action, Actor, Entry};
use crate::config::access::PrincipalKind;
use crate::config::{Access, AccessChange};
use crate::crypto::Passphrase;
use crate::metrics::Metrics;
use crate::policy::{Denied, Permit, Right};
use crate::registers::catalogue::Catalogue;

pub use approval::{ApprovalDecision, ApprovalFilter, ApprovalRequest, ApprovalStatus, Parameters};
pub use audit::{AuditCheckpoint, AuditEntries, AuditRecord, ConsistencyProof, InclusionProof};
pub use budget::{BudgetFilter, BudgetStatus, GrantRequest, SpentBudget};
pub use disclosure::{
    BridgeView, DeliveryReport, DisclosureRules, DisclosureView, IssueBridge, Issuing,
    IssuingSummary, LOAD_BYTES_MAX, LoadBridge, LoadCounts, LoadReport, LoadedView, MappedSerials,
    OpenDisclosure, OpenedWindow, RefusedRow, RevealedIdentifier, SealedBridge, SurrogateBatch,
    SurrogateIssuing,
};
pub use erasure::{Deciding, NewCase, OrderView, RetentionPlan};
pub use error::{Error, ErrorCode, Group, Limit, Violation};
pub use identity::{
    AppliedEvents, EventCode, EventCounts, EventReport, Falsehood, IdentityEvent,
    IdentityEventType, LinkStanding, ProtectedLink, ProtectedLinks,
};
pub use ingest::{
    Batch, Column, Delivery, DeliveryRequest, EXCEPTIONS_MAX, IdentifierException, IngestMode,
    IngestPurpose, KindWord, LogLine, Mapped, Pending, RowKind, Summary,
};
pub use innsyn::{Innsyn, InnsynRequest, RegisterIds};
use measure::MeteredStores;
use open::{Current, Open, OpenKeys};
pub use open::{RocksStores, Stores};
pub use parts::Parts;
pub use receipts::AuditReceipt;
pub use reveal::RevealIdentity;
pub use rights::{RightsSubject, RightsView};
pub use state::{Detail, State, Status, StatusDetail, Unsealed};

/// Pause between attempts to reopen the stores after a failed commit.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// The server.
pub struct Service {
    /// Itself, for the thread that reopens the stores.
    this: Weak<Self>,
    parts: Parts,
    metrics: Arc<Metrics>,
    started: Timestamp,
    state: watch::Sender<State>,
    current: RwLock<Option<Current>>,
    /// Held while the server goes from one state to another.
    transition: Mutex<()>,
    /// Changes of access that happened while sealed, recorded when it opens.
    unrecorded_access: Mutex<Vec<AccessChange>>,
    /// The access file of now, for the budgets of its principals.
    access: RwLock<Arc<Access>>,
    open_deliveries: Arc<AtomicU64>,
    streams: AtomicU64,
    /// Dropped when the server stops, which ends attempts to reopen.
    stopping: Mutex<Option<Sender<()>>>,
    stopped: Mutex<Receiver<()>>,
}

impl Service {
    /// A sealed service.
    pub fn new(mut parts: Parts) -> Arc<Self> {
        let (stopping, stopped) = channel();
        let metrics = Arc::new(Metrics::new());
        let (inner, clock) = (parts.stores, Arc::clone(&parts.clock));
        parts.stores = Box::new(MeteredStores { inner, metrics: Arc::clone(&metrics), clock });
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            started: parts.clock.now(),
            parts,
            metrics,
            state: watch::channel(State::Sealed).0,
            current: RwLock::new(None),
            transition: Mutex::new(()),
            unrecorded_access: Mutex::new(Vec::new()),
            access: RwLock::default(),
            open_deliveries: Arc::new(AtomicU64::new(0)),
            streams: AtomicU64::new(0),
            stopping: Mutex::new(Some(stopping)),
            stopped: Mutex::new(stopped),
        })
    }

    /// The registers.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.parts.catalogue
    }

    /// The state, and each change of it.
    pub fn watch_state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The state of the server.
    pub fn status(&self, detail: Detail) -> Status {
        let open = self.open_now().ok();
        let development_keys = match &open {
            Some(open) => open.keys().are_development,
            None => self.key_file().is_ok_and(|file| file.is_development()),
        };
        let counts = open.filter(|_| detail == Detail::Full).map(|open| StatusDetail {
            persons: open.vault.identifiers_total(),
            registers: self.member_counts(&open),
            audit_entries: open.registers.audit().size().unwrap_or_default(),
            open_deliveries: self.open_deliveries.load(Ordering::Acquire),
        });
        Status {
            state: *self.state.borrow(),
            mode: self.parts.config.mode,
            development_keys,
            detail: counts,
        }
    }

    fn member_counts(&self, open: &Open) -> Vec<(String, u64)> {
        let count = |number| open.registers.member_count(number);
        let registers = self.parts.catalogue.iter();
        registers.map(|r| (r.code.as_str().to_owned(), count(r.number))).collect()
    }

    /// Opens the key file and the stores, loads the index and the columns, and starts to serve.
    ///
    /// # Errors
    ///
    /// `already_unsealed`, `passphrase_wrong`, `key_file_unusable`, `development_keys`,
    /// `store_unusable`; the log has the cause.
    pub fn unseal(&self, permit: &Permit, passphrase: Passphrase) -> Result<Unsealed, Error> {
        allow(permit, &Right::Operate)?;
        let _transition = self.begin_transition();
        if *self.state.borrow() != State::Sealed {
            return Err(Error::new(ErrorCode::AlreadyUnsealed));
        }
        self.state.send_replace(State::Unsealing);
        let outcome = self.unseal_now(permit, passphrase);
        self.state.send_replace(if outcome.is_ok() { State::Open } else { State::Sealed });
        outcome
    }

    fn unseal_now(&self, permit: &Permit, passphrase: Passphrase) -> Result<Unsealed, Error> {
        let begun = self.parts.clock.monotonic();
        let keys = OpenKeys::unseal(&self.key_file()?, &passphrase)?;
        drop(passphrase);
        let opened = Open::with_keys(&self.parts, keys)?;
        let open = &opened.0;
        self.finish_closing(open)?;
        let load = self.parts.clock.monotonic().saturating_sub(begun);
        let persons = open.vault.identifiers_total();
        let mut entry = self.entry(actor(permit), Action::Unsealed);
        entry.counts.insert("persons".into(), persons);
        let _ = open.registers.record_act_and_wait(entry).map_err(ingest::register_error)?;
        self.record_access(open)?;
        self.record_signing_keys(open)?;
        tracing::info!(persons, load_ms = load.as_millis(), "unsealed");
        self.install(Some(Current::new(opened)));
        Ok(Unsealed { persons, load })
    }

    /// Closes the stores and wipes keys, index and columns from memory.
    ///
    /// # Errors
    ///
    /// `server_sealed` when it is sealed already.
    pub fn seal(&self, permit: &Permit) -> Result<(), Error> {
        allow(permit, &Right::Operate)?;
        self.close(actor(permit))
    }

    /// Ends windows whose time is over, and signs a checkpoint of the log as it is, when the server is
    /// open.
    pub fn sign_due_checkpoint(&self) {
        let Ok(open) = self.open_now() else { return };
        self.end_late_windows(&open);
        if let Err(error) = self.sign_checkpoint(&open) {
            tracing::error!(causes = %error.causes(), "the audit log could not be signed");
        }
    }

    /// Seals for good, when the process ends.
    pub fn shutdown(&self) {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take();
        match self.close(Actor::Server) {
            Err(error) if error.code() != ErrorCode::ServerSealed => {
                tracing::warn!(error = %error, "the server did not close in order");
            }
            _ => {}
        }
    }

    fn close(&self, actor: Actor) -> Result<(), Error> {
        let _transition = self.begin_transition();
        // A server that is reopening its stores is sealed by saying so: the attempts end.
        let was = self.state.send_replace(State::Sealed);
        let Some(current) = self.install(None) else {
            let degraded = was == State::Degraded;
            return if degraded { Ok(()) } else { Err(Error::new(ErrorCode::ServerSealed)) };
        };
        self.end_windows(&current.open);
        let entry = self.entry(actor, Action::Sealed);
        // Without its record sealing happens all the same: the server must be closable always.
        let recorded = current.open.registers.record_act_and_wait(entry);
        let signed = self.sign_checkpoint(&current.open);
        if current.close() {
            tracing::info!("sealed: keys, index and columns are wiped");
        } else {
            tracing::error!("batches are still under way; keys are wiped when they end");
        }
        let _ = recorded.map_err(ingest::register_error)?;
        signed.map(|_| ())
    }

    /// Finishes what a crash has left of the closing of a disclosure, and of what the vault was to
    /// forget.
    fn finish_closing(&self, open: &Open) -> Result<(), Error> {
        let erasure = open.keys().keyring.erasure();
        disclosure::finish_erasure(&open.registers, erasure, &self.parts.entropy, || {
            self.entry(Actor::Server, Action::KeysRewrapped)
        })?;
        self.finish_forgetting(open, &Actor::Server)
    }

    /// What is open now.
    fn open_now(&self) -> Result<Arc<Open>, Error> {
        if let Some(open) = self.current_open()
            && !self.reopen_if_failed(&open)
        {
            return Ok(open);
        }
        Err(Error::new(match *self.state.borrow() {
            State::Degraded | State::Open => ErrorCode::ServerDegraded,
            State::Unsealing => ErrorCode::ServerUnsealing,
            State::Sealed => ErrorCode::ServerSealed,
        }))
    }

    fn current_open(&self) -> Option<Arc<Open>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|current| Arc::clone(&current.open))
    }

    /// Whether a commit failed; if so the stores are reopened before the next write. Returns at
    /// once: a thread tries until it succeeds or the server is sealed.
    fn reopen_if_failed(&self, open: &Arc<Open>) -> bool {
        if !open.has_failed() {
            return false;
        }
        // Whoever holds the lock is changing the state already.
        let Ok(_transition) = self.transition.try_lock() else { return true };
        if !self.current_open().is_some_and(|current| Arc::ptr_eq(&current, open)) {
            return true;
        }
        let (Some(current), Some(service)) = (self.install(None), self.this.upgrade()) else {
            return true;
        };
        self.state.send_replace(State::Degraded);
        let keys = open.keys().clone();
        let spawned = std::thread::Builder::new().name("hvelv-reopen".into()).spawn(move || {
            // If batches hold on, the stores are locked, and the attempts below wait for them.
            let _ = current.close();
            service.reopen_until_open(&keys);
        });
        if spawned.is_err() {
            tracing::error!("the stores could not be reopened; seal and unseal the server");
        }
        true
    }

    fn reopen_until_open(&self, keys: &OpenKeys) {
        loop {
            let transition = self.begin_transition();
            if *self.state.borrow() != State::Degraded {
                return;
            }
            match Open::with_keys(&self.parts, keys.clone()) {
                Ok(opened) => {
                    if let Err(error) = self.finish_closing(&opened.0) {
                        tracing::warn!(error = %error, causes = %error.causes(),
                            "a closing or an erasure cannot be finished yet");
                    }
                    self.install(Some(Current::new(opened)));
                    self.state.send_replace(State::Open);
                    tracing::info!("the stores were reopened and reread");
                    return;
                }
                Err(error) => tracing::warn!(error = %error, causes = %error.causes(),
                    "the stores cannot be reopened yet"),
            }
            drop(transition);
            let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
            if stopped.recv_timeout(REOPEN_PAUSE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn install(&self, current: Option<Current>) -> Option<Current> {
        let mut slot = self.current.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut slot, current)
    }

    fn begin_transition(&self) -> MutexGuard<'_, ()> {
        self.transition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_file(&self) -> Result<crate::keyring::SealedKeyring, Error> {
        open::load_key_file(&self.parts.config)
    }

    fn entry(&self, actor: Actor, action: Action) -> Entry {
        Entry::new(self.parts.clock.now(), actor, action)
    }
}

/// A permit must be for the right that a use case needs.
fn allow(permit: &Permit, right: &Right) -> Result<(), Error> {
    if permit.right() == right { Ok(()) } else { Err(Denied.into()) }
}

/// Who acts, for the audit entry.
fn actor(permit: &Permit) -> Actor {
    let principal = permit.principal().as_str().to_owned();
    let organisation = permit.organisation().to_string();
    match permit.kind() {
        PrincipalKind::Person => Actor::Person { principal, organisation },
        PrincipalKind::System => Actor::System { principal, organisation },
    }
}
