//! Applications, and the decisions on them.

use jiff::civil::Date;

use super::super::{Error, Service, actor, allow};
use super::book::IsOver;
use super::changing::{Change, Changed, about_application};
use super::disclosures::allow_reading;
use crate::audit::{Action, Recorded};
use crate::disclosure::lifecycle::DisclosureState;
use crate::disclosure::line::Line;
use crate::disclosure::words::{Authority, DecisionKind};
use crate::disclosure::{
    self, Act, Application, ApplicationId, Decision, Disclosure, DisclosureId, Request,
};
use crate::policy::{Permit, Right};

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
        let recorded =
            self.commit(&open, &mut entries, Change { entry, changed, writes: Vec::new() })?;
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
        let recorded =
            self.commit(&open, &mut entries, Change { entry, changed, writes: Vec::new() })?;
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
        let route = rulebook.route(request, kind, day)?;
        Ok((route.authority, route.explanation))
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
        let outcome = change(&mut application, &act);
        self.or_record_refusal(&open, entry.clone(), outcome)?;
        let issues = |one: &Disclosure| {
            matches!(one.state(), DisclosureState::Extracted | DisclosureState::Open)
        };
        let is_of = |one: &&Disclosure| one.application() == id && issues(one);
        let own = entries.disclosures.values().filter(is_of).map(Disclosure::id);
        let own: Vec<DisclosureId> = own.collect();
        open.book.end(own.iter().copied(), IsOver::Yes);
        let changed = vec![Changed::Application(application.clone())];
        let change = Change { entry, changed, writes: Vec::new() };
        let recorded = self
            .commit(&open, &mut entries, change)
            .inspect_err(|_| open.book.end(own, IsOver::No))?;
        Ok((application, recorded))
    }
}
