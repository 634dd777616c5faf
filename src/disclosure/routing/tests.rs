use std::collections::BTreeSet;

use jiff::civil::date;

use super::*;
use crate::config::codes::SourceCode;
use crate::disclosure::Refused;
use crate::disclosure::application::{Application, OtherSource, Request};
use crate::disclosure::organisations::Recipient;
use crate::disclosure::tests::shared::{Shipped, decision, received, request, terms};
use crate::disclosure::{Decision, Error};

const TABLE: &str = include_str!("../../../tests/vectors/decisions.tsv");
const COMBINED: &str = include_str!("../../../tests/vectors/decisions_combined.tsv");

/// The cells of a table: what the row is about, the purpose, and what is expected.
fn cells(table: &str) -> impl Iterator<Item = ([&str; 2], DisclosurePurpose, &str)> {
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines.flat_map(move |line| {
        let row: Vec<&str> = line.split('\t').collect();
        assert_eq!(row.len(), head.len(), "{line}");
        let purposes = head[2..10].to_vec();
        (0..8).map(move |at| ([row[0], row[1]], purposes[at].parse().unwrap(), row[at + 2]))
    })
}

fn check(
    shipped: &Shipped,
    application: &Application,
    authority: Authority,
    kind: DecisionKind,
) -> Result<(), Refused> {
    let registers: Vec<&str> =
        application.request().registers.iter().map(RegisterCode::as_str).collect();
    let decision = Decision { authority, kind, ..decision(&registers) };
    decision.check(application, &shipped.rulebook(), date(2026, 3, 3))
}

/// An application of a class that may be one that is never received.
fn application_of(shipped: &Shipped, class: RecipientClass, request: Request) -> Application {
    let mut application = received(shipped);
    application.recipient = Recipient { class, ..application.recipient };
    application.request = request;
    application
}

#[test]
fn the_table_of_recipients_purposes_registers_and_authorities_is_the_sources() {
    let shipped = Shipped::load();
    let mut seen = BTreeSet::new();
    for ([register, class], purpose, expected) in cells(TABLE) {
        let class: RecipientClass = class.parse().unwrap();
        seen.insert((register, class, purpose));
        let application = application_of(&shipped, class, request(&[register], purpose));
        for authority in Authority::ALL.iter().copied() {
            let at = format!("{register} to {class} for {purpose} by {authority}");
            let checked = check(&shipped, &application, authority, DecisionKind::Dispensation);
            let reasons = checked.as_ref().err().map_or(&[][..], Refused::reasons);
            let any = |test: fn(&Refusal) -> bool| reasons.iter().any(test);
            match expected {
                "never" => assert_eq!(reasons, [Refusal::HardRefusal(class)], "{at}"),
                "purpose" => assert!(any(|one| matches!(one, Refusal::Purpose { .. })), "{at}"),
                "class" => {
                    assert!(any(|one| matches!(one, Refusal::Recipient { .. })), "{at}");
                    assert!(!any(|one| matches!(one, Refusal::Purpose { .. })), "{at}");
                }
                decides if decides == authority.as_str() => assert_eq!(reasons, [], "{at}"),
                decides => {
                    let decides: Authority = decides.parse().unwrap();
                    let explanation =
                        format!("{register} for {purpose}: {}, rule of 2023-03-15", decides.name());
                    let kind = DecisionKind::Dispensation;
                    let refusal = Refusal::WrongAuthority { given: authority, kind, explanation };
                    assert_eq!(reasons, [refusal], "{at}");
                }
            }
        }
    }
    // Nothing is left out: every register, class and purpose there is.
    let registers = shipped.registers.len();
    let expected = registers * RecipientClass::ALL.len() * DisclosurePurpose::ALL.len();
    assert_eq!((registers, seen.len()), (14, expected));
}

#[test]
fn the_table_of_combinations_is_the_sources() {
    let shipped = Shipped::load();
    let mut count = 0;
    for ([sources, kind], purpose, expected) in cells(COMBINED) {
        let (ours, others): (Vec<&str>, Vec<&str>) =
            sources.split(' ').partition(|source| source.parse::<RegisterCode>().is_ok());
        let mut request = request(&ours, purpose);
        let other = |kind: &&str| OtherSource {
            name: "Andres".parse().unwrap(),
            kind: kind.parse().unwrap(),
        };
        request.combined_with = others.iter().map(other).collect();
        let kind: DecisionKind = kind.parse().unwrap();
        let rulebook = shipped.rulebook();
        let route = rulebook.route(&request, kind, date(2026, 3, 2));
        let decides = route.as_ref().map_or("nobody", |route| route.authority.as_str());
        assert_eq!(decides, expected, "{sources}, {kind}, {purpose}");
        count += 1;
    }
    assert_eq!(count, 24 * 8);
}

