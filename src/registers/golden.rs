//! Golden bytes of what the register plane stores. Never regenerated.

use zeroize::Zeroizing;

use super::delivery::{DeliveryRecord, DeliveryState};
use super::delta::{self, Stored};
use super::persons::PersonSet;
use super::tombstone::Tombstone;
use crate::crypto::{Entropy, KeyId, SecretBytes, StorageKey, StorageKeys};
use crate::store::keys::Key;
use crate::vault::PersonNo;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn person(number: u64) -> PersonNo {
    PersonNo::from_number(number).unwrap()
}

fn keys() -> StorageKeys {
    let secret = SecretBytes::filled(|bytes| bytes.fill(0x42));
    StorageKeys::new(StorageKey::new(KeyId::new(7), &secret), Vec::new())
}

const ENTRIES: [(u64, Stored); 3] = [
    (0, Stored::Member(0)),
    (9_999_999, Stored::Member(9_999_999_999_999)),
    (0xff_ffff_fffe, Stored::Suppressed),
];

#[test]
fn the_plaintext_of_a_delta_is_the_golden_bytes() {
    let entries: Vec<_> = ENTRIES.iter().map(|(n, stored)| (person(*n), *stored)).collect();
    let plain: Zeroizing<Vec<u8>> = delta::plaintext(&entries);
    let golden = concat!(
        "01",
        "0000000000",
        "01",
        "000000000000",
        "000098967f",
        "01",
        "09184e729fff",
        "fffffffffe",
        "02",
        "000000000000",
    );
    assert_eq!(hex(&plain), golden);
}

#[test]
fn the_plaintext_of_an_erasure_in_a_delta_is_the_golden_bytes() {
    let entries = [(person(7), Stored::Erased), (person(7), Stored::Member(8))];
    let golden =
        concat!("01", "0000000007", "03", "000000000000", "0000000007", "01", "000000000008");
    assert_eq!(hex(&delta::plaintext(&entries)), golden);
    let key = Key::delta(1, 5);
    let sealed = delta::encode(&keys(), &Entropy::os(), &key, entries.to_vec()).unwrap();
    assert_eq!(delta::decode(&keys(), key.as_bytes(), &sealed).unwrap(), entries);
}

#[test]
fn a_tombstone_is_the_golden_bytes() {
    let (up_to, expires) = (jiff::civil::date(2026, 1, 15), jiff::civil::date(2028, 1, 15));
    let tombstone = Tombstone { up_to, expires };
    let plain = tombstone.encode(person(0x01_0203_0405));
    assert_eq!(hex(plain.as_slice()), concat!("01", "0102030405", "01352513", "01357333"));
    assert_eq!(Tombstone::decode(plain.as_slice()), Some((person(0x01_0203_0405), tombstone)));
    for end in 0..plain.len() {
        assert!(Tombstone::decode(&plain[..end]).is_none());
    }
}

#[test]
fn a_delta_opens_in_its_own_place_only() {
    let entries: Vec<_> = ENTRIES.iter().map(|(n, stored)| (person(*n), *stored)).collect();
    let key = Key::delta(1, 5);
    let sealed = delta::encode(&keys(), &Entropy::os(), &key, entries.clone()).unwrap();
    assert_eq!(delta::decode(&keys(), key.as_bytes(), &sealed).unwrap(), entries);
    for other in [Key::delta(1, 6), Key::delta(2, 5)] {
        assert!(delta::decode(&keys(), other.as_bytes(), &sealed).is_err());
    }
    let mut cut = sealed;
    cut.pop();
    assert!(delta::decode(&keys(), key.as_bytes(), &cut).is_err());
}

#[test]
fn a_part_of_a_person_set_is_the_golden_bytes() {
    let mut set = PersonSet::default();
    set.extend(&[person(0x0100_0003), person(0x0100_0001)]);
    let parts = set.parts().unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].0, 1);
    // Version, part, then roaring's portable format: cookie 12346, one container of two values.
    let golden = concat!(
        "01", "00000001", "3a300000", "01000000", "0000", "0100", "10000000", "0100", "0300"
    );
    assert_eq!(hex(&parts[0].1), golden);
}

#[test]
fn a_delivery_record_is_the_golden_bytes() {
    let record = DeliveryRecord {
        v: 1,
        register: "NPR".into(),
        source: "HF".into(),
        principal: "pipeline".into(),
        purpose: "reporting".into(),
        period_from: 20_260_101,
        period_to: 20_260_131,
        opened: "2026-02-01T00:00:00Z".into(),
        written: "2026-02-01T00:00:01Z".into(),
        state: DeliveryState::Complete,
        rows: 4,
        answered: 3,
        new_members: 2,
        persons: 1,
    };
    let golden = concat!(
        r#"{"v":1,"register":"NPR","source":"HF","principal":"pipeline","purpose":"reporting","#,
        r#""period_from":20260101,"period_to":20260131,"opened":"2026-02-01T00:00:00Z","#,
        r#""written":"2026-02-01T00:00:01Z","state":"complete","rows":4,"answered":3,"#,
        r#""new_members":2,"persons":1}"#,
    );
    assert_eq!(serde_json::to_string(&record).unwrap(), golden);
    assert_eq!(serde_json::from_str::<DeliveryRecord>(golden).unwrap(), record);
}
