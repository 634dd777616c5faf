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
//! it and waits until it is gone. A stream holds it weakly, and is refused it from the moment at which
//! sealing begins, so that sealing ends every stream, also one that always has a batch under way.
//!
//! Invariants: no answer leaves but from a [`Recorded`](crate::audit::Recorded) value; a use case
//! takes a [`Permit`]; after a commit whose fate is unknown both stores are opened and reread before
//! the next write.

mod access;
mod alarms;
mod aliases;
mod approval;
mod audit;
mod backup;
mod budget;
mod conversion;
mod disclosure;
mod erasure;
pub mod error;
mod identity;
mod ingest;
mod innsyn;
mod measure;
mod open;
mod parts;
mod quality;
mod receipts;
mod reissue;
mod resealing;
mod restored;
mod reveal;
mod rights;
mod sealing;
pub mod setup;
mod state;
mod unsealing;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::audit::{Action, Actor, Entry};
use crate::config::Access;
use crate::config::access::PrincipalKind;
use crate::memory::stack::wiped;
use crate::metrics::Metrics;
use crate::policy::alarms::Alarm;
use crate::policy::{Denied, Permit, Right};
use crate::registers::catalogue::Catalogue;

pub use access::{AccessNow, AccessStatus, Holder};
pub use aliases::AliasPair;
pub use approval::{ApprovalDecision, ApprovalFilter, ApprovalRequest, ApprovalStatus, Parameters};
pub use audit::{
    AuditCheckpoint, AuditEntries, AuditRecord, ConsistencyProof, InclusionProof, Pruned,
    pruning_subject,
};
pub use backup::{BackupPart, BackupParts, BackupRequest};
pub use budget::{BudgetFilter, BudgetStatus, GrantRequest, SpentBudget};
pub use conversion::{ConvertedRow, OpenConversion, OpenedConversion, Pair};
pub use disclosure::{
    BridgeView, DeliveryReport, DisclosureRules, DisclosureView, IssueBridge, Issuing,
    IssuingSummary, LOAD_BYTES_MAX, LoadBridge, LoadCounts, LoadReport, LoadedView, MappedSerials,
    OpenDisclosure, OpenedWindow, RefusedRow, RevealedIdentifier, SealedBridge, SurrogateBatch,
    SurrogateIssuing,
};
pub use erasure::{
    CaseList, CasePage, CaseSummary, Deciding, NewCase, OrderAbout, OrderView, RetentionPlan,
    ScopeKind,
};
pub use error::{Error, ErrorCode, Group, Limit, Violation};
pub use identity::{
    AppliedEvents, EventCode, EventCounts, EventReport, Falsehood, IdentityEvent,
    IdentityEventType, LinkOutcome, LinkOutcomes, LinkStanding, ProtectedLink, ProtectedLinks,
    StatedColumn, StatedRows,
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
pub use quality::{QualityQuestion, QualityRows, RowAnswer};
pub use receipts::AuditReceipt;
pub use reissue::ReissueIds;
pub use restored::PendingRestore;
pub use reveal::{RevealIdentity, RevealedPerson};
pub use rights::{RightsSubject, RightsView};
pub use state::{Detail, RootState, State, Status, StatusDetail, Unsealed};
pub use unsealing::GivenShare;

pub use crate::vault::{Contact, ContactFault, KeptContact};

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
    /// What clients send, for alarms.
    watched: alarms::Watched,
    /// The access file that was loaded last.
    loaded: access::Loaded,
    /// The access in force, for the budgets of its principals and for who approves.
    access: RwLock<Arc<Access>>,
    /// What was given towards opening it.
    collected: Mutex<unsealing::Collected>,
    /// When somebody last used it, on the monotonic clock.
    last_used_ms: AtomicU64,
    open_deliveries: Arc<AtomicU64>,
    streams: AtomicU64,
    /// Ends when the thread that reopens the stores has ended.
    reopening: Mutex<Option<Receiver<()>>>,
    /// Which attempt to reopen counts; an older one ends.
    reopenings: AtomicU64,
    backup_running: Arc<AtomicBool>,
    /// Dropped when the server stops, which ends attempts to reopen.
    stopping: Mutex<Option<Sender<()>>>,
    stopped: Mutex<Receiver<()>>,
}

