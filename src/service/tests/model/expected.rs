//! The model: what the service must answer, in the plainest words.

use super::*;

/// A disclosure.
pub(super) struct Given {
    pub(super) id: DisclosureId,
    pub(super) is_open: bool,
    /// Serials by person.
    pub(super) serials: BTreeMap<usize, u64>,
}

/// What is so.
#[derive(Default)]
pub(super) struct Expected {
    /// IDs by register and person.
    pub(super) ids: BTreeMap<(&'static str, usize), u64>,
    pub(super) reserved: BTreeSet<usize>,
    pub(super) consents: BTreeSet<usize>,
    pub(super) given: Vec<Given>,
    /// Whose past a register has erased.
    pub(super) erased: BTreeSet<(&'static str, usize)>,
    /// IDs that were erased.
    pub(super) gone: BTreeSet<u64>,
}

/// Which days rows are about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// After every erasure.
    Later,
    /// Those of today, on which erasures are decided.
    Now,
}

impl Expected {
    /// Whether a row of a register goes through.
    pub(super) fn takes(&self, register: &'static str, person: usize, days: Days) -> bool {
        let consents = register != "REHAB" || self.consents.contains(&person);
        consents && (days == Days::Later || !self.erased.contains(&(register, person)))
    }

    /// A register erases a person's past.
    pub(super) fn erase(&mut self, register: &'static str, person: usize) {
        self.gone.extend(self.ids.remove(&(register, person)));
    }

    /// Checks one answered row of a delivery, and keeps its ID if it is the first.
    pub(super) fn row(&mut self, (register, days): (&'static str, Days), person: usize, id: u64) {
        if !self.takes(register, person, days) {
            assert_eq!(id, 0, "no row without consent, and none of an erased past");
            return;
        }
        assert_ne!(id, 0, "a row is answered");
        assert!(!self.gone.contains(&id), "an erased ID is nobody's again");
        let is_known = self.ids.values().any(|other| *other == id);
        let kept = *self.ids.entry((register, person)).or_insert(id);
        assert_eq!(kept, id, "the same person, the same ID");
        assert!(!is_known || self.ids.values().filter(|other| **other == id).count() == 1);
    }

    /// Checks one row of serials, and keeps it if it is the first.
    pub(super) fn serial(&mut self, given: usize, register: &str, person: usize, serial: u64) {
        if register == "KPR" && self.reserved.contains(&person) {
            assert_eq!(serial, 0, "no serial against a reservation");
            return;
        }
        assert_ne!(serial, 0, "a row is answered");
        let serials = &mut self.given[given].serials;
        let kept = *serials.entry(person).or_insert(serial);
        assert_eq!(kept, serial, "one serial a person");
        let same = serials.values().filter(|other| **other == serial).count();
        assert_eq!(same, 1, "two persons never share a serial");
    }
}
