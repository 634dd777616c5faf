//! Checks every record of a vault's store, without serving it.
//!
//! Why it exists: a start reads tags alone, and stops at the first that is wrong.  This opens every
//! identity too, makes its tag anew, and goes on.
//!
//! ```text
//! group ─► tags open ─► places ascend, below the leases ─► tags differ from all others
//!             └─► each identity opens ─► the tag of its identifier is the one beside it
//! ```
//!
//! INVARIANT: nothing is written; no finding names a person.
//!
//! What it does *not* show: that the store is the newest one; that is what the marks are for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::index::Index;
use super::keys::PartitionKeys;
use super::partition::{entries, wipe};
use super::{Error, PersonNo, Rows, contacts, group, identity};
use crate::keyring::Keyring;
use crate::store::finding::Findings;
use crate::store::keys::{Key, Kind};
use crate::store::records::load_mark;
use crate::store::{self, Step, Store};

const DAMAGED: &str = "it is damaged, or was moved";

/// What a partition holds, by its groups.
pub struct CheckedPartition {
    /// Positions leased.
    pub leased: u64,
    /// End of the positions used.
    pub used: u64,
    /// Persons, those who are erased among them.
    pub persons: u64,
    keys: PartitionKeys,
    index: Index,
    numbers: roaring::RoaringTreemap,
}

impl CheckedPartition {
    fn new(keys: PartitionKeys, leased: u64) -> Self {
        let numbers = roaring::RoaringTreemap::new();
        Self { leased, used: 0, persons: 0, keys, index: Index::new(), numbers }
    }

    /// Whether a person was ever given this number.
    #[must_use]
    pub fn has(&self, person: PersonNo) -> bool {
        self.numbers.contains(person.number())
    }
}

/// Checks every record of a vault's store: of the person partition and those of one-way registers.
///
/// # Errors
///
/// The store cannot be read.
pub fn check(
    store: &dyn Store,
    keyring: &Arc<Keyring>,
    partitions: &[u16],
    findings: &mut Findings,
) -> Result<BTreeMap<u16, CheckedPartition>, store::Error> {
    let mut checked = BTreeMap::new();
    for partition in partitions {
        match PartitionKeys::new(Arc::clone(keyring), *partition) {
            Ok(keys) => {
                let leased = mark(store, *partition, findings)?;
                checked.insert(*partition, CheckedPartition::new(keys, leased));
            }
            Err(_) => findings.add(format!("partition {partition}"), "the key file has no keys"),
        }
    }
    let mut unknown = BTreeSet::new();
    store.scan(Key::everything(), &mut |key, value| {
        match Key::parse(key) {
            Ok((Kind::HighWater | Kind::Marker, _)) => {}
            Ok((Kind::Contact, parsed)) => {
                let holder = checked.get(&Key::leading_u16(key)?);
                let opened = holder.map(|holder| contacts::open(&holder.keys, &parsed, value));
                if !matches!(opened, Some(Ok(_))) {
                    findings.record(key, DAMAGED);
                }
            }
            Ok((Kind::Group, _)) => {
                let (partition, first) = (Key::leading_u16(key)?, Key::trailing_u64(key)?);
                match checked.get_mut(&partition) {
                    Some(checked) => checked.group(key, (first, value), findings),
                    None if unknown.insert(partition) => {
                        findings.record(key, "no register has this partition");
                    }
                    None => {}
                }
            }
            Ok(_) => findings.record(key, "it is a record of the register plane"),
            Err(_) => findings.record(key, "no record is under such a key"),
        }
        Ok(Step::Continue)
    })?;
    Ok(checked)
}

fn mark(store: &dyn Store, partition: u16, findings: &mut Findings) -> Result<u64, store::Error> {
    let key = Key::high_water(partition);
    match load_mark(store, &key) {
        Err(store::Error::Damaged { .. }) => {
            findings.record(key.as_bytes(), DAMAGED);
            Ok(u64::MAX)
        }
        mark => mark,
    }
}

impl CheckedPartition {
    fn group(&mut self, key: &[u8], (first, value): (u64, &[u8]), findings: &mut Findings) {
        let Ok(mut opened) = group::open_tags(&self.keys, first, value) else {
            findings.record(key, DAMAGED);
            return;
        };
        let end = first + opened.tags.len() as u64;
        if first < self.used {
            findings.record(key, "it begins before the group before it ends");
        }
        if end > self.leased {
            findings.record(key, "it lies above what was leased");
        }
        self.used = self.used.max(end);
        self.persons += end - first;
        if let Err(what) = self.enter(&opened, first..end) {
            findings.record(key, what);
        }
        if self.keys.identities().is_some() {
            for index in 0..opened.tags.len() {
                if !opened.erased.contains(&index)
                    && let Err(what) = self.identity((first, value), index, &opened)
                {
                    findings.record(key, format!("identity {index} of the group {what}"));
                }
            }
        }
        wipe(&mut opened.tags);
    }

    /// Takes a group's persons, who are nobody else.
    fn enter(
        &mut self,
        opened: &group::Tags,
        positions: std::ops::Range<u64>,
    ) -> Result<(), &'static str> {
        let mut numbers = Vec::new();
        let drawn = self.keys.numbers_at(opened.generation, positions, &mut numbers);
        drawn.map_err(|_| "the key file does not have its generation of person numbers")?;
        let mut persons = entries(&opened.tags, &numbers).map_err(|_| "a number is too high")?;
        let mut index = 0..;
        persons.retain(|_| index.next().is_some_and(|index| !opened.erased.contains(&index)));
        let given_twice = numbers.iter().any(|number| !self.numbers.insert(*number));
        self.index.insert_many(&persons).map_err(|_| "a tag stands in it that stands before")?;
        if given_twice { Err("a person number was given twice") } else { Ok(()) }
    }

    /// Opens an identity and holds it against its tag.
    fn identity(
        &self,
        (first, value): (u64, &[u8]),
        index: usize,
        opened: &group::Tags,
    ) -> Result<(), &'static str> {
        let damaged = |_: Error| "is damaged, or was moved";
        let plain = group::open_identity(&self.keys, first, index, value).map_err(damaged)?;
        let known = identity::decode(&plain).map_err(damaged)?;
        let rows: Rows = known.into_iter().map(|known| Ok(known.id)).collect();
        let mut tags = Vec::with_capacity(rows.len());
        self.keys.tag_many(&rows, &mut tags);
        let own = opened.tags.get(index).map(|tag| tag.to_bytes());
        let agrees = tags.iter().any(|tag| Some(tag.to_bytes()) == own);
        wipe(&mut tags);
        if agrees { Ok(()) } else { Err("is another one's than its tag") }
    }
}
