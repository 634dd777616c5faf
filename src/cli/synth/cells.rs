//! Cells that several kinds of data have.

use super::digits::Guid;
use super::population::Person;
use super::table::Table;
use super::units::Unit;
use crate::cli::random::SplitMix64;
use crate::ident::Sex;

/// One row in so many has a comment.
const COMMENT_SHARE: usize = 5;

/// A GUID of the row's own.
pub(super) fn guid(random: &mut SplitMix64, table: &mut Table) {
    table.text(Guid::of(random.next_u64(), random.next_u64()).as_str());
}

/// A unit's name and organisation number.
pub(super) fn unit(unit: Option<&Unit>, table: &mut Table) {
    table.text(unit.map_or("", |unit| unit.name));
    table.text(unit.map_or("", Unit::number));
}

/// Sex, year of birth and municipality.
pub(super) fn person(person: &Person, municipality: &str, table: &mut Table) {
    table.text(sex(person.sex));
    table.integer(person.born.year());
    table.text(municipality);
}

pub(super) const fn sex(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    }
}

/// One of the texts, or, mostly, none.
pub(super) fn comment(texts: &[&'static str], random: &mut SplitMix64, table: &mut Table) {
    let is_said = random.below(COMMENT_SHARE) == 0;
    table.text(if is_said { one_of(texts, random) } else { "" });
}

/// One of the texts, each as often.
pub(super) fn one_of(texts: &[&'static str], random: &mut SplitMix64) -> &'static str {
    texts.get(random.below(texts.len())).copied().unwrap_or_default()
}

/// Random whole numbers from one to another, both included.
pub(super) fn between(from: i32, to: i32, random: &mut SplitMix64) -> i32 {
    let count = usize::try_from(to.saturating_sub(from)).map_or(1, |count| count + 1);
    from + i32::try_from(random.below(count)).unwrap_or_default()
}
