//! Our own formats, pinned: `tests/vectors/crypto.json` holds what each gave when it was made.
//!
//! These vectors are for ever.  A test that fails here means that stored data no longer opens or
//! that register IDs have changed: the code is wrong, never the file.  A new format is a new version
//! with vectors of its own beside the old.
//!
//! The keys are SHA-256("hvelv golden " ‖ name), so that another implementation can check the file.

use serde::Deserialize;

use super::aead::record_aad;
use super::test_support::{from_hex, to_hex};
use super::wrap::wrap_aad;
use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: String,
    entropy_seed_1: String,
    record_aad: String,
    record_envelope: String,
    wrap_aad: String,
    wrapped_key: String,
    derived_number_block_3: String,
    keyed_digest: String,
    tags: Vec<TagVector>,
    oneway_tag: String,
    register_id_bodies: Vec<(u64, u64)>,
    numbers: Vec<(u64, u64)>,
    serials: Vec<(u32, u64, u64)>,
    kek_development: String,
    kek_production: String,
    signature: String,
    public_key: String,
    note_key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TagVector {
    encoding: String,
    tag: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/crypto.json")).unwrap()
}

fn secret(name: &str) -> SecretBytes<32> {
    SecretBytes::filled(|bytes| *bytes = sha256(format!("hvelv golden {name}").as_bytes()))
}

const PLACE: Place<'static> = Place { kind: 0x0102, row: b"row-key", field: 3 };
const PLAINTEXT: &[u8] = b"sealed record";
const CONTEXT: [&[u8]; 3] = [b"identity", &[0, 7], b""];

#[test]
fn seeded_entropy_is_as_it_was() {
    let bytes: [u8; 40] = Entropy::dangerous_seeded(1).draw().unwrap();
    assert_eq!(to_hex(&bytes), vectors().entropy_seed_1);
}

#[test]
fn a_record_is_sealed_as_it_was() {
    let id = KeyId::new(0x0a0b_0c0d);
    assert_eq!(to_hex(&record_aad(id, &PLACE)), vectors().record_aad);
    let keys = StorageKeys::new(StorageKey::new(id, &secret("storage")), vec![]);
    let sealed = keys.seal(&Entropy::dangerous_seeded(1), &PLACE, PLAINTEXT).unwrap();
    assert_eq!(to_hex(&sealed), vectors().record_envelope);
    let mut batch = Vec::new();
    let entropy = Entropy::dangerous_seeded(1);
    keys.sealer(&entropy).seal_into(&mut batch, &PLACE, PLAINTEXT).unwrap();
    assert_eq!(to_hex(&batch), vectors().record_envelope);
}

#[test]
fn a_record_sealed_then_opens_now() {
    let id = KeyId::new(0x0a0b_0c0d);
    let keys = StorageKeys::new(StorageKey::new(id, &secret("storage")), vec![]);
    let opened = keys.open(&PLACE, &from_hex(&vectors().record_envelope)).unwrap();
    assert_eq!(opened.as_slice(), PLAINTEXT);
}

#[test]
fn a_key_is_wrapped_as_it_was() {
    let id = KeyId::new(9);
    assert_eq!(to_hex(&wrap_aad(id, &CONTEXT)), vectors().wrap_aad);
    let key = WrapKey::new(id, &secret("wrap"));
    let sealed = key.seal(&Entropy::dangerous_seeded(1), &CONTEXT, &secret("inner")).unwrap();
    assert_eq!(to_hex(&sealed), vectors().wrapped_key);
    let opened = key.open::<32>(&CONTEXT, &from_hex(&vectors().wrapped_key)).unwrap();
    assert!(opened.ct_eq(&secret("inner")));
}

#[test]
fn keys_are_derived_as_they_were() {
    let block = 3_u64.to_be_bytes();
    let derived = derive_secret::<32>(&secret("numbers"), Label::NumberBlock, &[&block]);
    let pinned = from_hex(&vectors().derived_number_block_3);
    assert!(derived.ct_eq(&SecretBytes::filled(|bytes| bytes.copy_from_slice(&pinned))));
}

#[test]
fn digests_are_as_they_were() {
    let digest = DigestKey::new(&secret("digest")).digest_parts(&[b"part", b""]);
    assert_eq!(to_hex(digest.as_bytes()), vectors().keyed_digest);
}

#[test]
fn tags_are_as_they_were() {
    let key = IndexKey::new(&secret("index"));
    let vectors = vectors();
    assert_eq!(vectors.tags.len(), 5);
    for vector in &vectors.tags {
        assert_eq!(to_hex(&key.tag(&from_hex(&vector.encoding)).to_bytes()), vector.tag);
    }
    let oneway = OneWayKey::new(&secret("oneway mac"), OuterKey::new(&secret("oneway outer")));
    assert_eq!(to_hex(&oneway.tag(b"encoding").to_bytes()), vectors.oneway_tag);
}

#[test]
fn register_ids_are_as_they_were() {
    let cipher = RegisterIdCipher::new(&secret("register id"));
    let vectors = vectors();
    assert_eq!(vectors.register_id_bodies.len(), 4);
    for (number, body) in vectors.register_id_bodies {
        assert_eq!((cipher.encrypt(number), cipher.decrypt(body)), (Ok(body), Ok(number)));
    }
}

#[test]
fn numbers_are_drawn_as_they_were() {
    let key = NumberKey::new(secret("numbers"));
    let vectors = vectors();
    assert_eq!(vectors.numbers.len(), 5);
    for (position, number) in vectors.numbers {
        assert_eq!(key.number_at(position), Ok(number));
        assert_eq!(key.position_of(number), Ok(position));
    }
}

#[test]
fn serials_are_as_they_were() {
    let vectors = vectors();
    assert_eq!(vectors.serials.len(), 12);
    for (width, number, body) in vectors.serials {
        let cipher = SerialCipher::new(&secret("serial"), SerialWidth::new(width).unwrap());
        assert_eq!((cipher.encrypt(number), cipher.decrypt(body)), (Ok(body), Ok(number)));
    }
}

#[test]
fn passphrases_give_the_keys_they_gave() {
    let passphrase = Passphrase::new("blåbærsyltetøy".into()).unwrap();
    for (params, pinned) in [
        (Argon2Params::DEVELOPMENT, vectors().kek_development),
        (Argon2Params::PRODUCTION, vectors().kek_production),
    ] {
        let kek = params.derive_kek(&passphrase, b"0123456789abcdef").unwrap();
        let pinned = from_hex(&pinned);
        assert!(kek.ct_eq(&SecretBytes::filled(|bytes| bytes.copy_from_slice(&pinned))));
    }
}

#[test]
fn signatures_are_as_they_were() {
    let key = SigningKey::from_seed(&secret("signing"));
    assert_eq!(to_hex(&key.sign(b"message").to_bytes()), vectors().signature);
    assert_eq!(to_hex(&key.public_key().to_bytes()), vectors().public_key);
    let id = key.public_key().note_key_id("hvelv.example.no/audit");
    assert_eq!(to_hex(&id), vectors().note_key_id);
}
