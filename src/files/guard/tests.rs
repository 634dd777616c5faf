use jiff::civil::date;

use super::*;
use crate::ident::{NumberSeries, synthetic};

fn guard() -> Guard {
    let mut guard = Guard::new(date(2026, 11, 22), Vec::new()).unwrap();
    guard.watch(&[None, Some("note".to_owned())]).unwrap();
    guard
}

fn fnr(count: usize) -> Vec<u64> {
    let (first, last) = (date(1950, 1, 10), date(1990, 1, 1));
    synthetic::numbers_between(NumberSeries::Fnr, first, last).take(count).collect()
}

/// What the guard finds in a column of such cells.
fn found<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>) -> Vec<(Kind, u64)> {
    let mut guard = guard();
    cells.into_iter().for_each(|cell| guard.text(1, cell.as_ref(), &[]));
    guard.findings().into_iter().map(|finding| (finding.kind, finding.count)).collect()
}

/// SplitMix64: chance that repeats.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A DUF-number of 2020 with this running number.
fn duf(serial: u64) -> u64 {
    let head = 2_020_000_000 + serial;
    let weights = [4, 6, 3, 2, 4, 6, 3, 2, 7, 5];
    let digits = (0..10).map(|place| head / 10_u64.pow(9 - place) % 10);
    head * 100 + digits.zip(weights).map(|(digit, weight)| digit * weight).sum::<u64>() % 11
}

#[test]
fn a_single_identifier_among_many_cells_is_found_however_it_is_written() {
    let number = format!("{:011}", fnr(1)[0]);
    let (birth, rest) = number.split_at(6);
    for cell in [
        number.clone(),
        format!("mor: {number}, ring"),
        format!("{birth} {rest}"),
        format!("mor {birth}-{rest}."),
        format!("{number}.0"),
    ] {
        let mut cells = vec!["nothing here 12.5".to_owned(); 1000];
        cells[500].clone_from(&cell);
        assert_eq!(found(&cells), [(Kind::Fnr, 1)], "{}", cell.replace(&number, "N"));
    }
    assert_eq!(found(["41814061033"]), [(Kind::Dnr, 1)]);
    let mut guard = guard();
    guard.number(1, 41_814_061_033, &[]);
    assert_eq!(guard.findings().len(), 1, "a number is a cell too");
}

/// Real numbers count in test, marked ones in production: the guard does not ask where it is.
/// The real one is of the published examples.
#[test]
fn real_and_synthetic_identifiers_both_count() {
    let published = include_str!("../../../tests/vectors/identifiers.tsv");
    let is_of_1964 = |line: &&str| line.contains("\tvalid\tFNR\t-\t") && !line.contains("2032");
    let real = published.lines().filter(is_of_1964);
    let real = real.filter_map(|line| line.split('\t').next()).next().unwrap();
    assert_eq!(found([real]), [(Kind::Fnr, 1)]);
    assert_eq!(found(["41814061033"]), [(Kind::Dnr, 1)]);
}

#[test]
fn ordinary_columns_are_let_through() {
    let seed = &mut 7;
    let timestamps = (0..20_000).map(|n| {
        let (day, hour, minute) = (n % 28 + 1, random(seed) % 24, random(seed) % 60);
        format!("202601{day:02}{hour:02}{minute:02}")
    });
    assert_eq!(found(timestamps), []);
    let hours =
        (0..20_000).map(|n| format!("2026{:02}{:02}{:02}00", n % 12 + 1, n % 28 + 1, n % 24));
    assert_eq!(found(hours), [], "whole hours pass the DUF check more often, but not so");
    let seed = &mut 8;
    let cases =
        (0..20_000).map(|_| format!("{}", 100_000_000_000_000 + random(seed) % 10_u64.pow(14)));
    assert_eq!(found(cases), [], "a tenth passes the Damm digit");
    let seed = &mut 9;
    let hashes = (0..20_000).map(|_| format!("{:016x}{:016x}", random(seed), random(seed)));
    assert_eq!(found(hashes), []);
    let seed = &mut 10;
    let fractions = (0..20_000).map(|_| format!("0.{:011}", random(seed) % 100_000_000_000));
    assert_eq!(found(fractions), []);
    let phones = (0..20_000_u64).map(|n| format!("+47 {:08}", 90_000_000 + n));
    assert_eq!(found(phones), []);
    assert_eq!(found(vec![duf(1).to_string(); 100_000]), [], "a constant is one value");
}

