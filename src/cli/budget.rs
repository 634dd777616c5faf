//! `hvelv budget`: what clients have spent, and what they are granted besides.

use jiff::civil::Date;
use serde_json::json;

use super::connect::{Caller, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output::{self, day};
use crate::config::budgets::Budget as Kind;
use crate::rpc::calendar::wire_date;
use crate::rpc::proto::operator_service_client::OperatorServiceClient;
use crate::rpc::proto::{Budget, BudgetStatus, GrantBudgetRequest, ListBudgetsRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv budget show --connect keys/dev/operator.toml
  hvelv budget grant --connect keys/dev/operator.toml --principal pipeline --register NPR \\
    --budget persons --amount 200000 --until 2026-12-31 --reason 'first load, case 26/1234'

A budget counts what a client learns: persons it was not told about before, look-ups that find
nobody (misses), and persons who are new in the register (assignments). It is full again after
budgets.period_days. Needs the role operator. A first load takes a grant of persons and one of
assignments. What a client needs always is a limit in access.toml: [[principal.budget]].";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv budget show --connect keys/dev/operator.toml
  hvelv budget show --connect keys/dev/operator.toml --principal pipeline --register NPR --json";

const GRANT_EXAMPLES: &str = "\
Examples:
  hvelv budget grant --connect keys/dev/operator.toml --principal pipeline --register NPR \\
    --budget assignments --amount 6000000 --until 2026-12-31 --reason 'first load, case 26/1234'

The grant is in force at once, and stands in the audit log with your name and the reason. Nobody
grants anything to themselves. What is spent is taken from the grant that ends first, and from the
limit of the period last.";

/// Shows the budgets of clients, and grants more.
#[derive(Debug, clap::Args)]
pub(super) struct BudgetCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows what is spent of each budget, of everybody who has asked for anything.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowOptions),
    /// Grants a client more of a budget, until a day.
    #[command(after_help = GRANT_EXAMPLES)]
    Grant(GrantOptions),
}

#[derive(Debug, clap::Args)]
struct ShowOptions {
    /// Only this client's, by its name in access.toml.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    principal: String,

    /// Only in this register.
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    register: String,

    /// Writes one JSON object a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
struct GrantOptions {
    /// The client, by its name in access.toml.
    #[arg(long, value_name = "NAME")]
    principal: String,

    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// Which budget: assignments, misses or persons.
    #[arg(long, value_name = "BUDGET")]
    budget: Kind,

    /// How many more.
    #[arg(long, value_name = "N")]
    amount: u64,

    /// The last day of the grant, at most 366 days ahead.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Date,

    /// Why, in a line, for the audit log; never a person's number.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(command: &BudgetCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Grant(options) => grant(options),
        Action::Show(options) => show(options),
    }
}

fn show(options: &ShowOptions) -> Result<Exit, Error> {
    let request = ListBudgetsRequest {
        principal: options.principal.clone(),
        register: options.register.clone(),
    };
    let budgets = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        Ok(OperatorServiceClient::new(channel).list_budgets(request).await?.into_inner().budgets)
    })?;
    if options.json {
        budgets.iter().for_each(|budget| output::result(&as_json(budget).to_string()));
        return Ok(Exit::Success);
    }
    if budgets.is_empty() {
        output::note("nobody has asked for anything yet");
    } else {
        output::result(&heading());
    }
    budgets.iter().flat_map(as_text).for_each(|line| output::result(&line));
    Ok(Exit::Success)
}

fn grant(options: &GrantOptions) -> Result<Exit, Error> {
    let budget = match options.budget {
        Kind::Assignments => Budget::Assignments,
        Kind::Misses => Budget::Misses,
        Kind::Persons => Budget::Persons,
    };
    let request = GrantBudgetRequest {
        principal: options.principal.clone(),
        register: options.register.clone(),
        budget: budget.into(),
        amount: options.amount,
        until: Some(wire_date(options.until)),
        reason: options.reason.clone(),
    };
    let granted = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        Ok(OperatorServiceClient::new(channel).grant_budget(request).await?.into_inner())
    })?;
    if let Some(budget) = &granted.budget {
        output::result(&heading());
        as_text(budget).iter().for_each(|line| output::result(line));
    }
    output::note(&format!("granted: entry {} of the audit log", granted.audit_entry));
    Ok(Exit::Success)
}

fn name(budget: &BudgetStatus) -> &'static str {
    match budget.budget() {
        Budget::Assignments => Kind::Assignments.as_str(),
        Budget::Misses => Kind::Misses.as_str(),
        Budget::Persons => Kind::Persons.as_str(),
        Budget::Unspecified => "unknown",
    }
}

fn heading() -> String {
    let [principal, register, budget] = ["principal", "register", "budget"];
    let [used, limit] = ["used", "limit"];
    format!("{principal:<24} {register:<10} {budget:<12} {used:>10} {limit:>10}  refills on")
}

/// One line for the budget, and one for each grant.
fn as_text(status: &BudgetStatus) -> Vec<String> {
    let BudgetStatus { principal, register, used, limit, .. } = status;
    let (budget, refills) = (name(status), day(status.refills_on));
    let line =
        format!("{principal:<24} {register:<10} {budget:<12} {used:>10} {limit:>10}  {refills}");
    let grants = status.grants.iter().map(|grant| {
        let until = day(grant.until);
        format!(
            "  grant {}: {} of {} used, until {until}, by {}: {}",
            grant.number, grant.used, grant.amount, grant.granted_by, grant.reason
        )
    });
    std::iter::once(line).chain(grants).collect()
}

fn as_json(status: &BudgetStatus) -> serde_json::Value {
    let grants = status.grants.iter().map(|grant| {
        json!({
            "number": grant.number,
            "amount": grant.amount,
            "used": grant.used,
            "until": day(grant.until),
            "reason": grant.reason,
            "granted_by": grant.granted_by,
        })
    });
    json!({
        "principal": status.principal,
        "register": status.register,
        "budget": name(status),
        "used": status.used,
        "limit": status.limit,
        "refills_on": day(status.refills_on),
        "persons_ever": status.persons_ever,
        "grants": grants.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::{BudgetGrant, CalendarDate};

    #[test]
    fn a_budget_is_a_line_with_its_grants_below() {
        let date = |day| Some(CalendarDate { year: 2026, month: 2, day });
        let grant = BudgetGrant {
            number: 1,
            amount: 100,
            used: 7,
            until: date(28),
            reason: "first load".into(),
            granted_by: "nils".into(),
        };
        let status = BudgetStatus {
            principal: "npr-pipeline".into(),
            register: "NPR".into(),
            budget: Budget::Persons.into(),
            used: 7,
            limit: 20_100,
            refills_on: date(2),
            grants: vec![grant],
            persons_ever: 7,
        };
        let lines = as_text(&status);
        assert_eq!(lines.len(), 2);
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(words, ["npr-pipeline", "NPR", "persons", "7", "20100", "2026-02-02"]);
        let grant = "  grant 1: 7 of 100 used, until 2026-02-28, by nils: first load";
        assert_eq!(lines[1], grant);
        assert_eq!(as_json(&status)["grants"][0]["until"], "2026-02-28");
        let end = heading().len() - " refills on".len();
        assert_eq!(lines[0][..end].len(), end, "columns stand below their names");
    }
}
