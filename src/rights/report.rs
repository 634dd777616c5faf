//! What innsyn says about one person (S-01, S-02): one value, from which JSON and a page are made.
//!
//! FORMAT: docs/FORMATS.md, section "Innsyn report".  A later program may add a field at the end of an
//! object; a reader passes over what it does not know.
//!
//! INVARIANT: it says nothing that names the person: no identifier, no register ID, no serial.  Whoever
//! gets it knows whom it is about.
//!
//! What it does *not* protect: it is health-related all the same, since it says which registers the
//! person is in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::records::RegisterAnswer;

/// The only version yet.
pub const VERSION: u32 = 1;

/// Declares parts of the report: public fields, and no `Debug` but in tests.
macro_rules! parts {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])+ $field:ident: $type:ty, )+ } )+) => { $(
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(Debug))]
        pub struct $name {
            $(
                $(#[$doc])+
                #[serde(default, skip_serializing_if = "Absent::is_absent")]
                pub $field: $type,
            )+
        }
    )+ };
}

/// What has nothing to say is left out.
trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        false
    }
}

impl Absent for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for u64 {
    fn is_absent(&self) -> bool {
        false
    }
}

impl Absent for Organisation {
    fn is_absent(&self) -> bool {
        false
    }
}

parts! {
    /// An organisation.
    Organisation {
        /// Its number in Enhetsregisteret.
        number: String,
        /// What it is called, if that is known.
        name: String,
    }

    /// A code with its name.
    Term {
        /// The code, as in the catalogue.
        code: String,
        /// The name, in bokmål.
        name: String,
    }

    /// A source that has sent something about the person.
    Source {
        /// The code.
        code: String,
        /// The name.
        name: String,
        /// How many of its deliveries the person is in.
        deliveries: u64,
        /// When the first of them was opened, RFC 3339.
        first_seen: String,
        /// When the last of them was.
        last_seen: String,
        /// The first day that they report about, if they say.
        period_from: String,
        /// The last day.
        period_to: String,
    }

    /// What the person has said, as it was recorded.
    Fact {
        /// `consent_given`, `consent_withdrawn`, `reservation_lifted` or `reservation_set`; or one of
        /// those with `quality_` before it, of what was said to a quality register.
        kind: String,
        /// The use, of a reservation.
        reserved_use: Option<Term>,
        /// The purposes, of a consent.
        purposes: Vec<String>,
        /// When, RFC 3339.
        at: String,
        /// Who recorded it.
        principal: String,
        /// The organisation of who recorded it.
        organisation: Organisation,
        /// How it came.
        channel: String,
        /// The quality register to which it was said.
        quality_register: Option<Term>,
        /// On which day it was said to the quality register.
        on: String,
    }

    /// What counts of what the person has said to a quality register.
    QualityConsent {
        /// The quality register.
        register: Term,
        /// `given`, `withdrawn`, `reserved` or `reservation_lifted`.
        said: String,
        /// On which day.
        on: String,
    }

    /// That a register keeps name or address of the person, and since when.
    Kept {
        /// `address`, `name`.
        fields: Vec<String>,
        /// Since when it has kept something, RFC 3339.
        since: String,
        /// When what it keeps now was said.
        said: String,
    }

    /// A register that the person is in, or has said something to.
    Register {
        /// The code.
        code: String,
        /// What it is called.
        name: String,
        /// `member`, `suppressed` (in it, and nothing is given out), or `not_member`.
        standing: String,
        /// Who is responsible for it.
        controller: Organisation,
        /// Who processes data for the controller.
        processors: Vec<String>,
        /// The provisions that it rests on.
        legal_basis: Vec<String>,
        /// `law` or `consent`.
        basis: String,
        /// The purposes of its data.
        purposes: Vec<String>,
        /// After how many years data are deleted; without it, never for their age alone.
        retention_years: Option<u64>,
        /// When the first delivery with the person was opened, RFC 3339.
        first_seen: String,
        /// When the last was.
        last_seen: String,
        /// Who has sent something about the person.
        sources: Vec<Source>,
        /// What the person is reserved against.
        reservations: Vec<Term>,
        /// What the person has consented to; nothing without a consent in force.
        consented: Vec<String>,
        /// Everything that the person has said, the oldest first.
        ledger: Vec<Fact>,
        /// What one can be reserved against.
        reservation_uses: Vec<Term>,
        /// What the standard report leaves out (S-03, S-04); the right to it stays (S-05).
        exclusions: Vec<Term>,
        /// Where to turn, as the register says it; the controller, if it does not say.
        contact: String,
        /// What the register's own records say, once it has answered.
        records: Option<RegisterAnswer>,
        /// That it keeps name or address, and since when; nothing if it keeps none.
        kept: Option<Kept>,
        /// What the person has said to quality registers whose consents the register keeps.
        quality_consents: Vec<QualityConsent>,
    }

    /// A bridge that the person is in: their national identifiers went to a linking party.
    Bridge {
        /// To whom.
        to: Organisation,
        /// When, RFC 3339.
        issued: String,
        /// The last day by which it has to be deleted.
        delete_by: String,
        /// When the party said that it was, RFC 3339.
        deleted: String,
    }

    /// A disclosure that the person is in.
    Disclosure {
        /// The number of the application.
        application: String,
        /// Who applied.
        applicant: String,
        /// What the application says that it is about.
        description: String,
        /// Who receives.
        recipient: Organisation,
        /// What kind of recipient that is.
        recipient_class: String,
        /// What for.
        purpose: String,
        /// The provisions that the recipient's processing rests on.
        legal_basis: Vec<String>,
        /// The registers whose data are let out.
        registers: Vec<Term>,
        /// What else they are combined with.
        combined_with: Vec<String>,
        /// Where they are delivered.
        delivered_to: String,
        /// Who decided.
        authority: String,
        /// `access` or `dispensation`.
        decision_kind: String,
        /// The decision's reference.
        decision_reference: String,
        /// Its day.
        decision_dated: String,
        /// `permitted` or `refused`: whether somebody may find out who is behind a serial.
        reidentification: String,
        /// When it was opened, RFC 3339.
        opened: String,
        /// Its last day.
        expires: String,
        /// `open`, `extracted`, `completed` or `closed`.
        state: String,
        /// When data were handed over, RFC 3339; before the first, nothing has left.
        handed_over: Vec<String>,
        /// When its key was destroyed, RFC 3339.
        closed: String,
        /// When the recipient said that the data are deleted, RFC 3339.
        deletion_confirmed: String,
        /// The bridges out that the person is in; without any, no national identifier went with it.
        bridges: Vec<Bridge>,
    }

    /// Somebody who looked the person up, or acted on them.
    Access {
        /// The number of the audit entry; of the first, if it was done several times.
        entry: u64,
        /// When, RFC 3339.
        at: String,
        /// How often, in the same delivery.
        times: u64,
        /// `person`, `system` or `server`.
        actor: String,
        /// Who, by the name in the access table.
        principal: String,
        /// The organisation of who it was.
        organisation: Organisation,
        /// What: the audit log's word for it.
        action: String,
        /// What was refused, if it was.
        attempted: String,
        /// Why it was refused.
        reason: String,
        /// In which register.
        register: Option<Term>,
        /// As which source.
        source: String,
        /// What for.
        purpose: String,
        /// By which law or decision.
        basis: String,
        /// The application, if it was for a disclosure.
        application: String,
        /// What else the entry says.
        details: Vec<String>,
    }

    /// A case about the person: of erasure.
    Case {
        /// In which register.
        register: Term,
        /// What it is about.
        kind: String,
        /// How far it has come.
        state: String,
        /// When it was opened, RFC 3339.
        opened: String,
        /// When it was decided, RFC 3339.
        decided: String,
        /// What was asked for, and what was decided.
        text: String,
    }
}

