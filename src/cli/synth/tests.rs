//! What every file that is made has in common.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type, Int64Type};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic;
use sha2::{Digest, Sha256};

use super::days::{Calendar, Day};
use super::kinds::Kind;
use super::options::PlantOption;
use super::parquet_file::Compression;
use super::table::{Form, IdentifierForm};
use super::*;
use crate::cli::pseudonymize::destination::Existing;
use crate::ident::{Declared, Mode, Rules, RulesAt, RulesConfig, parse_text};
use crate::testing::repository;

mod population;

fn options(directory: &Path, kind: Kind) -> SynthOptions {
    SynthOptions {
        persons: 300,
        rows: Some(1000),
        seed: 7,
        kind,
        out: directory.join("rows.csv"),
        population: Some(directory.join("persons.csv")),
        identifiers: Known::Current,
        plant_identifiers: Vec::new(),
        compression: None,
        id_type: None,
        overwrite: true,
    }
}

type Row = Vec<String>;

/// The header and the rows of a CSV file.
fn read_csv(path: &Path) -> (Row, Vec<Row>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let row = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let header = row(reader.headers().unwrap());
    (header, reader.records().map(|record| row(&record.unwrap())).collect())
}

/// The same of a Parquet file, with dates and numbers as CSV has them.
fn read_parquet(path: &Path) -> (Row, Vec<Row>) {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let calendar = Calendar::new();
    let (mut header, mut rows) = (Row::new(), Vec::new());
    for batch in reader {
        let batch = batch.unwrap();
        header = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| match column.data_type() {
                _ if column.is_null(row) => String::new(),
                DataType::Date32 => {
                    let day = Day::FIRST
                        .plus(column.as_primitive::<Date32Type>().value(row) - Day::FIRST.number());
                    String::from_utf8(calendar.text(day).to_vec()).unwrap()
                }
                DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
                DataType::Int64 => {
                    format!("{:011}", column.as_primitive::<Int64Type>().value(row))
                }
                _ => column.as_string::<i32>().value(row).to_owned(),
            });
            rows.push(cells.collect());
        }
    }
    (header, rows)
}

/// Makes the files; gives header and rows, and the persons.
fn make(options: &SynthOptions) -> (Row, Vec<Row>, Vec<Row>) {
    run(options).unwrap();
    let (header, rows) = read_csv(&options.out);
    let persons = options.population.as_ref().map_or(Vec::new(), |path| read_csv(path).1);
    (header, rows, persons)
}

/// The place of a column.
fn column(header: &[String], name: &str) -> usize {
    header.iter().position(|found| found == name).unwrap()
}

fn rules(mode: Mode) -> Rules {
    let mut config = RulesConfig::new(mode);
    if mode != Mode::Production {
        config.test_duf_prefixes.push("2099".into());
    }
    Rules::new(&config).unwrap()
}

fn at(rules: &Rules) -> RulesAt<'_> {
    rules.at(jiff::civil::date(2026, 1, 1))
}

/// Goal: files stay what they were, on every machine. To accept a change, remove the file, run the
/// test with `HVELV_WRITE_GOLDEN=1`, and say so in the changelog.
#[test]
fn the_same_options_give_the_same_bytes_as_ever() {
    let directory = tempfile::tempdir().unwrap();
    let mut digests = String::new();
    for kind in Kind::ALL {
        for identifiers in [Known::Current, Known::Dated] {
            let options = SynthOptions { identifiers, ..options(directory.path(), kind) };
            run(&options).unwrap();
            for path in [&options.out, options.population.as_ref().unwrap()] {
                let digest = Sha256::digest(std::fs::read(path).unwrap());
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                let name = path.file_name().unwrap().to_string_lossy();
                digests += &format!("{hex} {kind:?} {identifiers:?} {name}\n");
            }
        }
    }
    let golden = repository().join("tests/golden/synth.txt");
    if !golden.exists() && std::env::var_os("HVELV_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden, &digests).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&golden).unwrap_or_default(), digests);
}

#[test]
fn the_same_seed_gives_the_same_persons_whatever_else_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let hospital = options(directory.path(), Kind::Hospital);
    let persons = make(&hospital).2;
    let claims = SynthOptions { rows: None, ..options(directory.path(), Kind::Claims) };
    let (_, rows, same) = make(&claims);
    assert!(persons == same, "another kind has other persons");
    assert_eq!(rows.len(), 5 * 300, "five rows for each person, unless they are said");
    let more = SynthOptions { persons: 400, ..options(directory.path(), Kind::Hospital) };
    assert!(persons == make(&more).2[..300], "more persons are other persons");
    let other = SynthOptions { seed: 8, ..options(directory.path(), Kind::Hospital) };
    assert!(persons != make(&other).2, "another seed gives the same persons");
}

