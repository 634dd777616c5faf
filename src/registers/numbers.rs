//! The register numbers of one register: leased, drawn in random order, never given twice.
//!
//! The keyed permutation hides the order of arrival from who has no key.  Who has stolen the register
//! plane's keys can undo it; so the positions of a lease are shuffled before they are drawn, by
//! randomness that is kept nowhere.
//!
//! ```text
//! lease  positions next..end ─► shuffled ─► a person's position ─► permutation ─► register number
//! ```
//!
//! What it does *not* hide from them: which lease a number is from.

use std::sync::Arc;

use super::keys::PlaneKeys;
use super::open::Opening;
use super::{Error, RegisterMarks};
use crate::crypto::Entropy;
use crate::store::keys::Key;
use crate::store::records::encode_mark;
use crate::store::{Batch, Durability, Store};

/// Numbers in the first lease of a run; each further one is twice as large, up to the maximum.
const LEASE_FIRST: u64 = 8_192;
const LEASE_MAX: u64 = 1_048_576;

/// Where a register draws its next number, and its next delta.
pub(super) struct Numbers {
    register: u16,
    store: Arc<dyn Store>,
    marks: Arc<dyn RegisterMarks>,
    entropy: Arc<Entropy>,
    // Positions that are leased and not drawn, in random order.
    waiting: Vec<u64>,
    end: u64,
    lease: u64,
    delta: u64,
}

impl Numbers {
    /// Every start draws from a lease of its own; what an earlier one had left is burned.
    pub(super) fn new(opening: &Opening, register: u16, (leased, next_delta): (u64, u64)) -> Self {
        Self {
            register,
            store: Arc::clone(&opening.store),
            marks: Arc::clone(&opening.marks),
            entropy: Arc::clone(&opening.entropy),
            waiting: Vec::new(),
            end: leased,
            lease: LEASE_FIRST,
            delta: next_delta,
        }
    }

    /// Draws numbers. They are burned when the commit they were drawn for fails.
    pub(super) fn draw(&mut self, count: usize, keys: &PlaneKeys) -> Result<Vec<u64>, Error> {
        if let Some(missing) = count.checked_sub(self.waiting.len()).filter(|more| *more > 0) {
            self.lease_more(missing as u64)?;
        }
        let left = self.waiting.len() - count;
        keys.numbers_at(self.register, self.waiting.split_off(left))
    }

    fn lease_more(&mut self, missing: u64) -> Result<(), Error> {
        let end = self.end + missing.max(self.lease);
        let mut batch = Batch::new();
        batch.put(Key::high_water(self.register), encode_mark(end));
        self.store.commit("lease register numbers", batch, Durability::Synced)?;
        self.marks.raise_register(self.register, end).map_err(Error::Mark)?;
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend(self.end..end);
        self.end = end;
        self.lease = (self.lease * 2).min(LEASE_MAX);
        // Without randomness nothing is drawn, and the lease is burned.
        shuffle(&mut waiting, &self.entropy)?;
        self.waiting = waiting;
        Ok(())
    }

    /// The sequence number of the next delta.
    pub(super) fn next_delta(&mut self) -> u64 {
        let sequence = self.delta;
        self.delta += 1;
        sequence
    }
}

/// Fisher and Yates.  The remainder of a random number below 2^64 by one below 2^24 is as good as
/// uniform.
fn shuffle(positions: &mut [u64], entropy: &Entropy) -> Result<(), Error> {
    let mut random = vec![0; size_of_val(positions)];
    entropy.fill(&mut random)?;
    let (words, _) = random.as_chunks::<8>();
    for (end, word) in (1..positions.len()).zip(words).rev() {
        let other = u64::from_le_bytes(*word) % (end as u64 + 1);
        positions.swap(end, usize::try_from(other).expect("an index"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_each_position_and_puts_each_anywhere() {
        let entropy = Entropy::dangerous_seeded(5);
        let mut sums = [0_u64; 4];
        for _ in 0..4_000 {
            let mut four = [0, 1, 2, 3];
            shuffle(&mut four, &entropy).unwrap();
            sums.iter_mut().zip(four).for_each(|(sum, one)| *sum += one);
            four.sort_unstable();
            assert_eq!(four, [0, 1, 2, 3]);
        }
        // The mean at each place is 1.5; its standard deviation is 0.018.
        assert!(sums.iter().all(|sum| (5_600..6_400).contains(sum)), "{sums:?}");
        let mut many: Vec<u64> = (0..2_000).collect();
        shuffle(&mut many, &entropy).unwrap();
        let stayed = (0..).zip(&many).filter(|(at, one)| at == *one).count();
        assert!(stayed < 12, "{stayed}");
        many.sort_unstable();
        assert!(many.into_iter().eq(0..2_000));
    }
}
