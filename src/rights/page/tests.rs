//! The page's structure: language, headings, escaping, and every fact of a report.

use std::collections::BTreeSet;

use super::super::records::RegisterAnswer;
use super::super::report::{
    Access, Bridge, Case, Disclosure, Fact, Kept, Organisation, QualityConsent, Register, Source,
    Term,
};
use super::*;

fn organisation(name: &str) -> Organisation {
    Organisation { number: "983744516".into(), name: name.into() }
}

fn term(code: &str, name: &str) -> Term {
    Term { code: code.into(), name: name.into() }
}

/// A report in which each text stands once, so that it is seen whether the page has it.
fn full() -> Report {
    Report {
        v: 1,
        audit_entry: 41,
        made: "2026-02-23T11:05:00Z".into(),
        acting: "parent".into(),
        way: "manual".into(),
        registers: vec![register()],
        disclosures: vec![disclosure()],
        accesses: accesses(),
        cases: vec![case()],
    }
}

fn register() -> Register {
    let answer = r#"{"v":1,"kind":"innsyn_answer","request":41,"register":"KPR",
        "made":"2026-02-20T08:00:00Z","note":"merknad fra registeret","sections":[
            {"title":"Kontakter med fastlegen","columns":["Dato","Sted"],
             "rows":[["2025-03-04","Legekontoret"],["2025-05-06","Legevakten"]]}]}"#;
    let fact = Fact {
        kind: "reservation_set".into(),
        reserved_use: Some(term("with_identifier", "bruk med nummer")),
        purposes: Vec::new(),
        at: "2026-01-03T10:00:00Z".into(),
        principal: "per.rights".into(),
        organisation: organisation("Registeret selv"),
        channel: "letter".into(),
        quality_register: None,
        on: String::new(),
    };
    let to_quality = Fact {
        kind: "quality_consent_withdrawn".into(),
        reserved_use: None,
        quality_register: Some(term("MS", "sykdomsregisteret")),
        on: "2026-01-02".into(),
        ..fact.clone()
    };
    Register {
        code: "KPR".into(),
        name: "Kommunalt register".into(),
        standing: "member".into(),
        controller: organisation("Den ansvarlige"),
        processors: vec!["Databehandleren".into()],
        legal_basis: vec!["helseregisterloven § 11".into()],
        basis: "law".into(),
        purposes: vec!["statistics".into()],
        retention_years: Some(40),
        first_seen: "2024-02-01T00:00:00Z".into(),
        last_seen: "2026-01-02T00:00:00Z".into(),
        sources: vec![Source {
            code: "KUHR".into(),
            name: "Helserefusjoner".into(),
            deliveries: 17,
            first_seen: "2024-02-01T00:00:00Z".into(),
            last_seen: "2026-01-02T00:00:00Z".into(),
            period_from: "2023-01-01".into(),
            period_to: "2025-12-31".into(),
        }],
        reservations: vec![term("with_identifier", "bruk med nummer")],
        consented: vec!["planning".into()],
        ledger: vec![fact, to_quality],
        reservation_uses: vec![term("growth", "måling av vekst")],
        exclusions: vec![term("co_payment", "egenandelene")],
        contact: "skriv til innsyn@example.test".into(),
        records: Some(RegisterAnswer::from_json(answer).unwrap()),
        kept: Some(Kept {
            fields: vec!["address".into(), "name".into()],
            since: "2024-03-04T00:00:00Z".into(),
            said: "2025-07-08T00:00:00Z".into(),
        }),
        quality_consents: vec![QualityConsent {
            register: term("HJERNESLAG", "hjerneslagregisteret"),
            said: "reserved".into(),
            on: "2025-12-24".into(),
        }],
    }
}

fn disclosure() -> Disclosure {
    let bridge = Bridge {
        to: organisation("Koblingsenheten"),
        issued: "2026-01-20T00:00:00Z".into(),
        delete_by: "2026-12-30".into(),
        deleted: String::new(),
    };
    Disclosure {
        application: "A-2026-0001".into(),
        applicant: "Prosjektleder Hansen".into(),
        description: "Et prosjekt om hjertet".into(),
        recipient: organisation("Universitetet"),
        recipient_class: "researcher".into(),
        purpose: "research".into(),
        legal_basis: vec!["GDPR art. 6 nr. 1 e".into()],
        registers: vec![term("KPR", "Kommunalt register")],
        combined_with: vec!["Spørreskjema".into()],
        delivered_to: "tsd".into(),
        authority: "helsedataservice".into(),
        decision_kind: "access".into(),
        decision_reference: "26/17".into(),
        decision_dated: "2026-01-10".into(),
        reidentification: "permitted".into(),
        opened: "2026-01-11T00:00:00Z".into(),
        expires: "2027-12-29".into(),
        state: "closed".into(),
        handed_over: vec!["2026-01-19T00:00:00Z".into()],
        closed: "2026-02-21T00:00:00Z".into(),
        deletion_confirmed: "2026-02-22T00:00:00Z".into(),
        bridges: vec![bridge],
    }
}

