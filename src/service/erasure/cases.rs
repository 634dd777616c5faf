//! Cases: received, assessed, decided, taken back, and read.

use std::sync::Arc;

use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::rights::{Subject, reference_of};
use super::super::{Error, ErrorCode, RightsSubject, Service, actor, allow};
use super::book::{self, Cases};
use super::ending::EndingDraft;
use crate::audit::{Action, Entry, Recorded, Reference};
use crate::disclosure::Act;
use crate::disclosure::line::Line;
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{Life, Reach, Recording, Write};
use crate::rights::cases::{
    Assessment, Case, CaseError, CaseId, OrderReason, Permitted, Received, Request, Scope, Whom,
    permitted,
};
use crate::vault::{PersonNo, Unknown};

/// A request that comes in.
pub struct NewCase {
    /// Whose data, in which register.
    pub subject: RightsSubject,
    /// What is asked for.
    pub request: Request,
}

/// What is decided.
#[derive(Clone, Debug)]
pub enum Deciding {
    /// These data are erased.
    Grant(Scope),
    /// Nothing is.
    Refuse,
}

/// What is done with a case, and what its entry says besides.
struct Step {
    action: Action,
    said: Option<String>,
}

/// A case that is being changed.
struct Changing<'a> {
    case: Case,
    register: &'a Register,
    persons: Vec<PersonNo>,
    act: Act,
    entry: Entry,
}

