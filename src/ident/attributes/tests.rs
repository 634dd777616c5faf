use super::*;
use crate::ident::testing::{BEFORE_2032, FROM_2032, assigner, read, rules, with_check_digits};
use crate::ident::{Declared, Mode, parse_number};
use jiff::civil::date;

/// DOMAIN B9: inputs of the pure function, no validity claimed.
#[test]
fn century_table_gives_the_years_of_domain_b9() {
    let year_of = |text: &str| {
        birth_year(NumberSeries::Fnr, text[4..6].parse().unwrap(), text[6..9].parse().unwrap())
    };
    assert_eq!(year_of("01016666609"), Some(1866));
    assert_eq!(year_of("01015466609"), Some(1854));
    assert_eq!(year_of("01016633301"), Some(1966));
    assert_eq!(year_of("01019196697"), Some(1991));
    assert_eq!(year_of("01013366671"), Some(2033));
}

/// Goal: the tables of DOMAIN B1 and B2 and nothing else. Method: all pairs against the rows as
/// the sources write them; no pair may be in two rows.
#[test]
fn century_tables_equal_their_sources_for_every_pair() {
    let fnr = [(500..=749, 1854..=1899), (0..=499, 1900..=1999), (900..=999, 1940..=1999)];
    let fnr = [fnr.as_slice(), &[(500..=999, 2000..=2039)]].concat();
    let dnr = [
        (500..=599, 1858..=1899),
        (0..=199, 1900..=1939),
        (0..=499, 1940..=1999),
        (600..=999, 1940..=1999),
        (200..=999, 2000..=2039),
    ];
    for (series, rows) in [(NumberSeries::Fnr, fnr), (NumberSeries::Dnr, dnr.to_vec())] {
        for year in 0..100u8 {
            for individ in 0..1000u16 {
                let years: Vec<i16> = rows
                    .iter()
                    .filter(|(individs, _)| individs.contains(&individ))
                    .flat_map(|(_, years)| years.clone())
                    .filter(|full| full % 100 == i16::from(year))
                    .collect();
                assert!(years.len() <= 1, "{series:?} {year} {individ}: {years:?}");
                assert_eq!(birth_year(series, year, individ), years.first().copied());
            }
        }
        assert_eq!(birth_year(series, 100, 0), None);
        assert_eq!(birth_year(series, 50, 1000), None);
    }
}

#[test]
fn d_numbers_of_the_2021_series_have_skatteetatens_years() {
    let rules = rules(Mode::Test);
    let rules = rules.at(BEFORE_2032);
    for (numbers, year) in [
        ([41_814_061_033, 41_814_065_640, 41_814_075_603], 1940),
        ([41_810_021_827, 41_810_025_091, 41_810_034_422], 2000),
    ] {
        for number in numbers {
            let id = read(&rules, number).unwrap();
            assert_eq!(birth_date(&id, &rules), Some(date(year, 1, 1)));
        }
    }
}

#[test]
fn sex_is_the_parity_of_the_last_individ_digit() {
    let rules = rules(Mode::Test);
    let rules = rules.at(BEFORE_2032);
    // Individ numbers 998, 999 and 610.
    for (number, wanted) in
        [(5_840_399_895, Sex::Female), (12_829_499_914, Sex::Male), (41_814_061_033, Sex::Female)]
    {
        assert_eq!(sex(&read(&rules, number).unwrap(), &rules), Some(wanted));
    }
}

#[test]
fn nothing_is_told_from_2032_on_nor_by_numbers_of_the_2032_rule() {
    let test = rules(Mode::Test);
    let old = read(&test.at(BEFORE_2032), 5_840_399_895).unwrap();
    assert_eq!(birth_date(&old, &test.at(BEFORE_2032)), Some(date(2003, 4, 5)));
    assert_eq!(birth_date(&old, &test.at(FROM_2032)), None);
    assert_eq!(sex(&old, &test.at(FROM_2032)), None);
    let new = read(&test.at(FROM_2032), 30_908_299_902).unwrap();
    for received in [BEFORE_2032, FROM_2032] {
        assert_eq!(birth_date(&new, &test.at(received)), None);
        assert_eq!(sex(&new, &test.at(received)), None);
    }
}

#[test]
fn kinds_without_a_reliable_date_tell_nothing() {
    let production = rules(Mode::Production);
    let rules = production.at(BEFORE_2032);
    for number in [80_008_621_423, 200_900_595_509, 9_448_542_138] {
        let id = parse_number(&rules, Declared::Any, Some(assigner()), number).unwrap();
        assert_eq!((birth_date(&id, &rules), sex(&id, &rules)), (None, None));
    }
}

#[test]
fn dates_that_the_calendar_or_the_day_of_receipt_rule_out_are_not_told() {
    let test = rules(Mode::Test);
    let with_individ = |head: u64, individs: std::ops::Range<u64>| {
        individs.into_iter().find_map(|individ| with_check_digits(head * 1000 + individ)).unwrap()
    };
    // 29 February 1900: the digits pass, as 00 reads as 2000; the calendar of 1900 lacks it.
    let leap_1900 = read(&test.at(BEFORE_2032), with_individ(298_200, 0..500)).unwrap();
    assert_eq!(birth_date(&leap_1900, &test.at(BEFORE_2032)), None);
    let leap_2000 = read(&test.at(BEFORE_2032), with_individ(298_200, 500..1000)).unwrap();
    assert_eq!(birth_date(&leap_2000, &test.at(BEFORE_2032)), Some(date(2000, 2, 29)));
    // Born on 1 January 2030.
    let unborn = read(&test.at(BEFORE_2032), with_individ(18_130, 500..1000)).unwrap();
    assert_eq!(birth_date(&unborn, &test.at(date(2029, 12, 31))), None);
    assert_eq!(birth_date(&unborn, &test.at(date(2030, 1, 1))), Some(date(2030, 1, 1)));
}

#[test]
fn months_that_two_markers_share_tell_no_date_but_the_sex() {
    let test = rules(Mode::Test);
    let rules = test.at(BEFORE_2032);
    let shared = read(&rules, 49_680_699_185).unwrap();
    assert_eq!(birth_date(&shared, &rules), None);
    assert_eq!(sex(&shared, &rules), Some(Sex::Male));
    let nhn_only = with_check_digits(17_390_300).or_else(|| with_check_digits(17_390_301));
    let nhn_only = read(&rules, nhn_only.unwrap()).unwrap();
    assert_eq!(birth_date(&nhn_only, &rules), Some(date(1990, 8, 1)));
}
