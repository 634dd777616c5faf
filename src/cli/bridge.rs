//! `hvelv bridge`: files of identifiers and serials, sealed to a linking party; and another party's IDs.
//!
//! A bridge out passes through here encrypted: neither this program nor who runs it can read it.

use std::path::PathBuf;

use serde_json::{Value, json};

use self::loading::{DIGEST_EXAMPLES, FileOptions, IN_EXAMPLES, InOptions};
use super::disclosure::client::{Asking, told};
use super::error::{Error, Exit};
use super::output::{self, day};
use crate::files::destination::{Destination, Existing};
use crate::rpc::proto::{
    Bridge, BridgeIssued, ConfirmBridgeDeletionRequest, IssueBridgeRequest, ListBridgesRequest,
};

mod loading;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv bridge out 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a bridge.csv.age --connect keys/dev/officer.toml \\
    --party 382199359 --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
  hvelv bridge list --overdue --connect keys/dev/officer.toml

A bridge out gives the linking party that the decision names the identifiers and the løpenummer
(serials) of everybody in a disclosure. A bridge in takes the project IDs that a party gave, in the
place of løpenummer. Both take two persons. Needs the role officer; an auditor may list.";

const OUT_EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect keys/dev/officer.toml --act bridge_out \\
    --subject 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --reason 'linkage' --basis 'case 26/1234' \\
    --parameter party=382199359 \\
    --parameter key=age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
  hvelv bridge out 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a bridge.csv.age --connect keys/dev/officer.toml \\
    --party 382199359 --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p

Another person approves in between. The party made the pair of keys (hvelv extract key, age-keygen):
compare its public key by another way than that of the application. Send the file as it is.";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv bridge list --connect keys/dev/officer.toml
  hvelv bridge list --overdue --connect keys/dev/auditor.toml --json";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  hvelv bridge confirm 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a 1 --connect keys/dev/officer.toml

For the party's word that it has deleted the file and what it made of it; also when the disclosure
is closed.";

/// Gives a linking party identifiers and serials, and keeps track of what must be deleted.
#[derive(Debug, clap::Args)]
pub(super) struct BridgeCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Seals identifiers and serials of a disclosure to the linking party of its decision.
    #[command(after_help = OUT_EXAMPLES)]
    Out(OutOptions),
    /// Takes in the project IDs of the linking party of a disclosure's decision.
    #[command(after_help = IN_EXAMPLES)]
    In(InOptions),
    /// Says the digest of a linking party's file, which another person approves.
    #[command(after_help = DIGEST_EXAMPLES)]
    Digest(FileOptions),
    /// Lists the bridges, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Records that the party has deleted a bridge.
    #[command(after_help = CONFIRM_EXAMPLES)]
    Confirm(ConfirmOptions),
}

#[derive(Debug, clap::Args)]
struct OutOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    /// File to write. It must not exist.
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,

    /// The party's organisation number, as the decision names it.
    #[arg(long, value_name = "NUMBER")]
    party: String,

    /// The party's age key, `age1…`.
    #[arg(long, value_name = "KEY")]
    recipient: String,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// Only those that should have been deleted before today.
    #[arg(long)]
    overdue: bool,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ConfirmOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    /// The bridge's number in the disclosure.
    #[arg(value_name = "N")]
    number: u32,

    #[command(flatten)]
    asking: Asking,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, a file that cannot be written, or what the server says.
pub(super) fn run(command: &BridgeCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Confirm(options) => confirm(options),
        Action::Digest(options) => loading::digest(options),
        Action::In(options) => loading::load(options),
        Action::List(options) => list(options),
        Action::Out(options) => out(options),
    }
}

fn out(options: &OutOptions) -> Result<Exit, Error> {
    // Before anything is asked: an approval is used up by the answer.
    let mut file = Destination::create(&options.output, Existing::Keep)?;
    let request = IssueBridgeRequest {
        disclosure: options.disclosure.clone(),
        party: options.party.clone(),
        key: options.recipient.clone(),
    };
    let issued = options.asking.ask(async |client| {
        let mut replies = client.issue_bridge(request).await?.into_inner();
        let first = replies.message().await?.and_then(|reply| reply.issued);
        let issued = first.ok_or_else(cut_off)?;
        let mut left = issued.bytes;
        while let Some(reply) = replies.message().await? {
            left = left.checked_sub(reply.chunk.len() as u64).ok_or_else(cut_off)?;
            file.append(&reply.chunk)?;
        }
        if left == 0 { Ok(issued) } else { Err(cut_off()) }
    })?;
    file.publish()?;
    tell_issued(&options.asking, issued)
}

