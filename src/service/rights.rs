//! Reservations and consents: recorded for one person at a time, and read.
//!
//! ```text
//! identifier ─► person (a consent gives one) ─► is the step possible? ─► fact and entry, durable
//!                                                    └ no: the refusal is recorded, then told
//! ```
//!
//! Invariants: nothing about a person is told or changed without an entry, refusals included; the
//! entry names the person by a fresh random reference alone; a number that nobody is known by and a
//! person who is in other registers only are answered the same.
//!
//! What it does *not* protect: whoever has the role may ask about anybody, and is found in the log.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::erasure::{Ending, EndingDraft};
use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, RowKind, Service, Violation, actor, allow, quality};
use crate::audit::{Action, Entry, Recorded, Reference};
use crate::config::codes::{DisclosurePurpose, RegisterCode, TermCode};
use crate::ident::{NationalId, Reject, parse_text};
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{
    Channel, Erasure, Fact, Forgetting, PersonRights, Recording, RightsFact, Write,
};
use crate::rights::cases::{OrderReason, Scope};
use crate::vault::{self, Origin, PersonNo, Unknown};

/// Where the vault says that an identifier came from which a consent brought.
const CONSENT_SOURCE: &str = "consent";

/// Whose rights, and in which register.
pub struct RightsSubject {
    /// The register.
    pub register: RegisterCode,
    /// What the identifier is.
    pub kind: RowKind,
    /// The identifier.
    pub identifier: Zeroizing<String>,
}

/// What is in force for a person in a register, and what was ever said.
pub struct RightsView {
    /// The uses that the person is reserved against.
    pub reservations: BTreeSet<TermCode>,
    /// What the person has consented to, unless the consent was withdrawn.
    pub consent: Option<BTreeSet<DisclosurePurpose>>,
    /// Everything that was recorded, the oldest first.
    pub facts: Vec<RightsFact>,
}

/// A person as an act finds it.
pub(super) struct Subject<'a> {
    pub(super) register: &'a Register,
    pub(super) partition: u16,
    pub(super) person: PersonNo,
}

/// What a withdrawn consent ends.
#[derive(Default)]
struct Withdrawn {
    erasure: Option<Erasure>,
    orders: Vec<Zeroizing<Vec<u8>>>,
    contacts: Option<(Write, Forgetting)>,
}

impl Service {
    /// Records what a person has said.  It is in force when this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid`, `reservation_use_unknown`,
    /// `register_not_on_consent`; `person_not_in_register`, `reservation_not_set`,
    /// `consent_not_given`, which are recorded; `server_sealed`, `commit_uncertain`.
    pub fn record_rights(
        &self,
        permit: &Permit,
        subject: &RightsSubject,
        channel: Channel,
        fact: Fact,
    ) -> Result<Recorded<()>, Error> {
        allow(permit, &Right::Rights)?;
        self.record_fact(permit, subject, channel, fact)
    }

    /// Records what a person has said, for who has a right to record it.
    pub(super) fn record_fact(
        &self,
        permit: &Permit,
        subject: &RightsSubject,
        channel: Channel,
        fact: Fact,
    ) -> Result<Recorded<()>, Error> {
        let open = self.open_now()?;
        let register = self.rights_register(&subject.register)?;
        check_catalogue(register, &fact, self.parts.clock.today())?;
        let entry = self.rights_entry(permit, register, &fact);
        let origin = self.rights_origin(register);
        let unknown = match &fact {
            Fact::ConsentGiven(_) => Unknown::Assign(&origin),
            _ => Unknown::Leave,
        };
        let asked = (register, subject);
        let (subject, entry) = self.rights_subject(&open, asked, unknown, entry)?;
        let is_member = is_in_register(&open, &subject)?;
        let mut change = open.registers.change_rights(register.number).map_err(register_error)?;
        if let Err(code) = check_step(change.of(subject.person).as_deref(), &fact, is_member) {
            drop(change);
            return Err(self.refuse_rights(&open, code, entry, Some(&subject)));
        }
        // The vault may have been told to forget the person since it was asked.
        if open.registers.is_forgotten(subject.partition, subject.person) {
            return Err(Error::new(ErrorCode::CommitUncertain));
        }
        let fact = RightsFact {
            fact,
            at: entry.time,
            principal: permit.principal().clone(),
            organisation: permit.organisation(),
            channel,
            reference: reference_of(&entry)?,
        };
        let Withdrawn { erasure, orders, contacts } = match &fact.fact {
            Fact::ConsentWithdrawn => {
                let groups = change.groups_of(subject.person);
                self.withdrawn(&open, (subject.register, subject.partition, &groups), &fact)?
            }
            _ => Withdrawn::default(),
        };
        let (write, contacts) = contacts.unzip();
        let recording = Recording {
            about: (subject.partition, subject.person, fact.reference),
            fact: Some(&fact),
            erasure,
            orders: &orders,
            writes: write.into_iter().collect(),
        };
        let recorded = change.record_all(recording, entry, ());
        let recorded = recorded.map_err(|error| self.rights_failed(&open, error))?;
        self.forget_now(&open, permit, contacts)?;
        Ok(recorded)
    }

