//! `hvelv keys destroy`: the end of keys that have a successor.

use super::{GivenOptions, refused};
use crate::cli::error::Error;
use crate::cli::output;
use crate::service::setup::{OlderKeys, Root};

pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv keys destroy audit-signing
  hvelv keys destroy vault-sealing

audit-signing: only when every auditor and every witness has verified a checkpoint with the new key.
What the older keys have signed still verifies with their public keys.

registers-sealing, vault-sealing: only when the server has sealed anew what they had sealed, which
it does by itself while it is unsealed. Backups from before open no more: take a new one first.

Older copies of the key file have the keys for ever: destroy those too.";

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
    RegistersSealing,
    VaultSealing,
}

impl KeyName {
    const fn older(self) -> (OlderKeys, &'static str) {
        match self {
            Self::AuditSigning => (OlderKeys::AuditSigning, "audit signing"),
            Self::RegistersSealing => (OlderKeys::Sealing(Root::Registers), "registers sealing"),
            Self::VaultSealing => (OlderKeys::Sealing(Root::Vault), "vault sealing"),
        }
    }
}

/// Runs the command.
///
/// # Errors
///
/// What was given does not open the roots, the server is open, there is no older key or it is needed
/// still, or the file cannot be written.
pub(super) fn run(options: &DestroyOptions) -> Result<(), Error> {
    let (older, name) = options.purpose.older();
    let opened = options.given.read()?;
    let destroyed = opened.installation().destroy_older_keys(older, opened.twice()?);
    let count = destroyed.map_err(refused)?;
    output::note(&format!("destroyed: {count} older keys of {name}"));
    Ok(())
}
