//! `hvelv case`: requests for erasure, from the person's words to the decision.

use std::path::PathBuf;

use jiff::civil::Date;

use super::disclosure::client::told;
use super::error::{Error, Exit};
use super::output;
use super::passphrase::read_private_file;
use super::subject::{RightsOptions, SubjectOptions};
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::decide_case_request::Decision;
use crate::rpc::proto::{
    AssessCaseRequest, DataScope, DecideCaseRequest, ErasureCase, GetCaseRequest, ListCasesRequest,
    ReceiveCaseRequest, WithdrawCaseRequest,
};

pub(super) mod shown;

use shown::{as_json, as_text, heading, identifiers, line, listed_json};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv case receive --register KPR --channel helsenorge --asked-on 2026-11-20 \\
    --reason-file reason.txt --identifier-file person.txt --connect keys/dev/rights.toml
  hvelv case list --open --connect keys/dev/rights.toml

A case is received, assessed and decided. With a grant the person's ID is unknown at once, what is
delivered again about the erased past is kept out, and the register gets an order (hvelv order).
Needs the role rights; each call stands in the audit log, without the identifier.";

const RECEIVE_EXAMPLES: &str = "\
Examples:
  hvelv case receive --register KPR --channel letter --asked-on 2026-11-20 --up-to 1995-12-31 \\
    --reason-file reason.txt --identifier-file person.txt --connect keys/dev/rights.toml
  hvelv case receive --register NPR --channel register --asked-on 2026-11-20 \\
    --record 'episode 4711' --reason-file reason.txt --connect keys/dev/rights.toml

Without --up-to or --record it is about all data in the register.";

const ASSESS_EXAMPLES: &str = "\
Examples:
  hvelv case assess E-2026-0001 --burden strong --public-interest ordinary \\
    --note 'talked over with the controller' --connect keys/dev/rights.toml
  hvelv case assess E-2026-0002 --burden ordinary --public-interest strong --died 2014-05-17 \\
    --note 'asked for by the next of kin' --connect keys/dev/rights.toml

May be done again until the case is decided.";

const DECIDE_EXAMPLES: &str = "\
Examples:
  hvelv case decide E-2026-0001 --grant whole --reason 'strongly burdensome' \\
    --connect keys/dev/rights.toml
  hvelv case decide E-2026-0001 --grant period --up-to 1995-12-31 --reason '30 years old' \\
    --connect keys/dev/rights.toml
  hvelv case decide E-2026-0001 --refuse --reason 'needed for preparedness' \\
    --connect keys/dev/rights.toml

Everything that is strongly burdensome and has no strong public interest against it can be granted;
what the register's own rule gives must be.";

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  hvelv case withdraw E-2026-0001 --reason 'by telephone' --connect keys/dev/rights.toml";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv case show E-2026-0001 --connect keys/dev/rights.toml
  hvelv case show E-2026-0001 --json --connect keys/dev/rights.toml";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv case list --connect keys/dev/rights.toml
  hvelv case list --open --json --connect keys/dev/rights.toml";

/// Receives, assesses and decides requests for erasure, and shows them.
#[derive(Debug, clap::Args)]
pub(super) struct CaseCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Records what an officer has found about a case.
    #[command(after_help = ASSESS_EXAMPLES)]
    Assess(AssessOptions),
    /// Grants a case, all or a part, or refuses it.
    #[command(after_help = DECIDE_EXAMPLES)]
    Decide(DecideOptions),
    /// Lists the cases, the newest first.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
    /// Records a request, and says the number of its case.
    #[command(after_help = RECEIVE_EXAMPLES)]
    Receive(ReceiveOptions),
    /// Shows a case.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowOptions),
    /// Records that the person has taken the request back.
    #[command(after_help = WITHDRAW_EXAMPLES)]
    Withdraw(WithdrawOptions),
}

#[derive(Debug, clap::Args)]
struct ScopeOptions {
    /// The last day of the data.
    #[arg(long, value_name = "DAY", conflicts_with = "records")]
    up_to: Option<Date>,

