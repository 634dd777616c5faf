//! Who register IDs are of: for disclosures, which bring IDs and get serials.

use std::sync::PoisonError;

use super::answer::RowCode;
use super::column::Standing;
use super::delta::{self, Stored};
use super::inverse::Inverse;
use super::persons::PersonSet;
use super::{Error, Members, Registers};
use crate::ident::{RegisterId, RegisterIdError, Reject};
use crate::store::Step;
use crate::store::keys::Key;
use crate::vault::PersonNo;

impl Registers {
    /// The persons that register IDs are of, row by row, or why there is none: what is no ID, what
    /// decrypts to nobody, or an ID that was erased, or replaced under protection, is `unknown` or
    /// refused; a person who is not to be told about is `suppressed`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`], [`Error::Store`].
    pub fn identify(
        &self,
        register: u16,
        ids: &[u64],
    ) -> Result<Vec<Result<PersonNo, RowCode>>, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        self.make_inverse(register, members)?;
        let mut rows: Vec<Result<u64, RowCode>> = Vec::with_capacity(ids.len());
        let mut by_epoch: Vec<(u8, Vec<usize>, Vec<u64>)> = Vec::new();
        for (row, id) in ids.iter().enumerate() {
            let parsed = RegisterId::try_from_u64(*id).map_err(reject);
            rows.push(parsed.map(|_| 0));
            let Ok((epoch, body)) = parsed.map(RegisterId::parts) else { continue };
            let epoch = epoch.get();
            let place = by_epoch.iter().position(|(one, ..)| *one == epoch);
            let place = place.unwrap_or_else(|| {
                by_epoch.push((epoch, Vec::new(), Vec::new()));
                by_epoch.len() - 1
            });
            by_epoch[place].1.push(row);
            by_epoch[place].2.push(body);
        }
        for (epoch, places, mut bodies) in by_epoch {
            let known = self.keys.decrypt_ids(register, epoch, &mut bodies)?;
            for (row, number) in places.into_iter().zip(bodies) {
                rows[row] = if known { Ok(number) } else { Err(RowCode::Unknown) };
            }
        }
        let inverse = members.inverse.read().unwrap_or_else(PoisonError::into_inner);
        let former = members.former.read().unwrap_or_else(PoisonError::into_inner);
        let held = members.column.hold();
        let cells = held.cells();
        let found = rows.into_iter().zip(ids).map(|(row, id)| {
            let person = inverse.as_ref().and_then(|inverse| inverse.person(row.ok()?));
            let person = person.ok_or_else(|| row.err().unwrap_or(RowCode::Unknown))?;
            match cells.standing(person) {
                Standing::Member(current) | Standing::Tombstoned(current) if current == *id => {
                    Ok(person)
                }
                Standing::Suppressed => Err(RowCode::Suppressed),
                // A file that was made before the ID was issued anew has the old one.
                _ if former.shown_person(*id) == Some(person) => Ok(person),
                Standing::Member(_) | Standing::NotMember | Standing::Tombstoned(_) => {
                    Err(RowCode::Unknown)
                }
            }
        });
        Ok(found.collect())
    }

    /// Makes ready to find persons by their IDs, which takes a scan of the register the first time.  For
    /// who holds neither links nor rights: whoever changes them would wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`], [`Error::Store`].
    pub fn make_ready_to_identify(&self, register: u16) -> Result<(), Error> {
        self.make_inverse(register, self.members.get(&register).ok_or(Error::NoRegister)?)
    }

    #[cfg(test)]
    pub(crate) fn has_inverse(&self, register: u16) -> bool {
        let inverse = self.members[&register].inverse.read();
        inverse.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Makes a register's inverse, unless it is there. Commits of the register wait meanwhile.
    fn make_inverse(&self, register: u16, members: &Members) -> Result<(), Error> {
        if members.inverse.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut slot = members.inverse.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Ok(());
        }
        // Whoever joined with a commit that has ended is in a delta; who joins with a later one is
        // noted by the recorder, which waits for this lock.
        let mut inverse = Inverse::default();
        self.each_stored(register, |person, stored| {
            if let Stored::Member(number) = stored {
                inverse.set(number, person);
            }
        })?;
        *slot = Some(inverse);
        Ok(())
    }

    /// Everybody of whom a register has, or had, something.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn ever_members(&self, register: u16) -> Result<PersonSet, Error> {
        let mut persons = PersonSet::default();
        self.each_stored(register, |person, _| persons.extend(&[person]))?;
        Ok(persons)
    }

    fn each_stored(
        &self,
        register: u16,
        mut each: impl FnMut(PersonNo, Stored),
    ) -> Result<(), Error> {
        let mut failure = None;
        self.store.scan(Key::deltas(register), &mut |key, value| {
            match delta::decode(self.keys.storage(), key, value) {
                Ok(entries) => entries.into_iter().for_each(|(person, one)| each(person, one)),
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)
    }
}

fn reject(error: RegisterIdError) -> RowCode {
    RowCode::Rejected(match error {
        RegisterIdError::CheckDigit => Reject::CheckDigits,
        RegisterIdError::Format => Reject::Format,
    })
}
