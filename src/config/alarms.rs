//! Alarms: from when on what a client does looks like an enumeration.
//!
//! Why here: what is ordinary differs between installations, and a threshold that is never wrong is
//! never right either.  An alarm stops nobody; that is what budgets are for.

use std::ops::RangeInclusive;

use super::reader::Section;

/// At most a week: what is slower than that is bounded by its budgets.
const WINDOW_MINUTES: RangeInclusive<u16> = 1..=10_080;
const PERCENT: RangeInclusive<u8> = 1..=100;
const ROWS: RangeInclusive<u64> = 1..=100_000_000;
const DAYS: RangeInclusive<u16> = 1..=3_660;
const REVEALS: RangeInclusive<u16> = 1..=1_000;

/// When an alarm is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarms {
    /// Whether any is.
    pub enabled: bool,
    /// How long a client's numbers in a register are counted together.
    pub window_minutes: u16,
    /// Numbers, not told before, that are looked at before it is said whether they are in sequence.
    pub sequential_rows_min: u64,
    /// How many of a hundred of them stand next to another.
    pub sequential_percent: u8,
    /// Rows before it is said how many numbers were never seen.
    pub unseen_rows_min: u64,
    /// How many of a hundred rows those are.
    pub unseen_percent: u8,
    /// Rows of look-ups at a source that delivers nothing.
    pub look_ups_min: u64,
    /// For how many days it has delivered nothing.
    pub look_ups_without_ingest_days: u16,
    /// Persons whom somebody was told about, by approval each, in a day.
    pub reveals_per_day: u16,
}

impl Alarms {
    /// Those of a server whose configuration says nothing: well within the budgets of everybody.
    pub const DEFAULT: Self = Self {
        enabled: true,
        window_minutes: 60,
        sequential_rows_min: 200,
        sequential_percent: 50,
        unseen_rows_min: 500,
        unseen_percent: 60,
        look_ups_min: 500,
        look_ups_without_ingest_days: 92,
        reveals_per_day: 20,
    };
}

/// Reads the table `[alarms]`.
pub(super) fn read(mut section: Section<'_, '_>) -> Alarms {
    let default = Alarms::DEFAULT;
    let alarms = Alarms {
        enabled: section.flag("enabled").unwrap_or(default.enabled),
        window_minutes: section
            .number("window_minutes", WINDOW_MINUTES)
            .unwrap_or(default.window_minutes),
        sequential_rows_min: section
            .number("sequential_rows_min", ROWS)
            .unwrap_or(default.sequential_rows_min),
        sequential_percent: section
            .number("sequential_percent", PERCENT)
            .unwrap_or(default.sequential_percent),
        unseen_rows_min: section.number("unseen_rows_min", ROWS).unwrap_or(default.unseen_rows_min),
        unseen_percent: section.number("unseen_percent", PERCENT).unwrap_or(default.unseen_percent),
        look_ups_min: section.number("look_ups_min", ROWS).unwrap_or(default.look_ups_min),
        look_ups_without_ingest_days: section
            .number("look_ups_without_ingest_days", DAYS)
            .unwrap_or(default.look_ups_without_ingest_days),
        reveals_per_day: section
            .number("reveals_per_day", REVEALS)
            .unwrap_or(default.reveals_per_day),
    };
    section.finish();
    alarms
}
