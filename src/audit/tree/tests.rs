use std::cell::Cell;
use std::ops::Range;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

mod blocks;

type Oracle = MemoryBackedTree<sha2::Sha256, Vec<u8>>;

#[derive(Deserialize)]
struct Vectors {
    leaves: Vec<String>,
    roots: Vec<Hash>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
    frontier: Vec<Encoded>,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    path: Vec<Hash>,
}

#[derive(Deserialize)]
struct Consistency {
    old_size: u64,
    new_size: u64,
    path: Vec<Hash>,
}

#[derive(Deserialize)]
struct Encoded {
    size: u64,
    encoded: String,
}

fn vectors() -> (Vectors, Vec<Hash>) {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../../tests/vectors/audit-tree.json")).unwrap();
    let leaves = vectors.leaves.iter().map(|hex| leaf_hash(&[&unhex(hex)])).collect();
    (vectors, leaves)
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn numbered(size: u64) -> Vec<Hash> {
    (0..size).map(|i| leaf_hash(&[&i.to_be_bytes()])).collect()
}

fn head(leaves: &[Hash], size: u64) -> TreeHead {
    root_of(size, leaves).unwrap()
}

fn frontier(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::new();
    for (index, leaf) in (0..).zip(leaves) {
        assert_eq!(tree.append(*leaf), Ok(index));
    }
    tree
}

fn chunks(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).map(|hash| Hash(hash.try_into().unwrap())).collect()
}

#[test]
fn roots_proofs_and_frontiers_are_the_published_ones() {
    let (vectors, leaves) = vectors();
    let mut executed = 0;
    for (size, root) in vectors.roots.iter().enumerate() {
        assert_eq!(frontier(&leaves[..size]).root(), *root, "size {size}");
        executed += 1;
    }
    for Inclusion { index, size, path } in vectors.inclusion {
        assert_eq!(inclusion_proof(index, size, &leaves[..]), Ok(path.clone()));
        let leaf = leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(leaf, index, head(&leaves, size), &path), Ok(()));
        executed += 1;
    }
    for Consistency { old_size, new_size, path } in vectors.consistency {
        assert_eq!(consistency_proof(old_size, new_size, &leaves[..]), Ok(path.clone()));
        let (old, new) = (head(&leaves, old_size), head(&leaves, new_size));
        assert_eq!(verify_consistency(old, new, &path), Ok(()));
        executed += 1;
    }
    for Encoded { size, encoded } in vectors.frontier {
        let tree = frontier(&leaves[..usize::try_from(size).unwrap()]);
        assert_eq!(tree.encode(), unhex(&encoded), "size {size}");
        assert_eq!(Frontier::decode(&unhex(&encoded)), Ok(tree));
        executed += 1;
    }
    assert_eq!(executed, 9 + 5 + 5 + 4);
}

/// Every index of every size to 130, and every pair of sizes, against ct-merkle.
#[test]
fn roots_and_proofs_agree_with_ct_merkle_to_size_130() {
    let leaves = numbered(130);
    let mut oracle = Oracle::new();
    for size in 0..=130_u64 {
        let tree = head(&leaves, size);
        assert_eq!(tree.root.as_bytes()[..], oracle.root().as_bytes()[..], "size {size}");
        assert_eq!(tree, frontier(&leaves[..usize::try_from(size).unwrap()]).head());
        for index in 0..size {
            let path = inclusion_proof(index, size, &leaves[..]).unwrap();
            let at = usize::try_from(index).unwrap();
            assert_eq!(path, chunks(oracle.prove_inclusion(at).as_bytes()), "{index} in {size}");
            assert_eq!(verify_inclusion(leaves[at], index, tree, &path), Ok(()));
        }
        for old_size in 1..=size {
            let path = consistency_proof(old_size, size, &leaves[..]).unwrap();
            let additions = usize::try_from(size - old_size).unwrap();
            let expected = oracle.prove_consistency(additions);
            assert_eq!(path, chunks(expected.as_bytes()), "{old_size} to {size}");
            assert_eq!(verify_consistency(head(&leaves, old_size), tree, &path), Ok(()));
        }
        oracle.push(size.to_be_bytes().to_vec());
    }
}

#[test]
fn the_empty_tree_begins_every_tree_and_proves_nothing() {
    let leaves = numbered(3);
    let (empty, tree) = (head(&leaves, 0), head(&leaves, 3));
    assert_eq!(empty.root, empty_root());
    assert_eq!(consistency_proof(0, 3, &leaves[..]), Ok(vec![]));
    assert_eq!(verify_consistency(empty, tree, &[]), Ok(()));
    assert_eq!(verify_consistency(empty, empty, &[]), Ok(()));
    assert_eq!(verify_consistency(empty, tree, &leaves[..1]), Err(ProofError::Length));
    let forged = TreeHead { size: 0, root: leaves[0] };
    assert_eq!(verify_consistency(forged, tree, &[]), Err(ProofError::OldRoot));
    assert_eq!(verify_consistency(empty, forged, &[]), Err(ProofError::Root));
    let out = ProveError::OutOfRange { index: 0, size: 0 };
    assert_eq!(inclusion_proof(0, 0, &leaves[..]), Err(out));
}

