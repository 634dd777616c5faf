//! Who is in the disclosures of one key.
//!
//! ```text
//! key ─► SameKey ─► disclosure ─► its persons      one set for each, shared by all who use it
//!                └► disclosure ─► its persons
//! ```
//!
//! Disclosures that continue one another have one key, and so one serial for a leaf.  Each is in use
//! by itself; whom any of them has answered, and by which leaf, all of them see.
//!
//! Invariants: while the stores are open, a disclosure that was used has one set of persons; answers on
//! their way, a closing that fails and who uses it afterwards have the same one; a leaf that any
//! disclosure of a key has answered is answered by the same leaf's number in all of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::open::Open;
use super::super::{Error, Service};
use super::book::{Book, Entries};
use super::pinning::Handed;
use super::scope::Scope;
use crate::disclosure::{Decision, DisclosureId};
use crate::registers::{Membership, Ordinals, Share};
use crate::vault::PersonNo;

/// Who is in a disclosure, and who in the others of its key.
pub(super) struct Members {
    /// Of its only partition, or in a joint one of those with sealed identities.
    pub(super) own: Arc<Membership>,
    /// In a joint disclosure, who of the one-way register.
    pub(super) one_way: Option<Arc<Membership>>,
    same_key: Arc<SameKey>,
    /// What their serials are made of, if it is not the person number.
    pub(super) ordinals: Option<Arc<Ordinals>>,
}

/// The persons of the disclosures of one key.
#[derive(Default)]
pub(super) struct SameKey {
    sets: Mutex<BTreeMap<DisclosureId, Sets>>,
    /// What is on its way to them.
    handed: Mutex<Handed>,
}

/// Answers with the serials of one key are handed over one at a time.
pub(super) type Handing<'a> = MutexGuard<'a, Handed>;

/// The persons of one disclosure.
#[derive(Clone)]
struct Sets {
    own: Arc<Membership>,
    one_way: Option<Arc<Membership>>,
    ordinals: Option<Arc<Ordinals>>,
}

/// The disclosures of one key, each with its decision, by the first of them.
pub(super) struct OfKey {
    pub(super) first: DisclosureId,
    pub(super) all: Vec<(DisclosureId, Decision)>,
}

impl OfKey {
    /// Those with the key of a disclosure, closed ones too.
    pub(super) fn of(entries: &Entries, id: DisclosureId) -> Result<Self, Error> {
        let (first, mut all) = (entries.first_of(id), Vec::new());
        let same = entries.disclosures.keys().filter(|one| entries.first_of(**one) == first);
        for one in same {
            let (disclosure, application) = entries.with_application(*one)?;
            all.push((*one, application.decision(disclosure.decision())?.clone()));
        }
        Ok(Self { first, all })
    }
}

impl Members {
    /// Persons in it; who is in both sets of a joint disclosure counts twice, since nothing that is
    /// stored says who that is.
    pub(super) fn count(&self) -> u64 {
        count((&self.own, self.one_way.as_ref()))
    }

    /// The leaf whose number a leaf's serial is made of, if the leaf was answered with one, here or in
    /// another disclosure of the key.
    pub(super) fn answered_by(&self, leaf: PersonNo) -> Option<PersonNo> {
        let others = || self.same_key.sets().values().find_map(|one| one.own.answered_by(leaf));
        self.own.answered_by(leaf).or_else(others)
    }

    /// Holds whom leaves are named by in answers that were handed to the recorder.
    pub(super) fn handing(&self) -> Handing<'_> {
        self.same_key.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each set.
    pub(super) fn all(&self) -> Vec<Arc<Membership>> {
        std::iter::once(&self.own).chain(&self.one_way).map(Arc::clone).collect()
    }
}

impl SameKey {
    fn sets(&self) -> MutexGuard<'_, BTreeMap<DisclosureId, Sets>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The persons of a disclosure of a key, as all who use any of them have them.
    pub(super) fn members(
        &self,
        open: &Open,
        id: DisclosureId,
        of_key: &OfKey,
    ) -> Result<Members, Error> {
        let same_key = open.book.same_key(of_key.first);
        let mut sets = same_key.sets();
        for (one, decided) in &of_key.all {
            if let Entry::Vacant(vacant) = sets.entry(*one) {
                let ordinals = self.ordinals(open, decided, of_key)?;
                vacant.insert(self.load_sets(open, (*one, decided), ordinals)?);
            }
        }
        let found = sets.get(&id).cloned();
        drop(sets);
        let found = found.ok_or_else(|| Error::internal("a disclosure is not of its own key"))?;
        let Sets { own, one_way, ordinals } = found;
        Ok(Members { own, one_way, same_key, ordinals })
    }

    /// The persons of a disclosure, read from the store.
    fn load_sets(
        &self,
        open: &Open,
        (id, of): (DisclosureId, &Decision),
        ordinals: Option<Arc<Ordinals>>,
    ) -> Result<Sets, Error> {
        let load = |partition: u16, share: Share| -> Result<Arc<Membership>, Error> {
            let end = open.persons_end(partition);
            let membership = open.registers.membership(id.0, (partition, share), end);
            let membership = membership.map_err(Error::internal)?;
            Ok(Arc::new(membership.with_ordinals(ordinals.clone())))
        };
        let scope = self.scope_of(of)?;
        let one_way = match scope {
            Scope::Joint { one_way } => Some(load(one_way, Share::OneWay)?),
            Scope::Of(_) => None,
        };
        Ok(Sets { own: load(scope.first(), Share::Own)?, one_way, ordinals })
    }

    /// How many persons are in a disclosure.
    pub(super) fn persons_in(
        &self,
        open: &Open,
        id: DisclosureId,
        of: &Decision,
    ) -> Result<u64, Error> {
        match open.book.persons(id) {
            Some(persons) => Ok(persons),
            None => self.stored_persons(open, id, of),
        }
    }

    /// How many persons are in a disclosure, as it is stored.
    pub(super) fn stored_persons(
        &self,
        open: &Open,
        id: DisclosureId,
        of: &Decision,
    ) -> Result<u64, Error> {
        let sets = self.load_sets(open, (id, of), None)?;
        Ok(count((&sets.own, sets.one_way.as_ref())))
    }
}

impl Book {
    fn same_key(&self, first: DisclosureId) -> Arc<SameKey> {
        let mut all = self.same_key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(first).or_default())
    }
}

fn count((own, one_way): (&Membership, Option<&Arc<Membership>>)) -> u64 {
    own.count() + one_way.map_or(0, |one_way| one_way.count())
}
