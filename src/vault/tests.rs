//! The vault over a store in memory, and over one that fails on purpose.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::crypto::Entropy;
use crate::keyring::{Editor, Keyring, Purpose};
use crate::store::faulty::{Fault, FaultyStore};
use crate::store::keys::{Key, Kind};
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Durability, Step};
use crate::testing::{Keys, MemoryMarks, identifiers, passphrase};

mod resealing;

fn origin() -> Origin {
    Origin { register: 1, source: "HF".into(), seen: date(2026, 1, 15) }
}

struct World {
    keys: Keys,
    store: Arc<MemoryStore>,
    marks: Arc<MemoryMarks>,
}

impl World {
    fn new() -> Self {
        Self { keys: Keys::new(), store: Arc::default(), marks: Arc::default() }
    }

    fn open(&self) -> Result<Vault, Error> {
        self.open_over(Arc::clone(&self.store) as Arc<dyn Store>, &|partition| {
            let marks = self.marks.0.lock().unwrap();
            let leased = marks.get(&partition).copied().unwrap_or_default();
            Seen { leased_in_key_file: leased, leased_in_registers: leased, used_in_registers: 0 }
        })
    }

    fn open_over(&self, store: Arc<dyn Store>, seen: &dyn Fn(u16) -> Seen) -> Result<Vault, Error> {
        let keyring: Arc<Keyring> = self.keys.open();
        let keys = [PERSONS, 3]
            .map(|partition| PartitionKeys::new(Arc::clone(&keyring), partition).unwrap());
        let high_water = Arc::clone(&self.marks) as Arc<dyn HighWater>;
        Vault::open(store, keys.into(), seen, &high_water, &Arc::new(Entropy::os()))
    }
}

fn resolve(
    vault: &Vault,
    partition: u16,
    rows: &[Result<NationalId, Reject>],
    unknown: Unknown<'_>,
) -> Result<Vec<Option<PersonNo>>, Error> {
    let mut from = rows.chunks(50);
    let parse = |parsed: &mut Rows| parsed.extend_from_slice(from.next().unwrap_or_default());
    vault.find(partition, rows.len(), parse)?.finish(unknown)
}

fn assign(vault: &Vault, rows: &[Result<NationalId, Reject>]) -> Vec<PersonNo> {
    let persons = resolve(vault, PERSONS, rows, Unknown::Assign(&origin())).unwrap();
    persons.into_iter().map(Option::unwrap).collect()
}

