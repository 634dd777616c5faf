//! What a batch of serials is on its way to the record, and what came of a stream.

use super::naming::Named;
use super::screening::Screened;
use crate::crypto::KeyedDigest;
use crate::registers::{Answered, Pin};

/// A batch that has its serials and is to be recorded.
#[must_use = "a mapped batch is answered once it is submitted and recorded"]
pub struct MappedSerials {
    pub(super) answered: Answered,
    pub(super) screened: Screened,
    pub(super) pins: Vec<Pin>,
    pub(super) place: usize,
    pub(super) ids: Vec<u64>,
    pub(super) named: Named,
    pub(super) digest: KeyedDigest,
}

/// What came of a stream of serials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssuingSummary {
    /// Rows received.
    pub rows: u64,
    /// Rows answered with a serial.
    pub answered: u64,
    /// Persons in the disclosure, by all its streams.
    pub persons: u64,
}
