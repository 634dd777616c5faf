//! The words of the key file: planes, purposes, states, environments, number spaces.
//!
//! FORMAT: the texts are written to the file and authenticated with each key.  They are for ever.

use std::fmt;

use jiff::Timestamp;

use crate::crypto::KeyId;

/// An enum whose variants have one text each, in the file and everywhere else.
macro_rules! words {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.text() == text).ok_or(UnknownWord)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = String::deserialize(source)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A text that is not one of the words expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

words! {
    /// The two halves of the service, which share no key.
    pub enum Plane {
        /// Registers, rights, disclosures, the audit log.
        Registers = "registers",
        /// Identities.
        Vault = "vault",
    }
}

words! {
    /// What a key file, a store and a server are for.
    pub enum Environment {
        /// A developer's machine.
        Development = "development",
        /// Real people.
        Production = "production",
        /// Synthetic people.
        Test = "test",
    }
}

words! {
    /// How far a key is in its life.  It only ever moves down this list.
    pub enum KeyState {
        /// Made, not yet used.
        Pending = "pending",
        /// The one that seals, tags, numbers or signs.
        Active = "active",
        /// Opens and verifies what it made before.
        DecryptOnly = "decrypt_only",
        /// Gone; the entry remains so that its id is not given again.
        Destroyed = "destroyed",
    }
}

words! {
    /// What a working key is for.
    pub enum Purpose {
        /// Keyed digests in audit entries (HMAC-SHA-256).
        AuditDigest = "audit_digest",
        /// Signs checkpoints (an Ed25519 seed).
        AuditSigning = "audit_signing",
        /// Seals bodies of audit entries (AES-256-GCM).
        AuditStorage = "audit_storage",
        /// Signs manifests of extracts (an Ed25519 seed).
        ExtractSigning = "extract_signing",
        /// Seals identities (AES-256-GCM).
        Identity = "identity",
        /// Makes identifier tags (AES-256-CMAC).
        Index = "index",
        /// Inner key of a one-way register's tags (HMAC-SHA-256).
        OnewayMac = "oneway_mac",
        /// Permutes a one-way register's own numbers (FF1).
        OnewayNumbers = "oneway_numbers",
        /// Outer key of a one-way register's tags (AES-256).
        OnewayOuter = "oneway_outer",
        /// Seals a one-way register's partition of the vault (AES-256-GCM).
        OnewayTagStorage = "oneway_tag_storage",
        /// Permutes person numbers (FF1).
        PersonNumbers = "person_numbers",
        /// Wraps register-plane keys that must be able to die (AES-256-GCM).
        RegisterErasure = "register_erasure",
        /// Makes the bodies of a register's IDs (FF1); the epoch is the ID's first digit.
        RegisterId = "register_id",
        /// Permutes a register's numbers (FF1).
        RegisterNumbers = "register_numbers",
        /// Seals records of the register plane (AES-256-GCM).
        RegisterStorage = "register_storage",
        /// Seals tags and links in the vault (AES-256-GCM).
        TagStorage = "tag_storage",
        /// Wraps vault keys that must be able to die (AES-256-GCM).
        VaultErasure = "vault_erasure",
    }
}

impl Purpose {
    /// The plane that such keys belong to.
    #[must_use]
    pub const fn plane(self) -> Plane {
        match self {
            Self::Identity
            | Self::Index
            | Self::OnewayMac
            | Self::OnewayNumbers
            | Self::OnewayOuter
            | Self::OnewayTagStorage
            | Self::PersonNumbers
            | Self::TagStorage
            | Self::VaultErasure => Plane::Vault,
            Self::AuditDigest
            | Self::AuditSigning
            | Self::AuditStorage
            | Self::ExtractSigning
            | Self::RegisterErasure
            | Self::RegisterId
            | Self::RegisterNumbers
            | Self::RegisterStorage => Plane::Registers,
        }
    }

    /// Whether such keys belong to one register each.
    #[must_use]
    pub const fn is_scoped(self) -> bool {
        self.is_one_way() || matches!(self, Self::RegisterId | Self::RegisterNumbers)
    }

    /// Whether only one-way registers have such keys.
    #[must_use]
    pub const fn is_one_way(self) -> bool {
        matches!(
            self,
            Self::OnewayMac | Self::OnewayNumbers | Self::OnewayOuter | Self::OnewayTagStorage
        )
    }

    /// Whether such keys are wrapped under an erasure key, because they must be able to die.
    #[must_use]
    pub const fn is_mortal(self) -> bool {
        matches!(self, Self::Identity | Self::OnewayOuter | Self::RegisterId)
    }

    /// Whether such keys wrap other keys.
    #[must_use]
    pub const fn is_erasure(self) -> bool {
        matches!(self, Self::RegisterErasure | Self::VaultErasure)
    }

    /// The highest epoch there can be.
    #[must_use]
    pub const fn epoch_max(self) -> u32 {
        match self {
            Self::RegisterId => 9,
            // No identity is stored from which the inner tag could be made anew.
            Self::OnewayMac => 1,
            _ => u32::MAX,
        }
    }
}

impl Plane {
    /// The purpose of the plane's erasure keys.
    #[must_use]
    pub const fn erasure(self) -> Purpose {
        match self {
            Self::Registers => Purpose::RegisterErasure,
            Self::Vault => Purpose::VaultErasure,
        }
    }
}

/// The id that a key file shares with the stores made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// An id read back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A sequence of numbers, each given at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberSpace {
    /// A one-way register's numbers in the vault, by register number.
    OneWay(u16),
    /// Person numbers.
    Persons,
    /// A register's numbers, by register number.
    Register(u16),
}

impl fmt::Display for NumberSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneWay(register) => write!(f, "oneway-{register}"),
            Self::Persons => f.write_str("persons"),
            Self::Register(register) => write!(f, "register-{register}"),
        }
    }
}

impl std::str::FromStr for NumberSpace {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let space = if let Some(register) = text.strip_prefix("oneway-") {
            Self::OneWay(register.parse().map_err(|_| UnknownWord)?)
        } else if let Some(register) = text.strip_prefix("register-") {
            Self::Register(register.parse().map_err(|_| UnknownWord)?)
        } else {
            Self::Persons
        };
        // `+7` and `007` parse as numbers but are not how the file writes them.
        if space.to_string() == text { Ok(space) } else { Err(UnknownWord) }
    }
}

/// What is in the clear about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its id, never given again.
    pub id: KeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// The register it belongs to, where the purpose has one.
    pub scope: Option<u16>,
    /// The epoch, or generation, from 1.
    pub epoch: u32,
    /// How far it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// When it came into this state.
    pub changed: Timestamp,
}

impl KeyFacts {
    /// Whether the key exists and belongs to this purpose and scope.
    #[must_use]
    pub fn is_live(&self, purpose: Purpose, scope: Option<u16>) -> bool {
        self.purpose == purpose && self.scope == scope && self.state != KeyState::Destroyed
    }
}
