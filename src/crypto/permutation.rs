//! Numbers drawn in the order of a keyed permutation, so that the order of drawing does not show.
//!
//! It exists because a first load that is sorted by fødselsnummer would otherwise make a person
//! number's order the order of birth.
//!
//! ```text
//! FORMAT:  number(p) = ⌊p / 10^7⌋·10^7 + FF1-AES-256(K_block, 7 digits, no tweak)(p mod 10^7)
//!          K_block = HKDF-Expand(K_generation, frame("hvelv/v1/derive/number-block",
//!                                                    block u64 BE), 32),  block = ⌊p / 10^7⌋
//! ```
//!
//! A permutation within each block of 10^7, so that arrays indexed by number stay dense; a key of its
//! own for each block.  Positions and numbers are below 10^13, the domain of a register ID.
//!
//! Not protected: which block a number lies in, that is its position to within 10^7; and from whoever
//! has the key of the generation, the position itself.

use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ff1::Ff1;
use super::secret::assert_secret;
use super::{Error, Label, SecretBytes, derive_secret};

/// Numbers in one block.
pub const BLOCK_NUMBERS: u64 = 10_000_000;
/// Digits of a position within its block.
const BLOCK_DIGITS: u32 = 7;
/// Positions and numbers lie below this.
pub const NUMBERS_END: u64 = 10_000_000_000_000;

/// The key of one number space and generation.
pub struct NumberKey {
    generation: SecretBytes<32>,
    /// The block last used, with its permutation: drawing goes block by block.
    current: Mutex<Option<(u64, Ff1)>>,
}

impl NumberKey {
    /// The key `generation`.
    #[must_use]
    pub fn new(generation: SecretBytes<32>) -> Self {
        Self { generation, current: Mutex::new(None) }
    }

    /// `number(position)`, the number that is drawn at this position.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a position of 10^13 or more.
    pub fn number_at(&self, position: u64) -> Result<u64, Error> {
        self.in_block(position, Ff1::encrypt)
    }

    /// The numbers drawn at a range of positions, in that order; replaces what `out` held.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the range goes beyond 10^13; `out` is then empty.
    pub fn numbers_at(&self, positions: Range<u64>, out: &mut Vec<u64>) -> Result<(), Error> {
        out.clear();
        if positions.end > NUMBERS_END {
            return Err(Error::OutOfRange);
        }
        out.extend(positions);
        self.permute(out)
    }

    /// The numbers drawn at positions, in place of each.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a position of 10^13 or more.
    pub fn permute(&self, positions: &mut [u64]) -> Result<(), Error> {
        if positions.iter().any(|position| *position >= NUMBERS_END) {
            return Err(Error::OutOfRange);
        }
        let block = |position: &u64| *position / BLOCK_NUMBERS;
        for numbers in positions.chunk_by_mut(|a, b| block(a) == block(b)) {
            let block = numbers.first().map_or(0, block);
            let first = block * BLOCK_NUMBERS;
            numbers.iter_mut().for_each(|number| *number -= first);
            permutation_of(&self.permutation(block)).encrypt_many(numbers)?;
            numbers.iter_mut().for_each(|number| *number += first);
        }
        Ok(())
    }

    /// The position at which a number is drawn: the inverse of [`NumberKey::number_at`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number of 10^13 or more.
    pub fn position_of(&self, number: u64) -> Result<u64, Error> {
        self.in_block(number, Ff1::decrypt)
    }

    fn in_block(
        &self,
        value: u64,
        permute: impl Fn(&Ff1, u64) -> Result<u64, Error>,
    ) -> Result<u64, Error> {
        if value >= NUMBERS_END {
            return Err(Error::OutOfRange);
        }
        let (block, within) = (value / BLOCK_NUMBERS, value % BLOCK_NUMBERS);
        let permuted = permute(permutation_of(&self.permutation(block)), within)?;
        Ok(block * BLOCK_NUMBERS + permuted)
    }

