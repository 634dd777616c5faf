//! Making the figures of one benchmark, and leaving them where `benches/results/main.rs` joins them.

use super::row::{Row, directory};
use super::spread::Spread;

impl Row {
    /// A figure beside what it is measured against: a pair for each round.
    pub(crate) fn beside(measure: impl Into<String>, unit: &str, rounds: &[(f64, f64)]) -> Self {
        let spread = |figure: fn(&(f64, f64)) -> f64| rounds.iter().map(figure).collect::<Spread>();
        Self {
            measure: measure.into(),
            value: spread(|(value, _)| *value).median,
            unit: unit.to_owned(),
            reference: Some(spread(|(_, reference)| *reference).median),
            ratio: Some(spread(|(value, reference)| value / reference)),
        }
    }

    /// A figure that stands alone.
    pub(crate) fn alone(measure: impl Into<String>, unit: &str, value: f64) -> Self {
        let (reference, ratio) = (None, None);
        Self { measure: measure.into(), value, unit: unit.to_owned(), reference, ratio }
    }
}

/// Writes the figures of a benchmark in the place of its earlier ones, and says where.
pub(crate) fn write(benchmark: &str, rows: &[Row]) {
    let directory = directory();
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    let path = directory.join(format!("{benchmark}.json"));
    let text = serde_json::to_vec_pretty(rows).expect("figures have a JSON form");
    std::fs::write(&path, text).expect("the target directory is writable");
    println!("written: {}", path.display());
}