fn accesses() -> Vec<Access> {
    let access = Access {
        entry: 12,
        at: "2026-01-05T09:30:00Z".into(),
        times: 3,
        actor: "system".into(),
        principal: "kpr.pipeline".into(),
        organisation: organisation("Klienten"),
        action: "resolve".into(),
        attempted: String::new(),
        reason: String::new(),
        register: Some(term("KPR", "Kommunalt register")),
        source: "KUHR".into(),
        purpose: "quality_control".into(),
        basis: String::new(),
        application: String::new(),
        details: Vec::new(),
    };
    let refused = Access {
        action: "refused".into(),
        attempted: "innsyn_given".into(),
        actor: "person".into(),
        principal: "kari.rights".into(),
        at: "2026-01-06T09:30:00Z".into(),
        details: vec!["acting parent".into(), "refused parents_elsewhere".into()],
        ..Access::default()
    };
    vec![refused, access]
}

fn case() -> Case {
    Case {
        register: term("KPR", "Kommunalt register"),
        kind: "sletting".into(),
        state: "under behandling".into(),
        opened: "2026-01-07T00:00:00Z".into(),
        decided: String::new(),
        text: "to kontakter".into(),
    }
}

/// What a reader sees: the page without its markup.
fn seen(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let mut text = String::new();
    let mut is_markup = false;
    for char in body.chars() {
        match char {
            '<' => is_markup = true,
            '>' => {
                is_markup = false;
                text.push(' ');
            }
            _ if !is_markup => text.push(char),
            _ => {}
        }
    }
    text
}

/// What the page says of the full report, section by section.
const FACTS: &[&str] = &[
    // The report.
    "23. februar 2026 kl. 12.05",
    "en forelder",
    "nummer 41",
    // The register.
    "Kommunalt register",
    "KPR",
    "Den ansvarlige (983744516)",
    "Databehandleren",
    "helseregisterloven § 11",
    "Statistikk",
    "eldre enn 40 år",
    "1. februar 2024",
    "2. januar 2026",
    "Helserefusjoner",
    "17",
    "1. januar 2023 til 31. desember 2025",
    "reservert mot: bruk med nummer",
    "samtykker til: planlegging",
    "måling av vekst",
    "3. januar 2026",
    "Du reserverte deg: bruk med nummer",
    "Brev",
    "per.rights, Registeret selv",
    "egenandelene",
    "skriv til innsyn@example.test",
    // Its own records.
    "20. februar 2026",
    "merknad fra registeret",
    "Kontakter med fastlegen",
    "Legekontoret",
    "6. mai 2025",
    // The disclosure.
    "Universitetet",
    "Et prosjekt om hjertet",
    "Forskere",
    "Prosjektleder Hansen",
    "Forskning",
    "Spørreskjema",
    "GDPR art. 6 nr. 1 e",
    "Helsedataservice",
    "vedtak om tilgjengeliggjøring",
    "26/17",
    "10. januar 2026",
    "TSD ved Universitetet i Oslo",
    "11. januar 2026",
    "1 gang: 19. januar 2026",
    "29. desember 2027",
    "Avsluttet",
    "21. februar 2026",
    "22. februar 2026",
    "Ja, for å koble data",
    "Koblingsenheten",
    "20. januar 2026",
    "30. desember 2026",
    "Ja, vedtaket tillater det",
    // Who has looked.
    "5. januar 2026 kl. 10.30",
    "Klienten (983744516) (datasystemet kpr.pipeline)",
    "slo opp",
    "(3 ganger)",
    "Formål: kvalitetskontroll",
    "kari.rights",
    "noen ba om innsyn i opplysningene dine",
    "ingen av foreldrene bor på samme adresse",
    // The case.
    "Sletting: to kontakter",
    "under behandling",
    "7. januar 2026",
    // What one can do.
    "Datatilsynet",
    "Retting",
    "påtalemyndigheten",
];

