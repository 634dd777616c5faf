//! Rights: which role gives which, and to whom nothing is given.

use std::path::Path;

use jiff::civil::date;

use super::*;
use crate::config::Access;
use crate::config::codes::RegisterDirectory;

/// NPR with the sources HF and RHF, and KPR with KUHR.
pub(crate) struct Directory(Vec<(RegisterCode, Vec<SourceCode>)>);

impl Directory {
    pub(crate) fn new() -> Self {
        let sources = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect();
        Self(vec![
            ("NPR".parse().unwrap(), sources(&["HF", "RHF"])),
            ("KPR".parse().unwrap(), sources(&["KUHR"])),
        ])
    }
}

impl RegisterDirectory for Directory {
    fn register_codes(&self) -> Vec<&RegisterCode> {
        self.0.iter().map(|(register, _)| register).collect()
    }

    fn source_codes(&self, register: &RegisterCode) -> Option<Vec<&SourceCode>> {
        let found = self.0.iter().find(|(code, _)| code == register);
        found.map(|(_, sources)| sources.iter().collect())
    }
}

/// An access file with one system `a` that has the roles, valid through 2026.
pub(crate) fn access_with(roles: &str) -> Access {
    access_of("system", roles)
}

/// An access file with one principal `a` of a kind.
fn access_of(kind: &str, roles: &str) -> Access {
    let text = format!(
        "[[principal]]\nname = 'a'\nkind = '{kind}'\norganisation = '983744516'\n\
         certificates = ['uri:spiffe://hvelv.dev/a']\nroles = [{roles}]\n\
         valid_from = '2026-01-01'\nvalid_to = '2026-12-31'\n"
    );
    Access::parse(&text, Path::new("access.toml"), &Directory::new()).unwrap()
}

fn asks(roles: &str, right: Right) -> Result<Permit, Denied> {
    let access = access_with(roles);
    authorize(access.iter().next().unwrap(), right, date(2026, 6, 1))
}

fn ingest(register: &str, source: &str) -> Right {
    Right::Ingest { register: register.parse().unwrap(), source: source.parse().unwrap() }
}

fn resolve(register: &str, source: &str) -> Right {
    Right::Resolve { register: register.parse().unwrap(), source: source.parse().unwrap() }
}

fn import(register: &str, source: &str) -> Right {
    Right::Import { register: register.parse().unwrap(), source: source.parse().unwrap() }
}

#[test]
fn a_permit_names_who_and_what() {
    let permit = asks("'ingest:NPR:HF'", ingest("NPR", "HF")).unwrap();
    assert_eq!(permit.principal().as_str(), "a");
    assert_eq!(permit.kind(), PrincipalKind::System);
    assert_eq!(permit.organisation().to_string(), "983744516");
    assert_eq!(permit.right(), &ingest("NPR", "HF"));
    assert_eq!(permit.right().to_string(), "ingest:NPR:HF");
}

#[test]
fn each_right_needs_its_own_role_for_its_own_register_and_source() {
    let rights = [
        ("'ingest:NPR:HF'", ingest("NPR", "HF")),
        ("'resolve:NPR:HF'", resolve("NPR", "HF")),
        ("'import:NPR:HF'", import("NPR", "HF")),
        ("'ingest:NPR:RHF'", ingest("NPR", "RHF")),
        ("'ingest:KPR:KUHR'", ingest("KPR", "KUHR")),
        ("'operator'", Right::Operate),
        ("'auditor'", Right::ReadAudit),
    ];
    for (roles, _) in &rights {
        for (needed, right) in &rights {
            let is_allowed = asks(roles, right.clone()).is_ok();
            assert_eq!(is_allowed, roles == needed, "{roles} asks for {right}");
        }
    }
}

#[test]
fn an_auditor_reads_disclosures_and_changes_none() {
    assert!(asks("'auditor'", Right::ReadDisclosures).is_ok());
    assert!(asks("'auditor'", Right::Disclose).is_err());
    assert_eq!(Right::Disclose.roles(), [Role::Officer]);
}

