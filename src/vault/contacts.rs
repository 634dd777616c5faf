//! Keeps names and addresses beside the identities: one record a person and register.
//!
//! ```text
//! key    Contact ‖ partition u16 ‖ handle 16 bytes ‖ register u16
//! handle tag of 0xf0 ‖ person number (5), under the index key
//! ```
//!
//! The handle stands for the person, so that a key shows no person number and not even the position;
//! all registers' records of a person lie side by side, so that who is forgotten leaves none.
//!
//! INVARIANT: nobody who is erased has a record, and nobody in a one-way partition.
//! INVARIANT: a change is durable before the call returns.
//!
//! What it does *not* protect: keys show how many persons of a register have a record, and that two
//! registers have one of the same person, whoever that is.  What was replaced stays in the files of the
//! store until the engine merges them; what was erased does not.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::contact::{Contact, KeptContact};
use super::keys::PartitionKeys;
use super::partition::Shared;
use super::{Error, MayReveal, PersonNo, Vault, erasing};
use crate::crypto::{self, Entropy, Place};
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Durability, Step, Store};

const KIND: u16 = 0x11;
const FIELD: u16 = 1;
/// Most persons whose records are purged one by one.
const RANGES_MAX: usize = 8;

/// That a register has a person's name or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasContact {
    /// The name.
    pub name: bool,
    /// The address.
    pub address: bool,
    /// Since when it has had something, in seconds since 1970.
    pub since: i64,
    /// When what it has now was said, in seconds since 1970.
    pub said: i64,
}

impl Vault {
    /// Keeps what was said of persons' names and addresses for a register; durable when this returns.
    /// Gives of how many persons that has changed something.  `said` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::Erased`] when one of them is forgotten meanwhile; [`Error::NoPartition`],
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn keep_contacts(
        &self,
        partition: u16,
        (register, said): (u16, i64),
        rows: &[(PersonNo, Contact)],
    ) -> Result<u64, Error> {
        let found = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        let with = (self.store.as_ref(), self.entropy.as_ref());
        found.keep_contacts(with, (register, said), rows)
    }

    /// Removes what a register has of persons' names and addresses: durably, and from the files of the
    /// store, when this returns.
    ///
    /// # Errors
    ///
    /// As [`Vault::erase`].
    pub fn erase_contacts(
        &self,
        partition: u16,
        register: u16,
        persons: &[PersonNo],
    ) -> Result<(), Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.erase_contacts(self.store.as_ref(), (register, persons))
    }

    /// Whether a register has a person's name or address, and since when; not what they are.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`], [`Error::Damaged`], [`Error::Store`].
    pub fn has_contact(
        &self,
        partition: u16,
        register: u16,
        person: PersonNo,
    ) -> Result<Option<HasContact>, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        let kept = partition.contact(self.store.as_ref(), (register, person))?;
        Ok(kept.map(|KeptContact { contact, since, said }| HasContact {
            name: contact.has_name(),
            address: contact.has_address(),
            since,
            said,
        }))
    }

    /// Opens what a register has of a person's name and address, for an act that two persons allowed.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`], [`Error::Damaged`], [`Error::Store`].
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "the service reveals"))]
    pub(crate) fn reveal_contact(
        &self,
        _: &impl MayReveal,
        partition: u16,
        (register, person): (u16, PersonNo),
    ) -> Result<Option<KeptContact>, Error> {
        let partition = self.partitions.get(&partition).ok_or(Error::NoPartition)?;
        partition.contact(self.store.as_ref(), (register, person))
    }
}

/// Who has said something, and of which register.
pub(super) struct Saying<'a> {
    /// Number of the register.
    pub(super) register: u16,
    /// When, in seconds since 1970.
    pub(super) said: i64,
    /// Of whom, and what; of one person the last holds.
    pub(super) rows: &'a [(PersonNo, Contact)],
}

/// Keeps what was said; gives how many persons it has changed something of.
pub(super) fn keep(
    shared: &Shared,
    store: &dyn Store,
    entropy: &Entropy,
    saying: &Saying<'_>,
) -> Result<u64, Error> {
    let _alone = shared.erasing.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.failed.load(Ordering::Acquire) {
        return Err(Error::Failed);
    }
    let keys = &shared.keys;
    let mut changed: BTreeMap<Key, KeptContact> = BTreeMap::new();
    for (person, contact) in saying.rows {
        let key = key_of(keys, *person, saying.register);
        let before = match changed.get(&key) {
            Some(before) => Some(before.clone()),
            None => read(keys, store, &key)?,
        };
        let Some(now) = KeptContact::after(before.as_ref(), contact, saying.said) else { continue };
        let placed = erasing::place_of(keys, store, *person)?;
        if placed.is_none_or(|placed| placed.is_erased) {
            return Err(Error::Erased);
        }
        changed.insert(key, now);
    }
    if changed.is_empty() {
        return Ok(0);
    }
    let storage = keys.identities().ok_or(Error::NoPartition)?;
    let mut batch = Batch::new();
    for (key, kept) in &changed {
        batch.put(*key, storage.seal(entropy, &place(key), &kept.encode())?);
    }
    commit(shared, store, ("keep contacts", batch))?;
    Ok(changed.len() as u64)
}

