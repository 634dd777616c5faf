//! Tampering, in tests: whatever is changed in a log is found, and where.
//!
//! Goal: an attacker has the store; then also its storage key; then also the signing key. Method:
//! each change is made at every place of a whole log, the log is verified from the last entry before
//! it (what is before it is the same in each case, and verified once), and taken back.
//!
//! | Attacker has | Found by | Position |
//! |---|---|---|
//! | store, or an export | seals, leaf hashes, stored checkpoints | the entry |
//! | all keys | the witness | the entry, by tiles kept elsewhere |
//!
//! `HVELV_TAMPER_ENTRIES` sets the entries of the log (2,000; `make tamper` takes 1,000,000).

use std::sync::Arc;

use super::export::ExportWriter;
use super::*;
use crate::crypto::{Entropy, SigningKey};
use crate::keyring::Keyring;
use crate::store::keys::{Key, Kind};
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Durability, Step, Store};
use crate::testing::Keys;

mod flips;
mod opening;

/// A log in memory.
pub(super) struct World {
    _keys: Keys,
    keyring: Arc<Keyring>,
    pub(super) store: Arc<MemoryStore>,
}

pub(super) fn origin() -> Origin {
    "log.example/hvelv".parse().unwrap()
}

fn entry(index: u64) -> Entry {
    let actor = Actor::System { principal: "npr-mottak".into(), organisation: "983744516".into() };
    let time =
        jiff::Timestamp::from_millisecond(1_772_366_400_000 + 1000 * i64::try_from(index).unwrap());
    let mut entry = Entry::new(time.unwrap(), actor, Action::Ingest);
    entry.counts.insert("rows".into(), index);
    entry
}

impl World {
    /// A log of so many entries, signed after every `each`, and at its end.
    pub(super) fn new(entries: u64, each: u64) -> Self {
        let keys = Keys::new();
        let keyring = keys.open();
        let world = Self { _keys: keys, keyring, store: Arc::new(MemoryStore::new()) };
        let mut log = world.log().unwrap();
        let reader = world.reader();
        for index in 0..entries {
            log.stage(&entry(index)).unwrap();
            if (index + 1).is_multiple_of(each) || index + 1 == entries {
                let _ = log.commit("test", Batch::new()).unwrap();
                reader.checkpoint(&origin(), &[world.signing()]).unwrap();
            }
        }
        world
    }

    pub(super) fn signing(&self) -> &SigningKey {
        self.keyring.registers().audit.signing.active()
    }

    pub(super) fn verifier(&self) -> VerifierKey {
        VerifierKey::new(origin(), self.signing().public_key())
    }

    fn log(&self) -> Result<AuditLog, LogError> {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let verifiers = [self.verifier()];
        AuditLog::open(store, Arc::clone(&self.keyring), &verifiers, Arc::new(Entropy::os()))
    }

    pub(super) fn reader(&self) -> AuditReader {
        AuditReader::new(Arc::clone(&self.store) as Arc<dyn Store>, Arc::clone(&self.keyring))
    }

    fn get(&self, key: &Key) -> Vec<u8> {
        self.store.get(key).unwrap().unwrap()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        change(&mut batch);
        self.store.commit("tamper", batch, Durability::Synced).unwrap();
    }

