//! Whom a joint disclosure is about: who was there when its first window was opened.
//!
//! ```text
//! first window ─► members of the sealed registers   WindowPersons   sealed under the disclosure's key
//!              └► members of the one-way register   WindowOneWay    sealed under the disclosure's key
//! ```
//!
//! Why: whoever joins either side later may be a person of the other side, who has a serial already.
//! Nothing that is stored could say so, and each window would give another one.
//!
//! Invariants: both sets are kept as they were at the first window, and nobody else is given a serial;
//! neither says who of the one is in the other; both die with the key, or when nothing is issued any
//! more.

use std::sync::{Arc, OnceLock};

use super::super::Error;
use super::book::closed;
use crate::crypto::{Entropy, Place};
use crate::disclosure::DisclosureId;
use crate::keyring::DisclosureKeys;
use crate::registers::{PersonSet, Registers, Write};
use crate::store::keys::Key;

const KIND_PERSONS: u16 = 0x69;
const KIND_ONE_WAY: u16 = 0x6c;

/// Who was there when the first window was opened; nobody before it.
#[derive(Default)]
pub(super) struct FirstWindow {
    sealed: OnceLock<Arc<PersonSet>>,
    /// A window of an older program has kept the other set alone: this one is of the next window.
    one_way: OnceLock<Arc<PersonSet>>,
}

/// Sets that a window is about, before it is recorded.
pub(super) struct Seen {
    /// Members of the sealed registers.
    pub(super) sealed: PersonSet,
    /// Members of the one-way register, if they are to be kept.
    pub(super) one_way: Option<PersonSet>,
}

impl FirstWindow {
    /// Reads what is stored.
    pub(super) fn load(
        disclosure: (DisclosureId, &DisclosureKeys),
        registers: &Registers,
    ) -> Result<Self, Error> {
        let id = disclosure.0.0;
        let found = Self::default();
        let sealed = (Key::window_persons(id), KIND_PERSONS);
        let one_way = (Key::window_one_way(id), KIND_ONE_WAY);
        for (slot, place) in [(&found.sealed, sealed), (&found.one_way, one_way)] {
            if let Some(persons) = load(place, disclosure.1, registers)? {
                slot.get_or_init(|| Arc::new(persons));
            }
        }
        Ok(found)
    }

    /// Members of the sealed registers.
    pub(super) fn sealed(&self) -> Option<&Arc<PersonSet>> {
        self.sealed.get()
    }

    /// Members of the one-way register.
    pub(super) fn one_way(&self) -> Option<&Arc<PersonSet>> {
        self.one_way.get()
    }

    /// What is to be stored of a window: what no earlier one has kept.
    pub(super) fn writes(
        &self,
        id: DisclosureId,
        keys: &DisclosureKeys,
        (seen, entropy): (&Seen, &Entropy),
    ) -> Result<Vec<Write>, Error> {
        let mut writes = Vec::new();
        if self.sealed.get().is_none() {
            let place = (Key::window_persons(id.0), KIND_PERSONS);
            writes.push(seal(place, keys, &seen.sealed, entropy)?);
        }
        if let Some(one_way) = &seen.one_way {
            let place = (Key::window_one_way(id.0), KIND_ONE_WAY);
            writes.push(seal(place, keys, one_way, entropy)?);
        }
        Ok(writes)
    }

    /// Keeps what was stored.
    pub(super) fn keep(&self, seen: Seen) {
        self.sealed.get_or_init(|| Arc::new(seen.sealed.spread_out()));
        if let Some(one_way) = seen.one_way {
            self.one_way.get_or_init(|| Arc::new(one_way.spread_out()));
        }
    }
}

fn seal(
    (key, kind): (Key, u16),
    keys: &DisclosureKeys,
    persons: &PersonSet,
    entropy: &Entropy,
) -> Result<Write, Error> {
    let place = Place { kind, row: key.as_bytes(), field: 0 };
    let plain = persons.encode().map_err(Error::internal)?;
    let sealed = keys.storage().seal(entropy, &place, &plain).map_err(Error::internal)?;
    Ok(Write::Put(key, sealed))
}

fn load(
    (key, kind): (Key, u16),
    keys: &DisclosureKeys,
    registers: &Registers,
) -> Result<Option<PersonSet>, Error> {
    let Some(sealed) = registers.stored(&key).map_err(Error::internal)? else { return Ok(None) };
    let place = Place { kind, row: key.as_bytes(), field: 0 };
    let plain = keys.storage().open(&place, &sealed).map_err(|_| closed())?;
    let mut set = PersonSet::default().spread_out();
    set.extend(&PersonSet::decode(&plain).map_err(Error::internal)?);
    Ok(Some(set))
}
