use std::path::Path;

use super::*;
use crate::config::codes::{RegisterCode, RegisterDirectory, SourceCode};

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

/// A file: name, roles, certificates, and what else is said of each.
fn file(people: &[(&str, &str, &str, &str)]) -> Access {
    let principal = |(name, roles, certificates, more): &(&str, &str, &str, &str)| {
        let certificates: Vec<String> =
            certificates.split(' ').map(|one| format!("'uri:spiffe://test/{one}'")).collect();
        format!(
            "[[principal]]\nname = '{name}'\nkind = 'person'\norganisation = '983744516'\n\
             certificates = [{}]\nroles = [{roles}]\n{more}\n",
            certificates.join(", ")
        )
    };
    let text: String = people.iter().map(principal).collect();
    Access::parse(&text, Path::new("access.toml"), &NoRegisters).unwrap()
}

/// One principal of the file as it has effect: roles, certificates, days.
fn effect(access: &Access, name: &str) -> (Vec<String>, usize, String) {
    let one = access.by_name(&name.parse().unwrap()).unwrap();
    let roles = one.roles().iter().map(ToString::to_string).collect();
    (roles, one.certificates().len(), one.validity().to_string())
}

fn waiting_for(holders: &Holders, file: &Access) -> Vec<String> {
    let proposals = holders.proposals(file).into_iter();
    let held = |one: &Proposal| if one.is_held { " more" } else { "" };
    proposals.map(|one| format!("{} {}{}", one.role, one.principal, held(&one))).collect()
}

/// What Kari was at the ceremony, what the file says of her later, what waits, and what has effect.
#[test]
fn a_change_takes_at_once_and_gives_when_it_is_granted() {
    let before = ("kari", "'auditor', 'custodian'", "a b", "valid_to = '2026-06-30'");
    let holders = Holders::of(&file(&[before]));
    let none: [&str; 0] = [];
    let one = ["custodian kari"];
    let more = ["custodian kari more"];
    let days = "valid_to = '2026-06-30'";
    for (roles, certificates, rest, waits, keeps, certificate_count, until) in [
        ("'auditor', 'custodian'", "a b", days, &none[..], true, 2, "to 2026-06-30"),
        // Taken: at once.
        ("'auditor'", "a b", days, &none, false, 2, "to 2026-06-30"),
        ("'auditor', 'custodian'", "a", days, &none, true, 1, "to 2026-06-30"),
        (
            "'auditor', 'custodian'",
            "a b",
            "valid_to = '2026-01-31'",
            &none,
            true,
            2,
            "to 2026-01-31",
        ),
        // A role of no such kind: as it is loaded.
        ("'auditor', 'custodian', 'rights'", "a b", days, &none, true, 2, "to 2026-06-30"),
        // Given: waits, and what was there goes on.
        ("'auditor', 'custodian'", "a b c", days, &more, true, 2, "to 2026-06-30"),
        ("'auditor', 'custodian'", "a c", days, &more, true, 1, "to 2026-06-30"),
        ("'auditor', 'custodian'", "a b", "", &more, true, 2, "to 2026-06-30"),
        // Somebody else, or nothing that was there: as new.
        ("'auditor', 'custodian'", "c", days, &one, false, 1, "to 2026-06-30"),
        (
            "'auditor', 'custodian'",
            "a b",
            "person = 'anne'\nvalid_to = '2026-06-30'",
            &one,
            false,
            2,
            "to 2026-06-30",
        ),
        (
            "'auditor', 'custodian'",
            "a b",
            "valid_from = '2026-07-01'",
            &one,
            false,
            2,
            "from 2026-07-01",
        ),
    ] {
        let next = file(&[("kari", roles, certificates, rest)]);
        let still = holders.within(&next);
        assert_eq!(waiting_for(&still, &next), waits, "{roles} {certificates} {rest}");
        let (has, count, validity) = effect(&still.in_force(&next), "kari");
        assert_eq!(has.contains(&"custodian".to_owned()), keeps, "{roles} {certificates} {rest}");
        assert!(has.contains(&"auditor".to_owned()));
        assert_eq!((count, validity.as_str()), (certificate_count, until), "{certificates} {rest}");
        // Granted, it is as the file says.
        let mut granted = still;
        granted.proposals(&next).into_iter().for_each(|one| granted.grant(one));
        assert_eq!((&granted, granted.proposals(&next).len()), (&Holders::of(&next), 0));
        assert_eq!(effect(&granted.in_force(&next), "kari"), effect(&next, "kari"));
    }
}

#[test]
fn what_was_taken_is_not_back_when_the_file_says_it_again() {
    let first = file(&[("kari", "'officer'", "a b", "")]);
    let holders = Holders::of(&first);
    let gone = holders.within(&file(&[("kari", "", "a b", "")]));
    assert_eq!(waiting_for(&gone.within(&first), &first), ["officer kari"]);
    let fewer = holders.within(&file(&[("kari", "'officer'", "a", "")]));
    assert_eq!(waiting_for(&fewer.within(&first), &first), ["officer kari more"]);
}

/// A role whose days lie apart from the file's has none: it is withheld, not kept on its own days.
#[test]
fn a_role_that_is_held_on_other_days_has_no_effect() {
    let held = file(&[("kari", "'custodian'", "a", "valid_to = '2026-06-30'")]);
    let next = file(&[("kari", "'auditor', 'custodian'", "a", "valid_from = '2026-07-01'")]);
    let (roles, _, validity) = effect(&Holders::of(&held).in_force(&next), "kari");
    assert_eq!((roles, validity.as_str()), (vec!["auditor".to_owned()], "from 2026-07-01"));
}

#[test]
fn nobody_holds_anything_while_the_server_is_sealed() {
    let all = file(&[("kari", "'approver', 'auditor', 'officer'", "a", "")]);
    let waits = waiting(&all);
    assert!(waits.is_waiting() && !all.is_waiting());
    assert_eq!(effect(&waits, "kari").0, ["auditor"]);
    let withheld = waits.iter().next().unwrap().withheld();
    assert!(withheld.contains(&Role::Approver) && withheld.contains(&Role::Officer));
}

#[test]
fn a_subject_says_who_gets_what_and_changes_with_every_part_of_it() {
    let proposals = |people: &[(&str, &str, &str, &str)]| {
        let all = Holders::default().proposals(&file(people));
        all.iter().map(Proposal::subject).collect::<Vec<_>>()
    };
    let base = proposals(&[("kari", "'custodian'", "a b", "")]);
    let text = "custodian to kari (kari), terms ";
    assert!(base[0].starts_with(text) && base[0].len() == text.len() + 32, "{base:?}");
    assert_eq!(role_of(&base[0]), Some(Role::Custodian));
    for other in [
        ("kari", "'custodian'", "a", ""),
        ("kari", "'custodian'", "a b", "person = 'anne'"),
        ("kari", "'custodian'", "a b", "valid_to = '2026-06-30'"),
        ("kari", "'officer'", "a b", ""),
        ("anne", "'custodian'", "a b", "person = 'kari'"),
    ] {
        let terms = |subject: &str| subject.split("terms ").last().map(str::to_owned);
        assert_ne!(terms(&proposals(&[other])[0]), terms(&base[0]), "{other:?}");
    }
    for other in ["operator to kari", "", "disclosure 26-1", "ingest:NPR:HF to kari"] {
        assert_eq!(role_of(other), None, "{other}");
    }
    let long = "x".repeat(64);
    let person = format!("person = '{}'", "y".repeat(64));
    assert!(proposals(&[(&long, "'custodian'", "a", &person)])[0].len() <= 200);
}
