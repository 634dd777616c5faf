//! Receipts, pruning and signing keys over the whole service; proofs are checked by ct-merkle too.

use ct_merkle::{ConsistencyProof as CtConsistency, InclusionProof as CtInclusion, RootHash};

use super::bridges;
use super::rights::reserved;
use super::*;
use crate::approval::{Act, State as Approval};
use crate::audit::{
    Checkpoint, ExportWriter, Hash, KeptLeaf, Leaf, RETENTION_DAYS_MIN, Receipt, Salt, VerifierKey,
    Witness, WitnessSecret, verify_export,
};
use crate::config::codes::Identifiers;
use crate::keyring::{Editor, KeyState, OldErasureKey, Purpose};

type CtRoot = RootHash<sha2::Sha256>;

impl World {
    fn receipt(&self, who: &str, index: u64) -> Result<AuditReceipt, Error> {
        let permit = self.permit(who, Right::ReadOwnEntries);
        Ok(self.service.audit_receipt(&permit, index)?.into_answer().0)
    }

    fn auditor(&self) -> Permit {
        self.permit("r", Right::ReadAudit)
    }

    /// Prunes with an approval; gives how many bodies.
    fn prune(&self) -> u64 {
        self.approve_as("o", (Act::PruneAudit, &pruning_subject(RETENTION_DAYS_MIN)), &[]);
        self.service.prune_audit(&self.operator(), RETENTION_DAYS_MIN).unwrap().bodies
    }

    fn entries(&self) -> Vec<AuditRecord> {
        let entries = self.service.audit_entries(&self.auditor(), 0, 0).unwrap();
        entries.map(Result::unwrap).collect()
    }

    fn checkpoint(&self) -> AuditCheckpoint {
        self.service.audit_checkpoint(&self.auditor()).unwrap()
    }

    /// The newest entry of an action.
    fn newest(&self, action: &str) -> u64 {
        let word = format!("\"action\":\"{action}\"");
        let found = self.bodies().iter().rposition(|body| body.contains(&word));
        found.unwrap_or_else(|| panic!("{action}")) as u64
    }

    /// Changes the key file while the server is sealed.
    fn change_keys(&self, change: impl FnOnce(&mut Editor<'_>)) {
        self.service.seal(&self.operator()).unwrap();
        let (entropy, path) = (Entropy::os(), &self.service.parts.config.key_file);
        let mut editor = Editor::open(path, &passphrase(), &entropy, clock().now()).unwrap();
        change(&mut editor);
        editor.commit().unwrap();
        self.unseal();
    }

    /// The whole log as an export, and its verifier key.
    fn export(&self) -> (Vec<u8>, String) {
        let signed = self.checkpoint();
        let key: VerifierKey = signed.verifier_key.parse().unwrap();
        let size = Checkpoint::parse_and_verify(&signed.note, &key).unwrap().tree.size;
        let mut export = ExportWriter::begin(Vec::new(), &signed.note, &key).unwrap();
        for entry in self.entries().into_iter().take(usize::try_from(size).unwrap()) {
            let leaf = match entry.salt.as_slice().try_into() {
                Ok(salt) => {
                    let body = String::from_utf8(entry.body).unwrap();
                    KeptLeaf::Whole(Leaf::new(Salt::from_bytes(salt), body).unwrap())
                }
                Err(_) => KeptLeaf::Pruned(Hash::from_bytes(entry.leaf_hash)),
            };
            export.entry(&leaf).unwrap();
        }
        (export.finish().unwrap(), signed.verifier_key)
    }
}

fn as_text(receipt: &AuditReceipt) -> Receipt {
    let entry = match receipt.salt.as_slice().try_into() {
        Ok(salt) => {
            let body = String::from_utf8(receipt.body.clone()).unwrap();
            KeptLeaf::Whole(Leaf::new(Salt::from_bytes(salt), body).unwrap())
        }
        Err(_) => KeptLeaf::Pruned(Hash::from_bytes(receipt.leaf_hash)),
    };
    let path = receipt.path.iter().map(|hash| Hash::from_bytes(*hash)).collect();
    Receipt { index: receipt.index, entry, path, note: receipt.note.clone() }
}

/// The root of a note, for ct-merkle.
fn ct_root(note: &str, key: &str) -> CtRoot {
    let checkpoint = Checkpoint::parse_and_verify(note, &key.parse().unwrap()).unwrap();
    CtRoot::new((*checkpoint.tree.root.as_bytes()).into(), checkpoint.tree.size)
}

#[test]
fn a_sender_has_a_receipt_for_its_delivery_that_any_tool_can_check() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(30));
    let index = world.newest("ingest");
    // The first is made from a checkpoint of its own, the second from the same, which covers both.
    for index in [index, world.newest("delivery_closed"), index] {
        let receipt = world.receipt("a", index).unwrap();
        let text = as_text(&receipt).encode();
        let read = Receipt::parse(&text).unwrap();
        let key = receipt.verifier_key.parse().unwrap();
        let verified = read.verify(&key, None).unwrap();
        assert_eq!(verified.checkpoint.origin.as_str(), "hvelv.example/audit");
        let body = String::from_utf8(receipt.body.clone()).unwrap();
        assert!(body.contains("\"principal\":\"a\"") && body.contains("\"register\":\"NPR\""));

        let root = ct_root(&receipt.note, &receipt.verifier_key);
        let item = [&receipt.salt[..], &receipt.body].concat();
        let proof = CtInclusion::try_from_bytes(receipt.path.concat()).unwrap();
        root.verify_inclusion(&item, index, &proof).unwrap();
        assert!(root.verify_inclusion(&item, index + 1, &proof).is_err());
    }
    let given = world.bodies().iter().filter(|body| body.contains("receipt_given")).count();
    assert_eq!(given, 3, "each is recorded");
}

