//! `hvelv pseudonymize`: a CSV file through the service, identifiers replaced.
//!
//! Not here: a guard that refuses a file whose *other* columns hold national identifiers (DESIGN.md,
//! section 8). It comes with the disclosures; until then the other columns pass through as they are.

mod batch;
pub(in crate::cli) mod destination;
mod engine;
mod options;
mod record;
mod stream;
pub(in crate::cli) mod table;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use self::destination::{Existing, refuse_existing};
use self::engine::{Finished, Sending};
pub(super) use self::options::{EXAMPLES, PseudonymizeOptions};
use self::stream::Delivery;
use self::table::Table;
use self::writer::{Tally, Writer};
use super::connect::{Caller, Channel, runtime};
use super::error::{Error, Exit};
use super::{output, registers};
use crate::clock::{Clock, SystemClock};
use crate::rpc::proto::{DeliverySummary, Register};

/// Runs the command.
///
/// # Errors
///
/// Everything that keeps the output from being complete; then there is no output.
pub(super) fn run(options: &PseudonymizeOptions) -> Result<Exit, Error> {
    let clock = SystemClock::new();
    let header = options.delivery(SystemClock::new().today())?;
    let existing = options.existing();
    let input = open_input(options, existing)?;
    let bytes = input.metadata().map_or(0, |found| found.len());
    let table = Table::open(input, &options.id_column, options.delimiter)?;

    let runtime = runtime()?;
    let channel = runtime.block_on(options.connection.channel(Caller::Known))?;
    let register = runtime.block_on(find_register(channel.clone(), options))?;
    let column = output_column(&register, &table)?;
    let progress = progress_bar(options, bytes);
    let writer = Writer::create(
        &options.output,
        existing,
        &renamed_header(&table, column),
        progress.clone(),
    )?;
    let delivery = runtime.block_on(Delivery::open(channel, header))?;
    let sending = Sending {
        declared: options.identifier_type.into(),
        assigner: options.assigner.clone().unwrap_or_default(),
        batch_rows_max: options.batch_rows.min(delivery.batch_rows_max()),
    };
    let finished = engine::run(&runtime, table, writer, &sending, delivery);
    progress.finish_and_clear();
    let Finished { writer, summary } = finished?;
    let tally = *writer.tally();
    let rejects = writer.publish()?;
    report(options, &tally, &summary, rejects.as_deref(), clock.monotonic());
    Ok(if tally.rejected > 0 && options.fail_on_rejects { Exit::Rejects } else { Exit::Success })
}

fn open_input(options: &PseudonymizeOptions, existing: Existing) -> Result<File, Error> {
    let cannot_read = |cause| Error::file("read", &options.input, &cause);
    let input = File::open(&options.input).map_err(cannot_read)?;
    if input.metadata().map_err(cannot_read)?.is_dir() {
        return Err(Error::usage(format!("{} is a directory", options.input.display())));
    }
    let same = options.input.canonicalize().ok() == options.output.canonicalize().ok();
    if same && options.output.exists() {
        return Err(Error::usage("input and output are the same file")
            .advise("Write to another name; delete the input when you no longer need it."));
    }
    refuse_existing(&options.output, existing)?;
    refuse_existing(&writer::rejects_name(&options.output), existing)?;
    Ok(input)
}

/// Asks the catalogue before anything is sent: it knows what the output column is called.
async fn find_register(channel: Channel, options: &PseudonymizeOptions) -> Result<Register, Error> {
    let register = registers::find(channel, &options.register).await?;
    if register.sources.iter().any(|source| source.code == options.source) {
        return Ok(register);
    }
    let known: Vec<&str> = register.sources.iter().map(|source| source.code.as_str()).collect();
    Err(Error::usage(format!("{} is not a source of {}", options.source, options.register))
        .advise(format!("Its sources are: {}.", known.join(", "))))
}

fn output_column<'a>(register: &'a Register, table: &Table<File>) -> Result<&'a str, Error> {
    let column = register.id_column.as_str();
    if column.is_empty() {
        return Err(Error::internal("the catalogue has no name for the ID column"));
    }
    if table.has_column(column) {
        return Err(Error::input(format!("the file has a column {column} already"))
            .advise("That is what the IDs' column is called. Rename or remove the one there is."));
    }
    Ok(column)
}

/// The header with the identifier's column renamed, everything else as it is.
fn renamed_header<R: std::io::Read>(table: &Table<R>, column: &str) -> Vec<u8> {
    let (header, cell) = (table.header(), table.header_cell());
    let quote = if header.get(cell.start) == Some(&b'"') { "\"" } else { "" };
    let name = format!("{quote}{column}{quote}");
    let before = header.get(..cell.start).unwrap_or_default();
    let after = header.get(cell.end..).unwrap_or_default();
    [before, name.as_bytes(), after].concat()
}

fn progress_bar(options: &PseudonymizeOptions, bytes: u64) -> ProgressBar {
    if options.quiet || options.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::new(bytes);
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

/// Says what was done: counts only.
fn report(
    options: &PseudonymizeOptions,
    tally: &Tally,
    summary: &DeliverySummary,
    rejects: Option<&Path>,
    took: Duration,
) {
    let seconds = took.as_secs_f64().max(0.001);
    if options.json {
        output::json(&json!({
            "delivery_id": summary.delivery_id,
            "rows": tally.rows,
            "written": tally.rows - tally.rejected,
            "rejected": tally.rejected,
            "joined": tally.joined,
            "persons": summary.persons,
            "new_members": summary.new_members,
            "audit_entry": summary.audit_entry,
            "seconds": (seconds * 1000.0).round() / 1000.0,
            "rows_per_second": (count_f64(tally.rows) / seconds).round(),
            "rejects": rejects.map(|path| path.display().to_string()),
        }));
    }
    if !options.quiet {
        output::note(&format!(
            "{} rows, {} rejected, {} persons of whom {} new, {:.0} rows/s, {seconds:.1} s",
            tally.rows,
            tally.rejected,
            summary.persons,
            summary.new_members,
            count_f64(tally.rows) / seconds,
        ));
        if let Some(path) = rejects {
            output::note(&format!("rejected rows: {}", path.display()));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a person to read; exact below 2^53")]
fn count_f64(count: u64) -> f64 {
    count as f64
}
