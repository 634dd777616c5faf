//! `access.toml`: who the callers are and what they may do.
//!
//! A caller shows a certificate; the certificate names a principal, a natural person or a system;
//! the principal has roles.  What each role may do is the authorisation table's business, in code.
//!
//! INVARIANT: a certificate belongs to one principal; a role of a natural person is never a
//! system's; nobody is both custodian and operator; every role names a register and a source that
//! exist.
//!
//! One natural person may have several principals: `person` says so, and what takes two persons takes
//! two of those.
//!
//! What this does *not* protect: one natural person who is given two principals without saying so.
//! Whoever approves a change of this file must see to that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;

use super::budgets::OwnBudgets;
use super::codes::{OrganisationNumber, PrincipalName, RegisterCode, RegisterDirectory};
use super::problems::Problems;
use super::reader;
use super::validity::Validity;
use super::words::word_enum;

pub use certificate::{CertificateIdentity, CertificateUri, MalformedCertificate};
pub use difference::{AccessChange, difference};
pub use role::{MalformedRole, Role, SourceScope};

mod certificate;
mod difference;
mod read;
mod role;

word_enum! {
    /// What kind of caller a principal is.
    pub enum PrincipalKind {
        /// A natural person, who answers for what they do.
        Person = "person",
        /// A program of an organisation.
        System = "system",
    }
}

/// Somebody who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    name: PrincipalName,
    kind: PrincipalKind,
    person: Option<PrincipalName>,
    organisation: OrganisationNumber,
    certificates: BTreeSet<CertificateIdentity>,
    roles: BTreeSet<Role>,
    budgets: BTreeMap<RegisterCode, OwnBudgets>,
    validity: Validity,
    withheld: BTreeSet<Role>,
}

/// What a principal is made of.
#[derive(Clone, Debug)]
pub struct PrincipalParts {
    /// Its name.
    pub name: PrincipalName,
    /// Person or system.
    pub kind: PrincipalKind,
    /// The natural person, if the name is not theirs.
    pub person: Option<PrincipalName>,
    /// Its organisation.
    pub organisation: OrganisationNumber,
    /// Its certificates.
    pub certificates: BTreeSet<CertificateIdentity>,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// What it may spend, by register.
    pub budgets: BTreeMap<RegisterCode, OwnBudgets>,
    /// The days on which it may call.
    pub validity: Validity,
}

impl From<PrincipalParts> for Principal {
    fn from(parts: PrincipalParts) -> Self {
        Self {
            name: parts.name,
            kind: parts.kind,
            person: parts.person,
            organisation: parts.organisation,
            certificates: parts.certificates,
            roles: parts.roles,
            budgets: parts.budgets,
            validity: parts.validity,
            withheld: BTreeSet::new(),
        }
    }
}

/// What of a principal has effect.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Roles that have none.
    pub withheld: BTreeSet<Role>,
    /// Certificates that have.
    pub certificates: BTreeSet<CertificateIdentity>,
    /// Days on which it may call.
    pub validity: Validity,
}

/// What an access file is, beside what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessStanding {
    /// As the file says.
    #[default]
    Whole,
    /// Nobody knows yet who holds what takes two persons to grant: the server is sealed.
    Waiting,
}

impl Principal {
    /// Its parts, as the file has them.
    #[must_use]
    pub fn parts(&self) -> PrincipalParts {
        PrincipalParts {
            name: self.name.clone(),
            kind: self.kind,
            person: self.person.clone(),
            organisation: self.organisation,
            certificates: self.certificates.clone(),
            roles: self.roles.clone(),
            budgets: self.budgets.clone(),
            validity: self.validity,
        }
    }

    /// Roles that the file names and that have no effect: see [`Access::limited`].
    #[must_use]
    pub const fn withheld(&self) -> &BTreeSet<Role> {
        &self.withheld
    }

    /// The name, unique in the file, which audit entries and log lines show.
    #[must_use]
    pub const fn name(&self) -> &PrincipalName {
        &self.name
    }

