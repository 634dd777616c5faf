//! Sorts rows in bounded memory: a part of it is filled while another is sorted and put aside.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::error::Error;
use super::runs::Spill;

/// How many arenas there are: one is filled, one is sorted and written.
const ARENAS: usize = 2;

/// Most bytes of rows in an arena: a row's place is 32 bits.
const ROWS_BYTES_MAX: usize = 1 << 31;

/// A row in an arena, by its first 16 bytes, which decide most comparisons.
#[derive(Clone, Copy)]
struct Entry {
    high: u64,
    low: u64,
    at: u32,
    length: u32,
}

/// Rows in memory, and their order.
pub(super) struct Arena {
    rows: Vec<u8>,
    entries: Vec<Entry>,
}

impl Arena {
    /// Memory is mapped when it is touched, so that room for the most that may come costs nothing.
    fn new(bytes: usize) -> Self {
        let rows = Vec::with_capacity(bytes.min(ROWS_BYTES_MAX));
        Self { rows, entries: Vec::with_capacity(bytes / size_of::<Entry>() / 2) }
    }

    fn bytes(&self) -> usize {
        self.rows.len() + self.entries.len() * size_of::<Entry>()
    }

    fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        let too_long = || Error::internal("a row is longer than 4 GiB");
        let at = u32::try_from(self.rows.len()).map_err(|_| too_long())?;
        let length = u32::try_from(row.len()).map_err(|_| too_long())?;
        let (high, low) = prefix(row);
        self.entries.push(Entry { high, low, at, length });
        self.rows.extend_from_slice(row);
        Ok(())
    }

    fn sort(&mut self) {
        let rows = self.rows.as_slice();
        self.entries.sort_unstable_by(|one, other| {
            let first = (one.high, one.low).cmp(&(other.high, other.low));
            first.then_with(|| one.of(rows).cmp(other.of(rows)))
        });
    }

    /// The rows, in order when they are sorted.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| entry.of(&self.rows))
    }
}

impl Entry {
    fn of<'a>(&self, rows: &'a [u8]) -> &'a [u8] {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let length = usize::try_from(self.length).unwrap_or_default();
        rows.get(at..at.saturating_add(length)).unwrap_or_default()
    }
}

/// The first 16 bytes of a row, so that they compare as the bytes do. Where they are equal, the rows
/// must be compared.
pub(super) fn prefix(row: &[u8]) -> (u64, u64) {
    let mut bytes = [0; 16];
    let length = row.len().min(bytes.len());
    if let (Some(to), Some(from)) = (bytes.get_mut(..length), row.get(..length)) {
        to.copy_from_slice(from);
    }
    let bits = u128::from_be_bytes(bytes);
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    (half(bits >> 64), half(bits))
}

/// All rows of a file, in order.
pub(super) enum Sorted {
    /// They fit into memory.
    Memory(Arena),
    /// They were put aside.
    Runs(Box<Spill>),
}

/// Takes rows in any order.
pub(super) struct Sorter {
    arena: Arena,
    arena_bytes: usize,
    filled: SyncSender<Arena>,
    emptied: Receiver<Arena>,
    arenas: usize,
    writing: JoinHandle<Result<Option<Spill>, Error>>,
}

impl Sorter {
    /// A sorter that uses so much memory, and this directory when it is not enough.
    pub(super) fn new(memory_bytes: usize, temporary: &Path) -> Self {
        let arena_bytes = memory_bytes / ARENAS;
        let (filled, to_write) = sync_channel::<Arena>(0);
        let (written, emptied) = channel();
        let temporary: PathBuf = temporary.to_owned();
        let writing = std::thread::spawn(move || {
            let mut spill = None;
            for mut arena in to_write {
                arena.sort();
                let spill = match &mut spill {
                    Some(spill) => spill,
                    none => none.insert(Spill::create(&temporary)?),
                };
                spill.write_run(arena.rows())?;
                arena.rows.clear();
                arena.entries.clear();
                // Nobody takes it when no row is left.
                let _ = written.send(arena);
            }
            Ok(spill)
        });
        let arena = Arena::new(arena_bytes);
        Self { arena, arena_bytes, filled, emptied, arenas: 1, writing }
    }

    /// Takes a row.
    ///
    /// # Errors
    ///
    /// Rows cannot be put aside; [`Sorter::finish`] says why.
    pub(super) fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        let bytes = self.arena.bytes() + row.len() + size_of::<Entry>();
        if bytes > self.arena_bytes || self.arena.rows.len() > ROWS_BYTES_MAX {
            self.hand_over()?;
        }
        self.arena.push(row)
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        let stopped = || Error::internal("rows are not put aside any more");
        let next = if self.arenas < ARENAS {
            self.arenas += 1;
            Arena::new(self.arena_bytes)
        } else {
            self.emptied.recv().map_err(|_| stopped())?
        };
        let full = std::mem::replace(&mut self.arena, next);
        self.filled.send(full).map_err(|_| stopped())
    }

    /// All rows, in order.
    ///
    /// # Errors
    ///
    /// Rows cannot be put aside: the disk is full, or fails.
    pub(super) fn finish(mut self) -> Result<Sorted, Error> {
        let handed = if self.arenas > 1 { self.hand_over() } else { Ok(()) };
        drop(self.filled);
        let spill = self.writing.join();
        let spill = spill.map_err(|_| Error::internal("the sorting thread has failed"))??;
        handed?;
        Ok(match spill {
            Some(spill) => Sorted::Runs(Box::new(spill)),
            None => {
                self.arena.sort();
                Sorted::Memory(self.arena)
            }
        })
    }
}
