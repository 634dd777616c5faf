//! Makes cells coarser, as the decision asks. Pure.

use std::io::Write;

use arrow_schema::DataType;

use super::cell::{self, Cell, Kind};
use super::date::{Day, number};
use crate::disclosure::terms::Generalisation;

/// Why a cell cannot be made coarser. The texts follow "row R, column C: the cell".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// The person was born after the day that the age is of.
    #[error("is later than the day of the age band")]
    AfterTheDay,
    /// Characters that no table holds.
    #[error("holds a character with code 0")]
    CodeZero,
    /// Neither a date nor a year.
    #[error("is neither a date nor a year")]
    NoBirth,
    /// Not a date.
    #[error("is not a date")]
    NoDate,
    /// Not a number.
    #[error("is not a number")]
    NoNumber,
}

/// What the cells of a column are after they are made coarser; `None` when they cannot be.
pub(super) fn kind_after(generalisation: Option<&Generalisation>, kind: &Kind) -> Option<Kind> {
    let has_days = |kind: &DataType| cell::day(kind, 0).is_some();
    match (generalisation, kind) {
        (None, kind) => Some(kind.clone()),
        (Some(_), Kind::Text) => Some(Kind::Text),
        (Some(Generalisation::Month | Generalisation::Year), Kind::Fixed(kind)) => {
            has_days(kind).then_some(Kind::Text)
        }
        (Some(Generalisation::AgeBand { .. }), Kind::Fixed(kind)) => {
            (has_days(kind) || cell::is_whole(kind)).then_some(Kind::Text)
        }
        (Some(Generalisation::FirstCharacters { .. }), Kind::Fixed(_)) => None,
        (Some(Generalisation::TopCode { highest }), Kind::Fixed(kind)) => {
            highest_number(kind, *highest).map(|_| Kind::Fixed(kind.clone()))
        }
    }
}

/// Makes a cell coarser; what is new is written to `buffer`, which comes empty.
pub(super) fn coarser<'a>(
    generalisation: &Generalisation,
    kind: &Kind,
    cell: Cell<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<Cell<'a>, Misfit> {
    if let Cell::Empty = cell {
        return Ok(cell);
    }
    match generalisation {
        Generalisation::AgeBand { years, on } => {
            let on = Day::from(*on);
            append_band(age(kind, cell, on)?, i64::from(*years), buffer)?;
        }
        Generalisation::FirstCharacters { count } => {
            let Cell::Text(text) = cell else { return Ok(Cell::Empty) };
            return Ok(Cell::Text(first_characters(text, *count)));
        }
        Generalisation::Month => {
            let Day { year, month, .. } = day_of(kind, cell).ok_or(Misfit::NoDate)?;
            let _ = write!(buffer, "{year:04}-{month:02}");
        }
        Generalisation::TopCode { highest } => return top_coded(kind, cell, *highest, buffer),
        Generalisation::Year => {
            let Day { year, .. } = day_of(kind, cell).ok_or(Misfit::NoDate)?;
            let _ = write!(buffer, "{year:04}");
        }
    }
    Ok(Cell::Text(buffer))
}

fn day_of(kind: &Kind, cell: Cell<'_>) -> Option<Day> {
    match (kind, cell) {
        (_, Cell::Text(text)) => Day::parse(text),
        (Kind::Fixed(kind), Cell::Number(number)) => cell::day(kind, number),
        _ => None,
    }
}

/// The age on a day, by date or year of birth.
fn age(kind: &Kind, cell: Cell<'_>, on: Day) -> Result<i64, Misfit> {
    if let Some(born) = day_of(kind, cell) {
        return Ok(born.years_until(on));
    }
    let year = match cell {
        Cell::Text(text) if text.len() == 4 => number(text).and_then(|year| year.try_into().ok()),
        Cell::Number(number) => i64::try_from(number).ok(),
        _ => None,
    };
    let year: i64 = year.filter(|year| (1000..=9999).contains(year)).ok_or(Misfit::NoBirth)?;
    Ok(on.year - year)
}

fn append_band(age: i64, years: i64, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if age < 0 {
        return Err(Misfit::AfterTheDay);
    }
    let first = age - age % years.max(1);
    let last = first + years.max(1) - 1;
    let _ = if first == last { write!(out, "{first}") } else { write!(out, "{first}-{last}") };
    Ok(())
}

