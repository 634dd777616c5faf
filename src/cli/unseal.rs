//! `hvelv unseal`: opens a sealed server, by passphrase or share by share.

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use super::passphrase::{PassphraseOptions, Prompt};
use super::share::{GivenShare, ShareOptions};
use super::status::root_line;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;
use crate::rpc::proto::{GiveShareRequest, RootStatus, UnsealRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  Asked for on the terminal:
    hvelv unseal --connect keys/dev/operator.toml

  From a file that only you may read, or from a program:
    hvelv unseal --connect keys/dev/operator.toml --passphrase-file keys/dev/passphrase
    hvelv unseal --connect operator.toml --passphrase-fd 3 3< <(secret-tool lookup hvelv root)

  By shares, each holder for themselves, with their own certificate:
    hvelv unseal --connect kari.toml --share
    hvelv unseal --connect ola.toml --share-fd 3 3< <(age -d -i ola.key vault-share-2.age)

Neither is ever taken from an argument or the environment: other processes can read those. Each root
is opened by its passphrase or by as many shares as its threshold, of as many persons; the server
opens when both roots are open. Shares that were given are forgotten after seal.shares_kept_minutes,
and by `hvelv seal`. A passphrase needs the role operator, a share the role keyholder or operator.
Exit code 4 when the passphrase or the share is wrong, 5 when the server is open already.";

/// Opens a sealed server with the passphrase of its key file, or gives a share towards that.
#[derive(Debug, clap::Args)]
pub(super) struct UnsealOptions {
    #[command(flatten)]
    passphrase: PassphraseOptions,

    #[command(flatten)]
    share: ShareOptions,

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
    if let Some(share) = options.share.read()? {
        return give(options, &share);
    }
    let passphrase = options.passphrase.read(Prompt::Existing)?;
    let opened = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        // The copy in the message is tonic's and is not wiped; this process ends soon after.
        let request = UnsealRequest { passphrase: passphrase.expose().to_vec() };
        Ok(OperatorServiceClient::new(channel).unseal(request).await?.into_inner())
    })?;
    say(&opened.waiting, opened.persons, opened.load_ms);
    Ok(Exit::Success)
}

fn give(options: &UnsealOptions, share: &GivenShare) -> Result<Exit, Error> {
    let given = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        // The copy in the message is tonic's and is not wiped; this process ends soon after.
        let request = GiveShareRequest { share: share.expose().to_vec() };
        Ok(OperatorServiceClient::new(channel).give_share(request).await?.into_inner())
    })?;
    output::note(&format!("share {} of the {} root is right", given.index, given.plane));
    say(&given.waiting, given.persons, given.load_ms);
    Ok(Exit::Success)
}

/// That the server is open, or what it still waits for.
fn say(waiting: &[RootStatus], persons: u64, load_ms: u64) {
    if waiting.is_empty() {
        output::note(&format!("open: {persons} identifiers, loaded in {load_ms} ms"));
        return;
    }
    output::note("still sealed:");
    waiting.iter().for_each(|root| output::note(&root_line(root)));
}
