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

use zeroize::Zeroizing;

use super::Error;
use super::keys::PartitionKeys;
use crate::crypto::{Entropy, KeyId, Place, Tag};
use crate::store::keys::Key;

/// Most persons in one value.
pub(super) const PERSONS_MAX: usize = 256;

const VERSION: u8 = 0x01;
const KIND: u16 = 0x10;
const FIELD_TAGS: u16 = 1;
const FIELD_IDENTITY: u16 = 2;

/// The tags of a group, opened.
pub(super) struct Tags {
    pub(super) generation: KeyId,
    pub(super) tags: Vec<Tag>,
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
    let mut plain = Zeroizing::new(Vec::with_capacity(4 + 16 * tags.tags.len()));
    plain.extend_from_slice(&tags.generation.number().to_be_bytes());
    for tag in &tags.tags {
        plain.extend_from_slice(&tag.to_bytes());
    }
    let row = Key::group(partition, first_position);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_TAGS };
    let sealed_tags = keys.tag_storage().seal(entropy, &place, &plain)?;

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
    let (sealed, _) = split(value).ok_or_else(damaged)?;
    let row = Key::group(keys.partition(), first_position);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_TAGS };
    let plain = keys.tag_storage().open(&place, sealed).map_err(|_| damaged())?;
    let (generation, tags) = plain.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (tags, rest) = tags.as_chunks::<16>();
    if !rest.is_empty() || tags.is_empty() || tags.len() > PERSONS_MAX {
        return Err(damaged());
    }
    Ok(Tags {
        generation: KeyId::new(u32::from_be_bytes(*generation)),
        tags: tags.iter().map(|tag| Tag::from_bytes(*tag)).collect(),
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
    let (_, mut rest) = split(value).ok_or_else(damaged)?;
    for _ in 0..index {
        (_, rest) = split_short(rest).ok_or_else(damaged)?;
    }
    let (sealed, _) = split_short(rest).ok_or_else(damaged)?;
    let row = Key::group(keys.partition(), first_position + index as u64);
    let place = Place { kind: KIND, row: row.as_bytes(), field: FIELD_IDENTITY };
    let storage = keys.identities().ok_or_else(damaged)?;
    storage.open(&place, sealed).map_err(|_| damaged())
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (version, rest) = value.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    (*version == VERSION)
        .then(|| rest.split_at_checked(u32::from_be_bytes(*length) as usize))
        .flatten()
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
