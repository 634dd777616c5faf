//! From what the server answers to what is written: IDs, and rows without one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::columns::Declared;
use super::rejected::{Cause, RejectCounts};
use super::words::Rejected;
use crate::cli::error::Error;
use crate::files::destination::{Destination, Existing, refuse_existing, sync_directory};
use crate::files::{Answers, Block, IdColumn, Values, Written};
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
    rejects: Rejects,
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
        rejects: Rejects,
        (tally, counts): (Tally, RejectCounts),
    ) -> Self {
        let columns = columns.iter().map(|column| column.column.clone()).collect();
        Self { columns, policy, rejects, tally, counts }
    }

    /// What was written so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Rejects by code.
    pub(super) fn counts(&self) -> &RejectCounts {
        &self.counts
    }

    /// The list of rejects.
    pub(super) fn rejects(&mut self) -> &mut Rejects {
        &mut self.rejects
    }

    /// Ends judging.
    pub(super) fn into_rejects(self) -> (Rejects, RejectCounts) {
        (self.rejects, self.counts)
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
            let name = self.columns.get(column).map_or("", |column| column.name.as_str());
            let name = (self.columns.len() > 1).then_some(name);
            self.rejects.add(first_row + u64::from(row), code, name)?;
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

/// The name of the side file: `OUT.rejects.csv`.
pub(super) fn rejects_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

/// The side file of rows without an ID, which exists only if there is one.
pub(super) struct Rejects {
    /// `None`: there is no place for it, and the rows are only counted.
    name: Option<PathBuf>,
    existing: Existing,
    file: Option<Destination>,
}

impl Rejects {
    /// A list that is empty.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept.
    pub(super) fn create(name: Option<PathBuf>, existing: Existing) -> Result<Self, Error> {
        if let Some(name) = &name {
            refuse_existing(name, existing)?;
        }
        Ok(Self { name, existing, file: None })
    }

    /// Goes on with a list.
    ///
    /// # Errors
    ///
    /// Its part is gone, shorter, or being written.
    pub(super) fn resume(&mut self, written: &Written) -> Result<(), Error> {
        if let (Some(name), [part]) = (&self.name, written.parts.as_slice()) {
            self.file = Some(Destination::resume(name, self.existing, part, written.bytes)?);
        }
        Ok(())
    }

    fn add(&mut self, row: u64, code: RowCode, column: Option<&str>) -> Result<(), Error> {
        let Some(name) = &self.name else { return Ok(()) };
        let code = code_name(code);
        let (header, line) = match column {
            Some(column) => ("row,code,column\n", format!("{row},{code},{}\n", quoted(column))),
            None => ("row,code\n", format!("{row},{code}\n")),
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = Destination::create(name, self.existing)?;
                file.append(header.as_bytes())?;
                none.insert(file)
            }
        };
        Ok(file.append(line.as_bytes())?)
    }

    /// Makes the list durable, to be gone on with.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn checkpoint(&mut self) -> Result<Option<Written>, Error> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let (part, bytes) = file.checkpoint()?;
        Ok(Some(Written { parts: vec![part], bytes }))
    }

    /// Says that what is durable is of no use any more.
    pub(super) fn forget(&mut self) {
        if let Some(file) = &mut self.file {
            file.forget();
        }
    }

    /// Makes the list durable.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), |file| Ok(file.sync()?))
    }

    /// Gives the list its name, then does the same for the output, so that where there is an
    /// output, its rejects are there too.
    ///
    /// # Errors
    ///
    /// A name was taken meanwhile, or the disk fails.
    pub(super) fn publish_before(
        self,
        publish: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Option<PathBuf>, Error> {
        let published = match (self.file, self.name) {
            (Some(file), Some(name)) => {
                file.publish()?;
                Some(name)
            }
            (_, Some(name)) => {
                // The side file of the output that is replaced does not belong to the new one.
                if self.existing == Existing::Replace && std::fs::remove_file(&name).is_ok() {
                    sync_directory(&name)?;
                }
                None
            }
            (_, None) => None,
        };
        if let Err(error) = publish() {
            if let (Existing::Keep, Some(rejects)) = (self.existing, &published) {
                let _ = std::fs::remove_file(rejects);
            }
            return Err(error);
        }
        Ok(published)
    }
}

/// A name as a field of CSV.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
