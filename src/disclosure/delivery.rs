//! What came out of a disclosure, and how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::Act;
use super::id::Sha256Hex;
use super::line::Line;
use crate::config::codes::PrincipalName;

/// What an extract was.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// SHA-256 of the signed manifest.
    pub manifest: Sha256Hex,
    /// The names of the files.
    pub files: Vec<Line>,
    /// Rows in all files.
    pub rows: u64,
    /// Different persons in all files.
    pub persons: u64,
    /// Persons who were left out because of a reservation.
    pub persons_left_out: u64,
}

/// An extract that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// What it was.
    pub extract: Extract,
    /// Who recorded it.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// The end of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Who closed it, and when.
    pub closed: Act,
    /// Who recorded that the recipient has deleted the data, and when; absent until then.
    pub deletion_confirmed: Option<Act>,
}
