//! `hvelv approval`: what takes two persons is asked for, decided, looked at and taken back.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::approval::{Act, State};
use crate::rpc::proto::approval_service_client::ApprovalServiceClient;
use crate::rpc::proto::{
    Approval, ApprovalParameter, ApprovalState, ApprovalVerdict, DecideApprovalRequest,
    GetApprovalRequest, ListApprovalsRequest, RequestApprovalRequest, WithdrawApprovalRequest,
};
use shown::{as_json, as_row, as_text, row, wire_act, wire_state};

mod shown;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect kari.toml --act bridge_out \\
    --subject 'disclosure 26-0017 to SSB' --reason 'linkage, case 26/1234' \\
    --basis 'helseregisterloven § 19 e'
  hvelv approval list --connect ola.toml
  hvelv approval approve --connect ola.toml k7x2-9mfp-3qwd-h5tz

One asks, another natural person approves, and the one who asked does it, once, before the approval
expires (approvals.valid_hours). Every step stands in the audit log.";

const REQUEST_EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect kari.toml --act bridge_out \\
    --subject 'disclosure 26-0017 to SSB' --reason 'linkage, case 26/1234' \\
    --basis 'helseregisterloven § 19 e' --parameter party=ssb
  hvelv approval request --connect anne.toml --act reveal_identity \\
    --subject 'NPR, one person' --reason 'wrong merge, case 26/99' \\
    --basis 'NPR-forskriften § 2-3' --parameters - < person

Who decides sees the subject, the reason and the legal basis, so say there what they must know. The
parameters may be about a person: nobody is shown them, the server keeps a keyed digest, and the
act is done with the same ones or not at all. What names a person belongs in a file, since arguments
can be seen by others on the machine.";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv approval list --connect ola.toml
  hvelv approval list --connect auditor.toml --state used --count 500 --json

Approvers and auditors see everybody's, others those that they asked for. Without --state all that
are open: requested or approved.";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv approval show --connect ola.toml k7x2-9mfp-3qwd-h5tz";

const DECIDE_EXAMPLES: &str = "\
Examples:
  hvelv approval approve --connect ola.toml k7x2-9mfp-3qwd-h5tz
  hvelv approval refuse --connect ola.toml k7x2-9mfp-3qwd-h5tz --note 'not covered by the decision'

Look first: hvelv approval show. You decide about what another natural person asked for; a second
certificate of your own does not count.";

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  hvelv approval withdraw --connect kari.toml k7x2-9mfp-3qwd-h5tz";

/// What takes two persons: asks for it, approves or refuses it, shows and withdraws it.
#[derive(Debug, clap::Args)]
pub(super) struct ApprovalCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Asks for an approval.
    #[command(after_help = REQUEST_EXAMPLES)]
    Request(Box<RequestOptions>),
    /// Lists approvals, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Shows one approval, with every step of it.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(OneOptions),
    /// Approves what another person asked for.
    #[command(after_help = DECIDE_EXAMPLES)]
    Approve(DecideOptions),
    /// Refuses what another person asked for.
    #[command(after_help = DECIDE_EXAMPLES)]
    Refuse(DecideOptions),
    /// Takes your own request back, approved or not.
    #[command(after_help = WITHDRAW_EXAMPLES)]
    Withdraw(OneOptions),
}

#[derive(Debug, clap::Args)]
struct RequestOptions {
    /// What is to be done: accept_restore, bridge_in, bridge_out, grant_role, identify_serial,
    /// open_conversion, open_window, prune_audit, reissue_id or reveal_identity.
    #[arg(long, value_name = "ACT")]
    act: Act,

    /// About what: a disclosure, a register, a role, in a line; never about one person.
    #[arg(long, value_name = "TEXT")]
    subject: String,

    /// Why, in a line, for who decides and for the audit log; never a person's number.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// By which law or decision, in a line.
    #[arg(long, value_name = "TEXT")]
    basis: String,

    /// A parameter of the act; for several, several times.
    #[arg(long, value_name = "NAME=VALUE")]
    parameter: Vec<String>,

    /// A file of more parameters, NAME=VALUE a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,

    /// Writes a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// Those in a state: requested, approved, refused, withdrawn, used or expired.
    #[arg(long, value_name = "STATE")]
    state: Option<State>,

    /// At most so many, never more than 500.
    #[arg(long, value_name = "N", default_value_t = 100)]
    count: u32,

