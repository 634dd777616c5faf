//! Reads `registers.toml`: the file as a whole, and one register.

use std::collections::{BTreeMap, BTreeSet};

use super::parts;
use super::{
    Basis, Catalogue, DisclosurePurpose, Organisation, OrganisationCode, Register, RegisterCode,
    TermCode, check,
};
use crate::config::reader::Section;

/// What must be unique among registers, each with the register that had it first.
#[derive(Default)]
struct Taken {
    codes: BTreeMap<RegisterCode, String>,
    numbers: BTreeMap<u16, String>,
    columns: BTreeMap<TermCode, String>,
}

/// Reads the whole file.
pub(super) fn catalogue(mut top: Section<'_, '_>) -> Option<Catalogue> {
    let mut taken = Taken::default();
    retired(&mut top, &mut taken);
    let (organisations, known) = organisations(&mut top);
    let helsedataservice = parts::responsibilities(&mut top, "helsedataservice", &known);
    check::succession(&top, "helsedataservice", helsedataservice.iter().map(|one| one.validity));
    let mut registers = Vec::new();
    let mut is_whole = true;
    top.require("register");
    for mut section in top.children("register") {
        let register = register(&mut section, &known, &mut taken);
        section.finish();
        is_whole &= register.is_some();
        registers.extend(register);
    }
    top.finish();
    is_whole.then_some(Catalogue { registers, organisations, helsedataservice })
}

/// Reads the registers that are gone: neither their codes nor their numbers are given again.
fn retired(top: &mut Section<'_, '_>, taken: &mut Taken) {
    for mut section in top.children("retired") {
        let (code, number) = (section.required("code"), number(&mut section));
        section.finish();
        if let (Some(code), Some(number)) = (code, number) {
            let name = format!("{code}, which is retired");
            take(&mut taken.numbers, number, &name, (&section, "number"));
            take(&mut taken.codes, code, &name, (&section, "code"));
        }
    }
}

/// Reads the organisations, and returns also all codes, so that a mistake elsewhere in an
/// organisation is not reported again wherever it is referred to.
fn organisations(
    top: &mut Section<'_, '_>,
) -> (BTreeMap<OrganisationCode, Organisation>, BTreeSet<OrganisationCode>) {
    let mut organisations = BTreeMap::new();
    let mut known = BTreeSet::new();
    for mut section in top.children("organisation") {
        let code: Option<OrganisationCode> = section.required("code");
        let names = parts::names(&mut section);
        let number = section.parsed("number");
        section.finish();
        let Some(code) = code else { continue };
        if !known.insert(code.clone()) {
            section.problem("code", format!("{code} is the code of another organisation too"));
        }
        if let Some(names) = names {
            organisations.insert(code.clone(), Organisation { code, names, number });
        }
    }
    (organisations, known)
}

/// The number of a register; 0 means none in stored keys.
fn number(section: &mut Section<'_, '_>) -> Option<u16> {
    section.require("number");
    section.number("number", 1..=u16::MAX)
}

fn register(
    section: &mut Section<'_, '_>,
    known: &BTreeSet<OrganisationCode>,
    taken: &mut Taken,
) -> Option<Register> {
    let (code, number, id_column) = identity(section, taken);
    let names = parts::names(section);
    let (controllers, processors) = parts::responsible(section, known);
    let legal_basis = parts::legal_basis(section);
    section.require("purposes");
    let has_purposes = section.has_items("purposes");
    let purposes: BTreeSet<DisclosurePurpose> = section.list("purposes").into_iter().collect();
    let (identity_mode, contact_fields) = parts::identity_mode(section);
    let basis: Option<Basis> = section.required("basis");
    let state = parts::state(section);
    let disclosure_authority = parts::disclosure_authority(section);
    let reservation = parts::reservation(section.child("reservation"));
    let retention = parts::retention(section);
    let innsyn_exclusions = parts::innsyn_exclusions(section);
    let innsyn_contact = section.line_of_text("innsyn_contact");
    let sources = parts::sources(section, state);
    let quality_registers = parts::quality_registers(section);
    if basis == Some(Basis::Consent) {
        check::consent(section, identity_mode, has_purposes, &reservation);
    }
    Some(Register {
        code: code?,
        number: number?,
        names: names?,
        controllers,
        processors,
        legal_basis,
        purposes,
        sources,
        quality_registers,
        identity_mode: identity_mode?,
        contact_fields,
        basis: basis?,
        state: state?,
        reservation,
        retention: retention?,
        innsyn_exclusions,
        innsyn_contact,
        disclosure_authority,
        id_column: id_column?,
    })
}

/// Reads what must be unique, and calls the section by its code from then on.
fn identity(
    section: &mut Section<'_, '_>,
    taken: &mut Taken,
) -> (Option<RegisterCode>, Option<u16>, Option<TermCode>) {
    let code: Option<RegisterCode> = section.required("code");
    if let Some(code) = &code {
        section.rename(format!("register {code}"));
    }
    let number = number(section);
    let id_column = id_column(section, code.as_ref());
    let owner = code.as_ref().map_or_else(|| "a register without code".into(), ToString::to_string);
    if let Some(code) = &code {
        take(&mut taken.codes, code.clone(), &owner, (section, "code"));
    }
    if let Some(number) = number {
        take(&mut taken.numbers, number, &owner, (section, "number"));
    }
    if let Some(column) = &id_column {
        take(&mut taken.columns, column.clone(), &owner, (section, "id_column"));
    }
    (code, number, id_column)
}

/// The option, or the code in small letters with `_id` after it.
fn id_column(section: &mut Section<'_, '_>, code: Option<&RegisterCode>) -> Option<TermCode> {
    if section.has("id_column") {
        return section.parsed("id_column");
    }
    // Asked for although absent, so that it is among the known options.
    let _: Option<TermCode> = section.parsed("id_column");
    format!("{}_id", code?.as_str().to_ascii_lowercase()).parse().ok()
}

/// Notes a problem if somebody already has the value, and otherwise whose it is.
fn take<K: Ord + std::fmt::Display>(
    taken: &mut BTreeMap<K, String>,
    value: K,
    owner: &str,
    (section, key): (&Section<'_, '_>, &str),
) {
    if let Some(other) = taken.get(&value) {
        section.problem(key, format!("{value} belongs to {other}; choose another"));
    } else {
        taken.insert(value, owner.to_owned());
    }
}
