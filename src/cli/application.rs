//! `hvelv application`: applications for data.

use std::path::PathBuf;

use jiff::civil::Date;
use serde_json::json;

use super::disclosure::client::{Asking, Client, FileOption, told};
use super::disclosure::shown::{
    application_heading, application_json, application_line, application_lines,
};
use super::error::{Error, Exit};
use super::local::from_problems;
use super::output;
use crate::disclosure::description::load_application;
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::{
    Application, GetApplicationRequest, ListApplicationsRequest, ReceiveApplicationRequest,
    RefuseApplicationRequest, RouteApplicationRequest, WithdrawApplicationRequest,
};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv application receive --file application.toml --connect keys/dev/officer.toml
  hvelv application list --connect keys/dev/officer.toml

An application is received, decided on (hvelv decision record), and a disclosure is opened on the
decision (hvelv disclosure open). hvelv disclosure run does all three from one file. Needs the role
officer; an auditor may show and list.";

const RECEIVE_EXAMPLES: &str = "\
Examples:
  hvelv application receive --file application.toml --connect keys/dev/officer.toml
  hvelv application receive --file description.toml --connect keys/dev/officer.toml --json

The file has a table [application], as a whole description has it: see
examples/disclosure/research.toml. The recipient must stand in the server's organisations.toml.
Prosecution, employers and insurers are refused always, and the refusal is recorded.";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv application show A-2026-0001 --connect keys/dev/officer.toml
  hvelv application show A-2026-0001 --connect keys/dev/auditor.toml --json";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv application list --connect keys/dev/officer.toml
  hvelv application list --connect keys/dev/auditor.toml --json";

const REFUSE_EXAMPLES: &str = "\
Examples:
  hvelv application refuse A-2026-0001 --reason 'no legal basis, case 26/1234' \\
    --connect keys/dev/officer.toml";

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  hvelv application withdraw A-2026-0001 --reason 'the project has ended' \\
    --connect keys/dev/officer.toml

Nothing more is issued on it. Disclosures that are open keep their keys until they are closed.";

const ROUTE_EXAMPLES: &str = "\
Examples:
  hvelv application route A-2026-0001 --kind dispensation --connect keys/dev/officer.toml
  hvelv application route --file application.toml --kind access --day 2026-03-02 \\
    --connect keys/dev/officer.toml

The rules are in the server's decisions.toml, each with the days on which it holds.";

/// Receives, shows, refuses and withdraws applications for data, and says who decides on them.
#[derive(Debug, clap::Args)]
pub(super) struct ApplicationCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Records an application, and says its number.
    #[command(after_help = RECEIVE_EXAMPLES)]
    Receive(ReceiveOptions),
    /// Shows an application, its decisions and its history.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowOptions),
    /// Lists the applications, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Records that the authority refused an application.
    #[command(after_help = REFUSE_EXAMPLES)]
    Refuse(EndOptions),
    /// Records that an application was taken back, or its decision annulled.
    #[command(after_help = WITHDRAW_EXAMPLES)]
    Withdraw(EndOptions),
    /// Says who decides on an application, and by which rule.
    #[command(after_help = ROUTE_EXAMPLES)]
    Route(RouteOptions),
}

