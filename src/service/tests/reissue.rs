//! A person's IDs in a register, issued anew: after a leak, and under protection.

use zeroize::Zeroizing;

use super::bridges::code;
use super::disclosures::{done, issue};
use super::erasure::{DECEMBER, LATER};
use super::identities::{NUMBER, SPLIT, event};
use super::rights::suppressed;
use super::*;
use crate::approval::Act;
use crate::registers::{IdChange, Protection, ReissueReason};
use crate::rights::cases::Scope;

const WHY: [(&str, &str); 2] =
    [("purpose", "leak, case 26/107"), ("provision", "helseregisterloven § 21")];

impl World {
    fn try_reissue(&self, register: &str, id: u64, why: ReissueReason) -> Result<Pairs, Error> {
        let request = ReissueIds {
            register: register.parse().unwrap(),
            id: Zeroizing::new(id.to_string()),
            reason: why,
            purpose: LogLine::parse(WHY[0].1).unwrap(),
            provision: LogLine::parse(WHY[1].1).unwrap(),
        };
        let recorded = self.service.reissue_ids(&self.permit("c", Right::ReissueIds), &request)?;
        Ok(recorded.into_answer().0.pairs())
    }

    fn approve_reissue(&self, register: &str, id: u64, why: ReissueReason) {
        let id = id.to_string();
        let parameters = [("id", id.as_str()), ("reason", why.as_str()), WHY[0], WHY[1]];
        self.approve_as("c", (Act::ReissueId, register), &parameters);
    }

    pub(super) fn reissue(&self, register: &str, id: u64, why: ReissueReason) -> Pairs {
        self.approve_reissue(register, id, why);
        self.try_reissue(register, id, why).unwrap()
    }

    fn reissued(&self, register: &str) -> Vec<([u64; 2], ReissueReason)> {
        let permit = self.permit("c", Right::ReissueIds);
        let found = self.service.reissues(&permit, &register.parse().unwrap(), (0, 0)).unwrap();
        found.into_answer().0.reissues.iter().map(|one| (one.ids, one.reason)).collect()
    }
}

type Pairs = Vec<[u64; 2]>;

fn pairs(changes: &[IdChange]) -> Vec<[u64; 2]> {
    let pair = |change: &IdChange| match *change {
        IdChange::Restored { id } => [id, id],
        IdChange::Superseded { old_id, new_id } => [old_id, new_id],
    };
    changes.iter().map(pair).collect()
}

#[test]
fn a_leaked_id_is_replaced_once_with_another_persons_approval_and_stays_through_a_restart() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    let kpr = world.ingest("KPR", "KUHR", &people);
    let disclosure = world.disclosure();
    let serials = world.serials(disclosure, "NPR", &npr).unwrap().ids;
    let leaked = ReissueReason::Leaked;
    assert_eq!(code(world.try_reissue("NPR", npr[1], leaked)), "approval_required");
    world.approve_reissue("NPR", npr[1], ReissueReason::Protected);
    assert_eq!(code(world.try_reissue("NPR", npr[1], leaked)), "approval_required", "the reason");
    let pair = world.reissue("NPR", npr[1], leaked)[0];
    assert!(pair[0] == npr[1] && !npr.contains(&pair[1]) && !kpr.contains(&pair[1]));
    assert_eq!(code(world.try_reissue("NPR", npr[1], leaked)), "approval_required", "it is used");
    for _ in 0..2 {
        assert_eq!(world.ingest("NPR", "HF", &people), [npr[0], pair[1], npr[2]]);
        assert_eq!(world.found(&people).ids[1], pair[1]);
        assert_eq!(world.ingest("KPR", "KUHR", &people), kpr, "the other register");
        assert_eq!(pairs(&world.changes("NPR")), [pair]);
        assert!(world.changes("KPR").is_empty());
        // A file that was made before, and one that is made today.
        assert_eq!(world.serials(disclosure, "NPR", &npr).unwrap().ids, serials);
        let today = world.serials(disclosure, "NPR", &[pair[1]]).unwrap();
        assert_eq!(today.ids, serials[1..2]);
        assert_eq!(world.members("NPR"), 3);
        assert_eq!(world.reissued("NPR"), [(pair, leaked)]);
        world.reseal();
    }
    // The old one is nobody's today, as far as that act is concerned.
    world.approve_reissue("NPR", npr[1], leaked);
    assert_eq!(code(world.try_reissue("NPR", npr[1], leaked)), "person_not_in_register");
    let entries: Vec<Entry> =
        world.bodies().iter().map(|body| Entry::decode(body).unwrap()).collect();
    let done: Vec<&Entry> =
        entries.iter().filter(|entry| entry.action == Action::IdReissued).collect();
    let [done] = &done[..] else { panic!("there is one entry") };
    assert_eq!(done.changes, ["reason leaked"]);
    assert_eq!((done.purpose.as_deref(), done.basis.as_deref()), (Some(WHY[0].1), Some(WHY[1].1)));
    assert!(done.reference.is_some(), "for innsyn");
    assert!(world.bodies().iter().all(|body| !body.contains(&pair[1].to_string())));
}

