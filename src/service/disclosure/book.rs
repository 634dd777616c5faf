//! Applications and disclosures in memory, and what of a disclosure is in use.
//!
//! There are thousands of them, not millions: all are read when the stores are opened.  A change is
//! made on a copy, stored with its audit entry, and seen by others once both are durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use jiff::Timestamp;

use super::super::{Error, ErrorCode};
use super::labels::Labels;
use super::members::{Members, SameKey};
use super::window::Window;
use super::window_persons::FirstWindow;
use crate::crypto::SerialWidth;
use crate::disclosure::delivery::Extract;
use crate::disclosure::lifecycle::DisclosureState;
use crate::disclosure::{
    Application, ApplicationId, Bridge, Disclosure, DisclosureId, LoadedBridge,
};
use crate::keyring::{DisclosureKeys, ErasureKeys, WrappedDisclosureKey};
use crate::registers::{Ordinals, Registers};
use crate::store::keys::{Key, Kind};

/// What the stores hold of applications and disclosures.
pub(in crate::service) struct Book {
    entries: Mutex<Entries>,
    used: Mutex<Used>,
    /// What serials of 8 digits are made of, by the first disclosure of a key.
    pub(super) ordinals: Mutex<BTreeMap<DisclosureId, Weak<Ordinals>>>,
    /// Who is in the disclosures that were used, by the first disclosure of a key.
    pub(super) same_key: Mutex<BTreeMap<DisclosureId, Arc<SameKey>>>,
}

/// The disclosures in use.
#[derive(Default)]
struct Used {
    ready: BTreeMap<DisclosureId, Arc<InUse>>,
    /// Those whose keys are being destroyed, or are: nobody makes them ready again.
    closing: BTreeSet<DisclosureId>,
}

/// Every application and disclosure, as it is stored.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) applications: BTreeMap<ApplicationId, Application>,
    pub(super) disclosures: BTreeMap<DisclosureId, Disclosure>,
    /// Bridges out, by disclosure and number.
    pub(super) bridges: BTreeMap<(DisclosureId, u32), Bridge>,
    /// Bridges in, of which a disclosure has one at most.
    pub(super) loaded: BTreeMap<DisclosureId, LoadedBridge>,
}

/// A disclosure whose serials somebody asks for.
pub(super) struct InUse {
    id: DisclosureId,
    /// `None` once it is closed.  Whoever hands an answer to the recorder holds this for reading
    /// meanwhile, so that nothing is answered after the entry that closes it.
    pub(super) keys: RwLock<Option<Arc<DisclosureKeys>>>,
    pub(super) members: Members,
    /// Held for reading as the keys are, so that nothing is answered with IDs that are gone.
    pub(super) labels: RwLock<LabelSlot>,
    /// Held for reading as the keys are, so that nothing is answered after the window's end.
    pub(super) window: RwLock<Option<Window>>,
    /// Who was there when the first window was opened.
    pub(super) first_window: FirstWindow,
    /// Whether it was completed, or its application withdrawn; set while the keys are held alone.
    is_over: AtomicBool,
    /// Whether it is closed and let go.
    is_closed: Arc<AtomicBool>,
}

/// What a stream has of the disclosure that it uses: held weakly, so that sealing wipes the keys, and
/// closing all of it, although the stream is open.
pub(super) struct Handle {
    in_use: Weak<InUse>,
    is_closed: Arc<AtomicBool>,
}

#[cfg(test)]
impl Handle {
    pub(super) fn is_held(&self) -> bool {
        self.in_use.upgrade().is_some()
    }
}

/// Whether a disclosure issues nothing any more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IsOver {
    No,
    Yes,
}

/// Another party's IDs, in a disclosure that has them in the place of serials.
#[derive(Default)]
pub(super) struct LabelSlot {
    /// `None` before a bridge was loaded and after its IDs were deleted.
    pub(super) labels: Option<Arc<Labels>>,
    /// Whether any was handed to be answered since the stores were opened.
    pub(super) is_used: AtomicBool,
}

