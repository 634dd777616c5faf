//! What the eleven digits say: kind, marker, whether the date exists, and the two check sums.
//!
//! # Why it exists
//!
//! Every parser, the attributes and the synthetic generator read the same facts from a number.
//! They are looked up, not computed: the number is cut in `DD MM YY II IKK`, each part indexes a
//! table made at compile time (about 6 kB, resident in the first-level cache), and both weighted
//! sums come out of one addition per part.
//!
//! ```text
//! K1: Σ (3 7 6 1 8 9 4 5 2)·d + k1   mod 11 = 0   (1964)   0..=3 (2032)
//! K2: Σ (5 4 3 2 7 6 5 4 3 2)·d + k2 mod 11 = 0   (both)
//! ```
//!
//! # Invariants
//!
//! Total over all numbers below 10^11; nothing here decides whether a number is accepted.

use super::digits::Eleven;
use super::national::{IdKind, Marker};

/// Weights of the first check sum, K1 itself counted once (DOMAIN B1, Skatteetaten nyttfnr2032).
const K1_WEIGHTS: [u32; 11] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1, 0];

/// Weights of the second check sum, K2 itself counted once (DOMAIN B1, Skatteetaten nyttfnr2032).
const K2_WEIGHTS: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];

/// Weights of the first ten digits of a DUF-number (DOMAIN B5).
const DUF_WEIGHTS: [u64; 10] = [4, 6, 3, 2, 4, 6, 3, 2, 7, 5];

/// One more than the largest number of eleven digits.
pub(super) const LIMIT_11: u64 = 100_000_000_000;

/// One more than the largest number of twelve digits.
pub(super) const LIMIT_12: u64 = 1_000_000_000_000;

// Both sums of a part in one word: K1's in the low half, K2's in the high half. The largest total
// is 9 · 46 = 414 for K1 and 9 · 42 = 378 for K2, so the halves never meet. Tables are filled up
// to a power of two, so that a mask proves each index.
static DAY_SUMS: [u32; 128] = sums(0, 2);
static MONTH_SUMS: [u32; 128] = sums(2, 2);
static YEAR_SUMS: [u32; 128] = sums(4, 2);
static INDIVID_SUMS: [u32; 128] = sums(6, 2);
static TAIL_SUMS: [u32; 1024] = sums(8, 3);

/// The weighted sums of each value that `digit_count` digits from place `first` can have.
#[expect(clippy::cast_possible_truncation, reason = "a remainder by 10")]
const fn sums<const VALUES: usize>(first: usize, digit_count: usize) -> [u32; VALUES] {
    let mut table = [0; VALUES];
    let mut value = 0;
    while value < VALUES {
        let mut rest = value;
        let mut place = first + digit_count;
        while place > first {
            place -= 1;
            let digit = (rest % 10) as u32;
            table[value] += digit * K1_WEIGHTS[place] + ((digit * K2_WEIGHTS[place]) << 16);
            rest /= 10;
        }
        value += 1;
    }
    table
}

/// What the two month digits mean (DOMAIN B6).
#[derive(Clone, Copy)]
struct MonthDigits {
    /// The real month, 1–12; 0 when the digits mean no month.
    month: u8,
    /// The last day of that month in a common year; 0 when there is no month.
    last_day: u8,
    /// 1 for February, to be added to `last_day` in a leap year.
    february: u8,
    marker: Marker,
    /// The kind when the day is neither a D-number's nor a felles hjelpenummer's.
    kind: IdKind,
}

/// What the two day digits say of the kind; the month decides among the fødselsnumre.
static DAY_KINDS: [IdKind; 128] = day_kinds();

const fn day_kinds() -> [IdKind; 128] {
    let mut table = [IdKind::Fnr; 128];
    let mut digits = 40;
    while digits < 100 {
        table[digits] = if digits < 80 { IdKind::Dnr } else { IdKind::Felles };
        digits += 1;
    }
    table
}

static MONTHS: [MonthDigits; 128] = months();

