//! What an act changes in the register plane's store.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::persons::PersonSet;
use super::recorder::Recorder;
use super::{Error, Ordinals};
use crate::crypto::Place;
use crate::store::Batch;
use crate::store::keys::Key;

const KIND_ASKED: u16 = 0x33;

/// A change of the register plane's store that an act makes.
pub enum Write {
    /// Writes a sealed value.
    Put(Key, Vec<u8>),
    /// Removes what there is.
    Remove(Key),
    /// Removes the ordinals of a key that is destroyed, those of this commit too.
    RemoveOrdinals(Arc<Ordinals>),
    /// Drops the bodies of audit entries, of which the act's own entry says that they were pruned.
    PruneEntries(Vec<RangeInclusive<u64>>),
    /// Says whom the act concerns, of the partition of its register, or of all sealed ones.
    Concerns(PersonSet),
    /// Raises the mark of the vault's positions seen used in a partition: a person is named whom a
    /// vault that is behind would not know.
    VaultUsed(u16),
}

impl Recorder {
    /// What an act changes, whose entry has that number.
    pub(super) fn write(
        &mut self,
        index: u64,
        writes: Vec<Write>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        for write in writes {
            match write {
                Write::Concerns(persons) => self.stage_concerned(index, &persons, batch)?,
                Write::PruneEntries(runs) => {
                    for entries in runs {
                        self.log.prune(entries, index)?;
                    }
                }
                Write::Put(key, value) => batch.put(key, value),
                Write::Remove(key) => batch.remove(key),
                Write::RemoveOrdinals(ordinals) => ordinals.remove(batch),
                Write::VaultUsed(partition) => self.mark_vault(partition, batch),
            }
        }
        Ok(())
    }

    /// Whom an entry concerns: `(length u32 ‖ part)*`, sealed as one.  That it concerns nobody is said
    /// too: a bridge of an older program does not say, and was given of everybody.
    pub(super) fn stage_concerned(
        &mut self,
        index: u64,
        persons: &PersonSet,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let key = Key::audit_persons(index);
        let place = Place { kind: KIND_ASKED, row: key.as_bytes(), field: 0 };
        batch.insert(key, self.keys.storage().seal(&self.entropy, &place, &persons.encode()?)?);
        self.index.note(persons.count_at_most());
        Ok(())
    }
}
