//! `hvelv access`: who holds the roles that take two persons to grant, and how they are granted.

use serde_json::{Value, json};

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::keys::{GivenOptions, refused};
use super::output;
use crate::config::access::Role;
use crate::config::codes::PrincipalName;
use crate::rpc::proto::approval_service_client::ApprovalServiceClient;
use crate::rpc::proto::{
    ApprovalAct, GetAccessRequest, GetAccessResponse, GrantRoleRequest, RequestApprovalRequest,
    RoleHolder, WaitingRole,
};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv access status --connect ola.toml
  hvelv access ask --connect kari.toml --principal anne --role custodian \\
    --reason 'follows Per, case 26/99' --basis 'delegation 2026-4'
  hvelv approval approve --connect ola.toml k7x2-9mfp-3qwd-h5tz
  hvelv access grant --connect kari.toml --principal anne --role custodian

Custodian, approver and officer take two who hold such a role already: one who has the role that
is granted, or is an approver, asks; another natural person, an approver, approves; the one who
asked grants. Until then what access.toml says of these roles is without effect; what it takes
away ends at once. Another certificate, more days or another person is granted like a new role.";

const STATUS_EXAMPLES: &str = "\
Examples:
  hvelv access status --connect ola.toml
  hvelv access status --connect auditor.toml --json

A role waits when access.toml names it and two holders have not granted it; the digest in its
line changes with the person, the certificates and the days.";

const ASK_EXAMPLES: &str = "\
Examples:
  hvelv access ask --connect kari.toml --principal anne --role custodian \\
    --reason 'follows Per, case 26/99' --basis 'delegation 2026-4'

It takes the role as the server has read it from access.toml. Another person approves it with
hvelv approval approve.";

const GRANT_EXAMPLES: &str = "\
Examples:
  hvelv access grant --connect kari.toml --principal anne --role custodian

If access.toml says otherwise by then of the person, the certificates or the days, the approval
is of something else, and it is refused.";

const BOOTSTRAP_EXAMPLES: &str = "\
Examples:
  hvelv access bootstrap --config /etc/hvelv/hvelv.toml --share-file a --share-file b

Run it on the server's host, with the server stopped or sealed. Everybody whom access.toml names as
custodian, approver or officer is then one, as at the first start: for an installation that has too
few holders left to grant the role. It takes what opens both roots, and stands in the audit log.";

/// Who holds the roles that take two persons to grant, and how they are granted.
#[derive(Debug, clap::Args)]
pub(super) struct AccessCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows who holds these roles, and what of the access file waits to be granted.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusOptions),
    /// Asks another person to approve a waiting role.
    #[command(after_help = ASK_EXAMPLES)]
    Ask(AskOptions),
    /// Gives a waiting role effect, when another person has approved it.
    #[command(after_help = GRANT_EXAMPLES)]
    Grant(RoleOptions),
    /// Begins anew with those whom the access file names, by what opens both roots.
    #[command(after_help = BOOTSTRAP_EXAMPLES)]
    Bootstrap(BootstrapOptions),
}

#[derive(Debug, clap::Args)]
struct StatusOptions {
    /// Writes a JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct RoleOptions {
    /// Whose, by the name in access.toml.
    #[arg(long, value_name = "NAME")]
    principal: PrincipalName,

    /// Which: approver, custodian or officer.
    #[arg(long, value_name = "ROLE")]
    role: Role,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct AskOptions {
    #[command(flatten)]
    role: RoleOptions,

    /// Why, in a line, for who decides and for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// By which decision, in a line.
    #[arg(long, value_name = "TEXT")]
    basis: String,
}

#[derive(Debug, clap::Args)]
struct BootstrapOptions {
    #[command(flatten)]
    given: GivenOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, what the server says, or what was given does not open the roots.
pub(super) fn run(command: &AccessCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Ask(options) => ask(options),
        Action::Bootstrap(options) => bootstrap(options),
        Action::Grant(options) => grant(options),
        Action::Status(options) => status(options),
    }
}

type Client = ApprovalServiceClient<super::connect::Channel>;

async fn client(connection: &ConnectOptions) -> Result<Client, Error> {
    Ok(ApprovalServiceClient::new(connection.channel(Caller::Known).await?))
}

fn status(options: &StatusOptions) -> Result<Exit, Error> {
    let found = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.get_access(GetAccessRequest {}).await?.into_inner())
    })?;
    if options.json {
        output::json(&as_json(&found));
        return Ok(Exit::Success);
    }
    for holder in &found.holders {
        output::result(&format!("{:<10} {}", holder.role, named(holder)));
    }
    for one in &found.waiting {
        let held = if one.held { ", in effect on narrower terms" } else { "" };
        output::result(&format!("waits: {}{held}", one.subject));
        output::result(&format!("  {} with {}", one.validity, one.certificates.join(", ")));
    }
    if found.waiting.is_empty() {
        output::note("nothing waits");
    }
    Ok(Exit::Success)
}

fn ask(options: &AskOptions) -> Result<Exit, Error> {
    let AskOptions { role: RoleOptions { principal, role, connection }, reason, basis } = options;
    let is_meant = |one: &WaitingRole| {
        one.holder.as_ref().is_some_and(|holder| {
            holder.principal == principal.as_str() && holder.role == role.to_string()
        })
    };
    let done = block_on(async {
        let mut client = client(connection).await?;
        let found = client.get_access(GetAccessRequest {}).await?.into_inner();
        let waiting = found.waiting.into_iter().find(is_meant).ok_or_else(|| {
            Error::new(Exit::Precondition, "no such role waits to be granted")
                .advise("Look with hvelv access status; the server reads access.toml on SIGHUP.")
        })?;
        let request = RequestApprovalRequest {
            act: ApprovalAct::GrantRole.into(),
            subject: waiting.subject,
            parameters: Vec::new(),
            reason: reason.clone(),
            legal_basis: basis.clone(),
        };
        Ok(client.request_approval(request).await?.into_inner())
    })?;
    let approval = done.approval.unwrap_or_default();
    output::result(&format!("{} {}", approval.id, approval.subject));
    output::note(&format!("entry {} of the audit log", done.audit_entry));
    Ok(Exit::Success)
}

fn grant(options: &RoleOptions) -> Result<Exit, Error> {
    let RoleOptions { principal, role, connection } = options;
    let request = GrantRoleRequest { principal: principal.to_string(), role: role.to_string() };
    let done = block_on(async {
        let mut client = client(connection).await?;
        Ok(client.grant_role(request).await?.into_inner())
    })?;
    output::note(&format!("in effect; entry {} of the audit log", done.audit_entry));
    Ok(Exit::Success)
}

fn bootstrap(options: &BootstrapOptions) -> Result<Exit, Error> {
    let opened = options.given.read()?;
    let count = opened.installation().bootstrap_access(opened.once()?).map_err(refused)?;
    output::note(&format!("{count} roles are held by whom the access file names"));
    Ok(Exit::Success)
}

fn named(holder: &RoleHolder) -> String {
    format!("{} ({})", holder.principal, holder.person)
}

fn as_json(found: &GetAccessResponse) -> Value {
    let holder = |one: &RoleHolder| json!({ "principal": one.principal, "person": one.person, "role": one.role });
    let waiting = |one: &WaitingRole| {
        json!({
            "holder": one.holder.as_ref().map(holder),
            "held": one.held,
            "subject": one.subject,
            "certificates": one.certificates,
            "validity": one.validity,
        })
    };
    json!({
        "holders": found.holders.iter().map(holder).collect::<Vec<_>>(),
        "waiting": found.waiting.iter().map(waiting).collect::<Vec<_>>(),
    })
}