    /// The permutation of a block, made unless it was the one last used.
    fn permutation(&self, block: u64) -> MutexGuard<'_, Option<(u64, Ff1)>> {
        // A panic elsewhere cannot leave the cache half written: it is set by one assignment.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|(cached, _)| *cached != block) {
            let context = block.to_be_bytes();
            let key = derive_secret(&self.generation, Label::NumberBlock, &[&context]);
            let ff1 = Ff1::new(&key, b"", BLOCK_DIGITS).expect("FF1 is defined for 7 digits");
            *current = Some((block, ff1));
        }
        current
    }
}

fn permutation_of<'a>(current: &'a MutexGuard<'_, Option<(u64, Ff1)>>) -> &'a Ff1 {
    let (_, ff1) = current.as_ref().expect("`permutation` returns a filled cache");
    ff1
}

impl fmt::Debug for NumberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberKey(..)")
    }
}

assert_secret!(NumberKey);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Entropy;

    fn key(seed: u64) -> NumberKey {
        NumberKey::new(SecretBytes::generate(&Entropy::dangerous_seeded(seed)).unwrap())
    }

    #[test]
    fn a_block_is_permuted_completely() {
        let mut numbers = Vec::new();
        key(1).numbers_at(BLOCK_NUMBERS..2 * BLOCK_NUMBERS, &mut numbers).unwrap();
        let mut seen = vec![false; numbers.len()];
        for number in numbers {
            let within = usize::try_from(number - BLOCK_NUMBERS).unwrap();
            assert!(!std::mem::replace(&mut seen[within], true));
        }
    }

    #[test]
    fn a_batch_across_blocks_equals_single_draws() {
        let key = key(2);
        let range = 2 * BLOCK_NUMBERS - 150..2 * BLOCK_NUMBERS + 150;
        let mut numbers = vec![7];
        key.numbers_at(range.clone(), &mut numbers).unwrap();
        let single: Vec<u64> = range.map(|position| key.number_at(position).unwrap()).collect();
        assert_eq!(numbers, single);
    }

    #[test]
    fn positions_in_any_order_and_of_any_block_equal_single_draws() {
        let key = key(3);
        let positions = [5, BLOCK_NUMBERS + 1, 4, 3 * BLOCK_NUMBERS - 1, 3 * BLOCK_NUMBERS, 0];
        let mut numbers = positions;
        key.permute(&mut numbers).unwrap();
        assert_eq!(numbers, positions.map(|position| key.number_at(position).unwrap()));
        assert_eq!(key.permute(&mut [0, NUMBERS_END]), Err(Error::OutOfRange));
    }

    #[test]
    fn blocks_and_generations_are_permuted_differently() {
        let within = |seed, block: u64| -> Vec<u64> {
            let start = block * BLOCK_NUMBERS;
            let mut numbers = Vec::new();
            key(seed).numbers_at(start..start + 20, &mut numbers).unwrap();
            numbers.iter().map(|number| number - start).collect()
        };
        assert_ne!(within(1, 0), within(1, 1));
        assert_ne!(within(1, 0), within(2, 0));
    }

    #[test]
    fn positions_and_numbers_end_at_ten_to_the_thirteenth() {
        let key = key(1);
        assert!(key.number_at(NUMBERS_END - 1).unwrap() < NUMBERS_END);
        assert_eq!(key.number_at(NUMBERS_END), Err(Error::OutOfRange));
        assert_eq!(key.position_of(NUMBERS_END), Err(Error::OutOfRange));
        let mut numbers = vec![7];
        let beyond = NUMBERS_END - 1..NUMBERS_END + 1;
        assert_eq!(key.numbers_at(beyond, &mut numbers), Err(Error::OutOfRange));
        assert!(numbers.is_empty());
    }

    proptest! {
        #[test]
        fn a_number_leads_back_to_its_position(position in 0..NUMBERS_END) {
            let key = key(3);
            let number = key.number_at(position).unwrap();
            prop_assert_eq!(number / BLOCK_NUMBERS, position / BLOCK_NUMBERS);
            prop_assert_eq!(key.position_of(number).unwrap(), position);
        }
    }
}
