//! Pruning: a body whose retention is over is dropped, its hash stays, and an entry says so.
//!
//! It exists so that the log need not keep for ever who read what, and so that an entry without its
//! body can be told from one that somebody took away: what was pruned is what a later entry of the
//! same log says was pruned.
//!
//! FORMAT:
//!
//! ```text
//! stored record  version 0x02 (1) ‖ number of the entry that says so u64 (8) ‖ leaf hash (32),
//!                sealed in the body's place
//! entry          action entries_pruned, counts {"entries": n, "retention_days": d},
//!                changes ["entries FIRST to LAST"], both included, all before the entry itself
//! ```
//!
//! INVARIANT: an entry says of no body younger than [`RETENTION_DAYS_MIN`], or than its own
//! `retention_days`, that it was pruned.
//! INVARIANT: what concerns a person, or says what somebody was given or who may do what, is kept.
//!
//! It does *not* prove how old a pruned entry was: its time went with the body. A verifier knows
//! that it came after the entry before it, and refuses where that one is too young.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};

use super::entry::{Action, Actor, Entry};
use super::leaf::{Leaf, LeafError};
use super::tree::Hash;

mod check;

pub use check::PruningCheck;

/// No body is pruned before it is five years old: the common retention of logs of access.
pub const RETENTION_DAYS_MIN: u64 = 1827;

const PRUNED_VERSION: u8 = 0x02;
const ENTRIES: &str = "entries";
const RETENTION_DAYS: &str = "retention_days";

/// What an entry says was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    entries: RangeInclusive<u64>,
    retention_days: u64,
}

impl Pruning {
    /// The bodies of a range of entries, older than so many days.
    ///
    /// Nothing if the range is empty, or the days are fewer than [`RETENTION_DAYS_MIN`].
    #[must_use]
    pub fn new(entries: RangeInclusive<u64>, retention_days: u64) -> Option<Self> {
        let is_kept = retention_days >= RETENTION_DAYS_MIN && !entries.is_empty();
        is_kept.then_some(Self { entries, retention_days })
    }

    /// Which entries.
    #[must_use]
    pub fn entries(&self) -> RangeInclusive<u64> {
        self.entries.clone()
    }

    /// The entry that says so.
    #[must_use]
    pub fn entry(&self, time: Timestamp, actor: Actor) -> Entry {
        let (first, last) = (self.entries.start(), self.entries.end());
        let mut entry = Entry::new(time, actor, Action::EntriesPruned);
        entry.counts.insert(ENTRIES.into(), (last - first).saturating_add(1));
        entry.counts.insert(RETENTION_DAYS.into(), self.retention_days);
        entry.changes = vec![format!("entries {first} to {last}")];
        entry
    }

    /// What an entry says, if it is one of those.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let (Action::EntriesPruned, [line]) = (entry.action, &entry.changes[..]) else {
            return None;
        };
        let (first, last) = line.strip_prefix("entries ")?.split_once(" to ")?;
        let said = Self::new(first.parse().ok()?..=last.parse().ok()?, {
            *entry.counts.get(RETENTION_DAYS)?
        })?;
        // One text for one range.
        (said.entry(entry.time, Actor::Server).changes == entry.changes).then_some(said)
    }

    /// Whether what was written at a time may be pruned at another.
    fn allows(&self, written: Timestamp, pruned: Timestamp) -> bool {
        is_over(written, pruned, self.retention_days)
    }
}

/// Whether so many days lie between.
fn is_over(written: Timestamp, now: Timestamp, days: u64) -> bool {
    let hours = i64::try_from(days).ok().and_then(|days| days.checked_mul(24));
    hours.is_some_and(|hours| now.duration_since(written) >= SignedDuration::from_hours(hours))
}

/// Whether a body may be dropped: bulk deliveries and readings of the log itself, once they are old
/// enough. Whatever is about a person, a disclosure, a right or a key is kept, and so is every body
/// that is not understood.
#[must_use]
pub fn is_prunable(body: &str, now: Timestamp, retention_days: u64) -> bool {
    let Ok(entry) = Entry::decode(body) else { return false };
    let is_bulk = matches!(
        entry.action,
        Action::AuditRead
            | Action::DeliveryOpened
            | Action::DeliveryStored
            | Action::Ingest
            | Action::ReceiptGiven
    );
    let is_free = entry.reference.is_none() && entry.disclosure.is_none();
    is_bulk && is_free && is_over(entry.time, now, retention_days.max(RETENTION_DAYS_MIN))
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
