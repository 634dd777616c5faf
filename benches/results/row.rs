//! One measured figure, and where each benchmark leaves its own until they are joined.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::spread::Spread;

/// One measured figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was measured; `targets.rs` has floor and aim by this name.
    pub(crate) measure: String,
    /// The middle figure.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: String,
    /// The same of what it is measured against.
    pub(crate) reference: Option<f64>,
    /// Value over reference, by rounds that followed each other.
    pub(crate) ratio: Option<Spread>,
}

/// Where each benchmark leaves its figures: a file of its own, below the target directory.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-results")
}
