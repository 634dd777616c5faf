//! Patients' answers before, after and a year after rehabilitation, as Rehabiliteringsregisteret
//! gets them (DOMAIN R-14): with name and address, and a consent that is older than any answer.
//!
//! Answers are on the scales of EQ-5D-5L, or in words. Names are in the manner of Skatteetaten's
//! Tenor, so that nobody is called so; streets are invented.

use super::cells;
use super::subject::Subject;
use super::table::{Column, Table, date, identifier, integer, text};
use super::units::Units;
use crate::cli::random::SplitMix64;

pub(super) const COLUMNS: [Column; 21] = [
    identifier("fnr"),
    text("name"),
    text("address"),
    text("answer_id"),
    date("consent_date"),
    date("answer_date"),
    text("measurement"),
    text("unit"),
    text("unit_orgnr"),
    integer("eq5d_mobility"),
    integer("eq5d_self_care"),
    integer("eq5d_activities"),
    integer("eq5d_pain"),
    integer("eq5d_anxiety"),
    integer("eq_vas"),
    text("work_ability"),
    text("goal_reached"),
    text("sex"),
    integer("birth_year"),
    text("municipality"),
    text("comment"),
];

/// Most days from consent to answer.
const CONSENT_DAYS_MAX: i32 = 30;

/// The five questions of EQ-5D-5L; the answers are 1, no problem, to 5.
const EQ5D_QUESTIONS: usize = 5;

const MEASUREMENTS: [&str; 3] = ["arrival", "discharge", "12 months"];

const ABILITIES: [&str; 5] =
    ["Helt arbeidsufør", "Litt redusert", "Mye redusert", "Som før", "Vet ikke"];

const AGREEMENTS: [&str; 5] =
    ["Helt enig", "Litt enig", "Verken enig eller uenig", "Litt uenig", "Helt uenig"];

const COMMENTS: [&str; 7] = [
    "Bra opphold, men for kort",
    "Går turer hver dag nå",
    "Jeg skulle ønske at legen sa \"hva kan du\" oftere",
    "Mer søvn, mindre smerter",
    "Savner oppfølging hjemme",
    "Takk til alle!",
    "Trapper er fortsatt vanskelige",
];

const FIRST_NAMES: [&str; 24] = [
    "AKTUELL",
    "BEGEISTRET",
    "BLID",
    "DOVEN",
    "EFFEKTIV",
    "FEIRENDE",
    "GJESTFRI",
    "GLITRENDE",
    "HUMORISTISK",
    "IVRIG",
    "KOSELIG",
    "KREATIV",
    "LYSTIG",
    "MODIG",
    "NATURLIG",
    "OPPLAGT",
    "PRAKTISK",
    "RASK",
    "SELVSIKKER",
    "SMART",
    "TAPPER",
    "UTHOLDENDE",
    "VENNLIG",
    "ÆRLIG",
];

const LAST_NAMES: [&str; 24] = [
    "ALLIGATOR",
    "BLYANT",
    "BUSSTOPP",
    "DATASKJERM",
    "ELEFANT",
    "FISKEKROK",
    "GARDIN",
    "HATT",
    "INTERVALL",
    "JORDBÆR",
    "KAFFEKOPP",
    "LAMPE",
    "MAPPE",
    "NØKKELHULL",
    "ORDBOK",
    "PARAPLY",
    "RAMME",
    "SKILPADDE",
    "SYKKELPUMPE",
    "TEPPE",
    "UTSIKT",
    "VASE",
    "ØKS",
    "ÅRE",
];

const STREETS: [&str; 10] = [
    "Eksempelveien",
    "Fantasigata",
    "Ingenstedsgate",
    "Liksomveien",
    "Papirgata",
    "Prøvebakken",
    "Skissetunet",
    "Syntetstien",
    "Testveien",
    "Øvingsgata",
];

/// Writes answers.
pub(super) struct Questionnaire {
    units: Units,
}

impl Questionnaire {
    pub(super) fn new() -> Self {
        Self { units: Units::institutions() }
    }

    pub(super) fn write(
        &self,
        mut subject: Subject<'_>,
        random: &mut SplitMix64,
        table: &mut Table,
    ) {
        let consent = subject.day.plus(-cells::between(0, CONSENT_DAYS_MAX, random));
        let traits = &mut subject.traits;
        table.identifier(subject.identifier);
        let (first, last) =
            (cells::one_of(&FIRST_NAMES, traits), cells::one_of(&LAST_NAMES, traits));
        table.text(&format!("{first} {last}"));
        let street = cells::one_of(&STREETS, traits);
        table.text(&format!("{street} {}", cells::between(1, 199, traits)));
        cells::guid(random, table);
        table.date(consent.max(subject.person.born));
        table.date(subject.day);
        table.text(cells::one_of(&MEASUREMENTS, random));
        let unit = self.units.draw(traits.next_u64());
        cells::unit(unit.map(|(_, unit)| unit), table);
        for _ in 0..EQ5D_QUESTIONS {
            // Low answers are the common ones.
            let worst = cells::between(1, 5, random);
            table.integer(cells::between(1, worst, random));
        }
        table.integer(cells::between(0, 20, random) * 5);
        table.text(cells::one_of(&ABILITIES, random));
        table.text(cells::one_of(&AGREEMENTS, random));
        cells::person(subject.person, subject.municipality, table);
        cells::comment(&COMMENTS, random, table);
    }
}