impl Service {
    /// Records a request for erasure.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid`; `person_not_in_register`,
    /// `person_erased`, `rule_refuses`, which are recorded; `server_sealed`, `commit_uncertain`.
    pub fn receive_case(&self, permit: &Permit, new: NewCase) -> Result<Recorded<Case>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let register = self.rights_register(&new.subject.register)?;
        let mut entry = self.entry(actor(permit), Action::CaseReceived);
        entry.register = Some(register.code.to_string());
        let asked = (register, &new.subject);
        let (subject, mut entry) = self.rights_subject(&open, asked, Unknown::Leave, entry)?;
        let mut cases = open.cases.hold();
        // The vault may have been told to forget the person since it was asked.
        if open.registers.is_forgotten(subject.partition, subject.person) {
            return Err(Error::new(ErrorCode::CommitUncertain));
        }
        let links = open.registers.hold_links();
        let leaves = links.leaves_of(subject.partition, subject.person, Reach::Shown);
        drop(links);
        if let Err(code) = check_member(&open, &subject, &leaves)? {
            return Err(self.refuse_rights(&open, code, entry, Some(&subject)));
        }
        let act = Act { by: permit.principal().clone(), at: entry.time };
        let id = next_id(&cases, &act)?;
        let others = leaves.iter().filter(|leaf| **leaf != subject.person);
        let persons = std::iter::once(&subject.person).chain(others);
        let persons = persons.map(|person| person.number()).collect();
        let whom = Whom { partition: subject.partition, persons };
        let register = register.code.clone();
        let case = match Case::receive(Received { id, register, whom, request: new.request }, &act)
        {
            Ok(case) => case,
            Err(error) => {
                let refused = (Error::from(error), entry, &subject);
                return Err(self.refuse_case(&open, refused));
            }
        };
        entry.changes = vec![
            format!("case {id}"),
            format!("asks for {}", case.request().asked.shown()),
            format!("channel {}", case.request().channel),
        ];
        let leads =
            open.registers.audit_person(reference_of(&entry)?, subject.partition, subject.person);
        let writes = vec![
            book::write(&open.registers, &case)?,
            leads.map_err(register_error)?,
            Write::VaultUsed(subject.partition),
        ];
        self.commit_case(&open, &mut cases, (case, entry, writes))
    }

    /// Records what the officer has found; the day of death is that of the population register where it
    /// has one.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `case_unknown`; `step_out_of_order`, `rule_refuses`, which are recorded;
    /// `server_sealed`, `commit_uncertain`.
    pub fn assess_case(
        &self,
        permit: &Permit,
        id: CaseId,
        assessment: Assessment,
    ) -> Result<Recorded<Case>, Error> {
        allow(permit, &Right::Rights)?;
        let known = self.known_death(id)?;
        let died = known.or(assessment.died);
        // The population register has not told of it, or has taken it back: that is on record.
        let by_officer = died.filter(|_| known.is_none());
        let said = by_officer.map(|_| "death by the officer's word alone".to_owned());
        let assessing = Step { action: Action::CaseAssessed, said };
        self.step_case(permit, id, assessing, |case, _, act| {
            case.assess(Assessment { died, ..assessment }, act)
        })
    }

    /// The day of death of a case's person, if the population register has told one.
    fn known_death(&self, id: CaseId) -> Result<Option<Date>, Error> {
        let open = self.open_now()?;
        let cases = open.cases.hold();
        let whom = book::find(&cases, id)?.whom();
        let person = whom.persons.first().and_then(|number| PersonNo::from_number(*number));
        let person = person.ok_or_else(|| Error::internal("a case is about nobody"))?;
        let links = open.registers.hold_links();
        let leaves = links.leaves_of(whom.partition, person, Reach::All);
        Ok(match links.person_facts(whom.partition, &leaves).life {
            Life::Dead(day) => day,
            Life::Alive => None,
        })
    }

    /// Records that the person has taken the request back.
    ///
    /// # Errors
    ///
    /// As [`Service::assess_case`].
    pub fn withdraw_case(
        &self,
        permit: &Permit,
        id: CaseId,
        reason: Line,
    ) -> Result<Recorded<Case>, Error> {
        let withdrawing = Step { action: Action::CaseWithdrawn, said: None };
        self.step_case(permit, id, withdrawing, |case, _, act| case.withdraw(reason, act))
    }

    /// Decides a case.  With a grant the data are out of reach when this returns, and the register has
    /// its order.
    ///
    /// # Errors
    ///
    /// As [`Service::assess_case`]; `person_erased`, which is recorded.
    pub fn decide_case(
        &self,
        permit: &Permit,
        id: CaseId,
        deciding: Deciding,
        reason: Line,
    ) -> Result<Recorded<Case>, Error> {
        match deciding {
            Deciding::Grant(scope) => self.grant_case(permit, id, (scope, reason)),
            Deciding::Refuse => {
                let refusing = Step { action: Action::CaseRefused, said: None };
                self.step_case(permit, id, refusing, |case, permitted, act| {
                    case.refuse(reason, permitted, act)
                })
            }
        }
    }

    /// One case.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `case_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn case(&self, permit: &Permit, id: CaseId) -> Result<Recorded<Case>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let cases = open.cases.hold();
        let changing = self.begin_case(permit, &cases, id, Action::CasesRead)?;
        drop(cases);
        let Changing { case, entry, persons, .. } = changing;
        let writes = leads(&open, &case, &persons, reference_of(&entry)?)?;
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, case);
        recorded.map_err(|error| self.rights_failed(&open, error))
    }

    fn grant_case(
        &self,
        permit: &Permit,
        id: CaseId,
        (scope, reason): (Scope, Line),
    ) -> Result<Recorded<Case>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let mut cases = open.cases.hold();
        let mut changing = self.begin_case(permit, &cases, id, Action::ErasureOrdered)?;
        let Changing { case, register, persons, act, entry } = &mut changing;
        let mut change = open.registers.change_rights(register.number).map_err(register_error)?;
        let allowed = (scope.clone(), permitted_in(&open, case, register, act)?);
        if let Err(error) = case.grant(allowed, change.next_order(), reason, act) {
            drop(change);
            return Err(self.refuse_changing(&open, error.into(), changing));
        }
        // Whoever was joined with the person since, or split off, is seen by the links of now.
        let leaves = change.leaves_of(persons[0]);
        let draft = EndingDraft {
            register,
            whom: (case.whom().partition, &leaves),
            scope: scope.clone(),
            reason: OrderReason::Erasure,
            case: Some(id),
            at: act.at,
            today: act.day(),
        };
        let Some(ending) = draft.ending(&open)? else {
            drop(change);
            let error = Error::new(ErrorCode::PersonErased);
            return Err(self.refuse_changing(&open, error, changing));
        };
        entry.changes.push(format!("order {}: {}", change.next_order(), scope.shown()));
        if leaves.len() > 1 {
            entry.changes.push(format!("identifiers {}", leaves.len()));
        }
        let whose = (case.whom().partition, register.number);
        let (mut writes, contacts) = self.ending_contacts(&open, whose, (&scope, &leaves))?;
        writes.push(book::write(&open.registers, case)?);
        let recording = Recording {
            about: (case.whom().partition, persons[0], reference_of(entry)?),
            fact: None,
            erasure: ending.erasure,
            orders: &[ending.order],
            writes,
        };
        let recorded = change.record_all(recording, entry.clone(), case.clone());
        let recorded = recorded.map_err(|error| self.rights_failed(&open, error))?;
        cases.insert(id, case.clone());
        self.forget_now(&open, permit, contacts).map(|()| recorded)
    }

    fn step_case(
        &self,
        permit: &Permit,
        id: CaseId,
        Step { action, said }: Step,
        step: impl FnOnce(&mut Case, Permitted, &Act) -> Result<(), CaseError>,
    ) -> Result<Recorded<Case>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let mut cases = open.cases.hold();
        let mut changing = self.begin_case(permit, &cases, id, action)?;
        changing.entry.changes.extend(said);
        let Changing { case, register, act, .. } = &mut changing;
        let permitted = permitted_in(&open, case, register, act)?;
        if let Err(error) = step(case, permitted, act) {
            return Err(self.refuse_changing(&open, error.into(), changing));
        }
        let Changing { case, entry, persons, .. } = changing;
        let mut writes = leads(&open, &case, &persons, reference_of(&entry)?)?;
        writes.push(book::write(&open.registers, &case)?);
        self.commit_case(&open, &mut cases, (case, entry, writes))
    }

    fn begin_case(
        &self,
        permit: &Permit,
        cases: &Cases,
        id: CaseId,
        action: Action,
    ) -> Result<Changing<'_>, Error> {
        let case = book::find(cases, id)?.clone();
        let register = self.rights_register(case.register())?;
        let persons: Option<Vec<PersonNo>> =
            case.whom().persons.iter().map(|number| PersonNo::from_number(*number)).collect();
        let persons = persons.filter(|persons| !persons.is_empty());
        let persons = persons.ok_or_else(|| Error::internal("a case is about nobody"))?;
        let mut entry = self.entry(actor(permit), action);
        entry.register = Some(register.code.to_string());
        entry.changes = vec![format!("case {id}")];
        let reference = self.parts.entropy.draw().map_err(Error::internal)?;
        entry.reference = Some(Reference::from_bytes(reference));
        let act = Act { by: permit.principal().clone(), at: entry.time };
        Ok(Changing { case, register, persons, act, entry })
    }

    fn commit_case(
        &self,
        open: &Arc<Open>,
        cases: &mut Cases,
        (case, entry, writes): (Case, Entry, Vec<Write>),
    ) -> Result<Recorded<Case>, Error> {
        let answer = case.clone();
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, answer);
        let recorded = recorded.map_err(|error| self.rights_failed(open, error))?;
        cases.insert(case.id(), case);
        Ok(recorded)
    }

    fn refuse_changing(&self, open: &Arc<Open>, error: Error, changing: Changing<'_>) -> Error {
        let Changing { case, register, persons, entry, .. } = changing;
        let partition = case.whom().partition;
        let subject = Subject { register, partition, person: persons[0] };
        self.refuse_case(open, (error, entry, &subject))
    }

    /// Records a refusal, and tells it with its own text.
    fn refuse_case(
        &self,
        open: &Arc<Open>,
        (error, entry, subject): (Error, Entry, &Subject<'_>),
    ) -> Error {
        let told = self.refuse_rights(open, error.code(), entry, Some(subject));
        // The text of a code is not that of the rule or the state.
        if told.code() == error.code() { error } else { told }
    }
}

