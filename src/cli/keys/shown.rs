//! `hvelv keys show`: what opens each root.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::error::{Error, Exit};
use crate::cli::{local, output};
use crate::service::setup::{Installation, RootWays};

#[derive(Debug, clap::Args)]
pub(super) struct ShowOptions {
    /// Configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "hvelv.toml")]
    config: PathBuf,

    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// The configuration's, and the key file's.
pub(super) fn run(options: &ShowOptions) -> Result<Exit, Error> {
    let installation = Installation::load(&options.config).map_err(local::from_setup)?;
    let ways = installation.root_ways().map_err(local::from_setup)?;
    if options.json {
        output::json(&ways.iter().map(as_json).collect());
    } else {
        ways.iter().for_each(|root| output::result(&as_text(root)));
    }
    Ok(Exit::Success)
}

fn as_text(root: &RootWays) -> String {
    let passphrase = root.passphrase.then(|| "passphrase".to_owned());
    let shares = root
        .shares
        .as_ref()
        .map(|(set, threshold, total)| format!("{threshold} of {total} shares (set {set})"));
    let ways: Vec<String> = passphrase.into_iter().chain(shares).collect();
    format!("{:<10} {}", root.root, ways.join(", or "))
}

fn as_json(root: &RootWays) -> serde_json::Value {
    let shares = root.shares.as_ref().map(
        |(set, threshold, total)| json!({ "set": set, "threshold": threshold, "total": total }),
    );
    json!({ "root": root.root, "passphrase": root.passphrase, "shares": shares })
}
