//! `hvelv keys destroy`: the end of keys that have a successor.

use super::{GivenOptions, refused};
use crate::cli::error::Error;
use crate::cli::output;

pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv keys destroy audit-signing

Only when every auditor and every witness has verified a checkpoint with the new key. What the older
keys have signed still verifies with their public keys. Older copies of the key file have them for
ever: destroy those too.";

#[derive(Debug, clap::Args)]
pub(super) struct DestroyOptions {
    #[command(flatten)]
    given: GivenOptions,

    /// Whose older keys.
    #[arg(value_name = "KEY")]
    purpose: KeyName,
}

/// What older keys can be destroyed of, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KeyName {
    AuditSigning,
}

/// Runs the command.
///
/// # Errors
///
/// What was given does not open the roots, the server is open, there is no older key or it is needed
/// still, or the file cannot be written.
pub(super) fn run(options: &DestroyOptions) -> Result<(), Error> {
    let KeyName::AuditSigning = options.purpose;
    let opened = options.given.read()?;
    let destroyed = opened.installation().destroy_older_signing_keys(opened.twice()?);
    let count = destroyed.map_err(refused)?;
    output::note(&format!("destroyed: {count} older keys of audit signing"));
    Ok(())
}