/// What a register has of a person.
pub(super) fn find(
    keys: &PartitionKeys,
    store: &dyn Store,
    (register, person): (u16, PersonNo),
) -> Result<Option<KeptContact>, Error> {
    if keys.identities().is_none() {
        return Ok(None);
    }
    read(keys, store, &key_of(keys, person, register))
}

/// Removes what a register has of persons, also from the files of the store.
pub(super) fn erase(
    shared: &Shared,
    store: &dyn Store,
    (register, persons): (u16, &[PersonNo]),
) -> Result<(), Error> {
    let _alone = shared.erasing.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.failed.load(Ordering::Acquire) {
        return Err(Error::Failed);
    }
    if shared.keys.identities().is_none() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for person in persons {
        batch.remove(key_of(&shared.keys, *person, register));
    }
    if batch.is_empty() {
        return Ok(());
    }
    commit(shared, store, ("erase contacts", batch))?;
    Ok(store.purge(&to_purge(&shared.keys, persons))?)
}

/// What is to be purged after the contacts of persons were removed.  Of many it is all contacts: that is
/// one pass over the files, and not one for each.
pub(super) fn to_purge(keys: &PartitionKeys, persons: &[PersonNo]) -> Vec<Range<Key>> {
    if keys.identities().is_none() {
        return Vec::new();
    }
    if persons.len() > RANGES_MAX {
        return vec![Key::all(Kind::Contact)];
    }
    persons.iter().map(|person| range_of(keys, *person)).collect()
}

/// Has a batch remove everything that any register has of a person.
pub(super) fn remove_all(
    keys: &PartitionKeys,
    store: &dyn Store,
    person: PersonNo,
    batch: &mut Batch,
) -> Result<(), Error> {
    if keys.identities().is_none() {
        return Ok(());
    }
    Ok(store.scan(range_of(keys, person), &mut |key, _| {
        batch.remove(Key::parse(key)?.1);
        Ok(Step::Continue)
    })?)
}

/// How many records there are, so that the bound of the sealing key holds across restarts.
pub(super) fn count(keys: &PartitionKeys, store: &dyn Store) -> Result<u64, Error> {
    let mut count = 0;
    if keys.identities().is_some() {
        store.scan(Key::all(Kind::Contact), &mut |_, _| {
            count += 1;
            Ok(Step::Continue)
        })?;
    }
    Ok(count)
}

fn commit(
    shared: &Shared,
    store: &dyn Store,
    (operation, batch): (&'static str, Batch),
) -> Result<(), Error> {
    store.commit(operation, batch, Durability::Synced).map_err(|error| {
        shared.failed.store(true, Ordering::Release);
        error.into()
    })
}

fn read(keys: &PartitionKeys, store: &dyn Store, key: &Key) -> Result<Option<KeptContact>, Error> {
    let Some(sealed) = store.get(key)? else { return Ok(None) };
    open(keys, key, &sealed).map(Some)
}

/// Opens a record.
pub(super) fn open(keys: &PartitionKeys, key: &Key, sealed: &[u8]) -> Result<KeptContact, Error> {
    let damaged = || Error::Damaged { what: "contact" };
    let storage = keys.identities().ok_or(Error::NoPartition)?;
    let plain = storage.open(&place(key), sealed).map_err(|_| damaged())?;
    KeptContact::decode(&plain).ok_or_else(damaged)
}

/// Whether an older key has sealed a record.
pub(super) fn is_older(keys: &PartitionKeys, sealed: &[u8]) -> bool {
    keys.identities().is_some_and(|storage| storage.is_older(sealed))
}

/// The same record under the active key.
pub(super) fn reseal(
    keys: &PartitionKeys,
    entropy: &Entropy,
    (key, sealed): (&Key, &[u8]),
) -> Result<Vec<u8>, Error> {
    let storage = keys.identities().ok_or(Error::NoPartition)?;
    storage.reseal(entropy, &place(key), sealed).map_err(|error| match error {
        crypto::Error::Open => Error::Damaged { what: "contact" },
        error => error.into(),
    })
}

fn key_of(keys: &PartitionKeys, person: PersonNo, register: u16) -> Key {
    Key::contact(keys.partition(), keys.handle(person.number()), register)
}

fn range_of(keys: &PartitionKeys, person: PersonNo) -> Range<Key> {
    Key::contacts_of(keys.partition(), keys.handle(person.number()))
}

fn place(key: &Key) -> Place<'_> {
    Place { kind: KIND, row: key.as_bytes(), field: FIELD }
}

#[cfg(test)]
mod tests;
