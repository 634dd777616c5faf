//! `hvelv consent`: what persons have consented to.

use super::error::{Error, Exit};
use super::reservation::tell;
use super::subject::SubjectOptions;
use check::CheckOptions;
use state::StateOptions;

use crate::rpc::proto::{GiveConsentRequest, WithdrawConsentRequest};

mod check;
mod state;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv consent give --register REHAB --purpose quality_improvement --channel institution \\
    --connect keys/dev/rights.toml
  hvelv consent withdraw --register REHAB --channel helsenorge --connect keys/dev/rights.toml
  hvelv consent state --register NPR --quality-register DIABETES --said given --on 2026-03-01 \\
    --channel letter --connect keys/dev/rights.toml

A register on consent takes nobody in without one, and discloses nobody for another purpose. What
is in force: hvelv reservation show. Needs the role rights; each call stands in the audit log,
without the identifier.";

const GIVE_EXAMPLES: &str = "\
Examples:
  hvelv consent give --register REHAB --purpose quality_improvement --channel institution \\
    --identifier-file person.txt --connect keys/dev/rights.toml

Given again, it replaces what was consented to. A person whom nobody has delivered is recorded.";

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  hvelv consent withdraw --register REHAB --channel helsenorge --connect keys/dev/rights.toml

Nothing about the person is taken in or disclosed from then on. That there was a consent, and that
it was withdrawn, stays recorded; the register is ordered to delete the data (hvelv order).";

/// Records that a person consents, or no longer does; asks, for a quality register, who does.
#[derive(Debug, clap::Args)]
pub(super) struct ConsentCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Asks, as a quality register, who has consented to it.
    #[command(after_help = check::EXAMPLES)]
    Check(CheckOptions),
    /// Records that a person consents.
    #[command(after_help = GIVE_EXAMPLES)]
    Give(GiveOptions),
    /// Records what a person has said to a quality register.
    #[command(after_help = state::EXAMPLES)]
    State(StateOptions),
    /// Ends a consent.
    #[command(after_help = WITHDRAW_EXAMPLES)]
    Withdraw(WithdrawOptions),
}

#[derive(Debug, clap::Args)]
struct GiveOptions {
    /// To what: a purpose of the register. May be given several times.
    #[arg(long = "purpose", value_name = "PURPOSE", required = true)]
    purposes: Vec<String>,

    /// How it came: helsenorge, institution, letter or register.
    #[arg(long, value_name = "CHANNEL")]
    channel: String,

    #[command(flatten)]
    subject: SubjectOptions,
}

#[derive(Debug, clap::Args)]
struct WithdrawOptions {
    /// How it came: helsenorge, institution, letter or register.
    #[arg(long, value_name = "CHANNEL")]
    channel: String,

    #[command(flatten)]
    subject: SubjectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No identifier, no connection, or what the server says.
pub(super) fn run(command: &ConsentCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Check(options) => check::run(options),
        Action::Give(options) => give(options),
        Action::State(options) => state::run(options),
        Action::Withdraw(options) => withdraw(options),
    }
}

fn give(options: &GiveOptions) -> Result<Exit, Error> {
    let request = GiveConsentRequest {
        subject: Some(options.subject.read()?),
        purposes: options.purposes.clone(),
        channel: options.channel.clone(),
    };
    let answered =
        options.subject.ask(async |client| Ok(client.give_consent(request).await?.into_inner()))?;
    tell(&options.subject, "consent given", answered.audit_entry)
}

fn withdraw(options: &WithdrawOptions) -> Result<Exit, Error> {
    let request = WithdrawConsentRequest {
        subject: Some(options.subject.read()?),
        channel: options.channel.clone(),
    };
    let answered = options
        .subject
        .ask(async |client| Ok(client.withdraw_consent(request).await?.into_inner()))?;
    tell(&options.subject, "consent withdrawn", answered.audit_entry)
}
