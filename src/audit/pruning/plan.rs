//! What may be pruned now: which bodies, and in which entries that is said.
//!
//! ```text
//! entries, ascending ─► dropped: bulk, old enough, but not the last one that is old enough
//!                    ─► each run of entries without a body that has one of them, as one line
//!                    ─► entries of so many lines and bodies
//! ```
//!
//! INVARIANT: what a plan drops is what [`super::PruningCheck`] finds explained.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::{Pruning, RANGES_MAX, RETENTION_DAYS_MIN, is_bulk, is_over};
use crate::audit::entry::Entry;

/// Most bodies that are dropped in one commit.
const BODIES_MAX: u64 = 65_536;

type Run = RangeInclusive<u64>;

/// One entry about pruning, and what is dropped with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruningPlan {
    /// What the entry says.
    pub pruning: Pruning,
    /// The bodies.
    pub dropped: Vec<RangeInclusive<u64>>,
}

/// Watches a log go by, entry by entry.
pub(in crate::audit) struct Planning {
    now: Timestamp,
    retention_days: u64,
    newest: Option<Timestamp>,
    /// The last entry that is old enough.
    last_old: Option<u64>,
    gone: Vec<Run>,
    dropped: Vec<Run>,
}

impl Planning {
    /// A plan of pruning at a time, by a retention of so many days.
    pub(in crate::audit) fn new(now: Timestamp, retention_days: u64) -> Self {
        // As it will stand in the entry.
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let retention_days = retention_days.max(RETENTION_DAYS_MIN);
        let (newest, last_old) = (None, None);
        Self { now, retention_days, newest, last_old, gone: Vec::new(), dropped: Vec::new() }
    }

    /// An entry without a body goes by.
    pub(in crate::audit) fn pruned(&mut self, index: u64) {
        add(&mut self.gone, index);
    }

    /// An entry with a body goes by; says whether there may be more that is old enough.
    pub(in crate::audit) fn whole(&mut self, index: u64, body: &str) -> bool {
        // A body that is not understood is kept, and dates nothing.
        let Ok(entry) = Entry::decode(body) else { return true };
        let newest = self.newest.map_or(entry.time, |newest| newest.max(entry.time));
        self.newest = Some(newest);
        if !is_over(newest, self.now, self.retention_days) {
            return false;
        }
        self.last_old = Some(index);
        if is_bulk(&entry) && index > 0 {
            add(&mut self.dropped, index);
        }
        true
    }

    /// What is to be done, one entry after the other.
    pub(in crate::audit) fn finish(mut self) -> Vec<PruningPlan> {
        // It dates those before it.
        if let Some(last) = self.dropped.pop_if(|run| Some(*run.end()) == self.last_old)
            && last.start() < last.end()
        {
            self.dropped.push(*last.start()..=*last.end() - 1);
        }
        let mut plans = Vec::new();
        for dropped in chunks(self.dropped) {
            self.gone = joined(self.gone, &dropped);
            let bodies = dropped.iter().map(length).sum();
            let ranges = lines(&self.gone, &dropped);
            let pruning = Pruning::new(ranges, bodies, self.retention_days);
            plans.extend(pruning.map(|pruning| PruningPlan { pruning, dropped }));
        }
        plans
    }
}

fn length(run: &Run) -> u64 {
    (run.end() - run.start()).saturating_add(1)
}

/// Adds an entry behind all others.
fn add(runs: &mut Vec<Run>, index: u64) {
    match runs.last_mut() {
        Some(run) if run.end().checked_add(1) == Some(index) => *run = *run.start()..=index,
        _ => runs.push(index..=index),
    }
}

/// Runs in as many parts as there are entries to say them.
fn chunks(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let (mut chunks, mut chunk, mut room) = (Vec::new(), Vec::new(), BODIES_MAX);
    for run in runs {
        let (mut first, end) = run.into_inner();
        while first <= end {
            let last = end.min(first.saturating_add(room - 1));
            chunk.push(first..=last);
            room -= last - first + 1;
            if room == 0 || chunk.len() == RANGES_MAX {
                chunks.push(std::mem::take(&mut chunk));
                room = BODIES_MAX;
            }
            first = last.saturating_add(1);
        }
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

/// All runs, those that touch each other as one.
fn joined(mut runs: Vec<Run>, more: &[Run]) -> Vec<Run> {
    runs.extend_from_slice(more);
    runs.sort_by_key(|run| *run.start());
    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match joined.last_mut() {
            Some(before) if before.end().checked_add(1) == Some(*run.start()) => {
                *before = *before.start()..=*run.end();
            }
            _ => joined.push(run),
        }
    }
    joined
}

/// The whole runs of entries without a body that some of those dropped lie in.
fn lines(gone: &[Run], dropped: &[Run]) -> Vec<Run> {
    let mut lines: Vec<Run> = Vec::new();
    for run in dropped {
        let at = gone.partition_point(|gone| gone.end() < run.start());
        let line = gone.get(at).filter(|line| lines.last() != Some(line)).cloned();
        lines.extend(line);
    }
    lines
}
