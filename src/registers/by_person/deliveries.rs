//! Deliveries by person.
//!
//! FORMAT: docs/FORMATS.md, section "Index of deliveries".

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::super::delivery::{self, DeliveryId, DeliveryRecord};
use super::super::keys::PlaneKeys;
use super::super::persons::PersonSet;
use super::super::records::record_place;
use super::super::{Error, Registers};
use super::{ByPerson, CHUNK_BITS, DELIVERIES, place_of, read_lows};
use crate::crypto::Entropy;
use crate::store::keys::{Key, Kind};
use crate::store::records::{encode_mark, load_mark};
use crate::store::{Batch, Durability, Step};
use crate::vault::PersonNo;

const VERSION: u8 = 0x01;
const WHAT: &str = "index of deliveries";

/// What puts a delivery's persons into the index: `01 ‖ roaring bitmap of the lower 16 bits`, sealed,
/// for each chunk.
pub(in crate::registers) fn stage_delivery(
    keys: &PlaneKeys,
    entropy: &Entropy,
    (partition, id): (u16, DeliveryId),
    persons: &PersonSet,
) -> Result<Vec<(Key, Vec<u8>)>, Error> {
    let mut writes = Vec::new();
    for (chunk, lows) in persons.bitmaps(CHUNK_BITS) {
        let mut plain = Zeroizing::new(vec![VERSION]);
        lows.serialize_into(&mut *plain).map_err(|_| Error::Damaged { what: WHAT })?;
        let key = Key::delivered_in(partition, chunk, id.0);
        writes.push((key, keys.storage().seal(entropy, &record_place(&key), &plain)?));
    }
    Ok(writes)
}

impl ByPerson {
    /// Puts deliveries into the index that a program without one has stored.  What was done before it
    /// was interrupted is done again.
    pub(in crate::registers) fn index_old_deliveries(&self) -> Result<(), Error> {
        if load_mark(self.store.as_ref(), &Key::index_mark(DELIVERIES))? > 0 {
            return Ok(());
        }
        let mut records = Vec::new();
        self.store.scan(Key::all(Kind::Delivery), &mut |bytes, value| {
            records.push((Key::parse(bytes)?.1, value.to_vec()));
            Ok(Step::Continue)
        })?;
        for (key, value) in records {
            let (id, record) = self.open_delivery(&key, &value)?;
            let Some(partition) = self.partition_of(&record.register) else { continue };
            let mut persons = PersonSet::default();
            persons.extend(&self.persons_of_delivery(id)?);
            let mut batch = Batch::new();
            let whose = (partition, id);
            for (key, value) in stage_delivery(&self.keys, &self.entropy, whose, &persons)? {
                batch.put(key, value);
            }
            self.store.commit("index deliveries", batch, Durability::Unsynced)?;
        }
        let mut batch = Batch::new();
        batch.put(Key::index_mark(DELIVERIES), encode_mark(1));
        Ok(self.store.commit("index deliveries", batch, Durability::Synced)?)
    }

    fn persons_of_delivery(&self, id: DeliveryId) -> Result<Vec<PersonNo>, Error> {
        let (mut persons, mut failure) = (Vec::new(), None);
        self.store.scan(Key::delivery_parts(id.0), &mut |key, value| {
            match delivery::open_persons(&self.keys, key, value) {
                Ok(part) => persons.extend(part),
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(persons), Err)
    }

    fn open_delivery(
        &self,
        key: &Key,
        value: &[u8],
    ) -> Result<(DeliveryId, DeliveryRecord), Error> {
        let record = delivery::open_record(&self.keys, key.as_bytes(), value)?;
        let id = key.as_bytes().last_chunk().copied();
        Ok((DeliveryId(id.ok_or(Error::Damaged { what: "delivery" })?), record))
    }

    /// The deliveries that one of these persons of a partition is in.
    fn deliveries_of(
        &self,
        partition: u16,
        persons: &[PersonNo],
    ) -> Result<BTreeSet<[u8; 16]>, Error> {
        let (mut found, mut failure) = (BTreeSet::new(), None);
        for person in persons {
            let (chunk, low) = place_of(*person);
            self.store.scan(Key::deliveries_in(partition, chunk), &mut |bytes, value| {
                let (_, key) = Key::parse(bytes)?;
                match (self.is_among(&key, value, low), bytes.last_chunk()) {
                    (Ok(true), Some(id)) => {
                        found.insert(*id);
                    }
                    (Ok(_), _) => {}
                    (Err(error), _) => failure = Some(error),
                }
                Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
            })?;
        }
        failure.map_or(Ok(found), Err)
    }

    fn is_among(&self, key: &Key, value: &[u8], low: u32) -> Result<bool, Error> {
        let damaged = || Error::Damaged { what: WHAT };
        let plain = self.keys.storage().open(&record_place(key), value).map_err(|_| damaged())?;
        let Some((&VERSION, lows)) = plain.split_first() else { return Err(damaged()) };
        Ok(read_lows(lows, WHAT)?.contains(low))
    }
}

impl Registers {
    /// The deliveries that a person of a partition is in, whose leaves these are, in the order in
    /// which they were opened.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn deliveries_of(
        &self,
        partition: u16,
        leaves: &[PersonNo],
    ) -> Result<Vec<(DeliveryId, DeliveryRecord)>, Error> {
        let mut found = Vec::new();
        for id in self.by_person.deliveries_of(partition, leaves)? {
            let key = Key::delivery(id);
            let stored = self.store.get(&key)?.ok_or(Error::Damaged { what: "delivery" })?;
            found.push(self.by_person.open_delivery(&key, &stored)?);
        }
        found.sort_by(|(_, one), (_, other)| one.opened.cmp(&other.opened));
        Ok(found)
    }
}
