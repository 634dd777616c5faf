//! From persons to answers: one pass over the register's column.
//!
//! Why so: persons lie all over the column, so that each read waits for memory, and for the look-up
//! of its page. A cell is asked for some rows before it is read, and read soon after: the processor
//! keeps fewer pages in mind than a batch has persons. The digest of the IDs is made a few rows at a
//! time, so that it has something to do meanwhile.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::admission::Admitted;
use super::joined::{self, Joined, JoinedRow};
use super::{BatchRights, Delivery, IngestMode, Mapped, Open, UnderWay, register_error};
use crate::crypto::{DigestKey, KeyedDigest, KeyedHasher};
use crate::ident::{NationalId, Reject};
use crate::registers::{Answered, Cells, Gives, Graph, JoiningRow, RowCode, RowNote, Standing};
use crate::service::Error;
use crate::vault::{PersonNo, Rows};

/// Rows that are answered and then digested: eight blocks of the hash. Their cells are asked for while
/// those before them are read.
const ROWS_AT_ONCE: usize = 64;

/// A batch as far as it is answered.
struct Answering<'a> {
    looked_up: bool,
    rights: BatchRights<'a>,
    decided: Peekable<IntoIter<RowNote>>,
    answered: Answered,
    joining: Vec<JoiningRow>,
    joined: Joined,
    /// Persons who stand in the record of the delivery.
    persons: Vec<PersonNo>,
}

impl Delivery {
    /// Looks every person up in the register's column.
    pub(super) fn answer(
        &self,
        open: &Open,
        rows: &Rows,
        admitted: Admitted,
        under_way: UnderWay,
    ) -> Result<Mapped, Error> {
        let Admitted { persons, decided, spending, .. } = admitted;
        let rights = self.hold(open)?;
        let links = rights.links();
        let graph = links.of(self.partition).filter(|graph| graph.any());
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let mut answering = Answering {
            looked_up: self.mode == IngestMode::ResolveOnly,
            rights: BatchRights::of(self, &rights),
            decided: decided.into_iter().peekable(),
            answered: Answered { ids: Vec::with_capacity(rows.len()), ..Answered::default() },
            joining: Vec::new(),
            joined: Joined::new(links.change_count()),
            persons: Vec::with_capacity(rows.len()),
        };
        let mut digest = Digesting::of_rows(open.registers.keys().digest(), rows.len());
        let cells = held.cells();
        let mut asked = persons.chunks(ROWS_AT_ONCE);
        asked.next().iter().for_each(|first| cells.prefetch_many(first));
        let mut digested = 0;
        for (rows, persons) in rows.chunks(ROWS_AT_ONCE).zip(persons.chunks(ROWS_AT_ONCE)) {
            let answered = answering.answered.ids.len();
            let later = asked.next().unwrap_or_default();
            if !answering.take_members(&cells, graph, persons, later) {
                for (row, person) in rows.iter().zip(persons) {
                    answering.take_row(&cells, graph, row, *person);
                }
            }
            // The IDs before these: what was written this moment is not to be read in other pieces.
            digest.add_ids(&answering.answered.ids[digested..answered]);
            digested = answered;
        }
        digest.add_ids(&answering.answered.ids[digested..]);
        drop(held);
        let Answering { answered, joining, joined, persons, rights, .. } = answering;
        let decided = rights.decided();
        let digest = digest.finish(&answered);
        let mapped = Mapped {
            answered,
            joining,
            persons,
            spending,
            decided,
            joined,
            digest,
            said: Vec::new(),
            under_way,
        };
        Ok(mapped)
    }
}

