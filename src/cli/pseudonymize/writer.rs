//! Writes answered rows: the ID in the identifier's place, or the row's number among the rejects.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use super::batch::Block;
use super::destination::{Destination, Existing, refuse_existing, sync_directory};
use super::table::Row;
use crate::cli::error::Error;
use crate::rpc::proto::{RegisterIds, RowCode, RowNote};

/// A register ID has 15 digits and begins with 1 to 9.
const REGISTER_ID_RANGE: std::ops::Range<u64> = 100_000_000_000_000..1_000_000_000_000_000;

/// What was written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows answered.
    pub(super) rows: u64,
    /// Rows among them without an ID.
    pub(super) rejected: u64,
    /// Rows with an ID whose identifier has been joined to another.
    pub(super) joined: u64,
}

/// The files being written.
pub(super) struct Writer {
    output: Destination,
    rejects_name: PathBuf,
    rejects: Option<Destination>,
    existing: Existing,
    tally: Tally,
    /// Reused for each row.
    line: Vec<u8>,
    progress: ProgressBar,
}

/// The name of the side file: `OUT.rejects.csv`.
pub(super) fn rejects_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

impl Writer {
    /// Starts the output aside, with its header.
    ///
    /// # Errors
    ///
    /// Either name is taken and to be kept, or the directory cannot be written.
    pub(super) fn create(
        name: &Path,
        existing: Existing,
        header: &[u8],
        progress: ProgressBar,
    ) -> Result<Self, Error> {
        let rejects_name = rejects_name(name);
        refuse_existing(&rejects_name, existing)?;
        let mut output = Destination::create(name, existing)?;
        output.append(header)?;
        let tally = Tally::default();
        Ok(Self {
            output,
            rejects_name,
            rejects: None,
            existing,
            tally,
            line: Vec::new(),
            progress,
        })
    }

    /// What was written so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Writes a block with its answer.
    ///
    /// # Errors
    ///
    /// The disk fails, or the answer does not fit the block: then the server is not ours.
    pub(super) fn write(&mut self, block: &Block, answer: &RegisterIds) -> Result<(), Error> {
        if answer.ids.len() != block.rows.len() {
            return Err(nonsense("another number of IDs than were asked for"));
        }
        let mut notes = answer.notes.iter().peekable();
        let mut written_to = 0;
        for (at, (row, &id)) in (0u32..).zip(block.rows.iter().zip(&answer.ids)) {
            self.output.append(part(block, written_to, row.start))?;
            written_to = row.end;
            let note = notes.next_if(|note| note.row == at);
            match code_of(id, note)? {
                None | Some(RowCode::Joined) => {
                    self.tally.joined += u64::from(note.is_some());
                    self.write_row(block, *row, id)?;
                }
                Some(code) => self.reject(block.first_row + u64::from(at), code)?,
            }
        }
        if notes.next().is_some() {
            return Err(nonsense("a note on a row that was not asked for, or out of order"));
        }
        self.output.append(part(block, written_to, block.bytes.len()))?;
        self.tally.rows += answer.ids.len() as u64;
        self.progress.inc(block.bytes.len() as u64);
        Ok(())
    }

    /// Writes the empty lines at the end of the file and makes both files durable.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(super) fn finish(&mut self, last: &Block) -> Result<(), Error> {
        self.output.append(&last.bytes)?;
        self.output.sync()?;
        self.rejects.as_mut().map_or(Ok(()), Destination::sync)
    }

    /// Gives the files their names: the rejects first, so that where there is an output, its
    /// rejects are there too.
    ///
    /// # Errors
    ///
    /// A name was taken meanwhile, or the disk fails.
    pub(super) fn publish(self) -> Result<Option<PathBuf>, Error> {
        let published = match self.rejects {
            Some(rejects) => {
                rejects.publish()?;
                Some(self.rejects_name)
            }
            None => {
                // The side file of the output that is replaced does not belong to the new one.
                if self.existing == Existing::Replace
                    && std::fs::remove_file(&self.rejects_name).is_ok()
                {
                    sync_directory(&self.rejects_name)?;
                }
                None
            }
        };
        if let Err(error) = self.output.publish() {
            if let (Existing::Keep, Some(rejects)) = (self.existing, &published) {
                let _ = std::fs::remove_file(rejects);
            }
            return Err(error);
        }
        Ok(published)
    }

    fn write_row(&mut self, block: &Block, row: Row, id: u64) -> Result<(), Error> {
        let quoted = block.bytes.get(row.cell_start) == Some(&b'"');
        let quote: &[u8] = if quoted { b"\"" } else { b"" };
        self.line.clear();
        self.line.extend_from_slice(part(block, row.start, row.cell_start));
        self.line.extend_from_slice(quote);
        self.line.extend_from_slice(&digits(id));
        self.line.extend_from_slice(quote);
        self.line.extend_from_slice(part(block, row.cell_end, row.end));
        self.output.append(&self.line)
    }

    fn reject(&mut self, row: u64, code: RowCode) -> Result<(), Error> {
        self.tally.rejected += 1;
        let line = format!("{row},{}\n", code_name(code));
        match &mut self.rejects {
            Some(rejects) => rejects.append(line.as_bytes()),
            none => {
                let mut rejects = Destination::create(&self.rejects_name, self.existing)?;
                rejects.append(b"row,code\n")?;
                rejects.append(line.as_bytes())?;
                *none = Some(rejects);
                Ok(())
            }
        }
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

fn digits(mut id: u64) -> [u8; 15] {
    let mut digits = [b'0'; 15];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(id % 10).unwrap_or_default();
        id /= 10;
    }
    digits
}

fn part(block: &Block, from: usize, to: usize) -> &[u8] {
    block.bytes.get(from..to).unwrap_or_default()
}
