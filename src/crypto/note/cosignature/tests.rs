use serde::Deserialize;

use super::*;

/// Made by an implementation in Python that shares no code with this one.
#[derive(Deserialize)]
struct Vector {
    secret: String,
    witness_key: String,
    seconds: u64,
    note: String,
    line: String,
}

fn vector() -> Vector {
    serde_json::from_str(include_str!("../../../../tests/vectors/audit-cosignature.json")).unwrap()
}

#[test]
fn a_cosignature_is_the_golden_line_and_verifies() {
    let golden = vector();
    let secret = WitnessSecret::parse(&golden.secret).unwrap();
    assert_eq!(secret.public().to_string(), golden.witness_key);
    assert_eq!(secret.cosign(&golden.note, golden.seconds), Ok(golden.line.clone()));
    let key: WitnessKey = golden.witness_key.parse().unwrap();
    let cosigned = format!("{}{}", golden.note, golden.line);
    let (text, seconds) = key.open(&cosigned).unwrap();
    assert_eq!((text, seconds), (split_note(&golden.note).unwrap().0, golden.seconds));
    assert_eq!(key.open(&golden.note), Err(NoteError::NotSigned));
    let later = secret.cosign(&golden.note, golden.seconds + 1).unwrap();
    assert_eq!(key.open(&format!("{cosigned}{later}")).unwrap().1, golden.seconds + 1);
}

#[test]
fn no_bit_of_a_cosigned_text_time_or_signature_can_be_changed() {
    let golden = vector();
    let key: WitnessKey = golden.witness_key.parse().unwrap();
    let line = golden.line.trim_end().rsplit_once(' ').unwrap();
    let signature = BASE64.decode(line.1).unwrap();
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let note = format!("{}{} {}\n", golden.note, line.0, BASE64.encode(changed));
        // A changed key id is another's signature; all else is a wrong one of this key.
        let expected = if bit < 32 { NoteError::NotSigned } else { NoteError::Signature };
        assert_eq!(key.open(&note), Err(expected), "bit {bit}");
    }
    let other = golden.note.replacen("hvelv", "hvelw", 1);
    assert_eq!(key.open(&format!("{other}{}", golden.line)), Err(NoteError::Signature));
}

#[test]
fn keys_of_witnesses_and_of_logs_are_not_taken_for_each_other() {
    let golden = vector();
    assert!(golden.witness_key.parse::<super::super::VerifierKey>().is_err());
    let (secret, text) =
        WitnessSecret::generate(&"w.example".parse().unwrap(), &Entropy::os()).unwrap();
    let again = WitnessSecret::parse(&format!("{}\n", *text)).unwrap();
    assert_eq!(again.public(), secret.public());
    for bad in ["", "PRIVATE+KEY+x+00000000+AAAA", &golden.witness_key] {
        assert!(WitnessSecret::parse(bad).is_err());
    }
    let renamed = golden.secret.replace("witness.example", "witness.exampl");
    assert_eq!(WitnessSecret::parse(&renamed).err(), Some(NoteError::VerifierKeyHash));
}
