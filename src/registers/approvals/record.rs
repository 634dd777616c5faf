//! What is stored of an approval.
//!
//! ```text
//! FORMAT:  Approval ‖ id (10)    envelope of the record below, JSON, UTF-8
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::{Approval, ApprovalId, Move, Party, State, Wanted};
use crate::crypto::{Entropy, KeyedDigest, Place, StorageKeys};
use crate::registers::Error;
use crate::store::keys::Key;

const VERSION: u32 = 1;
const KIND_RECORD: u16 = 0x70;

/// Version 1.
#[derive(Serialize, Deserialize)]
struct StoredV1 {
    v: u32,
    act: String,
    subject: String,
    digest: String,
    reason: String,
    basis: String,
    requested_by: StoredPartyV1,
    requested: String,
    expires: String,
    state: String,
    moves: Vec<StoredMoveV1>,
}

#[derive(Serialize, Deserialize)]
struct StoredPartyV1 {
    principal: String,
    person: String,
    organisation: String,
}

#[derive(Serialize, Deserialize)]
struct StoredMoveV1 {
    to: String,
    by: StoredPartyV1,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn damaged() -> Error {
    Error::Damaged { what: "approval" }
}

/// The plaintext of an approval's record.
pub(super) fn encode(approval: &Approval) -> Result<Vec<u8>, Error> {
    let Approval { wanted, reason, basis, requester, requested, expires, moves, .. } = approval;
    let stored = StoredV1 {
        v: VERSION,
        act: wanted.act.as_str().to_owned(),
        subject: wanted.subject.clone(),
        digest: hex(wanted.digest.as_bytes()),
        reason: reason.clone(),
        basis: basis.clone(),
        requested_by: StoredPartyV1::new(requester),
        requested: requested.to_string(),
        expires: expires.to_string(),
        state: approval.moved_to().as_str().to_owned(),
        moves: moves.iter().map(StoredMoveV1::new).collect(),
    };
    serde_json::to_vec(&stored).map_err(|_| damaged())
}

/// Reads a record back: its moves are such as may be, and lead to its state.
pub(super) fn decode(id: ApprovalId, plain: &[u8]) -> Result<Approval, Error> {
    let stored: StoredV1 = serde_json::from_slice(plain).map_err(|_| damaged())?;
    let (state, v) = (stored.state.clone(), stored.v);
    let approval = stored.read(id).ok_or_else(damaged)?;
    let mut before = State::Requested;
    for one in &approval.moves {
        if !before.leads_to(one.to) {
            return Err(damaged());
        }
        before = one.to;
    }
    if v == VERSION && before.as_str() == state { Ok(approval) } else { Err(damaged()) }
}

/// Seals the record of an approval for its place.
pub(super) fn seal(
    keys: &StorageKeys,
    entropy: &Entropy,
    key: &Key,
    approval: &Approval,
) -> Result<Vec<u8>, Error> {
    let place = Place { kind: KIND_RECORD, row: key.as_bytes(), field: 0 };
    Ok(keys.seal(entropy, &place, &encode(approval)?)?)
}

/// Opens the record in a place.
pub(super) fn open(keys: &StorageKeys, key: &[u8], value: &[u8]) -> Result<Approval, Error> {
    let place = Place { kind: KIND_RECORD, row: key, field: 0 };
    let id = key.last_chunk().copied().map(ApprovalId).ok_or_else(damaged)?;
    decode(id, &keys.open(&place, value).map_err(|_| damaged())?)
}

impl StoredV1 {
    fn read(self, id: ApprovalId) -> Option<Approval> {
        let digest = KeyedDigest::from_bytes(bytes(&self.digest)?);
        Some(Approval {
            id,
            wanted: Wanted { act: self.act.parse().ok()?, subject: self.subject, digest },
            reason: self.reason,
            basis: self.basis,
            requester: self.requested_by.read()?,
            requested: self.requested.parse().ok()?,
            expires: self.expires.parse().ok()?,
            moves: self.moves.into_iter().map(StoredMoveV1::read).collect::<Option<_>>()?,
        })
    }
}

impl StoredPartyV1 {
    fn new(party: &Party) -> Self {
        Self {
            principal: party.principal.to_string(),
            person: party.person.to_string(),
            organisation: party.organisation.to_string(),
        }
    }

    fn read(self) -> Option<Party> {
        Some(Party {
            principal: self.principal.parse().ok()?,
            person: self.person.parse().ok()?,
            organisation: self.organisation.parse().ok()?,
        })
    }
}

impl StoredMoveV1 {
    fn new(one: &Move) -> Self {
        Self {
            to: one.to.as_str().to_owned(),
            by: StoredPartyV1::new(&one.by),
            at: one.at.to_string(),
            note: one.note.clone(),
        }
    }

    fn read(self) -> Option<Move> {
        let at: Timestamp = self.at.parse().ok()?;
        Some(Move { to: self.to.parse().ok()?, by: self.by.read()?, at, note: self.note })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 hexadecimal digits in small letters.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.bytes().all(is_hex) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
