//! Records of the register plane that other parts of the program own: sealed, read, put back.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use zeroize::Zeroizing;

#[cfg(test)]
use super::DeliveryRecord;
use super::disclosed::disclosures_of;
use super::tombstone::date;
use super::{Error, Membership, Ordinals, Registers, Share, delivery};
use crate::crypto::Place;
use crate::store::keys::{Key, Kind};
use crate::store::{self, Step};
use crate::vault::PersonNo;

/// A record, opened, under its key.
pub type OpenedRecord = (Key, Zeroizing<Vec<u8>>);

/// What a delivery reported about, and when it was stored last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredPeriod {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// When.
    pub at: Timestamp,
}

impl Registers {
    /// Seals a record of this plane for its place.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn seal_record(&self, key: &Key, plain: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.keys.storage().seal(&self.entropy, &record_place(key), plain)?)
    }

    /// Every record of a kind, opened, in the order of their keys.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn records(&self, kind: Kind) -> Result<Vec<OpenedRecord>, Error> {
        let (mut found, mut failure) = (Vec::new(), None);
        self.store.scan(Key::all(kind), &mut |bytes, value| {
            let (_, key) = Key::parse(bytes)?;
            match self.keys.storage().open(&record_place(&key), value) {
                Ok(plain) => found.push((key, plain)),
                Err(_) => failure = Some(Error::Damaged { what: kind.name() }),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(found), Err)
    }

    /// Opens records of a range, in the order of their keys, until `visit` says stop.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn each_record(
        &self,
        range: Range<Key>,
        mut visit: impl FnMut(&Key, &[u8]) -> Result<Step, store::Error>,
    ) -> Result<(), Error> {
        let mut failure = None;
        self.store.scan(range, &mut |bytes, value| {
            let (kind, key) = Key::parse(bytes)?;
            let Ok(plain) = self.keys.storage().open(&record_place(&key), value) else {
                failure = Some(Error::Damaged { what: kind.name() });
                return Ok(Step::Stop);
            };
            visit(&key, &plain)
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// What stands under a key of this plane, as it is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn stored(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.store.get(key)?)
    }

    /// Everything of a kind, as it is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn stored_all(&self, range: Range<Key>) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let mut found = Vec::new();
        self.store.scan(range, &mut |bytes, value| {
            found.push((Key::parse(bytes)?.1, value.to_vec()));
            Ok(Step::Continue)
        })?;
        Ok(found)
    }

    /// The persons of a disclosure, of one partition. `persons_end` is above every number of the partition in use.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn membership(
        &self,
        disclosure: [u8; 16],
        persons: (u16, Share),
        persons_end: u64,
    ) -> Result<Membership, Error> {
        Membership::load(self.store.as_ref(), &self.keys, disclosure, persons, persons_end)
    }

    /// The ordinals of the disclosures of one key, by the first of them; so many there can be.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn ordinals(&self, first: [u8; 16], capacity: u64) -> Result<Ordinals, Error> {
        Ordinals::load((self.store.as_ref(), &self.keys), first, capacity)
    }

    /// The disclosures that a person of a partition is in; `is_own` says whether a disclosure's own
    /// partition is that one.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn disclosures_of(
        &self,
        person: (u16, PersonNo),
        is_own: impl Fn([u8; 16]) -> bool,
    ) -> Result<Vec<[u8; 16]>, Error> {
        disclosures_of((self.store.as_ref(), &self.keys), person, is_own)
    }

    /// What the deliveries to a register reported about; those that say no days are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn delivered_periods(&self, register: &str) -> Result<Vec<DeliveredPeriod>, Error> {
        let (mut found, mut failure) = (Vec::new(), None);
        self.store.scan(Key::all(Kind::Delivery), &mut |key, value| {
            match delivery::open_record(&self.keys, key, value) {
                Ok(one) if one.register == register => {
                    let days = date(one.period_from).zip(date(one.period_to));
                    let period = days.zip(one.written.parse().ok());
                    found.extend(period.map(|((from, to), at)| DeliveredPeriod { from, to, at }));
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(found), Err)
    }

    /// When a delivery of a source to a register that assigned, or may have, was last stored; all
    /// deliveries are, also look-ups, which have nobody new.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn last_ingest(&self, register: &str, source: &str) -> Result<Option<Timestamp>, Error> {
        let (mut last, mut failure) = (None, None);
        self.store.scan(Key::all(Kind::Delivery), &mut |key, value| {
            match delivery::open_record(&self.keys, key, value) {
                Ok(one) if one.register == register && one.source == source && one.persons > 0 => {
                    last = last.max(one.written.parse().ok());
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(last), Err)
    }

    /// Stored deliveries with their persons.
    #[cfg(test)]
    pub(crate) fn deliveries(&self) -> Result<Vec<(DeliveryRecord, Vec<PersonNo>)>, Error> {
        let mut records = Vec::new();
        self.store.scan(Key::all(Kind::Delivery), &mut |key, value| {
            records.push((key.to_vec(), value.to_vec()));
            Ok(Step::Continue)
        })?;
        let mut found = Vec::new();
        for (key, value) in records {
            let record = delivery::open_record(&self.keys, &key, &value)?;
            let id = key.last_chunk().copied().ok_or(Error::Damaged { what: "delivery" })?;
            let (mut persons, mut failure) = (Vec::new(), None);
            self.store.scan(Key::delivery_parts(id), &mut |key, value| {
                match delivery::open_persons(&self.keys, key, value) {
                    Ok(part) => persons.extend(part),
                    Err(error) => failure = Some(error),
                }
                Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
            })?;
            failure.map_or(Ok(()), Err)?;
            found.push((record, persons));
        }
        Ok(found)
    }
}

/// Where a record that is sealed whole stands: its table is the kind byte of its key.
pub(super) fn record_place(key: &Key) -> Place<'_> {
    let kind = key.as_bytes().first().copied().map_or(0, u16::from);
    Place { kind, row: key.as_bytes(), field: 0 }
}
