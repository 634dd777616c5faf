//! Reads every group of a partition into its index, when the vault is opened.
//!
//! ```text
//! store ─► reader ─► sealed tags of some groups ─► threads: open, number, insert
//! ```
//!
//! Why so: reading is one pass over the store; opening, the numbers of the persons and the waits for
//! the index are three quarters of the work, and take as many threads as there are processors.
//!
//! INVARIANT: no two groups have a position in common, and no two a tag: else nothing is served.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::partition::{Shared, entries, wipe};
use super::{Error, PersonNo, contacts, group};
use crate::crypto::Tag;
use crate::memory::stack::wiped;
use crate::store::keys::Key;
use crate::store::{Step, Store};

/// Groups that a thread takes at once: 4096 persons, so that inserts of a shard are some dozens.
const GROUPS_AT_ONCE: usize = 16;
/// A progress line is logged each time so many persons more are loaded.
const PROGRESS_PERSONS: u64 = 1_000_000;

/// First position of a group, and its tags, sealed.
type Sealed = (u64, Vec<u8>);
/// Groups on their way to who opens them.
type Queue = Arc<Mutex<Receiver<Vec<Sealed>>>>;
/// First position of a group, and how many it has.
type Positions = (u64, u64);

/// Reads every group into the index. Gives the end of the used positions.
pub(super) fn load(store: &dyn Store, shared: &Shared) -> Result<u64, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (to, queue) = sync_channel(2 * threads);
    let (queue, loaded) = (Arc::new(Mutex::new(queue)), AtomicU64::new(0));
    let (read, opened) = std::thread::scope(|scope| {
        let open = || {
            let (queue, loaded) = (Arc::clone(&queue), &loaded);
            scope.spawn(move || wiped(|| open_groups(shared, &queue, loaded)))
        };
        let threads: Vec<_> = (0..threads).map(|_| open()).collect();
        // With the last thread that takes from it the queue is gone: the reader never waits for nobody.
        drop(queue);
        let read = read_groups(store, shared.keys.partition(), &to);
        drop(to);
        let ended = threads.into_iter().map(|thread| {
            thread.join().unwrap_or(Err(Error::Damaged { what: "group of persons" }))
        });
        (read, ended.collect::<Result<Vec<_>, Error>>())
    });
    let mut positions = opened?.concat();
    read?;
    positions.sort_unstable();
    let mut end = 0;
    for (first, count) in positions {
        if first < end {
            return Err(Error::Damaged { what: "group of persons" });
        }
        end = first + count;
    }
    let count = contacts::count(&shared.keys, store)?;
    shared.keys.resume_counts(loaded.into_inner(), count);
    Ok(end)
}

/// Hands the groups on, until nobody takes them.
fn read_groups(
    store: &dyn Store,
    partition: u16,
    to: &SyncSender<Vec<Sealed>>,
) -> Result<(), Error> {
    let mut groups = Vec::with_capacity(GROUPS_AT_ONCE);
    store.scan(Key::groups_from(partition, 0), &mut |key, value| {
        groups.push((Key::trailing_u64(key)?, group::sealed_tags(value).to_vec()));
        let is_full = groups.len() == GROUPS_AT_ONCE;
        let is_taken = !is_full || to.send(std::mem::take(&mut groups)).is_ok();
        Ok(if is_taken { Step::Continue } else { Step::Stop })
    })?;
    // Whoever took them says why not any more.
    let _ = to.send(groups);
    Ok(())
}

/// Opens groups and inserts their tags, as long as there are some. Gives where they stand.
fn open_groups(
    shared: &Shared,
    queue: &Queue,
    loaded: &AtomicU64,
) -> Result<Vec<Positions>, Error> {
    let (mut positions, mut numbers) = (Vec::new(), Vec::new());
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(groups) = next else { return Ok(positions) };
        let mut found = Vec::with_capacity(groups.len() * group::PERSONS_MAX);
        for (first, sealed) in groups {
            let count = open_group(shared, (first, &sealed), &mut numbers, &mut found)?;
            positions.push((first, count));
            let before = loaded.fetch_add(count, Ordering::Relaxed);
            if before / PROGRESS_PERSONS != (before + count) / PROGRESS_PERSONS {
                let (partition, persons) = (shared.keys.partition(), before + count);
                tracing::info!(partition, persons, "loading index");
            }
        }
        let inserted = shared.index.insert_many(&found);
        found.iter_mut().for_each(|(tag, _)| *tag = Tag::from_bytes([0; 16]));
        inserted.map_err(|_| Error::Damaged { what: "tag that stands twice" })?;
    }
}

/// Adds the tags and persons of a group, without those who are erased. Gives how many places it has.
fn open_group(
    shared: &Shared,
    (first, sealed): (u64, &[u8]),
    numbers: &mut Vec<u64>,
    found: &mut Vec<(Tag, PersonNo)>,
) -> Result<u64, Error> {
    let mut opened = group::open_tags(&shared.keys, first, sealed)?;
    let count = opened.tags.len() as u64;
    shared.keys.numbers_at(opened.generation, first..first + count, numbers)?;
    let all = entries(&opened.tags, numbers)?;
    wipe(&mut opened.tags);
    let is_there = |(place, _): &(usize, _)| !opened.erased.contains(place);
    found.extend(all.into_iter().enumerate().filter(is_there).map(|(_, entry)| entry));
    Ok(count)
}
