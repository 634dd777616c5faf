//! A whole disclosure in one file: application, decision with its terms, and the files it reads.
//!
//! An officer writes it, or has it written by the case system, and keeps it beside the case.  The
//! command line reads it and sends its parts; what the server decides by is what the server stores.
//!
//! INVARIANT: every register that the terms let something out of has a file, and every file a
//! register; no two outputs have the same name, and none lies outside the directory of the output.
//!
//! What it does *not* say: whether the decision is good.  [`Decision::check`] does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::application::Request;
use super::decision::Decision;
use super::recipient_key::RecipientKey;
use crate::config::codes::RegisterCode;
use crate::config::problems::Problems;
use crate::config::reader;

mod parts;
mod read;

pub use parts::{load_application, load_decision};

/// A whole disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The application.
    pub application: Request,
    /// The decision.
    pub decision: Decision,
    /// The age key that extracts are sealed to.
    pub recipient_key: RecipientKey,
    /// The last day on which anything is issued.
    pub expires: Date,
    /// The files of health data.
    pub files: Vec<SourceFile>,
}

/// A file of a register's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The register.
    pub register: RegisterCode,
    /// Where the file is.
    pub path: PathBuf,
    /// What it is called in the extract.
    pub output: OutputName,
}

/// The name of a file in an extract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutputName(String);

/// Text that cannot be the name of a file in an extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not the name of an output: 1 to 100 of a-z, A-Z, 0-9, dot, hyphen and underscore, not \
     beginning with a dot, ending with .csv or .parquet"
)]
pub struct OutputNameError;

impl OutputName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for OutputName {
    type Err = OutputNameError;

    fn from_str(text: &str) -> Result<Self, OutputNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let stem = text.strip_suffix(".csv").or_else(|| text.strip_suffix(".parquet"));
        let is_name = text.len() <= 100
            && !text.starts_with('.')
            && text.bytes().all(is_plain)
            && stem.is_some_and(|stem| !stem.is_empty());
        if is_name { Ok(Self(text.to_owned())) } else { Err(OutputNameError) }
    }
}

impl std::fmt::Display for OutputName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Description {
    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// All problems of the file, at once; of the terms, which are a stored format too, the first
    /// mistake in the form, or all in the content.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        reader::read_file(path, read::description)
    }

    /// Parses the text of such a file, which problems call `file`.
    ///
    /// # Errors
    ///
    /// As those of [`Self::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problems> {
        reader::read_document(file, text, read::description)
    }

    /// The registers that have a file.
    fn registers_with_files(files: &[SourceFile]) -> BTreeSet<&str> {
        files.iter().map(|file| file.register.as_str()).collect()
    }
}

#[cfg(test)]
mod tests;