    /// What a withdrawn consent ends: the data are ordered deleted, the ledger stays (S-25).  The
    /// consent is the person's, so that all leaves leave; what no register may know to be one person's
    /// is ordered apart.
    fn withdrawn(
        &self,
        open: &Open,
        (register, partition, groups): (&Register, u16, &[Vec<PersonNo>]),
        fact: &RightsFact,
    ) -> Result<Withdrawn, Error> {
        let mut withdrawn = Withdrawn::default();
        for leaves in groups {
            let draft = EndingDraft {
                register,
                whom: (partition, leaves),
                scope: Scope::Whole,
                reason: OrderReason::ConsentWithdrawn,
                case: None,
                at: fact.at,
                today: self.parts.clock.today(),
            };
            let Some(Ending { erasure, order }) = draft.ending(open)? else { continue };
            withdrawn.orders.push(order);
            match (&mut withdrawn.erasure, erasure) {
                (Some(all), Some(erasure)) => all.persons.extend(erasure.persons),
                (none, erasure) => *none = erasure,
            }
        }
        let leaves = groups.concat();
        let whose = (partition, register.number);
        withdrawn.contacts = self.forgetting_contacts(open, whose, &leaves)?;
        Ok(withdrawn)
    }

    /// What is in force for a person in a register, and what was ever recorded.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid`; `person_not_in_register`, which is
    /// recorded; `server_sealed`, `commit_uncertain`.
    pub fn rights(
        &self,
        permit: &Permit,
        subject: &RightsSubject,
    ) -> Result<Recorded<RightsView>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let register = self.rights_register(&subject.register)?;
        let mut entry = self.entry(actor(permit), Action::RightsRead);
        entry.register = Some(register.code.to_string());
        let asked = (register, subject);
        let (subject, entry) = self.rights_subject(&open, asked, Unknown::Leave, entry)?;
        let held = open.registers.hold_rights(register.number).map_err(register_error)?;
        let said = held.of(subject.person).map(Cow::into_owned);
        drop(held);
        if said.is_none() && !is_in_register(&open, &subject)? {
            let code = ErrorCode::PersonNotInRegister;
            return Err(self.refuse_rights(&open, code, entry, Some(&subject)));
        }
        let said = said.unwrap_or_default();
        let facts = open.registers.rights_facts(register.number, &said);
        let facts = facts.map_err(register_error)?;
        let view = RightsView { reservations: said.reservations, consent: said.consent, facts };
        let (partition, person) = (subject.partition, subject.person);
        let leads = open.registers.audit_person(reference_of(&entry)?, partition, person);
        let writes = vec![leads.map_err(register_error)?];
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, view);
        recorded.map_err(|error| self.rights_failed(&open, error))
    }

    pub(super) fn rights_register(&self, code: &RegisterCode) -> Result<&Register, Error> {
        let register = self.parts.catalogue.by_code(code.as_str());
        register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))
    }

    fn rights_origin(&self, register: &Register) -> Origin {
        Origin {
            register: register.number,
            source: CONSENT_SOURCE.to_owned(),
            seen: self.parts.clock.today(),
        }
    }

    fn rights_entry(&self, permit: &Permit, register: &Register, fact: &Fact) -> Entry {
        let (action, changes) = match fact {
            Fact::ConsentGiven(purposes) => {
                let purposes = purposes.iter().map(|purpose| format!("purpose {purpose}"));
                (Action::ConsentGiven, purposes.collect())
            }
            Fact::ConsentWithdrawn => (Action::ConsentWithdrawn, Vec::new()),
            Fact::Quality(said) => (Action::QualityConsentRecorded, quality::lines(said)),
            Fact::ReservationLifted(code) => {
                (Action::ReservationLifted, vec![format!("use {code}")])
            }
            Fact::ReservationSet(code) => (Action::ReservationSet, vec![format!("use {code}")]),
        };
        let mut entry = self.entry(actor(permit), action);
        entry.register = Some(register.code.to_string());
        entry.changes = changes;
        entry
    }

    /// Finds the person, and gives the entry a reference of its own.
    pub(super) fn rights_subject<'a>(
        &self,
        open: &Arc<Open>,
        (register, subject): (&'a Register, &RightsSubject),
        unknown: Unknown<'_>,
        mut entry: Entry,
    ) -> Result<(Subject<'a>, Entry), Error> {
        let rules = self.parts.rules.at(self.parts.clock.today());
        let RowKind { declared, assigner } = subject.kind;
        let parsed = parse_text(&rules, declared, assigner, subject.identifier.as_bytes());
        let identifier =
            parsed.map_err(|reject| invalid_identifier("subject.identifier", reject))?;
        let partition = register.partition();
        let found = find_person(open, partition, identifier, unknown);
        let found = found.map_err(|error| self.rights_vault_failed(open, error))?;
        let Some(person) = found else {
            return Err(self.refuse_rights(open, ErrorCode::PersonNotInRegister, entry, None));
        };
        if open.registers.is_forgotten(partition, person) {
            // In a moment the vault does not know the identifier any more.
            return Err(Error::new(ErrorCode::CommitUncertain));
        }
        let reference = self.parts.entropy.draw().map_err(Error::internal)?;
        entry.reference = Some(Reference::from_bytes(reference));
        Ok((Subject { register, partition, person }, entry))
    }

    /// Records that an act was refused; gives what is told then.
    pub(super) fn refuse_rights(
        &self,
        open: &Arc<Open>,
        code: ErrorCode,
        mut entry: Entry,
        subject: Option<&Subject<'_>>,
    ) -> Error {
        entry.attempted = Some(std::mem::replace(&mut entry.action, Action::Refused));
        entry.reason = Some(code.as_str().to_owned());
        let leads = subject.zip(entry.reference).map(|(subject, reference)| {
            open.registers.audit_person(reference, subject.partition, subject.person)
        });
        let writes = leads.into_iter().collect::<Result<Vec<_>, _>>();
        let recorded =
            writes.and_then(|writes| open.registers.record_change_and_wait(entry, writes));
        match recorded {
            Ok(_) => Error::new(code),
            Err(error) => self.rights_failed(open, error),
        }
    }

    pub(super) fn rights_failed(&self, open: &Arc<Open>, error: crate::registers::Error) -> Error {
        self.reopen_if_failed(open);
        register_error(error)
    }

    pub(super) fn rights_vault_failed(&self, open: &Arc<Open>, error: vault::Error) -> Error {
        if self.reopen_if_failed(open) {
            return Error::new(ErrorCode::CommitUncertain).with_source(error);
        }
        Error::internal(error)
    }
}

