//! What holds for every population.

use super::super::population::{Drawing, Person};
use super::*;
use crate::ident::{Marker, Reject, Sex, birth_date};

/// The statistic of a χ² test.
fn chi_square(observed: &[f64], weights: &[f64]) -> f64 {
    let scale = observed.iter().sum::<f64>() / weights.iter().sum::<f64>();
    let term = |(seen, weight): (&f64, &f64)| (seen - weight * scale).powi(2) / (weight * scale);
    observed.iter().zip(weights).map(term).sum()
}

#[test]
fn every_number_is_synthetic_given_once_and_refused_in_production() {
    let population = Population::draw(20_000, 1);
    let (test, production) = (rules(Mode::Test), rules(Mode::Production));
    let parse = |rules: &RulesAt<'_>, identifier: Identifier| {
        let digits = format!("{:011}", identifier.number);
        parse_text(rules, Declared::Kind(identifier.kind), None, digits.as_bytes())
    };
    let mut given = HashSet::new();
    for person in population.persons() {
        let Earlier { duf, dnr } = population.earlier(person);
        let dnr = dnr.map(|dnr| Identifier { kind: IdKind::Dnr, number: dnr.number });
        for identifier in dnr.into_iter().chain([person.identifier()]) {
            assert!(given.insert(identifier.number), "a number is given twice");
            let id = parse(&at(&test), identifier).unwrap();
            assert_eq!((id.kind(), id.marker()), (identifier.kind, Marker::Tenor80));
            let refused = parse(&at(&production), identifier).unwrap_err();
            assert_eq!(refused, Reject::SyntheticInProduction);
            // Each of a person's numbers tells the birth date and the sex that the list has.
            let born = birth_date(&id, &at(&test)).unwrap();
            assert_eq!(Some(born), person.born.dates_to(person.born).next());
            assert_eq!(crate::ident::sex(&id, &at(&test)), Some(person.sex));
        }
        if let Some(Replaced { number, .. }) = duf {
            assert!(given.insert(number), "a number is given twice");
            assert_eq!(number / 100_000_000, DUF_YEAR);
            assert!(parse(&at(&test), Identifier { kind: IdKind::Duf, number }).is_ok());
        }
    }
}

/// Goal: shares are the documented ones. Method: of 20,000 persons of one seed, each count is
/// within four standard deviations of what is expected, which chance leaves once in 16,000 seeds.
#[test]
fn kinds_of_identifiers_are_mixed_as_documented() {
    let population = Population::draw(20_000, 2);
    let persons = population.persons();
    let count = |is: &dyn Fn(&Person) -> bool| {
        u32::try_from(persons.iter().filter(|person| is(person)).count()).unwrap()
    };
    let is_dnr = |person: &Person| person.series == NumberSeries::Dnr;
    let had_dnr = |person: &Person| population.earlier(person).dnr.is_some();
    let had_duf = |person: &Person| population.earlier(person).duf.is_some();
    let dnrs: f64 = 1.0 / 20.0;
    let earlier_dnrs = (1.0 - dnrs) / 40.0;
    for (seen, share) in [
        (count(&is_dnr), dnrs),
        (count(&had_dnr), earlier_dnrs),
        (count(&|person| is_dnr(person) && had_duf(person)), dnrs / 10.0),
        (count(&|person| had_dnr(person) && had_duf(person)), earlier_dnrs / 5.0),
    ] {
        let expected = 20_000.0 * share;
        let deviation = (expected * (1.0 - share)).sqrt();
        assert!((f64::from(seen) - expected).abs() < 4.0 * deviation, "{seen}, not {expected}");
    }
    assert_eq!(count(&|person| is_dnr(person) && had_dnr(person)), 0);
    for person in persons {
        let Earlier { duf, dnr } = population.earlier(person);
        for replaced in duf.into_iter().chain(dnr) {
            assert!(person.born <= replaced.on && replaced.on <= Day::LAST);
        }
        assert!(duf.zip(dnr).is_none_or(|(duf, dnr)| duf.on <= dnr.on), "a DUF-number comes first");
    }
}

/// Goal: ages, sexes and months of birth are those of the pyramid. Method: χ² of 50,000 persons of
/// one seed, below what chance exceeds once in 1000 seeds for as many degrees of freedom.
#[test]
fn ages_sexes_and_months_are_those_of_norway() {
    let population = Population::draw(50_000, 3);
    let mut groups = [0.0; 42];
    let mut months = [0.0; 12];
    let (mut youngest, mut oldest) = (i16::MAX, 0);
    for person in population.persons() {
        let born = person.born.dates_to(person.born).next().unwrap();
        let age = pyramid::AGE_YEAR - born.year();
        (youngest, oldest) = (youngest.min(age), oldest.max(age));
        let of_age =
            |group: &pyramid::AgeGroup| (group.from..group.from + group.years).contains(&age);
        let group = pyramid::GROUPS.iter().position(of_age).unwrap();
        groups[2 * group + usize::from(person.sex == Sex::Male)] += 1.0;
        months[usize::try_from(born.month() - 1).unwrap()] += 1.0;
    }
    let weights: Vec<f64> = pyramid::GROUPS
        .iter()
        .flat_map(|group| [group.persons * (100 - group.men), group.persons * group.men])
        .map(|weight| f64::from(u32::try_from(weight).unwrap()))
        .collect();
    assert!(chi_square(&groups, &weights) < 74.7, "41 degrees of freedom");
    // Statistics Norway's index, and the days of each month.
    let index = [97., 104., 105., 109., 105., 103., 104., 101., 102., 93., 89., 88.];
    let days = [31., 28.25, 31., 30., 31., 30., 31., 31., 30., 31., 30., 31.];
    let weights: Vec<f64> = index.iter().zip(days).map(|(index, days)| index * days).collect();
    assert!(chi_square(&months, &weights) < 31.3, "11 degrees of freedom");
    assert!(youngest == 0 && (100..=105).contains(&oldest), "{youngest} to {oldest}");
}

#[test]
fn a_day_that_is_full_gives_no_more_numbers() {
    // 2 January 1920: the first 500 individ numbers, half of them men's, (10/11)² of them valid.
    let mut drawing = Drawing::new(1);
    let numbers: Vec<u64> =
        std::iter::from_fn(|| drawing.number(NumberSeries::Fnr, 1, Sex::Male)).collect();
    // Not each of the last few is found by chance, and none is found twice.
    assert!((180..=215).contains(&numbers.len()), "{}", numbers.len());
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
}
