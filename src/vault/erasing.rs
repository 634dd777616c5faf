//! Removes persons from a partition: tags, sealed identities, names and addresses, what finds them.
//!
//! ```text
//! 1  group rewritten without tag and identity, in the same place;
//!    every register's name and address of the person removed         durable
//! 2  index entry gone: whoever brings the identifier now is new
//! 3  store purged, group by group: no file of it has the earlier value
//! ```
//!
//! The place stays: positions are given once, and the number that stood there is never drawn again.
//! Done again after a crash it ends the same, whichever step it had come to.
//!
//! INVARIANT: the entry goes after the commit, so that no tag can stand in two groups.
//!
//! What it does *not* protect: files that the engine has deleted leave their blocks to the disk, and
//! backups keep what they have; `docs/OPERATIONS.md` says for how long.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::keys::PartitionKeys;
use super::partition::{Shared, wipe};
use super::{Error, PersonNo, contacts, group};
use crate::crypto::{Entropy, Tag};
use crate::store::keys::Key;
use crate::store::{Batch, Durability, Step, Store};

/// Where a person stands.
pub(super) struct Placed {
    /// First position of the group.
    pub(super) first: u64,
    /// Index in it.
    pub(super) index: usize,
    /// The group.
    pub(super) value: Vec<u8>,
    /// Whether the person is erased.
    pub(super) is_erased: bool,
}

/// Where a person stands; a number has a position in every generation, and was drawn in the one whose
/// group holds that position.
pub(super) fn place_of(
    keys: &PartitionKeys,
    store: &dyn Store,
    person: PersonNo,
) -> Result<Option<Placed>, Error> {
    for position in keys.positions_of(person.number()) {
        let Some((first, value)) = holder(keys, store, position)? else { continue };
        let mut tags = group::open_tags(keys, first, &value)?;
        let index = usize::try_from(position - first).unwrap_or(usize::MAX);
        let (count, is_erased) = (tags.tags.len(), tags.erased.contains(&index));
        wipe(&mut tags.tags);
        let mut number = Vec::new();
        keys.numbers_at(tags.generation, position..position + 1, &mut number)?;
        if index < count && number == [person.number()] {
            return Ok(Some(Placed { first, index, value, is_erased }));
        }
    }
    Ok(None)
}

/// The last group that begins at or before a position, if it can reach it.
fn holder(
    keys: &PartitionKeys,
    store: &dyn Store,
    position: u64,
) -> Result<Option<(u64, Vec<u8>)>, Error> {
    let earliest = position.saturating_sub(group::PERSONS_MAX as u64 - 1);
    let mut holder = None;
    store.scan(Key::groups_from(keys.partition(), earliest), &mut |key, value| {
        let first = Key::trailing_u64(key)?;
        if first > position {
            return Ok(Step::Stop);
        }
        holder = Some((first, value.to_vec()));
        Ok(Step::Continue)
    })?;
    Ok(holder)
}

/// Removes persons.  Those who are erased already stay so, and their groups are purged again.
pub(super) fn erase(
    shared: &Shared,
    store: &dyn Store,
    entropy: &Entropy,
    persons: &[PersonNo],
) -> Result<(), Error> {
    let _erasing = shared.erasing.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.failed.load(Ordering::Acquire) {
        return Err(Error::Failed);
    }
    let keys = &shared.keys;
    let mut groups: BTreeMap<u64, (Vec<u8>, Vec<usize>)> = BTreeMap::new();
    let (mut batch, mut tags) = (Batch::new(), Vec::new());
    for person in persons {
        contacts::remove_all(keys, store, *person, &mut batch)?;
        if let Some(placed) = place_of(keys, store, *person)? {
            let (_, indexes) =
                groups.entry(placed.first).or_insert_with(|| (placed.value, Vec::new()));
            indexes.extend((!placed.is_erased).then_some(placed.index));
        }
    }
    if groups.is_empty() {
        return Ok(());
    }
    let range =
        |first: &u64| Key::group(keys.partition(), *first)..Key::group(keys.partition(), first + 1);
    let mut ranges = contacts::to_purge(keys, persons);
    ranges.extend(groups.keys().map(range));
    for (first, (value, indexes)) in groups.iter().filter(|(_, (_, some))| !some.is_empty()) {
        let mut opened = group::open_tags(keys, *first, value)?;
        tags.extend(indexes.iter().filter_map(|index| opened.tags.get(*index).copied()));
        wipe(&mut opened.tags);
        let erased = group::erase(keys, entropy, (*first, value), indexes)?;
        batch.put(Key::group(keys.partition(), *first), erased);
    }
    let outcome = rewrite(shared, store, batch, &tags);
    wipe(&mut tags);
    outcome?;
    Ok(store.purge(&ranges)?)
}

fn rewrite(shared: &Shared, store: &dyn Store, batch: Batch, tags: &[Tag]) -> Result<(), Error> {
    if batch.is_empty() {
        return Ok(());
    }
    if let Err(error) = store.commit("erase persons", batch, Durability::Synced) {
        shared.failed.store(true, Ordering::Release);
        return Err(error.into());
    }
    shared.index.remove_many(tags);
    Ok(())
}
