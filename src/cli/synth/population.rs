//! Synthetic persons with what identifies them.
//!
//! Why it exists: a register is only tried out on people who are like people: of all ages, some
//! with a D-number, some known by another number before.
//!
//! ```text
//! in 20 persons    1 has a D-number, 19 a fødselsnummer
//! of D-numbers     1 in 10 came with a DUF-number
//! of fødselsnumre  1 in 40 had a D-number before, 1 in 5 of those a DUF-number before that
//! ```
//!
//! # Invariants
//!
//! - Every number is synthetic ([`crate::ident::synthetic`]), and none is given twice.
//! - The first persons of a larger population are those of a smaller one with the same seed.
//! - A person's numbers tell the same birth date and sex.
//!
//! # What it does *not* protect
//!
//! Shares but the age pyramid's are made up. Nobody dies, moves abroad or is in the register twice.
//! There are no felles hjelpenummer: none is surely synthetic.

use super::days::Day;
use super::pyramid::Births;
use crate::cli::random::SplitMix64;
use crate::ident::synthetic::{duf_number, tenor_number};
use crate::ident::{IdKind, NumberSeries, Sex};

/// More would leave no numbers for the fullest days of birth.
pub(super) const PERSONS_MAX: u64 = 10_000_000;

/// One person in so many has a D-number.
const DNR_SHARE: usize = 20;

/// One person with a D-number in so many came with a DUF-number.
const DUF_SHARE_OF_DNR: usize = 10;

/// One person with a fødselsnummer in so many had a D-number before.
const EARLIER_DNR_SHARE: usize = 40;

/// One of those in so many had a DUF-number before that.
const DUF_SHARE_OF_EARLIER_DNR: usize = 5;

/// Individ numbers of a day, of which half are women's.
const INDIVIDS: usize = 1000;

/// How often a number is drawn for a day before another day is.
const TRIES: usize = 200;

/// A number, and what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identifier {
    pub(super) kind: IdKind,
    pub(super) number: u64,
}

/// A number that another took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) number: u64,
    /// The first day of the next.
    pub(super) on: Day,
}

/// What a person was known by before, the DUF-number first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) duf: Option<Replaced>,
    pub(super) dnr: Option<Replaced>,
}

/// A synthetic person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// The fødselsnummer or D-number that the person has now.
    pub(super) number: u64,
    pub(super) series: NumberSeries,
    pub(super) born: Day,
    pub(super) sex: Sex,
    /// Where the earlier numbers stand.
    earlier: Option<u32>,
}

impl Person {
    /// What identifies the person now.
    pub(super) fn identifier(&self) -> Identifier {
        let kind = match self.series {
            NumberSeries::Dnr => IdKind::Dnr,
            NumberSeries::Fnr => IdKind::Fnr,
        };
        Identifier { kind, number: self.number }
    }
}

/// All persons, in the order of drawing, which is no order.
pub(super) struct Population {
    persons: Vec<Person>,
    earlier: Vec<Earlier>,
}

impl Population {
    /// Draws so many persons.
    pub(super) fn draw(count: usize, seed: u64) -> Self {
        let mut drawing = Drawing::new(seed);
        let mut this = Self { persons: Vec::with_capacity(count), earlier: Vec::new() };
        while this.persons.len() < count {
            let Some((mut person, place)) = drawing.person() else { continue };
            let earlier = drawing.earlier(&person, place);
            if earlier != Earlier::default() {
                person.earlier = u32::try_from(this.earlier.len()).ok();
                this.earlier.push(earlier);
            }
            this.persons.push(person);
        }
        this
    }

    pub(super) fn persons(&self) -> &[Person] {
        &self.persons
    }

