//! `hvelv disclosure`: from a decision to a key that is destroyed.

use jiff::civil::Date;
use serde_json::{Value, json};

use self::client::{Asking, Client, told};
use self::shown::{disclosure_heading, disclosure_json, disclosure_line, disclosure_lines};
use super::error::{Error, Exit};
use super::output;
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::{
    CloseDisclosureRequest, CompleteDisclosureRequest, ConfirmDeletionRequest, Disclosure,
    GetDisclosureRequest, ListDisclosuresRequest, OpenDisclosureRequest,
};

pub(super) mod client;
mod confirm;
pub(super) mod identify;
mod run;
pub(super) mod shown;
#[cfg(test)]
mod tests;
mod window;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv disclosure run description.toml --connect keys/dev/officer.toml
  hvelv disclosure list --connect keys/dev/officer.toml

A disclosure has a key of its own, and so its own løpenummer (serials). open, extracted, completed,
closed: closing destroys the key. Needs the role officer; an auditor may show and list.";

const OPEN_EXAMPLES: &str = "\
Examples:
  hvelv disclosure open A-2026-0001 --decision 1 --expires 2026-12-31 \\
    --recipient-key age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p \\
    --connect keys/dev/officer.toml

The recipient makes the pair of keys (hvelv extract key), keeps the secret one, and sends the line
that begins with age1. Compare it by another way than that of the application.";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv disclosure show 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --connect keys/dev/officer.toml
  hvelv disclosure show 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --connect keys/dev/auditor.toml --json";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv disclosure list --connect keys/dev/officer.toml
  hvelv disclosure list --connect keys/dev/auditor.toml --json";

const COMPLETE_EXAMPLES: &str = "\
Examples:
  hvelv disclosure complete 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --connect keys/dev/officer.toml

Nothing more is issued. The key lives until the disclosure is closed.";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  hvelv disclosure confirm-deletion 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a \\
    --connect keys/dev/officer.toml

For the recipient's word that the data are deleted. It comes once, when the disclosure is completed
or closed.";

const CLOSE_EXAMPLES: &str = "\
Examples:
  hvelv disclosure close 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --connect keys/dev/officer.toml
  hvelv disclosure close 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --yes --connect keys/dev/officer.toml

Destroys the key and everything that is sealed under it, and says what older copies of the key file
still hold. It cannot be undone, so it asks first, unless --yes is given.";

/// Opens, shows, completes and closes disclosures.
#[derive(Debug, clap::Args)]
pub(super) struct DisclosureCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Receives, decides and opens what one file describes, and says how its extract is made.
    #[command(after_help = run::EXAMPLES)]
    Run(run::RunOptions),
    /// Opens a disclosure on a decision: makes its key.
    #[command(after_help = OPEN_EXAMPLES)]
    Open(OpenOptions),
    /// Shows a disclosure, its deliveries and its history.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(IdOptions),
    /// Lists the disclosures, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Says who a serial is, with another person's approval.
    #[command(after_help = identify::EXAMPLES)]
    Identify(identify::IdentifyOptions),
    /// Opens a window of a joint disclosure, with another person's approval.
    #[command(after_help = window::OPEN_EXAMPLES)]
    OpenWindow(window::OpenWindowOptions),
    /// Closes the window of a joint disclosure.
    #[command(after_help = window::CLOSE_EXAMPLES)]
    CloseWindow(IdOptions),
    /// Says that nothing more is issued.
    #[command(after_help = COMPLETE_EXAMPLES)]
    Complete(IdOptions),
    /// Records that the recipient has deleted the data.
    #[command(after_help = CONFIRM_EXAMPLES)]
    ConfirmDeletion(IdOptions),
    /// Destroys a disclosure's key: after that nobody can tell who a serial was.
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(CloseOptions),
}

#[derive(Debug, clap::Args)]
struct OpenOptions {
    /// The application's number, such as A-2026-0001.
    #[arg(value_name = "NUMBER")]
    application: String,

    /// The number of its decision, from 1.
    #[arg(long, value_name = "N")]
    decision: u32,

    /// The recipient's age key, `age1…`.
    #[arg(long, value_name = "KEY")]
    recipient_key: String,

    /// The last day on which anything is issued; the decision's if absent.
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<Date>,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct IdOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct CloseOptions {
    /// Does not ask first.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    which: IdOptions,
}

/// Runs the command.
///
/// # Errors
///
/// A file with problems, no connection, no confirmation, or what the server says.
pub(super) fn run(command: &DisclosureCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Close(options) => close(options),
        Action::CloseWindow(options) => window::close(options),
        Action::Complete(options) => complete(options),
        Action::ConfirmDeletion(options) => confirm_deletion(options),
        Action::Identify(options) => identify::run(options),
        Action::List(options) => list(options),
        Action::Open(options) => open(options),
        Action::OpenWindow(options) => window::open(options),
        Action::Run(options) => run::run(options),
        Action::Show(options) => show(options),
    }
}

