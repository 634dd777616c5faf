//! Names and addresses beside the identifiers of a batch: whether they may come, and when they are kept.
//!
//! ```text
//! map     is this delivery one that says them?  no: the batch is refused ─► rows with a person
//! submit  rights held ─► rows that are answered ─► vault, durable ─► recorder
//! ```
//!
//! They are kept while the rights are held, as late as that: who has withdrawn a consent, or whose past
//! has ended, leaves none behind.
//!
//! Invariants: a row without an ID says nothing about anybody; what is answered and said is durable
//! before the answer; the register plane gets how many there were and nothing else.
//!
//! What it does *not* protect: if the server stops between the two stores, the vault has a name that no
//! entry counts.  The sender has no answer, and sends the batch again.

use std::sync::Arc;

use super::{Delivery, IngestMode, IngestPurpose, Mapped, Open};
use crate::registers::catalogue::ContactField;
use crate::service::{Error, Violation};
use crate::vault::{Contact, PersonNo};

/// What a row of a batch has said of its person.
pub(super) struct Said {
    row: u32,
    person: PersonNo,
    contact: Contact,
}

impl Delivery {
    /// Refuses names and addresses where nobody may say them; they are never left out in silence.
    pub(super) fn check_contacts(&self, contacts: &[Contact], rows: usize) -> Result<(), Error> {
        if contacts.is_empty() {
            return Ok(());
        }
        let mut violations = Vec::new();
        let mut add = |field: &'static str, text: &'static str| {
            violations.push(Violation { field: field.into(), text: text.into() });
        };
        let is_current = self.purpose != IngestPurpose::HistoricalImport;
        if self.mode != IngestMode::ResolveOrAssign || !is_current {
            add(
                "batch.contacts",
                "is for an ingest of now alone: a look-up says nothing, and what was so once must not \
                 replace what is; leave it out",
            );
        }
        if contacts.len() != rows {
            add("batch.contacts", "must say one a row, or none at all");
        }
        let register = self.service.parts.catalogue.by_number(self.register);
        let takes = |field| register.is_some_and(|one| one.contact_fields.contains(&field));
        let none = "the register keeps none; leave it out, and the column out of the data";
        if contacts.iter().any(Contact::has_name) && !takes(ContactField::Name) {
            add("batch.contacts.names", none);
        }
        if contacts.iter().any(Contact::has_address) && !takes(ContactField::Address) {
            add("batch.contacts.addresses", none);
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }

    /// Keeps what was said in rows that are answered.  Call it while the rights are held.
    pub(super) fn keep_contacts(&self, open: &Arc<Open>, mapped: &mut Mapped) -> Result<(), Error> {
        if mapped.said.is_empty() {
            return Ok(());
        }
        let notes = &mapped.answered.notes;
        let is_answered =
            |said: &Said| notes.binary_search_by_key(&said.row, |note| note.row).is_err();
        let said = std::mem::take(&mut mapped.said).into_iter().filter(is_answered);
        let rows: Vec<(PersonNo, Contact)> = said.map(|one| (one.person, one.contact)).collect();
        let at = (self.register, self.service.parts.clock.now().as_second());
        let kept = open.vault.keep_contacts(self.partition, at, &rows);
        mapped.answered.contacts = kept.map_err(|error| self.vault_error(open, error))?;
        Ok(())
    }
}

impl Mapped {
    /// Whether handing it to the recorder waits for a disk first.
    pub fn says_contacts(&self) -> bool {
        !self.said.is_empty()
    }
}

/// What the rows of a batch say, where somebody is known.
pub(super) fn said(contacts: Vec<Contact>, persons: &[Option<PersonNo>]) -> Vec<Said> {
    let rows = (0..).zip(contacts.into_iter().zip(persons));
    let said = rows.filter_map(|(row, (contact, person))| {
        (*person).filter(|_| !contact.is_empty()).map(|person| Said { row, person, contact })
    });
    said.collect()
}
