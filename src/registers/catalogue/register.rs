//! One register and its rules.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{
    DisclosurePurpose, OrganisationCode, OrganisationNumber, RegisterCode, SourceCode, TermCode,
    Validity,
};
use crate::config::words::word_enum;
use crate::vault::PERSONS;

word_enum! {
    /// Whether a register holds a person by law or by the person's consent.
    pub enum Basis {
        /// No consent, no record.
        Consent = "consent",
        /// By law, without asking.
        Law = "law",
    }
}

word_enum! {
    /// What a register keeps, sealed, beside identifiers.
    pub enum ContactField {
        /// The address.
        Address = "address",
        /// The name.
        Name = "name",
    }
}

word_enum! {
    /// Who decides on the disclosure of data (D-15 to D-17).
    pub enum DisclosureAuthority {
        /// Helsedataservice, also for combinations with registers of others.
        Helsedataservice = "helsedataservice",
        /// Helsedirektoratet, or for research REK; which of them follows from the purpose.
        Other = "other",
    }
}

word_enum! {
    /// What the vault keeps of the persons of a register.
    pub enum IdentityMode {
        /// No identity at all, and no way back.
        OneWay = "one_way",
        /// The identifiers, sealed.
        Sealed = "sealed",
        /// The identifiers, and name or address, sealed.
        SealedWithContact = "sealed_with_contact",
    }
}

word_enum! {
    /// What a reservation is against.
    pub enum ReservationScope {
        /// That data leave the register.
        Disclosure = "disclosure",
        /// That data leave the register together with the fødselsnummer.
        DisclosureWithIdentifier = "disclosure_with_identifier",
        /// That some kinds of data are registered at all; the register itself sees to that.
        Registration = "registration",
    }
}

word_enum! {
    /// From when the years of a deletion on request are counted.
    pub enum RetentionStart {
        /// The death of the person.
        Death = "death",
        /// The registration of the data.
        Recorded = "recorded",
    }
}

/// A name in two languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Bokmål.
    pub nb: String,
    /// English.
    pub en: String,
}

/// An organisation that the catalogue refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// The code it is referred to by.
    pub code: OrganisationCode,
    /// What it is called.
    pub names: Names,
    /// Its number in Enhetsregisteret, if it is known.
    pub number: Option<OrganisationNumber>,
}

/// An organisation that is responsible for something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responsibility {
    /// Which one.
    pub organisation: OrganisationCode,
    /// On which days.
    pub validity: Validity,
}

/// Who decides on disclosure, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityPeriod {
    /// Who.
    pub authority: DisclosureAuthority,
    /// On which days.
    pub validity: Validity,
}

/// Where a register's data come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The code, unique within the register.
    pub code: SourceCode,
    /// What it is called.
    pub names: Names,
    /// The organisations that deliver as this source; empty if the catalogue does not say.
    pub organisations: Vec<OrganisationNumber>,
    /// On which days it delivers.
    pub validity: Validity,
}

/// A disease or quality register whose consents a register keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QualityRegister {
    /// The code, unique within the register.
    pub code: SourceCode,
    /// What it is called.
    pub names: Names,
    /// On which days consents to it are taken.
    pub validity: Validity,
}

/// Whether a register takes new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// From a day on it takes historical imports only.
    Closed {
        /// The first day on which it is closed.
        from: Date,
    },
    /// It takes data.
    Open,
}

/// A use that a person can be reserved against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationUse {
    /// The code, unique within the register.
    pub code: TermCode,
    /// What it is called.
    pub names: Names,
    /// What it is against.
    pub scope: ReservationScope,
    /// For which purposes; empty means all.
    pub purposes: BTreeSet<DisclosurePurpose>,
}

/// A provision that goes before a reservation (S-10); whoever uses it records it (S-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationOverride {
    /// The code, unique within the register.
    pub code: TermCode,
    /// The provision, as it is cited.
    pub provision: String,
    /// For which purposes; empty means all.
    pub purposes: BTreeSet<DisclosurePurpose>,
}

/// What persons can be reserved against; empty if a register knows no reservation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// The uses.
    pub uses: Vec<ReservationUse>,
    /// What goes before them.
    pub overrides: Vec<ReservationOverride>,
}

/// How long data are kept without anybody asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionLimit {
    /// For ever.
    Unlimited,
    /// So many years.
    Years(u16),
}

/// When a person can have data deleted on request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnRequest {
    /// From when the years are counted.
    pub since: RetentionStart,
    /// How many.
    pub years: u16,
}

