use super::*;
use crate::disclosure::application::{Application, Environment};
use crate::disclosure::id::{ApplicationId, DisclosureId};
use crate::disclosure::lifecycle::{Disclosure, Opening};
use crate::disclosure::tests::shared::{RECIPIENT_KEY, Shipped, on};

const EXAMPLE: &str = include_str!("../../../examples/disclosure/research.toml");

fn parse(text: &str) -> Result<Description, Problems> {
    Description::parse(text, Path::new("research.toml"))
}

#[test]
fn the_example_is_read_and_can_be_opened_under_the_shipped_rules() {
    let description = parse(EXAMPLE).unwrap();
    assert_eq!(description.application.delivered_to, Environment::Tsd);
    assert_eq!(description.decision.terms.of("KPR").unwrap().variables.len(), 3);
    let outputs: Vec<&str> = description.files.iter().map(|file| file.output.as_str()).collect();
    assert_eq!(outputs, ["episodes.parquet", "claims.csv"]);

    let shipped = Shipped::load();
    let id = ApplicationId::new(2026, 1).unwrap();
    let mut application = Application::receive(
        id,
        description.application,
        &shipped.organisations,
        &on("2026-02-01"),
    )
    .unwrap();
    let act = on("2026-03-03");
    application.decide(description.decision, None, &shipped.rulebook(), &act).unwrap();
    let opening = Opening {
        id: DisclosureId([1; 16]),
        decision: 1,
        recipient_key: description.recipient_key,
        verifier: "hvelv.example+1a2b3c4d+AQID".parse().unwrap(),
        expires: description.expires,
    };
    assert!(Disclosure::open(opening, &mut application, &on("2026-04-01")).is_ok());
}

/// What is replaced in the example, by what, and the problem it then has.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("purpose = \"research\"", "purpose = \"war\"", ":8: application.purpose: `war` is not one of"),
    (
        "registers = [\"NPR\", \"KPR\"]",
        "registers = []",
        "application: the application names no register",
    ),
    (
        "kind = \"other\"",
        "kind = \"ours\"",
        "application.combined_with[1].kind: `ours` is not one of",
    ),
    ("\"tsd\"", "\"usb\"", "application.delivered_to: is not one of hunt_cloud, safe, tsd"),
    ("\"26/04711-9\"", "\"41806012345\"", "decision.reference: holds a number of eleven digits"),
    ("dated = 2026-03-02", "dated = 2", "decision.dated: "),
    ("serial_width = 9", "serial_width = 11", "decision.serial_width: must be 8, 9, 13 or 14"),
    ("reidentification = \"refused\"\n", "", "decision.reidentification: is missing; add it"),
    ("identifiers = \"without\"", "fnr = \"without\"", "decision.overrides[1].fnr: unknown option"),
    ("kind = \"month\"", "kind = \"week\"", "decision.terms: expected one of `age_band`"),
    ("years = 5,", "years = 0,", "decision.terms: registers.NPR.variables.birth_year: years of a"),
    (RECIPIENT_KEY, "AGE-SECRET-KEY-1QQPQQ", "disclosure.recipient_key: is a secret key"),
    ("expires = 2028-12-31\n", "", "disclosure.expires: is missing; add it"),
    (
        "claims.csv\"\noutput = \"claims.csv\"",
        "c\"\noutput = \"../claims.csv\"",
        "is not the name of an output",
    ),
    (
        "output = \"claims.csv\"",
        "output = \"episodes.parquet\"",
        "two outputs are called episodes.parquet",
    ),
    (
        "[[file]]\nregister = \"KPR\"",
        "[[file]]\nregister = \"NPR\"",
        "file: none is of KPR, which the terms",
    ),
    (
        "[[file]]\nregister = \"KPR\"",
        "[[file]]\nregister = \"DAAR\"",
        "file: one is of DAAR, of which",
    ),
    ("[disclosure]", "[opening]", "opening: unknown option"),
    (
        "reidentification = \"refused\"\n",
        "reidentification = \"refused\"\nbridge_out = { to = { name = \"X\" } }\n",
        "decision.bridge_out.to.number: is missing; add it",
    ),
    (
        "reidentification = \"refused\"\n",
        "reidentification = \"refused\"\ncontinues = \"1\"\n",
        "decision.continues: is not the id of a disclosure",
    ),
];

#[test]
fn every_mistake_is_a_problem_with_its_line() {
    for (from, to, expected) in MISTAKES {
        assert!(EXAMPLE.contains(from), "{from}");
        let problems = parse(&EXAMPLE.replacen(from, to, 1)).expect_err(expected).to_string();
        assert!(problems.contains(expected), "expected {expected}, got {problems}");
        let secrets = ["41806012345", "QQPQQ"];
        assert!(secrets.iter().all(|secret| !problems.contains(secret)), "{problems}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = EXAMPLE
        .replace("\"tsd\"", "\"usb\"")
        .replace("serial_width = 9", "serial_width = 10")
        .replace("count = 3", "count = 65")
        .replace("expires = 2028-12-31", "expires = \"soon\"")
        .replace("path = \"kpr-claims.csv\"\n", "");
    let problems = parse(&text).unwrap_err();
    let places: Vec<&str> = problems.iter().map(|problem| problem.place()).collect();
    let expected = [
        "application.delivered_to",
        "decision.serial_width",
        "decision.terms",
        "disclosure.expires",
        "file[2].path",
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_description_with_bridges_and_a_continuation_is_read() {
    let party = "{ number = \"382199359\", name = \"Koblingsenheten\" }";
    let more = format!(
        "reidentification = \"permitted\"\ncontinues = \"{}\"\nbridge_in = {{ from = {party} }}\n\
         bridge_out = {{ to = {party}, delete_by = \"2026-12-31\" }}\n",
        "ab".repeat(16)
    );
    let text = EXAMPLE.replace("reidentification = \"refused\"\n", &more);
    means_what_it_means_when_stored(&text.lines().map(quoted).collect::<String>());
    let decision = parse(&text.replace("serial_width = 9\n", "")).unwrap().decision;
    assert_eq!(decision.continues, Some(DisclosureId([0xab; 16])));
    assert_eq!(decision.bridge_in.unwrap().from, decision.bridge_out.unwrap().to);
    assert_eq!(decision.serial_width.digit_count(), 9);
}

/// TOML has days of its own; what is stored has text.
fn quoted(line: &str) -> String {
    match line.split_once(" = 20") {
        Some((key, rest)) if !line.starts_with('#') => format!("{key} = \"20{rest}\"\n"),
        _ => format!("{line}\n"),
    }
}

/// The reader that finds all mistakes, and serde, which reads what is stored, agree.
fn means_what_it_means_when_stored(text: &str) {
    let table: toml::Table = text.parse().unwrap();
    let description = parse(text).unwrap();
    let application: Request = table["application"].clone().try_into().unwrap();
    assert_eq!(application, description.application);
    let decision: Decision = table["decision"].clone().try_into().unwrap();
    assert_eq!(decision, description.decision);
}

#[test]
fn the_example_means_what_it_means_when_stored() {
    means_what_it_means_when_stored(&EXAMPLE.lines().map(quoted).collect::<String>());
}
