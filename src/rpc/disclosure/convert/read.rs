//! From the wire's messages to applications, decisions and their terms.
//!
//! What this does *not* decide: whether the terms fit together, or the application; the rules of
//! [`crate::disclosure`] do, where the record is made.

use super::fields::Fields;
use crate::disclosure::Terms;
use crate::disclosure::application::{OtherSource, Request};
use crate::disclosure::decision::{
    BridgeIn, BridgeOut, Decision, LinkingParty, ReservationOverride,
};
use crate::disclosure::terms::{
    Generalisation, RegisterTerms, SecondaryIdentifier, SmallCells, Variable,
};
use crate::disclosure::words::{Identifiers, Reidentification};
use crate::ident::SerialWidth;
use crate::rpc::proto;
use crate::rpc::proto::generalisation::Kind;

/// What is applied for.
pub(super) fn request(mut at: Fields<'_>, wire: proto::ApplicationRequest) -> Option<Request> {
    let applicant = at.parsed("applicant", &wire.applicant);
    let organisation = at.parsed("organisation", &wire.organisation);
    let purpose = at.parsed("purpose", &wire.purpose);
    let registers = at.texts("registers", wire.registers);
    let combined_with = at.items("combined_with", wire.combined_with, other_source);
    let legal_basis = at.texts("legal_basis", wire.legal_basis);
    let delivered_to = at.parsed("delivered_to", &wire.delivered_to);
    let contact = at.parsed("contact", &wire.contact);
    let description = at.parsed("description", &wire.description);
    Some(Request {
        applicant: applicant?,
        organisation: organisation?,
        purpose: purpose?,
        registers: registers?,
        combined_with: combined_with?,
        legal_basis: legal_basis?,
        delivered_to: delivered_to?,
        contact: contact?,
        description: description?,
    })
}

fn other_source(mut at: Fields<'_>, wire: proto::OtherSource) -> Option<OtherSource> {
    let (name, kind) = (at.parsed("name", &wire.name), at.parsed("kind", &wire.kind));
    Some(OtherSource { name: name?, kind: kind? })
}

/// What was decided.
pub(super) fn decision(mut at: Fields<'_>, wire: proto::Decision) -> Option<Decision> {
    let authority = at.parsed("authority", &wire.authority);
    let kind = at.parsed("kind", &wire.kind);
    let reference = at.parsed("reference", &wire.reference);
    let dated = at.date("dated", wire.dated);
    let valid_until = at.date("valid_until", wire.valid_until);
    let serial_width = serial_width(&mut at, wire.serial_width);
    let continues = at.optional("continues", &wire.continues);
    let bridge_out = at.optional_inner("bridge_out", wire.bridge_out, bridge_out);
    let bridge_in = at.optional_inner("bridge_in", wire.bridge_in, bridge_in);
    let overrides = at.items("overrides", wire.overrides, reservation_override);
    let terms = at.inner("terms", wire.terms, terms);
    let reidentification =
        if wire.reidentification { Reidentification::Permitted } else { Reidentification::Refused };
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
        reidentification,
        overrides: overrides?,
        terms: terms?,
    })
}

fn serial_width(at: &mut Fields<'_>, digits: u32) -> Option<SerialWidth> {
    if digits == 0 {
        return Some(SerialWidth::default());
    }
    let width = usize::try_from(digits).ok().and_then(SerialWidth::from_digit_count);
    if width.is_none() {
        at.problem("serial_width", "must be 8, 9, 13 or 14, or 0 for 9");
    }
    width
}

fn party(mut at: Fields<'_>, wire: proto::LinkingParty) -> Option<LinkingParty> {
    let (number, name) = (at.parsed("number", &wire.number), at.parsed("name", &wire.name));
    Some(LinkingParty { number: number?, name: name? })
}

fn bridge_out(mut at: Fields<'_>, wire: proto::BridgeOut) -> Option<BridgeOut> {
    let to = at.inner("to", wire.to, party);
    let delete_by = at.date("delete_by", wire.delete_by);
    Some(BridgeOut { to: to?, delete_by: delete_by? })
}

fn bridge_in(mut at: Fields<'_>, wire: proto::BridgeIn) -> Option<BridgeIn> {
    let from = at.inner("from", wire.from, party);
    Some(BridgeIn { from: from? })
}

fn reservation_override(
    mut at: Fields<'_>,
    wire: proto::ReservationOverride,
) -> Option<ReservationOverride> {
    let identifiers = if wire.with_identifiers { Identifiers::With } else { Identifiers::Without };
    let provision = at.parsed("provision", &wire.provision)?;
    Some(ReservationOverride { provision, identifiers })
}

fn terms(mut at: Fields<'_>, wire: proto::Terms) -> Option<Terms> {
    let registers = at.items("registers", wire.registers, register_terms);
    let small_cells = at.optional_inner("small_cells", wire.small_cells, small_cells);
    Some(Terms { registers: registers?, small_cells: small_cells? })
}

fn register_terms(mut at: Fields<'_>, wire: proto::RegisterTerms) -> Option<RegisterTerms> {
    let register = at.line("register", wire.register);
    let variables = at.items("variables", wire.variables, variable);
    let secondary = at.items("secondary", wire.secondary, secondary);
    Some(RegisterTerms { register: register?, variables: variables?, secondary: secondary? })
}

fn variable(mut at: Fields<'_>, wire: proto::Variable) -> Option<Variable> {
    let name = at.line("name", wire.name);
    let generalisation = at.optional_inner("generalisation", wire.generalisation, generalisation);
    Some(Variable { name: name?, generalisation: generalisation? })
}

fn generalisation(mut at: Fields<'_>, wire: proto::Generalisation) -> Option<Generalisation> {
    Some(match wire.kind {
        None => {
            at.problem("", "must be one of age_band, first_characters, month, top_code and year");
            return None;
        }
        Some(Kind::AgeBand(band)) => {
            let on = at.date("age_band.on", band.on)?;
            Generalisation::AgeBand { years: band.years, on }
        }
        Some(Kind::FirstCharacters(first)) => {
            Generalisation::FirstCharacters { count: first.count }
        }
        Some(Kind::Month(_)) => Generalisation::Month,
        Some(Kind::TopCode(top)) => Generalisation::TopCode { highest: top.highest },
        Some(Kind::Year(_)) => Generalisation::Year,
    })
}

fn secondary(mut at: Fields<'_>, wire: proto::SecondaryIdentifier) -> Option<SecondaryIdentifier> {
    let column = at.line("column", wire.column);
    let key_space = at.line("key_space", wire.key_space);
    let institution = Some(wire.institution).filter(|name| !name.is_empty());
    let institution =
        at.optional_inner("institution", institution, |mut at, name| at.line("", name));
    Some(SecondaryIdentifier { column: column?, key_space: key_space?, institution: institution? })
}

fn small_cells(mut at: Fields<'_>, wire: proto::SmallCells) -> Option<SmallCells> {
    let columns = at.items("columns", wire.columns, |mut at, name| at.line("", name));
    Some(SmallCells { persons_min: wire.persons_min, columns: columns? })
}
