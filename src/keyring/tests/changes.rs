//! What an editor does: rotation, destruction, new registers, another passphrase.

use super::*;

#[test]
fn a_new_epoch_seals_and_the_old_one_still_opens() {
    let made = make();
    let before = made.unseal().unwrap();
    let old = before.vault().identity.seal(&Entropy::os(), &PLACE, b"old").unwrap();
    let id = made.edit(|editor| editor.rotate(Purpose::Identity, None));
    let after = made.unseal().unwrap();
    assert_eq!(after.vault().identity.active().id(), id);
    assert_eq!(after.vault().identity.open(&PLACE, &old).unwrap().as_slice(), b"old");
    let new = after.vault().identity.seal(&Entropy::os(), &PLACE, b"new").unwrap();
    assert!(before.vault().identity.open(&PLACE, &new).is_err());
}

#[test]
fn a_pending_key_opens_but_does_not_seal_until_it_is_activated() {
    let made = make();
    let pending = made.edit(|editor| editor.prepare(Purpose::Index, None));
    let keyring = made.unseal().unwrap();
    assert_eq!(keyring.vault().index.active_epoch(), 1);
    assert!(keyring.vault().index.with_id(pending).is_some());
    let twice = made.refused(|editor| editor.prepare(Purpose::Index, None));
    assert!(matches!(twice, Error::KeyInUse { id } if id == pending));
    made.edit(|editor| editor.activate(pending));
    let index = made.unseal().unwrap().into_parts().0.index;
    assert_eq!((index.active_epoch(), index.active_id()), (2, pending));
    assert!(index.of_epoch(1).is_some());
    assert_eq!(index.iter().map(|(epoch, _)| epoch).collect::<Vec<_>>(), [2, 1]);
    let again = made.refused(|editor| editor.activate(pending));
    assert!(matches!(again, Error::NoSuchKey { .. }));
}

#[test]
fn a_register_has_nine_epochs_of_ids() {
    let made = make();
    made.edit(|editor| {
        for _ in 2..=9 {
            editor.rotate(Purpose::RegisterId, Some(NPR))?;
        }
        Ok(())
    });
    let keyring = made.unseal().unwrap();
    let ids = &keyring.registers().registers[&NPR].ids;
    assert_eq!(ids.active_epoch(), 9);
    assert_ne!(ids.of_epoch(1).unwrap().encrypt(5), ids.active().encrypt(5));
    let tenth = made.refused(|editor| editor.rotate(Purpose::RegisterId, Some(NPR)));
    assert!(matches!(tenth, Error::EpochsExhausted { purpose: Purpose::RegisterId }));
}

#[test]
fn the_inner_key_of_a_one_way_register_gets_no_new_epoch() {
    let refused = make().refused(|editor| editor.rotate(Purpose::OnewayMac, Some(IPLOS)));
    assert!(matches!(refused, Error::NotRotatable { purpose: Purpose::OnewayMac }));
}

#[test]
fn the_outer_key_of_a_one_way_register_is_changed_without_inputs() {
    let made = make();
    let tag_with = |keyring: &Keyring| keyring.vault().one_way[&IPLOS].tags.active().tag(b"input");
    let mut tags = [tag_with(&made.unseal().unwrap())];
    made.edit(|editor| editor.rotate(Purpose::OnewayOuter, Some(IPLOS)));
    let keyring = made.unseal().unwrap();
    let keys = &keyring.vault().one_way[&IPLOS].tags;
    let (old, new) = (keys.of_epoch(1).unwrap(), keys.active());
    assert_ne!(tags, [tag_with(&keyring)]);
    old.outer().rewrap(new.outer(), &mut tags);
    assert_eq!(tags, [tag_with(&keyring)]);
}

#[test]
fn a_register_without_keys_cannot_be_rotated() {
    let refused = make().refused(|editor| editor.rotate(Purpose::RegisterId, Some(99)));
    assert!(matches!(refused, Error::NoActiveKey { .. }));
}

#[test]
fn registers_are_added_once() {
    let made = make();
    let kpr = PlannedRegister { number: 2, one_way: false };
    assert_eq!(made.edit(|editor| editor.add_registers(&[kpr])).len(), 2);
    assert_eq!(made.edit(|editor| editor.add_registers(&[kpr])).len(), 0);
    assert_eq!(made.edit(|editor| editor.add_registers(&plan().registers)).len(), 0);
    assert!(made.load().unwrap().registers().contains(&kpr));
    assert!(made.unseal().unwrap().registers().registers.contains_key(&2));
}