/// How long data are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Without anybody asking.
    pub limit: RetentionLimit,
    /// On request.
    pub on_request: Vec<OnRequest>,
    /// How many months after an erasure the sources may still send again what was erased.
    pub redelivery_months: u16,
}

/// What the standard report of innsyn leaves out; the right to it stays (S-05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnsynExclusion {
    /// The code, unique within the register.
    pub code: TermCode,
    /// What it is called in the report.
    pub names: Names,
}

/// A register.  Only [`super::Catalogue`] makes one, and its invariants are the catalogue's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The code, such as `NPR`.
    pub code: RegisterCode,
    /// The number in stored keys, never 0; for ever this register's.
    pub number: u16,
    /// What it is called.
    pub names: Names,
    /// Who is responsible (dataansvarlig): one at a time, in order of time.
    pub controllers: Vec<Responsibility>,
    /// Who processes data for the controller (databehandler).
    pub processors: Vec<Responsibility>,
    /// The provisions that the register rests on, as they are cited.
    pub legal_basis: Vec<String>,
    /// What its data may be used for; empty means that none may be disclosed.
    pub purposes: BTreeSet<DisclosurePurpose>,
    /// Where its data come from.
    pub sources: Vec<Source>,
    /// The disease and quality registers whose consents it keeps.
    pub quality_registers: Vec<QualityRegister>,
    /// What the vault keeps of its persons.
    pub identity_mode: IdentityMode,
    /// What it keeps beside identifiers.
    pub contact_fields: BTreeSet<ContactField>,
    /// By law or by consent.
    pub basis: Basis,
    /// Whether it takes new data.
    pub state: State,
    /// What persons can be reserved against.
    pub reservation: Reservation,
    /// How long data are kept.
    pub retention: Retention,
    /// What the standard report of innsyn leaves out.
    pub innsyn_exclusions: Vec<InnsynExclusion>,
    /// Where a person turns for innsyn in its records, in bokmål; the controller, if it does not say.
    pub innsyn_contact: Option<String>,
    /// Who decides on disclosure, in order of time.
    pub disclosure_authority: Vec<AuthorityPeriod>,
    /// The name of the ID's column in files, such as `npr_id`.
    pub id_column: TermCode,
}

impl Register {
    /// The source with that code.
    #[must_use]
    pub fn source(&self, code: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.code.as_str() == code)
    }

    /// The quality register with that code, of today or of before.
    #[must_use]
    pub fn quality_register(&self, code: &SourceCode) -> Option<&QualityRegister> {
        self.quality_registers.iter().find(|one| one.code == *code)
    }

    /// Whether the register takes new data on that day.
    #[must_use]
    pub fn is_open(&self, day: Date) -> bool {
        match self.state {
            State::Closed { from } => day < from,
            State::Open => true,
        }
    }

    /// Whether a person's data may be held only with the person's consent.
    #[must_use]
    pub const fn requires_consent(&self) -> bool {
        matches!(self.basis, Basis::Consent)
    }

    /// Whether no identity of its persons is kept.
    #[must_use]
    pub const fn is_one_way(&self) -> bool {
        matches!(self.identity_mode, IdentityMode::OneWay)
    }

    /// The partition of the vault that its persons are of.
    #[must_use]
    pub const fn partition(&self) -> u16 {
        if self.is_one_way() { self.number } else { PERSONS }
    }

    /// Who is responsible for the register on that day.
    #[must_use]
    pub fn controller(&self, day: Date) -> Option<&OrganisationCode> {
        holder(&self.controllers, day).next()
    }

    /// Who processes data for the controller on that day.
    pub fn processors_on(&self, day: Date) -> impl Iterator<Item = &OrganisationCode> {
        holder(&self.processors, day)
    }

    /// Who decides on disclosure on that day; `None` if no rule of that day is known, and then
    /// nothing is disclosed.
    #[must_use]
    pub fn disclosure_authority_on(&self, day: Date) -> Option<DisclosureAuthority> {
        let mut periods = self.disclosure_authority.iter();
        periods.find(|period| period.validity.contains(day)).map(|period| period.authority)
    }
}

fn holder(list: &[Responsibility], day: Date) -> impl Iterator<Item = &OrganisationCode> {
    list.iter().filter(move |one| one.validity.contains(day)).map(|one| &one.organisation)
}

impl ReservationUse {
    /// Whether it is against use for the purpose.
    #[must_use]
    pub fn concerns(&self, purpose: DisclosurePurpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose)
    }
}

impl ReservationOverride {
    /// Whether it goes before a reservation where data are used for the purpose.
    #[must_use]
    pub fn concerns(&self, purpose: DisclosurePurpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose)
    }
}
