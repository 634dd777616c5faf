use super::*;
use crate::audit::{Frontier, Origin, WitnessSecret, inclusion_proof};
use crate::crypto::{Entropy, SecretBytes, SigningKey};

fn signing_key() -> SigningKey {
    SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [7; 32]))
}

fn origin() -> Origin {
    "log.example/hvelv".parse().unwrap()
}

fn key() -> VerifierKey {
    VerifierKey::new(origin(), signing_key().public_key())
}

fn leaf(index: u8) -> Leaf {
    Leaf::new(Salt::from_bytes([index; 16]), format!("{{\"v\":1,\"n\":{index}}}")).unwrap()
}

/// The receipt for an entry of a log of 11 entries.
fn receipt(index: u8) -> Receipt {
    let hashes: Vec<Hash> = (0..11).map(|index| leaf(index).hash()).collect();
    let mut tree = Frontier::new();
    for hash in &hashes {
        tree.append(*hash).unwrap();
    }
    let note = Checkpoint { origin: origin(), tree: tree.head() }.sign(&signing_key()).unwrap();
    let path = inclusion_proof(u64::from(index), 11, &hashes[..]).unwrap();
    Receipt { index: u64::from(index), entry: KeptLeaf::Whole(leaf(index)), path, note }
}

#[test]
fn a_receipt_is_read_as_it_was_written_and_verifies_with_the_public_key_alone() {
    for index in 0..11 {
        let whole = receipt(index);
        let hash_only = Receipt { entry: KeptLeaf::Pruned(whole.entry.hash()), ..whole.clone() };
        for receipt in [whole, hash_only] {
            let text = receipt.encode();
            assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "));
            let read = Receipt::parse(&text).unwrap();
            assert_eq!(read, receipt);
            assert_eq!(read.verify(&key(), None).unwrap().checkpoint.tree.size, 11);
        }
    }
}

#[test]
fn a_receipt_cannot_be_made_to_say_anything_else() {
    let good = receipt(4);
    let wrong = |receipt: Receipt| receipt.verify(&key(), None).unwrap_err();
    let other = KeptLeaf::Whole(leaf(5));
    let root = ReceiptError::Proof(ProofError::Root);
    assert_eq!(wrong(Receipt { entry: other, ..good.clone() }), root);
    assert_eq!(wrong(Receipt { index: 5, ..good.clone() }), root);
    let short = good.path[1..].to_vec();
    assert_eq!(
        wrong(Receipt { path: short, ..good.clone() }),
        ReceiptError::Proof(ProofError::Length)
    );
    let forged = SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [8; 32]));
    let stranger = VerifierKey::new(origin(), forged.public_key());
    assert!(matches!(good.verify(&stranger, None), Err(ReceiptError::Checkpoint(_))));

    // Whatever bit of the text is changed: it is refused, or still the same receipt.
    let text = good.encode();
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let Ok(read) = Receipt::parse(&changed) else { continue };
        if read.verify(&key(), None).is_ok() {
            assert_eq!(read, good, "bit {bit}");
        }
    }
}

#[test]
fn a_receipt_may_have_to_be_cosigned_by_a_witness() {
    let mut receipt = receipt(3);
    let name = "witness.example/w1".parse().unwrap();
    let (secret, _) = WitnessSecret::generate(&name, &Entropy::os()).unwrap();
    let witness = secret.public();
    let missing = Err(ReceiptError::Witness(NoteError::NotSigned));
    assert_eq!(receipt.verify(&key(), Some(&witness)), missing);
    let line = secret.cosign(&receipt.note, 1_700_000_000).unwrap();
    receipt.note.push_str(&line);
    let read = Receipt::parse(&receipt.encode()).unwrap();
    let verified = read.verify(&key(), Some(&witness)).unwrap();
    assert_eq!(verified.witnessed, Some(1_700_000_000));
    assert_eq!(read.verify(&key(), None).unwrap().witnessed, None);
}

#[test]
fn malformed_texts_are_refused() {
    let text = receipt(0).encode();
    for bad in [
        "",
        "c2sp.org/tlog-proof@v1\n\n",
        &text.replace("@v1", "@v2"),
        &text.replace("index 0", "index 00"),
        &text.replace("index 0", "index -1"),
        &text.replace("extra ", ""),
        &text.replacen("\n\n", "\nAAAA\n\n", 1),
        &text.replace("extra Ag", "extra Aw"),
    ] {
        assert!(Receipt::parse(bad).is_err(), "{bad}");
    }
}
