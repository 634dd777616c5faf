//! The sweep against the table that was written from the seeds.

use super::*;

const TABLE: &str = include_str!("../../../tests/vectors/retention.tsv");
const ID: DisclosureId = DisclosureId([7; 16]);

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn facts(text: &str) -> Facts {
    let words: Vec<&str> = text.split(' ').collect();
    let mut facts = Facts::default();
    match words[..] {
        ["register", limit, from, to, ref rest @ ..] => {
            // What is not said to have come again was there before the order.
            let at = |text: &str| format!("{text}T12:00:00Z").parse().unwrap();
            let (ordered, ordered_at, again) = match *rest {
                [] => (None, at(to), at(to)),
                [ordered] => (Some(day(ordered)), at("2020-01-01"), at("2020-01-01")),
                [ordered, ordered_at, again] => (Some(day(ordered)), at(ordered_at), at(again)),
                _ => panic!("no fact: {text}"),
            };
            facts.registers.push(RegisterFacts {
                register: "REG".parse().unwrap(),
                limit: match limit {
                    "unlimited" => RetentionLimit::Unlimited,
                    years => RetentionLimit::Years(years.parse().unwrap()),
                },
                periods: vec![DeliveredPeriod { from: day(from), to: day(to), at: again }],
                ordered: ordered.map(|up_to| (up_to, ordered_at)).into_iter().collect(),
            });
        }
        ["disclosure", expires] => facts.disclosures.push((ID, day(expires))),
        ["bridge", due] => facts.bridges.push((ID, 1, day(due))),
        ["approval", expires] => facts.approvals.push(("a".to_owned(), day(expires))),
        ["person", until, hold] => facts.persons.push(PersonFacts {
            partition: 0,
            person: 4711,
            tombstone_until: (until != "-").then(|| day(until)),
            hold: (hold != "-").then(|| hold.parse().unwrap()),
        }),
        _ => panic!("no fact: {text}"),
    }
    facts
}

#[test]
fn a_sweep_does_what_the_table_says() {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let [why, today, fact, expected] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row has four columns: {row}");
        };
        let found = sweep(day(today), &facts(fact));
        let found: Vec<String> = found
            .iter()
            .map(|action| match action {
                Action::DeleteOlder { up_to, .. } => format!("{} {up_to}", action.kind()),
                _ => action.kind().to_owned(),
            })
            .collect();
        let expected = if expected == "-" { vec![] } else { vec![expected.to_owned()] };
        assert_eq!(found, expected, "{why}");
        count += 1;
    }
    assert_eq!(count, 32);
}

#[test]
fn nothing_that_is_shown_names_a_person_and_the_digest_tells_persons_apart() {
    let erase = |person| Action::EraseIdentity { partition: 0, person };
    let (one, other) = (erase(471_147), erase(471_148));
    assert!(!format!("{one:?} {}", one.shown()).contains("4711"));
    assert_ne!(one.canonical(), other.canonical());
    assert_eq!((one.performer(), one.shown()), (Performer::Run, other.shown()));
}
