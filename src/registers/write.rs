//! What an act changes in the register plane's store.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Ordinals;
use super::persons::PersonSet;
use crate::store::keys::Key;

/// A change of the register plane's store that an act makes.
pub enum Write {
    /// Writes a sealed value.
    Put(Key, Vec<u8>),
    /// Removes what there is.
    Remove(Key),
    /// Removes the ordinals of a key that is destroyed, those of this commit too.
    RemoveOrdinals(Arc<Ordinals>),
    /// Drops the bodies of audit entries, of which the act's own entry says that they were pruned.
    PruneEntries(RangeInclusive<u64>),
    /// Says whom the act concerns, of the partition of its register, or of all sealed ones.
    Concerns(PersonSet),
    /// Raises the mark of the vault's positions seen used in a partition: a person is named whom a
    /// vault that is behind would not know.
    VaultUsed(u16),
}
