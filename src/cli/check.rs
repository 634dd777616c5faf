//! `hvelv check`: looks for problems before a server is started.

use std::path::PathBuf;

use super::error::{Error, Exit};
use super::output;
use crate::service::setup;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv check --config /etc/hvelv/hvelv.toml

Looks at hvelv.toml, registers.toml, access.toml, certificates, the key file's marks and permissions.
Needs no passphrase and changes nothing. Exit code 0 without problems, 2 with any; all are listed.";

/// Checks configuration, certificates and key file, and lists every problem.
#[derive(Debug, clap::Args)]
pub(super) struct CheckOptions {
    /// Configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "hvelv.toml")]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// There are problems, which the error lists.
pub(super) fn run(options: &CheckOptions) -> Result<Exit, Error> {
    setup::check(&options.config).map_err(|cause| super::from_setup(&cause))?;
    output::note(&format!("{}: no problems", options.config.display()));
    Ok(Exit::Success)
}
