//! What the server counts about itself, as Prometheus reads it.
//!
//! Why it exists: whoever runs a register must see that it is slow, refusing or sealed before its
//! senders say so.  Everything is counted here, in one registry, and shown by `rpc::scrape` alone.
//!
//! ```text
//! counted while it happens (kept when sealed)      read when asked (reading.rs, process.rs)
//!   rows, new members      by register, source       state, build, process
//!   batches                mapped, durable           streams, batches and bytes in flight
//!   commits                by store, operation       connections
//!   requests               by method, code           only when open: index, members, audit log
//! ```
//!
//! A delivery asks for its counters once ([`Metrics::delivery`]).  A batch then costs atomic
//! additions and two observations, each under a lock of its own that only a scrape holds for longer
//! than an addition; a row costs nothing.
//!
//! INVARIANT: a label is a code of the catalogue, a method of the table, or a word of this program.
//! Senders choose none, so there are as many series as the configuration gives, and none names a
//! person.
//!
//! What it does *not* protect: counts by register and source tell how much is reported, and when.
//! The endpoint is off unless configured, and then on loopback unless told otherwise.

mod process;
mod reading;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use reading::{BudgetReading, OpenReading, Reading, TransportReading};

/// What every name begins with, those of the process excepted.
const PREFIX: &str = "hvelv";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    register: String,
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RowLabels {
    register: String,
    source: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommitLabels {
    store: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    alarm: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    code: &'static str,
}

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rows: Family<RowLabels, Counter>,
    new_members: Family<SourceLabels, Counter>,
    batch_seconds: Family<StageLabels, Histogram>,
    commit_seconds: Family<CommitLabels, Histogram>,
    commit_bytes: Family<CommitLabels, Counter>,
    commit_batches: Family<CommitLabels, Histogram>,
    commits_failed: Family<CommitLabels, Counter>,
    checkpoints: Family<OutcomeLabels, Counter>,
    alarms: Family<AlarmLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<MethodLabels, Histogram>,
}

/// A quarter of a millisecond to eight seconds: from one batch in memory to a disk that hangs.
fn short() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

/// A millisecond to more than an hour: a status, or a stream with a year of a register.
fn long() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 12))
}

