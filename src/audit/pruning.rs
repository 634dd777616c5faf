//! Pruning: a body whose retention is over is dropped, its hash stays, and an entry says so.
//!
//! It exists so that the log need not keep for ever who read what, and so that an entry without its
//! body can be told from one that somebody took away: what was pruned is what a later entry of the
//! same log says was pruned, and the entry after it is old enough to be believed.
//!
//! ```text
//! pruned pruned WHOLE … … entries_pruned      an entry is no younger than those before it: so those
//!               └──── d days or more ───┘     two dates bound the age of what is gone
//! ```
//!
//! FORMAT:
//!
//! ```text
//! stored record  version 0x02 (1) ‖ number of the entry that says so u64 (8) ‖ leaf hash (32),
//!                sealed in the body's place
//! entry          action entries_pruned, changes ["entries FIRST to LAST", …], at most 4,096, both
//!                included, all before the entry itself, ascending, none touching the next;
//!                counts {"bodies": b, "entries": n, "retention_days": d}
//! ```
//!
//! A line names a whole run of entries without a body, those among them too that were pruned before:
//! the entry that dated them may be gone itself.  b are those that were dropped with this entry.
//!
//! INVARIANT: no body is dropped that is younger than [`RETENTION_DAYS_MIN`], by the newest time that
//! the log had said up to it, nor the last one that is old enough: it dates those before it.
//! INVARIANT: what concerns a person, or says what somebody was given or who may do what, is kept.
//!
//! It does *not* hold against a log of which no dated body is left from some day on: who has all keys,
//! or the clock and years, can have written such a one.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};

use super::entry::{Action, Actor, Entry};
use super::leaf::{Leaf, LeafError};
use super::tree::Hash;

mod check;
mod plan;

pub use check::PruningCheck;
pub(super) use plan::Planning;
pub use plan::PruningPlan;

/// No body is pruned before it is five years old: the common retention of logs of access.
pub const RETENTION_DAYS_MIN: u64 = 1827;

const PRUNED_VERSION: u8 = 0x02;
const BODIES: &str = "bodies";
const ENTRIES: &str = "entries";
const RETENTION_DAYS: &str = "retention_days";

/// Most ranges of one entry.
const RANGES_MAX: usize = 4096;

/// What an entry says was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    ranges: Vec<RangeInclusive<u64>>,
    bodies: u64,
    retention_days: u64,
}

impl Pruning {
    /// Ranges of entries without a body, older than so many days, of which so many bodies are dropped
    /// now.
    ///
    /// Nothing if there is no range or more than an entry says, if one is empty or not behind the one
    /// before it, or if the days are fewer than [`RETENTION_DAYS_MIN`].
    #[must_use]
    pub fn new(ranges: Vec<RangeInclusive<u64>>, bodies: u64, retention_days: u64) -> Option<Self> {
        let apart = |pair: &[RangeInclusive<u64>]| match pair {
            [before, after] => before.end().checked_add(1).is_some_and(|end| end < *after.start()),
            _ => true,
        };
        let is_kept = retention_days >= RETENTION_DAYS_MIN
            && (1..=RANGES_MAX).contains(&ranges.len())
            && ranges.iter().all(|range| !range.is_empty())
            && ranges.windows(2).all(apart);
        is_kept.then_some(Self { ranges, bodies, retention_days })
    }

    /// Which entries, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u64>] {
        &self.ranges
    }

    /// How many bodies were dropped with it.
    #[must_use]
    pub fn bodies(&self) -> u64 {
        self.bodies
    }

    /// Whether an entry is among them.
    #[must_use]
    pub fn covers(&self, index: u64) -> bool {
        let at = self.ranges.partition_point(|range| *range.end() < index);
        self.ranges.get(at).is_some_and(|range| range.contains(&index))
    }

    /// The entry that says so.
    #[must_use]
    pub fn entry(&self, time: Timestamp, actor: Actor) -> Entry {
        let mut entry = Entry::new(time, actor, Action::EntriesPruned);
        let lengths = self.ranges.iter().map(|range| (range.end() - range.start()) + 1);
        entry.counts.insert(BODIES.into(), self.bodies);
        entry.counts.insert(ENTRIES.into(), lengths.sum());
        entry.counts.insert(RETENTION_DAYS.into(), self.retention_days);
        let line =
            |range: &RangeInclusive<u64>| format!("entries {} to {}", range.start(), range.end());
        entry.changes = self.ranges.iter().map(line).collect();
        entry
    }

    /// What an entry says, if it is one of those.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        if entry.action != Action::EntriesPruned {
            return None;
        }
        let range = |line: &String| {
            let (first, last) = line.strip_prefix("entries ")?.split_once(" to ")?;
            // u64::MAX is no entry's number: lengths and ends do not overflow.
            let last: u64 = last.parse().ok().filter(|last| *last < u64::MAX)?;
            Some(first.parse().ok()?..=last)
        };
        let ranges: Option<Vec<_>> = entry.changes.iter().map(range).collect();
        let count = |name: &str| entry.counts.get(name).copied();
        let said = Self::new(ranges?, count(BODIES)?, count(RETENTION_DAYS)?)?;
        // One text for what is said.
        let again = said.entry(entry.time, Actor::Server);
        (again.changes == entry.changes && again.counts == entry.counts).then_some(said)
    }

    /// Whether what was written at a time, or before it, may be pruned at another.
    fn allows(&self, written: Timestamp, pruned: Timestamp) -> bool {
        is_over(written, pruned, self.retention_days)
    }
}

/// Whether so many days lie between.
fn is_over(written: Timestamp, now: Timestamp, days: u64) -> bool {
    let hours = i64::try_from(days).ok().and_then(|days| days.checked_mul(24));
    hours.is_some_and(|hours| now.duration_since(written) >= SignedDuration::from_hours(hours))
}

/// Whether an entry is of a kind whose body may be dropped once it is old enough: bulk deliveries and
/// readings of the log itself.  Whatever is about a person, a disclosure, a right or a key is kept.
fn is_bulk(entry: &Entry) -> bool {
    let is_bulk = matches!(
        entry.action,
        Action::AuditRead
            | Action::DeliveryOpened
            | Action::DeliveryStored
            | Action::Ingest
            | Action::ReceiptGiven
    );
    is_bulk && entry.reference.is_none() && entry.disclosure.is_none()
}

/// What stands in the place of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoredBody {
    /// Nothing but the number of the entry that says it was pruned.
    Pruned {
        /// That entry.
        by: u64,
        /// The leaf hash, sealed too, so that one that was changed can be named.
        hash: Hash,
    },
    /// Salt and body.
    Whole(Leaf),
}

impl StoredBody {
    /// The record of a pruned body.
    pub(super) fn encode_pruned(by: u64, hash: Hash) -> Vec<u8> {
        [&[PRUNED_VERSION], &by.to_be_bytes()[..], hash.as_bytes()].concat()
    }

    /// Reads a record that the store has opened.
    pub(super) fn decode(record: &[u8]) -> Result<Self, LeafError> {
        match record.split_first() {
            Some((&PRUNED_VERSION, rest)) => {
                let (by, hash) = rest.split_first_chunk().ok_or(LeafError::TooShort)?;
                let hash = hash.try_into().map_err(|_| LeafError::TooShort)?;
                Ok(Self::Pruned { by: u64::from_be_bytes(*by), hash: Hash::from_bytes(hash) })
            }
            _ => Leaf::decode(record).map(Self::Whole),
        }
    }
}

#[cfg(test)]
mod tests;
