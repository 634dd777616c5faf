//! `hvelv verify`: checks every record of both stores, offline.

use serde_json::json;

use super::error::{Error, Exit};
use super::keys::GivenOptions;
use super::output;
use crate::service::setup::Verified;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv verify --config /etc/hvelv/hvelv.toml
  hvelv verify --config /etc/hvelv/hvelv.toml --json

Run it on the server's host, with the server sealed or stopped; it asks for what opens the roots and
writes nothing. Every record of both stores is opened; each identity's tag is made anew; members
are held against the vault, the leases and the log; the log is computed from its entries and held
against every checkpoint. All that is wrong is listed with its place, and the exit code is 7. That
the stores are the newest is not shown: ask the witness (hvelv audit witness).";

/// Checks every record of both stores and of the log, and lists everything that is wrong.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyOptions {
    #[command(flatten)]
    given: GivenOptions,

    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// What was given does not open the roots, the server is open, or a store cannot be read; that
/// something is wrong.
pub(super) fn run(options: &VerifyOptions) -> Result<Exit, Error> {
    let opened = options.given.read()?;
    let verified = opened.installation().verify(opened.once()?);
    let verified = verified.map_err(super::keys::refused)?;
    if options.json {
        output::json(&as_json(&verified));
    } else {
        tell(&verified);
    }
    if verified.findings_total == 0 {
        output::note("nothing is wrong");
        return Ok(Exit::Success);
    }
    let what = format!("{} things are wrong", verified.findings_total);
    Err(Error::new(Exit::Verification, what)
        .advise("Keep these stores for whoever looks into it, and restore: hvelv restore."))
}

fn tell(verified: &Verified) {
    output::result(&format!("persons     {}", verified.persons));
    for (code, members) in verified.members.iter().filter(|(_, members)| *members > 0) {
        output::result(&format!("{code:<11} {members}"));
    }
    output::result(&format!("records     {}", verified.records));
    output::result(&format!("entries     {}", verified.entries));
    for finding in &verified.findings {
        output::result(&format!("wrong       {finding}"));
    }
    let kept = verified.findings.len() as u64;
    if kept < verified.findings_total {
        output::result(&format!("and         {} more", verified.findings_total - kept));
    }
}

fn as_json(verified: &Verified) -> serde_json::Value {
    let findings = verified.findings.iter();
    let findings: Vec<_> =
        findings.map(|one| json!({ "place": one.place, "what": one.what })).collect();
    let members = verified.members.iter().map(|(code, members)| (code.clone(), json!(members)));
    json!({
        "persons": verified.persons,
        "members": members.collect::<serde_json::Map<_, _>>(),
        "records": verified.records,
        "entries": verified.entries,
        "findings_total": verified.findings_total,
        "findings": findings,
    })
}