#[test]
fn approvals_are_asked_for_given_and_seen_under_roles_of_their_own() {
    let rights = [
        (Right::Approve, "approver"),
        (Right::RequestApprovals, "approver, custodian, officer, operator"),
        (Right::SeeApprovals, "approver, auditor"),
    ];
    let all = ["approver", "auditor", "custodian", "officer", "operator", "rights"];
    for (right, roles) in rights {
        assert_eq!(right.to_string(), roles);
        for role in all {
            let access = access_of("person", &format!("'{role}'"));
            let principal = access.iter().next().unwrap();
            let is_allowed = authorize(principal, right.clone(), date(2026, 6, 1)).is_ok();
            assert_eq!(is_allowed, roles.contains(role), "{role} asks for {roles}");
        }
    }
}

#[test]
fn whoever_has_all_sources_of_a_register_follows_its_ids_and_nobody_else() {
    let follow = || Right::FollowIds { register: "NPR".parse().unwrap() };
    for (roles, is_allowed) in [
        ("'ingest:NPR:*'", true),
        ("'resolve:NPR:*'", true),
        ("'ingest:NPR:HF', 'resolve:NPR:RHF'", false),
        ("'ingest:KPR:*'", false),
        ("'import:NPR:*', 'identity'", false),
    ] {
        assert_eq!(asks(roles, follow()).is_ok(), is_allowed, "{roles}");
    }
    assert!(asks("'identity'", Right::ApplyEvents).is_ok());
    assert!(asks("'ingest:NPR:*', 'auditor'", Right::ApplyEvents).is_err());
    assert!(asks("'identity', 'auditor'", Right::ReadProtectedLinks).is_err());
}

#[test]
fn shares_are_given_by_their_holders_and_operators() {
    let access = access_of("person", "'keyholder'");
    let holder = access.iter().next().unwrap();
    assert!(authorize(holder, Right::GiveShares, date(2026, 6, 1)).is_ok());
    assert!(authorize(holder, Right::Operate, date(2026, 6, 1)).is_err());
    assert!(asks("'operator'", Right::GiveShares).is_ok());
    assert!(asks("'auditor', 'ingest:NPR:*'", Right::GiveShares).is_err());
}

#[test]
fn the_rights_of_persons_have_a_role_of_their_own() {
    assert_eq!(Right::Rights.roles(), [Role::Rights]);
    for roles in ["'auditor'", "'operator'", "'ingest:NPR:*', 'resolve:NPR:*'"] {
        assert!(asks(roles, Right::Rights).is_err(), "{roles}");
    }
}

#[test]
fn orders_are_for_the_registers_own_system() {
    let orders = |register: &str| Right::Orders { register: register.parse().unwrap() };
    for roles in ["'ingest:NPR:*'", "'resolve:NPR:*'"] {
        assert!(asks(roles, orders("NPR")).is_ok(), "{roles}");
        assert!(asks(roles, orders("KPR")).is_err(), "{roles}");
    }
    for roles in ["'ingest:NPR:HF', 'resolve:NPR:HF'", "'import:NPR:*'", "'operator'"] {
        assert!(asks(roles, orders("NPR")).is_err(), "{roles}");
    }
    let confirms = |register: &str| {
        let register = register.parse().unwrap();
        Right::ConfirmOrders { register }
    };
    assert!(asks("'ingest:NPR:*'", confirms("NPR")).is_ok());
    for roles in ["'ingest:KPR:*'", "'ingest:NPR:HF'", "'resolve:NPR:*'", "'import:NPR:*'"] {
        assert!(asks(roles, confirms("NPR")).is_err(), "{roles}");
    }
}

#[test]
fn a_role_for_all_sources_gives_the_right_for_each() {
    for source in ["HF", "RHF"] {
        assert!(asks("'ingest:NPR:*'", ingest("NPR", source)).is_ok());
    }
    assert!(asks("'ingest:NPR:*'", ingest("KPR", "KUHR")).is_err());
}

#[test]
fn a_register_that_is_not_there_and_one_that_is_not_ours_get_the_same_answer() {
    let forbidden = asks("'ingest:NPR:HF'", ingest("KPR", "KUHR")).unwrap_err();
    let absent = asks("'ingest:NPR:HF'", ingest("XYZ", "KUHR")).unwrap_err();
    assert_eq!((forbidden, forbidden.to_string()), (absent, absent.to_string()));
}

#[test]
fn nobody_has_a_right_outside_their_days() {
    let access = access_with("'operator'");
    let principal = access.iter().next().unwrap();
    assert!(authorize(principal, Right::Operate, date(2026, 12, 31)).is_ok());
    assert!(authorize(principal, Right::Operate, date(2027, 1, 1)).is_err());
}
