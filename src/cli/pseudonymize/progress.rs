//! Says how far the work is: to a person on a terminal, or to a machine as events.
//!
//! Events are JSON objects, one a line, on standard output; on standard error when the table goes to
//! standard output. Counts and names of files and columns only.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::answers::Tally;
use super::rejected::RejectCounts;
use crate::cli::error::Error;
use crate::cli::output;
use crate::clock::{Clock, SystemClock};
use crate::files::Place;
use crate::files::guard::Finding;
use crate::rpc::proto::DeliverySummary;

/// Time between two events of progress.
const EVENT_PAUSE: Duration = Duration::from_secs(1);

/// The bar over a file whose size is known, and over a pipe.
const MEASURED: &str = "{prefix} {bar:30} {percent}% {msg}, {eta} left";
const ENDLESS: &str = "{prefix} {spinner} {msg}";

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// Sentences, and a bar on a terminal.
    Person,
    /// Events on standard output, sentences on standard error.
    Machine,
    /// Both on standard error.
    MachineBeside,
    /// Events on standard output and nothing else.
    MachineOnly,
    /// Errors only.
    Quiet,
}

impl Voice {
    fn is_machine(self) -> bool {
        !matches!(self, Self::Person | Self::Quiet)
    }

    fn event(self, input: &str, mut event: Value) {
        if let Value::Object(fields) = &mut event {
            fields.insert("input".to_owned(), input.into());
        }
        match self {
            Self::MachineBeside => output::note(&event.to_string()),
            _ => output::event(&event),
        }
    }
}

/// Tells a machine that a file failed; a person is told by the command's error.
pub(super) fn tell_failure(voice: Voice, input: &Path, error: &Error) {
    if voice.is_machine() {
        let exit = error.exit().code();
        let event = json!({ "event": "failed", "error": error.to_string(), "exit": exit });
        voice.event(&input.display().to_string(), event);
    }
}

/// What a file is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Bytes; 0: not known.
    Bytes(u64),
    /// Rows.
    Rows(u64),
}

/// How far one file is.
pub(super) struct Progress {
    voice: Voice,
    input: String,
    size: Size,
    bar: ProgressBar,
    clock: SystemClock,
    told: Duration,
    rows_before: u64,
}

/// How a file ended.
pub(super) struct Outcome<'a> {
    /// What was written.
    pub(super) tally: Tally,
    /// Rejects by code.
    pub(super) counts: &'a RejectCounts,
    /// What the server says of the delivery.
    pub(super) summary: &'a DeliverySummary,
    /// All deliveries that the file came in.
    pub(super) deliveries: &'a [String],
    /// The list of rejects.
    pub(super) rejects: Option<&'a Path>,
    /// The list of own IDs.
    pub(super) leaf_ids: Option<&'a Path>,
    /// What the guard let through.
    pub(super) allowed: &'a [Finding],
}

impl Progress {
    /// Nothing done yet.
    pub(super) fn new(voice: Voice, input: &Path, size: Size) -> Self {
        Self {
            voice,
            input: input.display().to_string(),
            size,
            bar: bar(voice, input, size),
            clock: SystemClock::new(),
            told: Duration::ZERO,
            rows_before: 0,
        }
    }

    /// The work begins, or goes on after so many rows.
    pub(super) fn begin(&mut self, delivery: &str, rows_before: u64) {
        self.rows_before = rows_before;
        self.event(
            || json!({ "event": "begun", "delivery_id": delivery, "rows_before": rows_before }),
        );
        if rows_before > 0 {
            self.note(&format!("goes on after row {rows_before}"));
        }
    }

