//! Dates as they stand in cells: text, or days and seconds since 1970. Pure.

/// A day of the calendar that exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Day {
    /// Reads `2026-03-09`, `20260309` or `09.03.2026`, the first and the last also with a time after
    /// `T` or a space.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        match *text {
            [a, b, c, d, b'-', e, f, b'-', g, h, ref time @ ..] if is_time(time) => {
                Self::of([a, b, c, d], [e, f], [g, h])
            }
            [a, b, b'.', c, d, b'.', e, f, g, h, ref time @ ..] if is_time(time) => {
                Self::of([e, f, g, h], [c, d], [a, b])
            }
            [a, b, c, d, e, f, g, h] => Self::of([a, b, c, d], [e, f], [g, h]),
            _ => None,
        }
    }

    fn of(year: [u8; 4], month: [u8; 2], day: [u8; 2]) -> Option<Self> {
        let (year, month, day) = (number(&year)?, number(&month)?, number(&day)?);
        let date = jiff::civil::Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        );
        date.ok().map(Self::from)
    }

    /// The day so many days after 1970-01-01, in the Gregorian calendar without end.
    pub(super) fn since_1970(days: i64) -> Self {
        // From 0000-03-01, in eras of 400 years, so that a leap day is the last of its year.
        let shifted = days.saturating_add(719_468);
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let of_era_year =
            (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096).div_euclid(365);
        let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = of_era_year + era * 400 + i64::from(month <= 2);
        let small = |number: i64| u8::try_from(number).unwrap_or_default();
        Self { year, month: small(month), day: small(day) }
    }

    /// Whole years from this day to another.
    pub(super) fn years_until(self, other: Self) -> i64 {
        let is_before = (other.month, other.day) < (self.month, self.day);
        other.year - self.year - i64::from(is_before)
    }
}

impl From<jiff::civil::Date> for Day {
    fn from(date: jiff::civil::Date) -> Self {
        let small = |number: i8| u8::try_from(number).unwrap_or_default();
        Self { year: date.year().into(), month: small(date.month()), day: small(date.day()) }
    }
}

/// The number that ASCII digits are.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!digits.is_empty()).then_some(number)
}

/// Whether what follows a date is nothing, or a time.
fn is_time(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'T' | b't' | b' ', time @ ..] => {
            let belongs = |byte: &u8| byte.is_ascii_digit() || b":.,+-Zz ".contains(byte);
            time.first().is_some_and(u8::is_ascii_digit) && time.iter().all(belongs)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i64, month: u8, day: u8) -> Day {
        Day { year, month, day }
    }

    #[test]
    fn dates_are_read_in_every_form_and_nothing_else_is() {
        for text in [
            "2024-02-29",
            "20240229",
            "29.02.2024",
            "2024-02-29T12:00:00+01:00",
            "2024-02-29 23:59:59.123",
            "29.02.2024 08:30",
        ] {
            assert_eq!(Day::parse(text.as_bytes()), Some(day(2024, 2, 29)), "{text}");
        }
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-02-2",
            "2024-02-29x",
            "2024-02-29T",
            "2024-02-29 kl",
            "29.2.2024",
            "2024",
            "",
            "2024/02/29",
            "abcdefgh",
            "2024-02-29 ",
        ] {
            assert_eq!(Day::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn days_since_1970_agree_with_the_library() {
        let epoch = jiff::civil::date(1970, 1, 1);
        for days in (-700_000..2_900_000).step_by(137).chain([-1, 0, 1, 59, 60]) {
            let there = epoch.checked_add(jiff::Span::new().days(days)).unwrap();
            assert_eq!(Day::since_1970(days.into()), Day::from(there), "{days}");
        }
        let _ = (Day::since_1970(i64::MAX), Day::since_1970(i64::MIN));
    }

    #[test]
    fn years_are_whole_years() {
        assert_eq!(day(1980, 2, 29).years_until(day(2026, 2, 28)), 45);
        assert_eq!(day(1980, 2, 29).years_until(day(2026, 3, 1)), 46);
        assert_eq!(day(2000, 1, 1).years_until(day(1999, 12, 31)), -1);
    }
}