impl Answering<'_> {
    /// Answers the next rows, if all of them are about members of whom there is nothing more to say;
    /// else does nothing but ask for the cells of `later` rows.
    #[inline]
    fn take_members(
        &mut self,
        cells: &Cells<'_>,
        graph: Option<&Graph>,
        persons: &[Option<PersonNo>],
        later: &[Option<PersonNo>],
    ) -> bool {
        let from = self.answered.ids.len();
        let end = from + persons.len();
        self.answered.ids.resize(end, 0);
        let is_superseded =
            |graph: &Graph| persons.iter().flatten().any(|person| graph.is_superseded(*person));
        let is_decided = self.decided.peek().is_some_and(|decided| (decided.row as usize) < end);
        let are_members = cells.take_members(persons, later, &mut self.answered.ids[from..])
            && !is_decided
            && !self.rights.look_at_each()
            && !graph.is_some_and(is_superseded);
        if are_members {
            self.persons.extend(persons.iter().flatten());
        } else {
            self.answered.ids.truncate(from);
        }
        are_members
    }

    /// Answers the next row, by its person's root if the leaf has another.
    fn take_row(
        &mut self,
        cells: &Cells<'_>,
        graph: Option<&Graph>,
        row: &Result<NationalId, Reject>,
        person: Option<PersonNo>,
    ) {
        let known = person.map(|person| (person, cells.standing(person)));
        match (graph, known) {
            (Some(graph), Some((leaf, _))) if graph.is_superseded(leaf) => {
                self.take_joined(row, cells, leaf, graph.root_of(leaf));
            }
            _ => self.take(row, known),
        }
    }

    /// Answers the next row.
    #[inline]
    fn take(&mut self, row: &Result<NationalId, Reject>, standing: Option<(PersonNo, Standing)>) {
        let at = u32::try_from(self.answered.ids.len()).unwrap_or(u32::MAX);
        let decided = self.decided.next_if(|decided| decided.row == at);
        if let Some((person, Standing::Member(id))) = standing
            && decided.is_none()
            && self.rights.allow(at, person)
        {
            self.answered.ids.push(id);
            self.persons.push(person);
            return;
        }
        self.take_other(at, row, decided, standing);
    }

    /// Answers a row that is not about a member of whom there is nothing more to say.
    fn take_other(
        &mut self,
        at: u32,
        row: &Result<NationalId, Reject>,
        decided: Option<RowNote>,
        standing: Option<(PersonNo, Standing)>,
    ) {
        let is_tombstoned = matches!(standing, Some((_, Standing::Tombstoned(_))));
        let standing =
            standing.map(|(person, standing)| (person, self.rights.standing(person, standing)));
        if let Some((person, Standing::Member(id))) = standing
            && is_tombstoned
            && decided.is_none()
            && self.rights.allow(at, person)
        {
            self.answered.ids.push(id);
            self.persons.push(person);
            return;
        }
        self.answered.ids.push(0);
        if let Some(decided) = decided {
            self.answered.notes.push(decided);
            // Whoever was asked about stands in the record of the look-up, told or not.
            self.persons.extend(standing.map(|(person, _)| person).filter(|_| self.looked_up));
        } else if let Some(code) = self.without_id(at, row, standing) {
            self.answered.notes.push(RowNote { row: at, code });
        }
    }

    /// Answers the next row, of a leaf whose person has another root.
    #[cold]
    fn take_joined(
        &mut self,
        row: &Result<NationalId, Reject>,
        cells: &Cells<'_>,
        leaf: PersonNo,
        root: PersonNo,
    ) {
        let at = u32::try_from(self.answered.ids.len()).unwrap_or(u32::MAX);
        let is_decided = self.decided.peek().is_some_and(|decided| decided.row == at);
        let standing = |person| self.rights.standing(person, cells.standing(person));
        let standings = (standing(leaf), standing(root));
        let answer = joined::answer(standings, self.looked_up);
        if is_decided || answer.is_none() || !self.rights.allow(at, leaf) {
            let is_nobody = standings == (Standing::NotMember, Standing::NotMember);
            let standing = match answer {
                None if !is_nobody => Standing::Suppressed,
                _ => standings.0,
            };
            return self.take(row, Some((leaf, standing)));
        }
        self.answered.ids.push(0);
        self.persons.push(leaf);
        self.joined.rows.push(JoinedRow { row: at, leaf, root });
        let filled = (&mut self.answered, &mut self.joining);
        joined::fill(filled, (at, leaf, root), standings, self.looked_up);
    }

    /// Why a row has no ID; nothing for a person who joins.
    fn without_id(
        &mut self,
        at: u32,
        row: &Result<NationalId, Reject>,
        standing: Option<(PersonNo, Standing)>,
    ) -> Option<RowCode> {
        if let Err(reject) = row {
            return Some(RowCode::Rejected(*reject));
        }
        match standing {
            Some((person, standing)) if self.looked_up => {
                self.persons.push(person);
                let is_member = standing != Standing::NotMember;
                Some(if is_member { RowCode::Suppressed } else { RowCode::Unknown })
            }
            None if self.looked_up => Some(RowCode::Unknown),
            Some((person, Standing::NotMember)) if self.rights.allow(at, person) => {
                self.joining.push(JoiningRow { row: at, person, gives: Gives::Id });
                self.persons.push(person);
                None
            }
            _ => Some(RowCode::Suppressed),
        }
    }
}

