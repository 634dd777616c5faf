//! How much may be under way at once: streams, batches, their bytes, connections.
//!
//! Why: a server without bounds is stopped by asking it too much.  What does not fit is refused, with
//! the option that says how much fits, so that the caller can slow down and the operator knows what
//! to raise: at once, but for the batch of a stream, which waits in turn ([`InFlight::batch_within`]),
//! since its sender has long been told to go on.
//!
//! INVARIANT: what is taken is given back when its guard is dropped, whichever way a request ends.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::server::Limits;
use crate::metrics::TransportReading;
use crate::service::{Error, ErrorCode, Limit};

/// How many of something each holder has.
#[derive(Debug)]
pub(super) struct Allowances<K> {
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Default for Allowances<K> {
    fn default() -> Self {
        Self { held: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash> Allowances<K> {
    /// Takes one for a holder that may have `max`; nothing if it has them.
    pub(super) fn take(&self, holder: K, max: usize) -> Option<Holding<K>> {
        // A map of counts is whole at every moment, so a panic elsewhere leaves it usable.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(&holder).copied().unwrap_or_default();
        if count >= max {
            return None;
        }
        held.insert(holder.clone(), count.saturating_add(1));
        drop(held);
        Some(Holding { held: Arc::clone(&self.held), holder })
    }
}

/// One of an allowance, given back on drop.
#[derive(Debug)]
pub(super) struct Holding<K: Eq + Hash> {
    held: Arc<Mutex<HashMap<K, usize>>>,
    holder: K,
}

impl<K: Eq + Hash> Drop for Holding<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

/// A pool with the option that sets its size.
#[derive(Debug)]
struct Pool {
    free: Arc<Semaphore>,
    size: usize,
    code: ErrorCode,
    limit: Limit,
}

impl Pool {
    fn new(code: ErrorCode, option: &'static str, size: usize) -> Self {
        let size = size.min(Semaphore::MAX_PERMITS);
        let limit = Limit { option, max: u64::try_from(size).unwrap_or(u64::MAX) };
        Self { free: Arc::new(Semaphore::new(size)), size, code, limit }
    }

    /// How much of it is taken.
    fn taken(&self) -> u64 {
        let taken = self.size.saturating_sub(self.free.available_permits());
        u64::try_from(taken).unwrap_or(u64::MAX)
    }

    fn take(&self, count: u32) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.free).try_acquire_many_owned(count).map_err(|_| self.is_full())
    }

    /// As [`Pool::take`], once those before have what they wait for and it is free.
    async fn take_in_turn(&self, count: u32) -> Result<OwnedSemaphorePermit, Error> {
        let free = Arc::clone(&self.free);
        free.acquire_many_owned(count).await.map_err(|_| self.is_full())
    }

    fn is_full(&self) -> Error {
        Error::limit(self.code, self.limit)
    }
}

/// What all callers together may have under way.  Made once by the server and shared.
#[derive(Debug)]
pub struct InFlight {
    streams: Pool,
    messages: Pool,
    bytes: Pool,
}

/// An open stream.
#[derive(Debug)]
#[must_use = "the stream counts for as long as this lives"]
pub struct StreamSlot {
    _stream: OwnedSemaphorePermit,
}

/// A batch under way.
#[derive(Debug)]
#[must_use = "the batch counts for as long as this lives"]
pub struct BatchSlot {
    _message: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl InFlight {
    /// With everything free.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let pool = Pool::new;
        Self {
            streams: pool(ErrorCode::TooManyStreams, "limits.streams_max", limits.streams_max),
            messages: pool(
                ErrorCode::TooManyInFlight,
                "limits.in_flight_messages_max",
                limits.in_flight_messages_max,
            ),
            bytes: pool(
                ErrorCode::TooManyInFlight,
                "limits.in_flight_bytes_max",
                limits.in_flight_bytes_max,
            ),
        }
    }

    /// What is under way at this moment, for metrics.
    #[must_use]
    pub fn reading(&self) -> TransportReading {
        let pools = [&self.streams, &self.messages, &self.bytes];
        TransportReading {
            streams: self.streams.taken(),
            messages: self.messages.taken(),
            message_bytes: self.bytes.taken(),
            limits: pools.map(|pool| (pool.limit.option, pool.limit.max)).to_vec(),
            connections: Vec::new(),
        }
    }

    /// Counts a stream.
    ///
    /// # Errors
    ///
    /// `too_many_streams`, at once.
    pub fn stream(&self) -> Result<StreamSlot, Error> {
        Ok(StreamSlot { _stream: self.streams.take(1)? })
    }

    /// Counts a message of so many bytes.
    ///
    /// # Errors
    ///
    /// `too_many_in_flight`, at once.
    pub fn batch(&self, bytes: usize) -> Result<BatchSlot, Error> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Ok(BatchSlot { _message: self.messages.take(1)?, _bytes: self.bytes.take(bytes)? })
    }

    /// As [`InFlight::batch`], after waiting for so long at most, first come first served.
    ///
    /// # Errors
    ///
    /// `too_many_in_flight`, when nothing has become free.
    pub async fn batch_within(&self, bytes: usize, time: Duration) -> Result<BatchSlot, Error> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        // In the same order for everybody, so that no two wait for each other.
        let taking = async {
            let message = self.messages.take_in_turn(1).await?;
            Ok(BatchSlot { _message: message, _bytes: self.bytes.take_in_turn(count).await? })
        };
        match tokio::time::timeout(time, taking).await {
            Ok(taken) => taken,
            // Says which of the two is full.
            Err(_) => self.batch(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let mut limits = Limits::DEFAULT;
        limits.streams_max = 1;
        limits.in_flight_messages_max = 2;
        limits.in_flight_bytes_max = 100;
        limits
    }

    #[test]
    fn a_stream_too_many_is_refused_by_name_and_a_closed_one_makes_room() {
        let in_flight = InFlight::new(&limits());
        let first = in_flight.stream().unwrap();
        let error = in_flight.stream().unwrap_err();
        assert_eq!(error.text(), "too many streams are open (limits.streams_max = 1)");
        drop(first);
        assert!(in_flight.stream().is_ok());
    }

    #[test]
    fn batches_are_bounded_by_number_and_by_bytes() {
        let in_flight = InFlight::new(&limits());
        let first = in_flight.batch(60).unwrap();
        let error = in_flight.batch(60).unwrap_err();
        assert_eq!(error.limit_met().unwrap().option, "limits.in_flight_bytes_max");
        let second = in_flight.batch(40).unwrap();
        let reading = in_flight.reading();
        assert_eq!((reading.streams, reading.messages, reading.message_bytes), (0, 2, 100));
        assert_eq!(reading.limits[1], ("limits.in_flight_messages_max", 2));
        let error = in_flight.batch(0).unwrap_err();
        assert_eq!(error.limit_met().unwrap().option, "limits.in_flight_messages_max");
        drop((first, second));
        assert!(in_flight.batch(100).is_ok());
        assert_eq!(in_flight.reading().messages, 0);
    }

    #[test]
    fn an_allowance_is_each_holders_own_and_comes_back() {
        let allowances = Allowances::default();
        let first = allowances.take("a", 1).unwrap();
        assert!(allowances.take("a", 1).is_none());
        assert!(allowances.take("b", 1).is_some());
        drop(first);
        assert!(allowances.take("a", 1).is_some());
    }
}
