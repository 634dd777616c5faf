//! `hvelv extract`: what a disclosure lets out, on both sides.

mod key;
mod make;
mod open;

use super::error::{Error, Exit};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv extract key researcher.key
  hvelv extract make --connect officer.toml --disclosure 9f…e1 --contact data@register.example \\
    --register NPR episodes-npr.csv out/episodes.csv
  hvelv extract open --identity researcher.key --verifier-key 'hvelv.example/audit+…' *.age opened/

`make` is the officer's; `key` and `open` are the recipient's and need no server.";

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
    #[command(after_help = make::EXAMPLES)]
    Make(Box<make::MakeOptions>),
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
        Action::Make(options) => make::run(options),
        Action::Open(options) => open::run(options),
    }
}