#[test]
fn the_plaintext_of_an_identity_is_the_golden_bytes() {
    let rows = identifiers(1);
    let id = rows[0].as_ref().unwrap();
    let mut plain = zeroize::Zeroizing::new(Vec::new());
    identity::encode_new(id, &origin(), &mut plain);
    let mut golden = vec![0x01, 0x01, 0x0e, 0x01, 0x00, 0x0b];
    golden.extend_from_slice(id.expose_digits().as_bytes());
    golden.extend_from_slice(&[0x00, 0x01, 0x02, b'H', b'F']);
    golden.extend_from_slice(&20_260_115_u32.to_be_bytes());
    golden.extend_from_slice(&[0; 8]);
    golden.push(0);
    assert_eq!(*plain, golden);
    let known = identity::decode(&plain).unwrap();
    assert!(known[0].id.same_as(id));
    for end in 0..plain.len() {
        assert!(identity::decode(&plain[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn the_same_identifier_gives_the_same_person_for_ever() {
    let world = World::new();
    let rows = identifiers(3000);
    let vault = world.open().unwrap();
    let first = assign(&vault, &rows);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), rows.len(), "nobody shares a number");
    assert_eq!(assign(&vault, &rows), first);
    drop(vault);
    let vault = world.open().unwrap();
    assert_eq!(vault.identifiers_total(), 3000);
    assert_eq!(assign(&vault, &rows), first, "also after a restart");
}

#[test]
fn a_batch_that_repeats_an_identifier_has_one_person_for_it() {
    let world = World::new();
    let vault = world.open().unwrap();
    let mut rows = identifiers(10);
    rows.extend(identifiers(10));
    let persons = assign(&vault, &rows);
    assert_eq!(persons[..10], persons[10..]);
    assert_eq!(vault.identifiers_total(), 10);
}

#[test]
fn numbers_are_not_given_in_the_order_of_arrival() {
    let world = World::new();
    let persons = assign(&world.open().unwrap(), &identifiers(1000));
    let ascending = persons.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((400..600).contains(&ascending), "{ascending} of 999 steps go up");
}

#[test]
fn unknown_identifiers_and_refused_rows_have_nobody() {
    let world = World::new();
    let vault = world.open().unwrap();
    let mut rows = identifiers(4);
    assign(&vault, &rows[..2]);
    rows.insert(1, Err(Reject::CheckDigits));
    let found = resolve(&vault, PERSONS, &rows, Unknown::Leave).unwrap();
    let known: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(known, [true, false, true, false, false]);
    assert_eq!(vault.identifiers_total(), 2, "a look-up makes nobody");
}

#[test]
fn threads_that_race_for_the_same_new_identifiers_get_the_same_persons() {
    let world = World::new();
    let vault = world.open().unwrap();
    let rows = identifiers(2000);
    let outcomes: Vec<Vec<PersonNo>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| rows.chunks(100).flat_map(|chunk| assign(&vault, chunk)).collect())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(vault.identifiers_total(), 2000);
}

#[test]
fn an_identity_opens_again_with_its_origin() {
    let world = World::new();
    let vault = world.open().unwrap();
    let rows = identifiers(600);
    let persons = assign(&vault, &rows);
    for place in [0, 255, 256, 599] {
        let known = vault.dangerous_open_identity(PERSONS, persons[place]).unwrap();
        assert_eq!(known.len(), 1);
        assert!(known[0].id.same_as(rows[place].as_ref().unwrap()));
        assert_eq!((known[0].register, known[0].source.as_str()), (1, "HF"));
        assert_eq!(known[0].seen, 20_260_115);
    }
}

#[test]
fn a_one_way_partition_has_numbers_of_its_own_and_no_identity() {
    let world = World::new();
    let vault = world.open().unwrap();
    let rows = identifiers(50);
    let sealed = assign(&vault, &rows);
    let one_way = resolve(&vault, 3, &rows, Unknown::Assign(&origin())).unwrap();
    let one_way: Vec<PersonNo> = one_way.into_iter().map(Option::unwrap).collect();
    assert_ne!(sealed, one_way);
    assert!(vault.dangerous_open_identity(3, one_way[0]).is_err());
    let again = resolve(&world.open().unwrap(), 3, &rows, Unknown::Leave).unwrap();
    assert_eq!(again.into_iter().map(Option::unwrap).collect::<Vec<_>>(), one_way);
    assert!(matches!(resolve(&vault, 9, &rows, Unknown::Leave), Err(Error::NoPartition)));
}

#[test]
fn a_vault_behind_its_marks_refuses_to_serve() {
    let world = World::new();
    assign(&world.open().unwrap(), &identifiers(10));
    let store = || Arc::clone(&world.store) as Arc<dyn Store>;
    let fresh = Seen::default();
    for (seen, witness) in [
        (Seen { leased_in_key_file: 1 << 30, ..fresh }, "the key file"),
        (Seen { leased_in_registers: 1 << 30, ..fresh }, "the register plane's leases"),
        (Seen { used_in_registers: 11, ..fresh }, "the register plane's members"),
    ] {
        match world.open_over(store(), &|partition| if partition == 0 { seen } else { fresh }) {
            Err(Error::Behind { witness: found }) => assert_eq!(found, witness),
            _ => panic!("a vault behind {witness} was opened"),
        }
    }
    world.open_over(store(), &|_| Seen { used_in_registers: 0, ..fresh }).unwrap();
}

#[test]
fn no_number_is_given_twice_when_an_older_copy_comes_back() {
    let world = World::new();
    let rows = identifiers(300);
    let before: HashSet<PersonNo> =
        assign(&world.open().unwrap(), &rows[..100]).into_iter().collect();
    // A copy that lost the last hundred: its lease is as new as the marks, so it opens.
    let copy = MemoryStore::new();
    let mut batch = Batch::new();
    world
        .store
        .scan(Key::marker()..Key::all(Kind::Group).start, &mut |key, value| {
            batch.put(Key::parse(key)?.1, value.to_vec());
            Ok(Step::Continue)
        })
        .unwrap();
    copy.commit("test", batch, Durability::Synced).unwrap();
    let vault = world.open_over(Arc::new(copy), &|_| Seen::default()).unwrap();
    let after = assign(&vault, &rows[100..]);
    assert!(after.iter().all(|person| !before.contains(person)));
}

#[test]
fn after_a_failed_commit_nothing_is_answered_and_a_reopened_vault_is_consistent() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        // Commit 0 leases persons, 1 assigns the first batch, 2 the second.
        for commits in 0..3 {
            let world = World::new();
            let inner = Arc::clone(&world.store) as Arc<dyn Store>;
            let store = Arc::new(FaultyStore::after(inner, commits, fault));
            let vault = world.open_over(store, &|_| Seen::default()).unwrap();
            let rows = identifiers(40);
            let mut answered = Vec::new();
            for chunk in rows.chunks(20) {
                let outcome = resolve(&vault, PERSONS, chunk, Unknown::Assign(&origin()));
                answered.extend(outcome.into_iter().flatten().map(Option::unwrap));
            }
            assert!(vault.has_failed());
            assert!(resolve(&vault, PERSONS, &rows, Unknown::Assign(&origin())).is_err());
            drop(vault);
            let vault = world.open().unwrap();
            let persons = assign(&vault, &rows);
            assert_eq!(persons[..answered.len()], answered, "what was answered stays");
            assert_eq!(persons.iter().collect::<HashSet<_>>().len(), rows.len());
        }
    }
}

