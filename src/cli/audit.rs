//! `hvelv audit`: reads, exports and verifies the audit log.

mod live;
mod prune;
mod receipt;
mod tiles;
mod witness;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit, with_sources};
use super::output;
use super::pseudonymize::destination::{Destination, Existing};
use crate::audit::{Trust, VerifyError, verify_export};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv audit entries --connect keys/dev/auditor.toml --start 0 --count 20
  hvelv audit checkpoint --connect keys/dev/auditor.toml > checkpoint-2026-03-31.txt
  hvelv audit verify --connect keys/dev/auditor.toml --live
  hvelv audit export --connect keys/dev/auditor.toml audit-2026-03-31.jsonl
  hvelv audit verify --export audit-2026-03-31.jsonl --verifier-key 'hvelv.example/audit+…'

Needs the role auditor, `receipt` any role, `prune` the role operator. `verify --export`,
`verify-receipt` and `witness add` need no server and no certificate.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  The log as the server has it now, and that it continues the one of an earlier checkpoint:
    hvelv audit verify --connect keys/dev/auditor.toml --live --earlier checkpoint-2025-12-31.txt

  An export, offline:
    hvelv audit verify --export audit.jsonl --verifier-key 'hvelv.example/audit+1a2b3c4d+AY…'

Keep the verifier key and old checkpoints somewhere else than on the server: without them, this
proves only that the log agrees with itself. Exit code 7 when something does not verify.";

/// Reads, exports and verifies the audit log.
#[derive(Debug, clap::Args)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Lists entries, one a line: number and body.
    Entries(EntriesOptions),
    /// Writes a signed checkpoint (C2SP signed note) to standard output.
    Checkpoint(CheckpointOptions),
    /// Recomputes the tree from the entries and checks the signature.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyOptions),
    /// Writes the whole log to a file that `verify --export` checks offline.
    Export(ExportOptions),
    /// Writes a checkpoint with the proof that it continues an earlier one.
    Consistency(receipt::ConsistencyOptions),
    /// Writes the proof that an entry is in the log, in the form of a receipt.
    Prove(receipt::ReceiptOptions),
    /// Drops bodies whose retention is over; hashes and proofs stay.
    #[command(after_help = prune::EXAMPLES)]
    Prune(prune::PruneOptions),
    /// Writes a receipt for an entry of one's own.
    #[command(after_help = receipt::RECEIPT_EXAMPLES)]
    Receipt(receipt::ReceiptOptions),
    /// Writes the tree as tiles, and compares it with those that are there.
    #[command(after_help = tiles::EXAMPLES)]
    Tiles(tiles::TilesOptions),
    /// Checks a receipt or proof offline, with the public key alone.
    VerifyReceipt(receipt::VerifyReceiptOptions),
    /// Keeps the newest checkpoint, and refuses a log that goes back or forks.
    #[command(after_help = witness::EXAMPLES)]
    Witness(witness::WitnessCommand),
}

#[derive(Debug, clap::Args)]
struct EntriesOptions {
    /// Number of the first entry.
    #[arg(long, value_name = "N", default_value_t = 0)]
    start: u64,

    /// Most entries to show; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    count: u64,

    /// Writes one JSON object a line, with the leaf hash.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct CheckpointOptions {
    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct VerifyOptions {
    /// Verifies the log of the server.
    #[arg(long, required_unless_present = "export", conflicts_with = "export")]
    live: bool,

    /// Verifies an export.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// The key that checkpoints must be signed by: `name+hash+key`. Repeat it for the key before, if
    /// the log's key was replaced.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,

    /// An earlier checkpoint of the same log, which it must continue.
    #[arg(long, value_name = "FILE", requires = "live")]
    earlier: Option<PathBuf>,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct ExportOptions {
    /// File to write. It must not exist, unless --overwrite is given.
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// The key that the checkpoint must be signed by: `name+hash+key`. Repeat it while one key of the
    /// log follows another.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,

    /// Replaces OUT if it exists, once the new one is complete.
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, what the server says, or the log does not verify.
pub(super) fn run(command: &AuditCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Checkpoint(options) => checkpoint(options),
        Action::Consistency(options) => receipt::consistency(options),
        Action::Entries(options) => entries(options),
        Action::Export(options) => export(options),
        Action::Prove(options) => receipt::prove(options),
        Action::Prune(options) => prune::run(options),
        Action::Receipt(options) => receipt::receipt(options),
        Action::Tiles(options) => tiles::run(options),
        Action::VerifyReceipt(options) => receipt::verify(options),
        Action::Witness(command) => witness::run(command),
        Action::Verify(VerifyOptions { export: Some(path), verifier_key, .. }) => {
            verify_file(path, verifier_key)
        }
        Action::Verify(options) => verify_live(options),
    }
}

fn entries(options: &EntriesOptions) -> Result<Exit, Error> {
    block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut entries = live::list(channel, options.start, options.count).await?;
        while let Some(entry) = entries.message().await.map_err(live::refused)? {
            // The server's words are shown, never acted on.
            let body = String::from_utf8_lossy(&entry.body);
            let line = if options.json {
                let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
                let hash = BASE64.encode(&entry.leaf_hash);
                json!({ "i": entry.index, "leaf_hash": hash, "body": body }).to_string()
            } else if body.is_empty() {
                format!("{} (pruned)", entry.index)
            } else {
                format!("{} {body}", entry.index)
            };
            output::result(&without_controls(&line));
        }
        Ok(Exit::Success)
    })
}

