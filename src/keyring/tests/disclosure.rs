//! Keys of disclosures: golden values, and what dies when one is closed.

use jiff::Timestamp;
use serde::Deserialize;

use super::*;
use crate::crypto::test_support::{from_hex, to_hex};
use crate::crypto::{Entropy, SecretBytes, SerialWidth};
use crate::keyring::WrappedDisclosureKey;
use crate::keyring::disclosure::DisclosureKeys;

#[derive(Deserialize)]
struct Golden {
    key: String,
    serial_bodies: Vec<(u32, u64, u64)>,
    surrogates: Vec<[String; 4]>,
    approvals: Vec<[String; 5]>,
}

/// `tests/vectors/disclosure.py` computes the same from docs/FORMATS.md alone.
#[test]
fn the_keys_of_a_disclosure_give_the_golden_values() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../tests/vectors/disclosure.json")).unwrap();
    let key = from_hex(&golden.key);
    let secret = SecretBytes::<32>::filled(|bytes| bytes.copy_from_slice(&key));
    for (width, number, body) in &golden.serial_bodies {
        let width = SerialWidth::new(*width).unwrap();
        let keys = DisclosureKeys::new(&secret, width);
        assert_eq!(keys.serials().encrypt(*number).unwrap(), *body);
    }
    let keys = DisclosureKeys::new(&secret, SerialWidth::DEFAULT);
    for [key_space, institution, value, surrogate] in &golden.surrogates {
        let made = keys.surrogate(key_space, institution.as_bytes(), value.as_bytes());
        assert_eq!(to_hex(&made), *surrogate);
    }
    for [act, subject, name, value, digest] in &golden.approvals {
        let parts = [act, subject, name, value].map(|part| part.as_bytes());
        assert_eq!(to_hex(keys.digests().digest_parts(&parts).as_bytes()), *digest);
    }
    let counts = (golden.serial_bodies.len(), golden.surrogates.len(), golden.approvals.len());
    assert_eq!(counts, (12, 3, 1));
}

#[test]
fn a_wrapped_key_opens_for_its_disclosure_alone_and_dies_with_its_erasure_key() {
    let made = make();
    let (keyring, entropy, now) = (made.unseal().unwrap(), Entropy::os(), Timestamp::UNIX_EPOCH);
    let erasure = keyring.erasure();
    let width = SerialWidth::DEFAULT;
    let closing = WrappedDisclosureKey::generate([1; 16], erasure, &entropy).unwrap();
    let staying = WrappedDisclosureKey::generate([2; 16], erasure, &entropy).unwrap();
    let serial = |key: &WrappedDisclosureKey, number| {
        Some(key.open(number, erasure, width).ok()?.serials().encrypt(5).unwrap())
    };
    let (one, two) = (serial(&closing, [1; 16]).unwrap(), serial(&staying, [2; 16]).unwrap());
    assert_ne!(one, two);
    assert_eq!(serial(&closing, [2; 16]), None, "another disclosure's");
    let continued = closing.continued_as([1; 16], [3; 16], erasure, &entropy).unwrap();
    assert_eq!(serial(&continued, [3; 16]), Some(one));
    let digest =
        |key: &WrappedDisclosureKey, id| Some(key.open_digests(id, erasure).ok()?.digest(b"a"));
    let opened = continued.open([3; 16], erasure, width).unwrap().digests().digest(b"a");
    assert_eq!(digest(&continued, [3; 16]), Some(opened));
    assert_eq!(digest(&closing, [2; 16]), None);

    let next = erasure.prepare(&entropy, now).unwrap();
    let survivor = staying.rewrap([2; 16], erasure, &next, &entropy).unwrap();
    erasure.finish(&entropy, now).unwrap();
    assert_eq!((serial(&closing, [1; 16]), serial(&staying, [2; 16])), (None, None));
    assert_eq!(serial(&survivor, [2; 16]), Some(two));
    let again = made.unseal().unwrap();
    assert!(closing.open([1; 16], again.erasure(), width).is_err());
    let survived = survivor.open([2; 16], again.erasure(), width).unwrap();
    assert_eq!(survived.serials().encrypt(5).unwrap(), two);
}
