//! What cells are: text, or something of fixed size that is a number underneath.
//!
//! Everything that is not text (whole numbers, fractions, dates, times, decimals, yes and no) is
//! carried as one number whose order is that of the cells. `float` and `day` lead back.

use std::io::Write;

use arrow_schema::{DataType, TimeUnit};

use super::date::Day;

/// A cell. Holds a value of the file: no `Debug`.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    /// Nothing: an empty text, or null.
    Empty,
    /// Something of fixed size.
    Number(i128),
    /// Text in UTF-8, not empty.
    Text(&'a [u8]),
}

/// What the cells of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of fixed size: a type that [`width`] knows.
    Fixed(DataType),
    /// Text.
    Text,
}

impl Kind {
    /// What the cells of a column of a Parquet file are; `None` where an extract cannot hold them.
    pub(super) fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Utf8 => Some(Self::Text),
            fixed => width(fixed).map(|_| Self::Fixed(fixed.clone())),
        }
    }

    /// What a report calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Fixed(kind) => kind.to_string(),
            Self::Text => "text".to_owned(),
        }
    }
}

/// How many bytes a cell of a type has; `None` for types that are not carried.
pub(super) fn width(kind: &DataType) -> Option<usize> {
    match kind {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => Some(1),
        DataType::Int16 | DataType::UInt16 => Some(2),
        DataType::Int32 | DataType::UInt32 | DataType::Float32 => Some(4),
        DataType::Date32 | DataType::Time32(_) => Some(4),
        DataType::Int64 | DataType::UInt64 | DataType::Float64 => Some(8),
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..) => Some(8),
        DataType::Decimal128(_, scale) if *scale >= 0 => Some(16),
        _ => None,
    }
}

/// Whether cells of a type are whole numbers.
pub(super) fn is_whole(kind: &DataType) -> bool {
    kind.is_integer()
}

/// The number of a fraction, in the order of fractions (IEEE 754, section 5.10: −NaN, −∞, …, NaN).
pub(super) fn of_float(float: f64) -> i128 {
    i128::from(ordered(float.to_bits().cast_signed()))
}

/// The fraction of a number.
pub(super) fn float(number: i128) -> f64 {
    f64::from_bits(ordered(i64::try_from(number).unwrap_or_default()).cast_unsigned())
}

/// Turns the bits of negative fractions round, but for the sign; its own inverse.
fn ordered(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// The day of a cell, if its type has days. A time with a zone counts in UTC.
pub(super) fn day(kind: &DataType, number: i128) -> Option<Day> {
    let number = i64::try_from(number).ok()?;
    let days = match kind {
        DataType::Date32 => number,
        DataType::Date64 => number.div_euclid(86_400_000),
        DataType::Timestamp(unit, _) => number.div_euclid(86_400 * per_second(unit)),
        _ => return None,
    };
    Some(Day::since_1970(days))
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Writes a cell as text. FORMAT: docs/FORMATS.md, "Extract".
pub(super) fn append_text(kind: &DataType, number: i128, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = match kind {
        DataType::Boolean => write!(out, "{}", number != 0),
        // A fraction of 32 bits is shortest as one.
        DataType::Float32 => write!(out, "{}", narrowed(float(number))),
        DataType::Float64 => write!(out, "{}", float(number)),
        DataType::Decimal128(_, scale) => append_decimal(number, *scale, out),
        DataType::Time32(unit) | DataType::Time64(unit) => append_time(unit, number, out),
        DataType::Date32 | DataType::Date64 => append_day(kind, number, out),
        DataType::Timestamp(unit, zone) => append_day(kind, number, out)
            .and_then(|()| write!(out, "T"))
            .and_then(|()| {
                append_time(unit, number.rem_euclid(i128::from(86_400 * per_second(unit))), out)
            })
            .and_then(|()| write!(out, "{}", if zone.is_some() { "Z" } else { "" })),
        _ => write!(out, "{number}"),
    };
}

/// A fraction that came from 32 bits, as it was.
#[expect(clippy::cast_possible_truncation, reason = "it came from 32 bits, so none is lost")]
pub(super) fn narrowed(float: f64) -> f32 {
    float as f32
}

fn append_day(kind: &DataType, number: i128, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(Day { year, month, day }) = day(kind, number) else { return Ok(()) };
    write!(out, "{year:04}-{month:02}-{day:02}")
}

fn append_time(unit: &TimeUnit, number: i128, out: &mut Vec<u8>) -> std::io::Result<()> {
    let second = i128::from(per_second(unit));
    let (seconds, fraction) = (number.div_euclid(second), number.rem_euclid(second));
    write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    let digits = match unit {
        TimeUnit::Second => return Ok(()),
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    if fraction == 0 { Ok(()) } else { write!(out, ".{fraction:0digits$}") }
}

fn append_decimal(number: i128, scale: i8, out: &mut Vec<u8>) -> std::io::Result<()> {
    let digits = usize::try_from(scale).unwrap_or_default();
    let unit = 10_u128.pow(u32::try_from(digits).unwrap_or_default());
    let sign = if number < 0 { "-" } else { "" };
    let (whole, fraction) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    write!(out, "{sign}{whole}")?;
    if digits == 0 { Ok(()) } else { write!(out, ".{fraction:0digits$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &DataType, number: i128) -> String {
        let mut out = Vec::new();
        append_text(kind, number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_written_as_the_formats_say() {
        let micro =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (kind, number, expected) in [
            (DataType::Boolean, 1, "true"),
            (DataType::Int8, -5, "-5"),
            (DataType::UInt64, i128::from(u64::MAX), "18446744073709551615"),
            (DataType::Float64, of_float(-0.1), "-0.1"),
            (DataType::Float32, of_float(f64::from(0.1_f32)), "0.1"),
            (DataType::Date32, -1, "1969-12-31"),
            (DataType::Date64, 86_400_000, "1970-01-02"),
            (micro(None), -1, "1969-12-31T23:59:59.999999"),
            (micro(Some("UTC")), 86_400_000_000, "1970-01-02T00:00:00Z"),
            (DataType::Time32(TimeUnit::Millisecond), 3_600_500, "01:00:00.500"),
            (DataType::Decimal128(10, 2), -105, "-1.05"),
            (DataType::Decimal128(10, 0), 7, "7"),
        ] {
            assert_eq!(text(&kind, number), expected, "{kind}");
        }
    }

    #[test]
    fn numbers_of_fractions_are_in_their_order_and_lead_back() {
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.0, f64::INFINITY];
        let numbers: Vec<i128> = floats.into_iter().map(of_float).collect();
        assert!(numbers.is_sorted());
        assert!(floats.iter().zip(numbers).all(|(f, n)| float(n).to_bits() == f.to_bits()));
        assert!(float(of_float(f64::NAN)).is_nan());
    }
}
