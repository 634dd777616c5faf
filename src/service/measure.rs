//! What the service tells the metrics: its commits as they happen, its state when it is asked.
//!
//! Commits are measured around the stores ([`MeteredStores`]), so that neither plane knows of
//! metrics.  Everything else is counted where a batch is mapped and answered.
//!
//! INVARIANT: measuring changes nothing: no result, no order, no lock that a writer waits for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Service, State, Stores};
use crate::clock::Clock;
use crate::metrics::{CommitReading, DeliveryMeter, Metrics, OpenReading, Reading};
use crate::registers::{Answered, RowCode, RowNote};
use crate::store::keys::Key;
use crate::store::records::Plane;
use crate::store::{self, Batch, Durability, Store, Visit};

/// Reasons why a row may have no ID.
const REASONS: usize = RowCode::ALL.len();

/// The counters of a delivery.
pub(super) type Meter = DeliveryMeter<REASONS>;

/// The counters of a delivery from a source to a register.
pub(super) fn meter(metrics: &Metrics, register: &str, source: &str) -> Meter {
    metrics.delivery(register, source, RowCode::ALL.map(RowCode::name))
}

/// Rows of an answer without an ID, by the place of their code.
fn by_reason(notes: &[RowNote]) -> [u64; REASONS] {
    let mut counts = [0; REASONS];
    for note in notes {
        counts[note.code.place()] += 1;
    }
    counts
}

/// Counts an answer that is durable, so long after its batch came.
pub(super) fn count_answer(meter: &Meter, answered: &Answered, after: std::time::Duration) {
    let (rows, without) = (answered.ids.len() as u64, answered.notes.len() as u64);
    let new_members = u64::from(answered.new_members);
    meter.durable(after, rows.saturating_sub(without), by_reason(&answered.notes), new_members);
}

impl Service {
    /// What the server counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The service at this moment, for metrics; the edge adds what it knows.
    pub fn reading(&self) -> Reading {
        let open = self.current_open().map(|open| OpenReading {
            identifiers: open.vault.identifiers_total(),
            index_bytes: open.vault.index_bytes(),
            members: self.member_counts(&open),
            audit_entries: open.registers.audit_entry_count(),
        });
        Reading {
            state: self.state.borrow().name(),
            states: &State::NAMES,
            started_s: self.started.as_second(),
            deliveries: self.open_deliveries.load(Ordering::Acquire),
            open,
            transport: crate::metrics::TransportReading::default(),
        }
    }
}

/// Stores whose commits are measured.
pub(super) struct MeteredStores {
    pub(super) inner: Box<dyn Stores>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Stores for MeteredStores {
    fn open(&self, plane: Plane) -> Result<Arc<dyn Store>, store::Error> {
        Ok(Arc::new(MeteredStore {
            inner: self.inner.open(plane)?,
            name: match plane {
                Plane::Registers => "registers",
                Plane::Vault => "vault",
            },
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
        }))
    }
}

struct MeteredStore {
    inner: Arc<dyn Store>,
    name: &'static str,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Store for MeteredStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, store::Error> {
        self.inner.get(key)
    }

    fn scan(&self, range: Range<Key>, visit: &mut Visit<'_>) -> Result<(), store::Error> {
        self.inner.scan(range, visit)
    }

    fn commit(
        &self,
        operation: &'static str,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), store::Error> {
        let begun = self.clock.monotonic();
        let (bytes, batches) = (batch.size_bytes() as u64, batch.waiting());
        let outcome = self.inner.commit(operation, batch, durability);
        let took = self.clock.monotonic().saturating_sub(begun);
        match &outcome {
            Ok(()) => {
                self.metrics.committed(
                    self.name,
                    operation,
                    &CommitReading { took, bytes, batches },
                );
            }
            Err(_) => self.metrics.commit_failed(self.name, operation),
        }
        outcome
    }
}
