//! `registers.toml`: the registers, and the rules that differ between them.
//!
//! Rules that are the law's are data, with the days on which they hold, because they change: NPR
//! and KPR went from Helsedirektoratet to FHI on 1 January 2024.  Code asks the catalogue and names
//! no register.
//!
//! INVARIANT: codes, numbers and ID columns are unique; a number stands in stored keys, so it is
//! never changed or given to another register (`retired` remembers those that are gone); every
//! organisation that is referred to exists; an open register has a source; the controllers of a
//! register follow each other without gap or overlap; a register that rests on consent is neither
//! one-way nor subject to reservation.
//!
//! What this does *not* give: the law.  The shipped file says for each fact where it is from, and
//! what a controller must fill in.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;

use crate::config::codes::RegisterDirectory;
use crate::config::problems::Problems;
use crate::config::reader;

pub use crate::config::codes::{
    DisclosurePurpose, OrganisationCode, OrganisationNumber, RegisterCode, SourceCode, TermCode,
};
pub use crate::config::validity::Validity;
pub use register::{
    AuthorityPeriod, Basis, ContactField, DisclosureAuthority, IdentityMode, InnsynExclusion,
    Names, OnRequest, Organisation, QualityRegister, Register, Reservation, ReservationOverride,
    ReservationScope, ReservationUse, Responsibility, Retention, RetentionLimit, RetentionStart,
    Source, State,
};

mod check;
mod parts;
mod read;
mod register;

/// All registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// In the order of the file.
    registers: Vec<Register>,
    organisations: BTreeMap<OrganisationCode, Organisation>,
    helsedataservice: Vec<Responsibility>,
}

impl Catalogue {
    /// Reads a catalogue file.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        reader::read_file(path, read::catalogue)
    }

    /// Parses the text of a catalogue file, which problems call `file`.
    ///
    /// # Errors
    ///
    /// All problems of the text, at once.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problems> {
        reader::read_document(file, text, read::catalogue)
    }

    /// The register with that code.
    #[must_use]
    pub fn by_code(&self, code: &str) -> Option<&Register> {
        self.iter().find(|register| register.code.as_str() == code)
    }

    /// The register with that number.
    #[must_use]
    pub fn by_number(&self, number: u16) -> Option<&Register> {
        self.iter().find(|register| register.number == number)
    }

    /// All registers, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Register> {
        self.registers.iter()
    }

    /// The organisation with that code.
    #[must_use]
    pub fn organisation(&self, code: &OrganisationCode) -> Option<&Organisation> {
        self.organisations.get(code)
    }

    /// The organisation with that number in Enhetsregisteret.
    #[must_use]
    pub fn organisation_by_number(&self, number: OrganisationNumber) -> Option<&Organisation> {
        self.organisations.values().find(|one| one.number == Some(number))
    }

    /// The organisation that is Helsedataservice on that day, if there is one.
    #[must_use]
    pub fn helsedataservice(&self, day: Date) -> Option<&Organisation> {
        let mut holders = self.helsedataservice.iter();
        self.organisation(&holders.find(|holder| holder.validity.contains(day))?.organisation)
    }
}

impl RegisterDirectory for Catalogue {
    fn register_codes(&self) -> Vec<&RegisterCode> {
        self.iter().map(|register| &register.code).collect()
    }

    fn source_codes(&self, register: &RegisterCode) -> Option<Vec<&SourceCode>> {
        let register = self.by_code(register.as_str())?;
        Some(register.sources.iter().map(|source| &source.code).collect())
    }

    fn quality_codes(&self, register: &RegisterCode) -> Vec<&SourceCode> {
        let register = self.by_code(register.as_str());
        let known = register.into_iter().flat_map(|register| &register.quality_registers);
        known.map(|one| &one.code).collect()
    }
}

#[cfg(test)]
mod tests;
