use proptest::prelude::*;

use super::*;

#[test]
fn golden_bytes_of_each_kind() {
    let id = *b"0123456789abcdef";
    let golden: &[(Key, &str)] = &[
        (Key::marker(), "01"),
        (Key::high_water(2), "020002"),
        (Key::vault_used(3), "030003"),
        (Key::vault_lease(3), "040003"),
        (Key::group(1, 256), "1000010000000000000100"),
        (Key::contact(0, id, 4), "110000303132333435363738396162636465660004"),
        (Key::delta(1, 7), "2000010000000000000007"),
        (Key::rights_fact(2, 7), "2100020000000000000007"),
        (Key::audit_person(id), "2330313233343536373839616263646566"),
        (Key::link(2, 7), "2400020000000000000007"),
        (Key::person_fact(2, 7), "2500020000000000000007"),
        (Key::id_change(2, 7), "2600020000000000000007"),
        (Key::event_pointer(2), "270002"),
        (Key::case(2026, 4), "2807ea00000004"),
        (Key::order(2, 7), "2900020000000000000007"),
        (Key::tombstone(2, 7), "2a00020000000000000007"),
        (Key::vault_erasure(2, 7), "2b00020000000000000007"),
        (Key::audit_body(9), "300000000000000009"),
        (Key::audit_leaf(9), "310000000000000009"),
        (Key::checkpoint(9), "320000000000000009"),
        (Key::audit_persons(9), "330000000000000009"),
        (Key::audit_of(0, 2, 9), "340000000000020000000000000009"),
        (Key::index_mark(1), "350001"),
        (Key::delivered_in(0, 2, id), "3600000000000230313233343536373839616263646566"),
        (Key::reissue(2, 7), "3700020000000000000007"),
        (Key::aliases(2, 7), "3800020000000000000007"),
        (Key::delivery(id), "4030313233343536373839616263646566"),
        (Key::delivery_persons(id, 2), "413031323334353637383961626364656600000002"),
        (Key::budget(3), "5000000003"),
        (Key::budget_persons(3, 7), "51000000030000000000000007"),
        (Key::application(2026, 4), "6007ea00000004"),
        (Key::disclosure(id), "6130313233343536373839616263646566"),
        (Key::disclosure_key(id), "6230313233343536373839616263646566"),
        (Key::disclosed_delta(id, 7), "63303132333435363738396162636465660000000000000007"),
        (Key::disclosed(0, 2, id), "6400000000000230313233343536373839616263646566"),
        (Key::disclosure_item(id, 7), "65303132333435363738396162636465660000000000000007"),
        (Key::bridge(id, 7), "663031323334353637383961626364656600000007"),
        (Key::bridge_labels(id, 7), "67303132333435363738396162636465660000000000000007"),
        (Key::bridge_in(id), "6830313233343536373839616263646566"),
        (Key::window_persons(id), "6930313233343536373839616263646566"),
        (Key::serial_pin(id, 7), "6a303132333435363738396162636465660000000000000007"),
        (Key::serial_ordinal(id, 7), "6b303132333435363738396162636465660000000000000007"),
        (Key::window_one_way(id), "6c30313233343536373839616263646566"),
        (Key::approval(*b"0123456789"), "7030313233343536373839"),
        (Key::pending_restore(), "7a"),
        (Key::access(), "7c"),
    ];
    for &(key, hex) in golden {
        let found: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, hex);
        assert_eq!(Key::parse(key.as_bytes()).unwrap().1, key);
    }
}

#[test]
fn parse_refuses_unknown_kinds_and_lengths() {
    for bytes in [&[][..], &[0x7f], &[0x01, 0x00], &[0x02, 0x00], &[0x10; 12]] {
        assert!(Key::parse(bytes).is_err());
    }
}

#[test]
fn ranges_of_different_kinds_are_disjoint_and_hold_their_keys() {
    for (place, kind) in Kind::ALL.iter().copied().enumerate() {
        let range = Key::all(kind);
        for other in Kind::ALL.iter().copied().skip(place + 1) {
            let next = Key::all(other);
            assert!(range.end <= next.start || next.end <= range.start);
        }
    }
    assert!(Key::all(Kind::Group).contains(&Key::group(u16::MAX, u64::MAX)));
    assert!(Key::groups_from(u16::MAX, 0).contains(&Key::group(u16::MAX, u64::MAX)));
    assert!(!Key::groups_from(1, 0).contains(&Key::group(2, 0)));
    assert!(Key::contacts_of(0, [255; 16]).contains(&Key::contact(0, [255; 16], u16::MAX)));
    assert!(!Key::contacts_of(0, [7; 16]).contains(&Key::contact(0, [8; 16], 0)));
    assert!(!Key::deltas(1).contains(&Key::delta(2, 0)));
    assert!(!Key::rights_facts(1).contains(&Key::rights_fact(2, 0)));
    assert!(!Key::orders_from(1, 0).contains(&Key::order(2, 0)));
    assert!(!Key::orders_from(1, 8).contains(&Key::order(1, 7)));
    assert!(!Key::reissues_from(1, 0).contains(&Key::reissue(2, 0)));
    assert!(!Key::aliases_from(1, 8).contains(&Key::aliases(1, 7)));
    assert!(!Key::tombstones(1).contains(&Key::tombstone(2, 0)));
    assert!(!Key::budget_sets(1).contains(&Key::budget_persons(2, 0)));
    assert!(Key::disclosed_in(0, 1).contains(&Key::disclosed(0, 1, [255; 16])));
    assert!(!Key::disclosed_in(0, 1).contains(&Key::disclosed(0, 2, [0; 16])));
    assert!(!Key::disclosed_deltas([1; 16], 0..9).contains(&Key::disclosed_delta([2; 16], 0)));
    assert!(!Key::disclosed_deltas([1; 16], 0..9).contains(&Key::disclosed_delta([1; 16], 9)));
    assert!(!Key::all_bridge_labels([1; 16]).contains(&Key::bridge_labels([2; 16], 0)));
    assert!(Key::deliveries_in(0, 1).contains(&Key::delivered_in(0, 1, [255; 16])));
    assert!(!Key::deliveries_in(0, 1).contains(&Key::delivered_in(0, 2, [0; 16])));
    assert!(Key::audit_in(0, 1).contains(&Key::audit_of(0, 1, 7)));
    assert!(!Key::audit_in(0, 1).contains(&Key::audit_of(0, 2, 0)));
}

proptest! {
    #[test]
    fn byte_order_is_the_order_of_the_parts(
        a in (any::<u16>(), any::<u64>()),
        b in (any::<u16>(), any::<u64>()),
    ) {
        let (x, y) = (Key::group(a.0, a.1), Key::group(b.0, b.1));
        prop_assert_eq!(x.as_bytes().cmp(y.as_bytes()), a.cmp(&b));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(Key::trailing_u64(x.as_bytes()).unwrap(), a.1);
    }
}
