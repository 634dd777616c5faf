//! `hvelv keys rotate`: a new key for what is signed or sealed from now on.

use super::{GivenOptions, refused};
use crate::cli::error::Error;
use crate::cli::output;
use crate::service::setup::{Root, Rotation};

pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv keys rotate audit-signing
  hvelv keys rotate vault-sealing --share-file vault-share-1.txt --share-file …

The older key stays in the file, to verify and open what it has made. After audit-signing, unseal:
each checkpoint has both signatures from then on, and the log's entry signing_key_added the new
verifier key: give it to auditors and witnesses. Copy the key file anew.";

#[derive(Debug, clap::Args)]
pub(super) struct RotateOptions {
    #[command(flatten)]
    given: GivenOptions,

    /// What gets a new key.
    #[arg(value_name = "KEY")]
    purpose: KeyName,
}

/// What can get a new key, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KeyName {
    AuditSigning,
    ExtractSigning,
    RegistersSealing,
    VaultSealing,
}

impl KeyName {
    const fn rotation(self) -> Rotation {
        match self {
            Self::AuditSigning => Rotation::AuditSigning,
            Self::ExtractSigning => Rotation::ExtractSigning,
            Self::RegistersSealing => Rotation::Sealing(Root::Registers),
            Self::VaultSealing => Rotation::Sealing(Root::Vault),
        }
    }
}

/// Runs the command.
///
/// # Errors
///
/// What was given does not open the roots, the server is open, or the file cannot be written.
pub(super) fn run(options: &RotateOptions) -> Result<(), Error> {
    let rotation = options.purpose.rotation();
    let opened = options.given.read()?;
    opened.installation().rotate(rotation, opened.twice()?).map_err(refused)?;
    output::note(&format!("{} has a new key", rotation.text()));
    Ok(())
}
