//! `hvelv identity`: events of the population register in, changes of IDs out; what
//! senders state of identifiers.

use std::path::PathBuf;

use serde_json::json;

use super::connect::{Caller, Channel, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output::{self, day};
use crate::rpc::proto::id_change::Change;
use crate::rpc::proto::identity_service_client::IdentityServiceClient;
use crate::rpc::proto::{IdChange, ListIdChangesRequest, ListProtectedLinksRequest, ProtectedLink};

mod apply;
mod line;
mod linking;
mod reissue;

/// A client of the service.
type Client = IdentityServiceClient<Channel>;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv identity apply events.jsonl --connect keys/dev/identity.toml
  hvelv identity changes --register NPR --connect keys/dev/pipeline.toml
  hvelv identity protected --register NPR --connect keys/dev/custodian.toml

A person has one ID in a register, under whichever identifier rows come. When two identifiers turn
out to be one person's, the ID of the one that was known later is superseded; when that was wrong,
it is restored, and nothing else has changed.";

const APPLY_EXAMPLES: &str = "\
Examples:
  hvelv identity apply events.jsonl --connect keys/dev/identity.toml
  feed-reader | hvelv identity apply - --json --connect keys/dev/identity.toml

One event a line, as JSON:
  {\"sekvensnummer\":17,\"hendelse\":{\"hendelsestype\":\"endringIIdentifikasjonsnummer\",
   \"folkeregisteridentifikator\":\"NUMBER\"},\"identifikatorer\":[\"OTHER\"]}

docs/OPERATIONS.md has all fields. A feed can be cut anywhere and read again: what was read before
is counted and not applied. Events that contradict what is known are reported and stop nothing.
Needs the role identity.";

const CHANGES_EXAMPLES: &str = "\
Examples:
  hvelv identity changes --register NPR --connect keys/dev/pipeline.toml
  hvelv identity changes --register NPR --after 4120 --json --connect npr.toml

Each line: number, superseded with the old and the new ID or restored with one, and when. Keep the
last number and go on after it. Needs the role ingest or resolve for all sources of the register.";

const PROTECTED_EXAMPLES: &str = "\
Examples:
  hvelv identity protected --register NPR --connect keys/dev/custodian.toml

Pairs of IDs of one person whom the register must not know as one: adoption, a new identity. Needs
the role custodian; who was shown stands in the audit log, sealed.";

/// Applies events about identities, and shows which IDs they change.
#[derive(Debug, clap::Args)]
pub(super) struct IdentityCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Applies the events of a feed, in their order.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyOptions),
    /// Shows which IDs of a register are superseded, and which are restored.
    #[command(after_help = CHANGES_EXAMPLES)]
    Changes(ListOptions),
    /// States that the identifiers of each row of a file are one person's.
    #[command(after_help = linking::EXAMPLES)]
    Link(linking::LinkOptions),
    /// Replaces the IDs that a person has in a register, with another person's approval.
    #[command(after_help = reissue::EXAMPLES)]
    Reissue(reissue::ReissueOptions),
    /// Shows which IDs of a register were replaced, also those that are in no feed.
    #[command(after_help = reissue::LIST_EXAMPLES)]
    Reissued(ListOptions),
    /// Shows the links that are shown to no register.
    #[command(after_help = PROTECTED_EXAMPLES)]
    Protected(ListOptions),
    /// Takes back what was stated of the identifiers of each row of a file.
    #[command(after_help = linking::UNLINK_EXAMPLES)]
    Unlink(linking::LinkOptions),
}

#[derive(Debug, clap::Args)]
struct ApplyOptions {
    /// The events, one JSON object a line; standard input if it is `-`.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The feed that the numbers are of.
    #[arg(long, value_name = "NAME", default_value = "folkeregisteret")]
    feed: String,

    /// Writes JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// The last number that was read.
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,

