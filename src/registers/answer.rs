//! What a batch is answered with, and what is handed to the recorder for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::audit::{Entry, Recorded};
use crate::config::codes::TermCode;
use crate::crypto::KeyedDigest;
use crate::ident::Reject;
use crate::vault::PersonNo;

use super::Error;
use super::budget::Spending;
use super::disclosed::{Membership, Pin};
use super::links::Moved;

/// Why a row has no ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowCode {
    /// A budget that the answer might have needed is spent: known or not is not told.
    BudgetSpent,
    /// A person of the register whom the disclosure is not about: no ID of the other party, or too
    /// new.
    OutsideDisclosure,
    /// The identifier was refused.
    Rejected(Reject),
    /// Not to be stored; why is not told.
    Suppressed,
    /// Nobody known, or nobody in this register.
    Unknown,
}

impl RowCode {
    /// Each code, at its [`place`](Self::place).
    pub const ALL: [Self; 11] = [
        Self::Rejected(Reject::AssignerMissing),
        Self::Rejected(Reject::CheckDigits),
        Self::Rejected(Reject::Date),
        Self::Rejected(Reject::Format),
        Self::Rejected(Reject::KindMismatch),
        Self::Rejected(Reject::RealInTest),
        Self::Rejected(Reject::SyntheticInProduction),
        Self::Suppressed,
        Self::Unknown,
        Self::BudgetSpent,
        Self::OutsideDisclosure,
    ];

    /// Where it stands in [`ALL`](Self::ALL).
    pub const fn place(self) -> usize {
        match self {
            Self::Rejected(reject) => reject as usize,
            Self::Suppressed => Reject::ALL.len(),
            Self::Unknown => Reject::ALL.len() + 1,
            Self::BudgetSpent => Reject::ALL.len() + 2,
            Self::OutsideDisclosure => Reject::ALL.len() + 3,
        }
    }

    /// Stable name, as counted in audit entries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BudgetSpent => "budget_spent",
            Self::OutsideDisclosure => "outside_disclosure",
            Self::Rejected(reject) => reject.code(),
            Self::Suppressed => "suppressed",
            Self::Unknown => "unknown",
        }
    }
}

/// A row without an ID, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowNote {
    /// The row.
    pub row: u32,
    /// Why.
    pub code: RowCode,
}

/// The own ID of a row's leaf, where the row has the ID of another: its person's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafId {
    /// The row, counted from 0.
    pub row: u32,
    /// The leaf's own ID.
    pub id: u64,
}

/// The answer to a batch, in the batch's order.
#[derive(Default)]
pub struct Answered {
    /// One register ID a row, 0 where there is none.
    pub ids: Vec<u64>,
    /// In a disclosure with another party's IDs one of them a row, empty where there is none, and no
    /// ID above; otherwise none at all.
    pub labels: Vec<String>,
    /// Rows without an ID, ascending.
    pub notes: Vec<RowNote>,
    /// Rows that have the ID of their person's root, ascending, with the leaf's own.
    pub leaf_ids: Vec<LeafId>,
    /// Numbers that were new in the register with this batch.
    pub new_members: u32,
    /// Persons whose name or address is another since this batch.
    pub contacts: u64,
}

impl Answered {
    /// Takes back what rows would have been answered with.
    pub fn suppress(&mut self, rows: &[u32]) {
        self.leave_out(rows, RowCode::Suppressed);
    }

    /// As [`Self::suppress`], with another code.  A row that has a note keeps that one.
    pub fn leave_out(&mut self, rows: &[u32], code: RowCode) {
        if rows.is_empty() {
            return;
        }
        for row in rows {
            self.ids[*row as usize] = 0;
            if let Some(label) = self.labels.get_mut(*row as usize) {
                label.clear();
            }
            self.notes.push(RowNote { row: *row, code });
        }
        // The sort is stable, and the first of a row is kept.
        self.notes.sort_by_key(|note| note.row);
        self.notes.dedup_by_key(|note| note.row);
        let notes = &self.notes;
        self.leaf_ids.retain(|leaf| notes.binary_search_by_key(&leaf.row, |one| one.row).is_err());
    }

    /// How many rows are answered, if these are all that have yet to join: a row counts once, whatever
    /// is said of it.
    pub fn answered_count(&self, joining: &[JoiningRow]) -> u64 {
        let mut is_answered = vec![true; self.ids.len()];
        let joining = joining.iter().filter(|joining| joining.gives == Gives::Id);
        for row in self.notes.iter().map(|note| note.row).chain(joining.map(|one| one.row)) {
            if let Some(is_answered) = is_answered.get_mut(row as usize) {
                *is_answered = false;
            }
        }
        is_answered.into_iter().filter(|is_answered| *is_answered).count() as u64
    }

    /// Rows that were refused because a budget is spent.
    pub fn over_budget_count(&self) -> usize {
        self.notes.iter().filter(|note| note.code == RowCode::BudgetSpent).count()
    }
}

/// What a row gets of the ID of somebody who joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// The row's ID.
    Id,
    /// The own ID of the row's leaf.
    LeafId,
}

