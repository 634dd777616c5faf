//! Finds numbers in a cell that could be identifiers. Pure.
//!
//! A number is a run of 10, 11, 12 or 15 digits, or eleven digits in groups as people write them
//! (`010190 12345`, `01.01.90-12345`). A cell that is one decimal number is looked at before its
//! point only: what comes after is a fraction.

/// Fewest digits of anything that is looked for.
pub(super) const DIGITS_MIN: usize = 10;

/// How a number stands in its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In groups, with a separator between them.
    Grouped,
    /// Against a letter: `A41814061033`.
    InWord,
    /// The whole cell.
    Whole,
    /// A word among others.
    Word,
}

/// A number in a cell. Holds what may be an identifier: `Debug` in tests only.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Found {
    /// Its value.
    pub(super) number: u64,
    /// How many digits it is written with.
    pub(super) digits: usize,
    /// How it stands.
    pub(super) form: Form,
}

/// Reports each number of a cell.
pub(super) fn numbers(cell: &[u8], mut report: impl FnMut(Found)) {
    // Most cells end here: shorter than any identifier, or with fewer digits.
    if cell.len() < DIGITS_MIN || digit_count(cell) < DIGITS_MIN {
        return;
    }
    if let Some(found) = whole(cell) {
        if is_wanted(found.digits) {
            report(found);
        }
        return;
    }
    let mut at = 0;
    while let Some(start) = position(cell, at, u8::is_ascii_digit) {
        let end = run_end(cell, start);
        let digits = end - start;
        at = end;
        if digits == 2 || digits == 6 {
            if let Some((number, past)) = grouped(cell, start) {
                report(Found { number, digits: 11, form: Form::Grouped });
                at = past;
            }
        } else if is_wanted(digits) {
            let is_in_word = is_letter_before(cell, start) || is_letter(cell, end);
            let form = if is_in_word { Form::InWord } else { Form::Word };
            report(Found { number: value(cell, start, end), digits, form });
        }
    }
}

/// The number that a cell is, if it is one and nothing else: digits, or a decimal number.
pub(super) fn whole(cell: &[u8]) -> Option<Found> {
    let start = usize::from(matches!(cell.first(), Some(b'+' | b'-')));
    let end = run_end(cell, start);
    let digits = end - start;
    let is_number = digits > 0 && digits <= 18 && is_fraction(cell.get(end..).unwrap_or_default());
    is_number.then(|| Found { number: value(cell, start, end), digits, form: Form::Whole })
}

/// Whether this is nothing, or a point, digits and perhaps an exponent.
fn is_fraction(rest: &[u8]) -> bool {
    let Some((b'.' | b',', fraction)) = rest.split_first() else { return rest.is_empty() };
    let mut exponents = fraction.splitn(2, |byte| matches!(byte, b'e' | b'E'));
    let are_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let mantissa = exponents.next().unwrap_or_default();
    let exponent = exponents.next().unwrap_or_default();
    let exponent = match exponent {
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    };
    are_digits(mantissa) && are_digits(exponent)
}

/// Eleven digits in groups, from the start of the first: their value, and where they end.
fn grouped(cell: &[u8], start: usize) -> Option<(u64, usize)> {
    const PATTERNS: [&[usize]; 4] = [&[6, 5], &[6, 3, 2], &[2, 2, 2, 5], &[2, 2, 2, 3, 2]];
    if is_letter_before(cell, start) {
        return None;
    }
    PATTERNS.iter().find_map(|pattern| {
        let (mut at, mut number) = (start, 0);
        for (place, &digits) in pattern.iter().enumerate() {
            if place > 0 {
                at += separator(cell.get(at..)?)?;
            }
            let end = run_end(cell, at);
            if end - at != digits {
                return None;
            }
            number = number * 10_u64.pow(u32::try_from(digits).ok()?) + value(cell, at, end);
            at = end;
        }
        (!is_letter(cell, at)).then_some((number, at))
    })
}

/// Length of the separator at the start: one character, a no-break space in either encoding.
fn separator(rest: &[u8]) -> Option<usize> {
    match rest {
        [b' ' | b'-' | b'.' | b'/' | b'\t' | 0xa0, ..] => Some(1),
        [0xc2, 0xa0, ..] => Some(2),
        _ => None,
    }
}

fn is_wanted(digits: usize) -> bool {
    matches!(digits, 10..=12 | 15)
}

fn digit_count(cell: &[u8]) -> usize {
    cell.iter().map(|byte| usize::from(byte.is_ascii_digit())).sum()
}

fn position(cell: &[u8], from: usize, is_wanted: impl Fn(&u8) -> bool) -> Option<usize> {
    cell.get(from..)?.iter().position(is_wanted).map(|at| from + at)
}

fn run_end(cell: &[u8], start: usize) -> usize {
    position(cell, start, |byte| !byte.is_ascii_digit()).unwrap_or(cell.len())
}

fn is_letter(cell: &[u8], at: usize) -> bool {
    cell.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
}

fn is_letter_before(cell: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| is_letter(cell, before))
}

/// The value of at most 18 digits.
fn value(cell: &[u8], start: usize, end: usize) -> u64 {
    let digits = cell.get(start..end).unwrap_or_default();
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cell: &str) -> Vec<(u64, usize, Form)> {
        let mut all = Vec::new();
        numbers(cell.as_bytes(), |found| all.push((found.number, found.digits, found.form)));
        all
    }

    #[test]
    fn numbers_are_found_however_they_stand() {
        const NUMBER: u64 = 41_814_061_033;
        for (cell, digits, form) in [
            ("41814061033", 11, Form::Whole),
            ("41814061033.0", 11, Form::Whole),
            ("+41814061033", 11, Form::Whole),
            ("fnr 41814061033.", 11, Form::Word),
            ("(41814061033)", 11, Form::Word),
            ("a;41814061033;b", 11, Form::Word),
            ("NO41814061033", 11, Form::InWord),
            ("41814061033x", 11, Form::InWord),
            ("418140 61033", 11, Form::Grouped),
            ("418140-61033", 11, Form::Grouped),
            ("418140\u{a0}61033", 11, Form::Grouped),
            ("41 81 40 61033", 11, Form::Grouped),
            ("41.81.40-610 33", 11, Form::Grouped),
            ("barn: 418140 610 33, ok", 11, Form::Grouped),
        ] {
            assert_eq!(found(cell), [(NUMBER, digits, form)], "{cell}");
        }
        assert_eq!(found("1 41814061033"), [(NUMBER, 11, Form::Word)]);
        assert_eq!(found("1234567890"), [(1_234_567_890, 10, Form::Whole)]);
        assert_eq!(found("202601011200 x").len(), 1);
        assert_eq!(found("41814061033,41814061033;").len(), 2);
    }

    #[test]
    fn what_is_no_number_of_that_length_is_passed_over() {
        for cell in [
            "",
            "x",
            "2026-01-01",
            "2026-01-01T12:34:56.123456",
            "4181406103312345678",
            "418140610331",
            "0.41814061033",
            "12,41814061033",
            "1.41814061033e-5",
            "123456.12345",
            "550e8400-e29b-41d4-a716-446655440000",
            "47 123 45 678",
        ] {
            let other = |found: &(u64, usize, Form)| found.1 != 12;
            assert!(!found(cell).iter().any(other), "{cell}");
        }
    }
}
