//! Persons who leave: a register, with one commit, or the vault, for good.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use zeroize::Zeroizing;

use super::column::Standing;
use super::delta::{self, Stored};
use super::joining::Joins;
use super::keys::PlaneKeys;
use super::links::{Graph, Reach};
use super::numbers::Numbers;
use super::rights::Afterwards;
use super::{Error, Members, Registers, Write};
use crate::crypto::Entropy;
use crate::store::Batch;
use crate::store::keys::{Key, Kind};
use crate::vault::PersonNo;

const VERSION: u8 = 1;
const VERSION_CONTACTS: u8 = 2;

/// Persons whose past in a register ends with a commit.
pub(super) struct Leaving {
    pub(super) register: u16,
    /// Whose, and whether they have an ID.
    pub(super) persons: Vec<(PersonNo, u64)>,
    pub(super) ids: Afterwards,
    /// Whom a tombstone is looked up for from now on.
    pub(super) marked: Vec<PersonNo>,
}

impl Leaving {
    /// Whoever was to join before this was decided has joined before it was decided.
    pub(super) fn assert_nobody_joins(&self, joins: &Joins) {
        let is_joining = |(person, _): &(PersonNo, u64)| joins.has(self.register, *person);
        assert!(!self.persons.iter().any(is_joining), "a past that ends is known when it does");
    }

    /// Writes the delta, after those of persons who join with the same commit.
    pub(super) fn stage(
        &self,
        numbers: &mut BTreeMap<u16, Numbers>,
        keys: &PlaneKeys,
        entropy: &Entropy,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if self.ids == Afterwards::Stays {
            return Ok(());
        }
        let numbers = numbers.get_mut(&self.register).ok_or(Error::NoRegister)?;
        let key = Key::delta(self.register, numbers.next_delta());
        let had_id = self.persons.iter().filter(|(_, id)| *id != 0);
        let entries: Vec<_> = had_id.map(|(person, _)| (*person, Stored::Erased)).collect();
        batch.insert(key, delta::encode(keys.storage(), entropy, &key, entries)?);
        Ok(())
    }

    /// Shows it, after the commit.
    pub(super) fn publish(&self, members: &BTreeMap<u16, Arc<Members>>) {
        let Some(members) = members.get(&self.register) else { return };
        let persons: Vec<PersonNo> = self.persons.iter().map(|(person, _)| *person).collect();
        members.column.mark(&self.marked);
        if self.ids == Afterwards::Ends {
            let held = members.column.hold();
            let cells = held.cells();
            let had_id = persons.iter().filter(|one| cells.standing(**one).id().is_some());
            let count = had_id.count() as u64;
            drop(held);
            let cells: Vec<_> = persons.iter().map(|one| (*one, Standing::NotMember)).collect();
            members.column.publish(&cells);
            members.count.fetch_sub(count, Ordering::AcqRel);
            let mut former = members.former.write().unwrap_or_else(PoisonError::into_inner);
            persons.iter().for_each(|person| former.end(*person));
        }
    }
}

impl Members {
    /// Marks the cells of whoever among these persons is one with somebody of whom there is a tombstone,
    /// under every leaf.  A mark that is left after a split costs a look and does nothing.
    pub(super) fn mark_tombstoned<'a>(
        &self,
        graph: Option<&Graph>,
        whom: impl IntoIterator<Item = &'a PersonNo>,
    ) {
        let tombstoned = self.rights.tombstoned();
        if tombstoned.is_empty() {
            return;
        }
        for person in whom {
            let one = || vec![*person];
            let leaves = graph.map_or_else(one, |graph| graph.leaves_of(*person, Reach::All));
            if leaves.iter().any(|leaf| tombstoned.contains(leaf)) {
                self.column.mark(&leaves);
            }
        }
    }
}

/// Persons whom the vault is about to forget, or has forgotten since the plane was opened: no register
/// takes them in, although a batch may still know their numbers.
#[derive(Default)]
pub(super) struct Forgotten(RwLock<HashSet<(u16, PersonNo)>>);

impl Forgotten {
    /// Held once for all who join with a commit; nothing if there is nobody.
    pub(super) fn hold(&self) -> Option<RwLockReadGuard<'_, HashSet<(u16, PersonNo)>>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (!held.is_empty()).then_some(held)
    }

    fn contains(&self, partition: u16, person: PersonNo) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&(partition, person))
    }
}

/// `01 ‖ person number (5)*`, or for what one register has `02 ‖ register u16 ‖ person number (5)*`.
fn plaintext(what: ToForget, persons: &[PersonNo]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(3 + 5 * persons.len()));
    match what {
        ToForget::Everything => plain.push(VERSION),
        ToForget::Contacts { register } => {
            plain.push(VERSION_CONTACTS);
            plain.extend_from_slice(&register.to_be_bytes());
        }
    }
    persons.iter().for_each(|one| plain.extend_from_slice(&one.number().to_be_bytes()[3..]));
    plain
}

fn read(plain: &[u8]) -> Option<(ToForget, Vec<PersonNo>)> {
    let (version, rest) = plain.split_first()?;
    let (what, rest) = match *version {
        VERSION => (ToForget::Everything, rest),
        VERSION_CONTACTS => {
            let (register, rest) = rest.split_first_chunk::<2>()?;
            (ToForget::Contacts { register: u16::from_be_bytes(*register) }, rest)
        }
        _ => return None,
    };
    let (persons, []) = rest.as_chunks::<5>() else { return None };
    let number = |[p0, p1, p2, p3, p4]: [u8; 5]| u64::from_be_bytes([0, 0, 0, p0, p1, p2, p3, p4]);
    let persons: Option<_> =
        persons.iter().map(|bytes| PersonNo::from_number(number(*bytes))).collect();
    Some((what, persons?))
}

