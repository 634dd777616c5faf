//! What is said of an extract that was made.

use std::path::Path;

use super::{Made, Wanted, sealed_name};
use crate::cli::output;
use crate::extract::FileReport;

/// Says it to a program.
pub(super) fn as_json(disclosure: &str, wanted: &[Wanted], made: &Made, manifest: &Path) {
    let files = wanted.iter().zip(&made.report.files).map(|(one, file)| {
        serde_json::json!({
            "file": sealed_name(&one.output).display().to_string(),
            "register": file.register,
            "rows_in": file.rows_in,
            "rows_out": file.rows_out,
            "rows_left_out": file.rows_left_out,
            "persons_left_out": file.persons_left_out,
            "rows_outside": file.rows_outside,
            "persons_outside": file.persons_outside,
            "rows_refused": file.refused.values().sum::<u64>(),
            "columns": file.columns.iter().map(|one| &one.name).collect::<Vec<_>>(),
            "dropped": file.dropped,
        })
    });
    output::json(&serde_json::json!({
        "disclosure": disclosure,
        "files": files.collect::<Vec<_>>(),
        "persons": made.persons,
        "manifest": manifest.display().to_string(),
    }));
}

/// Says it to a person.
pub(super) fn as_text(wanted: &[Wanted], made: &Made, manifest: &Path) {
    for (one, file) in wanted.iter().zip(&made.report.files) {
        tell_file(one, file);
    }
    output::result(&format!("persons in all files: {}", made.persons));
    if let Some(screened) = &made.screened {
        screened.to_string().lines().for_each(output::result);
    }
    output::result(&format!("manifest: {}", manifest.display()));
}

fn tell_file(one: &Wanted, file: &FileReport) {
    let columns: Vec<&str> = file.columns.iter().map(|column| column.name.as_str()).collect();
    let refused: u64 = file.refused.values().sum();
    output::result(&format!(
        "{}: {} rows of {}; left out for reservations: {} rows of {} persons; without løpenummer: {}",
        sealed_name(&one.output).display(),
        file.rows_out,
        file.rows_in,
        file.rows_left_out,
        file.persons_left_out,
        refused,
    ));
    if file.rows_outside > 0 {
        output::result(&format!(
            "  left out, not whom the disclosure is about: {} rows of {} persons",
            file.rows_outside, file.persons_outside,
        ));
    }
    output::result(&format!("  columns: {}", columns.join(", ")));
    output::result(&format!("  dropped: {}", file.dropped.join(", ")));
    for finding in file.findings.iter().filter(|finding| finding.reason.is_some()) {
        output::result(&format!(
            "  let through: {} {} in {}",
            finding.count,
            finding.kind.name(),
            finding.column
        ));
    }
}
