//! `hvelv synth`: synthetic persons and hospital episodes, the same from the same seed.
//!
//! Every number carries the Tenor marker (month + 80), so none belongs to a real person.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};

use super::error::{Error, Exit};
use super::output;
use super::pseudonymize::destination::{Destination, Existing};
use super::random::SplitMix64;
use crate::ident::NumberSeries;
use crate::ident::synthetic::tenor_number;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  A million episodes of 200,000 synthetic persons:
    hvelv synth --persons 200000 --rows 1000000 --seed 1 --out episodes.csv

  The same, and the list of persons:
    hvelv synth --persons 200000 --rows 1000000 --out episodes.csv --population persons.csv

All numbers are synthetic fødselsnumre and, one in twenty, D-numbers with Skatteetaten's Tenor
marker (month + 80). The same seed gives the same files. Every person has at least one row.
Columns: fnr, episode_id, in_date, out_date, icd10, unit.";

const FIRST_BIRTH: Date = date(1930, 1, 1);
const BIRTH_DAYS: usize = 90 * 365;
const FIRST_EPISODE: Date = date(2020, 1, 1);
const EPISODE_DAYS: usize = 6 * 365;
const LONGEST_STAY_DAYS: usize = 14;

/// More would make the draw without repetition slow: there are some 15 million numbers.
const PERSONS_MAX: u64 = 10_000_000;

/// One person in so many has a D-number.
const DNR_SHARE: usize = 20;

/// Bytes written at a time.
const FLUSH_BYTES: usize = 64 * 1024;

const CODES: [&str; 20] = [
    "A09.9", "C50.9", "E11.9", "F32.1", "G35", "G40.9", "I21.4", "I48.0", "I63.9", "J18.9",
    "J44.1", "K35.8", "K80.2", "M16.1", "N39.0", "O80", "R07.4", "S52.5", "S72.0", "Z51.1",
];

/// Units, quoted where CSV needs it.
const UNITS: [&str; 8] = [
    "\"Haukeland, medisinsk avdeling\"",
    "\"Oslo universitetssykehus, Ullevål\"",
    "\"St. Olavs hospital, kirurgisk klinikk\"",
    "Akershus universitetssykehus",
    "Nordlandssykehuset Bodø",
    "Stavanger universitetssjukehus",
    "Sykehuset i Vestfold",
    "UNN Tromsø",
];

/// Makes a synthetic population and hospital episodes.
#[derive(Debug, clap::Args)]
pub(super) struct SynthOptions {
    /// How many persons.
    #[arg(long, value_name = "N", default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1..=PERSONS_MAX))]
    persons: u64,

    /// How many rows; at least as many as persons.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: u64,

    /// What decides everything that is random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// File to write the episodes to.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// File to write the persons to.
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,

    /// Replaces files that exist.
    #[arg(long)]
    overwrite: bool,
}

/// A synthetic person.
struct Person {
    number: u64,
    series: NumberSeries,
    birth: Date,
}

/// Runs the command.
///
/// # Errors
///
/// Fewer rows than persons; files that exist; a full disk.
pub(super) fn run(options: &SynthOptions) -> Result<Exit, Error> {
    if options.rows < options.persons {
        return Err(Error::usage("there are fewer rows than persons")
            .advise("Every person has at least one row: give --rows at least as large."));
    }
    let existing = if options.overwrite { Existing::Replace } else { Existing::Keep };
    let mut episodes = Destination::create(&options.out, existing)?;
    let mut random = SplitMix64::new(options.seed);
    let persons = draw_persons(options.persons, &mut random);
    if let Some(path) = &options.population {
        write_population(path, existing, &persons)?;
    }
    write_episodes(&mut episodes, &persons, options.rows, &mut random)?;
    episodes.publish()?;
    output::note(&format!(
        "{} rows about {} synthetic persons: {}",
        options.rows,
        options.persons,
        options.out.display()
    ));
    Ok(Exit::Success)
}

/// Draws persons, each number once.
fn draw_persons(count: u64, random: &mut SplitMix64) -> Vec<Person> {
    let days: Vec<Date> = days_from(FIRST_BIRTH).take(BIRTH_DAYS).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut drawn = HashSet::with_capacity(count);
    let mut persons = Vec::with_capacity(count);
    while persons.len() < count {
        let birth = days.get(random.below(days.len())).copied().unwrap_or(FIRST_BIRTH);
        let individ = u16::try_from(random.below(1000)).unwrap_or_default();
        let series =
            if random.below(DNR_SHARE) == 0 { NumberSeries::Dnr } else { NumberSeries::Fnr };
        if let Some(number) = tenor_number(series, birth, individ)
            && drawn.insert(number)
        {
            persons.push(Person { number, series, birth });
        }
    }
    persons
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok())
}

