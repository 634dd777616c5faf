//! Applications, decisions and disclosures: reading and changing them.

use std::sync::Arc;

use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Service, actor, allow};
use super::book::{Entries, stored_key};
use crate::audit::{Action, Entry, Recorded};
use crate::crypto::note::{Origin, VerifierKey};
use crate::crypto::sha256;
use crate::disclosure::delivery::Extract;
use crate::disclosure::id::Sha256Hex;
use crate::disclosure::lifecycle::Opening;
use crate::disclosure::line::Line;
use crate::disclosure::recipient_key::RecipientKey;
use crate::disclosure::words::{Authority, DecisionKind};
use crate::disclosure::{
    self, Act, Application, ApplicationId, Decision, Disclosure, DisclosureId, Refusal, Request,
};
use crate::extract::manifest::Manifest;
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
}

/// An extract that is to be recorded.
#[derive(Clone, Debug)]
pub struct DeliveryReport {
    /// The manifest's text.
    pub manifest: String,
    /// The names of the files.
    pub files: Vec<Line>,
    /// Rows in all files.
    pub rows: u64,
    /// Different persons in all files.
    pub persons: u64,
    /// Persons left out because of a reservation.
    pub persons_left_out: u64,
    /// What the guard against identifiers was told to let pass, and why.
    pub guard_exceptions: Vec<Line>,
}

/// What a change leaves to be stored.
enum Changed {
    Application(Application),
    Disclosure(Disclosure),
}

impl Changed {
    fn write(&self, open: &Open) -> Result<Write, Error> {
        let (key, plain) = match self {
            Self::Application(one) => {
                let id = one.id();
                (Key::application(id.year(), id.number()), one.encode())
            }
            Self::Disclosure(one) => (Key::disclosure(one.id().0), one.encode()),
        };
        let sealed = open.registers.seal_record(&key, &plain).map_err(Error::internal)?;
        Ok(Write::Put(key, sealed))
    }

    fn publish(self, entries: &mut Entries) {
        match self {
            Self::Application(one) => drop(entries.applications.insert(one.id(), one)),
            Self::Disclosure(one) => drop(entries.disclosures.insert(one.id(), one)),
        }
    }
}

impl Service {
    /// Records an application.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `rule_refuses`, which is recorded too; `server_sealed`, `commit_uncertain`.
    pub fn receive_application(
        &self,
        permit: &Permit,
        request: Request,
    ) -> Result<(Application, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let year = act.day().year();
        let year = u16::try_from(year).map_err(Error::internal)?;
        let in_year = entries.applications.keys().filter(|id| id.year() == year);
        let last = in_year.map(|id| id.number()).max().unwrap_or(0);
        let id = ApplicationId::new(year, last + 1);
        let id = id.ok_or_else(|| Error::internal("the year has no further application"))?;
        let organisations = self.parts.disclosure.organisations();
        let received = Application::receive(id, request, organisations, &act);
        let received = received.map_err(disclosure::Error::from);
        let entry = self.entry(actor(permit), Action::ApplicationReceived);
        let application = self.or_record_refusal(&open, entry.clone(), received)?;
        let entry = about_application(entry, &application);
        let changed = vec![Changed::Application(application.clone())];
        let recorded = self.commit(&open, &mut entries, entry, changed, Vec::new())?;
        Ok((application, recorded))
    }

    /// Records a decision, and says its number.
    ///
    /// # Errors
    ///
    /// As [`Service::receive_application`]; `application_unknown`, `step_out_of_order`.
    pub fn record_decision(
        &self,
        permit: &Permit,
        id: ApplicationId,
        decision: Decision,
    ) -> Result<(Application, u32, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let mut application = entries.application(id)?.clone();
        let continued = match decision.continues {
            Some(earlier) => {
                let (disclosure, application) = entries.with_application(earlier)?;
                Some((application, disclosure))
            }
            None => None,
        };
        let mut entry = self.entry(actor(permit), Action::DecisionRecorded);
        entry.basis = Some(decision.reference.to_string());
        entry = about_application(entry, &application);
        let rulebook = self.parts.disclosure.rulebook();
        let decided = application.decide(decision, continued, &rulebook, &act);
        let number = self.or_record_refusal(&open, entry.clone(), decided)?;
        let changed = vec![Changed::Application(application.clone())];
        let recorded = self.commit(&open, &mut entries, entry, changed, Vec::new())?;
        Ok((application, number, recorded))
    }

    /// Records that the authority refused.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `application_unknown`, `step_out_of_order`, `server_sealed`,
    /// `commit_uncertain`.
    pub fn refuse_application(
        &self,
        permit: &Permit,
        id: ApplicationId,
        reason: Line,
    ) -> Result<(Application, Recorded<()>), Error> {
        self.change_application(permit, id, Action::ApplicationRefused, |application, act| {
            application.refuse(reason, act)
        })
    }

