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

use super::digits::{Eleven, number_of};
use super::national::{IdKind, Marker};
use super::place::Place;

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

// What a part says is one word, and the words of the five parts are added up; no field reaches into
// the next. Tables are filled up to a power of two, so that a mask proves each index.
//
//   bits  0–5    K1's sum, each part's modulo 11: at most 5 · 10
//   bits  8–13   K2's sum, likewise
//   bits 16–21   the real day of the month                          (day)
//   bits 24–25   1 for a leap year, 1 for February: 2 for both      (year, month)
//   bits 26–28   the marker                                         (month)
//   bits 29–30   0 fødselsnummer or H-number, 1 D-number, 2 felles  (day)
//   bits 32–63   bit n: the month has a day n in a common year      (month)
const K2_SHIFT: u32 = 8;
const DAY_SHIFT: u32 = 16;
const LEAP_SHIFT: u32 = 24;
const PLACE_SHIFT: u32 = 26;
const CLASS_SHIFT: u32 = 29;
const DAYS_SHIFT: u32 = 32;
const SUM_MASK: u64 = 0x3F;

static DAYS: [u32; 128] = days();
static MONTHS: [u64; 128] = months();
static YEARS: [u32; 128] = years();
static INDIVIDS: [u16; 128] = {
    let mut table = [0; 128];
    fill_sums(&mut table, 6, 2);
    table
};
static TAILS: [u16; 1024] = {
    let mut table = [0; 1024];
    fill_sums(&mut table, 8, 3);
    table
};

/// The weighted sums, modulo 11, of each value that `digit_count` digits from place `first` can
/// have.
#[expect(clippy::cast_possible_truncation, reason = "remainders by 10 and by 11")]
const fn fill_sums(table: &mut [u16], first: usize, digit_count: usize) {
    let mut value = 0;
    while value < table.len() {
        let (mut sum_1, mut sum_2) = (0, 0);
        let mut rest = value;
        let mut place = first + digit_count;
        while place > first {
            place -= 1;
            let digit = (rest % 10) as u32;
            sum_1 += digit * K1_WEIGHTS[place];
            sum_2 += digit * K2_WEIGHTS[place];
            rest /= 10;
        }
        table[value] = (sum_1 % 11) as u16 | (((sum_2 % 11) as u16) << K2_SHIFT);
        value += 1;
    }
}

/// The sums for which the rest modulo 11 is at most `rest_max`, one bit each.
pub(super) const fn sums_with_rest(rest_max: u32) -> u64 {
    let (mut sums, mut sum) = (0, 0);
    while sum < u64::BITS {
        if sum % 11 <= rest_max {
            sums |= 1 << sum;
        }
        sum += 1;
    }
    sums
}

const fn days() -> [u32; 128] {
    let mut sums = [0; 128];
    fill_sums(&mut sums, 0, 2);
    let mut table = [0; 128];
    let mut digits = 0_u8;
    while digits < 128 {
        // D-numbers are 41–71, with 40 added; a felles hjelpenummer begins with 8 or 9.
        let (day, class) = match digits {
            0..40 => (digits, 0),
            40..80 => (digits - 40, 1),
            _ => (0, 2),
        };
        let facts = ((day as u32) << DAY_SHIFT) | (class << CLASS_SHIFT);
        table[digits as usize] = facts | sums[digits as usize] as u32;
        digits += 1;
    }
    table
}

const fn years() -> [u32; 128] {
    let mut sums = [0; 128];
    fill_sums(&mut sums, 4, 2);
    let mut table = [0; 128];
    let mut year = 0_usize;
    while year < 128 {
        // Skatteetaten's own validator reads `00` as 2000 (DOMAIN B3).
        let leap = year.is_multiple_of(4) as u32;
        table[year] = (leap << LEAP_SHIFT) | sums[year] as u32;
        year += 1;
    }
    table
}

/// What the two month digits mean (DOMAIN B6): the real month, 0 when they mean none, and a marker.
const fn meaning_of_month(digits: u8) -> (u8, Marker) {
    match digits {
        1..=12 => (digits, Marker::None),
        41..=52 => (digits - 40, Marker::Nav40),
        61..=65 => (digits - 60, Marker::Nav60),
        // 66–72 may also be NAV +60; read as NHN.
        66..=77 => (digits - 65, Marker::Nhn65),
        81..=92 => (digits - 80, Marker::Tenor80),
        // Among them 21–32, NAV's own NPID, which no register takes.
        _ => (0, Marker::None),
    }
}

