//! Consents to disease and quality registers that a register keeps (R-11): recorded for one person at a
//! time, and answered to the quality register for the rows that it states.
//!
//! ```text
//! identifier ─► person ─► is the step possible? ─► fact and entry, durable     service/rights.rs
//! identifiers or register IDs ─► persons ─► the ledger ─► yes, no or unknown; whom it was about, entry
//! ```
//!
//! Invariants: what is said to a quality register keeps nobody's rows out and in, here or in a
//! disclosure; a quality register is answered about itself alone; who is unknown, who is in other
//! registers only and who has said nothing are answered the same; whoever was asked about is told.
//!
//! What it does *not* protect: whoever records for a quality register learns of a refused person that
//! the register does not have them; each such refusal is recorded, and told to the person if there is
//! one.  It costs no budget: what is answered is what was stated about the asker's own persons.

use jiff::civil::Date;

use super::ingest::register_error;
use super::open::Open;
use super::rights::invalid;
use super::{Batch, Error, ErrorCode, Limit, RightsSubject, Service, actor, allow};
use crate::audit::{Action, Recorded};
use crate::config::codes::{RegisterCode, SourceCode};
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{
    Channel, Fact, PersonRights, PersonSet, QualityAnswer, QualityFact, QualityStatement, RowCode,
    Write,
};
use crate::vault::{PersonNo, Unknown};

/// Whom a quality register asks about.
pub enum QualityRows {
    /// Persons by identifier.
    Identifiers(Batch),
    /// Persons by their IDs in the register that keeps the consents.
    Ids(Vec<u64>),
}

/// What a quality register asks.
pub struct QualityQuestion {
    /// The register that keeps the consents.
    pub register: RegisterCode,
    /// The quality register.
    pub quality_register: SourceCode,
    /// About whom.
    pub rows: QualityRows,
}

/// The answer to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAnswer {
    /// What was said; unknown, too, for nobody who is known.
    Consent(QualityAnswer),
    /// The row is no identifier, or no ID.
    Invalid,
}

impl RowAnswer {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Consent(answer) => answer.as_str(),
            Self::Invalid => "invalid",
        }
    }
}

impl Service {
    /// Records what a person has said to a quality register.  It is in force when this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `quality_register_unknown`, `request_invalid`, also for a day
    /// in the future; `person_not_in_register`, `quality_consent_not_given`,
    /// `quality_reservation_not_set`, `quality_statement_earlier`, which are recorded; `server_sealed`,
    /// `commit_uncertain`.
    pub fn record_quality_consent(
        &self,
        permit: &Permit,
        subject: &RightsSubject,
        channel: Channel,
        fact: QualityFact,
    ) -> Result<Recorded<()>, Error> {
        let (register, quality_register) = (subject.register.clone(), fact.register.clone());
        allow(permit, &Right::RecordQualityConsents { register, quality_register })?;
        self.record_fact(permit, subject, channel, Fact::Quality(fact))
    }

