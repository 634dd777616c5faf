//! Links that no register is shown.

use super::*;
use crate::registers::LinkReason;

#[test]
fn a_protected_link_goes_to_no_register_and_protects_the_person() {
    let world = World::identities();
    let people = numbers(6);
    let kpr = world.ingest("KPR", "KUHR", &people);
    world.say("KPR", people[0], reserved("secondary_purposes")).unwrap();
    let mut adoption = event(1, NUMBER, people[0], &people[1..2]);
    adoption.protection = Protection::Protected;
    world.apply(&[adoption]);
    // A new number under a strictly confidential address is protected whatever the event says.
    let mut secret = event(2, IdentityEventType::AddressProtection, people[2], &[]);
    secret.address = Some(AddressProtection::Strict);
    let mut false_one = event(4, IdentityEventType::FalseIdentity, people[4], &people[5..]);
    false_one.falsehood = Some(Falsehood::False);
    world.apply(&[secret, event(3, NUMBER, people[2], &people[3..4]), false_one]);
    let answered = world.rows("KPR", "KUHR", &people);
    assert_eq!((answered.ids, answered.leaf_ids), (kpr.clone(), Vec::new()));
    assert!(world.changes("KPR").is_empty());
    let serials = world.serials(world.disclosure(), "KPR", &kpr).unwrap();
    assert_eq!(serials.notes.iter().map(|note| note.row).collect::<Vec<_>>(), [0, 1]);
    assert_ne!(serials.ids[2], serials.ids[3]);
    assert_eq!(world.status(people[3]).address, AddressProtection::Strict);
    assert!(world.status(people[5]).has_false_identity);
    // The custodian sees them, and whom they saw is in the log, sealed.
    let permit = world.permit("c", Right::ReadProtectedLinks);
    let code: RegisterCode = "KPR".parse().unwrap();
    let links = world.service.protected_links(&permit, &code, (0, 0)).unwrap().into_answer().0;
    let seen: Vec<_> = links.links.iter().map(|link| (link.ids, link.reason)).collect();
    let reasons = [LinkReason::IdentifierChanged; 2];
    let expected = [
        ([kpr[0], kpr[1]], reasons[0]),
        ([kpr[2], kpr[3]], reasons[1]),
        ([kpr[4], kpr[5]], LinkReason::FalseIdentity),
    ];
    assert_eq!(seen, expected);
    assert!(world.bodies().iter().any(|body| body.contains("protected_links_read")));
    let nothing = world.service.protected_links(&permit, &"NPR".parse().unwrap(), (0, 0)).unwrap();
    assert!(nothing.into_answer().0.links.is_empty(), "the other register has none of them");
    world.happens(SPLIT, people[0], &people[1..2]);
    let links = world.service.protected_links(&permit, &code, (0, 1)).unwrap().into_answer().0;
    assert_eq!(links.links[0].standing, LinkStanding::Ended);
    assert_eq!((links.last, links.more), (1, crate::registers::More::Yes));
    assert!(world.changes("KPR").is_empty());
}

/// Goal: a new number of somebody whose identity is a false one may be a new identity.  Method: the
/// event that says so comes before the one about the number, and is revoked after it.
#[test]
fn a_new_number_of_a_false_identity_is_shown_to_no_register() {
    let world = World::identities();
    let people = numbers(3);
    let npr = world.ingest("NPR", "HF", &people);
    let falsehood = |sequence, falsehood| IdentityEvent {
        falsehood: Some(falsehood),
        ..event(sequence, IdentityEventType::FalseIdentity, people[0], &[])
    };
    world.apply(&[falsehood(1, Falsehood::False), event(2, NUMBER, people[0], &people[1..2])]);
    assert_eq!(world.found(&people).ids, npr);
    assert!(world.changes("NPR").is_empty());
    world.apply(&[falsehood(3, Falsehood::True), event(4, NUMBER, people[0], &people[2..])]);
    assert_eq!(world.found(&people).ids, [npr[0], npr[1], npr[0]]);
}

#[test]
fn the_entry_of_a_custodian_is_bound_to_what_was_shown() {
    let world = World::identities();
    let people = numbers(4);
    world.ingest("NPR", "HF", &people);
    let code: RegisterCode = "NPR".parse().unwrap();
    let read = || {
        let permit = world.permit("c", Right::ReadProtectedLinks);
        let _ = world.service.protected_links(&permit, &code, (0, 0)).unwrap();
        world.last_with("protected_links_read")["digest"].as_str().map(str::to_owned)
    };
    let protected = |sequence, number, others: &[u64]| IdentityEvent {
        protection: Protection::Protected,
        ..event(sequence, NUMBER, number, others)
    };
    let mut seen = vec![read()];
    for (sequence, at) in [(1, 0), (2, 2)] {
        world.apply(&[protected(sequence, people[at], &people[at + 1..at + 2])]);
        seen.push(read());
        assert_eq!(seen.last(), Some(&read()), "what is the same has the same digest");
    }
    world.happens(SPLIT, people[0], &people[1..2]);
    seen.push(read());
    assert!(seen.iter().all(Option::is_some));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "that a link has ended is seen too");
}
