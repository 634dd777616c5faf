//! `hvelv status`: what state a server is in.

use serde_json::json;

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;
use crate::rpc::proto::{RootStatus, ServerState, StatusRequest, StatusResponse};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv status --ca keys/dev/ca.pem
  hvelv status --connect keys/dev/operator.toml --json

Works without a client certificate; counts are shown to operators only.
Exit code 0 when the server is open, 5 when it is sealed, being opened or degraded.";

/// Shows what state the server is in.
#[derive(Debug, clap::Args)]
pub(super) struct StatusOptions {
    /// Writes JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(options: &StatusOptions) -> Result<Exit, Error> {
    let status = block_on(async {
        let channel = options.connection.channel(Caller::Anybody).await?;
        Ok(OperatorServiceClient::new(channel).status(StatusRequest {}).await?.into_inner())
    })?;
    if options.json {
        output::json(&as_json(&status));
    } else {
        as_text(&status).iter().for_each(|line| output::result(line));
    }
    Ok(match status.state() {
        ServerState::Open => Exit::Success,
        ServerState::Degraded
        | ServerState::Sealed
        | ServerState::Unsealing
        | ServerState::Unspecified => Exit::Precondition,
    })
}

fn state_name(status: &StatusResponse) -> &'static str {
    match status.state() {
        ServerState::Degraded => "degraded",
        ServerState::Open => "open",
        ServerState::Sealed => "sealed",
        ServerState::Unsealing => "unsealing",
        ServerState::Unspecified => "unknown",
    }
}

/// Whether the server told counts: it tells them to operators, when it is open.
fn has_counts(status: &StatusResponse) -> bool {
    !status.registers.is_empty() || status.persons > 0 || status.audit_entries > 0
}

fn as_json(status: &StatusResponse) -> serde_json::Value {
    let mut value = json!({
        "state": state_name(status),
        "mode": status.mode,
        "version": status.version,
        "development_keys": status.development_keys,
    });
    if !status.roots.is_empty() {
        value["roots"] = status.roots.iter().map(root_json).collect();
    }
    if has_counts(status) {
        value["identifiers"] = status.persons.into();
        value["audit_entries"] = status.audit_entries.into();
        value["open_deliveries"] = status.open_deliveries.into();
        for register in &status.registers {
            value["registers"][&register.code] = register.members.into();
        }
    }
    value
}

/// What opens a root, and how far it is: `  vault      2 of 3 shares given (1 kari, 4 ola)`.
pub(super) fn root_line(root: &RootStatus) -> String {
    let shares = (root.shares_total > 0).then(|| {
        let given = root.shares_given.iter().zip(&root.given_by);
        let given: Vec<String> = given.map(|(index, by)| format!("{index} {by}")).collect();
        let by = if given.is_empty() { String::new() } else { format!(" ({})", given.join(", ")) };
        format!("{} of {} shares given{by}", root.shares_given.len(), root.shares_needed)
    });
    let passphrase = root.passphrase.then(|| "passphrase".to_owned());
    let state = match root.open {
        true => "open".to_owned(),
        false => shares.into_iter().chain(passphrase).collect::<Vec<_>>().join(", or "),
    };
    format!("  {:<10} {state}", root.plane)
}

fn root_json(root: &RootStatus) -> serde_json::Value {
    json!({
        "root": root.plane,
        "open": root.open,
        "passphrase": root.passphrase,
        "set": root.set,
        "shares_total": root.shares_total,
        "shares_needed": root.shares_needed,
        "shares_given": root.shares_given,
        "given_by": root.given_by,
    })
}

fn as_text(status: &StatusResponse) -> Vec<String> {
    let keys = if status.development_keys { ", development keys" } else { "" };
    let mut lines = vec![format!(
        "{}, mode {}{keys}, hvelv {}",
        state_name(status),
        status.mode,
        status.version
    )];
    match status.state() {
        ServerState::Sealed => lines.push("open it with: hvelv unseal".to_owned()),
        ServerState::Degraded => {
            lines.push(
                "a commit failed: look at the log, then hvelv seal and hvelv unseal".to_owned(),
            );
        }
        ServerState::Open | ServerState::Unsealing | ServerState::Unspecified => {}
    }
    lines.extend(status.roots.iter().map(root_line));
    if has_counts(status) {
        lines.push(format!("{:<16} {:>12}", "identifiers", status.persons));
        lines.push(format!("{:<16} {:>12}", "audit entries", status.audit_entries));
        lines.push(format!("{:<16} {:>12}", "open deliveries", status.open_deliveries));
        for register in &status.registers {
            lines.push(format!("{:<16} {:>12}", register.code, register.members));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::RegisterStatus;

    #[test]
    fn a_root_says_how_far_it_is_and_who_gave_what() {
        let root = RootStatus {
            plane: "vault".to_owned(),
            set: "0011223344556677".to_owned(),
            shares_total: 5,
            shares_needed: 3,
            shares_given: vec![1, 4],
            given_by: vec!["kari".to_owned(), "ola".to_owned()],
            ..RootStatus::default()
        };
        assert_eq!(root_line(&root), "  vault      2 of 3 shares given (1 kari, 4 ola)");
        let both = RootStatus { passphrase: true, shares_given: vec![], ..root.clone() };
        assert_eq!(root_line(&both), "  vault      0 of 3 shares given, or passphrase");
        assert_eq!(root_line(&RootStatus { open: true, ..root }), "  vault      open");
    }

    #[test]
    fn counts_are_shown_only_when_they_were_told() {
        let mut status = StatusResponse {
            state: ServerState::Sealed.into(),
            mode: "development".to_owned(),
            version: "0.1.0".to_owned(),
            development_keys: true,
            ..StatusResponse::default()
        };
        assert_eq!(as_json(&status)["state"], "sealed");
        assert!(as_json(&status).get("identifiers").is_none());
        assert_eq!(as_text(&status).len(), 2);

        status.state = ServerState::Open.into();
        status.persons = 7;
        status.registers = vec![RegisterStatus { code: "NPR".to_owned(), members: 5 }];
        assert_eq!(as_json(&status)["registers"]["NPR"], 5);
        assert_eq!(as_text(&status).len(), 5);
    }
}