#[test]
fn consistency_proofs_of_the_server_hold_for_ct_merkle() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(3));
    let old = world.checkpoint();
    world.ingest("NPR", "HF", &numbers(9));
    let new = world.checkpoint();
    let (old_root, new_root) =
        (ct_root(&old.note, &old.verifier_key), ct_root(&new.note, &new.verifier_key));
    let sizes = (old_root.num_leaves(), new_root.num_leaves());
    let proof = world.service.audit_consistency(&world.auditor(), sizes.0, sizes.1).unwrap();
    let proof = CtConsistency::try_from_bytes(proof.path.concat()).unwrap();
    new_root.verify_consistency(&old_root, &proof).unwrap();
    let wrong = CtRoot::new([7; 32].into(), sizes.0);
    assert!(new_root.verify_consistency(&wrong, &proof).is_err());
}

#[test]
fn nobody_has_a_receipt_for_anothers_entry_or_hears_that_there_is_one() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(3));
    let size = world.bodies().len() as u64;
    for who in ["a", "f", "o", "p", "r"] {
        for (index, body) in (0..).zip(world.bodies().iter().take(usize::try_from(size).unwrap())) {
            let is_own = body.contains(&format!("\"principal\":\"{who}\""));
            let answer = world.receipt(who, index).map(|receipt| receipt.index);
            match answer {
                Ok(told) => assert!(is_own && told == index, "{who} {index}"),
                Err(error) => assert!(!is_own && error.code() == ErrorCode::NotAllowed),
            }
        }
        for none in [1_000_000, u64::MAX] {
            let refused = world.receipt(who, none).map(drop).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::NotAllowed);
        }
    }
}

#[test]
fn a_receipt_says_no_more_than_the_answer_did() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("KPR", "KUHR", &people[..1]);
    // The entry has a reference if the vault knows the person; the answer does not say so.
    let known = world.say("KPR", people[0], reserved("secondary_purposes"));
    let unknown = world.say("KPR", people[1], reserved("secondary_purposes"));
    assert!(known.is_ok() && unknown.is_err());
    let own: Vec<u64> = (0..)
        .zip(world.bodies())
        .filter(|(_, body)| body.contains("\"principal\":\"p\""))
        .map(|(index, _)| index)
        .collect();
    assert!(!own.is_empty());
    for index in own {
        let receipt = world.receipt("p", index).unwrap();
        assert_eq!((receipt.salt.len(), receipt.body.len()), (0, 0));
        let key = receipt.verifier_key.parse().unwrap();
        let _ = as_text(&receipt).verify(&key, None).unwrap();
    }
}

#[test]
fn whether_a_person_is_reserved_does_not_show_in_a_receipt_for_their_serial() {
    let world = World::unsealed();
    let people = numbers(2);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    let id = world.research(&[("riksrevisjonsloven_12", Identifiers::Without)]);
    let mut told = Vec::new();
    for row in &kpr {
        let answer = world.serials(id, "KPR", &[*row]).unwrap();
        assert_eq!((answer.ids.len(), answer.notes.len()), (1, 0), "answered alike");
        let receipt = world.receipt("f", world.newest("serials_issued")).unwrap();
        told.push((receipt.salt.len(), receipt.body.len()));
    }
    let overridden = world.entries_with("overridden_riksrevisjonsloven_12");
    assert_eq!(overridden, 1, "of one of them it is said");
    assert_eq!(told, [(0, 0); 2]);
}

