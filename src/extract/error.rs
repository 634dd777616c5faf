//! Why an extract was not made.

use crate::files::{self, ErrorKind};

use super::issuer::IssuerError;
use super::report::FileReport;

/// Most refused rows that an error lists one by one.
const LISTED_MAX: usize = 20;

/// Why an extract was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be used or written, or holds what must not come out.
    #[error(transparent)]
    File(#[from] files::Error),
    /// Serials or surrogates could not be had.
    #[error("løpenummer or surrogates could not be had")]
    Issuer(#[source] IssuerError),
}

impl Error {
    /// Rows have no løpenummer.
    pub(super) fn refused(file: &FileReport) -> Self {
        let rows: u64 = file.refused.values().sum();
        let what = format!("{rows} rows of {} have no løpenummer", file.input.display());
        let mut error = files::Error::input(what);
        for row in file.refused_rows.iter().take(LISTED_MAX) {
            error = error.advise(format!("row {}: {}", row.row, row.refusal.code()));
        }
        for (refusal, count) in &file.refused {
            error = error.advise(format!("{} in all: {count}", refusal.code()));
        }
        error.advise("Correct the rows, or have them left out: --refused-rows leave-out.").into()
    }

    /// A fault in this program.
    pub(super) fn internal(what: &str) -> Self {
        files::Error::new(ErrorKind::Internal, what).into()
    }

    /// What to do, line by line.
    #[must_use]
    pub fn advice(&self) -> &[String] {
        match self {
            Self::File(error) => error.advice(),
            Self::Issuer(_) => &[],
        }
    }
}
