//! `hvelv check`: looks for problems before a server is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Error, Exit, with_sources};
use super::{local, output, serve};
use crate::clock::{Clock, SystemClock};
use crate::rpc::tls::ServerTls;
use crate::service::setup::Installation;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv check --config /etc/hvelv/hvelv.toml

Looks at hvelv.toml, registers.toml, access.toml, the TLS files and the key file, without its
passphrase, and changes nothing. Exit code 0 without problems, 2 with any; all are listed.";

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
    let config = &options.config;
    let installation = Installation::load(config).map_err(local::from_setup)?;
    let problems = problems(&installation, config);
    if !problems.is_empty() {
        let error = Error::usage(format!("{} has problems", config.display()));
        return Err(problems.into_iter().fold(error, Error::advise));
    }
    output::note(&format!("{}: no problems", config.display()));
    Ok(Exit::Success)
}

/// What is wrong with the files that the configuration names.
fn problems(installation: &Installation, config: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |error: Error| {
        if error.advice().is_empty() {
            problems.push(error.to_string());
        }
        problems.extend(error.advice().iter().cloned());
    };
    if let Err(error) = serve::open_access(installation, config) {
        note(error);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    if let Err(cause) = ServerTls::load(&installation.config.tls, clock) {
        note(Error::usage(with_sources(&cause)));
    }
    if let Err(cause) = installation.parts() {
        note(local::from_setup(cause));
    }
    if let Err(cause) = installation.check_key_file() {
        note(Error::usage(format!("the key file: {}", with_sources(&cause))));
    }
    problems
}
