//! What the rows of a bridge in come to: conflicts, whose ID is taken, and counts.
//!
//! Pure.  A conflict is told by the rows alone, by their identifiers, so that what a row is refused for
//! says neither who is known nor which identifiers are one person's.

use std::collections::{BTreeMap, BinaryHeap};

use zeroize::Zeroize;

use super::super::Error;
use super::labels::Labels;
use super::screening::Together;
use crate::config::codes::TermCode;
use crate::registers::PersonSet;
use crate::vault::PersonNo;

/// Rows whose numbers are told.
const ROWS_TOLD_MAX: usize = 1_000;

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// Rows of the file.
    pub rows: u64,
    /// Persons who have an ID by it.
    pub known: u64,
    /// Rows that say what another has said of them.
    pub repeated: u64,
    /// Rows whose identifier is nobody's in the disclosure's registers.
    pub unknown: u64,
    /// Rows whose identifier or ID is refused.
    pub rejected: u64,
    /// Rows in a conflict: a person with several IDs, or an ID of several persons.
    pub duplicates: u64,
    /// Persons whose reservations keep all their rows out.
    pub left_out: u64,
}

/// A row that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedRow {
    /// Its number, from 1, after the header.
    pub row: u64,
    /// Why: a code of the rules for identifiers, `label_form`, `label_identifier` or `duplicate`.
    pub code: &'static str,
}

/// A row with an identifier and an ID that are taken.
pub(super) struct Entry<'a> {
    pub(super) row: u32,
    /// The leaf by which the disclosure's registers know the person.
    pub(super) who: Option<PersonNo>,
    /// Tells identifiers apart.
    pub(super) identifier: u64,
    pub(super) label: &'a str,
    /// The disclosure's registers that have the person, by place.
    pub(super) registers: u64,
    pub(super) is_conflict: bool,
}

/// What a file comes to.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) labels: Labels,
    /// Whom it asked about.
    pub(super) asked: PersonSet,
    pub(super) counts: LoadCounts,
    pub(super) overridden: BTreeMap<TermCode, u64>,
    /// The first of them.
    pub(super) refused: BinaryHeap<RefusedRow>,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(person) = &mut self.who {
            person.zeroize();
        }
    }
}

impl LoadCounts {
    /// By name, as they stand in the audit log.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 7] {
        [
            ("rows", self.rows),
            ("known", self.known),
            ("repeated", self.repeated),
            ("unknown", self.unknown),
            ("rejected", self.rejected),
            ("duplicates", self.duplicates),
            ("left_out", self.left_out),
        ]
    }
}

impl Taken {
    /// Counts a row that is refused for what stands in it.
    pub(super) fn refuse(&mut self, row: u32, code: &'static str) {
        self.counts.rejected += 1;
        self.tell(row, code);
    }

    /// The first rows alone are told.
    fn tell(&mut self, row: u32, code: &'static str) {
        self.refused.push(RefusedRow { row: u64::from(row) + 1, code });
        if self.refused.len() > ROWS_TOLD_MAX {
            self.refused.pop();
        }
    }

    /// Takes the IDs of those who are known, in no conflict and not left out.
    pub(super) fn take<'r>(
        &mut self,
        mut entries: Vec<Entry<'_>>,
        decide: impl Fn(PersonNo, u64) -> Together<'r>,
    ) -> Result<(), Error> {
        let bytes = entries.iter().map(|entry| entry.label.len()).sum();
        self.labels = Labels::with_capacity(entries.len(), bytes);
        entries.sort_unstable_by_key(|entry| (entry.who, entry.row));
        for same in entries.chunk_by(|one, other| one.who == other.who) {
            let (conflicts, fit): (Vec<_>, Vec<_>) =
                same.iter().partition(|entry| entry.is_conflict);
            self.counts.duplicates += conflicts.len() as u64;
            conflicts.iter().for_each(|entry| self.tell(entry.row, "duplicate"));
            let rows = fit.len() as u64;
            let Some(first) = fit.first() else { continue };
            let Some(person) = first.who else {
                self.counts.unknown += rows;
                continue;
            };
            if fit.iter().any(|entry| entry.label != first.label) {
                // Identifiers of one person, with several IDs.  Which rows, would say who is whom.
                self.counts.duplicates += rows;
                continue;
            }
            self.counts.repeated += rows - 1;
            let registers = fit.iter().fold(0, |all, entry| all | entry.registers);
            match decide(person, registers) {
                Together::LeftOut => {
                    self.counts.left_out += 1;
                    continue;
                }
                Together::Overridden(provision) => {
                    *self.overridden.entry(provision.clone()).or_default() += 1;
                }
                Together::Released => {}
            }
            self.counts.known += 1;
            self.labels.push(person, first.label)?;
        }
        Ok(())
    }
}

/// Marks all rows of an identifier with several IDs, and of an ID of several identifiers.
pub(super) fn mark_conflicts(entries: &mut [Entry<'_>]) {
    entries.sort_unstable_by_key(|entry| entry.identifier);
    for same in entries.chunk_by_mut(|one, other| one.identifier == other.identifier) {
        let is_conflict = same.iter().any(|entry| entry.label != same[0].label);
        same.iter_mut().for_each(|entry| entry.is_conflict |= is_conflict);
    }
    entries.sort_unstable_by_key(|entry| entry.label);
    for same in entries.chunk_by_mut(|one, other| one.label == other.label) {
        let is_conflict = same.iter().any(|entry| entry.identifier != same[0].identifier);
        same.iter_mut().for_each(|entry| entry.is_conflict |= is_conflict);
    }
}
