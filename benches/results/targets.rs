//! What is to be reached: floor and aim of each measure that has them, in one table.

/// What a target holds, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// The ratio's middle is no less.
    RatioAtLeast,
    /// The ratio's middle is no more.
    RatioAtMost,
    /// The value is no more.
    ValueAtMost,
}

/// Floor and aim of a measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Name of the measure.
    pub(crate) measure: &'static str,
    /// What is held.
    pub(crate) holds: Holds,
    /// What must be reached.
    pub(crate) floor: f64,
    /// What should be.
    pub(crate) aim: Option<f64>,
}

const fn at_least(measure: &'static str, floor: f64, aim: f64) -> Target {
    Target { measure, holds: Holds::RatioAtLeast, floor, aim: Some(aim) }
}

const fn at_most(measure: &'static str, holds: Holds, floor: f64, aim: f64) -> Target {
    Target { measure, holds, floor, aim: Some(aim) }
}

const fn floor_only(measure: &'static str, floor: f64) -> Target {
    Target { measure, holds: Holds::RatioAtLeast, floor, aim: None }
}

/// Every target. Unless its name says otherwise: 10 million persons, one stream, 4096 identifiers a
/// message, 8 bytes each way, mTLS, two cores.
pub(crate) const TARGETS: [Target; 14] = [
    at_least("known, integers, 1 stream, 4096 a message", 0.35, 0.55),
    at_least("known, beside PostgreSQL", 25.0, 40.0),
    at_least("known, in process, beside AES and two gathers", 0.5, 0.75),
    at_least("first sight, beside PostgreSQL", 3.0, 6.0),
    at_least("known, most persons beside fewest", 0.6, 0.8),
    at_most("single look-up, p99", Holds::RatioAtMost, 2.0, 1.3),
    at_least("known, text, 1 stream, 4096 a message", 0.6, 0.85),
    at_least("pseudonymize, csv", 0.5, 0.8),
    at_most("memory of the process per person", Holds::ValueAtMost, 64.0, 32.0),
    at_least("index load at start", 0.5, 0.8),
    floor_only("extract, csv", 0.5),
    floor_only("extract, parquet", 0.5),
    floor_only("extract at equal work, csv", 1.0),
    floor_only("extract at equal work, parquet", 1.0),
];

/// What a figure comes to beside its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The aim, or the floor where there is no aim.
    Reached,
    /// The floor and not the aim.
    AboveFloor,
    /// Not even the floor.
    BelowFloor,
    /// There is nothing to hold: no reference was there.
    NotMeasured,
}

impl Verdict {
    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::AboveFloor => "above floor, below aim",
            Self::BelowFloor => "BELOW FLOOR",
            Self::NotMeasured => "not measured",
        }
    }
}

impl Target {
    /// The target of a measure, if it has one.
    pub(crate) fn of(measure: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.measure == measure)
    }

    /// What a value and the middle of its ratios come to.
    pub(crate) fn verdict(&self, value: f64, ratio: Option<f64>) -> Verdict {
        let (figure, sign) = match self.holds {
            Holds::RatioAtLeast => (ratio, 1.0),
            Holds::RatioAtMost => (ratio, -1.0),
            Holds::ValueAtMost => (Some(value), -1.0),
        };
        let Some(figure) = figure else { return Verdict::NotMeasured };
        // Not a number is never enough.
        let reaches = |bound: f64| figure * sign >= bound * sign;
        match (reaches(self.floor), reaches(self.aim.unwrap_or(self.floor))) {
            (true, true) => Verdict::Reached,
            (true, false) => Verdict::AboveFloor,
            (false, _) => Verdict::BelowFloor,
        }
    }
}
