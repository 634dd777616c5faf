//! Who may do what: pure decisions over a principal, a right and a day.
//!
//! ```text
//! methods.rs   every gRPC method with who may call it         (checked before the message is read)
//! mod.rs       every right with the role that gives it        (checked with the message's content)
//! ```
//!
//! Why two: the first refuses by name, before a byte of the request is parsed; the second knows the
//! register and the source.  A use case takes a [`Permit`], which only [`authorize`] makes, so that
//! one that was not authorized cannot be called.
//!
//! INVARIANTS: a permit names exactly one right, of exactly one principal, who had it on the day of
//! the decision.  What one may not do and what there is not are answered by the same [`Denied`].
//!
//! What it does *not* protect: a permit does not age.  A stream asks for a new one when its caller's
//! standing has changed (`rpc::auth`).

use std::fmt;

use jiff::civil::Date;

use crate::config::access::{Principal, PrincipalKind, Role, SourceScope};
use crate::config::codes::{OrganisationNumber, PrincipalName, RegisterCode, SourceCode};
use crate::config::words::listed;

pub mod methods;

/// Something that a principal may be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Deliver what the population register says of identities.
    ApplyEvents,
    /// Decide, as the second person, about what another asked for.
    Approve,
    /// Record applications and decisions, open disclosures, issue serials, close.
    Disclose,
    /// Read which of a register's IDs another has replaced: for who has a role for all its sources.
    FollowIds {
        /// The register.
        register: RegisterCode,
    },
    /// Give one's share of a root, and see how many more are needed.
    GiveShares,
    /// Load historical data, or IDs that a register already has.
    Import {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceCode,
    },
    /// Deliver: unknown persons get an ID.
    Ingest {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceCode,
    },
    /// Unseal, seal, rotate, and see the server's counts.
    Operate,
    /// Read and confirm the orders to a register, as its own system does.
    Orders {
        /// The register.
        register: RegisterCode,
    },
    /// Read and verify the audit log.
    ReadAudit,
    /// Read applications and disclosures without [`Right::Disclose`], as an auditor does.
    ReadDisclosures,
    /// Get receipts for audit entries that oneself has caused.
    ReadOwnEntries,
    /// Read the links that are shown to no register.
    ReadProtectedLinks,
    /// Ask for an approval, and see and take back one's own; which act takes which role is
    /// [`crate::approval::Act::role`]'s.
    RequestApprovals,
    /// Ask for the IDs that persons already have.
    Resolve {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceCode,
    },
    /// Be told who a person of a register is, with another person's approval.
    Reveal,
    /// Record reservations and consents, and read them.
    Rights,
    /// See everybody's requests for approval.
    SeeApprovals,
}

impl Right {
    /// The narrowest roles that give the right, each by itself.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let scope = |source: &SourceCode| SourceScope::One(source.clone());
        match self {
            Self::ApplyEvents => vec![Role::Identity],
            Self::Approve => vec![Role::Approver],
            Self::Disclose => vec![Role::Officer],
            Self::FollowIds { register } => {
                let (ingest, resolve) = (register.clone(), register.clone());
                vec![
                    Role::Ingest { register: ingest, source: SourceScope::Any },
                    Role::Resolve { register: resolve, source: SourceScope::Any },
                ]
            }
            Self::GiveShares => vec![Role::Keyholder, Role::Operator],
            Self::Import { register, source } => {
                vec![Role::Import { register: register.clone(), source: scope(source) }]
            }
            Self::Ingest { register, source } => {
                vec![Role::Ingest { register: register.clone(), source: scope(source) }]
            }
            Self::Operate => vec![Role::Operator],
            // All sources: who delivers from one institution is not the register, and is not told whom
            // the register erases.
            Self::Orders { register } => {
                let (register, source) = (|| register.clone(), SourceScope::Any);
                vec![
                    Role::Ingest { register: register(), source: source.clone() },
                    Role::Resolve { register: register(), source },
                ]
            }
            Self::ReadAudit | Self::ReadDisclosures => vec![Role::Auditor],
            // Whoever may do anything has entries: see `authorize`.
            Self::ReadOwnEntries => Vec::new(),
            Self::ReadProtectedLinks => vec![Role::Custodian],
            Self::RequestApprovals => vec![Role::Custodian, Role::Officer, Role::Operator],
            Self::Resolve { register, source } => {
                vec![Role::Resolve { register: register.clone(), source: scope(source) }]
            }
            Self::Reveal => vec![Role::Custodian],
            Self::Rights => vec![Role::Rights],
            Self::SeeApprovals => vec![Role::Approver, Role::Auditor],
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listed(self.roles()))
    }
}

/// Proof that a principal may do something, and who it is, for the audit entry.
///
/// INVARIANT: made by [`authorize`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a permit that is not used authorized nothing"]
pub struct Permit {
    principal: PrincipalName,
    kind: PrincipalKind,
    person: Option<PrincipalName>,
    organisation: OrganisationNumber,
    right: Right,
}

