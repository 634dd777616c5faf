//! `hvelv serve`: runs the server.

use std::path::PathBuf;

use super::error::{Error, Exit};
use crate::service::setup;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv serve --config /etc/hvelv/hvelv.toml
  hvelv serve --config keys/dev/hvelv.toml

The server starts sealed: open it with `hvelv unseal`. SIGTERM and SIGINT drain deliveries in flight,
close the stores and end with exit code 0. A configuration that is wrong ends with exit code 2 and all
its problems at once.";

/// Runs the server. It starts sealed.
#[derive(Debug, clap::Args)]
pub(super) struct ServeOptions {
    /// Configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "hvelv.toml")]
    config: PathBuf,
}

/// Runs the command until the server is told to stop.
///
/// # Errors
///
/// The configuration is wrong, or the server cannot start.
pub(super) fn run(options: &ServeOptions) -> Result<Exit, Error> {
    setup::serve(&options.config).map_err(|cause| super::from_setup(&cause))?;
    Ok(Exit::Success)
}
