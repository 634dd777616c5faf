use super::*;
use crate::crypto::SecretBytes;

fn key() -> SigningKey {
    SigningKey::from_seed(&SecretBytes::filled(|bytes| bytes.fill(1)))
}

fn origin() -> Origin {
    "hvelv.example/log".parse().unwrap()
}

fn piece(plane: Plane, name: &str) -> Piece {
    Piece {
        plane,
        name: name.to_owned(),
        bytes: 7,
        sha256: Digest([2; 32]),
        lies_in: BackupId::from_bytes([1; 16]),
        sealed_bytes: 200,
        sealed_sha256: Digest([3; 32]),
    }
}

fn manifest() -> Manifest {
    Manifest {
        hvelv_backup: 1,
        id: BackupId::from_bytes([1; 16]),
        since: None,
        made: "2026-01-15T12:00:00Z".parse().unwrap(),
        software: "hvelv 0.1.0".into(),
        store_id: [9; 16],
        environment: "test".into(),
        recipients: vec!["age1x".into()],
        checkpoint: "hvelv.example/log\n1\nroot\n\n— name sig\n".into(),
        marks: vec![SpaceMark { space: "persons".into(), leased: 8192, generation: 1 }],
        pieces: vec![piece(Plane::Registers, "CURRENT"), piece(Plane::Vault, "000012.sst")],
    }
}

#[test]
fn a_manifest_is_the_golden_note_and_reads_back() {
    let note = manifest().sign(&origin(), &[&key()]).unwrap();
    let golden = include_str!("../../tests/vectors/backup_manifest_v1.note");
    assert_eq!(note, golden);
    let verifier = VerifierKey::new(origin(), key().public_key());
    assert_eq!(Manifest::open(golden, &[verifier]).unwrap(), manifest());
}

#[test]
fn a_manifest_that_was_changed_or_is_anothers_is_refused() {
    let note = manifest().sign(&origin(), &[&key()]).unwrap();
    let verifier = VerifierKey::new(origin(), key().public_key());
    let changed = note.replace("8192", "8191");
    assert!(matches!(
        Manifest::open(&changed, std::slice::from_ref(&verifier)),
        Err(ManifestError::Note(_))
    ));
    let other = SigningKey::from_seed(&SecretBytes::filled(|bytes| bytes.fill(2)));
    let other = VerifierKey::new(origin(), other.public_key());
    assert!(matches!(
        Manifest::open(&note, std::slice::from_ref(&other)),
        Err(ManifestError::Note(_))
    ));
    assert!(Manifest::open(&note, &[other, verifier]).is_ok(), "one of the keys is enough");
}

#[test]
fn names_that_lead_elsewhere_and_stores_without_files_are_refused() {
    for name in ["", "../x", "a/b", ".x", "x\n", &"x".repeat(65)] {
        assert!(!is_name(name), "{name:?}");
        let mut wrong = manifest();
        wrong.pieces[0].name = name.to_owned();
        assert!(wrong.sign(&origin(), &[&key()]).is_err(), "{name:?}");
    }
    let mut twice = manifest();
    twice.pieces.push(piece(Plane::Vault, "000012.sst"));
    assert!(twice.sign(&origin(), &[&key()]).is_err());
    let mut without = manifest();
    without.pieces.pop();
    assert!(without.sign(&origin(), &[&key()]).is_err());
    let mut elsewhere = manifest();
    elsewhere.pieces[0].lies_in = BackupId::from_bytes([4; 16]);
    assert!(elsewhere.sign(&origin(), &[&key()]).is_err());
    elsewhere.since = Some(BackupId::from_bytes([4; 16]));
    assert!(elsewhere.sign(&origin(), &[&key()]).is_ok());
}
