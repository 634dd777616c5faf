//! Tables that serde reads: those that are a part of a stored format too, and must mean the same.
//!
//! INVARIANT: no value of the file is in the problem, as serde would put it there.

use serde::de::DeserializeOwned;
use toml::de::ValueDeserializer;

use super::Section;

impl Section<'_, '_> {
    /// An option with parts of its own.  Unlike elsewhere only its first mistake is reported.
    pub(crate) fn typed<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key)?;
        let error = match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let line = error.span().map(|span| self.findings.line_at(span.start));
        let line = line.or_else(|| self.lines.get(key).copied()).unwrap_or(self.line);
        self.findings.add(line, self.place_of(key), without_values(error.message()));
        None
    }
}

/// What serde says, without the value that it may repeat.
fn without_values(message: &str) -> &str {
    const WHOLE: [&str; 3] = ["missing field", "unknown field", "duplicate field"];
    const TAIL: [&str; 3] = ["invalid type", "invalid value", "unknown variant"];
    let starts = |list: [&str; 3]| list.iter().any(|start| message.starts_with(start));
    // `invalid type: string "…", expected u32` ends with what belongs there.
    let tail = message.rfind("expected ").and_then(|at| message.get(at..));
    match tail {
        _ if starts(WHOLE) => message,
        Some(tail) if starts(TAIL) => tail,
        _ => "is not of the form that belongs here",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use crate::config::reader::read_document;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        day: jiff::civil::Date,
        word: Word,
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    fn problem(text: &str) -> String {
        let read = read_document(Path::new("x.toml"), text, |mut top| top.typed::<Part>("part"));
        read.map(|part| format!("{part:?}")).unwrap_err().to_string()
    }

    #[test]
    fn a_typed_table_is_reported_with_its_line_and_without_its_values() {
        const GOOD: &str = "[part]\nday = \"2026-01-01\"\nword = \"one\"\ncount = 1\n";
        let read = read_document(Path::new("x.toml"), GOOD, |mut top| top.typed::<Part>("part"));
        let part = read.unwrap();
        assert_eq!((part.count, matches!(part.word, Word::One)), (1, true));
        assert_eq!(part.day.year(), 2026);
        let cases = [
            ("count = 1", "count = \"41806012345\"", "x.toml:4: part: expected u32"),
            ("count = 1", "kount = 1", "x.toml:4: part: unknown field `kount`"),
            ("\"one\"", "\"41806012345\"", "x.toml:3: part: expected `one` or `two`"),
            ("2026-01-01", "41806012345", "x.toml:2: part: is not of the form that belongs here"),
            ("count = 1\n", "", "x.toml:1: part: missing field `count`"),
        ];
        for (from, to, expected) in cases {
            assert!(GOOD.contains(from));
            let shown = problem(&GOOD.replacen(from, to, 1));
            assert!(shown.starts_with(expected), "expected {expected}, got {shown}");
            assert!(!shown.contains("12345"), "{shown}");
        }
    }
}
