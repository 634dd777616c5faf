//! One principal in one register: whom it was told about, and what it has left.
//!
//! ```text
//! told     durable: read by every batch, one bit a row
//! counted  told, and whoever is counted by a batch that is still on its way to the disk
//! held     promised to identifiers that the vault is giving persons; settled when it has
//! ```
//!
//! INVARIANT: who is told about is counted, and who is in `told` is in a committed record.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use super::bits::PersonBits;
use super::purse::{Level, NewGrant, Purse, Terms};
use super::record::{self, AccountRecord};
use crate::config::budgets::Budget;
use crate::crypto::{Entropy, StorageKeys};
use crate::registers::Error;
use crate::store::Batch;
use crate::store::keys::Key;
use crate::vault::PersonNo;

/// What a delivery does with numbers that nobody is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Gives them persons.
    Assign,
    /// Looks only.
    LookUp,
}

impl Asking {
    /// What an answer may cost besides a person.
    const fn other(self) -> Budget {
        match self {
            Self::Assign => Budget::Assignments,
            Self::LookUp => Budget::Misses,
        }
    }
}

/// A row whose person, if it has one, the account was not told about.
#[derive(Clone, Copy, Debug)]
pub struct FreshRow {
    /// The row.
    pub row: u32,
    /// Whom it is about.
    pub about: About,
}

/// Whom a fresh row is about.
#[derive(Clone, Copy, Debug)]
pub enum About {
    /// Somebody known who is not in the register yet.
    Joining(PersonNo),
    /// An identifier that nobody is known by, and that will get a person.
    New,
    /// Nobody, which a look-up says.
    Nobody,
    /// Somebody.
    Person(PersonNo),
    /// The identifier of an earlier row of the batch, which is [`About::New`].
    Repeat(u32),
}

impl About {
    /// Whether nobody was known by the identifier.
    #[must_use]
    pub const fn is_unseen(self) -> bool {
        matches!(self, Self::New | Self::Nobody | Self::Repeat(_))
    }
}

/// Whether rows with the same new identifier are told as [`About::Repeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// They are.
    Told,
    /// Each counts as a person; enough where that fits.
    Untold,
}

/// Which rows of a batch may be answered.
#[must_use = "what is admitted has been counted"]
pub struct Admission {
    /// Rows that are refused, ascending.
    pub refused: Vec<u32>,
    /// Known persons whom the answer tells about.
    pub told: Vec<PersonNo>,
    /// What is promised to new identifiers.
    pub hold: Hold,
}

/// What an answer has spent: recorded with it.
pub struct Spending {
    /// Whose.
    pub account: Arc<Account>,
    /// Persons whom the answer tells about and who were not in the account's durable set.
    pub told: Vec<PersonNo>,
}

/// An account.
pub struct Account {
    id: u32,
    principal: String,
    register: u16,
    told: RwLock<PersonBits>,
    state: Mutex<State>,
    settled: Condvar,
}

struct State {
    purse: Purse,
    counted: PersonBits,
    persons_ever: u64,
    first_sequence: u64,
    next_sequence: u64,
    writes: u64,
}

impl Account {
    /// An account that has spent nothing.
    pub(super) fn new(id: u32, principal: &str, register: u16) -> Self {
        let record = AccountRecord {
            principal: principal.to_owned(),
            register,
            purse: Purse::new(),
            persons_ever: 0,
            first_sequence: 0,
            next_sequence: 0,
            writes: 0,
        };
        Self::stored(id, record, &[])
    }

    /// An account as it was stored.
    pub(super) fn stored(id: u32, record: AccountRecord, persons: &[PersonNo]) -> Self {
        let (mut told, mut counted) = (PersonBits::default(), PersonBits::default());
        for person in persons {
            told.insert(*person);
            counted.insert(*person);
        }
        let state = State {
            purse: record.purse,
            counted,
            persons_ever: record.persons_ever,
            first_sequence: record.first_sequence,
            next_sequence: record.next_sequence,
            writes: record.writes,
        };
        Self {
            id,
            principal: record.principal,
            register: record.register,
            told: RwLock::new(told),
            state: Mutex::new(state),
            settled: Condvar::new(),
        }
    }

    /// The account's number.
    pub(in crate::registers) const fn id(&self) -> u32 {
        self.id
    }

