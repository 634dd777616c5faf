//! The register plane: what each register is, and which persons it holds under which ID.
//!
//! Nothing here ever sees a national identifier: a person comes as a number that the vault gave.
//!
//! ```text
//! person number ─ column (memory) ─ register ID            one read of 8 bytes
//!                   │ not a member
//!                   ▼
//!                 recorder (one thread): register number, delta, audit entry in one synced commit,
//!                 then the column, then the answer
//!
//! RegisterId = epoch ‖ FF1[K_register,epoch](register number) ‖ Damm
//! ```
//!
//! Invariants: a person has one register number per register; a number is given once; an answer
//! exists only as [`Recorded`]; two registers' columns share nothing but
//! person numbers, which never leave the process.
//!
//! What it does *not* protect: whoever holds this plane's store *and* its keys can join registers,
//! though not name anybody.

mod aliases;
mod answer;
pub mod approvals;
pub mod budget;
mod by_person;
pub mod catalogue;
#[cfg(feature = "server")]
mod check;
mod column;
mod delivery;
mod delta;
mod disclosed;
mod identify;
mod inverse;
mod joining;
mod keys;
mod leaving;
mod links;
mod numbers;
mod open;
mod persons;
mod queue;
mod recorder;
mod records;
mod reissue;
mod resealing;
mod rights;
mod tombstone;
mod write;

#[cfg(test)]
mod golden;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use crate::audit::{AuditReader, Entry, LogError, Recorded};
use crate::crypto::Entropy;
use crate::store::{self, Snapshot, Store};

use aliases::Aliases;
pub use aliases::{AliasPairs, AliasProblem, AliasRow, ExistingId, LoadedAliases};
pub use answer::{Answer, Answered, Arriving, Gives, JoiningRow, LeafId, Reply, RowCode, RowNote};
use approvals::{Approvals, Approved, Moving};
use budget::Ledger;
use by_person::ByPerson;
#[cfg(feature = "server")]
pub use check::{CheckedPlane, PlaneCheck};
use column::Column;
pub use column::{Cells, Held, Standing};
pub use delivery::{DeliveryId, DeliveryRecord, DeliveryState, StoredDelivery};
pub use disclosed::{Membership, Ordinals, Pin, Share};
use inverse::Inverse;
pub use keys::PlaneKeys;
use leaving::Forgotten;
pub use leaving::{Forgetting, ToForget};
use links::Links;
pub use links::{
    AddressProtection, EventId, FeedPointer, Graph, HeldLinks, IdChange, IdChanges, Joining, Leaf,
    Life, LinkChange, LinkFact, LinkReason, LinksChange, More, Moved, PersonFact, PersonStatus,
    Protection, Provenance, Reach, Statement,
};
pub use open::{Opening, RegisterSpec};
pub use persons::PersonSet;
use queue::{Command, With};
pub use records::{DeliveredPeriod, OpenedRecord};
use reissue::FormerIds;
pub use reissue::{Reissue, ReissueReason, ReissuedIds, Reissues};
use rights::Rights;
pub use rights::{
    Afterwards, Channel, Ended, Erasure, Fact, HeldRights, PersonRights, QualityAnswer,
    QualityConsents, QualityFact, QualityStatement, Recording, Release, ReleaseRule, RightsChange,
    RightsFact,
};
pub use tombstone::Tombstone;
pub use write::Write;