#[test]
fn equal_sizes_need_equal_roots() {
    let leaves = numbered(5);
    let tree = head(&leaves, 5);
    let other = TreeHead { size: 5, root: head(&leaves, 4).root };
    assert_eq!(verify_consistency(tree, tree, &[]), Ok(()));
    assert_eq!(verify_consistency(other, tree, &[]), Err(ProofError::OldRoot));
    assert_eq!(verify_consistency(tree, tree, &leaves[..1]), Err(ProofError::Length));
}

#[test]
fn proofs_outside_the_tree_are_refused_on_both_sides() {
    let leaves = numbered(4);
    let tree = head(&leaves, 4);
    let out = ProveError::OutOfRange { index: 4, size: 4 };
    assert_eq!(inclusion_proof(4, 4, &leaves[..]), Err(out));
    let refused = Err(ProofError::OutOfRange { index: 4, size: 4 });
    assert_eq!(verify_inclusion(leaves[0], 4, tree, &leaves), refused);
    let larger = TreeHead { size: 5, ..tree };
    assert_eq!(
        consistency_proof(5, 4, &leaves[..]),
        Err(ProveError::OutOfRange { index: 5, size: 4 })
    );
    let refused = Err(ProofError::OutOfRange { index: 5, size: 4 });
    assert_eq!(verify_consistency(larger, tree, &leaves), refused);
}

#[test]
fn sizes_at_the_end_of_the_range_do_not_panic() {
    let leaves = numbered(64);
    let huge = TreeHead { size: u64::MAX, root: leaves[0] };
    for index in [0, 1, u64::MAX / 2, u64::MAX - 2, u64::MAX - 1] {
        for length in [0, 1, 63, 64] {
            assert!(verify_inclusion(leaves[1], index, huge, &leaves[..length]).is_err());
            let old = TreeHead { size: index, root: leaves[2] };
            assert!(index == 0 || verify_consistency(old, huge, &leaves[..length]).is_err());
        }
    }
    let incomplete = inclusion_proof(0, u64::MAX, &leaves[..]);
    assert!(matches!(incomplete, Err(ProveError::Incomplete { .. })));
    let full = Frontier { size: u64::MAX, peaks: numbered(64) };
    let mut tree = full.clone();
    assert_eq!(tree.append(leaves[0]), Err(FrontierError::Full));
    assert_eq!(tree, full);
    assert_eq!(Frontier::decode(&full.encode()), Ok(full));
}

#[test]
fn frontier_decode_names_what_is_wrong() {
    let good = frontier(&numbered(6)).encode();
    assert_eq!(Frontier::decode(&[]), Err(FrontierError::TooShort));
    assert_eq!(Frontier::decode(&good[..8]), Err(FrontierError::TooShort));
    assert_eq!(Frontier::decode(&good[..good.len() - 1]), Err(FrontierError::Length));
    assert_eq!(Frontier::decode(&good[..good.len() - 32]), Err(FrontierError::Length));
    let mut bad_version = good.clone();
    bad_version[0] = 2;
    assert_eq!(Frontier::decode(&bad_version), Err(FrontierError::UnknownVersion(2)));
    let mut bad_size = good;
    bad_size[8] = 7;
    assert_eq!(Frontier::decode(&bad_size), Err(FrontierError::Length));
}

/// A source that fails, or gives one hash too many.
struct Broken(Option<&'static str>);

impl LeafHashes for Broken {
    type Error = &'static str;

    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), &'static str> {
        (range.start..=range.end).for_each(|_| each(empty_root()));
        self.0.map_or(Ok(()), Err)
    }
}

#[test]
fn a_source_that_fails_or_gives_another_number_of_hashes_is_an_error() {
    assert_eq!(root_of(3, &Broken(Some("disk"))), Err(ProveError::Failed("disk")));
    let incomplete = ProveError::Incomplete { start: 0, end: 3 };
    assert_eq!(root_of(3, &Broken(None)), Err(incomplete));
    assert_eq!(
        root_of(3, &numbered(2)[..]).unwrap_err(),
        ProveError::Incomplete { start: 0, end: 3 }
    );
    let leaves = numbered(2);
    assert_eq!(leaves.leaf_hash(1), Ok(Some(leaves[1])));
    assert_eq!(leaves.leaf_hash(2), Ok(None));
    assert_eq!(leaves.leaf_hash(u64::MAX), Ok(None));
}

/// A source that counts what is read.
struct Counting(Cell<u64>);

impl LeafHashes for Counting {
    type Error = std::convert::Infallible;

