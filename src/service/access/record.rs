//! What is stored of access: the file that was recorded last, and who holds what takes two persons.
//!
//! ```text
//! FORMAT:  Access    envelope of the record below, JSON, UTF-8
//! ```
//!
//! Why: a server that is told a new file, or starts with one, must know what was in force before.  The
//! record is sealed, so that whoever writes the access file cannot write it.
//!
//! What it does *not* protect: an older copy of the record, put back in its place.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::approval::holders::{Holders, Proposal, Terms};
use crate::config::Access;
use crate::config::access::{Principal, PrincipalKind, PrincipalParts};
use crate::config::budgets::OwnBudgets;
use crate::config::validity::Validity;

const VERSION: u32 = 1;

/// Version 1.
#[derive(Serialize, Deserialize)]
struct StoredV1 {
    v: u32,
    principals: Vec<PrincipalV1>,
    holders: Vec<HolderV1>,
}

#[derive(Serialize, Deserialize)]
struct PrincipalV1 {
    name: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    organisation: String,
    certificates: Vec<String>,
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<BudgetV1>,
    #[serde(flatten)]
    days: DaysV1,
}

#[derive(Serialize, Deserialize)]
struct BudgetV1 {
    register: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assignments: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    misses: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persons: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct HolderV1 {
    principal: String,
    role: String,
    person: String,
    certificates: Vec<String>,
    #[serde(flatten)]
    days: DaysV1,
}

#[derive(Serialize, Deserialize)]
struct DaysV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct InForce {
    /// The file as it was recorded last.
    pub(in crate::service) file: Access,
    /// Who holds what.
    pub(in crate::service) holders: Holders,
}

impl InForce {
    pub(in crate::service) fn encode(&self) -> Vec<u8> {
        let stored = StoredV1 {
            v: VERSION,
            principals: self.file.iter().map(PrincipalV1::new).collect(),
            holders: self.holders.iter().map(HolderV1::new).collect(),
        };
        // PANIC: texts and numbers alone.
        serde_json::to_vec(&stored).expect("a record of numbers and texts is JSON")
    }

    pub(in crate::service) fn decode(plain: &[u8]) -> Option<Self> {
        let stored: StoredV1 = serde_json::from_slice(plain).ok()?;
        if stored.v != VERSION {
            return None;
        }
        let principals = stored.principals.into_iter().map(PrincipalV1::read);
        let file = Access::of(principals.collect::<Option<Vec<_>>>()?);
        let mut holders = Holders::default();
        for holder in stored.holders {
            holders.grant(holder.read()?);
        }
        Some(Self { file, holders })
    }
}

fn texts<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
    of.into_iter().map(|one| one.to_string()).collect()
}

fn parsed<T: std::str::FromStr, C: FromIterator<T>>(texts: &[String]) -> Option<C> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

impl PrincipalV1 {
    fn new(principal: &Principal) -> Self {
        let parts = principal.parts();
        Self {
            name: parts.name.to_string(),
            kind: parts.kind.as_str().to_owned(),
            person: parts.person.map(|person| person.to_string()),
            organisation: parts.organisation.to_string(),
            certificates: texts(&parts.certificates),
            roles: texts(&parts.roles),
            budgets: parts.budgets.iter().map(BudgetV1::new).collect(),
            days: DaysV1::new(parts.validity),
        }
    }

    fn read(self) -> Option<Principal> {
        let kind: PrincipalKind = self.kind.parse().ok()?;
        let person = self.person.map(|person| person.parse()).transpose().ok()?;
        let mut budgets = BTreeMap::new();
        for BudgetV1 { register, assignments, misses, persons } in self.budgets {
            let own = OwnBudgets {
                assignments_max: assignments,
                misses_max: misses,
                persons_max: persons,
            };
            budgets.insert(register.parse().ok()?, own);
        }
        let parts = PrincipalParts {
            name: self.name.parse().ok()?,
            kind,
            person,
            organisation: self.organisation.parse().ok()?,
            certificates: parsed(&self.certificates)?,
            roles: parsed(&self.roles)?,
            budgets,
            validity: self.days.read()?,
        };
        Some(parts.into())
    }
}

impl BudgetV1 {
    fn new((register, own): (&crate::config::codes::RegisterCode, &OwnBudgets)) -> Self {
        Self {
            register: register.to_string(),
            assignments: own.assignments_max,
            misses: own.misses_max,
            persons: own.persons_max,
        }
    }
}

impl HolderV1 {
    fn new<P: ToString, R: ToString>((principal, role, terms): (P, R, &Terms)) -> Self {
        Self {
            principal: principal.to_string(),
            role: role.to_string(),
            person: terms.person.to_string(),
            certificates: texts(&terms.certificates),
            days: DaysV1::new(terms.validity),
        }
    }

    fn read(self) -> Option<Proposal> {
        let terms = Terms {
            person: self.person.parse().ok()?,
            certificates: parsed(&self.certificates)?,
            validity: self.days.read()?,
        };
        let (principal, role) = (self.principal.parse().ok()?, self.role.parse().ok()?);
        Some(Proposal { principal, role, terms, is_held: true })
    }
}

impl DaysV1 {
    fn new(validity: Validity) -> Self {
        let text = |day: Option<Date>| day.map(|day| day.to_string());
        Self { from: text(validity.from()), to: text(validity.to()) }
    }

    fn read(self) -> Option<Validity> {
        let day = |text: Option<String>| text.map(|text| text.parse()).transpose().ok();
        Validity::new(day(self.from)?, day(self.to)?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::registers::catalogue::Catalogue;

    /// Goal: what is stored is what the file said.  Method: the shipped example, with every kind of
    /// role.
    #[test]
    fn the_example_file_comes_back_and_its_difference_is_none() {
        let catalogue = Catalogue::load(Path::new("registers.toml")).unwrap();
        let file = Access::load(Path::new("access.toml"), &catalogue).unwrap();
        let stored = InForce { holders: Holders::of(&file), file };
        assert!(stored.holders.iter().count() > 0 && stored.file.iter().count() > 5);
        assert_eq!(InForce::decode(&stored.encode()), Some(stored));
    }

    #[test]
    fn a_record_is_the_golden_json_and_no_other_version_is_read() {
        let golden = r#"{"v":1,"principals":[{"name":"kari.second","kind":"person","person":"kari","organisation":"983744516","certificates":["uri:spiffe://test/kari"],"roles":["custodian","ingest:NPR:*"],"budgets":[{"register":"NPR","misses":5}],"to":"2026-12-31"}],"holders":[{"principal":"kari.second","role":"custodian","person":"kari","certificates":["uri:spiffe://test/kari"],"from":"2026-01-01","to":"2026-06-30"}]}"#;
        let read = InForce::decode(golden.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(read.encode()).unwrap(), golden);
        for bad in ["{}", &golden.replacen("\"v\":1", "\"v\":2", 1), &golden[1..]] {
            assert_eq!(InForce::decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
