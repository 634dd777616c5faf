//! Reads the parts of a register.

use std::collections::BTreeSet;

use super::{
    AuthorityPeriod, ContactField, IdentityMode, InnsynExclusion, Names, OnRequest,
    OrganisationCode, QualityRegister, Reservation, ReservationOverride, ReservationUse,
    Responsibility, Retention, RetentionLimit, Source, State, TermCode, check,
};
use crate::config::reader::Section;

/// The options `name_nb` and `name_en`.
pub(super) fn names(section: &mut Section<'_, '_>) -> Option<Names> {
    section.require("name_nb");
    section.require("name_en");
    let (nb, en) = (section.line_of_text("name_nb"), section.line_of_text("name_en"));
    Some(Names { nb: nb?, en: en? })
}

/// A list of organisations with the days on which they are responsible.
pub(super) fn responsibilities(
    section: &mut Section<'_, '_>,
    key: &'static str,
    known: &BTreeSet<OrganisationCode>,
) -> Vec<Responsibility> {
    let mut list = Vec::new();
    for mut item in section.children(key) {
        let organisation: Option<OrganisationCode> = item.required("organisation");
        let validity = item.validity();
        item.finish();
        let (Some(organisation), Some(validity)) = (organisation, validity) else { continue };
        if !known.contains(&organisation) {
            let text = format!("{organisation} is no [[organisation]] of this file; add it");
            item.problem("organisation", text);
        }
        list.push(Responsibility { organisation, validity });
    }
    list
}

/// The lists `controller` and `processor`.
pub(super) fn responsible(
    section: &mut Section<'_, '_>,
    known: &BTreeSet<OrganisationCode>,
) -> (Vec<Responsibility>, Vec<Responsibility>) {
    if !section.has_items("controller") {
        section.problem("controller", "is missing; say who is responsible for the register");
    }
    let controllers = responsibilities(section, "controller", known);
    let processors = responsibilities(section, "processor", known);
    check::succession(section, "controller", controllers.iter().map(|one| one.validity));
    check::processors(section, &processors);
    (controllers, processors)
}

/// The options `identity_mode` and `contact_fields`.
pub(super) fn identity_mode(
    section: &mut Section<'_, '_>,
) -> (Option<IdentityMode>, BTreeSet<ContactField>) {
    let mode: Option<IdentityMode> = section.required("identity_mode");
    let has_contact = section.has_items("contact_fields");
    let contact_fields = section.list("contact_fields").into_iter().collect();
    if let Some(mode) = mode {
        check::contact(section, mode, has_contact);
    }
    (mode, contact_fields)
}

/// The option `legal_basis`: provisions, as they are cited.
pub(super) fn legal_basis(section: &mut Section<'_, '_>) -> Vec<String> {
    if !section.has_items("legal_basis") {
        section.problem("legal_basis", "is missing; processing must rest on a provision (R-07)");
    }
    let provisions: Vec<String> = section.list("legal_basis");
    if provisions.iter().any(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
        section.problem("legal_basis", "each provision must be one line of text, and not empty");
    }
    provisions
}

/// The options `state` and `closed_from`.
pub(super) fn state(section: &mut Section<'_, '_>) -> Option<State> {
    let state = section.word("state", &["closed", "open"]);
    let has_day = section.has("closed_from");
    let closed_from = section.date("closed_from");
    if state? == "closed" {
        if !has_day {
            section.problem("closed_from", "is missing; say since when it is closed");
        }
        return Some(State::Closed { from: closed_from? });
    }
    if has_day {
        section.problem("closed_from", "stands at an open register; remove it");
    }
    Some(State::Open)
}

/// The list `disclosure_authority`.
pub(super) fn disclosure_authority(section: &mut Section<'_, '_>) -> Vec<AuthorityPeriod> {
    if !section.has_items("disclosure_authority") {
        section.problem("disclosure_authority", "is missing; say who decides on disclosure");
    }
    let mut list: Vec<AuthorityPeriod> = Vec::new();
    for mut item in section.children("disclosure_authority") {
        let (authority, validity) = (item.required("authority"), item.validity());
        item.finish();
        if let (Some(authority), Some(validity)) = (authority, validity) {
            list.push(AuthorityPeriod { authority, validity });
        }
    }
    let periods = list.iter().map(|period| period.validity);
    check::succession(section, "disclosure_authority", periods);
    list
}

