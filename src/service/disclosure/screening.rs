//! Whose rows of a batch go, by what persons have said about the use of their data.

use std::collections::BTreeMap;

use crate::config::codes::{Identifiers, TermCode};
use crate::disclosure::{Application, Decision};
use crate::registers::catalogue::Register;
use crate::registers::{HeldRights, Release, ReleaseRule};
use crate::vault::PersonNo;

/// A register whose IDs are taken, and what counts there of its persons' rights.
pub(super) struct IssuingRegister {
    pub(super) code: String,
    pub(super) number: u16,
    rule: ReleaseRule,
}

/// The rows of a batch that have a person, as the rights have it.
pub(super) struct Screened {
    /// Those that are answered, and whose they are.
    pub(super) rows: Vec<(u32, PersonNo)>,
    pub(super) left_out: Vec<u32>,
    /// Rows that are answered in spite of a reservation, by provision.
    pub(super) overridden: BTreeMap<TermCode, u64>,
    /// Facts by which this was decided.
    pub(super) fact_count: u64,
}

impl IssuingRegister {
    pub(super) fn new(register: &Register, application: &Application, decided: &Decision) -> Self {
        // Serials go without the fødselsnummer always; what goes with it is a bridge.
        Self::going(Identifiers::Without, register, application, decided)
    }

    /// What counts where persons go with their fødselsnummer: in a bridge out.
    pub(super) fn of_bridge(
        register: &Register,
        application: &Application,
        decided: &Decision,
    ) -> Self {
        Self::going(Identifiers::With, register, application, decided)
    }

    fn going(
        identifiers: Identifiers,
        register: &Register,
        application: &Application,
        decided: &Decision,
    ) -> Self {
        let named = decided.overrides.iter().map(|one| (&one.provision, one.identifiers));
        let purpose = application.request().purpose;
        let rule = ReleaseRule::new(register, purpose, identifiers, named);
        Self { code: register.code.to_string(), number: register.number, rule }
    }

    /// Whether a person goes, by their rights in this register.
    pub(super) fn releases(&self, rights: &HeldRights<'_>, person: PersonNo) -> bool {
        self.rule.decide(rights.of(person).as_deref()) != Release::LeftOut
    }

    /// Leaves those out whose rights say so.
    pub(super) fn screen(&self, rights: &HeldRights<'_>, rows: Vec<(u32, PersonNo)>) -> Screened {
        let fact_count = rights.fact_count();
        let (mut left_out, mut overridden) = (Vec::new(), BTreeMap::new());
        let is_answered =
            |(row, person): &(u32, PersonNo)| match self.rule.decide(rights.of(*person).as_deref())
            {
                Release::LeftOut => {
                    left_out.push(*row);
                    false
                }
                Release::Overridden(provision) => {
                    *overridden.entry(provision.clone()).or_default() += 1;
                    true
                }
                Release::Released => true,
            };
        let mut rows = rows;
        rows.retain(is_answered);
        Screened { rows, left_out, overridden, fact_count }
    }
}
