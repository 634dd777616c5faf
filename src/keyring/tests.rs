//! The key file from outside: made, refused, changed, opened.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use super::document::Parsed;
use super::*;
use crate::crypto::{Entropy, KeyId, Passphrase, Place, SecretBytes, TagInput};

mod changes;
mod disclosure;
mod golden;
mod meanwhile;
mod refusals;
mod shares;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const NPR: u16 = 1;
const IPLOS: u16 = 7;
const PLACE: Place<'static> = Place { kind: 1, row: b"row", field: 0 };

/// A directory with a development key file, for NPR and the one-way register IPLOS.
struct Made {
    _directory: TempDir,
    path: PathBuf,
}

fn passphrase() -> Passphrase {
    Passphrase::new(b"correct horse".to_vec()).unwrap()
}

fn plan() -> KeyPlan {
    KeyPlan {
        registers: vec![
            PlannedRegister { number: NPR, one_way: false },
            PlannedRegister { number: IPLOS, one_way: true },
        ],
        environment: Environment::Development,
        development: true,
    }
}

fn make_with(plan: &KeyPlan) -> Made {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hvelv.hvk");
    create(&path, plan, &passphrase(), &Entropy::os(), NOW).unwrap();
    Made { _directory: directory, path }
}

fn make() -> Made {
    make_with(&plan())
}

impl Made {
    fn load(&self) -> Result<SealedKeyring, Error> {
        SealedKeyring::load(&self.path, Environment::Development)
    }

