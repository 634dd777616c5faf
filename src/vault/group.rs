//! One stored value for up to 256 new persons.
//!
//! ```text
//! FORMAT:  key    Group ‖ partition u16 ‖ first position u64
//!          value  0x01 ‖ tags length u32 ‖ tags envelope ‖ (identity length u16 ‖ envelope)*
//!          tags envelope, opened:  generation key id u32 ‖ tag (16 bytes)*
//! ```
//!
//! Why: one value for many persons is what makes a first load fast, and a load at start needs the
//! tags only, so they are sealed apart from the identities. The person at index i has position
//! first + i; the person number is that position permuted under the generation's key. Key and field
//! are bound into each envelope, so no part opens anywhere else. One-way partitions have no
//! identities.
//!
//! ```text
//! FORMAT, version 2: some persons are erased.  They keep their places:
//!          value  0x02 ‖ …as above; an erased person's identity has length 0
//!          tags envelope, of field 3: an erased person's tag is 16 zero bytes
//! ```

use zeroize::Zeroizing;

use super::Error;
use super::keys::PartitionKeys;
use super::partition::wipe;
use crate::crypto::{self, Entropy, KeyId, Place, StorageKeys, Tag};
use crate::store::keys::Key;

/// Most persons in one value.
pub(super) const PERSONS_MAX: usize = 256;

const VERSION: u8 = 0x01;
const VERSION_ERASED: u8 = 0x02;
const KIND: u16 = 0x10;
const FIELD_TAGS: u16 = 1;
const FIELD_IDENTITY: u16 = 2;
const FIELD_TAGS_ERASED: u16 = 3;
/// What stands in the place of an erased person's tag.  A tag is the output of a keyed function: it is
/// this one with a chance of 2^-128.
const NO_TAG: [u8; 16] = [0; 16];

/// The tags of a group, opened.
pub(super) struct Tags {
    pub(super) generation: KeyId,
    pub(super) tags: Vec<Tag>,
    /// Indexes whose persons are erased, ascending; their tags are zero.
    pub(super) erased: Vec<usize>,
}

impl Tags {
    /// Tags of persons none of whom is erased.
    pub(super) const fn new(generation: KeyId, tags: Vec<Tag>) -> Self {
        Self { generation, tags, erased: Vec::new() }
    }

    fn plaintext(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(4 + 16 * self.tags.len()));
        plain.extend_from_slice(&self.generation.number().to_be_bytes());
        for tag in &self.tags {
            plain.extend_from_slice(&tag.to_bytes());
        }
        plain
    }
}

/// Makes the value of a group.
///
/// # Errors
///
/// [`Error::Crypto`] when the key has sealed all it may, or the system has no randomness.
pub(super) fn encode(
    keys: &PartitionKeys,
    entropy: &Entropy,
    first_position: u64,
    tags: &Tags,
    identities: &[Zeroizing<Vec<u8>>],
) -> Result<Vec<u8>, Error> {
    let partition = keys.partition();
    let row = Key::group(partition, first_position);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_TAGS };
    let sealed_tags = keys.tag_storage().seal(entropy, &place, &tags.plaintext())?;

    let mut value = Vec::with_capacity(5 + sealed_tags.len() + identities.len() * 100);
    value.push(VERSION);
    value.extend_from_slice(&length32(sealed_tags.len()).to_be_bytes());
    value.extend_from_slice(&sealed_tags);
    if let Some(storage) = keys.identities() {
        let mut sealer = storage.sealer(entropy);
        for (position, identity) in (first_position..).zip(identities) {
            let row = Key::group(partition, position);
            let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_IDENTITY };
            let at = value.len();
            value.extend_from_slice(&[0; 2]);
            sealer.seal_into(&mut value, &place, identity)?;
            let length = length16(value.len() - at - 2);
            value[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(value)
}

/// The beginning of a group's value, which is all that [`open_tags`] needs; all of what is no group.
pub(super) fn sealed_tags(value: &[u8]) -> &[u8] {
    let identities = split(value).map_or(0, |(_, _, identities)| identities.len());
    &value[..value.len() - identities]
}

/// Opens the tags of a group.
///
/// # Errors
///
/// [`Error::Damaged`] when the value is not a group or does not open.
pub(super) fn open_tags(
    keys: &PartitionKeys,
    first_position: u64,
    value: &[u8],
) -> Result<Tags, Error> {
    let damaged = || Error::Damaged { what: "group of persons" };
    let (version, sealed, _) = split(value).ok_or_else(damaged)?;
    let row = Key::group(keys.partition(), first_position);
    let field = if version == VERSION { FIELD_TAGS } else { FIELD_TAGS_ERASED };
    let place = Place { kind: KIND, row: row.as_bytes(), field };
    let plain = keys.tag_storage().open(&place, sealed).map_err(|_| damaged())?;
    let (generation, tags) = plain.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (tags, rest) = tags.as_chunks::<16>();
    if !rest.is_empty() || tags.is_empty() || tags.len() > PERSONS_MAX {
        return Err(damaged());
    }
    let is_erased = |tag: &[u8; 16]| version == VERSION_ERASED && *tag == NO_TAG;
    let erased = tags.iter().enumerate().filter(|(_, tag)| is_erased(tag));
    Ok(Tags {
        generation: KeyId::new(u32::from_be_bytes(*generation)),
        tags: tags.iter().map(|tag| Tag::from_bytes(*tag)).collect(),
        erased: erased.map(|(index, _)| index).collect(),
    })
}

/// The value of a group without the tags and identities of the persons at some indexes.  The others'
/// identities are as they were.
///
/// # Errors
///
/// [`Error::Damaged`] when the value is not a group; [`Error::Crypto`] as for [`encode`].
pub(super) fn erase(
    keys: &PartitionKeys,
    entropy: &Entropy,
    (first_position, value): (u64, &[u8]),
    indexes: &[usize],
) -> Result<Vec<u8>, Error> {
    let damaged = || Error::Damaged { what: "group of persons" };
    let mut tags = open_tags(keys, first_position, value)?;
    for index in indexes {
        *tags.tags.get_mut(*index).ok_or_else(damaged)? = Tag::from_bytes(NO_TAG);
    }
    let row = Key::group(keys.partition(), first_position);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_TAGS_ERASED };
    let sealed_tags = keys.tag_storage().seal(entropy, &place, &tags.plaintext())?;
    wipe(&mut tags.tags);
    let (_, _, mut rest) = split(value).ok_or_else(damaged)?;
    let mut erased = Vec::with_capacity(value.len());
    erased.push(VERSION_ERASED);
    erased.extend_from_slice(&length32(sealed_tags.len()).to_be_bytes());
    erased.extend_from_slice(&sealed_tags);
    let mut index = 0;
    while !rest.is_empty() {
        let (identity, after) = split_short(rest).ok_or_else(damaged)?;
        let identity = if indexes.contains(&index) { &[] } else { identity };
        erased.extend_from_slice(&length16(identity.len()).to_be_bytes());
        erased.extend_from_slice(identity);
        (rest, index) = (after, index + 1);
    }
    Ok(erased)
}

