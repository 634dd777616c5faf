//! Innsyn: everything that is said about a person to the person, or to somebody for them.
//!
//! ```text
//! identifier ─► leaves, in each partition ─► may they ask? ─► report ─► entry, durable ─► the answer
//!                                              └ no: the refusal is recorded, then told
//! ```
//!
//! A person of a one-way register is found by tag, like everybody: nobody needs a fødselsnummer there,
//! and none is stored.
//!
//! Invariants: no answer without an entry that leads to the person, so that the request is in the next
//! report; the entry leads to one partition's person alone, since whoever could read two of them beside
//! each other would have a link that nobody stores; somebody whom nobody has ever delivered gets a
//! report like any other, with nothing in it.
//!
//! What it does *not* protect: facts about who asks are the caller's word.  A delivery that goes on, and
//! has stored nothing yet, is not in the report.

mod accesses;
mod cases;
mod registers;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::ingest::register_error;
use super::open::Open;
use super::rights::{find_person, invalid_identifier};
use super::{Error, ErrorCode, RowKind, Service, Violation, actor, allow};
use crate::audit::{Action, Entry, Recorded};
use crate::config::codes::OrganisationNumber;
use crate::ident::{NationalId, birth_date, parse_text};
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{AddressProtection, Life as KnownLife, Reach, Write};
use crate::rights::report::{self, Organisation, Report};
use crate::rights::representation::{Address, Age, Facts, Life, decide};
use crate::vault::{PERSONS, PersonNo, Unknown};

/// From this age on a person asks for themselves (S-18).
const CHILD_YEARS: i32 = 16;

/// Whether register IDs are answered too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterIds {
    /// Yes, for requests to the registers.
    Told,
    /// No.
    Untold,
}

/// Who is asked about, and who asks.
pub struct InnsynRequest {
    /// What the identifier is.
    pub kind: RowKind,
    /// The identifier.
    pub identifier: Zeroizing<String>,
    /// Who asks.
    pub facts: Facts,
    /// Whether register IDs are answered too.
    pub register_ids: RegisterIds,
}

/// What is answered.
pub struct Innsyn {
    /// The report.
    pub report: Report,
    /// The person's IDs, by the code of their register, if they were asked for.
    pub register_ids: Vec<(String, Vec<u64>)>,
}

impl fmt::Debug for Innsyn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Innsyn").finish_non_exhaustive()
    }
}

/// A person's leaves in a partition; the one that was asked about is one of them.
struct Leaves {
    partition: u16,
    asked: PersonNo,
    persons: Vec<PersonNo>,
}

