//! All accounts: read when the stores are opened, staged with each commit that spends.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::account::{Account, Spending};
use super::record::{self, AccountRecord};
use crate::crypto::{Entropy, StorageKeys};
use crate::registers::Error;
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Durability, Step, Store};
use crate::vault::PersonNo;

/// Sets of persons above which an account's are folded into one when the stores are opened.
const SETS_MAX: u64 = 256;

/// All accounts.
#[derive(Default)]
pub(in crate::registers) struct Ledger {
    accounts: RwLock<Accounts>,
}

#[derive(Default)]
struct Accounts {
    /// By register, then by principal.
    all: BTreeMap<u16, BTreeMap<String, Arc<Account>>>,
    last_id: u32,
}

impl Ledger {
    /// Reads every account. Gives the number of seals that their records count besides.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when a record or a set is missing, or says otherwise than another.
    pub(in crate::registers) fn load(
        store: &dyn Store,
        keys: &StorageKeys,
        entropy: &Entropy,
    ) -> Result<(Self, u64), Error> {
        let mut records = Vec::new();
        store.scan(Key::all(Kind::Budget), &mut |key, value| {
            records.push((Key::parse(key)?.1, value.to_vec()));
            Ok(Step::Continue)
        })?;
        let (mut accounts, mut seals) = (Accounts::default(), 0);
        for (key, value) in records {
            let mut record = AccountRecord::open(keys, key.as_bytes(), &value)?;
            let id = key.as_bytes().last_chunk().copied().map(u32::from_be_bytes);
            let id = id.ok_or(Error::Damaged { what: "budget record" })?;
            let persons = load_persons(store, keys, id, &record)?;
            if record.next_sequence - record.first_sequence > SETS_MAX {
                fold(store, keys, entropy, (id, &mut record), &persons)?;
            }
            seals += record.writes + record.next_sequence;
            accounts.last_id = accounts.last_id.max(id);
            let principal = record.principal.clone();
            let of_register = accounts.all.entry(record.register).or_default();
            let account = Arc::new(Account::stored(id, record, &persons));
            if of_register.insert(principal, account).is_some() {
                return Err(Error::Damaged { what: "budget record" });
            }
        }
        Ok((Self { accounts: RwLock::new(accounts) }, seals))
    }

    /// The account of a principal in a register; a new one is stored when it first spends.
    pub(in crate::registers) fn account(&self, principal: &str, register: u16) -> Arc<Account> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let found = accounts.all.get(&register).and_then(|all| all.get(principal));
        if let Some(account) = found {
            return Arc::clone(account);
        }
        drop(accounts);
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let Accounts { all, last_id } = &mut *accounts;
        let of_register = all.entry(register).or_default();
        let account = of_register.entry(principal.to_owned()).or_insert_with(|| {
            *last_id += 1;
            Arc::new(Account::new(*last_id, principal, register))
        });
        Arc::clone(account)
    }

    /// All accounts, by register and principal.
    pub(in crate::registers) fn accounts(&self) -> Vec<Arc<Account>> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.all.values().flat_map(BTreeMap::values).map(Arc::clone).collect()
    }
}

/// The accounts that one commit writes.
#[derive(Default)]
pub(in crate::registers) struct Touched(BTreeMap<u32, Spending>);

impl Touched {
    /// Adds what an answer has spent.
    pub(in crate::registers) fn add(&mut self, spending: Spending) {
        let Spending { account, mut told } = spending;
        let empty = || Spending { account: Arc::clone(&account), told: Vec::new() };
        self.0.entry(account.id()).or_insert_with(empty).told.append(&mut told);
    }

    /// Writes each account into the commit's batch.
    pub(in crate::registers) fn stage(
        &mut self,
        keys: &StorageKeys,
        entropy: &Entropy,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut touched = self.0.values_mut();
        touched.try_for_each(|one| one.account.stage(keys, entropy, &mut one.told, batch))
    }

    /// Shows whom the accounts were told about, after the commit.
    pub(in crate::registers) fn publish(&self) {
        self.0.values().for_each(|one| one.account.publish(&one.told));
    }
}

fn load_persons(
    store: &dyn Store,
    keys: &StorageKeys,
    id: u32,
    record: &AccountRecord,
) -> Result<Vec<PersonNo>, Error> {
    let (mut persons, mut next, mut failure) = (Vec::new(), record.first_sequence, None);
    store.scan(Key::budget_sets(id), &mut |key, value| {
        let outcome = if Key::trailing_u64(key)? == next {
            record::open_persons(keys, key, value).map(|set| persons.extend(set))
        } else {
            Err(Error::Damaged { what: "sequence of budget person sets" })
        };
        next += 1;
        failure = outcome.err();
        Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
    })?;
    failure.map_or(Ok(()), Err)?;
    if next != record.next_sequence || persons.len() as u64 != record.persons_ever {
        return Err(Error::Damaged { what: "set of persons of a budget" });
    }
    Ok(persons)
}

/// Writes one set in place of many, so that opening does not take longer with each commit.
fn fold(
    store: &dyn Store,
    keys: &StorageKeys,
    entropy: &Entropy,
    (id, record): (u32, &mut AccountRecord),
    persons: &[PersonNo],
) -> Result<(), Error> {
    let mut batch = Batch::new();
    for sequence in record.first_sequence..record.next_sequence {
        batch.remove(Key::budget_persons(id, sequence));
    }
    let key = Key::budget_persons(id, record.next_sequence);
    batch.insert(key, record::seal_persons(keys, entropy, &key, persons)?);
    record.first_sequence = record.next_sequence;
    record.next_sequence += 1;
    record.writes += 1;
    let key = Key::budget(id);
    batch.put(key, record.seal(keys, entropy, &key)?);
    Ok(store.commit("fold budget persons", batch, Durability::Synced)?)
}

#[cfg(test)]
mod tests;
