//! `hvelv restore`: both stores from a backup, offline; `hvelv restored`: what it has lost, accepted.

use std::path::PathBuf;

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit, with_sources};
use super::keys::GivenOptions;
use super::output;
use crate::audit::WitnessKey;
use crate::extract::open::read_key_file;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;
use crate::rpc::proto::{AcceptRestoreRequest, GetRestoreRequest, GetRestoreResponse};
use crate::service::setup::{RestoreError, Restored, Restoring, SetupError};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv restore --config /etc/hvelv/hvelv.toml --identity backup.key /backup/2026-11-23
  hvelv restore --identity backup.key --witness-head /witness/head --witness-key 'witness…' \\
    /backup/2026-11-24 /backup/2026-11-23

Run it on the server's host with the server stopped, the directories of the stores empty and the
newest key file in its place; name the backup first, then those that it goes on from. Every file is
held against the signed manifest, the log is verified, and all number spaces begin a new generation,
so that no number is given again: copy the key file anew afterwards. Nothing has its name before all
of it is done. If anything after the backup may be lost, the server serves nobody until two persons
have accepted that: hvelv restored.";

/// Examples for the help text of `restored`.
pub(super) const RESTORED_EXAMPLES: &str = "\
Examples:
  What is lost, and the approval that it takes:
    hvelv restored --connect operator.toml
  When another person has approved it:
    hvelv restored --connect operator.toml --accept

Until it is accepted the server answers approvals, the audit log and status alone.";

/// Restores both stores from a backup into empty directories.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreOptions {
    /// The backup, then the earlier ones that it goes on from.
    #[arg(value_name = "BACKUP", required = true)]
    backups: Vec<PathBuf>,

    /// File with the secret age key that the backup is sealed to.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,

    /// The newest head that the witness has cosigned.
    #[arg(long, value_name = "FILE", requires = "witness_key")]
    witness_head: Option<PathBuf>,

    /// Verifier key of the witness.
    #[arg(long, value_name = "KEY", requires = "witness_head")]
    witness_key: Option<String>,

    #[command(flatten)]
    given: GivenOptions,
}

/// Shows what a restore has lost, and accepts it.
#[derive(Debug, clap::Args)]
pub(super) struct RestoredOptions {
    /// Accepts it; another person has approved it before.
    #[arg(long)]
    accept: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs `restore`.
///
/// # Errors
///
/// What was given does not open the roots, the directories are not empty, the backup is damaged or
/// another's.
pub(super) fn run(options: &RestoreOptions) -> Result<Exit, Error> {
    let identities = read_key_file(&options.identity)?;
    let witnessed = witnessed(options)?;
    let opened = options.given.read()?;
    let given = [opened.once()?, opened.once()?, opened.once()?];
    let backups = &options.backups;
    let restoring = Restoring { backups, identities: &identities, witnessed };
    let restored = opened.installation().restore(&restoring, given).map_err(refused)?;
    tell(&restored);
    Ok(Exit::Success)
}

fn witnessed(options: &RestoreOptions) -> Result<Option<(String, WitnessKey)>, Error> {
    let (Some(head), Some(key)) = (&options.witness_head, &options.witness_key) else {
        return Ok(None);
    };
    let note = std::fs::read_to_string(head).map_err(|cause| Error::file("read", head, &cause))?;
    let key = key.parse().map_err(|cause| {
        Error::usage(format!("--witness-key is not the key of a witness: {}", with_sources(&cause)))
    })?;
    Ok(Some((note, key)))
}

fn tell(restored: &Restored) {
    let Restored { manifest, entries, dead_disclosures, pending } = restored;
    output::result(&format!("{} begun {:.0}", manifest.id, manifest.made));
    output::note(&format!("the log has {entries} entries"));
    if *dead_disclosures > 0 {
        output::note(&format!(
            "{dead_disclosures} disclosures of the backup have no key any more: close them"
        ));
    }
    match pending {
        None => output::note("the log reaches the witness's head: nothing is to be accepted"),
        Some(pending) => {
            output::note(&pending.gap());
            output::note("next: serve, unseal, and have two persons accept it: hvelv restored");
        }
    }
    output::note("the key file has a new generation: copy it anew, and destroy the older copies");
}

fn refused(cause: RestoreError) -> Error {
    let text = with_sources(&cause);
    match cause {
        RestoreError::Setup(cause @ SetupError::Open(_)) => super::keys::refused(cause),
        RestoreError::Setup(cause) => super::local::from_setup(cause),
        RestoreError::NotEmpty(_) => Error::new(Exit::Precondition, text),
        RestoreError::File { .. } | RestoreError::OtherKey => Error::input(text),
        RestoreError::Backup(_) | RestoreError::Witness(_) => Error::new(Exit::Verification, text),
    }
    .advise("Nothing was restored.")
}

/// Runs `restored`.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run_restored(options: &RestoredOptions) -> Result<Exit, Error> {
    block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut client = OperatorServiceClient::new(channel);
        if options.accept {
            let accepted = client.accept_restore(AcceptRestoreRequest {}).await?.into_inner();
            output::note("accepted: the server serves");
            let entry = accepted.audit_entry;
            output::note(&format!("recorded: entry {entry} of the audit log"));
        } else {
            show(&client.get_restore(GetRestoreRequest {}).await?.into_inner());
        }
        Ok(())
    })?;
    Ok(Exit::Success)
}

fn show(restore: &GetRestoreResponse) {
    if !restore.pending {
        return output::note("no restore waits to be accepted");
    }
    output::result(&format!("backup  {}", restore.backup));
    output::result(&format!("begun   {}", restore.made));
    output::result(&format!("lost    {}", restore.gap));
    output::note("ask for the approval of another person:");
    output::note(&format!(
        "  hvelv approval request --act accept_restore --subject '{}' --reason … --basis …",
        restore.subject
    ));
    output::note("then: hvelv restored --accept");
}
