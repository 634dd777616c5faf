//! Reads TOML without stopping at the first mistake.
//!
//! Deserialising with serde ends at the first wrong value; an operator would then meet the mistakes
//! of a file one restart at a time.  So a [`Section`] hands out the values of a table one by one,
//! notes in [`Findings`] what is wrong with each, and at its end what nobody asked for.
//!
//! INVARIANT: a value is shown in a problem only where an option of that name expects a short word
//! or a number.  Unknown options, paths and syntax errors are reported without it: that is where a
//! passphrase or a key pasted into the file would turn up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::files;
use super::problems::{Problem, Problems};
use super::validity::Validity;
use super::words::{UnknownWord, listed, shown};

mod typed;

/// What has been found wrong with one file so far.
pub(crate) struct Findings {
    file: String,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    /// Options that were absent, so that a test can tell that the shipped files show all.
    #[cfg(test)]
    absent: RefCell<Vec<String>>,
}

impl Findings {
    fn new(file: &Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.display().to_string(),
            line_starts: breaks.map(|(offset, _)| offset + 1).collect(),
            problems: RefCell::default(),
            #[cfg(test)]
            absent: RefCell::default(),
        }
    }

    /// The line, from 1, of a byte of the file.
    fn line_at(&self, offset: usize) -> usize {
        1 + self.line_starts.partition_point(|start| *start <= offset)
    }

    fn add(&self, line: usize, place: String, text: impl Into<String>) {
        let problem = Problem::new(self.file.clone(), Some(line), place, text.into());
        self.problems.borrow_mut().push(problem);
    }

    #[cfg(test)]
    pub(crate) fn absent(&self) -> Vec<String> {
        self.absent.borrow().clone()
    }
}

/// Reads the text of a file, named `file` in problems, by handing its top table to `read`.
///
/// `read` returns `None` only after it has noted a problem.
pub(crate) fn read_document<T>(
    file: &Path,
    text: &str,
    read: impl FnOnce(Section<'_, '_>) -> Option<T>,
) -> Result<T, Problems> {
    let findings = Findings::new(file, text);
    let value = read_with(&findings, text, read);
    match (Problems::from_list(findings.problems.into_inner()), value) {
        (Some(problems), _) => Err(sorted(problems)),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(Problems::of_file(findings.file, "could not be understood".into())),
    }
}

/// Reads a file; see [`read_document`].
pub(crate) fn read_file<T>(
    file: &Path,
    read: impl FnOnce(Section<'_, '_>) -> Option<T>,
) -> Result<T, Problems> {
    let text = files::read_text(file).map_err(|error| {
        let text = match &error {
            files::FileError::Missing(_) => "does not exist; create it or correct the path".into(),
            files::FileError::Unreadable { source, .. } => format!("cannot be read: {source}"),
            other => other.to_string(),
        };
        Problems::of_file(file.display().to_string(), text)
    })?;
    read_document(file, &text, read)
}

fn read_with<T>(
    findings: &Findings,
    text: &str,
    read: impl FnOnce(Section<'_, '_>) -> Option<T>,
) -> Option<T> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map_or(1, |span| findings.line_at(span.start));
        findings.add(line, String::new(), format!("not TOML: {}", error.message()));
    }
    // What a broken file seems to lack would only distract.
    if !errors.is_empty() {
        return None;
    }
    read(Section::new(findings, String::new(), 1, table.into_inner()))
}

fn sorted(problems: Problems) -> Problems {
    let mut list: Vec<Problem> = problems.iter().cloned().collect();
    list.sort_by_key(Problem::line);
    Problems::from_list(list).unwrap_or(problems)
}

/// One table of a file.
pub(crate) struct Section<'f, 'i> {
    findings: &'f Findings,
    place: String,
    line: usize,
    entries: DeTable<'i>,
    asked: Vec<&'static str>,
    lines: BTreeMap<&'static str, usize>,
}

