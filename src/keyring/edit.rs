//! Making and changing a key file, offline and with its passphrase.

use std::path::Path;

use jiff::Timestamp;

use super::change::{Change, OldErasureKey};
use super::document::{Document, KeyEntry};
use super::kinds::{Environment, KeyFacts, KeyState, NumberSpace, Plane, Purpose, StoreId};
use super::marks::keys_of;
use super::open::Roots;
use super::sealed::{Opened, open};
use super::{Error, Unsealing, file};
use crate::crypto::{Argon2Params, DigestKey, Entropy, KeyId, Passphrase};

/// What a new key file is for.
#[derive(Clone, Debug)]
pub struct KeyPlan {
    /// The registers that get keys.
    pub registers: Vec<PlannedRegister>,
    /// The environment.
    pub environment: Environment,
    /// Marks the keys as a developer's and makes the passphrase cheap to try.
    pub development: bool,
}

/// A register that has, or gets, keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRegister {
    /// Its number in the catalogue.
    pub number: u16,
    /// Whether it is a one-way register.
    pub one_way: bool,
}

/// Purposes of which every key file has a key.  Erasure keys come first: others are wrapped under
/// them.
const BASE: [Purpose; 11] = [
    Purpose::VaultErasure,
    Purpose::RegisterErasure,
    Purpose::Index,
    Purpose::TagStorage,
    Purpose::Identity,
    Purpose::PersonNumbers,
    Purpose::RegisterStorage,
    Purpose::AuditStorage,
    Purpose::AuditDigest,
    Purpose::AuditSigning,
    Purpose::ExtractSigning,
];
const PER_REGISTER: [Purpose; 2] = [Purpose::RegisterId, Purpose::RegisterNumbers];
const PER_ONE_WAY: [Purpose; 4] =
    [Purpose::OnewayMac, Purpose::OnewayOuter, Purpose::OnewayTagStorage, Purpose::OnewayNumbers];

/// Makes a key file with a fresh key for every purpose of the plan.
///
/// # Errors
/// [`Error::Exists`] when there is a file already; [`Error::DevelopmentKeys`] when the plan asks for
/// development keys elsewhere than in development; [`Error::Io`].
pub fn create(
    path: &Path,
    plan: &KeyPlan,
    passphrase: &Passphrase,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<(), Error> {
    if plan.development && plan.environment != Environment::Development {
        return Err(Error::DevelopmentKeys);
    }
    let lock = file::Lock::try_take(path)?;
    if path.exists() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let store_id = StoreId::from_bytes(entropy.draw()?);
    let roots = Roots::generate(entropy)?;
    let params = params(plan.development);
    let document = Document {
        development: plan.development,
        environment: plan.environment,
        store_id,
        created: now,
        roots: roots.seal(&store_id, params, passphrase, entropy)?,
        keys: Vec::new(),
        marks: std::iter::once((NumberSpace::Persons, 0)).collect(),
    };
    let mac_key = roots.of(Plane::Registers).mac_key(&store_id);
    let mut editor = Editor { lock, document, roots, mac_key, entropy, now };
    for purpose in BASE {
        editor.change(purpose.plane()).add(purpose, None, KeyState::Active)?;
    }
    editor.add_registers(&plan.registers)?;
    editor.lock.create(&editor.document.render(&editor.mac_key))
}

pub(super) fn params(development: bool) -> Argon2Params {
    if development { Argon2Params::DEVELOPMENT } else { Argon2Params::PRODUCTION }
}

/// An open key file under change.  Nothing is changed on disk before [`Editor::commit`].
///
/// Holds the file's lock: a running server that raises a mark waits for it, so that the caller asks
/// for passphrases and confirmations before opening, not after.
pub struct Editor<'a> {
    lock: file::Lock,
    pub(super) document: Document,
    pub(super) roots: Roots,
    pub(super) mac_key: DigestKey,
    pub(super) entropy: &'a Entropy,
    now: Timestamp,
}

impl<'a> Editor<'a> {
    /// Opens a file for changing it; what is made draws on `entropy` and is dated `now`.
    ///
    /// # Errors
    /// As [`super::SealedKeyring::unseal`]; [`Error::Busy`] while another process changes it.
    pub fn open(
        path: &Path,
        passphrase: &Passphrase,
        entropy: &'a Entropy,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let lock = file::Lock::try_take(path)?;
        let Opened { document, roots, mac_key } = open(path, passphrase)?;
        Ok(Self { lock, document, roots, mac_key, entropy, now })
    }

