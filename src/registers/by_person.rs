//! What concerns one person, found without reading what concerns others.
//!
//! Why it exists: innsyn says who looked a person up or acted on them, and which sources have sent
//! something about them (S-02).  Audit entries and deliveries are stored as they come, each with all
//! its persons; read that way, an answer about one person would cost a reading of everybody.
//!
//! ```text
//! entries   AuditPerson, AuditPersons   with each entry, in its commit
//!             └─ folded, some hundred entries at a time ─► AuditOf (partition, chunk, first entry)
//! delivery  DeliveryPersons             with each checkpoint and at the end
//!             └─ in the same commit ─────────────────────► DeliveredIn (partition, chunk, delivery)
//! ```
//!
//! A chunk is 65,536 persons.  Everything about one person is in one range of each index, and in the
//! entries since the last fold, of which there are few.
//!
//! INVARIANT: an index says what the records that it was made of say; it can be made again from them.
//! INVARIANT: what is folded stays where it was, so that a reader who looks at the entries since the
//! mark first, and at the folds then, misses nothing that is folded meanwhile.
//!
//! What it does *not* protect: chunks stand in clear in keys, so that whoever has the store, and no
//! key, sees how many of 65,536 persons' things there are.

mod audit;
mod deliveries;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::Error;
use super::keys::PlaneKeys;
use crate::audit::AuditReader;
use crate::crypto::Entropy;
use crate::store::Store;
use crate::vault::PersonNo;

pub(super) use audit::AuditIndex;
pub(super) use deliveries::stage_delivery;

/// Persons of a chunk share the upper bits of their numbers.
pub(super) const CHUNK_BITS: u32 = 16;
/// The mark of the index of audit entries: those before it are folded.
const AUDIT: u16 = 0;
/// The mark of the index of deliveries: 1 once those that were stored without it are in it.
const DELIVERIES: u16 = 1;

/// The indexes by person, for reading, and what they are made with.
pub(super) struct ByPerson {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: Arc<PlaneKeys>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) reader: AuditReader,
    /// The partition of each register's persons, by its code.
    pub(super) partitions: BTreeMap<String, u16>,
}

impl ByPerson {
    /// The partition of a register's persons; `None` for one that the catalogue no longer has.
    pub(super) fn partition_of(&self, register: &str) -> Option<u16> {
        self.partitions.get(register).copied()
    }
}

/// The chunk of a person, and which of its persons it is.
fn place_of(person: PersonNo) -> (u32, u32) {
    let number = person.number();
    // A person number has 40 bits.
    let chunk = u32::try_from(number >> CHUNK_BITS).unwrap_or(u32::MAX);
    (chunk, u32::try_from(number & ((1 << CHUNK_BITS) - 1)).unwrap_or_default())
}

/// Persons in ascending order, by chunk.
fn by_chunk(persons: &[PersonNo]) -> Vec<(u32, RoaringBitmap)> {
    let mut chunks: Vec<(u32, RoaringBitmap)> = Vec::new();
    for (chunk, low) in persons.iter().copied().map(place_of) {
        match chunks.last_mut() {
            Some((last, lows)) if *last == chunk => {
                lows.insert(low);
            }
            _ => chunks.push((chunk, RoaringBitmap::from_iter([low]))),
        }
    }
    chunks
}

fn read_lows(bytes: &[u8], what: &'static str) -> Result<RoaringBitmap, Error> {
    RoaringBitmap::deserialize_from(bytes).map_err(|_| Error::Damaged { what })
}