    /// Where the log is wrong, from a tree on that is known to be good.
    pub(super) fn found(&self, good: &Frontier) -> Option<u64> {
        match self.reader().check_from(good.clone(), &[self.verifier()]) {
            Err(LogError::Damaged { index, .. }) => Some(index),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn leaves(&self) -> Vec<Hash> {
        let mut leaves = Vec::new();
        self.store
            .scan(Key::all(Kind::AuditLeaf), &mut |_, hash| {
                leaves.push(Hash::from_bytes(hash.try_into().unwrap()));
                Ok(Step::Continue)
            })
            .unwrap();
        leaves
    }
}

fn entries() -> u64 {
    let asked = std::env::var_os("HVELV_TAMPER_ENTRIES");
    asked.map_or(2_000, |count| count.to_str().unwrap().parse().unwrap())
}

#[test]
fn an_entry_that_is_deleted_or_swapped_is_found_wherever_it_is() {
    let entries = entries();
    let world = World::new(entries, 500);
    assert_eq!(world.found(&Frontier::new()), None);
    let mut good = Frontier::new();
    for index in 0..entries {
        let (body, leaf) = (Key::audit_body(index), Key::audit_leaf(index));
        let (sealed, hash) = (world.get(&body), world.get(&leaf));
        for gone in [&[body][..], &[leaf], &[body, leaf]] {
            world.change(|batch| gone.iter().for_each(|key| batch.remove(*key)));
            assert_eq!(world.found(&good), Some(index), "deleted {gone:?}");
            world.change(|batch| {
                batch.put(body, sealed.clone());
                batch.put(leaf, hash.clone());
            });
        }
        if index + 1 < entries {
            let (next_body, next_leaf) = (Key::audit_body(index + 1), Key::audit_leaf(index + 1));
            let pairs = [(body, next_body), (leaf, next_leaf)];
            for swapped in [&pairs[..1], &pairs[1..], &pairs] {
                let swap = || {
                    for (one, other) in swapped {
                        let (a, b) = (world.get(one), world.get(other));
                        world.change(|batch| {
                            batch.put(*one, b);
                            batch.put(*other, a);
                        });
                    }
                };
                swap();
                assert_eq!(world.found(&good), Some(index), "swapped {swapped:?}");
                swap();
            }
        }
        good.append(Hash::from_bytes(hash.try_into().unwrap())).unwrap();
    }
    assert_eq!(world.found(&Frontier::new()), None, "all was taken back");
}

#[test]
fn a_log_that_is_cut_anywhere_is_found_and_with_its_checkpoints_too_by_the_witness() {
    let entries = entries();
    let world = World::new(entries, 500);
    let leaves = world.leaves();
    let (mut witness, note) = witnessed(&world, &leaves);
    let mut trees = vec![Frontier::new()];
    for leaf in &leaves {
        let mut tree = trees.last().unwrap().clone();
        tree.append(*leaf).unwrap();
        trees.push(tree);
    }
    assert!(note.contains(&format!("\n{entries}\n")));
    for index in (0..entries).rev() {
        world.change(|batch| {
            batch.remove(Key::audit_body(index));
            batch.remove(Key::audit_leaf(index));
        });
        let tree = &trees[usize::try_from(index).unwrap()];
        assert_eq!(world.found(tree), Some(index), "cut at {index}");
        // Who has the signing key signs what is left: it agrees with itself, and not with the witness.
        let shorter = Checkpoint { origin: origin(), tree: tree.head() };
        let shorter = shorter.sign(world.signing()).unwrap();
        let refused = witness.add_checkpoint(index, &[], &shorter, 2).unwrap_err();
        assert_eq!(refused, Refusal::GoneBack { size: index, witnessed: entries });
    }
    assert!(world.log().is_err(), "nor is it opened");
}

/// A witness that has seen the whole log.
fn witnessed(world: &World, leaves: &[Hash]) -> (Witness, String) {
    let (witness, note, _) = witnessed_by(world, leaves);
    (witness, note)
}

fn witnessed_by(world: &World, leaves: &[Hash]) -> (Witness, String, WitnessKey) {
    let name = "witness.example/w1".parse().unwrap();
    let (secret, _) = WitnessSecret::generate(&name, &Entropy::os()).unwrap();
    let key = secret.public();
    let mut witness = Witness::open(secret, vec![world.verifier()], "").unwrap();
    let tree = root_of(leaves.len() as u64, leaves).unwrap();
    let note = Checkpoint { origin: origin(), tree }.sign(world.signing()).unwrap();
    let cosigned = witness.add_checkpoint(0, &[], &note, 1).unwrap();
    (witness, cosigned.note, key)
}

/// Leaves with their full blocks.
struct Known {
    leaves: Vec<Hash>,
    blocks: Blocks,
}

impl LeafHashes for Known {
    type Error = std::convert::Infallible;

    fn for_each(
        &self,
        range: std::ops::Range<u64>,
        each: &mut dyn FnMut(Hash),
    ) -> Result<(), Self::Error> {
        self.leaves.for_each(range, each)
    }

    fn blocks(&self) -> Option<&Blocks> {
        Some(&self.blocks)
    }
}

#[test]
fn a_log_that_is_rewritten_from_any_entry_on_is_refused_by_the_witness_and_located_by_its_tiles() {
    let entries = entries();
    let world = World::new(entries, entries);
    let leaves = world.leaves();
    let (mut witness, _) = witnessed(&world, &leaves);
    let mut blocks = Blocks::default();
    leaves.iter().for_each(|leaf| blocks.push(*leaf).unwrap());
    let known = Known { leaves, blocks };
    let bytes =
        |hashes: &[Hash]| hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<_>>();
    for index in 0..entries {
        // The same path with another leaf is the tree in which that entry alone was rewritten.
        let mut forged = entry(index);
        forged.counts.insert("rows".into(), index + 1);
        let forged = Leaf::new(Salt::from_bytes([1; 16]), forged.encode()).unwrap().hash();
        let path = inclusion_proof(index, entries, &known).unwrap();
        let root = root_with(forged, index, entries, &path);
        let checkpoint = Checkpoint { origin: origin(), tree: TreeHead { size: entries, root } };
        let note = checkpoint.sign(world.signing()).unwrap();
        let refused = witness.add_checkpoint(entries, &[], &note, 2).unwrap_err();
        assert!(matches!(refused, Refusal::Forked { .. }), "rewritten at {index}");

        let number = index / BLOCK_WIDTH;
        let (first, last) = (number * BLOCK_WIDTH, entries.min((number + 1) * BLOCK_WIDTH));
        let tile = Tile { kind: TileKind::Hashes { level: 0 }, number, width: last - first };
        let range = usize::try_from(first).unwrap()..usize::try_from(last).unwrap();
        let kept = &known.leaves[range];
        let mut now = kept.to_vec();
        now[usize::try_from(index - first).unwrap()] = forged;
        assert_eq!(first_difference(tile, &bytes(kept), &bytes(&now)), Some(index));
    }
}

/// The root that a leaf and its path give.
fn root_with(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Hash {
    // The subtrees that the path skips, put together again.
    fn root(leaf: Hash, index: u64, size: u64, path: &mut Vec<Hash>) -> Hash {
        if size == 1 {
            return leaf;
        }
        let half = 1_u64 << (63 - (size - 1).leading_zeros());
        let other = path.pop().unwrap();
        let mut tree = Frontier::new();
        let pair = if index < half {
            [root(leaf, index, half, path), other]
        } else {
            [other, root(leaf, index - half, size - half, path)]
        };
        for hash in pair {
            tree.append(hash).unwrap();
        }
        tree.root()
    }
    root(leaf, index, size, &mut path.to_vec())
}

#[test]
fn a_log_that_was_rewritten_with_all_keys_opens_and_is_refused_by_the_witness() {
    let world = World::new(600, 100);
    let (mut witness, head, key) = witnessed_by(&world, &world.leaves());
    let verifiers = [world.verifier()];
    assert_eq!(world.reader().check_witnessed(&head, &verifiers, &key).unwrap().size, 600);
    let note = Checkpoint { origin: origin(), tree: witness.head() }.sign(world.signing());
    assert!(world.reader().check_witnessed(&note.unwrap(), &verifiers, &key).is_err());
    for fork in [0, 1, 299, 599] {
        // Another store, the same keys: the same entries up to the fork, others from there on.
        let other = World {
            _keys: Keys::new(),
            keyring: Arc::clone(&world.keyring),
            store: Arc::new(MemoryStore::new()),
        };
        world
            .reader()
            .entries(0..fork, &mut |index, kept| {
                let body = world.get(&Key::audit_body(index));
                other.change(|batch| {
                    batch.put(Key::audit_body(index), body);
                    batch.put(Key::audit_leaf(index), kept.hash().as_bytes().to_vec());
                });
                Ok(Step::Continue)
            })
            .unwrap();
        let refused = other.reader().check_witnessed(&head, &verifiers, &key).unwrap_err();
        assert!(refused.to_string().contains("shorter"), "{refused}");
        let mut log = other.log().unwrap();
        for index in fork..700 {
            log.stage(&entry(index)).unwrap();
        }
        let _ = log.commit("forged", Batch::new()).unwrap();
        let reader = other.reader();
        let signed = reader.checkpoint(&origin(), &[other.signing()]).unwrap();
        assert_eq!(other.found(&Frontier::new()), None, "it agrees with itself");
        assert!(other.log().is_ok());
        let refused = reader.check_witnessed(&head, &verifiers, &key).unwrap_err();
        assert!(refused.to_string().contains("another"), "{refused}");
        let proof = reader.with_leaves(|leaves| consistency_proof(600, 700, leaves)).unwrap();
        let refused = witness.add_checkpoint(600, &proof, &signed.note, 2).unwrap_err();
        assert!(matches!(refused, Refusal::NotProven { witnessed: 600, .. }), "fork at {fork}");
    }
}

#[test]
fn pruned_bodies_leave_every_hash_and_proof_and_only_what_an_entry_names_may_be_gone() {
    let world = World::new(40, 10);
    let before = world.leaves();
    let mut log = world.log().unwrap();
    let late = "2036-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(world.reader().prunable(late, 4_000).unwrap(), []);
    let plans = world.reader().prunable(late, RETENTION_DAYS_MIN).unwrap();
    // The first is never dropped, the last that is old enough dates the others.
    assert_eq!(plans.iter().map(|plan| plan.dropped.clone()).collect::<Vec<_>>(), [[1..=38]]);
    let pruning = Pruning::new(vec![5..=9], 5, RETENTION_DAYS_MIN).unwrap();
    let by = log.stage(&pruning.entry(late, Actor::Server)).unwrap();
    assert!(log.prune(5..=by, by).is_err(), "not of itself");
    log.prune(5..=9, by).unwrap();
    let _ = log.commit("prune", Batch::new()).unwrap();

    let reader = world.reader();
    let signed = reader.checkpoint(&origin(), &[world.signing()]).unwrap();
    assert_eq!(world.leaves()[..40], before[..], "every hash stays");
    assert_eq!(world.found(&Frontier::new()), None);
    for index in 0..41 {
        let path = reader.with_leaves(|leaves| inclusion_proof(index, 41, leaves)).unwrap();
        let leaf = world.leaves()[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(leaf, index, signed.tree, &path), Ok(()));
    }
    let mut export = ExportWriter::begin(Vec::new(), &signed.note, &world.verifier()).unwrap();
    let mut pruned = Vec::new();
    reader
        .entries(0..41, &mut |index, leaf| {
            pruned.extend(matches!(leaf, KeptLeaf::Pruned(_)).then_some(index));
            export.entry(&leaf).unwrap();
            Ok(Step::Continue)
        })
        .unwrap();
    assert_eq!(pruned, [5, 6, 7, 8, 9]);
    let export = export.finish().unwrap();
    let key = world.verifier().to_string();
    let report = verify_export(&export[..], Some(&key)).unwrap();
    assert_eq!((report.pruned_count, report.pruning.unexplained(late)), (5, None));

    // A body that nobody has pruned, taken out of the store, or of the export.
    let text = String::from_utf8(export).unwrap();
    let mut cut: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    cut[21] = format!("{{\"i\":20,\"hash\":\"{}\"}}\n", before[20]);
    let report = verify_export(cut.concat().as_bytes(), Some(&key)).unwrap();
    assert_eq!((report.pruned_count, report.pruning.unexplained(late)), (6, Some(20)));
    for (index, forged) in [(20, 5), (10, 9)] {
        let there = world.get(&Key::audit_body(index));
        // The record of a pruned one opens in its own place alone.
        let record = world.get(&Key::audit_body(forged));
        world.change(|batch| batch.put(Key::audit_body(index), record));
        assert_eq!(world.found(&Frontier::new()), Some(index));
        world.change(|batch| batch.put(Key::audit_body(index), there));
    }
    let mut log = world.log().unwrap();
    let no_warrant = log.stage(&entry(41)).unwrap();
    log.prune(20..=20, no_warrant).unwrap();
    let _ = log.commit("prune without saying so", Batch::new()).unwrap();
    assert_eq!(world.found(&Frontier::new()), Some(20), "also by who has all keys");
}
