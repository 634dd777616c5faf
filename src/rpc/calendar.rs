//! Days between the wire's messages and ours.

use jiff::civil::Date;

use super::proto::CalendarDate;

/// A day, if it exists.
pub(crate) fn read_date(date: &CalendarDate) -> Option<Date> {
    let year = i16::try_from(date.year).ok()?;
    Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

/// A day as the wire has it; days before the year 1 there are none.
pub(crate) fn wire_date(date: Date) -> CalendarDate {
    let part = |number: i8| u32::try_from(number).unwrap_or_default();
    CalendarDate {
        year: u32::try_from(date.year()).unwrap_or_default(),
        month: part(date.month()),
        day: part(date.day()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_from_the_wire() {
        let day = jiff::civil::date(2026, 12, 31);
        assert_eq!(read_date(&wire_date(day)), Some(day));
        for (year, month, day) in [(2026, 2, 30), (2026, 13, 1), (40_000, 1, 1), (2026, 1, 0)] {
            assert_eq!(read_date(&CalendarDate { year, month, day }), None);
        }
    }
}
