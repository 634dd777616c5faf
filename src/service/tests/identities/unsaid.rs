//! What an answer to events does not say: who is known.

use super::*;

const ACTIVE: IdentityEventType = IdentityEventType::Reactivated;
const ADDRESS: IdentityEventType = IdentityEventType::AddressProtection;
const CORRECTED: IdentityEventType = IdentityEventType::DeathChanged;
const DIED: IdentityEventType = IdentityEventType::Died;
const FALSE: IdentityEventType = IdentityEventType::FalseIdentity;

/// An event about a number.
type MakeEvent = Box<dyn Fn(u64) -> IdentityEvent>;

/// Goal: whoever delivers events cannot ask who is known without leaving a trace.  Method: events that
/// change nothing, each about somebody and about nobody: the answers are the same, and whom they were
/// about stands in the log.
#[test]
fn an_event_that_changes_nothing_is_answered_alike_whoever_it_is_about() {
    let world = World::identities();
    let people = numbers(5);
    let [somebody, other, nobody, stranger, _] = people[..] else { panic!("there are five") };
    world.ingest("NPR", "HF", &[somebody, other]);
    let one = |event_type| move |number| event(0, event_type, number, &[]);
    let with = |event_type, named: u64| move |number| event(0, event_type, number, &[named]);
    let died = |event_type, day: Date| {
        move |number| IdentityEvent { died: Some(day), ..event(0, event_type, number, &[]) }
    };
    let true_one =
        |number| IdentityEvent { falsehood: Some(Falsehood::True), ..event(0, FALSE, number, &[]) };
    let address = |number| IdentityEvent {
        address: Some(AddressProtection::Ungraded),
        ..event(0, ADDRESS, number, &[])
    };
    let itself = |number: u64| event(0, NUMBER, number, &[number]);
    let split_false = move |number| IdentityEvent {
        falsehood: Some(Falsehood::True),
        ..event(0, FALSE, number, &[stranger])
    };
    let untold = move |number| event(0, FALSE, number, &[stranger]);
    let cases: Vec<(&str, MakeEvent)> = vec![
        ("field_missing", Box::new(one(NUMBER))),
        ("field_missing", Box::new(itself)),
        ("field_missing", Box::new(one(SPLIT))),
        ("field_missing", Box::new(one(ADDRESS))),
        ("field_missing", Box::new(one(FALSE))),
        ("field_missing", Box::new(untold)),
        ("date_in_future", Box::new(died(DIED, date(2026, 1, 16)))),
        ("date_in_future", Box::new(died(CORRECTED, date(2026, 12, 31)))),
        ("death_before_birth", Box::new(died(DIED, date(1900, 1, 1)))),
        ("death_not_recorded", Box::new(one(CORRECTED))),
        ("never_joined", Box::new(with(SPLIT, stranger))),
        ("never_joined", Box::new(with(RESTORED, other))),
        ("never_joined", Box::new(split_false)),
        ("", Box::new(one(ACTIVE))),
        ("", Box::new(address)),
        ("", Box::new(true_one)),
    ];
    let mut sequence = 0;
    for (code, make) in &cases {
        let mut told = Vec::new();
        for number in [somebody, nobody] {
            sequence += 1;
            let applied = world.apply(&[IdentityEvent { sequence, ..make(number) }]);
            let codes = applied.reports.iter().map(|report| report.code.as_str());
            told.push((applied.counts, codes.collect::<String>()));
        }
        assert_eq!(told[0], told[1], "{code}, event {sequence}");
        assert_eq!((told[0].1.as_str(), told[0].0.applied), (*code, 0), "event {sequence}");
    }
    assert_eq!(world.service.status(Detail::Full).detail.unwrap().persons, 2, "it makes nobody");
    let asked = |number| {
        let told = world.innsyn(number);
        told.accesses.iter().filter(|one| one.action == "identity_events_applied").count()
    };
    assert_eq!((asked(somebody), asked(other)), (cases.len(), 2));
}
