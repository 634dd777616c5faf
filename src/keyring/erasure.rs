//! The register plane's erasure key while the server runs: what it wraps, and how it is replaced.
//!
//! Keys that must be able to die, such as a disclosure's, lie in a store, wrapped under the erasure
//! key, which lies in the key file alone.  To destroy one of them the erasure key is replaced:
//!
//! ```text
//! prepare   key file: a new erasure key, pending                      durable
//! (caller)  store: survivors wrapped under it, the dead key removed   durable
//! finish    key file: it is active, its own survivors are wrapped
//!           under it, all older ones are destroyed                    durable
//! ```
//!
//! A crash between any two steps leaves a pending erasure key; [`ErasureKeys::pending`] tells, and
//! the steps from the second on are done again.
//!
//! INVARIANT: an erasure key is destroyed only after whoever has keys under it has said that they
//! are wrapped anew.
//!
//! What it does *not* protect: an older copy of the key file has the older erasure key, and with an
//! older copy of the store whatever was wrapped under it.  The registers root stays in memory while
//! the server is unsealed, because the file cannot be changed without it.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::change::Change;
use super::document::{Document, Parsed};
use super::kinds::{KeyState, Plane, Purpose, StoreId};
use super::open::{Root, erasure_wrap};
use super::{Error, file};
use crate::crypto::secret::assert_secret;
use crate::crypto::{DigestKey, Entropy, KeyId, WrapKey};

/// The erasure keys of the register plane.
pub struct ErasureKeys {
    path: PathBuf,
    store_id: StoreId,
    mac_key: DigestKey,
    root: Root,
    live: Mutex<Live>,
}

/// The erasure keys that live.
struct Live {
    active: Arc<WrapKey>,
    pending: Option<Arc<WrapKey>>,
    others: Vec<Arc<WrapKey>>,
}

impl ErasureKeys {
    pub(super) fn new(path: PathBuf, document: &Document, root: Root) -> Result<Self, Error> {
        let live = Mutex::new(Live::of(document, &root)?);
        let mac_key = root.mac_key(&document.store_id);
        Ok(Self { path, store_id: document.store_id, mac_key, root, live })
    }

    /// The store that these keys belong to.
    #[must_use]
    pub fn store_id(&self) -> &StoreId {
        &self.store_id
    }

    /// What wraps new keys.
    #[must_use]
    pub fn active(&self) -> Arc<WrapKey> {
        Arc::clone(&self.live().active)
    }

    /// The one that was prepared and is not finished, if any.
    #[must_use]
    pub fn pending(&self) -> Option<Arc<WrapKey>> {
        self.live().pending.clone()
    }

    /// The erasure key with an id, if it lives.
    #[must_use]
    pub fn with_id(&self, id: KeyId) -> Option<Arc<WrapKey>> {
        let live = self.live();
        let each = std::iter::once(&live.active).chain(&live.pending).chain(&live.others);
        each.into_iter().find(|key| key.id() == id).map(Arc::clone)
    }

    /// Makes the next erasure key, pending, durably; the one that is pending already, if any.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, verified or replaced.  It is then as it was.
    pub fn prepare(&self, entropy: &Entropy, now: Timestamp) -> Result<Arc<WrapKey>, Error> {
        self.edit(entropy, now, |change| {
            let purpose = Purpose::RegisterErasure;
            let mut live = change.document.live(purpose, None);
            let has_pending = live.any(|key| key.facts.state == KeyState::Pending);
            drop(live);
            if !has_pending {
                let _ = change.prepare(purpose, None)?;
            }
            Ok(())
        })?;
        self.pending().ok_or(Error::NoActiveKey { purpose: Purpose::RegisterErasure })
    }

    /// Makes the pending erasure key the active one and destroys all older ones, durably.  Whoever
    /// calls it has wrapped every key that lies in a store under the pending one.  After an error it is
    /// called again.
    ///
    /// # Errors
    /// As [`ErasureKeys::prepare`]; [`Error::NoActiveKey`] when none is pending.
    pub fn finish(&self, entropy: &Entropy, now: Timestamp) -> Result<(), Error> {
        let pending = self.pending();
        let pending = pending.ok_or(Error::NoActiveKey { purpose: Purpose::RegisterErasure })?;
        self.edit(entropy, now, |change| {
            let purpose = Purpose::RegisterErasure;
            // If it is, the file was replaced before, and only its durability was not known.
            let is_active = change.document.active(purpose, None)?.facts.id == pending.id();
            if !is_active {
                change.activate(pending.id())?;
            }
            let older = change.document.live(purpose, None).map(|key| key.facts.id);
            let older: Vec<KeyId> = older.filter(|id| *id != pending.id()).collect();
            for id in older {
                change.destroy(id, super::OldErasureKey::Destroy)?;
            }
            Ok(())
        })
    }

    fn edit(
        &self,
        entropy: &Entropy,
        now: Timestamp,
        edit: impl FnOnce(&mut Change<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut live = self.live();
        let lock = file::Lock::take(&self.path)?;
        let parsed = Parsed::parse(file::read(lock.path())?)?;
        if parsed.document.store_id != self.store_id {
            return Err(Error::StoreMismatch);
        }
        let mut document = parsed.authenticate(&self.mac_key)?;
        edit(&mut Change { document: &mut document, root: &self.root, entropy, now })?;
        lock.replace(&document.render(&self.mac_key))?;
        *live = Live::of(&document, &self.root)?;
        Ok(())
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn of(document: &Document, root: &Root) -> Result<Self, Error> {
        let (mut active, mut pending, mut others) = (None, None, Vec::new());
        for entry in document.live(Plane::Registers.erasure(), None) {
            let secret = root.open_key(document, entry)?;
            let key = Arc::new(erasure_wrap(entry.facts.id, &secret));
            match entry.facts.state {
                KeyState::Active => active = Some(key),
                KeyState::Pending => pending = Some(key),
                KeyState::DecryptOnly | KeyState::Destroyed => others.push(key),
            }
        }
        let active = active.ok_or(Error::NoActiveKey { purpose: Plane::Registers.erasure() })?;
        Ok(Self { active, pending, others })
    }
}

impl fmt::Debug for ErasureKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasureKeys(..)")
    }
}

assert_secret!(ErasureKeys);
