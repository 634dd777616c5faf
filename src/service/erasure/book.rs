//! Cases in memory: there are thousands of them, and all are read when the stores are opened.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::{Error, ErrorCode};
use super::listing::CaseSummary;
use crate::registers::{Registers, Write};
use crate::rights::cases::{Case, CaseId};
use crate::store::keys::{Key, Kind};

/// Every case, as it is stored.
pub(in crate::service) struct CaseBook {
    cases: Mutex<Cases>,
    /// One retention run at a time: there is one record of whom a partition is to forget.
    run: Mutex<()>,
}

/// The cases, held alone.
pub(super) type Cases = BTreeMap<CaseId, Case>;

impl CaseBook {
    /// Reads everything.
    pub(in crate::service) fn load(registers: &Registers) -> Result<Self, Error> {
        let unusable = |error| Error::new(ErrorCode::StoreUnusable).with_source(error);
        let mut cases = Cases::new();
        for (key, plain) in registers.records(Kind::Case).map_err(unusable)? {
            let id = case_of(&key)?;
            cases.insert(id, Case::decode(id, &plain).map_err(Error::internal)?);
        }
        Ok(Self { cases: Mutex::new(cases), run: Mutex::new(()) })
    }

    /// The cases that are wanted, the newest first.
    pub(in crate::service) fn all(&self, is_wanted: impl Fn(&Case) -> bool) -> Vec<Case> {
        self.hold().values().rev().filter(|case| is_wanted(case)).cloned().collect()
    }

    /// So many of the cases that are wanted, the newest first, as they are listed.
    pub(super) fn some(
        &self,
        count_max: usize,
        is_wanted: impl Fn(&Case) -> bool,
    ) -> Vec<CaseSummary> {
        let cases = self.hold();
        let wanted = cases.values().rev().filter(|case| is_wanted(case));
        wanted.take(count_max).map(CaseSummary::of).collect()
    }

    /// Held by the run that has the vault forget, from its plan until the vault has forgotten.
    pub(in crate::service) fn hold_run(&self) -> MutexGuard<'_, ()> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hold(&self) -> MutexGuard<'_, Cases> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn case_key(id: CaseId) -> Key {
    Key::case(id.year(), id.number())
}

fn case_of(key: &Key) -> Result<CaseId, Error> {
    let [_, y0, y1, n0, n1, n2, n3] = *key.as_bytes() else {
        return Err(Error::internal("a key of a case is too short"));
    };
    let id = CaseId::new(u16::from_be_bytes([y0, y1]), u32::from_be_bytes([n0, n1, n2, n3]));
    id.ok_or_else(|| Error::internal("a case has no number"))
}

/// The write of a case.
pub(super) fn write(registers: &Registers, case: &Case) -> Result<Write, Error> {
    let key = case_key(case.id());
    let sealed = registers.seal_record(&key, &case.encode()).map_err(Error::internal)?;
    Ok(Write::Put(key, sealed))
}

/// The case of a number.
pub(super) fn find(cases: &Cases, id: CaseId) -> Result<&Case, Error> {
    cases.get(&id).ok_or_else(|| Error::new(ErrorCode::CaseUnknown))
}
