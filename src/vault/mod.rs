//! The vault: the identity plane, the only place where an identifier becomes a person number.
//!
//! Why it exists: whoever holds health data must not hold identities, and whoever holds identities
//! must be few. The vault has a store and keys of its own; nothing outside this module touches them.
//!
//! ```text
//! identifier ─ tag (keyed) ─ index (memory) ─ person number        known: no disk, no lock held long
//!                              │ not there
//!                              ▼
//!                           assigner (one thread per partition): one synced commit for all that
//!                           wait, then the index, then the answer
//! ```
//!
//! A *partition* is a number space with keys of its own: partition 0 holds the persons of all sealed
//! registers, and each one-way register has the partition of its own number, with one-way tags and
//! no sealed identity. Identifiers are leaves and persons are roots: a leaf is its own root until a
//! link joins it to another (links come with the rights work and have their place in the store).
//!
//! Invariants: the same identifier gives the same person for ever; a person is durable before
//! anybody can see the number; a number is given once; no number below a lease that another store
//! or the key file has seen is ever drawn again.
//!
//! What it does *not* protect: whoever has the index key can list all plausible identifiers. That is
//! why the key is here alone.

mod assigner;
#[cfg(feature = "server")]
mod check;
mod contact;
mod contacts;
mod erasing;
mod group;
mod identity;
mod index;
mod keys;
mod loading;
mod partition;
mod resealing;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::crypto::Entropy;
use crate::ident::{NationalId, Reject};
use crate::store::{self, Snapshot, Step, Store};

#[cfg(feature = "server")]
pub use check::{CheckedPartition, check};
pub use contact::{Contact, ContactFault, KeptContact};
pub use contacts::HasContact;
pub(crate) use identity::KnownIdentifier;
pub use identity::Origin;
pub(crate) use identity::yyyymmdd;
pub use keys::PartitionKeys;
pub use partition::Found;
use partition::Partition;

/// The partition that holds the persons of all sealed registers.
pub const PERSONS: u16 = 0;

/// Internal number of a person (grunnpseudonym). Never leaves the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonNo(
    // INVARIANT: number + 1, at most 2^40 - 1, so that an option takes no more room.
    NonZeroU64,
);

impl PersonNo {
    /// Numbers lie below this: 40 bits with one value kept for "none".
    const END: u64 = (1 << 40) - 1;

    #[inline]
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        (number < Self::END).then(|| NonZeroU64::new(number + 1)).flatten().map(Self)
    }

    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0.get() - 1
    }

    #[inline]
    fn from_index_value(value: u64) -> Option<Self> {
        NonZeroU64::new(value).map(Self)
    }

    #[inline]
    fn index_value(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Debug for PersonNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonNo(..)")
    }
}

/// Why the vault refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store is older than what others have seen of it.
    #[error("the vault is behind {witness}: it is an older copy; put the newest one back")]
    Behind {
        /// Who has seen more.
        witness: &'static str,
    },
    /// Cryptography refused: a key is used up, or the system has no randomness.
    #[error("the vault could not seal a record")]
    Crypto(#[from] crate::crypto::Error),
    /// A stored record does not open or contradicts another.
    #[error("a stored {what} is damaged or was moved; restore the vault")]
    Damaged {
        /// The record.
        what: &'static str,
    },
    /// The person's tag and identity were removed.
    #[error("the identity was erased; nobody can tell whose it was")]
    Erased,
    /// A number that a number space does not have.
    #[error("a number space of the vault is used up")]
    Exhausted,
    /// An earlier commit failed and its fate is unknown; nothing is written until the vault is
    /// opened again.
    #[error("an earlier write to the vault failed; it must be opened again")]
    Failed,
    /// A mark could not be raised in the register plane or the key file.
    #[error("the vault could not raise a high-water mark")]
    Mark(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No such partition: the register has no keys.
    #[error("the vault has no partition for this register; run `hvelv init --add-registers`")]
    NoPartition,
    /// The key file has a newer key for tags than the one that the stored tags were made with.
    #[error(
        "the stored tags were made with an older key than the active one, so that nobody would be \
         found: put the last copy of the key file back"
    )]
    OtherTagKey,
    /// The store failed.
    #[error("the vault's store failed")]
    Store(#[from] store::Error),
}

