//! Municipal health and care services, as KPR gets them from municipalities, and IPLOS did before.
//!
//! An applicant who gets no service is in the register too (DOMAIN R-03): such rows have no dates
//! of a service. Services that go on have no end.

use super::cells;
use super::days::Day;
use super::subject::Subject;
use super::table::{Column, Table, date, identifier, integer, text};
use super::units::Units;
use crate::cli::random::SplitMix64;

pub(super) const COLUMNS: [Column; 15] = [
    identifier("fnr"),
    text("service_id"),
    date("applied_date"),
    text("decision"),
    date("start_date"),
    date("end_date"),
    text("service"),
    integer("hours_per_week"),
    integer("assistance_need"),
    text("unit"),
    text("unit_orgnr"),
    text("sex"),
    integer("birth_year"),
    text("municipality"),
    text("comment"),
];

/// One application in so many is refused.
const REFUSED_SHARE: usize = 12;

/// Two services in so many go on.
const GOING_ON_SHARE: usize = 5;

const WAIT_DAYS_MAX: i32 = 60;
const SERVICE_DAYS_MAX: i32 = 700;

/// A service, who gets it, and at most how many hours a week; 0 where hours are not counted.
struct Service {
    name: &'static str,
    ages: (u8, u8),
    hours_max: i32,
}

const fn service(name: &'static str, from: u8, to: u8, hours_max: i32) -> Service {
    Service { name, ages: (from, to), hours_max }
}

/// Services; the first and the last are for anybody.
const SERVICES: [Service; 12] = [
    service("Helsetjenester i hjemmet", 0, u8::MAX, 20),
    service("Avlastning", 0, 30, 12),
    service("Barnebolig", 2, 17, 0),
    service("Brukerstyrt personlig assistanse", 5, 75, 38),
    service("Dagaktivitetstilbud", 18, u8::MAX, 15),
    service("Korttidsopphold i institusjon", 40, u8::MAX, 0),
    service("Langtidsopphold i institusjon", 67, u8::MAX, 0),
    service("Matombringing", 50, u8::MAX, 0),
    service("Omsorgsbolig", 18, u8::MAX, 0),
    service("Praktisk bistand, daglige gjøremål", 18, u8::MAX, 10),
    service("Trygghetsalarm", 60, u8::MAX, 0),
    service("Habilitering og rehabilitering", 0, u8::MAX, 8),
];

const COMMENTS: [&str; 5] = [
    "Bor alene, har trapp",
    "Datter følger opp",
    "Nøkkelboks montert",
    "Søker \"så snart som mulig\"",
    "Vedtak vurderes på nytt etter ferien",
];

/// Writes services.
pub(super) struct Municipal {
    units: Units,
}

impl Municipal {
    pub(super) fn new() -> Self {
        Self { units: Units::services() }
    }

    pub(super) fn write(&self, subject: Subject<'_>, random: &mut SplitMix64, table: &mut Table) {
        let is_granted = random.below(REFUSED_SHARE) > 0;
        let start = subject.day.plus(cells::between(0, WAIT_DAYS_MAX, random));
        let end = start.plus(cells::between(1, SERVICE_DAYS_MAX, random));
        let has_ended = random.below(GOING_ON_SHARE) >= 2 && end <= Day::LAST;
        let service = draw(subject.age, random);
        table.identifier(subject.identifier);
        cells::guid(random, table);
        table.date(subject.day);
        table.text(if is_granted { "granted" } else { "refused" });
        if is_granted {
            table.date(start)
        } else {
            table.absent()
        }
        if is_granted && has_ended {
            table.date(end)
        } else {
            table.absent()
        }
        table.text(service.name);
        if is_granted && service.hours_max > 0 {
            table.integer(cells::between(1, service.hours_max, random));
        } else {
            table.absent();
        }
        // IPLOS: 1 has no problem, 5 needs help with everything.
        table.integer(cells::between(1, 5, random));
        cells::unit(self.units.draw(random.next_u64()).map(|(_, unit)| unit), table);
        cells::person(subject.person, subject.municipality, table);
        cells::comment(&COMMENTS, random, table);
    }
}

/// A service for somebody of an age.
fn draw(age: u8, random: &mut SplitMix64) -> &'static Service {
    let [anybodys, ..] = &SERVICES;
    let drawn = SERVICES.get(random.below(SERVICES.len())).unwrap_or(anybodys);
    if drawn.ages.0 <= age && age <= drawn.ages.1 { drawn } else { anybodys }
}
