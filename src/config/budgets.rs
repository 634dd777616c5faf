//! Budgets: how much a client may learn of a register in one period.
//!
//! Why: whoever may ingest can send any number and see what comes back.  Without a bound, one stolen
//! certificate lists the population.  What an honest pipeline needs of new knowledge in a week is
//! small, since it meets the same persons again and again, and that costs nothing.
//!
//! ```text
//! hvelv.toml   [budgets]            what everybody has, and how long a period is
//! access.toml  [[principal.budget]] what one principal has in one register instead
//! ```
//!
//! Why the exceptions are in `access.toml`: a larger budget is more right, so it is reviewed where
//! rights are, loaded without a restart, and recorded in the audit log with each load.  What is
//! needed once, such as a first load, is no exception but a grant (`hvelv budget grant`).

use std::fmt;

use super::reader::Section;
use super::words::word_enum;

/// The most that any limit may be: more than there are plausible identifiers.
pub const LIMIT_MAX: u64 = 100_000_000;

/// How long a period may be: what refills later than after a year is a grant.
const PERIOD_DAYS: std::ops::RangeInclusive<u16> = 1..=366;

word_enum! {
    /// What is counted.
    pub enum Budget {
        /// Persons who are new in the register, or known to nobody before.
        Assignments = "assignments",
        /// Look-ups that find nobody.
        Misses = "misses",
        /// Persons that the client was not told about before.
        Persons = "persons",
    }
}

/// What a client may spend in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Of [`Budget::Assignments`].
    pub assignments_max: u64,
    /// Of [`Budget::Misses`].
    pub misses_max: u64,
    /// Of [`Budget::Persons`].
    pub persons_max: u64,
}

impl BudgetLimits {
    /// The limit of a budget.
    #[must_use]
    pub const fn of(&self, budget: Budget) -> u64 {
        match budget {
            Budget::Assignments => self.assignments_max,
            Budget::Misses => self.misses_max,
            Budget::Persons => self.persons_max,
        }
    }
}

/// What everybody has who has nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// After so many days a budget is full again.
    pub period_days: u16,
    /// What may be spent until then.
    pub limits: BudgetLimits,
}

impl Budgets {
    /// The budgets of a server whose configuration says nothing: at this pace it takes years to list
    /// the population, and an honest pipeline needs a grant for its first load only.
    pub const DEFAULT: Self = Self {
        period_days: 7,
        limits: BudgetLimits { assignments_max: 20_000, misses_max: 1_000, persons_max: 20_000 },
    };
}

/// What a principal has instead; what is absent is as everybody has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnBudgets {
    /// Of [`Budget::Assignments`].
    pub assignments_max: Option<u64>,
    /// Of [`Budget::Misses`].
    pub misses_max: Option<u64>,
    /// Of [`Budget::Persons`].
    pub persons_max: Option<u64>,
}

impl OwnBudgets {
    /// The limits with these in place of what everybody has.
    #[must_use]
    pub fn over(&self, limits: BudgetLimits) -> BudgetLimits {
        BudgetLimits {
            assignments_max: self.assignments_max.unwrap_or(limits.assignments_max),
            misses_max: self.misses_max.unwrap_or(limits.misses_max),
            persons_max: self.persons_max.unwrap_or(limits.persons_max),
        }
    }
}

/// Names each limit, as the audit log has it.
impl fmt::Display for OwnBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [self.assignments_max, self.misses_max, self.persons_max];
        for (budget, limit) in Budget::ALL.iter().zip(limits) {
            let comma = if *budget == Budget::Assignments { "" } else { ", " };
            match limit {
                Some(limit) => write!(f, "{comma}{budget} {limit}")?,
                None => write!(f, "{comma}{budget} as everybody")?,
            }
        }
        Ok(())
    }
}

/// Reads the table `[budgets]`.
pub(super) fn read(mut section: Section<'_, '_>) -> Budgets {
    let default = Budgets::DEFAULT;
    let period_days = section.number("period_days", PERIOD_DAYS).unwrap_or(default.period_days);
    let limits = read_own(&mut section).over(default.limits);
    section.finish();
    Budgets { period_days, limits }
}

/// Reads the limits of a table, each of which may be absent.
pub(super) fn read_own(section: &mut Section<'_, '_>) -> OwnBudgets {
    OwnBudgets {
        assignments_max: section.number("assignments_max", 0..=LIMIT_MAX),
        misses_max: section.number("misses_max", 0..=LIMIT_MAX),
        persons_max: section.number("persons_max", 0..=LIMIT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_as_everybody_has_it() {
        let own = OwnBudgets { persons_max: Some(5), ..OwnBudgets::default() };
        let limits = own.over(Budgets::DEFAULT.limits);
        assert_eq!((limits.of(Budget::Persons), limits.of(Budget::Misses)), (5, 1_000));
        let text = "assignments as everybody, misses as everybody, persons 5";
        assert_eq!(own.to_string(), text);
    }
}
