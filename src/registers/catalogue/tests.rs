use std::collections::BTreeSet;

use jiff::civil::date;

use super::*;
use crate::config::access::{Access, PrincipalKind};
use crate::testing::repository;

const GOOD: &str = r#"
helsedataservice = [{ organisation = "FHI", valid_from = "2024-01-01" }]
[[organisation]]
code = "FHI"
name_nb = "Folkehelseinstituttet"
name_en = "Norwegian Institute of Public Health"
number = "983744516"
[[register]]
code = "AAA"
number = 1
name_nb = "Første"
name_en = "First"
controller = [{ organisation = "FHI" }]
processor = [{ organisation = "FHI", valid_from = "2024-01-01" }]
legal_basis = ["helseregisterloven"]
purposes = ["research"]
identity_mode = "sealed"
contact_fields = []
basis = "law"
state = "open"
disclosure_authority = [{ authority = "other" }]
retention = { limit = "years", years = 40, on_request = [{ since = "death", years = 10 }] }
reservation.use = [{ code = "u", name_nb = "n", name_en = "n", scope = "disclosure" }]
reservation.override = [{ code = "o", provision = "§ 1", purposes = ["statistics"] }]
innsyn_exclusion = [{ code = "e", name_nb = "n", name_en = "n" }]
source = [{ code = "S", name_nb = "n", name_en = "n", organisations = ["983744516"] }]
"#;

fn parse(text: &str) -> Result<Catalogue, Problems> {
    Catalogue::parse(text, Path::new("registers.toml"))
}

fn shipped() -> Catalogue {
    Catalogue::load(&repository().join("registers.toml")).unwrap()
}

/// The good file with one thing changed.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

/// The good file without one line.
fn without(start: &str) -> String {
    let kept = |line: &&str| !line.starts_with(start);
    assert!(!GOOD.lines().all(|line| kept(&line)), "{start}");
    GOOD.lines().filter(kept).map(|line| format!("{line}\n")).collect()
}

