//! What is left of an account's budgets: arithmetic over a day, and nothing else.
//!
//! A period has `period_days` days and begins on a day whose distance from Monday 2001-01-01 is a
//! multiple of that, so that everybody can say when a budget is full again.  A grant adds to one
//! budget until a day; what is spent is taken from the grant that ends first, and from the period's
//! limit when no grant has anything left: a first load leaves the limit as it was.
//!
//! INVARIANT: a period never goes back: a clock that is set back refills nothing.

use jiff::civil::{Date, date};
use jiff::{Span, Timestamp};

use crate::config::budgets::{Budget, Budgets};

/// A Monday.
const FIRST_PERIOD: Date = date(2001, 1, 1);

/// What a day's spending is held against.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The day.
    pub today: Date,
    /// Limits and period of the account.
    pub budgets: Budgets,
}

impl Terms {
    /// The first day of the period that a day is in.
    fn period_of(&self, day: Date) -> Date {
        let period_days = i64::from(self.budgets.period_days);
        // PANIC: none; both are dates, so that their distance is a number of days.
        let days = FIRST_PERIOD.until(day).map_or(0, |span| i64::from(span.get_days()));
        FIRST_PERIOD.saturating_add(Span::new().days(days - days.rem_euclid(period_days)))
    }

    fn period_after(&self, day: Date) -> Date {
        let length = Span::new().days(i64::from(self.budgets.period_days));
        self.period_of(day).saturating_add(length)
    }
}

/// A number for each budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) assignments: u64,
    pub(super) misses: u64,
    pub(super) persons: u64,
}

impl Counts {
    fn of(&self, budget: Budget) -> u64 {
        match budget {
            Budget::Assignments => self.assignments,
            Budget::Misses => self.misses,
            Budget::Persons => self.persons,
        }
    }

    fn of_mut(&mut self, budget: Budget) -> &mut u64 {
        match budget {
            Budget::Assignments => &mut self.assignments,
            Budget::Misses => &mut self.misses,
            Budget::Persons => &mut self.persons,
        }
    }
}

/// What an operator grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// Of which budget.
    pub budget: Budget,
    /// How many.
    pub amount: u64,
    /// The last day.
    pub until: Date,
    /// Why, in a line.
    pub reason: String,
    /// The principal who granted it.
    pub by: String,
    /// When.
    pub granted: Timestamp,
}

/// A grant of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its number in the account, from 1.
    pub number: u32,
    /// How much of it is spent.
    pub used: u64,
    /// What was granted.
    pub terms: NewGrant,
}

impl Grant {
    fn left(&self) -> u64 {
        self.terms.amount.saturating_sub(self.used)
    }
}

/// How much of one budget is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Which.
    pub budget: Budget,
    /// Spent in this period, and of the grants that have not ended.
    pub used: u64,
    /// The limit of a period, and the grants that have not ended.
    pub limit: u64,
    /// The first day on which the period's part is full again.
    pub refills: Date,
    /// The grants that have not ended, the first to end first.
    pub grants: Vec<Grant>,
}

impl Level {
    /// What can be spent today.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// What an account has spent, and what it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Purse {
    /// The first day of the period that `used` is of.
    pub(super) period: Date,
    pub(super) used: Counts,
    /// The first to end first.
    pub(super) grants: Vec<Grant>,
    pub(super) next_grant: u32,
    /// Promised to rows that are being assigned; never stored.
    pub(super) held: u64,
}

impl Purse {
    pub(super) fn new() -> Self {
        let (used, grants) = (Counts::default(), Vec::new());
        Self { period: FIRST_PERIOD, used, grants, next_grant: 1, held: 0 }
    }

    /// Comes to a day: a new period is full, and grants end.
    pub(super) fn come_to(&mut self, terms: &Terms) {
        let period = terms.period_of(terms.today);
        if period > self.period {
            self.period = period;
            self.used = Counts::default();
        }
        self.grants.retain(|grant| grant.terms.until >= terms.today);
    }

    /// What can still be promised, on a day that the purse has come to.
    pub(super) fn left(&self, budget: Budget, terms: &Terms) -> u64 {
        let of_period = terms.budgets.limits.of(budget).saturating_sub(self.used.of(budget));
        let of_grants: u64 = self.grants_of(budget).map(Grant::left).sum();
        let held = if budget == Budget::Misses { 0 } else { self.held };
        of_period.saturating_add(of_grants).saturating_sub(held)
    }

    /// Counts what is spent.  It never refuses: whoever spends has looked at what is left.
    pub(super) fn spend(&mut self, budget: Budget, count: u64) {
        let mut rest = count;
        for grant in self.grants.iter_mut().filter(|grant| grant.terms.budget == budget) {
            let part = rest.min(grant.left());
            grant.used += part;
            rest -= part;
        }
        let used = self.used.of_mut(budget);
        *used = used.saturating_add(rest);
    }

    pub(super) fn grant(&mut self, terms: NewGrant) {
        let grant = Grant { number: self.next_grant, used: 0, terms };
        self.next_grant = self.next_grant.saturating_add(1);
        self.grants.push(grant);
        self.grants.sort_by_key(|grant| (grant.terms.until, grant.number));
    }

