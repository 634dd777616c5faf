//! Which rows of a statement hold: by what is known of each, and by what those that meet say together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::super::ingest::register_error;
use super::super::super::open::Open;
use super::super::super::{Error, Service};
use super::{LinkOutcome, Row};
use crate::registers::{
    AddressProtection, Graph, Held, Life, LinksChange, Protection, Reach, Standing,
};
use crate::vault::{PERSONS, PersonNo};

/// A person, as far as the identifiers of a request tell persons apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Somebody {
    /// By the first of the leaves.
    Known(PersonNo),
    /// By the place of an identifier that nobody is known by.
    New(usize),
}

/// What there is to know of a person who is known.
struct Known {
    leaves: Vec<PersonNo>,
    is_withheld: bool,
    /// The registers in which the person has an ID.
    registers: Vec<u16>,
}

/// What is known of everybody whom rows are about.
pub(super) struct Deciding<'a, 'b> {
    change: &'a LinksChange<'b>,
    register: u16,
    /// By the place of an identifier.
    somebody: Vec<Somebody>,
    known: BTreeMap<PersonNo, Known>,
}

impl<'a, 'b> Deciding<'a, 'b> {
    pub(super) fn new(
        (service, open): (&Service, &Arc<Open>),
        change: &'a LinksChange<'b>,
        register: u16,
        persons: &[Option<PersonNo>],
    ) -> Result<Self, Error> {
        let catalogue = service.parts.catalogue.iter();
        let registers = catalogue.filter(|register| register.partition() == PERSONS);
        let mut columns = Vec::new();
        for register in registers {
            let held = open.registers.hold(register.number).map_err(register_error)?;
            columns.push((register.number, held));
        }
        let mut known = BTreeMap::new();
        let mut somebody = Vec::with_capacity(persons.len());
        for (place, person) in persons.iter().enumerate() {
            let Some(person) = person else {
                somebody.push(Somebody::New(place));
                continue;
            };
            let leaves = leaves_of(change, *person, Reach::All);
            let first = leaves.first().copied().unwrap_or(*person);
            somebody.push(Somebody::Known(first));
            known.entry(first).or_insert_with(|| Known::new(change, &columns, leaves));
        }
        Ok(Self { change, register, somebody, known })
    }

    /// What becomes of rows.
    pub(super) fn decide(&self, rows: &[Row]) -> Vec<LinkOutcome> {
        let persons = |row: &Row| -> BTreeSet<Somebody> {
            row.iter().flatten().map(|place| self.somebody[*place]).collect()
        };
        let alone = |row: &Row| match row {
            Err(outcome) => *outcome,
            Ok(places) => {
                let persons = persons(row);
                let one = LinkOutcome::AlreadyOne;
                let holds = if persons.len() == 1 { one } else { LinkOutcome::Linked };
                self.against(&persons, places.len() - 1).unwrap_or(holds)
            }
        };
        let mut outcomes: Vec<LinkOutcome> = rows.iter().map(alone).collect();
        let holding = rows.iter().zip(&outcomes);
        let holding = holding.filter(|(_, outcome)| **outcome == LinkOutcome::Linked);
        let mut groups = Groups::of(holding.map(|(row, _)| persons(row)));
        let mut together: BTreeMap<Somebody, (BTreeSet<[usize; 2]>, BTreeSet<Somebody>)> =
            BTreeMap::new();
        for (row, outcome) in rows.iter().zip(&outcomes) {
            let (Ok(places), LinkOutcome::Linked) = (row, outcome) else { continue };
            let (pairs, all) = together.entry(groups.of_row(&persons(row))).or_default();
            pairs.extend(places[1..].iter().map(|other| [places[0], *other]));
            all.extend(persons(row));
        }
        let against: BTreeMap<Somebody, LinkOutcome> = together
            .into_iter()
            .filter_map(|(group, (pairs, all))| {
                let against = self.against(&all, pairs.len())?;
                let told = match against {
                    LinkOutcome::TooManyJoined | LinkOutcome::Withheld => against,
                    _ => LinkOutcome::Contradicted,
                };
                Some((group, told))
            })
            .collect();
        for (row, outcome) in rows.iter().zip(&mut outcomes) {
            if *outcome == LinkOutcome::Linked {
                let group = groups.of_row(&persons(row));
                *outcome = against.get(&group).copied().unwrap_or(LinkOutcome::Linked);
            }
        }
        outcomes
    }

