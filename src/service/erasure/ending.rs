//! The end of a person's data in a register: what is kept out, and what the register is told to delete.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::super::Error;
use super::super::ingest::register_error;
use super::super::open::Open;
use crate::registers::catalogue::Register;
use crate::registers::{Afterwards, Erasure, Reach, Tombstone};
use crate::rights::cases::{About, CaseId, NumberedPerson, Order, OrderReason, Scope};
use crate::vault::PersonNo;

/// What is to end.
pub(in crate::service) struct EndingDraft<'a> {
    pub(in crate::service) register: &'a Register,
    pub(in crate::service) whom: (u16, &'a [PersonNo]),
    pub(in crate::service) scope: Scope,
    pub(in crate::service) reason: OrderReason,
    pub(in crate::service) case: Option<CaseId>,
    pub(in crate::service) at: Timestamp,
    pub(in crate::service) today: Date,
}

/// What is recorded for it.
pub(in crate::service) struct Ending {
    /// Nothing where the register alone can tell which records it is about.
    pub(in crate::service) erasure: Option<Erasure>,
    pub(in crate::service) order: Zeroizing<Vec<u8>>,
}

impl EndingDraft<'_> {
    /// What is recorded, unless the person has no ID in the register.  Call it while the register's
    /// rights are held alone.
    pub(in crate::service) fn ending(self, open: &Open) -> Result<Option<Ending>, Error> {
        let number = self.register.number;
        let (mut persons, mut leaves) = (Vec::new(), Vec::new());
        // Of a past that ends as a whole nothing is left that a hidden ID could be compared with.
        let reach = if self.scope == Scope::Whole { Reach::All } else { Reach::Shown };
        for person in self.whom.1 {
            let id = open.registers.id_of(number, *person).map_err(register_error)?;
            persons.push((*person, id.unwrap_or_default()));
            let Some(id) = id else { continue };
            let stored = open.registers.number_of(number, id).map_err(register_error)?;
            let stored = stored.ok_or_else(|| Error::internal("an ID has no register number"))?;
            leaves.push(NumberedPerson { person: person.number(), number: stored });
            // The register may have rows under the IDs that this one has replaced.
            for former in
                open.registers.former_ids(number, *person, reach).map_err(register_error)?
            {
                let stored = open.registers.number_of(number, former).map_err(register_error)?;
                let stored = stored.ok_or_else(|| Error::internal("an ID has no number"))?;
                leaves.push(NumberedPerson { person: person.number(), number: stored });
            }
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        let erasure = self.erasure(persons)?;
        let order = Order {
            at: self.at,
            about: About::Person { partition: self.whom.0, leaves },
            scope: self.scope,
            reason: self.reason,
            case: self.case,
            confirmed: None,
        };
        Ok(Some(Ending { erasure, order: order.encode() }))
    }

    fn erasure(&self, persons: Vec<(PersonNo, u64)>) -> Result<Option<Erasure>, Error> {
        let (ids, up_to) = match &self.scope {
            // The register names these records, and refuses them when they come again.
            Scope::Records { .. } => return Ok(None),
            Scope::Period { up_to } => (Afterwards::Stays, *up_to),
            Scope::Whole => (Afterwards::Ends, self.today),
        };
        let months = i32::from(self.register.retention.redelivery_months).months();
        let expires = self.today.checked_add(months).map_err(Error::internal)?;
        // Without consent nothing comes in, and with a new one it may.
        let is_needed = self.reason != OrderReason::ConsentWithdrawn;
        let tombstone = is_needed.then_some(Tombstone { up_to, expires });
        Ok(Some(Erasure { persons, ids, tombstone }))
    }
}
