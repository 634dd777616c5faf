//! The key file as text: TOML, format 1 or 2.
//!
//! ```text
//! FORMAT:  body ‖ last line
//!   last line = `mac = "` ‖ hex(HMAC-SHA-256(K_mac, body)) ‖ `"` ‖ LF
//!   K_mac     = HKDF-Expand(registers root, frame("hvelv/v1/derive/key-file-mac", store_id), 32)
//!   body      = every byte before the last line; it ends with the table header `[integrity]` LF,
//!               so that the whole file is TOML too
//! ```
//!
//! Format 2 is format 1 with roots sealed by shares.  A file is written in format 1 unless it needs
//! the other, so that an older program reads what it can read, and says of the rest that it is newer.
//!
//! What is written depends on the content alone: the same document gives the same bytes.  What is
//! read is checked for shape here, and for truth once a root has opened (`open`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::kinds::{Environment, KeyFacts, KeyState, NumberSpace, Plane, Purpose, StoreId};
use super::ways::{RootEntry, Way};
use super::{Error, rotate, ways};
use crate::crypto::{DigestKey, KeyId, KeyedDigest};

mod fields;

const HEADER: &str = "\
# Key file of Hvelv.  Only hvelv makes and changes it: the last line authenticates the others.
# Mode 0600.  Never in a backup of data, never in version control.  See keys/README.md.
";
const MAC_HEAD: &str = "mac = \"";
/// `mac = "` ‖ 64 hex digits ‖ `"` ‖ LF.
const MAC_LINE_BYTES: usize = MAC_HEAD.len() + 64 + 2;

/// The content of a key file, checked for shape.
pub(super) struct Document {
    pub(super) development: bool,
    pub(super) environment: Environment,
    pub(super) store_id: StoreId,
    pub(super) created: Timestamp,
    /// INVARIANT: at least one for each plane, each way at most once, in the order of [`Plane::ALL`]
    /// and of [`Way`].
    pub(super) roots: Vec<RootEntry>,
    /// INVARIANT: ids 1, 2, 3, …; at most one active key for each purpose and scope.
    pub(super) keys: Vec<KeyEntry>,
    pub(super) marks: BTreeMap<NumberSpace, u64>,
}

pub(super) struct KeyEntry {
    pub(super) facts: KeyFacts,
    /// INVARIANT: `None` exactly when the key is destroyed.
    pub(super) wrapped: Option<Vec<u8>>,
}

/// A document with the bytes and the mac it was read from.
pub(super) struct Parsed {
    pub(super) document: Document,
    body: Vec<u8>,
    mac: KeyedDigest,
}

impl Parsed {
    /// Takes the file apart and checks its shape.  Nothing is authenticated yet.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, Error> {
        let body_bytes = bytes.len().saturating_sub(MAC_LINE_BYTES);
        let mac = mac_of_line(&bytes[body_bytes..])?;
        let mut body = bytes;
        body.truncate(body_bytes);
        let text =
            std::str::from_utf8(&body).map_err(|_| Error::Damaged { reason: "not UTF-8" })?;
        let table: toml::Table = text
            .parse()
            .map_err(|_| Error::Damaged { reason: "not the TOML that hvelv writes" })?;
        match table.get("format").and_then(toml::Value::as_integer) {
            Some(1 | 2) => {}
            Some(found) => return Err(Error::UnknownFormat { found }),
            None => return Err(Error::Damaged { reason: "no format" }),
        }
        let fields: fields::FileFields = table
            .try_into()
            .map_err(|_| Error::Damaged { reason: "a field is missing, unknown or malformed" })?;
        let document = fields.into_document()?;
        Ok(Self { document, body, mac })
    }

    /// Verifies the last line, once the key for it is known.
    pub(super) fn authenticate(self, mac_key: &DigestKey) -> Result<Document, Error> {
        if !mac_key.digest(&self.body).ct_eq(&self.mac) {
            return Err(Error::ChangedByHand);
        }
        Ok(self.document)
    }
}

fn mac_of_line(line: &[u8]) -> Result<KeyedDigest, Error> {
    let digits = line
        .strip_prefix(MAC_HEAD.as_bytes())
        .and_then(|rest| rest.strip_suffix(b"\"\n"))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(unhex)
        .ok_or(Error::Damaged { reason: "the last line is not a mac" })?;
    Ok(KeyedDigest::from_bytes(digits))
}

impl Document {
    /// The bytes of the file.
    pub(super) fn render(&self, mac_key: &DigestKey) -> Vec<u8> {
        let mut text = String::with_capacity(4096 + 320 * self.keys.len());
        // Writing to a String cannot fail.
        let _ = self.render_body(&mut text);
        let mac = mac_key.digest(text.as_bytes());
        let _ = writeln!(text, "{MAC_HEAD}{}\"", hex(mac.as_bytes()));
        text.into_bytes()
    }

