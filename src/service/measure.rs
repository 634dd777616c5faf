//! What the service tells the metrics: its commits as they happen, its state when it is asked.
//!
//! Commits are measured around the stores ([`MeteredStores`]), so that neither plane knows of
//! metrics.  Everything else is counted where a batch is mapped and answered.
//!
//! INVARIANT: measuring changes nothing: no result, no order, no lock that a writer waits for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::budget::BudgetStatus;
use super::{Service, State, Stores};
use crate::clock::Clock;
use crate::metrics::{BudgetReading, CommitReading, DeliveryMeter, Metrics, OpenReading, Reading};
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
    let (count, new_members) = (answered.answered_count(&[]), u64::from(answered.new_members));
    meter.durable(after, count, by_reason(&answered.notes), new_members);
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
            roles_waiting: self.waiting_roles(&open),
            budgets: self.budgets_of(&open).into_iter().map(budget_reading).collect(),
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

    fn purge(&self, ranges: &[Range<Key>]) -> Result<(), store::Error> {
        self.inner.purge(ranges)
    }

    fn snapshot(&self) -> Result<Box<dyn store::Snapshot>, store::Error> {
        self.inner.snapshot()
    }
}

fn budget_reading(status: BudgetStatus) -> BudgetReading {
    BudgetReading {
        principal: status.principal,
        register: status.register,
        budget: status.level.budget.as_str(),
        used: status.level.used,
        limit: status.level.limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;
    use crate::ident::Reject;
    use crate::store::faulty::{Fault, FaultyStore};
    use crate::store::memory::MemoryStore;

    /// A store in memory whose commits fail after the first.
    struct Failing;

    impl Stores for Failing {
        fn open(&self, _: Plane) -> Result<Arc<dyn Store>, store::Error> {
            Ok(Arc::new(FaultyStore::after(Arc::new(MemoryStore::default()), 1, Fault::Lost)))
        }
    }

    #[test]
    fn commits_are_counted_with_their_bytes_and_batches_and_failed_ones_as_such() {
        let metrics = Arc::new(Metrics::new());
        let clock = Arc::new(MockClock::new("2026-06-01T12:00:00Z".parse().unwrap()));
        let inner = Box::new(Failing);
        let stores = MeteredStores { inner, metrics: Arc::clone(&metrics), clock };
        let store = stores.open(Plane::Vault).unwrap();
        let (key, value) = (Key::high_water(7), vec![1_u8, 2, 3]);
        let bytes = key.as_bytes().len() + value.len();
        for succeeds in [true, false] {
            let mut batch = Batch::new();
            batch.put(key, value.clone());
            batch.answers(4);
            let committed = store.commit("assign persons", batch, Durability::Synced);
            assert_eq!(committed.is_ok(), succeeds);
        }
        assert_eq!(store.get(&key).unwrap(), Some(value), "the store behind it has it");
        let reading = Reading {
            state: "open",
            states: &State::NAMES,
            started_s: 0,
            deliveries: 0,
            open: None,
            transport: crate::metrics::TransportReading::default(),
        };
        let text = metrics.render(reading).unwrap();
        for (name, value) in [
            ("hvelv_commit_written_bytes_total", bytes.to_string()),
            ("hvelv_commit_seconds_count", "1".to_owned()),
            ("hvelv_commit_batches_sum", "4.0".to_owned()),
            ("hvelv_commits_failed_total", "1".to_owned()),
        ] {
            let line = format!("{name}{{store=\"vault\",operation=\"assign persons\"}} {value}");
            assert!(text.lines().any(|one| one == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn rows_without_an_id_are_counted_in_the_place_of_their_code() {
        let note = |code| RowNote { row: 0, code };
        let date = RowCode::Rejected(Reject::Date);
        let counts = by_reason(&[note(date), note(RowCode::Unknown), note(date)]);
        assert_eq!((counts[date.place()], counts[RowCode::Unknown.place()]), (2, 1));
        assert_eq!(counts.iter().sum::<u64>(), 3);
    }

    #[test]
    fn every_state_has_its_name_in_the_list() {
        for state in [State::Degraded, State::Open, State::Sealed, State::Unsealing] {
            assert!(State::NAMES.contains(&state.name()));
            assert_eq!(state.name(), format!("{state:?}").to_lowercase());
        }
    }
}
