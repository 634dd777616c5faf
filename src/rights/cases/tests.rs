//! Cases: what may be granted, which steps there are, what is stored.

use jiff::civil::{Date, date};

use super::*;
use crate::disclosure::Act;
use crate::registers::Channel;
use crate::registers::catalogue::{OnRequest, RetentionStart};

const TODAY: Date = date(2026, 1, 15);

fn act() -> Act {
    Act { by: "per.rights".parse().unwrap(), at: "2026-01-15T12:00:00Z".parse().unwrap() }
}

fn line(text: &str) -> crate::disclosure::line::Line {
    text.parse().unwrap()
}

fn kpr() -> [OnRequest; 2] {
    [
        OnRequest { since: RetentionStart::Recorded, years: 30 },
        OnRequest { since: RetentionStart::Death, years: 10 },
    ]
}

fn assessment(burden: Burden, public_interest: PublicInterest, died: Option<Date>) -> Assessment {
    Assessment { burden, public_interest, died, note: line("Seen and talked over.") }
}

fn case(asked: Scope) -> Case {
    let request = Request {
        channel: Channel::Letter,
        on: date(2026, 1, 2),
        asked,
        reason: line("Jeg orker ikke at det står der."),
    };
    let received = Received {
        id: CaseId::new(2026, 1).unwrap(),
        register: "KPR".parse().unwrap(),
        whom: Whom { partition: 0, persons: vec![4711] },
        request,
    };
    Case::receive(received, &act()).unwrap()
}

fn period(up_to: Date) -> Scope {
    Scope::Period { up_to }
}

