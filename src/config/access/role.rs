//! What a principal may do.

use std::{fmt, str::FromStr};

use crate::config::codes::{RegisterCode, SourceCode};
use crate::config::words::shown;

/// A role.  Roles that name a register are written `ingest:NPR:HF`, the others by one word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Approves, as the second person, what another asked for.
    Approver,
    /// Reads and verifies the audit log.
    Auditor,
    /// States to a register, as a quality register's own system, who has consented to it.
    Consents {
        /// The register that keeps the consents.
        register: RegisterCode,
        /// The quality register.
        source: SourceScope,
    },
    /// Gets the IDs of persons of a one-way register in another register, in an open window.
    Convert {
        /// The one-way register.
        from: RegisterCode,
        /// The other.
        into: RegisterCode,
    },
    /// Reveals and corrects identities.
    Custodian,
    /// Delivers what the population register says of identities: changes, merges, splits, deaths.
    Identity,
    /// Loads historical data into a register that is closed, or IDs that it already has.
    Import {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceScope,
    },
    /// Delivers to a register: unknown persons get an ID.
    Ingest {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceScope,
    },
    /// Holds a share of a root, and gives it when the server is unsealed.
    Keyholder,
    /// States which identifiers that a message carries are one person's.
    Link {
        /// The register that the message is for.
        register: RegisterCode,
        /// Its source.
        source: SourceScope,
    },
    /// Registers applications and decisions, and makes extracts.
    Officer,
    /// Unseals, rotates, backs up and watches.
    Operator,
    /// Asks for the IDs that persons already have.
    Resolve {
        /// The register.
        register: RegisterCode,
        /// Its source.
        source: SourceScope,
    },
    /// Serves the rights of the registered: innsyn, reservation, consent and erasure.
    Rights,
}

/// Which of a register's sources a role is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceScope {
    /// All of them, also those that come later; written `*`.
    Any,
    /// One.
    One(SourceCode),
}

impl SourceScope {
    /// Whether everything that `wanted` is for is also this scope's.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        matches!(self, Self::Any) || self == wanted
    }
}

impl fmt::Display for SourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One(source) => source.fmt(f),
        }
    }
}

/// Text that is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a role; the roles are approver, auditor, custodian, identity, keyholder, officer, operator, \
     rights, and import, ingest, link or resolve with a register and a source, such as ingest:NPR:HF or \
     ingest:NPR:*, consents with a register and a quality register, and convert with a one-way register and \
     another"
)]
pub struct MalformedRole(String);

impl Role {
    /// The register and the sources that the role is for, if it is for one.
    #[must_use]
    pub const fn scope(&self) -> Option<(&RegisterCode, &SourceScope)> {
        match self {
            Self::Consents { register, source }
            | Self::Import { register, source }
            | Self::Ingest { register, source }
            | Self::Link { register, source }
            | Self::Resolve { register, source } => Some((register, source)),
            Self::Approver
            | Self::Auditor
            | Self::Convert { .. }
            | Self::Custodian
            | Self::Identity
            | Self::Keyholder
            | Self::Officer
            | Self::Operator
            | Self::Rights => None,
        }
    }

    /// Whether only a natural person may have the role: one who decides about a person's data and
    /// answers for it, or whose being another person than the others is the point.
    #[must_use]
    pub const fn needs_person(&self) -> bool {
        matches!(
            self,
            Self::Approver | Self::Custodian | Self::Keyholder | Self::Officer | Self::Rights
        )
    }

    /// Whether it takes two persons to grant the role: with it, one could do alone what takes two.
    #[must_use]
    pub const fn needs_approval_to_grant(&self) -> bool {
        matches!(self, Self::Approver | Self::Custodian | Self::Officer)
    }