/// Why the register plane refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store is older than what the key file has seen of it.
    #[error(
        "the register plane is behind the key file: it is an older copy; put the newest one back"
    )]
    Behind,
    /// Cryptography refused.
    #[error("the register plane could not seal a record")]
    Crypto(#[from] crate::crypto::Error),
    /// A stored record does not open or contradicts another.
    #[error("a stored {what} is damaged or was moved; restore the register plane")]
    Damaged {
        /// The record.
        what: &'static str,
    },
    /// An earlier commit failed and its fate is unknown; nothing is written until the register
    /// plane is opened again.
    #[error("an earlier write to the register plane failed; it must be opened again")]
    Failed,
    /// The audit log refused.
    #[error("the audit log refused")]
    Log(#[from] LogError),
    /// A mark could not be raised in the key file.
    #[error("the register plane could not raise a high-water mark")]
    Mark(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The register has no keys.
    #[error("the register has no keys; run `hvelv init --add-registers`")]
    NoRegister,
    /// The store failed.
    #[error("the register plane's store failed")]
    Store(#[from] store::Error),
    /// More than a record can hold.
    #[error("a record would be larger than its format allows")]
    TooLarge,
}

/// Positions of a vault partition that are durably used.
pub type VaultUsed = Arc<dyn Fn(u16) -> u64 + Send + Sync>;

/// Keeps leases of register numbers in the key file.
pub trait RegisterMarks: Send + Sync {
    /// Raises the mark of a register, durably before it returns.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being durable.
    fn raise_register(
        &self,
        register: u16,
        to: u64,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// The members of one register, in memory.
#[derive(Default)]
struct Members {
    /// The partition that its persons are of.
    partition: u16,
    /// Whether nobody is in it without a consent.
    consent_required: bool,
    column: Column,
    /// The column backwards, once somebody has brought IDs of the register.
    inverse: RwLock<Option<Inverse>>,
    /// IDs that others have replaced.
    former: RwLock<FormerIds>,
    /// IDs that the register had before.
    aliases: Aliases,
    count: AtomicU64,
    rights: Rights,
}

/// The register plane, open.
pub struct Registers {
    store: Arc<dyn Store>,
    keys: Arc<PlaneKeys>,
    entropy: Arc<Entropy>,
    members: BTreeMap<u16, Arc<Members>>,
    links: Links,
    ledger: Ledger,
    approvals: Arc<Approvals>,
    failed: Arc<AtomicBool>,
    arriving: Arc<AtomicUsize>,
    entries: Arc<AtomicU64>,
    forgotten: Arc<Forgotten>,
    queue: Mutex<Option<Sender<Command>>>,
    thread: Option<JoinHandle<()>>,
    reader: AuditReader,
    by_person: Arc<ByPerson>,
}

impl Registers {
    /// Holds a register's column for reading: what it says about persons does not change meanwhile,
    /// and no commit of the register ends.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn hold(&self, register: u16) -> Result<Held<'_>, Error> {
        Ok(self.members.get(&register).ok_or(Error::NoRegister)?.column.hold())
    }

    /// Announces a batch that will be handed to the recorder in a moment.
    pub fn announce(&self) -> Arriving {
        self.arriving.fetch_add(1, Ordering::AcqRel);
        Arriving(Arc::clone(&self.arriving))
    }

    /// Hands an answer to the recorder. Its reply is called when it is durable, or has failed.
    pub fn record_answer(&self, answer: Answer) {
        self.send(Command::Answer(Box::new(answer)));
    }

    /// Records an act. Its reply is called when it is durable, or has failed.
    pub fn record_act(&self, entry: Entry, reply: Reply<()>) {
        self.record_change(entry, Vec::new(), reply);
    }

    /// Records an act together with what it changes in the store. Its reply is called when both are
    /// durable, or have failed.
    pub fn record_change(&self, entry: Entry, writes: Vec<Write>, reply: Reply<()>) {
        self.send_act(entry, With { writes, ..With::default() }, (), reply);
    }

    /// Records an act and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_act_and_wait(&self, entry: Entry) -> Result<Recorded<()>, Error> {
        self.record_change_and_wait(entry, Vec::new())
    }

    /// Records an act together with what it changes, and waits until both are durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_change_and_wait(
        &self,
        entry: Entry,
        writes: Vec<Write>,
    ) -> Result<Recorded<()>, Error> {
        self.send_and_wait(entry, With { writes, ..With::default() }, ())
    }

    /// Records an act together with what is answered to it, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_value_and_wait<T: Send + 'static>(
        &self,
        entry: Entry,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        self.send_and_wait(entry, With::default(), value)
    }

    /// Records a move of an approval together with its entry, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_move_and_wait(&self, moving: Moving) -> Result<Recorded<()>, Error> {
        let moving = self.own(moving)?;
        let entry = moving.entry();
        self.send_and_wait(entry, With { approval: Some(moving), ..With::default() }, ())
    }

    /// Records an act that was approved, with what it writes and what is answered to it: the act, the
    /// use of its approval and both entries in one commit; waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`]: neither is done, or both are, which is read when the plane is opened again.
    pub fn record_approved_act_and_wait<T: Send + 'static>(
        &self,
        entry: Entry,
        writes: Vec<Write>,
        approved: Approved,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        let approval = Some(self.own(approved.into_moving())?);
        self.send_and_wait(entry, With { writes, approval, ..With::default() }, value)
    }

    /// A move of this plane's approvals. One of a plane that was opened before would move them in the
    /// store and not here.
    fn own(&self, moving: Moving) -> Result<Moving, Error> {
        if moving.is_of(&self.approvals) { Ok(moving) } else { Err(Error::Failed) }
    }

    /// All approvals.
    pub fn approvals(&self) -> &Arc<Approvals> {
        &self.approvals
    }

    /// Records the end of a stream of serials, and folds the persons of its disclosure.
    pub fn record_fold(&self, entry: Entry, members: Vec<Arc<Membership>>, reply: Reply<()>) {
        let with = With { fold: members, ..With::default() };
        self.send_act(entry, with, (), reply);
    }

    /// Stores a delivery together with its audit entry.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`]; what happens later goes to `reply`.
    pub fn record_delivery(
        &self,
        delivery: &StoredDelivery<'_>,
        entry: Entry,
        reply: Reply<()>,
    ) -> Result<(), Error> {
        let writes = delivery::seal(&self.keys, &self.entropy, delivery)?;
        let writes = writes.into_iter().map(|(key, value)| Write::Put(key, value)).collect();
        self.record_change(entry, writes, reply);
        Ok(())
    }

    /// A copy of the store as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        Ok(self.store.snapshot()?)
    }

    /// Members of a register.
    pub fn member_count(&self, register: u16) -> u64 {
        self.members.get(&register).map_or(0, |members| members.count.load(Ordering::Acquire))
    }

    /// Durable entries of the audit log, without asking the store.
    pub fn audit_entry_count(&self) -> u64 {
        self.entries.load(Ordering::Acquire)
    }

    /// The reading end of the audit log.
    pub fn audit(&self) -> &AuditReader {
        &self.reader
    }

    /// The keys of this plane.
    pub fn keys(&self) -> &PlaneKeys {
        &self.keys
    }

    /// Whether a write failed, so that the register plane must be opened again.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has failed its commands already.
            let _ = thread.join();
        }
    }
}
