use std::io::{BufReader, Read as _};

use proptest::prelude::*;

use super::*;
use crate::audit::tree::TreeHead;
use crate::audit::{Entry, Origin, empty_root};
use crate::crypto::note::NoteError;
use crate::crypto::{SecretBytes, SigningKey};

/// An export of version 1, never regenerated: the golden entries, entry 3 pruned.
const GOLDEN: &str = include_str!("../../../tests/vectors/audit-export-v1.jsonl");
const BODIES: &str = include_str!("../../../tests/vectors/audit-entries-v1.jsonl");
const KEY: &str = "hvelv.example.no/npr+8f711245+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
/// The key of RFC 8032, section 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn signing_key() -> SigningKey {
    let seed = hex::decode(SEED).unwrap();
    SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = seed))
}

fn leaf(index: u8, body: &str) -> KeptLeaf {
    KeptLeaf::Whole(Leaf::new(Salt::from_bytes([index; 16]), body.to_owned()).unwrap())
}

fn golden_leaves() -> Vec<KeptLeaf> {
    let mut leaves: Vec<_> = (0..).zip(BODIES.lines()).map(|(i, body)| leaf(i, body)).collect();
    leaves[3] = KeptLeaf::Pruned(leaves[3].hash());
    leaves
}

fn note_for(leaves: &[KeptLeaf]) -> (String, VerifierKey) {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.append(leaf.hash()).unwrap();
    }
    let origin: Origin = "hvelv.example.no/npr".parse().unwrap();
    let note = Checkpoint { origin: origin.clone(), tree: tree.head() }.sign(&signing_key());
    (note.unwrap(), VerifierKey::new(origin, signing_key().public_key()))
}