    /// Whether who has this role may do everything that `wanted` allows.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        match (self.scope(), wanted.scope()) {
            (Some((register, source)), Some((wanted_register, wanted_source))) => {
                self.word() == wanted.word()
                    && register == wanted_register
                    && source.covers(wanted_source)
            }
            _ => self == wanted,
        }
    }

    /// The first word of the role, such as `ingest`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Consents { .. } => "consents",
            Self::Convert { .. } => "convert",
            Self::Custodian => "custodian",
            Self::Identity => "identity",
            Self::Import { .. } => "import",
            Self::Ingest { .. } => "ingest",
            Self::Keyholder => "keyholder",
            Self::Link { .. } => "link",
            Self::Officer => "officer",
            Self::Operator => "operator",
            Self::Resolve { .. } => "resolve",
            Self::Rights => "rights",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Convert { from, into } = self {
            return write!(f, "{}:{from}:{into}", self.word());
        }
        match self.scope() {
            None => f.write_str(self.word()),
            Some((register, source)) => write!(f, "{}:{register}:{source}", self.word()),
        }
    }
}

impl FromStr for Role {
    type Err = MalformedRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || MalformedRole(shown(text));
        let mut parts = text.split(':');
        let word = parts.next().unwrap_or_default();
        let plain = match word {
            "approver" => Some(Self::Approver),
            "auditor" => Some(Self::Auditor),
            "custodian" => Some(Self::Custodian),
            "identity" => Some(Self::Identity),
            "keyholder" => Some(Self::Keyholder),
            "officer" => Some(Self::Officer),
            "operator" => Some(Self::Operator),
            "rights" => Some(Self::Rights),
            _ => None,
        };
        match (plain, parts.next(), parts.next(), parts.next()) {
            (Some(role), None, None, None) => Ok(role),
            (None, Some(from), Some(into), None) if word == "convert" => Ok(Self::Convert {
                from: from.parse().map_err(|_| malformed())?,
                into: into.parse().map_err(|_| malformed())?,
            }),
            (None, Some(register), Some(source), None) => {
                let register = register.parse().map_err(|_| malformed())?;
                let source = match source {
                    "*" => SourceScope::Any,
                    one => SourceScope::One(one.parse().map_err(|_| malformed())?),
                };
                match word {
                    "consents" => Ok(Self::Consents { register, source }),
                    "import" => Ok(Self::Import { register, source }),
                    "ingest" => Ok(Self::Ingest { register, source }),
                    "link" => Ok(Self::Link { register, source }),
                    "resolve" => Ok(Self::Resolve { register, source }),
                    _ => Err(malformed()),
                }
            }
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Role {
        text.parse().unwrap()
    }

    #[test]
    fn every_role_is_written_as_it_is_read() {
        let texts = [
            "approver",
            "auditor",
            "consents:NPR:DIABETES",
            "consents:NPR:*",
            "convert:IPLOS:KPR",
            "custodian",
            "identity",
            "import:IPLOS:KOMMUNE",
            "ingest:NPR:HF-OUS",
            "ingest:NPR:*",
            "keyholder",
            "link:NPR:HF",
            "officer",
            "operator",
            "resolve:KPR:KUHR",
            "rights",
        ];
        for text in texts {
            assert_eq!(role(text).to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let bad = [
            "",
            "admin",
            "Officer",
            "officer:NPR:HF",
            "ingest",
            "ingest:NPR",
            "ingest:*:HF",
            "ingest:NPR:",
            "ingest:NPR:hf",
            "ingest:npr:HF",
            "ingest:NPR:HF:X",
            "ingest:NPR:HF*",
            "officer ",
            "reveal:NPR:HF",
            "convert:IPLOS:*",
            "convert:IPLOS",
        ];
        for text in bad {
            assert!(text.parse::<Role>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_role_covers_itself_and_its_narrower_forms_only() {
        let all = ["ingest:NPR:*", "ingest:NPR:HF", "ingest:KPR:HF", "resolve:NPR:HF", "officer"];
        for one in all {
            for two in all {
                let expected = one == two || (one, two) == ("ingest:NPR:*", "ingest:NPR:HF");
                assert_eq!(role(one).covers(&role(two)), expected, "{one} covers {two}");
            }
        }
    }
}
