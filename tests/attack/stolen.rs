//! Who has stolen stores, a backup or the register plane's keys, and not the vault's, names whom?
//!
//! The thief has the population, and knows in which order it came to the register: the worst case is a
//! first load that was sorted by fødselsnummer.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use hvelv::crypto::{Passphrase, Place};
use hvelv::ident::RegisterId;
use hvelv::keyring::{Environment, Keyring, SealedKeyring};
use hvelv::store::keys::Key;
use hvelv::store::rocks::RocksStore;
use hvelv::store::{Step, Store as _};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use ring::hmac;

use super::chance::{Joined, real, rho, rho_bound};
use super::harness::{Installation, PASSPHRASE};
use super::world::World;

/// Positions in the first lease of a register, as in `src/registers/numbers.rs`; each further one is
/// twice as large.
const LEASE_FIRST: usize = 8_192;

/// The stores and a backup of a server that stands still, and then the register plane's keys.
pub(crate) fn the_thief_names_nobody(mut world: World) {
    let backup = world.backup();
    world.server().process.kill();
    let installation = world.installation();
    let [vault, registers] = ["data/vault", "data/registers"].map(|name| installation.path(name));
    let names = || world.names().iter().map(String::as_str);
    // The control: one as it is, and a hash of another.
    let control = installation.path("control");
    fs::create_dir(&control).unwrap();
    let known: Vec<&str> = names().take(2).collect();
    fs::write(control.join("text"), format!("of {}.", known[0])).unwrap();
    fs::write(control.join("hash"), digest(&SHA256, known[1].as_bytes())).unwrap();
    assert_eq!(recognized(&[&control], names()), 2);
    assert_eq!(recognized(&[&vault, &registers], names()), 0, "both stores");
    assert_eq!(recognized(&[&backup], names()), 0, "a backup");
    with_the_keys(&world, &registers);
}

/// The register plane's keys, and then with its store.
fn with_the_keys(world: &World, store: &Path) {
    let keys = keys(world.installation());
    let [npr, kpr] = ["NPR", "KPR"].map(|code| world.register_number(code));
    let npr_numbers = numbers(&keys, npr, &world.npr_ids);
    let kpr_numbers = numbers(&keys, kpr, &world.kpr_ids);
    let equal = npr_numbers.iter().zip(&kpr_numbers).filter(|(a, b)| a == b).count();
    let mean = real(world.persons) / 1e7;
    Joined { pairs: world.persons, right: equal, mean }.is_chance("equal register numbers");
    for (name, register, numbers, arrivals) in [
        ("NPR", npr, &npr_numbers, &world.arrivals_npr),
        ("KPR", kpr, &kpr_numbers, &world.arrivals_kpr),
    ] {
        let positions = positions(&keys, register, numbers);
        let named = by_position(&positions, arrivals);
        eprintln!("{name}, keys alone, by the order of drawing: {named:?}");
        named.is_chance(&format!("{name}, order of drawing"));
        is_uncorrelated(&format!("{name}, position and arrival"), &positions, arrivals);
    }
    let store = RocksStore::open(store).unwrap();
    let commits = members(&keys, &store, npr);
    let persons: HashMap<u64, usize> = npr_numbers.iter().copied().zip(0..).collect();
    let named = by_place(&commits, &persons, &world.arrivals_npr);
    eprintln!("store and keys, by the order within commits: {named:?}");
    named.is_chance("order within commits");
    let in_npr: HashMap<u64, u64> = commits.into_iter().flatten().collect();
    let of_person: HashMap<u64, u64> =
        in_npr.iter().map(|(person, number)| (*number, *person)).collect();
    let person_numbers: Vec<u64> = npr_numbers.iter().map(|number| of_person[number]).collect();
    for (with, values) in [("arrival", &world.arrivals_npr), ("identifier", &world.numbers)] {
        let rho = rho(&person_numbers, values);
        assert!(rho.abs() < rho_bound(world.persons), "person number and {with}: {rho}");
    }
    // What the design admits: registers are linked, and nobody is named.
    let in_kpr: HashMap<u64, u64> = members(&keys, &store, kpr).into_iter().flatten().collect();
    let linked = npr_numbers.iter().zip(&kpr_numbers);
    let linked = linked.filter(|(npr, kpr)| in_kpr.get(&of_person[npr]) == Some(kpr)).count();
    eprintln!("store and keys: {linked} of {} persons linked across registers", world.persons);
    assert!(linked > 0, "the link is what is left, and is measured");
}

/// The register plane's keys, by whoever has the key file and that root's passphrase or shares.
fn keys(installation: &Installation) -> Keyring {
    let file = installation.path("test.hvk");
    let sealed = SealedKeyring::load(&file, Environment::Development).unwrap();
    sealed.unseal(&Passphrase::new(PASSPHRASE.into()).unwrap()).unwrap()
}

/// The register numbers of IDs, by who has the register's keys.
fn numbers(keys: &Keyring, register: u16, ids: &[u64]) -> Vec<u64> {
    let keys = &keys.registers().registers[&register];
    let mut numbers: Vec<u64> =
        ids.iter().map(|id| RegisterId::try_from_u64(*id).unwrap().parts().1).collect();
    keys.ids.active().decrypt_many(&mut numbers).unwrap();
    numbers
}