    fn render_body(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(HEADER);
        writeln!(out, "format = {}", self.format())?;
        writeln!(out, "development = {}", self.development)?;
        writeln!(out, "environment = \"{}\"", self.environment)?;
        writeln!(out, "store_id = \"{}\"", hex(self.store_id.as_bytes()))?;
        writeln!(out, "created = \"{}\"", self.created)?;
        for root in &self.roots {
            writeln!(out, "\n[[root]]")?;
            writeln!(out, "plane = \"{}\"", root.plane)?;
            root.way.render(out)?;
        }
        for KeyEntry { facts, wrapped } in &self.keys {
            writeln!(out, "\n[[key]]")?;
            writeln!(out, "id = {}", facts.id)?;
            writeln!(out, "plane = \"{}\"", facts.purpose.plane())?;
            writeln!(out, "purpose = \"{}\"", facts.purpose)?;
            if let Some(scope) = facts.scope {
                writeln!(out, "scope = {scope}")?;
            }
            writeln!(out, "epoch = {}", facts.epoch)?;
            writeln!(out, "state = \"{}\"", facts.state)?;
            writeln!(out, "created = \"{}\"", facts.created)?;
            writeln!(out, "changed = \"{}\"", facts.changed)?;
            if let Some(wrapped) = wrapped {
                writeln!(out, "wrapped = \"{}\"", STANDARD.encode(wrapped))?;
            }
        }
        writeln!(out, "\n[marks]")?;
        for (space, mark) in &self.marks {
            writeln!(out, "{space} = {mark}")?;
        }
        writeln!(out, "\n[integrity]")
    }

    /// The oldest format that can say what is in the file.
    fn format(&self) -> u32 {
        let has_shares = self.roots.iter().any(|root| matches!(root.way, Way::Shares(_)));
        if has_shares { 2 } else { 1 }
    }

    /// The ways in which a root is sealed.
    pub(super) fn ways(&self, plane: Plane) -> impl Iterator<Item = &Way> {
        self.roots.iter().filter(move |root| root.plane == plane).map(|root| &root.way)
    }

    pub(super) fn key(&self, id: KeyId) -> Result<&KeyEntry, Error> {
        self.keys.iter().find(|key| key.facts.id == id).ok_or(Error::NoSuchKey { id })
    }

    pub(super) fn key_mut(&mut self, id: KeyId) -> Result<&mut KeyEntry, Error> {
        self.keys.iter_mut().find(|key| key.facts.id == id).ok_or(Error::NoSuchKey { id })
    }

    /// Live keys of a purpose and scope, by epoch.
    pub(super) fn live(
        &self,
        purpose: Purpose,
        scope: Option<u16>,
    ) -> impl Iterator<Item = &KeyEntry> {
        self.keys.iter().filter(move |key| key.facts.is_live(purpose, scope))
    }

    pub(super) fn active(&self, purpose: Purpose, scope: Option<u16>) -> Result<&KeyEntry, Error> {
        self.live(purpose, scope)
            .find(|key| key.facts.state == KeyState::Active)
            .ok_or(Error::NoActiveKey { purpose })
    }

    pub(super) fn facts(&self) -> Vec<KeyFacts> {
        self.keys.iter().map(|key| key.facts).collect()
    }

    /// What must hold between the entries.
    fn check(&self) -> Result<(), Error> {
        ways::check(&self.roots).map_err(|reason| Error::Damaged { reason })?;
        if self.development && self.environment != Environment::Development {
            return Err(Error::DevelopmentKeys);
        }
        for (number, KeyEntry { facts, wrapped }) in (1_u32..).zip(&self.keys) {
            if facts.id != KeyId::new(number) {
                return Err(Error::Damaged { reason: "key ids are not sequential" });
            }
            if facts.scope.is_some() != facts.purpose.is_scoped() {
                return Err(Error::Damaged { reason: "a key has a wrong scope" });
            }
            if !(1..=facts.purpose.epoch_max()).contains(&facts.epoch) {
                return Err(Error::Damaged { reason: "a key has an impossible epoch" });
            }
            if wrapped.is_none() != (facts.state == KeyState::Destroyed) {
                return Err(Error::Damaged { reason: "a live key is missing" });
            }
        }
        rotate::check_states(&self.facts()).map_err(|reason| Error::Damaged { reason })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Lower-case hexadecimal digits, exactly `N` bytes of them.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}