    /// As [`Editor::open`], by whatever was given to `unsealing`.
    ///
    /// # Errors
    /// As [`Unsealing::open`]; [`Error::Busy`] while another process changes the file.
    pub fn open_by(
        unsealing: Unsealing,
        entropy: &'a Entropy,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let lock = file::Lock::try_take(unsealing.sealed().path())?;
        let Opened { document, roots, mac_key } = unsealing.into_opened()?;
        Ok(Self { lock, document, roots, mac_key, entropy, now })
    }

    /// What is in the clear about each key, as changed so far.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyFacts> {
        self.document.facts()
    }

    /// Gives keys to the registers that lack them, and to purposes that are newer than the file; returns
    /// the ids of the new keys.
    ///
    /// # Errors
    /// [`Error::Crypto`] without randomness.
    pub fn add_registers(&mut self, registers: &[PlannedRegister]) -> Result<Vec<KeyId>, Error> {
        let mut added = Vec::new();
        // Purposes that came after the file was made.
        for purpose in BASE {
            if !self.document.keys.iter().any(|key| key.facts.purpose == purpose) {
                let id = self.change(purpose.plane()).add(purpose, None, KeyState::Active)?;
                added.push(id);
            }
        }
        for register in registers {
            let one_way = if register.one_way { &PER_ONE_WAY[..] } else { &[] };
            for purpose in PER_REGISTER.iter().chain(one_way) {
                let scope = Some(register.number);
                // Also a register whose keys were destroyed gets none here: that was decided.
                let has =
                    |key: &KeyEntry| key.facts.purpose == *purpose && key.facts.scope == scope;
                if !self.document.keys.iter().any(has) {
                    added.push(self.change(purpose.plane()).add(
                        *purpose,
                        scope,
                        KeyState::Active,
                    )?);
                }
            }
        }
        Ok(added)
    }

    /// Makes the next epoch's key, pending.
    ///
    /// # Errors
    /// [`Error::NotRotatable`], [`Error::EpochsExhausted`]; [`Error::NoActiveKey`] for a register
    /// without keys; [`Error::KeyInUse`] when one is pending already.
    pub fn prepare(&mut self, purpose: Purpose, scope: Option<u16>) -> Result<KeyId, Error> {
        self.change(purpose.plane()).prepare(purpose, scope)
    }

    /// Makes a pending key the active one; the one that was active then only opens.  With an erasure
    /// key, the keys in this file that can die are wrapped anew under it.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] unless the key is pending.
    pub fn activate(&mut self, id: KeyId) -> Result<(), Error> {
        self.change_of(id)?.activate(id)
    }

    /// A new epoch at once: [`Editor::prepare`] and [`Editor::activate`].
    ///
    /// # Errors
    /// As those.
    pub fn rotate(&mut self, purpose: Purpose, scope: Option<u16>) -> Result<KeyId, Error> {
        self.change(purpose.plane()).rotate(purpose, scope)
    }

    /// Begins a new generation of a number space, at a position that no earlier one has come to: a
    /// block of numbers is permuted by one generation alone.
    ///
    /// # Errors
    /// As [`Editor::rotate`].
    pub fn begin_generation(&mut self, space: NumberSpace, from: u64) -> Result<(), Error> {
        let (purpose, scope) = keys_of(space);
        let _ = self.rotate(purpose, scope)?;
        let mark = self.document.marks.entry(space).or_insert(0);
        *mark = from.max(*mark);
        Ok(())
    }

    /// Destroys a key that is not active.  A key that can die takes its plane's erasure key with it:
    /// a new one is made, the survivors in this file are wrapped anew, and the old one goes as
    /// `old` says.  After [`Editor::commit`] only older copies of this file hold the key.
    ///
    /// # Errors
    /// [`Error::KeyInUse`] for an active key; [`Error::NoSuchKey`] for one that is gone.
    pub fn destroy(&mut self, id: KeyId, old: OldErasureKey) -> Result<(), Error> {
        self.change_of(id)?.destroy(id, old)
    }

    /// Replaces the file on disk.  Durable when it returns.
    ///
    /// # Errors
    /// [`Error::Io`]; the file is then as it was.
    pub fn commit(self) -> Result<(), Error> {
        self.lock.replace(&self.document.render(&self.mac_key))
    }

    pub(super) fn change(&mut self, plane: Plane) -> Change<'_> {
        let (root, entropy, now) = (self.roots.of(plane), self.entropy, self.now);
        Change { document: &mut self.document, root, entropy, now }
    }

    fn change_of(&mut self, id: KeyId) -> Result<Change<'_>, Error> {
        let plane = self.document.key(id)?.facts.purpose.plane();
        Ok(self.change(plane))
    }
}

impl std::fmt::Debug for Editor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Editor(..)")
    }
}
