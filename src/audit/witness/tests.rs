use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::audit::{LeafHashes as _, consistency_proof, root_of};
use crate::crypto::note::NOTE_BYTES_MAX;
use crate::crypto::{Entropy, SecretBytes, SigningKey};

fn log_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [seed; 32]))
}

fn origin() -> Origin {
    "log.example/hvelv".parse().unwrap()
}

fn verifier(seed: u8) -> VerifierKey {
    VerifierKey::new(origin(), log_key(seed).public_key())
}

/// Leaves of which those from `fork` on are another history's.
fn leaves(size: u64, fork: u64) -> Vec<Hash> {
    let leaf = |index: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&index.to_be_bytes());
        bytes[31] = u8::from(index >= fork);
        Hash::from_bytes(bytes)
    };
    (0..size).map(leaf).collect()
}

fn note(leaves: &[Hash], seed: u8) -> String {
    let tree = root_of(leaves.len() as u64, leaves).unwrap();
    Checkpoint { origin: origin(), tree }.sign(&log_key(seed)).unwrap()
}

/// A witness, and the text of its secret, with which it is opened again.
fn witness() -> (Witness, String) {
    let name = "witness.example/w1".parse().unwrap();
    let (secret, text) = WitnessSecret::generate(&name, &Entropy::os()).unwrap();
    (Witness::open(secret, vec![verifier(1)], "").unwrap(), text.to_string())
}

fn again(text: &str, head: &str) -> Result<Witness, Refusal> {
    Witness::open(WitnessSecret::parse(text).unwrap(), vec![verifier(1)], head)
}

fn add(witness: &mut Witness, log: &[Hash], seconds: u64) -> Result<Cosigned, Refusal> {
    let old = witness.head().size;
    let proof = consistency_proof(old, log.len() as u64, log).unwrap_or_default();
    witness.add_checkpoint(old, &proof, &note(log, 1), seconds)
}

#[test]
fn a_log_that_grows_is_cosigned_also_after_the_witness_was_stopped() {
    let (mut witness, text) = witness();
    let key = WitnessSecret::parse(&text).unwrap().public();
    for (size, seconds) in [(0, 90), (1, 100), (7, 110), (7, 120), (300, 130)] {
        let cosigned = add(&mut witness, &leaves(size, u64::MAX), seconds).unwrap();
        assert_eq!(cosigned.checkpoint.tree, witness.head());
        assert_eq!(key.open(&cosigned.note).unwrap().1, seconds);
        assert!(cosigned.note.ends_with(&cosigned.line));
        assert_eq!(
            Checkpoint::parse_and_verify(&cosigned.note, &verifier(1)).unwrap().tree.size,
            size
        );
        witness = again(&text, &cosigned.note).unwrap();
        assert_eq!(witness.head(), cosigned.checkpoint.tree);
    }
    let back = add(&mut witness, &leaves(301, u64::MAX), 50).unwrap();
    assert_eq!(key.open(&back.note).unwrap().1, 130, "its time never goes back");
}

#[test]
fn a_log_that_goes_back_is_refused_at_every_size() {
    let log = leaves(200, u64::MAX);
    let (mut witness, _) = witness();
    let _ = add(&mut witness, &log, 1).unwrap();
    for size in 0..200 {
        let refused = add(&mut witness, &log[..size], 2).unwrap_err();
        assert_eq!(refused, Refusal::GoneBack { size: size as u64, witnessed: 200 });
        assert!(refused.accuses_server() && !refused.is_proof(), "a file may be old");
    }
    assert_eq!(witness.head().size, 200);
}

#[test]
fn a_log_that_forks_at_any_entry_is_refused_however_far_it_has_grown() {
    let (mut witness, _) = witness();
    let _ = add(&mut witness, &leaves(100, u64::MAX), 1).unwrap();
    for fork in 0..100 {
        for size in [100, 101, 130, 256] {
            let refused = add(&mut witness, &leaves(size, fork), 2).unwrap_err();
            let is_fork = matches!(refused, Refusal::Forked { witnessed: 100 });
            let is_unproven = matches!(refused, Refusal::NotProven { witnessed: 100, .. });
            assert_eq!((is_fork, is_unproven), (size == 100, size > 100), "fork at {fork}");
            assert_eq!((refused.is_proof(), refused.accuses_server()), (size == 100, true));
        }
    }
    let _ = add(&mut witness, &leaves(130, 100), 2).unwrap();
}

#[test]
fn what_is_not_signed_or_not_proven_from_the_head_is_refused() {
    let (mut witness, text) = witness();
    let log = leaves(20, u64::MAX);
    let head = add(&mut witness, &log[..10], 1).unwrap().note;
    let proof = consistency_proof(10, 20, &log[..]).unwrap();
    let unsigned = witness.add_checkpoint(10, &proof, &note(&log, 2), 2);
    assert!(matches!(unsigned, Err(Refusal::Checkpoint(_))));
    let old_size = Refusal::OldSize { old_size: 0, witnessed: 10 };
    assert_eq!(witness.add_checkpoint(0, &[], &note(&log, 1), 2), Err(old_size));
    let mut short = proof.clone();
    short.pop();
    let unproven = witness.add_checkpoint(10, &short, &note(&log, 1), 2).unwrap_err();
    assert!(matches!(unproven, Refusal::NotProven { .. }) && !unproven.is_proof(), "{unproven}");
    assert!(log[..].leaf_hash(3).unwrap().is_some());
    assert!(witness.add_checkpoint(10, &proof, &note(&log, 1), 2).is_ok());

    // A head that the witness has not cosigned, or another has, is no head.
    assert!(matches!(again(&text, &note(&log, 1)), Err(Refusal::Head(NoteError::NotSigned))));
    let forged = head.replacen("\n10\n", "\n11\n", 1);
    assert!(matches!(again(&text, &forged), Err(Refusal::Head(NoteError::Signature))));
    let (_, other) = self::witness();
    assert!(again(&other, &head).is_err());
}