/// What of persons the vault is to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToForget {
    /// Name and address, as one register has them.
    Contacts {
        /// Number of the register.
        register: u16,
    },
    /// Everything: tag, identity, and what all registers have.
    Everything,
}

/// Persons whom the vault is to forget, by the record that says so.
pub struct Forgetting {
    /// The record; it is removed when the vault has forgotten them.
    pub key: Key,
    /// The partition of the vault.
    pub partition: u16,
    /// What of them.
    pub what: ToForget,
    /// The persons.
    pub persons: Vec<PersonNo>,
}

impl Registers {
    /// The record that a partition of the vault is to forget persons.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn forgetting(&self, partition: u16, persons: &[PersonNo]) -> Result<Write, Error> {
        // One run at a time: what an earlier one has left is finished before.
        let key = Key::vault_erasure(partition, 0);
        let plain = plaintext(ToForget::Everything, persons);
        Ok(Write::Put(key, self.seal_record(&key, &plain)?))
    }

    /// The record that a partition of the vault is to forget names and addresses of a register, under a
    /// number that no other has: several may be on their way.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`].
    pub fn forgetting_contacts(
        &self,
        (partition, register): (u16, u16),
        number: [u8; 8],
        persons: Vec<PersonNo>,
    ) -> Result<(Write, Forgetting), Error> {
        // 0 is that of whom a run has the vault forget.
        let key = Key::vault_erasure(partition, u64::from_be_bytes(number) | 1);
        let what = ToForget::Contacts { register };
        let sealed = self.seal_record(&key, &plaintext(what, &persons))?;
        Ok((Write::Put(key, sealed), Forgetting { key, partition, what, persons }))
    }

    /// What the vault has been told to forget, and may not have forgotten yet.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Store`].
    pub fn to_forget(&self) -> Result<Vec<Forgetting>, Error> {
        let damaged = || Error::Damaged { what: Kind::VaultErasure.name() };
        let records = self.records(Kind::VaultErasure)?.into_iter().map(|(key, plain)| {
            let partition = key.as_bytes().get(1..3).and_then(|bytes| bytes.try_into().ok());
            let partition = u16::from_be_bytes(partition.ok_or_else(damaged)?);
            let (what, persons) = read(&plain).ok_or_else(damaged)?;
            Ok(Forgetting { key, partition, what, persons })
        });
        records.collect()
    }

    /// Keeps out whom the vault is still to forget, whatever comes of that: before anybody is answered.
    pub(super) fn keep_out_forgotten(self) -> Result<Self, Error> {
        for Forgetting { partition, what, persons, .. } in self.to_forget()? {
            if what != ToForget::Everything {
                continue;
            }
            let persons: Vec<_> = persons.into_iter().map(|person| (partition, person)).collect();
            self.forget(&persons);
        }
        Ok(self)
    }

    /// Keeps persons out of every register, from the next commit on.
    pub fn forget(&self, persons: &[(u16, PersonNo)]) {
        self.forgotten.0.write().unwrap_or_else(PoisonError::into_inner).extend(persons);
    }

    /// Lets persons in again whom the vault keeps after all.
    pub fn remember(&self, persons: &[(u16, PersonNo)]) {
        let mut forgotten = self.forgotten.0.write().unwrap_or_else(PoisonError::into_inner);
        forgotten.retain(|one| !persons.contains(one));
    }

    /// Whether the vault is about to forget a person.
    pub fn is_forgotten(&self, partition: u16, person: PersonNo) -> bool {
        self.forgotten.contains(partition, person)
    }

    /// The ID that a person has in a register now.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn id_of(&self, register: u16, person: PersonNo) -> Result<Option<u64>, Error> {
        Ok(self.hold(register)?.cells().standing(person).id())
    }

    /// The register numbers that IDs of a register are made of; `None` for what is no ID of its keys.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`].
    pub fn number_of(&self, register: u16, id: u64) -> Result<Option<u64>, Error> {
        let Ok(parsed) = crate::ident::RegisterId::try_from_u64(id) else { return Ok(None) };
        let (epoch, body) = parsed.parts();
        let mut bodies = [body];
        let known = self.keys.decrypt_ids(register, epoch.get(), &mut bodies)?;
        Ok(known.then_some(bodies[0]))
    }

    /// The IDs of register numbers, under the key of today.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`].
    pub fn ids_of_numbers(&self, register: u16, numbers: Vec<u64>) -> Result<Vec<u64>, Error> {
        self.keys.derive_ids(register, numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_the_vault_is_to_forget_is_the_golden_bytes() {
        let persons = [1, 0x01_0203_0405].map(|number| PersonNo::from_number(number).unwrap());
        let plain = plaintext(ToForget::Everything, &persons);
        assert_eq!(plain.as_slice(), [1, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5]);
        assert_eq!(read(&plain).unwrap(), (ToForget::Everything, persons.to_vec()));
        let what = ToForget::Contacts { register: 4 };
        let plain = plaintext(what, &persons);
        assert_eq!(plain.as_slice(), [2, 0, 4, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5]);
        assert_eq!(read(&plain).unwrap(), (what, persons.to_vec()));
        for bad in [&[][..], &[3], &[2, 0], &[1, 0, 0], &[1, 255, 255, 255, 255, 255]] {
            assert!(read(bad).is_none());
        }
    }
}