    fn for_each(&self, range: Range<u64>, each: &mut dyn FnMut(Hash)) -> Result<(), Self::Error> {
        for index in range {
            self.0.set(self.0.get() + 1);
            each(Hash([u8::try_from(index % 251).unwrap(); 32]));
        }
        Ok(())
    }
}

/// Goal: a proof in a large log stays one pass. Method: count the reads, not the time.
#[test]
fn a_proof_reads_each_leaf_hash_at_most_once() {
    let size = 100_003;
    let tree = root_of(size, &Counting(Cell::new(0))).unwrap();
    let source = Counting(Cell::new(0));
    let path = inclusion_proof(70_000, size, &source).unwrap();
    assert_eq!(source.0.get(), size - 1);
    let leaf = source.leaf_hash(70_000).unwrap().unwrap();
    assert_eq!(verify_inclusion(leaf, 70_000, tree, &path), Ok(()));

    let source = Counting(Cell::new(0));
    let path = consistency_proof(70_000, size, &source).unwrap();
    assert!(source.0.get() <= size);
    let old = root_of(70_000, &source).unwrap();
    assert_eq!(verify_consistency(old, tree, &path), Ok(()));
}

proptest! {
    #[test]
    fn no_changed_inclusion_proof_verifies(
        (size, index) in (1_u64..80).prop_flat_map(|size| (Just(size), 0..size)),
        bit in 0_usize..256,
        pick in any::<proptest::sample::Index>(),
    ) {
        let leaves = numbered(size);
        let tree = head(&leaves, size);
        let at = usize::try_from(index).unwrap();
        let path = inclusion_proof(index, size, &leaves[..]).unwrap();
        let flip = |hash: &mut Hash| hash.0[bit / 8] ^= 1 << (bit % 8);

        let mut leaf = leaves[at];
        flip(&mut leaf);
        prop_assert!(verify_inclusion(leaf, index, tree, &path).is_err());
        let mut bad_root = tree;
        flip(&mut bad_root.root);
        prop_assert!(verify_inclusion(leaves[at], index, bad_root, &path).is_err());
        for other in (0..size + 2).filter(|&other| other != index) {
            prop_assert!(verify_inclusion(leaves[at], other, tree, &path).is_err());
        }
        let mut longer = path.clone();
        longer.push(leaves[0]);
        prop_assert!(verify_inclusion(leaves[at], index, tree, &longer).is_err());
        if !path.is_empty() {
            let mut bad_path = path.clone();
            flip(&mut bad_path[pick.index(path.len())]);
            prop_assert!(verify_inclusion(leaves[at], index, tree, &bad_path).is_err());
            let shorter = &path[..path.len() - 1];
            prop_assert!(verify_inclusion(leaves[at], index, tree, shorter).is_err());
        }
    }

    #[test]
    fn no_changed_consistency_proof_verifies(
        (new_size, old_size) in (2_u64..80).prop_flat_map(|size| (Just(size), 1..size)),
        bit in 0_usize..256,
        pick in any::<proptest::sample::Index>(),
    ) {
        let leaves = numbered(new_size);
        let (old, new) = (head(&leaves, old_size), head(&leaves, new_size));
        let path = consistency_proof(old_size, new_size, &leaves[..]).unwrap();
        let flip = |hash: &mut Hash| hash.0[bit / 8] ^= 1 << (bit % 8);

        let (mut bad_old, mut bad_new, mut bad_path) = (old, new, path.clone());
        flip(&mut bad_old.root);
        prop_assert!(verify_consistency(bad_old, new, &path).is_err());
        flip(&mut bad_new.root);
        prop_assert!(verify_consistency(old, bad_new, &path).is_err());
        flip(&mut bad_path[pick.index(path.len())]);
        prop_assert!(verify_consistency(old, new, &bad_path).is_err());
        prop_assert!(verify_consistency(old, new, &path[1..]).is_err());
        let mut longer = path;
        longer.push(leaves[0]);
        prop_assert!(verify_consistency(old, new, &longer).is_err());
        // A history in which one earlier leaf was changed.
        let mut rewritten = leaves;
        flip(&mut rewritten[usize::try_from(old_size).unwrap() - 1]);
        let path = consistency_proof(old_size, new_size, &rewritten[..]).unwrap();
        prop_assert!(verify_consistency(old, head(&rewritten, new_size), &path).is_err());
    }

    #[test]
    fn verification_never_panics(
        sizes in any::<(u64, u64)>(),
        hashes in proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 2..70),
    ) {
        let (old, new) = (
            TreeHead { size: sizes.0, root: hashes[0] },
            TreeHead { size: sizes.1, root: hashes[1] },
        );
        prop_assert!(verify_inclusion(hashes[0], sizes.0, new, &hashes[2..]).is_err());
        prop_assert!(verify_consistency(old, new, &hashes[2..]).is_err());
        let _ = Frontier::decode(hashes[0].as_bytes());
    }
}
