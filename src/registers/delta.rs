//! What became of persons in a register with one commit, as it is stored.
//!
//! ```text
//! FORMAT:  key    Delta ‖ register u16 ‖ sequence u64
//!          value  envelope of: version 0x01 ‖ entry*
//!          entry  person number (5 bytes, big-endian) ‖ state (1) ‖ register number (6, big-endian)
//!          state  1 member, 2 suppressed (register number 0), 3 erased (register number 0)
//! ```
//!
//! Deltas are read in sequence at start and a later entry about a person replaces an earlier one, so
//! a re-issue, a suppression or an erasure is one more delta. The register number is stored, never
//! the ID: the ID is the number under the register's key of the current epoch.
//!
//! INVARIANT: entries ascend by person number.  In the order in which persons came they would name them
//! to whoever has the store and its keys, and knows that order.

use zeroize::Zeroizing;

use super::Error;
use crate::crypto::{Entropy, Place, StorageKeys};
use crate::store::keys::Key;
use crate::vault::PersonNo;

const VERSION: u8 = 0x01;
const KIND: u16 = 0x20;
const STATE_MEMBER: u8 = 1;
const STATE_SUPPRESSED: u8 = 2;
const STATE_ERASED: u8 = 3;
const ENTRY_BYTES: usize = 12;

/// What a person is in a register, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// No longer a member.
    Erased,
    /// A member with this register number.
    Member(u64),
    /// Suppressed.
    Suppressed,
}

/// Seals a delta; of each person there is one entry.
pub(super) fn encode(
    keys: &StorageKeys,
    entropy: &Entropy,
    key: &Key,
    mut entries: Vec<(PersonNo, Stored)>,
) -> Result<Vec<u8>, Error> {
    entries.sort_unstable_by_key(|(person, _)| *person);
    let place = Place { kind: KIND, row: key.as_bytes(), field: 0 };
    keys.seal(entropy, &place, &plaintext(&entries)).map_err(Error::Crypto)
}

/// What is sealed.
pub(super) fn plaintext(entries: &[(PersonNo, Stored)]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + ENTRY_BYTES * entries.len()));
    plain.push(VERSION);
    for (person, stored) in entries {
        let (state, number) = match stored {
            Stored::Erased => (STATE_ERASED, 0),
            Stored::Member(number) => (STATE_MEMBER, *number),
            Stored::Suppressed => (STATE_SUPPRESSED, 0),
        };
        plain.extend_from_slice(&person.number().to_be_bytes()[3..]);
        plain.push(state);
        plain.extend_from_slice(&number.to_be_bytes()[2..]);
    }
    plain
}

/// Opens a delta.
pub(super) fn decode(
    keys: &StorageKeys,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<(PersonNo, Stored)>, Error> {
    let damaged = || Error::Damaged { what: "membership delta" };
    let place = Place { kind: KIND, row: key, field: 0 };
    let plain = keys.open(&place, value).map_err(|_| damaged())?;
    let (version, entries) = plain.split_first().ok_or_else(damaged)?;
    let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
    if *version != VERSION || !rest.is_empty() {
        return Err(damaged());
    }
    entries.iter().map(|entry| decode_entry(entry).ok_or_else(damaged)).collect()
}

fn decode_entry(entry: &[u8; ENTRY_BYTES]) -> Option<(PersonNo, Stored)> {
    let [p0, p1, p2, p3, p4, state, n0, n1, n2, n3, n4, n5] = *entry;
    let person = PersonNo::from_number(u64::from_be_bytes([0, 0, 0, p0, p1, p2, p3, p4]))?;
    let number = u64::from_be_bytes([0, 0, n0, n1, n2, n3, n4, n5]);
    match (state, number) {
        (STATE_MEMBER, number) => Some((person, Stored::Member(number))),
        (STATE_ERASED, 0) => Some((person, Stored::Erased)),
        (STATE_SUPPRESSED, 0) => Some((person, Stored::Suppressed)),
        _ => None,
    }
}
