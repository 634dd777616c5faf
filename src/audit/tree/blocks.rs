//! Roots of the full blocks of 256, 256², … leaves: what proofs and tiles are made of without
//! reading the whole log.
//!
//! They exist because a proof over all leaf hashes grows with the log: with them it reads at most
//! two blocks of leaf hashes. They are 32 bytes for each 256 entries, in memory.
//!
//! A block of level 1 has 256 leaves, one of level `l` 256^l: the `n`th covers the leaves
//! `n · 256^l` and on. These are the hashes of the C2SP tile of level `l` (<https://c2sp.org/tlog-tiles>).
//!
//! INVARIANT: a block is full, and its root is that of its leaves as they were pushed.

use super::{Frontier, FrontierError, Hash};

/// Leaves of a block of level 1, and blocks of one level in a block of the next.
pub const BLOCK_WIDTH: u64 = 256;

/// Bits of a leaf's index that one level takes.
const LEVEL_BITS: u32 = BLOCK_WIDTH.trailing_zeros();

/// The roots of all full blocks of a tree.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// What is not a full block yet, by level.
    open: Vec<Frontier>,
    /// Roots of full blocks, level 1 first.
    full: Vec<Vec<Hash>>,
}

impl Blocks {
    /// Appends a leaf.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`], after more leaves than there can be.
    pub fn push(&mut self, leaf: Hash) -> Result<(), FrontierError> {
        let mut hash = leaf;
        for level in 0.. {
            if self.open.len() == level {
                self.open.push(Frontier::new());
                self.full.push(Vec::new());
            }
            let Some((open, full)) = self.open.get_mut(level).zip(self.full.get_mut(level)) else {
                break;
            };
            open.append(hash)?;
            if open.size() < BLOCK_WIDTH {
                break;
            }
            hash = std::mem::take(open).root();
            full.push(hash);
        }
        Ok(())
    }

    /// The root of a full block of a level, which is at least 1.
    #[must_use]
    pub fn root(&self, level: u32, number: u64) -> Option<Hash> {
        let level = usize::try_from(level.checked_sub(1)?).ok()?;
        self.full.get(level)?.get(usize::try_from(number).ok()?).copied()
    }

    /// The largest full block that begins at a leaf and ends at or before another: how many leaves it
    /// has, as a power of two, and its root.
    pub(super) fn largest(&self, start: u64, end: u64) -> Option<(u32, Hash)> {
        let levels = u32::try_from(self.full.len()).unwrap_or_default();
        (1..=levels).rev().find_map(|level| {
            let bits = level.checked_mul(LEVEL_BITS).filter(|bits| *bits < u64::BITS)?;
            let number = start >> bits;
            let is_there = number << bits == start && end.checked_sub(start)? >> bits > 0;
            is_there.then(|| self.root(level, number)).flatten().map(|root| (bits, root))
        })
    }
}