#[test]
fn every_person_has_a_row_and_few_have_many() {
    let directory = tempfile::tempdir().unwrap();
    for kind in Kind::ALL {
        let options =
            SynthOptions { persons: 2000, rows: Some(12_000), ..options(directory.path(), kind) };
        let (header, rows, persons) = make(&options);
        let names: Vec<&str> = kind.columns().iter().map(|column| column.name).collect();
        assert_eq!((header, rows.len()), (names.iter().map(ToString::to_string).collect(), 12_000));
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            *counts.entry(&row[0]).or_default() += 1;
        }
        assert_eq!(counts.len(), 2000);
        assert!(persons.iter().all(|person| counts.contains_key(person[0].as_str())));
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
        // The busiest tenth has about half of all rows, and nobody two percent.
        let busiest: usize = counts[..200].iter().sum();
        assert!((4000..8000).contains(&busiest), "{kind:?}: {busiest}");
        assert!(counts[0] < 240 && counts[1999] == 1, "{kind:?}: {}", counts[0]);
    }
}

#[test]
fn dates_are_within_lives_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let in_order: [(Kind, &[&str]); 4] = [
        (Kind::Claims, &["contact_date"]),
        (Kind::Hospital, &["in_date", "out_date"]),
        (Kind::Municipal, &["applied_date", "start_date", "end_date"]),
        (Kind::Questionnaire, &["consent_date", "answer_date"]),
    ];
    for (kind, names) in in_order {
        let options =
            SynthOptions { persons: 4000, rows: Some(8000), ..options(directory.path(), kind) };
        let (header, rows, persons) = make(&options);
        let births: HashMap<&str, &str> =
            persons.iter().map(|person| (person[0].as_str(), person[2].as_str())).collect();
        assert!(births.values().any(|birth| *birth > "2021"), "some are born meanwhile");
        for row in &rows {
            let mut before = births[row[0].as_str()];
            let dates = names.iter().map(|name| row[column(&header, name)].as_str());
            for date in dates.filter(|date| !date.is_empty()) {
                assert!(before <= date, "{kind:?}: {date} comes after {before}");
                before = date;
            }
            let about = &row[column(&header, names[0])];
            let is_consent = names[0] == "consent_date";
            assert!(is_consent || ("2020-01-01"..="2025-12-31").contains(&about.as_str()));
            assert!(row[column(&header, "birth_year")].as_str() == &births[row[0].as_str()][..4]);
        }
    }
}

#[test]
fn dated_rows_have_the_number_that_the_person_had_on_the_day() {
    let directory = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        persons: 3000,
        rows: Some(20_000),
        identifiers: Known::Dated,
        ..options(directory.path(), Kind::Hospital)
    };
    let (header, rows, persons) = make(&options);
    let mut person_of: HashMap<&str, &Row> = HashMap::new();
    for person in &persons {
        for number in [0, 4, 6].map(|place| person[place].as_str()) {
            assert!(number.is_empty() || person_of.insert(number, person).is_none());
        }
    }
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for row in &rows {
        let person = person_of[row[0].as_str()];
        let day = &row[column(&header, "in_date")];
        let (kind, number) = match () {
            () if *day < person[7] => ("duf", &person[6]),
            () if *day < person[5] => ("earlier dnr", &person[4]),
            () => (person[1].as_str(), &person[0]),
        };
        assert_eq!(*number, row[0]);
        *kinds.entry(kind).or_default() += 1;
    }
    for kind in ["duf", "earlier dnr", "dnr", "fnr"] {
        assert!(kinds[kind] > 10, "{kinds:?}");
    }
}

#[test]
fn csv_and_parquet_hold_the_same_rows() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, compression, id_type) in [
        (Kind::Claims, Compression::Zstd, IdentifierForm::Text),
        (Kind::Hospital, Compression::Snappy, IdentifierForm::Integer),
        (Kind::Municipal, Compression::Zstd, IdentifierForm::Integer),
        (Kind::Questionnaire, Compression::Snappy, IdentifierForm::Text),
    ] {
        // More rows than a batch of the Parquet file has.
        let csv = SynthOptions {
            rows: Some(17_000),
            identifiers: Known::Dated,
            ..options(directory.path(), kind)
        };
        let (header, rows, persons) = make(&csv);
        let parquet = SynthOptions {
            out: directory.path().join("rows.parquet"),
            population: Some(directory.path().join("persons.PARQUET")),
            compression: Some(compression),
            id_type: Some(id_type),
            ..csv
        };
        run(&parquet).unwrap();
        assert!(read_parquet(&parquet.out) == (header, rows), "{kind:?}: other rows");
        assert!(read_parquet(parquet.population.as_ref().unwrap()).1 == persons, "other persons");

        let file = std::fs::File::open(&parquet.out).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let used = builder.metadata().row_group(0).column(0).compression();
        let is_zstd = matches!(used, basic::Compression::ZSTD(_));
        assert_eq!(is_zstd, compression == Compression::Zstd);
        let is_integer = *builder.schema().field(0).data_type() == DataType::Int64;
        assert_eq!(is_integer, id_type == IdentifierForm::Integer);
    }
}