    /// Records that the application was taken back, or its decision annulled.
    ///
    /// # Errors
    ///
    /// As [`Service::refuse_application`].
    pub fn withdraw_application(
        &self,
        permit: &Permit,
        id: ApplicationId,
        reason: Line,
    ) -> Result<(Application, Recorded<()>), Error> {
        self.change_application(permit, id, Action::ApplicationWithdrawn, |application, act| {
            application.withdraw(reason, act)
        })
    }

    /// One application.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `application_unknown`, `server_sealed`.
    pub fn application(&self, permit: &Permit, id: ApplicationId) -> Result<Application, Error> {
        allow_reading(permit)?;
        Ok(self.open_now()?.book.entries().application(id)?.clone())
    }

    /// All applications, the newest first.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn applications(&self, permit: &Permit) -> Result<Vec<Application>, Error> {
        allow_reading(permit)?;
        let open = self.open_now()?;
        let entries = open.book.entries();
        Ok(entries.applications.values().rev().cloned().collect())
    }

    /// Who decides on a request, and why.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `rule_refuses` when no rule says so.
    pub fn route_application(
        &self,
        permit: &Permit,
        request: &Request,
        kind: DecisionKind,
        day: Option<Date>,
    ) -> Result<(Authority, String), Error> {
        allow(permit, &Right::Disclose)?;
        let day = day.unwrap_or_else(|| self.parts.clock.today());
        let rulebook = self.parts.disclosure.rulebook();
        let route = rulebook.route(request, kind, day).map_err(disclosure::Error::from)?;
        Ok((route.authority, route.explanation))
    }

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
        let decided = application.decision(request.decision).map_err(disclosure::Error::from)?;
        let decided = decided.clone();
        self.check_width(&open, &decided)?;
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
        let recorded = self.commit(&open, &mut entries, entry, changed, vec![key])?;
        Ok((DisclosureView { disclosure, decided, persons: 0 }, recorded))
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
        view(&open, &entries, entries.disclosure(id)?.clone())
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
        all.sort_by_key(|one| std::cmp::Reverse(one.history().changes().first().map(|one| one.at)));
        all.into_iter().map(|one| view(&open, &entries, one.clone())).collect()
    }

    /// The key that manifests are verified with.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn verifier_key(&self) -> Result<String, Error> {
        Ok(self.extract_verifier(&*self.open_now()?)?.to_string())
    }

    /// Records an extract and signs its manifest.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses`, `step_out_of_order`,
    /// `request_invalid` for a text that is no manifest, `server_sealed`, `commit_uncertain`.
    pub fn record_delivery(
        &self,
        permit: &Permit,
        id: DisclosureId,
        report: DeliveryReport,
    ) -> Result<(String, DisclosureView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let (disclosure, application) = entries.with_application(id)?;
        let (mut disclosure, application) = (disclosure.clone(), application.clone());
        let decided = application.decision(disclosure.decision());
        let decided = decided.map_err(disclosure::Error::from)?.clone();
        let name = self.extract_name()?;
        check_manifest(&report.manifest, &disclosure, &decided)?;
        let signed = Manifest::sign(&report.manifest, &name, open.extract_signing()?);
        let signed = signed.map_err(|error| invalid_manifest(&error.to_string()))?;
        let extract = Extract {
            manifest: Sha256Hex(sha256(signed.as_bytes())),
            files: report.files,
            rows: report.rows,
            persons: report.persons,
            persons_left_out: report.persons_left_out,
        };
        let counts = [
            ("files", extract.files.len() as u64),
            ("rows", extract.rows),
            ("persons", extract.persons),
            ("persons_left_out", extract.persons_left_out),
        ];
        let mut entry = self.entry(actor(permit), Action::ExtractRecorded);
        entry.counts = counts.into_iter().map(|(name, count)| (name.into(), count)).collect();
        entry.changes = report.guard_exceptions.iter().map(ToString::to_string).collect();
        let entry = about(entry, &disclosure, &application, &decided);
        let delivered = disclosure.deliver(extract, &application, &act);
        self.or_record_refusal(&open, entry.clone(), delivered)?;
        let changed = vec![Changed::Disclosure(disclosure.clone())];
        let recorded = self.commit(&open, &mut entries, entry, changed, Vec::new())?;
        Ok((signed, view(&open, &entries, disclosure)?, recorded))
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
        self.change_disclosure(permit, id, Action::DisclosureCompleted, Disclosure::complete)
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
        mut entry: Entry,
        outcome: Result<T, disclosure::Error>,
    ) -> Result<T, Error> {
        outcome.map_err(|refused| {
            let error = Error::from(refused);
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
    fn commit(
        &self,
        open: &Arc<Open>,
        entries: &mut Entries,
        entry: Entry,
        changed: Vec<Changed>,
        mut writes: Vec<Write>,
    ) -> Result<Recorded<()>, Error> {
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

    fn change_application(
        &self,
        permit: &Permit,
        id: ApplicationId,
        action: Action,
        change: impl FnOnce(&mut Application, &Act) -> Result<(), disclosure::Error>,
    ) -> Result<(Application, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let mut application = entries.application(id)?.clone();
        let entry = about_application(self.entry(actor(permit), action), &application);
        change(&mut application, &act)?;
        let changed = vec![Changed::Application(application.clone())];
        let recorded = self.commit(&open, &mut entries, entry, changed, Vec::new())?;
        Ok((application, recorded))
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
        let mut disclosure = entries.disclosure(id)?.clone();
        change(&mut disclosure, &act)?;
        let entry = about_disclosure(self.entry(actor(permit), action), &disclosure);
        let changed = vec![Changed::Disclosure(disclosure.clone())];
        let recorded = self.commit(&open, &mut entries, entry, changed, Vec::new())?;
        Ok((view(&open, &entries, disclosure)?, recorded))
    }

    /// A width that the numbers in use do not fit in would fail in the middle of a stream.
    fn check_width(&self, open: &Open, decided: &Decision) -> Result<(), Error> {
        let width = super::serials::cipher_width(decided.serial_width)?;
        let partition = self.partition_of(decided)?;
        if open.persons_end(partition) > width.capacity() {
            let digits = width.digits();
            return Err(Error::rule(format!(
                "serials of {digits} digits are too few for the persons of this server; decide on \
                 more digits"
            )));
        }
        Ok(())
    }

    /// The note's name of the key that signs extracts: that of the log, and what it signs.
    fn extract_name(&self) -> Result<Origin, Error> {
        format!("{}/extracts", self.parts.config.audit.origin).parse().map_err(Error::internal)
    }

    fn extract_verifier(&self, open: &Open) -> Result<VerifierKey, Error> {
        Ok(VerifierKey::new(self.extract_name()?, open.extract_signing()?.public_key()))
    }
}

/// An officer reads, and so does an auditor.
fn allow_reading(permit: &Permit) -> Result<(), Error> {
    allow(permit, &Right::Disclose).or_else(|_| allow(permit, &Right::ReadDisclosures))
}

/// What is signed says what was decided, and for whom: the officer's program wrote it.
fn check_manifest(text: &str, disclosure: &Disclosure, decided: &Decision) -> Result<(), Error> {
    let manifest =
        Manifest::parse_exact(text).map_err(|error| invalid_manifest(&error.to_string()))?;
    let opening = disclosure.opening();
    let is_so = [
        (manifest.disclosure == disclosure.id().to_string(), "names another disclosure"),
        (manifest.recipient.keys == [opening.recipient_key.to_string()], "names another key"),
        (manifest.decision.reference == decided.reference.as_str(), "names another decision"),
        (manifest.expires == opening.expires, "names another last day"),
    ];
    match is_so.into_iter().find(|(is_so, _)| !is_so) {
        None => Ok(()),
        Some((_, what)) => Err(invalid_manifest(what)),
    }
}

/// A refusal of a manifest names fields and says what to do; it quotes nothing of it but names.
fn invalid_manifest(what: &str) -> Error {
    let text = what.to_owned().into();
    Error::invalid(vec![super::super::Violation { field: "manifest".into(), text }])
}

/// The disclosure as it is shown.
pub(super) fn view(
    open: &Open,
    entries: &Entries,
    disclosure: Disclosure,
) -> Result<DisclosureView, Error> {
    let application = entries.application(disclosure.application())?;
    let decided = application.decision(disclosure.decision());
    let decided = decided.map_err(disclosure::Error::from)?.clone();
    let persons = open.book.persons(disclosure.id()).unwrap_or_default();
    Ok(DisclosureView { disclosure, decided, persons })
}

pub(super) fn about_application(mut entry: Entry, application: &Application) -> Entry {
    entry.application = Some(application.id().to_string());
    entry.purpose = Some(application.request().purpose.to_string());
    entry
}

pub(super) fn about_disclosure(mut entry: Entry, disclosure: &Disclosure) -> Entry {
    entry.application = Some(disclosure.application().to_string());
    entry.disclosure = Some(disclosure.id().to_string());
    entry
}

pub(super) fn about(
    entry: Entry,
    disclosure: &Disclosure,
    application: &Application,
    decided: &Decision,
) -> Entry {
    let mut entry = about_disclosure(about_application(entry, application), disclosure);
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