const fn months() -> [MonthDigits; 128] {
    const LAST_DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    const NONE: MonthDigits =
        MonthDigits { month: 0, last_day: 0, february: 0, marker: Marker::None, kind: IdKind::Fnr };
    let mut table = [NONE; 128];
    let mut digits: u8 = 0;
    while digits < 100 {
        let (month, marker) = match digits {
            1..=12 => (digits, Marker::None),
            41..=52 => (digits - 40, Marker::Nav40),
            61..=65 => (digits - 60, Marker::Nav60),
            // 66–72 may also be NAV +60; read as NHN.
            66..=77 => (digits - 65, Marker::Nhn65),
            81..=92 => (digits - 80, Marker::Tenor80),
            // Among them 21–32, NAV's own NPID, which no register takes.
            _ => (0, Marker::None),
        };
        let kind = if matches!(marker, Marker::Nav40) { IdKind::Hnr } else { IdKind::Fnr };
        let last_day = LAST_DAYS[month as usize];
        table[digits as usize] =
            MonthDigits { month, last_day, february: (month == 2) as u8, marker, kind };
        digits += 1;
    }
    table
}

/// An eleven-digit number cut in its parts.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// The two day digits, with 40 added in a D-number; 80–99 in a felles hjelpenummer.
    day_digits: u8,
    /// The two month digits, with the marker's offset.
    month_digits: u8,
    /// The year without its century, 0–99.
    pub(super) year: u8,
    /// The individ number, 0–999.
    pub(super) individ: u16,
    sums: u32,
}

impl Parts {
    /// The parts of a number; digits above the eleventh are ignored.
    #[inline]
    pub(super) fn of(number: u64) -> Self {
        Self::of_eleven(Eleven::of_number(number))
    }

    /// The parts of eleven digits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "each part is masked to 7 or 10 bits")]
    pub(super) fn of_eleven(digits: Eleven) -> Self {
        let pair = |shift: u32| (digits.pairs >> shift) as usize & 0x7F;
        let (day, month, year, individ) = (pair(0), pair(16), pair(32), pair(48));
        let tail = digits.tail as usize & 0x3FF;
        let sums = DAY_SUMS[day]
            .wrapping_add(MONTH_SUMS[month])
            .wrapping_add(YEAR_SUMS[year])
            .wrapping_add(INDIVID_SUMS[individ])
            .wrapping_add(TAIL_SUMS[tail]);
        Self {
            day_digits: day as u8,
            month_digits: month as u8,
            year: year as u8,
            individ: (individ as u16).wrapping_mul(10).wrapping_add(tail as u16 / 100),
            sums,
        }
    }

    #[inline]
    fn month_row(self) -> MonthDigits {
        MONTHS[usize::from(self.month_digits & 0x7F)]
    }

    /// The kind by value alone: first digit, then month (DOMAIN B2, B4, B6).
    #[inline]
    pub(super) fn kind(self) -> IdKind {
        // Two table look-ups instead of branches: fødselsnumre and D-numbers come mixed.
        match DAY_KINDS[usize::from(self.day_digits & 0x7F)] {
            IdKind::Fnr => self.month_row().kind,
            kind => kind,
        }
    }

    /// The marker in the month; a felles hjelpenummer has no month and so no marker.
    #[inline]
    pub(super) fn marker(self) -> Marker {
        if self.day_digits >= 80 { Marker::None } else { self.month_row().marker }
    }

    /// The real day of the month, 1–31 where the date exists.
    #[inline]
    pub(super) fn day(self) -> u8 {
        if self.day_digits >= 40 { self.day_digits.wrapping_sub(40) } else { self.day_digits }
    }

    /// The real month, 1–12, or 0 when the digits mean none.
    #[inline]
    pub(super) fn month(self) -> u8 {
        self.month_row().month
    }

    /// True for month digits 66–72, which both NHN (+65) and NAV (+60) use (DOMAIN B6).
    #[inline]
    pub(super) fn month_is_ambiguous(self) -> bool {
        matches!(self.month_digits, 66..=72)
    }

