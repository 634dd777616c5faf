//! Who asks: what is refused is recorded, leads to the person, and is told to them.

use super::*;

/// A parent, by letter, with everything stated that it takes.
fn parent() -> Facts {
    Facts {
        life: Some(Life::Alive),
        address: Some(Address::Open),
        address_of_actor: Some(Address::Open),
        parental_responsibility: Some(Stated::Yes),
        parent_at_address: Some(Stated::Yes),
        ..Facts::new(Acting::Parent, Way::Manual)
    }
}

/// Somebody born on a day.
fn born(year: i16, month: i8, day: i8) -> u64 {
    let day = date(year, month, day);
    let mut found =
        crate::ident::synthetic::numbers_between(crate::ident::NumberSeries::Fnr, day, day);
    found.next().unwrap()
}

#[test]
fn a_refusal_is_recorded_with_its_rule_and_told_in_the_next_report() {
    let world = World::unsealed();
    let people = numbers(2);
    world.ingest("NPR", "HF", &people[..1]);
    let blocked = Facts {
        level: Some(Level::Full),
        block: Some(Block::Blocked),
        life: Some(Life::Alive),
        ..Facts::new(Acting::Person, Way::Digital)
    };
    let mut told = Vec::new();
    for number in &people {
        let refused = world.ask_innsyn(*number, blocked, RegisterIds::Told).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::RepresentationRefused);
        assert_eq!(refused.text(), Refusal::Blocked.text());
        told.push(format!("{refused:?}"));
    }
    assert_eq!(told[0], told[1], "whether somebody is known is not told");
    let report = world.innsyn(people[0]);
    let access = &report.accesses[0];
    assert_eq!((access.action.as_str(), access.attempted.as_str()), ("refused", "innsyn_given"));
    assert_eq!(access.reason, "representation_refused");
    assert_eq!(access.details.last().unwrap(), "refused blocked");
    let refused = |body: &&String| body.contains(r#""attempted":"innsyn_given""#);
    assert_eq!(world.bodies().iter().filter(refused).count(), 2, "also about nobody");
}

#[test]
fn a_parent_asks_for_a_child_until_it_is_16_as_the_number_says() {
    let world = World::unsealed();
    // Today is 15 January 2026.
    let (child, of_age) = (born(2010, 1, 16), born(2010, 1, 15));
    world.ingest("NPR", "HF", &[child, of_age]);
    let (innsyn, _) = world.ask_innsyn(child, parent(), RegisterIds::Untold).unwrap();
    assert_eq!((codes(&innsyn.report), innsyn.report.acting.as_str()), (vec!["NPR"], "parent"));
    let refused = world.ask_innsyn(of_age, parent(), RegisterIds::Untold).err().unwrap();
    assert_eq!(refused.text(), Refusal::ChildNotUnder16.text());
    // What the number says is not for the caller to say otherwise.
    let stated = Facts { age: Some(Age::Under16), ..parent() };
    let refused = world.ask_innsyn(of_age, stated, RegisterIds::Untold).err().unwrap();
    assert_eq!(refused.violations()[0].field, "facts.age");
    assert!(world.ask_innsyn(child, stated, RegisterIds::Untold).is_ok());
    let last = world.innsyn(child);
    assert_eq!(
        last.accesses[0].details,
        ["acting parent", "way manual"],
        "the rest is the parent's"
    );
}

#[test]
fn a_person_is_not_told_what_protects_whoever_asked() {
    let world = World::unsealed();
    let child = born(2012, 1, 16);
    world.ingest("NPR", "HF", &[child]);
    let hidden = Facts { address_of_actor: Some(Address::Protected), ..parent() };
    let refused = world.ask_innsyn(child, hidden, RegisterIds::Untold).err().unwrap();
    assert_eq!(refused.text(), Refusal::ActorAddressProtected.text());
    let report = world.innsyn(child);
    assert_eq!(report.accesses[0].action, "refused");
    assert_eq!(report.accesses[0].details, ["acting parent", "way manual"]);
    let recorded = |body: &String| body.contains("refused actor_address_protected");
    assert!(world.bodies().iter().any(recorded), "the log has it");
}
