//! What looks like an enumeration: pure detectors over what a client sends in a time.
//!
//! ```text
//! batch ─► Observed: rows, of those not told before a sample, its neighbours, numbers never seen
//!            └─► Window, by principal and register ─► each alarm once a window
//! ```
//!
//! Why it exists: budgets stop who enumerates, and only when they are spent.  Somebody should look
//! before that.
//!
//! Only counts come here, never a number.  What a client was told before is not looked at, so that a
//! cumulative delivery of known persons costs nothing and raises nothing.
//!
//! INVARIANT: an alarm is raised at most once in a window of a principal in a register.
//!
//! What it does *not* see: who is slow enough for every window, who mixes numbers apart from each
//! other with many that are known, and what was counted before the process ended.  Budgets bound
//! those all the same.

use jiff::{SignedDuration, Timestamp};

use crate::config::alarms::Alarms;
use crate::config::words::word_enum;

word_enum! {
    /// What was noticed.  A word once given keeps its meaning.
    pub enum Alarm {
        /// Many look-ups at a source that has delivered nothing for long.
        LookUpsWithoutIngest = "look_ups_without_ingest",
        /// Somebody is told who many persons are.
        Reveals = "reveals",
        /// Numbers that follow each other in date of birth and individual number.
        SequentialNumbers = "sequential_numbers",
        /// Numbers that nobody was known by, many of all.
        UnseenNumbers = "unseen_numbers",
    }
}

/// What a batch, or a window, looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Rows.
    pub rows: u64,
    /// Rows of look-ups among them.
    pub look_ups: u64,
    /// Numbers not told before, of which neighbours were looked for.
    pub sampled: u64,
    /// Those of them that stand next to another.
    pub neighbours: u64,
    /// Numbers that nobody was known by.
    pub unseen: u64,
}

impl Observed {
    fn add(&mut self, other: &Self) {
        let Self { rows, look_ups, sampled, neighbours, unseen } = other;
        self.rows = self.rows.saturating_add(*rows);
        self.look_ups = self.look_ups.saturating_add(*look_ups);
        self.sampled = self.sampled.saturating_add(*sampled);
        self.neighbours = self.neighbours.saturating_add(*neighbours);
        self.unseen = self.unseen.saturating_add(*unseen);
    }
}

/// What one principal has sent to one register in one window.
#[derive(Clone, Debug)]
pub struct Window {
    begun: Timestamp,
    /// Members of the register when it began.
    members: u64,
    sum: Observed,
    raised: Vec<Alarm>,
}

impl Window {
    /// One that begins, in a register of so many members.
    #[must_use]
    pub const fn new(begun: Timestamp, members: u64) -> Self {
        let sum = Observed { rows: 0, look_ups: 0, sampled: 0, neighbours: 0, unseen: 0 };
        Self { begun, members, sum, raised: Vec::new() }
    }

    /// Adds a batch.  Gives the alarms that are new in the window, with all that it has seen.
    ///
    /// A register that has fewer members than numbers came that were never seen is being filled: its
    /// first load raises nothing.
    pub fn add(
        &mut self,
        now: Timestamp,
        members: u64,
        batch: &Observed,
        alarms: &Alarms,
    ) -> Vec<(Alarm, Observed)> {
        let length = SignedDuration::from_mins(i64::from(alarms.window_minutes));
        let end = self.begun.saturating_add(length).unwrap_or(Timestamp::MAX);
        // A clock that was set back begins a window, too.
        if now >= end || now < self.begun {
            *self = Self::new(now, members);
        }
        self.sum.add(batch);
        let new: Vec<Alarm> = [
            (Alarm::LookUpsWithoutIngest, self.sum.look_ups >= alarms.look_ups_min),
            (Alarm::SequentialNumbers, self.is_sequential(alarms)),
            (Alarm::UnseenNumbers, self.is_unseen(alarms)),
        ]
        .into_iter()
        .filter(|(alarm, is_so)| *is_so && !self.raised.contains(alarm))
        .map(|(alarm, _)| alarm)
        .collect();
        self.raised.extend(&new);
        new.into_iter().map(|alarm| (alarm, self.sum)).collect()
    }

