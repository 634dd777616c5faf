//! From what the server answers to what is written: IDs, and rows without one.

use serde::{Deserialize, Serialize};

use super::columns::Declared;
use super::lists::Lists;
use super::rejected::{Cause, RejectCounts};
use super::words::Rejected;
use crate::cli::error::Error;
use crate::files::{Answers, Block, IdColumn, Values};
use crate::rpc::proto::{RegisterIds, RowCode, RowNote};

/// A register ID has 15 digits and begins with 1 to 9.
const REGISTER_ID_RANGE: std::ops::Range<u64> = 100_000_000_000_000..1_000_000_000_000_000;

/// What an ID's first digit, the epoch of its key, counts.
const EPOCH_UNIT: u64 = 100_000_000_000_000;

/// What was written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    /// Rows answered.
    pub(super) rows: u64,
    /// Rows among them in which an identifier has no ID.
    pub(super) rejected: u64,
    /// Rows among them that are left out of the output.
    pub(super) left_out: u64,
    /// Cells with an ID whose identifier has been joined to another.
    pub(super) joined: u64,
    /// Rows in which every column of identifiers is empty, as it may be.
    pub(super) empty: u64,
    /// Identifiers that were sent.
    pub(super) sent: u64,
    /// Epoch of the IDs' key: one for the whole file; 0 before the first.
    epoch: u64,
}

/// What was asked about one column of a block.
pub(super) struct AskedRows {
    /// Which column.
    pub(super) column: usize,
    /// Which rows; `None`: all of them.
    pub(super) rows: Option<Vec<u32>>,
    /// How many.
    pub(super) count: usize,
}

/// Judges answers, and keeps the list of rejects.
pub(super) struct Judge {
    columns: Vec<IdColumn>,
    policy: Rejected,
    lists: Lists,
    tally: Tally,
    counts: RejectCounts,
}

/// An identifier without an ID.
struct Fault {
    row: u32,
    column: usize,
    code: RowCode,
}

impl Judge {
    /// A judge over these columns.
    pub(super) fn new(
        columns: &[Declared],
        policy: Rejected,
        lists: Lists,
        (tally, counts): (Tally, RejectCounts),
    ) -> Self {
        let columns = columns.iter().map(|column| column.column.clone()).collect();
        Self { columns, policy, lists, tally, counts }
    }

    /// What was written so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Rejects by code.
    pub(super) fn counts(&self) -> &RejectCounts {
        &self.counts
    }

    /// The lists beside the output.
    pub(super) fn lists(&mut self) -> &mut Lists {
        &mut self.lists
    }

    /// Ends judging.
    pub(super) fn into_lists(self) -> (Lists, RejectCounts) {
        (self.lists, self.counts)
    }

    /// Puts the answers about a block together, and lists its rejects.
    ///
    /// # Errors
    ///
    /// An answer does not fit what was asked: then the server is not ours. The disk fails.
    pub(super) fn judge(
        &mut self,
        block: &impl Block,
        answered: &[(AskedRows, RegisterIds)],
    ) -> Result<Answers, Error> {
        let rows = block.rows();
        let mut ids = vec![vec![0; rows]; self.columns.len()];
        let mut asked = vec![false; rows];
        let mut faults: Vec<Fault> = Vec::new();
        let mut leaves: Vec<(u32, usize, u64)> = Vec::new();
        for (question, answer) in answered {
            if answer.ids.len() != question.count {
                return Err(nonsense("another number of IDs than were asked for"));
            }
            self.tally.sent += answer.ids.len() as u64;
            let column = ids.get_mut(question.column).map(Vec::as_mut_slice).unwrap_or_default();
            let mut notes = answer.notes.iter().peekable();
            let mut formless = Vec::new();
            for (at, &id) in (0_u32..).zip(&answer.ids) {
                let note = notes.next_if(|note| note.row == at);
                let row = question.row(at);
                let place = usize::try_from(row).unwrap_or(usize::MAX);
                if let (Some(cell), Some(asked)) = (column.get_mut(place), asked.get_mut(place)) {
                    *cell = id;
                    *asked = true;
                }
                match code_of(id, note)? {
                    None => self.hold_epoch(id)?,
                    Some(RowCode::Joined) => {
                        self.hold_epoch(id)?;
                        self.tally.joined += 1;
                        let own = note.map_or(0, |note| note.own_id);
                        leaves.extend((own != 0).then_some((row, question.column, own)));
                    }
                    Some(code) => {
                        faults.push(Fault { row, column: question.column, code });
                        formless.extend((code == RowCode::Format).then_some(at));
                    }
                }
            }
            self.look_for_causes(block, question.column, &formless);
            if notes.next().is_some() {
                return Err(nonsense("a note on a row that was not asked for, or out of order"));
            }
        }
        self.tally.rows += rows as u64;
        self.tally.empty += asked.iter().filter(|asked| !**asked).count() as u64;
        leaves.sort_unstable();
        for (row, column, own) in leaves {
            let row = block.first_row() + u64::from(row);
            let name = name_among(&self.columns, column);
            self.lists.leaf_ids.add(row, &format!("{own:015}"), name)?;
        }
        faults.sort_by_key(|fault| (fault.row, fault.column));
        Ok(Answers { ids, left_out: self.reject(block.first_row(), &faults)? })
    }