fn open(options: &OpenOptions) -> Result<Exit, Error> {
    let request = OpenDisclosureRequest {
        application: options.application.clone(),
        decision: options.decision,
        recipient_key: options.recipient_key.clone(),
        expires: options.expires.map(wire_date),
    };
    let opened = options
        .asking
        .ask(async |client| Ok(client.open_disclosure(request).await?.into_inner()))?;
    tell(&options.asking, opened.disclosure, &[])?;
    output::note(&format!("opened: entry {} of the audit log", opened.audit_entry));
    Ok(Exit::Success)
}

fn show(options: &IdOptions) -> Result<Exit, Error> {
    let request = GetDisclosureRequest { disclosure: options.disclosure.clone() };
    let found = options
        .asking
        .ask(async |client| Ok(client.get_disclosure(request).await?.into_inner()))?;
    tell(&options.asking, found.disclosure, &[("verifier_key", &found.verifier_key)])?;
    if !options.asking.json {
        output::result(&format!("manifests are verified with {}", found.verifier_key));
    }
    Ok(Exit::Success)
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let disclosures = options.asking.ask(async |client| {
        Ok(client.list_disclosures(ListDisclosuresRequest {}).await?.into_inner().disclosures)
    })?;
    if options.asking.json {
        for disclosure in &disclosures {
            output::result(&disclosure_json(disclosure)?.to_string());
        }
        return Ok(Exit::Success);
    }
    if disclosures.is_empty() {
        output::note("no disclosure was opened yet");
    } else {
        output::result(&disclosure_heading());
    }
    disclosures.iter().for_each(|one| output::result(&disclosure_line(one)));
    Ok(Exit::Success)
}

fn complete(options: &IdOptions) -> Result<Exit, Error> {
    let request = CompleteDisclosureRequest { disclosure: options.disclosure.clone() };
    let completed = options
        .asking
        .ask(async |client| Ok(client.complete_disclosure(request).await?.into_inner()))?;
    tell(&options.asking, completed.disclosure, &[])?;
    output::note(&format!("completed: entry {} of the audit log", completed.audit_entry));
    Ok(Exit::Success)
}

fn confirm_deletion(options: &IdOptions) -> Result<Exit, Error> {
    let request = ConfirmDeletionRequest { disclosure: options.disclosure.clone() };
    let confirmed = options
        .asking
        .ask(async |client| Ok(client.confirm_deletion(request).await?.into_inner()))?;
    tell(&options.asking, confirmed.disclosure, &[])?;
    output::note(&format!("deletion confirmed: entry {} of the audit log", confirmed.audit_entry));
    Ok(Exit::Success)
}

fn close(options: &CloseOptions) -> Result<Exit, Error> {
    let asking = &options.which.asking;
    if !options.yes {
        let shown = asking.ask(async |client| find(client, &options.which.disclosure).await)?;
        confirm::on_terminal(&shown)?;
    }
    let request = CloseDisclosureRequest { disclosure: options.which.disclosure.clone() };
    let closed =
        asking.ask(async |client| Ok(client.close_disclosure(request).await?.into_inner()))?;
    tell(asking, closed.disclosure, &[("older_copies", &closed.older_copies)])?;
    output::note(&format!("closed: entry {} of the audit log", closed.audit_entry));
    if !asking.json {
        output::note(&closed.older_copies);
    }
    Ok(Exit::Success)
}

async fn find(client: &mut Client, id: &str) -> Result<Disclosure, Error> {
    let request = GetDisclosureRequest { disclosure: id.to_owned() };
    told(client.get_disclosure(request).await?.into_inner().disclosure)
}

/// Shows a disclosure, in JSON with what else was answered.
fn tell(
    asking: &Asking,
    disclosure: Option<Disclosure>,
    besides: &[(&str, &str)],
) -> Result<(), Error> {
    let disclosure = told(disclosure)?;
    if asking.json {
        output::json(&with(disclosure_json(&disclosure)?, besides));
    } else {
        disclosure_lines(&disclosure).iter().for_each(|line| output::result(line));
    }
    Ok(())
}

fn with(mut value: Value, besides: &[(&str, &str)]) -> Value {
    for (name, text) in besides {
        value[*name] = json!(text);
    }
    value
}