/// The good file with a second register like the first, in which some things are changed.
fn twice(changes: &[(&str, &str)]) -> String {
    let start = GOOD.find("[[register]]").unwrap();
    let second = changes.iter().fold(GOOD[start..].to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    format!("{GOOD}{second}")
}

fn assert_one_problem(text: &str, expected: &str) {
    let problems = parse(text).expect_err(expected).to_string();
    assert!(problems.contains(expected), "expected {expected}, got {problems}");
    assert_eq!(problems.lines().count(), 1, "expected {expected}, got {problems}");
}

#[test]
fn a_good_file_has_no_problems() {
    let catalogue = parse(GOOD).unwrap();
    let register = catalogue.by_code("AAA").unwrap();
    assert_eq!(register.id_column.as_str(), "aaa_id");
    assert_eq!(register.retention.limit, RetentionLimit::Years(40));
    assert_eq!(register.reservation.uses[0].scope, ReservationScope::Disclosure);
    assert!(register.reservation.uses[0].concerns(DisclosurePurpose::Research));
    assert!(!register.reservation.overrides[0].concerns(DisclosurePurpose::Research));
    assert!(register.reservation.overrides[0].concerns(DisclosurePurpose::Statistics));
    assert!(parse(&changed("number = 1\n", "number = 1\nid_column = \"x\"\n")).is_ok());
    assert!(parse(&twice(&[("AAA", "BBB"), ("number = 1", "number = 2")])).is_ok());
}

#[test]
fn every_missing_option_is_a_problem() {
    let required = [
        "controller",
        "legal_basis",
        "purposes",
        "identity_mode",
        "basis",
        "state",
        "disclosure_authority",
        "retention",
        "source",
    ];
    for key in required {
        let expected = format!("register AAA.{key}: is missing; ");
        assert_one_problem(&without(&format!("{key} = ")), &expected);
    }
    assert_one_problem(&changed("name_nb = \"Første\"\n", ""), "register AAA.name_nb: is missing");
    assert_one_problem(&changed("number = 1\n", ""), "register AAA.number: is missing; add it");
    assert_one_problem(&changed("code = \"AAA\"\n", ""), "register[1].code: is missing; add it");
    assert_one_problem("", "register: is missing; add it");
}

#[test]
fn every_malformed_option_is_a_problem() {
    let cases = [
        (changed("\"AAA\"", "\"aaa\""), "`aaa` is not a register code"),
        (changed("number = 1\n", "number = 0\n"), "`0` is outside the limits 1 to 65535"),
        (changed("number = 1\n", "number = 65536\n"), "`65536` is outside the limits"),
        (changed("\"Første\"", "\"\""), "AAA.name_nb: must be one line of text"),
        (changed("\"research\"", "\"war\""), "`war` is not one of clinical_decision_support,"),
        (changed("\"sealed\"", "\"open\""), "`open` is not one of one_way, sealed,"),
        (
            changed(
                "\"sealed\"\ncontact_fields = []",
                "\"sealed_with_contact\"\ncontact_fields = [\"fnr\"]",
            ),
            "`fnr` is not one of addr",
        ),
        (changed("\"law\"", "\"habit\""), "`habit` is not one of consent, law"),
        (changed("\"open\"", "\"ajar\""), "AAA.state: `ajar` is not one of closed, open"),
        (changed("\"other\"", "\"me\""), "`me` is not one of helsedataservice, other"),
        (changed("\"years\"", "\"long\""), "retention.limit: `long` is not one of unlimited,"),
        (changed("years = 40", "years = 201"), "retention.years: `201` is outside the limits"),
        (changed("\"death\"", "\"birth\""), "on_request[1].since: `birth` is not one of"),
        (changed("\"disclosure\"", "\"all\""), "reservation.use[1].scope: `all` is not one of"),
        (changed("\"§ 1\"", "\" \""), "override[1].provision: must be one line of text"),
        (changed("code = \"S\"", "code = \"*\""), "source[1].code: `*` is not a source code"),
        (changed("[\"983744516\"]", "[\"1\"]"), "`1` is not an organisation number"),
        (changed("[\"helseregisterloven\"]", "[\"\"]"), "each provision must be one line"),
        (changed("basis = \"law\"", "basis = \"law\"\nlaw = 1"), "AAA.law: unknown option"),
        (changed("years = 10", "years = 10, month = 1"), "on_request[1].month: unknown option"),
        (changed("code = \"FHI\"\n", "code = \"FHI\"\nx = 1\n"), "organisation[1].x: unknown"),
        (changed("number = 1\n", "number = 1\nid_column = \"NPR\"\n"), "`NPR` is not a term"),
    ];
    for (text, expected) in cases {
        assert_one_problem(&text, expected);
    }
}

#[test]
fn what_does_not_fit_together_is_a_problem() {
    let two = |first: &str, second: &str| {
        let list = format!(
            "controller = [{{ organisation = \"FHI\"{first} }}, \
             {{ organisation = \"FHI\"{second} }}]"
        );
        changed("controller = [{ organisation = \"FHI\" }]", &list)
    };
    let to_2023 = ", valid_to = \"2023-12-31\"";
    let cases = [
        (two("", ""), "AAA.controller: has two at once: always, and always"),
        (two(to_2023, ", valid_from = \"2023-12-31\""), "controller: has two at once"),
        (two(to_2023, ", valid_from = \"2024-01-02\""), "controller: has none or a wrong order"),
        (two(", valid_from = \"2024-01-01\"", to_2023), "controller: has none or a wrong order"),
        (
            changed("controller = [{ organisation = \"FHI\" }]", "controller = []"),
            "controller: is m",
        ),
        (changed("\"FHI\" }]", "\"XX\" }]"), "controller[1].organisation: XX is no"),
        (
            changed("processor = [", "processor = [{ organisation = \"FHI\" }, "),
            "AAA.processor: lists an organisation twice",
        ),
        (changed("[\"helseregisterloven\"]", "[]"), "AAA.legal_basis: is missing"),
        (changed("[{ authority = \"other\" }]", "[]"), "AAA.disclosure_authority: is missing"),
        (
            changed(
                "{ authority = \"other\" }",
                "{ authority = \"other\" }, { authority = \"other\" }",
            ),
            "AAA.disclosure_authority: has two at once",
        ),
        (changed("contact_fields = []", "contact_fields = [\"name\"]"), "kept by sealed_with_con"),
        (changed("\"sealed\"", "\"sealed_with_contact\""), "AAA.contact_fields: is empty"),
        (
            changed("\"sealed\"\ncontact_fields = []", "\"one_way\"\ncontact_fields = [\"name\"]"),
            "AAA.contact_fields: one_way keeps no identity",
        ),
        (changed("\"open\"", "\"closed\""), "AAA.closed_from: is missing; say since when"),
        (changed("\"open\"", "\"open\"\nclosed_from = 2018-01-01"), "stands at an open register"),
        (changed("years = 40, ", ""), "retention.years: is missing"),
        (changed("\"years\"", "\"unlimited\""), "retention.years: stands at an unlimited"),
        (without("reservation.use"), "reservation.override: goes before no reservation"),
        (changed("code = \"o\"", "code = \"u\""), "override[1].code: u stands here twice"),
        (changed("basis = \"law\"", "basis = \"consent\""), "AAA.reservation: a consent is"),
        (
            changed("source = [", "source = [{ code = \"S\", name_nb = \"n\", name_en = \"n\" }, "),
            "source[2].code: S is another source",
        ),
        (
            changed(
                "innsyn_exclusion = [",
                "innsyn_exclusion = [{ code = \"e\", name_nb = \"n\", name_en = \"n\" }, ",
            ),
            "innsyn_exclusion[2].code: e stands here twice",
        ),
        (
            changed("\"FHI\", valid_from", "\"XX\", valid_from"),
            "helsedataservice[1].organisation: XX",
        ),
    ];
    for (text, expected) in cases {
        assert_one_problem(&text, expected);
    }
}

#[test]
fn consent_fits_neither_a_one_way_register_nor_one_without_purpose() {
    let text = without("reservation.").replace("basis = \"law\"", "basis = \"consent\"");
    assert!(parse(&text).is_ok());
    assert_one_problem(&text.replace("\"sealed\"", "\"one_way\""), "cannot find a person who");
    assert_one_problem(&text.replace("\"research\"", ""), "AAA.purposes: is empty; a consent");
}

#[test]
fn codes_numbers_and_columns_are_unique_and_not_given_again() {
    let (code, number) = (("AAA", "BBB"), ("number = 1", "number = 2"));
    assert_one_problem(&twice(&[code]), "register BBB.number: 1 belongs to AAA");
    let column = ("number = 1", "number = 2\nid_column = \"bbb_id\"");
    assert_one_problem(&twice(&[column]), "register AAA.code: AAA belongs to AAA");
    let column = ("number = 1", "number = 2\nid_column = \"aaa_id\"");
    assert_one_problem(&twice(&[code, column]), "BBB.id_column: aaa_id belongs to AAA");
    let retired = |code: &str, number: u16| {
        format!("{GOOD}[[retired]]\ncode = \"{code}\"\nnumber = {number}\n")
    };
    assert!(parse(&retired("OLD", 9)).is_ok());
    assert_one_problem(&retired("OLD", 1), "AAA.number: 1 belongs to OLD, which is retired");
    assert_one_problem(&retired("AAA", 9), "AAA.code: AAA belongs to AAA, which is retired");
    let second = "[[organisation]]\ncode = \"FHI\"\nname_nb = \"n\"\nname_en = \"n\"\n";
    assert_one_problem(&format!("{GOOD}{second}"), "FHI is the code of another organisation too");
    assert_one_problem(&twice(&[code, number, ("\"S\"", "\"s\"")]), "`s` is not a source code");
}

/// What is missing hides nothing of what does not fit.
#[test]
fn a_register_without_a_code_is_checked_all_the_same() {
    let text = changed("code = \"AAA\"\n", "")
        .replace("\"sealed\"", "\"sealed_with_contact\"")
        .replace("[\"helseregisterloven\"]", "[]")
        .replace("basis = \"law\"", "basis = \"consent\"")
        .replace("number = 1\n", "");
    let problems = parse(&text).unwrap_err();
    assert_eq!(problems.iter().count(), 5, "{problems}");
}

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let text = twice(&[("\"law\"", "\"habit\""), ("\"open\"", "1"), ("\"Første\"", "\"\"")])
        .replacen("[\"helseregisterloven\"]", "[]", 1)
        .replacen("[\"983744516\"]", "[\"1\"]", 1)
        + "more = 1\n";
    // Code, number and column of the first register; three malformed and one unknown option; and in
    // the first register a provision and a number.
    let problems = parse(&text).unwrap_err();
    assert_eq!(problems.iter().count(), 9, "{problems}");
    let lines: Vec<_> = problems.iter().map(|problem| problem.line().unwrap()).collect();
    assert!(lines.is_sorted());
}

