//! `hvelv unseal`: opens a sealed server.

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use super::passphrase::{PassphraseOptions, Prompt};
use crate::rpc::proto::UnsealRequest;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  Asked for on the terminal:
    hvelv unseal --connect keys/dev/operator.toml

  From a file that only you may read, or from a program:
    hvelv unseal --connect keys/dev/operator.toml --passphrase-file keys/dev/passphrase
    hvelv unseal --connect operator.toml --passphrase-fd 3 3< <(secret-tool lookup hvelv root)

The passphrase is never taken from an argument or the environment: other processes can read those.
Needs the role operator. Exit code 4 when the passphrase is wrong, 5 when the server is open
already.";

/// Opens a sealed server with the passphrase of its key file.
#[derive(Debug, clap::Args)]
pub(super) struct UnsealOptions {
    #[command(flatten)]
    passphrase: PassphraseOptions,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No passphrase, no connection, or what the server says.
pub(super) fn run(options: &UnsealOptions) -> Result<Exit, Error> {
    // Before anybody types a passphrase.
    options.connection.target(Caller::Known)?;
    let passphrase = options.passphrase.read(Prompt::Existing)?;
    let opened = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        // The copy in the message is tonic's and is not wiped; this process ends soon after.
        let request = UnsealRequest { passphrase: passphrase.expose().to_vec() };
        Ok(OperatorServiceClient::new(channel).unseal(request).await?.into_inner())
    })?;
    output::note(&format!("open: {} identifiers, loaded in {} ms", opened.persons, opened.load_ms));
    Ok(Exit::Success)
}
