//! The keys of one partition, chosen from the open keyring.

use std::ops::Range;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::{Error, PERSONS};
use crate::crypto::{KeyId, NumberKey, StorageKeys, Tag, TagInput};
use crate::ident::{NationalId, Reject};
use crate::keyring::{Epochs, Keyring, OneWayKeys};

/// First byte of what the handle of a person is made of; those of identifiers are codes of kinds.
const HANDLE: u8 = 0xf0;

/// The epoch of the key that every stored tag was made with: nothing makes them anew yet.
const TAG_EPOCH: u32 = 1;

/// The keys of one partition.
pub struct PartitionKeys {
    keyring: Arc<Keyring>,
    partition: u16,
}

impl PartitionKeys {
    /// The keys of a partition: 0 for persons, otherwise a one-way register's number.
    ///
    /// # Errors
    ///
    /// [`Error::NoPartition`] when the register has no one-way keys; [`Error::OtherTagKey`].
    pub fn new(keyring: Arc<Keyring>, partition: u16) -> Result<Self, Error> {
        let vault = keyring.vault();
        let epoch = match vault.one_way.get(&partition) {
            Some(keys) => keys.tags.active_epoch(),
            None if partition == PERSONS => vault.index.active_epoch(),
            None => return Err(Error::NoPartition),
        };
        // Nobody would be found, and everybody would get a second number.
        if epoch != TAG_EPOCH {
            return Err(Error::OtherTagKey);
        }
        Ok(Self { keyring, partition })
    }

    /// Number of the partition.
    pub fn partition(&self) -> u16 {
        self.partition
    }

    fn one_way(&self) -> Option<&OneWayKeys> {
        self.keyring.vault().one_way.get(&self.partition)
    }

    /// Adds the tags of the accepted rows, in order.
    pub(super) fn tag_many(&self, rows: &[Result<NationalId, Reject>], tags: &mut Vec<Tag>) {
        let accepted = rows.iter().filter_map(|row| row.as_ref().ok());
        match self.one_way() {
            Some(keys) => self.tag_one_way(keys, accepted, tags),
            None => self.tag_keyed(accepted, tags),
        }
    }

    fn tag_keyed<'a>(&self, accepted: impl Iterator<Item = &'a NationalId>, tags: &mut Vec<Tag>) {
        let key = self.keyring.vault().index.active();
        // Rows whose encoding fills more than one AES block: H-numbers with their assigner.
        let mut long = Vec::new();
        let inputs = accepted.zip(tags.len()..).map(|(id, place)| {
            // The lengths of nearly all identifiers.
            match id.tag_input_word() {
                Some((word, 14)) => return TagInput::from_word::<14>(word),
                Some((word, 15)) => return TagInput::from_word::<15>(word),
                _ => {}
            }
            let mut encoding = Zeroizing::new([0; 32]);
            let length = id.tag_input(&mut encoding);
            long.push((place, key.tag(&encoding[..length])));
            TagInput::EMPTY
        });
        key.tag_many(inputs, tags);
        for (place, tag) in long {
            tags[place] = tag;
        }
    }

    fn tag_one_way<'a>(
        &self,
        keys: &OneWayKeys,
        accepted: impl Iterator<Item = &'a NationalId>,
        tags: &mut Vec<Tag>,
    ) {
        let mut encodings: Vec<([u8; 32], usize)> = accepted
            .map(|id| {
                let mut encoding = [0; 32];
                let length = id.tag_input(&mut encoding);
                (encoding, length)
            })
            .collect();
        keys.tags.active().tag_many(encodings.iter().map(|(bytes, end)| &bytes[..*end]), tags);
        encodings.iter_mut().for_each(|(bytes, _)| bytes.zeroize());
    }

    /// What seals the tags of groups.
    pub(super) fn tag_storage(&self) -> &StorageKeys {
        self.one_way().map_or_else(|| &self.keyring.vault().tag_storage, |keys| &keys.tag_storage)
    }

    /// What seals identities; nothing in a one-way partition.
    pub(super) fn identities(&self) -> Option<&StorageKeys> {
        (self.partition == PERSONS).then(|| &self.keyring.vault().identity)
    }

    /// What stands for a person in keys of records that are one person's.  No encoding of an identifier
    /// begins with that byte, so a handle is nobody's tag.
    pub(super) fn handle(&self, person: u64) -> [u8; 16] {
        let [_, _, _, number @ ..] = person.to_be_bytes();
        let mut encoding = [HANDLE, 0, 0, 0, 0, 0];
        encoding[1..].copy_from_slice(&number);
        self.keyring.vault().index.active().tag(&encoding).to_bytes()
    }

    fn numbers(&self) -> &Epochs<NumberKey> {
        self.one_way().map_or_else(|| &self.keyring.vault().person_numbers, |keys| &keys.numbers)
    }

    /// The generation that numbers are drawn from now.
    pub(super) fn active_generation(&self) -> KeyId {
        self.numbers().active_id()
    }

    /// The numbers at a range of positions of a generation. Replaces what `out` held.
    pub(super) fn numbers_at(
        &self,
        generation: KeyId,
        positions: Range<u64>,
        out: &mut Vec<u64>,
    ) -> Result<(), Error> {
        let key = self.numbers().with_id(generation);
        let key = key.ok_or(Error::Damaged { what: "generation of person numbers" })?;
        key.numbers_at(positions, out).map_err(|_| Error::Exhausted)
    }

    /// The positions that a number can have been drawn at, one for each generation.
    pub(super) fn positions_of(&self, number: u64) -> impl Iterator<Item = u64> + '_ {
        self.numbers().iter().filter_map(move |(_, key)| key.position_of(number).ok())
    }

    /// Tells the sealing keys how many records they have sealed in earlier runs, so that their
    /// bound holds across restarts.
    pub(super) fn resume_counts(&self, persons: u64, contacts: u64) {
        self.tag_storage().active().resume(persons);
        if let Some(identities) = self.identities() {
            identities.active().resume(persons + contacts);
        }
    }
}