/// The table `reservation`.
pub(super) fn reservation(mut section: Section<'_, '_>) -> Reservation {
    let mut reservation = Reservation::default();
    let mut codes = BTreeSet::new();
    let (has_uses, has_overrides) = (section.has_items("use"), section.has_items("override"));
    for mut item in section.children("use") {
        let code = unique_code(&mut item, &mut codes);
        let (names, scope) = (names(&mut item), item.required("scope"));
        let purposes = item.list("purposes").into_iter().collect();
        item.finish();
        if let (Some(code), Some(names), Some(scope)) = (code, names, scope) {
            reservation.uses.push(ReservationUse { code, names, scope, purposes });
        }
    }
    for mut item in section.children("override") {
        let code = unique_code(&mut item, &mut codes);
        item.require("provision");
        let provision = item.line_of_text("provision");
        let purposes = item.list("purposes").into_iter().collect();
        item.finish();
        if let (Some(code), Some(provision)) = (code, provision) {
            reservation.overrides.push(ReservationOverride { code, provision, purposes });
        }
    }
    if has_overrides && !has_uses {
        section.problem("override", "goes before no reservation; add a use or remove it");
    }
    section.finish();
    reservation
}

/// The table `retention`.
pub(super) fn retention(section: &mut Section<'_, '_>) -> Option<Retention> {
    /// More than anybody lives: a longer limit means for ever, and should say so.
    const YEARS: std::ops::RangeInclusive<u16> = 1..=200;
    const REDELIVERY_MONTHS: std::ops::RangeInclusive<u16> = 1..=1200;
    /// A year that is reported cumulatively, and a year for its corrections.
    const REDELIVERY_MONTHS_DEFAULT: u16 = 24;
    section.require("retention");
    let is_present = section.has("retention");
    let mut section = section.child("retention");
    if !is_present {
        return None;
    }
    let word = section.word("limit", &["unlimited", "years"]);
    let has_years = section.has("years");
    let years = section.number("years", YEARS);
    let mut on_request = Vec::new();
    for mut item in section.children("on_request") {
        let since = item.required("since");
        item.require("years");
        let years = item.number("years", YEARS);
        item.finish();
        if let (Some(since), Some(years)) = (since, years) {
            on_request.push(OnRequest { since, years });
        }
    }
    let redelivery_months = section.number("redelivery_months", REDELIVERY_MONTHS);
    let redelivery_months = redelivery_months.unwrap_or(REDELIVERY_MONTHS_DEFAULT);
    section.finish();
    if word? == "unlimited" {
        if has_years {
            section.problem("years", "stands at an unlimited retention; remove it");
        }
        let limit = RetentionLimit::Unlimited;
        return Some(Retention { limit, on_request, redelivery_months });
    }
    if !has_years {
        section.problem("years", "is missing; say how many years");
    }
    let limit = RetentionLimit::Years(years?);
    Some(Retention { limit, on_request, redelivery_months })
}

/// The list `innsyn_exclusion`.
pub(super) fn innsyn_exclusions(section: &mut Section<'_, '_>) -> Vec<InnsynExclusion> {
    let mut codes = BTreeSet::new();
    let mut list = Vec::new();
    for mut item in section.children("innsyn_exclusion") {
        let (code, names) = (unique_code(&mut item, &mut codes), names(&mut item));
        item.finish();
        if let (Some(code), Some(names)) = (code, names) {
            list.push(InnsynExclusion { code, names });
        }
    }
    list
}

/// The list `source`.
pub(super) fn sources(section: &mut Section<'_, '_>, state: Option<State>) -> Vec<Source> {
    if state == Some(State::Open) && !section.has_items("source") {
        section.problem("source", "is missing; an open register takes data from somewhere");
    }
    let mut codes = BTreeSet::new();
    let mut list = Vec::new();
    for mut item in section.children("source") {
        let code: Option<super::SourceCode> = item.required("code");
        let names = names(&mut item);
        let organisations = item.list("organisations");
        let validity = item.validity();
        item.finish();
        let Some(code) = code else { continue };
        if !codes.insert(code.clone()) {
            item.problem("code", format!("{code} is another source of this register too"));
        }
        if let (Some(names), Some(validity)) = (names, validity) {
            list.push(Source { code, names, organisations, validity });
        }
    }
    list
}

/// The list `quality_register`.
pub(super) fn quality_registers(section: &mut Section<'_, '_>) -> Vec<QualityRegister> {
    let mut codes = BTreeSet::new();
    let mut list = Vec::new();
    for mut item in section.children("quality_register") {
        let code: Option<super::SourceCode> = item.required("code");
        let (names, validity) = (names(&mut item), item.validity());
        item.finish();
        let Some(code) = code else { continue };
        if !codes.insert(code.clone()) {
            item.problem("code", format!("{code} is another quality register of this one too"));
        }
        if let (Some(names), Some(validity)) = (names, validity) {
            list.push(QualityRegister { code, names, validity });
        }
    }
    list
}

/// The option `code`, unique within a list.
fn unique_code(item: &mut Section<'_, '_>, codes: &mut BTreeSet<TermCode>) -> Option<TermCode> {
    let code: TermCode = item.required("code")?;
    if !codes.insert(code.clone()) {
        item.problem("code", format!("{code} stands here twice; choose another"));
    }
    Some(code)
}
