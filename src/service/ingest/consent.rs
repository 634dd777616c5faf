//! Consents in a delivery: read once for a batch, and again when it is handed to the recorder.

use super::{Delivery, IngestMode, Mapped, Open, digest_of, register_error};
use crate::registers::HeldRights;
use crate::service::Error;
use crate::vault::PersonNo;

/// The consents of a delivery's register, held while a batch is answered; nothing where persons are
/// held by law.
pub(super) struct Consents<'a> {
    held: Option<HeldRights<'a>>,
    rows: Vec<(u32, PersonNo)>,
}

/// The rows of a batch that rest on consents, and by how many facts that was decided.
pub(super) struct Consented {
    rows: Vec<(u32, PersonNo)>,
    fact_count: u64,
}

impl<'a> Consents<'a> {
    /// Holds them.  Call it before the register's column is held.
    pub(super) fn hold(delivery: &Delivery, open: &'a Open) -> Result<Self, Error> {
        Ok(Self { held: delivery.hold_consents(open)?, rows: Vec::new() })
    }

    /// Whether a row about a person may be answered.
    #[inline]
    pub(super) fn allow(&mut self, row: u32, person: PersonNo) -> bool {
        let Some(held) = &self.held else { return true };
        let consents = held.consents(person);
        self.rows.extend(consents.then_some((row, person)));
        consents
    }

    /// What was allowed because of a consent.
    pub(super) fn consented(self) -> Option<Consented> {
        let Self { held, rows } = self;
        held.map(|held| Consented { rows, fact_count: held.fact_count() })
    }
}

impl Delivery {
    fn hold_consents<'a>(&self, open: &'a Open) -> Result<Option<HeldRights<'a>>, Error> {
        let hold = || open.registers.hold_rights(self.register).map_err(register_error);
        self.consent_required.then(hold).transpose()
    }

    /// Takes out whose consent has ended since the batch was mapped.  As long as what this gives
    /// lives, no other consent begins or ends.
    pub(super) fn look_again<'a>(
        &self,
        open: &'a Open,
        mapped: &mut Mapped,
    ) -> Result<Option<HeldRights<'a>>, Error> {
        let held = self.hold_consents(open)?;
        let (Some(rights), Some(consented)) = (&held, &mapped.consented) else { return Ok(held) };
        if rights.fact_count() == consented.fact_count {
            return Ok(held);
        }
        let ended = consented.rows.iter().filter(|(_, person)| !rights.consents(*person));
        let (rows, persons): (Vec<u32>, Vec<PersonNo>) = ended.copied().unzip();
        mapped.joining.retain(|joining| rows.binary_search(&joining.row).is_err());
        mapped.answered.suppress(&rows);
        if self.mode == IngestMode::ResolveOrAssign {
            // A look-up keeps them: that it asked about them is recorded.
            mapped.persons.retain(|person| !persons.contains(person));
        }
        mapped.digest = digest_of(open, &mapped.answered);
        Ok(held)
    }
}