#[test]
fn a_log_that_is_damaged_while_the_server_runs_is_no_mistake_of_who_asks_for_a_proof() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(30));
    let _ = world.checkpoint();
    world.ingest("NPR", "HF", &numbers(40));
    let (own, size) = (world.newest("ingest"), world.bodies().len() as u64);
    let gone = Key::audit_leaf(own - 1);
    let mut batch = crate::store::Batch::new();
    batch.remove(gone);
    let durability = crate::store::Durability::Synced;
    world.stores.registers.commit("damage", batch, durability).unwrap();
    let auditor = world.auditor();
    let inclusion = world.service.audit_inclusion(&auditor, own, size).map(drop);
    // From a tree that is no power of two, the proof needs all leaves.
    let consistency = world.service.audit_consistency(&auditor, 3, size).map(drop);
    let receipt = world.receipt("a", own).map(drop);
    for (what, asked) in
        [("inclusion", inclusion), ("consistency", consistency), ("receipt", receipt)]
    {
        let code = asked.err().map(|error| error.code());
        assert_eq!(code, Some(ErrorCode::StoreUnusable), "{what} of {own} in {size}");
    }
    for (index, tree_size) in [(5, 3), (5, u64::MAX)] {
        let none = world.service.audit_inclusion(&auditor, index, tree_size).map(drop);
        assert_eq!(none.unwrap_err().code(), ErrorCode::RequestInvalid);
    }
}

#[test]
fn what_retention_prunes_keeps_its_hash_and_proofs_and_the_export_says_why_it_is_gone() {
    let world = bridges::world();
    world.ingest("NPR", "HF", &numbers(20));
    let before = world.entries();
    let own = world.newest("ingest");
    assert_eq!(world.prune(), 0);
    let later = Duration::from_secs(86_400 * RETENTION_DAYS_MIN);
    world.clock.advance(later);
    let pruned = world.prune();
    assert!(pruned >= 2, "{pruned}");
    world.reseal();

    let after = world.entries();
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((old.index, old.leaf_hash), (new.index, new.leaf_hash));
        assert!(new.body == old.body || new.body.is_empty() && new.salt.is_empty());
    }
    let is_gone = |index: u64| after[usize::try_from(index).unwrap()].body.is_empty();
    assert!(is_gone(own) && !is_gone(world.newest("delivery_closed")));
    assert_eq!(world.receipt("a", own).map(drop).unwrap_err().code(), ErrorCode::NotAllowed);
    let proof = world.service.audit_inclusion(&world.auditor(), own, 0).unwrap();
    assert_eq!(proof.leaf_hash, before[usize::try_from(own).unwrap()].leaf_hash);
    let (export, key) = world.export();
    let report = verify_export(&export[..], Some(&key)).unwrap();
    let now = world.clock.now();
    assert_eq!((report.pruned_count, report.pruning.unexplained(now)), (pruned, None));
    world.ingest("NPR", "HF", &numbers(25));
}

