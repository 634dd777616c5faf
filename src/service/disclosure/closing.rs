//! The end of a disclosure: its key dies.
//!
//! ```text
//! 1  nobody gets at the keys in memory any more
//! 2  key file: the next erasure key, pending                                       durable
//! 3  store: the key and what is sealed under it removed (another party's IDs among it), ordinals if
//!    no other disclosure has the key, all other disclosures' keys wrapped under the next erasure
//!    key, the record, the entry: one batch                                          durable
//! 4  key file: the next erasure key is active, the one before destroyed            durable
//! ```
//!
//! A crash between 2 and 4, or a disk that takes no key file, leaves a pending erasure key; the next
//! start or the next closing, of the same disclosure too, finishes from there.  The caller is told only
//! after 4.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::ingest::register_error;
use super::super::open::{Open, key_file_error};
use super::super::{Error, Service, actor};
use super::book::{closed, disclosure_of};
use super::changing::{Changed, about, forgotten};
use super::disclosures::DisclosureView;
use super::numbering::without_ordinals;
use crate::audit::{Action, Actor, Entry, Recorded};
use crate::crypto::{Entropy, WrapKey};
use crate::disclosure::{Disclosure, DisclosureId, LoadedBridge};
use crate::keyring::{ErasureKeys, WrappedDisclosureKey};
use crate::policy::Permit;
use crate::registers::{Registers, Write};
use crate::store::keys::{Key, Kind};

impl Service {
    /// Closes a disclosure and destroys its key.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `step_out_of_order` when it is closed,
    /// `key_file_unusable`, `server_sealed`, `commit_uncertain`: the key may be gone or not; close it
    /// again.
    pub fn close_disclosure(
        &self,
        permit: &Permit,
        id: DisclosureId,
    ) -> Result<(DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        // Of an earlier closing, when the key file could not be written at its end.
        self.finish_erasure(&open)?;
        let (disclosure, application) = entries.with_application(id)?;
        let (mut disclosure, application) = (disclosure.clone(), application.clone());
        let decided = application.decision(disclosure.decision())?;
        let entry = self.entry(actor(permit), Action::DisclosureClosed);
        let mut entry = about(entry, &disclosure, &application, decided);
        let closed = disclosure.close(&act);
        self.or_record_refusal(&open, entry.clone(), closed)?;
        entry.counts.insert("persons".into(), self.persons_in(&open, id, decided)?);
        let window = open.book.take_window(id);
        open.book.revoke(id);
        let (erasure, now) = (open.keys().keyring.erasure(), self.parts.clock.now());
        let mut loaded = entries.loaded.get(&id).cloned();
        loaded = loaded.map(|loaded| loaded.deleted_by(&act));
        let writes = self.without_key(&open, &disclosure, (now, loaded.as_ref()));
        let recorded = writes.and_then(|mut writes| {
            writes.extend(without_ordinals(&open, &entries, (id, decided))?);
            if window.is_some() {
                let ended = Entry { counts: BTreeMap::new(), ..entry.clone() };
                let ended = Entry { action: Action::WindowClosed, ..ended };
                let _ = self.record_end(&open, ended, "the disclosure was closed")?;
            }
            self.record_keys(&open, entry, writes)
        });
        let recorded = recorded.inspect_err(|_| open.book.restore(id))?;
        entries.disclosures.insert(id, disclosure.clone());
        entries.loaded.extend(loaded.map(|loaded| (id, loaded)));
        open.book.let_go(&entries, id);
        erasure.finish(&self.parts.entropy, now).map_err(key_file_error)?;
        Ok((self.view(&open, &entries, disclosure)?, recorded))
    }

    /// What is stored when a disclosure is closed: its key gone, all others' under the next erasure
    /// key, which is in the key file when this returns.
    fn without_key(
        &self,
        open: &Open,
        disclosure: &Disclosure,
        (now, loaded): (Timestamp, Option<&LoadedBridge>),
    ) -> Result<Vec<Write>, Error> {
        let (id, entropy) = (disclosure.id(), &self.parts.entropy);
        let erasure = open.keys().keyring.erasure();
        let next = erasure.prepare(entropy, now).map_err(key_file_error)?;
        let mut writes = rewrap(&open.registers, erasure, &next, entropy, Some(id))?;
        writes.push(Write::Remove(Key::disclosure_key(id.0)));
        let items = open.registers.stored_all(Key::disclosure_items(id.0));
        let items = items.map_err(Error::internal)?.into_iter();
        writes.extend(items.map(|(key, _)| Write::Remove(key)));
        writes.extend(forgotten(id, &open.registers)?);
        if let Some(loaded) = loaded {
            writes.push(Changed::Loaded(loaded.clone()).write(open)?);
        }
        let key = Key::disclosure(id.0);
        let sealed = open.registers.seal_record(&key, &disclosure.encode());
        writes.push(Write::Put(key, sealed.map_err(Error::internal)?));
        Ok(writes)
    }

    /// Finishes what a crash or a full disk has left of a closing: every key in the store under the
    /// pending erasure key, then the older ones destroyed.
    pub(in crate::service) fn finish_erasure(&self, open: &Open) -> Result<(), Error> {
        let (erasure, entropy) = (open.keys().keyring.erasure(), &self.parts.entropy);
        let Some(next) = erasure.pending() else { return Ok(()) };
        let writes = rewrap(&open.registers, erasure, &next, entropy, None)?;
        let mut entry = self.entry(Actor::Server, Action::KeysRewrapped);
        let time = entry.time;
        entry.counts.insert("keys".into(), writes.len() as u64);
        let _ = open.registers.record_change_and_wait(entry, writes).map_err(register_error)?;
        erasure.finish(entropy, time).map_err(key_file_error)
    }

    fn record_keys(
        &self,
        open: &Arc<Open>,
        entry: Entry,
        writes: Vec<Write>,
    ) -> Result<Recorded<()>, Error> {
        open.registers.record_change_and_wait(entry, writes).map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })
    }
}

/// The keys of all disclosures but one, wrapped under another erasure key.
fn rewrap(
    registers: &Registers,
    erasure: &ErasureKeys,
    under: &WrapKey,
    entropy: &Entropy,
    but: Option<DisclosureId>,
) -> Result<Vec<Write>, Error> {
    let stored = registers.stored_all(Key::all(Kind::DisclosureKey)).map_err(Error::internal)?;
    if but.is_some_and(|id| stored.iter().all(|(key, _)| *key != Key::disclosure_key(id.0))) {
        return Err(closed());
    }
    let mut writes = Vec::new();
    for (key, wrapped) in stored {
        let id = disclosure_of(&key)?;
        if but != Some(id) {
            let wrapped = WrappedDisclosureKey::from_bytes(wrapped);
            let wrapped = wrapped.rewrap(id.0, erasure, under, entropy).map_err(Error::internal)?;
            writes.push(Write::Put(key, wrapped.as_bytes().to_vec()));
        }
    }
    Ok(writes)
}
