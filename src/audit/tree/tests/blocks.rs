//! Proofs with the roots of full blocks: the same, and short.

use super::*;

/// Leaves of which the full blocks are known; it counts the leaves that are read.
struct WithBlocks<'a> {
    leaves: &'a [Hash],
    blocks: Blocks,
    read: Cell<u64>,
}

impl LeafHashes for WithBlocks<'_> {
    type Error = std::convert::Infallible;

    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), Self::Error> {
        self.read.set(self.read.get() + (range.end - range.start));
        self.leaves.for_each(range, each)
    }

    fn blocks(&self) -> Option<&Blocks> {
        Some(&self.blocks)
    }
}

#[test]
fn proofs_with_known_blocks_are_the_same_and_read_few_leaves() {
    let leaves = numbered(70_000);
    let mut blocks = Blocks::default();
    leaves.iter().for_each(|leaf| blocks.push(*leaf).unwrap());
    assert_eq!(blocks.root(1, 0), Some(head(&leaves, 256).root));
    assert_eq!(blocks.root(2, 0), Some(head(&leaves, 65_536).root));
    let tail = [blocks.root(1, 273), blocks.root(2, 1), blocks.root(0, 0), blocks.root(3, 0)];
    assert_eq!(tail, [None; 4]);
    let known = WithBlocks { leaves: &leaves, blocks, read: Cell::new(0) };
    let sizes = [1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000, 70_000];
    for size in sizes {
        assert_eq!(root_of(size, &known), root_of(size, &leaves[..]), "size {size}");
        for index in [0, 1, 254, 255, 256, 300, 65_535, 65_536, 69_999].map(|at| at % size) {
            known.read.set(0);
            let path = inclusion_proof(index, size, &known).unwrap();
            assert_eq!(path, inclusion_proof(index, size, &leaves[..]).unwrap(), "{index}");
            assert!(known.read.get() <= 2 * BLOCK_WIDTH, "{index} in {size}");
        }
        for old in sizes.into_iter().filter(|old| *old <= size) {
            known.read.set(0);
            let path = consistency_proof(old, size, &known).unwrap();
            assert_eq!(path, consistency_proof(old, size, &leaves[..]).unwrap(), "{old} {size}");
            assert!(known.read.get() <= 2 * BLOCK_WIDTH, "{old} to {size}");
        }
    }
    let missing = WithBlocks { leaves: &leaves[..300], ..known };
    assert!(inclusion_proof(0, 70_001, &missing).is_err());
}

#[test]
fn a_perfect_subtree_is_appended_where_one_can_begin_and_nowhere_else() {
    let leaves = numbered(24);
    let mut tree = frontier(&leaves[..16]);
    tree.append_perfect(3, frontier(&leaves[16..]).root()).unwrap();
    assert_eq!(tree, frontier(&leaves));
    assert_eq!(tree.append_perfect(4, leaves[0]), Err(FrontierError::Alignment));
    assert_eq!(tree.append_perfect(64, leaves[0]), Err(FrontierError::Full));
    assert_eq!(tree, frontier(&leaves));
}
