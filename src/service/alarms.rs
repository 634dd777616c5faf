//! Alarms: what a batch looks like, and what is done when it looks wrong.
//!
//! ```text
//! map a batch ─► counts ─► policy::alarms ─► raised ─► entry, log event, metric
//! reveal      ─► uses of approvals in a day ─┘
//! ```
//!
//! Why beside the path: an alarm neither refuses nor waits.  A batch of persons who were told before
//! costs one lock and five additions; of the others, a sample of one batch is sorted.
//!
//! Invariants: an entry of an alarm has counts, the name of a principal and codes, never a number; what
//! is raised is said in all three places, or, when the log cannot be written, in two.
//!
//! What it does *not* keep: windows are in memory, so that a restart begins them anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::open::Open;
use super::{Delivery, IngestMode, Service};
use crate::approval::{Act, State};
use crate::audit::{Action, Actor};
use crate::config::budgets::Budget;
use crate::ident::{NationalId, neighbour_count};
use crate::policy::Permit;
use crate::policy::alarms::{Alarm, Observed, Window};
use crate::registers::budget::FreshRow;
use crate::vault::Rows;

/// Rows of a batch among which neighbours are looked for.
const SAMPLE_ROWS: usize = 256;

/// What each principal does.
#[derive(Default)]
pub(super) struct Watched {
    /// What it sends to each register.
    windows: Mutex<BTreeMap<(String, u16), Watch>>,
    /// When it last raised an alarm by reveals.
    reveals: Mutex<BTreeMap<String, Timestamp>>,
}

/// What one principal sends to one register.
pub(super) type Watch = Arc<Mutex<Window>>;

/// Looks at rows whose persons the client was not told about.
pub(super) fn sample(rows: &Rows, fresh: &[u32]) -> Observed {
    let parsed = fresh.iter().filter_map(|row| rows.get(*row as usize)?.as_ref().ok());
    let sample: Vec<&NationalId> = parsed.take(SAMPLE_ROWS).collect();
    // Two may be twins; a batch of a few says nothing.
    const FEW: usize = 3;
    if sample.len() < FEW {
        return Observed::default();
    }
    let (sampled, neighbours) = (sample.len() as u64, neighbour_count(sample.into_iter()));
    Observed { sampled, neighbours, ..Observed::default() }
}

/// How many fresh rows are about a number that nobody was known by.
pub(super) fn unseen_count(fresh: &[FreshRow]) -> u64 {
    fresh.iter().filter(|one| one.about.is_unseen()).count() as u64
}

impl Service {
    /// The window of a principal in a register.
    pub(super) fn watch(&self, open: &Open, principal: &str, register: u16) -> Watch {
        let mut windows = self.watched.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let members = open.registers.member_count(register);
            Arc::new(Mutex::new(Window::new(self.parts.clock.now(), members)))
        };
        Arc::clone(windows.entry((principal.to_owned(), register)).or_insert_with(new))
    }

    /// Counts reveals, and raises an alarm when they are as many as that in a day: once a day.
    pub(super) fn watch_reveals(&self, open: &Open, permit: &Permit) {
        let alarms = self.parts.config.alarms;
        let now = self.parts.clock.now();
        let yesterday = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let used = open.registers.approvals().list(usize::MAX, |one| {
            let is_reveal = matches!(one.wanted.act, Act::IdentifySerial | Act::RevealIdentity);
            let used = one.moves.last().filter(|last| last.to == State::Used);
            is_reveal
                && one.requester.principal == *permit.principal()
                && used.is_some_and(|used| used.at > yesterday)
        });
        if !alarms.enabled || used.len() < usize::from(alarms.reveals_per_day) {
            return;
        }
        let principal = permit.principal().as_str();
        let mut raised = self.watched.reveals.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = raised.get(principal).is_some_and(|last| *last > yesterday);
        if is_known {
            return;
        }
        raised.insert(principal.to_owned(), now);
        drop(raised);
        let sum = Observed { rows: used.len() as u64, ..Observed::default() };
        self.raise(open, (Alarm::Reveals, sum), (principal, None));
    }

    fn raise(
        &self,
        open: &Open,
        (alarm, sum): (Alarm, Observed),
        (principal, register): (&str, Option<&str>),
    ) {
        let Observed { rows, look_ups, sampled, neighbours, unseen } = sum;
        let mut entry = self.entry(Actor::Server, Action::AlarmRaised);
        entry.register = register.map(str::to_owned);
        entry.changes = vec![format!("{alarm} by {principal}")];
        let counts = [
            ("look_ups", look_ups),
            ("neighbours", neighbours),
            ("rows", rows),
            ("sampled", sampled),
            ("unseen", unseen),
        ];
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            entry.counts.insert(name.into(), count);
        }
        tracing::warn!(%alarm, principal, register = register.unwrap_or_default(), rows, look_ups,
            sampled, neighbours, unseen, "an alarm was raised");
        self.metrics.alarm_raised(alarm.as_str());
        open.registers.record_act(
            entry,
            Box::new(|recorded| {
                if recorded.is_err() {
                    tracing::error!("an alarm could not be recorded");
                }
            }),
        );
    }
}

impl Delivery {
    /// Looks at a batch of the delivery.
    pub(super) fn look(&self, open: &Open, batch: &Observed) {
        let alarms = &self.service.parts.config.alarms;
        if !alarms.enabled {
            return;
        }
        let look_ups = if self.mode == IngestMode::ResolveOnly { batch.rows } else { 0 };
        let batch = Observed { look_ups, ..*batch };
        let members = open.registers.member_count(self.register);
        let now = self.service.parts.clock.now();
        let mut window = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let raised = window.add(now, members, &batch, alarms);
        drop(window);
        let register = self.base.register.as_deref();
        for (alarm, sum) in raised.into_iter().filter(|(alarm, _)| self.is_meant(open, *alarm)) {
            self.service.raise(open, (alarm, sum), (&self.principal, register));
        }
    }

    /// Whether an alarm is one after all: what its counts do not say.
    fn is_meant(&self, open: &Open, alarm: Alarm) -> bool {
        match alarm {
            Alarm::LookUpsWithoutIngest => !self.has_delivered(open),
            Alarm::UnseenNumbers => !self.has_grant(open),
            Alarm::Reveals | Alarm::SequentialNumbers => true,
        }
    }

    /// Whether the source has delivered lately; if that cannot be read, it has not.
    fn has_delivered(&self, open: &Open) -> bool {
        let register = self.base.register.as_deref().unwrap_or_default();
        let days = i64::from(self.service.parts.config.alarms.look_ups_without_ingest_days);
        let now = self.service.parts.clock.now();
        let since = now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now);
        let last = open.registers.last_ingest(register, &self.origin.source);
        last.is_ok_and(|last| last.is_some_and(|last| last >= since))
    }

    /// Whether somebody has granted the principal what such numbers cost.
    fn has_grant(&self, open: &Open) -> bool {
        let account = open.registers.account(&self.principal, self.register);
        let budget = match self.mode {
            IngestMode::ResolveOnly => Budget::Misses,
            IngestMode::ResolveOrAssign => Budget::Assignments,
        };
        !account.level(budget, &self.terms()).grants.is_empty()
    }
}
