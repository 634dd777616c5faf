//! Reads a description.

use super::{Description, OutputName, SourceFile};
use crate::config::reader::Section;
use crate::disclosure::application::{OtherSource, Request};
use crate::disclosure::decision::{
    BridgeIn, BridgeOut, Decision, LinkingParty, ReservationOverride,
};
use crate::disclosure::terms::Terms;
use crate::ident::SerialWidth;

/// Reads the whole file.
pub(super) fn description(mut top: Section<'_, '_>) -> Option<Description> {
    top.require("application");
    let mut section = top.child("application");
    let application = application(&mut section);
    section.finish();
    top.require("decision");
    let mut section = top.child("decision");
    let decision = decision(&mut section);
    section.finish();
    top.require("disclosure");
    let mut section = top.child("disclosure");
    let recipient_key = section.required("recipient_key");
    section.require("expires");
    let expires = section.date("expires");
    section.finish();
    let files = files(&mut top);
    top.finish();
    if let (Some(decision), Some(files)) = (&decision, &files) {
        check_files(&top, &decision.terms, files);
    }
    Some(Description {
        application: application?,
        decision: decision?,
        recipient_key: recipient_key?,
        expires: expires?,
        files: files?,
    })
}

pub(super) fn application(section: &mut Section<'_, '_>) -> Option<Request> {
    let applicant = section.required("applicant");
    let organisation = section.required("organisation");
    let purpose = section.required("purpose");
    section.require("registers");
    let registers = section.list("registers");
    let combined_with = section.children("combined_with");
    let combined_with = all(combined_with, |item| {
        let (name, kind) = (item.required("name"), item.required("kind"));
        Some(OtherSource { name: name?, kind: kind? })
    });
    section.require("legal_basis");
    let legal_basis = section.list("legal_basis");
    let delivered_to = section.required("delivered_to");
    let contact = section.required("contact");
    let description = section.required("description");
    let request = Request {
        applicant: applicant?,
        organisation: organisation?,
        purpose: purpose?,
        registers,
        combined_with: combined_with?,
        legal_basis,
        delivered_to: delivered_to?,
        contact: contact?,
        description: description?,
    };
    for problem in request.problems() {
        section.problem("", problem.to_string());
    }
    Some(request)
}

pub(super) fn decision(section: &mut Section<'_, '_>) -> Option<Decision> {
    let (authority, kind) = (section.required("authority"), section.required("kind"));
    let reference = section.required("reference");
    section.require("dated");
    section.require("valid_until");
    let (dated, valid_until) = (section.date("dated"), section.date("valid_until"));
    let serial_width = serial_width(section);
    let continues = optional(section, "continues");
    let bridge_out = bridge_out(section);
    let bridge_in = bridge_in(section);
    let reidentification = section.required("reidentification");
    let overrides = all(section.children("overrides"), |item| {
        let (provision, identifiers) = (item.required("provision"), item.required("identifiers"));
        Some(ReservationOverride { provision: provision?, identifiers: identifiers? })
    });
    section.require("terms");
    let terms: Option<Terms> = section.typed("terms");
    for problem in terms.iter().flat_map(Terms::problems) {
        section.problem("terms", problem.to_string());
    }
    Some(Decision {
        authority: authority?,
        kind: kind?,
        reference: reference?,
        dated: dated?,
        valid_until: valid_until?,
        serial_width: serial_width?,
        continues: continues?,
        bridge_out: bridge_out?,
        bridge_in: bridge_in?,
        reidentification: reidentification?,
        overrides: overrides?,
        terms: terms?,
    })
}

/// The option `serial_width`; 9 digits if it is absent.
fn serial_width(section: &mut Section<'_, '_>) -> Option<SerialWidth> {
    if !section.has("serial_width") {
        let _: Option<u8> = section.number("serial_width", 0..=u8::MAX);
        return Some(SerialWidth::default());
    }
    let count: u8 = section.number("serial_width", 8..=14)?;
    let width = SerialWidth::from_digit_count(count.into());
    if width.is_none() {
        let text = "must be 8, 9, 13 or 14: other lengths are those of other numbers";
        section.problem("serial_width", text);
    }
    width
}

fn bridge_out(section: &mut Section<'_, '_>) -> Option<Option<BridgeOut>> {
    let is_present = section.has("bridge_out");
    let mut table = section.child("bridge_out");
    if !is_present {
        return Some(None);
    }
    let to = party(&mut table, "to");
    table.require("delete_by");
    let delete_by = table.date("delete_by");
    table.finish();
    Some(Some(BridgeOut { to: to?, delete_by: delete_by? }))
}

fn bridge_in(section: &mut Section<'_, '_>) -> Option<Option<BridgeIn>> {
    let is_present = section.has("bridge_in");
    let mut table = section.child("bridge_in");
    if !is_present {
        return Some(None);
    }
    let from = party(&mut table, "from");
    table.finish();
    Some(Some(BridgeIn { from: from? }))
}

fn party(section: &mut Section<'_, '_>, key: &'static str) -> Option<LinkingParty> {
    section.require(key);
    let is_present = section.has(key);
    let mut table = section.child(key);
    if !is_present {
        return None;
    }
    let (number, name) = (table.required("number"), table.required("name"));
    table.finish();
    Some(LinkingParty { number: number?, name: name? })
}

/// An option that may be absent: `None` if it is there and wrong.
fn optional<T>(section: &mut Section<'_, '_>, key: &'static str) -> Option<Option<T>>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let is_present = section.has(key);
    let value = section.parsed(key);
    if is_present { value.map(Some) } else { Some(None) }
}

/// What each table of a list says, or `None` if one of them is wrong.
fn all<T>(
    list: Vec<Section<'_, '_>>,
    read: impl Fn(&mut Section<'_, '_>) -> Option<T>,
) -> Option<Vec<T>> {
    let items = list.into_iter().map(|mut item| {
        let value = read(&mut item);
        item.finish();
        value
    });
    // All are read, so that all problems are reported, and then looked at together.
    items.collect::<Vec<_>>().into_iter().collect()
}

fn files(top: &mut Section<'_, '_>) -> Option<Vec<SourceFile>> {
    top.require("file");
    all(top.children("file"), |item| {
        let register = item.required("register");
        item.require("path");
        let path = item.path("path");
        let output: Option<OutputName> = item.required("output");
        Some(SourceFile { register: register?, path: path?, output: output? })
    })
}

fn check_files(top: &Section<'_, '_>, terms: &Terms, files: &[SourceFile]) {
    let with_files = Description::registers_with_files(files);
    for one in terms.registers.iter().filter(|one| !with_files.contains(one.register.as_str())) {
        let text = format!("none is of {}, which the terms let out; add one", one.register);
        top.problem("file", text);
    }
    for code in with_files.into_iter().filter(|code| terms.of(code).is_none()) {
        let text = format!("one is of {code}, of which the terms let nothing out; remove it");
        top.problem("file", text);
    }
    for (at, file) in files.iter().enumerate() {
        if files.iter().take(at).any(|other| other.output == file.output) {
            top.problem("file", format!("two outputs are called {}; rename one", file.output));
        }
    }
}
