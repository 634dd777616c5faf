//! What is wrong with a configuration, all of it at once.

use std::fmt;

/// One thing that is wrong in a configuration file: where it is, what it is and what to do.
///
/// Values are shown only where they cannot be a secret; see `crate::config::reader`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: String,
    line: Option<usize>,
    place: String,
    text: String,
}

impl Problem {
    pub(crate) const fn new(
        file: String,
        line: Option<usize>,
        place: String,
        text: String,
    ) -> Self {
        Self { file, line, place, text }
    }

    /// The path of the file, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line in the file, from 1, if the problem has one.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The table and option, such as `limits.streams_max`; empty for the file as a whole.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong and what to do about it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Everything that is wrong with a configuration; shown one problem per line.
///
/// INVARIANT: never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, or `None` if there are none.
    pub(crate) fn from_list(list: Vec<Problem>) -> Option<Self> {
        if list.is_empty() { None } else { Some(Self(list)) }
    }

    /// The problem of a file as a whole.
    pub(crate) fn of_file(file: String, text: String) -> Self {
        Self(vec![Problem::new(file, None, String::new(), text)])
    }

    /// The problems, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// These problems and those of another file, so that all files are reported together.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_one_per_line_with_file_line_and_place() {
        let first = Problem::new("a.toml".into(), Some(3), "tls.x".into(), "is wrong".into());
        let all = Problems::from_list(vec![first]).unwrap();
        let all = all.join(Problems::of_file("b.toml".into(), "is missing".into()));
        assert_eq!(all.to_string(), "a.toml:3: tls.x: is wrong\nb.toml: is missing");
        assert_eq!(Problems::from_list(Vec::new()), None);
    }
}