    pub(super) fn level(&self, budget: Budget, terms: &Terms) -> Level {
        let grants: Vec<Grant> = self.grants_of(budget).cloned().collect();
        let granted: u64 = grants.iter().map(|grant| grant.terms.amount).sum();
        let paid: u64 = grants.iter().map(|grant| grant.used).sum();
        Level {
            budget,
            used: self.used.of(budget).saturating_add(paid),
            limit: terms.budgets.limits.of(budget).saturating_add(granted),
            refills: terms.period_after(terms.today.max(self.period)),
            grants,
        }
    }

    fn grants_of(&self, budget: Budget) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.terms.budget == budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::budgets::BudgetLimits;

    const WEDNESDAY: Date = date(2026, 1, 14);

    fn on(today: Date) -> Terms {
        let limits = BudgetLimits { assignments_max: 10, misses_max: 3, persons_max: 10 };
        Terms { today, budgets: Budgets { period_days: 7, limits } }
    }

    fn grant(amount: u64, until: Date) -> NewGrant {
        let (reason, by) = ("first load".to_owned(), "nils".to_owned());
        let granted = Timestamp::UNIX_EPOCH;
        NewGrant { budget: Budget::Persons, amount, until, reason, by, granted }
    }

    fn purse_on(day: Date) -> Purse {
        let mut purse = Purse::new();
        purse.come_to(&on(day));
        purse
    }

    #[test]
    fn a_week_begins_on_a_monday_and_fills_the_purse() {
        let mut purse = purse_on(WEDNESDAY);
        purse.spend(Budget::Misses, 3);
        assert_eq!(purse.left(Budget::Misses, &on(WEDNESDAY)), 0);
        assert_eq!(purse.level(Budget::Misses, &on(WEDNESDAY)).refills, date(2026, 1, 19));
        let sunday = on(date(2026, 1, 18));
        purse.come_to(&sunday);
        assert_eq!(purse.left(Budget::Misses, &sunday), 0);
        let monday = on(date(2026, 1, 19));
        purse.come_to(&monday);
        assert_eq!(purse.left(Budget::Misses, &monday), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_refills_nothing() {
        let mut purse = purse_on(WEDNESDAY);
        purse.spend(Budget::Persons, 10);
        for day in [date(2026, 1, 1), date(2000, 1, 1), WEDNESDAY] {
            purse.come_to(&on(day));
            assert_eq!(purse.left(Budget::Persons, &on(day)), 0, "{day}");
            let refills = purse.level(Budget::Persons, &on(day)).refills;
            assert_eq!(refills, date(2026, 1, 19), "{day}");
        }
    }

    #[test]
    fn a_period_of_another_length_refills_nothing_before_its_own_next_beginning() {
        let mut purse = purse_on(WEDNESDAY);
        purse.spend(Budget::Persons, 10);
        let mut terms = on(WEDNESDAY);
        terms.budgets.period_days = 366;
        purse.come_to(&terms);
        assert_eq!(purse.left(Budget::Persons, &terms), 0);
        let refills = purse.level(Budget::Persons, &terms).refills;
        terms.today = refills;
        purse.come_to(&terms);
        assert_eq!(purse.left(Budget::Persons, &terms), 10, "on the day that was told");
    }

    #[test]
    fn the_grant_that_ends_first_is_spent_first_and_the_limit_last() {
        let mut purse = purse_on(WEDNESDAY);
        let terms = on(WEDNESDAY);
        purse.grant(grant(100, date(2026, 3, 1)));
        purse.grant(grant(5, date(2026, 2, 1)));
        assert_eq!(purse.left(Budget::Persons, &terms), 115);
        purse.spend(Budget::Persons, 7);
        let used = |purse: &Purse| {
            purse.grants.iter().map(|grant| (grant.number, grant.used)).collect::<Vec<_>>()
        };
        assert_eq!((used(&purse), purse.used.persons), (vec![(2, 5), (1, 2)], 0));
        purse.spend(Budget::Persons, 101);
        assert_eq!((used(&purse), purse.used.persons), (vec![(2, 5), (1, 100)], 3));
        let level = purse.level(Budget::Persons, &terms);
        assert_eq!((level.used, level.limit, level.left()), (108, 115, 7));
        assert_eq!(purse.left(Budget::Assignments, &terms), 10, "another budget has no grant");
    }

    #[test]
    fn a_grant_counts_to_its_last_day() {
        let mut purse = purse_on(WEDNESDAY);
        purse.grant(grant(5, date(2026, 1, 16)));
        purse.spend(Budget::Persons, 1);
        for (day, left) in [(date(2026, 1, 16), 14), (date(2026, 1, 17), 10)] {
            purse.come_to(&on(day));
            assert_eq!(purse.left(Budget::Persons, &on(day)), left, "{day}");
        }
    }

    #[test]
    fn what_is_held_is_not_left_and_a_lowered_limit_leaves_nothing() {
        let mut purse = purse_on(WEDNESDAY);
        purse.held = 4;
        assert_eq!(purse.left(Budget::Persons, &on(WEDNESDAY)), 6);
        assert_eq!(purse.left(Budget::Misses, &on(WEDNESDAY)), 3);
        purse.spend(Budget::Persons, 9);
        let mut lower = on(WEDNESDAY);
        lower.budgets.limits.persons_max = 2;
        assert_eq!(purse.left(Budget::Persons, &lower), 0);
        assert_eq!(purse.level(Budget::Persons, &lower).left(), 0);
    }
}
