//! Disclosures: opened, read, ended.

use std::cmp::Reverse;

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::open::Open;
use super::super::{Error, Service, actor, allow};
use super::book::{Entries, IsOver, stored_key};
use super::changing::{Change, Changed, about, about_application, forgotten};
use crate::audit::{Action, Entry, Recorded};
use crate::disclosure::lifecycle::Opening;
use crate::disclosure::recipient_key::RecipientKey;
use crate::disclosure::words::Reidentification;
use crate::disclosure::{self, Act, ApplicationId, Decision, Disclosure, DisclosureId};
use crate::keyring::WrappedDisclosureKey;
use crate::policy::{Permit, Right};
use crate::registers::Write;
use crate::store::keys::Key;

/// What a disclosure is opened with.
#[derive(Clone, Debug)]
pub struct OpenDisclosure {
    /// On which application.
    pub application: ApplicationId,
    /// On which of its decisions, from 1.
    pub decision: u32,
    /// The recipient's age key.
    pub recipient_key: RecipientKey,
    /// The last day; the decision's if absent.
    pub expires: Option<Date>,
}

/// A disclosure as it is shown.
#[derive(Clone, Debug)]
pub struct DisclosureView {
    /// It.
    pub disclosure: Disclosure,
    /// What was decided.
    pub decided: Decision,
    /// Persons whose serials were answered.
    pub persons: u64,
    /// Other disclosures that live and have its key, because a decision says that one continues the
    /// other.
    pub shared_with: Vec<DisclosureId>,
    /// Until when the window that is open lasts.
    pub window_until: Option<Timestamp>,
}

impl Service {
    /// Opens a disclosure: makes its key.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `application_unknown`, `rule_refuses`, `step_out_of_order`, `server_sealed`,
    /// `commit_uncertain`.
    pub fn open_disclosure(
        &self,
        permit: &Permit,
        request: OpenDisclosure,
    ) -> Result<(DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let mut application = entries.application(request.application)?.clone();
        let decided = application.decision(request.decision)?;
        let decided = decided.clone();
        self.check_width(&open, &decided)?;
        self.check_opening(&entries, &decided)?;
        let id = DisclosureId(self.parts.entropy.draw().map_err(Error::internal)?);
        let verifier = self.extract_verifier(&open)?.to_string();
        let opening = Opening {
            id,
            decision: request.decision,
            recipient_key: request.recipient_key,
            verifier: verifier.parse().map_err(Error::internal)?,
            expires: request.expires.unwrap_or(decided.valid_until),
        };
        let entry = self.entry(actor(permit), Action::DisclosureOpened);
        let opened = Disclosure::open(opening, &mut application, &act);
        let refused = about_application(entry.clone(), &application);
        let disclosure = self.or_record_refusal(&open, refused, opened)?;
        let (keys, entropy) = (open.keys().keyring.erasure(), &self.parts.entropy);
        let wrapped = match decided.continues {
            Some(earlier) => stored_key(&open.registers, earlier)?
                .continued_as(earlier.0, id.0, keys, entropy)
                .map_err(Error::internal)?,
            None => WrappedDisclosureKey::generate(id.0, keys, entropy).map_err(Error::internal)?,
        };
        let key = Write::Put(Key::disclosure_key(id.0), wrapped.as_bytes().to_vec());
        let entry = about(entry, &disclosure, &application, &decided);
        let changed =
            vec![Changed::Application(application), Changed::Disclosure(disclosure.clone())];
        let recorded =
            self.commit(&open, &mut entries, Change { entry, changed, writes: vec![key] })?;
        Ok((
            DisclosureView {
                disclosure,
                decided,
                persons: 0,
                shared_with: entries.sharing(id),
                window_until: None,
            },
            recorded,
        ))
    }

    /// One disclosure.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `server_sealed`.
    pub fn disclosure(&self, permit: &Permit, id: DisclosureId) -> Result<DisclosureView, Error> {
        allow_reading(permit)?;
        let open = self.open_now()?;
        let entries = open.book.entries();
        let found = self.uncounted(&open, &entries, entries.disclosure(id)?.clone())?;
        drop(entries);
        self.counted(&open, found)
    }