    /// Who of the rows has consented to the quality register that asks.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `quality_register_unknown`, `request_invalid`,
    /// `batch_too_large`, `server_sealed`, `commit_uncertain`.
    pub fn check_quality_consents(
        &self,
        permit: &Permit,
        question: &QualityQuestion,
    ) -> Result<Recorded<Vec<RowAnswer>>, Error> {
        let QualityQuestion { register, quality_register, rows } = question;
        allow(
            permit,
            &Right::CheckQualityConsents {
                register: register.clone(),
                quality_register: quality_register.clone(),
            },
        )?;
        let open = self.open_now()?;
        let register = self.rights_register(register)?;
        if register.quality_register(quality_register).is_none() {
            return Err(Error::new(ErrorCode::QualityRegisterUnknown));
        }
        let persons = self.asked_about(&open, register, rows)?;
        let held = open.registers.hold_rights(register.number).map_err(register_error)?;
        let mut asked = PersonSet::default();
        let mut entry = self.entry(actor(permit), Action::QualityConsentsChecked);
        entry.register = Some(register.code.to_string());
        entry.changes = vec![format!("quality_register {quality_register}")];
        entry.counts.insert("rows".into(), persons.len() as u64);
        let mut hasher = open.registers.keys().digest().hasher();
        let mut answers = Vec::with_capacity(persons.len());
        for person in persons {
            let answer = match person {
                Ok(Some(person)) => {
                    asked.extend(&[person]);
                    let said = held.of(person);
                    let said = said.map(|said| said.quality.answer(quality_register));
                    RowAnswer::Consent(said.unwrap_or(QualityAnswer::Unknown))
                }
                Ok(None) => RowAnswer::Consent(QualityAnswer::Unknown),
                Err(()) => RowAnswer::Invalid,
            };
            *entry.counts.entry(answer.as_str().into()).or_default() += 1;
            hasher.update(answer.as_str().as_bytes());
            hasher.update(b"\n");
            answers.push(answer);
        }
        entry.digest = Some(hasher.finish());
        let writes = vec![Write::Concerns(asked), Write::VaultUsed(register.partition())];
        // The rights are held until it is recorded: no answer stands in the log after the entry of
        // what would have changed it.
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, answers);
        drop(held);
        recorded.map_err(|error| self.rights_failed(&open, error))
    }

    /// The person of each row, if anybody is known by it; an error for what is none.
    fn asked_about(
        &self,
        open: &std::sync::Arc<Open>,
        register: &Register,
        rows: &QualityRows,
    ) -> Result<Vec<Result<Option<PersonNo>, ()>>, Error> {
        let count = match rows {
            QualityRows::Identifiers(batch) => batch.row_count(),
            QualityRows::Ids(ids) => ids.len(),
        };
        let max = self.parts.config.limits.batch_identifiers_max;
        if count > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        match rows {
            QualityRows::Identifiers(batch) => {
                let rules = self.parts.rules.at(self.parts.clock.today());
                let parser = batch.parser(&rules)?;
                let found = open.vault.find(register.partition(), count, parser);
                let mut found = found.map_err(|error| self.rights_vault_failed(open, error))?;
                let persons = found.finish(Unknown::Leave);
                let persons = persons.map_err(|error| self.rights_vault_failed(open, error))?;
                let rows = found.rows.iter().zip(persons);
                Ok(rows.map(|(row, person)| row.as_ref().map_or(Err(()), |_| Ok(person))).collect())
            }
            QualityRows::Ids(ids) => {
                let found = open.registers.identify(register.number, ids);
                let found = found.map_err(register_error)?.into_iter();
                let person = |row| match row {
                    Ok(person) => Ok(Some(person)),
                    Err(RowCode::Rejected(_)) => Err(()),
                    Err(_) => Ok(None),
                };
                Ok(found.map(person).collect())
            }
        }
    }
}

/// What the audit entry of a fact says.
pub(super) fn lines(fact: &QualityFact) -> Vec<String> {
    let QualityFact { register, said, on } = fact;
    vec![format!("quality_register {register}"), format!("said {said}"), format!("on {on}")]
}

/// What the catalogue and the calendar say of an act, whoever it is about.
pub(super) fn check_catalogue(
    register: &Register,
    fact: &QualityFact,
    today: Date,
) -> Result<(), Error> {
    let known = register.quality_register(&fact.register);
    let known = known.ok_or_else(|| Error::new(ErrorCode::QualityRegisterUnknown))?;
    // What was once said can be taken back, also when nothing more is taken.
    let ends =
        matches!(fact.said, QualityStatement::ReservationLifted | QualityStatement::Withdrawn);
    if !ends && !known.validity.contains(today) {
        return Err(Error::new(ErrorCode::QualityRegisterUnknown));
    }
    if fact.on > today {
        return Err(invalid("on", "is in the future; say it when it has been said"));
    }
    Ok(())
}

/// Whether what was said before allows the step.  Who is not in the register, or no longer, can take
/// back what they have said and say nothing more.
pub(super) fn check_step(
    said: Option<&PersonRights>,
    fact: &QualityFact,
    is_in_register: bool,
) -> Result<(), ErrorCode> {
    let before = said.and_then(|said| said.quality.said_to(&fact.register));
    let last = before.map(|(said, _)| said);
    match fact.said {
        QualityStatement::Given | QualityStatement::Reserved if !is_in_register => {
            return Err(ErrorCode::PersonNotInRegister);
        }
        _ if said.is_none() && !is_in_register => return Err(ErrorCode::PersonNotInRegister),
        QualityStatement::Withdrawn if last != Some(QualityStatement::Given) => {
            return Err(ErrorCode::QualityConsentNotGiven);
        }
        QualityStatement::ReservationLifted if last != Some(QualityStatement::Reserved) => {
            return Err(ErrorCode::QualityReservationNotSet);
        }
        _ => {}
    }
    if before.is_some_and(|(_, on)| on > fact.on) {
        return Err(ErrorCode::QualityStatementEarlier);
    }
    Ok(())
}