fn tell_issued(asking: &Asking, issued: BridgeIssued) -> Result<Exit, Error> {
    let bridge = told(issued.bridge)?;
    tell(asking, &bridge);
    output::note(&format!("issued: entry {} of the audit log", issued.audit_entry));
    Ok(Exit::Success)
}

fn cut_off() -> Error {
    Error::internal("the server ended the bridge in the middle").advise(
        "Nothing was written. The bridge is recorded: ask for another approval, issue it again.",
    )
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let request = ListBridgesRequest { overdue_only: options.overdue };
    let bridges = options
        .asking
        .ask(async |client| Ok(client.list_bridges(request).await?.into_inner().bridges))?;
    if bridges.is_empty() && !options.asking.json {
        let what = if options.overdue { "no bridge is overdue" } else { "there is no bridge yet" };
        output::note(what);
    }
    for bridge in &bridges {
        if options.asking.json {
            output::event(&as_json(bridge));
        } else {
            output::result(&line(bridge));
        }
    }
    Ok(Exit::Success)
}

fn confirm(options: &ConfirmOptions) -> Result<Exit, Error> {
    let request = ConfirmBridgeDeletionRequest {
        disclosure: options.disclosure.clone(),
        number: options.number,
    };
    let confirmed = options
        .asking
        .ask(async |client| Ok(client.confirm_bridge_deletion(request).await?.into_inner()))?;
    tell(&options.asking, &told(confirmed.bridge)?);
    output::note(&format!("deletion confirmed: entry {} of the audit log", confirmed.audit_entry));
    Ok(Exit::Success)
}

fn tell(asking: &Asking, bridge: &Bridge) {
    if asking.json {
        output::json(&as_json(bridge));
    } else {
        output::result(&line(bridge));
    }
}

/// A bridge in a line.
fn line(bridge: &Bridge) -> String {
    let Bridge { disclosure, number, persons, .. } = bridge;
    let (direction, party) = match &bridge.from {
        Some(party) => ("from", Some(party)),
        None => ("to", bridge.to.as_ref()),
    };
    let name = party.map_or("", |party| party.name.as_str());
    let number = if bridge.from.is_some() { "in".to_owned() } else { number.to_string() };
    let state = match (bridge.overdue, bridge.deleted_at.as_str()) {
        (true, _) => format!("OVERDUE since {}", day(bridge.delete_by)),
        (false, "") => format!("to be deleted by {}", day(bridge.delete_by)),
        (false, at) if bridge.from.is_some() => format!("deleted {at}"),
        (false, at) => format!("deleted, confirmed {at}"),
    };
    format!("{disclosure} {number:>3}  {persons:>9} persons  {state}  {direction} {name}")
}

fn as_json(bridge: &Bridge) -> Value {
    let party = bridge.to.as_ref();
    json!({
        "disclosure": bridge.disclosure,
        "number": bridge.number,
        "to": party.map(|to| json!({ "number": to.number, "name": to.name })),
        "from": bridge.from.as_ref().map(|from| json!({ "number": from.number, "name": from.name })),
        "key": bridge.key,
        "persons": bridge.persons,
        "issued_by": bridge.issued_by,
        "issued_at": bridge.issued_at,
        "delete_by": day(bridge.delete_by),
        "deleted_by": bridge.deleted_by,
        "deleted_at": bridge.deleted_at,
        "overdue": bridge.overdue,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::CalendarDate;

    #[test]
    fn a_line_says_what_is_overdue_and_what_is_deleted() {
        let delete_by = Some(CalendarDate { year: 2026, month: 12, day: 31 });
        let mut bridge = Bridge { number: 1, persons: 7, delete_by, ..Bridge::default() };
        assert!(line(&bridge).contains("7 persons  to be deleted by 2026-12-31"));
        bridge.overdue = true;
        assert!(line(&bridge).contains("OVERDUE since 2026-12-31"));
        (bridge.overdue, bridge.deleted_at) = (false, "2026-12-01T00:00:00Z".into());
        assert!(line(&bridge).contains("deleted, confirmed 2026-12-01"));
        assert_eq!(as_json(&bridge)["delete_by"], "2026-12-31");
    }
}
