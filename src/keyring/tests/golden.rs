//! A key file made once, which must open for ever, and what its keys did then.
//!
//! `tests/vectors/keyfile.py` opens the same file with an implementation of its own.

use serde::Deserialize;

use super::*;
use crate::crypto::Share;
use crate::crypto::test_support::{from_hex, to_hex};

const FILE: &str = include_str!("../../../tests/vectors/keyfile_v1.toml");
const FACTS: &str = include_str!("../../../tests/vectors/keyfile_v1.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    #[serde(rename = "about")]
    _about: String,
    passphrase: String,
    store_id: String,
    tag: String,
    identity_epoch_2: String,
    person_number_at_0: u64,
    oneway_tag: String,
    register_1_bodies_of_5: Vec<(u32, u64)>,
    record: String,
    audit_public_key: String,
    audit_digest: String,
    wrapped_disclosure_key: String,
    marks: Vec<(String, u64)>,
}

#[test]
fn the_golden_key_file_opens_and_its_keys_do_what_they_did() {
    let facts: Facts = serde_json::from_str(FACTS).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("golden");
    std::fs::write(&path, FILE).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let sealed = SealedKeyring::load(&path, Environment::Development).unwrap();
    assert_eq!(to_hex(sealed.store_id().as_bytes()), facts.store_id);
    let passphrase = Passphrase::new(facts.passphrase.into()).unwrap();
    let keyring = sealed.unseal(&passphrase).unwrap();
    let (vault, registers) = (keyring.vault(), keyring.registers());

    assert_eq!(to_hex(&vault.index.active().tag(b"encoding").to_bytes()), facts.tag);
    let identity = vault.identity.open(&PLACE, &from_hex(&facts.identity_epoch_2)).unwrap();
    assert_eq!(identity.as_slice(), b"identity");
    assert_eq!(vault.person_numbers.active().number_at(0), Ok(facts.person_number_at_0));
    let oneway = vault.one_way[&IPLOS].tags.active().tag(b"encoding");
    assert_eq!(to_hex(&oneway.to_bytes()), facts.oneway_tag);

    let bodies: Vec<(u32, u64)> = registers.registers[&NPR]
        .ids
        .iter()
        .map(|(epoch, ids)| (epoch, ids.encrypt(5).unwrap()))
        .collect();
    assert_eq!(bodies, facts.register_1_bodies_of_5);
    let record = registers.storage.open(&PLACE, &from_hex(&facts.record)).unwrap();
    assert_eq!(record.as_slice(), b"record");
    let public = registers.audit.signing.active().public_key();
    assert_eq!(to_hex(&public.to_bytes()), facts.audit_public_key);
    let digest = registers.audit.digest.active().digest(b"batch");
    assert_eq!(to_hex(digest.as_bytes()), facts.audit_digest);
    let wrapped = from_hex(&facts.wrapped_disclosure_key);
    let disclosure = keyring.erasure().active().open::<32>(&[b"disclosure"], &wrapped).unwrap();
    assert!(disclosure.ct_eq(&SecretBytes::filled(|bytes| *bytes = [7; 32])));

    assert_eq!(facts.marks.len(), 3);
    for (space, mark) in facts.marks {
        assert_eq!(keyring.marks().get(space.parse().unwrap()), mark);
    }
}

/// The bytes depend on the content alone: reading and writing gives the same file.
#[test]
fn the_golden_key_file_is_written_as_it_was() {
    let parsed = Parsed::parse(FILE.as_bytes().to_vec()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("golden");
    std::fs::write(&path, FILE).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let facts: Facts = serde_json::from_str(FACTS).unwrap();
    let passphrase = Passphrase::new(facts.passphrase.into()).unwrap();
    let mac_key = sealed::open(&path, &passphrase).unwrap().mac_key;
    let document = parsed.authenticate(&mac_key).unwrap();
    assert_eq!(String::from_utf8(document.render(&mac_key)).unwrap(), FILE);
}

const FILE_2: &str = include_str!("../../../tests/vectors/keyfile_v2.toml");
const FACTS_2: &str = include_str!("../../../tests/vectors/keyfile_v2.json");

/// The shares of the second file: as its holders have them on paper.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    #[serde(rename = "about")]
    _about: String,
    passphrase: String,
    tag: String,
    audit_public_key: String,
    registers: Vec<String>,
    vault: Vec<String>,
}

impl Shares {
    /// The golden file in a directory of its own, with nothing given yet.
    fn begun(directory: &Path) -> Unsealing {
        let path = directory.join("golden");
        std::fs::write(&path, FILE_2).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        Unsealing::of(SealedKeyring::load(&path, Environment::Test).unwrap())
    }

    fn check(&self, keyring: &Keyring) {
        let tag = keyring.vault().index.active().tag(b"encoding");
        assert_eq!(to_hex(&tag.to_bytes()), self.tag);
        let public = keyring.registers().audit.signing.active().public_key();
        assert_eq!(to_hex(&public.to_bytes()), self.audit_public_key);
    }
}

fn give(unsealing: &mut Unsealing, shares: &[String]) {
    for text in shares {
        unsealing.give_share(Share::parse(text.as_bytes().to_vec()).unwrap()).unwrap();
    }
}

#[test]
fn the_golden_shares_open_the_golden_file_of_format_2_for_ever() {
    let facts: Shares = serde_json::from_str(FACTS_2).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (registers, vault) in [(0..2, 0..3), (1..3, 2..5)] {
        let mut unsealing = Shares::begun(directory.path());
        give(&mut unsealing, &facts.registers[registers]);
        give(&mut unsealing, &facts.vault[vault]);
        facts.check(&unsealing.open().unwrap());
    }
    let mut unsealing = Shares::begun(directory.path());
    unsealing.give_passphrase(&Passphrase::new(facts.passphrase.clone().into()).unwrap()).unwrap();
    give(&mut unsealing, &facts.vault[1..4]);
    facts.check(&unsealing.open().unwrap());
}

/// Reading and writing gives the same file, and the same shares.
#[test]
fn the_golden_file_of_format_2_and_its_shares_are_written_as_they_were() {
    let facts: Shares = serde_json::from_str(FACTS_2).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut unsealing = Shares::begun(directory.path());
    for text in facts.registers.iter().chain(&facts.vault) {
        let share = Share::parse(text.as_bytes().to_vec()).unwrap();
        assert_eq!(*share.to_text(), *text);
    }
    give(&mut unsealing, &facts.registers[..2]);
    give(&mut unsealing, &facts.vault[..3]);
    let opened = unsealing.into_opened().unwrap();
    assert_eq!(String::from_utf8(opened.document.render(&opened.mac_key)).unwrap(), FILE_2);
}