    /// A record, as the register names it. May be given several times.
    #[arg(long = "record", value_name = "NAME")]
    records: Vec<String>,
}

impl ScopeOptions {
    fn scope(&self) -> DataScope {
        let kind = match (self.up_to, self.records.is_empty()) {
            (Some(_), _) => "period",
            (None, false) => "records",
            (None, true) => "whole",
        };
        let up_to = self.up_to.map(wire_date);
        DataScope { kind: kind.to_owned(), up_to, records: self.records.clone() }
    }
}

#[derive(Debug, clap::Args)]
struct ReceiveOptions {
    /// How it came: helsenorge, institution, letter or register.
    #[arg(long, value_name = "CHANNEL")]
    channel: String,

    /// The day when the person asked.
    #[arg(long, value_name = "DAY")]
    asked_on: Date,

    /// Reads the reason, in the person's words, from a file that only its owner may read.
    #[arg(long, value_name = "FILE")]
    reason_file: PathBuf,

    #[command(flatten)]
    scope: ScopeOptions,

    #[command(flatten)]
    subject: SubjectOptions,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Weight {
    /// Not more than usual.
    Ordinary,
    /// Strong.
    Strong,
}

impl Weight {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Strong => "strong",
        }
    }
}

#[derive(Debug, clap::Args)]
struct AssessOptions {
    /// The case's number, such as E-2026-0001.
    #[arg(value_name = "NUMBER")]
    case: String,

    /// How burdensome the data are to the person.
    #[arg(long, value_enum, value_name = "WEIGHT")]
    burden: Weight,

    /// What public interest speaks for keeping them.
    #[arg(long, value_enum, value_name = "WEIGHT")]
    public_interest: Weight,

    /// The day of the person's death.
    #[arg(long, value_name = "DAY")]
    died: Option<Date>,

    /// Why so, in one line.
    #[arg(long, value_name = "TEXT")]
    note: String,

    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Granted {
    /// All data in the register.
    Whole,
    /// Data up to a day, with --up-to.
    Period,
    /// Named records, with --record.
    Records,
}

#[derive(Debug, clap::Args)]
struct DecideOptions {
    /// The case's number, such as E-2026-0001.
    #[arg(value_name = "NUMBER")]
    case: String,

    /// What is erased.
    #[arg(long, value_enum, value_name = "SCOPE", required_unless_present = "refuse")]
    grant: Option<Granted>,

    /// Nothing is.
    #[arg(long, conflicts_with_all = ["grant", "up_to", "records"])]
    refuse: bool,

    #[command(flatten)]
    scope: ScopeOptions,

    /// Why so, in one line.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Debug, clap::Args)]
struct WithdrawOptions {
    /// The case's number, such as E-2026-0001.
    #[arg(value_name = "NUMBER")]
    case: String,

