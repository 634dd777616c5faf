//! `hvelv consent state`: what a person has said to a quality register.

use jiff::civil::Date;

use crate::cli::error::{Error, Exit};
use crate::cli::reservation::tell;
use crate::cli::subject::SubjectOptions;
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::RecordQualityConsentRequest;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv consent state --register NPR --quality-register DIABETES --said given --on 2026-03-01 \\
    --channel letter --connect keys/dev/rights.toml
  hvelv consent state --register NPR --quality-register DIABETES --said withdrawn \\
    --on 2026-06-01 --channel helsenorge --connect keys/dev/rights.toml

The register keeps it, tells the person in innsyn, and does nothing else with it: neither what is
taken in nor what is disclosed depends on it. The last day counts. Needs the role rights, or that
of the quality register's system, consents:NPR:DIABETES.";

#[derive(Debug, clap::Args)]
pub(super) struct StateOptions {
    /// The quality register, as `hvelv registers` names it.
    #[arg(long, value_name = "CODE")]
    quality_register: String,

    /// What was said: given, withdrawn, reserved or reservation_lifted.
    #[arg(long, value_name = "WORD")]
    said: String,

    /// On which day it was said.
    #[arg(long, value_name = "DATE")]
    on: Date,

    /// How it came: helsenorge, institution, letter or register.
    #[arg(long, value_name = "CHANNEL")]
    channel: String,

    #[command(flatten)]
    subject: SubjectOptions,
}

pub(super) fn run(options: &StateOptions) -> Result<Exit, Error> {
    let request = RecordQualityConsentRequest {
        subject: Some(options.subject.read()?),
        quality_register: options.quality_register.clone(),
        said: options.said.clone(),
        on: Some(wire_date(options.on)),
        channel: options.channel.clone(),
    };
    let answered = options
        .subject
        .ask(async |client| Ok(client.record_quality_consent(request).await?.into_inner()))?;
    tell(&options.subject, &options.said, answered.audit_entry)
}
