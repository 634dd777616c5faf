//! The model: what the service must answer, in the plainest words.

use super::persons::Persons;
use super::*;
use crate::disclosure::ApplicationId;
use crate::ident::SerialWidth;
use crate::registers::IdChange;

/// A disclosure.
pub(super) struct Given {
    pub(super) id: DisclosureId,
    /// What innsyn names it by.
    pub(super) application: ApplicationId,
    pub(super) serial_width: SerialWidth,
    pub(super) is_open: bool,
    /// The place of the disclosure that its key was made for.
    pub(super) key: usize,
    /// Serials by the identifier that was answered.
    pub(super) serials: BTreeMap<usize, u64>,
}

/// What is so.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) persons: Persons,
    /// IDs by register and identifier.
    pub(super) ids: BTreeMap<(&'static str, usize), u64>,
    /// What each ID stands for, as far as its register was told: itself, or its person's.
    stands_for: BTreeMap<(&'static str, u64), u64>,
    /// Reservations and consents, and their ends: where, under which identifier, and whether it is one,
    /// in order.
    pub(super) said: Vec<(&'static str, usize, bool)>,
    pub(super) given: Vec<Given>,
    /// Serials of a key by the identifier that was answered, in whichever disclosure of it.
    serials: BTreeMap<(usize, usize), u64>,
    /// Up to when a register has erased what came under an identifier.
    pub(super) erased: BTreeMap<(&'static str, usize), Days>,
    /// IDs that were erased.
    pub(super) gone: BTreeSet<(&'static str, u64)>,
    /// Under which identifiers each case about erasure is.
    pub(super) cases: Vec<Vec<usize>>,
}

/// Which days rows are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Days {
    /// The month before.
    Before,
    /// Those of today, on which erasures are decided.
    Now,
    /// After every erasure.
    Later,
}

impl Days {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::Now, Self::Later];

    pub(super) const fn month(self) -> (&'static str, &'static str) {
        match self {
            Self::Before => DECEMBER,
            Self::Now => JANUARY,
            Self::Later => LATER,
        }
    }
}

impl Expected {
    /// Whether a reservation or a consent is in force: the last word under any of a person's
    /// identifiers.
    pub(super) fn in_force(&self, register: &str, identifier: usize, reach: Reach) -> bool {
        let person = self.persons.of(identifier, reach);
        let last = self.said.iter().rfind(|(at, of, _)| *at == register && person.contains(of));
        last.is_some_and(|(.., is_so)| *is_so)
    }

    /// Whether a person has said anything to a register.
    pub(super) fn has_said(&self, register: &str, identifier: usize, reach: Reach) -> bool {
        let person = self.persons.of(identifier, reach);
        self.said.iter().any(|(at, of, _)| *at == register && person.contains(of))
    }

    /// Whether a register has a person, under whichever identifier.
    pub(super) fn has(&self, register: &'static str, identifier: usize, reach: Reach) -> bool {
        !self.ids_of(register, identifier, reach).is_empty()
    }

    /// The IDs that a register has of a person.
    pub(super) fn ids_of(
        &self,
        register: &'static str,
        identifier: usize,
        reach: Reach,
    ) -> BTreeSet<u64> {
        let person = self.persons.of(identifier, reach);
        person.iter().filter_map(|one| self.ids.get(&(register, *one)).copied()).collect()
    }

    /// Whether a row of a register goes through.
    pub(super) fn takes(&self, register: &'static str, identifier: usize, days: Days) -> bool {
        let consents = register != "REHAB" || self.in_force(register, identifier, Reach::All);
        consents && !self.keeps_out(register, identifier, days)
    }

    /// Whether the past of a person was erased, under any identifier that is the person's now.
    pub(super) fn keeps_out(&self, register: &'static str, identifier: usize, days: Days) -> bool {
        let is_out = |one| self.erased.get(&(register, one)).is_some_and(|until| days <= *until);
        self.persons.of(identifier, Reach::All).into_iter().any(is_out)
    }

    /// A register ends the IDs of a person.
    pub(super) fn end_ids(&mut self, register: &'static str, identifier: usize, reach: Reach) {
        for one in self.persons.of(identifier, reach) {
            let ended = self.ids.remove(&(register, one)).map(|id| (register, id));
            self.gone.extend(ended);
        }
    }

    /// A register erases a person's past.
    pub(super) fn erase(&mut self, register: &'static str, identifier: usize, until: Days) {
        if until == Days::Now {
            self.end_ids(register, identifier, Reach::Shown);
        }
        let kept_out = self.erased.entry((register, identifier)).or_insert(until);
        *kept_out = until.max(*kept_out);
    }

    /// Checks one answered row of a delivery, with the identifier's own ID if that stands beside it, and
    /// keeps what is new.
    pub(super) fn row(
        &mut self,
        (register, days): (&'static str, Days),
        identifier: usize,
        (id, own): (u64, Option<u64>),
    ) {
        if !self.takes(register, identifier, days) {
            assert_eq!((id, own), (0, None), "no row without consent, and none of an erased past");
            return;
        }
        let root = self.persons.root(identifier);
        assert_eq!(own.is_some(), root != identifier, "the own ID stands beside the root's");
        self.keep(register, root, id);
        if let Some(own) = own {
            self.keep(register, identifier, own);
            self.stands_for.insert((register, own), id);
        }
    }

    /// Keeps an ID if it is the first.
    fn keep(&mut self, register: &'static str, identifier: usize, id: u64) {
        assert_ne!(id, 0, "a row is answered");
        assert!(!self.gone.contains(&(register, id)), "an erased ID is nobody's again");
        let kept = *self.ids.entry((register, identifier)).or_insert(id);
        assert_eq!(kept, id, "the same identifier, the same ID");
        let same = self.ids.values().filter(|other| **other == id).count();
        assert_eq!(same, 1, "two identifiers never share an ID");
        self.stands_for.entry((register, id)).or_insert(id);
    }

    /// Takes what the feed of a register says.
    pub(super) fn told(&mut self, register: &'static str, change: IdChange) {
        let (id, now) = match change {
            IdChange::Restored { id } => (id, id),
            IdChange::Superseded { old_id, new_id } => (old_id, new_id),
        };
        let mut whose = self.ids.iter().filter(|((at, _), one)| *at == register && **one == id);
        let identifier = whose.next().expect("it is somebody's of this course").0.1;
        // Who is the root joins with the link.
        self.keep(register, self.persons.root(identifier), now);
        self.stands_for.insert((register, id), now);
    }

    /// A register knows by what it was told which ID each of its IDs stands for.
    pub(super) fn check_ids(&self) {
        for ((register, identifier), id) in &self.ids {
            let root = self.ids.get(&(*register, self.persons.root(*identifier)));
            let Some(root) = root else {
                assert_eq!(*register, "REHAB", "whoever has an identifier has its person's root");
                continue;
            };
            assert_eq!(self.stands_for[&(*register, *id)], *root, "the ID of the person's root");
        }
    }

    /// Checks one row of serials, and keeps it if it is the first.
    pub(super) fn serial(&mut self, given: usize, register: &str, identifier: usize, serial: u64) {
        if register == "KPR" && self.in_force(register, identifier, Reach::All) {
            assert_eq!(serial, 0, "no serial against a reservation");
            return;
        }
        assert_ne!(serial, 0, "a row is answered");
        let person = self.persons.of(identifier, Reach::Shown);
        let key = self.given[given].key;
        let of = |one: &usize| self.serials.get(&(key, *one)).copied();
        if let Some(kept) = of(&identifier) {
            assert_eq!(serial, kept, "a serial stays with whom it was answered for");
        } else if let Some(persons) = person.iter().find_map(of) {
            assert_eq!(serial, persons, "one serial a person");
        } else {
            let is_taken =
                |((of, _), other): (&(usize, usize), &u64)| (*of, *other) == (key, serial);
            assert!(!self.serials.iter().any(is_taken), "nobody else's, joined before or not");
        }
        self.serials.insert((key, identifier), serial);
        self.given[given].serials.insert(identifier, serial);
    }
}
