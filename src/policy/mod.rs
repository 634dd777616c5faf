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

pub mod alarms;
pub mod methods;

/// Something that a principal may be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Deliver what the population register says of identities.
    ApplyEvents,
    /// Decide, as the second person, about what another asked for.
    Approve,
    /// Take a backup: everything that is stored, sealed to whom one names.
    BackUp,
    /// Ask what persons have said to a quality register, as its own system does.
    CheckQualityConsents {
        /// The register that keeps the consents.
        register: RegisterCode,
        /// The quality register.
        quality_register: SourceCode,
    },
    /// Say that a register has deleted what it was ordered to, as its own system does.
    ConfirmOrders {
        /// The register.
        register: RegisterCode,
    },
    /// Get the IDs of persons of a one-way register in another, in an open window.
    Convert {
        /// The one-way register.
        from: RegisterCode,
        /// The other.
        into: RegisterCode,
    },
    /// Record applications and decisions, open disclosures, issue serials, close.
    Disclose,
    /// Read which of a register's IDs another has replaced: for who has a role for all its sources.
    FollowIds {
        /// The register.
        register: RegisterCode,
    },
    /// Give one's share of a root, and see how many more are needed.
    GiveShares,
    /// Load historical data.
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
    /// State which identifiers of a message are one person's, and take it back.
    LinkIdentifiers {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceCode,
    },
    /// Load the IDs that a register had before: for who may import from all its sources.
    LoadAliases {
        /// The register.
        register: RegisterCode,
    },
    /// Unseal, seal, rotate, and see the server's counts.
    Operate,
    /// Read the orders to a register, as its own system does.
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
    /// Replace a person's IDs in a register, with another person's approval; read which were.
    ReissueIds,
    /// Ask for an approval, and see and take back one's own; which act takes which role is
    /// [`crate::approval::Wanted::roles`]'.
    RequestApprovals,
    /// Ask for the IDs that persons already have.
    Resolve {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceCode,
    },
    /// Record what a person has said to a quality register, as its own system or for the person.
    RecordQualityConsents {
        /// The register that keeps the consents.
        register: RegisterCode,
        /// The quality register.
        quality_register: SourceCode,
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
            Self::CheckQualityConsents { register, quality_register } => {
                let source = scope(quality_register);
                vec![Role::Consents { register: register.clone(), source }]
            }
            // Who looks up alone keeps no data of the register's, and has deleted none.
            Self::ConfirmOrders { register } => {
                vec![Role::Ingest { register: register.clone(), source: SourceScope::Any }]
            }
            Self::Convert { from, into } => {
                vec![Role::Convert { from: from.clone(), into: into.clone() }]
            }
            Self::Disclose => vec![Role::Officer],
            Self::GiveShares => vec![Role::Keyholder, Role::Operator],
            Self::Import { register, source } => {
                vec![Role::Import { register: register.clone(), source: scope(source) }]
            }
            Self::Ingest { register, source } => {
                vec![Role::Ingest { register: register.clone(), source: scope(source) }]
            }
            Self::LinkIdentifiers { register, source } => {
                vec![Role::Link { register: register.clone(), source: scope(source) }]
            }
            Self::LoadAliases { register } => {
                vec![Role::Import { register: register.clone(), source: SourceScope::Any }]
            }
            Self::BackUp | Self::Operate => vec![Role::Operator],
            // All sources: who delivers from one institution is not told whom the register erases.
            Self::FollowIds { register } | Self::Orders { register } => {
                let (register, source) = (|| register.clone(), SourceScope::Any);
                vec![
                    Role::Ingest { register: register(), source: source.clone() },
                    Role::Resolve { register: register(), source },
                ]
            }
            Self::ReadAudit | Self::ReadDisclosures => vec![Role::Auditor],
            // Whoever may do anything has entries: see `authorize`.
            Self::ReadOwnEntries => Vec::new(),
            Self::ReadProtectedLinks | Self::ReissueIds | Self::Reveal => vec![Role::Custodian],
            Self::RequestApprovals => {
                vec![Role::Approver, Role::Custodian, Role::Officer, Role::Operator]
            }
            Self::Resolve { register, source } => {
                vec![Role::Resolve { register: register.clone(), source: scope(source) }]
            }
            Self::RecordQualityConsents { register, quality_register } => {
                let source = scope(quality_register);
                vec![Role::Consents { register: register.clone(), source }, Role::Rights]
            }
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
pub(crate) mod tests;
