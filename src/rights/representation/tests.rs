//! The table of cases, row by row: `tests/vectors/representation.tsv`, written from the seeds.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::*;

const TABLE: &str = include_str!("../../../tests/vectors/representation.tsv");

fn cell<T: FromStr>(text: &str) -> Option<T> {
    (text != "-").then(|| text.parse().ok().expect("the table has words of the lists"))
}

/// A row: what it is about, the facts, and what must come of them.
fn rows() -> Vec<(String, Facts, String)> {
    let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(cells.len(), head.len(), "{line}");
        let at = |name: &str| cells[head.iter().position(|one| *one == name).unwrap()];
        let facts = Facts {
            level: cell(at("level")),
            age: cell(at("age")),
            address: cell(at("address")),
            address_of_actor: cell(at("address_of_actor")),
            block: cell(at("block")),
            life: cell(at("life")),
            parental_responsibility: cell(at("parental_responsibility")),
            parent_at_address: cell(at("parent_at_address")),
            area_1: cell(at("area_1")),
            next_of_kin: cell(at("next_of_kin")),
            special_reasons: cell(at("special_reasons")),
            ..Facts::new(at("acting").parse().unwrap(), at("way").parse().unwrap())
        };
        assert!(at("seed").contains(':'), "each row says where it is from: {line}");
        (at("case").to_owned(), facts, at("outcome").to_owned())
    });
    rows.collect()
}

#[test]
fn each_row_of_the_table_comes_out_as_it_says() {
    let rows = rows();
    assert_eq!(rows.len(), 61, "no row is lost");
    let different: BTreeSet<String> =
        rows.iter().map(|(_, facts, _)| format!("{facts:?}")).collect();
    assert_eq!(different.len(), rows.len(), "no row says what another says");
    let mut seen = BTreeSet::new();
    for (case, facts, outcome) in rows {
        let word = decide(&facts).map_or_else(Refusal::as_str, |()| "allowed");
        assert_eq!(word, outcome, "{case}");
        seen.insert(word);
    }
    for refusal in Refusal::ALL {
        assert!(seen.contains(refusal.as_str()), "no row is refused as {}", refusal.as_str());
    }
}

#[test]
fn each_refusal_explains_itself_and_names_its_requirement() {
    let words: BTreeSet<&str> = Refusal::ALL.iter().map(|refusal| refusal.as_str()).collect();
    assert_eq!(words.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        assert!(refusal.text().contains(refusal.requirement()), "{refusal:?}");
    }
}

/// Goal: leaving something out never opens a door.  Method: of every row that is allowed, each fact is
/// taken away in turn; what is still allowed then did not need it, and is allowed whatever it says.
#[test]
fn a_fact_that_is_left_out_allows_nothing_that_it_could_have_refused() {
    let allowed = rows().into_iter().filter(|(_, facts, _)| decide(facts).is_ok());
    for (case, facts, _) in allowed {
        let less = [
            (Facts { level: None, ..facts }, Facts { level: Some(Level::None), ..facts }),
            (Facts { age: None, ..facts }, Facts { age: Some(Age::From16), ..facts }),
            (
                Facts { address: None, ..facts },
                Facts { address: Some(Address::Protected), ..facts },
            ),
            (
                Facts { address_of_actor: None, ..facts },
                Facts { address_of_actor: Some(Address::Protected), ..facts },
            ),
            (Facts { block: None, ..facts }, Facts { block: Some(Block::Blocked), ..facts }),
            (
                Facts { special_reasons: None, ..facts },
                Facts { special_reasons: Some(Stated::Yes), ..facts },
            ),
        ];
        for (without, worst) in less {
            assert_eq!(decide(&without).is_ok(), decide(&worst).is_ok(), "{case}: {without:?}");
        }
        assert!(decide(&Facts { life: None, ..facts }).is_err(), "{case}");
    }
}

#[test]
fn facts_are_lines_of_an_audit_entry() {
    let facts = Facts {
        level: Some(Level::BasisPlus),
        parent_at_address: Some(Stated::Yes),
        ..Facts::new(Acting::Parent, Way::Digital)
    };
    let lines = ["acting parent", "way digital", "level basis_plus", "parent_at_address yes"];
    assert_eq!(facts.lines(), lines);
}