/// Whether an older key has sealed the tags or an identity of a group.
pub(super) fn is_older(keys: &PartitionKeys, value: &[u8]) -> bool {
    let Some((_, tags, mut rest)) = split(value) else { return false };
    if keys.tag_storage().is_older(tags) {
        return true;
    }
    let Some(storage) = keys.identities() else { return false };
    while let Some((identity, after)) = split_short(rest) {
        if storage.is_older(identity) {
            return true;
        }
        rest = after;
    }
    false
}

/// The value of a group with all that it holds under the active keys.
///
/// # Errors
///
/// [`Error::Damaged`] when the value is not a group or does not open; [`Error::Crypto`] as for
/// [`encode`].
pub(super) fn reseal(
    keys: &PartitionKeys,
    entropy: &Entropy,
    (first_position, value): (u64, &[u8]),
) -> Result<Vec<u8>, Error> {
    let damaged = || Error::Damaged { what: "group of persons" };
    let (version, tags, mut rest) = split(value).ok_or_else(damaged)?;
    let row = Key::group(keys.partition(), first_position);
    let field = if version == VERSION { FIELD_TAGS } else { FIELD_TAGS_ERASED };
    let place = Place { kind: KIND, row: row.as_bytes(), field };
    let tags = resealed(keys.tag_storage(), entropy, &place, tags)?;
    let mut anew = Vec::with_capacity(value.len());
    anew.push(version);
    anew.extend_from_slice(&length32(tags.len()).to_be_bytes());
    anew.extend_from_slice(&tags);
    let mut position = first_position;
    while !rest.is_empty() {
        let (identity, after) = split_short(rest).ok_or_else(damaged)?;
        let row = Key::group(keys.partition(), position);
        let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_IDENTITY };
        let identity = match keys.identities() {
            Some(storage) if !identity.is_empty() => resealed(storage, entropy, &place, identity)?,
            _ => identity.to_vec(),
        };
        anew.extend_from_slice(&length16(identity.len()).to_be_bytes());
        anew.extend_from_slice(&identity);
        (rest, position) = (after, position + 1);
    }
    Ok(anew)
}

/// An envelope of the active key: the same one where it is that.
fn resealed(
    storage: &StorageKeys,
    entropy: &Entropy,
    place: &Place<'_>,
    envelope: &[u8],
) -> Result<Vec<u8>, Error> {
    if !storage.is_older(envelope) {
        return Ok(envelope.to_vec());
    }
    storage.reseal(entropy, place, envelope).map_err(|error| match error {
        crypto::Error::Open => Error::Damaged { what: "group of persons" },
        error => error.into(),
    })
}

/// Opens the identity at an index of a group.
///
/// # Errors
///
/// [`Error::Damaged`] when it is not there or does not open.
pub(super) fn open_identity(
    keys: &PartitionKeys,
    first_position: u64,
    index: usize,
    value: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let damaged = || Error::Damaged { what: "sealed identity" };
    let (_, _, mut rest) = split(value).ok_or_else(damaged)?;
    for _ in 0..index {
        (_, rest) = split_short(rest).ok_or_else(damaged)?;
    }
    let (sealed, _) = split_short(rest).ok_or_else(damaged)?;
    let row = Key::group(keys.partition(), first_position + index as u64);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_IDENTITY };
    let storage = keys.identities().ok_or_else(damaged)?;
    storage.open(&place, sealed).map_err(|_| damaged())
}

/// Version, envelope of the tags, and identities.
fn split(value: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (version, rest) = value.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (tags, identities) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    matches!(*version, VERSION | VERSION_ERASED).then_some((*version, tags, identities))
}

fn split_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn length32(length: usize) -> u32 {
    u32::try_from(length).expect("256 tags are far below 4 GiB")
}

fn length16(length: usize) -> u16 {
    u16::try_from(length).expect("an identity of one identifier is far below 64 KiB")
}