#[test]
fn the_shipped_catalogue_has_all_registers_that_the_sources_name() {
    let catalogue = shipped();
    let numbered: Vec<_> =
        catalogue.iter().map(|register| (register.code.as_str(), register.number)).collect();
    // Never changed: the numbers stand in stored keys.
    let expected = [
        ("NPR", 1),
        ("KPR", 2),
        ("IPLOS", 3),
        ("REHAB", 4),
        ("DAAR", 5),
        ("KREFT", 6),
        ("MFR", 7),
        ("MSIS", 8),
        ("SYSVAK", 9),
        ("HKR", 10),
        ("LMR", 11),
        ("BIVIRK", 12),
        ("HELSEARKIV", 13),
        ("FORSVAR", 14),
    ];
    assert_eq!(numbered, expected);
    // S3 lists eleven for Helsedataservice, from 15 March 2023 on.
    let decided_by_hds = |register: &&Register| {
        let authority = register.disclosure_authority_on(date(2023, 3, 15));
        authority == Some(DisclosureAuthority::Helsedataservice)
    };
    assert_eq!(catalogue.iter().filter(decided_by_hds).count(), 11);
    for code in ["IPLOS", "REHAB", "FORSVAR"] {
        let register = catalogue.by_code(code).unwrap();
        let authority = register.disclosure_authority_on(date(2023, 3, 15));
        assert_eq!(authority, Some(DisclosureAuthority::Other));
        assert_eq!(register.disclosure_authority_on(date(2023, 3, 14)), None);
    }
}

