//! Retention: what is listed is what is done, and what the vault no longer knows.

use super::*;
use crate::audit::Actor;
use crate::store::{Batch, Durability, Step};

impl World {
    /// Erases whom NPR alone holds, has it confirmed, and lets the tombstone expire.
    fn erased_long_ago(&self, number: u64) {
        self.erase("NPR", number, Scope::Whole);
        let last = self.orders("NPR", 0).last().unwrap().number;
        self.confirm("NPR", last).unwrap();
        self.wait_for_tombstones();
    }

    fn vault_values(&self) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        let visit = &mut |_: &[u8], value: &[u8]| {
            values.push(value.to_vec());
            Ok(Step::Continue)
        };
        self.stores.vault.scan(Key::all(Kind::Group), visit).unwrap();
        values
    }

    fn pending(&self) -> usize {
        let mut count = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(Step::Continue)
        };
        self.stores.registers.scan(Key::all(Kind::VaultErasure), visit).unwrap();
        count
    }
}

#[test]
fn the_vault_forgets_whom_no_register_holds_once_nothing_needs_the_person() {
    let world = World::unsealed();
    let people = numbers(4);
    let ids = world.report("NPR", DECEMBER, &people).ids;
    world.report("KPR", DECEMBER, &people[1..2]);
    assert!(world.plan().actions.is_empty());
    for number in &people[..3] {
        world.erase("NPR", *number, Scope::Whole);
    }
    world.say("NPR", people[3], quality()).unwrap_err();
    assert!(world.plan().actions.is_empty(), "tombstones bind, and nothing is confirmed");
    for order in [1, 2, 3] {
        world.confirm("NPR", order).unwrap();
    }
    assert!(world.plan().actions.is_empty(), "tombstones bind");
    world.wait_for_tombstones();
    // The second is in KPR.
    let plan = world.plan();
    let kinds: Vec<&str> = plan.actions.iter().map(Due::kind).collect();
    assert_eq!(kinds, ["erase_identity", "erase_identity"]);
    let done = world.run(plan.digest).unwrap();
    assert_eq!(done, plan.actions);
    assert_eq!(world.persons_known(), 2);
    assert!(world.plan().actions.is_empty() && world.pending() == 0);
    let entry = world.last_with("identities_erased");
    assert_eq!(
        (&entry["counts"]["persons"], &entry["actor"]["principal"]),
        (&2.into(), &"p".into())
    );
    for _ in 0..2 {
        let look_up = world.look_up_days(None, &people);
        let unknown: Vec<u32> = look_up.notes.iter().map(|note| note.row).collect();
        assert_eq!(unknown, [0, 1, 2]);
        assert_eq!(world.persons_known(), 2);
        world.reseal();
    }
    // Who comes again is somebody new.
    let again = world.report("NPR", ("2028-03-01", "2028-03-31"), &people).ids;
    assert!(again.iter().all(|id| *id != 0) && again[3] == ids[3]);
    assert!(ids[..3].iter().all(|id| !again.contains(id)));
    assert_eq!(world.persons_known(), 4);
    world.reseal();
    assert_eq!(world.report("NPR", ("2028-03-01", "2028-03-31"), &people).ids, again);
}

#[test]
fn what_is_done_is_what_was_listed_or_nothing() {
    let world = World::unsealed();
    let people = numbers(2);
    world.report("NPR", DECEMBER, &people);
    world.erased_long_ago(people[0]);
    let listed = world.plan();
    world.erased_long_ago(people[1]);
    assert_eq!(code(world.run(listed.digest)), ErrorCode::PlanChanged);
    let refused = world.last_with("refused");
    assert_eq!(
        (&refused["attempted"], &refused["reason"]),
        (&"retention_run".into(), &"plan_changed".into())
    );
    assert_eq!(world.persons_known(), 2);
    // Nobody is kept out because of a run that did not happen.
    let back = world.report("NPR", ("2029-01-01", "2029-01-31"), &people[..1]);
    assert!(suppressed(&back).is_empty());
    let plan = world.plan();
    assert_eq!(plan.actions.len(), 1, "who is back is held");
    world.run(plan.digest).unwrap();
    assert_eq!(world.persons_known(), 1);
    assert_eq!(code(world.run(plan.digest)), ErrorCode::PlanChanged, "done is done");
}

