use std::path::Path;

use jiff::civil::date;

use super::*;
use crate::approval::{Act, ApprovalId, Move, Wanted};
use crate::config::codes::{RegisterCode, RegisterDirectory, SourceCode};
use crate::crypto::KeyedDigest;

/// No registers: the roles here name none.
struct NoRegisters;

impl RegisterDirectory for NoRegisters {
    fn register_codes(&self) -> Vec<&RegisterCode> {
        Vec::new()
    }

    fn source_codes(&self, _: &RegisterCode) -> Option<Vec<&SourceCode>> {
        None
    }
}

/// Name, kind, roles, and what else is said of each.
const PEOPLE: [(&str, &str, &str, &str); 6] = [
    ("kari", "person", "'officer'", ""),
    ("kari.second", "person", "'approver'", "person = 'kari'"),
    ("ola", "person", "'approver', 'officer'", ""),
    ("anne", "person", "'custodian'", ""),
    ("nils", "person", "'operator'", ""),
    ("robot", "system", "'operator'", ""),
];

fn access(people: &[(&str, &str, &str, &str)]) -> Access {
    let principal = |(name, kind, roles, more): &(&str, &str, &str, &str)| {
        format!(
            "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
             certificates = ['uri:spiffe://test/{name}']\nroles = [{roles}]\n{more}\n"
        )
    };
    let text: String = people.iter().map(principal).collect();
    Access::parse(&text, Path::new("access.toml"), &NoRegisters).unwrap()
}

/// The people, with one of them said otherwise.
fn with(name: &str, roles: &'static str, more: &'static str) -> Access {
    let people = PEOPLE.map(|one| if one.0 == name { (one.0, one.1, roles, more) } else { one });
    access(&people)
}

fn party(access: &Access, name: &str) -> Party {
    Party::of(access.by_name(&name.parse().unwrap()).unwrap()).unwrap()
}

fn time(hour: i64) -> Timestamp {
    Timestamp::from_second(1_768_435_200 + hour * 3600).unwrap()
}

/// 2026-01-15, so many hours after midnight.
fn today(access: &Access, hour: i64) -> Today<'_> {
    Today { access, day: date(2026, 1, 15), now: time(hour) }
}

/// Kari asked at midnight for a bridge, with ten hours of time.
fn requested(access: &Access) -> Approval {
    Approval {
        id: ApprovalId([7; 10]),
        wanted: Wanted {
            act: Act::BridgeOut,
            subject: "disclosure 26-1".into(),
            digest: KeyedDigest::from_bytes([1; 32]),
        },
        reason: "linkage".into(),
        basis: "helseregisterloven § 19 e".into(),
        requester: party(access, "kari"),
        requested: time(0),
        expires: time(10),
        moves: Vec::new(),
    }
}

fn wanted(act: Act, subject: &str) -> Wanted {
    Wanted { act, subject: subject.into(), digest: KeyedDigest::from_bytes([1; 32]) }
}

fn moved(mut approval: Approval, to: State, by: Party) -> Approval {
    approval.moves.push(Move { to, by, at: time(1), note: None });
    approval
}

fn approved(access: &Access) -> Approval {
    moved(requested(access), State::Approved, party(access, "ola"))
}

#[test]
fn who_may_ask_is_who_has_the_acts_duty() {
    let access = access(&PEOPLE);
    for act in Act::ALL {
        for name in ["kari", "ola", "anne", "nils", "kari.second"] {
            let asker = access.by_name(&name.parse().unwrap()).unwrap();
            let subject = "custodian to per (per), terms a";
            let wanted = wanted(*act, subject);
            let may = asker.roles().contains(&act.role())
                || (*act == Act::GrantRole && asker.roles().contains(&Role::Custodian));
            let expected = if may { Ok(()) } else { Err(Refusal::NotAllowed) };
            assert_eq!(request(&wanted, &party(&access, name), &today(&access, 0)), expected);
        }
    }
    // What does not begin with such a role is nobody's to grant.
    for subject in ["", "operator to per (per), terms a", "per custodian"] {
        let refused =
            request(&wanted(Act::GrantRole, subject), &party(&access, "ola"), &today(&access, 0));
        assert_eq!(refused, Err(Refusal::NotAllowed), "{subject}");
    }
    let robot = access.by_name(&"robot".parse().unwrap()).unwrap();
    assert_eq!(Party::of(robot), None, "a system is no party, whatever its roles");
    let imposter = Party { person: "nils".parse().unwrap(), ..party(&access, "kari") };
    let refused = request(&wanted(Act::BridgeIn, "disclosure 26-1"), &imposter, &today(&access, 0));
    assert_eq!(refused, Err(Refusal::NotAllowed), "a party is who the file says");
}

