use std::str::FromStr;

use jiff::civil::date;

use super::*;
use crate::config::codes::{RegisterCode, SourceCode};

/// Two registers: NPR with one source, IPLOS with one.
struct TwoRegisters(Vec<(RegisterCode, SourceCode)>);

impl RegisterDirectory for TwoRegisters {
    fn register_codes(&self) -> Vec<&RegisterCode> {
        self.0.iter().map(|(register, _)| register).collect()
    }

    fn source_codes(&self, register: &RegisterCode) -> Option<Vec<&SourceCode>> {
        let found = self.0.iter().find(|(code, _)| code == register);
        found.map(|(_, source)| vec![source])
    }
}

fn parse(text: &str) -> Result<Access, Problems> {
    let pair = |register: &str, source: &str| (register.parse().unwrap(), source.parse().unwrap());
    let registers = TwoRegisters(vec![pair("NPR", "HF"), pair("IPLOS", "KOMMUNE")]);
    Access::parse(text, Path::new("access.toml"), &registers)
}

/// A principal of the file, in one line.
fn principal(name: &str, kind: &str, certificate: &str, roles: &str) -> String {
    format!(
        "[[principal]]\nname = '{name}'\nkind = '{kind}'\norganisation = '983744516'\n\
         certificates = ['uri:spiffe://test/{certificate}']\nroles = [{roles}]\n"
    )
}

fn uri(path: &str) -> CertificateIdentity {
    CertificateIdentity::from_str(&format!("uri:spiffe://test/{path}")).unwrap()
}

#[test]
fn a_certificate_leads_to_its_principal_and_to_nobody_else() {
    let text = principal("kari", "person", "kari", "'officer', 'approver'")
        + &principal("npr-hf", "system", "npr", "'ingest:NPR:HF', 'import:IPLOS:*'");
    let access = parse(&text).unwrap();
    assert_eq!(access.find(&uri("kari")).unwrap().name().as_str(), "kari");
    assert_eq!(access.find(&uri("npr")).unwrap().kind(), PrincipalKind::System);
    assert_eq!(access.find(&uri("other")), None);
    assert_eq!(access.find(&uri("npr/")), None);
    assert_eq!(access.iter().count(), 2);
}

#[test]
fn a_certificate_that_names_two_principals_names_nobody() {
    let text = principal("a", "system", "a", "") + &principal("b", "system", "b", "");
    let access = parse(&text).unwrap();
    assert_eq!(access.find_only(&[uri("x"), uri("a")]).unwrap().name().as_str(), "a");
    assert!(access.find_only(&[uri("a"), uri("a")]).is_some());
    assert_eq!(access.find_only(&[uri("a"), uri("b")]), None);
    assert_eq!(access.find_only(&[]), None);
}

#[test]
fn a_role_holds_on_the_days_of_its_principal() {
    let text = principal("a", "system", "a", "'ingest:NPR:*'")
        + "valid_from = '2026-01-01'\nvalid_to = '2026-06-30'";
    let access = parse(&text).unwrap();
    let (caller, role) = (access.find(&uri("a")).unwrap(), "ingest:NPR:HF".parse().unwrap());
    assert!(caller.may(&role, date(2026, 6, 30)));
    assert!(!caller.may(&role, date(2026, 7, 1)));
    assert!(!caller.may(&role, date(2025, 12, 31)));
    assert!(!caller.may(&"resolve:NPR:HF".parse().unwrap(), date(2026, 3, 1)));
}

