//! What a check of a store finds wrong, with the place of each.
//!
//! Why it exists: whoever checks a store wants everything that is wrong, not the first of it.  So
//! nothing here ends a check.
//!
//! INVARIANT: a place is the kind of a key and its parts, which hold no identifier, no person number
//! and no ID; what is wrong is a fixed text, or numbers of entries and positions.
//!
//! What it does *not* do: say how it came to that.

use std::borrow::Cow;
use std::fmt;

use super::keys::Key;

/// Findings that are kept; of more only the number is.
const KEPT_MAX: usize = 1_000;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: String,
    /// What.
    pub what: Cow<'static, str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Everything that is wrong.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    total: u64,
}

impl Findings {
    /// Adds what is wrong with a stored record.
    pub fn record(&mut self, key: &[u8], what: impl Into<Cow<'static, str>>) {
        self.add(place_of(key), what);
    }

    /// Adds what is wrong somewhere.
    pub fn add(&mut self, place: impl Into<String>, what: impl Into<Cow<'static, str>>) {
        self.total += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(Finding { place: place.into(), what: what.into() });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first of them.
    #[must_use]
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }
}

/// A key for people: its kind, and its parts in hexadecimal.
fn place_of(key: &[u8]) -> String {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    match Key::parse(key) {
        Ok((kind, _)) => format!("{} {hex}", kind.name()),
        Err(_) => format!("key {hex}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_the_kind_and_the_parts_of_its_key() {
        let mut findings = Findings::default();
        findings.record(Key::delta(2, 7).as_bytes(), "it does not open");
        findings.record(&[0xfe, 1], "unknown");
        let shown: Vec<String> = findings.kept().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["membership delta 2000020000000000000007: it does not open", "key fe01: unknown"]
        );
    }

    #[test]
    fn more_than_can_be_kept_are_counted() {
        let mut findings = Findings::default();
        (0..1_200).for_each(|_| findings.add("log", "wrong"));
        assert_eq!((findings.total(), findings.kept().len()), (1_200, KEPT_MAX));
    }
}
