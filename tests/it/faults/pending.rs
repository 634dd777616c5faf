//! One file, or one directory, with what no sync has covered yet.
//!
//! A cut keeps what is durable and an arbitrary part of the rest: of a file nothing, everything, a
//! beginning torn at a sector, or any sectors; of a directory a beginning.
//!
//! Assumptions: a sector of 512 bytes is written whole or not at all; what was synced stays; changes
//! of one directory reach the disk in their order (every journaling file system keeps that).

use std::collections::BTreeMap;

use crate::harness::Random;

const SECTOR: usize = 512;

/// Names and what they are of from now on, or nothing.
pub(super) type Names = Vec<(String, Option<Entry>)>;

#[derive(Default)]
pub(super) struct Contents {
    durable: Vec<u8>,
    /// Each with the number of its record.
    pending: Vec<(u64, Change)>,
}

pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

#[derive(Default)]
pub(super) struct Directory {
    durable: Entries,
    pub(super) now: Entries,
    /// Names that change together, with the number of their record.
    pending: Vec<(u64, Names)>,
}

pub(super) type Entries = BTreeMap<String, Entry>;

#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    File(usize),
    Directory,
}

/// What becomes of a part of a change that was not synced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Lost,
}

impl Contents {
    /// Bytes that a disk has.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes, pending: Vec::new() }
    }

    pub(super) fn change(&mut self, record: u64, change: Change) {
        self.pending.push((record, change));
    }

    /// A sync that began after so many records.
    pub(super) fn settle(&mut self, records: u64) {
        let covered = self.pending.partition_point(|(record, _)| *record < records);
        let later = self.pending.split_off(covered);
        self.durable = self.after(&mut |_| Fate::Kept);
        self.pending = later;
    }

    /// The bytes, if each sector that was written, and each change of size, has the fate it gets.
    pub(super) fn after(&self, fate: &mut dyn FnMut(usize) -> Fate) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (place, (_, change)) in self.pending.iter().enumerate() {
            match change {
                Change::Resize(size) if fate(place) == Fate::Kept => bytes.resize(*size, 0),
                Change::Resize(_) => {}
                Change::Write { at, bytes: written } => {
                    for (from, sector) in sectors(*at, written) {
                        if fate(place) == Fate::Kept {
                            bytes.resize(bytes.len().max(from + sector.len()), 0);
                            bytes[from..from + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        bytes
    }

    pub(super) fn survivor(&self, random: &mut Random) -> Vec<u8> {
        match random.below(4) {
            0 => self.durable.clone(),
            1 => self.after(&mut |_| Fate::Kept),
            2 => {
                // A beginning, down to the sector.
                let mut parts = 0;
                self.after(&mut |_| {
                    parts += 1;
                    Fate::Kept
                });
                let mut left = random.below(parts + 1);
                self.after(&mut |_| {
                    let fate = if left > 0 { Fate::Kept } else { Fate::Lost };
                    left = left.saturating_sub(1);
                    fate
                })
            }
            _ => self.after(&mut |_| [Fate::Kept, Fate::Lost][random.below(2)]),
        }
    }
}

impl Directory {
    /// A name that a disk has.
    pub(super) fn hold(&mut self, name: &str, entry: Entry) {
        self.durable.insert(name.to_owned(), entry);
        self.now.insert(name.to_owned(), entry);
    }

    /// Names that change together.
    pub(super) fn change(&mut self, record: u64, names: Names) {
        set(&mut self.now, &names);
        self.pending.push((record, names));
    }

    /// A sync that began after so many records.
    pub(super) fn settle(&mut self, records: u64) {
        let covered = self.pending.partition_point(|(record, _)| *record < records);
        for (_, names) in self.pending.drain(..covered) {
            set(&mut self.durable, &names);
        }
    }

    pub(super) fn survivor(&self, random: &mut Random) -> Entries {
        let mut entries = self.durable.clone();
        let kept = match random.below(3) {
            0 => 0,
            1 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        self.pending.iter().take(kept).for_each(|(_, names)| set(&mut entries, names));
        entries
    }
}

fn set(entries: &mut Entries, names: &[(String, Option<Entry>)]) {
    for (name, entry) in names {
        match entry {
            Some(entry) => drop(entries.insert(name.clone(), *entry)),
            None => drop(entries.remove(name)),
        }
    }
}

/// The sectors of a write, each with its offset; the first and the last may be parts of one.
fn sectors(at: usize, mut bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut from = at;
    let mut sectors = Vec::new();
    while !bytes.is_empty() {
        let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR - from % SECTOR));
        sectors.push((from, sector));
        from += sector.len();
        bytes = rest;
    }
    sectors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left for many seeds, without repetitions.
    fn outcomes<T: Ord>(left: impl Fn(&mut Random) -> T) -> Vec<T> {
        let outcomes: std::collections::BTreeSet<T> =
            (0..500).map(|seed| left(&mut Random(seed))).collect();
        outcomes.into_iter().collect()
    }

    fn write(at: usize, bytes: &[u8]) -> Change {
        Change::Write { at, bytes: bytes.to_vec() }
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_is_kept_or_lost_or_torn() {
        let mut file = Contents::default();
        file.change(0, write(0, &[1; 700]));
        file.settle(1);
        file.change(1, write(700, &[2; 1000]));
        let left = outcomes(|random| file.survivor(random));
        assert!(left.iter().all(|bytes| bytes[..700] == [1; 700]), "the synced part is there");
        let second = |bytes: &&Vec<u8>| bytes.len() > 700 && bytes[700..].contains(&0);
        assert!(left.iter().any(|bytes| bytes.len() == 700), "all of it lost");
        assert!(left.iter().any(|bytes| bytes.len() == 1700 && !bytes.contains(&0)), "all kept");
        assert!(left.iter().any(|bytes| bytes.len() == 1024), "torn at a sector");
        assert_eq!(left.iter().find(second).unwrap().len() % 100, 0, "a hole before the end");
    }

    #[test]
    fn a_write_after_a_sync_began_is_not_covered_by_it() {
        let mut file = Contents::default();
        file.change(0, write(0, b"before"));
        file.change(1, write(6, b"after"));
        file.settle(1);
        let left = outcomes(|random| file.survivor(random));
        assert_eq!(left, [b"before".to_vec(), b"beforeafter".to_vec()]);
    }

    #[test]
    fn an_overwritten_sector_is_old_or_new() {
        let mut file = Contents::durable(vec![1; 1024]);
        file.change(0, write(0, &[2; 1024]));
        let (old, new) = ([1; 512], [2; 512]);
        let left = outcomes(|random| file.survivor(random));
        let expected =
            [[old, old], [old, new], [new, old], [new, new]].map(|halves| halves.concat());
        assert_eq!(left, expected);
    }

    #[test]
    fn a_change_of_size_is_kept_or_lost() {
        let mut file = Contents::durable(vec![1; 4]);
        file.change(0, Change::Resize(0));
        assert_eq!(outcomes(|random| file.survivor(random)), [vec![], vec![1; 4]]);
    }

    #[test]
    fn names_change_together_in_their_order_and_for_good_once_synced() {
        let mut directory = Directory::default();
        directory.hold("key", Entry::File(0));
        directory.change(0, vec![("new".to_owned(), Some(Entry::File(1)))]);
        let renamed = vec![("new".to_owned(), None), ("key".to_owned(), Some(Entry::File(1)))];
        directory.change(1, renamed);
        let names = |random: &mut Random| {
            let entries = directory.survivor(random);
            entries.iter().map(|(name, entry)| format!("{name} {entry:?}")).collect::<Vec<_>>()
        };
        let before = vec!["key File(0)".to_owned()];
        let between = vec!["key File(0)".to_owned(), "new File(1)".to_owned()];
        let after = vec!["key File(1)".to_owned()];
        assert_eq!(outcomes(names), [before, between, after.clone()]);
        directory.settle(2);
        let names = |random: &mut Random| {
            let entries = directory.survivor(random);
            entries.iter().map(|(name, entry)| format!("{name} {entry:?}")).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(names), [after]);
    }
}
