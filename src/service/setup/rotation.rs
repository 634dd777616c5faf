//! A new key in the place of one that signs or seals, with the server sealed or stopped.
//!
//! What was made with the older key stays: it verifies and opens as before, by the key that stays in the
//! file for that alone, until it is destroyed.  Keys that IDs and tags are made with have no successor
//! here: that would be another ID for everybody.
//!
//! INVARIANT: no key is in force without its entry in the log, which is written first.
//! INVARIANT: a key that has sealed something is destroyed only when nothing is left under it.
//! INVARIANT: a key that has signed checkpoints is destroyed only when the active one has signed the
//! newest of them: a log whose newest checkpoint no living key has signed is not opened.

use super::keys::record_and_commit;
use super::{Installation, KeysGiven, Root, SetupError};
use crate::audit::{Action, Actor, Entry, VerifierKey};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::crypto::Entropy;
use crate::keyring::{Editor, KeyFacts, KeyState, OldErasureKey, Plane, Purpose};
use crate::service::Error;
use crate::service::audit::{audit_origin, log_error};
use crate::service::open::Open;

/// What gets a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Signatures of checkpoints.
    AuditSigning,
    /// Signatures of extracts.
    ExtractSigning,
    /// Everything that a plane seals.
    Sealing(Root),
}

impl Rotation {
    /// In words, as the log has it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::AuditSigning => "audit signing",
            Self::ExtractSigning => "extract signing",
            Self::Sealing(Root::Registers) => "registers sealing",
            Self::Sealing(Root::Vault) => "vault sealing",
        }
    }
}

/// Whose older keys are destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderKeys {
    /// Those that have signed checkpoints.
    AuditSigning,
    /// Those that have sealed what a plane stores.
    Sealing(Root),
}

impl OlderKeys {
    const fn are(self, purpose: Purpose) -> bool {
        match self {
            Self::AuditSigning => matches!(purpose, Purpose::AuditSigning),
            Self::Sealing(Root::Registers) => {
                matches!(purpose, Purpose::AuditStorage | Purpose::RegisterStorage)
            }
            Self::Sealing(Root::Vault) => {
                let one_way = matches!(purpose, Purpose::OnewayTagStorage);
                one_way || matches!(purpose, Purpose::Identity | Purpose::TagStorage)
            }
        }
    }

    /// Refuses as long as something is left that only they open, or vouch for.
    fn check_unneeded(self, open: &Open, config: &Config) -> Result<(), SetupError> {
        let counted = match self {
            Self::AuditSigning => return check_signed(open, config),
            Self::Sealing(Root::Registers) => open.registers.older_count().map_err(Error::internal),
            Self::Sealing(Root::Vault) => open.vault.older_count().map_err(Error::internal),
        };
        match counted.map_err(SetupError::Open)? {
            0 => Ok(()),
            count => Err(SetupError::StillSealed { count }),
        }
    }
}

impl Installation {
    /// Makes a new key and puts it in force: `recorded` was given for the entry, `given` for the change
    /// itself, since each opening uses up what it was given.
    ///
    /// # Errors
    ///
    /// The key file's; that a store is in use, when the server is open.
    pub fn rotate(
        &self,
        rotation: Rotation,
        [recorded, given]: [KeysGiven; 2],
    ) -> Result<(), SetupError> {
        self.while_held(recorded, |open| rotate_held(open, rotation, given))
    }

    /// Destroys older keys, and gives how many. What they have signed still verifies with their public
    /// keys; what they have sealed was sealed anew.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoOlderKey`]; [`SetupError::NotSignedYet`]; [`SetupError::StillSealed`]; as
    /// [`Installation::rotate`].
    pub fn destroy_older_keys(
        &self,
        older: OlderKeys,
        [recorded, given]: [KeysGiven; 2],
    ) -> Result<usize, SetupError> {
        self.while_held(recorded, |open| destroy_held(open, (&self.config, older), given))
    }
}

fn destroy_held(
    open: &Open,
    (config, whose): (&Config, OlderKeys),
    given: KeysGiven,
) -> Result<usize, SetupError> {
    let is_older = |key: &&KeyFacts| whose.are(key.purpose) && key.state == KeyState::DecryptOnly;
    let older: Vec<_> = given.unsealing.sealed().keys().iter().filter(is_older).copied().collect();
    if older.is_empty() {
        return Err(SetupError::NoOlderKey);
    }
    whose.check_unneeded(open, config)?;
    let (entropy, now) = (Entropy::os(), SystemClock::new().now());
    let by = given.given;
    let mut editor = Editor::open_by(given.unsealing, &entropy, now)?;
    let mut entry = Entry::new(now, Actor::Server, Action::KeyDestroyed);
    for key in &older {
        editor.destroy(key.id, OldErasureKey::Destroy)?;
        let of = key.scope.map_or(String::new(), |scope| format!(" of register {scope}"));
        let what = key.purpose.text().replace('_', " ");
        entry.changes.push(format!("{what}{of}, epoch {}", key.epoch));
    }
    record_and_commit(open, editor, entry, by)?;
    Ok(older.len())
}

/// A log whose newest checkpoint no living key has signed is not opened.
fn check_signed(open: &Open, config: &Config) -> Result<(), SetupError> {
    let origin = audit_origin(config).map_err(SetupError::Open)?;
    let active = open.keys().keyring.registers().audit.signing.active();
    let active = VerifierKey::new(origin, active.public_key());
    let signed = open.registers.audit().newest_is_signed_by(&active);
    match signed.map_err(|error| SetupError::Open(log_error(error)))? {
        Some(true) => Ok(()),
        _ => Err(SetupError::NotSignedYet),
    }
}

/// The change, while the stores are held.
fn rotate_held(open: &Open, rotation: Rotation, given: KeysGiven) -> Result<(), SetupError> {
    let (entropy, now) = (Entropy::os(), SystemClock::new().now());
    let by = given.given;
    let mut editor = Editor::open_by(given.unsealing, &entropy, now)?;
    match rotation {
        Rotation::AuditSigning => drop(editor.rotate(Purpose::AuditSigning, None)?),
        Rotation::ExtractSigning => drop(editor.rotate(Purpose::ExtractSigning, None)?),
        Rotation::Sealing(Root::Registers) => editor.rotate_sealing(Plane::Registers)?,
        Rotation::Sealing(Root::Vault) => editor.rotate_sealing(Plane::Vault)?,
    }
    let mut entry = Entry::new(now, Actor::Server, Action::KeyRotated);
    entry.changes = vec![rotation.text().to_owned()];
    record_and_commit(open, editor, entry, by)
}
