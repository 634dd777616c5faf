//! `hvelv extract`: what a disclosure lets out, on both sides.

mod key;
mod open;

use super::error::{Error, Exit};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv extract key researcher.key
  hvelv extract open --identity researcher.key --verifier-key 'hvelv.example/audit+…' *.age opened/

Neither needs a server or a certificate.";

/// Makes keys of recipients; opens and verifies extracts.
#[derive(Debug, clap::Args)]
pub(super) struct ExtractCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    #[command(after_help = key::EXAMPLES)]
    Key(key::KeyOptions),
    #[command(after_help = open::EXAMPLES)]
    Open(open::OpenOptions),
}

/// Runs the command.
///
/// # Errors
///
/// What the inner command says.
pub(super) fn run(command: &ExtractCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Key(options) => key::run(options),
        Action::Open(options) => open::run(options),
    }
}
