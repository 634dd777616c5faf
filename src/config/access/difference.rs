//! What changed between two access files, for the audit entry that each load makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Access, Principal, Role};
use crate::config::budgets::OwnBudgets;
use crate::config::codes::{PrincipalName, RegisterCode};
use crate::config::words::listed;

/// One change.
///
/// Its text may be logged as it is: it holds names of principals, roles, counts and days, all of
/// fixed forms without spaces or control characters, and neither certificates nor organisations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// A principal that was not there.
    Added {
        /// Its name.
        name: PrincipalName,
        /// Its roles.
        roles: BTreeSet<Role>,
    },
    /// What a principal may spend in a register.
    BudgetsChanged {
        /// Its name.
        name: PrincipalName,
        /// The register.
        register: RegisterCode,
        /// The new limits.
        budgets: OwnBudgets,
    },
    /// Certificates of a principal.
    CertificatesChanged {
        /// Its name.
        name: PrincipalName,
        /// How many it got.
        added_count: usize,
        /// How many it lost.
        removed_count: usize,
        /// The roles that the new certificates open.
        roles: BTreeSet<Role>,
    },
    /// A person became a system, or the reverse.
    KindChanged {
        /// Its name.
        name: PrincipalName,
    },
    /// A principal went to another organisation.
    OrganisationChanged {
        /// Its name.
        name: PrincipalName,
    },
    /// A principal is now another natural person's, for what takes two persons.
    PersonChanged {
        /// Its name.
        name: PrincipalName,
        /// The roles that can now be used beside those of the person it was.
        roles: BTreeSet<Role>,
    },
    /// A principal that is no more.
    Removed {
        /// Its name.
        name: PrincipalName,
        /// The roles it had.
        roles: BTreeSet<Role>,
    },
    /// Roles of a principal.
    RolesChanged {
        /// Its name.
        name: PrincipalName,
        /// What it got.
        granted: BTreeSet<Role>,
        /// What it lost.
        revoked: BTreeSet<Role>,
    },
    /// The days on which a principal may call.
    ValidityChanged {
        /// Its name.
        name: PrincipalName,
        /// The new days.
        validity: super::Validity,
        /// The roles that days were added for; empty if days were only taken.
        roles: BTreeSet<Role>,
    },
}

impl AccessChange {
    /// The roles that somebody can use after the change and could not before: by that certificate,
    /// or on some day.
    #[must_use]
    pub fn granted(&self) -> Option<&BTreeSet<Role>> {
        match self {
            Self::Added { roles, .. } => Some(roles),
            Self::CertificatesChanged { added_count, roles, .. } if *added_count > 0 => Some(roles),
            Self::RolesChanged { granted, .. } => Some(granted),
            Self::PersonChanged { roles, .. } | Self::ValidityChanged { roles, .. } => Some(roles),
            Self::BudgetsChanged { .. }
            | Self::CertificatesChanged { .. }
            | Self::KindChanged { .. }
            | Self::OrganisationChanged { .. }
            | Self::Removed { .. } => None,
        }
    }

    /// Whether the change grants what it takes two persons to grant.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.granted().is_some_and(|roles| roles.iter().any(Role::needs_approval_to_grant))
    }
}

impl fmt::Display for AccessChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { name, roles } => write!(f, "added {name}: {}", or_none(roles)),
            Self::BudgetsChanged { name, register, budgets } => {
                write!(f, "budgets of {name} in {register}: {budgets}")
            }
            Self::CertificatesChanged { name, added_count, removed_count, .. } => {
                write!(f, "certificates of {name}: {added_count} added, {removed_count} removed")
            }
            Self::KindChanged { name } => write!(f, "kind of {name} changed"),
            Self::OrganisationChanged { name } => write!(f, "organisation of {name} changed"),
            Self::PersonChanged { name, .. } => write!(f, "person of {name} changed"),
            Self::Removed { name, roles } => write!(f, "removed {name}: {}", or_none(roles)),
            Self::RolesChanged { name, granted, revoked } => {
                let (granted, revoked) = (or_none(granted), or_none(revoked));
                write!(f, "roles of {name}: granted {granted}; revoked {revoked}")
            }
            Self::ValidityChanged { name, validity, .. } => {
                write!(f, "validity of {name}: {validity}")
            }
        }
    }
}

fn or_none(roles: &BTreeSet<Role>) -> String {
    if roles.is_empty() { "none".to_owned() } else { listed(roles) }
}

/// What changed from one access file to the next, by name.
#[must_use]
pub fn difference(old: &Access, new: &Access) -> Vec<AccessChange> {
    let names: BTreeSet<&PrincipalName> =
        old.principals.keys().chain(new.principals.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        match (old.by_name(name), new.by_name(name)) {
            (Some(before), Some(after)) => compare(before, after, &mut changes),
            (Some(before), None) => changes
                .push(AccessChange::Removed { name: name.clone(), roles: before.roles.clone() }),
            (None, Some(after)) => {
                changes
                    .push(AccessChange::Added { name: name.clone(), roles: after.roles.clone() });
                compare_budgets(&BTreeMap::new(), after, &mut changes);
            }
            (None, None) => {}
        }
    }
    changes
}

fn compare(before: &Principal, after: &Principal, changes: &mut Vec<AccessChange>) {
    let name = || after.name.clone();
    if before.kind != after.kind {
        changes.push(AccessChange::KindChanged { name: name() });
    }
    if before.kind == after.kind && before.person() != after.person() {
        changes.push(AccessChange::PersonChanged { name: name(), roles: after.roles.clone() });
    }
    if before.organisation != after.organisation {
        changes.push(AccessChange::OrganisationChanged { name: name() });
    }
    if before.certificates != after.certificates {
        changes.push(AccessChange::CertificatesChanged {
            name: name(),
            added_count: after.certificates.difference(&before.certificates).count(),
            removed_count: before.certificates.difference(&after.certificates).count(),
            roles: after.roles.clone(),
        });
    }
    compare_budgets(&before.budgets, after, changes);
    if before.roles != after.roles {
        changes.push(AccessChange::RolesChanged {
            name: name(),
            granted: after.roles.difference(&before.roles).cloned().collect(),
            revoked: before.roles.difference(&after.roles).cloned().collect(),
        });
    }
    if before.validity != after.validity {
        let is_shorter = before.validity.covers(&after.validity);
        changes.push(AccessChange::ValidityChanged {
            name: name(),
            validity: after.validity,
            roles: if is_shorter { BTreeSet::new() } else { after.roles.clone() },
        });
    }
}

fn compare_budgets(
    before: &BTreeMap<RegisterCode, OwnBudgets>,
    after: &Principal,
    changes: &mut Vec<AccessChange>,
) {
    let registers: BTreeSet<&RegisterCode> = before.keys().chain(after.budgets.keys()).collect();
    for register in registers {
        let was = before.get(register).copied().unwrap_or_default();
        let budgets = after.own_budgets(register);
        if was != budgets {
            let (name, register) = (after.name.clone(), register.clone());
            changes.push(AccessChange::BudgetsChanged { name, register, budgets });
        }
    }
}
