//! What serde reads of a key file: the shape of each field, before the document is made of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::Error as _;

use super::{Document, KeyEntry, unhex};
use crate::crypto::{Argon2Params, KeyId, KeyedDigest};
use crate::keyring::Error;
use crate::keyring::kinds::{Environment, KeyFacts, KeyState, Plane, Purpose, StoreId};
use crate::keyring::ways::{RootEntry, ShareSet, Way};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFields {
    format: u32,
    development: bool,
    environment: Environment,
    store_id: Hex<16>,
    created: Moment,
    root: Vec<RootFields>,
    key: Vec<KeyFields>,
    marks: BTreeMap<String, u64>,
    #[serde(rename = "integrity")]
    _integrity: Nothing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Of both methods; `into_entry` holds that those of one are there and none of the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFields {
    plane: Plane,
    method: Method,
    memory_kib: Option<u32>,
    passes: Option<u32>,
    lanes: Option<u32>,
    salt: Option<Hex<16>>,
    set: Option<Hex<8>>,
    threshold: Option<u8>,
    tags: Option<Vec<Hex<32>>>,
    sealed: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Passphrase,
    Shares,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFields {
    id: u32,
    plane: Plane,
    purpose: Purpose,
    scope: Option<u16>,
    epoch: u32,
    state: KeyState,
    created: Moment,
    changed: Moment,
    wrapped: Option<Base64>,
}

/// So many bytes in hexadecimal.
struct Hex<const N: usize>([u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        unhex(&text).map(Self).ok_or_else(|| D::Error::custom("not so many bytes in hexadecimal"))
    }
}

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}

struct Moment(Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("not a time"))
    }
}

impl FileFields {
    pub(super) fn into_document(self) -> Result<Document, Error> {
        let roots: Vec<RootEntry> =
            self.root.into_iter().map(RootFields::into_entry).collect::<Result<_, _>>()?;
        let keys = self.key.into_iter().map(KeyFields::into_entry).collect::<Result<_, _>>()?;
        let marks = self
            .marks
            .into_iter()
            .map(|(space, mark)| Some((space.parse().ok()?, mark)))
            .collect::<Option<_>>()
            .ok_or(Error::Damaged { reason: "a mark is for an unknown number space" })?;
        let document = Document {
            development: self.development,
            environment: self.environment,
            store_id: StoreId::from_bytes(self.store_id.0),
            created: self.created.0,
            roots,
            keys,
            marks,
        };
        // A file is written in the oldest format that can say what it says.
        if document.format() != self.format {
            return Err(Error::Damaged { reason: "it has another format than it says" });
        }
        document.check()?;
        Ok(document)
    }
}

impl RootFields {
    fn into_entry(self) -> Result<RootEntry, Error> {
        let (memory, salt) = (self.memory_kib.zip(self.passes).zip(self.lanes), self.salt);
        let set = self.set.zip(self.threshold).zip(self.tags);
        let sealed = self.sealed.0;
        let way = match (self.method, memory, salt, set) {
            (Method::Passphrase, Some(((memory_kib, passes), lanes)), Some(salt), None) => {
                let params = Argon2Params::new(memory_kib, passes, lanes).map_err(|_| {
                    Error::Damaged { reason: "passphrase parameters out of bounds" }
                })?;
                Way::Passphrase { params, salt: salt.0, sealed }
            }
            (Method::Shares, None, None, Some(((set, threshold), tags))) => {
                let tags = tags.into_iter().map(|tag| KeyedDigest::from_bytes(tag.0)).collect();
                Way::Shares(ShareSet { id: set.0, threshold, tags, sealed })
            }
            _ => return Err(Error::Damaged { reason: "a root has fields of another method" }),
        };
        Ok(RootEntry { plane: self.plane, way })
    }
}

impl KeyFields {
    fn into_entry(self) -> Result<KeyEntry, Error> {
        if self.plane != self.purpose.plane() {
            return Err(Error::Damaged { reason: "a key is in the wrong plane" });
        }
        let facts = KeyFacts {
            id: KeyId::new(self.id),
            purpose: self.purpose,
            scope: self.scope,
            epoch: self.epoch,
            state: self.state,
            created: self.created.0,
            changed: self.changed.0,
        };
        Ok(KeyEntry { facts, wrapped: self.wrapped.map(|wrapped| wrapped.0) })
    }
}