#[test]
fn damaged_or_moved_groups_are_refused() {
    let world = World::new();
    assign(&world.open().unwrap(), &identifiers(600));
    let mut groups = Vec::new();
    let mut collect = |key: &[u8], value: &[u8]| {
        groups.push((Key::parse(key)?.1, value.to_vec()));
        Ok(Step::Continue)
    };
    world.store.scan(Key::all(Kind::Group), &mut collect).unwrap();
    let write = |changes: &[(Key, Vec<u8>)]| {
        let mut batch = Batch::new();
        changes.iter().for_each(|(key, value)| batch.put(*key, value.clone()));
        world.store.commit("test", batch, Durability::Synced).unwrap();
    };
    let is_refused = || matches!(world.open(), Err(Error::Damaged { .. }));
    let mut flipped = groups[1].clone();
    flipped.1[40] ^= 1;
    write(&[flipped]);
    assert!(is_refused(), "a flipped bit");
    write(&[(groups[1].0, groups[0].1.clone())]);
    assert!(is_refused(), "another group's value");
    write(&[(groups[1].0, groups[1].1[..30].to_vec())]);
    assert!(is_refused(), "a value that is cut");
    write(&groups);
    assert!(world.open().is_ok());
}

#[test]
fn an_erased_person_is_nobody_and_the_identifier_is_somebody_new() {
    let world = World::new();
    let rows = identifiers(600);
    let vault = world.open().unwrap();
    let persons = assign(&vault, &rows);
    let gone = [persons[3], persons[299], persons[599]];
    for _ in 0..2 {
        vault.erase(PERSONS, &gone).unwrap();
        assert_eq!(vault.identifiers_total(), 597);
    }
    let check = |vault: &Vault| {
        let found = resolve(vault, PERSONS, &rows, Unknown::Leave).unwrap();
        for (row, found) in found.into_iter().enumerate() {
            let expected = (![3, 299, 599].contains(&row)).then(|| persons[row]);
            assert_eq!(found, expected, "row {row}");
        }
        for person in gone {
            assert!(vault.is_erased(PERSONS, person).unwrap());
            let opened = vault.dangerous_open_identity(PERSONS, person);
            assert!(matches!(opened, Err(Error::Erased)));
        }
        assert!(!vault.is_erased(PERSONS, persons[4]).unwrap());
        let known = vault.dangerous_open_identity(PERSONS, persons[4]).unwrap();
        assert!(known[0].id.same_as(rows[4].as_ref().unwrap()), "the others are as they were");
    };
    check(&vault);
    drop(vault);
    let vault = world.open().unwrap();
    check(&vault);
    let again = assign(&vault, &rows);
    assert!(gone.iter().all(|person| !again.contains(person)), "a number is given once");
    drop(vault);
    assert_eq!(assign(&world.open().unwrap(), &rows), again);
}

