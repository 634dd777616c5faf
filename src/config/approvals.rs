//! Approvals: how long one lasts, and how many somebody may ask for.
//!
//! Why a bound: each stays on record for ever, and whoever has to read hundreds approves without
//! reading.

use std::ops::RangeInclusive;

use super::reader::Section;

/// At most 30 days: what was approved longer ago was approved in another situation.
const VALID_HOURS: RangeInclusive<u16> = 1..=720;
const OPEN_MAX: RangeInclusive<u16> = 1..=1_000;
const REQUESTS_PER_DAY_MAX: RangeInclusive<u16> = 1..=10_000;

/// What holds for approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// How long after it was asked for an approval can be given and used.
    pub valid_hours: u16,
    /// Requests of one principal that are open at once, approved or not.
    pub open_max: u16,
    /// Requests of one principal within 24 hours, whatever became of them.
    pub requests_per_day_max: u16,
}

impl Approvals {
    /// Those of a server whose configuration says nothing: over a weekend, and more than anybody
    /// decides about with care.
    pub const DEFAULT: Self = Self { valid_hours: 72, open_max: 20, requests_per_day_max: 200 };
}

/// Reads the table `[approvals]`.
pub(super) fn read(mut section: Section<'_, '_>) -> Approvals {
    let default = Approvals::DEFAULT;
    let approvals = Approvals {
        valid_hours: section.number("valid_hours", VALID_HOURS).unwrap_or(default.valid_hours),
        open_max: section.number("open_max", OPEN_MAX).unwrap_or(default.open_max),
        requests_per_day_max: section
            .number("requests_per_day_max", REQUESTS_PER_DAY_MAX)
            .unwrap_or(default.requests_per_day_max),
    };
    section.finish();
    approvals
}
