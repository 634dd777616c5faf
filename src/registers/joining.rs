//! Who joins which register with one commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::Members;
use super::answer::Answer;
use super::column::{Held, Standing};
use super::leaving::Forgotten;
use super::queue::Command;
use crate::vault::PersonNo;

/// What became of the rows of one answer that joined.
pub(super) struct Joined {
    /// Their IDs, in the rows' order; 0 for one who was suppressed meanwhile.
    pub(super) ids: Vec<u64>,
    /// Persons among them who were new.
    pub(super) new_members: u32,
}

/// Everybody who joins with one commit, by register.
pub(super) struct Joins {
    registers: BTreeMap<u16, Joining>,
    partitions: BTreeSet<u16>,
}

/// Those who join one register.
#[derive(Default)]
pub(super) struct Joining {
    places: HashMap<PersonNo, usize>,
    persons: Vec<PersonNo>,
    numbers: Vec<u64>,
    ids: Vec<u64>,
    // Persons whose joining an answer has counted already.
    counted: usize,
}

impl Joins {
    /// Collects the persons of answers who are not members yet, each once.
    pub(super) fn collect(
        answers: &[Answer],
        members: &BTreeMap<u16, Arc<Members>>,
        forgotten: &Forgotten,
    ) -> Self {
        let forgotten = forgotten.hold();
        let is_forgotten = |partition: u16, person: PersonNo| {
            forgotten.as_ref().is_some_and(|out| out.contains(&(partition, person)))
        };
        let mut joins = Self { registers: BTreeMap::new(), partitions: BTreeSet::new() };
        for answer in answers.iter().filter(|answer| !answer.joining.is_empty()) {
            let Some(members) = members.get(&answer.register) else { continue };
            let held = members.column.hold();
            let cells = held.cells();
            let joining = joins.registers.entry(answer.register).or_default();
            joins.partitions.insert(answer.partition);
            for person in answer.joining.iter().map(|joining| &joining.person) {
                let next = joining.persons.len();
                // Who joined while this answer waited is read from the column below.
                if matches!(cells.standing(*person), Standing::NotMember | Standing::Tombstoned(0))
                    && !is_forgotten(answer.partition, *person)
                    && *joining.places.entry(*person).or_insert(next) == next
                {
                    joining.persons.push(*person);
                }
            }
        }
        joins.registers.retain(|_, joining| !joining.persons.is_empty());
        joins
    }

    /// Whether somebody joins a register.
    pub(super) fn has(&self, register: u16, person: PersonNo) -> bool {
        let joining = self.registers.get(&register);
        joining.is_some_and(|joining| joining.places.contains_key(&person))
    }

    /// Adds somebody of a partition who joins with an act and is not a member yet.  Call it after the
    /// answers were collected.
    pub(super) fn add(&mut self, (register, partition): (u16, u16), person: PersonNo) {
        let joining = self.registers.entry(register).or_default();
        let next = joining.persons.len();
        if *joining.places.entry(person).or_insert(next) == next {
            joining.persons.push(person);
        }
        self.partitions.insert(partition);
    }

    pub(super) fn registers(&mut self) -> impl Iterator<Item = (u16, &mut Joining)> {
        self.registers.iter_mut().map(|(register, joining)| (*register, joining))
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = u16> + '_ {
        self.partitions.iter().copied()
    }

    /// What an answer gets for its joining persons: a new ID, or the standing they have by now.
    pub(super) fn answer(
        &mut self,
        answer: &Answer,
        members: &BTreeMap<u16, Arc<Members>>,
    ) -> Joined {
        let mut joined = Joined { ids: Vec::with_capacity(answer.joining.len()), new_members: 0 };
        if answer.joining.is_empty() {
            return joined;
        }
        let mut joining = self.registers.get_mut(&answer.register);
        let held = members.get(&answer.register).map(|members| members.column.hold());
        let cells = held.as_ref().map(Held::cells);
        for person in answer.joining.iter().map(|joining| &joining.person) {
            let place = joining.as_ref().and_then(|joining| joining.places.get(person).copied());
            let id = match (place, &mut joining, &cells) {
                (Some(place), Some(joining), _) => {
                    if place >= joining.counted {
                        // Places were given in the order of the answers.
                        joining.counted = place + 1;
                        joined.new_members += 1;
                    }
                    joining.ids.get(place).copied().unwrap_or_default()
                }
                (_, _, Some(cells)) => cells.standing(*person).id().unwrap_or_default(),
                _ => 0,
            };
            joined.ids.push(id);
        }
        joined
    }

    /// Shows the new members, after their commit.
    pub(super) fn publish(&self, members: &BTreeMap<u16, Arc<Members>>) {
        for (register, joining) in &self.registers {
            let Some(members) = members.get(register) else { continue };
            let cells: Vec<(PersonNo, Standing)> = joining
                .persons
                .iter()
                .zip(&joining.ids)
                .map(|(person, id)| (*person, Standing::Member(*id)))
                .collect();
            members.column.publish(&cells);
            members.count.fetch_add(cells.len() as u64, Ordering::AcqRel);
            let mut inverse = members.inverse.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(inverse) = inverse.as_mut() {
                let numbers = joining.numbers.iter().zip(&joining.persons);
                numbers.for_each(|(number, person)| inverse.set(*number, *person));
            }
        }
    }
}

impl Joining {
    pub(super) fn persons(&self) -> &[PersonNo] {
        &self.persons
    }

    /// The register numbers that they have drawn, and the IDs made of them.
    pub(super) fn set_ids(&mut self, numbers: Vec<u64>, ids: Vec<u64>) {
        assert_eq!(ids.len(), self.persons.len(), "one ID for each person who joins");
        assert_eq!(numbers.len(), ids.len(), "one number for each ID");
        (self.numbers, self.ids) = (numbers, ids);
    }
}

/// Rows of a command whose persons may join.
pub(super) fn joining_count(command: &Command) -> usize {
    match command {
        Command::Answer(answer) => answer.joining.len(),
        Command::Barrier(_) | Command::Other(_) | Command::Replace { .. } => 0,
    }
}
