//! Golden bytes, and the table of what lets a person's rows go.

use std::path::Path;

use super::fact::{audit_person, read_audit_person};
use super::*;
use crate::config::codes::Identifiers::{self, With, Without};
use crate::registers::catalogue::Catalogue;

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

fn code(text: &str) -> TermCode {
    text.parse().unwrap()
}

fn said(fact: Fact) -> RightsFact {
    RightsFact {
        fact,
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        principal: "per.rights".parse().unwrap(),
        organisation: "983744516".parse().unwrap(),
        channel: Channel::Helsenorge,
        reference: Reference::from_bytes([0x9a; 16]),
    }
}

#[test]
fn a_rights_fact_is_the_golden_bytes() {
    let tail = concat!(
        r#""at":"2026-03-01T12:00:00Z","principal":"per.rights","organisation":"983744516","#,
        r#""channel":"helsenorge","reference":"9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a"}"#,
    );
    let purposes = [DisclosurePurpose::Statistics, DisclosurePurpose::QualityImprovement];
    let cases = [
        (
            Fact::ConsentGiven(purposes.into()),
            r#""kind":"consent_given","purposes":["quality_improvement","statistics"],"#,
        ),
        (Fact::ConsentWithdrawn, r#""kind":"consent_withdrawn","#),
        (
            Fact::ReservationLifted(code("with_identifier")),
            r#""kind":"reservation_lifted","use":"with_identifier","#,
        ),
        (
            Fact::ReservationSet(code("with_identifier")),
            r#""kind":"reservation_set","use":"with_identifier","#,
        ),
    ];
    for (fact, words) in cases {
        let golden = format!(r#"{{"v":1,"person":9999999,{words}{tail}"#);
        let fact = said(fact);
        assert_eq!(std::str::from_utf8(&fact.encode(person(9_999_999))).unwrap(), golden);
        let (back, decoded) = RightsFact::decode(golden.as_bytes()).unwrap();
        assert_eq!((back.number(), decoded), (9_999_999, fact));
    }
}

#[test]
fn what_is_no_rights_fact_is_refused() {
    let good = said(Fact::ReservationSet(code("with_identifier"))).encode(person(5));
    let good = std::str::from_utf8(&good).unwrap();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("reservation_set", "reservation_made"),
        ("reservation_set", "consent_given"),
        ("reservation_set", "consent_withdrawn"),
        ("\"use\":\"with_identifier\",", ""),
        ("with_identifier", "With identifier"),
        ("\"use\"", "\"purposes\":[\"research\"],\"use\""),
        ("helsenorge", "rumour"),
        ("\"person\":5", "\"person\":1099511627775"),
        ("2026-03-01", "2026-02-30"),
        ("}", ",\"more\":1}"),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert!(RightsFact::decode(bad.as_bytes()).is_none(), "{bad}");
    }
}

#[test]
fn an_audit_person_is_the_golden_bytes() {
    let plain = audit_person(3, person(0xff_ffff_fffe));
    assert_eq!(*plain, [0x01, 0x00, 0x03, 0xff, 0xff, 0xff, 0xff, 0xfe]);
    let (partition, back) = read_audit_person(plain.as_slice()).unwrap();
    assert_eq!((partition, back.number()), (3, 0xff_ffff_fffe));
    for bad in
        [&[][..], &[1; 7], &[1; 9], &[2, 0, 3, 0, 0, 0, 0, 1], &[1, 0, 0, 255, 255, 255, 255, 255]]
    {
        assert!(read_audit_person(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn what_is_in_force_follows_from_the_facts_in_their_order() {
    let mut rights = PersonRights::default();
    let (one, two) = (code("with_identifier"), code("secondary_purposes"));
    let research = BTreeSet::from([DisclosurePurpose::Research]);
    let facts = [
        Fact::ReservationSet(one.clone()),
        Fact::ReservationSet(two.clone()),
        Fact::ReservationLifted(one.clone()),
        Fact::ConsentGiven(BTreeSet::from([DisclosurePurpose::Statistics])),
        Fact::ConsentGiven(research.clone()),
    ];
    (0..).zip(&facts).for_each(|(sequence, fact)| rights.take(sequence, fact));
    assert_eq!(rights.reservations, BTreeSet::from([two.clone()]));
    assert_eq!(rights.consent, Some(research), "a later consent replaces the earlier one");
    rights.take(9, &Fact::ConsentWithdrawn);
    rights.take(10, &Fact::ReservationSet(one.clone()));
    assert_eq!(rights.consent, None);
    assert_eq!(rights.reservations, BTreeSet::from([one, two]));
    let sequences: Vec<u64> = rights.facts.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4, 9, 10], "nothing is forgotten");
}

/// What becomes of a person in KPR of the shipped catalogue.
fn in_kpr(
    reserved: &[&str],
    purpose: &str,
    identifiers: Identifiers,
    named: &[(&str, Identifiers)],
) -> String {
    let catalogue = Catalogue::load(Path::new("registers.toml")).unwrap();
    let named: Vec<(TermCode, Identifiers)> =
        named.iter().map(|(provision, says)| (code(provision), *says)).collect();
    let named = named.iter().map(|(provision, says)| (provision, *says));
    let register = catalogue.by_code("KPR").unwrap();
    let rule = ReleaseRule::new(register, purpose.parse().unwrap(), identifiers, named);
    let reservations = reserved.iter().map(|reserved| code(reserved)).collect();
    let rights = PersonRights { reservations, ..PersonRights::default() };
    match rule.decide(Some(&rights)) {
        Release::LeftOut => "left out".to_owned(),
        Release::Overridden(provision) => provision.to_string(),
        Release::Released => "released".to_owned(),
    }
}

/// Reserved uses, purpose, fødselsnummer, overrides that the decision names, and what comes of it.
type Row<'a> = (&'a [&'a str], &'a str, Identifiers, &'a [(&'a str, Identifiers)], &'a str);

/// Goal: each line of the section on reservations (S-09, S-10) as a row.  Method: written by hand
/// from the text and from the uses and overrides of the shipped `registers.toml`.
#[test]
fn use_scope_purpose_identifiers_and_override_decide_who_is_left_out() {
    let identifier = &["with_identifier"][..];
    let secondary = &["secondary_purposes"][..];
    let both = &["with_identifier", "secondary_purposes"][..];
    let registration = &["growth_and_breastfeeding", "dental_without_refund"][..];
    let statistics = ("statistikkloven_10", With);
    let audit = ("riksrevisjonsloven_12", With);
    let preparedness = ("helseberedskapsloven_2_4", With);
    let linkage = ("register_linkage", With);
    let rows: &[Row<'_>] = &[
        // Nobody who said nothing is left out, whatever the decision names.
        (&[], "research", Without, &[], "released"),
        (&[], "research", With, &[linkage], "released"),
        // Against the fødselsnummer: for every purpose, with it alone.
        (identifier, "research", Without, &[], "released"),
        (identifier, "statistics", Without, &[], "released"),
        (identifier, "research", With, &[], "left out"),
        (identifier, "statistics", With, &[], "left out"),
        (identifier, "planning", With, &[], "left out"),
        // Against the secondary purposes: for these, with or without the fødselsnummer.
        (secondary, "research", Without, &[], "left out"),
        (secondary, "health_analysis", Without, &[], "left out"),
        (secondary, "preparedness", Without, &[], "left out"),
        (secondary, "quality_improvement", Without, &[], "left out"),
        (secondary, "research", With, &[], "left out"),
        (secondary, "statistics", Without, &[], "released"),
        (secondary, "planning", Without, &[], "released"),
        (secondary, "management", With, &[], "released"),
        (both, "planning", Without, &[], "released"),
        (both, "planning", With, &[], "left out"),
        // What is registered at all is the register's to heed.
        (registration, "research", Without, &[], "released"),
        (registration, "research", With, &[], "released"),
        // Statistikkloven § 10: for statistics.
        (identifier, "statistics", With, &[statistics], "statistikkloven_10"),
        (identifier, "research", With, &[statistics], "left out"),
        (identifier, "statistics", Without, &[statistics], "released"),
        // Lov om Riksrevisjonen § 12: for every purpose.
        (both, "management", With, &[audit], "riksrevisjonsloven_12"),
        (secondary, "quality_improvement", Without, &[audit], "riksrevisjonsloven_12"),
        // Helseberedskapsloven § 2-4: for preparedness.
        (secondary, "preparedness", Without, &[preparedness], "helseberedskapsloven_2_4"),
        (secondary, "preparedness", With, &[preparedness], "helseberedskapsloven_2_4"),
        (secondary, "research", Without, &[preparedness], "left out"),
        // Linkage between health registers: for every purpose.
        (secondary, "research", Without, &[linkage], "register_linkage"),
        (both, "research", With, &[linkage], "register_linkage"),
        // An override that says nothing of the fødselsnummer does not reach where it goes along.
        (secondary, "research", Without, &[("register_linkage", Without)], "register_linkage"),
        (identifier, "research", With, &[("register_linkage", Without)], "left out"),
        (secondary, "research", With, &[("register_linkage", Without)], "left out"),
        // The first that applies is the one that is recorded.
        (secondary, "research", Without, &[statistics, linkage, audit], "register_linkage"),
        (
            secondary,
            "research",
            With,
            &[("register_linkage", Without), audit],
            "riksrevisjonsloven_12",
        ),
        // A provision that the register does not know, and a use that it no longer has.
        (secondary, "research", Without, &[("pasientjournalloven_1", With)], "left out"),
        (&["a_use_of_the_past"], "statistics", Without, &[], "left out"),
        (&["a_use_of_the_past"], "research", Without, &[linkage], "register_linkage"),
    ];
    for (reserved, purpose, identifiers, named, expected) in rows {
        let came = in_kpr(reserved, purpose, *identifiers, named);
        assert_eq!(came, *expected, "{reserved:?} {purpose} {identifiers} {named:?}");
    }
}

#[test]
fn where_consent_is_needed_it_must_be_to_the_purpose_and_no_provision_goes_before() {
    let catalogue = Catalogue::load(Path::new("registers.toml")).unwrap();
    let consented = |purposes: &[DisclosurePurpose]| PersonRights {
        consent: Some(purposes.iter().copied().collect()),
        ..PersonRights::default()
    };
    let (quality, research) = (DisclosurePurpose::QualityImprovement, DisclosurePurpose::Research);
    let linkage = code("register_linkage");
    let rule = |register: &str, purpose| {
        let register = catalogue.by_code(register).unwrap();
        ReleaseRule::new(register, purpose, Without, [(&linkage, With)])
    };
    let rehab = rule("REHAB", quality);
    assert_eq!(rehab.decide(None), Release::LeftOut);
    assert_eq!(rehab.decide(Some(&PersonRights::default())), Release::LeftOut, "withdrawn");
    assert_eq!(rehab.decide(Some(&consented(&[research]))), Release::LeftOut);
    assert_eq!(rehab.decide(Some(&consented(&[quality, research]))), Release::Released);
    assert_eq!(rule("REHAB", research).decide(Some(&consented(&[quality]))), Release::LeftOut);
    assert_eq!(rule("NPR", research).decide(None), Release::Released, "held by law");
}

#[test]
fn a_fact_about_a_quality_register_is_the_golden_bytes() {
    let words = [
        (QualityStatement::Given, "quality_consent_given"),
        (QualityStatement::ReservationLifted, "quality_reservation_lifted"),
        (QualityStatement::Reserved, "quality_reservation_set"),
        (QualityStatement::Withdrawn, "quality_consent_withdrawn"),
    ];
    assert_eq!(words.len(), QualityStatement::ALL.len());
    for (statement, kind) in words {
        let golden = format!(
            r#"{{"v":2,"person":9999999,"kind":"{kind}","quality_register":"DIABETES","on":"2026-02-28",{}"#,
            concat!(
                r#""at":"2026-03-01T12:00:00Z","principal":"per.rights","organisation":"983744516","#,
                r#""channel":"helsenorge","reference":"9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a"}"#,
            )
        );
        let fact = said(Fact::Quality(told(statement, "2026-02-28")));
        assert_eq!(std::str::from_utf8(&fact.encode(person(9_999_999))).unwrap(), golden);
        let (back, decoded) = RightsFact::decode(golden.as_bytes()).unwrap();
        assert_eq!((back.number(), decoded), (9_999_999, fact));
        for (from, to) in [
            (kind, "quality_rumour"),
            ("\"v\":2", "\"v\":1"),
            ("\"v\":2", "\"v\":3"),
            ("2026-02-28", "2026-02-30"),
            ("DIABETES", "diabetes"),
        ] {
            let bad = golden.replacen(from, to, 1);
            assert!(RightsFact::decode(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}

fn told(said: QualityStatement, on: &str) -> QualityFact {
    QualityFact { register: "DIABETES".parse().unwrap(), said, on: on.parse().unwrap() }
}

#[test]
fn of_what_was_said_to_a_quality_register_the_last_day_counts_and_of_one_day_the_last_record() {
    let code = "DIABETES".parse().unwrap();
    let mut rights = PersonRights::default();
    assert_eq!(rights.quality.answer(&code), QualityAnswer::Unknown);
    for (sequence, (statement, on, answer)) in (0..).zip([
        (QualityStatement::Given, "2026-02-10", QualityAnswer::Yes),
        (QualityStatement::Withdrawn, "2026-02-09", QualityAnswer::Yes),
        (QualityStatement::Reserved, "2026-02-10", QualityAnswer::No),
        (QualityStatement::ReservationLifted, "2026-02-11", QualityAnswer::Unknown),
        (QualityStatement::Given, "2026-02-12", QualityAnswer::Yes),
        (QualityStatement::Withdrawn, "2026-02-12", QualityAnswer::No),
    ]) {
        rights.take(sequence, &Fact::Quality(told(statement, on)));
        assert_eq!(rights.quality.answer(&code), answer, "{statement} {on}");
        let binds = [QualityStatement::Given, QualityStatement::Reserved];
        let last = rights.quality.said_to(&code).unwrap().0;
        assert_eq!(rights.is_in_force(), binds.contains(&last));
    }
    assert_eq!(rights.quality.answer(&"MS".parse().unwrap()), QualityAnswer::Unknown);
    assert!(rights.reservations.is_empty() && rights.consent.is_none());
}
