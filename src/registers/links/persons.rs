//! What the population register says about persons: death, secret address, false identity.
//!
//! Facts are recorded for the leaf that the event named, and hold for the person: in their order,
//! whichever of the person's leaves they came by.  A death can be revoked.
//!
//! FORMAT: docs/FORMATS.md, section "Person fact".

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fact::{self, Provenance, StoredProvenance};
use crate::config::words::word_enum;
use crate::registers::records::record_place;
use crate::registers::{Error, PlaneKeys};
use crate::store::keys::{Key, Kind};
use crate::store::{Step, Store};
use crate::vault::PersonNo;

const VERSION: u8 = 1;

word_enum! {
    /// How secret a person's address is, in the words of Folkeregisteret.
    pub enum AddressProtection {
        /// Of a client of the social services.
        Client = "klientadresse",
        /// Confidential.
        Confidential = "fortrolig",
        /// Strictly confidential.
        Strict = "strengtFortrolig",
        /// Not secret.
        Ungraded = "ugradert",
    }
}

/// One thing that is known of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonFact {
    /// How secret the address is from now on.
    Address(AddressProtection),
    /// The person is dead, since a day if it is known; in place of any earlier day.
    Died(Option<Date>),
    /// The person is not dead.
    DeathRevoked,
    /// The identity is a false one.
    FalseIdentity,
    /// The identity is not a false one.
    FalseIdentityRevoked,
}

impl PersonFact {
    /// Whether nothing of an earlier fact is in force after this one.
    const fn replaces(&self, earlier: &Self) -> bool {
        self.kind() == earlier.kind()
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Address(_) => 0,
            Self::Died(_) | Self::DeathRevoked => 1,
            Self::FalseIdentity | Self::FalseIdentityRevoked => 2,
        }
    }
}

/// Whether a person lives, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Nothing else was said, or it was revoked.
    #[default]
    Alive,
    /// Dead, since a day if it is known.
    Dead(Option<Date>),
}

/// What is in force for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonStatus {
    /// Whether the person lives.
    pub life: Life,
    /// How secret the address is.
    pub address: AddressProtection,
    /// Whether one of the person's identities is false.
    pub has_false_identity: bool,
}

impl Default for PersonStatus {
    fn default() -> Self {
        let address = AddressProtection::Ungraded;
        Self { life: Life::Alive, address, has_false_identity: false }
    }
}

impl PersonStatus {
    pub(super) fn take(&mut self, fact: &PersonFact) {
        match fact {
            PersonFact::Address(protection) => self.address = *protection,
            PersonFact::Died(date) => self.life = Life::Dead(*date),
            PersonFact::DeathRevoked => self.life = Life::Alive,
            PersonFact::FalseIdentity => self.has_false_identity = true,
            PersonFact::FalseIdentityRevoked => self.has_false_identity = false,
        }
    }
}

/// What is in force of each leaf, by partition: the last fact of each kind, of which there are three,
/// however many were recorded.
#[derive(Default)]
pub(super) struct PersonFacts {
    pub(super) facts: HashMap<(u16, PersonNo), Vec<(u64, PersonFact)>>,
    next: BTreeMap<u16, u64>,
}

impl PersonFacts {
    pub(super) fn load(store: &dyn Store, keys: &PlaneKeys) -> Result<Self, Error> {
        let (mut all, mut failure) = (Self::default(), None);
        let damaged = |what| Error::Damaged { what };
        store.scan(Key::all(Kind::PersonFact), &mut |bytes, value| {
            let key = Key::parse(bytes)?.1;
            let partition = Key::leading_u16(bytes)?;
            let opened = keys.storage().open(&record_place(&key), value).ok();
            let Some((leaf, fact)) = opened.as_deref().and_then(|plain| decode(plain)) else {
                failure = Some(damaged("person fact"));
                return Ok(Step::Stop);
            };
            if all.take((partition, leaf), fact) != Key::trailing_u64(bytes)? {
                failure = Some(damaged("sequence of person facts"));
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(all), Err)
    }

    pub(super) fn count(&self) -> u64 {
        self.next.values().sum()
    }

    /// Takes a fact in, and says under which sequence number it stands.
    pub(super) fn take(&mut self, of: (u16, PersonNo), fact: PersonFact) -> u64 {
        let next = self.next.entry(of.0).or_default();
        let sequence = *next;
        *next += 1;
        let facts = self.facts.entry(of).or_default();
        facts.retain(|(_, earlier)| !fact.replaces(earlier));
        facts.push((sequence, fact));
        sequence
    }

    /// What is in force for the person of these leaves.
    pub(super) fn status(&self, partition: u16, leaves: &[PersonNo]) -> PersonStatus {
        let facts = leaves.iter().filter_map(|leaf| self.facts.get(&(partition, *leaf)));
        let mut facts: Vec<&(u64, PersonFact)> = facts.flatten().collect();
        facts.sort_by_key(|(sequence, _)| *sequence);
        let mut status = PersonStatus::default();
        facts.iter().for_each(|(_, fact)| status.take(fact));
        status
    }
}

/// Version 1.  No `Debug`: it has a person number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    person: u64,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protection: Option<String>,
    provenance: StoredProvenance,
}

/// The plaintext of the record.
pub(super) fn encode(
    leaf: PersonNo,
    fact: &PersonFact,
    provenance: &Provenance,
) -> Zeroizing<Vec<u8>> {
    let (kind, date, protection) = match fact {
        PersonFact::Address(protection) => ("address", None, Some(protection.to_string())),
        PersonFact::Died(date) => ("died", date.map(|date| date.to_string()), None),
        PersonFact::DeathRevoked => ("death_revoked", None, None),
        PersonFact::FalseIdentity => ("false_identity", None, None),
        PersonFact::FalseIdentityRevoked => ("false_identity_revoked", None, None),
    };
    fact::encode(&StoredV1 {
        v: VERSION,
        person: leaf.number(),
        kind: kind.to_owned(),
        date,
        protection,
        provenance: StoredProvenance::new(provenance),
    })
}

/// Reads a record back; `None` when it is not one.
pub(super) fn decode(plain: &[u8]) -> Option<(PersonNo, PersonFact)> {
    let stored: StoredV1 = serde_json::from_slice(plain).ok()?;
    if stored.v != VERSION {
        return None;
    }
    let date = stored.date.map(|date| date.parse().ok());
    let fact = match (stored.kind.as_str(), date, stored.protection) {
        ("address", None, Some(protection)) => PersonFact::Address(protection.parse().ok()?),
        ("died", None, None) => PersonFact::Died(None),
        ("died", Some(date), None) => PersonFact::Died(Some(date?)),
        ("death_revoked", None, None) => PersonFact::DeathRevoked,
        ("false_identity", None, None) => PersonFact::FalseIdentity,
        ("false_identity_revoked", None, None) => PersonFact::FalseIdentityRevoked,
        _ => return None,
    };
    stored.provenance.read()?;
    Some((PersonNo::from_number(stored.person)?, fact))
}
