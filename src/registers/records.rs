//! Records of the register plane that other parts of the program own: sealed, read, put back.

use std::ops::Range;

use zeroize::Zeroizing;

use super::disclosed::disclosures_of;
use super::{Error, Membership, PersonSet, Registers, Write};
use crate::crypto::Place;
use crate::store::Step;
use crate::store::keys::{Key, Kind};
use crate::vault::PersonNo;

/// A record, opened, under its key.
pub(crate) type OpenedRecord = (Key, Zeroizing<Vec<u8>>);

impl Registers {
    /// Seals a record of this plane for its place.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn seal_record(&self, key: &Key, plain: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.keys.storage().seal(&self.entropy, &record_place(key), plain)?)
    }

    /// What leads from a reference in the audit log to its person.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn seal_reference(&self, reference: [u8; 16], person: PersonNo) -> Result<Write, Error> {
        let key = Key::identified(reference);
        let mut set = PersonSet::default();
        set.extend(&[person]);
        Ok(Write::Put(key, self.seal_record(&key, &set.encode()?)?))
    }

    /// Every record of a kind, opened, in the order of their keys.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub(crate) fn records(&self, kind: Kind) -> Result<Vec<OpenedRecord>, Error> {
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

    /// The persons of a disclosure. `persons_end` is above every number of the partition in use.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn membership(
        &self,
        disclosure: [u8; 16],
        partition: u16,
        persons_end: u64,
    ) -> Result<Membership, Error> {
        Membership::load(self.store.as_ref(), &self.keys, disclosure, partition, persons_end)
    }

    /// The disclosures that a person is in.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn disclosures_of(&self, partition: u16, person: PersonNo) -> Result<Vec<[u8; 16]>, Error> {
        disclosures_of(self.store.as_ref(), &self.keys, partition, person)
    }
}

/// Where a record that is sealed whole stands: its table is the kind byte of its key.
fn record_place(key: &Key) -> Place<'_> {
    let kind = key.as_bytes().first().copied().map_or(0, u16::from);
    Place { kind, row: key.as_bytes(), field: 0 }
}
