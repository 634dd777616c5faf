//! From which day to which day something holds.

use std::fmt;

use jiff::civil::Date;

/// A period of whole days; both ends belong to it, and an absent end is open.
///
/// INVARIANT: `from` is not after `to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Validity {
    from: Option<Date>,
    to: Option<Date>,
}

impl Validity {
    /// The period without ends.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// The period from the first day to the last, or `None` if the last is before the first.
    #[must_use]
    pub fn new(from: Option<Date>, to: Option<Date>) -> Option<Self> {
        match (from, to) {
            (Some(first), Some(last)) if first > last => None,
            _ => Some(Self { from, to }),
        }
    }

    /// The first day, if there is one.
    #[must_use]
    pub const fn from(&self) -> Option<Date> {
        self.from
    }

    /// The last day, if there is one.
    #[must_use]
    pub const fn to(&self) -> Option<Date> {
        self.to
    }

    /// Whether the day belongs to the period.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|first| first <= day) && self.to.is_none_or(|last| day <= last)
    }

    /// Whether some day belongs to both periods.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |one: &Self, two: &Self| match (one.to, two.from) {
            (Some(last), Some(first)) => last < first,
            _ => false,
        };
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// The days that belong to both periods, if there are any.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let from = self.from.max(other.from);
        let to = [self.to, other.to].into_iter().flatten().min();
        Self::new(from, to)
    }

    /// Whether every day of the other period belongs to this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let begins = self.from.is_none_or(|first| other.from.is_some_and(|day| first <= day));
        let ends = self.to.is_none_or(|last| other.to.is_some_and(|day| day <= last));
        begins && ends
    }

    /// Whether `next` begins on the day after this period's last.
    #[must_use]
    pub fn meets(&self, next: &Self) -> bool {
        match (self.to, next.from) {
            (Some(last), Some(first)) => last.tomorrow().is_ok_and(|day| day == first),
            _ => false,
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.write_str("always"),
            (Some(first), None) => write!(f, "from {first}"),
            (None, Some(last)) => write!(f, "to {last}"),
            (Some(first), Some(last)) => write!(f, "{first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn period(from: Option<Date>, to: Option<Date>) -> Validity {
        Validity::new(from, to).unwrap()
    }

    #[test]
    fn both_ends_belong_to_a_period() {
        let year = period(Some(date(2023, 1, 1)), Some(date(2023, 12, 31)));
        assert!(year.contains(date(2023, 1, 1)) && year.contains(date(2023, 12, 31)));
        assert!(!year.contains(date(2022, 12, 31)) && !year.contains(date(2024, 1, 1)));
        assert!(Validity::ALWAYS.contains(date(1, 1, 1)));
    }

    #[test]
    fn a_period_cannot_end_before_it_begins() {
        assert_eq!(Validity::new(Some(date(2024, 1, 2)), Some(date(2024, 1, 1))), None);
        assert!(Validity::new(Some(date(2024, 1, 1)), Some(date(2024, 1, 1))).is_some());
    }

    #[test]
    fn periods_overlap_if_they_share_a_day() {
        let old = period(None, Some(date(2023, 12, 31)));
        let new = period(Some(date(2024, 1, 1)), None);
        assert!(!old.overlaps(&new) && !new.overlaps(&old));
        assert!(old.meets(&new) && !new.meets(&old));
        let both = period(Some(date(2023, 12, 31)), Some(date(2023, 12, 31)));
        assert!(old.overlaps(&both) && both.overlaps(&old) && !both.overlaps(&new));
        assert!(Validity::ALWAYS.overlaps(&old));
        assert_eq!(old.intersection(&Validity::ALWAYS), Some(old));
        assert_eq!((old.intersection(&new), old.intersection(&both)), (None, Some(both)));
        assert!(Validity::ALWAYS.covers(&old) && old.covers(&both) && old.covers(&old));
        assert!(!old.covers(&Validity::ALWAYS) && !both.covers(&old) && !new.covers(&both));
    }
}
