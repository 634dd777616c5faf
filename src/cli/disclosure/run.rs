//! `hvelv disclosure run`: one file, from application to an open disclosure.
//!
//! ```text
//! read everything ─► receive ─► record the decision ─► open ─► say how the extract is made
//! ```
//!
//! What was done before a step that is refused stays done, and the error says how to go on.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::client::{Asking, Client, told};
use super::shown::{application_heading, application_line, disclosure_json, disclosure_lines};
use crate::cli::error::{Error, Exit};
use crate::cli::local::from_problems;
use crate::cli::output;
use crate::disclosure::description::{Description, SourceFile};
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::{
    Application, Disclosure, OpenDisclosureRequest, ReceiveApplicationRequest,
    RecordDecisionRequest,
};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv disclosure run description.toml --connect keys/dev/officer.toml
  hvelv disclosure run examples/disclosure/research.toml --connect keys/dev/officer.toml --json

Everything in the file is read before anything is done. A step that is refused leaves the steps
before it done, and the error says how to go on.";

#[derive(Debug, clap::Args)]
pub(super) struct RunOptions {
    /// The TOML file that describes the disclosure: see examples/disclosure/research.toml.
    #[arg(value_name = "DESCRIPTION")]
    description: PathBuf,

    #[command(flatten)]
    asking: Asking,
}

/// What has come of a description so far.
struct Opened {
    application: Application,
    disclosure: Disclosure,
    audit_entries: [u64; 3],
}

/// Runs the command.
///
/// # Errors
///
/// A file with problems, no connection, or what the server says.
pub(super) fn run(options: &RunOptions) -> Result<Exit, Error> {
    let file = &options.description;
    let description = Description::load(file).map_err(|problems| from_problems(&problems, file))?;
    let opened = options.asking.ask(async |client| open(client, &description, file).await)?;
    let next = next(&opened.disclosure.id, file, &description.files, &options.asking);
    if options.asking.json {
        output::json(&json!({
            "application": opened.application.id,
            "decision": opened.disclosure.decision,
            "disclosure": disclosure_json(&opened.disclosure)?,
            "audit_entries": opened.audit_entries,
            "next": next,
        }));
        return Ok(Exit::Success);
    }
    output::result(&application_heading());
    output::result(&application_line(&opened.application));
    disclosure_lines(&opened.disclosure).iter().for_each(|line| output::result(line));
    let [received, decided, done] = opened.audit_entries;
    output::note(&format!(
        "received, decided, opened: entries {received}, {decided} and {done} of the audit log"
    ));
    output::note("make the extract, with the address at the register that the recipient may ask:");
    output::note(&format!("  {next}"));
    Ok(Exit::Success)
}

async fn open(
    client: &mut Client,
    description: &Description,
    file: &Path,
) -> Result<Opened, Error> {
    let request = Some((&description.application).into());
    let received = client.receive_application(ReceiveApplicationRequest { request }).await?;
    let received = received.into_inner();
    let application = told(received.application)?.id;

    let file = quoted(file);
    let decision = Some((&description.decision).into());
    let request = RecordDecisionRequest { application: application.clone(), decision };
    let decided = client.record_decision(request).await.map_err(|status| {
        Error::from(status).advise(format!(
            "Application {application} is received. Correct the decision, then: hvelv decision \
             record {application} --file {file}; or hvelv application withdraw {application}."
        ))
    })?;
    let decided = decided.into_inner();

    let request = OpenDisclosureRequest {
        application: application.clone(),
        decision: decided.decision,
        recipient_key: description.recipient_key.to_string(),
        expires: Some(wire_date(description.expires)),
    };
    let opened = client.open_disclosure(request).await.map_err(|status| {
        Error::from(status).advise(format!(
            "Application {application} is received, and decision {number} on it recorded. Go on \
             with: hvelv disclosure open {application} --decision {number}.",
            number = decided.decision
        ))
    })?;
    let opened = opened.into_inner();
    Ok(Opened {
        application: told(decided.application)?,
        disclosure: told(opened.disclosure)?,
        audit_entries: [received.audit_entry, decided.audit_entry, opened.audit_entry],
    })
}

/// The command that makes the extract.  Relative paths start at the description.
fn next(id: &str, description: &Path, files: &[SourceFile], asking: &Asking) -> String {
    let directory = description.parent().unwrap_or_else(|| Path::new(""));
    let connect = asking.connection.connect.as_deref();
    let connect = connect.map_or_else(String::new, |file| format!(" --connect {}", quoted(file)));
    let mut command = format!("hvelv extract make --disclosure {id} --contact ADDRESS");
    for SourceFile { register, path, output } in files {
        let input = quoted(&directory.join(path));
        let output = quoted(&directory.join(output.as_str()));
        command += &format!(" --file {register} {input} {output}");
    }
    command + &connect
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "./_-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::connect::ConnectOptions;

    #[test]
    fn the_files_of_a_description_are_in_the_command_that_makes_the_extract() {
        let path = Path::new("examples/disclosure/research.toml");
        let description = Description::load(path).unwrap();
        let connect = Some(PathBuf::from("keys/dev/officer.toml"));
        let connection = ConnectOptions { connect, ..ConnectOptions::default() };
        let asking = Asking { json: false, connection };
        assert_eq!(
            next("5a5a", path, &description.files, &asking),
            "hvelv extract make --disclosure 5a5a --contact ADDRESS \
             --file NPR examples/disclosure/npr-episodes.parquet \
             examples/disclosure/episodes.parquet \
             --file KPR examples/disclosure/kpr-claims.csv examples/disclosure/claims.csv \
             --connect keys/dev/officer.toml"
        );
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        for (path, expected) in [
            ("a/b-1.csv", "a/b-1.csv"),
            ("a b.csv", "'a b.csv'"),
            ("a'b", r"'a'\''b'"),
            ("$(x)", "'$(x)'"),
            ("-x", "'-x'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