/// What others have seen of a partition; a vault behind them refuses to serve.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Positions leased, as the key file has it.
    pub leased_in_key_file: u64,
    /// Positions leased, as the register plane has it.
    pub leased_in_registers: u64,
    /// Positions that the register plane has seen used.
    pub used_in_registers: u64,
}

/// Keeps a partition's leases where the vault does not reach: the register plane and the key file.
pub trait HighWater: Send + Sync {
    /// Raises the mark of a partition, durably before it returns.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being durable.
    fn raise(
        &self,
        partition: u16,
        to: u64,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// The rows of a batch: an identifier, or why it was refused.
pub type Rows = Vec<Result<NationalId, Reject>>;

/// What happens to an identifier that nobody has seen before.
#[derive(Clone, Copy, Debug)]
pub enum Unknown<'a> {
    /// It gets a person.
    Assign(&'a Origin),
    /// It stays unknown.
    Leave,
}

/// Proof that identities may be opened: two natural persons have allowed an act that does.
///
/// INVARIANT: `registers::approvals::RevealPermit` alone implements it; `tests/tidy` holds that.
pub trait MayReveal {}

/// Proof that persons of a one-way partition may be looked for among those of sealed identities: two
/// natural persons have allowed a window.
///
/// INVARIANT: `registers::approvals::MatchPermit` alone implements it; `tests/tidy` holds that.
pub trait MayMatch {}

/// The identity plane.
pub struct Vault {
    store: Arc<dyn Store>,
    partitions: BTreeMap<u16, Partition>,
    entropy: Arc<Entropy>,
}

impl Vault {
    /// Opens the vault: checks each partition against what others have seen and loads its index.
    ///
    /// # Errors
    ///
    /// [`Error::Behind`], [`Error::Damaged`], [`Error::Store`].
    pub fn open(
        store: Arc<dyn Store>,
        keys: Vec<PartitionKeys>,
        seen: &dyn Fn(u16) -> Seen,
        high_water: &Arc<dyn HighWater>,
        entropy: &Arc<Entropy>,
    ) -> Result<Self, Error> {
        let mut partitions = BTreeMap::new();
        for keys in keys {
            let number = keys.partition();
            let partition = Partition::open(
                Arc::clone(&store),
                Arc::new(keys),
                seen(number),
                Arc::clone(high_water),
                Arc::clone(entropy),
            )?;
            partitions.insert(number, partition);
        }
        Ok(Self { store, partitions, entropy: Arc::clone(entropy) })
    }

    /// Looks the identifiers of a batch up; [`Found::finish`] gives its persons. `parse` adds the
    /// next few of the batch's `row_count` rows, and none at the end: 64 at a time keep them in the
    /// nearest cache, and give the processor work while it waits for the index. Nothing is inserted
    /// while this runs.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`].
    pub fn find(
        &self,
        partition: u16,
        row_count: usize,
        parse: impl FnMut(&mut Rows),
    ) -> Result<Found<'_>, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        Ok(partition.find(row_count, parse))
    }

    /// Removes tags and sealed identities of persons: durably, from memory, and from the files of the
    /// store, when this returns.  Whoever brings an identifier of theirs from now on is somebody new.
    /// Persons who are erased already, or not there, are passed over.
    ///
    /// The caller sees to it that no register gets a row about them meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`], [`Error::Damaged`], [`Error::Store`]: some of it may be done; do it again.
    pub fn erase(&self, partition: u16, persons: &[PersonNo]) -> Result<(), Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.erase(self.store.as_ref(), &self.entropy, persons)
    }

