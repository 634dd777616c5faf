//! The options, and the plan that they amount to.

use std::path::{Path, PathBuf};

use super::kinds::Kind;
use super::parquet_file::Compression;
use super::population::PERSONS_MAX;
use super::subject::Known;
use super::table::{Column, Form, Holds, IdentifierForm};
use crate::cli::error::Error;
use crate::cli::pseudonymize::destination::Existing;

/// Examples for the help text.
pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  A million hospital episodes of 200,000 synthetic persons:
    hvelv synth --persons 200000 --rows 1000000 --seed 1 --out episodes.csv

  Claims of general practice about the same persons, and the list of persons:
    hvelv synth --persons 200000 --seed 1 --kind claims --out claims.parquet \\
      --population persons.csv

  Rows under the numbers that persons had at the time, ten of them with a number in a comment:
    hvelv synth --persons 1000 --identifiers dated --plant-identifiers comment=10 --out rows.csv

All fødselsnumre and D-numbers are synthetic: they have Skatteetaten's Tenor marker (month + 80).
DUF-numbers, which have no marker, are of the year 2099. One person in twenty has a D-number; some
had other numbers before. Ages and sexes are as in Norway. The same options give the same rows, and
the same --seed and --persons the same persons for every kind. Every person has at least one row.

Columns of hospital rows: fnr, episode_id, in_date, out_date, icd10, unit, unit_orgnr, patient_no,
care_level, admission, sex, birth_year, municipality, comment. Columns of persons: fnr, type,
birth_date, sex, earlier_dnr, earlier_dnr_replaced, duf, duf_replaced.";

/// Most rows of a file.
const ROWS_MAX: u64 = 1_000_000_000;

/// Rows for each person, unless they are said.
const ROWS_OF_A_PERSON: u64 = 5;

/// Makes a synthetic population, and a data file about it: CSV or Parquet.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SynthOptions {
    /// How many persons.
    #[arg(long, value_name = "N", default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1..=PERSONS_MAX))]
    pub(super) persons: u64,

    /// How many rows; at least as many as persons [default: five times as many].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=ROWS_MAX))]
    pub(super) rows: Option<u64>,

    /// What decides everything that is random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// What the rows are about.
    #[arg(long, value_enum, default_value_t = Kind::Hospital)]
    pub(super) kind: Kind,

    /// File to write the rows to: its name ends in .csv or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,

    /// File to write the persons to, with all their numbers: .csv or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(super) population: Option<PathBuf>,

    /// Which of a person's numbers stands in a row.
    #[arg(long, value_enum, default_value_t = Known::Current)]
    pub(super) identifiers: Known,

    /// Adds the person's number to so many cells of a text column, for trying out what finds such
    /// leaks. May be repeated.
    #[arg(long, value_name = "COLUMN=COUNT", value_parser = parse_plant)]
    pub(super) plant_identifiers: Vec<PlantOption>,

    /// How Parquet files are compressed [default: zstd].
    #[arg(long, value_enum)]
    pub(super) compression: Option<Compression>,

    /// What Parquet files hold identifiers as [default: text].
    #[arg(long, value_enum)]
    pub(super) id_type: Option<IdentifierForm>,

    /// Replaces files that exist.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// `COLUMN=COUNT`, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlantOption {
    pub(super) column: String,
    pub(super) count: u64,
}

/// Identifiers to plant in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plant {
    /// The column's place.
    pub(super) column: usize,
    /// How many, at most as many as there are rows.
    count: u64,
}

impl Plant {
    /// Whether one is in a row: they are spread evenly over all.
    pub(super) const fn is_in(&self, row: u64, rows: u64) -> bool {
        // Neither factor is over 10^9.
        (row + 1) * self.count / rows > row * self.count / rows
    }
}

/// What is to be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) persons: usize,
    pub(super) rows: u64,
    pub(super) kind: Kind,
    pub(super) known: Known,
    pub(super) form: Form,
    pub(super) population_form: Form,
    pub(super) plants: Vec<Plant>,
    pub(super) existing: Existing,
}

impl SynthOptions {
    /// The plan.
    ///
    /// # Errors
    ///
    /// Fewer rows than persons; a file name of another form, or the same twice; options for Parquet
    /// without a Parquet file; a column that nothing can be planted in.
    pub(super) fn plan(&self) -> Result<Plan, Error> {
        let rows = self.rows.unwrap_or(self.persons * ROWS_OF_A_PERSON);
        if rows < self.persons {
            return Err(Error::usage("there are fewer rows than persons")
                .advise("Every person has at least one row: give --rows at least as large."));
        }
        let form = self.form_of(&self.out)?;
        let population_form = match &self.population {
            Some(path) if *path == self.out => {
                return Err(Error::usage("--out and --population name the same file"));
            }
            Some(path) => self.form_of(path)?,
            None => Form::Csv,
        };
        let is_for_parquet = self.compression.is_some() || self.id_type.is_some();
        if is_for_parquet && form == Form::Csv && population_form == Form::Csv {
            return Err(Error::usage("--compression and --id-type are for Parquet files")
                .advise("Let the name of the file end in .parquet, or leave them out."));
        }
        let plants = self.plant_identifiers.iter().map(|plant| {
            let column = plantable(self.kind.columns(), &plant.column)?;
            if plant.count > rows {
                return Err(Error::usage("more identifiers are to be planted than there are rows"));
            }
            Ok(Plant { column, count: plant.count })
        });
        Ok(Plan {
            persons: usize::try_from(self.persons).unwrap_or(usize::MAX),
            rows,
            kind: self.kind,
            known: self.identifiers,
            form,
            population_form,
            plants: plants.collect::<Result<_, _>>()?,
            existing: if self.overwrite { Existing::Replace } else { Existing::Keep },
        })
    }

    /// The form that a file's name says.
    fn form_of(&self, path: &Path) -> Result<Form, Error> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("csv") => Ok(Form::Csv),
            Some("parquet") => Ok(Form::Parquet(
                self.compression.unwrap_or_default(),
                self.id_type.unwrap_or_default(),
            )),
            _ => Err(Error::usage(format!("{} is no file of a known form", path.display()))
                .advise("Let the name end in .csv or .parquet.")),
        }
    }
}

/// The place of a column that an identifier can be planted in.
fn plantable(columns: &[Column], name: &str) -> Result<usize, Error> {
    let is_it = |column: &Column| column.name == name && column.holds == Holds::Text;
    columns.iter().position(is_it).ok_or_else(|| {
        let texts = columns.iter().filter(|column| column.holds == Holds::Text);
        let names: Vec<&str> = texts.map(|column| column.name).collect();
        Error::usage("--plant-identifiers names a column that these rows do not have as text")
            .advise(format!("They have: {}.", names.join(", ")))
    })
}

fn parse_plant(text: &str) -> Result<PlantOption, String> {
    let (column, count) = text.split_once('=').ok_or("not COLUMN=COUNT, such as comment=10")?;
    let count = count.parse().map_err(|_| "the count is not a whole number")?;
    Ok(PlantOption { column: column.to_owned(), count })
}
