//! High-water marks: how far each number space has been given out.
//!
//! They are kept in both stores and here.  A store that is behind the key file is an old backup, and
//! must not give a number again.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::document::{Document, Parsed};
use super::kinds::{KeyState, NumberSpace, Plane, Purpose, StoreId};
use super::{Error, file};
use crate::crypto::permutation::NUMBERS_END;
use crate::crypto::{DigestKey, KeyId};

/// The marks in an open key file.
pub struct Marks {
    path: PathBuf,
    store_id: StoreId,
    mac_key: DigestKey,
    /// INVARIANT: no mark is above the one in the file.
    current: Mutex<BTreeMap<NumberSpace, u64>>,
    /// The keys as they were when the file was opened, but the erasure keys that the server changes.
    opened: Vec<(KeyId, KeyState)>,
}

impl Marks {
    pub(super) fn new(path: PathBuf, document: &Document, mac_key: DigestKey) -> Self {
        let current = Mutex::new(document.marks.clone());
        let opened = states(document).collect();
        Self { path, store_id: document.store_id, mac_key, current, opened }
    }

    /// The mark of a number space: every position given out lies below it.  0 before the first.
    #[must_use]
    pub fn get(&self, space: NumberSpace) -> u64 {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get(&space).copied().unwrap_or(0)
    }

    /// That the file still has the keys that it was opened with: that nobody has replaced a root, or
    /// given a key another epoch.
    ///
    /// # Errors
    /// [`Error::ChangedByHand`], [`Error::KeysChanged`]; when the file cannot be read.
    pub fn check_current(&self) -> Result<(), Error> {
        let parsed = Parsed::parse(file::read(&self.path)?)?;
        if parsed.document.store_id != self.store_id {
            return Err(Error::StoreMismatch);
        }
        let document = parsed.authenticate(&self.mac_key)?;
        let now: Vec<(KeyId, KeyState)> = states(&document).collect();
        let is_same = self.opened.iter().all(|key| now.contains(key));
        if is_same { Ok(()) } else { Err(Error::KeysChanged) }
    }

    /// Raises a mark to `to`, durably: positions below `to` may be given out once this returns.
    /// A mark that is there or above stays.
    ///
    /// Blocks on the disk (two syncs), and on another process that changes the file.
    ///
    /// # Errors
    /// When the file cannot be read, verified or replaced, when the space has no keys, or when `to`
    /// is above 10^13.  The mark is then as it was.
    pub fn raise(&self, space: NumberSpace, to: u64) -> Result<(), Error> {
        if to > NUMBERS_END {
            return Err(crate::crypto::Error::OutOfRange.into());
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.get(&space).is_some_and(|mark| *mark >= to) {
            return Ok(());
        }
        let lock = file::Lock::take(&self.path)?;
        let parsed = Parsed::parse(file::read(lock.path())?)?;
        if parsed.document.store_id != self.store_id {
            return Err(Error::StoreMismatch);
        }
        let mut document = parsed.authenticate(&self.mac_key)?;
        let (purpose, scope) = keys_of(space);
        document.active(purpose, scope)?;
        let mark = document.marks.entry(space).or_insert(0);
        if *mark < to {
            *mark = to;
            lock.replace(&document.render(&self.mac_key))?;
        }
        *current = document.marks;
        Ok(())
    }
}

/// The keys and their states, but of the erasure keys that a server changes while it runs.
fn states(document: &Document) -> impl Iterator<Item = (KeyId, KeyState)> + '_ {
    let stays = |purpose| purpose != Plane::Registers.erasure();
    document
        .keys
        .iter()
        .map(|key| key.facts)
        .filter(move |key| stays(key.purpose))
        .map(|key| (key.id, key.state))
}

/// The purpose and scope of the keys that permute a number space.
pub(super) fn keys_of(space: NumberSpace) -> (Purpose, Option<u16>) {
    match space {
        NumberSpace::OneWay(register) => (Purpose::OnewayNumbers, Some(register)),
        NumberSpace::Persons => (Purpose::PersonNumbers, None),
        NumberSpace::Register(register) => (Purpose::RegisterNumbers, Some(register)),
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks(..)")
    }
}