    /// Writes one JSON object a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// A line that is no event, no connection, or what the server says.
pub(super) fn run(command: &IdentityCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Apply(options) => apply::run(options),
        Action::Changes(options) => changes(options),
        Action::Link(options) => linking::link(options),
        Action::Protected(options) => protected(options),
        Action::Reissue(options) => reissue::run(options),
        Action::Reissued(options) => reissue::list(options),
        Action::Unlink(options) => linking::unlink(options),
    }
}

async fn client(connection: &ConnectOptions) -> Result<Client, Error> {
    Ok(IdentityServiceClient::new(connection.channel(Caller::Known).await?))
}

fn changes(options: &ListOptions) -> Result<Exit, Error> {
    block_on(async {
        let mut client = client(&options.connection).await?;
        let mut after = options.after;
        loop {
            let register = options.register.clone();
            let request = ListIdChangesRequest { register, after, limit: 0 };
            let answered = client.list_id_changes(request).await?.into_inner();
            for change in &answered.changes {
                output::result(&change_line(change, options.json));
            }
            after = answered.last;
            if !answered.more {
                break;
            }
        }
        output::note(&format!("read up to {after}"));
        Ok(Exit::Success)
    })
}

fn change_line(change: &IdChange, json: bool) -> String {
    let IdChange { sequence, at, change } = change;
    let (kind, old, new) = match change {
        Some(Change::Superseded(ids)) => ("superseded", ids.old_id, Some(ids.new_id)),
        Some(Change::Restored(restored)) => ("restored", restored.id, None),
        None => ("unknown", 0, None),
    };
    if json {
        let mut line = json!({ "sequence": sequence, "change": kind, "id": old, "at": at });
        if let Some(new) = new {
            line["new_id"] = new.into();
        }
        return line.to_string();
    }
    let new = new.map(|new| format!(" {new}")).unwrap_or_default();
    format!("{sequence} {kind} {old}{new} {at}")
}

fn protected(options: &ListOptions) -> Result<Exit, Error> {
    block_on(async {
        let mut client = client(&options.connection).await?;
        let mut after = options.after;
        loop {
            let register = options.register.clone();
            let request = ListProtectedLinksRequest { register, after, limit: 0 };
            let answered = client.list_protected_links(request).await?.into_inner();
            for link in &answered.links {
                output::result(&link_line(link, options.json));
            }
            after = answered.last;
            if !answered.more {
                break;
            }
        }
        output::note(&format!("read up to {after}"));
        Ok(Exit::Success)
    })
}

fn link_line(link: &ProtectedLink, json: bool) -> String {
    let ProtectedLink { sequence, first_id, second_id, reason, at, in_force, .. } = link;
    let effective = day(link.effective);
    if json {
        let line = json!({
            "sequence": sequence, "first_id": first_id, "second_id": second_id,
            "reason": reason, "effective": effective, "at": at, "in_force": in_force,
        });
        return line.to_string();
    }
    let standing = if *in_force { "in_force" } else { "ended" };
    format!("{sequence} {first_id} {second_id} {reason} {standing} {at}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::{RestoredId, SupersededId};

    #[test]
    fn a_change_is_one_line() {
        let at = "2026-03-01T12:00:00Z".to_owned();
        let ids = SupersededId { old_id: 7, new_id: 9 };
        let change = Some(Change::Superseded(ids));
        let superseded = IdChange { sequence: 1, at: at.clone(), change };
        assert_eq!(change_line(&superseded, false), "1 superseded 7 9 2026-03-01T12:00:00Z");
        let change = Some(Change::Restored(RestoredId { id: 7 }));
        let restored = IdChange { sequence: 2, at, change };
        assert_eq!(change_line(&restored, false), "2 restored 7 2026-03-01T12:00:00Z");
        let json: serde_json::Value =
            serde_json::from_str(&change_line(&superseded, true)).unwrap();
        assert_eq!((json["id"].as_u64(), json["new_id"].as_u64()), (Some(7), Some(9)));
    }
}