    /// Why, in one line.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Debug, clap::Args)]
struct ShowOptions {
    /// The case's number, such as E-2026-0001.
    #[arg(value_name = "NUMBER")]
    case: String,

    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// Those that wait for a decision only.
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    asking: RightsOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No file, no identifier, no connection, or what the server says.
pub(super) fn run(command: &CaseCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Assess(options) => assess(options),
        Action::Decide(options) => decide(options),
        Action::List(options) => list(options),
        Action::Receive(options) => receive(options),
        Action::Show(options) => show(options),
        Action::Withdraw(options) => withdraw(options),
    }
}

fn receive(options: &ReceiveOptions) -> Result<Exit, Error> {
    let bytes = read_private_file(&options.reason_file, "reason file")?;
    let reason = std::str::from_utf8(&bytes).map_err(|_| {
        Error::usage("the reason file is not text").advise("Write one line of UTF-8 into it.")
    })?;
    let request = ReceiveCaseRequest {
        subject: Some(options.subject.read()?),
        channel: options.channel.clone(),
        requested_on: Some(wire_date(options.asked_on)),
        asked: Some(options.scope.scope()),
        reason: reason.trim().to_owned(),
    };
    let answered =
        options.subject.ask(async |client| Ok(client.receive_case(request).await?.into_inner()))?;
    tell(options.subject.json, "received", (answered.case, answered.audit_entry))
}

fn assess(options: &AssessOptions) -> Result<Exit, Error> {
    let request = AssessCaseRequest {
        case: options.case.clone(),
        burden: options.burden.as_str().to_owned(),
        public_interest: options.public_interest.as_str().to_owned(),
        died: options.died.map(wire_date),
        note: options.note.clone(),
    };
    let answered =
        options.asking.ask(async |client| Ok(client.assess_case(request).await?.into_inner()))?;
    tell(options.asking.json, "assessed", (answered.case, answered.audit_entry))
}

fn decide(options: &DecideOptions) -> Result<Exit, Error> {
    let scope = options.scope.scope();
    let decision = match options.grant {
        None => Decision::Refuse(options.refuse),
        Some(granted) => {
            let named = match granted {
                Granted::Whole => "whole",
                Granted::Period => "period",
                Granted::Records => "records",
            };
            if scope.kind != named {
                return Err(Error::usage("--grant says something else than --up-to and --record")
                    .advise("Give --up-to with --grant period, --record with --grant records."));
            }
            Decision::Grant(scope)
        }
    };
    let (case, reason) = (options.case.clone(), options.reason.clone());
    let request = DecideCaseRequest { case, decision: Some(decision), reason };
    let answered =
        options.asking.ask(async |client| Ok(client.decide_case(request).await?.into_inner()))?;
    tell(options.asking.json, "decided", (answered.case, answered.audit_entry))
}

fn withdraw(options: &WithdrawOptions) -> Result<Exit, Error> {
    let (case, reason) = (options.case.clone(), options.reason.clone());
    let request = WithdrawCaseRequest { case, reason };
    let answered =
        options.asking.ask(async |client| Ok(client.withdraw_case(request).await?.into_inner()))?;
    tell(options.asking.json, "withdrawn", (answered.case, answered.audit_entry))
}

fn show(options: &ShowOptions) -> Result<Exit, Error> {
    let request = GetCaseRequest { case: options.case.clone() };
    let answered =
        options.asking.ask(async |client| Ok(client.get_case(request).await?.into_inner()))?;
    let case = told(answered.case)?;
    if options.asking.json {
        output::json(&as_json(&case));
    } else {
        as_text(&case).iter().for_each(|line| output::result(line));
    }
    Ok(Exit::Success)
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let cases = options.asking.ask(async |client| {
        let mut cases: Vec<ErasureCase> = Vec::new();
        loop {
            let after = cases.last().map(|case| case.number.clone()).unwrap_or_default();
            let request = ListCasesRequest { open_only: options.open, after, limit: 0 };
            let mut page = client.list_cases(request).await?.into_inner();
            let is_last = !page.more || page.cases.is_empty();
            cases.append(&mut page.cases);
            if is_last {
                return Ok(cases);
            }
        }
    })?;
    if options.asking.json {
        cases.iter().for_each(|case| output::event(&listed_json(case)));
        return Ok(Exit::Success);
    }
    if cases.is_empty() {
        output::note("there are no cases");
    } else {
        output::result(&heading());
    }
    cases.iter().for_each(|case| output::result(&line(case)));
    Ok(Exit::Success)
}

/// Shows a case, and says what is recorded.
fn tell(json: bool, what: &str, (case, entry): (Option<ErasureCase>, u64)) -> Result<Exit, Error> {
    let case = told(case)?;
    if json {
        output::json(&as_json(&case));
    } else {
        output::result(&case.number);
    }
    output::note(&format!("{} is {what}: entry {entry} of the audit log", case.number));
    identifiers(&case).into_iter().for_each(|warning| output::note(&warning));
    Ok(Exit::Success)
}
