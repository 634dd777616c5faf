//! Whose rows of a batch go, by what persons have said about the use of their data.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Service};
use super::naming::partition_of;
use crate::audit::Entry;
use crate::config::codes::{Identifiers, TermCode};
use crate::disclosure::{Application, Decision};
use crate::registers::catalogue::Register;
use crate::registers::{HeldRights, Release, ReleaseRule};
use crate::vault::PersonNo;

/// A register whose IDs are taken, and what counts there of its persons' rights.
pub(super) struct IssuingRegister {
    pub(super) code: String,
    pub(super) number: u16,
    pub(super) partition: u16,
    rule: ReleaseRule,
}

/// The rows of a batch that have a person, as the rights have it.
pub(super) struct Screened {
    /// Those that are answered, and whose they are.
    pub(super) rows: Vec<(u32, PersonNo)>,
    pub(super) left_out: Vec<u32>,
    /// Rows that are answered in spite of a reservation, by provision.
    pub(super) overridden: BTreeMap<TermCode, u64>,
    /// Changes by which this was decided.
    pub(super) change_count: u64,
}

impl IssuingRegister {
    pub(super) fn new(register: &Register, application: &Application, decided: &Decision) -> Self {
        // Serials go without the fødselsnummer always; what goes with it is a bridge.  IDs that the
        // recipient itself has given by fødselsnummer are as good as that.
        let recipient = application.recipient().number;
        let names = decided.bridge_in.as_ref().is_some_and(|one| one.from.number == recipient);
        let identifiers = if names { Identifiers::With } else { Identifiers::Without };
        Self::going(identifiers, register, application, decided)
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
        let partition = partition_of(register.number, register.is_one_way());
        Self { code: register.code.to_string(), number: register.number, partition, rule }
    }

    /// What becomes of a person, by their rights in this register.
    pub(super) fn decide(&self, rights: &HeldRights<'_>, person: PersonNo) -> Release<'_> {
        self.rule.decide(rights.of(person).as_deref())
    }

    /// Leaves those out whose rights say so.
    pub(super) fn screen(&self, rights: &HeldRights<'_>, rows: Vec<(u32, PersonNo)>) -> Screened {
        let change_count = rights.change_count();
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
        Screened { rows, left_out, overridden, change_count }
    }
}

impl Service {
    /// The registers of a decision, with what counts there of persons' rights.
    pub(super) fn registers_of(
        &self,
        application: &Application,
        decided: &Decision,
        make: fn(&Register, &Application, &Decision) -> IssuingRegister,
    ) -> Result<Vec<IssuingRegister>, Error> {
        let registers = decided.terms.registers.iter().map(|terms| {
            let register = self.parts.catalogue.by_code(&terms.register);
            let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
            Ok(make(register, application, decided))
        });
        registers.collect()
    }
}

/// Registers with the rights that a long pass was made under, by how many facts there were.
pub(super) struct SeenRights {
    pub(super) registers: Vec<IssuingRegister>,
    facts: Vec<u64>,
}

impl SeenRights {
    /// Looks at the rights before a pass.
    pub(super) fn look(open: &Open, registers: Vec<IssuingRegister>) -> Result<Self, Error> {
        let facts = hold_all(open, &registers)?.iter().map(HeldRights::change_count).collect();
        Ok(Self { registers, facts })
    }

    /// Holds the rights, if they are what they were.  Whoever takes the entries of the book takes them
    /// first: closing waits with them for answers, which wait for rights.
    pub(super) fn hold<'a>(&self, open: &'a Open) -> Result<Vec<HeldRights<'a>>, Error> {
        let held = hold_all(open, &self.registers)?;
        if held.iter().map(HeldRights::change_count).eq(self.facts.iter().copied()) {
            return Ok(held);
        }
        let text = "reservations have changed while the bridge was made; do it again";
        Err(Error::rule(text.to_owned()))
    }
}

/// The rights of all registers, held.
fn hold_all<'a>(
    open: &'a Open,
    registers: &[IssuingRegister],
) -> Result<Vec<HeldRights<'a>>, Error> {
    // The links are held once for all: who holds them never waits for them.
    let links = Rc::new(open.registers.hold_links());
    let hold = |one: &IssuingRegister| open.registers.hold_rights_with(&links, one.number);
    registers.iter().map(hold).collect::<Result<_, _>>().map_err(register_error)
}

/// What becomes of a person who is in several registers of a disclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together<'a> {
    /// The person is left out.
    LeftOut,
    /// The person goes, by a provision that goes before a reservation.
    Overridden(&'a TermCode),
    /// The person goes.
    Released,
}

impl<'a> Together<'a> {
    /// Who goes only if every register lets them go.
    pub(super) fn all(each: impl IntoIterator<Item = Release<'a>>) -> Self {
        each.into_iter().fold(Self::Released, |all, one| match (all, one) {
            (Self::LeftOut, _) | (_, Release::LeftOut) => Self::LeftOut,
            (Self::Released, Release::Overridden(provision)) => Self::Overridden(provision),
            (all, _) => all,
        })
    }

    /// Who goes if any register lets them go: their rows there do.
    pub(super) fn any(each: impl IntoIterator<Item = Release<'a>>) -> Self {
        each.into_iter().fold(Self::LeftOut, |all, one| match (all, one) {
            (Self::Released, _) | (_, Release::Released) => Self::Released,
            (Self::LeftOut, Release::Overridden(provision)) => Self::Overridden(provision),
            (all, _) => all,
        })
    }
}

/// Adds the counts of persons who go in spite of a reservation to an entry's.
pub(super) fn count_overridden(entry: &mut Entry, overridden: &BTreeMap<TermCode, u64>) {
    for (provision, count) in overridden {
        entry.counts.insert(format!("overridden_{provision}").into(), *count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_several_registers_goes_with_identifiers_by_all_and_with_rows_by_any() {
        use Release::{LeftOut, Overridden, Released};
        let provision: TermCode = "statistikkloven_10".parse().unwrap();
        let by = Overridden(&provision);
        for (each, all, any) in [
            (vec![Released, Released], Together::Released, Together::Released),
            (vec![Released, LeftOut], Together::LeftOut, Together::Released),
            (vec![by, LeftOut], Together::LeftOut, Together::Overridden(&provision)),
            (vec![by, Released], Together::Overridden(&provision), Together::Released),
            (vec![LeftOut, LeftOut], Together::LeftOut, Together::LeftOut),
        ] {
            assert_eq!(Together::all(each.clone()), all, "{each:?}");
            assert_eq!(Together::any(each.clone()), any, "{each:?}");
        }
    }
}
