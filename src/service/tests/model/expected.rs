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
}

impl Expected {
    /// Whether a row of a register goes through.
    pub(super) fn takes(&self, register: &str, person: usize) -> bool {
        register != "REHAB" || self.consents.contains(&person)
    }

    /// Checks one answered row of a delivery, and keeps its ID if it is the first.
    pub(super) fn row(&mut self, register: &'static str, person: usize, id: u64) {
        if !self.takes(register, person) {
            assert_eq!(id, 0, "no row without consent");
            return;
        }
        assert_ne!(id, 0, "a row is answered");
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