#[test]
fn a_destroyed_key_opens_nothing_and_its_id_is_not_given_again() {
    let made = make();
    let sealed =
        made.unseal().unwrap().vault().identity.seal(&Entropy::os(), &PLACE, b"x").unwrap();
    made.edit(|editor| editor.rotate(Purpose::Identity, None));
    let old = made.key_of(Purpose::Identity, 1);
    let wrapped_before = wrapped_lines(&made);
    made.edit(|editor| editor.destroy(old.id, OldErasureKey::Destroy));
    let keyring = made.unseal().unwrap();
    assert!(keyring.vault().identity.open(&PLACE, &sealed).is_err());
    assert_eq!(made.key_of(Purpose::Identity, 1).state, KeyState::Destroyed);
    assert_eq!(made.key_of(Purpose::VaultErasure, 1).state, KeyState::Destroyed);
    assert_eq!(made.key_of(Purpose::VaultErasure, 2).state, KeyState::Active);
    // Of the vault's wrapped keys that can die, none is in the file as it was.
    let kept = wrapped_lines(&made).into_iter().filter(|line| wrapped_before.contains(line));
    let immortal = made
        .load()
        .unwrap()
        .keys()
        .iter()
        .filter(|key| {
            !(key.purpose.is_mortal() && key.purpose.plane() == Plane::Vault)
                && key.state != KeyState::Destroyed
                && key.id != made.key_of(Purpose::VaultErasure, 2).id
        })
        .count();
    assert_eq!(kept.count(), immortal);
    let again = made.refused(|editor| editor.destroy(old.id, OldErasureKey::Destroy));
    assert!(matches!(again, Error::NoSuchKey { .. }));
    let next = made.edit(|editor| editor.rotate(Purpose::Identity, None));
    let highest = made.load().unwrap().keys().iter().map(|key| key.id).max().unwrap();
    assert_eq!(next, highest);
    assert_eq!(made.key_of(Purpose::Identity, 3).id, next);
}

fn wrapped_lines(made: &Made) -> Vec<String> {
    made.text().lines().filter(|line| line.starts_with("wrapped")).map(str::to_owned).collect()
}

#[test]
fn survivors_of_a_destruction_still_open() {
    let made = make();
    let before = made.unseal().unwrap();
    let epoch_1 = before.vault().identity.seal(&Entropy::os(), &PLACE, b"one").unwrap();
    made.edit(|editor| editor.rotate(Purpose::Identity, None));
    let middle = made.unseal().unwrap();
    let epoch_2 = middle.vault().identity.seal(&Entropy::os(), &PLACE, b"two").unwrap();
    let tag = before.vault().one_way[&IPLOS].tags.active().tag(b"input");
    let old = made.key_of(Purpose::Identity, 1).id;
    made.edit(|editor| editor.destroy(old, OldErasureKey::Destroy));
    let after = made.unseal().unwrap();
    assert!(after.vault().identity.open(&PLACE, &epoch_1).is_err());
    assert_eq!(after.vault().identity.open(&PLACE, &epoch_2).unwrap().as_slice(), b"two");
    assert_eq!(after.vault().one_way[&IPLOS].tags.active().tag(b"input"), tag);
}

/// A key of a disclosure lies in the register plane's store, wrapped under the erasure key.
#[test]
fn what_a_store_holds_under_a_dead_erasure_key_is_dead() {
    let made = make();
    let disclosure = SecretBytes::<32>::generate(&Entropy::os()).unwrap();
    let context: [&[u8]; 1] = [b"disclosure 1"];
    let before = made.unseal().unwrap();
    let old = before.erasure().active();
    let wrapped = old.seal(&Entropy::os(), &context, &disclosure).unwrap();

    made.edit(|editor| {
        editor.rotate(Purpose::RegisterId, Some(NPR))?;
        let first = editor
            .keys()
            .into_iter()
            .find(|key| key.is_live(Purpose::RegisterId, Some(NPR)) && key.epoch == 1);
        editor.destroy(first.unwrap().id, OldErasureKey::KeepUntilRewrapped)
    });
    let between = made.unseal().unwrap();
    let erasure = between.erasure();
    let survivor = erasure.with_id(old.id()).unwrap().open::<32>(&context, &wrapped).unwrap();
    assert!(survivor.ct_eq(&disclosure));
    let moved = erasure.active().seal(&Entropy::os(), &context, &survivor).unwrap();

    made.edit(|editor| editor.destroy(old.id(), OldErasureKey::Destroy));
    let after = made.unseal().unwrap();
    let erasure = after.erasure();
    assert!(erasure.with_id(old.id()).is_none());
    assert!(erasure.active().open::<32>(&context, &wrapped).is_err());
    assert!(erasure.active().open::<32>(&context, &moved).unwrap().ct_eq(&disclosure));
}

