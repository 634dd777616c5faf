//! When people were born, and their sex: a coarse age pyramid of Norway, day by day.
//!
//! Sources: persons of each age group are those of Norway on 1 July 2019 in the United Nations'
//! World Population Prospects 2019 (both sexes), laid at the end of 2025. Births of the months are
//! Statistics Norway's index for 1996–2000 (Fødte, table 2, 21 April 2005). Fewer are born at
//! weekends (Daglige fødselstall for Norge 1989–93, Tidsskriftet 1997); how much fewer is a guess,
//! as is the share of men, which comes near the whole country's.
//!
//! Whole numbers only, so that every machine draws the same.

use jiff::civil::Date;

use super::days::Day;
use crate::cli::random::SplitMix64;
use crate::ident::Sex;

/// Persons of some ages, each of them with as many.
pub(super) struct AgeGroup {
    /// The youngest age.
    pub(super) from: i16,
    /// How many ages.
    pub(super) years: i16,
    /// How many persons in all.
    pub(super) persons: u64,
    /// Men among 100.
    pub(super) men: u64,
}

const fn group(from: i16, years: i16, persons: u64, men: u64) -> AgeGroup {
    AgeGroup { from, years, persons, men }
}

/// Norway by age. Ages are reached in the course of 2025.
pub(super) const GROUPS: [AgeGroup; 21] = [
    group(0, 5, 301_197, 51),
    group(5, 5, 315_046, 51),
    group(10, 5, 320_378, 51),
    group(15, 5, 322_670, 51),
    group(20, 5, 353_605, 51),
    group(25, 5, 370_823, 51),
    group(30, 5, 371_959, 51),
    group(35, 5, 355_766, 51),
    group(40, 5, 349_823, 51),
    group(45, 5, 380_977, 51),
    group(50, 5, 371_609, 51),
    group(55, 5, 329_848, 51),
    group(60, 5, 306_085, 51),
    group(65, 5, 275_706, 49),
    group(70, 5, 259_104, 49),
    group(75, 5, 168_040, 49),
    group(80, 5, 108_980, 42),
    group(85, 5, 70_135, 42),
    group(90, 5, 34_495, 28),
    group(95, 5, 11_590, 28),
    // The source has one number for 100 and over.
    group(100, 6, 1_023, 28),
];

/// The year in which ages are reached.
pub(super) const AGE_YEAR: i16 = 2025;

/// Births of a day in each month, 100 on average.
const MONTHS: [u64; 12] = [97, 104, 105, 109, 105, 103, 104, 101, 102, 93, 89, 88];

/// Births of a day from Monday to Sunday.
const WEEKDAYS: [u64; 7] = [102, 105, 105, 105, 103, 92, 88];

/// Days of birth, weighted.
pub(super) struct Births {
    dates: Vec<Date>,
    /// Weights added up: women, then men, of each day.
    sums: Vec<u64>,
}

impl Births {
    /// The whole table.
    pub(super) fn new() -> Self {
        let dates: Vec<Date> = Day::FIRST_BIRTH.dates_to(Day::LAST).collect();
        let mut sums = Vec::with_capacity(2 * dates.len());
        let mut sum = 0;
        for (date, place) in dates.iter().zip(0..) {
            let (women, men) = weights(*date, Day::FIRST_BIRTH.plus(place).weekday());
            sums.extend([sum + women, sum + women + men]);
            sum += women + men;
        }
        Self { dates, sums }
    }

    /// How many days there are.
    pub(super) fn day_count(&self) -> usize {
        self.dates.len()
    }

    /// The date of a day, counted from the first.
    pub(super) fn date(&self, place: usize) -> Option<Date> {
        self.dates.get(place).copied()
    }

    /// Draws the place of a day, counted from the first, and a sex.
    pub(super) fn draw(&self, random: &mut SplitMix64) -> (usize, Sex) {
        let at = random.below_u64(self.sums.last().copied().unwrap_or(1));
        let drawn = self.sums.partition_point(|sum| *sum <= at);
        (drawn / 2, if drawn.is_multiple_of(2) { Sex::Female } else { Sex::Male })
    }
}

/// The weights of women and of men born on a day.
fn weights(date: Date, weekday: usize) -> (u64, u64) {
    let age = AGE_YEAR - date.year();
    let is_in = |group: &&AgeGroup| (group.from..group.from + group.years).contains(&age);
    let Some(group) = GROUPS.iter().find(is_in) else { return (0, 0) };
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    let rhythm = MONTHS.get(month).unwrap_or(&100) * WEEKDAYS.get(weekday).unwrap_or(&100);
    // Groups have 5 or 6 years; 30 divides by both. The largest weight is below 10^13.
    let of_year = group.persons * 30 / u64::from(group.years.unsigned_abs()) * rhythm;
    (of_year * (100 - group.men), of_year * group.men)
}
