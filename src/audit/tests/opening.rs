//! Opening a log that was changed: the refusal names the first entry of which that shows.

use super::*;

/// At which entry the log is refused when it is opened.
fn refused(world: &World) -> Option<u64> {
    match world.log() {
        Err(LogError::Damaged { index, .. }) => Some(index),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_log_that_was_changed_is_refused_at_opening_with_the_number_of_the_entry() {
    let world = World::new(600, 200);
    assert_eq!(refused(&world), None);
    for index in [0, 1, 199, 200, 399, 598, 599] {
        let key = Key::audit_leaf(index);
        let good = world.get(&key);
        let mut other = good.clone();
        other[31] ^= 1;
        world.change(|batch| batch.put(key, other));
        assert_eq!(refused(&world), Some(index), "another hash of {index}");
        world.change(|batch| batch.remove(key));
        assert_eq!(refused(&world), Some(index), "no hash of {index}");
        world.change(|batch| batch.put(key, good));
    }
    for index in [0, 298, 598] {
        let keys = [index, index + 1].map(Key::audit_leaf);
        let [one, other] = keys.map(|key| world.get(&key));
        world.change(|batch| {
            batch.put(keys[0], other);
            batch.put(keys[1], one);
        });
        assert_eq!(refused(&world), Some(index), "{index} and the next are exchanged");
        world.change(|batch| {
            batch.put(keys[0], world.get(&keys[1]));
            batch.put(keys[1], world.get(&keys[0]));
        });
    }
    assert_eq!(refused(&world), None, "all was taken back");
}

#[test]
fn a_log_that_is_cut_below_its_newest_checkpoint_is_refused_where_it_ends() {
    let world = World::new(600, 200);
    for index in (0..600).rev() {
        world.change(|batch| {
            batch.remove(Key::audit_body(index));
            batch.remove(Key::audit_leaf(index));
        });
        if index % 50 == 0 {
            assert_eq!(refused(&world), Some(index));
        }
    }
}

#[test]
fn a_body_that_was_changed_is_found_before_the_next_checkpoint_is_signed() {
    let world = World::new(600, 200);
    for index in [0, 300, 599] {
        let key = Key::audit_body(index);
        let good = world.get(&key);
        let mut other = good.clone();
        *other.last_mut().unwrap() ^= 1;
        world.change(|batch| batch.put(key, other));
        assert_eq!(refused(&world), None, "opening looks at hashes");
        let signed = world.reader().checkpoint(&origin(), &[world.signing()]);
        let refused = matches!(signed, Err(LogError::Damaged { index: at, .. }) if at == index);
        assert!(refused, "the body of {index}");
        world.change(|batch| batch.put(key, good));
    }
}