    /// Whether a person's tag and identity were removed, or never there.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`], [`Error::Damaged`], [`Error::Store`].
    pub fn is_erased(&self, partition: u16, person: PersonNo) -> Result<bool, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.is_erased(self.store.as_ref(), person)
    }

    /// A copy of the store as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        Ok(self.store.snapshot()?)
    }

    /// Identifiers in a partition.
    pub fn identifier_count(&self, partition: u16) -> u64 {
        self.partitions.get(&partition).map_or(0, Partition::identifier_count)
    }

    /// Identifiers in all partitions.
    pub fn identifiers_total(&self) -> u64 {
        self.partitions.values().map(Partition::identifier_count).sum()
    }

    /// Memory of the indexes of all partitions, free slots included.
    pub fn index_bytes(&self) -> u64 {
        self.partitions.values().map(Partition::index_bytes).sum()
    }

    /// Positions of a partition that are durably used: what the register plane keeps as its mark.
    pub fn used(&self, partition: u16) -> u64 {
        self.partitions.get(&partition).map_or(0, Partition::used)
    }

    /// The position at which a person was drawn: of two, the one with the lower was known first.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when the number was never drawn, [`Error::Store`].
    pub fn drawn(&self, partition: u16, person: PersonNo) -> Result<u64, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.drawn(self.store.as_ref(), person)
    }

    /// Numbers of the partitions.
    pub fn partitions(&self) -> impl Iterator<Item = u16> + '_ {
        self.partitions.keys().copied()
    }

    /// Whether a write failed, so that the vault must be opened again.
    pub fn has_failed(&self) -> bool {
        self.partitions.values().any(Partition::has_failed)
    }

    /// Opens the identity of a person, for an act that two persons allowed.
    ///
    /// # Errors
    ///
    /// [`Error::Erased`]; [`Error::Damaged`] when there is none or it does not open.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "the service reveals"))]
    pub(crate) fn reveal(
        &self,
        _: &impl MayReveal,
        partition: u16,
        person: PersonNo,
    ) -> Result<Vec<KnownIdentifier>, Error> {
        self.dangerous_open_identity(partition, person)
    }

    /// Opens the identities of all persons of a partition who are wanted, in one pass and in the
    /// order of their positions, until `each` says stop.  Who is erased has no identifiers.  For an act
    /// that two persons allowed.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when an identity does not open.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "the service reveals"))]
    pub(crate) fn reveal_each(
        &self,
        _: &impl MayReveal,
        partition: u16,
        is_wanted: impl Fn(PersonNo) -> bool,
        each: impl FnMut(PersonNo, Vec<KnownIdentifier>) -> Step,
    ) -> Result<(), Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.open_identities(self.store.as_ref(), is_wanted, each)
    }

    /// Finds who of a one-way partition are persons whose identities are sealed here: opens the
    /// identities of those who are wanted, in one pass, and looks for their tags there.  `each` gets
    /// both persons and no identifier; nothing of it is kept here.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when an identity does not open, [`Error::NoPartition`].
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "the service opens windows"))]
    pub(crate) fn match_one_way(
        &self,
        _: &impl MayMatch,
        one_way: u16,
        is_wanted: impl Fn(PersonNo) -> bool,
        mut each: impl FnMut(PersonNo, PersonNo),
    ) -> Result<(), Error> {
        let known = self.partitions.get(&PERSONS).ok_or(Error::NoPartition)?;
        let other = self.partitions.get(&one_way).ok_or(Error::NoPartition)?;
        known.open_identities(self.store.as_ref(), is_wanted, |person, identifiers| {
            let rows: Rows = identifiers.into_iter().map(|known| Ok(known.id)).collect();
            other.find_known(&rows, |found| each(person, found));
            Step::Continue
        })
    }

    fn dangerous_open_identity(
        &self,
        partition: u16,
        person: PersonNo,
    ) -> Result<Vec<KnownIdentifier>, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.open_identity(self.store.as_ref(), person)
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