#[test]
fn a_protected_reissue_is_told_to_a_custodian_only_and_the_ids_before_it_are_nobodys() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let disclosure = world.disclosure();
    let serials = world.serials(disclosure, "NPR", &npr).unwrap().ids;
    let first = world.reissue("NPR", npr[0], ReissueReason::Leaked)[0];
    let second = world.reissue("NPR", first[1], ReissueReason::Protected)[0];
    let third = world.reissue("NPR", second[1], ReissueReason::Leaked)[0];
    assert_eq!((first[1], second[1]), (second[0], third[0]));
    for _ in 0..2 {
        assert_eq!(pairs(&world.changes("NPR")), [first, third], "and not the one between");
        let asked = [first[0], second[0], third[0], third[1]];
        let answered = world.serials(disclosure, "NPR", &asked).unwrap();
        assert_eq!(answered.ids, [0, 0, serials[0], serials[0]]);
        assert_eq!(answered.notes.iter().map(|one| one.row).collect::<Vec<_>>(), [0, 1]);
        let told: Vec<[u64; 2]> = world.reissued("NPR").iter().map(|one| one.0).collect();
        assert_eq!(told, [first, second, third]);
        world.reseal();
    }
    let read = world.bodies().iter().filter(|body| body.contains("reissues_read")).count();
    assert_eq!(read, 2);
}

#[test]
fn all_ids_of_a_joined_person_are_replaced_and_a_split_restores_the_new_ones() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    world.happens(NUMBER, people[1], &people[..1]);
    let before = world.changes("NPR").len();
    let replaced = world.reissue("NPR", npr[1], ReissueReason::Leaked);
    let new = |old| replaced.iter().find(|pair| pair[0] == old).unwrap()[1];
    assert_eq!(replaced.len(), 2);
    let rows = world.rows("NPR", "HF", &people);
    assert_eq!(rows.ids, [new(npr[0]), new(npr[0]), npr[2]]);
    assert_eq!(rows.leaf_ids, [crate::registers::LeafId { row: 1, id: new(npr[1]) }]);
    let mut told = pairs(&world.changes("NPR")[before..]);
    told.sort_unstable();
    let mut expected =
        vec![[npr[0], new(npr[0])], [npr[1], new(npr[1])], [new(npr[1]), new(npr[0])]];
    expected.sort_unstable();
    assert_eq!(told, expected, "whoever follows them comes to the root's");
    world.happens(SPLIT, people[1], &people[..1]);
    assert_eq!(world.rows("NPR", "HF", &people).ids, [new(npr[0]), new(npr[1]), npr[2]]);
    assert_eq!(pairs(&world.changes("NPR")).last(), Some(&[new(npr[1]); 2]));
}

/// A change keeps its number in the feed: said again of the new IDs, it would tell whose they are.
#[test]
fn what_the_feed_said_before_a_protected_reissue_is_not_said_of_the_new_ids() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    world.happens(NUMBER, people[1], &people[..1]);
    assert_eq!(pairs(&world.changes("NPR")), [[npr[1], npr[0]]]);
    let replaced = world.reissue("NPR", npr[1], ReissueReason::Protected);
    assert_eq!(replaced.len(), 2);
    let new = |old| replaced.iter().find(|pair| pair[0] == old).unwrap()[1];
    for _ in 0..2 {
        assert!(world.changes("NPR").is_empty());
        world.reseal();
    }
    world.clock.advance(Duration::from_secs(1));
    world.happens(SPLIT, people[1], &people[..1]);
    assert_eq!(pairs(&world.changes("NPR")), [[new(npr[1]); 2]], "what comes later is told");
}

#[test]
fn the_id_behind_a_protected_link_is_not_replaced_with_it() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.ingest("NPR", "HF", &people);
    let mut adoption = event(1, NUMBER, people[0], &people[1..2]);
    adoption.protection = Protection::Protected;
    world.apply(&[adoption]);
    let replaced = world.reissue("NPR", npr[0], ReissueReason::Protected);
    assert_eq!(replaced.len(), 1);
    assert_eq!(world.ingest("NPR", "HF", &people), [replaced[0][1], npr[1]]);
}

