//! Hospital episodes, as Norsk pasientregister gets them (DOMAIN D1).
//!
//! Of 1000 episodes 106 are stays, 46 day treatments and 848 outpatient contacts: Statistics
//! Norway's counts for 2019 (DOMAIN D3). A patient's number is the same in all episodes at a unit
//! and another elsewhere, as hospitals give them.

use super::cells;
use super::codes::Codes;
use super::digits::Digits;
use super::subject::Subject;
use super::table::{Column, Table, date, identifier, integer, text};
use super::units::Units;
use crate::cli::random::SplitMix64;

pub(super) const COLUMNS: [Column; 14] = [
    identifier("fnr"),
    text("episode_id"),
    date("in_date"),
    date("out_date"),
    text("icd10"),
    text("unit"),
    text("unit_orgnr"),
    text("patient_no"),
    text("care_level"),
    text("admission"),
    text("sex"),
    integer("birth_year"),
    text("municipality"),
    text("comment"),
];

const STAYS: usize = 106;
const DAY_TREATMENTS: usize = 46;
const STAY_DAYS_MAX: i32 = 14;

/// One episode in so many is at another hospital than the person's own.
const ELSEWHERE_SHARE: usize = 7;

const COMMENTS: [&str; 7] = [
    "Kontroll om 3 måneder",
    "Overført fra akuttmottak",
    "Pårørende, ektefelle, ringer ved behov",
    "Sier selv: \"går bedre nå\"",
    "Tolk bestilt",
    "Utskrevet til kommunal korttidsplass",
    "Venter på svar på MR",
];

/// Writes hospital episodes.
pub(super) struct Hospital {
    diagnoses: Codes,
    units: Units,
}

impl Hospital {
    pub(super) fn new() -> Self {
        Self { diagnoses: Codes::icd10(), units: Units::hospitals() }
    }

    pub(super) fn write(
        &self,
        mut subject: Subject<'_>,
        random: &mut SplitMix64,
        table: &mut Table,
    ) {
        let own = subject.traits.next_u64();
        let bits = if random.below(ELSEWHERE_SHARE) == 0 { random.next_u64() } else { own };
        let unit = self.units.draw(bits);
        let (level, days) = match random.below(1000) {
            level if level < STAYS => ("inpatient", cells::between(1, STAY_DAYS_MAX, random)),
            level if level < STAYS + DAY_TREATMENTS => ("day", 0),
            _ => ("outpatient", 0),
        };
        table.identifier(subject.identifier);
        cells::guid(random, table);
        table.date(subject.day);
        table.date(subject.day.plus(days));
        table.text(self.diagnoses.draw(subject.person.sex, subject.age, random));
        cells::unit(unit.map(|(_, unit)| unit), table);
        let unit_place = unit.map_or(0, |(place, _)| place);
        table.text(patient_number(subject.place, unit_place).as_str());
        table.text(level);
        table.text(if subject.is_urgent { "acute" } else { "planned" });
        cells::person(subject.person, subject.municipality, table);
        cells::comment(&COMMENTS, random, table);
    }
}

/// A hospital's own number for a person: no two persons have the same there.
fn patient_number(person: usize, unit: usize) -> Digits<8> {
    // The factors have no divisor in common with 10^8, so that persons stay apart.
    let (person, unit) = (u64::try_from(person), u64::try_from(unit));
    Digits::of(person.unwrap_or_default() * 61_803_399 + unit.unwrap_or_default() * 27_182_819)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_hospital_gives_no_two_persons_the_same_number() {
        let numbers: HashSet<String> =
            (0..100_000).map(|person| patient_number(person, 3).as_str().to_owned()).collect();
        assert_eq!(numbers.len(), 100_000);
        assert_ne!(patient_number(1, 0).as_str(), patient_number(1, 1).as_str());
    }
}