fn write_population(path: &Path, existing: Existing, persons: &[Person]) -> Result<(), Error> {
    let mut destination = Destination::create(path, existing)?;
    destination.append(b"fnr,type,birth_date\n")?;
    let mut text = String::new();
    for Person { number, series, birth } in persons {
        let kind = match series {
            NumberSeries::Dnr => "dnr",
            NumberSeries::Fnr => "fnr",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{number:011},{kind},{birth}");
        flush(&mut destination, &mut text, FLUSH_BYTES)?;
    }
    flush(&mut destination, &mut text, 0)?;
    destination.publish()
}

/// Writes rows in no order: a person's first row may be anywhere.
fn write_episodes(
    destination: &mut Destination,
    persons: &[Person],
    rows: u64,
    random: &mut SplitMix64,
) -> Result<(), Error> {
    destination.append(b"fnr,episode_id,in_date,out_date,icd10,unit\n")?;
    let days: Vec<String> = days_from(FIRST_EPISODE)
        .take(EPISODE_DAYS + LONGEST_STAY_DAYS)
        .map(|day| day.to_string())
        .collect();
    let mut text = String::new();
    let mut met = 0;
    for row in 0..rows {
        // As many first rows are left as persons; each row is one of them with that probability.
        let left = usize::try_from(rows - row).unwrap_or(usize::MAX);
        let person = if met == 0 || random.below(left) < persons.len() - met {
            met += 1;
            persons.get(met - 1)
        } else {
            persons.get(random.below(met))
        };
        let number = person.map_or(0, |person| person.number);
        let day_in = random.below(EPISODE_DAYS);
        let day_out = day_in + random.below(LONGEST_STAY_DAYS);
        let _ = writeln!(
            text,
            "{number:011},E{:09},{},{},{},{}",
            row + 1,
            days.get(day_in).map_or("", String::as_str),
            days.get(day_out).map_or("", String::as_str),
            CODES.get(random.below(CODES.len())).unwrap_or(&""),
            UNITS.get(random.below(UNITS.len())).unwrap_or(&""),
        );
        flush(destination, &mut text, FLUSH_BYTES)?;
    }
    flush(destination, &mut text, 0)
}

/// Hands text over when there is enough of it.
fn flush(destination: &mut Destination, text: &mut String, enough: usize) -> Result<(), Error> {
    if text.len() >= enough {
        destination.append(text.as_bytes())?;
        text.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn make(persons: u64, rows: u64, seed: u64) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let (out, population) = (directory.path().join("e.csv"), directory.path().join("p.csv"));
        let options = SynthOptions {
            persons,
            rows,
            seed,
            out: out.clone(),
            population: Some(population.clone()),
            overwrite: false,
        };
        run(&options).unwrap();
        assert_eq!(run(&options).unwrap_err().exit(), Exit::Precondition);
        (std::fs::read_to_string(out).unwrap(), std::fs::read_to_string(population).unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_files_and_another_seed_others() {
        let first = make(50, 200, 1);
        assert!(first == make(50, 200, 1));
        assert!(first != make(50, 200, 2));
    }

    #[test]
    fn every_person_has_a_row_and_every_number_is_synthetic() {
        let (episodes, population) = make(300, 900, 3);
        let mut rows_of: HashMap<String, usize> = HashMap::new();
        let mut reader = csv::Reader::from_reader(episodes.as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            assert_eq!(record.len(), 6);
            assert!(record[2] <= record[3], "out before in");
            *rows_of.entry(record[0].to_owned()).or_default() += 1;
        }
        assert_eq!(rows_of.values().sum::<usize>(), 900);
        assert_eq!(rows_of.len(), 300);
        let mut kinds = HashMap::new();
        for record in csv::Reader::from_reader(population.as_bytes()).records() {
            let record = record.unwrap();
            assert!(rows_of.contains_key(&record[0]), "a person without a row");
            let month: u32 = record[0][2..4].parse().unwrap();
            assert!((81..=92).contains(&month), "no Tenor marker");
            *kinds.entry(record[1].to_owned()).or_insert(0) += 1;
        }
        assert!(kinds["dnr"] > 0 && kinds["fnr"] > kinds["dnr"]);
    }

    #[test]
    fn fewer_rows_than_persons_are_refused() {
        let options = SynthOptions {
            persons: 2,
            rows: 1,
            seed: 1,
            out: PathBuf::from("never"),
            population: None,
            overwrite: false,
        };
        assert_eq!(run(&options).unwrap_err().exit(), Exit::Usage);
    }
}