    /// What speaks against persons being one, by so many links at most.  What is told by one word comes
    /// first, so that another word does not tell it.
    fn against(&self, persons: &BTreeSet<Somebody>, links: usize) -> Option<LinkOutcome> {
        let known: Vec<&Known> = persons
            .iter()
            .filter_map(|one| match one {
                Somebody::Known(first) => self.known.get(first),
                Somebody::New(_) => None,
            })
            .collect();
        let mut in_registers: BTreeMap<u16, usize> = BTreeMap::new();
        for register in known.iter().flat_map(|one| &one.registers) {
            *in_registers.entry(*register).or_default() += 1;
        }
        let twice = |register: &u16| in_registers.get(register).is_some_and(|count| *count > 1);
        let separated = self.separated(&known);
        let is_twice_elsewhere =
            in_registers.keys().any(|register| *register != self.register && twice(register));
        if known.iter().any(|one| one.is_withheld)
            || separated == Some(Protection::Protected)
            || is_twice_elsewhere && !twice(&self.register)
        {
            return Some(LinkOutcome::Withheld);
        }
        if twice(&self.register) {
            return Some(LinkOutcome::BothInRegister);
        }
        if separated.is_some() {
            return Some(LinkOutcome::SeparatedBefore);
        }
        let leaves: Vec<PersonNo> = known.iter().flat_map(|one| &one.leaves).copied().collect();
        let new = persons.len() - known.len();
        let is_many = persons.len() > 1 && !self.has_room(&leaves, new, links);
        is_many.then_some(LinkOutcome::TooManyJoined)
    }

    fn has_room(&self, leaves: &[PersonNo], new: usize, links: usize) -> bool {
        let count = |leaf: &PersonNo| {
            self.change.of(PERSONS).map_or(0, |graph| graph.links_of(*leaf).len())
        };
        let most = leaves.iter().map(count).max().unwrap_or_default();
        leaves.len() + new <= Graph::LEAVES_MAX && most + links <= Graph::LINKS_MAX
    }

    /// Whether persons were one by a link that has ended; protected, if one of those was.
    fn separated(&self, known: &[&Known]) -> Option<Protection> {
        let graph = self.change.of(PERSONS)?;
        // Who would be too many is told that, and walked over by nobody.
        if known.iter().map(|one| one.leaves.len()).sum::<usize>() > Graph::LEAVES_MAX {
            return None;
        }
        let person_of = |leaf: PersonNo| known.iter().position(|one| one.leaves.contains(&leaf));
        let mut found = None;
        for leaf in known.iter().flat_map(|one| &one.leaves) {
            for ([one, other], protection) in graph.ended_links_of(*leaf) {
                let whose = (person_of(one), person_of(other));
                if matches!(whose, (Some(one), Some(other)) if one != other) {
                    if protection == Protection::Protected {
                        return Some(protection);
                    }
                    found = Some(protection);
                }
            }
        }
        found
    }
}

fn leaves_of(change: &LinksChange<'_>, person: PersonNo, reach: Reach) -> Vec<PersonNo> {
    change.of(PERSONS).map_or_else(|| vec![person], |graph| graph.leaves_of(person, reach))
}

impl Known {
    fn new(change: &LinksChange<'_>, columns: &[(u16, Held<'_>)], leaves: Vec<PersonNo>) -> Self {
        let first = leaves.first().copied();
        let status = first.map(|first| change.status_of(PERSONS, first));
        let is_hidden = status.is_some_and(|status| {
            status.life != Life::Alive
                || status.address == AddressProtection::Strict
                || status.has_false_identity
        });
        let shown = first.map(|first| leaves_of(change, first, Reach::Shown).len());
        let is_protected = shown != Some(leaves.len());
        let mut is_kept_out = false;
        let mut registers = Vec::new();
        for (register, held) in columns {
            let cells = held.cells();
            let standings = leaves.iter().map(|leaf| cells.standing(*leaf));
            let mut has_id = false;
            for standing in standings {
                has_id |= standing.id().is_some();
                is_kept_out |= matches!(standing, Standing::Suppressed | Standing::Tombstoned(_));
            }
            registers.extend(has_id.then_some(*register));
        }
        let is_withheld = is_hidden || is_protected || is_kept_out;
        Self { leaves, is_withheld, registers }
    }
}

/// Which persons rows say are one, together.
struct Groups(BTreeMap<Somebody, Somebody>);

impl Groups {
    fn of(rows: impl Iterator<Item = BTreeSet<Somebody>>) -> Self {
        let mut groups = Self(BTreeMap::new());
        for persons in rows {
            let mut persons = persons.into_iter();
            let Some(first) = persons.next() else { continue };
            let mut one = groups.root(first);
            for other in persons {
                let other = groups.root(other);
                groups.0.insert(one.max(other), one.min(other));
                one = one.min(other);
            }
        }
        groups
    }

    /// The least of the persons; the way to it is made shorter, so that the next one is short.
    fn root(&mut self, mut one: Somebody) -> Somebody {
        while let Some(next) = self.0.get(&one).copied().filter(|next| *next != one) {
            let after = self.0.get(&next).copied().unwrap_or(next);
            self.0.insert(one, after);
            one = next;
        }
        one
    }

    fn of_row(&mut self, persons: &BTreeSet<Somebody>) -> Somebody {
        // PANIC: none; a row that holds is about somebody, and nobody else asks.
        persons.first().map_or(Somebody::New(usize::MAX), |one| self.root(*one))
    }
}
