//! Brings sorted rows together, in a thread of its own, so that reading and writing overlap.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::error::Error;
use super::runs::{CHUNK_BYTES, Run, RunReader, Spill, append_row};
use super::sort::Sorted;

/// Batches of rows that wait to be written.
const BATCHES: usize = 4;

/// Rows in order, in batches of [`super::runs::rows_of`].
pub(super) struct Ordered {
    batches: Receiver<Vec<u8>>,
    merging: JoinHandle<Result<(), Error>>,
}

impl Ordered {
    /// Begins to hand out rows; at most so many runs are read at a time.
    pub(super) fn begin(sorted: Sorted, runs_max: usize) -> Self {
        let (sender, batches) = sync_channel(BATCHES);
        let merging = std::thread::spawn(move || {
            let mut batch = Batch { bytes: Vec::with_capacity(CHUNK_BYTES * 2), sender };
            match sorted {
                Sorted::Memory(arena) => arena.rows().try_for_each(|row| batch.push(row))?,
                Sorted::Runs(spill) => {
                    let spill = fewer(*spill, runs_max.max(2))?;
                    merge(&spill, &spill.runs, |row| batch.push(row))?;
                }
            }
            batch.send()
        });
        Self { batches, merging }
    }

    /// Hands each batch to somebody, in order.
    ///
    /// # Errors
    ///
    /// Of either side; theirs if both fail.
    pub(super) fn for_each(
        self,
        take: impl FnMut(Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let taken = self.batches.iter().try_for_each(take);
        drop(self.batches);
        let merged = self.merging.join();
        taken?;
        merged.map_err(|_| Error::internal("the merging thread has failed"))?
    }
}

/// Rows that are handed over together.
struct Batch {
    bytes: Vec<u8>,
    sender: SyncSender<Vec<u8>>,
}

impl Batch {
    fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        append_row(row, &mut self.bytes);
        if self.bytes.len() < CHUNK_BYTES { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), Error> {
        let full = std::mem::replace(&mut self.bytes, Vec::with_capacity(CHUNK_BYTES * 2));
        self.sender.send(full).map_err(|_| Error::internal("nobody takes the rows"))
    }
}

/// Merges runs until there are no more than so many.
fn fewer(mut spill: Spill, runs_max: usize) -> Result<Spill, Error> {
    while spill.runs.len() > runs_max {
        let mut next = Spill::create(spill.directory())?;
        for runs in spill.runs.chunks(runs_max) {
            let mut merged = next.begin_run();
            merge(&spill, runs, |row| merged.push(row))?;
            merged.end()?;
        }
        spill = next;
    }
    Ok(spill)
}

/// Hands out the rows of several runs in order: a binary heap of runs, by the row each stands at.
fn merge(
    spill: &Spill,
    runs: &[Run],
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut heap = Vec::with_capacity(runs.len());
    for run in runs {
        let reader = spill.read(*run)?;
        if !reader.has_ended() {
            heap.push(reader);
        }
    }
    for place in (0..heap.len() / 2).rev() {
        sift(&mut heap, place);
    }
    while let Some(first) = heap.first_mut() {
        take(first.row())?;
        first.advance()?;
        if first.has_ended() {
            heap.swap_remove(0);
        }
        sift(&mut heap, 0);
    }
    Ok(())
}

/// Moves a run down until none below it comes before it.
fn sift(heap: &mut [RunReader<'_>], mut place: usize) {
    loop {
        let is_before = |one: usize, other: usize| match (heap.get(one), heap.get(other)) {
            (Some(one), Some(other)) => one.is_before(other),
            _ => false,
        };
        let (left, right) = (2 * place + 1, 2 * place + 2);
        let least = if is_before(right, left) { right } else { left };
        if !is_before(least, place) {
            return;
        }
        heap.swap(least, place);
        place = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::sort::Sorter;
    use crate::files::ErrorKind;

    /// Numbers in no order, as rows of different lengths; each several times.
    fn rows(count: u64) -> Vec<Vec<u8>> {
        let scattered = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (count / 2);
        let row = |number: u64| {
            let mut row = scattered(number).to_be_bytes().to_vec();
            row.extend(std::iter::repeat_n(7, usize::try_from(number % 40).unwrap()));
            row.push(0);
            row
        };
        (0..count).map(row).collect()
    }

    fn ordered(memory_bytes: usize, runs_max: usize, rows: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(memory_bytes, directory.path());
        for row in rows {
            sorter.push(row).unwrap();
        }
        let sorted = sorter.finish().unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "no file has a name");
        let mut all = Vec::new();
        Ordered::begin(sorted, runs_max)
            .for_each(|batch| {
                all.extend(super::super::runs::rows_of(&batch).map(<[u8]>::to_vec));
                Ok(())
            })
            .unwrap();
        all
    }

    #[test]
    fn rows_come_out_in_the_same_order_however_little_memory_there_is() {
        let rows = rows(20_000);
        let mut expected = rows.clone();
        expected.sort();
        assert!(ordered(1 << 26, 64, &rows) == expected, "in memory");
        assert!(ordered(1 << 18, 64, &rows) == expected, "in some runs");
        assert!(ordered(1 << 14, 3, &rows) == expected, "in more runs than are read at a time");
        assert!(ordered(64, 2, &rows[..100]).is_sorted(), "in a run a row");
        assert!(ordered(1 << 20, 2, &[]).is_empty());
    }

    #[test]
    fn a_full_disk_is_told_and_rows_that_were_changed_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let full = std::fs::File::options().read(true).write(true).open("/dev/full").unwrap();
        let mut spill = Spill::over(full, directory.path()).unwrap();
        let Err(Error::File(error)) = spill.write_run([&b"row"[..]].into_iter()) else { panic!() };
        assert_eq!(error.kind(), ErrorKind::System);
        assert!(error.to_string().starts_with("cannot put rows aside in "), "{error}");
        assert!(error.advice()[0].contains("--temporary"));

        let file = tempfile::tempfile().unwrap();
        let mut spill = Spill::over(file.try_clone().unwrap(), directory.path()).unwrap();
        spill.write_run([&b"row"[..]].into_iter()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"\xff", 6).unwrap();
        let Err(Error::File(error)) = spill.read(spill.runs[0]) else { panic!() };
        assert!(error.to_string().ends_with("were changed"), "{error}");
    }

    #[test]
    fn what_is_put_aside_is_not_readable() {
        let file = tempfile::tempfile().unwrap();
        let mut spill = Spill::over(file.try_clone().unwrap(), std::path::Path::new(".")).unwrap();
        spill.write_run([&b"a row with a text"[..]].into_iter()).unwrap();
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
        assert!(bytes.len() > 30 && !bytes.windows(4).any(|part| part == b"text"));
    }
}
