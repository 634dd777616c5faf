//! Claims of general practice and casualty clinics, as KPR gets them from KUHR (DOMAIN D2).
//!
//! Who cannot wait goes to a casualty clinic at weekends, and one in 20 on other days: 8 contacts in
//! 100, as in the first half of 2023 (DOMAIN D3). Amounts are of the order of the tariffs of 2024.
//! Children and one adult in three (who has an exemption card) pay nothing.

use super::cells;
use super::codes::Codes;
use super::subject::Subject;
use super::table::{Column, Table, date, identifier, integer, text};
use super::units::Units;
use crate::cli::random::SplitMix64;

pub(super) const COLUMNS: [Column; 14] = [
    identifier("fnr"),
    text("claim_id"),
    date("contact_date"),
    text("icpc2"),
    text("tariff"),
    text("contact_type"),
    text("unit"),
    text("unit_orgnr"),
    integer("copayment_nok"),
    integer("refund_nok"),
    text("sex"),
    integer("birth_year"),
    text("municipality"),
    text("comment"),
];

/// Another contact is one of these: below which of 100.
const CONTACTS: [(usize, Contact); 4] = [
    (64, contact("2ad", "consultation", 179, 201)),
    (79, contact("2ae", "e-consultation", 179, 201)),
    (98, contact("1bd", "telephone", 66, 0)),
    (100, contact("11ad", "home visit", 240, 310)),
];

/// A contact at a casualty clinic.
const CASUALTY: Contact = contact("2ak", "casualty clinic", 312, 255);

/// One contact in so many that cannot wait until tomorrow is with a casualty clinic on a weekday.
const CASUALTY_SHARE: usize = 20;

/// From this age on patients pay a share.
const PAYING_AGE: u8 = 16;

/// One contact in so many is with another practice than the person's own.
const ELSEWHERE_SHARE: usize = 10;

const COMMENTS: [&str; 6] = [
    "Ny time, om 2 uker",
    "Resept fornyet",
    "Ringte først, kom så",
    "Sykmelding \"gradert 50 %\"",
    "Ønsker henvisning",
    "Årskontroll",
];

/// What is done, and what it costs.
struct Contact {
    tariff: &'static str,
    name: &'static str,
    copayment: i32,
    refund: i32,
}

const fn contact(tariff: &'static str, name: &'static str, copayment: i32, refund: i32) -> Contact {
    Contact { tariff, name, copayment, refund }
}

/// Writes claims.
pub(super) struct Claims {
    reasons: Codes,
    practices: Units,
}

impl Claims {
    pub(super) fn new() -> Self {
        Self { reasons: Codes::icpc2(), practices: Units::practices() }
    }

    pub(super) fn write(
        &self,
        mut subject: Subject<'_>,
        random: &mut SplitMix64,
        table: &mut Table,
    ) {
        let own = subject.traits.next_u64();
        let bits = if random.below(ELSEWHERE_SHARE) == 0 { random.next_u64() } else { own };
        let is_casualty =
            subject.is_urgent && (subject.day.is_weekend() || random.below(CASUALTY_SHARE) == 0);
        let drawn = random.below(100);
        let by_appointment = CONTACTS.iter().find(|(until, _)| drawn < *until);
        let contact = match by_appointment {
            Some((_, contact)) if !is_casualty => contact,
            _ => &CASUALTY,
        };
        let pays = subject.age >= PAYING_AGE && random.below(3) > 0;
        let (paid, refund) = match contact {
            Contact { copayment, refund, .. } if pays => (*copayment, *refund),
            Contact { copayment, refund, .. } => (0, refund + copayment),
        };
        table.identifier(subject.identifier);
        cells::guid(random, table);
        table.date(subject.day);
        table.text(self.reasons.draw(subject.person.sex, subject.age, random));
        table.text(contact.tariff);
        table.text(contact.name);
        cells::unit(self.practices.draw(bits).map(|(_, unit)| unit), table);
        table.integer(paid);
        table.integer(refund);
        cells::person(subject.person, subject.municipality, table);
        cells::comment(&COMMENTS, random, table);
    }
}
