//! Every way in which a key file is refused.

use super::*;
use crate::crypto::DigestKey;
use crate::keyring::kinds::Plane;
use crate::keyring::open::Root;
use crate::keyring::sealed::open;

/// The bytes of a file and the key of its last line: flipping bytes without argon2 each time.
fn mac_key(made: &Made) -> DigestKey {
    open(&made.path, &passphrase()).unwrap().mac_key
}

fn damaged(result: Result<SealedKeyring, Error>) -> bool {
    matches!(result, Err(Error::Damaged { .. }))
}

#[test]
fn a_missing_file_is_refused() {
    let made = make();
    let elsewhere = made.path.with_extension("none");
    let refused = SealedKeyring::load(&elsewhere, Environment::Development);
    assert!(matches!(refused, Err(Error::Missing { .. })));
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    let made = make();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666] {
        std::fs::set_permissions(&made.path, PermissionsExt::from_mode(mode)).unwrap();
        let refused = made.load().unwrap_err();
        assert!(matches!(&refused, Error::OpenToOthers { mode: found, .. } if *found == mode));
        assert!(refused.to_string().contains("0600"));
    }
    std::fs::set_permissions(&made.path, PermissionsExt::from_mode(0o400)).unwrap();
    assert!(made.load().is_ok());
}

#[test]
fn a_file_cut_after_any_line_is_refused() {
    let made = make();
    let text = made.text();
    let mut cuts = 0;
    for (at, _) in text.match_indices('\n') {
        if at + 1 < text.len() {
            made.put(&text[..=at]);
            assert!(damaged(made.load()), "cut at byte {at}");
            cuts += 1;
        }
    }
    assert!(cuts > 150, "{cuts} lines");
    made.put(&text[..text.len() - 1]);
    assert!(damaged(made.load()));
    made.put("");
    assert!(damaged(made.load()));
}

#[test]
fn what_is_no_key_file_is_refused() {
    let made = make();
    let mac = format!("mac = \"{}\"\n", "0".repeat(64));
    for text in [
        "not a key file".to_owned(),
        mac.clone(),
        format!("format = \n{mac}"),
        format!("format = 1\n{mac}"),
        format!("format = \"one\"\n{mac}"),
        made.text() + "\n",
        made.text().replace("mac = ", "mac= "),
    ] {
        made.put(text);
        assert!(damaged(made.load()));
    }
    made.put([&[0xff], mac.as_bytes()].concat());
    assert!(damaged(made.load()));
}

#[test]
fn a_format_of_the_future_is_told_apart_from_damage() {
    let made = make();
    made.put(made.text().replace("format = 1\n", "format = 3\nsomething = \"new\"\n"));
    assert!(matches!(made.load(), Err(Error::UnknownFormat { found: 3 })));
}

#[test]
fn a_wrong_passphrase_is_refused() {
    let made = make();
    let wrong = Passphrase::new(b"correct hors".to_vec()).unwrap();
    let refused = made.load().unwrap().unseal(&wrong).unwrap_err();
    assert!(matches!(refused, Error::WrongPassphrase { plane: Plane::Registers }));
    assert!(!refused.to_string().contains("hors"));
}

#[test]
fn a_file_changed_by_hand_is_refused() {
    let made = make();
    let text = made.text();
    for (from, to) in [
        ("persons = 0", "persons = 1"),
        ("persons = 0", "persons = 0 "),
        ("state = \"active\"", "state = \"decrypt_only\""),
        ("epoch = 1", "epoch = 2"),
        ("# Key file", "# key file"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
    ] {
        assert!(text.contains(from), "{from}");
        made.put(text.replacen(from, to, 1));
        assert!(matches!(made.unseal(), Err(Error::ChangedByHand)), "{from}");
    }
}

/// Goal: no byte of the file can change unseen.  Method: each byte in turn, one bit flipped, against
/// the key of the last line; every 211th through the whole of unsealing.
#[test]
fn any_flipped_byte_is_refused() {
    let made = make();
    let mac_key = mac_key(&made);
    let good = made.bytes();
    assert!(Parsed::parse(good.clone()).unwrap().authenticate(&mac_key).is_ok());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let read = Parsed::parse(bad.clone()).and_then(|parsed| parsed.authenticate(&mac_key));
        assert!(read.is_err(), "byte {at}");
        if at % 211 == 0 {
            made.put(&bad);
            assert!(made.unseal().is_err(), "byte {at}");
        }
    }
}

#[test]
fn development_keys_are_refused_outside_development() {
    let made = make();
    for environment in [Environment::Production, Environment::Test] {
        let refused = SealedKeyring::load(&made.path, environment);
        assert!(matches!(refused, Err(Error::DevelopmentKeys)));
    }
    let plan = KeyPlan { environment: Environment::Production, ..plan() };
    let path = made.path.with_extension("new");
    let refused = create(&path, &plan, &passphrase(), &Entropy::os(), NOW);
    assert!(matches!(refused, Err(Error::DevelopmentKeys)));
    assert!(!path.exists());
}

