//! Which identifiers this server takes: environment, date of the 2032 rule, and test lists.
//!
//! # Why it exists
//!
//! A real number in a test system is a breach, and a synthetic one in production is a false
//! patient (DESIGN section 6, DOMAIN B6). Each value is judged against one [`RulesAt`]: the
//! server's rules, fixed at the date that the delivery was received.
//!
//! | | production | test and development |
//! |---|---|---|
//! | fødselsnummer, D-number without a marker | taken | `real_in_test` |
//! | the same with +40 (D-number only), +60, +65 or +80 | `synthetic_in_production` | taken |
//! | H-number with assigner | taken | configured assigner or listed number |
//! | H-number without assigner (or NAV +40) | `assigner_missing` | listed number only |
//! | felles hjelpenummer, DUF-number | taken | configured prefix or listed number |
//!
//! # Invariants
//!
//! The test lists have no effect in production, and no list can let a fødselsnummer or D-number
//! without a marker into a test system.
//!
//! # What it does *not* protect
//!
//! Kinds that carry no marker are only as safe in test as the configured lists: a prefix of one
//! digit would let real ones in.

use std::fmt;

use jiff::civil::{Date, date};
use thiserror::Error;

use super::check::{Parts, duf_check_digits_match, duf_year_is_plausible, sums_with_rest};
use super::digits;
use super::national::{Assigner, IdKind, Marker};
use super::place::Place;
use super::reject::Reject;

#[cfg(test)]
mod tests;

/// From this date Skatteetaten gives out numbers whose first check digit leaves a rest of 0–3, and
/// numbers no longer tell sex or century (DOMAIN B3, Skatteetaten nyttfnr2032).
pub const RULE_2032_FROM: Date = date(2032, 1, 1);

/// What kind of environment the server is; its store remembers which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A developer's machine: the numbers of [`Mode::Test`].
    Development,
    /// Real persons only.
    Production,
    /// Synthetic persons only.
    Test,
}

/// What the configuration file says; [`Rules::new`] turns it into rules.
#[derive(Clone)]
pub struct RulesConfig {
    /// What kind of environment this is.
    pub mode: Mode,
    /// First date of receipt on which rests 1–3 are taken; normally [`RULE_2032_FROM`].
    pub rule_2032_from: Date,
    /// Organisation numbers whose H-numbers are test data.
    pub test_assigners: Vec<String>,
    /// First digits of DUF-numbers that are test data.
    pub test_duf_prefixes: Vec<String>,
    /// First digits of felles hjelpenummer that are test data.
    pub test_felles_prefixes: Vec<String>,
    /// Whole numbers that are test data although they carry no marker of their own: H-numbers
    /// (also NAV's +40, which come without assigner), felles hjelpenummer, DUF-numbers.
    pub test_numbers: Vec<String>,
}

impl RulesConfig {
    /// The defaults for an environment: the 2032 rule on its legal date, no test lists.
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            rule_2032_from: RULE_2032_FROM,
            test_assigners: Vec::new(),
            test_duf_prefixes: Vec::new(),
            test_felles_prefixes: Vec::new(),
            test_numbers: Vec::new(),
        }
    }
}

impl fmt::Debug for RulesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesConfig").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// A line of the configuration that cannot be used; entries count from 1 and are not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RulesProblem {
    /// An entry of `test_assigners`.
    #[error("test_assigners, entry {entry}: not an organisation number of 9 digits")]
    Assigner {
        /// Its place in the list.
        entry: usize,
    },
    /// An entry of `test_duf_prefixes`.
    #[error("test_duf_prefixes, entry {entry}: not 1 to 12 digits of a year from 1900 to 2099")]
    DufPrefix {
        /// Its place in the list.
        entry: usize,
    },
    /// An entry of `test_felles_prefixes`.
    #[error("test_felles_prefixes, entry {entry}: not 1 to 11 digits that begin with 8 or 9")]
    FellesPrefix {
        /// Its place in the list.
        entry: usize,
    },
    /// An entry of `test_numbers`.
    #[error(
        "test_numbers, entry {entry}: not a valid h-number, felles hjelpenummer or duf-number \
         (numbers that can carry a synthetic marker need one and cannot be listed)"
    )]
    Number {
        /// Its place in the list.
        entry: usize,
    },
}

