//! `hvelv innsyn`: everything that is said about a person to the person, as JSON and as a page.
//!
//! What a register's own records say is asked of the register: this command writes what to ask, and
//! puts the answer into the report.  A report that was saved as JSON can be made a page of later,
//! without a new request.

mod facts;

use std::path::{Path, PathBuf};

use super::connect::ConnectOptions;
use super::error::{Error, Exit};
use super::output;
use super::subject::{IdentifierOptions, ask};
use crate::files::destination::{Destination, Existing};
use crate::rights::page::page;
use crate::rights::records::{RegisterAnswer, RegisterRequest};
use crate::rights::report::{Report, ReportError};
use crate::rpc::innsyn::report;
use crate::rpc::proto::{GetInnsynRequest, InnsynRegisterIds};
use facts::FactOptions;

/// A report with the answers of all registers about a long life is far smaller.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv innsyn --as self --way manual --life alive --html innsyn.html \\
    --connect keys/dev/rights.toml
  hvelv innsyn --as parent --way manual --life alive --address open --actor-address open \\
    --parental-responsibility yes --parent-at-address yes --identifier-file - --json \\
    --connect keys/dev/rights.toml < child.txt > report.json
  hvelv innsyn --as self --way manual --life alive --register-requests requests/ --json \\
    --connect keys/dev/rights.toml > report.json
  hvelv innsyn --report report.json --register-answer npr.json --html innsyn.html

Who may ask follows from what is stated; what a rule needs and is not stated refuses. The request
and each refusal stand in the audit log, without the identifier, and in the person's next report.
Needs the role rights. Files are readable by you alone, and are not overwritten.";

/// Shows what is registered about a person, and who has had access to it.
#[derive(Debug, clap::Args)]
pub(super) struct InnsynCommand {
    #[command(flatten)]
    identifier: IdentifierOptions,

    #[command(flatten)]
    facts: FactOptions,

    /// Takes a report that was saved as JSON instead of asking for one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["acting", "identifier_file",
        "register_requests", "connect", "server"])]
    report: Option<PathBuf>,

    /// Puts what a register has answered into the report (JSON); may be given for each register.
    #[arg(long, value_name = "FILE")]
    register_answer: Vec<PathBuf>,

    /// Writes what to ask each register about its own records into a directory, as CODE.json. They
    /// hold the person's register IDs. The directory is made, or has no files in it.
    #[arg(long, value_name = "DIRECTORY")]
    register_requests: Option<PathBuf>,

    /// Writes a page in bokmål that can be read and printed. It must not exist.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Writes the report as JSON to standard output.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No identifier, no connection, what the server says; a file that is no report or no answer.
pub(super) fn run(command: &InnsynCommand) -> Result<Exit, Error> {
    let mut report = match &command.report {
        Some(path) => {
            let text = read(path)?;
            Report::from_json(&text).map_err(|error| about(path, &error))?
        }
        None => ask_server(command)?,
    };
    for path in &command.register_answer {
        let answer = RegisterAnswer::from_json(&read(path)?);
        let answer = answer.map_err(|error| about(path, &error))?;
        report.merge(answer).map_err(|error| about(path, &error))?;
    }
    if let Some(path) = &command.html {
        write(path, &page(&report))?;
    }
    if command.json {
        output::result(&report.to_json());
    } else {
        as_text(&report).iter().for_each(|line| output::result(line));
    }
    Ok(Exit::Success)
}

/// What is to be written must not be there: the request is recorded before it is.
fn check_places(command: &InnsynCommand) -> Result<(), Error> {
    let page = command.html.iter().find(|path| path.exists());
    let is_used = |directory: &&PathBuf| {
        std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
    };
    let taken = page.or_else(|| command.register_requests.iter().find(is_used));
    taken.map_or(Ok(()), |path| {
        Err(Error::input(format!("{} is there, or has files in it", path.display()))
            .advise("Name another place; nothing was asked."))
    })
}

fn ask_server(command: &InnsynCommand) -> Result<Report, Error> {
    check_places(command)?;
    let facts = command.facts.read()?;
    let request = GetInnsynRequest {
        r#type: command.identifier.kind().into(),
        identifier: command.identifier.read()?.to_string(),
        assigner: command.identifier.assigner.clone(),
        facts: Some(facts),
        with_register_ids: command.register_requests.is_some(),
    };
    let answered = ask(&command.connection, async |client| {
        Ok(client.get_innsyn(request).await?.into_inner())
    })?;
    let entry = answered.audit_entry;
    let missing = || Error::internal("the answer has no report");
    let told = report(answered.report.ok_or_else(missing)?, entry);
    output::note(&format!("recorded: entry {entry} of the audit log"));
    if let Some(directory) = &command.register_requests {
        write_requests(directory, &told, &answered.register_ids)?;
    }
    Ok(told)
}

/// Writes what each register is asked.
fn write_requests(
    directory: &Path,
    report: &Report,
    ids: &[InnsynRegisterIds],
) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(|cause| Error::file("make", directory, &cause))?;
    for register in &report.registers {
        let Some(known) = ids.iter().find(|one| one.register == register.code) else { continue };
        let asked = (report.audit_entry, report.made.as_str());
        let request = RegisterRequest::new(register, &known.ids, asked);
        write(&directory.join(format!("{}.json", register.code)), &request.to_json())?;
    }
    Ok(())
}

fn about(path: &Path, error: &ReportError) -> Error {
    Error::input(format!("{}: {error}", path.display()))
        .advise("Give the file as it was written, of the same request.")
}

fn read(path: &Path) -> Result<String, Error> {
    let failed = |cause: &std::io::Error| Error::file("read", path, cause);
    let size = std::fs::metadata(path).map_err(|cause| failed(&cause))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Error::input(format!("{} is larger than 64 MiB", path.display()))
            .advise("Check that it is a report, or the answer of a register about one person."));
    }
    std::fs::read_to_string(path).map_err(|cause| failed(&cause))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = Destination::create(path, Existing::Keep)?;
    file.append(text.as_bytes())?;
    file.publish()?;
    output::note(&format!("written: {}", path.display()));
    Ok(())
}

/// The report in a few lines: what there is, and where it is found.
fn as_text(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("made {} (entry {})", report.made, report.audit_entry)];
    if report.registers.is_empty() {
        lines.push("in no register".to_owned());
    }
    for register in &report.registers {
        let sources: Vec<&str> = register.sources.iter().map(|one| one.code.as_str()).collect();
        lines.push(format!(
            "register {}: {}, from {} to {}, sources {}",
            register.code,
            register.standing,
            or_dash(&register.first_seen),
            or_dash(&register.last_seen),
            or_dash(&sources.join(" "))
        ));
    }
    for disclosure in &report.disclosures {
        lines.push(format!(
            "disclosure {}: {}, {}, {}, {} bridge(s)",
            disclosure.application,
            disclosure.recipient.name,
            disclosure.purpose,
            disclosure.state,
            disclosure.bridges.len()
        ));
    }
    for access in &report.accesses {
        let who = format!("{} ({})", access.principal, access.organisation.number);
        lines.push(format!("access {}: {}, {who}", access.at, access.action));
    }
    lines
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

#[cfg(test)]
mod tests;