fn named(names: &[&str]) -> Scope {
    Scope::records(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

/// Burden, public interest, death, own rules, what is granted, and what that rests on.
type Row<'a> = (Burden, PublicInterest, Option<Date>, &'a [OnRequest], Scope, Option<Ground>);

/// S-07 (S2:103, 200), S-08 (S2:202), row by row: burden, public interest, death, own rules, what is
/// granted, and what it rests on.
#[test]
fn what_may_be_granted_is_what_the_table_says() {
    use {Burden as B, Ground as G, PublicInterest as P};
    let none: &[OnRequest] = &[];
    let kpr = kpr();
    let old = period(date(1996, 1, 15));
    let young = period(date(1996, 1, 16));
    let records = || named(&["episode 7"]);
    let dead = Some(date(2016, 1, 15));
    let lately = Some(date(2016, 1, 16));
    let rows: [Row<'_>; 17] = [
        // S-07: both conditions, and for all kinds of scope.
        (B::Strong, P::Ordinary, None, none, Scope::Whole, Some(G::Assessment)),
        (B::Strong, P::Ordinary, None, none, records(), Some(G::Assessment)),
        (B::Strong, P::Ordinary, None, none, young.clone(), Some(G::Assessment)),
        (B::Strong, P::Strong, None, none, Scope::Whole, None),
        (B::Ordinary, P::Ordinary, None, none, Scope::Whole, None),
        (B::Ordinary, P::Strong, None, none, records(), None),
        // S-08: data that are 30 years old, whatever the assessment.
        (B::Ordinary, P::Strong, None, &kpr, old.clone(), Some(G::OwnRule)),
        (B::Ordinary, P::Strong, None, &kpr, young.clone(), None),
        (B::Ordinary, P::Strong, None, &kpr, Scope::Whole, None),
        (B::Ordinary, P::Strong, None, &kpr, records(), None),
        (B::Strong, P::Ordinary, None, &kpr, young, Some(G::Assessment)),
        (B::Strong, P::Ordinary, None, &kpr, old.clone(), Some(G::OwnRule)),
        // S-08: ten years after death, everything.
        (B::Ordinary, P::Strong, dead, &kpr, Scope::Whole, Some(G::OwnRule)),
        (B::Ordinary, P::Strong, dead, &kpr, records(), Some(G::OwnRule)),
        (B::Ordinary, P::Strong, lately, &kpr, Scope::Whole, None),
        (B::Ordinary, P::Strong, lately, &kpr, old, Some(G::OwnRule)),
        // Another register has no such rule.
        (B::Ordinary, P::Ordinary, dead, none, Scope::Whole, None),
    ];
    for (place, (burden, interest, died, rules, scope, expected)) in rows.into_iter().enumerate() {
        let found = permitted(&assessment(burden, interest, died), rules, None, TODAY);
        assert_eq!(found.ground(&scope), expected, "row {place}");
    }
}

#[test]
fn the_own_rule_gives_nothing_of_days_that_no_delivery_has_reported_about() {
    let found = assessment(Burden::Ordinary, PublicInterest::Strong, None);
    let cut = date(1996, 1, 15);
    for (earliest, gives) in [
        (None, true),
        (Some(date(1990, 1, 1)), true),
        (Some(cut), true),
        (Some(date(1996, 1, 16)), false),
        (Some(date(2026, 1, 1)), false),
    ] {
        let permitted = permitted(&found, &kpr(), earliest, TODAY);
        let expected = if gives { Permission::UpTo(cut) } else { Permission::Nothing };
        assert_eq!(permitted.by_rule, expected, "{earliest:?}");
        let mut case = case(Scope::Whole);
        case.assess(found.clone(), &act()).unwrap();
        let refused = case.refuse(line("It is needed."), permitted, &act());
        assert_eq!(refused.is_ok(), !gives, "{earliest:?}");
        // Death gives everything all the same.
        let dead = assessment(Burden::Ordinary, PublicInterest::Strong, Some(date(2010, 1, 1)));
        let by_death = super::permitted(&dead, &kpr(), earliest, TODAY);
        assert_eq!(by_death.by_rule, Permission::Everything);
    }
}

#[test]
fn a_grant_is_all_or_a_part_of_what_was_asked_for_and_never_more() {
    let asked_up_to = date(2020, 12, 31);
    let rows = [
        (Scope::Whole, Scope::Whole, Some(Outcome::Granted)),
        (Scope::Whole, period(asked_up_to), Some(Outcome::GrantedInPart)),
        (Scope::Whole, named(&["a"]), Some(Outcome::GrantedInPart)),
        (period(asked_up_to), period(asked_up_to), Some(Outcome::Granted)),
        (period(asked_up_to), period(date(2019, 1, 1)), Some(Outcome::GrantedInPart)),
        (period(asked_up_to), period(date(2021, 1, 1)), None),
        (period(asked_up_to), Scope::Whole, None),
        (named(&["a", "b"]), named(&["b"]), Some(Outcome::GrantedInPart)),
        (named(&["a", "b"]), named(&["b", "c"]), None),
        (named(&["a", "b"]), Scope::Whole, None),
    ];
    for (place, (asked, granted, expected)) in rows.into_iter().enumerate() {
        let mut case = case(asked);
        let found = assessment(Burden::Strong, PublicInterest::Ordinary, None);
        let permitted = permitted(&found, &[], None, TODAY);
        case.assess(found, &act()).unwrap();
        let outcome = case.grant((granted, permitted), 3, line("It burdens the person."), &act());
        match expected {
            Some(expected) => {
                outcome.unwrap();
                assert_eq!(case.decision().unwrap().outcome, expected, "row {place}");
                assert_eq!((case.state(), case.order()), (CaseState::Ordered, Some(3)));
            }
            None => {
                assert_eq!(outcome, Err(Refusal::MoreThanAsked.into()), "row {place}");
                assert_eq!((case.state(), case.order()), (CaseState::Assessed, None));
            }
        }
    }
}

#[test]
fn what_the_own_rule_gives_is_not_refused() {
    let refuse = |asked: Scope, died| {
        let mut case = case(asked);
        let found = assessment(Burden::Ordinary, PublicInterest::Strong, died);
        let permitted = permitted(&found, &kpr(), None, TODAY);
        case.assess(found, &act()).unwrap();
        case.refuse(line("The data are needed."), permitted, &act()).map(|()| case)
    };
    assert_eq!(refuse(Scope::Whole, None), Err(Refusal::OwnRule.into()));
    assert_eq!(refuse(period(date(2020, 1, 1)), None), Err(Refusal::OwnRule.into()));
    assert_eq!(refuse(named(&["a"]), Some(date(2000, 1, 1))), Err(Refusal::OwnRule.into()));
    let refused = refuse(named(&["a"]), None).unwrap();
    assert_eq!(refused.state(), CaseState::Refused);
    assert_eq!(refused.decision().unwrap().outcome, Outcome::Refused);
}

#[test]
fn a_case_takes_the_steps_of_its_states_and_no_other() {
    use CaseStep as S;
    let paths: [(&[CaseStep], CaseState, &[CaseStep]); 6] = [
        (&[], CaseState::Received, &[S::Assess, S::Withdraw]),
        (&[S::Assess], CaseState::Assessed, &[S::Assess, S::Grant, S::Refuse, S::Withdraw]),
        (&[S::Assess, S::Grant], CaseState::Ordered, &[S::Confirm]),
        (&[S::Assess, S::Grant, S::Confirm], CaseState::Confirmed, &[]),
        (&[S::Assess, S::Refuse], CaseState::Refused, &[]),
        (&[S::Withdraw], CaseState::Withdrawn, &[]),
    ];
    let take = |case: &mut Case, step: CaseStep| {
        let found = assessment(Burden::Strong, PublicInterest::Ordinary, None);
        let permitted = permitted(&found, &[], None, TODAY);
        match step {
            S::Assess => case.assess(found, &act()),
            S::Confirm => case.confirm(&act()),
            S::Grant => case.grant((Scope::Whole, permitted), 0, line("Yes."), &act()),
            S::Receive => unreachable!("a case begins with it"),
            S::Refuse => case.refuse(line("No."), permitted, &act()),
            S::Withdraw => case.withdraw(line("Never mind."), &act()),
        }
    };
    for (path, state, possible) in paths {
        let mut begun = case(Scope::Whole);
        path.iter().for_each(|step| take(&mut begun, *step).unwrap());
        assert_eq!(begun.state(), state);
        for step in CaseStep::ALL.iter().filter(|step| **step != S::Receive) {
            let mut case = begun.clone();
            let taken = take(&mut case, *step);
            assert_eq!(taken.is_ok(), possible.contains(step), "{state} {step}");
            if let Err(error) = taken {
                assert!(matches!(error, CaseError::Step(_)));
                assert_eq!(case, begun, "what was refused changes nothing");
            }
        }
    }
}

#[test]
fn days_that_have_not_come_are_refused_by_name() {
    let tomorrow = date(2026, 1, 16);
    let received = |on, asked| {
        let begun = case(Scope::Whole);
        let request = Request { on, asked, ..begun.request().clone() };
        let (id, register) = (begun.id(), begun.register().clone());
        let received = Received { id, register, whom: begun.whom().clone(), request };
        Case::receive(received, &act()).err()
    };
    let future = |what| Some(CaseError::from(Refusal::Future(what)));
    assert_eq!(received(tomorrow, Scope::Whole), future("the day of the request"));
    assert_eq!(received(TODAY, period(tomorrow)), future("the last day of the data"));
    assert_eq!(received(TODAY, period(TODAY)), None);
    let mut case = case(Scope::Whole);
    let found = assessment(Burden::Strong, PublicInterest::Ordinary, Some(tomorrow));
    assert_eq!(case.assess(found, &act()).err(), future("the day of death"));
    assert_eq!(case.state(), CaseState::Received);
}

#[test]
fn records_are_named_once_each_and_by_no_fodselsnummer() {
    let records = |names: &[String]| Scope::records(names).err();
    assert_eq!(records(&[]), Some(ScopeError::Count));
    assert_eq!(records(&["a".into(), "a".into()]), Some(ScopeError::Count));
    assert_eq!(records(&["41806012345".into()]), Some(ScopeError::Name));
    let many: Vec<String> = (0..=RECORDS_MAX).map(|n| format!("r{n}")).collect();
    assert_eq!(records(&many), Some(ScopeError::Count));
    assert_eq!(records(&many[1..]), None);
}

#[test]
fn a_case_record_is_the_golden_bytes() {
    let mut case = case(Scope::Whole);
    let found = assessment(Burden::Strong, PublicInterest::Ordinary, Some(date(2020, 2, 3)));
    let permitted = permitted(&found, &[], None, TODAY);
    case.assess(found, &act()).unwrap();
    let granted = (period(date(2024, 12, 31)), permitted);
    case.grant(granted, 9, line("It burdens the person."), &act()).unwrap();
    let golden = include_str!("../../../tests/vectors/case_v1.json");
    assert_eq!(std::str::from_utf8(&case.encode()).unwrap(), golden);
    assert_eq!(Case::decode(case.id(), golden.as_bytes()).unwrap(), case);
    let other = CaseId::new(2026, 2).unwrap();
    assert_eq!(Case::decode(other, golden.as_bytes()), Err(RecordError::Damaged));
    let later = golden.replacen(r#""v":1"#, r#""v":2"#, 1);
    assert_eq!(Case::decode(case.id(), later.as_bytes()), Err(RecordError::Version));
    let undecided = golden.replacen(r#""order":9,"#, "", 1);
    assert_eq!(Case::decode(case.id(), undecided.as_bytes()), Err(RecordError::Damaged));
    assert!(!format!("{case:?}").contains("4711") && !format!("{case:?}").contains("orker"));
}

#[test]
fn an_order_record_is_the_golden_bytes() {
    let order = Order {
        at: "2026-01-15T12:00:00Z".parse().unwrap(),
        about: About::Person {
            partition: 0,
            leaves: vec![NumberedPerson { person: 4711, number: 42 }],
        },
        scope: named(&["episode 7"]),
        reason: OrderReason::Erasure,
        case: CaseId::new(2026, 1),
        confirmed: Some(Confirmation {
            by: "npr".parse().unwrap(),
            at: "2026-01-16T12:00:00Z".parse().unwrap(),
        }),
    };
    let golden = include_str!("../../../tests/vectors/order_v1.json");
    assert_eq!(std::str::from_utf8(&order.encode()).unwrap(), golden);
    assert_eq!(Order::decode(golden.as_bytes()).unwrap(), order);
    assert!(!format!("{order:?}").contains("4711"));
    let everybody = Order {
        about: About::Everybody,
        scope: period(date(1986, 1, 14)),
        reason: OrderReason::Retention,
        case: None,
        confirmed: None,
        ..order
    };
    let about_nobody = golden.replacen(r#"{"person":4711,"number":42}"#, "", 1);
    assert_eq!(Order::decode(about_nobody.as_bytes()), Err(RecordError::Damaged), "not everybody");
    let golden = concat!(
        r#"{"v":1,"at":"2026-01-15T12:00:00Z","about":{"kind":"everybody"},"#,
        r#""scope":{"kind":"period","up_to":"1986-01-14"},"reason":"retention"}"#,
    );
    assert_eq!(std::str::from_utf8(&everybody.encode()).unwrap(), golden);
    assert_eq!(Order::decode(golden.as_bytes()).unwrap(), everybody);
}

#[test]
fn a_case_is_called_one_thing() {
    let id: CaseId = "E-2026-0007".parse().unwrap();
    assert_eq!((id.year(), id.number(), id.to_string().as_str()), (2026, 7, "E-2026-0007"));
    for text in ["E-2026-7", "A-2026-0007", "E-2026-0000", "E-1999-0001", "E-2026-+007", ""] {
        assert_eq!(text.parse::<CaseId>(), Err(CaseIdError), "{text}");
    }
}