/// A text in which nothing moves a terminal: control characters as JSON escapes them.
fn without_controls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn checkpoint(options: &CheckpointOptions) -> Result<Exit, Error> {
    let checkpoint = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        live::checkpoint(channel).await
    })?;
    // A note is text and newlines; what is not is shown as it is not, and does not verify.
    checkpoint
        .note
        .trim_end_matches('\n')
        .split('\n')
        .map(without_controls)
        .for_each(|line| output::result(&line));
    output::note(&format!("verifier key: {}", without_controls(&checkpoint.verifier_key)));
    Ok(Exit::Success)
}

fn export(options: &ExportOptions) -> Result<Exit, Error> {
    let keys = live::expected_keys(&options.verifier_key)?;
    let existing = if options.overwrite { Existing::Replace } else { Existing::Keep };
    let destination = Destination::create(&options.output, existing)?;
    let (destination, report) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        live::copy(channel, destination, &keys, None).await
    })?;
    destination.publish()?;
    output::note(&report.summary());
    output::note(&format!("written: {}", options.output.display()));
    Ok(Exit::Success)
}

fn verify_live(options: &VerifyOptions) -> Result<Exit, Error> {
    let earlier = match &options.earlier {
        Some(path) => {
            Some(std::fs::read_to_string(path).map_err(|cause| Error::file("read", path, &cause))?)
        }
        None => None,
    };
    let keys = live::expected_keys(&options.verifier_key)?;
    let (_, report) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        live::copy(channel, std::io::sink(), &keys, earlier.as_deref()).await
    })?;
    output::result(&report.summary());
    if let Some(size) = report.earlier_size {
        output::result(&format!("it continues the log of the earlier checkpoint ({size} entries)"));
    }
    trust(!keys.is_empty(), "the server");
    Ok(Exit::Success)
}

fn verify_file(path: &Path, verifier_keys: &[String]) -> Result<Exit, Error> {
    let verify = |key: Option<&str>| {
        let file = File::open(path).map_err(|cause| Error::file("read", path, &cause))?;
        Ok::<_, Error>(verify_export(BufReader::new(file), key))
    };
    let mut verified = verify(verifier_keys.first().map(String::as_str))?;
    for key in verifier_keys.iter().skip(1) {
        if matches!(verified, Err(VerifyError::WrongKey)) {
            verified = verify(Some(key))?;
        }
    }
    let report = verified.map_err(|cause| {
        let exit = match cause {
            VerifyError::Read(_) | VerifyError::ExpectedKey(_) => Exit::Usage,
            _ => Exit::Verification,
        };
        Error::new(exit, format!("{}: {}", path.display(), with_sources(&cause)))
    })?;
    live::explained(&report.pruning)?;
    let summary = live::Copied {
        checkpoint: report.checkpoint,
        pruned_count: report.pruned_count,
        earlier_size: None,
    };
    output::result(&summary.summary());
    trust(report.trust == Trust::ExpectedKey, "the file");
    Ok(Exit::Success)
}

/// Says how much the result is worth.
fn trust(is_expected_key: bool, source: &str) {
    if !is_expected_key {
        output::note(&format!(
            "the key was taken from {source} itself: give --verifier-key to know whose log it is"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sends_does_not_move_a_terminal() {
        let shown = without_controls("0 {\"a\":\"\u{1b}[2J\u{9b}x\u{7f}\nå\"}");
        assert_eq!(shown, "0 {\"a\":\"\\u001b[2J\\u009bx\\u007f\\u000aå\"}");
    }
}
