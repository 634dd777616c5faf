use proptest::prelude::*;

use super::*;

const PLACE: Place<'static> = Place { kind: 7, row: b"row 1", field: 2 };

fn key(id: u32) -> StorageKey {
    let entropy = Entropy::dangerous_seeded(u64::from(id));
    StorageKey::new(KeyId::new(id), &SecretBytes::generate(&entropy).unwrap())
}

fn keys() -> StorageKeys {
    StorageKeys::new(key(3), vec![key(1), key(2)])
}

fn refused(place: &Place<'_>, envelope: &[u8]) -> bool {
    matches!(keys().open(place, envelope), Err(Error::Open))
}

#[test]
fn a_sealed_value_opens_in_its_place() {
    let envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    assert_eq!(keys().open(&PLACE, &envelope).unwrap().as_slice(), b"value");
    assert_eq!(envelope.len(), 5 + ENVELOPE_OVERHEAD_BYTES);
    assert_eq!(sealed_under(&envelope), Some(KeyId::new(3)));
}

#[test]
fn an_older_key_opens_what_it_sealed() {
    let envelope = key(2).seal(&Entropy::os(), &PLACE, b"old").unwrap();
    assert_eq!(keys().open(&PLACE, &envelope).unwrap().as_slice(), b"old");
}

#[test]
fn what_an_older_key_sealed_is_sealed_anew_in_its_place_alone() {
    let (old, entropy) = (key(2).seal(&Entropy::os(), &PLACE, b"old").unwrap(), Entropy::os());
    let keys = keys();
    assert!(keys.has_older() && keys.is_older(&old) && !keys.is_older(b"no envelope"));
    let new = keys.reseal(&entropy, &PLACE, &old).unwrap();
    assert!(!keys.is_older(&new));
    let young = StorageKeys::new(key(3), Vec::new());
    assert!(!young.has_older());
    assert_eq!(young.open(&PLACE, &new).unwrap().as_slice(), b"old");
    assert!(young.reseal(&entropy, &PLACE, &old).is_err(), "the key is gone");
    assert!(keys.reseal(&entropy, &Place { field: 3, ..PLACE }, &old).is_err());
}

#[test]
fn sealing_twice_gives_different_envelopes() {
    let entropy = Entropy::os();
    let one = keys().seal(&entropy, &PLACE, b"value").unwrap();
    let two = keys().seal(&entropy, &PLACE, b"value").unwrap();
    assert_ne!(one, two);
}

#[test]
fn a_batch_makes_what_single_seals_make_and_repeats_no_nonce() {
    let entropy = Entropy::os();
    let keys = keys();
    let mut sealer = keys.sealer(&entropy);
    let mut nonces = std::collections::HashSet::new();
    for number in 0..200_u32 {
        let row = number.to_be_bytes();
        let place = Place { kind: 1, row: &row, field: 0 };
        let mut out = b"before".to_vec();
        sealer.seal_into(&mut out, &place, &row).unwrap();
        let envelope = out.strip_prefix(b"before").unwrap();
        assert_eq!(keys.open(&place, envelope).unwrap().as_slice(), row);
        assert!(nonces.insert(envelope[5..17].to_vec()));
    }
    assert_eq!(keys.active().seal_count(), 200);
}

#[test]
fn open_rejects_ciphertext_moved_to_another_place() {
    let envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    assert!(refused(&Place { row: b"row 2", ..PLACE }, &envelope));
    assert!(refused(&Place { kind: 8, ..PLACE }, &envelope));
    assert!(refused(&Place { field: 3, ..PLACE }, &envelope));
}

#[test]
fn open_bad_version_is_refused() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    for version in [0, 2, 0xff] {
        envelope[0] = version;
        assert!(refused(&PLACE, &envelope));
    }
}

#[test]
fn open_bad_key_id_is_refused_known_or_unknown() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    for id in [2_u32, 99] {
        envelope[1..5].copy_from_slice(&id.to_be_bytes());
        assert!(refused(&PLACE, &envelope));
    }
}

#[test]
fn open_bad_nonce_is_refused() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    envelope[5] ^= 1;
    assert!(refused(&PLACE, &envelope));
}

#[test]
fn open_bad_ciphertext_is_refused() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    envelope[17] ^= 0x80;
    assert!(refused(&PLACE, &envelope));
}

#[test]
fn open_bad_tag_is_refused() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    *envelope.last_mut().unwrap() ^= 1;
    assert!(refused(&PLACE, &envelope));
}

#[test]
fn an_envelope_cut_anywhere_or_made_longer_is_refused() {
    let mut envelope = keys().seal(&Entropy::os(), &PLACE, b"value").unwrap();
    for length in 0..envelope.len() {
        assert!(refused(&PLACE, &envelope[..length]));
    }
    envelope.push(0);
    assert!(refused(&PLACE, &envelope));
}

#[test]
fn a_key_refuses_to_seal_beyond_its_bound() {
    let key = key(1);
    key.resume(SEALS_MAX - 1);
    key.resume(5);
    assert_eq!(key.seal_count(), SEALS_MAX - 1);
    let entropy = Entropy::os();
    key.seal(&entropy, &PLACE, b"last").unwrap();
    assert_eq!(key.seal(&entropy, &PLACE, b"more").unwrap_err(), Error::SealLimit);
    let mut out = Vec::new();
    let refused = key.sealer(&entropy).seal_into(&mut out, &PLACE, b"more");
    assert_eq!(refused.unwrap_err(), Error::SealLimit);
    assert!(out.is_empty());
    assert_eq!(key.seal_count(), SEALS_MAX);
}

#[test]
fn debug_shows_ids_only() {
    let shown = format!("{:?}", keys());
    assert_eq!(
        shown,
        "StorageKeys { active: StorageKey(3, ..), older: [StorageKey(1, ..), StorageKey(2, ..)] }"
    );
}

proptest! {
    #[test]
    fn any_value_round_trips_and_any_flipped_bit_is_refused(
        plaintext in prop::collection::vec(any::<u8>(), 0..100),
        row in prop::collection::vec(any::<u8>(), 0..40),
        kind: u16,
        field: u16,
        bit in any::<prop::sample::Index>(),
    ) {
        let place = Place { kind, row: &row, field };
        let mut envelope = keys().seal(&Entropy::os(), &place, &plaintext).unwrap();
        let opened = keys().open(&place, &envelope).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        let bit = bit.index(envelope.len() * 8);
        envelope[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(refused(&place, &envelope));
    }
}