    /// True when the day exists in the month, or the kind has no date.
    ///
    /// 29 February exists when the two year digits divide by four: Skatteetaten's own validator
    /// reads `00` as 2000 (DOMAIN B3).
    #[inline]
    pub(super) fn has_date(self) -> bool {
        let month = self.month_row();
        let leap = u8::from(self.year.is_multiple_of(4));
        let last_day = month.last_day.wrapping_add(month.february & leap);
        let day = self.day();
        let exists = (day >= 1) & (day <= last_day);
        exists | (self.day_digits >= 80)
    }

    /// Rest of the first check sum: 0 under the 1964 rule, 0–3 under the 2032 rule.
    #[inline]
    pub(super) fn rest_1(self) -> u32 {
        (self.sums & 0xFFFF) % 11
    }

    /// Rest of the second check sum: 0 under both rules.
    #[inline]
    pub(super) fn rest_2(self) -> u32 {
        (self.sums >> 16) % 11
    }
}

/// True when the last two digits are the check digits of a DUF-number: the weighted sum mod 11,
/// written 00–10 (DOMAIN B5).
pub(super) fn duf_check_digits_match(number: u64) -> bool {
    duf_check_digits(number / 100) == number % 100
}

/// The two check digits, as a number, of the first ten digits of a DUF-number.
pub(super) fn duf_check_digits(mut rest: u64) -> u64 {
    let mut sum = 0;
    for weight in DUF_WEIGHTS.iter().rev() {
        sum += weight * (rest % 10);
        rest /= 10;
    }
    sum % 11
}

/// True when the first four digits can be the year of an application for asylum.
///
/// Lenient on purpose: anything from 1900 to 2099. A year outside is not a DUF-number at all, so
/// it is a matter of format.
pub(super) fn duf_year_is_plausible(number: u64) -> bool {
    (1900..=2099).contains(&(number / 100_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the table form equals the definition. Method: compare with plain digit arithmetic
    /// over numbers spread across the whole space by a large odd step.
    #[test]
    fn table_sums_equal_the_definition() {
        let mut number = 0u64;
        for _ in 0..100_000 {
            number = (number + 61_803_398_877) % LIMIT_11;
            let text = format!("{number:011}");
            let rest = |weights: [u32; 11]| {
                let digits = text.bytes().map(|digit| u32::from(digit - b'0'));
                digits.zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
            };
            let parts = Parts::of(number);
            assert_eq!(parts.rest_1(), rest(K1_WEIGHTS));
            assert_eq!(parts.rest_2(), rest(K2_WEIGHTS));
        }
    }

    #[test]
    fn month_digits_mean_what_domain_b6_says() {
        let marker = |month: u64| Parts::of(month * 10_000_000).marker();
        let month = |month: u64| Parts::of(month * 10_000_000).month();
        for digits in 0..100 {
            let (wanted_month, wanted_marker) = match digits {
                1..=12 => (digits, Marker::None),
                41..=52 => (digits - 40, Marker::Nav40),
                61..=65 => (digits - 60, Marker::Nav60),
                66..=77 => (digits - 65, Marker::Nhn65),
                81..=92 => (digits - 80, Marker::Tenor80),
                _ => (0, Marker::None),
            };
            assert_eq!(marker(digits), wanted_marker, "month digits {digits}");
            assert_eq!(u64::from(month(digits)), wanted_month, "month digits {digits}");
        }
    }

    #[test]
    fn date_exists_exactly_when_the_calendar_has_it() {
        for year in 0..100u8 {
            for month in 0..=99u8 {
                for day in 0..=79u8 {
                    let number = u64::from(day) * 1_000_000_000
                        + u64::from(month) * 10_000_000
                        + u64::from(year) * 100_000;
                    let (day, month) = (Parts::of(number).day(), Parts::of(number).month());
                    let calendar = jiff::civil::Date::new(
                        2000 + i16::from(year),
                        i8::try_from(month).unwrap(),
                        i8::try_from(day).unwrap(),
                    );
                    assert_eq!(Parts::of(number).has_date(), calendar.is_ok());
                }
            }
        }
    }
}
