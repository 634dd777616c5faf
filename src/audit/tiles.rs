//! Tiles: the tree as files of 256 hashes, which any tool for tiled logs reads.
//!
//! They exist so that the hashes of the log can be kept off the host, 32 bytes for an entry and no
//! word of what it says: whoever has them can make each proof, and can name the first entry of a
//! forged log that differs. The form is <https://c2sp.org/tlog-tiles>.
//!
//! FORMAT:
//!
//! ```text
//! checkpoint                    the signed note of the tree
//! tile/<L>/<N>[.p/<W>]          256 (W) hashes of level L: roots of 256^L leaves each, from N · 256 on
//! tile/entries/<N>[.p/<W>]      256 (W) entries: length u16 ‖ salt (16) ‖ body, for each
//! <N>                           digits by threes, all groups but the last behind an x: x001/x234/067
//! ```
//!
//! An entry `salt ‖ body` hashes to its leaf as RFC 6962 has it. A bundle with an entry that is pruned,
//! or longer than 65,535 bytes, cannot be written in that form, and is not written at all: the
//! export has it.
//!
//! INVARIANT: a full tile never changes; the path says how wide a tile is.

use std::fmt;

use super::leaf::KeptLeaf;
use super::tree::{BLOCK_WIDTH, HASH_BYTES};

/// What a tile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileKind {
    /// Entries with their bodies.
    Entries,
    /// Hashes of a level: 0 for leaf hashes.
    Hashes {
        /// The level.
        level: u32,
    },
}

/// One tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it has.
    pub kind: TileKind,
    /// Its number within the level.
    pub number: u64,
    /// Hashes or entries in it: 1 to 256.
    pub width: u64,
}

impl Tile {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == BLOCK_WIDTH
    }

    /// The entries that a tile of level 0 covers.
    #[must_use]
    pub fn entries(&self) -> std::ops::Range<u64> {
        let first = self.number.saturating_mul(BLOCK_WIDTH);
        first..first.saturating_add(self.width)
    }
}

impl fmt::Display for Tile {
    /// Its path below the log's directory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Hashes { level } => write!(f, "tile/{level}")?,
        }
        let digits = self.number.to_string();
        let digits = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        let groups = digits.len() / 3;
        for group in 0..groups {
            let mark = if group + 1 < groups { "x" } else { "" };
            let digits = digits.get(3 * group..3 * group + 3).unwrap_or_default();
            write!(f, "/{mark}{digits}")?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// All tiles of hashes of a tree, level by level, the last of a level being partial, or not there.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0_u32..8).map(move |level| (level, size >> (8 * level)));
    levels.take_while(|(_, hashes)| *hashes > 0).flat_map(|(level, hashes)| {
        let kind = TileKind::Hashes { level };
        (0..hashes.div_ceil(BLOCK_WIDTH)).map(move |number| {
            let width = (hashes - number * BLOCK_WIDTH).min(BLOCK_WIDTH);
            Tile { kind, number, width }
        })
    })
}

/// The first entry, if the tile is of level 0, or else the first hash of its level, in which two
/// forms of one tile differ as far as both go.
#[must_use]
pub fn first_difference(tile: Tile, kept: &[u8], now: &[u8]) -> Option<u64> {
    let pairs = kept.chunks(HASH_BYTES).zip(now.chunks(HASH_BYTES));
    let at = pairs.into_iter().position(|(kept, now)| kept != now)?;
    Some(tile.entries().start.saturating_add(at as u64))
}

/// The bytes of an entry bundle, if all of its entries can be in one.
#[must_use]
pub fn bundle(entries: &[KeptLeaf]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        let KeptLeaf::Whole(leaf) = entry else { return None };
        let (salt, body) = (leaf.salt(), leaf.body().as_bytes());
        let length = u16::try_from(salt.as_bytes().len() + body.len()).ok()?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(salt.as_bytes());
        bytes.extend_from_slice(body);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Leaf, Salt};

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = |level, number, width| {
            Tile { kind: TileKind::Hashes { level }, number, width }.to_string()
        };
        assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(63, 1000, 17), "tile/63/x001/000.p/17");
        let entries = Tile { kind: TileKind::Entries, number: 273, width: 112 };
        assert_eq!(entries.to_string(), "tile/entries/273.p/112");
        assert_eq!(entries.entries(), 69_888..70_000);
    }

    #[test]
    fn a_tree_of_70_000_has_the_tiles_that_the_specification_counts() {
        let tiles: Vec<Tile> = tiles_of(70_000).collect();
        let of = |level| tiles.iter().filter(move |tile| tile.kind == TileKind::Hashes { level });
        assert_eq!((of(0).count(), of(0).filter(|tile| tile.is_full()).count()), (274, 273));
        assert_eq!(of(0).next_back().map(|tile| tile.width), Some(112));
        assert_eq!((of(1).count(), of(1).next_back().map(|tile| tile.width)), (2, Some(17)));
        assert_eq!((of(2).count(), of(2).next_back().map(|tile| tile.width)), (1, Some(1)));
        assert_eq!((of(3).count(), tiles_of(0).count()), (0, 0));
        let exact: Vec<String> = tiles_of(256).map(|tile| tile.to_string()).collect();
        assert_eq!(exact, ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(
            tiles_of(u64::MAX).find(|tile| tile.number > 0).map(|tile| tile.width),
            Some(256)
        );
    }

    #[test]
    fn a_bundle_has_entries_that_hash_to_their_leaves_or_is_not_written() {
        let leaf = Leaf::new(Salt::from_bytes([7; 16]), "{}".to_owned()).unwrap();
        let whole = KeptLeaf::Whole(leaf.clone());
        let bytes = bundle(&[whole.clone(), whole.clone()]).unwrap();
        assert_eq!(bytes.len(), 2 * (2 + 18));
        assert_eq!(bytes[..2], [0, 18]);
        let mut rfc6962 = vec![0x00];
        rfc6962.extend_from_slice(&bytes[2..20]);
        let mut hasher = crate::crypto::Sha256::new();
        hasher.update(&rfc6962);
        assert_eq!(hasher.finish(), *leaf.hash().as_bytes());
        assert_eq!(bundle(&[whole, KeptLeaf::Pruned(leaf.hash())]), None);
        let long = Leaf::new(Salt::from_bytes([7; 16]), "x".repeat(65_520)).unwrap();
        assert_eq!(bundle(&[KeptLeaf::Whole(long)]), None);
    }
}