#[derive(Debug, clap::Args)]
struct ReceiveOptions {
    #[command(flatten)]
    file: FileOption,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ShowOptions {
    /// The application's number, such as A-2026-0001.
    #[arg(value_name = "NUMBER")]
    application: String,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
struct EndOptions {
    /// The application's number, such as A-2026-0001.
    #[arg(value_name = "NUMBER")]
    application: String,

    /// Why, in a line; never a person's number.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, clap::Args)]
#[group(id = "which", required = true, multiple = false, args = ["application", "file"])]
struct RouteOptions {
    /// The number of an application that was received.
    #[arg(value_name = "NUMBER")]
    application: Option<String>,

    /// A TOML file with an application, or a whole description.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What is decided: access or dispensation.
    #[arg(long, value_name = "KIND")]
    kind: String,

    /// The day on which the decision is dated; today if absent.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,

    #[command(flatten)]
    asking: Asking,
}

/// Runs the command.
///
/// # Errors
///
/// A file with problems, no connection, or what the server says.
pub(super) fn run(command: &ApplicationCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::List(options) => list(options),
        Action::Receive(options) => receive(options),
        Action::Refuse(options) => refuse(options),
        Action::Route(options) => route(options),
        Action::Show(options) => show(options),
        Action::Withdraw(options) => withdraw(options),
    }
}

fn receive(options: &ReceiveOptions) -> Result<Exit, Error> {
    let request = Some((&options.file.read(load_application)?).into());
    let received = options.asking.ask(async |client| {
        Ok(client.receive_application(ReceiveApplicationRequest { request }).await?.into_inner())
    })?;
    tell(&options.asking, received.application)?;
    output::note(&format!("received: entry {} of the audit log", received.audit_entry));
    Ok(Exit::Success)
}

fn show(options: &ShowOptions) -> Result<Exit, Error> {
    let application =
        options.asking.ask(async |client| find(client, &options.application).await)?;
    tell(&options.asking, Some(application))?;
    Ok(Exit::Success)
}

/// One application.
///
/// # Errors
///
/// What the server says.
pub(super) async fn find(client: &mut Client, number: &str) -> Result<Application, Error> {
    let request = GetApplicationRequest { application: number.to_owned() };
    told(client.get_application(request).await?.into_inner().application)
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let applications = options.asking.ask(async |client| {
        Ok(client.list_applications(ListApplicationsRequest {}).await?.into_inner().applications)
    })?;
    if options.asking.json {
        for application in &applications {
            output::result(&application_json(application)?.to_string());
        }
        return Ok(Exit::Success);
    }
    if applications.is_empty() {
        output::note("no application was received yet");
    } else {
        output::result(&application_heading());
    }
    applications.iter().for_each(|one| output::result(&application_line(one)));
    Ok(Exit::Success)
}

fn refuse(options: &EndOptions) -> Result<Exit, Error> {
    let (application, reason) = (options.application.clone(), options.reason.clone());
    let request = RefuseApplicationRequest { application, reason };
    let refused = options
        .asking
        .ask(async |client| Ok(client.refuse_application(request).await?.into_inner()))?;
    tell(&options.asking, refused.application)?;
    output::note(&format!("refused: entry {} of the audit log", refused.audit_entry));
    Ok(Exit::Success)
}

fn withdraw(options: &EndOptions) -> Result<Exit, Error> {
    let (application, reason) = (options.application.clone(), options.reason.clone());
    let request = WithdrawApplicationRequest { application, reason };
    let withdrawn = options
        .asking
        .ask(async |client| Ok(client.withdraw_application(request).await?.into_inner()))?;
    tell(&options.asking, withdrawn.application)?;
    output::note(&format!("withdrawn: entry {} of the audit log", withdrawn.audit_entry));
    Ok(Exit::Success)
}

fn route(options: &RouteOptions) -> Result<Exit, Error> {
    let from_file = options
        .file
        .as_deref()
        .map(|file| load_application(file).map_err(|problems| from_problems(&problems, file)));
    let from_file = from_file.transpose()?.map(|request| (&request).into());
    let number = options.application.as_deref().unwrap_or_default();
    let routed = options.asking.ask(async |client| {
        let request = match from_file {
            Some(request) => request,
            None => told(find(client, number).await?.request)?,
        };
        let request = RouteApplicationRequest {
            request: Some(request),
            kind: options.kind.clone(),
            day: options.day.map(wire_date),
        };
        Ok(client.route_application(request).await?.into_inner())
    })?;
    if options.asking.json {
        let (authority, explanation) = (routed.authority, routed.explanation);
        output::json(&json!({ "authority": authority, "explanation": explanation }));
    } else {
        output::result(&format!("{}: {}", routed.authority, routed.explanation));
    }
    Ok(Exit::Success)
}

fn tell(asking: &Asking, application: Option<Application>) -> Result<(), Error> {
    let application = told(application)?;
    if asking.json {
        output::json(&application_json(&application)?);
    } else {
        application_lines(&application).iter().for_each(|line| output::result(line));
    }
    Ok(())
}
