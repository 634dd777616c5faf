//! Whether every entry without a body is one that a later entry says was pruned, in time.

use std::ops::Range;

use jiff::Timestamp;

use super::Pruning;
use crate::audit::entry::Entry;

/// How the action of an entry that speaks of pruning stands in its body.
const WORD: &str = "\"entries_pruned\"";

/// Watches a log go by, entry by entry.
///
/// It keeps the ranges of entries without a body that no entry has spoken of yet: a few, in a log that
/// prunes by ranges.
#[derive(Clone, Debug, Default)]
pub struct PruningCheck {
    /// The last time that an entry with a body said, as text.
    last: Option<String>,
    open: Vec<Gap>,
}

/// Entries without a body, one after the other.
#[derive(Clone, Debug)]
struct Gap {
    entries: Range<u64>,
    /// When the entry before them was written, so that they are not older.
    not_before: Option<Timestamp>,
}

impl PruningCheck {
    /// An entry without a body goes by.
    pub fn pruned(&mut self, index: u64) {
        match self.open.last_mut() {
            Some(gap) if gap.entries.end == index => gap.entries.end = index.saturating_add(1),
            _ => {
                let not_before = self.last.as_deref().and_then(|text| text.parse().ok());
                let entries = index..index.saturating_add(1);
                self.open.push(Gap { entries, not_before });
            }
        }
    }

    /// An entry with a body goes by.
    pub fn whole(&mut self, index: u64, body: &str) {
        self.remember_time(body);
        if !self.open.is_empty() && body.contains(WORD) {
            let said = Entry::decode(body)
                .ok()
                .and_then(|entry| Pruning::of(&entry).map(|pruning| (pruning, entry.time)));
            if let Some((pruning, time)) = said {
                self.explain(index, &pruning, time);
            }
        }
    }

    /// The first entry without a body of which no entry says that it was pruned, or may have been.
    #[must_use]
    pub fn unexplained(&self) -> Option<u64> {
        self.open.first().map(|gap| gap.entries.start)
    }

    /// `{"v":1,"time":"…"`: all of a body that is needed here.
    fn remember_time(&mut self, body: &str) {
        const BEGINNING: &str = "{\"v\":1,\"time\":\"";
        let time = body.strip_prefix(BEGINNING).and_then(|rest| rest.split_once('"'));
        if let Some((time, _)) = time {
            let last = self.last.get_or_insert_default();
            last.clear();
            last.push_str(time);
        }
    }

    fn explain(&mut self, index: u64, pruning: &Pruning, time: Timestamp) {
        let said = pruning.entries();
        if *said.end() >= index {
            return;
        }
        let said = *said.start()..said.end().saturating_add(1);
        let mut left = Vec::with_capacity(self.open.len());
        for Gap { entries, not_before } in self.open.drain(..) {
            let is_old = not_before.is_none_or(|written| pruning.allows(written, time));
            if !is_old || said.end <= entries.start || entries.end <= said.start {
                left.push(Gap { entries, not_before });
                continue;
            }
            for rest in [entries.start..said.start, said.end..entries.end] {
                if rest.start < rest.end {
                    left.push(Gap { entries: rest, not_before });
                }
            }
        }
        self.open = left;
    }
}
