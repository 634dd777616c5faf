//! The words of disclosures.
//!
//! FORMAT: they stand in records, on the wire and in files, and are for ever.

use super::text::as_text;
pub use crate::config::codes::Identifiers;
use crate::config::words::word_enum;

word_enum! {
    /// Who decides that data may be disclosed.
    pub enum Authority {
        /// The register's own controller (dataansvarlig), as for some data before 15 March 2023.
        Controller = "controller",
        /// Helsedataservice.
        Helsedataservice = "helsedataservice",
        /// Helsedirektoratet.
        Helsedirektoratet = "helsedirektoratet",
        /// Regional komité for medisinsk og helsefaglig forskningsetikk.
        Rek = "rek",
    }
}

impl Authority {
    /// What it is called in an explanation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "the register's controller",
            Self::Helsedataservice => "Helsedataservice",
            Self::Helsedirektoratet => "Helsedirektoratet",
            Self::Rek => "REK",
        }
    }
}

word_enum! {
    /// What is decided (D-18).
    pub enum DecisionKind {
        /// Tilgjengeliggjøring.
        Access = "access",
        /// Dispensasjon fra taushetsplikt.
        Dispensation = "dispensation",
    }
}

word_enum! {
    /// What kind of recipient an organisation is (D-06), or must never be (D-08).
    pub enum RecipientClass {
        /// Sentral helsemyndighet.
        CentralHealthAuthority = "central_health_authority",
        /// Arbeidsgiver: refused always.
        Employer = "employer",
        /// Folkehelseinstituttet.
        Fhi = "fhi",
        /// Fastlege.
        GeneralPractitioner = "general_practitioner",
        /// A department of Helsedirektoratet: disclosure within the house is disclosure (D-07).
        Helsedirektoratet = "helsedirektoratet",
        /// Forsikringsselskap: refused always.
        Insurer = "insurer",
        /// Kommunal myndighet.
        MunicipalAuthority = "municipal_authority",
        /// Kommuneoverlege.
        MunicipalMedicalOfficer = "municipal_medical_officer",
        /// Nasjonal myndighet.
        NationalAuthority = "national_authority",
        /// Påtalemyndighet: refused always.
        Prosecution = "prosecution",
        /// Regional helsemyndighet.
        RegionalHealthAuthority = "regional_health_authority",
        /// Regionalt helseforetak (RHF).
        RegionalHealthTrust = "regional_health_trust",
        /// Forsker.
        Researcher = "researcher",
    }
}

impl RecipientClass {
    /// Whether no role, rule, decision or consent can let it have data (D-08).
    #[must_use]
    pub const fn is_refused_always(self) -> bool {
        matches!(self, Self::Employer | Self::Insurer | Self::Prosecution)
    }
}

word_enum! {
    /// Whether a løpenummer may be turned back into a person while the disclosure lives.
    pub enum Reidentification {
        /// With the approval of two persons.
        Permitted = "permitted",
        /// Never.
        Refused = "refused",
    }
}

word_enum! {
    /// What data come from, as far as it matters for who decides (D-15 to D-17).
    pub enum SourceKind {
        /// A register of Helsedataservice's list.
        Listed = "listed",
        /// No health register, such as a survey or data of Statistisk sentralbyrå: it changes
        /// nothing.
        Other = "other",
        /// Behandlingsrettet helseregister (pasientjournalsystem).
        PatientRecords = "patient_records",
        /// A register outside that list.
        Unlisted = "unlisted",
    }
}

as_text!(Authority, DecisionKind, Identifiers, RecipientClass, Reidentification, SourceKind);
