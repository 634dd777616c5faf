use jiff::civil::date;

use super::*;
use crate::crypto::{KeyId, SecretBytes, StorageKey};

/// The record of account 3 and the set of its first persons, sealed with the key 42…42, id 7, and the
/// nonce 00 01 … 0b, by another implementation of docs/FORMATS.md. Never regenerated.
const SEALED_RECORD: &str = concat!(
    "0100000007000102030405060708090a0b7efce7ff8b1dde29ed742d7db2b42b5a5ebff448ce3990c463f05042",
    "f67dd39a7697abd014574b8a9e10743135b0f94e198b6663d5ad167549f68bf3a67499b1f85a942172b8362629",
    "4ac6b9f4d3ffe7ebd71d9e6a2c9d4c3293264da9dc05415da04bdc3e4829c4f9573b8a5ed9f4b30241e0148039",
    "64d2e0367bb63b59d1f8e084693dd5d37a1a0fceb8dc924bd5c966cfa81ae8215ed1b624315bacfe4534511154",
    "04c66aef0b9efd3a6b47bf3efff2113ec2b71f0edf8317159eb560307182620a9b9bf50b8cd4dfc1fefb221065",
    "f15b888e946e9c386365ea223c1064eb57133efc24e7ad75909d908e2f083944bf91ae019233019e2fff2cd2f9",
    "484dc971440c5ba8ff23d185246e57866fb7e912964390efbce9c7e7e820c50706a2a00a1fb74ef2f2e3365a00",
    "4ba1a40f7146550ce8cc015314137b98c117fd548cc4ba7d080a90a56ea4a4a68104998a355b73ea704991463e",
    "08061c4510c20351563dddc5571260d94e04016de37f039a783ff8",
);
const SEALED_PERSONS: &str = concat!(
    "0100000007000102030405060708090a0b05de91c4b02cf20b9c3c7413d1dc5b3b329dce6ba059e2e913982024",
    "9ad949f8d23e88ea4e99ddf9e81e1334db",
);

const GOLDEN: &str = concat!(
    r#"{"v":1,"principal":"npr-pipeline","register":1,"period":"2026-01-12","assignments":2,"#,
    r#""misses":3,"persons":4,"persons_ever":2,"first_sequence":1,"next_sequence":2,"writes":9,"#,
    r#""next_grant":3,"grants":[{"number":2,"budget":"persons","amount":6000000,"used":5,"#,
    r#""until":"2026-12-31","reason":"first load","by":"nils.operator","#,
    r#""granted":"2026-01-12T08:00:00Z"}]}"#,
);

fn keys() -> StorageKeys {
    let secret = SecretBytes::filled(|bytes| bytes.fill(0x42));
    StorageKeys::new(StorageKey::new(KeyId::new(7), &secret), Vec::new())
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(pair).collect()
}

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

fn golden() -> AccountRecord {
    let terms = NewGrant {
        budget: Budget::Persons,
        amount: 6_000_000,
        until: date(2026, 12, 31),
        reason: "first load".into(),
        by: "nils.operator".into(),
        granted: "2026-01-12T08:00:00Z".parse().unwrap(),
    };
    let purse = Purse {
        period: date(2026, 1, 12),
        used: Counts { assignments: 2, misses: 3, persons: 4 },
        grants: vec![Grant { number: 2, used: 5, terms }],
        next_grant: 3,
        held: 0,
    };
    AccountRecord {
        principal: "npr-pipeline".into(),
        register: 1,
        purse,
        persons_ever: 2,
        first_sequence: 1,
        next_sequence: 2,
        writes: 9,
    }
}

#[test]
fn a_budget_record_is_the_golden_bytes() {
    assert_eq!(String::from_utf8(golden().encode().unwrap()).unwrap(), GOLDEN);
    assert_eq!(AccountRecord::decode(GOLDEN.as_bytes()).unwrap(), golden());
}

#[test]
fn what_is_held_is_never_stored() {
    let mut record = golden();
    record.purse.held = 5;
    assert_eq!(record.encode().unwrap(), GOLDEN.as_bytes());
}

#[test]
fn sealed_budgets_open_as_they_always_did() {
    let (record, persons) = (Key::budget(3), Key::budget_persons(3, 1));
    let opened = AccountRecord::open(&keys(), record.as_bytes(), &bytes(SEALED_RECORD)).unwrap();
    assert_eq!(opened, golden());
    let opened = open_persons(&keys(), persons.as_bytes(), &bytes(SEALED_PERSONS)).unwrap();
    assert_eq!(opened, [person(0x0100_0001), person(0x0100_0003)]);
}

#[test]
fn budgets_open_in_their_own_place_only() {
    let entropy = Entropy::os();
    let key = Key::budget(3);
    let sealed = golden().seal(&keys(), &entropy, &key).unwrap();
    assert_eq!(AccountRecord::open(&keys(), key.as_bytes(), &sealed).unwrap(), golden());
    assert!(AccountRecord::open(&keys(), Key::budget(4).as_bytes(), &sealed).is_err());
    let key = Key::budget_persons(3, 0);
    let persons: Vec<PersonNo> = [5, 1 << 30].map(person).into();
    let sealed = seal_persons(&keys(), &entropy, &key, &persons).unwrap();
    assert_eq!(open_persons(&keys(), key.as_bytes(), &sealed).unwrap(), persons);
    for other in [Key::budget_persons(3, 1), Key::budget_persons(4, 0)] {
        assert!(open_persons(&keys(), other.as_bytes(), &sealed).is_err());
    }
}

#[test]
fn damaged_records_are_refused() {
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("2026-01-12\"", "2026-13-12\""),
        ("\"persons\",", "\"person\","),
        ("\"first_sequence\":1", "\"first_sequence\":3"),
        ("\"misses\":3", "\"misses\":-3"),
        ("\"writes\":9,", ""),
    ] {
        assert!(GOLDEN.contains(from), "{from}");
        let text = GOLDEN.replacen(from, to, 1);
        assert!(AccountRecord::decode(text.as_bytes()).is_err(), "{to}");
    }
}