    /// Whether it is a natural person or a system.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The natural person behind it, whom principals with the same value share: what `person` says, or
    /// else the principal's own name.  Nothing for a system.
    #[must_use]
    pub fn person(&self) -> Option<&PrincipalName> {
        match self.kind {
            PrincipalKind::Person => Some(self.person.as_ref().unwrap_or(&self.name)),
            PrincipalKind::System => None,
        }
    }

    /// The organisation that the principal belongs to.
    #[must_use]
    pub const fn organisation(&self) -> OrganisationNumber {
        self.organisation
    }

    /// The certificates that the principal may show.
    #[must_use]
    pub const fn certificates(&self) -> &BTreeSet<CertificateIdentity> {
        &self.certificates
    }

    /// What the principal may do, on the days when it is valid.
    #[must_use]
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// What the principal may spend in a register, where that is not what everybody has.
    #[must_use]
    pub fn own_budgets(&self, register: &RegisterCode) -> OwnBudgets {
        self.budgets.get(register).copied().unwrap_or_default()
    }

    /// The days on which the principal may call.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether the principal has the role on that day, itself or by a wider one.
    #[must_use]
    pub fn may(&self, wanted: &Role, day: Date) -> bool {
        self.validity.contains(day) && self.roles.iter().any(|role| role.covers(wanted))
    }
}

/// Everybody who may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    principals: BTreeMap<PrincipalName, Principal>,
    by_certificate: BTreeMap<CertificateIdentity, PrincipalName>,
    standing: AccessStanding,
}

impl Access {
    /// Reads an access file, against the registers that exist.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once.
    pub fn load(path: &Path, registers: &impl RegisterDirectory) -> Result<Self, Problems> {
        reader::read_file(path, |top| read::access(top, registers))
    }

    /// Parses the text of an access file, which problems call `file`.
    ///
    /// # Errors
    ///
    /// All problems of the text, at once.
    pub fn parse(
        text: &str,
        file: &Path,
        registers: &impl RegisterDirectory,
    ) -> Result<Self, Problems> {
        reader::read_document(file, text, |top| read::access(top, registers))
    }

    /// The principals together. A name or certificate that comes twice is the last one's.
    #[must_use]
    pub fn of(principals: impl IntoIterator<Item = Principal>) -> Self {
        let mut access = Self::default();
        for principal in principals {
            for certificate in &principal.certificates {
                access.by_certificate.insert(certificate.clone(), principal.name.clone());
            }
            access.principals.insert(principal.name.clone(), principal);
        }
        access
    }

    /// The same principals with what of each has effect.
    #[must_use]
    pub fn limited(&self, standing: AccessStanding, effect: impl Fn(&Principal) -> Effect) -> Self {
        let limit = |principal: &Principal| {
            let Effect { withheld, certificates, validity } = effect(principal);
            let mut limited = principal.clone();
            limited.roles.retain(|role| !withheld.contains(role));
            (limited.withheld, limited.certificates) = (withheld, certificates);
            limited.validity = validity;
            limited
        };
        Self { standing, ..Self::of(self.iter().map(limit)) }
    }

    /// Whether it waits for the server to say who holds what takes two persons to grant.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.standing == AccessStanding::Waiting
    }

    /// The principal that a certificate's name or fingerprint belongs to, valid today or not.
    ///
    /// A certificate has several of them; for a whole certificate see [`Self::find_only`].
    #[must_use]
    pub fn find(&self, certificate: &CertificateIdentity) -> Option<&Principal> {
        self.by_name(self.by_certificate.get(certificate)?)
    }

    /// The one principal that a certificate belongs to, by any of its names or its fingerprint.
    ///
    /// A certificate that names two principals names nobody: which one is meant cannot be told, and
    /// the caller must not choose.
    #[must_use]
    pub fn find_only(&self, certificate: &[CertificateIdentity]) -> Option<&Principal> {
        let mut found = certificate.iter().filter_map(|identity| self.find(identity));
        let first = found.next()?;
        found.all(|other| other.name == first.name).then_some(first)
    }

    /// The principal of that name.
    #[must_use]
    pub fn by_name(&self, name: &PrincipalName) -> Option<&Principal> {
        self.principals.get(name)
    }

    /// All principals, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Principal> {
        self.principals.values()
    }
}

#[cfg(test)]
mod tests;