impl Book {
    /// Reads everything.
    pub(in crate::service) fn load(registers: &Registers) -> Result<Self, Error> {
        let damaged = |error| Error::new(ErrorCode::StoreUnusable).with_source(error);
        let records = |kind| registers.records(kind).map_err(damaged);
        let mut entries = Entries::default();
        for (_, plain) in records(Kind::Application)? {
            let application = Application::decode(&plain).map_err(Error::internal)?;
            entries.applications.insert(application.id(), application);
        }
        for (key, plain) in records(Kind::Disclosure)? {
            let id = disclosure_of(&key)?;
            let disclosure = Disclosure::decode(id, &plain).map_err(Error::internal)?;
            entries.disclosures.insert(id, disclosure);
        }
        for (key, plain) in records(Kind::Bridge)? {
            let place = (disclosure_of(&key)?, bridge_number(&key)?);
            let bridge = Bridge::decode(place, &plain).map_err(Error::internal)?;
            entries.bridges.insert(place, bridge);
        }
        for (key, plain) in records(Kind::BridgeIn)? {
            let id = disclosure_of(&key)?;
            let loaded = LoadedBridge::decode(id, &plain).map_err(Error::internal)?;
            entries.loaded.insert(id, loaded);
        }
        let (used, ordinals, same_key) = <_>::default();
        Ok(Self { entries: Mutex::new(entries), used, ordinals, same_key })
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disclosure in use, made ready if nobody has asked for it since the stores were opened.
    pub(super) fn in_use(
        &self,
        id: DisclosureId,
        make: impl FnOnce() -> Result<InUse, Error>,
    ) -> Result<Arc<InUse>, Error> {
        let mut used = self.used();
        if used.closing.contains(&id) {
            return Err(closed());
        }
        if let Some(ready) = used.ready.get(&id) {
            return Ok(Arc::clone(ready));
        }
        let ready = Arc::new(make()?);
        used.ready.insert(id, Arc::clone(&ready));
        Ok(ready)
    }

    /// How many persons are in a disclosure, if it was used since the stores were opened.
    pub(super) fn persons(&self, id: DisclosureId) -> Option<u64> {
        self.used().ready.get(&id).map(|in_use| in_use.members.count())
    }

    /// A disclosure in use, if anybody has used it since the stores were opened.
    pub(super) fn ready(&self, id: DisclosureId) -> Option<Arc<InUse>> {
        self.used().ready.get(&id).cloned()
    }

    /// The set of persons that the streams of a disclosure share.
    #[cfg(test)]
    pub(in crate::service) fn own_members(
        &self,
        id: DisclosureId,
    ) -> Option<Arc<crate::registers::Membership>> {
        self.ready(id).map(|in_use| Arc::clone(&in_use.members.own))
    }

    /// Until when the window of a disclosure lasts that is open at a moment.
    pub(super) fn window_until(&self, id: DisclosureId, now: Timestamp) -> Option<Timestamp> {
        self.ready(id)?.in_window(now, |window| Ok(window.until())).ok()
    }

    /// Ends the window of a disclosure, and gives it if one was open.
    pub(super) fn take_window(&self, id: DisclosureId) -> Option<Window> {
        let in_use = self.ready(id)?;
        in_use.window.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends the windows that are to be, and says whose.
    pub(super) fn take_windows(&self, is_wanted: impl Fn(&Window) -> bool) -> Vec<DisclosureId> {
        let ready: Vec<_> = self.used().ready.values().cloned().collect();
        let ended = ready.iter().filter(|in_use| {
            let mut window = in_use.window.write().unwrap_or_else(PoisonError::into_inner);
            window.take_if(|window| is_wanted(window)).is_some()
        });
        ended.map(|in_use| in_use.id).collect()
    }

    /// Takes the keys of a disclosure from everybody who uses it, and gives them to nobody again.
    pub(in crate::service) fn revoke(&self, id: DisclosureId) {
        let mut used = self.used();
        used.closing.insert(id);
        if let Some(in_use) = used.ready.get(&id) {
            in_use.keys.write().unwrap_or_else(PoisonError::into_inner).take();
            in_use.forget_labels();
        }
    }

    /// Says whether disclosures issue nothing any more: when this returns, nobody hands over what was
    /// answered before.
    pub(super) fn end(&self, ids: impl IntoIterator<Item = DisclosureId>, is_over: IsOver) {
        for in_use in ids.into_iter().filter_map(|id| self.ready(id)) {
            let _keys = in_use.keys.write().unwrap_or_else(PoisonError::into_inner);
            in_use.is_over.store(is_over == IsOver::Yes, Ordering::Release);
        }
    }

    /// Lets a disclosure be used again whose closing did not come about.
    pub(in crate::service) fn restore(&self, id: DisclosureId) {
        let mut used = self.used();
        used.closing.remove(&id);
        used.ready.remove(&id);
    }

    /// Lets go of a disclosure that is closed, and of what is kept for its key if no other has it.
    pub(super) fn let_go(&self, entries: &Entries, id: DisclosureId) {
        if let Some(in_use) = self.used().ready.remove(&id) {
            in_use.is_closed.store(true, Ordering::Release);
        }
        if entries.sharing(id).is_empty() {
            let first = entries.first_of(id);
            self.same_key.lock().unwrap_or_else(PoisonError::into_inner).remove(&first);
            self.ordinals.lock().unwrap_or_else(PoisonError::into_inner).remove(&first);
        }
    }

    /// How many disclosures are in use, and keys.
    #[cfg(test)]
    pub(in crate::service) fn held(&self) -> (usize, usize, usize) {
        let keys = (self.same_key.lock().unwrap().len(), self.ordinals.lock().unwrap().len());
        (self.used().ready.len(), keys.0, keys.1)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    pub(super) fn application(&self, id: ApplicationId) -> Result<&Application, Error> {
        let unknown = || Error::new(ErrorCode::ApplicationUnknown);
        self.applications.get(&id).ok_or_else(unknown)
    }

    pub(super) fn disclosure(&self, id: DisclosureId) -> Result<&Disclosure, Error> {
        let unknown = || Error::new(ErrorCode::DisclosureUnknown);
        self.disclosures.get(&id).ok_or_else(unknown)
    }

    /// The other disclosures that live and have the key of this one: they continue it, it continues
    /// them, or both continue a third.
    pub(super) fn sharing(&self, id: DisclosureId) -> Vec<DisclosureId> {
        let first = self.first_of(id);
        let lives = |one: &&Disclosure| one.state() != DisclosureState::Closed && one.id() != id;
        let living = self.disclosures.values().filter(lives).map(Disclosure::id);
        living.filter(|other| self.first_of(*other) == first).collect()
    }

    /// What was delivered with the serials that a disclosure has, by it or by others with its key,
    /// and the columns that their decisions screen for small cells.
    pub(super) fn delivered(&self, id: DisclosureId) -> (Vec<&Extract>, Vec<String>) {
        let first = self.first_of(id);
        let (mut extracts, mut screened) = (Vec::new(), BTreeSet::new());
        for one in self.disclosures.values().filter(|one| self.first_of(one.id()) == first) {
            extracts.extend(one.deliveries().iter().map(|delivery| &delivery.extract));
            let decided = self.application(one.application()).ok();
            let decided = decided.and_then(|found| found.decision(one.decision()).ok());
            let cells = decided.and_then(|decided| decided.terms.small_cells.as_ref());
            screened.extend(cells.iter().flat_map(|cells| cells.columns.iter().cloned()));
        }
        (extracts, screened.into_iter().collect())
    }

    /// The disclosure whose key was made for it, along what decisions continue. A decision names only
    /// what was there before it, so this ends.
    pub(super) fn first_of(&self, mut id: DisclosureId) -> DisclosureId {
        while let Ok((disclosure, application)) = self.with_application(id)
            && let Ok(decided) = application.decision(disclosure.decision())
            && let Some(earlier) = decided.continues
        {
            id = earlier;
        }
        id
    }

    /// A disclosure and the application that it rests on.
    pub(super) fn with_application(
        &self,
        id: DisclosureId,
    ) -> Result<(&Disclosure, &Application), Error> {
        let disclosure = self.disclosure(id)?;
        Ok((disclosure, self.application(disclosure.application())?))
    }
}

impl InUse {
    /// Opens the keys of a disclosure, whose persons are these.
    pub(super) fn load(
        registers: &Registers,
        erasure: &ErasureKeys,
        id: DisclosureId,
        width: SerialWidth,
        members: Members,
    ) -> Result<Self, Error> {
        let wrapped = stored_key(registers, id)?;
        let keys = wrapped.open(id.0, erasure, width).map_err(Error::internal)?;
        let labels = Labels::load((id, &keys), registers)?.map(Arc::new);
        let first_window = FirstWindow::load((id, &keys), registers)?;
        Ok(Self {
            id,
            keys: RwLock::new(Some(Arc::new(keys))),
            members,
            labels: RwLock::new(LabelSlot { labels, ..LabelSlot::default() }),
            window: RwLock::default(),
            first_window,
            is_over: AtomicBool::new(false),
            is_closed: Arc::default(),
        })
    }

    /// What a stream has of it.
    pub(super) fn handle(self: &Arc<Self>) -> Handle {
        Handle { in_use: Arc::downgrade(self), is_closed: Arc::clone(&self.is_closed) }
    }

    /// The disclosure.
    pub(super) fn id(&self) -> DisclosureId {
        self.id
    }

    /// Lets go of another party's IDs: nobody is answered with one any more.
    pub(super) fn forget_labels(&self) {
        self.labels.write().unwrap_or_else(PoisonError::into_inner).labels.take();
    }

    /// The keys, unless the disclosure was closed, or issues nothing any more.
    pub(super) fn keys(&self) -> Result<Arc<DisclosureKeys>, Error> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let found = keys.clone().ok_or_else(closed)?;
        self.check_issues()?;
        Ok(found)
    }

    /// That it still issues.  Whoever hands an answer to the recorder asks while the keys are held.
    pub(super) fn check_issues(&self) -> Result<(), Error> {
        if self.is_over.load(Ordering::Acquire) {
            let text = "nothing more is issued: the disclosure was completed, or its application \
                        was withdrawn";
            return Err(Error::step(text.to_owned()));
        }
        Ok(())
    }
}

/// What a stream uses, unless it is closed, or gone with the stores that it was opened over.
pub(super) fn ready(used: &Handle) -> Result<Arc<InUse>, Error> {
    let gone = || match used.is_closed.load(Ordering::Acquire) {
        true => closed(),
        false => Error::new(ErrorCode::StreamBroken),
    };
    used.in_use.upgrade().ok_or_else(gone)
}

/// The answer to whoever uses a disclosure that was closed meanwhile.
pub(super) fn closed() -> Error {
    Error::new(ErrorCode::DisclosureClosed)
}

/// The wrapped key of a disclosure.
pub(super) fn stored_key(
    registers: &Registers,
    id: DisclosureId,
) -> Result<WrappedDisclosureKey, Error> {
    let stored = registers.stored(&Key::disclosure_key(id.0)).map_err(Error::internal)?;
    stored.map(WrappedDisclosureKey::from_bytes).ok_or_else(closed)
}

/// The number of a bridge, by its key in the store.
fn bridge_number(key: &Key) -> Result<u32, Error> {
    let number = key.as_bytes().last_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    number.ok_or_else(|| Error::internal("a key of a bridge is too short"))
}

/// The disclosure that a key of the store is about.
pub(super) fn disclosure_of(key: &Key) -> Result<DisclosureId, Error> {
    let id = key.as_bytes().get(1..17).and_then(|bytes| bytes.try_into().ok());
    id.map(DisclosureId).ok_or_else(|| Error::internal("a key of a disclosure is too short"))
}
