//! `hvelv reveal`: who a person of a register is, with another person's approval.

use std::path::PathBuf;

use serde_json::json;

use super::connect::{Caller, ConnectOptions, block_on};
use super::disclosure::identify;
use super::error::{Error, Exit};
use super::output;
use crate::rpc::proto::reveal_service_client::RevealServiceClient;
use crate::rpc::proto::{RevealIdentityRequest, RevealedContact};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect custodian.toml --act reveal_identity --subject NPR \\
    --reason 'wrong merge, case 26/99' --basis 'NPR-forskriften § 2-3' --parameters id.txt \\
    --parameter 'purpose=wrong merge' --parameter 'provision=NPR-forskriften § 2-3'
  hvelv reveal --connect custodian.toml --register NPR --purpose 'wrong merge' \\
    --provision 'NPR-forskriften § 2-3' id.txt

id.txt holds one line, id=DIGITS, for both: what stands on a command line is seen by all of the
host. Another person approves in between; an approval is for one answer. It is recorded, and the
person sees it in innsyn. Name and address are told too if the register keeps them. A one-way
register has no identity that could be told. Needs the role custodian.";

/// Says who a person of a register is, with another person's approval.
#[derive(Debug, clap::Args)]
pub(super) struct RevealOptions {
    /// The register's code.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// What for, in a line; never a person's number.
    #[arg(long, value_name = "TEXT")]
    purpose: String,

    /// By which provision, in a line.
    #[arg(long, value_name = "TEXT")]
    provision: String,

    /// File with the line id=DIGITS; `-` is standard input.
    #[arg(value_name = "FILE")]
    id: PathBuf,

    /// Writes one JSON object a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No such line, no connection, or what the server says.
pub(super) fn run(options: &RevealOptions) -> Result<Exit, Error> {
    let id = identify::read(&options.id, "id")?;
    let request = RevealIdentityRequest {
        register: options.register.clone(),
        id: id.as_str().to_owned(),
        purpose: options.purpose.clone(),
        provision: options.provision.clone(),
    };
    let revealed = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut client = RevealServiceClient::new(channel);
        Ok(client.reveal_identity(request).await?.into_inner())
    })?;
    identify::tell(&revealed.identifiers, options.json);
    revealed.contacts.iter().for_each(|contact| tell_contact(contact, options.json));
    output::note(&format!("recorded: entry {} of the audit log", revealed.audit_entry));
    Ok(Exit::Success)
}

/// Says a name and an address, in one line.
fn tell_contact(contact: &RevealedContact, as_json: bool) {
    let RevealedContact { name, address, since, said } = contact;
    if as_json {
        let (name, address) = (name.as_str(), address.as_str());
        let told = json!({ "name": name, "address": address, "since": since, "said": said });
        return output::event(&told);
    }
    let address = address.lines().collect::<Vec<_>>().join(", ");
    for (field, text) in [("name", name), ("address", &address)] {
        if !text.is_empty() {
            output::result(&format!("{field} {text}"));
        }
    }
}
