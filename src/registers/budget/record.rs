//! What is stored of an account: one record, and the persons it was told about.
//!
//! ```text
//! FORMAT:  Budget ‖ account u32                        envelope of the record below, JSON, UTF-8
//!          BudgetPersons ‖ account u32 ‖ sequence u64  envelope of a set of persons (persons.rs)
//! ```

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::purse::{Counts, Grant, NewGrant, Purse};
use crate::config::budgets::Budget;
use crate::crypto::{Entropy, Place, StorageKeys};
use crate::registers::Error;
use crate::registers::persons::PersonSet;
use crate::store::keys::Key;
use crate::vault::PersonNo;

const VERSION: u32 = 1;
const KIND_RECORD: u16 = 0x50;
const KIND_PERSONS: u16 = 0x51;

/// Everything of an account but its set of persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountRecord {
    pub(super) principal: String,
    pub(super) register: u16,
    pub(super) purse: Purse,
    pub(super) persons_ever: u64,
    pub(super) first_sequence: u64,
    pub(super) next_sequence: u64,
    pub(super) writes: u64,
}

/// Version 1.
#[derive(Serialize, Deserialize)]
struct StoredV1 {
    v: u32,
    principal: String,
    register: u16,
    period: String,
    assignments: u64,
    misses: u64,
    persons: u64,
    persons_ever: u64,
    first_sequence: u64,
    next_sequence: u64,
    writes: u64,
    next_grant: u32,
    grants: Vec<StoredGrantV1>,
}

#[derive(Serialize, Deserialize)]
struct StoredGrantV1 {
    number: u32,
    budget: String,
    amount: u64,
    used: u64,
    until: String,
    reason: String,
    by: String,
    granted: String,
}

fn damaged() -> Error {
    Error::Damaged { what: "budget record" }
}

impl AccountRecord {
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let Purse { period, used, grants, next_grant, .. } = &self.purse;
        let stored = StoredV1 {
            v: VERSION,
            principal: self.principal.clone(),
            register: self.register,
            period: period.to_string(),
            assignments: used.assignments,
            misses: used.misses,
            persons: used.persons,
            persons_ever: self.persons_ever,
            first_sequence: self.first_sequence,
            next_sequence: self.next_sequence,
            writes: self.writes,
            next_grant: *next_grant,
            grants: grants.iter().map(StoredGrantV1::new).collect(),
        };
        serde_json::to_vec(&stored).map_err(|_| damaged())
    }

    pub(super) fn decode(plain: &[u8]) -> Result<Self, Error> {
        let stored: StoredV1 = serde_json::from_slice(plain).map_err(|_| damaged())?;
        if stored.v != VERSION || stored.first_sequence > stored.next_sequence {
            return Err(damaged());
        }
        let used = Counts {
            assignments: stored.assignments,
            misses: stored.misses,
            persons: stored.persons,
        };
        let grants = stored.grants.into_iter().map(StoredGrantV1::read).collect::<Option<_>>();
        let purse = Purse {
            period: stored.period.parse().map_err(|_| damaged())?,
            used,
            grants: grants.ok_or_else(damaged)?,
            next_grant: stored.next_grant,
            held: 0,
        };
        Ok(Self {
            principal: stored.principal,
            register: stored.register,
            purse,
            persons_ever: stored.persons_ever,
            first_sequence: stored.first_sequence,
            next_sequence: stored.next_sequence,
            writes: stored.writes,
        })
    }

    pub(super) fn seal(
        &self,
        keys: &StorageKeys,
        entropy: &Entropy,
        key: &Key,
    ) -> Result<Vec<u8>, Error> {
        let place = Place { kind: KIND_RECORD, row: key.as_bytes(), field: 0 };
        Ok(keys.seal(entropy, &place, &self.encode()?)?)
    }

    pub(super) fn open(keys: &StorageKeys, key: &[u8], value: &[u8]) -> Result<Self, Error> {
        let place = Place { kind: KIND_RECORD, row: key, field: 0 };
        Self::decode(&keys.open(&place, value).map_err(|_| damaged())?)
    }
}

impl StoredGrantV1 {
    fn new(grant: &Grant) -> Self {
        let NewGrant { budget, amount, until, reason, by, granted } = &grant.terms;
        Self {
            number: grant.number,
            budget: budget.as_str().to_owned(),
            amount: *amount,
            used: grant.used,
            until: until.to_string(),
            reason: reason.clone(),
            by: by.clone(),
            granted: granted.to_string(),
        }
    }

    fn read(self) -> Option<Grant> {
        let budget: Budget = self.budget.parse().ok()?;
        let until: Date = self.until.parse().ok()?;
        let granted: Timestamp = self.granted.parse().ok()?;
        let (reason, by) = (self.reason, self.by);
        let terms = NewGrant { budget, amount: self.amount, until, reason, by, granted };
        Some(Grant { number: self.number, used: self.used, terms })
    }
}

/// Seals persons that an account was told about for the first time.
pub(super) fn seal_persons(
    keys: &StorageKeys,
    entropy: &Entropy,
    key: &Key,
    persons: &[PersonNo],
) -> Result<Vec<u8>, Error> {
    let mut set = PersonSet::default();
    set.extend(persons);
    let place = Place { kind: KIND_PERSONS, row: key.as_bytes(), field: 0 };
    Ok(keys.seal(entropy, &place, &set.encode()?)?)
}

/// Opens a stored set of them.
pub(super) fn open_persons(
    keys: &StorageKeys,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<PersonNo>, Error> {
    let place = Place { kind: KIND_PERSONS, row: key, field: 0 };
    let damaged = || Error::Damaged { what: "budget person set" };
    PersonSet::decode(&keys.open(&place, value).map_err(|_| damaged())?)
}

#[cfg(test)]
mod tests;
