//! `hvelv audit prune`: drops bodies of the log whose retention is over, with another's approval.

use super::live;
use crate::audit::RETENTION_DAYS_MIN;
use crate::cli::connect::{Caller, ConnectOptions, block_on};
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::rpc::proto::PruneEntriesRequest;
use crate::rpc::proto::audit_service_client::AuditServiceClient;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  Ask, have another person approve, then prune:
    hvelv approval request --connect keys/dev/operator.toml --act prune_audit \\
        --subject 'entries older than 1827 days' --reason 'retention' --basis 'rule 4'
    hvelv approval approve --connect keys/dev/approver.toml k7x2-9mfp-3qwd-h5tz
    hvelv audit prune --connect keys/dev/operator.toml

Needs the role operator, and an approval about this retention. Take an export first, if the bodies
are to be kept elsewhere: they are not brought back. Backups have them for as long as those are
kept.";

#[derive(Debug, clap::Args)]
pub(super) struct PruneOptions {
    /// Days that a body is kept.
    #[arg(long, value_name = "N", default_value_t = RETENTION_DAYS_MIN)]
    retention_days: u64,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(options: &PruneOptions) -> Result<Exit, Error> {
    let request = PruneEntriesRequest { retention_days: options.retention_days };
    let pruned = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let pruned = AuditServiceClient::new(channel).prune_entries(request).await;
        Ok(pruned.map_err(live::refused)?.into_inner())
    })?;
    output::result(&format!("pruned: {} bodies", pruned.bodies));
    if pruned.audit_entries.is_empty() {
        output::note("nothing is older than that; the approval is not used");
    }
    for entry in pruned.audit_entries {
        output::note(&format!("recorded: entry {entry} of the audit log"));
    }
    Ok(Exit::Success)
}
