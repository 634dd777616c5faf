//! `hvelv identity reissue` and `reissued`: a person's IDs in a register, issued anew.

use std::path::PathBuf;

use serde_json::json;

use super::{ListOptions, client};
use crate::cli::connect::{ConnectOptions, block_on};
use crate::cli::disclosure::identify::read;
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::rpc::proto::{ListReissuesRequest, Reissue, ReissueIdsRequest, ReissueReason};

pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv approval request --connect custodian.toml --act reissue_id --subject NPR \\
    --reason 'leak, case 26/107' --basis 'helseregisterloven § 21' --parameters id.txt \\
    --parameter reason=leaked --parameter 'purpose=leak, case 26/107' \\
    --parameter 'provision=helseregisterloven § 21'
  hvelv identity reissue --connect custodian.toml --register NPR --reason leaked \\
    --purpose 'leak, case 26/107' --provision 'helseregisterloven § 21' id.txt

id.txt holds one line, id=DIGITS, for both: what stands on a command line is seen by all of the
host. Another person approves in between. The person gets a new ID for each that the register has;
each line of the output is an old one and its new one. After a leak the register finds them among
its changes of IDs. With --reason protected nobody but a custodian is told, and the old ones are
nobody's from now on. Needs the role custodian.";

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  hvelv identity reissued --register NPR --connect keys/dev/custodian.toml

Each line: number, old ID, new ID, why, and when; also of protected identities, whose IDs are in no
feed. Needs the role custodian; who was shown stands in the audit log, sealed.";

/// Why IDs are issued anew.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Reason {
    /// An ID is known to somebody who must not know whose it is.
    Leaked,
    /// The identity is protected.
    Protected,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReissueOptions {
    /// The register's code.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// Why.
    #[arg(long, value_name = "REASON")]
    reason: Reason,

    /// What for, in a line; never a person's number.
    #[arg(long, value_name = "TEXT")]
    purpose: String,

    /// By which provision, in a line.
    #[arg(long, value_name = "TEXT")]
    provision: String,

    /// File with the line id=DIGITS; `-` is standard input.
    #[arg(value_name = "FILE")]
    id: PathBuf,

    #[command(flatten)]
    connection: ConnectOptions,
}

pub(super) fn run(options: &ReissueOptions) -> Result<Exit, Error> {
    let id = read(&options.id, "id")?;
    let reason = match options.reason {
        Reason::Leaked => ReissueReason::Leaked,
        Reason::Protected => ReissueReason::Protected,
    };
    let request = ReissueIdsRequest {
        register: options.register.clone(),
        id: id.as_str().to_owned(),
        reason: reason.into(),
        purpose: options.purpose.clone(),
        provision: options.provision.clone(),
    };
    let answered = block_on(async {
        let mut client = client(&options.connection).await?;
        Ok(client.reissue_ids(request).await?.into_inner())
    })?;
    answered.ids.iter().for_each(|ids| output::result(&format!("{} {}", ids.old_id, ids.new_id)));
    output::note(&format!("recorded: entry {} of the audit log", answered.audit_entry));
    Ok(Exit::Success)
}

pub(super) fn list(options: &ListOptions) -> Result<Exit, Error> {
    block_on(async {
        let mut client = client(&options.connection).await?;
        let mut after = options.after;
        loop {
            let register = options.register.clone();
            let request = ListReissuesRequest { register, after, limit: 0 };
            let answered = client.list_reissues(request).await?.into_inner();
            answered.reissues.iter().for_each(|one| output::result(&line(one, options.json)));
            after = answered.last;
            if !answered.more {
                break;
            }
        }
        output::note(&format!("read up to {after}"));
        Ok(Exit::Success)
    })
}

fn line(reissue: &Reissue, as_json: bool) -> String {
    let Reissue { sequence, at, ids, .. } = reissue;
    let ids = ids.unwrap_or_default();
    let reason = match reissue.reason() {
        ReissueReason::Leaked => "leaked",
        ReissueReason::Protected => "protected",
        ReissueReason::Unspecified => "unknown",
    };
    let (old, new) = (ids.old_id, ids.new_id);
    if as_json {
        let line = json!({
            "sequence": sequence, "old_id": old, "new_id": new, "reason": reason, "at": at,
        });
        return line.to_string();
    }
    format!("{sequence} {old} {new} {reason} {at}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::SupersededId;

    #[test]
    fn a_replaced_id_is_one_line() {
        let reissue = Reissue {
            sequence: 3,
            at: "2026-03-01T12:00:00Z".to_owned(),
            reason: ReissueReason::Protected.into(),
            ids: Some(SupersededId { old_id: 7, new_id: 9 }),
        };
        assert_eq!(line(&reissue, false), "3 7 9 protected 2026-03-01T12:00:00Z");
        assert!(line(&reissue, true).contains(r#""new_id":9"#));
    }
}
