//! `hvelv consent check`: a quality register asks who has consented to it.

use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::cli::subject::RightsOptions;
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::{
    CheckQualityConsentsRequest, IdentifierBatch, IdentifierType, QualityConsent, TextColumn,
};

/// Rows of one request.
const ROWS_MAX: usize = 10_000;
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv consent check --register NPR --quality-register DIABETES --identifiers persons.txt \\
    --connect pipeline.toml
  hvelv consent check --register NPR --quality-register DIABETES --ids npr-ids.txt \\
    --connect pipeline.toml

Writes one line a row: its number from 1, and yes, no, unknown or invalid. Whoever said nothing and
whoever nobody knows are both unknown. Needs the role consents:NPR:DIABETES; each person asked about
is told so in innsyn.";

#[derive(Debug, clap::Args)]
#[group(id = "rows", required = true, multiple = false, args = ["identifiers", "ids"])]
pub(super) struct CheckOptions {
    /// The register that keeps the consents.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// The quality register, as `hvelv registers` names it.
    #[arg(long, value_name = "CODE")]
    quality_register: String,

    /// A file with one national identifier a line.
    #[arg(long, value_name = "FILE")]
    identifiers: Option<PathBuf>,

    /// A file with one ID of the register that keeps the consents a line.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,

    #[command(flatten)]
    options: RightsOptions,
}

pub(super) fn run(options: &CheckOptions) -> Result<Exit, Error> {
    let requests = requests(options)?;
    let answered = options.options.ask(async |client| {
        let (mut answers, mut entries) = (Vec::new(), Vec::new());
        for request in requests {
            let response = client.check_quality_consents(request).await?.into_inner();
            answers.extend(response.answers().map(word));
            entries.push(response.audit_entry);
        }
        Ok((answers, entries))
    })?;
    let (answers, entries) = answered;
    if options.options.json {
        output::json(&json!({ "answers": answers, "audit_entries": entries }));
    } else {
        for (row, answer) in (1..).zip(&answers) {
            output::result(&format!("{row} {answer}"));
        }
    }
    output::note(&format!("recorded: {} request(s) of {} row(s)", entries.len(), answers.len()));
    Ok(Exit::Success)
}

fn requests(options: &CheckOptions) -> Result<Vec<CheckQualityConsentsRequest>, Error> {
    let (path, by_id) = match (&options.identifiers, &options.ids) {
        (Some(path), _) => (path, false),
        (None, Some(path)) => (path, true),
        (None, None) => return Err(Error::usage("give --identifiers or --ids")),
    };
    let text = read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return Err(Error::input(format!("{} has no line", path.display()))
            .advise("Give one person a line."));
    }
    let request = |rows: &[&str]| {
        let (register, quality_register) =
            (options.register.clone(), options.quality_register.clone());
        let mut request =
            CheckQualityConsentsRequest { register, quality_register, ..Default::default() };
        if by_id {
            // What is no number is no ID, and answered so.
            request.ids = rows.iter().map(|row| row.trim().parse().unwrap_or_default()).collect();
        } else {
            let values = rows.iter().map(|row| row.trim().to_owned()).collect();
            request.identifiers = Some(IdentifierBatch {
                r#type: IdentifierType::Any.into(),
                column: Some(Column::Text(TextColumn { values, ..Default::default() })),
                ..Default::default()
            });
        }
        request
    };
    Ok(lines.chunks(ROWS_MAX).map(request).collect())
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |cause: &std::io::Error| Error::file("read", path, cause);
    if std::fs::metadata(path).map_err(|cause| failed(&cause))?.len() > FILE_BYTES_MAX {
        return Err(Error::input(format!("{} is larger than 64 MiB", path.display()))
            .advise("Give it in parts."));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| failed(&cause))
}

const fn word(answer: QualityConsent) -> &'static str {
    match answer {
        QualityConsent::Invalid => "invalid",
        QualityConsent::No => "no",
        QualityConsent::Unknown | QualityConsent::Unspecified => "unknown",
        QualityConsent::Yes => "yes",
    }
}