#[test]
fn who_decides_is_another_natural_person_with_the_role() {
    let access = access(&PEOPLE);
    let approval = requested(&access);
    let decided =
        |name, verdict| decide(&approval, verdict, &party(&access, name), &today(&access, 1));
    for verdict in [Verdict::Approve, Verdict::Refuse] {
        assert_eq!(decided("ola", verdict), Ok(()));
        assert_eq!(decided("kari.second", verdict), Err(Refusal::SamePerson));
        for name in ["kari", "anne", "nils"] {
            assert_eq!(decided(name, verdict), Err(Refusal::NotAllowed), "{name}");
        }
    }
    // With the role of an approver besides, kari is still who asked.
    let both = with("kari", "'approver', 'officer'", "");
    let own = decide(&approval, Verdict::Approve, &party(&both, "kari"), &today(&both, 1));
    assert_eq!(own, Err(Refusal::SamePerson));
}

#[test]
fn an_approver_decides_on_the_days_of_the_role_only() {
    for more in ["valid_to = '2026-01-14'", "valid_from = '2026-01-16'"] {
        let access = with("ola", "'approver'", more);
        let by = party(&access, "ola");
        let decided = decide(&requested(&access), Verdict::Approve, &by, &today(&access, 1));
        assert_eq!(decided, Err(Refusal::NotAllowed), "{more}");
    }
}

#[test]
fn nothing_becomes_of_what_is_decided_withdrawn_used_or_over() {
    let access = access(&PEOPLE);
    let (kari, ola) = (party(&access, "kari"), party(&access, "ola"));
    let closed = Err(Refusal::Closed);
    let mut cases = vec![(requested(&access), 10), (requested(&access), 500)];
    for state in [State::Refused, State::Withdrawn] {
        cases.push((moved(requested(&access), state, ola.clone()), 2));
    }
    cases.push((moved(approved(&access), State::Used, kari.clone()), 2));
    cases.push((moved(approved(&access), State::Withdrawn, kari.clone()), 2));
    cases.push((approved(&access), 10));
    for (approval, hour) in cases {
        let today = today(&access, hour);
        let state = approval.state(today.now);
        assert!(!state.is_open(), "{state}");
        assert_eq!(decide(&approval, Verdict::Approve, &ola, &today), closed, "{state}");
        assert_eq!(decide(&approval, Verdict::Refuse, &ola, &today), closed, "{state}");
        assert_eq!(withdraw(&approval, &kari, today.now), closed, "{state}");
        assert_eq!(use_up(&approval, &kari, &today), closed, "{state}");
    }
    let twice = decide(&approved(&access), Verdict::Approve, &ola, &today(&access, 2));
    assert_eq!(twice, closed, "decided twice");
    let early = use_up(&requested(&access), &kari, &today(&access, 2));
    assert_eq!(early, closed, "used before anybody said yes");
}

#[test]
fn it_is_used_and_taken_back_by_who_asked_alone() {
    let access = access(&PEOPLE);
    let approval = approved(&access);
    let now = today(&access, 9);
    assert_eq!(use_up(&approval, &party(&access, "kari"), &now), Ok(()));
    assert_eq!(withdraw(&approval, &party(&access, "kari"), now.now), Ok(()));
    for name in ["ola", "kari.second", "anne"] {
        let by = party(&access, name);
        assert_eq!(use_up(&approval, &by, &now), Err(Refusal::NotAllowed), "{name}");
        assert_eq!(withdraw(&approval, &by, now.now), Err(Refusal::NotAllowed), "{name}");
    }
}

#[test]
fn what_either_may_no_longer_do_is_void() {
    let before = access(&PEOPLE);
    let (kari, ola) = (party(&before, "kari"), party(&before, "ola"));
    for changed in [
        with("kari", "'rights'", ""),
        with("kari", "'officer'", "valid_to = '2026-01-14'"),
        with("kari", "'officer'", "person = 'somebody'"),
        access(&PEOPLE[1..]),
    ] {
        let now = today(&changed, 2);
        let given = decide(&requested(&before), Verdict::Approve, &ola, &now);
        assert_eq!(given, Err(Refusal::Void));
        assert_eq!(decide(&requested(&before), Verdict::Refuse, &ola, &now), Ok(()));
        assert_eq!(use_up(&approved(&before), &kari, &now), Err(Refusal::Void));
    }
    for changed in [
        with("ola", "'officer'", ""),
        with("ola", "'approver'", "valid_to = '2026-01-14'"),
        with("ola", "'approver'", "person = 'kari'"),
    ] {
        let used = use_up(&approved(&before), &kari, &today(&changed, 2));
        assert_eq!(used, Err(Refusal::Void), "the approver is no longer one");
    }
}