#[test]
fn every_mistake_has_its_own_problem() {
    let good = principal("kari", "person", "kari", "'officer'");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replace(from, to)
    };
    let cases = [
        (changed("name = 'kari'\n", ""), "principal[1].name: is missing; add it"),
        (changed("'kari'", "'Kari'"), ":2: principal[1].name: `Kari` is not a principal's name"),
        (changed("'person'", "'human'"), ":3: principal[1].kind: `human` is not one of person,"),
        (changed("kind = 'person'\n", ""), "principal[1].kind: is missing; add it"),
        (changed("983744516", "983744517"), "organisation: `983744517` is not an organisation"),
        (changed("organisation = '983744516'\n", ""), "organisation: is missing"),
        (
            changed("uri:spiffe", "spiffe"),
            "certificates: `spiffe://test/kari` names no certificate",
        ),
        (changed("certificates = ['uri:spiffe://test/kari']\n", ""), "certificates: is missing"),
        (changed("roles = ['officer']\n", ""), "principal[1].roles: is missing; add it"),
        (changed("officer", "admin"), ":6: principal[1].roles: `admin` is not a role"),
        (changed("'officer'", "'officer', 'officer'"), "roles: `officer` is listed twice"),
        (changed("officer", "ingest:KPR:HF"), "names no register; the registers are NPR, IPLOS"),
        (changed("officer", "resolve:KPR:*"), "resolve:KPR:* names no register"),
        (changed("officer", "ingest:NPR:KUHR"), "names no source of NPR; its sources are HF"),
        (changed("officer", "consents:NPR:MS"), "NPR keeps no consents to quality registers"),
        (
            changed("officer", "convert:IPLOS:KPR"),
            "names no register; the registers are NPR, IPLOS",
        ),
        (changed("officer", "consents:KPR:MS"), "names no register; the registers are NPR, IPLOS"),
        (changed("'officer'", "'custodian', 'operator'"), "duties of two different persons"),
        (changed("'officer'", "'officer']\nrole = ['x'"), "principal[1].role: unknown option"),
        (good.clone() + "valid_from = '2027-01-01'\nvalid_to = '2026-01-01'", "is before valid_fr"),
        (good.clone() + "valid_to = 'soon'", "principal[1].valid_to: `soon` is not a day"),
        (
            good.clone() + &principal("kari", "person", "2", ""),
            ":8: principal[2].name: is the name",
        ),
        (good.clone() + &principal("ola", "person", "kari", ""), "belongs to kari too"),
        (
            good.clone() + "budget = [{ register = 'KPR' }]",
            "budget[1].register: KPR is no register; they are NPR, IPLOS",
        ),
        (
            good.clone() + "budget = [{ register = 'NPR' }, { register = 'NPR' }]",
            "budget[2].register: NPR stands here twice",
        ),
        (good.clone() + "budget = [{ persons_max = 1 }]", "budget[1].register: is missing"),
        (
            good.clone() + "budget = [{ register = 'NPR', misses_max = -1 }]",
            "budget[1].misses_max: `-1` is outside the limits",
        ),
        (
            good.clone() + "budget = [{ register = 'NPR', misses = 1 }]",
            "budget[1].misses: unknown option",
        ),
        (good.clone() + "person = 'Kari'", "principal[1].person: `Kari` is not a principal's name"),
        (good.clone() + "person = '41814061033'", "person: may be somebody's number"),
        (
            changed("'person'", "'system'").replace("'officer'", "") + "person = 'a'",
            "is for a natural",
        ),
        ("principals = []".to_owned(), "principals: unknown option"),
        ("principal = 'kari'".to_owned(), "principal: must be a list of tables"),
    ];
    for (text, expected) in cases {
        let problems = parse(&text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: expected {expected}, got {problems}");
        assert_eq!(problems.lines().count(), 1, "{text}: {problems}");
    }
}

