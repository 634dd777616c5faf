use super::*;
use crate::approval::Act;
use crate::crypto::{KeyId, SecretBytes, StorageKey};

/// The record of the approval with the id 00 01 … 09, sealed with the key 42…42, id 7, and the nonce
/// 00 01 … 0b, by another implementation of docs/FORMATS.md. Never regenerated.
const SEALED: &str = concat!(
    "0100000007000102030405060708090a0b7efce7ff8b1dde29fc653031ebff39495bf9a90fff26979d31b50254",
    "ef76d79a37cfab9853544b8a891969607af3b04c5bd8393a8af8036d47e6dfa8f73cdaf4f75184623cfb353438",
    "42c3b6fbd7f3f2fa9445cd246f92442381215fe987540c1db14ccf2f4625d6b90c6dc71ec8f3a0134fec06bd3d",
    "70d6f07523e5751ad5f0f0967f408a94790a0bd3b4d7924bc6892dcfa603fb1b0194a4302750efa95121520f45",
    "47962fb90c8cac692149a772f2ef0912c0b71b07c2d25943c0fb6834758236bb1e819f498edf8880beec35432a",
    "a604de8985559924357dab223c077ff65b143dbf64e7f63a94898c93235d6912e6c2fb438033019b39e83b9fad",
    "5f5bc96f4b0a5be6f13b9cc5733d0fc22de4b048c80f9ef7ecb59ea7b07ad30815f2eb0540e11cfbecf7370b58",
    "0ca7ff1769560b57b2921f0d49473bad8540b54690dced3f3346c8e26ffeeeedc151d89e224970f7734de84637",
    "1f07192b10ca63431b5a90b85e4b9318d2c7264b4a6a905573ae6233b656a3a3c60d32fac8559d010cf44f5022",
    "40c5fc4ce5ea6dc2690291ea0074153306c85f6b9102a556b6559b1a986798b67bb82ba1480278e31c60564bd3",
    "fa2920a2f00622b8ddbed0cf8a98b6a36589fa5dfd1df8cef62c6a5bad674eb4e4a28c125b49cff8d60e47951a",
    "613b2fafa0075739dd2fa47323418f05b5e3072ce4d660b7ea837eb3aa78fbe769ad099cbb67df16e5f5764b59",
    "9ad71885304a80f8d48bbded41b5487b432da598e846850a3c6a4e5674461b8090a102f73191ed4e40d2c945c1",
    "51e7f01fa650628ebb8188e15d55389b6abc5747aca2372852036cbe0fdf2d28cf6f6a8bcf6b5222cfa4239932",
    "b5f0112d9d1abfb9fecde25a55bccf62900bc74b2b0c3b771664a5b4b8b62844aaf0031c66f5972efbbcdf167c",
    "99bbfb0885cd0e",
);

const GOLDEN: &str = concat!(
    r#"{"v":1,"act":"bridge_out","subject":"disclosure 26-0017","digest":""#,
    "abababababababababababababababababababababababababababababababab",
    r#"","reason":"linkage, case 26/1234","basis":"helseregisterloven § 19 e","#,
    r#""requested_by":{"principal":"kari.officer","person":"kari","organisation":"983744516"},"#,
    r#""requested":"2026-01-12T08:00:00Z","expires":"2026-01-15T08:00:00Z","state":"used","#,
    r#""moves":[{"to":"approved","by":{"principal":"ola.officer","person":"ola.officer","#,
    r#""organisation":"983744516"},"at":"2026-01-12T09:00:00.007Z","note":"seen"},"#,
    r#"{"to":"used","by":{"principal":"kari.officer","person":"kari","organisation":"983744516"},"#,
    r#""at":"2026-01-13T08:00:00Z"}]}"#,
);

const ID: ApprovalId = ApprovalId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

fn keys() -> StorageKeys {
    let secret = SecretBytes::filled(|bytes| bytes.fill(0x42));
    StorageKeys::new(StorageKey::new(KeyId::new(7), &secret), Vec::new())
}

fn party(principal: &str, person: &str) -> Party {
    Party {
        principal: principal.parse().unwrap(),
        person: person.parse().unwrap(),
        organisation: "983744516".parse().unwrap(),
    }
}

fn golden() -> Approval {
    let kari = party("kari.officer", "kari");
    let given = Move {
        to: State::Approved,
        by: party("ola.officer", "ola.officer"),
        at: "2026-01-12T09:00:00.007Z".parse().unwrap(),
        note: Some("seen".into()),
    };
    let used = Move {
        to: State::Used,
        by: kari.clone(),
        at: "2026-01-13T08:00:00Z".parse().unwrap(),
        note: None,
    };
    Approval {
        id: ID,
        wanted: Wanted {
            act: Act::BridgeOut,
            subject: "disclosure 26-0017".into(),
            digest: KeyedDigest::from_bytes([0xab; 32]),
        },
        reason: "linkage, case 26/1234".into(),
        basis: "helseregisterloven § 19 e".into(),
        requester: kari,
        requested: "2026-01-12T08:00:00Z".parse().unwrap(),
        expires: "2026-01-15T08:00:00Z".parse().unwrap(),
        moves: vec![given, used],
    }
}

#[track_caller]
fn assert_same(found: &Approval, expected: &Approval) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

#[test]
fn an_approval_record_is_the_golden_bytes() {
    assert_eq!(String::from_utf8(encode(&golden()).unwrap()).unwrap(), GOLDEN);
    assert_same(&decode(ID, GOLDEN.as_bytes()).unwrap(), &golden());
}

#[test]
fn a_sealed_approval_opens_as_it_always_did() {
    let pair = |at: usize| u8::from_str_radix(&SEALED[at..at + 2], 16).unwrap();
    let sealed: Vec<u8> = (0..SEALED.len()).step_by(2).map(pair).collect();
    let key = Key::approval(ID.0);
    assert_same(&open(&keys(), key.as_bytes(), &sealed).unwrap(), &golden());
}

#[test]
fn an_approval_opens_in_its_own_place_only() {
    let key = Key::approval(ID.0);
    let sealed = seal(&keys(), &Entropy::os(), &key, &golden()).unwrap();
    assert_same(&open(&keys(), key.as_bytes(), &sealed).unwrap(), &golden());
    assert!(open(&keys(), Key::approval([9; 10]).as_bytes(), &sealed).is_err());
}

#[test]
fn damaged_records_are_refused() {
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("bridge_out", "bridge_over"),
        ("\"abab", "\"ABab"),
        ("\"abab", "\"ab"),
        ("2026-01-15T08", "2026-13-15T08"),
        ("\"kari\"", "\"Kari\""),
        ("983744516", "983744517"),
        ("\"state\":\"used\"", "\"state\":\"approved\""),
        ("\"to\":\"approved\"", "\"to\":\"refused\""),
        ("\"to\":\"approved\"", "\"to\":\"expired\""),
        ("\"state\":\"used\",", ""),
    ] {
        assert!(GOLDEN.contains(from), "{from}");
        let text = GOLDEN.replacen(from, to, 1);
        assert!(decode(ID, text.as_bytes()).is_err(), "{from} as {to}");
    }
}