impl Absent for Term {
    fn is_absent(&self) -> bool {
        false
    }
}

/// Everything that is said about one person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form.
    pub v: u32,
    /// The number of the audit entry of this very request; the next report shows it.
    pub audit_entry: u64,
    /// When it was made, RFC 3339.
    pub made: String,
    /// As whom it was asked for: `attorney`, `kin`, `parent` or `self`.
    pub acting: String,
    /// `digital` or `manual`.
    pub way: String,
    /// The registers that the person is in, or has said something to.
    pub registers: Vec<Register>,
    /// The disclosures that the person is in, the newest first.
    pub disclosures: Vec<Disclosure>,
    /// Who looked the person up or acted on them, the newest first.
    pub accesses: Vec<Access>,
    /// Cases about the person.
    pub cases: Vec<Case>,
}

impl fmt::Debug for Report {
    /// Which registers a person is in is nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").field("audit_entry", &self.audit_entry).finish_non_exhaustive()
    }
}

/// Why a report, or what belongs to one, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It is of another form.
    #[error("it is no {what} of version 1; docs/FORMATS.md says what one looks like")]
    Malformed {
        /// What it should have been.
        what: &'static str,
    },
    /// It answers another request, or is of a register that is not in the report.
    #[error("it answers another request, or is of a register that the report does not have")]
    NotAsked,
    /// The register has answered already.
    #[error("the register has answered already; give one answer a register")]
    Answered,
    /// It has more than a report takes, or rows that do not fit their columns.
    #[error("it has {what}")]
    Shape {
        /// What is wrong.
        what: &'static str,
    },
}

impl Report {
    /// Reads a report from its JSON.
    ///
    /// # Errors
    ///
    /// [`ReportError::Malformed`].
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        let malformed = ReportError::Malformed { what: "innsyn report" };
        let report: Self = serde_json::from_str(text).map_err(|_| malformed)?;
        if report.v == VERSION { Ok(report) } else { Err(malformed) }
    }

    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // PANIC: the report has strings, numbers and lists of them.
        serde_json::to_string_pretty(self).expect("a report is JSON")
    }

    /// Puts in what a register's own records say.
    ///
    /// # Errors
    ///
    /// [`ReportError::Answered`], [`ReportError::NotAsked`].
    pub fn merge(&mut self, answer: RegisterAnswer) -> Result<(), ReportError> {
        let entry = self.audit_entry;
        let asked = self.registers.iter_mut().find(|register| register.code == answer.register);
        let register = asked.filter(|_| answer.request == entry).ok_or(ReportError::NotAsked)?;
        if register.records.is_some() {
            return Err(ReportError::Answered);
        }
        register.records = Some(answer);
        Ok(())
    }
}
