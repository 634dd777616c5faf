//! Whether so many hits may be chance. Pure.

/// A count of hits this improbable, or more so, is not put down to chance.
const CHANCE_MIN: f64 = 1e-5;

/// Whether so many hits may be chance, when so many are expected: `P(X ≥ hits)` of a Poisson
/// distribution is at least one in 100,000.
#[must_use]
pub fn is_chance(hits: u64, expected: f64) -> bool {
    tail(hits, expected) >= CHANCE_MIN
}

/// `P(X ≥ hits)` for `X` Poisson-distributed with this mean; 1 up to the mean, where the true value
/// is too large to matter.
fn tail(hits: u64, mean: f64) -> f64 {
    let hits = f64::from(u32::try_from(hits).unwrap_or(u32::MAX));
    if hits <= mean {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    // The first term by logarithms; the sum of the rest is geometric at worst, as hits > mean.
    let mut count = hits;
    let mut term = (hits * mean.ln() - mean - ln_factorial(hits)).exp();
    let mut sum = 0.0;
    while term > 1e-18 && term > sum * 1e-9 {
        sum += term;
        count += 1.0;
        term *= mean / count;
    }
    sum.max(term)
}

/// Stirling's series; exact enough from 1 on for a comparison with one in 100,000.
fn ln_factorial(count: f64) -> f64 {
    let shifted = count + 1.0;
    (shifted - 0.5) * shifted.ln() - shifted + 0.918_938_533_204_672_7 + 1.0 / (12.0 * shifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_the_poisson_distribution_are_right() {
        for (hits, mean, expected) in
            [(1, 0.001, 0.000_999_5), (2, 1.0, 0.264_24), (10, 5.0, 0.031_83), (25, 10.0, 4.695e-5)]
        {
            let found = tail(hits, mean);
            assert!((found / expected - 1.0).abs() < 0.02, "{hits} {mean}: {found} {expected}");
        }
    }

    #[test]
    fn a_hit_where_none_is_expected_is_no_chance() {
        assert!(!is_chance(1, 1e-9));
        assert!(!is_chance(200_000, 11.0));
        assert!(is_chance(0, 0.0));
        assert!(is_chance(12, 11.0));
        assert!(is_chance(1, 0.01));
        assert!(!is_chance(50, 11.0));
    }
}
