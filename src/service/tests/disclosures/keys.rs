//! Keys of disclosures: when they are wiped and when they die.

use super::*;

/// A client may keep a stream open and say nothing.
#[test]
fn sealing_wipes_the_keys_of_disclosures_although_their_streams_are_open() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    let id = world.disclosure();
    let serials = world.service.open_serials(&world.officer(), id).unwrap();
    let surrogates = world.service.open_surrogates(&world.officer(), id).unwrap();
    issue(&serials, "NPR", &npr).unwrap();
    assert!(serials.holds_keys());
    world.service.seal(&world.operator()).unwrap();
    assert!(!serials.holds_keys());
    world.unseal();
    assert!(serials.map("NPR", &npr).is_err(), "nor does a later unsealing bring them back");
    let batch =
        SurrogateBatch { key_space: "episodes".into(), values: vec![], institutions: vec![] };
    assert!(surrogates.issue(&batch).is_err());
}

/// Whoever passed the rules before a closing and comes for the key after it gets none.
#[test]
fn a_key_that_is_being_destroyed_is_made_ready_for_nobody() {
    let world = World::unsealed();
    let id = world.disclosure();
    let _ = world.service.open_serials(&world.officer(), id).unwrap();
    let open = world.service.open_now().unwrap();
    open.book.revoke(id);
    let late = world.service.open_serials(&world.officer(), id).err().unwrap();
    assert_eq!(late.code(), ErrorCode::DisclosureClosed);
    open.book.restore(id);
    assert!(world.service.open_serials(&world.officer(), id).is_ok(), "a closing that failed");
}

/// Goal: a closing that fails while answers are on their way is no outage.  Method: whoever is on the
/// way holds the set of persons, and whoever uses the disclosure anew has the same one.
#[test]
fn a_closing_that_failed_leaves_answers_on_their_way_with_the_set_that_all_use() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(6));
    let id = world.disclosure();
    let stream = world.service.open_serials(&world.officer(), id).unwrap();
    let open = world.service.open_now().unwrap();
    let members = || open.book.own_members(id).unwrap();
    let on_its_way = members();
    issue(&stream, "NPR", &npr[..3]).unwrap();
    open.book.revoke(id);
    open.book.restore(id);
    let again = world.service.open_serials(&world.officer(), id).unwrap();
    assert!(Arc::ptr_eq(&on_its_way, &members()));
    issue(&again, "NPR", &npr).unwrap();
}

#[test]
fn a_closed_disclosure_issues_nothing_and_its_key_is_dead() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(20));
    let (closing, staying) = (world.disclosure(), world.disclosure());
    let serials = world.serials(staying, "NPR", &npr).unwrap().ids;
    let running = world.service.open_serials(&world.officer(), closing).unwrap();
    issue(&running, "NPR", &npr).unwrap();
    let late = running.map("NPR", &npr).unwrap();
    let key_of = |id: DisclosureId| {
        let open = world.service.open_now().unwrap();
        open.registers.stored(&Key::disclosure_key(id.0)).unwrap()
    };
    let wrapped = WrappedDisclosureKey::from_bytes(key_of(closing).unwrap());
    let (view, _) = world.service.close_disclosure(&world.officer(), closing).unwrap();
    assert_eq!(view.disclosure.state(), DisclosureState::Closed);
    assert_eq!(running.submit(late).err().unwrap().code(), ErrorCode::DisclosureClosed);
    assert_eq!(running.map("NPR", &npr).err().unwrap().code(), ErrorCode::DisclosureClosed);
    assert_eq!(key_of(closing), None);
    let refused = world.serials(closing, "NPR", &npr).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::StepOutOfOrder);
    let again = world.service.close_disclosure(&world.officer(), closing).err().unwrap();
    assert_eq!(again.code(), ErrorCode::StepOutOfOrder);
    for _ in 0..2 {
        // The old wrap, kept by whoever copied the store, opens with no key that is left.
        let open = world.service.open_now().unwrap();
        let erasure = open.keys().keyring.erasure();
        let width = crate::crypto::SerialWidth::DEFAULT;
        assert!(wrapped.open(closing.0, erasure, width).is_err());
        drop(open);
        assert_eq!(world.serials(staying, "NPR", &npr).unwrap().ids, serials);
        world.reseal();
    }
}

#[test]
fn a_closing_that_a_crash_cut_off_is_finished_at_the_next_start() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(5));
    let id = world.disclosure();
    let serials = world.serials(id, "NPR", &npr).unwrap().ids;
    let open = world.service.open_now().unwrap();
    let erasure = open.keys().keyring.erasure();
    let old = erasure.active().id();
    let _ = erasure.prepare(&Entropy::os(), clock().now()).unwrap();
    drop(open);
    world.reseal();
    let open = world.service.open_now().unwrap();
    let erasure = open.keys().keyring.erasure();
    assert!(erasure.pending().is_none() && erasure.with_id(old).is_none());
    drop(open);
    assert_eq!(world.serials(id, "NPR", &npr).unwrap().ids, serials);
    assert!(world.bodies().iter().any(|body| body.contains(r#""action":"keys_rewrapped""#)));
}

/// Goal: no link and no right waits for a scan of a whole register.  Method: what the first batch would
/// have to make under their locks is there before it.
#[test]
fn a_stream_of_serials_has_its_registers_backwards_before_it_takes_a_lock() {
    let world = World::unsealed();
    world.ingest("NPR", "HF", &numbers(2));
    let disclosure = world.disclosure();
    let has_inverse = || {
        let (catalogue, open) = (&world.service.parts.catalogue, world.service.open_now().unwrap());
        ["NPR", "KPR", "REHAB"]
            .map(|code| open.registers.has_inverse(catalogue.by_code(code).unwrap().number))
    };
    assert_eq!(has_inverse(), [false; 3]);
    let _issuing = world.service.open_serials(&world.officer(), disclosure).unwrap();
    assert_eq!(has_inverse(), [true, true, false], "those of the disclosure and no others");
}

/// Goal: what was used is let go when it is closed.  Method: disclosures of which two share a key, and
/// streams that stay open.
#[test]
fn a_closed_disclosure_leaves_nothing_in_memory() {
    let world = World::unsealed();
    let npr = world.ingest("NPR", "HF", &numbers(3));
    let application = world.application();
    let eight = Decision { serial_width: SerialWidth::Eight, ..decision() };
    let first = world.disclosure_of(application, eight.clone());
    let continued = Decision { continues: Some(first), ..eight };
    let second = world.disclosure_of(application, continued);
    let all = [first, second, world.disclosure()];
    let streams = all.map(|id| world.service.open_serials(&world.officer(), id).unwrap());
    streams.iter().for_each(|stream| drop(issue(stream, "NPR", &npr).unwrap()));
    let open = world.service.open_now().unwrap();
    let held = all.map(|id| {
        drop(world.service.close_disclosure(&world.officer(), id).unwrap());
        open.book.held()
    });
    assert_eq!(held, [(2, 2, 1), (1, 1, 0), (0, 0, 0)]);
    for stream in &streams {
        let refused = stream.map("NPR", &npr).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::DisclosureClosed);
    }
    let view = world.service.disclosure(&world.officer(), first).unwrap();
    assert_eq!(view.persons, 3);
}
