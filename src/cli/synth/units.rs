//! Where people live and who treats them: municipalities, hospitals, practices, institutions.
//!
//! Organisation numbers begin with 3, as those of Brønnøysundregistrene's test register do: they
//! are valid, and belong to no organisation. Names of hospitals and municipalities are real, so
//! that files look familiar; sizes are rough, and some municipalities are as small as they are.

use super::weighted::Weights;
use crate::ident::Assigner;

/// Where organisation numbers begin.
const FIRST_NUMBER: u32 = 314_000_000;

/// Somebody who treats people.
pub(super) struct Unit {
    pub(super) name: &'static str,
    /// Organisation number.
    pub(super) number: [u8; Assigner::DIGIT_COUNT],
}

impl Unit {
    /// Nine digits.
    pub(super) fn number(&self) -> &str {
        std::str::from_utf8(&self.number).unwrap_or_default()
    }
}

/// Units of one sort, by size.
pub(super) struct Units {
    list: Vec<Unit>,
    weights: Weights,
}

impl Units {
    pub(super) fn hospitals() -> Self {
        Self::of(&HOSPITALS, 0)
    }

    pub(super) fn practices() -> Self {
        Self::of(&PRACTICES, 100)
    }

    pub(super) fn services() -> Self {
        Self::of(&SERVICES, 200)
    }

    pub(super) fn institutions() -> Self {
        Self::of(&INSTITUTIONS, 300)
    }

    fn of(names: &[(&'static str, u32)], first: usize) -> Self {
        let numbers = (FIRST_NUMBER..).filter_map(Assigner::from_number).skip(first);
        let list = names.iter().zip(numbers);
        Self {
            list: list.map(|((name, _), number)| Unit { name, number: number.digits() }).collect(),
            weights: Weights::of(names.iter().map(|(_, weight)| *weight)),
        }
    }

    /// The unit that 64 random bits draw, with its place.
    pub(super) fn draw(&self, bits: u64) -> Option<(usize, &Unit)> {
        let place = self.weights.place(bits);
        self.list.get(place).map(|unit| (place, unit))
    }
}

/// Municipalities, by size.
pub(super) struct Municipalities(Weights);

impl Municipalities {
    pub(super) fn new() -> Self {
        Self(Weights::of(MUNICIPALITIES.iter().map(|(_, weight)| *weight)))
    }

    /// The number of the municipality that 64 random bits draw.
    pub(super) fn draw(&self, bits: u64) -> &'static str {
        MUNICIPALITIES.get(self.0.place(bits)).map_or("", |(number, _)| number)
    }
}

/// Numbers of 2024, and inhabitants in hundreds.
const MUNICIPALITIES: [(&str, u32); 28] = [
    ("0301", 7170),
    ("1103", 1490),
    ("1108", 830),
    ("1151", 2),
    ("1508", 580),
    ("1804", 530),
    ("1835", 5),
    ("1856", 5),
    ("3107", 850),
    ("3201", 1300),
    ("3203", 980),
    ("3205", 930),
    ("3301", 1030),
    ("3907", 660),
    ("4204", 1160),
    ("4601", 2910),
    ("4629", 4),
    ("4633", 5),
    ("4636", 8),
    ("5001", 2140),
    ("5052", 6),
    ("5501", 780),
    ("5503", 250),
    ("5614", 9),
    ("5616", 10),
    ("5626", 11),
    ("5630", 9),
    ("5636", 9),
];

const HOSPITALS: [(&str, u32); 14] = [
    ("Haukeland, medisinsk avdeling", 1500),
    ("Oslo universitetssykehus, Ullevål", 2100),
    ("St. Olavs hospital, kirurgisk klinikk", 1200),
    ("Akershus universitetssykehus", 1700),
    ("Nordlandssykehuset Bodø", 500),
    ("Stavanger universitetssjukehus", 1100),
    ("Sykehuset i Vestfold", 900),
    ("UNN Tromsø", 700),
    ("Sørlandet sykehus Kristiansand", 700),
    ("Sykehuset Østfold Kalnes", 900),
    ("Ålesund sjukehus", 400),
    ("Hammerfest sykehus", 120),
    ("Lærdal sjukehus", 40),
    ("Longyearbyen sykehus", 4),
];

const PRACTICES: [(&str, u32); 16] = [
    ("Bjerkeli legesenter", 90),
    ("Elvebredden legekontor", 80),
    ("Fjellsida legesenter", 20),
    ("Fyrlykta legekontor", 3),
    ("Granholt legesenter", 70),
    ("Havnegata legekontor", 90),
    ("Kirkebakken legesenter", 60),
    ("Lia legekontor", 50),
    ("Myrvang legesenter", 40),
    ("Nordre torg legesenter", 100),
    ("Odden legekontor", 30),
    ("Sentrum legesenter", 120),
    ("Solbakken legekontor", 70),
    ("Strandveien legesenter", 60),
    ("Tunet legekontor", 30),
    ("Øyane legekontor", 2),
];

const SERVICES: [(&str, u32); 10] = [
    ("Bo- og avlastningstjenesten", 80),
    ("Hjemmetjenesten, distrikt nord", 200),
    ("Hjemmetjenesten, distrikt sør", 220),
    ("Hjemmetjenesten, distrikt vest", 180),
    ("Korttidsavdelingen", 90),
    ("Kommunal rehabilitering", 70),
    ("Psykisk helse og rus", 120),
    ("Solstua sykehjem", 110),
    ("Tildelingskontoret", 60),
    ("Øya bo- og servicesenter", 3),
];

const INSTITUTIONS: [(&str, u32); 6] = [
    ("Bakkehaugen rehabilitering", 90),
    ("Fjordglimt rehabiliteringssenter", 120),
    ("Granli opptreningssenter", 60),
    ("Kystklinikken", 80),
    ("Soltun rehabilitering", 100),
    ("Vidda rehabilitering", 4),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_unit_has_a_valid_organisation_number_of_its_own_that_begins_with_3() {
        let mut numbers = HashSet::new();
        let sorts =
            [Units::hospitals(), Units::practices(), Units::services(), Units::institutions()];
        for unit in sorts.iter().flat_map(|units| &units.list) {
            assert!(Assigner::parse(unit.number().as_bytes()).is_some());
            assert!(unit.number().starts_with('3'));
            assert!(numbers.insert(unit.number), "{} has the number of another", unit.name);
        }
        assert_eq!(numbers.len(), 14 + 16 + 10 + 6);
    }
}
