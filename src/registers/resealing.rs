//! Seals anew what older keys of this plane have sealed, while it serves.
//!
//! ```text
//! caller    reads a piece ─► opens under the older key, seals under the active one
//! recorder  the record is still the one that was read?  ─► written with the next commit
//!           it was written meanwhile: the active key has sealed it, and it stays
//! ```
//!
//! Why in two steps: the recorder is what ingest waits for, and so it compares and writes, and ciphers
//! nothing.  Where it stopped is written nowhere: what is left is what the envelopes say.
//!
//! INVARIANT: no record is replaced that was written or removed since it was read.
//!
//! What it does *not* touch: what is sealed under keys of disclosures, which die with them; and what
//! the engine still has of earlier values.

use std::sync::mpsc::sync_channel;

use super::keys::PlaneKeys;
use super::queue::Command;
use super::recorder::Recorder;
use super::{Error, Registers};
use crate::crypto::{self, Place, StorageKeys};
use crate::store::keys::{Key, Kind};
use crate::store::resealing::{self, Resealed};
use crate::store::{Batch, Store};

/// What seals the records of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealedBy {
    /// The key of bodies of the log.
    AuditStorage,
    /// The key of a disclosure.
    Disclosure,
    /// Nothing: it is no secret, or no record of this plane, or it is a wrapped key.
    Nothing,
    /// The key of records.
    Storage,
}

impl SealedBy {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::AuditBody => Self::AuditStorage,
            Kind::BridgeLabels
            | Kind::DisclosureItem
            | Kind::WindowOneWay
            | Kind::WindowPersons => Self::Disclosure,
            Kind::AuditLeaf
            | Kind::Checkpoint
            | Kind::Contact
            | Kind::DisclosureKey
            | Kind::Group
            | Kind::HighWater
            | Kind::IndexMark
            | Kind::Marker
            | Kind::VaultLease
            | Kind::VaultUsed => Self::Nothing,
            Kind::Access
            | Kind::Aliases
            | Kind::Application
            | Kind::Approval
            | Kind::AuditOf
            | Kind::AuditPerson
            | Kind::AuditPersons
            | Kind::Bridge
            | Kind::BridgeIn
            | Kind::Budget
            | Kind::BudgetPersons
            | Kind::Case
            | Kind::DeliveredIn
            | Kind::Delivery
            | Kind::DeliveryPersons
            | Kind::Delta
            | Kind::Disclosed
            | Kind::DisclosedDelta
            | Kind::Disclosure
            | Kind::EventPointer
            | Kind::IdChange
            | Kind::Link
            | Kind::Order
            | Kind::PendingRestore
            | Kind::PersonFact
            | Kind::Reissue
            | Kind::RightsFact
            | Kind::SerialOrdinal
            | Kind::SerialPin
            | Kind::Tombstone
            | Kind::VaultErasure => Self::Storage,
        }
    }
}

/// Where a record is sealed to: its kind and its key.
pub(super) fn place(kind: Kind, key: &[u8]) -> Place<'_> {
    Place { kind: u16::from(kind.code()), row: key, field: 0 }
}

/// A record in another envelope.
pub(super) struct Replacement {
    key: Key,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl PlaneKeys {
    /// What seals the records of a kind; nothing where no key of the key file does.
    fn sealing(&self, kind: Kind) -> Option<&StorageKeys> {
        match SealedBy::of(kind) {
            SealedBy::AuditStorage => Some(&self.keyring().registers().audit.storage),
            SealedBy::Storage => Some(self.storage()),
            SealedBy::Disclosure | SealedBy::Nothing => None,
        }
    }

    fn is_older(&self, kind: Kind, value: &[u8]) -> bool {
        self.sealing(kind).is_some_and(|keys| keys.is_older(value))
    }
}

impl Registers {
    /// Whether there are keys that may have sealed something and seal no more.
    #[must_use]
    pub fn has_older_keys(&self) -> bool {
        self.keys.storage().has_older() || self.keys.keyring().registers().audit.storage.has_older()
    }

    /// How many records older keys have sealed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn older_count(&self) -> Result<u64, Error> {
        let is_older = |kind, _: &Key, value: &[u8]| self.keys.is_older(kind, value);
        Ok(resealing::count(self.store.as_ref(), &is_older)?)
    }

    /// Seals anew what older keys have sealed of the piece that begins at a key; durable when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`]; [`Error::Crypto`] when the active key has sealed all it may; [`Error::Store`].
    pub fn reseal_piece(&self, from: Option<Key>) -> Result<Resealed, Error> {
        let is_older = |kind, _: &Key, value: &[u8]| self.keys.is_older(kind, value);
        let piece = resealing::piece(self.store.as_ref(), from, &is_older)?;
        let mut resealed = Resealed { next: piece.next, ..Resealed::default() };
        let mut replacements = Vec::with_capacity(piece.records.len());
        for (kind, key, before) in piece.records {
            let Some(keys) = self.keys.sealing(kind) else { continue };
            match keys.reseal(&self.entropy, &place(kind, key.as_bytes()), &before) {
                Ok(after) => replacements.push(Replacement { key, before, after }),
                Err(crypto::Error::Open) => resealed.damaged += 1,
                Err(error) => return Err(error.into()),
            }
        }
        resealed.records = replacements.len() as u64;
        if !replacements.is_empty() {
            let (done, waiting) = sync_channel(1);
            self.send(Command::Replace { replacements, done });
            waiting.recv().map_err(|_| Error::Failed)?;
        }
        Ok(resealed)
    }
}

impl Replacement {
    /// Puts itself in the place of what it was made from, if that still stands.
    fn stage(self, store: &dyn Store, batch: &mut Batch) -> Result<(), Error> {
        if store.get(&self.key)?.is_some_and(|now| now == self.before) {
            batch.put(self.key, self.after);
        }
        Ok(())
    }
}

impl Recorder {
    /// Puts records in the place of what they were made from, where that still stands.
    pub(super) fn stage_replacements(
        &self,
        replacements: Vec<Replacement>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        replacements.into_iter().try_for_each(|one| one.stage(self.store.as_ref(), batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Durability;
    use crate::store::memory::MemoryStore;

    /// What stands under a key after a record was sealed anew that was read as `read`.
    fn after(stands: Option<&[u8]>, read: &[u8]) -> Option<Vec<u8>> {
        let (store, key) = (MemoryStore::default(), Key::delta(1, 5));
        let commit = |batch| store.commit("test", batch, Durability::Synced).unwrap();
        let mut batch = Batch::new();
        if let Some(stands) = stands {
            batch.put(key, stands.to_vec());
        }
        commit(batch);
        let mut batch = Batch::new();
        let replacement = Replacement { key, before: read.to_vec(), after: b"anew".to_vec() };
        replacement.stage(&store, &mut batch).unwrap();
        commit(batch);
        store.get(&key).unwrap()
    }

    #[test]
    fn what_was_written_or_removed_since_it_was_read_stays_so() {
        assert_eq!(after(Some(b"read"), b"read").unwrap(), b"anew");
        assert_eq!(after(Some(b"written"), b"read").unwrap(), b"written");
        assert_eq!(after(None, b"read"), None);
    }
}
