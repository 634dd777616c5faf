//! The options of `hvelv pseudonymize`.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::civil::Date;

use super::destination::Existing;
use crate::cli::connect::ConnectOptions;
use crate::cli::error::Error;
use crate::cli::output;
use crate::rpc::proto;

/// Examples for the help text.
pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  Replace the column fnr of a hospital delivery; the new column is called npr_id:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register NPR --source HF \\
      --period 2026-01-01..2026-03-31 --id-column fnr episodes.csv episodes-npr.csv

  Look up only, without recording anybody new, and fail if a row has no ID:
    hvelv pseudonymize --connect keys/dev/pipeline.toml --register NPR --source HF \\
      --mode resolve --fail-on-rejects --id-column fnr episodes.csv episodes-npr.csv

The file: CSV with a header row, separated by , ; or tab, in UTF-8 or Latin-1. All other columns,
the quoting, the line ends and a byte order mark stay as they are. OUT appears only when it is
complete.

Rows without an ID are left out of OUT and listed in OUT.rejects.csv by row number (the first row
after the header is 1) and code: format, check_digits, date, synthetic_in_production, real_in_test,
kind_mismatch, assigner_missing, unknown, suppressed, register_closed, budget_spent.

If it fails, nothing is written. Sending the file again is safe: the same identifiers get the same
IDs. Rows without an ID are no failure unless --fail-on-rejects is given (exit code 8).";

/// Replaces the national identifiers in a CSV file by register IDs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PseudonymizeOptions {
    /// Register that the rows are for, for example NPR.
    #[arg(long, value_name = "CODE")]
    pub(super) register: String,

    /// Source that the rows come from, as the catalogue has it: see `hvelv registers NPR`.
    #[arg(long, value_name = "CODE")]
    pub(super) source: String,

    /// Column that holds the identifiers.
    #[arg(long, value_name = "NAME")]
    pub(super) id_column: String,

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

    /// What the identifiers are.
    #[arg(long = "type", value_enum, default_value_t = IdentifierType::Any)]
    pub(super) identifier_type: IdentifierType,

    /// Who assigned them: organisation number, 9 digits. Required for H-numbers.
    #[arg(long, value_name = "ORGNR", value_parser = parse_assigner)]
    pub(super) assigner: Option<String>,

    /// What separates the columns: one character, or `tab` [default: what the header shows].
    #[arg(long, value_name = "CHAR", value_parser = parse_delimiter)]
    pub(super) delimiter: Option<u8>,

    /// Replaces OUT and OUT.rejects.csv if they exist, once the new ones are complete.
    #[arg(long)]
    pub(super) overwrite: bool,

    /// Exits with code 8 if a row has no ID. The output is written all the same.
    #[arg(long)]
    pub(super) fail_on_rejects: bool,

    /// Most rows in a batch; the server may want fewer.
    #[arg(long, value_name = "N", default_value = "8192", value_parser = parse_batch_rows)]
    pub(super) batch_rows: usize,

    /// Says nothing but errors.
    #[arg(long)]
    pub(super) quiet: bool,

    /// Writes the summary to standard output as JSON.
    #[arg(long)]
    pub(super) json: bool,

    /// File to read.
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,

    /// File to write. It must not exist, unless --overwrite is given.
    #[arg(value_name = "OUT")]
    pub(super) output: PathBuf,

    #[command(flatten)]
    pub(super) connection: ConnectOptions,
}

/// A period, both days included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    from: Date,
    to: Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// A person seen for the first time is recorded and gets an ID.
    Assign,
    /// Look-up only: who is not in the register is answered `unknown`.
    Resolve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Purpose {
    /// A corrected delivery that replaces an earlier one.
    Correction,
    /// A historical import, the only one that a closed register takes.
    HistoricalImport,
    /// Quality control within the register.
    QualityControl,
    /// The source's ordinary reporting.
    Reporting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IdentifierType {
    /// Any of them, told apart by value.
    Any,
    /// D-number.
    Dnr,
    /// DUF-number, 12 digits.
    Duf,
    /// Felles hjelpenummer.
    Felles,
    /// Fødselsnummer.
    Fnr,
    /// H-number; give --assigner.
    Hnr,
}

impl From<IdentifierType> for proto::IdentifierType {
    fn from(declared: IdentifierType) -> Self {
        match declared {
            IdentifierType::Any => Self::Any,
            IdentifierType::Dnr => Self::Dnr,
            IdentifierType::Duf => Self::Duf,
            IdentifierType::Felles => Self::Felles,
            IdentifierType::Fnr => Self::Fnr,
            IdentifierType::Hnr => Self::Hnr,
        }
    }
}

impl PseudonymizeOptions {
    /// What a file that exists means.
    pub(super) fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }

    /// The first message of the delivery.
    ///
    /// # Errors
    ///
    /// No period of a historical import; H-numbers without their assigner.
    pub(super) fn delivery(&self, today: Date) -> Result<proto::DeliveryHeader, Error> {
        let period = self.period_on(today)?;
        if self.identifier_type == IdentifierType::Hnr && self.assigner.is_none() {
            return Err(Error::usage("an H-number is only unique together with its assigner")
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
        let period = Period { from: today.first_of_year(), to: today };
        output::note(&format!("no --period: the rows report about {}..{today}", period.from));
        Ok(Some(period))
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