/// Finds the person that an identifier leads to in a partition.
pub(super) fn find_person(
    open: &Open,
    partition: u16,
    identifier: NationalId,
    unknown: Unknown<'_>,
) -> Result<Option<PersonNo>, vault::Error> {
    let mut row = Some(Ok(identifier));
    let mut found = open.vault.find(partition, 1, |rows| rows.extend(row.take()))?;
    Ok(found.finish(unknown)?.into_iter().next().flatten())
}

/// Whether the register has the person, under whichever identifier.
fn is_in_register(open: &Open, subject: &Subject<'_>) -> Result<bool, Error> {
    let leaves = open.registers.leaves_of(subject.partition, subject.person);
    let held = open.registers.hold(subject.register.number).map_err(register_error)?;
    let cells = held.cells();
    Ok(leaves.iter().any(|leaf| cells.standing(*leaf).is_in_register()))
}

/// What the catalogue says of an act, whoever it is about.
fn check_catalogue(register: &Register, fact: &Fact, today: Date) -> Result<(), Error> {
    match fact {
        Fact::Quality(said) => quality::check_catalogue(register, said, today),
        Fact::ConsentGiven(_) if !register.requires_consent() => {
            Err(Error::new(ErrorCode::RegisterNotOnConsent))
        }
        Fact::ConsentGiven(purposes)
            if purposes.is_empty() || !purposes.is_subset(&register.purposes) =>
        {
            let text = "must be purposes of the register, at least one; `hvelv registers` has them";
            Err(invalid("purposes", text))
        }
        Fact::ReservationSet(code)
            if !register.reservation.uses.iter().any(|one| one.code == *code) =>
        {
            Err(Error::new(ErrorCode::ReservationUseUnknown))
        }
        // What was once set or given can be undone, whatever the catalogue has become.
        _ => Ok(()),
    }
}

/// Whether what is in force allows the step.
fn check_step(
    said: Option<&PersonRights>,
    fact: &Fact,
    is_in_register: bool,
) -> Result<(), ErrorCode> {
    let is_known = is_in_register || said.is_some();
    match fact {
        Fact::ConsentGiven(_) => Ok(()),
        Fact::Quality(fact) => quality::check_step(said, fact, is_in_register),
        _ if !is_known => Err(ErrorCode::PersonNotInRegister),
        Fact::ConsentWithdrawn if said.is_none_or(|said| said.consent.is_none()) => {
            Err(ErrorCode::ConsentNotGiven)
        }
        Fact::ReservationLifted(code)
            if !said.is_some_and(|said| said.reservations.contains(code)) =>
        {
            Err(ErrorCode::ReservationNotSet)
        }
        _ => Ok(()),
    }
}

pub(super) fn reference_of(entry: &Entry) -> Result<Reference, Error> {
    entry.reference.ok_or_else(|| Error::internal("an act about a person has no reference"))
}

pub(super) fn invalid(field: &'static str, text: &'static str) -> Error {
    Error::invalid(vec![Violation { field: field.into(), text: text.into() }])
}

/// What is wrong with an identifier, by the rules' code and never by its value.
pub(super) fn invalid_identifier(field: &'static str, reject: Reject) -> Error {
    let text = format!("is refused: {}", reject.code());
    let violation = Violation { field: field.into(), text: text.into() };
    Error::invalid(vec![violation])
}
