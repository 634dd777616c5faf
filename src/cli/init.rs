//! `hvelv init`: makes the key file and the empty stores.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::error::{Error, Exit};
use super::keys::Opened;
use super::passphrase::{GivenPassphrase, PassphraseOptions, Prompt};
use super::{development, local, output};
use crate::service::setup::Installation;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  A server in production: write hvelv.toml first (see keys/README.md for the key ceremony), then
    hvelv init --config /etc/hvelv/hvelv.toml

  A server to develop with, complete with a certificate for each role:
    hvelv init --development
    hvelv serve --config keys/dev/hvelv.toml &
    hvelv unseal --connect keys/dev/operator.toml --passphrase-file keys/dev/passphrase

  Registers that were added to registers.toml get their keys:
    hvelv init --config /etc/hvelv/hvelv.toml --add-registers

Nothing that exists is replaced. Development keys are marked, and refused in production.";

/// Makes the key file and the empty stores.
#[derive(Debug, clap::Args)]
pub(super) struct InitCommand {
    /// Configuration of the server [default: hvelv.toml].
    #[arg(long, value_name = "FILE", conflicts_with = "development")]
    config: Option<PathBuf>,

    /// Makes everything that a server to develop with needs, in a directory of its own:
    /// configuration, certificates, marked keys, stores and a passphrase.
    #[arg(long)]
    development: bool,

    /// Directory for --development.
    #[arg(long, value_name = "DIR", default_value = "keys/dev", requires = "development")]
    directory: PathBuf,

    /// Address that the development server listens on.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:7443",
        requires = "development"
    )]
    listen: SocketAddr,

    /// Adds keys for registers that are new in the catalogue, to a key file that exists.
    #[arg(long, conflicts_with = "development")]
    add_registers: bool,

    /// With --add-registers: a share of a root, in a file that only its owner may read; may be repeated.
    /// What the shares do not open takes the passphrase.
    #[arg(long, value_name = "FILE", requires = "add_registers")]
    share_file: Vec<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseOptions,
}

/// Runs the command.
///
/// # Errors
///
/// Something exists already, cannot be written, or the configuration is wrong.
pub(super) fn run(options: &InitCommand) -> Result<Exit, Error> {
    let config = if options.development {
        development::write(&options.directory, options.listen)?
    } else {
        options.config.clone().unwrap_or_else(|| PathBuf::from("hvelv.toml"))
    };
    if options.add_registers {
        let given = Opened::read(&config, &options.share_file, &options.passphrase)?;
        let made = given.installation().add_registers(given.once()?);
        let made = made.map_err(local::from_setup)?;
        output::note(&format!("{made} keys made; restart and unseal the server to use them"));
        return Ok(Exit::Success);
    }
    let installation = Installation::load(&config).map_err(local::from_setup)?;
    let passphrase = passphrase(options)?.into_secret()?;
    installation.init(&passphrase).map_err(local::from_setup)?;
    output::note(&format!("key file made: {}", installation.config.key_file.display()));
    output::note(&format!("next: hvelv serve --config {}", config.display()));
    if options.development {
        let directory = options.directory.display();
        let file = if options.passphrase.is_terminal() {
            format!(" --passphrase-file {directory}/passphrase")
        } else {
            String::new()
        };
        output::note(&format!("then: hvelv unseal --connect {directory}/operator.toml{file}"));
    }
    Ok(Exit::Success)
}

/// Given, asked for, or, for development, made.
fn passphrase(options: &InitCommand) -> Result<GivenPassphrase, Error> {
    if options.development && options.passphrase.is_terminal() {
        return development::make_passphrase(&options.directory);
    }
    options.passphrase.read(Prompt::New)
}