fn export(leaves: &[KeptLeaf]) -> String {
    let (note, key) = note_for(leaves);
    let mut writer = ExportWriter::begin(Vec::new(), &note, &key).unwrap();
    for leaf in leaves {
        writer.entry(leaf).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn refused(export: &str) -> VerifyError {
    verify_export(export.as_bytes(), Some(KEY)).unwrap_err()
}

/// The golden export after `change` to its lines, the header being line 0.
fn edited(change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines = GOLDEN.split_inclusive('\n').map(str::to_owned).collect();
    change(&mut lines);
    lines.concat()
}

#[test]
fn the_export_is_the_golden_bytes_and_verifies() {
    assert_eq!(export(&golden_leaves()), GOLDEN);
    let report = verify_export(GOLDEN.as_bytes(), Some(KEY)).unwrap();
    assert_eq!(report.trust, Trust::ExpectedKey);
    assert_eq!(report.checkpoint.origin.as_str(), "hvelv.example.no/npr");
    assert_eq!((report.checkpoint.tree.size, report.pruned_count), (10, 1));
    assert_eq!(report.verifier_key.to_string(), KEY);
    assert_eq!(verify_export(GOLDEN.as_bytes(), None).unwrap().trust, Trust::ExportItself);
}

#[test]
fn the_export_of_an_empty_log_verifies() {
    let export = export(&[]);
    let report = verify_export(export.as_bytes(), Some(KEY)).unwrap();
    assert_eq!(report.checkpoint.tree, TreeHead { size: 0, root: empty_root() });
    let with_entry = export + GOLDEN.lines().nth(1).unwrap() + "\n";
    assert!(matches!(refused(&with_entry), VerifyError::Extra { size: 0 }));
}

#[test]
fn a_wrong_entry_is_named() {
    let removed = refused(&edited(|lines| drop(lines.remove(5))));
    assert!(matches!(removed, VerifyError::Missing { index: 4, found: 5 }), "{removed}");
    let swapped = refused(&edited(|lines| lines.swap(5, 6)));
    assert!(matches!(swapped, VerifyError::Missing { index: 4, found: 5 }), "{swapped}");
    let twice = refused(&edited(|lines| lines.insert(6, lines[5].clone())));
    assert!(matches!(twice, VerifyError::OutOfOrder { index: 5, found: 4 }), "{twice}");
    let body = refused(&edited(|lines| lines[2] = lines[2].replace("4096", "4095")));
    assert!(matches!(body, VerifyError::Changed { index: 1 }), "{body}");
    let salt = refused(&edited(|lines| lines[3] = lines[3].replace("0202", "0203")));
    assert!(matches!(salt, VerifyError::Changed { index: 2 }), "{salt}");
    let extra = refused(&edited(|lines| lines.push(lines[10].replace("\"i\":9", "\"i\":10"))));
    assert!(matches!(extra, VerifyError::Extra { size: 10 }), "{extra}");
    let half = refused(&edited(|lines| lines[2] = lines[2].replace("\"salt\"", "\"sale\"")));
    assert!(matches!(half, VerifyError::Malformed { index: 1 }), "{half}");
    let no_salt = refused(&edited(|lines| {
        lines[2] = lines[2].replace(&format!("\"salt\":\"{}\",", "01".repeat(16)), "");
    }));
    assert!(matches!(no_salt, VerifyError::Malformed { index: 1 }), "{no_salt}");
}

#[test]
fn an_export_cut_anywhere_is_truncated() {
    let header = GOLDEN.find('\n').unwrap() + 1;
    for end in header..GOLDEN.len() {
        let cut = verify_export(&GOLDEN.as_bytes()[..end], Some(KEY)).unwrap_err();
        let whole = GOLDEN.as_bytes()[header..end].iter().filter(|&&byte| byte == b'\n').count();
        let whole = u64::try_from(whole).unwrap();
        let VerifyError::Truncated { size: 10, found } = cut else { panic!("{end}: {cut}") };
        assert_eq!(found, whole, "{end}");
    }
    for end in 0..header {
        let cut = verify_export(&GOLDEN.as_bytes()[..end], Some(KEY)).unwrap_err();
        assert!(matches!(cut, VerifyError::Header), "{end}: {cut}");
    }
}

/// Whoever changes an entry and its hash is found by the root, and without the key cannot sign
/// another.
#[test]
fn an_entry_changed_with_its_hash_does_not_give_the_signed_root() {
    let mut leaves = golden_leaves();
    let body = BODIES.lines().nth(1).unwrap().replace("4096", "4095");
    leaves[1] = leaf(1, &body);
    let changed = export(&leaves);
    let line = changed.lines().nth(2).unwrap();
    let forged = edited(|lines| lines[2] = format!("{line}\n"));
    assert!(matches!(refused(&forged), VerifyError::RootMismatch { size: 10 }));
    // The golden export with the other tree's signature is refused as well.
    let other_header = changed.lines().next().unwrap();
    let forged = edited(|lines| lines[0] = format!("{other_header}\n"));
    assert!(matches!(refused(&forged), VerifyError::RootMismatch { size: 10 }));
}

/// What verification without an expected key does not prove: here the whole log is forged.
#[test]
fn a_forged_log_verifies_only_against_itself() {
    let forger = SigningKey::from_seed(&SecretBytes::filled(|bytes| bytes.fill(7)));
    let origin: Origin = "hvelv.example.no/npr".parse().unwrap();
    let tree = TreeHead { size: 0, root: empty_root() };
    let note = Checkpoint { origin: origin.clone(), tree }.sign(&forger).unwrap();
    let key = VerifierKey::new(origin, forger.public_key());
    let writer = ExportWriter::begin(Vec::new(), &note, &key).unwrap();
    let forged = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert_eq!(verify_export(forged.as_bytes(), None).unwrap().trust, Trust::ExportItself);
    assert!(matches!(refused(&forged), VerifyError::WrongKey));
    // Our key named, the forger's signature below it.
    let forged = forged.replace(&key.to_string(), KEY);
    let error = refused(&forged);
    let not_signed = CheckpointError::Note(NoteError::NotSigned);
    assert!(matches!(error, VerifyError::Checkpoint(cause) if cause == not_signed));
}

#[test]
fn a_bad_header_is_refused_for_its_reason() {
    let bad = |from: &str, to: &str| {
        assert!(GOLDEN.contains(from));
        refused(&GOLDEN.replacen(from, to, 1))
    };
    assert!(matches!(bad("export\":1", "export\":2"), VerifyError::UnknownVersion(2)));
    assert!(matches!(bad("\"origin\":\"hvelv", "\"origin\":\"kelv"), VerifyError::Origin));
    assert!(matches!(bad("\"origin\"", "\"originator\""), VerifyError::Header));
    assert!(matches!(bad("{", "[{"), VerifyError::Header));
    assert!(matches!(bad("+8f711245+", "+8f711246+"), VerifyError::Header));
    let size = bad("\\n10\\n", "\\n11\\n");
    let broken = CheckpointError::Note(NoteError::Signature);
    assert!(matches!(size, VerifyError::Checkpoint(cause) if cause == broken));
    assert!(matches!(refused(""), VerifyError::Header));
    let expected = verify_export(GOLDEN.as_bytes(), Some("hvelv"));
    assert!(matches!(expected, Err(VerifyError::ExpectedKey(NoteError::VerifierKey))));
}

/// Goal: memory stays bounded whatever the file holds. Method: a line without end.
#[test]
fn an_endless_line_is_refused() {
    let header = GOLDEN.lines().next().unwrap().to_owned() + "\n";
    let endless = BufReader::new(header.as_bytes().chain(io::repeat(b'x')));
    let error = verify_export(endless, Some(KEY)).unwrap_err();
    assert!(matches!(error, VerifyError::Malformed { index: 0 }));
    let endless = BufReader::new(io::repeat(b'x'));
    assert!(matches!(verify_export(endless, Some(KEY)), Err(VerifyError::Header)));
}

#[test]
fn the_writer_hands_out_no_export_that_would_not_verify() {
    let leaves = golden_leaves();
    let (note, key) = note_for(&leaves);
    let begin = || ExportWriter::begin(Vec::new(), &note, &key).unwrap();

    let mut short = begin();
    short.entry(&leaves[0]).unwrap();
    assert!(matches!(short.finish(), Err(ExportError::NotTheCheckpoint)));
    let mut swapped = begin();
    leaves.iter().rev().for_each(|leaf| swapped.entry(leaf).unwrap());
    assert!(matches!(swapped.entry(&leaves[0]), Err(ExportError::NotTheCheckpoint)));
    assert!(matches!(swapped.finish(), Err(ExportError::NotTheCheckpoint)));
    let other = note.replace("\n10\n", "\n11\n");
    let refused = ExportWriter::begin(Vec::new(), &other, &key);
    assert!(matches!(refused, Err(ExportError::Checkpoint(_))));
    let full: &mut [u8] = &mut [0; 16];
    assert!(matches!(ExportWriter::begin(full, &note, &key), Err(ExportError::Write(_))));
}

/// Every bit of the golden export: header, hashes, salts, bodies, structure.
#[test]
fn every_flipped_bit_is_detected() {
    let mut bytes = GOLDEN.as_bytes().to_vec();
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        bytes[at] ^= 1 << bit;
        assert!(verify_export(&bytes[..], Some(KEY)).is_err(), "bit {bit} of byte {at}");
        bytes[at] ^= 1 << bit;
    }
}

proptest! {
    #[test]
    fn any_log_is_exported_and_verified_whole_and_no_entry_can_be_changed(
        bodies in proptest::collection::vec((".{0,40}", any::<bool>()), 1..12),
        pick in any::<prop::sample::Index>(),
    ) {
        let mut leaves: Vec<_> = (0..).zip(&bodies).map(|(i, (body, _))| leaf(i, body)).collect();
        for (leaf, (_, pruned)) in leaves.iter_mut().zip(&bodies) {
            if *pruned {
                *leaf = KeptLeaf::Pruned(leaf.hash());
            }
        }
        let text = export(&leaves);
        let report = verify_export(text.as_bytes(), Some(KEY)).unwrap();
        let pruned = bodies.iter().filter(|(_, pruned)| *pruned).count();
        prop_assert_eq!(report.pruned_count, u64::try_from(pruned).unwrap());

        let at = pick.index(leaves.len());
        let mut other = leaves.clone();
        other[at] = leaf(99, "another body");
        let forged = export(&other);
        let mut lines: Vec<_> = text.lines().collect();
        lines[at + 1] = forged.lines().nth(at + 1).unwrap();
        let forged = lines.join("\n") + "\n";
        let found_by_root = matches!(refused(&forged), VerifyError::RootMismatch { .. });
        prop_assert!(found_by_root);
    }

    #[test]
    fn verification_never_panics(text in "(\\PC|\n){0,200}") {
        prop_assert!(verify_export(text.as_bytes(), None).is_err());
    }
}

#[test]
fn an_export_can_be_read_back_as_entries() {
    for line in GOLDEN.lines().skip(1) {
        let line: EntryLine = serde_json::from_str(line).unwrap();
        assert!(line.body.is_none_or(|body| Entry::decode(&body).is_ok()));
    }
}
