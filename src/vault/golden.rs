//! A group sealed once under the golden key file, which must open for ever. Never regenerated.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::group::{self, Tags};
use super::{Origin, PERSONS, PartitionKeys, identity};
use crate::crypto::test_support::{from_hex, to_hex};
use crate::crypto::{Entropy, Passphrase};
use crate::keyring::{Environment, Keyring, SealedKeyring};
use crate::testing::identifiers;

const FILE: &str = include_str!("../../tests/vectors/keyfile_v1.toml");
const GROUP: &str = include_str!("../../tests/vectors/vault_group_v1.hex");
const GROUP_ERASED: &str = include_str!("../../tests/vectors/vault_group_v2.hex");
const FIRST_POSITION: u64 = 0x0102_0304;

fn keyring() -> Arc<Keyring> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("golden");
    std::fs::write(&path, FILE).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let sealed = SealedKeyring::load(&path, Environment::Development).unwrap();
    let passphrase = Passphrase::new(b"golden passphrase".to_vec()).unwrap();
    Arc::new(sealed.unseal(&passphrase).unwrap())
}

#[test]
fn the_value_of_a_group_is_the_golden_bytes() {
    let keys = PartitionKeys::new(keyring(), PERSONS).unwrap();
    let rows = identifiers(2);
    let mut tags = Vec::new();
    keys.tag_many(&rows, &mut tags);
    let seen = jiff::civil::date(2026, 1, 15);
    let origin = Origin { register: 1, source: "HF".into(), seen };
    let identities: Vec<Zeroizing<Vec<u8>>> = rows
        .iter()
        .map(|row| {
            let mut plain = Zeroizing::new(Vec::new());
            identity::encode_new(row.as_ref().unwrap(), &origin, &mut plain);
            plain
        })
        .collect();
    let tags = Tags::new(keys.active_generation(), tags);

    // The same draw of nonces gives the same bytes.
    let entropy = Entropy::dangerous_seeded(1);
    let value = group::encode(&keys, &entropy, FIRST_POSITION, &tags, &identities).unwrap();
    assert_eq!(to_hex(&value), GROUP.trim());

    let golden = from_hex(GROUP.trim());
    let opened = group::open_tags(&keys, FIRST_POSITION, &golden).unwrap();
    assert_eq!(opened.generation, tags.generation);
    assert_eq!(opened.tags, tags.tags);
    for (index, identity) in identities.iter().enumerate() {
        assert_eq!(group::open_identity(&keys, FIRST_POSITION, index, &golden).unwrap(), *identity);
    }
}

#[test]
fn the_value_of_a_group_with_an_erased_person_is_the_golden_bytes() {
    let keys = PartitionKeys::new(keyring(), PERSONS).unwrap();
    let whole = from_hex(GROUP.trim());
    let entropy = Entropy::dangerous_seeded(2);
    let erased = group::erase(&keys, &entropy, (FIRST_POSITION, &whole), &[0]).unwrap();
    assert_eq!(to_hex(&erased), GROUP_ERASED.trim());

    let golden = from_hex(GROUP_ERASED.trim());
    let (before, after) = (
        group::open_tags(&keys, FIRST_POSITION, &whole).unwrap(),
        group::open_tags(&keys, FIRST_POSITION, &golden).unwrap(),
    );
    assert_eq!((after.erased, after.generation), (vec![0], before.generation));
    assert_eq!(after.tags[0].to_bytes(), [0; 16]);
    assert_eq!(after.tags[1..], before.tags[1..]);
    assert!(group::open_identity(&keys, FIRST_POSITION, 0, &golden).is_err());
    assert_eq!(
        group::open_identity(&keys, FIRST_POSITION, 1, &golden).unwrap(),
        group::open_identity(&keys, FIRST_POSITION, 1, &whole).unwrap(),
    );
    // Neither version passes for the other.
    for (value, version) in [(whole, 2), (golden, 1)] {
        let other = [&[version][..], &value[1..]].concat();
        assert!(group::open_tags(&keys, FIRST_POSITION, &other).is_err());
    }
}