/// `HMAC-SHA-256(K, rows u64 ‖ id u64* ‖ notes u64 ‖ (row u32 ‖ length u8 ‖ code)*)`, and if
/// any row has the ID of its person's root `‖ leaves u64 ‖ (row u32 ‖ the leaf's own id u64)*`;
/// big-endian: binds the entry to what was answered.
struct Digesting(KeyedHasher);

/// The digest of a whole answer of a register.
pub(in crate::service) fn digest_of(open: &Open, answered: &Answered) -> KeyedDigest {
    digest_under(open.registers.keys().digest(), answered)
}

/// The digest of a whole answer, under a key of whoever answers.
pub(in crate::service) fn digest_under(key: &DigestKey, answered: &Answered) -> KeyedDigest {
    let mut digest = Digesting::of_rows(key, answered.ids.len());
    if answered.labels.is_empty() {
        answered.ids.chunks(ROWS_AT_ONCE).for_each(|ids| digest.add_ids(ids));
    } else {
        answered.labels.iter().for_each(|label| digest.add_label(label));
    }
    digest.finish(answered)
}

impl Digesting {
    fn of_rows(key: &DigestKey, rows: usize) -> Self {
        let mut hasher = key.hasher();
        hasher.update(&(rows as u64).to_be_bytes());
        Self(hasher)
    }

    /// Adds the IDs of at most [`ROWS_AT_ONCE`] rows.
    fn add_ids(&mut self, ids: &[u64]) {
        let mut buffer = [0_u8; ROWS_AT_ONCE * 8];
        for (bytes, id) in buffer.as_chunks_mut().0.iter_mut().zip(ids) {
            *bytes = id.to_be_bytes();
        }
        self.0.update(&buffer[..ids.len() * 8]);
    }

    /// Adds an ID of another party, or none.
    fn add_label(&mut self, label: &str) {
        self.0.update(&[u8::try_from(label.len()).expect("a label has at most 64 bytes")]);
        self.0.update(label.as_bytes());
    }

    fn finish(mut self, Answered { notes, leaf_ids, .. }: &Answered) -> KeyedDigest {
        self.0.update(&(notes.len() as u64).to_be_bytes());
        for note in notes {
            let code = note.code.name();
            self.0.update(&note.row.to_be_bytes());
            self.0.update(&[u8::try_from(code.len()).expect("codes are short words of ours")]);
            self.0.update(code.as_bytes());
        }
        if !leaf_ids.is_empty() {
            self.0.update(&(leaf_ids.len() as u64).to_be_bytes());
        }
        for leaf in leaf_ids {
            self.0.update(&leaf.row.to_be_bytes());
            self.0.update(&leaf.id.to_be_bytes());
        }
        self.0.finish()
    }
}
