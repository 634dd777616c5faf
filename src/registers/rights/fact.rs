//! What a person has said, as it is stored.
//!
//! FORMAT: docs/FORMATS.md, sections "Rights fact" and "Audit person".

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::quality::{QualityFact, QualityStatement};
use crate::audit::Reference;
use crate::config::codes::{DisclosurePurpose, OrganisationNumber, PrincipalName, TermCode};
use crate::config::words::word_enum;
use crate::vault::PersonNo;

const VERSION: u8 = 1;
/// Of what was said to a quality register.
const VERSION_QUALITY: u8 = 2;
/// Room for a record, so that its buffer does not grow and leave copies behind.
const RECORD_BYTES: usize = 1024;
const AUDIT_PERSON_BYTES: usize = 8;

word_enum! {
    /// How it came that a person is reserved, or consents.
    pub enum Channel {
        /// Helsenorge.
        Helsenorge = "helsenorge",
        /// The institution that treats the person.
        Institution = "institution",
        /// A letter.
        Letter = "letter",
        /// The person turned to the register.
        Register = "register",
    }
}

/// What a person has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Yes to these purposes, at least one, in place of any earlier yes.
    ConsentGiven(BTreeSet<DisclosurePurpose>),
    /// No longer yes.
    ConsentWithdrawn,
    /// Something to a quality register whose consents the register keeps.
    Quality(QualityFact),
    /// No longer no to a use.
    ReservationLifted(TermCode),
    /// No to a use.
    ReservationSet(TermCode),
}

impl Fact {
    /// The word that stands for it in records and on the wire.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ConsentGiven(_) => "consent_given",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::Quality(QualityFact { said, .. }) => said.kind(),
            Self::ReservationLifted(_) => "reservation_lifted",
            Self::ReservationSet(_) => "reservation_set",
        }
    }
}

/// What a person has said, and how that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsFact {
    /// What.
    pub fact: Fact,
    /// When.
    pub at: Timestamp,
    /// Who recorded it.
    pub principal: PrincipalName,
    /// The organisation of who recorded it.
    pub organisation: OrganisationNumber,
    /// How it came.
    pub channel: Channel,
    /// The reference of the audit entry.
    pub reference: Reference,
}

/// Version 1.  No `Debug`: it has a person number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    person: u64,
    kind: String,
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    reserved_use: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    purposes: Vec<String>,
    at: String,
    principal: String,
    organisation: String,
    channel: String,
    reference: Reference,
}

/// Version 2: what was said to a quality register.  No `Debug`: it has a person number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV2 {
    v: u8,
    person: u64,
    kind: String,
    quality_register: String,
    on: String,
    at: String,
    principal: String,
    organisation: String,
    channel: String,
    reference: Reference,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u8,
}

impl RightsFact {
    /// The plaintext of the record about a person.
    pub(super) fn encode(&self, person: PersonNo) -> Zeroizing<Vec<u8>> {
        let (mut reserved_use, mut purposes) = (None, Vec::new());
        match &self.fact {
            Fact::ConsentGiven(given) => purposes.extend(given.iter().map(ToString::to_string)),
            Fact::ConsentWithdrawn => {}
            Fact::Quality(said) => return self.encode_quality(person, said),
            Fact::ReservationLifted(code) | Fact::ReservationSet(code) => {
                reserved_use = Some(code.to_string());
            }
        }
        let stored = StoredV1 {
            v: VERSION,
            person: person.number(),
            kind: self.fact.kind().to_owned(),
            reserved_use,
            purposes,
            at: self.at.to_string(),
            principal: self.principal.to_string(),
            organisation: self.organisation.to_string(),
            channel: self.channel.to_string(),
            reference: self.reference,
        };
        plaintext(&stored)
    }

    fn encode_quality(&self, person: PersonNo, said: &QualityFact) -> Zeroizing<Vec<u8>> {
        plaintext(&StoredV2 {
            v: VERSION_QUALITY,
            person: person.number(),
            kind: self.fact.kind().to_owned(),
            quality_register: said.register.to_string(),
            on: said.on.to_string(),
            at: self.at.to_string(),
            principal: self.principal.to_string(),
            organisation: self.organisation.to_string(),
            channel: self.channel.to_string(),
            reference: self.reference,
        })
    }

    fn decode_quality(plain: &[u8]) -> Option<(PersonNo, Self)> {
        let stored: StoredV2 = serde_json::from_slice(plain).ok()?;
        let said = QualityFact {
            register: stored.quality_register.parse().ok()?,
            said: QualityStatement::of_kind(&stored.kind)?,
            on: stored.on.parse().ok()?,
        };
        let fact = Self {
            fact: Fact::Quality(said),
            at: stored.at.parse().ok()?,
            principal: stored.principal.parse().ok()?,
            organisation: stored.organisation.parse().ok()?,
            channel: stored.channel.parse().ok()?,
            reference: stored.reference,
        };
        Some((PersonNo::from_number(stored.person)?, fact))
    }

    /// Reads a record back; `None` when it is not one.
    pub(super) fn decode(plain: &[u8]) -> Option<(PersonNo, Self)> {
        let VersionOnly { v } = serde_json::from_slice(plain).ok()?;
        match v {
            VERSION => {}
            VERSION_QUALITY => return Self::decode_quality(plain),
            _ => return None,
        }
        let stored: StoredV1 = serde_json::from_slice(plain).ok()?;
        let given: Option<BTreeSet<DisclosurePurpose>> =
            stored.purposes.iter().map(|purpose| purpose.parse().ok()).collect();
        let code = stored.reserved_use.map(|code| code.parse().ok());
        let fact = match (stored.kind.as_str(), code, given?) {
            ("consent_given", None, given) if !given.is_empty() => Fact::ConsentGiven(given),
            ("consent_withdrawn", None, given) if given.is_empty() => Fact::ConsentWithdrawn,
            ("reservation_lifted", Some(code), given) if given.is_empty() => {
                Fact::ReservationLifted(code?)
            }
            ("reservation_set", Some(code), given) if given.is_empty() => {
                Fact::ReservationSet(code?)
            }
            _ => return None,
        };
        let fact = Self {
            fact,
            at: stored.at.parse().ok()?,
            principal: stored.principal.parse().ok()?,
            organisation: stored.organisation.parse().ok()?,
            channel: stored.channel.parse().ok()?,
            reference: stored.reference,
        };
        Some((PersonNo::from_number(stored.person)?, fact))
    }
}

fn plaintext(stored: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(RECORD_BYTES));
    // PANIC: serde_json refuses a map key that is no string, and a writer that fails; there is
    // neither.
    serde_json::to_writer(&mut *plain, stored).expect("the record has no maps");
    plain
}

/// `01 ‖ partition u16 ‖ person number (5)`: whom an audit entry is about.
pub(super) fn audit_person(
    partition: u16,
    person: PersonNo,
) -> Zeroizing<[u8; AUDIT_PERSON_BYTES]> {
    let mut plain = Zeroizing::new([VERSION; AUDIT_PERSON_BYTES]);
    plain[1..3].copy_from_slice(&partition.to_be_bytes());
    plain[3..].copy_from_slice(&person.number().to_be_bytes()[3..]);
    plain
}

/// Reads it back.
pub(super) fn read_audit_person(plain: &[u8]) -> Option<(u16, PersonNo)> {
    let [VERSION, r0, r1, p0, p1, p2, p3, p4] = *plain else { return None };
    let person = PersonNo::from_number(u64::from_be_bytes([0, 0, 0, p0, p1, p2, p3, p4]))?;
    Some((u16::from_be_bytes([r0, r1]), person))
}
