use jiff::civil::date;

use super::*;
use crate::config::budgets::{Budget, BudgetLimits, Budgets};
use crate::crypto::{KeyId, SecretBytes, StorageKey};
use crate::registers::budget::{About, Asking, FreshRow, Repeats, Terms};
use crate::store::memory::MemoryStore;

fn keys() -> StorageKeys {
    let secret = SecretBytes::filled(|bytes| bytes.fill(0x42));
    StorageKeys::new(StorageKey::new(KeyId::new(7), &secret), Vec::new())
}

fn terms() -> Terms {
    let limits = BudgetLimits { assignments_max: 9, misses_max: 9, persons_max: 1000 };
    Terms { today: date(2026, 1, 14), budgets: Budgets { period_days: 7, limits } }
}

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

/// Tells an account about persons, and commits that.
fn tell(store: &MemoryStore, account: &Arc<Account>, persons: &[u64]) {
    let fresh = |(number, row): (&u64, u32)| {
        let about = About::Person(person(*number));
        FreshRow { row, about }
    };
    let fresh: Vec<FreshRow> = persons.iter().zip(0..).map(fresh).collect();
    let admission = account.admit(Asking::LookUp, &terms(), &fresh, Repeats::Told).unwrap();
    assert!(admission.refused.is_empty());
    let mut touched = Touched::default();
    touched.add(Spending { account: Arc::clone(account), told: admission.told });
    let mut batch = Batch::new();
    touched.stage(&keys(), &Entropy::os(), &mut batch).unwrap();
    store.commit("test", batch, Durability::Synced).unwrap();
    touched.publish();
}

fn load(store: &MemoryStore) -> Result<(Ledger, u64), Error> {
    Ledger::load(store, &keys(), &Entropy::os())
}

fn count(store: &MemoryStore, kind: Kind) -> usize {
    let mut count = 0;
    let mut each = |_: &[u8], _: &[u8]| {
        count += 1;
        Ok(Step::Continue)
    };
    store.scan(Key::all(kind), &mut each).unwrap();
    count
}

#[test]
fn accounts_come_back_with_whom_they_were_told_about() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    tell(&store, &ledger.account("a", 1), &[1, 2, 3]);
    tell(&store, &ledger.account("a", 1), &[3, 4]);
    tell(&store, &ledger.account("b", 1), &[9]);
    tell(&store, &ledger.account("a", 2), &[1]);
    let (ledger, seals) = load(&store).unwrap();
    assert_eq!(seals, 8, "each commit sealed a record and a set");
    let account = ledger.account("a", 1);
    let asked: Vec<_> = (1..=5).map(|number| Some(person(number))).collect();
    assert_eq!(account.fresh_rows(&asked), [4]);
    assert_eq!(account.level(Budget::Persons, &terms()).used, 4);
    assert_eq!((account.persons_ever(), account.principal(), account.register()), (4, "a", 1));
    let new = ledger.account("c", 1);
    assert_eq!(ledger.accounts().len(), 4);
    assert!(ledger.accounts().iter().filter(|one| one.id() == new.id()).count() == 1);
}

#[test]
fn telling_about_the_same_persons_again_stores_no_set() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    for _ in 0..3 {
        tell(&store, &ledger.account("a", 1), &[1, 2]);
    }
    assert_eq!((count(&store, Kind::Budget), count(&store, Kind::BudgetPersons)), (1, 1));
}

#[test]
fn many_sets_are_folded_into_one_when_they_are_read() {
    let store = MemoryStore::new();
    let account = Ledger::default().account("a", 1);
    let sets = SETS_MAX + 1;
    (0..sets).for_each(|number| tell(&store, &account, &[number]));
    assert_eq!(count(&store, Kind::BudgetPersons) as u64, sets);
    for _ in 0..2 {
        let (ledger, _) = load(&store).unwrap();
        assert_eq!(count(&store, Kind::BudgetPersons), 1);
        let account = ledger.account("a", 1);
        let asked: Vec<_> = (0..=sets).map(|number| Some(person(number))).collect();
        assert_eq!(account.fresh_rows(&asked), [u32::try_from(sets).unwrap()]);
        assert_eq!(account.level(Budget::Persons, &terms()).used, sets);
    }
    let (ledger, _) = load(&store).unwrap();
    tell(&store, &ledger.account("a", 1), &[5000]);
    assert_eq!(load(&store).unwrap().0.account("a", 1).persons_ever(), sets + 1);
}

/// Goal: a set of persons that was taken away or put under another number is noticed: it would give
/// budget back.
#[test]
fn a_missing_or_moved_set_is_refused() {
    for (removed, moved_to) in [(0, None), (1, None), (1, Some(7))] {
        let store = MemoryStore::new();
        let account = Ledger::default().account("a", 1);
        tell(&store, &account, &[1]);
        tell(&store, &account, &[2]);
        let key = Key::budget_persons(account.id(), removed);
        let value = store.get(&key).unwrap().unwrap();
        let mut batch = Batch::new();
        batch.remove(key);
        if let Some(sequence) = moved_to {
            batch.insert(Key::budget_persons(account.id(), sequence), value);
        }
        store.commit("test", batch, Durability::Synced).unwrap();
        assert!(matches!(load(&store), Err(Error::Damaged { .. })), "{removed} {moved_to:?}");
    }
}
