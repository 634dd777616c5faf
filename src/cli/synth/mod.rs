//! `hvelv synth`: a synthetic population, and data files about it like those that registers get.
//!
//! Why it exists: whoever tries out Hvelv, or tests it, needs files of any size that look like the
//! real ones, with nobody real in them.
//!
//! ```text
//! seed, persons ──► population ──► persons with all that identified them
//!                       │
//! seed, kind, rows ──► subjects ──► rows of a kind ──► table ──► CSV or Parquet
//! ```
//!
//! # Invariants
//!
//! - Every fødselsnummer and D-number carries the Tenor marker (month + 80); every DUF-number is of
//!   the year 2099.
//! - The same options give the same rows on every machine: one thread, whole numbers, own tables.
//!   The population depends on the seed and the number of persons alone.
//! - Every person has a row, no row is about a day before a birth, and no column but the first
//!   holds an identifier, unless it is planted.
//!
//! # What it does *not* protect
//!
//! The data are like real ones in form only. Nothing about health can be learned from them.

mod cells;
mod claims;
mod codes;
mod csv_file;
mod days;
mod digits;
mod hospital;
mod kinds;
mod municipal;
mod options;
mod parquet_file;
mod population;
mod pyramid;
mod questionnaire;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod weighted;

use super::error::{Error, Exit};
use super::output;
use super::random::SplitMix64;
use crate::ident::synthetic::DUF_YEAR;
use crate::ident::{IdKind, NumberSeries};
use kinds::Writer;
use options::Plan;
use population::{Earlier, Identifier, Population, Replaced};
use subject::{Known, Subjects};
use table::{Column, Table, date, identifier, text};

pub(super) use options::{EXAMPLES, SynthOptions};

/// Columns of the list of persons. The first is what identifies them now.
const PERSON_COLUMNS: [Column; 8] = [
    identifier("fnr"),
    text("type"),
    date("birth_date"),
    text("sex"),
    text("earlier_dnr"),
    date("earlier_dnr_replaced"),
    text("duf"),
    date("duf_replaced"),
];

/// DUF-numbers that begin with the same 7 digits.
const DUFS_OF_A_PREFIX: u64 = 1000;

/// Runs the command.
///
/// # Errors
///
/// Options that do not fit together; files that exist; a full disk.
pub(super) fn run(options: &SynthOptions) -> Result<Exit, Error> {
    let plan = options.plan()?;
    // Both are begun before the work, so that a name that is taken is known at once.
    let mut rows = Table::create(&options.out, plan.form, plan.existing, plan.kind.columns())?;
    let persons = options
        .population
        .as_ref()
        .map(|path| Table::create(path, plan.population_form, plan.existing, &PERSON_COLUMNS));
    let persons = persons.transpose()?;
    let population = Population::draw(plan.persons, options.seed);
    if let Some(table) = persons {
        write_persons(table, &population)?;
    }
    write_rows(&mut rows, &plan, &population, options.seed)?;
    rows.publish()?;
    output::note(&format!(
        "{} rows about {} synthetic persons: {}",
        plan.rows,
        plan.persons,
        options.out.display()
    ));
    if plan.known == Known::Dated && population.duf_count() > 0 {
        output::note(&format!(
            "a test server takes the DUF-numbers with {}",
            prefixes(&population)
        ));
    }
    Ok(Exit::Success)
}

/// Writes every person with what identified them.
fn write_persons(mut table: Table, population: &Population) -> Result<(), Error> {
    for person in population.persons() {
        table.identifier(person.identifier());
        table.text(match person.series {
            NumberSeries::Dnr => "dnr",
            NumberSeries::Fnr => "fnr",
        });
        table.date(person.born);
        table.text(cells::sex(person.sex));
        let Earlier { duf, dnr } = population.earlier(person);
        write_replaced(&mut table, dnr, IdKind::Dnr);
        write_replaced(&mut table, duf, IdKind::Duf);
        table.end_row()?;
    }
    table.publish()
}

fn write_replaced(table: &mut Table, replaced: Option<Replaced>, kind: IdKind) {
    match replaced {
        Some(Replaced { number, on }) => {
            table.identifier_text(Identifier { kind, number });
            table.date(on);
        }
        None => {
            table.absent();
            table.absent();
        }
    }
}

/// Writes rows in no order: a person's rows may be anywhere.
fn write_rows(
    table: &mut Table,
    plan: &Plan,
    population: &Population,
    seed: u64,
) -> Result<(), Error> {
    let mut random = SplitMix64::new(seed ^ plan.kind.salt());
    let writer = Writer::new(plan.kind);
    let mut subjects = Subjects::new(population, (plan.kind, plan.known), plan.rows, seed);
    for row in 0..plan.rows {
        let Some(subject) = subjects.next(&mut random) else { break };
        let planted = plan.plants.iter().filter(|plant| plant.is_in(row, plan.rows));
        table.plant(planted.map(|plant| plant.column), subject.person.number);
        writer.write(subject, &mut random, table);
        table.end_row()?;
    }
    Ok(())
}

/// The beginnings of all DUF-numbers, as a server's configuration has them.
fn prefixes(population: &Population) -> String {
    let count = population.duf_count().div_ceil(DUFS_OF_A_PREFIX);
    let prefix = |place: u64| format!("\"{DUF_YEAR}{place:03}\"");
    match count {
        0 | 1 => format!("test_duf_prefixes = [{}]", prefix(0)),
        _ => format!("test_duf_prefixes = [{}, …, {}]", prefix(0), prefix(count - 1)),
    }
}
