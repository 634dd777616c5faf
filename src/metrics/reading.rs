//! What is read at the moment of a scrape, rather than counted.
//!
//! It becomes a registry of its own for each scrape, so that a value that is not there (a sealed
//! server has no index) is not shown at all: zero, or the value of before, would be untrue.
//!
//! To show something more: a field of [`Reading`] or [`OpenReading`],
//! its line in `registry` or `register` below, and its value in `service::measure`.

use std::fmt::Debug;
use std::hash::Hash;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// The server at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The state's name.
    pub state: &'static str,
    /// Names of all states.
    pub states: &'static [&'static str],
    /// When the server started, in seconds since 1970.
    pub started_s: i64,
    /// Deliveries that are open.
    pub deliveries: u64,
    /// What there is of an open server.
    pub open: Option<OpenReading>,
    /// The edge.
    pub transport: TransportReading,
}

/// An open server's tables.
#[derive(Clone, Debug)]
pub struct OpenReading {
    /// Identifiers in the index.
    pub identifiers: u64,
    /// Bytes of the index, its free slots included.
    pub index_bytes: u64,
    /// Members by register code.
    pub members: Vec<(String, u64)>,
    /// Durable entries of the audit log.
    pub audit_entries: u64,
    /// Roles in the access file that wait for two persons to grant them.
    pub roles_waiting: u64,
    /// Budgets of every client that has spent of one or was granted more.
    pub budgets: Vec<BudgetReading>,
}

/// One budget of one client in one register.
#[derive(Clone, Debug)]
pub struct BudgetReading {
    /// The client's principal.
    pub principal: String,
    /// Code of the register.
    pub register: String,
    /// Name of the budget.
    pub budget: &'static str,
    /// Spent in this period.
    pub used: u64,
    /// What the period and the grants allow.
    pub limit: u64,
}

/// What is under way, and what happened to connections.
#[derive(Clone, Debug, Default)]
pub struct TransportReading {
    /// Open streams.
    pub streams: u64,
    /// Messages that are worked on or wait for their answer.
    pub messages: u64,
    /// Bytes of those messages.
    pub message_bytes: u64,
    /// Limits of the three, by their option.
    pub limits: Vec<(&'static str, u64)>,
    /// Connections since the start, by what became of them.
    pub connections: Vec<(&'static str, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegisterLabels {
    register: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    principal: String,
    register: String,
    budget: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OptionLabels {
    option: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

impl Reading {
    /// The reading as metrics.
    pub(super) fn registry(self, prefix: &str) -> Registry {
        let mut registry = Registry::with_prefix(prefix);
        let now = self.state;
        let states = self.states.iter().copied();
        let help = "1 for the state that the server is in, 0 for the others";
        let states = states.map(|state| (StateLabels { state }, u64::from(state == now)));
        registry.register("state", help, gauges(states));
        registry.register("deliveries", "Open deliveries", ConstGauge::new(self.deliveries));
        if let Some(open) = self.open {
            open.register(&mut registry);
        }
        self.transport.register(&mut registry);
        registry
    }
}

impl OpenReading {
    fn register(self, registry: &mut Registry) {
        let help = "Identifiers in the index, of all partitions";
        registry.register("index_identifiers", help, ConstGauge::new(self.identifiers));
        let help = "Memory of the index, free slots included";
        let bytes = ConstGauge::new(self.index_bytes);
        registry.register_with_unit("index", help, Unit::Bytes, bytes);
        let members = self.members.into_iter();
        let members = members.map(|(register, count)| (RegisterLabels { register }, count));
        registry.register("members", "Persons in a register", gauges(members));
        let help = "Durable entries of the audit log";
        registry.register("audit_entries", help, ConstGauge::new(self.audit_entries));
        let help = "Roles in the access file that have no effect until two persons grant them";
        registry.register("access_waiting", help, ConstGauge::new(self.roles_waiting));
        let of_budgets = |value: fn(&BudgetReading) -> u64| {
            gauges(self.budgets.iter().map(|one| (one.labels(), value(one))))
        };
        let help = "Spent of a client's budget in this period and of its grants";
        registry.register("budget_used", help, of_budgets(|one| one.used));
        let help = "What a client's budget and its grants allow";
        registry.register("budget_limit", help, of_budgets(|one| one.limit));
    }
}

impl BudgetReading {
    fn labels(&self) -> BudgetLabels {
        let (principal, register) = (self.principal.clone(), self.register.clone());
        BudgetLabels { principal, register, budget: self.budget }
    }
}

impl TransportReading {
    fn register(self, registry: &mut Registry) {
        registry.register("streams", "Open streams", ConstGauge::new(self.streams));
        let help = "Messages that are worked on or wait for their answer";
        registry.register("in_flight_messages", help, ConstGauge::new(self.messages));
        let bytes = ConstGauge::new(self.message_bytes);
        let help = "Size of those messages";
        registry.register_with_unit("in_flight", help, Unit::Bytes, bytes);
        let limits = self.limits.into_iter();
        let limits = limits.map(|(option, max)| (OptionLabels { option }, max));
        registry.register("limit", "What hvelv.toml allows, by option", gauges(limits));
        let connections = Family::<OutcomeLabels, Counter>::default();
        for (outcome, count) in self.connections {
            connections.get_or_create(&OutcomeLabels { outcome }).inc_by(count);
        }
        let help = "Connections since the start, by what became of them";
        registry.register("connections", help, connections);
    }
}

/// A gauge for each set of labels.
fn gauges<L>(values: impl Iterator<Item = (L, u64)>) -> Family<L, Gauge>
where
    L: Clone + Debug + Eq + Hash,
{
    let family = Family::<L, Gauge>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
    }
    family
}