fn explanation(registers: &[&str], purpose: DisclosurePurpose, day: Date) -> String {
    let shipped = Shipped::load();
    let rulebook = shipped.rulebook();
    let kind = DecisionKind::Dispensation;
    match rulebook.route(&request(registers, purpose), kind, day) {
        Ok(route) => route.explanation,
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_route_explains_itself() {
    let (day, research) = (date(2026, 3, 2), DisclosurePurpose::Research);
    assert_eq!(
        explanation(&["NPR"], research, day),
        "NPR for research: Helsedataservice, rule of 2023-03-15"
    );
    assert_eq!(
        explanation(&["IPLOS", "NPR"], research, day),
        "IPLOS, NPR for research: Helsedataservice, rule of 2023-03-15 (NPR is on Helsedataservice's \
         list)"
    );
    assert_eq!(
        explanation(&["IPLOS"], research, day),
        "IPLOS for research: REK, rule of 2023-03-15"
    );
    assert_eq!(
        explanation(&["IPLOS"], DisclosurePurpose::Statistics, day),
        "IPLOS for statistics: Helsedirektoratet, rule of 2023-03-15"
    );
}

#[test]
fn on_days_without_a_rule_nobody_decides() {
    let research = DisclosurePurpose::Research;
    let first = explanation(&["NPR"], research, date(2023, 3, 15));
    assert_eq!(first, "NPR for research: Helsedataservice, rule of 2023-03-15");
    let before = explanation(&["NPR"], research, date(2023, 3, 14));
    assert_eq!(before, "NPR for research: registers.toml does not say who decided on 2023-03-14");
}

#[test]
fn access_outside_the_list_is_refused_and_says_who_decides_on_dispensation() {
    let shipped = Shipped::load();
    let rulebook = shipped.rulebook();
    let request = request(&["IPLOS"], DisclosurePurpose::Research);
    let refusal = rulebook.route(&request, DecisionKind::Access, date(2026, 3, 2)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "IPLOS for research: no [[rule]] of decisions.toml says who decides on access on 2026-03-02, \
         so nothing is disclosed on it; on dispensation: REK, rule of 2023-03-15"
    );
}

#[test]
fn a_decision_of_the_wrong_authority_is_refused_with_the_explanation() {
    let shipped = Shipped::load();
    let mut application = received(&shipped);
    let wrong = Decision { authority: Authority::Rek, ..decision(&["NPR"]) };
    let act = crate::disclosure::tests::shared::on("2026-03-03");
    let error = application.decide(wrong, None, &shipped.rulebook(), &act).unwrap_err();
    assert_eq!(
        error.to_string(),
        "REK cannot decide on dispensation here; NPR for research: Helsedataservice, rule of 2023-03-15"
    );
    assert!(matches!(error, Error::Refused(_)) && application.decisions().is_empty());
}

#[test]
fn a_register_that_was_not_applied_for_is_not_let_out() {
    let shipped = Shipped::load();
    let application = received(&shipped);
    let wide = Decision { terms: terms(&["NPR", "KPR"]), ..decision(&["NPR"]) };
    let refused = wide.check(&application, &shipped.rulebook(), date(2026, 3, 3)).unwrap_err();
    assert_eq!(refused.reasons(), [Refusal::RegisterNotAppliedFor("KPR".into())]);
}

/// Two registers, so that a file can be wrong about others.
struct Two(Vec<RegisterCode>);

impl RegisterDirectory for Two {
    fn register_codes(&self) -> Vec<&RegisterCode> {
        self.0.iter().collect()
    }

    fn source_codes(&self, _: &RegisterCode) -> Option<Vec<&SourceCode>> {
        None
    }
}

const GOOD: &str = r#"
[[rule]]
code = "a"
authority = "rek"
decides = ["access"]
sources = "with_listed"
purposes = ["research"]
valid_to = "2024-12-31"
[[rule]]
code = "b"
authority = "controller"
decides = ["access", "dispensation"]
sources = "with_listed"
purposes = ["research"]
valid_from = "2025-01-01"
[[recipient]]
class = "researcher"
registers = ["AA", "BB"]
purposes = ["research"]
"#;

fn parse(text: &str) -> Result<Routing, Problems> {
    let two = Two(vec!["AA".parse().unwrap(), "BB".parse().unwrap()]);
    Routing::parse(text, Path::new("decisions.toml"), &two)
}

#[test]
fn rules_follow_each_other_in_time() {
    let routing = parse(GOOD).unwrap();
    let authority_on = |day| {
        let sources = vec![Source { name: "AA", kind: Some(SourceKind::Listed) }];
        let (purpose, kind) = (DisclosurePurpose::Research, DecisionKind::Access);
        routing.route(&Question { sources, purpose, kind, day }).map(|route| route.explanation)
    };
    assert_eq!(authority_on(date(2024, 12, 31)).unwrap(), "AA for research: REK, rule a");
    assert_eq!(
        authority_on(date(2025, 1, 1)).unwrap(),
        "AA for research: the register's controller, rule of 2025-01-01"
    );
}

#[test]
fn every_mistake_in_the_rules_is_a_problem() {
    let cases = [
        (
            "valid_to = \"2024-12-31\"",
            "valid_to = \"2025-01-01\"",
            "rule[2]: meets a for a purpose",
        ),
        ("code = \"b\"", "code = \"a\"", "rule[2].code: is another rule's too"),
        ("code = \"a\"\n", "", "rule[1].code: is missing; add it"),
        ("\"rek\"", "\"uio\"", "`uio` is not one of controller, helsedataservice,"),
        ("decides = [\"access\"]", "decides = []", "rule[1].decides: is missing or empty"),
        ("\"with_listed\"", "\"listed\"", "`listed` is not one of with_listed, without_listed"),
        ("purposes = [\"research\"]\n", "", "rule[1].purposes: is missing or empty"),
        ("valid_from", "from", "rule[2].from: unknown option"),
        ("\"researcher\"", "\"insurer\"", "insurer never receives anything, whatever the rules"),
        ("\"BB\"", "\"CC\"", "recipient[1].registers: CC is in no [[register]]"),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let problems = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(problems.contains(expected), "expected {expected}, got {problems}");
    }
    let none = parse("").unwrap_err().to_string();
    assert!(none.contains("rule: is missing") && none.contains("recipient: is missing"), "{none}");
}