/// The first characters of a text that is UTF-8.
fn first_characters(text: &[u8], count: u32) -> &[u8] {
    let is_first = |byte: &u8| byte & 0xc0 != 0x80;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let starts = text.iter().enumerate().filter(|(_, byte)| is_first(byte));
    let end = starts.map(|(at, _)| at).nth(count).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The highest number of a column, as its cells are; `None` when its type does not hold it.
fn highest_number(kind: &DataType, highest: i64) -> Option<i128> {
    let highest_wide = i128::from(highest);
    let bits = cell::width(kind)? * 8;
    match kind {
        DataType::Float32 | DataType::Float64 => Some(cell::of_float(as_f64(highest))),
        DataType::Decimal128(_, scale) => {
            highest_wide.checked_mul(10_i128.checked_pow(u32::try_from(*scale).ok()?)?)
        }
        kind if kind.is_unsigned_integer() => (highest >= 0).then_some(highest_wide),
        kind if kind.is_integer() => {
            (highest_wide >= -(1_i128 << (bits - 1))).then_some(highest_wide)
        }
        _ => None,
    }
}

fn top_coded<'a>(
    kind: &Kind,
    cell: Cell<'a>,
    highest: i64,
    buffer: &'a mut Vec<u8>,
) -> Result<Cell<'a>, Misfit> {
    match (kind, cell) {
        (Kind::Fixed(kind), Cell::Number(number)) => {
            let highest = highest_number(kind, highest).ok_or(Misfit::NoNumber)?;
            if matches!(kind, DataType::Float32 | DataType::Float64) && cell::float(number).is_nan()
            {
                return Err(Misfit::NoNumber);
            }
            Ok(Cell::Number(number.min(highest)))
        }
        (_, Cell::Text(text)) if is_above(text, highest).ok_or(Misfit::NoNumber)? => {
            let _ = write!(buffer, "{highest}");
            Ok(Cell::Text(buffer))
        }
        _ => Ok(cell),
    }
}

/// Whether a text, a number with a point or a comma before its fraction, is above another; `None`
/// when it is no number.
fn is_above(text: &[u8], highest: i64) -> Option<bool> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let has_fraction = fraction.bytes().any(|byte| byte != b'0');
    // A number that does not fit is beyond all that do.
    let magnitude = whole.parse::<i128>().unwrap_or(i128::MAX);
    let highest = i128::from(highest);
    Some(if text.starts_with('-') {
        // -3.5 is above -4 and not above -3.
        -magnitude > highest
    } else {
        magnitude > highest || magnitude == highest && has_fraction
    })
}

