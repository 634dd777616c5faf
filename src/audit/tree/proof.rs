//! Inclusion and consistency proofs: making them from leaf hashes, checking them against roots.
//!
//! A proof is the list of hashes of RFC 6962, sections 2.1.1 and 2.1.2; it is checked by the
//! algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2, which need no recursion and read each hash
//! once.

use std::convert::Infallible;
use std::ops::Range;

use thiserror::Error;

use super::{BLOCK_WIDTH, Blocks, Frontier, FrontierError, Hash, TreeHead, empty_root, node_hash};

/// Where the leaf hashes of a log are read from.
pub trait LeafHashes {
    /// Why they could not be read.
    type Error;

    /// Calls `each` with the hash of every leaf in `range`, ascending, and stops at the first that
    /// is not there. One scan: this is called with long ranges.
    ///
    /// # Errors
    ///
    /// What the store says.
    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), Self::Error>;

    /// Roots of full blocks of these leaves, if they are known: they are not read then.
    fn blocks(&self) -> Option<&Blocks> {
        None
    }

    /// The hash of one leaf, if it is there.
    ///
    /// # Errors
    ///
    /// What the store says.
    fn leaf_hash(&self, index: u64) -> Result<Option<Hash>, Self::Error> {
        let mut found = None;
        if let Some(end) = index.checked_add(1) {
            self.for_each(index..end, &mut |hash| found = Some(hash))?;
        }
        Ok(found)
    }
}

