//! The key file before it is open: what stands in it in the clear.

use std::path::{Path, PathBuf};

use super::document::{Document, Parsed};
use super::kinds::{Environment, KeyFacts, KeyState, Plane, Purpose, StoreId};
use super::open::Roots;
use super::ways::RootFacts;
use super::{Error, Keyring, PlannedRegister, Unsealing, file};
use crate::crypto::{DigestKey, Passphrase};

/// A key file that was found and has the right shape.  Nothing in it is authenticated until it is
/// unsealed.
#[derive(Clone, Debug)]
pub struct SealedKeyring {
    path: PathBuf,
    development: bool,
    environment: Environment,
    store_id: StoreId,
    keys: Vec<KeyFacts>,
    roots: Vec<RootFacts>,
}

impl SealedKeyring {
    /// Reads a key file for a server, or a command, of environment `expected`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::OpenToOthers`], [`Error::Damaged`], [`Error::UnknownFormat`],
    /// [`Error::DevelopmentKeys`], [`Error::EnvironmentMismatch`], [`Error::Io`].
    pub fn load(path: &Path, expected: Environment) -> Result<Self, Error> {
        let sealed = Self::inspect(path)?;
        if sealed.development && expected != Environment::Development {
            return Err(Error::DevelopmentKeys);
        }
        if sealed.environment != expected {
            return Err(Error::EnvironmentMismatch { expected, found: sealed.environment });
        }
        Ok(sealed)
    }

    /// Reads a key file of any environment, to show what is in it.
    ///
    /// # Errors
    /// As [`SealedKeyring::load`], without the environment's.
    pub fn inspect(path: &Path) -> Result<Self, Error> {
        let Document { development, environment, store_id, keys, roots, .. } =
            Parsed::parse(file::read(path)?)?.document;
        let keys = keys.iter().map(|key| key.facts).collect();
        let roots = Plane::ALL.iter().map(|plane| RootFacts::of(&roots, *plane)).collect();
        Ok(Self { path: path.to_owned(), development, environment, store_id, keys, roots })
    }

    /// Whether the keys are marked as a developer's.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// The environment that the keys are for.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The id that the stores made with this file carry.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.store_id
    }

    /// Refuses a file that belongs to another store.
    ///
    /// # Errors
    /// [`Error::StoreMismatch`].
    pub fn check_store(&self, store_id: &StoreId) -> Result<(), Error> {
        if self.store_id == *store_id { Ok(()) } else { Err(Error::StoreMismatch) }
    }

    /// What is in the clear about each key, destroyed ones too; what [`super::rotate::sweep`] reads.
    #[must_use]
    pub fn keys(&self) -> &[KeyFacts] {
        &self.keys
    }

    /// What opens each root, in the order of [`Plane::ALL`].
    #[must_use]
    pub fn roots(&self) -> &[RootFacts] {
        &self.roots
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a document that is another file's by now.
    pub(super) fn check_same(&self, now: &Document) -> Result<(), Error> {
        if now.environment != self.environment {
            let (expected, found) = (self.environment, now.environment);
            return Err(Error::EnvironmentMismatch { expected, found });
        }
        self.check_store(&now.store_id)
    }

    /// The registers that have keys, in the order of their numbers.
    #[must_use]
    pub fn registers(&self) -> Vec<PlannedRegister> {
        let scopes = |purpose| {
            self.keys
                .iter()
                .filter(move |key| key.purpose == purpose && key.state == KeyState::Active)
                .filter_map(|key| key.scope)
        };
        let mut registers: Vec<PlannedRegister> = scopes(Purpose::RegisterId)
            .map(|number| PlannedRegister {
                number,
                one_way: scopes(Purpose::OnewayOuter).any(|scope| scope == number),
            })
            .collect();
        registers.sort_by_key(|register| register.number);
        registers
    }

    /// Opens the file with its passphrase: reads it anew, opens the roots, verifies the last line,
    /// opens every key.  Takes two runs of argon2id on this thread.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::ChangedByHand`], [`Error::NoActiveKey`]; as
    /// [`SealedKeyring::load`]; and [`Error::StoreMismatch`] if it is another file by now.
    pub fn unseal(&self, passphrase: &Passphrase) -> Result<Keyring, Error> {
        // Reads it anew, because registers may have been added since the server started.
        let mut unsealing = Unsealing::of(self.clone());
        unsealing.give_passphrase(passphrase)?;
        unsealing.open()
    }
}

/// An authenticated document, with what opens and closes it.
pub(super) struct Opened {
    pub(super) document: Document,
    pub(super) roots: Roots,
    pub(super) mac_key: DigestKey,
}

/// Reads, opens and authenticates a file by its passphrase.
pub(super) fn open(path: &Path, passphrase: &Passphrase) -> Result<Opened, Error> {
    let mut unsealing = Unsealing::of(SealedKeyring::inspect(path)?);
    unsealing.give_passphrase(passphrase)?;
    unsealing.into_opened()
}