#[test]
fn a_right_in_force_an_open_case_and_another_register_keep_the_identity() {
    let world = World::unsealed();
    let people = numbers(3);
    world.report("KPR", DECEMBER, &people);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    world.say("REHAB", people[1], quality()).unwrap();
    let open_case = world.ask_erasure("KPR", people[2], period("2020-01-01")).unwrap();
    for number in &people {
        world.erase("KPR", *number, Scope::Whole);
    }
    for order in 1..=3 {
        world.confirm("KPR", order).unwrap();
    }
    world.wait_for_tombstones();
    assert!(world.plan().actions.is_empty());
    let lifted = Fact::ReservationLifted("secondary_purposes".parse().unwrap());
    world.say("KPR", people[0], lifted).unwrap();
    world.say("REHAB", people[1], Fact::ConsentWithdrawn).unwrap();
    let reason = line("No longer needed.");
    let _ = world.service.withdraw_case(&world.rights_officer(), open_case.id(), reason).unwrap();
    assert_eq!(world.plan().actions.len(), 3);
}

#[test]
fn a_crash_between_the_stores_is_finished_by_the_next_start() {
    // The vault's first commit of the run is the erasure; the register plane's are the entry of
    // unsealing, the plan twice, the run, and that it is done.
    for (plane, commits) in [(Plane::Vault, 0), (Plane::Registers, 3), (Plane::Registers, 4)] {
        for fault in [Fault::Lost, Fault::Uncertain] {
            let world = World::unsealed();
            let people = numbers(300);
            world.report("NPR", DECEMBER, &people);
            world.erased_long_ago(people[7]);
            world.service.seal(&world.operator()).unwrap();
            *world.stores.fault.lock().unwrap() = Some((plane, commits, fault));
            world.unseal();
            let plan = world.plan();
            let failed = world.run(plan.digest);
            assert_eq!(code(failed), ErrorCode::CommitUncertain, "{plane:?} {commits} {fault:?}");
            world.wait_until_open();
            let was_recorded = commits != 3 || plane == Plane::Vault || fault == Fault::Uncertain;
            assert_eq!(world.persons_known(), if was_recorded { 299 } else { 300 });
            assert_eq!(world.pending(), 0);
            let erased = world.bodies();
            let erased =
                erased.iter().filter(|body| body.contains(r#""action":"identities_erased""#));
            assert_eq!(erased.count(), usize::from(was_recorded), "{plane:?} {commits} {fault:?}");
            let plan = world.plan();
            assert_eq!(plan.actions.is_empty(), was_recorded);
            world.run(plan.digest).unwrap();
            assert_eq!(world.persons_known(), 299);
            world.reseal();
            assert_eq!(world.persons_known(), 299);
            let again = world.report("NPR", ("2028-03-01", "2028-03-31"), &people);
            assert!(suppressed(&again).is_empty());
        }
    }
}

/// Goal: whoever is to be forgotten joins nothing, although the forgetting cannot be finished yet.
/// Method: the record of it is written, and reported as failed; the vault that is opened then merges no
/// files, so that what is left of the first partition keeps the second waiting; a row comes for somebody
/// of the second, whose tag is still known.
#[test]
fn whoever_is_to_be_forgotten_joins_nothing_while_that_cannot_be_finished() {
    let world = World::unsealed();
    let people = numbers(3);
    world.say("REHAB", people[0], quality()).unwrap();
    let deliver = |numbers: &[u64]| {
        let purpose = IngestPurpose::HistoricalImport;
        let request = World::request("IPLOS", "KOMMUNE", IngestMode::ResolveOrAssign);
        let period = Some((LATER.0.parse().unwrap(), LATER.1.parse().unwrap()));
        world.deliver(&DeliveryRequest { purpose, period, ..request }, numbers).unwrap()
    };
    let ids = deliver(&people[1..]).ids;
    world.erase("IPLOS", people[1], Scope::Whole);
    world.service.seal(&world.operator()).unwrap();
    *world.stores.fault.lock().unwrap() = Some((Plane::Registers, 1, Fault::Uncertain));
    world.unseal();
    *world.stores.fault.lock().unwrap() = Some((Plane::Vault, 0, Fault::Unpurged));
    let open = world.service.open_now().unwrap();
    let iplos = world.service.catalogue().by_code("IPLOS").unwrap().number;
    let partitions = [(PERSONS, people[0]), (iplos, people[1])];
    let writes = partitions.map(|(partition, number)| {
        let persons = [world.person_of(partition, number)];
        open.registers.forgetting(partition, &persons).unwrap()
    });
    let entry = world.service.entry(Actor::Server, Action::RetentionRun);
    let failed = open.registers.record_change_and_wait(entry, writes.into());
    assert!(failed.is_err());
    drop(open);
    assert!(world.service.open_now().is_err());
    world.wait_until_open();
    assert_eq!(world.pending(), 2, "nothing could be finished");
    let answered = deliver(&people[1..]);
    assert_eq!((suppressed(&answered), answered.ids[1]), (vec![0], ids[1]));
    world.reseal();
    assert_eq!(world.pending(), 0);
    let back = deliver(&people[1..]);
    assert!(suppressed(&back).is_empty() && !ids.contains(&back.ids[0]), "somebody new");
}

#[test]
fn a_batch_that_still_knows_a_forgotten_person_brings_nobody_back() {
    let world = World::unsealed();
    let people = numbers(2);
    world.report("NPR", DECEMBER, &people);
    world.erased_long_ago(people[0]);
    let period = Some((date(2028, 3, 1), date(2028, 3, 31)));
    let request = World::request("NPR", "HF", IngestMode::ResolveOrAssign);
    let request = DeliveryRequest { period, ..request };
    let delivery =
        world.service.open_delivery(&world.permit("a", request.right()), &request).unwrap();
    let mapped = delivery.map(batch(&people)).unwrap();
    world.run(world.plan().digest).unwrap();
    let answered = wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0;
    assert_eq!(suppressed(&answered), [0], "its number is nobody's");
    let again = send(&delivery, &people).unwrap();
    assert!(suppressed(&again).is_empty(), "sent again, the person is new");
}

/// Goal: after a whole erasure nothing in the vault has the person's tag or identity; the register plane
/// never had them.  Method: all groups that are stored before and after; the tags are sealed anew, the
/// identity's envelope is gone, and a vault that is opened with all keys finds neither.  That no file has
/// them either is `no_file_of_the_store_has_what_an_erased_person_was_sealed_into`.
#[test]
fn after_a_whole_erasure_nothing_in_the_vault_has_the_tag_or_the_identity() {
    let world = World::unsealed();
    let people = numbers(5);
    world.report("NPR", DECEMBER, &people);
    let before = world.vault_values();
    let person = world.person(people[2]);
    world.erased_long_ago(people[2]);
    world.run(world.plan().digest).unwrap();
    let after = world.vault_values();
    assert_eq!(before.len(), after.len(), "the place stays");
    // 16 bytes of each envelope are enough to know it by; those of the others are still there.
    let windows = |values: &[Vec<u8>]| -> HashSet<Vec<u8>> {
        values.iter().flat_map(|value| value.windows(16).map(<[u8]>::to_vec)).collect()
    };
    let (had, has) = (windows(&before), windows(&after));
    let identity_bytes = (before[0].len() - after[0].len()) as u64;
    assert!(identity_bytes > 60, "an envelope is gone: {identity_bytes} bytes");
    let gone = had.difference(&has).count() as u64;
    assert!(gone > identity_bytes, "and the tags are sealed anew");
    for _ in 0..2 {
        let open = world.service.open_now().unwrap();
        assert!(open.vault.is_erased(PERSONS, person).unwrap());
        assert_eq!(open.vault.identifier_count(PERSONS), 4);
        drop(open);
        world.reseal();
    }
    assert_eq!(world.look_up_days(None, &people[2..3]).notes[0].code, RowCode::Unknown);
}

#[test]
fn a_register_with_a_limit_is_ordered_to_delete_what_is_older() {
    let world = World::unsealed();
    let people = numbers(1);
    world.say("REHAB", people[0], quality()).unwrap();
    world.report("REHAB", ("1980-01-01", "1985-12-31"), &people);
    world.report("NPR", ("1970-01-01", "1970-12-31"), &people);
    let plan = world.plan();
    assert_eq!(plan.actions.len(), 1);
    assert_eq!(plan.actions[0].shown(), "REHAB: data up to 1986-01-14");
    world.run(plan.digest).unwrap();
    let orders = world.orders("REHAB", 0);
    assert_eq!((orders.len(), orders[0].ids.len()), (1, 0));
    assert_eq!(
        (&orders[0].scope, orders[0].reason),
        (&period("1986-01-14"), OrderReason::Retention)
    );
    world.confirm("REHAB", 1).unwrap();
    assert!(world.plan().actions.is_empty(), "ordered once");
    world.reseal();
    assert!(world.plan().actions.is_empty());
    // What comes again after it was ordered deleted is there again.
    world.clock.advance(Duration::from_secs(60));
    world.report("REHAB", ("1980-01-01", "1985-12-31"), &people);
    let plan = world.plan();
    assert_eq!(plan.actions[0].shown(), "REHAB: data up to 1986-01-14");
    world.run(plan.digest).unwrap();
    assert!(world.plan().actions.is_empty());
}

#[test]
fn an_identity_that_no_order_names_is_forgotten_too() {
    let world = World::unsealed();
    let people = numbers(3);
    // A consent that never brought a row, and one that is in force.
    for person in &people[..2] {
        world.say("REHAB", *person, quality()).unwrap();
    }
    world.report("KPR", DECEMBER, &people[2..]);
    world.say("KPR", people[2], reserved("secondary_purposes")).unwrap();
    assert!(world.plan().actions.is_empty());
    world.say("REHAB", people[0], Fact::ConsentWithdrawn).unwrap();
    assert!(world.orders("REHAB", 0).is_empty());
    let plan = world.plan();
    assert_eq!(plan.actions.len(), 1);
    world.run(plan.digest).unwrap();
    assert_eq!(world.persons_known(), 2);
    assert!(world.plan().actions.is_empty());
}

#[test]
fn a_damaged_record_of_what_is_to_be_forgotten_is_not_opened() {
    let world = World::unsealed();
    world.service.seal(&world.operator()).unwrap();
    let mut batch = Batch::new();
    batch.put(Key::vault_erasure(0, 0), vec![0; 40]);
    world.stores.registers.commit("damage on purpose", batch, Durability::Synced).unwrap();
    let refused = world.service.unseal(&world.operator(), passphrase()).err();
    assert!(refused.is_some());
}

#[test]
fn disclosures_that_are_overdue_are_listed_for_the_officer_and_not_closed() {
    let world = World::unsealed();
    let people = numbers(1);
    world.report("NPR", DECEMBER, &people);
    let id = world.research(&[]);
    assert!(world.plan().actions.is_empty());
    world.clock.advance(Duration::from_secs(20 * 366 * 86_400));
    let plan = world.plan();
    assert_eq!(plan.actions.len(), 1);
    assert!(plan.actions[0].shown().contains(&id.to_string()));
    assert!(world.run(plan.digest).unwrap().is_empty(), "nothing that the run does itself");
    assert_eq!(world.plan().actions, plan.actions);
}
