//! `hvelv decision`: what was decided on applications.

use serde_json::json;

use super::application::find;
use super::disclosure::client::{Asking, FileOption, told};
use super::disclosure::shown::{decision_json, decision_lines};
use super::error::{Error, Exit};
use super::output;
use crate::disclosure::description::load_decision;
use crate::rpc::proto::{Decision, RecordDecisionRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv decision record A-2026-0001 --file decision.toml --connect keys/dev/officer.toml
  hvelv decision show A-2026-0001 --connect keys/dev/officer.toml

Decisions are added and never changed. Needs the role officer; an auditor may show.";

const RECORD_EXAMPLES: &str = "\
Examples:
  hvelv decision record A-2026-0001 --file decision.toml --connect keys/dev/officer.toml
  hvelv decision record A-2026-0001 --file description.toml --connect keys/dev/officer.toml --json

The file has a table [decision], as a whole description has it: see
examples/disclosure/research.toml. Another authority than the one that decides by the server's
decisions.toml is refused with the rule: hvelv application route.";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv decision show A-2026-0001 --connect keys/dev/officer.toml
  hvelv decision show A-2026-0001 --number 2 --connect keys/dev/auditor.toml --json";

/// Records what was decided on an application, and shows it.
#[derive(Debug, clap::Args)]
pub(super) struct DecisionCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Records a decision on an application, and says its number.
    #[command(after_help = RECORD_EXAMPLES)]
    Record(RecordOptions),
    /// Shows the decisions on an application.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowOptions),
}

#[derive(Debug, clap::Args)]
struct RecordOptions {
    /// The application's number, such as A-2026-0001.
    #[arg(value_name = "NUMBER")]
    application: String,

    #[command(flatten)]
    file: FileOption,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ShowOptions {
    /// The application's number, such as A-2026-0001.
    #[arg(value_name = "NUMBER")]
    application: String,

    /// Only this one, from 1.
    #[arg(long, value_name = "N")]
    number: Option<u32>,

    #[command(flatten)]
    asking: Asking,
}

/// Runs the command.
///
/// # Errors
///
/// A file with problems, no connection, or what the server says.
pub(super) fn run(command: &DecisionCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Record(options) => record(options),
        Action::Show(options) => show(options),
    }
}

fn record(options: &RecordOptions) -> Result<Exit, Error> {
    let decision = options.file.read(load_decision)?;
    let application = options.application.clone();
    let request = RecordDecisionRequest { application, decision: Some((&decision).into()) };
    let recorded = options
        .asking
        .ask(async |client| Ok(client.record_decision(request).await?.into_inner()))?;
    let number = recorded.decision;
    let decisions = told(recorded.application)?.decisions;
    tell(&options.asking, &numbered(&decisions, Some(number)))?;
    output::note(&format!("recorded: entry {} of the audit log", recorded.audit_entry));
    Ok(Exit::Success)
}

fn show(options: &ShowOptions) -> Result<Exit, Error> {
    let application =
        options.asking.ask(async |client| find(client, &options.application).await)?;
    let decisions = numbered(&application.decisions, options.number);
    if decisions.is_empty() {
        let have = application.decisions.len();
        return Err(Error::usage(format!("{} has {have} decisions", application.id))
            .advise("Record one: hvelv decision record. They are numbered from 1."));
    }
    tell(&options.asking, &decisions)?;
    Ok(Exit::Success)
}

/// The decisions with their numbers; only one of them if it is asked for.
fn numbered(decisions: &[Decision], only: Option<u32>) -> Vec<(u32, &Decision)> {
    let numbered = (1..).zip(decisions);
    numbered.filter(|(number, _)| only.is_none_or(|only| only == *number)).collect()
}

fn tell(asking: &Asking, decisions: &[(u32, &Decision)]) -> Result<(), Error> {
    for (number, decision) in decisions {
        if asking.json {
            let decision = decision_json(decision)?;
            output::event(&json!({ "number": number, "decision": decision }));
        } else {
            decision_lines(*number, decision).iter().for_each(|line| output::result(line));
        }
    }
    Ok(())
}