    /// All disclosures, the newest first.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn disclosures(&self, permit: &Permit) -> Result<Vec<DisclosureView>, Error> {
        allow_reading(permit)?;
        let open = self.open_now()?;
        let entries = open.book.entries();
        let mut all: Vec<&Disclosure> = entries.disclosures.values().collect();
        all.sort_by_key(|one| Reverse(one.history().changes().first().map(|one| one.at)));
        let all = all.into_iter().map(|one| self.uncounted(&open, &entries, one.clone()));
        let all: Vec<DisclosureView> = all.collect::<Result<_, _>>()?;
        // Persons of what is not in use are read from the store; nobody waits for that.
        drop(entries);
        all.into_iter().map(|one| self.counted(&open, one)).collect()
    }

    /// Says that nothing more is issued.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `step_out_of_order`, `server_sealed`,
    /// `commit_uncertain`.
    pub fn complete_disclosure(
        &self,
        permit: &Permit,
        id: DisclosureId,
    ) -> Result<(DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let (disclosure, application) = entries.with_application(id)?;
        let mut disclosure = disclosure.clone();
        let decided = application.decision(disclosure.decision())?;
        let entry = self.entry(actor(permit), Action::DisclosureCompleted);
        let entry = about(entry, &disclosure, application, decided);
        self.or_record_refusal(&open, entry.clone(), disclosure.complete(&act))?;
        if open.book.take_window(id).is_some() {
            let ended = Entry { action: Action::WindowClosed, ..entry.clone() };
            let _ = self.record_end(&open, ended, "the disclosure was completed")?;
        }
        // Nothing is answered with another party's IDs after the entry that completes it.
        if let Some(in_use) = open.book.ready(id) {
            in_use.forget_labels();
        }
        open.book.end([id], IsOver::Yes);
        let mut changed = vec![Changed::Disclosure(disclosure.clone())];
        let loaded = entries.loaded.get(&id).cloned();
        changed.extend(loaded.map(|loaded| Changed::Loaded(loaded.deleted_by(&act))));
        let recorded = forgotten(id, &open.registers)
            .and_then(|writes| self.commit(&open, &mut entries, Change { entry, changed, writes }));
        let recorded = recorded.inspect_err(|_| open.book.end([id], IsOver::No))?;
        Ok((self.view(&open, &entries, disclosure)?, recorded))
    }

    /// What cannot be opened, whoever decided on it.
    fn check_opening(&self, entries: &Entries, decided: &Decision) -> Result<(), Error> {
        let names_serials =
            decided.bridge_out.is_some() || decided.reidentification == Reidentification::Permitted;
        if decided.bridge_in.is_some() && names_serials {
            let text = "with IDs of another party there is no løpenummer that a bridge out or \
                        re-identification could be of; decide without them, or without bridge_in";
            return Err(Error::rule(text.to_owned()));
        }
        let Some(earlier) = decided.continues else { return Ok(()) };
        let (disclosure, application) = entries.with_application(earlier)?;
        let before = application.decision(disclosure.decision())?;
        if decided.bridge_in.is_some() || before.bridge_in.is_some() {
            let text = "IDs of another party stand in the place of løpenummer: there is none to go on \
                        with, before or after; decide on a disclosure that continues none";
            return Err(Error::rule(text.to_owned()));
        }
        let before = self.scope_of(before)?;
        match self.scope_of(decided)?.refuses_to_continue(before) {
            Some(text) => Err(Error::rule(text.to_owned())),
            None => Ok(()),
        }
    }

    /// Records that the recipient has deleted the data.
    ///
    /// # Errors
    ///
    /// As [`Service::complete_disclosure`], and `rule_refuses`.
    pub fn confirm_deletion(
        &self,
        permit: &Permit,
        id: DisclosureId,
    ) -> Result<(DisclosureView, Recorded<()>), Error> {
        self.change_disclosure(permit, id, Action::DeletionConfirmed, Disclosure::confirm_deletion)
    }

    fn change_disclosure(
        &self,
        permit: &Permit,
        id: DisclosureId,
        action: Action,
        change: impl FnOnce(&mut Disclosure, &Act) -> Result<(), disclosure::Error>,
    ) -> Result<(DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let (disclosure, application) = entries.with_application(id)?;
        let mut disclosure = disclosure.clone();
        let decided = application.decision(disclosure.decision())?;
        let entry = self.entry(actor(permit), action);
        let entry = about(entry, &disclosure, application, decided);
        let outcome = change(&mut disclosure, &act);
        self.or_record_refusal(&open, entry.clone(), outcome)?;
        let changed = vec![Changed::Disclosure(disclosure.clone())];
        let recorded =
            self.commit(&open, &mut entries, Change { entry, changed, writes: Vec::new() })?;
        Ok((self.view(&open, &entries, disclosure)?, recorded))
    }

    /// A disclosure as it is shown.
    pub(super) fn view(
        &self,
        open: &Open,
        entries: &Entries,
        disclosure: Disclosure,
    ) -> Result<DisclosureView, Error> {
        self.counted(open, self.uncounted(open, entries, disclosure)?)
    }

    fn counted(&self, open: &Open, view: DisclosureView) -> Result<DisclosureView, Error> {
        let persons = self.persons_in(open, view.disclosure.id(), &view.decided)?;
        Ok(DisclosureView { persons, ..view })
    }

    /// A disclosure as it is shown, but for its persons.
    fn uncounted(
        &self,
        open: &Open,
        entries: &Entries,
        disclosure: Disclosure,
    ) -> Result<DisclosureView, Error> {
        let application = entries.application(disclosure.application())?;
        let decided = application.decision(disclosure.decision())?.clone();
        let shared_with = entries.sharing(disclosure.id());
        let now = self.parts.clock.now();
        let window_until = open.book.window_until(disclosure.id(), now);
        Ok(DisclosureView { disclosure, decided, persons: 0, shared_with, window_until })
    }
}

/// An officer reads, and so does an auditor.
pub(super) fn allow_reading(permit: &Permit) -> Result<(), Error> {
    allow(permit, &Right::Disclose).or_else(|_| allow(permit, &Right::ReadDisclosures))
}
