//! `hvelv disclosure open-window` and `close-window`: for joint disclosures.

use serde_json::json;

use super::IdOptions;
use super::client::Asking;
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::rpc::proto::{CloseWindowRequest, OpenWindowRequest};

pub(super) const OPEN_EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect keys/dev/officer.toml --act open_window \\
    --subject 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --reason 'extract of IPLOS and KPR' \\
    --basis 'case 26/1234' --parameter minutes=60
  hvelv disclosure open-window 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --minutes 60 \\
    --connect keys/dev/officer.toml

For a disclosure of a one-way register and others. Until the window ends, the server knows in memory
who of the one-way register is in the others, and gives both the same løpenummer; nothing of that is
stored. Another person approves in between. Make the extract, then close the window.";

pub(super) const CLOSE_EXAMPLES: &str = "\
Examples:
  hvelv disclosure close-window 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --connect keys/dev/officer.toml

A window also ends by its time, when the server is sealed, and with the disclosure.";

#[derive(Debug, clap::Args)]
pub(super) struct OpenWindowOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    /// How long it lasts, 1 to 480.
    #[arg(long, value_name = "N")]
    minutes: u32,

    #[command(flatten)]
    asking: Asking,
}

/// Opens a window.
pub(super) fn open(options: &OpenWindowOptions) -> Result<Exit, Error> {
    let request =
        OpenWindowRequest { disclosure: options.disclosure.clone(), minutes: options.minutes };
    let opened =
        options.asking.ask(async |client| Ok(client.open_window(request).await?.into_inner()))?;
    if options.asking.json {
        output::json(&json!({
            "until": opened.until,
            "looked_at": opened.looked_at,
            "in_both": opened.in_both,
        }));
    } else {
        output::result(&format!(
            "open until {}: {} persons were looked at, {} are in both",
            opened.until, opened.looked_at, opened.in_both
        ));
    }
    output::note(&format!("recorded: entry {} of the audit log", opened.audit_entry));
    Ok(Exit::Success)
}

/// Closes a window.
pub(super) fn close(options: &IdOptions) -> Result<Exit, Error> {
    let request = CloseWindowRequest { disclosure: options.disclosure.clone() };
    let closed =
        options.asking.ask(async |client| Ok(client.close_window(request).await?.into_inner()))?;
    output::note(&format!("closed: entry {} of the audit log", closed.audit_entry));
    Ok(Exit::Success)
}
