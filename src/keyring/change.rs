//! Changes to the keys of one plane in an authenticated document, with the plane's root open.
//!
//! Why it exists: a command changes the file offline with both roots open, the server changes it
//! while it runs with the registers root alone.  Both mean the same by it.

use jiff::Timestamp;

use super::Error;
use super::document::{Document, KeyEntry};
use super::kinds::{KeyFacts, KeyState, Plane, Purpose};
use super::open::Root;
use crate::crypto::{Entropy, KeyId, SecretBytes};

/// What becomes of an erasure key when a new one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldErasureKey {
    /// It goes at once: no store holds a key under it.
    Destroy,
    /// It stays, to open only, until the stores have wrapped their survivors under the new one;
    /// then it is destroyed.
    KeepUntilRewrapped,
}

/// Keys of one plane under change.
pub(super) struct Change<'a> {
    pub(super) document: &'a mut Document,
    pub(super) root: &'a Root,
    pub(super) entropy: &'a Entropy,
    pub(super) now: Timestamp,
}

impl Change<'_> {
    pub(super) fn prepare(&mut self, purpose: Purpose, scope: Option<u16>) -> Result<KeyId, Error> {
        self.document.active(purpose, scope)?;
        if let Some(pending) =
            self.document.live(purpose, scope).find(|key| key.facts.state == KeyState::Pending)
        {
            return Err(Error::KeyInUse { id: pending.facts.id });
        }
        self.add(purpose, scope, KeyState::Pending)
    }

    pub(super) fn activate(&mut self, id: KeyId) -> Result<(), Error> {
        let facts = self.document.key(id)?.facts;
        if facts.state != KeyState::Pending {
            return Err(Error::NoSuchKey { id });
        }
        let before = self.document.active(facts.purpose, facts.scope)?.facts.id;
        let survivors = if facts.purpose.is_erasure() {
            self.open_mortals(facts.purpose.plane())?
        } else {
            Vec::new()
        };
        self.set_state(before, KeyState::DecryptOnly)?;
        self.set_state(id, KeyState::Active)?;
        for (survivor, secret) in survivors {
            let facts = self.document.key(survivor)?.facts;
            let wrapped = self.root.wrap_key(self.document, &facts, &secret, self.entropy)?;
            self.document.key_mut(survivor)?.wrapped = Some(wrapped);
        }
        Ok(())
    }

    pub(super) fn rotate(&mut self, purpose: Purpose, scope: Option<u16>) -> Result<KeyId, Error> {
        let id = self.prepare(purpose, scope)?;
        self.activate(id)?;
        Ok(id)
    }

    pub(super) fn destroy(&mut self, id: KeyId, old: OldErasureKey) -> Result<(), Error> {
        let facts = self.document.key(id)?.facts;
        match facts.state {
            KeyState::Active => return Err(Error::KeyInUse { id }),
            KeyState::Destroyed => return Err(Error::NoSuchKey { id }),
            KeyState::DecryptOnly | KeyState::Pending => {}
        }
        self.set_state(id, KeyState::Destroyed)?;
        if facts.purpose.is_mortal() {
            let erasure = facts.purpose.plane().erasure();
            let before = self.document.active(erasure, None)?.facts.id;
            self.rotate(erasure, None)?;
            if old == OldErasureKey::Destroy {
                self.set_state(before, KeyState::Destroyed)?;
            }
        }
        Ok(())
    }

    pub(super) fn add(
        &mut self,
        purpose: Purpose,
        scope: Option<u16>,
        state: KeyState,
    ) -> Result<KeyId, Error> {
        let same = |key: &&KeyEntry| key.facts.purpose == purpose && key.facts.scope == scope;
        let last = self.document.keys.iter().filter(same).map(|key| key.facts.epoch).max();
        let epoch = last.unwrap_or(0) + 1;
        if epoch > purpose.epoch_max() {
            return Err(match purpose.epoch_max() {
                1 => Error::NotRotatable { purpose },
                _ => Error::EpochsExhausted { purpose },
            });
        }
        let number = u32::try_from(self.document.keys.len() + 1)
            .expect("a file of at most 4 MiB holds fewer than 2^32 keys");
        let id = KeyId::new(number);
        let facts =
            KeyFacts { id, purpose, scope, epoch, state, created: self.now, changed: self.now };
        let secret = SecretBytes::generate(self.entropy)?;
        let wrapped = Some(self.root.wrap_key(self.document, &facts, &secret, self.entropy)?);
        self.document.keys.push(KeyEntry { facts, wrapped });
        Ok(id)
    }

    pub(super) fn set_state(&mut self, id: KeyId, state: KeyState) -> Result<(), Error> {
        let now = self.now;
        let entry = self.document.key_mut(id)?;
        entry.facts.state = state;
        entry.facts.changed = now;
        if state == KeyState::Destroyed {
            entry.wrapped = None;
        }
        Ok(())
    }

    /// The plane's live keys that can die, with their secrets.
    fn open_mortals(&self, plane: Plane) -> Result<Vec<(KeyId, SecretBytes<32>)>, Error> {
        let is_mortal = |key: &&KeyEntry| {
            let facts = &key.facts;
            facts.purpose.is_mortal()
                && facts.purpose.plane() == plane
                && facts.state != KeyState::Destroyed
        };
        let open = |key: &KeyEntry| Ok((key.facts.id, self.root.open_key(self.document, key)?));
        self.document.keys.iter().filter(is_mortal).map(open).collect()
    }
}