impl From<CaseError> for Error {
    fn from(error: CaseError) -> Self {
        match &error {
            CaseError::Refused(_) => Self::rule(error.to_string()),
            CaseError::Step(_) => Self::step(error.to_string()),
        }
    }
}

/// What may be granted in a case, as far as it was assessed.
fn permitted_in(
    open: &Open,
    case: &Case,
    register: &Register,
    act: &Act,
) -> Result<Permitted, Error> {
    use crate::rights::cases::Permission::Nothing;
    let Some(assessment) = case.assessment() else {
        return Ok(Permitted { by_assessment: Nothing, by_rule: Nothing });
    };
    let rules = &register.retention.on_request;
    let delivered = open.registers.delivered_periods(register.code.as_str());
    let earliest = delivered.map_err(register_error)?.iter().map(|one| one.from).min();
    Ok(permitted(assessment, rules, earliest, act.day()))
}

fn leads(
    open: &Open,
    case: &Case,
    persons: &[PersonNo],
    reference: Reference,
) -> Result<Vec<Write>, Error> {
    let person = persons.first().ok_or_else(|| Error::internal("a case is about nobody"))?;
    let leads = open.registers.audit_person(reference, case.whom().partition, *person);
    Ok(vec![leads.map_err(register_error)?])
}

/// Whether the register has something of the person, under whichever identifier; why not, by name.
fn check_member(
    open: &Open,
    subject: &Subject<'_>,
    leaves: &[PersonNo],
) -> Result<Result<(), ErrorCode>, Error> {
    let number = subject.register.number;
    let rights = open.registers.hold_rights(number).map_err(register_error)?;
    let held = open.registers.hold(number).map_err(register_error)?;
    let cells = held.cells();
    Ok(if leaves.iter().any(|leaf| cells.standing(*leaf).is_in_register()) {
        Ok(())
    } else if rights.has_tombstone(subject.person) {
        Err(ErrorCode::PersonErased)
    } else {
        Err(ErrorCode::PersonNotInRegister)
    })
}

fn next_id(cases: &Cases, act: &Act) -> Result<CaseId, Error> {
    let year = u16::try_from(act.day().year()).map_err(Error::internal)?;
    let in_year = cases.keys().filter(|id| id.year() == year);
    let last = in_year.map(|id| id.number()).max().unwrap_or(0);
    CaseId::new(year, last + 1).ok_or_else(|| Error::internal("the year has no further case"))
}
