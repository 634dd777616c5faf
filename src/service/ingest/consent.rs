//! Consents and links in a delivery: read once for a batch, and again when it is handed to the
//! recorder.

use super::{Delivery, IngestMode, Mapped, Open, digest_of, register_error};
use crate::registers::{HeldLinks, HeldRights};
use crate::service::Error;
use crate::vault::PersonNo;

/// What a delivery holds while a batch is answered, or handed on.
pub(super) enum Holding<'a> {
    /// The links alone, where persons are held by law.
    Links(HeldLinks<'a>),
    /// The rights, and the links with them, where persons are held by consent.
    Rights(HeldRights<'a>),
}

impl Holding<'_> {
    pub(super) fn links(&self) -> &HeldLinks<'_> {
        match self {
            Self::Links(links) => links,
            Self::Rights(rights) => rights.links(),
        }
    }

    fn rights(&self) -> Option<&HeldRights<'_>> {
        match self {
            Self::Links(_) => None,
            Self::Rights(rights) => Some(rights),
        }
    }
}

/// The consents of a delivery's register; nothing where persons are held by law.
pub(super) struct Consents<'a> {
    rights: Option<&'a HeldRights<'a>>,
    rows: Vec<(u32, PersonNo)>,
}

/// The rows of a batch that rest on consents, and by how many facts that was decided.
pub(super) struct Consented {
    rows: Vec<(u32, PersonNo)>,
    fact_count: u64,
}

impl<'a> Consents<'a> {
    pub(super) fn of(holding: &'a Holding<'a>) -> Self {
        Self { rights: holding.rights(), rows: Vec::new() }
    }

    /// Whether a row about a person may be answered.
    #[inline]
    pub(super) fn allow(&mut self, row: u32, person: PersonNo) -> bool {
        let Some(rights) = self.rights else { return true };
        let consents = rights.consents(person);
        self.rows.extend(consents.then_some((row, person)));
        consents
    }

    /// What was allowed because of a consent.
    pub(super) fn consented(self) -> Option<Consented> {
        let Self { rights, rows } = self;
        rights.map(|rights| Consented { rows, fact_count: rights.fact_count() })
    }
}

impl Delivery {
    /// Holds what the answers rest on.  Call it before the register's column is held.
    pub(super) fn hold<'a>(&self, open: &'a Open) -> Result<Holding<'a>, Error> {
        if !self.consent_required {
            return Ok(Holding::Links(open.registers.hold_links()));
        }
        let rights = open.registers.hold_rights(self.register).map_err(register_error)?;
        Ok(Holding::Rights(rights))
    }

    /// Takes out whose consent has ended since the batch was mapped, and answers anew whose link has.
    /// As long as what this gives lives, no consent or link begins or ends.
    pub(super) fn look_again<'a>(
        &self,
        open: &'a Open,
        mapped: &mut Mapped,
    ) -> Result<Holding<'a>, Error> {
        let held = self.hold(open)?;
        self.join_again(open, held.links(), mapped)?;
        let (Some(rights), Some(consented)) = (held.rights(), &mapped.consented) else {
            return Ok(held);
        };
        if rights.fact_count() == consented.fact_count {
            return Ok(held);
        }
        let ended = consented.rows.iter().filter(|(_, person)| !rights.consents(*person));
        let (rows, persons): (Vec<u32>, Vec<PersonNo>) = ended.copied().unzip();
        mapped.joining.retain(|joining| rows.binary_search(&joining.row).is_err());
        mapped.joined.forget(&rows);
        mapped.answered.suppress(&rows);
        if self.mode == IngestMode::ResolveOrAssign {
            // A look-up keeps them: that it asked about them is recorded.
            mapped.persons.retain(|person| !persons.contains(person));
        }
        mapped.digest = digest_of(open, &mapped.answered);
        Ok(held)
    }
}
