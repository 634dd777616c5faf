//! Reads `access.toml`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Access, CertificateIdentity, Principal, PrincipalKind, PrincipalParts, Role, SourceScope,
};
use crate::config::budgets::{OwnBudgets, read_own};
use crate::config::codes::{PrincipalName, RegisterCode, RegisterDirectory};
use crate::config::reader::Section;
use crate::config::words::listed;

/// Reads the whole file.
pub(super) fn access(
    mut top: Section<'_, '_>,
    registers: &impl RegisterDirectory,
) -> Option<Access> {
    let mut access = Access::default();
    // Which principal named a certificate last: of a faulty one, too, so that one reading shows
    // every clash.
    let mut seen: BTreeMap<CertificateIdentity, String> = BTreeMap::new();
    let mut is_whole = true;
    for mut section in top.children("principal") {
        let principal = principal(&mut section, registers, &mut seen);
        section.finish();
        let Some(principal) = principal else {
            is_whole = false;
            continue;
        };
        if access.principals.contains_key(&principal.name) {
            section.problem("name", "is the name of another principal too; choose another");
        }
        for certificate in &principal.certificates {
            access.by_certificate.insert(certificate.clone(), principal.name.clone());
        }
        access.principals.insert(principal.name.clone(), principal);
    }
    top.finish();
    is_whole.then_some(access)
}

fn principal(
    section: &mut Section<'_, '_>,
    registers: &impl RegisterDirectory,
    seen: &mut BTreeMap<CertificateIdentity, String>,
) -> Option<Principal> {
    let name = section.required::<PrincipalName>("name");
    let kind = section.required::<PrincipalKind>("kind");
    let person = person(section, kind);
    let organisation = section.required("organisation");
    let certificates = certificates(section, seen, name.as_ref().map(ToString::to_string));
    let roles = roles(section, registers, kind);
    let budgets = budgets(section, registers);
    let validity = section.validity();
    let parts = PrincipalParts {
        name: name?,
        kind: kind?,
        person,
        organisation: organisation?,
        certificates,
        roles,
        budgets,
        validity: validity?,
    };
    Some(parts.into())
}

/// Who is behind a principal, if that is not told by its name: a name of the file's own, and never
/// anybody's number.
fn person(section: &mut Section<'_, '_>, kind: Option<PrincipalKind>) -> Option<PrincipalName> {
    const DIGITS_MAX: usize = 9;
    let person: PrincipalName = section.parsed("person")?;
    let digits = person.as_str().split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    if kind == Some(PrincipalKind::System) {
        section.problem("person", "is for a natural person; a system is none: remove it");
    }
    if digits > Some(DIGITS_MAX) {
        section.problem("person", "may be somebody's number; give them a name of this file's own");
    }
    Some(person)
}

fn certificates(
    section: &mut Section<'_, '_>,
    seen: &mut BTreeMap<CertificateIdentity, String>,
    name: Option<String>,
) -> BTreeSet<CertificateIdentity> {
    if !section.has("certificates") {
        section.problem("certificates", "is missing; without a certificate nobody can call");
    }
    let certificates: Vec<CertificateIdentity> = section.list("certificates");
    let owner = name.unwrap_or_else(|| "a principal without a name".to_owned());
    for certificate in &certificates {
        if let Some(other) = seen.insert(certificate.clone(), owner.clone()) {
            let text = format!("{certificate} belongs to {other} too; each caller needs its own");
            section.problem("certificates", text);
        }
    }
    certificates.into_iter().collect()
}

fn roles(
    section: &mut Section<'_, '_>,
    registers: &impl RegisterDirectory,
    kind: Option<PrincipalKind>,
) -> BTreeSet<Role> {
    section.require("roles");
    let roles: Vec<Role> = section.list("roles");
    for role in &roles {
        if kind == Some(PrincipalKind::System) && role.needs_person() {
            let text = format!("{role} is for a natural person; a system cannot have it");
            section.problem("roles", text);
        }
        if let Some(text) = unknown_scope(role, registers) {
            section.problem("roles", text);
        }
    }
    // DOMAIN.md F1.8: who holds the vault's operation does not also open identities.
    if roles.contains(&Role::Custodian) && roles.contains(&Role::Operator) {
        let text = "custodian and operator are duties of two different persons; remove one";
        section.problem("roles", text);
    }
    roles.into_iter().collect()
}

/// The tables `[[principal.budget]]`, one for each register.
fn budgets(
    section: &mut Section<'_, '_>,
    registers: &impl RegisterDirectory,
) -> BTreeMap<RegisterCode, OwnBudgets> {
    let mut budgets = BTreeMap::new();
    for mut item in section.children("budget") {
        let register: Option<RegisterCode> = item.required("register");
        let own = read_own(&mut item);
        item.finish();
        let Some(register) = register else { continue };
        if registers.source_codes(&register).is_none() {
            let known = listed(registers.register_codes());
            item.problem("register", format!("{register} is no register; they are {known}"));
        }
        if budgets.contains_key(&register) {
            item.problem("register", format!("{register} stands here twice; remove one"));
        }
        budgets.insert(register, own);
    }
    budgets
}

/// What is wrong with the register and source that a role names, if anything.
fn unknown_scope(role: &Role, registers: &impl RegisterDirectory) -> Option<String> {
    if let Role::Convert { from, into } = role {
        let known = registers.register_codes();
        let is_known = known.contains(&from) && known.contains(&into);
        let unknown = || format!("{role} names no register; the registers are {}", listed(known));
        return (!is_known).then(unknown);
    }
    let (register, source) = role.scope()?;
    let Some(known) = registers.source_codes(register) else {
        let known = listed(registers.register_codes());
        return Some(format!("{role} names no register; the registers are {known}"));
    };
    if let Role::Consents { source: SourceScope::One(code), .. } = role {
        let known = registers.quality_codes(register);
        let is_known = known.contains(&code);
        let unknown = || match known.len() {
            0 => format!("{role}: {register} keeps no consents to quality registers"),
            _ => format!(
                "{role} names no quality register of {register}; they are {}",
                listed(known)
            ),
        };
        return (!is_known).then(unknown);
    }
    match source {
        SourceScope::One(source) if !known.contains(&source) => {
            let known = listed(known);
            Some(format!("{role} names no source of {register}; its sources are {known}"))
        }
        SourceScope::Any | SourceScope::One(_) => None,
    }
}
