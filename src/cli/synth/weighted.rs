//! Draws from a list of things that are not equally common.

/// The weights of a list, added up.
pub(super) struct Weights {
    sums: Vec<u32>,
}

impl Weights {
    /// The weights of things, in their order.
    pub(super) fn of(weights: impl Iterator<Item = u32>) -> Self {
        let mut sum = 0;
        let add = |weight| {
            sum += weight;
            sum
        };
        Self { sums: weights.map(add).collect() }
    }

    /// The place of the thing that 64 random bits draw.
    pub(super) fn place(&self, bits: u64) -> usize {
        let total = self.sums.last().copied().unwrap_or(1);
        let at = u32::try_from((u128::from(bits) * u128::from(total)) >> 64).unwrap_or_default();
        self.sums.partition_point(|sum| *sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_drawn_by_their_weight_and_never_without() {
        let weights = Weights::of([0, 1, 0, 3].into_iter());
        let quarter = 1 << 62;
        let drawn = [0, quarter - 1, quarter, u64::MAX].map(|bits| weights.place(bits));
        assert_eq!(drawn, [1, 1, 3, 3]);
    }
}
