//! Makes an extract as files: each appears complete, or not at all.

use std::path::{Path, PathBuf};

use super::engine::run;
use super::error::Error;
use super::issuer::Issuer;
use super::plan::{Input, Observer, Output, Plan};
use super::report::Report;
use crate::files::Format;
use crate::files::destination::{Destination, Existing, refuse_existing};

/// One file of an extract.
pub struct Job {
    /// What is read.
    pub input: Input,
    /// What the output is called; with the ending `.parquet` or `.pq` it is Parquet, else CSV.
    pub output: PathBuf,
}

/// Makes an extract as files.
///
/// # Errors
///
/// As [`run`]; an output exists and is to be kept. No output has its name then.
pub fn make(
    plan: &Plan,
    jobs: Vec<Job>,
    existing: Existing,
    issuer: &mut dyn Issuer,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    for job in &jobs {
        refuse_existing(&job.output, existing)?;
    }
    let (mut inputs, mut destinations, mut formats) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        destinations.push(Destination::create(&job.output, existing)?);
        formats.push(format_of(&job.output));
        inputs.push(job.input);
    }
    let sinks = destinations.iter_mut().zip(formats);
    let outputs = sinks.map(|(destination, format)| Output { format, sink: destination }).collect();
    let report = run(plan, inputs, issuer, outputs, observer)?;
    for destination in &mut destinations {
        destination.sync()?;
    }
    destinations.into_iter().try_for_each(Destination::publish)?;
    Ok(report)
}

/// What a file is written in, by its name.
fn format_of(name: &Path) -> Format {
    let extension = name.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "parquet" | "pq" => Format::Parquet,
        _ => Format::Csv,
    }
}