    /// Looks at what was sent at some places of a column, for what has made it what it is.
    fn look_for_causes(&mut self, block: &impl Block, column: usize, places: &[u32]) {
        let Some(declared) = self.columns.get(column).filter(|_| !places.is_empty()) else {
            return;
        };
        let Values::Text(cells) = block.asked(column).values else { return };
        for &place in places {
            let cell = usize::try_from(place).ok().and_then(|place| cells.get(place));
            if let Some(cause) = cell.and_then(|cell| Cause::of(cell, declared.digits)) {
                self.counts.add_cause(cause);
            }
        }
    }

    /// Lists faults; the rows that are left out.
    fn reject(&mut self, first_row: u64, faults: &[Fault]) -> Result<Vec<u32>, Error> {
        let mut left_out: Vec<u32> = Vec::new();
        let mut last = None;
        for &Fault { row, column, code } in faults {
            self.counts.add(code);
            self.tally.rejected += u64::from(last != Some(row));
            last = Some(row);
            let name = name_among(&self.columns, column);
            self.lists.rejects.add(first_row + u64::from(row), &code_name(code), name)?;
            // Not to be stored, whatever the sender would like.
            let is_out = self.policy == Rejected::LeaveOut || code == RowCode::Suppressed;
            if is_out && left_out.last() != Some(&row) {
                left_out.push(row);
            }
        }
        self.tally.left_out += left_out.len() as u64;
        Ok(left_out)
    }

    /// A file whose first rows have IDs of one key and its last of another would be of no use.
    fn hold_epoch(&mut self, id: u64) -> Result<(), Error> {
        let epoch = id / EPOCH_UNIT;
        if self.tally.epoch == 0 {
            self.tally.epoch = epoch;
        }
        if self.tally.epoch == epoch {
            return Ok(());
        }
        Err(Error::new(
            crate::cli::error::Exit::Precondition,
            "the register's key was changed while the file was under way",
        )
        .advise("Its IDs would be of two keys. Begin anew with --restart."))
    }
}

impl AskedRows {
    /// The row in the block that the answer at a place is about.
    fn row(&self, at: u32) -> u32 {
        let Some(rows) = &self.rows else { return at };
        usize::try_from(at).ok().and_then(|at| rows.get(at)).copied().unwrap_or(u32::MAX)
    }
}

/// The name of a column, where there are several of identifiers.
fn name_among(columns: &[IdColumn], column: usize) -> Option<&str> {
    let name = columns.get(column).map_or("", |column| column.name.as_str());
    (columns.len() > 1).then_some(name)
}

/// The code of a row: none for a plain ID.
fn code_of(id: u64, note: Option<&RowNote>) -> Result<Option<RowCode>, Error> {
    let code = match note.map(RowNote::code) {
        Some(RowCode::Unspecified) => {
            return Err(nonsense("a note that this version does not know"));
        }
        code => code,
    };
    match (REGISTER_ID_RANGE.contains(&id), id, code) {
        (true, _, None | Some(RowCode::Joined)) => Ok(code),
        (false, 0, Some(code)) if code != RowCode::Joined => Ok(Some(code)),
        _ => Err(nonsense("a row with neither a register ID nor a code, or with both")),
    }
}

fn nonsense(what: &str) -> Error {
    Error::internal(format!("the server answered {what}"))
        .advise("Check that --server is a Hvelv of this version.")
}

/// The name of a code as it stands in the side file: `check_digits` for `ROW_CODE_CHECK_DIGITS`.
pub(super) fn code_name(code: RowCode) -> String {
    code.as_str_name().trim_start_matches("ROW_CODE_").to_ascii_lowercase()
}
