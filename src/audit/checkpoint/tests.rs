use std::str::FromStr as _;

use serde::Deserialize;

use super::*;
use crate::crypto::note::{NOTE_BYTES_MAX, sign_note};
use crate::crypto::{SecretBytes, hex};

#[derive(Deserialize)]
struct Vectors {
    go: Go,
    verifier_keys_bad: Vec<BadKey>,
    checkpoint: Good,
    checkpoints_good: Vec<String>,
    checkpoints_bad: Vec<BadCheckpoint>,
}

/// The note of Go's own tests, and a second key's signature on it.
#[derive(Deserialize)]
struct Go {
    seed: String,
    verifier_key: String,
    other_verifier_key: String,
    text: String,
    note: String,
    other_signature_line: String,
}

#[derive(Deserialize)]
struct BadKey {
    name: String,
    key: String,
    error: String,
}

#[derive(Deserialize)]
struct Good {
    seed: String,
    verifier_key: String,
    origin: String,
    size: u64,
    root: String,
    note: String,
}

#[derive(Deserialize)]
struct BadCheckpoint {
    name: String,
    note: String,
    error: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/audit-notes.json")).unwrap()
}

fn signing_key(seed: &str) -> SigningKey {
    let seed = hex::decode(seed).unwrap();
    SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = seed))
}

fn verifier_key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn notes_are_those_of_go_byte_for_byte() {
    let go = vectors().go;
    let (key, other) = (verifier_key(&go.verifier_key), verifier_key(&go.other_verifier_key));
    assert_eq!(key.to_string(), go.verifier_key);
    let secret = signing_key(&go.seed);
    assert_eq!(VerifierKey::new(key.name().clone(), secret.public_key()), key);
    assert_eq!(sign_note(&go.text, key.name(), &secret), Ok(go.note.clone()));
    assert_eq!(open_note(&go.note, &key), Ok(go.text.as_str()));

    // One signature known, one not, in either order; and each key for itself.
    let both = format!("{}{}", go.note, go.other_signature_line);
    assert_eq!(open_note(&both, &key), Ok(go.text.as_str()));
    assert_eq!(open_note(&both, &other), Ok(go.text.as_str()));
    assert_eq!(open_note(&go.note, &other), Err(NoteError::NotSigned));
}

/// The manglings of Go's tests: no part of a verifier key, and none with a changed byte, is one.
#[test]
fn no_mangled_verifier_key_parses() {
    let text = vectors().go.verifier_key;
    for start in 0..=text.len() {
        for end in start..=text.len() {
            if (start, end) != (0, text.len()) {
                assert!(VerifierKey::from_str(&text[start..end]).is_err(), "{start}..{end}");
            }
        }
    }
    for (at, bit) in (0..text.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let mangled = String::from_utf8(bytes).unwrap();
        assert!(VerifierKey::from_str(&mangled).is_err(), "{mangled}");
    }
    let bad = vectors().verifier_keys_bad;
    assert_eq!(bad.len(), 8);
    for BadKey { name, key, error } in bad {
        let refused = VerifierKey::from_str(&key).unwrap_err();
        assert_eq!(format!("{refused:?}"), error, "{name}");
    }
}

#[test]
fn go_s_malformed_notes_are_malformed() {
    let go = vectors().go;
    let key = verifier_key(&go.verifier_key);
    let (text, note) = (&go.text, &go.note);
    let line = &note[text.len() + 1..];
    let repeated = |times| format!("{text}\n{}", line.repeat(times));
    assert_eq!(open_note(&repeated(100), &key), Ok(text.as_str()));
    let malformed = [
        String::new(),
        text.clone(),
        format!("{text}\n"),
        note[..note.len() - 1].to_owned(),
        format!("\u{1}{note}"),
        format!("{text}\n— Bad Name {}", &line["— PeterNeumann ".len()..]),
        format!("{note}Unexpected line.\n"),
        repeated(101),
        format!("{text}\n{}", line.replace('—', "-")),
        format!("{text}\n{}", line.replace(' ', "  ")),
        format!("{text}\n{}", line.replace("=\n", "\n")),
        format!("{text}\n— PeterNeumann x08goA==\n"),
        format!("{}{note}", "x".repeat(NOTE_BYTES_MAX)),
    ];
    for (at, note) in malformed.iter().enumerate() {
        assert_eq!(open_note(note, &key), Err(NoteError::Malformed), "case {at}");
    }
    let longer = note.replace("kuBS", "kuBSABCD");
    assert_eq!(open_note(&longer, &key), Err(NoteError::Signature));
    assert_eq!(
        sign_note("no newline", key.name(), &signing_key(&go.seed)),
        Err(NoteError::Malformed)
    );
}

#[test]
fn names_that_could_be_read_as_something_else_are_refused() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{7f}b", "a\u{2028}b"] {
        assert_eq!(Origin::from_str(name), Err(NoteError::Name), "{name:?}");
    }
    assert!(Origin::from_str(&"x".repeat(255)).is_ok());
    assert!(Origin::from_str(&"x".repeat(256)).is_err());
}

#[test]
fn checkpoints_are_the_golden_notes() {
    let vectors = vectors();
    let good = vectors.checkpoint;
    let key = verifier_key(&good.verifier_key);
    let root = Hash::from_bytes(hex::decode(&good.root).unwrap());
    let checkpoint = Checkpoint {
        origin: good.origin.parse().unwrap(),
        tree: TreeHead { size: good.size, root },
    };
    assert_eq!(checkpoint.sign(&signing_key(&good.seed)), Ok(good.note.clone()));
    assert_eq!(Checkpoint::parse_and_verify(&good.note, &key), Ok(checkpoint.clone()));
    assert_eq!(vectors.checkpoints_good.len(), 3);
    for note in vectors.checkpoints_good {
        let parsed = Checkpoint::parse_and_verify(&note, &key).unwrap();
        assert_eq!(parsed.origin, checkpoint.origin);
    }
}

#[test]
fn bad_checkpoints_are_refused_each_for_its_own_reason() {
    let vectors = vectors();
    let key = verifier_key(&vectors.checkpoint.verifier_key);
    assert_eq!(vectors.checkpoints_bad.len(), 20);
    for BadCheckpoint { name, note, error } in vectors.checkpoints_bad {
        let refused = Checkpoint::parse_and_verify(&note, &key).unwrap_err();
        assert_eq!(format!("{refused:?}"), error, "{name}");
    }
}

#[test]
fn every_flipped_bit_of_a_checkpoint_is_refused() {
    let good = vectors().checkpoint;
    let key = verifier_key(&good.verifier_key);
    for (at, bit) in (0..good.note.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = good.note.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let Ok(note) = String::from_utf8(bytes) else { continue };
        let refused: Result<_, CheckpointError> = Checkpoint::parse_and_verify(&note, &key);
        assert!(refused.is_err(), "bit {bit} of byte {at}");
    }
}