#[test]
fn more_identifiers_of_other_kinds_than_chance_gives_are_found() {
    let numbers = (0..200).map(|serial| duf(serial).to_string());
    assert_eq!(found(numbers), [(Kind::Duf, 200)]);
    let seed = &mut 11;
    let among_timestamps = (0..4000).map(|n| match n % 20 {
        0 => duf(n).to_string(),
        _ => format!("2026{:02}{:02}{:04}", n % 12 + 1, n % 28 + 1, random(seed) % 2400),
    });
    assert!(found(among_timestamps).iter().any(|(kind, _)| *kind == Kind::Duf), "5 % of the rows");
    let days = (date(1950, 2, 1), date(1950, 2, 9));
    let lost = synthetic::numbers_between(NumberSeries::Fnr, days.0, days.1);
    let lost: Vec<String> = lost.map(|number| number.to_string()).collect();
    assert_eq!(found(&lost), [(Kind::LostZero, lost.len() as u64)]);
    let in_words = fnr(50).into_iter().map(|number| format!("id{number:011}"));
    assert_eq!(found(in_words), [(Kind::InWord, 50)]);
    let ids = (0..100).map(|body| {
        let epoch = crate::ident::KeyEpochDigit::new(1).unwrap();
        RegisterId::from_parts(epoch, body * 7919).unwrap().as_u64().to_string()
    });
    assert_eq!(found(ids), [(Kind::RegisterId, 100)]);
}

#[test]
fn a_column_that_repeats_the_identifiers_is_found_in_the_row_and_across_rows() {
    let mut same_row = guard();
    same_row.text(1, b"202012345678", &[202_012_345_678]);
    assert_eq!(same_row.findings()[0].kind, Kind::Repeated);

    let mut across = guard();
    for serial in 0..20_000 {
        across.identifier(199_900_000_000 + serial * 100 + 99);
        // Shifted by one row; none of them has matching check digits.
        across.text(1, (199_900_000_000 + (serial + 1) * 100 + 99).to_string().as_bytes(), &[1]);
    }
    let [finding] = across.findings().try_into().unwrap();
    assert_eq!(finding.kind, Kind::Repeated);
    assert!(finding.count > 100, "of 19,999 that are repeated {} are told", finding.count);
}

#[test]
fn the_refusal_names_column_count_and_kind_and_never_the_value() {
    let mut guard = guard();
    guard.text(1, b"41814061033", &[]);
    guard.text(1, b"ring 418140 61033", &[]);
    let error = guard.verdict().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Found);
    let said = format!("{error} {:?}", error.advice());
    assert!(said.contains("column note: 2 × D-number"), "{said}");
    assert!(!said.contains("4181") && !said.contains("61033"), "{said}");
}

#[test]
fn an_exception_lets_its_column_through_and_no_other_and_is_told() {
    let exception =
        |column: &str| vec![Exception { column: column.to_owned(), reason: "case 7".to_owned() }];
    let columns = ["note", "note.text", "notes"].map(|name| Some(name.to_owned()));
    let mut guard = Guard::new(date(2026, 11, 22), exception("note")).unwrap();
    guard.watch(&columns).unwrap();
    guard.text(0, b"41814061033", &[]);
    guard.text(1, b"41814061033", &[]);
    guard.verdict().unwrap();
    let told = guard.findings();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|finding| finding.reason.as_deref() == Some("case 7")));
    guard.text(2, b"41814061033", &[]);
    guard.verdict().unwrap_err();

    let mut guard = Guard::new(date(2026, 11, 22), exception("nto")).unwrap();
    assert!(guard.watch(&columns).unwrap_err().to_string().contains("no column nto"));
}

#[test]
fn an_identifier_as_the_name_of_a_column_is_refused_and_not_shown() {
    let mut guard = Guard::new(date(2026, 11, 22), Vec::new()).unwrap();
    let error = guard.watch(&[None, Some("41814061033".to_owned())]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Found);
    assert!(error.to_string().contains("column 2") && !error.to_string().contains("4181"));
}

#[test]
fn counts_go_on_after_a_checkpoint_and_fit_their_file_only() {
    let mut before = guard();
    before.text(1, b"41814061033", &[]);
    let mut after = guard();
    after.resume(&before.counts()).unwrap();
    after.text(1, b"41814061033", &[]);
    assert_eq!(after.findings()[0].count, 2);
    for wrong in [vec![], vec![vec![0], vec![0]]] {
        assert_eq!(guard().resume(&wrong).unwrap_err().kind(), ErrorKind::Stale);
    }
}