#[test]
fn every_fact_of_a_report_is_on_the_page() {
    let text = seen(&page(&full()));
    for part in FACTS {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part} is not on the page");
    }
}

#[test]
fn the_page_has_a_language_landmarks_and_headings_in_order() {
    for report in [full(), Report { v: 1, ..Report::default() }] {
        let page = page(&report);
        assert!(page.starts_with("<!doctype html>\n<html lang=\"nb\">"));
        for once in ["<title>", "<header>", "<nav ", "<main ", "<footer>", "<h1>"] {
            assert_eq!(page.matches(once).count(), 1, "{once}");
        }
        let mut level = 0;
        for (at, _) in page.match_indices("<h") {
            let Some(next) = page[at + 2..].chars().next().and_then(|one| one.to_digit(10)) else {
                continue;
            };
            assert!(next <= level + 1, "h{level} is followed by h{next}");
            level = next;
        }
        // Each anchor leads to one place, and each label to one heading.
        let after = |mark: &str| -> Vec<String> {
            let parts = page.split(mark).skip(1);
            parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
        };
        let ids = after(" id=\"");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for target in after("href=\"#").into_iter().chain(after("aria-labelledby=\"")) {
            assert!(ids.contains(&target), "{target}");
        }
        assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
        for element in ["article", "section", "table", "tr", "td", "dl", "dt", "dd", "ul", "li"] {
            let (open, close) = (format!("<{element}"), format!("</{element}>"));
            let opened = page
                .match_indices(&open)
                .filter(|(at, _)| matches!(page.as_bytes()[at + open.len()], b' ' | b'>'));
            assert_eq!(opened.count(), page.matches(&close).count(), "{element}");
        }
    }
}

#[test]
fn the_page_runs_and_loads_nothing() {
    let page = page(&full()).to_lowercase();
    for word in
        ["<script", "javascript:", "http://", "https://", "<link", "<img", "@import", "url("]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// Goal: nothing that stands in a report is markup.  Method: every text of a full report is replaced by
/// markup, in JSON; the page then has no element and no attribute that it did not have before.
#[test]
fn whatever_stands_in_a_report_is_shown_and_never_run() {
    const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=y>&amp;\u{202e}";
    fn poison(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Array(list) => list.iter_mut().for_each(poison),
            serde_json::Value::Object(map) => map.values_mut().for_each(poison),
            serde_json::Value::String(text) if text != "innsyn_answer" => *text = EVIL.to_owned(),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(&full().to_json()).unwrap();
    poison(&mut value);
    let page = page(&Report::from_json(&value.to_string()).unwrap());
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
    assert!(page.contains("&quot;&#39;&gt;&lt;script&gt;alert(1)"));
    // Markup itself holds nothing of it either: no attribute was closed early.
    for tag in page.split('<').skip(1).map(|part| part.split('>').next().unwrap()) {
        assert!(!tag.contains("onerror") || tag.contains("data-head"), "{tag}");
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
    }
}

#[test]
fn somebody_in_no_register_is_told_so() {
    let text = seen(&page(&Report { v: 1, acting: "self".into(), ..Report::default() }));
    assert!(text.contains("Vi fant deg ikke i noen av registrene"));
    assert!(text.contains("Ingen har fått opplysninger om deg"));
    assert!(text.contains("Ingen har slått deg opp"));
    assert!(!text.contains("bestilt av"));
}

#[test]
fn times_are_those_of_the_clocks_of_norway() {
    for (moment, expected) in [
        ("2026-01-01T00:30:00Z", "1. januar 2026 kl. 01.30"),
        ("2026-06-30T22:30:00.5Z", "1. juli 2026 kl. 00.30"),
        ("2026-03-29T00:59:59Z", "29. mars 2026 kl. 01.59"),
        ("2026-03-29T01:00:00Z", "29. mars 2026 kl. 03.00"),
        ("2026-10-25T00:59:59Z", "25. oktober 2026 kl. 02.59"),
        ("2026-10-25T01:00:00Z", "25. oktober 2026 kl. 02.00"),
        ("2026-12-31", "31. desember 2026"),
        ("somewhen", "somewhen"),
    ] {
        assert_eq!(words::moment(moment), expected);
    }
    assert_eq!(words::day("2026-12-31T23:00:00Z"), "1. januar 2027");
}