/// Goal: nobody is told an old ID after the entry that replaced it.  Method: batches that were mapped
/// before are recorded after.
#[test]
fn a_batch_that_was_mapped_before_a_reissue_is_answered_with_the_new_id() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    world.happens(NUMBER, people[2], &people[1..2]);
    let old = world.rows("NPR", "HF", &people);
    for mode in [IngestMode::ResolveOrAssign, IngestMode::ResolveOnly] {
        let request = World::request("NPR", "HF", mode);
        let permit = world.permit("a", request.right());
        let delivery = world.service.open_delivery(&permit, &request).unwrap();
        let issuing = world.service.open_serials(&world.officer(), world.disclosure()).unwrap();
        let today = world.rows("NPR", "HF", &people);
        let expected = issue(&issuing, "NPR", &today.ids).unwrap().ids;
        let (mapped, serials) =
            (delivery.map(batch(&people)).unwrap(), issuing.map("NPR", &today.ids).unwrap());
        let mut replaced = world.reissue("NPR", today.ids[0], ReissueReason::Leaked);
        replaced.extend(world.reissue("NPR", today.ids[1], ReissueReason::Protected));
        let new = |old| replaced.iter().find(|pair| pair[0] == old).unwrap()[1];
        let answered = wait(&delivery, delivery.submit(mapped).unwrap()).unwrap().into_answer().0;
        assert_eq!(answered.ids, today.ids.iter().map(|id| new(*id)).collect::<Vec<_>>());
        let leaves: Vec<u64> = answered.leaf_ids.iter().map(|leaf| leaf.id).collect();
        assert_eq!(leaves, [new(today.leaf_ids[0].id)]);
        let told = done(&issuing, issuing.submit(serials).unwrap()).unwrap().into_answer().0;
        assert_eq!(told.ids, [expected[0], 0, 0], "hidden IDs are nobody's by then");
    }
    assert_ne!(world.rows("NPR", "HF", &people).ids, old.ids);
    assert_eq!(npr.len(), 3);
}

#[test]
fn an_erasure_ends_every_id_that_a_person_had_and_orders_the_register_to_delete_under_all() {
    let world = World::identities();
    let people = numbers(2);
    let npr = world.report("NPR", DECEMBER, &people).ids;
    let first = world.reissue("NPR", npr[0], ReissueReason::Leaked)[0];
    let second = world.reissue("NPR", first[1], ReissueReason::Protected)[0];
    world.erase("NPR", people[0], Scope::Whole);
    let mut ordered = world.orders("NPR", 0).remove(0).ids;
    ordered.sort_unstable();
    let mut all = vec![first[0], second[0], second[1]];
    all.sort_unstable();
    assert_eq!(ordered, all);
    let disclosure = world.disclosure();
    let mut fresh = None;
    for _ in 0..2 {
        assert_eq!(world.serials(disclosure, "NPR", &all).unwrap().notes.len(), 3);
        assert!(world.changes("NPR").is_empty() && world.reissued("NPR").is_empty());
        assert_eq!(suppressed(&world.report("NPR", DECEMBER, &people)), [0]);
        let later = world.report("NPR", LATER, &people).ids;
        assert!(!all.contains(&later[0]) && later[1] == npr[1]);
        assert_eq!(*fresh.get_or_insert(later[0]), later[0]);
        world.reseal();
    }
}

#[test]
fn only_a_custodian_replaces_ids_and_nobody_learns_whose_an_id_is_not() {
    let world = World::identities();
    let npr = world.ingest("NPR", "HF", &numbers(1));
    let kpr = world.ingest("KPR", "KUHR", &numbers(1));
    let request = ReissueIds {
        register: "NPR".parse().unwrap(),
        id: Zeroizing::new(npr[0].to_string()),
        reason: ReissueReason::Leaked,
        purpose: LogLine::parse("x").unwrap(),
        provision: LogLine::parse("y").unwrap(),
    };
    assert_eq!(code(world.service.reissue_ids(&world.officer(), &request)), "not_allowed");
    world.approve_reissue("NPR", kpr[0], ReissueReason::Leaked);
    let refused = world.try_reissue("NPR", kpr[0], ReissueReason::Leaked);
    assert_eq!(code(refused), "person_not_in_register");
    assert_eq!(world.entries_with(r#""attempted":"id_reissued""#), 1);
}