/// One to 1024, the most that one commit takes.
fn batches() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            rows: Family::default(),
            new_members: Family::default(),
            batch_seconds: Family::new_with_constructor(short),
            commit_seconds: Family::new_with_constructor(short),
            commit_bytes: Family::default(),
            commit_batches: Family::new_with_constructor(batches),
            commits_failed: Family::default(),
            checkpoints: Family::default(),
            alarms: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(long),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, .. } = self;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The program", Info::new(version));
        registry.register(
            "rows",
            "Rows that were durably answered; a row has one outcome",
            self.rows.clone(),
        );
        registry.register(
            "new_members",
            "Persons who were new in a register",
            self.new_members.clone(),
        );
        registry.register_with_unit(
            "batch",
            "Time of a batch from its arrival until it is mapped, and until it is durable",
            Unit::Seconds,
            self.batch_seconds.clone(),
        );
        registry.register_with_unit(
            "commit",
            "Time of a commit that succeeded",
            Unit::Seconds,
            self.commit_seconds.clone(),
        );
        registry.register_with_unit(
            "commit_written",
            "Keys and values of commits that succeeded",
            Unit::Bytes,
            self.commit_bytes.clone(),
        );
        registry.register(
            "commit_batches",
            "Batches that waited for one commit",
            self.commit_batches.clone(),
        );
        registry.register(
            "commits_failed",
            "Commits that failed, or whose fate is unknown",
            self.commits_failed.clone(),
        );
        registry.register(
            "checkpoints",
            "Attempts to sign a checkpoint of the audit log",
            self.checkpoints.clone(),
        );
        registry.register(
            "alarms",
            "Alarms that were raised: what looks like an enumeration",
            self.alarms.clone(),
        );
        registry.register("requests", "Requests that have ended", self.requests.clone());
        registry.register_with_unit(
            "request",
            "Time of a request until its last byte was answered; of a stream, until its end",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
    }

    /// Counts an alarm.
    pub fn alarm_raised(&self, alarm: &'static str) {
        self.alarms.get_or_create(&AlarmLabels { alarm }).inc();
    }

    /// Shows alarms before there is one, at zero.
    pub fn show_alarms(&self, alarms: impl Iterator<Item = &'static str>) {
        alarms.for_each(|alarm| drop(self.alarms.get_or_create(&AlarmLabels { alarm })));
    }

    /// The counters of a delivery: for a register and a source of the catalogue, and for each reason
    /// why a row may have no ID.  All of them appear at once, at zero.
    #[must_use]
    pub fn delivery<const N: usize>(
        &self,
        register: &str,
        source: &str,
        reasons: [&'static str; N],
    ) -> DeliveryMeter<N> {
        let labels = SourceLabels { register: register.to_owned(), source: source.to_owned() };
        let rows = |outcome| {
            let SourceLabels { register, source } = labels.clone();
            self.rows.get_or_create_owned(&RowLabels { register, source, outcome })
        };
        let stage = |stage| self.batch_seconds.get_or_create_owned(&StageLabels { stage });
        DeliveryMeter {
            answered: rows("answered"),
            without_id: reasons.map(rows),
            new_members: self.new_members.get_or_create_owned(&labels),
            mapped: stage("mapped"),
            durable: stage("durable"),
        }
    }

    /// Counts a commit that succeeded.
    pub fn committed(&self, store: &'static str, operation: &'static str, commit: &CommitReading) {
        let labels = CommitLabels { store, operation };
        self.commit_seconds.get_or_create(&labels).observe(commit.took.as_secs_f64());
        self.commit_bytes.get_or_create(&labels).inc_by(commit.bytes);
        // Leases, marks and acts answer no batch.
        if commit.batches > 0 {
            let batches = u32::try_from(commit.batches).unwrap_or(u32::MAX);
            self.commit_batches.get_or_create(&labels).observe(f64::from(batches));
        }
    }

    /// Counts a commit that failed.
    pub fn commit_failed(&self, store: &'static str, operation: &'static str) {
        self.commits_failed.get_or_create(&CommitLabels { store, operation }).inc();
    }

    /// Counts an attempt to sign a checkpoint.
    pub fn checkpoint(&self, outcome: Checkpoint) {
        let outcome = match outcome {
            Checkpoint::Failed => "failed",
            Checkpoint::Signed => "signed",
        };
        self.checkpoints.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a request that has ended: its method as the table has it, and its gRPC code.
    pub fn request_ended(&self, method: &'static str, code: &'static str, took: Duration) {
        self.requests.get_or_create(&RequestLabels { method, code }).inc();
        self.request_seconds.get_or_create(&MethodLabels { method }).observe(took.as_secs_f64());
    }

    /// Everything, in the text format of OpenMetrics 1.0.
    ///
    /// # Errors
    ///
    /// None that a string could have.
    pub fn render(&self, reading: Reading) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        let started_s = reading.started_s;
        encode_registry(&mut text, &reading.registry(PREFIX))?;
        encode_registry(&mut text, &process::registry(started_s))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// What became of an attempt to sign a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// The stored log does not verify, or the store failed.
    Failed,
    /// It was signed.
    Signed,
}

/// What one commit was.
#[derive(Clone, Copy, Debug)]
pub struct CommitReading {
    /// How long it took, the sync included.
    pub took: Duration,
    /// Bytes of its keys and values.
    pub bytes: u64,
    /// Batches that waited for it.
    pub batches: usize,
}

/// The counters of one delivery, with `N` reasons why a row may have no ID.
#[derive(Debug)]
pub struct DeliveryMeter<const N: usize> {
    answered: Counter,
    without_id: [Counter; N],
    new_members: Counter,
    mapped: Histogram,
    durable: Histogram,
}

impl<const N: usize> DeliveryMeter<N> {
    /// A batch was mapped, so long after it came.
    pub fn mapped(&self, after: Duration) {
        self.mapped.observe(after.as_secs_f64());
    }

    /// A batch is durable, so long after it came: rows with an ID, rows without by reason, and
    /// persons who were new in the register.
    pub fn durable(&self, after: Duration, answered: u64, without_id: [u64; N], new_members: u64) {
        self.durable.observe(after.as_secs_f64());
        self.answered.inc_by(answered);
        for (counter, rows) in self.without_id.iter().zip(without_id) {
            counter.inc_by(rows);
        }
        self.new_members.inc_by(new_members);
    }
}

#[cfg(test)]
mod tests;