impl Permit {
    /// Who.
    #[must_use]
    pub const fn principal(&self) -> &PrincipalName {
        &self.principal
    }

    /// Whether it is a natural person or a system.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The natural person behind the principal; nothing for a system.
    #[must_use]
    pub const fn person(&self) -> Option<&PrincipalName> {
        self.person.as_ref()
    }

    /// The organisation that the principal belongs to.
    #[must_use]
    pub const fn organisation(&self) -> OrganisationNumber {
        self.organisation
    }

    /// What is allowed.
    #[must_use]
    pub const fn right(&self) -> &Right {
        &self.right
    }
}

/// Not allowed, or no such thing.  It has no content, so that it tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not allowed, or no such thing")]
pub struct Denied;

/// Whether a principal has a right on a day.
///
/// # Errors
///
/// [`Denied`], whatever the reason.
pub fn authorize(principal: &Principal, right: Right, today: Date) -> Result<Permit, Denied> {
    let is_allowed = match &right {
        Right::ReadOwnEntries => principal.roles().iter().any(|role| principal.may(role, today)),
        right => right.roles().iter().any(|role| principal.may(role, today)),
    };
    if !is_allowed {
        return Err(Denied);
    }
    Ok(Permit {
        principal: principal.name().clone(),
        kind: principal.kind(),
        person: principal.person().cloned(),
        organisation: principal.organisation(),
        right,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use jiff::civil::date;

    use super::*;
    use crate::config::Access;
    use crate::config::codes::RegisterDirectory;

    /// NPR with the sources HF and RHF, and KPR with KUHR.
    pub(crate) struct Directory(Vec<(RegisterCode, Vec<SourceCode>)>);

    impl Directory {
        pub(crate) fn new() -> Self {
            let sources = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect();
            Self(vec![
                ("NPR".parse().unwrap(), sources(&["HF", "RHF"])),
                ("KPR".parse().unwrap(), sources(&["KUHR"])),
            ])
        }
    }

    impl RegisterDirectory for Directory {
        fn register_codes(&self) -> Vec<&RegisterCode> {
            self.0.iter().map(|(register, _)| register).collect()
        }

        fn source_codes(&self, register: &RegisterCode) -> Option<Vec<&SourceCode>> {
            let found = self.0.iter().find(|(code, _)| code == register);
            found.map(|(_, sources)| sources.iter().collect())
        }
    }

    /// An access file with one system `a` that has the roles, valid through 2026.
    pub(crate) fn access_with(roles: &str) -> Access {
        access_of("system", roles)
    }

    /// An access file with one principal `a` of a kind.
    fn access_of(kind: &str, roles: &str) -> Access {
        let text = format!(
            "[[principal]]\nname = 'a'\nkind = '{kind}'\norganisation = '983744516'\n\
             certificates = ['uri:spiffe://hvelv.dev/a']\nroles = [{roles}]\n\
             valid_from = '2026-01-01'\nvalid_to = '2026-12-31'\n"
        );
        Access::parse(&text, Path::new("access.toml"), &Directory::new()).unwrap()
    }

    fn asks(roles: &str, right: Right) -> Result<Permit, Denied> {
        let access = access_with(roles);
        authorize(access.iter().next().unwrap(), right, date(2026, 6, 1))
    }

    fn ingest(register: &str, source: &str) -> Right {
        Right::Ingest { register: register.parse().unwrap(), source: source.parse().unwrap() }
    }

    fn resolve(register: &str, source: &str) -> Right {
        Right::Resolve { register: register.parse().unwrap(), source: source.parse().unwrap() }
    }

    fn import(register: &str, source: &str) -> Right {
        Right::Import { register: register.parse().unwrap(), source: source.parse().unwrap() }
    }

    #[test]
    fn a_permit_names_who_and_what() {
        let permit = asks("'ingest:NPR:HF'", ingest("NPR", "HF")).unwrap();
        assert_eq!(permit.principal().as_str(), "a");
        assert_eq!(permit.kind(), PrincipalKind::System);
        assert_eq!(permit.organisation().to_string(), "983744516");
        assert_eq!(permit.right(), &ingest("NPR", "HF"));
        assert_eq!(permit.right().to_string(), "ingest:NPR:HF");
    }

    #[test]
    fn each_right_needs_its_own_role_for_its_own_register_and_source() {
        let rights = [
            ("'ingest:NPR:HF'", ingest("NPR", "HF")),
            ("'resolve:NPR:HF'", resolve("NPR", "HF")),
            ("'import:NPR:HF'", import("NPR", "HF")),
            ("'ingest:NPR:RHF'", ingest("NPR", "RHF")),
            ("'ingest:KPR:KUHR'", ingest("KPR", "KUHR")),
            ("'operator'", Right::Operate),
            ("'auditor'", Right::ReadAudit),
        ];
        for (roles, _) in &rights {
            for (needed, right) in &rights {
                let is_allowed = asks(roles, right.clone()).is_ok();
                assert_eq!(is_allowed, roles == needed, "{roles} asks for {right}");
            }
        }
    }

    #[test]
    fn an_auditor_reads_disclosures_and_changes_none() {
        assert!(asks("'auditor'", Right::ReadDisclosures).is_ok());
        assert!(asks("'auditor'", Right::Disclose).is_err());
        assert_eq!(Right::Disclose.roles(), [Role::Officer]);
    }

    #[test]
    fn approvals_are_asked_for_given_and_seen_under_roles_of_their_own() {
        let rights = [
            (Right::Approve, "approver"),
            (Right::RequestApprovals, "custodian, officer, operator"),
            (Right::SeeApprovals, "approver, auditor"),
        ];
        let all = ["approver", "auditor", "custodian", "officer", "operator", "rights"];
        for (right, roles) in rights {
            assert_eq!(right.to_string(), roles);
            for role in all {
                let access = access_of("person", &format!("'{role}'"));
                let principal = access.iter().next().unwrap();
                let is_allowed = authorize(principal, right.clone(), date(2026, 6, 1)).is_ok();
                assert_eq!(is_allowed, roles.contains(role), "{role} asks for {roles}");
            }
        }
    }

    #[test]
    fn whoever_has_all_sources_of_a_register_follows_its_ids_and_nobody_else() {
        let follow = || Right::FollowIds { register: "NPR".parse().unwrap() };
        for (roles, is_allowed) in [
            ("'ingest:NPR:*'", true),
            ("'resolve:NPR:*'", true),
            ("'ingest:NPR:HF', 'resolve:NPR:RHF'", false),
            ("'ingest:KPR:*'", false),
            ("'import:NPR:*', 'identity'", false),
        ] {
            assert_eq!(asks(roles, follow()).is_ok(), is_allowed, "{roles}");
        }
        assert!(asks("'identity'", Right::ApplyEvents).is_ok());
        assert!(asks("'ingest:NPR:*', 'auditor'", Right::ApplyEvents).is_err());
        assert!(asks("'identity', 'auditor'", Right::ReadProtectedLinks).is_err());
    }

    #[test]
    fn shares_are_given_by_their_holders_and_operators() {
        let access = access_of("person", "'keyholder'");
        let holder = access.iter().next().unwrap();
        assert!(authorize(holder, Right::GiveShares, date(2026, 6, 1)).is_ok());
        assert!(authorize(holder, Right::Operate, date(2026, 6, 1)).is_err());
        assert!(asks("'operator'", Right::GiveShares).is_ok());
        assert!(asks("'auditor', 'ingest:NPR:*'", Right::GiveShares).is_err());
    }

    #[test]
    fn the_rights_of_persons_have_a_role_of_their_own() {
        assert_eq!(Right::Rights.roles(), [Role::Rights]);
        for roles in ["'auditor'", "'operator'", "'ingest:NPR:*', 'resolve:NPR:*'"] {
            assert!(asks(roles, Right::Rights).is_err(), "{roles}");
        }
    }

    #[test]
    fn orders_are_for_the_registers_own_system() {
        let orders = |register: &str| Right::Orders { register: register.parse().unwrap() };
        for roles in ["'ingest:NPR:*'", "'resolve:NPR:*'"] {
            assert!(asks(roles, orders("NPR")).is_ok(), "{roles}");
            assert!(asks(roles, orders("KPR")).is_err(), "{roles}");
        }
        for roles in ["'ingest:NPR:HF', 'resolve:NPR:HF'", "'import:NPR:*'", "'operator'"] {
            assert!(asks(roles, orders("NPR")).is_err(), "{roles}");
        }
    }

    #[test]
    fn a_role_for_all_sources_gives_the_right_for_each() {
        for source in ["HF", "RHF"] {
            assert!(asks("'ingest:NPR:*'", ingest("NPR", source)).is_ok());
        }
        assert!(asks("'ingest:NPR:*'", ingest("KPR", "KUHR")).is_err());
    }

    #[test]
    fn a_register_that_is_not_there_and_one_that_is_not_ours_get_the_same_answer() {
        let forbidden = asks("'ingest:NPR:HF'", ingest("KPR", "KUHR")).unwrap_err();
        let absent = asks("'ingest:NPR:HF'", ingest("XYZ", "KUHR")).unwrap_err();
        assert_eq!((forbidden, forbidden.to_string()), (absent, absent.to_string()));
    }

    #[test]
    fn nobody_has_a_right_outside_their_days() {
        let access = access_with("'operator'");
        let principal = access.iter().next().unwrap();
        assert!(authorize(principal, Right::Operate, date(2026, 12, 31)).is_ok());
        assert!(authorize(principal, Right::Operate, date(2027, 1, 1)).is_err());
    }
}
