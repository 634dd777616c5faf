//! Codes of diagnoses and reasons for contact, with who has them and how often.
//!
//! ICD-10 and ICPC-2. How common a code is, is made up, but for the order of magnitude: some are
//! had by few in a million rows, so that counts of few persons come up, as they do in a register.

use super::weighted::Weights;
use crate::cli::random::SplitMix64;
use crate::ident::Sex;

/// How often a code is drawn that the person may not have, before the last code is taken.
const TRIES: usize = 16;

/// A code, and who has it.
pub(super) struct Code {
    text: &'static str,
    weight: u32,
    sex: Option<Sex>,
    /// The youngest and the oldest who have it.
    ages: (u8, u8),
}

const fn all(text: &'static str, weight: u32) -> Code {
    Code { text, weight, sex: None, ages: (0, u8::MAX) }
}

const fn aged(text: &'static str, weight: u32, from: u8, to: u8) -> Code {
    Code { text, weight, sex: None, ages: (from, to) }
}

const fn women(text: &'static str, weight: u32, from: u8, to: u8) -> Code {
    Code { text, weight, sex: Some(Sex::Female), ages: (from, to) }
}

const fn men(text: &'static str, weight: u32, from: u8, to: u8) -> Code {
    Code { text, weight, sex: Some(Sex::Male), ages: (from, to) }
}

/// A list of codes to draw from. The last is one that anybody can have.
pub(super) struct Codes {
    list: &'static [Code],
    weights: Weights,
}

impl Codes {
    /// Diagnoses of hospitals.
    pub(super) fn icd10() -> Self {
        Self::of(&ICD10)
    }

    /// Reasons for contact with general practice.
    pub(super) fn icpc2() -> Self {
        Self::of(&ICPC2)
    }

    fn of(list: &'static [Code]) -> Self {
        Self { list, weights: Weights::of(list.iter().map(|code| code.weight)) }
    }

    /// Draws a code that somebody of this sex and age can have.
    pub(super) fn draw(&self, sex: Sex, age: u8, random: &mut SplitMix64) -> &'static str {
        for _ in 0..TRIES {
            let Some(code) = self.list.get(self.weights.place(random.next_u64())) else { continue };
            let is_of_age = code.ages.0 <= age && age <= code.ages.1;
            if is_of_age && code.sex.is_none_or(|of| of == sex) {
                return code.text;
            }
        }
        self.list.last().map_or("", |code| code.text)
    }
}

const ICD10: [Code; 74] = [
    all("A09.9", 1500),
    all("A41.9", 900),
    aged("B34.9", 1200, 0, 17),
    women("C50.9", 4200, 25, 105),
    aged("C18.9", 1900, 40, 105),
    aged("C34.9", 1700, 40, 105),
    aged("C43.9", 900, 20, 105),
    men("C61", 3300, 45, 105),
    all("D50.9", 900),
    all("D64.9", 800),
    all("E10.9", 1800),
    aged("E11.9", 3100, 30, 105),
    aged("E66.9", 1500, 15, 105),
    aged("F03", 1300, 65, 105),
    aged("F10.2", 1600, 18, 105),
    aged("F20.9", 1900, 16, 105),
    aged("F32.1", 5200, 13, 105),
    aged("F41.1", 3900, 10, 105),
    aged("F43.1", 2600, 6, 105),
    aged("F84.0", 1300, 2, 40),
    aged("F90.0", 5100, 6, 50),
    aged("G20", 1100, 50, 105),
    aged("G35", 1700, 18, 105),
    all("G40.9", 1600),
    aged("G43.9", 1200, 8, 80),
    aged("G47.3", 2900, 20, 105),
    aged("H25.9", 4200, 50, 105),
    aged("H35.3", 5200, 55, 105),
    aged("H66.9", 1400, 0, 12),
    aged("H90.3", 3600, 30, 105),
    aged("I10", 2100, 30, 105),
    aged("I20.9", 1500, 40, 105),
    aged("I21.4", 1700, 40, 105),
    aged("I48.0", 3200, 40, 105),
    aged("I50.9", 2100, 50, 105),
    aged("I63.9", 1900, 40, 105),
    all("J06.9", 1300),
    all("J18.9", 2300),
    aged("J35.3", 900, 1, 30),
    aged("J44.1", 2500, 45, 105),
    all("J45.9", 1500),
    aged("K21.0", 1100, 18, 105),
    all("K35.8", 1000),
    aged("K40.9", 1200, 0, 105),
    aged("K50.9", 1800, 10, 105),
    aged("K80.2", 1200, 18, 105),
    all("L20.9", 1100),
    aged("L40.0", 1800, 10, 105),
    aged("M05.9", 2900, 20, 105),
    aged("M16.1", 2600, 45, 105),
    aged("M17.1", 2700, 45, 105),
    aged("M54.5", 2900, 16, 105),
    aged("M75.4", 1700, 25, 105),
    aged("N18.5", 1500, 18, 105),
    all("N39.0", 1400),
    men("N40", 1500, 45, 105),
    women("N80.9", 1100, 15, 55),
    women("O80", 4200, 16, 48),
    women("O99.8", 1600, 16, 48),
    all("R07.4", 2600),
    all("R10.4", 2500),
    all("S06.0", 1100),
    all("S52.5", 2300),
    aged("S72.0", 1300, 60, 105),
    aged("Z51.1", 4300, 18, 105),
    // Had by few.
    all("A81.0", 1),
    all("D81.1", 1),
    all("E75.2", 2),
    all("E84.0", 6),
    aged("G10", 4, 25, 80),
    all("G12.0", 3),
    all("Q87.4", 5),
    men("D66", 6, 0, 105),
    all("Z03.9", 3000),
];

