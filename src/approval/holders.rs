//! Who holds the roles that it takes two persons to grant: pure decisions over an access file.
//!
//! ```text
//! first start, or the ceremony ─► holders = what the file says            recorded
//! each load:  holders ∩ file ─► still held                                 at once
//!             file − holders ─► waits ─ two holders, grant_role ─► held    recorded
//! ```
//!
//! Why it exists: whoever may write `access.toml` could make themselves custodian, approver and
//! officer, and be all the persons that everything else takes.  So the file only proposes.
//!
//! A role is held by a principal of a natural person with certificates and days ([`Terms`]).  The
//! file may take away from them at once; whatever it adds (another person, a further certificate,
//! more days) is without effect until it is granted.
//!
//! INVARIANT: the terms of the roles that one principal holds lie within each other, since each was
//! granted as the file had all of them; so what has effect for the principal is the narrowest.
//!
//! What it does *not* protect: two holders who agree to do wrong; a role outside the list of
//! [`Role::needs_approval_to_grant`]; whoever has the shares of the roots.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::access::{Access, AccessStanding, CertificateIdentity, Effect, Principal, Role};
use crate::config::codes::PrincipalName;
use crate::config::validity::Validity;
use crate::crypto::sha256;

/// Under which terms a role is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The natural person.
    pub person: PrincipalName,
    /// The certificates that open it.
    pub certificates: BTreeSet<CertificateIdentity>,
    /// The days.
    pub validity: Validity,
}

/// Who holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders(BTreeMap<(PrincipalName, Role), Terms>);

/// What the file says and nobody has granted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// To whom.
    pub principal: PrincipalName,
    /// Which role.
    pub role: Role,
    /// On which terms.
    pub terms: Terms,
    /// Whether the role has effect meanwhile on narrower terms.
    pub is_held: bool,
}

impl Terms {
    /// The terms that the file has for a principal; nothing for a system.
    fn of(principal: &Principal) -> Option<Self> {
        Some(Self {
            person: principal.person()?.clone(),
            certificates: principal.certificates().clone(),
            validity: principal.validity(),
        })
    }

    /// What is left of them in others.
    fn within(&self, other: &Self) -> Option<Self> {
        let certificates: BTreeSet<_> =
            self.certificates.intersection(&other.certificates).cloned().collect();
        let is_same = self.person == other.person && !certificates.is_empty();
        let validity = self.validity.intersection(&other.validity)?;
        is_same.then(|| Self { person: self.person.clone(), certificates, validity })
    }
}

fn proposed(file: &Access) -> impl Iterator<Item = (&Principal, &Role, Terms)> {
    file.iter().flat_map(|principal| {
        let roles = principal.roles().iter().filter(|role| role.needs_approval_to_grant());
        roles.filter_map(move |role| Some((principal, role, Terms::of(principal)?)))
    })
}

impl Holders {
    /// Everybody whom the file names: for the ceremony alone.
    #[must_use]
    pub fn of(file: &Access) -> Self {
        let all = proposed(file);
        Self(all.map(|(one, role, terms)| ((one.name().clone(), role.clone()), terms)).collect())
    }

    /// Who holds what on which terms, by principal and role.
    pub fn iter(&self) -> impl Iterator<Item = (&PrincipalName, &Role, &Terms)> {
        self.0.iter().map(|((principal, role), terms)| (principal, role, terms))
    }

    /// What is still held when the file says that.
    #[must_use]
    pub fn within(&self, file: &Access) -> Self {
        let mut left = Self::default();
        for (principal, role, terms) in proposed(file) {
            let key = (principal.name().clone(), role.clone());
            if let Some(held) = self.0.get(&key).and_then(|held| held.within(&terms)) {
                left.0.insert(key, held);
            }
        }
        left
    }

    /// What waits to be granted.
    #[must_use]
    pub fn proposals(&self, file: &Access) -> Vec<Proposal> {
        let wanted = proposed(file).filter_map(|(principal, role, terms)| {
            let held = self.0.get(&(principal.name().clone(), role.clone()));
            let is_new = held != Some(&terms);
            let (principal, role) = (principal.name().clone(), role.clone());
            is_new.then(|| Proposal { principal, role, terms, is_held: held.is_some() })
        });
        wanted.collect()
    }

    /// With what was granted.
    pub fn grant(&mut self, granted: Proposal) {
        let Proposal { principal, role, terms, .. } = granted;
        self.0.insert((principal, role), terms);
    }

    /// What of the file has effect.
    #[must_use]
    pub fn in_force(&self, file: &Access) -> Access {
        file.limited(AccessStanding::Whole, |principal| self.effect(principal))
    }

    fn effect(&self, principal: &Principal) -> Effect {
        let (mut certificates, mut validity) =
            (principal.certificates().clone(), principal.validity());
        let mut withheld = BTreeSet::new();
        let roles = principal.roles().iter().filter(|role| role.needs_approval_to_grant());
        for role in roles {
            let held = self.0.get(&(principal.name().clone(), role.clone()));
            let days = held.and_then(|held| Some((held, validity.intersection(&held.validity)?)));
            let Some((held, days)) = days else {
                withheld.insert(role.clone());
                continue;
            };
            certificates.retain(|one| held.certificates.contains(one));
            validity = days;
        }
        Effect { withheld, certificates, validity }
    }
}

/// The file while nobody can say who holds what: without any role that takes two persons to grant.
#[must_use]
pub fn waiting(file: &Access) -> Access {
    let nobody = Holders::default();
    file.limited(AccessStanding::Waiting, |principal| nobody.effect(principal))
}

impl Proposal {
    /// What an approval of it is about: role, principal and natural person in clear, and a digest of
    /// exactly these with certificates and days.
    #[must_use]
    pub fn subject(&self) -> String {
        let Self { principal, role, terms, .. } = self;
        format!("{role} to {principal} ({}), terms {}", terms.person, self.digest())
    }

    /// 128 bits of the SHA-256 of a line each for role, principal, person, days and every certificate,
    /// as letters from `a` to `p`, so that no part of it looks like a number.
    fn digest(&self) -> String {
        const LETTERS: &[u8; 16] = b"abcdefghijklmnop";
        let Self { principal, role, terms, .. } = self;
        let Terms { person, certificates, validity } = terms;
        let mut text = format!("hvelv grant 1\n{role}\n{principal}\n{person}\n{validity}\n");
        certificates.iter().for_each(|one| text.push_str(&format!("{one}\n")));
        let letter = |nibble: u8| LETTERS.get(usize::from(nibble)).copied().map_or('a', char::from);
        let half = sha256(text.as_bytes());
        half.iter().take(16).flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect()
    }
}

/// The role that a subject names, if it is one that it takes two persons to grant.
pub(super) fn role_of(subject: &str) -> Option<Role> {
    let role: Role = subject.split(' ').next()?.parse().ok()?;
    role.needs_approval_to_grant().then_some(role)
}

#[cfg(test)]
mod tests;
