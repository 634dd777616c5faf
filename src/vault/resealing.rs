//! Seals anew what older keys of the vault have sealed, while it serves: tags, identities, names and
//! addresses.
//!
//! Records are rewritten by whoever holds the partition's lock, as for an erasure, so that nobody who
//! is erased comes back; new persons are written without it and wait for nothing.
//!
//! INVARIANT: what is sealed anew is what stands there while the lock is held.
//!
//! What it does *not* touch: what the engine still has of earlier values, until it merges them.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::partition::Partition;
use super::{Error, Vault, contacts, group};
use crate::crypto::StorageKeys;
use crate::store::keys::{Key, Kind};
use crate::store::resealing::{self, Resealed};
use crate::store::{Batch, Durability};

impl Vault {
    /// Whether there are keys that may have sealed something and seal no more.
    #[must_use]
    pub fn has_older_keys(&self) -> bool {
        self.partitions.values().any(|partition| {
            let keys = &partition.shared.keys;
            keys.tag_storage().has_older() || keys.identities().is_some_and(StorageKeys::has_older)
        })
    }

    /// How many records older keys have sealed, in part or all.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn older_count(&self) -> Result<u64, Error> {
        let is_older = |kind, key: &Key, value: &[u8]| self.is_older(kind, key, value);
        Ok(resealing::count(self.store.as_ref(), &is_older)?)
    }

    /// Seals anew what older keys have sealed of the piece that begins at a key; durable when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`]; [`Error::Crypto`] when the active key has sealed all it may; [`Error::Store`].
    pub fn reseal_piece(&self, from: Option<Key>) -> Result<Resealed, Error> {
        let is_older = |kind, key: &Key, value: &[u8]| self.is_older(kind, key, value);
        let piece = resealing::piece(self.store.as_ref(), from, &is_older)?;
        let mut resealed = Resealed { next: piece.next, ..Resealed::default() };
        let of = |record: &(Kind, Key, Vec<u8>)| Key::leading_u16(record.1.as_bytes()).ok();
        for records in piece.records.chunk_by(|one, other| of(one) == of(other)) {
            let partition = of(&records[0]).and_then(|number| self.partitions.get(&number));
            let Some(partition) = partition else { continue };
            let keys = records.iter().map(|(kind, key, _)| (*kind, *key));
            self.reseal_records(partition, keys, &mut resealed)?;
        }
        Ok(resealed)
    }

    fn reseal_records(
        &self,
        partition: &Partition,
        records: impl Iterator<Item = (Kind, Key)>,
        resealed: &mut Resealed,
    ) -> Result<(), Error> {
        let shared = &partition.shared;
        let _alone = shared.erasing.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.failed.load(Ordering::Acquire) {
            return Err(Error::Failed);
        }
        let (mut batch, mut count) = (Batch::new(), 0);
        for (kind, key) in records {
            // Removed meanwhile.
            let Some(value) = self.store.get(&key)? else { continue };
            match self.resealed(partition, (kind, &key), &value) {
                Ok(anew) => {
                    count += 1;
                    batch.put(key, anew);
                }
                Err(Error::Damaged { .. }) => resealed.damaged += 1,
                Err(error) => return Err(error),
            }
        }
        if !batch.is_empty() {
            self.store.commit("seal anew", batch, Durability::Synced).inspect_err(|_| {
                shared.failed.store(true, Ordering::Release);
            })?;
        }
        resealed.records += count;
        Ok(())
    }

    fn resealed(
        &self,
        partition: &Partition,
        (kind, key): (Kind, &Key),
        value: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let keys = &partition.shared.keys;
        match kind {
            Kind::Contact => contacts::reseal(keys, &self.entropy, (key, value)),
            _ => {
                let first = Key::trailing_u64(key.as_bytes())?;
                group::reseal(keys, &self.entropy, (first, value))
            }
        }
    }

    fn is_older(&self, kind: Kind, key: &Key, value: &[u8]) -> bool {
        let partition = Key::leading_u16(key.as_bytes()).ok();
        let Some(partition) = partition.and_then(|number| self.partitions.get(&number)) else {
            return false;
        };
        let keys = &partition.shared.keys;
        match kind {
            Kind::Contact => contacts::is_older(keys, value),
            Kind::Group => group::is_older(keys, value),
            _ => false,
        }
    }
}
