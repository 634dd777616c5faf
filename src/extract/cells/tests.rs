use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn asked(persons_min: u32, columns: &[&str]) -> SmallCells {
    SmallCells { persons_min, columns: columns.iter().map(|name| (*name).to_owned()).collect() }
}

type Row<'a> = (u64, &'a [(usize, &'a str)]);

fn count(asked: &SmallCells, rows: &[Row<'_>]) -> Report {
    let mut counter = CellCounter::new(asked);
    for (person, cells) in rows {
        counter
            .add(*person, cells.iter().map(|(column, text)| (*column, text.as_bytes())))
            .unwrap();
    }
    counter.finish().unwrap()
}

#[test]
fn persons_are_counted_and_not_rows() {
    let asked = asked(2, &["sex"]);
    let report = count(
        &asked,
        &[(1, &[(0, "1")]), (1, &[(0, "1")]), (1, &[(0, "1")]), (2, &[(0, "2")]), (3, &[(0, "2")])],
    );
    assert_eq!((report.persons, report.combinations), (3, 2));
    assert_eq!((report.combinations_below, report.persons_below, report.unique_persons), (1, 1, 1));
    let refused = report.pass().unwrap_err();
    assert_eq!((refused.persons, refused.combinations, refused.persons_min), (1, 1, 2));
}

#[test]
fn a_combination_that_k_persons_share_passes_and_one_fewer_is_refused() {
    let rows: Vec<Row<'_>> = (0..5).map(|person| (person, &[(0, "40-44"), (1, "1")][..])).collect();
    let asked = asked(5, &["birth_date", "sex"]);
    let screened = count(&asked, &rows).pass().unwrap();
    assert_eq!((screened.persons, screened.combinations, screened.persons_min), (5, 1, 5));
    assert!(count(&asked, &rows[1..]).pass().is_err());
    // Nobody is in no small cell.
    assert!(count(&asked, &[]).pass().is_ok());
}

#[test]
fn a_person_is_joined_over_files_whatever_the_order() {
    let asked = asked(2, &["sex", "municipality"]);
    // Sex in one file, municipality in another, whose rows stand in another order.
    let rows: [Row<'_>; 6] = [
        (1, &[(0, "1")]),
        (2, &[(0, "1")]),
        (3, &[(0, "2")]),
        (3, &[(1, "0301")]),
        (2, &[(1, "4601")]),
        (1, &[(1, "0301")]),
    ];
    let report = count(&asked, &rows);
    assert_eq!((report.persons, report.combinations, report.unique_persons), (3, 3, 3));
    // Each column alone has a cell of one.
    let subsets: Vec<_> =
        report.subsets.iter().map(|s| (s.columns.join("+"), s.persons_below)).collect();
    assert_eq!(subsets, [("sex".to_owned(), 1), ("municipality".to_owned(), 1)]);
}

#[test]
fn several_values_are_a_set_and_an_empty_cell_is_a_value() {
    let asked = asked(2, &["municipality"]);
    let report = count(
        &asked,
        &[
            (1, &[(0, "0301")]),
            (1, &[(0, "4601")]),
            (1, &[(0, "0301")]),
            (2, &[(0, "4601")]),
            (3, &[(0, "0301")]),
            (2, &[(0, "0301")]),
            (4, &[(0, "")]),
            (5, &[]),
        ],
    );
    // {0301, 4601} twice; {0301}, {""} and {} once each.
    assert_eq!((report.persons, report.combinations, report.persons_below), (5, 4, 3));
}

#[test]
fn the_worst_columns_come_first_and_no_value_is_told() {
    let asked = asked(3, &["sex", "birth_date", "municipality"]);
    let texts: Vec<[String; 3]> = (0..60_u32)
        .map(|n| [format!("s{}", n % 2), format!("b{}", n % 30), format!("m{n}")])
        .collect();
    let mut counter = CellCounter::new(&asked);
    for (person, row) in (0..).zip(&texts) {
        let cells = row.iter().enumerate().map(|(column, text)| (column, text.as_bytes()));
        counter.add(person, cells).unwrap();
    }
    let report = counter.finish().unwrap();
    let named: Vec<String> = report.subsets.iter().map(|subset| subset.columns.join("+")).collect();
    assert_eq!(
        named,
        [
            "birth_date",
            "municipality",
            "sex+birth_date",
            "sex+municipality",
            "birth_date+municipality"
        ]
    );
    assert_eq!((report.subsets[0].persons_below, report.subsets[0].unique_persons), (60, 0));
    assert_eq!(report.below_per_million(), 1_000_000);
    let said = format!("{report}{}{}", report.pass().unwrap_err(), Refused::ADVICE);
    assert!(said.contains("Nothing more is guaranteed"), "{said}");
    assert!(said.contains("60 (100.00 %)"), "{said}");
    for value in texts.iter().flatten() {
        assert!(!said.split_whitespace().any(|word| word == value), "{value} is told");
    }
}

proptest! {
    /// Against a count by definition, in any order of rows.
    #[test]
    fn counts_are_those_of_the_definition(
        rows in prop::collection::vec((0_u64..30, 0_usize..3, 0_u8..3), 0..200),
        persons_min in 2_u32..6,
    ) {
        let asked = asked(persons_min, &["a", "b", "c"]);
        let mut counter = CellCounter::new(&asked);
        let mut persons: BTreeMap<u64, BTreeSet<(usize, u8)>> = BTreeMap::new();
        for (person, column, value) in &rows {
            counter.add(*person << 40, [(*column, &[*value][..])]).unwrap();
            persons.entry(*person).or_default().insert((*column, *value));
        }
        let report = counter.finish().unwrap();
        let expected = |chosen: &dyn Fn(usize) -> bool| {
            let mut cells: BTreeMap<BTreeSet<(usize, u8)>, u64> = BTreeMap::new();
            for values in persons.values() {
                let part = values.iter().copied().filter(|(column, _)| chosen(*column)).collect();
                *cells.entry(part).or_default() += 1;
            }
            let below = cells.values().filter(|n| **n < u64::from(persons_min));
            (cells.len() as u64, below.clone().count() as u64, below.sum::<u64>())
        };
        prop_assert_eq!(report.persons, persons.len() as u64);
        prop_assert_eq!(
            (report.combinations, report.combinations_below, report.persons_below),
            expected(&|_| true)
        );
        for subset in &report.subsets {
            let is_chosen = |column: usize| subset.columns.contains(&asked.columns[column]);
            prop_assert_eq!(subset.persons_below, expected(&is_chosen).2);
        }
    }
}