    /// Writes one JSON object a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct OneOptions {
    /// The approval.
    #[arg(value_name = "ID")]
    id: String,

    /// Writes a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct DecideOptions {
    #[command(flatten)]
    one: OneOptions,

    /// What you say to it, in a line, for the audit log; never a person's number.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, an unreadable file of parameters, or what the server says.
pub(super) fn run(command: &ApprovalCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Request(options) => request(options),
        Action::List(options) => list(options),
        Action::Show(options) => show(options),
        Action::Approve(options) => decide(options, ApprovalVerdict::Approve),
        Action::Refuse(options) => decide(options, ApprovalVerdict::Refuse),
        Action::Withdraw(options) => withdraw(options),
    }
}

type Client = ApprovalServiceClient<super::connect::Channel>;

async fn client(connection: &ConnectOptions) -> Result<Client, Error> {
    Ok(ApprovalServiceClient::new(connection.channel(Caller::Known).await?))
}

fn request(options: &RequestOptions) -> Result<Exit, Error> {
    let mut parameters =
        options.parameter.iter().map(|line| parameter(line)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = &options.parameters {
        let text = read(path)?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        parameters.extend(lines.map(parameter).collect::<Result<Vec<_>, _>>()?);
    }
    let request = RequestApprovalRequest {
        act: wire_act(options.act).into(),
        subject: options.subject.clone(),
        parameters,
        reason: options.reason.clone(),
        legal_basis: options.basis.clone(),
    };
    let done = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.request_approval(request).await?.into_inner())
    })?;
    tell(done.approval.as_ref(), options.json);
    recorded(done.audit_entry);
    Ok(Exit::Success)
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let state = options.state.map_or(ApprovalState::Unspecified, wire_state);
    let request = ListApprovalsRequest { state: state.into(), count: options.count };
    let approvals = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.list_approvals(request).await?.into_inner().approvals)
    })?;
    if options.json {
        approvals.iter().for_each(|approval| output::event(&as_json(approval)));
        return Ok(Exit::Success);
    }
    if approvals.is_empty() {
        output::note("no such approvals");
    } else {
        output::result(&row(["ID", "STATE", "ACT", "REQUESTED BY", "EXPIRES", "SUBJECT"]));
    }
    approvals.iter().for_each(|approval| output::result(&as_row(approval)));
    Ok(Exit::Success)
}

fn show(options: &OneOptions) -> Result<Exit, Error> {
    let request = GetApprovalRequest { id: options.id.clone() };
    let found = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.get_approval(request).await?.into_inner())
    })?;
    tell(found.approval.as_ref(), options.json);
    Ok(Exit::Success)
}

fn decide(options: &DecideOptions, verdict: ApprovalVerdict) -> Result<Exit, Error> {
    let DecideOptions { one, note } = options;
    let (id, note) = (one.id.clone(), note.clone());
    let request = DecideApprovalRequest { id, verdict: verdict.into(), note };
    let done = block_on(async {
        let mut client = client(&one.connection).await?;
        Ok(client.decide_approval(request).await?.into_inner())
    })?;
    tell(done.approval.as_ref(), one.json);
    recorded(done.audit_entry);
    Ok(Exit::Success)
}

fn withdraw(options: &OneOptions) -> Result<Exit, Error> {
    let request = WithdrawApprovalRequest { id: options.id.clone() };
    let done = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.withdraw_approval(request).await?.into_inner())
    })?;
    tell(done.approval.as_ref(), options.json);
    recorded(done.audit_entry);
    Ok(Exit::Success)
}

fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|whole| text = whole)
    };
    read.map(|()| text).map_err(|cause| Error::file("read", path, &cause))
}

/// A parameter as it is written. The error does not repeat it: it may be about a person.
fn parameter(line: &str) -> Result<ApprovalParameter, Error> {
    let (name, value) = line
        .split_once('=')
        .ok_or_else(|| Error::usage("a parameter has no =").advise("Write each as NAME=VALUE."))?;
    Ok(ApprovalParameter { name: name.trim().to_owned(), value: value.to_owned() })
}

/// Says what an approval is now, to a person or to a program.
fn tell(approval: Option<&Approval>, is_json: bool) {
    let Some(approval) = approval else { return };
    if is_json {
        return output::json(&as_json(approval));
    }
    as_text(approval).iter().for_each(|line| output::result(line));
}

fn recorded(audit_entry: u64) {
    output::note(&format!("entry {audit_entry} of the audit log"));
}

#[cfg(test)]
mod tests;