impl<'f, 'i> Section<'f, 'i> {
    const fn new(findings: &'f Findings, place: String, line: usize, entries: DeTable<'i>) -> Self {
        Self { findings, place, line, entries, asked: Vec::new(), lines: BTreeMap::new() }
    }

    /// Notes a problem with the option, or with the table if `key` is empty.
    pub(crate) fn problem(&self, key: &str, text: impl Into<String>) {
        let line = self.lines.get(key).copied().unwrap_or(self.line);
        self.findings.add(line, self.place_of(key), text);
    }

    /// Notes the options that nobody has asked for.
    pub(crate) fn finish(&self) {
        for key in self.entries.keys() {
            let line = self.findings.line_at(key.span().start);
            let text = format!("unknown option; here are known: {}", listed(&self.asked));
            self.findings.add(line, self.place_of(&shortened(key.get_ref())), text);
        }
    }

    /// Calls the table by what it is about rather than by its position.
    pub(crate) fn rename(&mut self, place: String) {
        self.place = place;
    }

    fn place_of(&self, key: &str) -> String {
        match (self.place.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.place.clone(),
            (false, false) => format!("{}.{key}", self.place),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.asked.push(key);
        let value = self.entries.remove(key);
        if let Some(value) = &value {
            self.lines.insert(key, self.findings.line_at(value.span().start));
        } else {
            #[cfg(test)]
            self.findings.absent.borrow_mut().push(self.place_of(key));
        }
        value
    }

    /// Whether the table has the option and nobody has asked for it yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether the table has the option, nobody has asked for it yet, and it is no empty list.
    pub(crate) fn has_items(&self, key: &str) -> bool {
        let value = self.entries.get(key).map(Spanned::get_ref);
        value.is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()))
    }

    /// Notes that an option must be there, if it is not.
    pub(crate) fn require(&self, key: &'static str) {
        if !self.has(key) {
            self.problem(key, "is missing; add it");
        }
    }

    /// An option that is text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        self.checked(key, text.ok_or_else(|| wrong_type("text in quotes", value.get_ref())))
    }

    /// An option that is text of at least one character and on one line.
    pub(crate) fn line_of_text(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            self.problem(key, "must be one line of text, and not empty");
            return None;
        }
        Some(text)
    }

    /// An option with a form of its own, such as a code or a word out of a few.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        self.checked(key, text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// As [`Self::parsed`], but the option must be there.
    pub(crate) fn required<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<T> {
        self.require(key);
        self.parsed(key)
    }

    /// An option that is one of a few words, and must be there.
    pub(crate) fn word(
        &mut self,
        key: &'static str,
        words: &'static [&'static str],
    ) -> Option<&'static str> {
        self.require(key);
        let text = self.text(key)?;
        let found = words.iter().copied().find(|word| *word == text);
        self.checked(key, found.ok_or_else(|| UnknownWord::new(&text, words).to_string()))
    }

    /// An option that is a list of text, each with a form of its own; what is listed twice is a
    /// problem.
    pub(crate) fn list<T: FromStr<Err: Display> + PartialEq>(
        &mut self,
        key: &'static str,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.problem(key, wrong_type("a list in square brackets", value.get_ref()));
            return Vec::new();
        };
        let mut list: Vec<T> = Vec::with_capacity(items.len());
        for item in items.iter() {
            let line = self.findings.line_at(item.span().start);
            let add = |text: String| self.findings.add(line, self.place_of(key), text);
            match item.get_ref().as_str().map(str::parse::<T>) {
                None => add(wrong_type("text in quotes", item.get_ref())),
                Some(Err(error)) => add(error.to_string()),
                Some(Ok(parsed)) if list.contains(&parsed) => {
                    add(format!("{} is listed twice; remove one", as_shown(item.get_ref())));
                }
                Some(Ok(parsed)) => list.push(parsed),
            }
        }
        list
    }

    /// An option that is a whole number within bounds.
    pub(crate) fn number<T>(&mut self, key: &'static str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let value = self.take(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.problem(key, wrong_type("a whole number", value.get_ref()));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| T::try_from(number).ok());
        self.checked(
            key,
            number.filter(|number| bounds.contains(number)).ok_or_else(|| {
                let (low, high) = (bounds.start(), bounds.end());
                format!("{} is outside the limits {low} to {high}", shown(integer.as_str()))
            }),
        )
    }

    /// An option that is true or false.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = value.get_ref().as_bool();
        self.checked(key, flag.ok_or_else(|| wrong_type("true or false", value.get_ref())))
    }

    /// An option that is a day, with or without quotes.
    pub(crate) fn date(&mut self, key: &'static str) -> Option<Date> {
        let value = self.take(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(day) => Some(day.to_string()),
            other => other.as_str().map(str::to_owned),
        };
        // Ten characters: no time of day, which would be cut off without a word.
        let date =
            text.as_deref().filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
        self.checked(
            key,
            date.ok_or_else(|| {
                let given = text.as_deref().map_or_else(|| as_shown(value.get_ref()), shown);
                format!("{given} is not a day; write it as \"2026-12-31\"")
            }),
        )
    }

    /// The options `valid_from` and `valid_to`, either of which may be absent.
    pub(crate) fn validity(&mut self) -> Option<Validity> {
        let (from, to) = (self.date("valid_from"), self.date("valid_to"));
        let validity = Validity::new(from, to);
        if validity.is_none() {
            self.problem("valid_to", "is before valid_from; correct one of them");
        }
        validity
    }

    /// An option that is the path of a file or directory; it is shown in no problem.
    pub(crate) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        // Linux's PATH_MAX.
        const PATH_BYTES_MAX: usize = 4096;
        let text = self.text(key)?;
        let is_content = text.chars().any(char::is_control) || text.starts_with("-----BEGIN");
        if text.is_empty() || text.len() > PATH_BYTES_MAX || is_content {
            self.problem(key, "is not a path; give the path of a file, never its content");
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// A table within this one, empty if it is absent.
    pub(crate) fn child(&mut self, key: &'static str) -> Self {
        let (place, line) = (self.place_of(key), self.line);
        let Some(value) = self.take(key) else {
            return Self::new(self.findings, place, line, DeTable::new());
        };
        self.table(key, place, value)
    }

    /// A list of tables within this one.
    pub(crate) fn children(&mut self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let value = value.into_inner();
        let DeValue::Array(items) = value else {
            self.problem(key, wrong_type("a list of tables", &value));
            return Vec::new();
        };
        let place = self.place_of(key);
        let tables = items.into_iter().enumerate();
        tables.map(|(i, item)| self.table(key, format!("{place}[{}]", i + 1), item)).collect()
    }

    fn table(&self, key: &'static str, place: String, value: Spanned<DeValue<'i>>) -> Self {
        let line = self.findings.line_at(value.span().start);
        let value = value.into_inner();
        let table = if let DeValue::Table(table) = value {
            table
        } else {
            self.problem(key, wrong_type("a table", &value));
            DeTable::new()
        };
        Self::new(self.findings, place, line, table)
    }

    fn checked<T>(&self, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|text| self.problem(key, text)).ok()
    }

    #[cfg(test)]
    pub(crate) const fn findings(&self) -> &'f Findings {
        self.findings
    }
}

/// The name of an unknown option, which may be anything.
fn shortened(key: &str) -> String {
    const KEY_CHARS_MAX: usize = 40;
    key.chars().take(KEY_CHARS_MAX).flat_map(char::escape_debug).collect()
}

fn wrong_type(expected: &str, value: &DeValue<'_>) -> String {
    format!("must be {expected}, not of type {}", value.type_str())
}

fn as_shown(value: &DeValue<'_>) -> String {
    value.as_str().map_or_else(|| format!("a value of type {}", value.type_str()), shown)
}

#[cfg(test)]
mod tests;