impl LeafHashes for [Hash] {
    type Error = Infallible;

    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), Infallible> {
        // An index that is no usize is past the end of any slice.
        let [start, end] =
            [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        self.get(start..end.min(self.len())).unwrap_or_default().iter().copied().for_each(each);
        Ok(())
    }
}

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// The leaf hashes could not be read.
    #[error("leaf hashes could not be read")]
    Failed(#[source] E),
    /// The log has fewer, or more, leaf hashes than were asked for.
    #[error("leaf hashes {start} to {end} are not all there, or not only they")]
    Incomplete {
        /// First of the range.
        start: u64,
        /// One past its last.
        end: u64,
    },
    /// The proof asked for does not exist.
    #[error("{index} is not in a tree of {size}")]
    OutOfRange {
        /// The leaf, or the size of the older tree.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

/// Why a proof does not hold. The variants say what was compared; a wrong proof, leaf or root can
/// show as any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The proof has more or fewer hashes than the sizes call for.
    #[error("proof has the wrong length")]
    Length,
    /// The proof gives another root for the older tree.
    #[error("proof does not give the root of the older tree")]
    OldRoot,
    /// The leaf, or the older tree, is not within the tree.
    #[error("{index} is not in a tree of {size}")]
    OutOfRange {
        /// The leaf, or the size of the older tree.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The proof gives another root.
    #[error("proof does not give the root of the tree")]
    Root,
}

/// The head of the first `size` leaves: `MTH(D[0:size])`. Reads every leaf hash once.
///
/// # Errors
///
/// [`ProveError::Failed`] or [`ProveError::Incomplete`].
pub fn root_of<S: LeafHashes + ?Sized>(
    size: u64,
    source: &S,
) -> Result<TreeHead, ProveError<S::Error>> {
    Ok(TreeHead { size, root: subtree(0..size, source)? })
}

/// `MTH(D[start:end])`, RFC 6962, section 2.1: the range as a tree of its own.
fn subtree<S: LeafHashes + ?Sized>(
    range: Range<u64>,
    source: &S,
) -> Result<Hash, ProveError<S::Error>> {
    let incomplete = ProveError::Incomplete { start: range.start, end: range.end };
    let mut tree = Frontier::new();
    let mut at = range.start;
    while at < range.end {
        if let Some((bits, root)) = source.blocks().and_then(|known| known.largest(at, range.end)) {
            if tree.append_perfect(bits, root).is_err() {
                return Err(incomplete);
            }
            at += 1 << bits;
            continue;
        }
        let next = match source.blocks() {
            Some(_) => range.end.min((at / BLOCK_WIDTH + 1).saturating_mul(BLOCK_WIDTH)),
            None => range.end,
        };
        if append_leaves(at..next, source, &mut tree).map_err(ProveError::Failed)? != next - at {
            return Err(incomplete);
        }
        at = next;
    }
    Ok(tree.root())
}

/// Appends the leaves of a range that are there, and counts them.
fn append_leaves<S: LeafHashes + ?Sized>(
    range: Range<u64>,
    source: &S,
    tree: &mut Frontier,
) -> Result<u64, S::Error> {
    let mut count = 0_u64;
    let mut full = Ok(0);
    source.for_each(range, &mut |hash| {
        if full != Err(FrontierError::Full) {
            full = tree.append(hash);
            count = count.saturating_add(u64::from(full.is_ok()));
        }
    })?;
    Ok(count)
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    debug_assert!(size >= 2, "a tree of one leaf has no halves");
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// `PATH(index, D[size])`, RFC 6962, section 2.1.1: the siblings on the way to the root, from the
/// leaf up.
///
/// # Errors
///
/// [`ProveError`]; `OutOfRange` if `index` is not below `size`.
pub fn inclusion_proof<S: LeafHashes + ?Sized>(
    index: u64,
    size: u64,
    source: &S,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if index >= size {
        return Err(ProveError::OutOfRange { index, size });
    }
    let mut siblings = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        if index < middle {
            siblings.push(middle..tree.end);
            tree.end = middle;
        } else {
            siblings.push(tree.start..middle);
            tree.start = middle;
        }
    }
    siblings.into_iter().rev().map(|range| subtree(range, source)).collect()
}

/// `PROOF(old_size, D[new_size])`, RFC 6962, section 2.1.2; empty if the sizes are equal, and for
/// the empty tree, which every tree begins with.
///
/// # Errors
///
/// [`ProveError`]; `OutOfRange` if the older tree is the larger.
pub fn consistency_proof<S: LeafHashes + ?Sized>(
    old_size: u64,
    new_size: u64,
    source: &S,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if old_size > new_size {
        return Err(ProveError::OutOfRange { index: old_size, size: new_size });
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    let mut tree = 0..new_size;
    while old_size < tree.end {
        let middle = tree.start + split(tree.end - tree.start);
        if old_size <= middle {
            parts.push(middle..tree.end);
            tree.end = middle;
        } else {
            parts.push(tree.start..middle);
            tree.start = middle;
        }
    }
    // What remains ends where the older tree ends; it is left out if it is all of the older tree,
    // whose root the verifier has.
    if tree.start != 0 {
        parts.push(tree);
    }
    parts.into_iter().rev().map(|range| subtree(range, source)).collect()
}

/// Checks that `leaf` is the leaf `index` of the tree.
///
/// # Errors
///
/// [`ProofError`]. Whatever `path` holds, it gives an error or a true statement.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    tree: TreeHead,
    path: &[Hash],
) -> Result<(), ProofError> {
    if index >= tree.size {
        return Err(ProofError::OutOfRange { index, size: tree.size });
    }
    let mut place = Place { node: index, last: tree.size - 1 };
    let mut root = leaf;
    for sibling in path {
        root = match place.rise()? {
            Side::Left => node_hash(sibling, &root),
            Side::Right => node_hash(&root, sibling),
        };
    }
    if place.last != 0 {
        return Err(ProofError::Length);
    }
    if root == tree.root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree `old` is the beginning of the tree `new`.
///
/// # Errors
///
/// [`ProofError`]. Whatever `path` holds, it gives an error or a true statement.
pub fn verify_consistency(old: TreeHead, new: TreeHead, path: &[Hash]) -> Result<(), ProofError> {
    if old.size > new.size {
        return Err(ProofError::OutOfRange { index: old.size, size: new.size });
    }
    if old.size == 0 || old.size == new.size {
        let known = if old.size == 0 { empty_root() } else { new.root };
        return match (path, old.root == known) {
            ([_, ..], _) => Err(ProofError::Length),
            ([], false) => Err(ProofError::OldRoot),
            // Two empty trees: the new root is looked at as well.
            ([], true) if new.size == 0 && new.root != known => Err(ProofError::Root),
            ([], true) => Ok(()),
        };
    }
    // The path starts with the largest perfect subtree that ends where the older tree ends; if that
    // is the older tree itself its root stands in for it.
    let mut place = Place { node: old.size - 1, last: new.size - 1 };
    place.skip(place.node.trailing_ones());
    let (first, rest) = if old.size.is_power_of_two() {
        (old.root, path)
    } else {
        let (first, rest) = path.split_first().ok_or(ProofError::Length)?;
        (*first, rest)
    };
    let (mut old_root, mut new_root) = (first, first);
    for sibling in rest {
        match place.rise()? {
            Side::Left => {
                old_root = node_hash(sibling, &old_root);
                new_root = node_hash(sibling, &new_root);
            }
            Side::Right => new_root = node_hash(&new_root, sibling),
        }
    }
    if place.last != 0 {
        return Err(ProofError::Length);
    }
    if old_root != old.root {
        return Err(ProofError::OldRoot);
    }
    if new_root == new.root { Ok(()) } else { Err(ProofError::Root) }
}

/// On which side of a node its next sibling stands.
enum Side {
    Left,
    Right,
}

/// A node's number within its level, and that of the last node of the level: `fn` and `sn` of
/// RFC 9162.
struct Place {
    node: u64,
    last: u64,
}

impl Place {
    /// Goes to the level of the parent, past levels where the node is last and has no sibling.
    fn rise(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            // A last node that is even has no sibling here: it is its parent, and so on up. One
            // that is last and not 0 has a 1 bit, so this stops.
            self.skip(self.node.trailing_zeros());
            Side::Left
        } else {
            Side::Right
        };
        self.skip(1);
        Ok(side)
    }

    /// Goes up some levels; beyond 63 nothing is left.
    fn skip(&mut self, levels: u32) {
        self.node = self.node.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}
