//! `organisations.toml`: who may be the recipient of a disclosure, of which kind, and when.
//!
//! An application names an organisation by number; what kind of recipient it is follows from this
//! file and from nothing that the applicant says.
//!
//! INVARIANT: on one day an organisation is of one class.

use std::path::Path;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::line::Line;
use super::refusal::Refusal;
use super::words::RecipientClass;
use crate::config::codes::OrganisationNumber;
use crate::config::problems::Problems;
use crate::config::reader::{self, Section};
use crate::config::validity::Validity;

/// An organisation as the recipient of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Its number in Enhetsregisteret.
    pub number: OrganisationNumber,
    /// What it is called.
    pub name: Line,
    /// What kind of recipient it is.
    pub class: RecipientClass,
}

/// All organisations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisations {
    list: Vec<(Recipient, Validity)>,
}

impl Organisations {
    /// Reads `organisations.toml`.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        reader::read_file(path, organisations)
    }

    /// Parses the text of such a file, which problems call `file`.
    ///
    /// # Errors
    ///
    /// All problems of the text, at once.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problems> {
        reader::read_document(file, text, organisations)
    }

    /// The organisation as it is on that day.
    ///
    /// # Errors
    ///
    /// [`Refusal::Organisation`].
    pub fn on(&self, number: OrganisationNumber, day: Date) -> Result<&Recipient, Refusal> {
        let is_meant = |(one, validity): &&(Recipient, Validity)| {
            one.number == number && validity.contains(day)
        };
        let found = self.list.iter().find(is_meant).map(|(recipient, _)| recipient);
        found.ok_or(Refusal::Organisation { number, day })
    }
}

fn organisations(mut top: Section<'_, '_>) -> Option<Organisations> {
    let mut list: Vec<(Recipient, Validity)> = Vec::new();
    let mut is_whole = true;
    top.require("organisation");
    for mut section in top.children("organisation") {
        let number = section.required("number");
        let name = section.required("name");
        let class = section.required("class");
        let validity = section.validity();
        section.finish();
        let (Some(number), Some(name), Some(class), Some(validity)) =
            (number, name, class, validity)
        else {
            is_whole = false;
            continue;
        };
        let recipient = Recipient { number, name, class };
        if list.iter().any(|(one, days)| one.number == number && days.overlaps(&validity)) {
            let text =
                "stands here for the same day already; end one entry before the other begins";
            section.problem("number", text);
        }
        list.push((recipient, validity));
    }
    top.finish();
    is_whole.then_some(Organisations { list })
}