#[test]
fn a_system_has_no_role_of_a_natural_person() {
    for role in ["approver", "custodian", "keyholder", "officer", "rights"] {
        let text = principal("robot", "system", "robot", &format!("'{role}'"));
        let problems = parse(&text).unwrap_err().to_string();
        assert!(problems.contains(&format!("{role} is for a natural person")), "{problems}");
    }
    for role in ["auditor", "operator", "ingest:NPR:HF", "import:NPR:HF", "resolve:NPR:*"] {
        let text = principal("robot", "system", "robot", &format!("'{role}'"));
        assert!(parse(&text).is_ok(), "{role}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let text = principal("Kari", "person", "x", "'custodian', 'operator'")
        + &principal("b", "system", "x", "'officer', 'ingest:X1:HF'")
        + &principal("c", "robot", "x", "")
        + "more = 1\n";
    let problems = parse(&text).unwrap_err();
    assert_eq!(problems.iter().count(), 8, "{problems}");
}

#[test]
fn the_difference_tells_names_and_roles_and_no_certificate() {
    let old = principal("a", "system", "canary1", "'ingest:NPR:HF', 'auditor'")
        + &principal("b", "person", "b", "'officer'")
        + &principal("c", "person", "c", "'custodian'")
        + &principal("e", "person", "e", "");
    let new = principal("a", "system", "canary2", "'ingest:NPR:*', 'auditor'")
        + &principal("b", "person", "b", "'officer'")
        + &principal("d", "person", "d", "'rights', 'approver'")
        + &principal("e", "system", "e", "").replace("983744516", "971526920")
        + "valid_to = '2026-12-31'";
    let (old, new) = (parse(&old).unwrap(), parse(&new).unwrap());
    let changes = difference(&old, &new);
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let expected = [
        "certificates of a: 1 added, 1 removed",
        "roles of a: granted ingest:NPR:*; revoked ingest:NPR:HF",
        "removed c: custodian",
        "added d: approver, rights",
        "kind of e changed",
        "organisation of e changed",
        "validity of e: to 2026-12-31",
    ];
    assert_eq!(lines, expected);
    assert!(difference(&new, &new).is_empty());
    let approvals: Vec<bool> = changes.iter().map(AccessChange::needs_approval).collect();
    assert_eq!(approvals, [false, false, false, true, false, false, false]);
}

#[test]
fn a_new_certificate_of_a_custodian_needs_approval_and_a_lost_one_does_not() {
    let one = principal("c", "person", "c1", "'custodian'");
    let two = one.replace("c1'", "c1', 'uri:spiffe://test/c2'");
    let (one, two) = (parse(&one).unwrap(), parse(&two).unwrap());
    assert!(difference(&one, &two)[0].needs_approval());
    assert!(!difference(&two, &one)[0].needs_approval());
}

#[test]
fn principals_with_the_same_person_are_one_human_and_a_change_of_that_needs_approval() {
    let kari = principal("kari", "person", "kari", "'officer'");
    let second = principal("kari.approver", "person", "k2", "'approver'");
    let access = parse(&(kari.clone() + &second + "person = 'kari'")).unwrap();
    let person = |access: &Access, name: &str| {
        access.by_name(&name.parse().unwrap()).unwrap().person().map(ToString::to_string)
    };
    assert_eq!(person(&access, "kari").as_deref(), Some("kari"), "by name, if nothing is said");
    assert_eq!(person(&access, "kari.approver"), person(&access, "kari"));
    let system = parse(&principal("a", "system", "a", "")).unwrap();
    assert_eq!(person(&system, "a"), None);
    let apart = parse(&(kari + &second)).unwrap();
    let changes = difference(&access, &apart);
    assert_eq!(changes[0].to_string(), "person of kari.approver changed");
    assert!(changes[0].needs_approval(), "one human becomes two");
}

#[test]
fn more_days_for_a_custodian_need_approval_and_fewer_do_not() {
    let always = principal("c", "person", "c", "'custodian'");
    let ended = parse(&(always.clone() + "valid_to = '2025-12-31'")).unwrap();
    let always = parse(&always).unwrap();
    assert!(difference(&ended, &always)[0].needs_approval());
    assert!(!difference(&always, &ended)[0].needs_approval());
}

#[test]
fn a_principals_own_budgets_are_read_and_their_changes_told() {
    let bare = principal("a", "system", "a", "'ingest:NPR:HF'");
    let own = |limits: &str| bare.clone() + &format!("budget = [{{ register = 'NPR', {limits} }}]");
    let (bare, own, more) = (
        parse(&bare).unwrap(),
        parse(&own("persons_max = 5, misses_max = 0")).unwrap(),
        parse(&own("persons_max = 6, misses_max = 0")).unwrap(),
    );
    let budgets = own.iter().next().unwrap().own_budgets(&"NPR".parse().unwrap());
    assert_eq!((budgets.persons_max, budgets.misses_max), (Some(5), Some(0)));
    assert_eq!(budgets.assignments_max, None);
    let told = |before: &Access, after: &Access| {
        difference(before, after).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let changed = |limits: &str| vec![format!("budgets of a in NPR: {limits}")];
    let five = "assignments as everybody, misses 0, persons 5";
    assert_eq!(told(&bare, &own), changed(five));
    assert_eq!(told(&own, &more), changed("assignments as everybody, misses 0, persons 6"));
    let all = "assignments as everybody, misses as everybody, persons as everybody";
    assert_eq!(told(&own, &bare), changed(all));
    assert_eq!(told(&Access::default(), &own)[1..], changed(five));
    assert!(difference(&own, &own).is_empty());
}
