//! `hvelv retention`: what is to be done because a time is over, listed before it is done.

use serde_json::{Value, json};

use super::error::{Error, Exit};
use super::output;
use super::subject::RightsOptions;
use crate::rpc::proto::{PlanRetentionRequest, RetentionAction, RunRetentionRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv retention plan --connect keys/dev/rights.toml
  hvelv retention run --digest 5f0c… --connect keys/dev/rights.toml

What is done is what was listed: run takes the digest that plan prints, and refuses if anything has
changed. Needs the role rights.";

const PLAN_EXAMPLES: &str = "\
Examples:
  hvelv retention plan --connect keys/dev/rights.toml
  hvelv retention plan --json --connect keys/dev/rights.toml";

const RUN_EXAMPLES: &str = "\
Examples:
  hvelv retention run --digest 5f0c… --connect keys/dev/rights.toml

Orders registers to delete what they keep too long, and removes tag and sealed identity of persons
whom no register holds any more: that cannot be undone. What is an officer's to do is listed only.";

/// Lists what is to be done because a time is over, and does it.
#[derive(Debug, clap::Args)]
pub(super) struct RetentionCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Lists what is to be done today.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanOptions),
    /// Does what was listed.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunOptions),
}

#[derive(Debug, clap::Args)]
struct PlanOptions {
    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Debug, clap::Args)]
struct RunOptions {
    /// The digest of the list.
    #[arg(long, value_name = "DIGEST")]
    digest: String,

    #[command(flatten)]
    asking: RightsOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(command: &RetentionCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Plan(options) => plan(options),
        Action::Run(options) => carry_out(options),
    }
}

fn plan(options: &PlanOptions) -> Result<Exit, Error> {
    let request = PlanRetentionRequest {};
    let answered = options
        .asking
        .ask(async |client| Ok(client.plan_retention(request).await?.into_inner()))?;
    if options.asking.json {
        let actions: Vec<Value> = answered.actions.iter().map(as_json).collect();
        output::json(&json!({ "actions": actions, "digest": answered.digest }));
        return Ok(Exit::Success);
    }
    answered.actions.iter().for_each(|action| output::result(&as_text(action)));
    if answered.actions.is_empty() {
        output::note("nothing is to be done");
    } else {
        output::note(&format!("to do it: hvelv retention run --digest {}", answered.digest));
    }
    Ok(Exit::Success)
}

fn carry_out(options: &RunOptions) -> Result<Exit, Error> {
    let request = RunRetentionRequest { digest: options.digest.clone() };
    let answered =
        options.asking.ask(async |client| Ok(client.run_retention(request).await?.into_inner()))?;
    if options.asking.json {
        let actions: Vec<Value> = answered.actions.iter().map(as_json).collect();
        output::json(&json!({ "actions": actions, "audit_entry": answered.audit_entry }));
        return Ok(Exit::Success);
    }
    answered.actions.iter().for_each(|action| output::result(&as_text(action)));
    let (count, entry) = (answered.actions.len(), answered.audit_entry);
    output::note(&format!("done: {count} actions, entry {entry} of the audit log"));
    Ok(Exit::Success)
}

fn as_text(action: &RetentionAction) -> String {
    let RetentionAction { kind, about, performer } = action;
    format!("{performer:<10} {kind:<17} {about}")
}

fn as_json(action: &RetentionAction) -> Value {
    json!({ "kind": action.kind, "about": action.about, "performer": action.performer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_says_who_does_it() {
        let action = RetentionAction {
            kind: "delete_older".into(),
            about: "REHAB: data up to 1986-01-14".into(),
            performer: "run".into(),
        };
        let text = "run        delete_older      REHAB: data up to 1986-01-14";
        assert_eq!(as_text(&action), text);
        assert_eq!(as_json(&action)["performer"], "run");
    }
}