#[test]
fn the_shipped_catalogue_keeps_the_rules_of_the_four_registers() {
    let catalogue = shipped();
    let register = |code: &str| catalogue.by_code(code).unwrap();
    let (npr, kpr, iplos, rehab) =
        (register("NPR"), register("KPR"), register("IPLOS"), register("REHAB"));
    assert_eq!(npr.id_column.as_str(), "npr_id");
    assert!(npr.reservation.uses.is_empty() && npr.innsyn_exclusions.len() == 4);
    assert!(["HF", "AVTALE", "LEGEVAKT"].iter().all(|code| npr.source(code).is_some()));
    assert!(["KOMMUNE", "KUHR", "FLO"].iter().all(|code| kpr.source(code).is_some()));
    assert_eq!(kpr.source("HF"), None);
    assert_eq!(kpr.innsyn_exclusions.len(), 3);
    assert_eq!(kpr.reservation.overrides.len(), 4);
    let years: Vec<u16> = kpr.retention.on_request.iter().map(|rule| rule.years).collect();
    assert_eq!(years, [30, 10]);
    assert!(iplos.is_one_way() && !iplos.requires_consent());
    assert!(iplos.is_open(date(2017, 12, 31)) && !iplos.is_open(date(2018, 1, 1)));
    assert!(rehab.requires_consent() && !rehab.is_one_way() && rehab.is_open(date(2026, 1, 1)));
    assert_eq!(rehab.contact_fields, BTreeSet::from([ContactField::Address, ContactField::Name]));
    assert_eq!(rehab.retention.limit, RetentionLimit::Years(40));
    assert_eq!(catalogue.by_number(3), Some(iplos));
    assert_eq!(catalogue.by_number(99), None);
    assert_eq!(catalogue.by_code("npr"), None);
}

#[test]
fn the_shipped_catalogue_knows_who_was_responsible_when() {
    let catalogue = shipped();
    let name = |code: &str, day| {
        let code = catalogue.by_code(code).unwrap().controller(day).unwrap();
        catalogue.organisation(code).unwrap().names.nb.clone()
    };
    let (before, after) = (date(2023, 12, 31), date(2024, 1, 1));
    assert_eq!(name("NPR", before), "Helsedirektoratet");
    assert_eq!(name("KPR", after), "Folkehelseinstituttet");
    assert_eq!(name("KREFT", before), "Oslo universitetssykehus HF");
    let processors: Vec<_> = catalogue.by_code("IPLOS").unwrap().processors_on(before).collect();
    assert_eq!(processors.len(), 1);
    assert_eq!(catalogue.helsedataservice(date(2023, 3, 14)), None);
    assert_eq!(catalogue.helsedataservice(before).unwrap().code.as_str(), "EHELSE");
    assert_eq!(catalogue.helsedataservice(after).unwrap().code.as_str(), "FHI");
}

proptest::proptest! {
    /// Goal: no input makes a parser panic.  Method: the shipped files, with a piece replaced.
    #[test]
    fn a_damaged_file_is_refused_or_read_but_never_panics(
        start in 0_usize..20_000,
        len in 0_usize..200,
        piece in "[\\x00-\\x7få]{0,8}|'|\"\"|\\[|\\{|= 1|-1|nan|1979-05-27",
    ) {
        for text in [
            include_str!("../../../registers.toml"),
            include_str!("../../../access.toml"),
            include_str!("../../../hvelv.toml"),
        ] {
            let chars: Vec<char> = text.chars().collect();
            let start = start % chars.len();
            let end = (start + len).min(chars.len());
            let (before, after) = (chars[..start].iter(), chars[end..].iter());
            let pieces = before.copied().chain(piece.chars()).chain(after.copied());
            let damaged: String = pieces.collect();
            let file = Path::new("x.toml");
            let _ = Catalogue::parse(&damaged, file);
            let _ = Access::parse(&damaged, file, &parse(GOOD).unwrap());
            let _ = crate::config::Config::parse(&damaged, file);
        }
    }
}

/// The shipped access file fits the shipped catalogue, and shows each role.
#[test]
fn the_shipped_access_file_shows_every_kind_of_role() {
    let path = repository().join("access.toml");
    let access = Access::load(&path, &shipped()).unwrap();
    let words: BTreeSet<&str> =
        access.iter().flat_map(|one| one.roles()).map(|role| role.word()).collect();
    let all = [
        "approver",
        "auditor",
        "custodian",
        "import",
        "ingest",
        "officer",
        "operator",
        "resolve",
        "rights",
    ];
    assert_eq!(words, BTreeSet::from(all));
    assert!(access.iter().any(|one| one.kind() == PrincipalKind::Person));
}
