//! What chance finds, and how much of it is too much.

/// One wrong alarm in a thousand million joins: what is beyond six standard deviations of a normal
/// variable on one side.
const ALARM: f64 = 1e-9;

/// How many pairs of a join were right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    /// Pairs that could be right.
    pub(crate) pairs: usize,
    /// Right pairs.
    pub(crate) right: usize,
    /// Right pairs of somebody who pairs by chance, on average; or more.
    pub(crate) mean: f64,
}

impl Joined {
    /// No better than chance.
    pub(crate) fn is_within(&self) -> bool {
        self.right <= most_by_chance(self.mean)
    }

    /// On what leaks: all is found, and the bound does not hide it.  Three pairs are too few for any
    /// bound; whoever shares digits by chance is one in a hundred at most.
    #[track_caller]
    pub(crate) fn is_leak(&self, what: &str) {
        assert!(self.right * 100 >= self.pairs * 99, "{what} misses a leak: {self:?}");
        assert!(self.pairs <= 3 || !self.is_within(), "{what}: the bound hides a leak: {self:?}");
    }

    #[track_caller]
    pub(crate) fn is_chance(&self, what: &str) {
        let most = most_by_chance(self.mean);
        assert!(self.is_within(), "{what}: {self:?}, more than {most}");
    }
}

/// The least number that a Poisson variable exceeds once in a thousand million times.  Counts of
/// right pairs among many unlikely ones are at most that wide; at means of about one a normal
/// variable's six standard deviations would be too few.
fn most_by_chance(mean: f64) -> usize {
    assert!((0.0..700.0).contains(&mean), "the first term does not underflow: {mean}");
    let mut term = (-mean).exp();
    let mut below = term;
    let mut most = 0;
    // What is left above, summed from its first term: exact where it is small.
    while 1.0 - below > ALARM {
        most += 1;
        term *= mean / real(most);
        below += term;
    }
    most
}

/// Five standard deviations of a rank correlation of nothing.
pub(crate) fn rho_bound(persons: usize) -> f64 {
    5.0 / real(persons).sqrt()
}

/// Spearman's rank correlation; equal values have the mean of their ranks.
pub(crate) fn rho<A: Ord, B: Ord>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len());
    let (a, b) = (ranks(a), ranks(b));
    let middle = (real(a.len()) - 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum()
    };
    sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt()
}

fn ranks<T: Ord>(values: &[T]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|place| &values[*place]);
    let mut ranks = vec![0.0; values.len()];
    let mut rank = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let mean = real(rank) + (real(equal.len()) - 1.0) / 2.0;
        equal.iter().for_each(|place| ranks[*place] = mean);
        rank += equal.len();
    }
    ranks
}

pub(crate) fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn bounds_and_correlations_are_those_of_the_textbook() {
    // P(X > 12) of a Poisson variable of mean 1 is 6.4e-11, P(X > 11) is 8.3e-10, P(X > 10) 1.0e-8.
    assert_eq!((most_by_chance(0.0), most_by_chance(1.0)), (0, 11));
    assert_eq!((rho(&[1, 2, 3], &[4, 5, 6]), rho(&[1, 2, 3], &[3, 2, 1])), (1.0, -1.0));
    // With ties: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
    assert!((rho(&[1, 2, 2, 3], &[1, 2, 3, 4]) - 4.5 / (4.5_f64 * 5.0).sqrt()).abs() < 1e-12);
}
