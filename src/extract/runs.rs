//! Sorted runs of rows on disk: sealed, in a file that has no name.
//!
//! ```text
//! file  = chunk*                      runs one after the other, each a number of chunks
//! chunk = length u32 LE ‖ sealed      sealed under a key of the moment, by the chunk's number
//! plain = ( length u32 LE ‖ row )*    whole rows
//! ```
//!
//! The file is unlinked as soon as it is created and only its owner could open it until then: when
//! the process ends, in whatever way, it is gone, and so is the key.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::sort::prefix;
use crate::crypto::{Entropy, MomentKey};
use crate::files;

/// Bytes of rows in a chunk; of a longer row, that row.
pub(super) const CHUNK_BYTES: usize = 128 * 1024;

const LENGTH_BYTES: usize = size_of::<u32>();

/// Rows that are put aside.
pub(super) struct Spill {
    directory: PathBuf,
    file: File,
    key: MomentKey,
    bytes: u64,
    pub(super) runs: Vec<Run>,
}

/// One sorted run.
#[derive(Clone, Copy)]
pub(super) struct Run {
    at: u64,
    first_chunk: u64,
    chunks: u64,
}

impl Spill {
    /// A file in a directory, for as long as this lives.
    ///
    /// # Errors
    ///
    /// The directory cannot be written.
    pub(super) fn create(directory: &Path) -> Result<Self, Error> {
        let cannot =
            |cause: &std::io::Error| files::Error::system("put rows aside in", directory, cause);
        let name = format!(".hvelv-{:016x}", RandomState::new().hash_one(0_u8));
        let path = directory.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|cause| cannot(&cause))?;
        std::fs::remove_file(&path).map_err(|cause| cannot(&cause))?;
        Self::over(file, directory)
    }

    /// Rows in a file that is open.
    pub(super) fn over(file: File, directory: &Path) -> Result<Self, Error> {
        let key = MomentKey::generate(&Entropy::os())
            .map_err(|_| Error::internal("the operating system gave no randomness"))?;
        Ok(Self { directory: directory.to_owned(), file, key, bytes: 0, runs: Vec::new() })
    }

    /// Where the file is, for another one beside it.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes rows that are in order.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(super) fn write_run<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Error> {
        let mut run = self.begin_run();
        for row in rows {
            run.push(row)?;
        }
        run.end()
    }

    /// Begins a run.
    pub(super) fn begin_run(&mut self) -> RunWriter<'_> {
        let run = Run { at: self.bytes, first_chunk: 0, chunks: 0 };
        RunWriter { run, chunk: Vec::with_capacity(CHUNK_BYTES * 2), spill: self }
    }

    /// Reads a run from its beginning.
    ///
    /// # Errors
    ///
    /// The disk fails, or gives back something else than was written.
    pub(super) fn read(&self, run: Run) -> Result<RunReader<'_>, Error> {
        let mut reader = RunReader {
            spill: self,
            rest: run,
            chunk: Vec::new(),
            row: 0..0,
            prefix: (0, 0),
            has_ended: false,
        };
        reader.advance()?;
        Ok(reader)
    }

    fn failed(&self, doing: &str, cause: &std::io::Error) -> Error {
        files::Error::system(doing, &self.directory, cause)
            .advise("Nothing was written. Make room there, or name another directory: --temporary.")
            .into()
    }
}

/// Writes a run.
pub(super) struct RunWriter<'a> {
    spill: &'a mut Spill,
    run: Run,
    chunk: Vec<u8>,
}

impl RunWriter<'_> {
    /// Writes the next row.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        append_row(row, &mut self.chunk);
        if self.chunk.len() < CHUNK_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let number = self.spill.key.seal(&mut self.chunk);
        if self.run.chunks == 0 {
            self.run.first_chunk = number;
        }
        self.run.chunks += 1;
        let length = u32::try_from(self.chunk.len())
            .map_err(|_| Error::internal("a chunk is longer than 4 GiB"))?;
        let written = self
            .spill
            .file
            .write_all(&length.to_le_bytes())
            .and_then(|()| self.spill.file.write_all(&self.chunk));
        written.map_err(|cause| self.spill.failed("put rows aside in", &cause))?;
        self.spill.bytes += (LENGTH_BYTES + self.chunk.len()) as u64;
        self.chunk.clear();
        Ok(())
    }

    /// Ends the run.
    ///
    /// # Errors
    ///
    /// As [`RunWriter::push`].
    pub(super) fn end(mut self) -> Result<(), Error> {
        if !self.chunk.is_empty() {
            self.flush()?;
        }
        self.spill.runs.push(self.run);
        Ok(())
    }
}

/// A run being read: it stands at one of its rows until it has ended.
pub(super) struct RunReader<'a> {
    spill: &'a Spill,
    /// What is not read yet.
    rest: Run,
    chunk: Vec<u8>,
    row: std::ops::Range<usize>,
    prefix: (u64, u64),
    has_ended: bool,
}

impl RunReader<'_> {
    /// Whether there is no row any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The row that it stands at.
    pub(super) fn row(&self) -> &[u8] {
        self.chunk.get(self.row.clone()).unwrap_or_default()
    }

    /// Whether its row comes before another's.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        match self.prefix.cmp(&other.prefix) {
            std::cmp::Ordering::Equal => self.row() < other.row(),
            unequal => unequal.is_lt(),
        }
    }

    /// Goes to the next row.
    ///
    /// # Errors
    ///
    /// The disk fails, or gives back something else than was written.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        if self.row.end == self.chunk.len() && !self.fill()? {
            self.has_ended = true;
            return Ok(());
        }
        let rest = self.chunk.get(self.row.end..).unwrap_or_default();
        let length = first_row(rest).map(<[u8]>::len);
        let length = length.ok_or_else(|| Error::internal("a run does not hold whole rows"))?;
        let start = self.row.end + LENGTH_BYTES;
        self.row = start..start + length;
        self.prefix = prefix(self.row());
        Ok(())
    }

    /// Reads the next chunk, if there is one.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.rest.chunks == 0 {
            return Ok(false);
        }
        let failed = |cause: std::io::Error| self.spill.failed("read rows put aside in", &cause);
        let mut length = [0; LENGTH_BYTES];
        self.spill.file.read_exact_at(&mut length, self.rest.at).map_err(failed)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        self.chunk.resize(length, 0);
        let at = self.rest.at + LENGTH_BYTES as u64;
        self.spill.file.read_exact_at(&mut self.chunk, at).map_err(failed)?;
        self.spill.key.open(self.rest.first_chunk, &mut self.chunk).map_err(|_| {
            let what = format!("rows put aside in {} were changed", self.spill.directory.display());
            files::Error::new(files::ErrorKind::System, what)
                .advise("The disk fails, or somebody writes to it. Name another: --temporary.")
        })?;
        self.rest = Run {
            at: at + length as u64,
            first_chunk: self.rest.first_chunk + 1,
            chunks: self.rest.chunks - 1,
        };
        self.row = 0..0;
        Ok(true)
    }
}

/// Appends a row with its length.
pub(super) fn append_row(row: &[u8], out: &mut Vec<u8>) {
    // Rows are bounded by the longest record, far below 4 GiB.
    let length = u32::try_from(row.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(row);
}

/// The row that bytes begin with.
fn first_row(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// The rows that bytes are.
pub(super) fn rows_of(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let row = first_row(bytes)?;
        bytes = bytes.get(LENGTH_BYTES + row.len()..).unwrap_or_default();
        Some(row)
    })
}