    fn unseal(&self) -> Result<Keyring, Error> {
        self.load()?.unseal(&passphrase())
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn put(&self, bytes: impl AsRef<[u8]>) {
        std::fs::write(&self.path, bytes).unwrap();
    }

    /// Changes the file through an editor.
    fn edit<T>(&self, change: impl FnOnce(&mut Editor<'_>) -> Result<T, Error>) -> T {
        let entropy = Entropy::os();
        let mut editor = Editor::open(&self.path, &passphrase(), &entropy, NOW).unwrap();
        let result = change(&mut editor).unwrap();
        editor.commit().unwrap();
        result
    }

    /// What an editor refuses; nothing is written.
    fn refused<T: std::fmt::Debug>(
        &self,
        change: impl FnOnce(&mut Editor<'_>) -> Result<T, Error>,
    ) -> Error {
        let entropy = Entropy::os();
        let mut editor = Editor::open(&self.path, &passphrase(), &entropy, NOW).unwrap();
        change(&mut editor).unwrap_err()
    }

    fn key_of(&self, purpose: Purpose, epoch: u32) -> KeyFacts {
        let sealed = self.load().unwrap();
        let is_it = |key: &&KeyFacts| key.purpose == purpose && key.epoch == epoch;
        *sealed.keys().iter().find(is_it).unwrap()
    }
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_file_opens_and_every_purpose_has_a_key() {
    let made = make();
    let sealed = made.load().unwrap();
    assert!(sealed.is_development());
    assert_eq!(sealed.environment(), Environment::Development);
    assert_eq!(sealed.registers(), plan().registers);
    for purpose in Purpose::ALL {
        assert!(sealed.keys().iter().any(|key| key.purpose == *purpose), "{purpose}");
    }
    let keyring = sealed.unseal(&passphrase()).unwrap();
    assert_eq!(keyring.registers().registers.keys().copied().collect::<Vec<_>>(), [NPR, IPLOS]);
    assert_eq!(keyring.vault().one_way.keys().copied().collect::<Vec<_>>(), [IPLOS]);
    assert_eq!(keyring.registers().registers[&NPR].ids.active_epoch(), 1);
}

#[test]
fn opening_twice_gives_the_same_keys() {
    let made = make();
    let (one, two) = (made.unseal().unwrap(), made.unseal().unwrap());
    let input = TagInput::new(b"encoding").unwrap();
    let tag = |keyring: &Keyring| keyring.vault().index.active().tag(input.encoding());
    assert_eq!(tag(&one), tag(&two));
    let ids = |keyring: &Keyring| keyring.registers().registers[&NPR].ids.active().encrypt(5);
    assert_eq!(ids(&one), ids(&two));
    let sealed = one.vault().identity.seal(&Entropy::os(), &PLACE, b"identity").unwrap();
    assert_eq!(two.vault().identity.open(&PLACE, &sealed).unwrap().as_slice(), b"identity");
}

#[test]
fn two_files_share_no_key_and_no_store() {
    let (one, two) = (make(), make());
    assert_ne!(one.load().unwrap().store_id(), two.load().unwrap().store_id());
    let tag = |made: &Made| made.unseal().unwrap().vault().index.active().tag(b"encoding");
    assert_ne!(tag(&one), tag(&two));
}

#[test]
fn keys_of_registers_and_purposes_differ() {
    let keyring = make().unseal().unwrap();
    let registers = &keyring.registers().registers;
    let of = |register| registers[&register].ids.active().encrypt(5).unwrap();
    assert_ne!(of(NPR), of(IPLOS));
    let sealed = keyring.vault().identity.seal(&Entropy::os(), &PLACE, b"x").unwrap();
    assert!(keyring.vault().tag_storage.open(&PLACE, &sealed).is_err());
}

#[test]
fn the_file_is_for_its_owner_alone_and_leaves_nothing_beside_it_but_its_lock() {
    let made = make();
    made.edit(|editor| editor.rotate(Purpose::Identity, None));
    assert_eq!(mode_of(&made.path), 0o600);
    let names: Vec<_> = std::fs::read_dir(made.path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.contains(&"hvelv.hvk".to_owned()) && names.contains(&"hvelv.hvk.lock".to_owned())
    );
}

#[test]
fn debug_shows_no_key() {
    let made = make();
    let keyring = made.unseal().unwrap();
    let shown = format!("{keyring:?}");
    assert!(shown.contains("IndexKey(..)") && shown.contains("Marks(..)"));
    assert!(shown.len() < 10_000 && !shown.contains('['.to_string().repeat(2).as_str()));
    let entropy = Entropy::os();
    let editor = Editor::open(&made.path, &passphrase(), &entropy, NOW).unwrap();
    assert_eq!(format!("{editor:?}"), "Editor(..)");
}

#[test]
fn words_are_read_as_they_are_written() {
    for purpose in Purpose::ALL {
        assert_eq!(purpose.text().parse(), Ok(*purpose));
    }
    for space in [NumberSpace::Persons, NumberSpace::OneWay(7), NumberSpace::Register(65_535)] {
        assert_eq!(space.to_string().parse(), Ok(space));
    }
    for text in ["", "person", "oneway-", "oneway-65536", "register-01", "register-+1"] {
        assert_eq!(text.parse::<NumberSpace>(), Err(UnknownWord), "{text}");
    }
}

#[test]
fn marks_start_at_zero_and_survive() {
    let made = make();
    let keyring = made.unseal().unwrap();
    assert_eq!(keyring.marks().get(NumberSpace::Persons), 0);
    for (space, to) in [
        (NumberSpace::Persons, 10_000_000),
        (NumberSpace::OneWay(IPLOS), 5),
        (NumberSpace::Register(NPR), 70),
    ] {
        keyring.marks().raise(space, to).unwrap();
        assert_eq!(keyring.marks().get(space), to);
        assert_eq!(made.unseal().unwrap().marks().get(space), to);
    }
}

#[test]
fn a_mark_never_goes_down() {
    let made = make();
    let (one, two) = (made.unseal().unwrap(), made.unseal().unwrap());
    one.marks().raise(NumberSpace::Persons, 100).unwrap();
    let before = made.bytes();
    // The second keyring has not seen the first one's mark.
    two.marks().raise(NumberSpace::Persons, 50).unwrap();
    one.marks().raise(NumberSpace::Persons, 99).unwrap();
    assert_eq!(made.bytes(), before);
    assert_eq!(two.marks().get(NumberSpace::Persons), 100);
}

#[test]
fn a_mark_beyond_the_numbers_or_for_no_register_is_refused() {
    let made = make();
    let keyring = made.unseal().unwrap();
    let beyond = keyring.marks().raise(NumberSpace::Persons, 10_000_000_000_001);
    assert!(matches!(beyond, Err(Error::Crypto(crate::crypto::Error::OutOfRange))));
    for space in [NumberSpace::Register(99), NumberSpace::OneWay(NPR)] {
        assert!(matches!(keyring.marks().raise(space, 1), Err(Error::NoActiveKey { .. })));
    }
}

#[test]
fn raising_a_mark_keeps_what_was_added_meanwhile() {
    let made = make();
    let keyring = made.unseal().unwrap();
    let added =
        made.edit(|editor| editor.add_registers(&[PlannedRegister { number: 3, one_way: false }]));
    assert_eq!(added.len(), 2);
    keyring.marks().raise(NumberSpace::Register(3), 1).unwrap();
    let after = made.unseal().unwrap();
    assert!(after.registers().registers.contains_key(&3));
    assert_eq!(after.marks().get(NumberSpace::Register(3)), 1);
}

#[test]
fn a_mark_is_not_raised_in_a_file_changed_by_hand() {
    let made = make();
    let keyring = made.unseal().unwrap();
    keyring.marks().raise(NumberSpace::Persons, 100).unwrap();
    made.put(made.text().replace("persons = 100", "persons = 001"));
    assert!(matches!(keyring.marks().raise(NumberSpace::Persons, 200), Err(Error::Damaged { .. })));
    made.put(made.text().replace("persons = 001", "persons = 101"));
    assert!(matches!(keyring.marks().raise(NumberSpace::Persons, 200), Err(Error::ChangedByHand)));
    assert_eq!(keyring.marks().get(NumberSpace::Persons), 100);
}