impl Service {
    /// A sealed service.
    pub fn new(mut parts: Parts) -> Arc<Self> {
        let (stopping, stopped) = channel();
        let metrics = Arc::new(Metrics::new());
        metrics.show_alarms(Alarm::ALL.iter().map(|alarm| alarm.as_str()));
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
            watched: alarms::Watched::default(),
            loaded: access::Loaded::default(),
            access: RwLock::default(),
            collected: Mutex::default(),
            last_used_ms: AtomicU64::new(0),
            open_deliveries: Arc::new(AtomicU64::new(0)),
            streams: AtomicU64::new(0),
            reopening: Mutex::default(),
            reopenings: AtomicU64::new(0),
            backup_running: Arc::default(),
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
        let open = self.open_quietly().ok();
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

    /// Ends windows whose time is over, and signs a checkpoint of the log as it is, when the server is
    /// open.
    pub fn sign_due_checkpoint(&self) {
        let Ok(open) = self.open_quietly() else { return };
        self.end_late_windows(&open);
        self.end_late_conversions(&open);
        if let Err(error) = self.sign_checkpoint(&open) {
            tracing::error!(causes = %error.causes(), "the audit log could not be signed");
        }
    }

    /// Finishes what a crash has left of the closing of a disclosure, and of what the vault was to
    /// forget.
    fn finish_closing(&self, open: &Open) -> Result<(), Error> {
        self.finish_erasure(open)?;
        self.finish_forgetting(open, &Actor::Server)
    }

    /// What is open now, for somebody who uses it.
    fn open_now(&self) -> Result<Arc<Open>, Error> {
        self.touch();
        let open = self.open_quietly()?;
        open.restored.check()?;
        Ok(open)
    }

    /// What is open now, for what the server does by itself.
    fn open_quietly(&self) -> Result<Arc<Open>, Error> {
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

    /// What a stream holds on to, while it is not being closed: a stream that has other batches under
    /// way would otherwise keep it for as long as it sends.
    fn still_open(&self, held: &Weak<Open>) -> Result<Arc<Open>, Error> {
        self.touch();
        // After a failed commit the stores are reopened as another value: the sender repeats.
        let sealed = || Error::new(ErrorCode::ServerSealed);
        let open = held.upgrade().filter(|open| !open.is_closing());
        open.ok_or_else(|| self.open_quietly().err().unwrap_or_else(sealed))
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
        current.open.begin_closing();
        self.state.send_replace(State::Degraded);
        let keys = open.keys().clone();
        let attempt = self.reopenings.fetch_add(1, Ordering::AcqRel) + 1;
        let (ending, ended) = channel::<()>();
        *self.reopening.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        let spawned = std::thread::Builder::new().name("hvelv-reopen".into()).spawn(move || {
            wiped(|| {
                // If batches hold on, the stores are locked, and the attempts below wait for them.
                let _ = current.close();
                service.reopen_until_open(attempt, &keys);
            });
            drop((keys, ending));
        });
        if spawned.is_err() {
            tracing::error!("the stores could not be reopened; seal and unseal the server");
        }
        true
    }

    fn reopen_until_open(&self, attempt: u64, keys: &OpenKeys) {
        loop {
            let transition = self.begin_transition();
            // Sealed meanwhile, or sealed, opened and failed anew.
            let is_newest = self.reopenings.load(Ordering::Acquire) == attempt;
            if *self.state.borrow() != State::Degraded || !is_newest {
                return;
            }
            match Open::with_keys(&self.parts, keys.clone()) {
                Ok(opened) => {
                    // Whoever changes the keys holds the stores meanwhile, so that now it is seen.
                    if self.seal_if_changed(keys) {
                        return;
                    }
                    if let Err(error) = self.finish_closing(&opened.0) {
                        tracing::warn!(error = %error, causes = %error.causes(),
                            "a closing or an erasure cannot be finished yet");
                    }
                    let current = Current::new(opened);
                    self.apply_access_now(&current.open);
                    self.install(Some(current));
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

    /// Seals a server whose keys were changed while its stores were closed; what cannot be read now is
    /// found by the next change of the file.
    fn seal_if_changed(&self, keys: &OpenKeys) -> bool {
        let Err(error) = keys.keyring.marks().check_current() else { return false };
        if !error.is_change() {
            return false;
        }
        let mut entry = self.entry(Actor::Server, Action::Sealed);
        entry.changes = vec!["the key file was changed".to_owned()];
        self.record_at_opening(entry);
        self.state.send_replace(State::Sealed);
        tracing::error!(error = %error, "sealed: the keys were changed while the stores were closed");
        true
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