    /// So much is written.
    pub(super) fn advance(&mut self, end: Place, tally: &Tally) {
        match self.size {
            Size::Bytes(_) => self.bar.set_position(end.bytes),
            Size::Rows(_) => self.bar.set_position(end.rows),
        }
        let rate = self.rate(tally);
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{} rows, {:.0} rows/s", tally.rows, rate));
        }
        if self.is_machine() && self.clock.monotonic() >= self.told + EVENT_PAUSE {
            self.told = self.clock.monotonic();
            self.event(|| {
                json!({
                    "event": "progress",
                    "rows": tally.rows,
                    "rejected": tally.rejected,
                    "rows_per_second": rate.round(),
                })
            });
        }
    }

    /// So much is safe.
    pub(super) fn checkpoint(&self, tally: &Tally) {
        self.event(|| json!({ "event": "checkpoint", "rows": tally.rows }));
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// The work is done: counts only.
    pub(super) fn finish(&self, outcome: &Outcome<'_>) {
        self.bar.finish_and_clear();
        let Outcome { tally, counts, summary, deliveries, rejects, leaf_ids, allowed } = *outcome;
        for finding in allowed {
            self.allowed(finding);
        }
        let seconds = self.clock.monotonic().as_secs_f64().max(0.001);
        let rate = self.rate(&tally);
        self.event(|| {
            json!({
                "event": "done",
                "delivery_id": summary.delivery_id,
                "deliveries": deliveries,
                "rows": tally.rows,
                "rows_before": self.rows_before,
                "written": tally.rows - tally.left_out,
                "rejected": tally.rejected,
                "rejected_by_code": counts.codes(),
                "format_causes": counts.causes(),
                "joined": tally.joined,
                "without_identifier": tally.empty,
                "persons": summary.persons,
                "new_members": summary.new_members,
                "audit_entry": summary.audit_entry,
                "seconds": (seconds * 1000.0).round() / 1000.0,
                "rows_per_second": rate.round(),
                "rejects": rejects.map(|path| path.display().to_string()),
                "leaf_ids": leaf_ids.map(|path| path.display().to_string()),
            })
        });
        self.note(&format!(
            "{} rows, {} rejected, {} persons of whom {} new, {rate:.0} rows/s, {seconds:.1} s",
            tally.rows, tally.rejected, summary.persons, summary.new_members,
        ));
        counts.lines().iter().for_each(|line| self.note(line));
        match rejects {
            Some(path) => self.note(&format!("rejected rows: {}", path.display())),
            None if tally.rejected > 0 => {
                self.note("rejected rows are not listed: give --rejects FILE");
            }
            None => {}
        }
        match leaf_ids {
            Some(path) => {
                self.note(&format!("{} rows under a person's other ID: {}", tally.joined, path.display()));
            }
            None if tally.joined > 0 => self.note(&format!(
                "{} rows have a person's other ID, and their own is not listed: give --leaf-ids FILE",
                tally.joined
            )),
            None => {}
        }
    }

    /// Says something to a person.
    pub(super) fn note(&self, line: &str) {
        if matches!(self.voice, Voice::Person | Voice::Machine | Voice::MachineBeside) {
            self.bar.suspend(|| output::note(line));
        }
    }

    /// What is let through is told whatever was asked for: an exception must be seen.
    fn allowed(&self, finding: &Finding) {
        let reason = finding.reason.as_deref().unwrap_or_default();
        self.event(|| {
            json!({
                "event": "identifiers_allowed",
                "column": finding.column,
                "kind": finding.kind,
                "count": finding.count,
                "reason": reason,
            })
        });
        output::note(&format!(
            "column {}: {} × {} let through: {reason}",
            finding.column,
            finding.count,
            finding.kind.name()
        ));
    }

    fn is_machine(&self) -> bool {
        self.voice.is_machine()
    }

    fn event(&self, event: impl FnOnce() -> Value) {
        if self.is_machine() {
            self.voice.event(&self.input, event());
        }
    }

    /// Rows a second since the work began.
    fn rate(&self, tally: &Tally) -> f64 {
        let rows = tally.rows.saturating_sub(self.rows_before);
        count_f64(rows) / self.clock.monotonic().as_secs_f64().max(0.001)
    }
}

fn bar(voice: Voice, input: &Path, size: Size) -> ProgressBar {
    if voice != Voice::Person || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (Size::Bytes(length) | Size::Rows(length)) = size;
    let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let template = if length == 0 { ENDLESS } else { MEASURED };
    let bar = bar.with_prefix(name);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a person to read; exact below 2^53")]
fn count_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bars_are_drawn_as_they_are_written() {
        for template in [MEASURED, ENDLESS] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