/// The same without a passphrase, as the server does it when a disclosure is closed.
#[test]
fn the_running_server_replaces_the_erasure_key_in_two_durable_steps() {
    let made = make();
    let now = Timestamp::UNIX_EPOCH;
    let running = made.unseal().unwrap();
    let (erasure, entropy) = (running.erasure(), Entropy::os());
    let old = erasure.active();
    assert!(erasure.pending().is_none() && erasure.finish(&entropy, now).is_err());

    let next = erasure.prepare(&entropy, now).unwrap();
    assert_eq!(erasure.active().id(), old.id());
    // A crash here: the pending one is found again, and asked for again it is the same.
    let again = made.unseal().unwrap();
    assert_eq!(again.erasure().pending().unwrap().id(), next.id());
    assert_eq!(again.erasure().prepare(&entropy, now).unwrap().id(), next.id());

    let body = running.registers().registers[&NPR].ids.active().encrypt(5).unwrap();
    erasure.finish(&entropy, now).unwrap();
    let after = made.unseal().unwrap();
    for erasure in [erasure, after.erasure()] {
        assert_eq!(erasure.active().id(), next.id());
        assert!(erasure.pending().is_none() && erasure.with_id(old.id()).is_none());
    }
    assert_eq!(after.registers().registers[&NPR].ids.active().encrypt(5).unwrap(), body);
}

#[test]
fn an_active_key_is_not_destroyed() {
    let made = make();
    let id = made.key_of(Purpose::Index, 1).id;
    let refused = made.refused(|editor| editor.destroy(id, OldErasureKey::Destroy));
    assert!(matches!(refused, Error::KeyInUse { .. }));
    let unknown = KeyId::new(999);
    let refused = made.refused(|editor| editor.destroy(unknown, OldErasureKey::Destroy));
    assert!(matches!(refused, Error::NoSuchKey { .. }));
}

#[test]
fn another_passphrase_opens_the_same_keys_and_the_old_one_does_not() {
    let made = make();
    let tag = made.unseal().unwrap().vault().index.active().tag(b"encoding");
    let copy = made.bytes();
    let new = || Passphrase::new(b"battery staple".to_vec()).unwrap();
    made.edit(|editor| editor.change_passphrase(&new()));
    assert!(matches!(made.unseal(), Err(Error::WrongPassphrase { .. })));
    let keyring = made.load().unwrap().unseal(&new()).unwrap();
    assert_eq!(keyring.vault().index.active().tag(b"encoding"), tag);
    // As keys/README.md says: an older copy opens with the passphrase of its day.
    made.put(copy);
    assert_eq!(made.unseal().unwrap().vault().index.active().tag(b"encoding"), tag);
}

#[test]
fn an_editor_that_is_dropped_changes_nothing() {
    let made = make();
    let before = made.bytes();
    let entropy = Entropy::os();
    let mut editor = Editor::open(&made.path, &passphrase(), &entropy, NOW).unwrap();
    editor.rotate(Purpose::Identity, None).unwrap();
    drop(editor);
    assert_eq!(made.bytes(), before);
}

#[test]
fn a_failed_write_leaves_the_file_as_it_was() {
    let made = make();
    let before = made.bytes();
    let entropy = Entropy::os();
    let mut editor = Editor::open(&made.path, &passphrase(), &entropy, NOW).unwrap();
    editor.rotate(Purpose::Identity, None).unwrap();
    // A directory in the way of the file that is written aside.
    let aside = made.path.with_file_name("hvelv.hvk.new");
    std::fs::create_dir(&aside).unwrap();
    assert!(matches!(editor.commit(), Err(Error::Io { .. })));
    assert_eq!(made.bytes(), before);
}

#[test]
fn the_sweep_of_a_new_file_asks_for_nothing_and_a_year_later_for_something() {
    let made = make();
    let sealed = made.load().unwrap();
    let policy = policy::Policy::shipped();
    assert_eq!(rotate::sweep(NOW, sealed.keys(), &policy), []);
    let later = Timestamp::from_second(366 * 86_400).unwrap();
    let actions = rotate::sweep(later, sealed.keys(), &policy);
    assert!(actions.contains(&rotate::Action::Prepare { purpose: Purpose::Identity, scope: None }));
}