/// The first digits of a number, kept as the range of numbers that begin with them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix {
    first: u64,
    last: u64,
}

impl Prefix {
    /// A prefix of numbers of `digit_count` digits that begin with one of `beginnings`.
    fn parse(text: &str, digit_count: usize, beginnings: &[&str]) -> Option<Self> {
        let missing = digit_count.checked_sub(text.len())?;
        let value = digits::number_of(text.as_bytes())?;
        let begins_well =
            beginnings.iter().any(|begin| text.starts_with(begin) || begin.starts_with(text));
        let scale = 10u64.checked_pow(u32::try_from(missing).ok()?)?;
        // At most 12 digits in all, so neither product nor sum reaches 10^12.
        begins_well.then(|| Self { first: value * scale, last: value * scale + (scale - 1) })
    }

    const fn holds(self, number: u64) -> bool {
        self.first <= number && number <= self.last
    }
}

/// Which identifiers this server takes.
#[derive(Clone)]
pub struct Rules {
    mode: Mode,
    rule_2032_from: Date,
    test_assigners: Vec<Assigner>,
    test_duf_prefixes: Vec<Prefix>,
    test_felles_prefixes: Vec<Prefix>,
    test_numbers: Vec<u64>,
}

impl Rules {
    /// The rules that a configuration says.
    ///
    /// # Errors
    ///
    /// Every entry that cannot be used, all at once.
    pub fn new(config: &RulesConfig) -> Result<Self, Vec<RulesProblem>> {
        let mut problems = Vec::new();
        let test_assigners = parse_list(
            &config.test_assigners,
            |text| Assigner::parse(text.as_bytes()),
            |entry| problems.push(RulesProblem::Assigner { entry }),
        );
        let test_duf_prefixes = parse_list(
            &config.test_duf_prefixes,
            |text| Prefix::parse(text, 12, &["19", "20"]),
            |entry| problems.push(RulesProblem::DufPrefix { entry }),
        );
        let test_felles_prefixes = parse_list(
            &config.test_felles_prefixes,
            |text| Prefix::parse(text, 11, &["8", "9"]),
            |entry| problems.push(RulesProblem::FellesPrefix { entry }),
        );
        let test_numbers = parse_list(&config.test_numbers, listed_number, |entry| {
            problems.push(RulesProblem::Number { entry });
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            mode: config.mode,
            rule_2032_from: config.rule_2032_from,
            test_assigners,
            test_duf_prefixes,
            test_felles_prefixes,
            test_numbers,
        })
    }

    /// What kind of environment this is.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// First date of receipt under the 2032 rule.
    #[must_use]
    pub const fn rule_2032_from(&self) -> Date {
        self.rule_2032_from
    }

    /// True when numbers received on this date may leave a rest of 1–3 (DOMAIN B3).
    #[must_use]
    pub fn accepts_2032(&self, received: Date) -> bool {
        received >= self.rule_2032_from
    }

    /// The rules for what was received on a date; made once per batch.
    #[must_use]
    pub fn at(&self, received: Date) -> RulesAt<'_> {
        let rest_max = if self.accepts_2032(received) { 3 } else { 0 };
        let taken = (0..Place::COUNT).map(Place::new);
        let taken = taken.filter(|place| self.takes(place.kind(), place.marker()));
        let taken = taken.fold(0, |taken, place| taken | (1 << place.number()));
        RulesAt { rules: self, received, sums_1: sums_with_rest(rest_max), taken }
    }
}

impl Rules {
    /// Whether every sound number of a kind with this marker is taken, whoever assigned it.
    const fn takes(&self, kind: IdKind, marker: Marker) -> bool {
        let is_marked = !matches!(marker, Marker::None);
        let is_production = matches!(self.mode, Mode::Production);
        match kind {
            IdKind::Dnr | IdKind::Fnr => is_marked != is_production,
            IdKind::Duf | IdKind::Felles => is_production,
            IdKind::Hnr | IdKind::Local => false,
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// The rules, at the date of receipt.
#[derive(Clone, Copy, Debug)]
pub struct RulesAt<'a> {
    rules: &'a Rules,
    received: Date,
    /// The first check sums that may be, one bit each.
    sums_1: u64,
    /// Of which kind and marker every sound number is taken, one bit each.
    taken: u32,
}

impl RulesAt<'_> {
    /// What kind of environment this is.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.rules.mode
    }