    /// What a person was known by before.
    pub(super) fn earlier(&self, person: &Person) -> Earlier {
        let place = person.earlier.and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.earlier.get(place)).copied().unwrap_or_default()
    }

    /// What a person was known by on a day.
    pub(super) fn known_by(&self, person: &Person, day: Day) -> Identifier {
        let Earlier { duf, dnr } = self.earlier(person);
        let was = |replaced: &Replaced| day < replaced.on;
        let duf = duf.filter(was).map(|duf| Identifier { kind: IdKind::Duf, number: duf.number });
        let dnr = dnr.filter(was).map(|dnr| Identifier { kind: IdKind::Dnr, number: dnr.number });
        duf.or(dnr).unwrap_or_else(|| person.identifier())
    }

    /// How many have a DUF-number.
    pub(super) fn duf_count(&self) -> u64 {
        self.earlier.iter().filter(|earlier| earlier.duf.is_some()).map(|_| 1).sum()
    }
}

/// What persons are drawn with.
pub(super) struct Drawing {
    random: SplitMix64,
    births: Births,
    /// A bit for each series, day and individ number.
    taken: Vec<u64>,
    dufs: u64,
}

impl Drawing {
    pub(super) fn new(seed: u64) -> Self {
        let births = Births::new();
        let taken = vec![0; (2 * births.day_count() * INDIVIDS).div_ceil(64)];
        Self { random: SplitMix64::new(seed), births, taken, dufs: 0 }
    }

    /// A person, and the place of the day of birth; `None` when that day is full.
    fn person(&mut self) -> Option<(Person, usize)> {
        let (place, sex) = self.births.draw(&mut self.random);
        let is_dnr = self.random.below(DNR_SHARE) == 0;
        let series = if is_dnr { NumberSeries::Dnr } else { NumberSeries::Fnr };
        let number = self.number(series, place, sex)?;
        let born = Day::FIRST_BIRTH.plus(i32::try_from(place).ok()?);
        Some((Person { number, series, born, sex, earlier: None }, place))
    }

    /// A number of a day that nobody has.
    pub(super) fn number(&mut self, series: NumberSeries, place: usize, sex: Sex) -> Option<u64> {
        let birth = self.births.date(place)?;
        let (parity, half) = match (sex, series) {
            (Sex::Female, NumberSeries::Dnr) => (0, 1),
            (Sex::Female, NumberSeries::Fnr) => (0, 0),
            (Sex::Male, NumberSeries::Dnr) => (1, 1),
            (Sex::Male, NumberSeries::Fnr) => (1, 0),
        };
        for _ in 0..TRIES {
            let individ = 2 * self.random.below(INDIVIDS / 2) + parity;
            let bit = (2 * place + half) * INDIVIDS + individ;
            let word = self.taken.get_mut(bit / 64)?;
            let mask = 1 << (bit % 64);
            if *word & mask == 0
                && let Some(number) = tenor_number(series, birth, u16::try_from(individ).ok()?)
            {
                *word |= mask;
                return Some(number);
            }
        }
        None
    }

    /// What a person was known by before; most by nothing.
    fn earlier(&mut self, person: &Person, place: usize) -> Earlier {
        let mut earlier = Earlier::default();
        let (first, second) = (self.day_since(person.born), self.day_since(person.born));
        let came_with_duf = match person.series {
            NumberSeries::Dnr => self.random.below(DUF_SHARE_OF_DNR) == 0,
            NumberSeries::Fnr if self.random.below(EARLIER_DNR_SHARE) == 0 => {
                let number = self.number(NumberSeries::Dnr, place, person.sex);
                earlier.dnr = number.map(|number| Replaced { number, on: first.max(second) });
                self.random.below(DUF_SHARE_OF_EARLIER_DNR) == 0
            }
            NumberSeries::Fnr => false,
        };
        if came_with_duf && let Some(number) = duf_number(self.dufs) {
            earlier.duf = Some(Replaced { number, on: first.min(second) });
            self.dufs += 1;
        }
        earlier
    }

    /// A day of the years that rows are about, and not before a birth.
    fn day_since(&mut self, born: Day) -> Day {
        let first = born.max(Day::FIRST);
        let days = usize::try_from(Day::LAST.days_after(first)).map_or(1, |days| days + 1);
        first.plus(i32::try_from(self.random.below(days)).unwrap_or_default())
    }
}
