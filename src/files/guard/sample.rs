//! A sample of the different values of a column, in bounded memory.
//!
//! Each value is kept whose hash is below a bound; when there are too many, the bound is halved. So
//! every different value has the same chance to be in the sample, however often it occurs and
//! wherever it stands: a value that is repeated a million times counts once.
//!
//! What is kept is a hash under a key of this process, never the value, and never written anywhere.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Most values in a sample.
const VALUES_MAX: usize = 4096;

/// The key under which the values of one guard are hashed.
#[derive(Clone, Copy)]
pub(super) struct HashKey(u64);

impl HashKey {
    /// A key that no other guard has.
    pub(super) fn generate() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }

    /// `SplitMix64`, whose output is uniform over distinct inputs.
    fn hash(self, value: u64) -> u64 {
        let mixed = (value ^ self.0).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Some of the different values of a column, each with whether it is a hit.
pub(super) struct Sample {
    bound: u64,
    values: HashMap<u64, bool>,
}

impl Default for Sample {
    fn default() -> Self {
        Self { bound: u64::MAX, values: HashMap::new() }
    }
}

impl Sample {
    /// Takes notice of a value.
    pub(super) fn add(&mut self, key: HashKey, value: u64, is_hit: bool) {
        let hash = key.hash(value);
        if hash > self.bound {
            return;
        }
        self.values.insert(hash, is_hit);
        while self.values.len() > VALUES_MAX {
            self.bound /= 2;
            let bound = self.bound;
            self.values.retain(|hash, _| *hash <= bound);
        }
    }

    /// How many different values are in the sample, and how many of them are hits.
    pub(super) fn counts(&self) -> (u64, u64) {
        let hits = self.values.values().filter(|is_hit| **is_hit).count();
        (self.values.len() as u64, hits as u64)
    }

    /// How many values of this sample could be in the other, and how many are.
    pub(super) fn shared(&self, other: &Self) -> (u64, u64) {
        let bound = self.bound.min(other.bound);
        let comparable = self.values.keys().filter(|hash| **hash <= bound);
        let shared = comparable.clone().filter(|hash| other.values.contains_key(hash)).count();
        (comparable.count() as u64, shared as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_bounded_and_counts_each_value_once() {
        let key = HashKey::generate();
        let mut sample = Sample::default();
        for value in 0..200_000 {
            sample.add(key, value, value % 10 == 0);
            sample.add(key, 0, true);
        }
        let (values, hits) = sample.counts();
        assert!((1500..=4096).contains(&values), "{values}");
        assert!((values / 20..values / 5).contains(&hits), "{hits} of {values}");
    }

    #[test]
    fn what_two_columns_share_is_seen_in_their_samples() {
        let key = HashKey::generate();
        let of = |values: std::ops::Range<u64>| {
            let mut sample = Sample::default();
            values.for_each(|value| sample.add(key, value, false));
            sample
        };
        let (all, half) = (of(0..100_000), of(50_000..60_000));
        let (comparable, shared) = half.shared(&all);
        assert!(comparable > 100 && shared == comparable, "{shared} of {comparable}");
        assert_eq!(of(200_000..210_000).shared(&all).1, 0);
    }
}