    /// When the numbers were received.
    #[must_use]
    pub const fn received(&self) -> Date {
        self.received
    }

    /// True when numbers may leave a rest of 1–3.
    #[must_use]
    pub const fn accepts_2032(&self) -> bool {
        self.sums_1 != sums_with_rest(0)
    }

    /// The first check sums that may be, one bit each.
    #[inline]
    pub(super) const fn sums_1(&self) -> u64 {
        self.sums_1
    }

    /// Whether this environment takes every sound number of a kind and marker.
    #[inline]
    pub(super) const fn takes(&self, place: Place) -> bool {
        (self.taken >> place.number()) & 1 == 1
    }

    /// Whether this environment takes a sound number; the table in the module's documentation.
    #[inline]
    pub(super) fn admit(
        &self,
        kind: IdKind,
        marker: Marker,
        assigner: Option<Assigner>,
        number: u64,
    ) -> Result<(), Reject> {
        let is_production = matches!(self.rules.mode, Mode::Production);
        match kind {
            _ if self.rules.takes(kind, marker) => Ok(()),
            IdKind::Dnr | IdKind::Fnr if is_production => Err(Reject::SyntheticInProduction),
            IdKind::Dnr | IdKind::Fnr => Err(Reject::RealInTest),
            IdKind::Local if assigner.is_none() => Err(Reject::AssignerMissing),
            IdKind::Hnr | IdKind::Local if is_production && assigner.is_some() => Ok(()),
            IdKind::Hnr if is_production => Err(Reject::AssignerMissing),
            IdKind::Duf | IdKind::Felles | IdKind::Hnr | IdKind::Local => {
                self.admit_listed(kind, assigner, number)
            }
        }
    }

    /// Test and development, for the kinds that carry no marker of their own.
    #[inline(never)]
    fn admit_listed(
        &self,
        kind: IdKind,
        assigner: Option<Assigner>,
        number: u64,
    ) -> Result<(), Reject> {
        let begins_with_one_of =
            |prefixes: &[Prefix]| prefixes.iter().any(|prefix| prefix.holds(number));
        let is_test = match (kind, assigner) {
            (IdKind::Duf, _) => begins_with_one_of(&self.rules.test_duf_prefixes),
            (IdKind::Felles, _) => begins_with_one_of(&self.rules.test_felles_prefixes),
            (IdKind::Hnr | IdKind::Local, Some(assigner)) => {
                self.rules.test_assigners.contains(&assigner)
            }
            (IdKind::Dnr | IdKind::Fnr, _) | (IdKind::Hnr | IdKind::Local, None) => false,
        };
        // The packed text of a local number is no number of the list.
        let is_listed =
            || kind != IdKind::Local && self.rules.test_numbers.binary_search(&number).is_ok();
        if is_test || is_listed() {
            Ok(())
        } else if matches!((kind, assigner), (IdKind::Hnr, None)) {
            Err(Reject::AssignerMissing)
        } else {
            Err(Reject::RealInTest)
        }
    }
}

/// Parses each entry of a list; those that fail are reported by their place, counted from 1.
fn parse_list<T: Ord>(
    texts: &[String],
    parse: impl Fn(&str) -> Option<T>,
    mut report: impl FnMut(usize),
) -> Vec<T> {
    let mut list = Vec::with_capacity(texts.len());
    for (entry, text) in (1..).zip(texts) {
        match parse(text) {
            Some(value) => list.push(value),
            None => report(entry),
        }
    }
    list.sort_unstable();
    list
}

/// A sound number of a kind that carries no marker of its own.
fn listed_number(text: &str) -> Option<u64> {
    let number = digits::number_of(text.as_bytes())?;
    let is_sound = match text.len() {
        11 => {
            let parts = Parts::of(number);
            matches!(parts.kind(), IdKind::Felles | IdKind::Hnr)
                && parts.has_date()
                && parts.rest_1() <= 3
                && parts.rest_2() == 0
        }
        12 => duf_year_is_plausible(number) && duf_check_digits_match(number),
        _ => false,
    };
    is_sound.then_some(number)
}
