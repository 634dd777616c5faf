//! From applications, decisions and disclosures to the wire's messages.
//!
//! The command line makes its requests with the same conversions.

use std::fmt::Display;

use crate::disclosure::application::{OtherSource, Request};
use crate::disclosure::decision::{BridgeIn, BridgeOut, LinkingParty, ReservationOverride};
use crate::disclosure::history::Change;
use crate::disclosure::terms::{
    Generalisation, RegisterTerms, SecondaryIdentifier, SmallCells, Variable,
};
use crate::disclosure::words::{Identifiers, Reidentification};
use crate::disclosure::{Application, Decision, Delivery, Terms};
use crate::rpc::calendar::wire_date;
use crate::rpc::proto;
use crate::rpc::proto::generalisation::{AgeBand, FirstCharacters, Kind, Month, TopCode, Year};

/// Items as text.
fn texts<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// Items as messages.
fn all<'a, T, W: From<&'a T>>(items: &'a [T]) -> Vec<W> {
    items.iter().map(Into::into).collect()
}

impl From<&Request> for proto::ApplicationRequest {
    fn from(request: &Request) -> Self {
        Self {
            applicant: request.applicant.to_string(),
            organisation: request.organisation.to_string(),
            purpose: request.purpose.to_string(),
            registers: texts(&request.registers),
            combined_with: all(&request.combined_with),
            legal_basis: texts(&request.legal_basis),
            delivered_to: request.delivered_to.to_string(),
            contact: request.contact.to_string(),
            description: request.description.to_string(),
        }
    }
}

impl From<&OtherSource> for proto::OtherSource {
    fn from(source: &OtherSource) -> Self {
        Self { name: source.name.to_string(), kind: source.kind.to_string() }
    }
}

impl From<&Application> for proto::Application {
    fn from(application: &Application) -> Self {
        let recipient = application.recipient();
        Self {
            id: application.id().to_string(),
            request: Some(application.request().into()),
            recipient: recipient.name.to_string(),
            recipient_class: recipient.class.to_string(),
            state: application.state().to_string(),
            decisions: all(application.decisions()),
            history: all(application.history().changes()),
        }
    }
}

impl<S: Display, T: Display> From<&Change<S, T>> for proto::HistoryStep {
    fn from(change: &Change<S, T>) -> Self {
        Self {
            step: change.step.to_string(),
            state: change.state.to_string(),
            by: change.by.to_string(),
            at: change.at.to_string(),
            reason: change.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl From<&Decision> for proto::Decision {
    fn from(decision: &Decision) -> Self {
        Self {
            authority: decision.authority.to_string(),
            kind: decision.kind.to_string(),
            reference: decision.reference.to_string(),
            dated: Some(wire_date(decision.dated)),
            valid_until: Some(wire_date(decision.valid_until)),
            serial_width: u32::try_from(decision.serial_width.digit_count())
                .expect("a serial has at most 14 digits"),
            continues: decision.continues.map(|id| id.to_string()).unwrap_or_default(),
            bridge_out: decision.bridge_out.as_ref().map(Into::into),
            bridge_in: decision.bridge_in.as_ref().map(Into::into),
            reidentification: decision.reidentification == Reidentification::Permitted,
            overrides: all(&decision.overrides),
            terms: Some((&decision.terms).into()),
        }
    }
}

impl From<&LinkingParty> for proto::LinkingParty {
    fn from(party: &LinkingParty) -> Self {
        Self { number: party.number.to_string(), name: party.name.to_string() }
    }
}

impl From<&BridgeOut> for proto::BridgeOut {
    fn from(bridge: &BridgeOut) -> Self {
        Self { to: Some((&bridge.to).into()), delete_by: Some(wire_date(bridge.delete_by)) }
    }
}

impl From<&BridgeIn> for proto::BridgeIn {
    fn from(bridge: &BridgeIn) -> Self {
        Self { from: Some((&bridge.from).into()) }
    }
}

impl From<&ReservationOverride> for proto::ReservationOverride {
    fn from(wanted: &ReservationOverride) -> Self {
        Self {
            provision: wanted.provision.to_string(),
            with_identifiers: wanted.identifiers == Identifiers::With,
        }
    }
}

impl From<&Terms> for proto::Terms {
    fn from(terms: &Terms) -> Self {
        Self {
            registers: all(&terms.registers),
            small_cells: terms.small_cells.as_ref().map(Into::into),
        }
    }
}

impl From<&RegisterTerms> for proto::RegisterTerms {
    fn from(terms: &RegisterTerms) -> Self {
        Self {
            register: terms.register.clone(),
            variables: all(&terms.variables),
            secondary: all(&terms.secondary),
        }
    }
}

impl From<&Variable> for proto::Variable {
    fn from(variable: &Variable) -> Self {
        Self {
            name: variable.name.clone(),
            generalisation: variable.generalisation.as_ref().map(Into::into),
        }
    }
}

impl From<&Generalisation> for proto::Generalisation {
    fn from(generalisation: &Generalisation) -> Self {
        let kind = match *generalisation {
            Generalisation::AgeBand { years, on } => {
                Kind::AgeBand(AgeBand { years, on: Some(wire_date(on)) })
            }
            Generalisation::FirstCharacters { count } => {
                Kind::FirstCharacters(FirstCharacters { count })
            }
            Generalisation::Month => Kind::Month(Month {}),
            Generalisation::TopCode { highest } => Kind::TopCode(TopCode { highest }),
            Generalisation::Year => Kind::Year(Year {}),
        };
        Self { kind: Some(kind) }
    }
}

impl From<&SecondaryIdentifier> for proto::SecondaryIdentifier {
    fn from(secondary: &SecondaryIdentifier) -> Self {
        Self {
            column: secondary.column.clone(),
            key_space: secondary.key_space.clone(),
            institution: secondary.institution.clone().unwrap_or_default(),
        }
    }
}

impl From<&SmallCells> for proto::SmallCells {
    fn from(cells: &SmallCells) -> Self {
        Self { persons_min: cells.persons_min, columns: cells.columns.clone() }
    }
}

impl From<&Delivery> for proto::ExtractDelivery {
    fn from(delivery: &Delivery) -> Self {
        let extract = &delivery.extract;
        Self {
            manifest: extract.manifest.map(|hash| hash.to_string()).unwrap_or_default(),
            files: texts(&extract.files),
            rows: extract.rows,
            persons: extract.persons,
            persons_left_out: extract.persons_left_out,
            by: delivery.by.to_string(),
            at: delivery.at.to_string(),
        }
    }
}