#[test]
fn a_log_whose_key_is_replaced_goes_on_when_both_keys_have_signed() {
    let (secret, text) = {
        let (_, text) = witness();
        (WitnessSecret::parse(&text).unwrap(), text)
    };
    let mut witness = Witness::open(secret, vec![verifier(1)], "").unwrap();
    let log = leaves(30, u64::MAX);
    let _ = add(&mut witness, &log[..10], 1).unwrap();
    let both = |size: usize| {
        let tree = root_of(size as u64, &log[..]).unwrap();
        Checkpoint { origin: origin(), tree }.sign_with(&[&log_key(2), &log_key(1)]).unwrap()
    };
    let proof = consistency_proof(10, 20, &log[..]).unwrap();
    let head = witness.add_checkpoint(10, &proof, &both(20), 2).unwrap().note;
    // From here on the witness knows the new key alone.
    let secret = WitnessSecret::parse(&text).unwrap();
    let mut witness = Witness::open(secret, vec![verifier(2)], &head).unwrap();
    let proof = consistency_proof(20, 30, &log[..]).unwrap();
    assert!(witness.add_checkpoint(20, &proof, &note(&log, 1), 3).is_err(), "the old key is gone");
    let _ = witness.add_checkpoint(20, &proof, &note(&log, 2), 3).unwrap();
}

/// A line of somebody: of a name and key id, with signature bytes that nobody has made.
fn line_of(name: &str, id: [u8; 4], length: usize) -> String {
    let bytes = [&id[..], &vec![7; length]].concat();
    format!("— {name} {}\n", BASE64.encode(bytes))
}

#[test]
fn a_note_with_lines_that_the_log_has_not_signed_leaves_a_head_that_the_witness_opens() {
    let log = leaves(20, u64::MAX);
    let own_id = |text: &str| {
        let key = WitnessSecret::parse(text).unwrap().public().to_string();
        crate::crypto::hex::decode::<4>(key.split('+').nth(1).unwrap()).unwrap()
    };
    let long = "x".repeat(crate::crypto::note::NAME_BYTES_MAX);
    for case in 0..6 {
        let (mut witness, text) = witness();
        let _ = add(&mut witness, &log[..10], 1).unwrap();
        let head = witness.head();
        let mut noted = note(&log, 1);
        let key = WitnessSecret::parse(&text).unwrap().public();
        match case {
            // Under the witness's own name and key id, in the length of its lines and in another.
            0 => noted.push_str(&line_of("witness.example/w1", own_id(&text), 72)),
            1 => noted.push_str(&line_of("witness.example/w1", own_id(&text), 1)),
            // As many as a note may have, and one more than a head would.
            2 => (0..99).for_each(|id| noted.push_str(&line_of("other", [id; 4], 64))),
            // As long as a note may be.
            3 => {
                let bytes = (NOTE_BYTES_MAX - noted.len() - 4 - "—  \n".len()) / 4 * 3 - 4 - 300;
                noted.push_str(&line_of(&long, [1; 4], bytes));
            }
            // The log's own line, again and again.
            4 => {
                let line = noted.split_once("\n\n").unwrap().1.to_owned();
                (0..99).for_each(|_| noted.push_str(&line));
            }
            _ => {}
        }
        let proof = consistency_proof(10, 20, &log[..]).unwrap();
        let cosigned = witness.add_checkpoint(10, &proof, &noted, 2).unwrap();
        assert_ne!(witness.head(), head);
        let again = again(&text, &cosigned.note).unwrap();
        assert_eq!(again.head(), witness.head(), "case {case}");
        assert_eq!(key.open(&cosigned.note).unwrap().1, 2, "case {case}: who knows the witness");
        let lines = cosigned.note.split_once("\n\n").unwrap().1;
        assert_eq!(lines.lines().count(), 2, "case {case}: the log's line, and the witness's");
    }
    // A text that with the cosignature would be too long is refused, and what comes next is not.
    let (mut witness, text) = witness();
    let _ = add(&mut witness, &log[..10], 1).unwrap();
    let tree = root_of(20, &log[..]).unwrap();
    let mut words = format!("{}\n20\n{}\n", origin(), BASE64.encode(tree.root.as_bytes()));
    words.push_str(&"x".repeat(NOTE_BYTES_MAX - words.len() - 160));
    words.push('\n');
    let long = crate::crypto::note::sign_note(&words, &origin(), &log_key(1)).unwrap();
    assert!(Checkpoint::parse_and_verify(&long, &verifier(1)).is_ok());
    let proof = consistency_proof(10, 20, &log[..]).unwrap();
    assert!(witness.add_checkpoint(10, &proof, &long, 2).is_err());
    assert_eq!(witness.head().size, 10);
    let cosigned = add(&mut witness, &log, 2).unwrap();
    assert!(again(&text, &cosigned.note).is_ok());
}