#[test]
fn nobody_prunes_without_an_approval_of_that_retention_and_nothing_to_prune_uses_none() {
    let world = bridges::world();
    world.ingest("NPR", "HF", &numbers(20));
    let code = |days| world.service.prune_audit(&world.operator(), days).unwrap_err().code();
    assert_eq!(code(RETENTION_DAYS_MIN - 1), ErrorCode::RequestInvalid);
    assert_eq!(code(RETENTION_DAYS_MIN), ErrorCode::ApprovalRequired);
    world.clock.advance(Duration::from_secs(86_400 * (RETENTION_DAYS_MIN + 30)));
    let longer = RETENTION_DAYS_MIN + 10;
    world.approve_as("o", (Act::PruneAudit, &pruning_subject(longer)), &[]);
    assert_eq!(code(RETENTION_DAYS_MIN), ErrorCode::ApprovalRequired, "of another retention");
    for permit in [world.auditor(), world.permit("second", Right::Approve)] {
        let refused = world.service.prune_audit(&permit, longer).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotAllowed);
    }
    let pruned = world.service.prune_audit(&world.operator(), longer).unwrap();
    assert!(pruned.bodies > 0 && pruned.entries.len() == 1, "{pruned:?}");
    assert_eq!(pruned.entries[0], world.newest("entries_pruned"));
    assert_eq!(code(longer), ErrorCode::ApprovalRequired, "it is used");
    // What is refused is recorded, and what finds nothing leaves the approval as it was.
    assert_eq!(world.entries_with(r#""attempted":"entries_pruned""#), 3);
    assert_eq!(world.prune(), 0);
    let open = world.service.open_now().unwrap();
    let is_left =
        |one: &crate::approval::Approval| one.state(world.clock.now()) == Approval::Approved;
    assert_eq!(open.registers.approvals().list(9, is_left).len(), 1);
}

#[test]
fn what_was_pruned_by_a_clock_that_was_set_forward_is_not_explained() {
    let world = bridges::world();
    world.ingest("NPR", "HF", &numbers(20));
    let own = world.newest("ingest");
    let (today, later) = (world.clock.now(), Duration::from_secs(86_400 * RETENTION_DAYS_MIN));
    world.clock.set(today.checked_add(later).unwrap());
    assert!(world.prune() > 0);
    let (export, _) = world.export();
    let ahead = verify_export(&export[..], None).unwrap().pruning;
    assert_eq!(ahead.unexplained(world.clock.now()), None, "by that clock");
    assert_eq!(ahead.unexplained(today), Some(own), "by the reader's");
    world.clock.set(today);
    world.ingest("NPR", "HF", &numbers(21));
    let (export, _) = world.export();
    let report = verify_export(&export[..], None).unwrap();
    let much_later = today.checked_add(later * 3).unwrap();
    assert_eq!(report.pruning.unexplained(much_later), Some(own), "by the entries after it");
    assert!(report.pruning.gone_back().is_some_and(|index| index > own));
}

#[test]
fn a_new_signing_key_is_vouched_for_by_the_old_one_until_that_is_destroyed() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(5));
    let old = world.checkpoint();
    let old_key: VerifierKey = old.verifier_key.parse().unwrap();
    let name = "witness.example/w1".parse().unwrap();
    let (secret, _) = WitnessSecret::generate(&name, &Entropy::os()).unwrap();
    let mut witness = Witness::open(secret, vec![old_key.clone()], "").unwrap();
    let _ = witness.add_checkpoint(0, &[], &old.note, 1).unwrap();

    world.change_keys(|keys| {
        keys.rotate(Purpose::AuditSigning, None).unwrap();
    });
    let both = world.checkpoint();
    let new_key: VerifierKey = both.verifier_key.parse().unwrap();
    assert_ne!(new_key, old_key);
    assert_eq!(both.verifier_keys, [new_key.to_string(), old_key.to_string()]);
    for key in [&old_key, &new_key] {
        assert!(Checkpoint::parse_and_verify(&both.note, key).is_ok(), "signed by both");
    }
    let added = world.newest("signing_key_added");
    let body = world.bodies().swap_remove(usize::try_from(added).unwrap());
    assert!(body.contains(&new_key.to_string()), "the log says so, under the old key too");
    let old_size = witness.head().size;
    let size = Checkpoint::parse_and_verify(&both.note, &old_key).unwrap().tree.size;
    let proof = world.service.audit_consistency(&world.auditor(), old_size, size).unwrap();
    let proof: Vec<Hash> = proof.path.into_iter().map(Hash::from_bytes).collect();
    let _ = witness.add_checkpoint(old_size, &proof, &both.note, 2).unwrap();
    // Who has the old key alone verifies an export that names the new one.
    let (export, named) = world.export();
    assert_eq!(named, new_key.to_string());
    let old_text = old_key.to_string();
    assert_eq!(verify_export(&export[..], Some(&old_text)).unwrap().verifier_key, old_key);

    world.change_keys(|keys| {
        let is_old = |key: &crate::keyring::KeyFacts| {
            key.purpose == Purpose::AuditSigning && key.state == KeyState::DecryptOnly
        };
        let id = keys.keys().into_iter().find(is_old).unwrap().id;
        keys.destroy(id, OldErasureKey::Destroy).unwrap();
    });
    let last = world.checkpoint();
    assert_eq!(last.verifier_keys, [new_key.to_string()]);
    assert!(Checkpoint::parse_and_verify(&last.note, &old_key).is_err());
    assert_eq!(world.newest("signing_key_added"), added, "it is said once");
    world.reseal();
}