const ICPC2: [Code; 62] = [
    all("A03", 2100),
    all("A04", 4200),
    all("A29", 2100),
    all("A44", 3100),
    all("A98", 3900),
    all("D01", 2300),
    all("D73", 1900),
    aged("D84", 1500, 18, 105),
    all("F70", 900),
    aged("F92", 700, 50, 105),
    aged("H71", 2000, 0, 12),
    aged("H81", 1800, 20, 105),
    aged("K74", 1100, 40, 105),
    aged("K75", 700, 40, 105),
    aged("K77", 1100, 50, 105),
    aged("K78", 2600, 45, 105),
    aged("K86", 8100, 30, 105),
    aged("K90", 900, 45, 105),
    aged("L03", 3900, 15, 105),
    aged("L08", 2600, 15, 105),
    aged("L18", 3600, 18, 105),
    aged("L84", 1900, 18, 105),
    aged("L86", 2100, 20, 90),
    aged("L89", 1700, 45, 105),
    aged("L90", 1900, 45, 105),
    aged("L92", 2900, 25, 105),
    all("L99", 1600),
    all("N01", 1700),
    aged("N89", 1400, 10, 80),
    aged("P02", 2900, 13, 105),
    aged("P06", 1900, 15, 105),
    aged("P15", 700, 18, 105),
    aged("P70", 1100, 65, 105),
    aged("P74", 2100, 10, 105),
    aged("P76", 5200, 13, 105),
    aged("P81", 2100, 6, 50),
    all("R05", 2600),
    all("R74", 4600),
    all("R75", 1900),
    all("R78", 1500),
    all("R80", 1300),
    all("R81", 1100),
    aged("R95", 1900, 45, 105),
    all("R96", 2600),
    all("S74", 1300),
    aged("S77", 700, 30, 105),
    all("S87", 2100),
    all("S88", 1400),
    aged("T82", 1500, 15, 105),
    aged("T86", 2100, 18, 105),
    all("T89", 1100),
    aged("T90", 5600, 30, 105),
    women("U71", 4100, 15, 105),
    women("W11", 2600, 14, 48),
    women("W78", 2900, 16, 48),
    women("X11", 1300, 42, 65),
    men("Y77", 1200, 50, 105),
    men("Y85", 1500, 45, 105),
    // Had by few.
    all("A71", 1),
    all("N70", 1),
    all("B72", 4),
    all("A97", 3000),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn codes_stand_once_and_the_last_is_everybodys() {
        for list in [&ICD10[..], &ICPC2[..]] {
            let distinct: HashSet<&str> = list.iter().map(|code| code.text).collect();
            assert_eq!(distinct.len(), list.len());
            let last = list.last().unwrap();
            assert!(last.sex.is_none() && last.ages == (0, u8::MAX));
            assert!(list.iter().all(|code| code.weight > 0 && code.ages.0 <= code.ages.1));
        }
    }

    #[test]
    fn nobody_has_a_code_of_another_sex_or_age_and_rare_codes_are_rare() {
        let codes = Codes::icd10();
        let mut random = SplitMix64::new(1);
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for _ in 0..200_000 {
            *counts.entry(codes.draw(Sex::Male, 70, &mut random)).or_default() += 1;
        }
        assert!(!counts.contains_key("O80") && !counts.contains_key("H66.9"));
        assert!(counts["C61"] > 1000);
        // 6 of some 140,000 for each of 200,000 draws: 8 are expected, 40 are never drawn.
        assert!(counts["E84.0"] < 40);
    }
}
