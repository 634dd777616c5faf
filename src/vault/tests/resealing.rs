//! Goal: what older keys of the vault have sealed is sealed anew, all of it and nothing else, and then
//! they may go.  Method: groups, with somebody erased, names and addresses, and a one-way partition; all
//! keys that seal get successors; piece by piece; then the old keys are destroyed.

use super::*;
use crate::keyring::{KeyState, OldErasureKey};
use crate::store::resealing::Resealed;

const SEALING: [Purpose; 3] = [Purpose::Identity, Purpose::TagStorage, Purpose::OnewayTagStorage];

impl World {
    fn edit(&self, change: impl FnOnce(&mut Editor<'_>)) {
        let (entropy, now) = (Entropy::os(), jiff::Timestamp::UNIX_EPOCH);
        let mut editor = Editor::open(&self.keys.path, &passphrase(), &entropy, now).unwrap();
        change(&mut editor);
        editor.commit().unwrap();
    }

    fn rotate(&self, purpose: Purpose) {
        let scope = (purpose == Purpose::OnewayTagStorage).then_some(3);
        self.edit(|editor| {
            let _ = editor.rotate(purpose, scope).unwrap();
        });
    }

    fn destroy_older(&self) {
        self.edit(|editor| {
            let older = |key: &crate::keyring::KeyFacts| key.state == KeyState::DecryptOnly;
            for key in editor.keys().into_iter().filter(older) {
                if SEALING.contains(&key.purpose) {
                    editor.destroy(key.id, OldErasureKey::Destroy).unwrap();
                }
            }
        });
    }

    fn records(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        self.store
            .scan(Key::everything(), &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(Step::Continue)
            })
            .unwrap();
        found
    }
}

/// A vault in which somebody is erased, and somebody has a name: its persons.
fn filled(world: &World) -> (Vault, Vec<PersonNo>) {
    let vault = world.open().unwrap();
    let persons = assign(&vault, &identifiers(600));
    let one_way = resolve(&vault, 3, &identifiers(300), Unknown::Assign(&origin())).unwrap();
    assert!(one_way.iter().all(Option::is_some));
    vault.erase(PERSONS, &persons[7..9]).unwrap();
    let contact = Contact::parse("Kari Kanarifugl", "Fugleveien 7").unwrap();
    vault.keep_contacts(PERSONS, (4, 1), &[(persons[0], contact)]).unwrap();
    (vault, persons)
}

/// Seals everything anew: how many records, and how many pieces that took.
fn reseal_all(vault: &Vault) -> (u64, usize) {
    let (mut from, mut records, mut pieces) = (None, 0, 0);
    loop {
        let Resealed { records: more, damaged, next } = vault.reseal_piece(from).unwrap();
        assert_eq!(damaged, 0);
        (records, pieces, from) = (records + more, pieces + 1, next);
        if from.is_none() {
            return (records, pieces);
        }
    }
}

#[test]
fn older_keys_may_go_when_all_is_sealed_anew_and_everybody_is_who_they_were() {
    let world = World::new();
    let (vault, persons) = filled(&world);
    drop(vault);
    assert!(!world.open().unwrap().has_older_keys());
    SEALING.into_iter().for_each(|purpose| world.rotate(purpose));
    let vault = world.open().unwrap();
    assert!(vault.has_older_keys());
    let older = vault.older_count().unwrap();
    assert!(older > 3, "{older}");
    assert_eq!(reseal_all(&vault).0, older);
    assert_eq!((vault.older_count().unwrap(), reseal_all(&vault)), (0, (0, 1)));
    drop(vault);
    world.destroy_older();

    let vault = world.open().unwrap();
    let known = resolve(&vault, PERSONS, &identifiers(600), Unknown::Leave).unwrap();
    for (index, (known, person)) in known.iter().zip(&persons).enumerate() {
        let is_erased = (7..9).contains(&index);
        assert_eq!(*known, (!is_erased).then_some(*person), "{index}");
        let opened = vault.dangerous_open_identity(PERSONS, *person);
        match opened {
            Ok(opened) if !is_erased => {
                assert!(opened[0].id.same_as(identifiers(600)[index].as_ref().unwrap()));
            }
            Err(Error::Erased) if is_erased => {}
            other => panic!("{index}: {other:?}"),
        }
    }
    let contact = vault.has_contact(PERSONS, 4, persons[0]).unwrap().unwrap();
    assert!(contact.name && contact.address);
    let one_way = resolve(&vault, 3, &identifiers(300), Unknown::Leave).unwrap();
    assert!(one_way.iter().all(Option::is_some));
}

#[test]
fn only_what_an_older_key_has_sealed_is_sealed_anew() {
    let world = World::new();
    drop(filled(&world));
    world.rotate(Purpose::Identity);
    let before = world.records();
    reseal_all(&world.open().unwrap());
    for ((key, before), (same, after)) in before.iter().zip(world.records()) {
        assert_eq!(*key, same);
        let (kind, _) = Key::parse(key).unwrap();
        let tags = 5 + u32::from_be_bytes(before[1..5].try_into().unwrap_or_default()) as usize;
        match kind {
            // The tags' envelope is as it was, and every identity's is another.
            Kind::Group if Key::leading_u16(key).unwrap() == PERSONS => {
                assert_eq!(before[..tags], after[..tags]);
                assert_ne!(before[tags..], after[tags..]);
                assert_eq!(before.len(), after.len());
            }
            Kind::Contact => assert_ne!(before[1..5], after[1..5]),
            _ => assert_eq!(*before, after),
        }
    }
}

#[test]
fn what_does_not_open_is_counted_and_stays_and_the_rest_goes_on() {
    let world = World::new();
    drop(filled(&world));
    world.rotate(Purpose::Identity);
    let (key, value) = world.records().into_iter().find(|(key, _)| key[0] == 0x10).unwrap();
    let (mut damaged, mut batch) = (value, Batch::new());
    *damaged.last_mut().unwrap() ^= 1;
    batch.put(Key::parse(&key).unwrap().1, damaged.clone());
    world.store.commit("test", batch, Durability::Synced).unwrap();
    let vault = world.open().unwrap();
    let older = vault.older_count().unwrap();
    let piece = vault.reseal_piece(None).unwrap();
    assert_eq!((piece.records, piece.damaged, piece.next), (older - 1, 1, None));
    assert_eq!(vault.older_count().unwrap(), 1);
    assert!(world.records().contains(&(key, damaged)));
}

#[test]
fn a_commit_that_fails_closes_the_partition_and_nothing_is_lost() {
    for fault in [Fault::Lost, Fault::Uncertain] {
        let world = World::new();
        let (vault, persons) = filled(&world);
        drop(vault);
        world.rotate(Purpose::TagStorage);
        let store = Arc::clone(&world.store) as Arc<dyn Store>;
        let faulty = Arc::new(FaultyStore::after(store, 0, fault)) as Arc<dyn Store>;
        let vault = world.open_over(faulty, &|_| Seen::default()).unwrap();
        assert!(vault.reseal_piece(None).is_err() && vault.has_failed());
        drop(vault);
        let vault = world.open().unwrap();
        reseal_all(&vault);
        let known = resolve(&vault, PERSONS, &identifiers(600), Unknown::Leave).unwrap();
        assert_eq!(known[0], Some(persons[0]));
        assert_eq!(vault.older_count().unwrap(), 0);
    }
}