#[test]
fn a_one_way_partition_forgets_a_tag() {
    let world = World::new();
    let vault = world.open().unwrap();
    let rows = identifiers(5);
    let known = resolve(&vault, 3, &rows, Unknown::Assign(&origin())).unwrap();
    vault.erase(3, &[known[2].unwrap()]).unwrap();
    let found = resolve(&vault, 3, &rows, Unknown::Leave).unwrap();
    assert_eq!(found.iter().filter(|person| person.is_none()).count(), 1);
    drop(vault);
    let found = resolve(&world.open().unwrap(), 3, &rows, Unknown::Leave).unwrap();
    assert!(found[2].is_none() && found[3] == known[3]);
}

/// Goal: what an erased person's tag and identity were sealed into is in no file of the store any more.
/// Method: the bytes of the stored groups before, looked for in every file of the directory after: what
/// the store has still must be found, so that the search is known to find something.
#[cfg(feature = "server")]
#[test]
fn no_file_of_the_store_has_what_an_erased_person_was_sealed_into() {
    use crate::store::rocks::RocksStore;

    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault");
    drop(RocksStore::create(&path).unwrap());
    let seen = |_| Seen::default();
    let store = Arc::new(RocksStore::open(&path).unwrap());
    let vault = world.open_over(Arc::clone(&store) as Arc<dyn Store>, &seen).unwrap();
    let rows = identifiers(300);
    let persons = assign(&vault, &rows);
    let groups = |store: &dyn Store| {
        let mut found = Vec::new();
        let visit = &mut |_: &[u8], value: &[u8]| {
            found.push(value.to_vec());
            Ok(Step::Continue)
        };
        store.scan(Key::all(Kind::Group), visit).unwrap();
        found
    };
    let files = || -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(&path).unwrap();
        entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default()).collect()
    };
    let has = |files: &[Vec<u8>], part: &[u8]| {
        files.iter().any(|file| file.windows(part.len()).any(|window| window == part))
    };
    let before = groups(store.as_ref());
    assert_eq!(before.len(), 2);
    // The middle of the tags' envelope, and of the first identity's after it.
    let tags_end = 5 + u32::from_be_bytes(before[0][1..5].try_into().unwrap()) as usize;
    let (tags, identity) = (&before[0][40..72], &before[0][tags_end + 30..tags_end + 62]);
    assert!(has(&files(), tags) && has(&files(), identity));
    vault.erase(PERSONS, &persons[..1]).unwrap();
    let after = groups(store.as_ref());
    assert_eq!(before[1], after[1], "the other group is as it was");
    let left = files();
    assert!(has(&left, &after[0][40..72]) && has(&left, &after[1][40..72]));
    assert!(!has(&left, tags) && !has(&left, identity));
    drop((vault, store));
    let left = files();
    assert!(!has(&left, tags) && !has(&left, identity), "nor after it is closed");
}

#[test]
fn a_vault_whose_tags_were_made_with_another_key_is_not_opened() {
    let purposes = [(Purpose::Index, None, PERSONS), (Purpose::OnewayOuter, Some(3), 3)];
    for (purpose, scope, partition) in purposes {
        let (keys, entropy) = (Keys::new(), Entropy::os());
        let now = jiff::Timestamp::UNIX_EPOCH;
        let mut editor = Editor::open(&keys.path, &passphrase(), &entropy, now).unwrap();
        editor.rotate(purpose, scope).unwrap();
        editor.commit().unwrap();
        let refused = PartitionKeys::new(keys.open(), partition).err();
        assert!(matches!(refused, Some(Error::OtherTagKey)), "{purpose}: {refused:?}");
        let other = if partition == PERSONS { 3 } else { PERSONS };
        assert!(PartitionKeys::new(keys.open(), other).is_ok());
    }
}
