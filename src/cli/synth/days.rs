//! Days, as numbers: what rows and persons are dated with.
//!
//! Why it exists: millions of dates are drawn, compared and written. A number is drawn and compared
//! in no time, and a table turns it into text.

use jiff::civil::{Date, date};

/// 1 January 1970, from which days count.
const EPOCH: Date = date(1970, 1, 1);

/// A day between 1920 and 2027.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i32);

impl Day {
    /// The first birthday of all: 1 January 1920.
    pub(super) const FIRST_BIRTH: Self = Self(-18_263);
    /// The first day that rows are about: 1 January 2020.
    pub(super) const FIRST: Self = Self(18_262);
    /// The last day that rows are about, and that persons are born on: 31 December 2025.
    pub(super) const LAST: Self = Self(20_453);
    /// The last day that a row may mention: 31 December 2026.
    pub(super) const LAST_MENTIONED: Self = Self(20_818);

    /// Days since 1 January 1970.
    pub(super) const fn number(self) -> i32 {
        self.0
    }

    /// So many days later.
    pub(super) const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days this is after another.
    pub(super) const fn days_after(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The days from `self` to `last`, both included, as calendar dates.
    pub(super) fn dates_to(self, last: Self) -> impl Iterator<Item = Date> {
        let first = EPOCH.saturating_add(jiff::Span::new().days(self.0));
        let count = usize::try_from(last.days_after(self)).map_or(0, |days| days + 1);
        std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(count)
    }

    /// The age in whole years of somebody born on a day; a day early or late is no matter here.
    pub(super) fn age_of(self, born: Self) -> u8 {
        u8::try_from(self.days_after(born).max(0) * 4 / 1461).unwrap_or(u8::MAX)
    }

    /// The year. From 1920, which has a leap day, to 2027 every fourth year has one.
    pub(super) const fn year(self) -> i32 {
        1920 + self.days_after(Self::FIRST_BIRTH) * 4 / 1461
    }

    /// 0 is Monday, 6 Sunday; 1 January 1970 was a Thursday.
    pub(super) fn weekday(self) -> usize {
        usize::try_from((self.0 + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// Whether it is a Saturday or a Sunday.
    pub(super) fn is_weekend(self) -> bool {
        self.weekday() >= 5
    }

    /// The next Monday for a day of a weekend, otherwise the day itself.
    pub(super) fn or_next_monday(self) -> Self {
        match self.weekday() {
            5 => self.plus(2),
            6 => self.plus(1),
            _ => self,
        }
    }
}

/// Every day that persons or rows can have, as text.
pub(super) struct Calendar {
    texts: Vec<[u8; 10]>,
}

impl Calendar {
    /// The whole calendar.
    pub(super) fn new() -> Self {
        let dates = Day::FIRST_BIRTH.dates_to(Day::LAST_MENTIONED);
        Self { texts: dates.map(text_of).collect() }
    }

    /// `YYYY-MM-DD`; empty for a day that is not in the calendar.
    pub(super) fn text(&self, day: Day) -> &[u8] {
        let place = usize::try_from(day.days_after(Day::FIRST_BIRTH)).ok();
        place.and_then(|place| self.texts.get(place)).map_or(&[], |text| text.as_slice())
    }
}

fn text_of(date: Date) -> [u8; 10] {
    let mut text = *b"0000-00-00";
    for (place, byte) in date.to_string().bytes().take(text.len()).enumerate() {
        text[place] = byte;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_says_what_the_constants_mean() {
        let calendar = Calendar::new();
        for (day, text) in [
            (Day::FIRST_BIRTH, "1920-01-01"),
            (Day::FIRST, "2020-01-01"),
            (Day::FIRST.plus(59), "2020-02-29"),
            (Day::LAST, "2025-12-31"),
            (Day::LAST_MENTIONED, "2026-12-31"),
        ] {
            assert_eq!(calendar.text(day), text.as_bytes());
        }
        for (date, place) in Day::FIRST_BIRTH.dates_to(Day::LAST_MENTIONED).zip(0..) {
            let day = Day::FIRST_BIRTH.plus(place);
            assert_eq!(day.year(), i32::from(date.year()));
            assert_eq!(
                day.weekday(),
                usize::try_from(date.weekday().to_monday_zero_offset()).unwrap()
            );
        }
        assert!(calendar.text(Day::LAST_MENTIONED.plus(1)).is_empty());
        assert!(calendar.text(Day::FIRST_BIRTH.plus(-1)).is_empty());
    }

    #[test]
    fn weekdays_and_ages_are_those_of_the_calendar() {
        // 1 January 2020 was a Wednesday, 4 January a Saturday.
        assert_eq!(Day::FIRST.weekday(), 2);
        assert_eq!(Day::FIRST.plus(3).or_next_monday(), Day::FIRST.plus(5));
        assert_eq!(Day::FIRST.plus(4).or_next_monday(), Day::FIRST.plus(5));
        assert_eq!(Day::FIRST.plus(5).or_next_monday(), Day::FIRST.plus(5));
        assert_eq!(Day::FIRST.age_of(Day::FIRST_BIRTH), 100);
        assert_eq!(Day::FIRST.age_of(Day::FIRST), 0);
    }
}