impl Service {
    /// Everything that is said about a person.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `request_invalid`; `representation_refused`, which is recorded; `server_sealed`,
    /// `commit_uncertain`.
    pub fn innsyn(
        &self,
        permit: &Permit,
        request: &InnsynRequest,
    ) -> Result<Recorded<Innsyn>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let age = self.told_age(request)?;
        let found = self.leaves(&open, request)?;
        let facts = with_known(&open, with_age(request.facts, age)?, &found);
        let mut entry = self.entry(actor(permit), Action::InnsynGiven);
        entry.changes = facts.lines();
        let leads = self.lead(&open, &mut entry, &found)?;
        if let Err(refusal) = decide(&facts) {
            entry.changes.push(format!("refused {}", refusal.as_str()));
            entry.attempted = Some(std::mem::replace(&mut entry.action, Action::Refused));
            entry.reason = Some(ErrorCode::RepresentationRefused.as_str().to_owned());
            let _ = self.recorded(&open, open.registers.record_change_and_wait(entry, leads))?;
            return Err(Error::new(ErrorCode::RepresentationRefused).with_text(refusal.text()));
        }
        let mut innsyn = self.tell(&open, &found, &facts)?;
        match request.register_ids {
            RegisterIds::Told => {
                // The entry leads to one partition's person; it names no register of another.
                let is_named = |code: &str| {
                    let register = self.parts.catalogue.by_code(code);
                    register.map(Register::partition) == found.first().map(|one| one.partition)
                };
                let codes = innsyn.register_ids.iter().map(|(code, _)| code.as_str());
                let codes: Vec<&str> = codes.filter(|code| is_named(code)).collect();
                entry.changes.push(format!("register_ids {}", codes.join(" ")).trim().to_owned());
            }
            RegisterIds::Untold => innsyn.register_ids.clear(),
        }
        let answered = open.registers.record_answered_change_and_wait(entry, leads, innsyn);
        self.recorded(&open, answered)
    }

    fn recorded<T>(
        &self,
        open: &Arc<Open>,
        outcome: Result<T, crate::registers::Error>,
    ) -> Result<T, Error> {
        outcome.map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })
    }

    fn identifier(&self, request: &InnsynRequest) -> Result<NationalId, Error> {
        let rules = self.parts.rules.at(self.parts.clock.today());
        let RowKind { declared, assigner } = request.kind;
        let parsed = parse_text(&rules, declared, assigner, request.identifier.as_bytes());
        parsed.map_err(|reject| invalid_identifier("identifier", reject))
    }

    /// How old the number says that the person is, if it does.
    fn told_age(&self, request: &InnsynRequest) -> Result<Option<Age>, Error> {
        let today = self.parts.clock.today();
        let born = birth_date(&self.identifier(request)?, &self.parts.rules.at(today));
        Ok(born.map(|born| age_on(born, today)))
    }

    /// The person's leaves in each partition that knows them.
    fn leaves(&self, open: &Arc<Open>, request: &InnsynRequest) -> Result<Vec<Leaves>, Error> {
        let one_way = self.parts.catalogue.iter().filter(|register| register.is_one_way());
        let partitions = std::iter::once(PERSONS).chain(one_way.map(|register| register.number));
        let mut found = Vec::new();
        for partition in partitions {
            let identifier = self.identifier(request)?;
            let person = find_person(open, partition, identifier, Unknown::Leave);
            let person = person.map_err(|error| self.rights_vault_failed(open, error))?;
            // A protected link shows to nobody: whoever asks may have the one identifier alone.
            found.extend(person.map(|person| {
                let links = open.registers.hold_links();
                let persons = links.leaves_of(partition, person, Reach::Shown);
                Leaves { partition, asked: person, persons }
            }));
        }
        Ok(found)
    }

    /// Leads from the entry to the leaf that was asked about, so that a split leaves it where it was;
    /// to nobody if nobody is known.
    fn lead(&self, open: &Open, entry: &mut Entry, found: &[Leaves]) -> Result<Vec<Write>, Error> {
        let Some(Leaves { partition, asked, .. }) = found.first() else { return Ok(Vec::new()) };
        Ok(vec![self.refer(open, entry, (*partition, *asked))?])
    }

    fn tell(&self, open: &Open, found: &[Leaves], facts: &Facts) -> Result<Innsyn, Error> {
        let (mut registers, mut accesses) = (Vec::new(), Vec::new());
        let (mut disclosures, mut bridges) = (BTreeSet::new(), BTreeSet::new());
        let mut register_ids = Vec::new();
        for Leaves { partition, persons, .. } in found {
            for told in self.registers_of_person(open, *partition, persons)? {
                register_ids.extend(
                    (!told.ids.is_empty()).then_some((told.register.code.clone(), told.ids)),
                );
                registers.push(told.register);
            }
            disclosures.extend(self.disclosures_with(open, *partition, persons)?);
            let concerned = open.registers.audit_of(*partition, persons).map_err(register_error)?;
            bridges.extend(concerned.iter().filter_map(|(_, entry)| accesses::bridge_of(entry)));
            accesses.extend(concerned);
        }
        let report = Report {
            v: report::VERSION,
            audit_entry: 0,
            made: self.parts.clock.now().to_string(),
            acting: facts.acting.to_string(),
            way: facts.way.to_string(),
            registers,
            disclosures: self.disclosures_told(open, &disclosures, &bridges)?,
            accesses: self.accesses_told(accesses),
            cases: self.cases_told(open, found),
        };
        Ok(Innsyn { report, register_ids })
    }

    /// An organisation by its number, with the name that the catalogue or `organisations.toml` has.
    pub(super) fn organisation_told(&self, number: OrganisationNumber) -> Organisation {
        let in_catalogue = self.parts.catalogue.organisation_by_number(number);
        let in_catalogue = in_catalogue.map(|one| one.names.nb.clone());
        let name = in_catalogue.or_else(|| {
            let known = self.parts.disclosure.organisations();
            let known = known.on(number, self.parts.clock.today()).ok()?;
            Some(known.name.to_string())
        });
        Organisation { number: number.to_string(), name: name.unwrap_or_default() }
    }
}

fn age_on(born: Date, today: Date) -> Age {
    let sixteenth = born.checked_add(CHILD_YEARS.years());
    if sixteenth.is_ok_and(|day| day <= today) { Age::From16 } else { Age::Under16 }
}

/// The facts with the age that the number tells; what the caller says must not be another.
fn with_age(facts: Facts, told: Option<Age>) -> Result<Facts, Error> {
    match (told, facts.age) {
        (Some(told), Some(stated)) if told != stated => {
            let text = "is not what the identifier says; leave it out";
            let violation = Violation { field: "facts.age".into(), text: text.into() };
            Err(Error::invalid(vec![violation]))
        }
        (told, stated) => Ok(Facts { age: told.or(stated), ..facts }),
    }
}

/// The facts with what the population register has said of the person: who is known to be dead, or to
/// have a protected address, is so whatever the caller says.
fn with_known(open: &Open, facts: Facts, found: &[Leaves]) -> Facts {
    let links = open.registers.hold_links();
    found.iter().fold(facts, |mut facts, Leaves { partition, asked, .. }| {
        let leaves = links.leaves_of(*partition, *asked, Reach::All);
        let known = links.person_facts(*partition, &leaves);
        if let KnownLife::Dead(_) = known.life {
            facts.life = Some(Life::Dead);
        }
        if let AddressProtection::Confidential | AddressProtection::Strict = known.address {
            facts.address = Some(Address::Protected);
        }
        facts
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_child_is_under_16_until_the_birthday() {
        for (born, today, age) in [
            (date(2010, 3, 2), date(2026, 3, 1), Age::Under16),
            (date(2010, 3, 2), date(2026, 3, 2), Age::From16),
            // Who is born on a leap day has it on the last of February.
            (date(2012, 2, 29), date(2028, 2, 28), Age::Under16),
            (date(2012, 2, 29), date(2028, 2, 29), Age::From16),
            (date(2008, 2, 29), date(2024, 2, 29), Age::From16),
        ] {
            assert_eq!(age_on(born, today), age, "{born} {today}");
        }
    }
}
