//! The one place that writes to standard output and standard error.
//!
//! Why it exists: printing is denied by lint elsewhere, so that nothing is printed by accident.
//! Results go to standard output; everything meant for a person goes to standard error.
//!
//! INVARIANT: callers hand over text that holds no identifier, no key and no passphrase.

use std::io::Write;

use super::error::Error;
use crate::rpc::proto::CalendarDate;

/// Writes one line to standard output.
///
/// A reader that has gone away (`hvelv … | head`) is not an error.
pub(super) fn result(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Writes a JSON value to standard output, indented.
pub(super) fn json(value: &serde_json::Value) {
    result(&format!("{value:#}"));
}

/// Writes a JSON value to standard output, in one line: an event among others.
pub(super) fn event(value: &serde_json::Value) {
    result(&value.to_string());
}

/// Copies a file to standard output.
///
/// # Errors
///
/// The file cannot be read, or who reads has gone away.
pub(super) fn copy(file: &mut std::fs::File) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    std::io::copy(file, &mut output)?;
    output.flush()
}

/// Writes one line to standard error.
pub(super) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes an error to standard error: what was wrong, then what to do.
pub fn failure(error: &Error) {
    let mut output = std::io::stderr().lock();
    let _ = writeln!(output, "hvelv: {error}");
    for advice in error.advice() {
        let _ = writeln!(output, "  {advice}");
    }
}

/// A day of the wire as it is shown; empty if there is none.
pub(super) fn day(date: Option<CalendarDate>) -> String {
    date.map_or_else(String::new, |day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day))
}