const fn months() -> [u64; 128] {
    const LAST_DAYS: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut sums = [0; 128];
    fill_sums(&mut sums, 2, 2);
    let mut table = [0; 128];
    let mut digits = 0_u8;
    while digits < 128 {
        let (month, marker) = meaning_of_month(digits);
        // Bits 1 to the last day; none without a month.
        let days = (2_u64 << LAST_DAYS[month as usize]) - 2;
        let february = (month == 2) as u64;
        table[digits as usize] = (days << DAYS_SHIFT)
            | ((marker as u64) << PLACE_SHIFT)
            | (february << LEAP_SHIFT)
            | sums[digits as usize] as u64;
        digits += 1;
    }
    table
}

/// An eleven-digit number cut in its parts.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// The two month digits, with the marker's offset.
    month_digits: u8,
    /// The year without its century, 0–99.
    pub(super) year: u8,
    /// The individ number, 0–999.
    pub(super) individ: u16,
    /// The words of the five parts, added up.
    facts: u64,
}

impl Parts {
    /// The parts of a number; digits above the eleventh are ignored.
    #[inline]
    pub(super) fn of(number: u64) -> Self {
        Self::of_eleven(Eleven::of_number(number))
    }

    /// The parts of eleven digits.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "each part is masked to 7 or 10 bits")]
    pub(super) fn of_eleven(digits: Eleven) -> Self {
        let pair = |shift: u32| (digits.pairs >> shift) as usize & 0x7F;
        let (day, month, year, individ) = (pair(0), pair(16), pair(32), pair(48));
        let tail = digits.tail as usize & 0x3FF;
        let facts = MONTHS[month]
            .wrapping_add(u64::from(DAYS[day]))
            .wrapping_add(u64::from(YEARS[year]))
            .wrapping_add(u64::from(INDIVIDS[individ]))
            .wrapping_add(u64::from(TAILS[tail]));
        Self {
            month_digits: month as u8,
            year: year as u8,
            individ: (individ as u16).wrapping_mul(10).wrapping_add(tail as u16 / 100),
            facts,
        }
    }

    /// What first digit and month say together.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a remainder by 32")]
    pub(super) fn place(self) -> Place {
        Place::new((self.facts >> PLACE_SHIFT) as u8)
    }

    /// The kind by value alone.
    #[inline]
    pub(super) fn kind(self) -> IdKind {
        self.place().kind()
    }

    /// The marker in the month.
    #[inline]
    pub(super) fn marker(self) -> Marker {
        self.place().marker()
    }

    /// The real day of the month, 1–31 where the date exists.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "six bits")]
    pub(super) fn day(self) -> u8 {
        (self.facts >> DAY_SHIFT) as u8 & 0x3F
    }

    /// The real month, 1–12, or 0 when the digits mean none.
    #[inline]
    pub(super) fn month(self) -> u8 {
        meaning_of_month(self.month_digits).0
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
        let leap_february = (self.facts >> (LEAP_SHIFT + 1)) & 1;
        let days = (self.facts >> DAYS_SHIFT) | (leap_february << 29);
        let is_felles = self.facts >> (CLASS_SHIFT + 1);
        ((days >> self.day()) | is_felles) & 1 == 1
    }

    /// True when both check sums leave a rest that they may: `sums_1` has those of the first.
    #[inline]
    pub(super) fn digits_match(self, sums_1: u64) -> bool {
        const SUMS_2: u64 = sums_with_rest(0);
        let first = sums_1 >> (self.facts & SUM_MASK);
        let second = SUMS_2 >> ((self.facts >> K2_SHIFT) & SUM_MASK);
        first & second & 1 == 1
    }

    /// Rest of the first check sum: 0 under the 1964 rule, 0–3 under the 2032 rule.
    #[inline]
    pub(super) fn rest_1(self) -> u32 {
        ((self.facts & SUM_MASK) % 11) as u32
    }

    /// Rest of the second check sum: 0 under both rules.
    #[inline]
    pub(super) fn rest_2(self) -> u32 {
        (((self.facts >> K2_SHIFT) & SUM_MASK) % 11) as u32
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

/// Whether text has the digits of a national number of some kind: with a date that exists and check
/// digits of the 1964 or the 2032 rule, whatever the day and the environment.
pub(super) fn is_sound_by_any_rule(text: &[u8]) -> bool {
    let Some(number) = number_of(text) else { return false };
    match text.len() {
        11 => {
            let parts = Parts::of(number);
            parts.has_date() && parts.rest_1() <= 3 && parts.rest_2() == 0
        }
        12 => duf_year_is_plausible(number) && duf_check_digits_match(number),
        _ => false,
    }
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
