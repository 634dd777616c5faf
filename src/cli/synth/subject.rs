//! Whom a row is about, and when: persons in no order, some far more often than others.

use super::days::Day;
use super::kinds::Kind;
use super::population::{Identifier, Person, Population};
use super::units::Municipalities;
use crate::cli::random::SplitMix64;

/// One row is each person's own. Of 20 others 5 are about one person in 50 and 7 about one in 6.
const ROW_SHARES: usize = 20;
/// Below which share, and among one person in how many.
const OFTEN: (usize, usize) = (5, 50);
const AT_TIMES: (usize, usize) = (12, 6);

/// Which number stands in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Known {
    /// The fødselsnummer or D-number that the person has at the end.
    #[default]
    Current,
    /// What the person was known by on the day of the row: DUF-number, D-number, then
    /// fødselsnummer. A test server takes the DUF-numbers if test_duf_prefixes has their beginning.
    Dated,
}

/// What a row is about.
pub(super) struct Subject<'a> {
    pub(super) person: &'a Person,
    pub(super) identifier: Identifier,
    /// The person's place in the population.
    pub(super) place: usize,
    /// When.
    pub(super) day: Day,
    /// The age on that day.
    pub(super) age: u8,
    /// Without an appointment, any day of the week.
    pub(super) is_urgent: bool,
    /// Where the person lives.
    pub(super) municipality: &'static str,
    /// Bits that are the same in all rows of the person.
    pub(super) traits: SplitMix64,
}

/// Draws whom rows are about.
pub(super) struct Subjects<'a> {
    population: &'a Population,
    kind: Kind,
    known: Known,
    seed: u64,
    municipalities: Municipalities,
    /// Rows that are left.
    left: u64,
    /// Persons whose own row is written.
    met: usize,
}

impl<'a> Subjects<'a> {
    /// Subjects of so many rows, which are at least as many as the persons.
    pub(super) fn new(
        population: &'a Population,
        (kind, known): (Kind, Known),
        rows: u64,
        seed: u64,
    ) -> Self {
        let municipalities = Municipalities::new();
        Self { population, kind, known, seed, municipalities, left: rows, met: 0 }
    }

    /// Whom the next row is about; `None` after the last.
    pub(super) fn next(&mut self, random: &mut SplitMix64) -> Option<Subject<'a>> {
        if self.left == 0 {
            return None;
        }
        let place = self.next_place(random);
        self.left -= 1;
        let person = self.population.persons().get(place)?;
        let first = person.born.max(Day::FIRST);
        let days = usize::try_from(Day::LAST.days_after(first)).map_or(1, |days| days + 1);
        let day = first.plus(i32::try_from(random.below(days)).unwrap_or_default());
        let is_urgent = random.below(4) == 0;
        // The last weekend is followed by a Monday that is still in the year.
        let day = if is_urgent { day } else { day.or_next_monday() };
        let identifier = match self.known {
            Known::Current => person.identifier(),
            Known::Dated => self.population.known_by(person, day),
        };
        let mut traits = SplitMix64::new(self.seed ^ person.number.wrapping_mul(0x9e37_79b9));
        let municipality = self.municipalities.draw(traits.next_u64());
        let age = day.age_of(person.born);
        Some(Subject { person, identifier, place, day, age, is_urgent, municipality, traits })
    }

    /// As many first rows are left as persons without one; each row is one of them with that
    /// probability. The others are about anybody.
    fn next_place(&mut self, random: &mut SplitMix64) -> usize {
        let unmet = self.population.persons().len() - self.met;
        if random.below_u64(self.left) < u64::try_from(unmet).unwrap_or(u64::MAX) {
            self.met += 1;
            return self.met - 1;
        }
        let place = self.anybody(random);
        // Who needs less is asked less often, but somebody has to be in the row.
        let age = self.population.persons().get(place).map_or(0, |p| Day::LAST.age_of(p.born));
        if random.below(8) < self.kind.use_at_age(age) { place } else { self.anybody(random) }
    }

    /// Anybody, but the first persons more often.
    fn anybody(&self, random: &mut SplitMix64) -> usize {
        let all = self.population.persons().len();
        let share = random.below(ROW_SHARES);
        let among = match share {
            _ if share < OFTEN.0 => all.div_ceil(OFTEN.1),
            _ if share < AT_TIMES.0 => all.div_ceil(AT_TIMES.1),
            _ => all,
        };
        random.below(among)
    }
}