    fn is_sequential(&self, alarms: &Alarms) -> bool {
        let Observed { sampled, neighbours, .. } = self.sum;
        sampled >= alarms.sequential_rows_min
            && is_share(neighbours, sampled, alarms.sequential_percent)
    }

    fn is_unseen(&self, alarms: &Alarms) -> bool {
        let Observed { rows, unseen, .. } = self.sum;
        rows >= alarms.unseen_rows_min
            && unseen < self.members
            && is_share(unseen, rows, alarms.unseen_percent)
    }
}

fn is_share(part: u64, all: u64, percent: u8) -> bool {
    u128::from(part) * 100 >= u128::from(all) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARMS: Alarms = Alarms {
        sequential_rows_min: 100,
        unseen_rows_min: 100,
        look_ups_min: 100,
        ..Alarms::DEFAULT
    };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_768_435_200 + minutes * 60).unwrap()
    }

    /// One batch of 100 rows, by what is unusual in it, in a register of so many members.
    #[test]
    fn each_detector_speaks_of_its_own_and_of_nothing_else() {
        let known = Observed { rows: 100, ..Observed::default() };
        let sampled = Observed { sampled: 100, ..known };
        let table = [
            (known, 1_000, &[][..]),
            // Sequential: half of what was sampled, once there is enough of it.
            (Observed { neighbours: 49, ..sampled }, 1_000, &[]),
            (Observed { neighbours: 50, ..sampled }, 1_000, &[Alarm::SequentialNumbers]),
            (Observed { sampled: 99, neighbours: 99, ..known }, 1_000, &[]),
            (Observed { neighbours: 100, ..sampled }, 0, &[Alarm::SequentialNumbers]),
            // Never seen: of all rows, and in a register that is there already.
            (Observed { unseen: 59, ..sampled }, 1_000, &[]),
            (Observed { unseen: 60, ..sampled }, 1_000, &[Alarm::UnseenNumbers]),
            (Observed { unseen: 100, ..sampled }, 101, &[Alarm::UnseenNumbers]),
            (Observed { unseen: 100, ..sampled }, 100, &[]),
            (Observed { rows: 99, unseen: 99, ..known }, 1_000, &[]),
            // Look-ups.
            (Observed { look_ups: 99, ..known }, 1_000, &[]),
            (Observed { look_ups: 100, ..known }, 1_000, &[Alarm::LookUpsWithoutIngest]),
        ];
        for (batch, members, expected) in table {
            let mut window = Window::new(at(0), members);
            let raised = window.add(at(1), members, &batch, &ALARMS);
            let found: Vec<Alarm> = raised.iter().map(|(alarm, _)| *alarm).collect();
            assert_eq!(found, expected, "{batch:?} of {members}");
            assert!(raised.iter().all(|(_, sum)| *sum == batch));
            assert!(window.add(at(2), members, &batch, &ALARMS).is_empty() || expected.is_empty());
        }
    }

    #[test]
    fn batches_count_together_within_a_window_and_each_alarm_comes_once_in_it() {
        let batch = Observed { rows: 10, unseen: 10, ..Observed::default() };
        let mut window = Window::new(at(0), 10_000);
        let mut raised = Vec::new();
        for minute in 0..120 {
            let new = window.add(at(minute), 10_000, &batch, &ALARMS);
            raised.extend(new.into_iter().map(|(alarm, sum)| (minute, alarm, sum.rows)));
        }
        let expected = |minute| (minute, Alarm::UnseenNumbers, 100);
        assert_eq!(raised, [expected(9), expected(69)]);
        // Slower than the window is not seen here.
        let mut window = Window::new(at(0), 10_000);
        let slow = (0..100).map(|hour| window.add(at(hour * 60), 10_000, &batch, &ALARMS).len());
        assert_eq!(slow.sum::<usize>(), 0);
        // A clock that was set back begins anew, and does not stand still.
        assert!(window.add(at(-10_000), 10_000, &batch, &ALARMS).is_empty());
        assert_eq!(window.sum.rows, 10);
    }
}
