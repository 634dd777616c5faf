//! Smallest, middle and largest of the figures of repeated rounds.

use serde::{Deserialize, Serialize};

/// Smallest, middle and largest of some figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Smallest.
    pub(crate) min: f64,
    /// Middle; of two, the smaller.
    pub(crate) median: f64,
    /// Largest.
    pub(crate) max: f64,
}

/// Of at least one figure.
impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        Self { min: figures[0], median: figures[last / 2], max: figures[last] }
    }
}