/// How many identifiers stand in a cell, wherever they begin.
fn identifiers_in(cell: &str, rules: &RulesAt<'_>) -> usize {
    let bare: String = cell.chars().filter(|c| !"-. ".contains(*c)).collect();
    let windows =
        [11, 12].into_iter().flat_map(|length| bare.as_bytes().windows(length).collect::<Vec<_>>());
    windows.filter(|digits| parse_text(rules, Declared::Any, None, digits).is_ok()).count()
}

/// Also blanks, dots and hyphens do not hide one; numbers of real form are looked for as well.
#[test]
fn no_column_but_the_first_holds_an_identifier_unless_it_is_planted() {
    let directory = tempfile::tempdir().unwrap();
    let (test, production) = (rules(Mode::Test), rules(Mode::Production));
    for kind in Kind::ALL {
        for planted in [0, 1, 37, 1000] {
            let plant = PlantOption { column: "comment".into(), count: planted };
            let also = PlantOption { column: "unit".into(), count: planted.min(2) };
            let options = SynthOptions {
                plant_identifiers: vec![plant, also],
                ..options(directory.path(), kind)
            };
            let (header, rows, _) = make(&options);
            let holding = |column: usize| -> Vec<&Row> {
                let found = |row: &&Row| {
                    identifiers_in(&row[column], &at(&test)) > 0
                        || identifiers_in(&row[column], &at(&production)) > 0
                };
                rows.iter().filter(found).collect()
            };
            for (place, name) in header.iter().enumerate().skip(1) {
                let expected = match name.as_str() {
                    "comment" => planted,
                    "unit" => planted.min(2),
                    _ => 0,
                };
                let holding = holding(place);
                assert_eq!(u64::try_from(holding.len()).unwrap(), expected, "{kind:?} {name}");
                assert!(holding.iter().all(|row| row[place].ends_with(&row[0])));
            }
        }
    }
}

#[test]
fn options_that_do_not_fit_are_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let good = || options(directory.path(), Kind::Hospital);
    let plant = |column: &str, count| vec![PlantOption { column: column.to_owned(), count }];
    let bad = [
        ("fewer rows than persons", SynthOptions { rows: Some(299), ..good() }),
        ("no file of a known form", SynthOptions { out: "rows.tsv".into(), ..good() }),
        ("no file of a known form", SynthOptions { population: Some("p".into()), ..good() }),
        ("name the same file", SynthOptions { population: Some(good().out), ..good() }),
        ("for Parquet", SynthOptions { compression: Some(Compression::Snappy), ..good() }),
        ("for Parquet", SynthOptions { id_type: Some(IdentifierForm::Text), ..good() }),
        ("do not have", SynthOptions { plant_identifiers: plant("nowhere", 1), ..good() }),
        ("do not have", SynthOptions { plant_identifiers: plant("fnr", 1), ..good() }),
        ("do not have", SynthOptions { plant_identifiers: plant("in_date", 1), ..good() }),
        ("more identifiers", SynthOptions { plant_identifiers: plant("unit", 1001), ..good() }),
    ];
    for (said, options) in bad {
        let refused = run(&options).unwrap_err();
        assert_eq!(refused.exit(), Exit::Usage);
        assert!(refused.to_string().contains(said), "{refused}, not {said}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_exists_is_kept_unless_it_may_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let keep = SynthOptions { overwrite: false, ..options(directory.path(), Kind::Hospital) };
    run(&keep).unwrap();
    let other = SynthOptions { seed: 8, ..keep };
    let before = std::fs::read(&other.out).unwrap();
    assert_eq!(run(&other).unwrap_err().exit(), Exit::Precondition);
    assert!(std::fs::read(&other.out).unwrap() == before);
    run(&SynthOptions { overwrite: true, ..other }).unwrap();
    assert!(std::fs::read(directory.path().join("rows.csv")).unwrap() != before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left aside");
}

#[test]
fn a_row_that_does_not_fit_its_table_is_not_written() {
    const COLUMNS: [Column; 3] = [identifier("a"), text("b"), date("c")];
    let directory = tempfile::tempdir().unwrap();
    for (name, form) in [
        ("rows.csv", Form::Csv),
        ("rows.parquet", Form::Parquet(Compression::Zstd, IdentifierForm::Text)),
    ] {
        let path = directory.path().join(name);
        let number = Identifier { kind: IdKind::Duf, number: 1 };
        let fits = |write: &dyn Fn(&mut Table)| {
            let mut table = Table::create(&path, form, Existing::Keep, &COLUMNS).unwrap();
            table.identifier(number);
            write(&mut table);
            table.end_row().is_ok()
        };
        assert!(fits(&|table| {
            table.text("x");
            table.absent();
        }));
        assert!(!fits(&|_| {}), "{name}: too few cells");
        assert!(!fits(&|table| (0..2).for_each(|_| table.text("x"))), "{name}: no date");
        assert!(!fits(&|table| (0..3).for_each(|_| table.absent())), "{name}: too many cells");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was published");
}
