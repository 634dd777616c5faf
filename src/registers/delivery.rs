//! Deliveries: who sent what about which period, and the persons in it.
//!
//! ```text
//! FORMAT:  Delivery ‖ id          envelope of the record below, JSON, UTF-8, version field "v"
//!          DeliveryPersons ‖ id ‖ part    envelope of a part of the set (persons.rs)
//! ```
//!
//! Sources, first seen and last seen of a person are read from deliveries, so the hot path pays one
//! bit a row. A delivery is stored at checkpoints and at its end; a crash loses the marks since the
//! last one, never an answer, and the sender repeats the delivery.

use serde::{Deserialize, Serialize};

use super::Error;
use super::by_person::stage_delivery;
use super::keys::PlaneKeys;
use super::persons::PersonSet;
use crate::crypto::{Entropy, Place};
use crate::store::keys::Key;

const KIND_RECORD: u16 = 0x40;
const KIND_PERSONS: u16 = 0x41;

/// The id of a delivery: 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub [u8; 16]);

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The sender went away, or the server was sealed, before the end.
    Broken,
    /// Received to its end.
    Complete,
    /// Being received; what is stored is a checkpoint.
    Open,
}

/// What is stored about a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Version of this layout.
    pub v: u32,
    /// Code of the register.
    pub register: String,
    /// Code of the source.
    pub source: String,
    /// Principal that sent it.
    pub principal: String,
    /// Purpose.
    pub purpose: String,
    /// First day reported about, as yyyymmdd.
    pub period_from: u32,
    /// Last day reported about, as yyyymmdd.
    pub period_to: u32,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// When this record was written, RFC 3339.
    pub written: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// Rows received.
    pub rows: u64,
    /// Rows answered with an ID.
    pub answered: u64,
    /// Persons who were new in the register.
    pub new_members: u64,
    /// Different persons in it.
    pub persons: u64,
}

/// A delivery as it is stored.
pub struct StoredDelivery<'a> {
    /// Its id.
    pub id: DeliveryId,
    /// Its record.
    pub record: &'a DeliveryRecord,
    /// The persons in it.
    pub persons: &'a PersonSet,
    /// The partition that they are of.
    pub partition: u16,
}

/// Seals a delivery into what is written with its audit entry.
///
/// # Errors
///
/// [`Error::Crypto`].
pub(super) fn seal(
    keys: &PlaneKeys,
    entropy: &Entropy,
    delivery: &StoredDelivery<'_>,
) -> Result<Vec<(Key, Vec<u8>)>, Error> {
    let StoredDelivery { id, record, persons, partition } = delivery;
    let key = Key::delivery(id.0);
    let place = Place { kind: KIND_RECORD, row: key.as_bytes(), field: 0 };
    let json = serde_json::to_vec(record).map_err(|_| Error::Damaged { what: "delivery" })?;
    let mut writes = vec![(key, keys.storage().seal(entropy, &place, &json)?)];
    for (part, plain) in persons.parts()? {
        let key = Key::delivery_persons(id.0, part);
        let place = Place { kind: KIND_PERSONS, row: key.as_bytes(), field: 0 };
        writes.push((key, keys.storage().seal(entropy, &place, &plain)?));
    }
    writes.extend(stage_delivery(keys, entropy, (*partition, *id), persons)?);
    Ok(writes)
}

/// Opens a stored delivery record.
///
/// # Errors
///
/// [`Error::Damaged`].
pub(super) fn open_record(
    keys: &PlaneKeys,
    key: &[u8],
    value: &[u8],
) -> Result<DeliveryRecord, Error> {
    let damaged = || Error::Damaged { what: "delivery" };
    let place = Place { kind: KIND_RECORD, row: key, field: 0 };
    let plain = keys.storage().open(&place, value).map_err(|_| damaged())?;
    let record: DeliveryRecord = serde_json::from_slice(&plain).map_err(|_| damaged())?;
    if record.v == 1 { Ok(record) } else { Err(damaged()) }
}

/// Opens a stored part of a delivery's persons.
///
/// # Errors
///
/// [`Error::Damaged`].
pub(super) fn open_persons(
    keys: &PlaneKeys,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<crate::vault::PersonNo>, Error> {
    let place = Place { kind: KIND_PERSONS, row: key, field: 0 };
    let plain =
        keys.storage().open(&place, value).map_err(|_| Error::Damaged { what: "person set" })?;
    PersonSet::decode_part(&plain)
}