    /// Whose it is.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Number of the register.
    pub const fn register(&self) -> u16 {
        self.register
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows whose person the account was not told about, or that have none; ascending.
    pub fn fresh_rows(&self, persons: &[Option<PersonNo>]) -> Vec<u32> {
        self.told.read().unwrap_or_else(PoisonError::into_inner).rows_without(persons)
    }

    /// Decides, row by row, which fresh rows may be answered, and counts them. A row is refused, be
    /// it about somebody or nobody, once a budget that its answer *might* need is spent.
    ///
    /// `None`: it does not fit, but that is not certain; look again, with [`Repeats::Told`]. This has
    /// waited then, if others hold what they may not need.
    pub fn admit(
        self: &Arc<Self>,
        asking: Asking,
        terms: &Terms,
        fresh: &[FreshRow],
        repeats: Repeats,
    ) -> Option<Admission> {
        let mut state = self.state();
        state.purse.come_to(terms);
        let other = asking.other();
        let mut tally = Tally {
            persons_left: state.purse.left(Budget::Persons, terms),
            other_left: state.purse.left(other, terms),
            ..Tally::default()
        };
        fresh.iter().for_each(|row| tally.take(&mut state.counted, row));
        let is_certain = state.purse.held == 0 && (repeats == Repeats::Told || tally.new == 0);
        if !tally.refused.is_empty() && !is_certain {
            tally.counted.iter().for_each(|person| state.counted.remove(*person));
            if state.purse.held > 0 {
                drop(self.settled.wait(state).unwrap_or_else(PoisonError::into_inner));
            }
            return None;
        }
        state.purse.spend(Budget::Persons, tally.counted.len() as u64);
        state.purse.spend(other, tally.other);
        state.purse.held = state.purse.held.saturating_add(tally.new);
        let hold = Hold { account: Arc::clone(self), count: tally.new };
        Some(Admission { refused: tally.refused, told: tally.told, hold })
    }

    /// How much of a budget is spent.
    pub fn level(&self, budget: Budget, terms: &Terms) -> Level {
        let mut state = self.state();
        state.purse.come_to(terms);
        state.purse.level(budget, terms)
    }

    /// The first budget that is spent, of those that such a delivery needs.
    pub fn spent(&self, asking: Asking, terms: &Terms) -> Option<Level> {
        let needed = [Budget::Persons, asking.other()].into_iter();
        needed.map(|budget| self.level(budget, terms)).find(|level| level.left() == 0)
    }

    /// Persons that the account was told about, ever.
    pub fn persons_ever(&self) -> u64 {
        self.state().persons_ever
    }

    /// Adds a grant, which counts at once; it is durable with the next commit of the account.
    pub(in crate::registers) fn grant(&self, grant: NewGrant) {
        self.state().purse.grant(grant);
    }

    /// Writes what is spent by now, and who was told about, into a commit's batch. Leaves in `told`
    /// those who are new, each once.
    pub(super) fn stage(
        &self,
        keys: &StorageKeys,
        entropy: &Entropy,
        told: &mut Vec<PersonNo>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let durable = self.told.read().unwrap_or_else(PoisonError::into_inner);
        told.retain(|person| !durable.contains(*person));
        drop(durable);
        told.sort_unstable();
        told.dedup();
        if !told.is_empty() {
            // Only the recorder counts sequences, so nobody waits while the set is sealed.
            let key = Key::budget_persons(self.id, self.state().next_sequence);
            batch.insert(key, record::seal_persons(keys, entropy, &key, told)?);
        }
        let mut state = self.state();
        state.next_sequence += u64::from(!told.is_empty());
        state.persons_ever += told.len() as u64;
        state.writes += 1;
        let key = Key::budget(self.id);
        batch.put(key, self.record(&state).seal(keys, entropy, &key)?);
        Ok(())
    }

    fn record(&self, state: &State) -> AccountRecord {
        AccountRecord {
            principal: self.principal.clone(),
            register: self.register,
            purse: state.purse.clone(),
            persons_ever: state.persons_ever,
            first_sequence: state.first_sequence,
            next_sequence: state.next_sequence,
            writes: state.writes,
        }
    }

    /// Shows who is durably told about, after the commit.
    pub(super) fn publish(&self, told: &[PersonNo]) {
        if told.is_empty() {
            return;
        }
        let mut durable = self.told.write().unwrap_or_else(PoisonError::into_inner);
        for person in told {
            durable.insert(*person);
        }
    }
}

/// What has been decided of a batch so far.
#[derive(Default)]
struct Tally {
    persons_left: u64,
    other_left: u64,
    refused: Vec<u32>,
    told: Vec<PersonNo>,
    /// Persons of `told` who were not counted before.
    counted: Vec<PersonNo>,
    /// Misses, or known persons who join.
    other: u64,
    new: u64,
}

impl Tally {
    fn take(&mut self, counted: &mut PersonBits, FreshRow { row, about }: &FreshRow) {
        if self.is_free(counted, about) {
            if let About::Joining(person) | About::Person(person) = about {
                self.told.push(*person);
            }
            return;
        }
        let is_refused = match about {
            About::Repeat(first) => self.refused.binary_search(first).is_ok(),
            _ => self.persons_left == 0 || self.other_left == 0,
        };
        if is_refused {
            return self.refused.push(*row);
        }
        match about {
            About::Joining(person) | About::Person(person) => {
                counted.insert(*person);
                self.counted.push(*person);
                self.told.push(*person);
                self.persons_left -= 1;
                if matches!(about, About::Joining(_)) {
                    self.other += 1;
                    self.other_left -= 1;
                }
            }
            About::New => {
                self.new += 1;
                self.persons_left -= 1;
                self.other_left -= 1;
            }
            About::Nobody => {
                self.other += 1;
                self.other_left -= 1;
            }
            About::Repeat(_) => {}
        }
    }

    /// Whether somebody was counted already: by another batch, or by an earlier row.
    fn is_free(&self, counted: &PersonBits, about: &About) -> bool {
        match about {
            About::Joining(person) | About::Person(person) => counted.contains(*person),
            About::New | About::Nobody | About::Repeat(_) => false,
        }
    }
}

/// What is promised to new identifiers until they have persons; given back when it is dropped.
pub struct Hold {
    account: Arc<Account>,
    count: u64,
}

impl Hold {
    /// Counts the persons that the identifiers got, each once, and gives back what is left over.
    pub fn settle(self, persons: &[PersonNo]) {
        let mut state = self.account.state();
        let is_new = |person: &&PersonNo| state.counted.insert(**person);
        let count = persons.iter().filter(is_new).count() as u64;
        state.purse.spend(Budget::Persons, count);
        state.purse.spend(Budget::Assignments, count);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.count > 0 {
            let mut state = self.account.state();
            state.purse.held = state.purse.held.saturating_sub(self.count);
            drop(state);
            self.account.settled.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
