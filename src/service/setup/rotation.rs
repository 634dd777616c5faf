//! A new key in the place of one that signs or seals, with the server sealed or stopped.
//!
//! What was made with the older key stays: it verifies and opens as before, by the key that stays in the
//! file for that alone.  Keys that IDs and tags are made with have no successor here: that would be
//! another ID for everybody.
//!
//! INVARIANT: no key is in force without its entry in the log, which is written first.
//! INVARIANT: a key that has signed checkpoints is destroyed only when the active one has signed the
//! newest of them: a log whose newest checkpoint no living key has signed is not opened.

use super::keys::record_and_commit;
use super::{Installation, KeysGiven, Root, SetupError};
use crate::audit::{Action, Actor, Entry, VerifierKey};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::crypto::Entropy;
use crate::keyring::{Editor, KeyFacts, KeyState, OldErasureKey, Plane, Purpose};
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

    /// Destroys the keys that have signed checkpoints before the active one, and gives how many. What
    /// they have signed still verifies with their public keys.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoOlderKey`]; [`SetupError::NotSignedYet`]; as [`Installation::rotate`].
    pub fn destroy_older_signing_keys(
        &self,
        [recorded, given]: [KeysGiven; 2],
    ) -> Result<usize, SetupError> {
        self.while_held(recorded, |open| destroy_held(open, &self.config, given))
    }
}

fn destroy_held(open: &Open, config: &Config, given: KeysGiven) -> Result<usize, SetupError> {
    let origin = audit_origin(config).map_err(SetupError::Open)?;
    let active = open.keys().keyring.registers().audit.signing.active();
    let active = VerifierKey::new(origin, active.public_key());
    let signed = open.registers.audit().newest_is_signed_by(&active);
    if signed.map_err(|error| SetupError::Open(log_error(error)))? != Some(true) {
        return Err(SetupError::NotSignedYet);
    }
    let is_older = |key: &&KeyFacts| {
        key.purpose == Purpose::AuditSigning && key.state == KeyState::DecryptOnly
    };
    let older: Vec<_> = given.unsealing.sealed().keys().iter().filter(is_older).copied().collect();
    if older.is_empty() {
        return Err(SetupError::NoOlderKey);
    }
    let (entropy, now) = (Entropy::os(), SystemClock::new().now());
    let by = given.given;
    let mut editor = Editor::open_by(given.unsealing, &entropy, now)?;
    let mut entry = Entry::new(now, Actor::Server, Action::KeyDestroyed);
    for key in &older {
        editor.destroy(key.id, OldErasureKey::Destroy)?;
        entry.changes.push(format!("audit signing, epoch {}", key.epoch));
    }
    record_and_commit(open, editor, entry, by)?;
    Ok(older.len())
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
