//! Time: the only place that reads the clocks of the machine.
//!
//! Everything else takes a [`Clock`], so that a test decides what time it is.  `clippy.toml` bans
//! the clocks of the standard library everywhere but here.
//!
//! What this does *not* give: trust in the clock.  Whoever sets the clock of the host moves
//! expiries and closing dates with it; the log's checkpoints and witness show that, not this.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The time since the clock was made, which never goes back: for metrics and deadlines.
    fn monotonic(&self) -> Duration;

    /// The present date, in **UTC**.
    ///
    /// Norwegian law counts days in Europe/Oslo, which needs a time zone database that a minimal
    /// host lacks.  In UTC a day begins one or two hours later than in Norway, so a role or a
    /// register that ends with a date lives those hours longer, and one that begins comes that
    /// much later.
    fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.now()).date()
    }
}

/// The clocks of the machine.
#[derive(Clone, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::monotonic`] counts from here.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        // A clock outside the years -9999 to 9999 is broken.  The last moment there is makes
        // everything expired, which refuses rather than permits.
        Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is moved; clones share the same time.
#[derive(Clone, Debug)]
pub struct MockClock {
    time: Arc<Mutex<MockTime>>,
}

#[derive(Debug)]
struct MockTime {
    now: Timestamp,
    monotonic: Duration,
}

impl MockClock {
    /// A clock that shows `now`, and zero since its start.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { time: Arc::new(Mutex::new(MockTime { now, monotonic: Duration::ZERO })) }
    }

    /// Lets `duration` pass, on both time scales.
    pub fn advance(&self, duration: Duration) {
        self.with(|time| {
            time.now = time.now.saturating_add(duration).unwrap_or(Timestamp::MAX);
            time.monotonic = time.monotonic.saturating_add(duration);
        });
    }

    /// Sets the present moment, forwards or back, as somebody who sets the clock of a host does;
    /// [`Clock::monotonic`] does not move.
    pub fn set(&self, now: Timestamp) {
        self.with(|time| time.now = now);
    }

    fn with<T>(&self, action: impl FnOnce(&mut MockTime) -> T) -> T {
        // Both fields are legal at any moment, so a panic elsewhere leaves nothing half done.
        action(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        self.with(|time| time.now)
    }

    fn monotonic(&self) -> Duration {
        self.with(|time| time.monotonic)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_mock_clock_stands_still_and_is_shared_by_its_clones() {
        let clock = MockClock::new(moment("2026-11-22T12:00:00Z"));
        let other = clock.clone();
        assert_eq!(clock.now(), other.now());
        other.advance(Duration::from_secs(60));
        assert_eq!(clock.now(), moment("2026-11-22T12:01:00Z"));
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
    }

    #[test]
    fn setting_a_mock_clock_back_leaves_the_monotonic_time() {
        let clock = MockClock::new(moment("2026-11-22T12:00:00Z"));
        clock.advance(Duration::from_secs(5));
        clock.set(moment("2020-01-01T00:00:00Z"));
        assert_eq!(clock.today(), date(2020, 1, 1));
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }

    #[test]
    fn a_mock_clock_stops_at_the_end_of_time() {
        let clock = MockClock::new(Timestamp::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn today_is_the_date_in_utc() {
        // In Norway it is already the 1st of January.
        let clock = MockClock::new(moment("2031-12-31T23:30:00Z"));
        assert_eq!(clock.today(), date(2031, 12, 31));
    }

    #[test]
    fn the_system_clock_is_after_this_was_written_and_never_goes_back() {
        let clock = SystemClock::new();
        assert!(clock.now() > moment("2025-01-01T00:00:00Z"));
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }
}
