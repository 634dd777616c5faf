//! Why a file could not be read or written.
//!
//! Text and advice are made here, where the cause is known; the command line adds the exit code.
//! Neither ever holds a value of the file: only names of columns, numbers of rows, and counts.

use std::fmt;
use std::path::Path;

/// The kinds of failure that a caller treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file is there already, and is to be kept; or somebody else is at work on it.
    Exists,
    /// The guard found identifiers where none are declared.
    Found,
    /// The input cannot be used.
    Input,
    /// A fault in this program.
    Internal,
    /// A checkpoint does not belong to this work.
    Stale,
    /// A file cannot be opened, written or renamed.
    System,
    /// What came is not what was signed, or was changed on its way.
    Verification,
}

/// Why a file could not be read or written, and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    advice: Vec<String>,
}

impl Error {
    /// An error of a kind: `what` is a clause without a full stop.
    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), advice: Vec::new() }
    }

    /// The input cannot be used.
    pub(crate) fn input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, what)
    }

    /// A file operation failed. `doing` is a verb, for example `read`.
    pub(crate) fn system(doing: &str, path: &Path, cause: &std::io::Error) -> Self {
        Self::new(ErrorKind::System, format!("cannot {doing} {}: {cause}", path.display()))
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do, line by line.
    #[must_use]
    pub fn advice(&self) -> &[String] {
        &self.advice
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Error {}
