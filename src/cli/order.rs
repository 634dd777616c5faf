//! `hvelv order`: what a register is to delete, as its own system reads and confirms it.

use serde_json::{Value, json};

use super::case::shown::{scope_json, scope_text};
use super::error::{Error, Exit};
use super::output;
use super::subject::RightsOptions;
use crate::rpc::proto::{ConfirmOrderRequest, DeletionOrder, ListOrdersRequest};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv order list --register KPR --json --connect keys/dev/pipeline.toml
  hvelv order confirm --register KPR --number 7 --connect keys/dev/pipeline.toml

An order names the register's own IDs, which nobody is known by any more. It can be read as often
as one likes, and is confirmed once. Needs a role for all sources of the register, such as
ingest:KPR:*.";

const LIST_EXAMPLES: &str = "\
Examples:
  hvelv order list --register KPR --connect keys/dev/pipeline.toml
  hvelv order list --register KPR --after 41 --json --connect keys/dev/pipeline.toml";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  hvelv order confirm --register KPR --number 7 --connect keys/dev/pipeline.toml

Confirm when the data are deleted, also from what is derived of them. Named records that are deleted
must be refused when a source sends them again: only the register can tell which they are.";

/// Lists what a register is to delete, and confirms that it has.
#[derive(Debug, clap::Args)]
pub(super) struct OrderCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Confirms that the register has deleted what was ordered.
    #[command(after_help = CONFIRM_EXAMPLES)]
    Confirm(ConfirmOptions),
    /// Lists the orders to a register, in the order of their numbers.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListOptions),
}

#[derive(Debug, clap::Args)]
struct ListOptions {
    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// Orders after this number only.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,

    /// At most so many; 0 for as many as one answer has.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,

    #[command(flatten)]
    asking: RightsOptions,
}

#[derive(Debug, clap::Args)]
struct ConfirmOptions {
    /// The register.
    #[arg(long, value_name = "CODE")]
    register: String,

    /// The order's number.
    #[arg(long, value_name = "NUMBER")]
    number: u64,

    #[command(flatten)]
    asking: RightsOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, or what the server says.
pub(super) fn run(command: &OrderCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Confirm(options) => confirm(options),
        Action::List(options) => list(options),
    }
}

fn list(options: &ListOptions) -> Result<Exit, Error> {
    let ListOptions { register, after, limit, asking } = options;
    let request = ListOrdersRequest { register: register.clone(), after: *after, limit: *limit };
    let answered =
        asking.ask(async |client| Ok(client.list_orders(request).await?.into_inner()))?;
    if asking.json {
        answered.orders.iter().for_each(|order| output::event(&as_json(order)));
        return Ok(Exit::Success);
    }
    if answered.orders.is_empty() {
        output::note("there are no orders");
    }
    answered.orders.iter().for_each(|order| output::result(&as_text(order)));
    Ok(Exit::Success)
}

fn confirm(options: &ConfirmOptions) -> Result<Exit, Error> {
    let request =
        ConfirmOrderRequest { register: options.register.clone(), number: options.number };
    let answered =
        options.asking.ask(async |client| Ok(client.confirm_order(request).await?.into_inner()))?;
    if options.asking.json {
        output::json(&json!({ "audit_entry": answered.audit_entry }));
    }
    output::note(&format!("confirmed: entry {} of the audit log", answered.audit_entry));
    Ok(Exit::Success)
}

fn whom(order: &DeletionOrder) -> String {
    if order.everybody {
        return "everybody".to_owned();
    }
    let ids = order.ids.iter().map(ToString::to_string);
    ids.collect::<Vec<_>>().join(", ")
}

fn as_text(order: &DeletionOrder) -> String {
    let (number, reason, whom) = (order.number, &order.reason, whom(order));
    let scope = scope_text(order.scope.as_ref());
    let done = match order.confirmed_at.as_str() {
        "" => "not confirmed".to_owned(),
        at => format!("confirmed {at}"),
    };
    format!("{number:>6}  {whom}: {scope} ({reason}), {done}")
}

fn as_json(order: &DeletionOrder) -> Value {
    let mut value = json!({
        "number": order.number,
        "at": order.at,
        "everybody": order.everybody,
        "ids": order.ids,
        "scope": order.scope.as_ref().map(scope_json),
        "reason": order.reason,
    });
    for (name, text) in [("case", &order.case), ("confirmed_at", &order.confirmed_at)] {
        if !text.is_empty() {
            value[name] = text.clone().into();
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::DataScope;

    #[test]
    fn an_order_says_whose_data_which_and_whether_it_is_done() {
        let whole = DataScope { kind: "whole".into(), ..DataScope::default() };
        let order = DeletionOrder {
            number: 3,
            ids: vec![123_456_789_012_345],
            scope: Some(whole),
            reason: "erasure".into(),
            ..DeletionOrder::default()
        };
        let text = as_text(&order);
        assert_eq!(text, "     3  123456789012345: all data (erasure), not confirmed");
        assert_eq!(as_json(&order)["ids"][0], 123_456_789_012_345_u64);
        let everybody = DeletionOrder {
            ids: Vec::new(),
            everybody: true,
            confirmed_at: "2026-01-01T00:00:00Z".into(),
            ..order
        };
        assert!(as_text(&everybody).contains("everybody: all data"));
        assert!(as_text(&everybody).ends_with("confirmed 2026-01-01T00:00:00Z"));
    }
}
