//! Whether every entry without a body is one that a later entry says was pruned, and old enough.
//!
//! It exists because an entry's time goes with its body: how old the entry was is bounded by what
//! stands around it.
//!
//! ```text
//! entry without a body  ─► no younger than the newest time said up to the next entry with one
//! entries_pruned of it  ─► dated so many days after that, and not after an entry behind it or now
//! ```
//!
//! INVARIANT: each entry and each line of an `entries_pruned` takes a few look-ups in ordered maps:
//! a log of many runs is not quadratic.
//!
//! What it does *not* see: see [`super`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Pruning;
use crate::audit::entry::Entry;

/// How an entry that speaks of pruning stands in its body.
const WORD: &str = "\"entries_pruned\"";

/// How far the times of a log may go back, and be ahead of who reads it: entries are dated before they
/// wait for their commit, and clocks are set right.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// Watches a log go by, entry by entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruningCheck {
    /// The newest time that an entry with a body has said.
    newest: Option<Timestamp>,
    /// The first entry that is dated long before one before it.
    gone_back: Option<u64>,
    /// Entries without a body, after which no time has been read yet: first and end.
    undated: Vec<(u64, u64)>,
    /// Those that are not explained, by their first.
    open: BTreeMap<u64, Gap>,
    /// Times of the entries that explained others, with the first of those.
    explained: BTreeMap<Timestamp, u64>,
    /// The first entry whose explanation is dated after a later entry.
    revoked: Option<u64>,
}

/// Entries without a body, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    end: u64,
    /// They were written at this time or before it.
    not_after: Timestamp,
}

impl PruningCheck {
    /// An entry without a body goes by.
    pub fn pruned(&mut self, index: u64) {
        match self.undated.last_mut() {
            Some((_, end)) if *end == index => *end = index.saturating_add(1),
            _ => self.undated.push((index, index.saturating_add(1))),
        }
    }

    /// An entry with a body goes by.
    pub fn whole(&mut self, index: u64, body: &str) {
        if let Some(time) = time_of(body) {
            self.dated(index, time);
        }
        if !self.open.is_empty() && body.contains(WORD) {
            let entry = Entry::decode(body).ok();
            if let Some((pruning, time)) =
                entry.and_then(|entry| Pruning::of(&entry).map(|pruning| (pruning, entry.time)))
            {
                self.explain(index, &pruning, time);
            }
        }
    }

    /// The first entry without a body of which no entry says that it was pruned, or may have been,
    /// by the time of who asks.
    #[must_use]
    pub fn unexplained(&self, now: Timestamp) -> Option<u64> {
        let ahead = |(time, first): (&Timestamp, &u64)| is_before(now, *time).then_some(*first);
        let undated = self.undated.iter().map(|(first, _)| *first);
        let open = self.open.keys().copied();
        let explained = self.explained.iter().filter_map(ahead);
        undated.chain(open).chain(explained).chain(self.revoked).min()
    }

    /// The first entry that is dated more than a day before one before it: the clock was wrong, or was
    /// made to be.
    #[must_use]
    pub fn gone_back(&self) -> Option<u64> {
        self.gone_back
    }

    fn dated(&mut self, index: u64, time: Timestamp) {
        // What an entry explained that is dated after this one was young at its true time.
        while let Some(last) = self.explained.last_entry()
            && is_before(time, *last.key())
        {
            let first = last.remove();
            self.revoked = Some(self.revoked.map_or(first, |revoked| revoked.min(first)));
        }
        if self.newest.is_some_and(|newest| is_before(time, newest)) {
            self.gone_back = self.gone_back.or(Some(index));
        }
        let not_after = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(not_after);
        for (first, end) in self.undated.drain(..) {
            self.open.insert(first, Gap { end, not_after });
        }
    }

    fn explain(&mut self, index: u64, pruning: &Pruning, time: Timestamp) {
        if pruning.ranges().last().is_none_or(|last| *last.end() >= index) {
            return;
        }
        for said in pruning.ranges() {
            // The first entry says that the log was made: it is never pruned.
            let (start, end) = ((*said.start()).max(1), said.end().saturating_add(1));
            if start >= end {
                continue;
            }
            let before = self.open.range(..=start).next_back().filter(|(_, gap)| gap.end > start);
            let first = before.map_or(start, |(first, _)| *first);
            let touched: Vec<(u64, Gap)> = self
                .open
                .range(first..end)
                .filter(|(_, gap)| pruning.allows(gap.not_after, time))
                .map(|(first, gap)| (*first, *gap))
                .collect();
            for (first, gap) in touched {
                self.open.remove(&first);
                for (rest, rest_end) in [(first, start), (end, gap.end)] {
                    if rest < rest_end {
                        self.open.insert(rest, Gap { end: rest_end, ..gap });
                    }
                }
                let from = first.max(start);
                self.explained.entry(time).and_modify(|at| *at = from.min(*at)).or_insert(from);
            }
        }
    }
}

/// `{"v":1,"time":"…"`: all of a body that is needed here.
fn time_of(body: &str) -> Option<Timestamp> {
    let (time, _) = body.strip_prefix("{\"v\":1,\"time\":\"")?.split_once('"')?;
    time.parse().ok()
}

/// Whether a time is before another by more than clocks differ.
fn is_before(time: Timestamp, other: Timestamp) -> bool {
    other.duration_since(time) > CLOCK_SLACK
}