/// A person who is not a member yet, at a row.
#[derive(Clone, Copy)]
pub struct JoiningRow {
    /// The row.
    pub row: u32,
    /// The person.
    pub person: PersonNo,
    /// What of the row it is.
    pub gives: Gives,
}

/// Told what became of a command.
pub type Reply<T> = Box<dyn FnOnce(Result<Recorded<T>, Error>) + Send>;

/// An answer that is to be recorded, complete but for the persons who join.
pub struct Answer {
    /// The stream it belongs to; messages of one stream share entries.
    pub stream: u64,
    /// What the entry says apart from counts and digest.
    pub base: Arc<Entry>,
    /// Number of the register.
    pub register: u16,
    /// Partition of the vault that the persons are of.
    pub partition: u16,
    /// What is answered; the recorder fills in the rows that join.
    pub answered: Answered,
    /// Keyed digest of it, with 0 in the rows that join.
    pub digest: KeyedDigest,
    /// Rows whose persons are not members yet.
    pub joining: Vec<JoiningRow>,
    /// Leaves that the register has, whose person's root is among those who join.
    pub moved: Vec<Moved>,
    /// Persons that a look-up asked about, or whose serials are answered.
    pub asked: Vec<PersonNo>,
    /// The disclosure that those persons are in from now on.
    pub disclosed: Option<Arc<Membership>>,
    /// Those among them who are answered with the serial of another leaf.
    pub pins: Vec<Pin>,
    /// Rows that are answered although their persons are reserved, by the provision that goes before.
    pub overridden: BTreeMap<TermCode, u64>,
    /// What it has spent of its account's budgets, if anything.
    pub spending: Option<Spending>,
    /// Told when it is durable.
    pub reply: Reply<Answered>,
}

impl Answer {
    /// Counts for the entry, before anybody joins.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let rows = self.answered.ids.len() as u64;
        let answered = self.answered.answered_count(&self.joining);
        let notes = self.answered.notes.iter().map(|note| (note.code.name(), 1));
        let contacts = (self.answered.contacts > 0).then_some(("contacts", self.answered.contacts));
        [("rows", rows), ("answered", answered)].into_iter().chain(contacts).chain(notes)
    }

    /// Fills in the rows that joined: an ID, or a note where it is 0.
    pub(super) fn fill(&mut self, ids: &[u64], new_members: u32) {
        assert_eq!(ids.len(), self.joining.len(), "one outcome for each row that joins");
        let mut left_out = Vec::new();
        let before = self.answered.leaf_ids.len();
        for (JoiningRow { row, gives, .. }, id) in self.joining.iter().zip(ids) {
            left_out.extend((*id == 0 && left_out.last() != Some(row)).then_some(*row));
            match gives {
                Gives::Id => self.answered.ids[*row as usize] = *id,
                Gives::LeafId => self.answered.leaf_ids.push(LeafId { row: *row, id: *id }),
            }
        }
        if self.answered.leaf_ids.len() > before {
            self.answered.leaf_ids.sort_unstable_by_key(|leaf| leaf.row);
        }
        self.answered.suppress(&left_out);
        self.answered.new_members = new_members;
    }
}

/// An answer that waits for its commit.
pub(super) struct Waiting {
    pub(super) reply: Reply<Answered>,
    pub(super) stream: u64,
    pub(super) answered: Answered,
}

impl Waiting {
    pub(super) fn new(answer: Answer) -> Self {
        Self { reply: answer.reply, stream: answer.stream, answered: answer.answered }
    }
}

/// A batch that is being mapped: while it lives, the recorder waits a little for it.
#[must_use = "a batch arrives until this is dropped"]
pub struct Arriving(pub(super) Arc<AtomicUsize>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whatever finds reasons against a row, and however often, it has one note and counts once.
    #[test]
    fn a_row_that_is_left_out_twice_has_its_first_note_and_counts_once() {
        let mut answered = Answered { ids: vec![7, 8, 9, 0], ..Answered::default() };
        answered.leaf_ids = vec![LeafId { row: 1, id: 5 }];
        answered.leave_out(&[2, 1], RowCode::Unknown);
        answered.suppress(&[1, 1, 2]);
        answered.leave_out(&[], RowCode::BudgetSpent);
        let notes = [1, 2].map(|row| RowNote { row, code: RowCode::Unknown });
        assert_eq!((&answered.ids[..], &answered.notes[..]), (&[7, 0, 0, 0][..], &notes[..]));
        assert!(answered.leaf_ids.is_empty());
        let person = PersonNo::from_number(1).unwrap();
        let joining = |row, gives| JoiningRow { row, person, gives };
        // Also a row that joins and has a note, which none has.
        let joining = [joining(3, Gives::Id), joining(2, Gives::Id), joining(0, Gives::LeafId)];
        assert_eq!(answered.answered_count(&joining), 1);
        answered.suppress(&[0, 3]);
        assert_eq!(answered.answered_count(&joining), 0);
    }

    #[test]
    fn every_row_code_stands_in_its_place() {
        for (place, code) in RowCode::ALL.into_iter().enumerate() {
            assert_eq!(code.place(), place, "{}", code.name());
        }
        let rejects = RowCode::ALL.iter().filter(|code| matches!(code, RowCode::Rejected(_)));
        assert_eq!(rejects.count(), Reject::ALL.len());
    }
}