#[expect(clippy::cast_precision_loss, reason = "a fraction is compared as fractions are")]
fn as_f64(highest: i64) -> f64 {
    highest as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::TimeUnit;
    use jiff::civil::date;

    fn made(
        generalisation: &Generalisation,
        kind: &Kind,
        cell: Cell<'_>,
    ) -> Result<String, Misfit> {
        let mut buffer = Vec::new();
        Ok(match coarser(generalisation, kind, cell, &mut buffer)? {
            Cell::Empty => String::new(),
            Cell::Number(number) => format!("number {number}"),
            Cell::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        })
    }

    fn text(generalisation: &Generalisation, text: &str) -> Result<String, Misfit> {
        made(generalisation, &Kind::Text, Cell::Text(text.as_bytes()))
    }

    #[test]
    fn dates_become_months_and_years() {
        assert_eq!(text(&Generalisation::Month, "2026-03-09T10:00").unwrap(), "2026-03");
        assert_eq!(text(&Generalisation::Year, "09.03.2026").unwrap(), "2026");
        assert_eq!(text(&Generalisation::Month, "March").unwrap_err(), Misfit::NoDate);
        assert_eq!(text(&Generalisation::Year, "2026").unwrap_err(), Misfit::NoDate);
        let micro = Kind::Fixed(DataType::Timestamp(TimeUnit::Microsecond, None));
        assert_eq!(made(&Generalisation::Month, &micro, Cell::Number(-1)).unwrap(), "1969-12");
        assert_eq!(made(&Generalisation::Month, &Kind::Text, Cell::Empty).unwrap(), "");
    }

    #[test]
    fn births_become_bands_of_age() {
        let on = date(2026, 1, 1);
        let five = Generalisation::AgeBand { years: 5, on };
        assert_eq!(text(&five, "1981-01-01").unwrap(), "45-49");
        assert_eq!(text(&five, "1981-01-02").unwrap(), "40-44");
        assert_eq!(text(&five, "1981").unwrap(), "45-49");
        assert_eq!(text(&five, "2026-01-01").unwrap(), "0-4");
        assert_eq!(text(&Generalisation::AgeBand { years: 1, on }, "2020").unwrap(), "6");
        assert_eq!(text(&five, "2026-01-02").unwrap_err(), Misfit::AfterTheDay);
        assert_eq!(text(&five, "81").unwrap_err(), Misfit::NoBirth);
        let year = Kind::Fixed(DataType::Int32);
        assert_eq!(made(&five, &year, Cell::Number(1981)).unwrap(), "45-49");
        assert_eq!(made(&five, &year, Cell::Number(81)).unwrap_err(), Misfit::NoBirth);
        let day = Kind::Fixed(DataType::Date32);
        assert_eq!(made(&five, &day, Cell::Number(0)).unwrap(), "55-59");
    }

    #[test]
    fn codes_become_their_first_characters() {
        let three = Generalisation::FirstCharacters { count: 3 };
        assert_eq!(text(&three, "I21.4").unwrap(), "I21");
        assert_eq!(text(&three, "æøåX").unwrap(), "æøå");
        assert_eq!(text(&three, "I").unwrap(), "I");
    }

    #[test]
    fn numbers_above_the_highest_become_it_and_others_stay_as_they_stand() {
        let ninety = Generalisation::TopCode { highest: 90 };
        for (cell, expected) in [
            ("90", "90"),
            ("91", "90"),
            ("090", "090"),
            ("90,5", "90"),
            ("90.0", "90.0"),
            ("-91", "-91"),
            ("99999999999999999999999999999999999999999999", "90"),
            ("7.25", "7.25"),
        ] {
            assert_eq!(text(&ninety, cell).unwrap(), expected);
        }
        for cell in ["x", "1e5", "", "1.", "NaN", "1 000", "--1"] {
            let found = text(&ninety, cell);
            assert_eq!(found.unwrap_err(), Misfit::NoNumber, "{cell}");
        }
        let low = Generalisation::TopCode { highest: -4 };
        assert_eq!(text(&low, "-3.5").unwrap(), "-4");
        assert_eq!(text(&low, "-4.5").unwrap(), "-4.5");
        let whole = Kind::Fixed(DataType::Int32);
        assert_eq!(made(&ninety, &whole, Cell::Number(1000)).unwrap(), "number 90");
        let decimal = Kind::Fixed(DataType::Decimal128(10, 2));
        assert_eq!(made(&ninety, &decimal, Cell::Number(9001)).unwrap(), "number 9000");
        let float = Kind::Fixed(DataType::Float64);
        let above = made(&ninety, &float, Cell::Number(cell::of_float(90.5))).unwrap();
        assert_eq!(above, format!("number {}", cell::of_float(90.0)));
        let nan = Cell::Number(cell::of_float(f64::NAN));
        assert_eq!(made(&ninety, &float, nan).unwrap_err(), Misfit::NoNumber);
    }

    #[test]
    fn columns_that_cannot_be_made_coarser_are_told_by_their_type() {
        let after = |generalisation: &Generalisation, kind: DataType| {
            kind_after(Some(generalisation), &Kind::Fixed(kind))
        };
        let month = Generalisation::Month;
        assert_eq!(after(&month, DataType::Date32), Some(Kind::Text));
        assert_eq!(after(&month, DataType::Int32), None);
        assert_eq!(after(&Generalisation::FirstCharacters { count: 1 }, DataType::Int32), None);
        let negative = Generalisation::TopCode { highest: -1 };
        assert_eq!(after(&negative, DataType::UInt8), None);
        assert_eq!(after(&negative, DataType::Date32), None);
        assert_eq!(after(&negative, DataType::Int8), Some(Kind::Fixed(DataType::Int8)));
    }
}