/// The positions at which register numbers were drawn.
fn positions(keys: &Keyring, register: u16, numbers: &[u64]) -> Vec<u64> {
    let keys = &keys.registers().registers[&register].numbers;
    numbers.iter().map(|number| keys.active().position_of(*number).unwrap()).collect()
}

/// Persons by their positions, paired with persons by their arrival.
fn by_position(positions: &[u64], arrivals: &[usize]) -> Joined {
    let order = |mut places: Vec<(u64, usize)>| {
        places.sort_unstable();
        places.into_iter().map(|(_, person)| person).collect::<Vec<usize>>()
    };
    let of_positions = order(positions.iter().copied().zip(0..).collect());
    let of_arrivals = order(arrivals.iter().map(|arrival| *arrival as u64).zip(0..).collect());
    let right = of_positions.iter().zip(&of_arrivals).filter(|(a, b)| a == b).count();
    // A random order of so many has one in its place, however many they are; so has each lease.
    Joined { pairs: positions.len(), right, mean: real(leases(positions.len())) }
}

/// How many leases so many persons are from.
fn leases(persons: usize) -> usize {
    let (mut count, mut room) = (0, 0);
    while room < persons {
        room += LEASE_FIRST << count;
        count += 1;
    }
    count
}

/// What a register's deltas say to who has the store and its keys: person numbers with register numbers,
/// commit by commit.
fn members(keys: &Keyring, store: &RocksStore, register: u16) -> Vec<Vec<(u64, u64)>> {
    let mut commits = Vec::new();
    let range = Key::deltas(register);
    let mut visit = |key: &[u8], value: &[u8]| {
        let place = Place { kind: 0x20, row: key, field: 0 };
        let plain = keys.registers().storage.open(&place, value).unwrap();
        let entries = plain[1..].as_chunks::<12>().0.iter().map(|entry| {
            let number =
                |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            (number(&entry[..5]), number(&entry[6..]))
        });
        commits.push(entries.collect());
        Ok(Step::Continue)
    };
    store.scan(range, &mut visit).unwrap();
    commits
}

/// Where in a delta a person stands, paired with who came so many-th with its commit.
fn by_place(
    commits: &[Vec<(u64, u64)>],
    persons: &HashMap<u64, usize>,
    arrivals: &[usize],
) -> Joined {
    let mut right = 0;
    for commit in commits {
        let stored: Vec<usize> = commit.iter().map(|(_, number)| persons[number]).collect();
        let mut came = stored.clone();
        came.sort_unstable_by_key(|person| arrivals[*person]);
        right += stored.iter().zip(&came).filter(|(a, b)| a == b).count();
    }
    let pairs = commits.iter().map(Vec::len).sum();
    Joined { pairs, right, mean: real(commits.len()) }
}

/// How many identifiers some bytes hold, as text or in a form that anybody can make of one without a
/// key.  Bare numbers of a few bytes are found by chance too: `tests/leaks` counts them beside a control.
fn recognized<'a>(dumps: &[&Path], identifiers: impl Iterator<Item = &'a str>) -> usize {
    // By the first eight bytes, with what follows.
    let mut forms: HashMap<[u8; 8], Vec<(Vec<u8>, usize)>> = HashMap::new();
    for (at, identifier) in identifiers.enumerate() {
        for form in forms_of(identifier) {
            let (first, rest) = form.split_first_chunk().unwrap();
            forms.entry(*first).or_default().push((rest.to_vec(), at));
        }
    }
    let mut found: HashSet<usize> = HashSet::new();
    for file in dumps.iter().flat_map(|dump| files(dump)) {
        let bytes = fs::read(file).unwrap();
        for start in 0..bytes.len() {
            let Some((first, rest)) = bytes[start..].split_first_chunk() else { break };
            let of_first = forms.get(first).into_iter().flatten();
            found.extend(of_first.filter(|(more, _)| rest.starts_with(more)).map(|(_, at)| *at));
        }
    }
    found.len()
}

fn files(under: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

/// Text, hashes of texts and numbers, and keyed hashes under no key.  Of a hash eight bytes are enough.
fn forms_of(identifier: &str) -> Vec<Vec<u8>> {
    let number: u64 = identifier.parse().unwrap();
    let text = identifier.as_bytes();
    let mut forms = vec![text.to_vec()];
    for input in [text, &number.to_le_bytes(), &number.to_be_bytes()] {
        for algorithm in [&SHA1_FOR_LEGACY_USE_ONLY, &SHA256, &SHA512] {
            forms.push(digest(algorithm, input).as_ref()[..8].to_vec());
        }
    }
    for key in [&[][..], &[0; 32]] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        forms.push(hmac::sign(&key, text).as_ref()[..8].to_vec());
    }
    forms
}

/// Ranks are correlated with nothing beyond what leases tell.
fn is_uncorrelated(what: &str, positions: &[u64], arrivals: &[usize]) {
    let rho = rho(positions, arrivals);
    eprintln!("{what}: rank correlation {rho:.4}, {} leases", leases(positions.len()));
    if leases(positions.len()) == 1 {
        assert!(rho.abs() < rho_bound(positions.len()), "{what}: {rho}");
    }
}