#[test]
fn a_file_marked_development_cannot_claim_to_be_production() {
    let made = make();
    made.put(made.text().replace("environment = \"development\"", "environment = \"production\""));
    let refused = SealedKeyring::load(&made.path, Environment::Production);
    assert!(matches!(refused, Err(Error::DevelopmentKeys)));
}

#[test]
fn a_file_for_another_environment_is_refused() {
    let plan = KeyPlan { environment: Environment::Test, development: false, registers: vec![] };
    let made = make_with(&plan);
    let refused = SealedKeyring::load(&made.path, Environment::Production).unwrap_err();
    let Error::EnvironmentMismatch { expected, found } = refused else { panic!("{refused}") };
    assert_eq!((expected, found), (Environment::Production, Environment::Test));
    assert!(!SealedKeyring::load(&made.path, Environment::Test).unwrap().is_development());
}

#[test]
fn a_file_for_another_store_is_refused() {
    let (made, other) = (make(), make());
    let sealed = made.load().unwrap();
    assert!(sealed.check_store(&sealed.store_id()).is_ok());
    let refused = sealed.check_store(&other.load().unwrap().store_id());
    assert!(matches!(refused, Err(Error::StoreMismatch)));
    // The file is exchanged after the server has started.
    made.put(other.bytes());
    assert!(matches!(sealed.unseal(&passphrase()), Err(Error::StoreMismatch)));
}

#[test]
fn create_overwrites_nothing() {
    let made = make();
    let before = made.bytes();
    let refused = create(&made.path, &plan(), &passphrase(), &Entropy::os(), NOW);
    assert!(matches!(refused, Err(Error::Exists { .. })));
    assert_eq!(made.bytes(), before);
}

#[test]
fn two_editors_do_not_meet() {
    let made = make();
    let entropy = Entropy::os();
    let editor = Editor::open(&made.path, &passphrase(), &entropy, NOW).unwrap();
    let second = Editor::open(&made.path, &passphrase(), &entropy, NOW);
    assert!(matches!(second, Err(Error::Busy { .. })));
    drop(editor);
    assert!(Editor::open(&made.path, &passphrase(), &entropy, NOW).is_ok());
}

#[test]
fn what_a_crash_left_beside_the_file_does_not_matter() {
    let made = make();
    let aside = made.path.with_file_name("hvelv.hvk.new");
    std::fs::write(&aside, b"half a fi").unwrap();
    assert!(made.unseal().is_ok());
    made.edit(|editor| editor.rotate(Purpose::Identity, None));
    assert!(!aside.exists());
    assert!(made.unseal().is_ok());
}

#[test]
fn a_wrapped_key_does_not_open_under_another_id_purpose_scope_or_store() {
    let made = make();
    let opened = open(&made.path, &passphrase()).unwrap();
    let (mut document, roots) = (opened.document, opened.roots);
    for at in 0..document.keys.len() {
        for other in 0..document.keys.len() {
            let moved = document.keys[other].wrapped.clone();
            let kept = std::mem::replace(&mut document.keys[at].wrapped, moved);
            let result = roots.open_key(&document, &document.keys[at]);
            assert_eq!(result.is_ok(), at == other, "key {other} in the place of {at}");
            document.keys[at].wrapped = kept;
        }
        let facts = document.keys[at].facts;
        document.keys[at].facts.epoch += 1;
        assert!(roots.open_key(&document, &document.keys[at]).is_err());
        document.keys[at].facts = facts;
    }
    document.store_id = StoreId::from_bytes([0; 16]);
    assert!(roots.open_key(&document, &document.keys[0]).is_err());
}

#[test]
fn a_root_does_not_open_in_the_place_of_the_other() {
    let made = make();
    let Parsed { mut document, .. } = Parsed::parse(made.bytes()).unwrap();
    let store_id = document.store_id;
    for root in &mut document.roots {
        root.plane = match root.plane {
            Plane::Registers => Plane::Vault,
            Plane::Vault => Plane::Registers,
        };
        let refused = Root::open(root, &store_id, &passphrase());
        assert!(matches!(refused, Err(Error::WrongPassphrase { .. })));
    }
}

#[test]
fn shapes_that_hvelv_does_not_write_are_refused() {
    let made = make();
    let text = made.text();
    for (from, to) in [
        ("id = 1\n", "id = 2\n"),
        ("plane = \"vault\"\npurpose = \"index\"", "plane = \"registers\"\npurpose = \"index\""),
        ("purpose = \"index\"\n", "purpose = \"index\"\nscope = 1\n"),
        ("purpose = \"index\"\nepoch = 1", "purpose = \"index\"\nepoch = 0"),
        ("method = \"passphrase\"", "method = \"none\""),
        ("lanes = 1", "lanes = 1000"),
        ("memory_kib = 8192", "memory_kib = 4294967295"),
        ("persons = 0", "people = 0"),
        ("persons = 0", "persons = -1"),
        ("[[root]]\nplane = \"registers\"", "[[root]]\nplane = \"vault\""),
        ("state = \"active\"", "state = \"destroyed\""),
        ("development = true", "development = true\nextra = 1"),
    ] {
        assert!(text.contains(from), "{from}");
        made.put(text.replacen(from, to, 1));
        assert!(damaged(made.load()), "{to}");
    }
}
