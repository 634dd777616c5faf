//! The options of `hvelv pseudonymize`.

use std::path::PathBuf;

use jiff::civil::Date;

use super::columns::{ColumnOption, needs_assigner, parse_column, parse_exception};
use super::resume::ROWS_MIN;
use super::words::{EncodingOption, FormatOption, IdentifierType, Mode, Purpose, Rejected};
use crate::cli::connect::ConnectOptions;
use crate::cli::error::Error;
use crate::files::delimited::{Encoding, Layout};
use crate::files::destination::Existing;
use crate::files::guard::Exception;
use crate::files::{Format, LeadingZeros};
use crate::rpc::proto;
use crate::service::{EXCEPTIONS_MAX, LogLine};

/// Examples for the help text.
pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  Replace the column fnr of a hospital delivery; the new column is called npr_id:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register NPR --source HF \\
      --period 2026-01-01..2026-03-31 --id-column fnr episodes.csv episodes-npr.csv

  Look up only, without recording anybody new, and fail if a row has no ID:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register NPR --source HF \\
      --mode resolve --fail-on-rejects --id-column fnr episodes.csv episodes-npr.csv

  Mother and child, of whom the child may have no number yet; every Parquet file of a directory:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register MFR --source FODEINSTITUSJON \\
      --period 2026 --id-column mor_fnr::mor_id --optional-id-column barn_fnr::barn_id \\
      --out-dir out births/*.parquet

  Patients of a rehabilitation register; names and addresses are taken out and sealed too:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register REHAB --source LOKAL \\
      --period 2026 --id-column fnr --name-column navn --address-column adresse in.csv out.csv

Files: CSV with a header row, separated by , ; or tab, or Parquet. All other columns stay as they
are: in CSV byte for byte, in Parquet with their types. In CSV an ID is 15 digits, in Parquet a
64-bit integer, null where there is none. OUT appears only when it is complete. - is standard
input or output (CSV only as input).

Rows without an ID are listed in OUT.rejects.csv by row number (the first row after the header is
1) and code: format, check_digits, date, synthetic_in_production, real_in_test, kind_mismatch,
assigner_missing, unknown, suppressed, register_closed, budget_spent. With several columns of
identifiers the column is there too. Rows that are suppressed are left out of OUT always.

A person whose identifier has changed has one ID. Rows that came under another of the person's
identifiers are listed in OUT.leaf-ids.csv with that identifier's own ID: keep both, so that the
rows can be told apart if the two turn out to be two persons after all.

The guard: a file is refused (exit code 7) when another column holds a fødselsnummer or D-number,
or more of the other kinds than chance gives, or repeats the identifiers. The message names column,
kind and count.

If it fails, nothing is written. A file with more rows than --checkpoint-rows goes on from its last
checkpoint when the same command is run again. Sending a file again is safe: the same identifiers
get the same IDs. Rows without an ID are no failure unless --fail-on-rejects is given (exit code 8).
Of several files, a bad one does not stop the others; the exit code is that of the first that
failed.";

/// Replaces the national identifiers in CSV and Parquet files by register IDs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PseudonymizeOptions {
    /// Register that the rows are for, for example NPR.
    #[arg(long, value_name = "CODE")]
    pub(super) register: String,

    /// Source that the rows come from, as the catalogue has it: see `hvelv registers NPR`.
    #[arg(long, value_name = "CODE")]
    pub(super) source: String,

    /// Column that holds identifiers, what they are (see --type), and what the column of IDs is
    /// called [default: what the register calls its ID]. May be given several times; all columns
    /// go in one delivery. A colon in a name is written \:
    #[arg(long, value_name = "NAME[:TYPE[:OUTPUT]]", value_parser = parse_column)]
    #[arg(required_unless_present = "optional_id_column")]
    pub(super) id_column: Vec<ColumnOption>,

    /// The same for a column that may be empty: an empty cell stays empty and is no reject.
    #[arg(long, value_name = "NAME[:TYPE[:OUTPUT]]", value_parser = parse_column)]
    pub(super) optional_id_column: Vec<ColumnOption>,

    /// Column that holds names. They are sealed beside the identifiers, and the column is left out of
    /// OUT. Only for registers that keep names; CSV only.
    #[arg(long, value_name = "NAME")]
    pub(super) name_column: Option<String>,

    /// The same for addresses.
    #[arg(long, value_name = "NAME")]
    pub(super) address_column: Option<String>,

    /// Period that the rows report about, both days included: 2026-01-01..2026-12-31, or a year.
    /// Without it, this year until today; a historical import must name its period.
    #[arg(long, value_name = "FROM..TO", value_parser = parse_period)]
    pub(super) period: Option<Period>,

    /// Whether persons seen for the first time are recorded.
    #[arg(long, value_enum, default_value_t = Mode::Assign)]
    pub(super) mode: Mode,

    /// Why the rows are sent.
    #[arg(long, value_enum, default_value_t = Purpose::Reporting)]
    pub(super) purpose: Purpose,

    /// What the identifiers are, in columns that do not say.
    #[arg(long = "type", value_enum, default_value_t = IdentifierType::Any)]
    pub(super) identifier_type: IdentifierType,

    /// Who assigned them: organisation number, 9 digits. Required for H-numbers.
    #[arg(long, value_name = "ORGNR", value_parser = parse_assigner)]
    pub(super) assigner: Option<String>,

    /// What separates the columns: one character, or `tab` [default: what the header shows].
    #[arg(long, value_name = "CHAR", value_parser = parse_delimiter)]
    pub(super) delimiter: Option<u8>,

    /// How a CSV file is encoded. The output is encoded in the same way.
    #[arg(long, value_enum, default_value_t = EncodingOption::Utf8)]
    pub(super) encoding: EncodingOption,

    /// What the files are [default: by name (.parquet, .pq), then by their first bytes].
    #[arg(long, value_enum)]
    pub(super) format: Option<FormatOption>,

    /// Ten digits are eleven, the first of them 0: the columns were taken for numbers once. Columns
    /// that are numbers, in Parquet, need this not.
    #[arg(long)]
    pub(super) leading_zeros: bool,

    /// What becomes of rows without an ID [default: leave-out for CSV, keep for Parquet, where the
    /// ID is null].
    #[arg(long, value_enum)]
    pub(super) rejected_rows: Option<Rejected>,

    /// Where rows without an ID are listed [default: OUT.rejects.csv; nowhere if OUT is -].
    #[arg(long, value_name = "FILE", conflicts_with = "out_dir")]
    pub(super) rejects: Option<PathBuf>,

    /// Where the own IDs of identifiers that were joined to another are listed [default:
    /// OUT.leaf-ids.csv; nowhere if OUT is -].
    #[arg(long, value_name = "FILE", conflicts_with = "out_dir")]
    pub(super) leaf_ids: Option<PathBuf>,

    /// Lets a column through although it holds identifiers, and says why: the server's audit log
    /// has column and reason. May be given several times.
    #[arg(long, value_name = "COLUMN=REASON", value_parser = parse_exception)]
    pub(super) allow_identifiers: Vec<Exception>,

    /// Replaces OUT and the lists beside it if they exist, once the new ones are complete.
    #[arg(long)]
    pub(super) overwrite: bool,

    /// Rows between two checkpoints, beside the output as OUT.checkpoint; 0 for none.
    #[arg(long, value_name = "N", default_value = "5000000", value_parser = parse_checkpoint_rows)]
    pub(super) checkpoint_rows: u64,

    /// Begins anew: throws away a checkpoint and what it speaks of.
    #[arg(long)]
    pub(super) restart: bool,

    /// Exits with code 8 if a row has no ID. The output is written all the same.
    #[arg(long)]
    pub(super) fail_on_rejects: bool,

    /// Most rows in a batch; the server may want fewer.
    #[arg(long, value_name = "N", default_value = "8192", value_parser = parse_batch_rows)]
    pub(super) batch_rows: usize,

    /// Says nothing but errors, and what --allow-identifiers let through.
    #[arg(long)]
    pub(super) quiet: bool,

    /// Writes events to standard output as JSON, one a line; the last of a file is `done` or
    /// `failed`.
    #[arg(long)]
    pub(super) json: bool,

    /// Directory for the outputs of many files, which keep their names.
    #[arg(long, value_name = "DIR")]
    pub(super) out_dir: Option<PathBuf>,

    /// File to read; - for standard input.
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,

    /// File to write; - for standard output. It must not exist, unless --overwrite is given. With
    /// --out-dir: more files to read.
    #[arg(value_name = "OUT", required_unless_present = "out_dir")]
    pub(super) rest: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) connection: ConnectOptions,
}

/// A period, both days included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    from: Date,
    to: Date,
}

impl PseudonymizeOptions {
    /// What a file that exists means.
    pub(super) fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }

    /// How CSV files are written.
    pub(super) fn layout(&self) -> Layout {
        let encoding = match self.encoding {
            EncodingOption::Latin1 => Encoding::Latin1,
            EncodingOption::Utf8 => Encoding::Utf8,
        };
        Layout { delimiter: self.delimiter, encoding }
    }

    /// Whether ten digits are eleven.
    pub(super) fn leading_zeros(&self) -> LeadingZeros {
        if self.leading_zeros { LeadingZeros::Lost } else { LeadingZeros::Kept }
    }

    /// What becomes of rows without an ID.
    pub(super) fn rejected(&self, format: Format) -> Rejected {
        self.rejected_rows.unwrap_or(match format {
            Format::Csv => Rejected::LeaveOut,
            Format::Parquet => Rejected::Keep,
        })
    }

    /// The first message of the delivery.
    ///
    /// # Errors
    ///
    /// No period of a historical import; H-numbers or local numbers without their assigner; an exception that the
    /// audit log does not take.
    pub(super) fn delivery(&self, today: Date) -> Result<proto::DeliveryHeader, Error> {
        let period = self.period_on(today)?;
        let (required, optional) = (&self.id_column, &self.optional_id_column);
        let needs_one = needs_assigner(required, optional, self.identifier_type);
        if needs_one && self.assigner.is_none() {
            let text = "an H-number or a local number is only unique together with its assigner";
            return Err(Error::usage(text)
                .advise("Give --assigner ORGNR, the organisation number of the institution."));
        }
        let mode = match self.mode {
            Mode::Assign => proto::Mode::ResolveOrAssign,
            Mode::Resolve => proto::Mode::ResolveOnly,
        };
        let purpose = match self.purpose {
            Purpose::Correction => proto::IngestPurpose::Correction,
            Purpose::HistoricalImport => proto::IngestPurpose::HistoricalImport,
            Purpose::QualityControl => proto::IngestPurpose::QualityControl,
            Purpose::Reporting => proto::IngestPurpose::Reporting,
        };
        Ok(proto::DeliveryHeader {
            register: self.register.clone(),
            source: self.source.clone(),
            purpose: purpose.into(),
            mode: mode.into(),
            period: period.map(proto::ReportingPeriod::from),
            identifier_exceptions: self.exceptions()?,
        })
    }

    /// The exceptions, for the audit log. They hold for whatever is found in their column.
    fn exceptions(&self) -> Result<Vec<proto::IdentifierException>, Error> {
        if self.allow_identifiers.len() > EXCEPTIONS_MAX {
            let what = format!("--allow-identifiers is given more than {EXCEPTIONS_MAX} times");
            return Err(Error::usage(what).advise("Remove columns, or send them in other files."));
        }
        let exception = |(place, exception): (usize, &Exception)| {
            let Exception { column, reason } = exception;
            if LogLine::parse(column).is_none() || LogLine::parse(reason).is_none() {
                let what = format!("--allow-identifiers number {place} cannot stand in a log");
                return Err(Error::usage(what).advise(
                    "Column and reason are each one line of at most 200 characters, without ten \
                     digits in a row, grouped or not.",
                ));
            }
            let (column, reason) = (column.clone(), reason.clone());
            Ok(proto::IdentifierException { column, kind: "any".to_owned(), reason })
        };
        (1..).zip(&self.allow_identifiers).map(exception).collect()
    }

    /// What a person is told about a period that was not given.
    pub(super) fn period_note(&self, today: Date) -> Option<String> {
        let is_taken = self.period.is_none() && self.mode == Mode::Assign;
        is_taken.then(|| {
            let from = today.first_of_year();
            format!("no --period: the rows report about {from}..{today}")
        })
    }

    /// The period that is sent: the one given, or this year until today.
    fn period_on(&self, today: Date) -> Result<Option<Period>, Error> {
        if self.period.is_some() || self.mode == Mode::Resolve {
            return Ok(self.period);
        }
        if self.purpose == Purpose::HistoricalImport {
            return Err(Error::usage("the period that the rows report about is missing")
                .advise("Give --period FROM..TO, for example --period 2007-01-01..2016-12-31."));
        }
        Ok(Some(Period { from: today.first_of_year(), to: today }))
    }
}

impl From<Period> for proto::ReportingPeriod {
    fn from(period: Period) -> Self {
        Self { from: Some(calendar_date(period.from)), to: Some(calendar_date(period.to)) }
    }
}

fn calendar_date(date: Date) -> proto::CalendarDate {
    proto::CalendarDate {
        year: date.year().unsigned_abs().into(),
        month: date.month().unsigned_abs().into(),
        day: date.day().unsigned_abs().into(),
    }
}

fn parse_period(text: &str) -> Result<Period, String> {
    let parse = |day: &str| {
        day.parse::<Date>().map_err(|_| format!("{day} is not a date such as 2026-12-31"))
    };
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (parse(from)?, parse(to)?),
        None if text.len() == 4 => {
            (parse(&format!("{text}-01-01"))?, parse(&format!("{text}-12-31"))?)
        }
        None => return Err("not of the form 2026-01-01..2026-12-31".to_owned()),
    };
    if from > to {
        return Err("it ends before it begins".to_owned());
    }
    Ok(Period { from, to })
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii_punctuation() && byte != b'"' || byte == b'\t' || byte == b' ' => {
            Ok(byte)
        }
        _ => Err("not one punctuation character other than a quote, or `tab`".to_owned()),
    }
}

fn parse_assigner(text: &str) -> Result<String, String> {
    if text.len() == 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an organisation number has 9 digits".to_owned())
    }
}

fn parse_checkpoint_rows(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(rows) if rows == 0 || rows >= ROWS_MIN => Ok(rows),
        _ => Err(format!("neither 0 nor a number from {ROWS_MIN}")),
    }
}

fn parse_batch_rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rows) if (1..=65_536).contains(&rows) => Ok(rows),
        _ => Err("not a number from 1 to 65536".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_two_dates_or_a_year() {
        let dates = |text| parse_period(text).map(|p| (p.from.to_string(), p.to.to_string()));
        let year = Ok(("2026-01-01".to_owned(), "2026-12-31".to_owned()));
        assert_eq!(dates("2026"), year);
        assert_eq!(dates("2026-01-01..2026-12-31"), year);
        for wrong in ["", "2026-13", "2026-02-30..2026-03-01", "2026-02-02..2026-02-01", "x..y"] {
            assert!(dates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn delimiters_are_single_characters_other_than_the_quote() {
        assert_eq!(parse_delimiter("tab"), Ok(b'\t'));
        assert_eq!(parse_delimiter(";"), Ok(b';'));
        assert_eq!(parse_delimiter("|"), Ok(b'|'));
        for wrong in ["", "\"", ",,", "a", "\n"] {
            assert!(parse_delimiter(wrong).is_err(), "{wrong}");
        }
    }
}
