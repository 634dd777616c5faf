//! The register numbers of one register: leased, drawn in permuted order, never given twice.

use std::sync::Arc;

use super::keys::PlaneKeys;
use super::{Error, RegisterMarks};
use crate::store::keys::Key;
use crate::store::records::encode_mark;
use crate::store::{Batch, Durability, Store};

/// Numbers in the first lease of a run; each further one is twice as large, up to the maximum.
const LEASE_FIRST: u64 = 8_192;
const LEASE_MAX: u64 = 1_048_576;

/// Where a register draws its next number, and its next delta.
pub(super) struct Numbers {
    register: u16,
    store: Arc<dyn Store>,
    marks: Arc<dyn RegisterMarks>,
    next: u64,
    end: u64,
    lease: u64,
    delta: u64,
}

impl Numbers {
    /// Every start draws from a lease of its own; what an earlier one had left is burned.
    pub(super) fn new(
        register: u16,
        store: Arc<dyn Store>,
        marks: Arc<dyn RegisterMarks>,
        leased: u64,
        next_delta: u64,
    ) -> Self {
        let lease = LEASE_FIRST;
        Self { register, store, marks, next: leased, end: leased, lease, delta: next_delta }
    }

    /// Draws numbers. They are burned when the commit they were drawn for fails.
    pub(super) fn draw(&mut self, count: usize, keys: &PlaneKeys) -> Result<Vec<u64>, Error> {
        let count = count as u64;
        if self.end - self.next < count {
            let missing = count - (self.end - self.next);
            let end = self.end + missing.max(self.lease);
            let mut batch = Batch::new();
            batch.put(Key::high_water(self.register), encode_mark(end));
            self.store.commit("lease register numbers", batch, Durability::Synced)?;
            self.marks.raise_register(self.register, end).map_err(Error::Mark)?;
            self.end = end;
            self.lease = (self.lease * 2).min(LEASE_MAX);
        }
        let first = self.next;
        self.next += count;
        keys.numbers_at(self.register, first..self.next)
    }

    /// The sequence number of the next delta.
    pub(super) fn next_delta(&mut self) -> u64 {
        let sequence = self.delta;
        self.delta += 1;
        sequence
    }
}
