//! Open windows of conversions, in memory alone.
//!
//! Invariant: a pair is wiped when its window is dropped, whatever ended it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use zeroize::Zeroize;

use super::Pair;
use crate::vault::PersonNo;

/// An open window.
pub(in crate::service) struct Conversion {
    pub(super) pair: Pair,
    pub(super) until: Timestamp,
    pub(super) purpose: String,
    pub(super) provision: String,
    /// Numbers in the one-way partition, ascending, each with the person number of who is the same.
    pub(super) pairs: Vec<(u64, u64)>,
    pub(super) batches: AtomicU64,
    pub(super) rows: AtomicU64,
}

impl Conversion {
    /// Who of the other registers a person of the one-way register is.
    pub(super) fn person(&self, one_way: PersonNo) -> Option<PersonNo> {
        let number = one_way.number();
        let at = self.pairs.binary_search_by_key(&number, |(one_way, _)| *one_way).ok()?;
        PersonNo::from_number(self.pairs.get(at)?.1)
    }
}

impl Drop for Conversion {
    fn drop(&mut self) {
        for (one_way, person) in &mut self.pairs {
            one_way.zeroize();
            person.zeroize();
        }
    }
}

/// Open windows, by the numbers of their registers.
#[derive(Default)]
pub(in crate::service) struct Conversions(RwLock<BTreeMap<(u16, u16), Conversion>>);

impl Conversions {
    /// Held while a batch is answered, so that no window ends meanwhile.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<(u16, u16), Conversion>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held alone while one is opened.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<(u16, u16), Conversion>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(in crate::service) fn count(&self) -> usize {
        self.read().len()
    }

    /// Ends windows: nobody is answered in one that is taken.
    pub(super) fn take(&self, is_wanted: impl Fn(&Conversion) -> bool) -> Vec<Conversion> {
        let mut open = self.write();
        let wanted: Vec<(u16, u16)> =
            open.iter().filter(|(_, one)| is_wanted(one)).map(|(key, _)| *key).collect();
        wanted.iter().filter_map(|key| open.remove(key)).collect()
    }
}
