//! How applications and disclosures change: on a copy, with an entry, one commit.

use std::sync::Arc;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Service, allow};
use super::book::Entries;
use super::labels;
use crate::audit::{Action, Entry, Recorded};
use crate::disclosure::{
    self, Act, Application, Bridge, Decision, Disclosure, DisclosureId, LoadedBridge, Refusal,
};
use crate::policy::{Permit, Right};
use crate::registers::{Registers, Write};
use crate::store::keys::Key;

/// What a change leaves to be stored.
pub(super) enum Changed {
    Application(Application),
    Bridge(Bridge),
    Disclosure(Disclosure),
    Loaded(LoadedBridge),
}

/// A change with its entry.
pub(super) struct Change {
    pub(super) entry: Entry,
    pub(super) changed: Vec<Changed>,
    /// What is written besides.
    pub(super) writes: Vec<Write>,
}

impl Changed {
    pub(super) fn write(&self, open: &Open) -> Result<Write, Error> {
        let (key, plain) = match self {
            Self::Application(one) => {
                let id = one.id();
                (Key::application(id.year(), id.number()), one.encode())
            }
            Self::Bridge(one) => (Key::bridge(one.disclosure.0, one.number), one.encode()),
            Self::Disclosure(one) => (Key::disclosure(one.id().0), one.encode()),
            Self::Loaded(one) => (Key::bridge_in(one.disclosure.0), one.encode()),
        };
        let sealed = open.registers.seal_record(&key, &plain).map_err(Error::internal)?;
        Ok(Write::Put(key, sealed))
    }

    pub(super) fn publish(self, entries: &mut Entries) {
        match self {
            Self::Application(one) => drop(entries.applications.insert(one.id(), one)),
            Self::Bridge(one) => {
                drop(entries.bridges.insert((one.disclosure, one.number), one));
            }
            Self::Disclosure(one) => drop(entries.disclosures.insert(one.id(), one)),
            Self::Loaded(one) => drop(entries.loaded.insert(one.disclosure, one)),
        }
    }
}

impl Service {
    /// What is open, and who acts now.
    pub(super) fn begin_act(&self, permit: &Permit) -> Result<(Arc<Open>, Act), Error> {
        allow(permit, &Right::Disclose)?;
        let open = self.open_now()?;
        Ok((open, Act { by: permit.principal().clone(), at: self.parts.clock.now() }))
    }

    /// What a rule or a state has let through; a refusal is recorded before it is told.
    pub(super) fn or_record_refusal<T>(
        &self,
        open: &Open,
        entry: Entry,
        outcome: Result<T, disclosure::Error>,
    ) -> Result<T, Error> {
        self.or_record(open, &entry, outcome.map_err(Error::from))
    }

    /// What has succeeded; a refusal is recorded before it is told.
    pub(in crate::service) fn or_record<T>(
        &self,
        open: &Open,
        entry: &Entry,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        outcome.map_err(|error| {
            let mut entry = entry.clone();
            entry.attempted = Some(std::mem::replace(&mut entry.action, Action::Refused));
            entry.reason = Some(error.code().as_str().to_owned());
            entry.changes = Vec::new();
            match open.registers.record_act_and_wait(entry) {
                Ok(_) => error,
                Err(failed) => register_error(failed),
            }
        })
    }

    /// Stores what has changed together with its entry, then shows it.
    pub(super) fn commit(
        &self,
        open: &Arc<Open>,
        entries: &mut Entries,
        change: Change,
    ) -> Result<Recorded<()>, Error> {
        let Change { entry, changed, mut writes } = change;
        for one in &changed {
            writes.push(one.write(open)?);
        }
        let recorded = open.registers.record_change_and_wait(entry, writes).map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })?;
        changed.into_iter().for_each(|one| one.publish(entries));
        Ok(recorded)
    }
}

/// What removes that which nothing is issued with any more: another party's IDs, and who was looked
/// at for a window.
pub(super) fn forgotten(id: DisclosureId, registers: &Registers) -> Result<Vec<Write>, Error> {
    let mut writes = labels::removed(id, registers)?;
    writes.extend([Key::window_persons(id.0), Key::window_one_way(id.0)].map(Write::Remove));
    Ok(writes)
}

/// What an entry says of an application.
pub(super) fn about_application(mut entry: Entry, application: &Application) -> Entry {
    entry.application = Some(application.id().to_string());
    entry.purpose = Some(application.request().purpose.to_string());
    entry
}

/// What an entry says of a disclosure.
pub(super) fn about(
    entry: Entry,
    disclosure: &Disclosure,
    application: &Application,
    decided: &Decision,
) -> Entry {
    let mut entry = about_application(entry, application);
    entry.disclosure = Some(disclosure.id().to_string());
    entry.basis = Some(decided.reference.to_string());
    entry
}

impl From<disclosure::Error> for Error {
    fn from(error: disclosure::Error) -> Self {
        match &error {
            disclosure::Error::Refused(_) => Self::rule(error.to_string()),
            disclosure::Error::Step(_) => Self::step(error.to_string()),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        disclosure::Error::from(refusal).into()
    }
}
