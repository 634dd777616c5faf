//! Between the wire's messages and applications, decisions and disclosures.
//!
//! ```text
//! fields   collects what is wrong, by field
//! read     messages → types            tell     types → messages
//! ```

use jiff::civil::Date;
use zeroize::Zeroizing;

use self::fields::read_fields;
use crate::config::codes::OrganisationNumber;
use crate::disclosure::application::Request;
use crate::disclosure::line::Line;
use crate::disclosure::words::DecisionKind;
use crate::disclosure::{ApplicationId, Decision, DisclosureId};
use crate::rpc::proto::{
    self, IdentifySerialRequest, IssueBridgeRequest, LoadBridgeHeader, OpenDisclosureRequest,
    ReceiveApplicationRequest, RecordDecisionRequest, RecordDeliveryRequest,
    RouteApplicationRequest,
};
use crate::service::{DeliveryReport, Error, IssueBridge, OpenDisclosure};

mod closed;
mod fields;
mod read;
mod tell;
#[cfg(test)]
mod tests;

pub(super) use self::closed::older_copies;

/// What is applied for.
pub(super) fn receive(wire: ReceiveApplicationRequest) -> Result<Request, Error> {
    read_fields(|mut at| at.inner("request", wire.request, read::request))
}

/// For a client that is answered with an application.
impl TryFrom<proto::ApplicationRequest> for Request {
    type Error = Error;

    fn try_from(wire: proto::ApplicationRequest) -> Result<Self, Error> {
        read_fields(|at| read::request(at, wire))
    }
}

/// For a client that is answered with a decision.
impl TryFrom<proto::Decision> for Decision {
    type Error = Error;

    fn try_from(wire: proto::Decision) -> Result<Self, Error> {
        read_fields(|at| read::decision(at, wire))
    }
}

/// Which application, and what was decided.
pub(super) fn decision(wire: RecordDecisionRequest) -> Result<(ApplicationId, Decision), Error> {
    read_fields(|mut at| {
        let id = at.parsed("application", &wire.application);
        let decision = at.inner("decision", wire.decision, read::decision);
        id.zip(decision)
    })
}

/// Which application, and why it ends.
pub(super) fn ending(application: &str, reason: &str) -> Result<(ApplicationId, Line), Error> {
    read_fields(|mut at| {
        let id = at.parsed("application", application);
        id.zip(at.parsed("reason", reason))
    })
}

/// Which application.
pub(super) fn application_id(text: &str) -> Result<ApplicationId, Error> {
    read_fields(|mut at| at.parsed("application", text))
}

/// Which disclosure.
pub(super) fn disclosure_id(text: &str) -> Result<DisclosureId, Error> {
    read_fields(|mut at| at.parsed("disclosure", text))
}

/// What somebody is to decide on, and when.
pub(super) fn route(
    wire: RouteApplicationRequest,
) -> Result<(Request, DecisionKind, Option<Date>), Error> {
    read_fields(|mut at| {
        let request = at.inner("request", wire.request, read::request);
        let kind = at.parsed("kind", &wire.kind);
        let day = at.optional_date("day", wire.day);
        Some((request?, kind?, day?))
    })
}

/// What a disclosure is opened with.
pub(super) fn open(wire: OpenDisclosureRequest) -> Result<OpenDisclosure, Error> {
    read_fields(|mut at| {
        let application = at.parsed("application", &wire.application);
        let recipient_key = at.parsed("recipient_key", &wire.recipient_key);
        let expires = at.optional_date("expires", wire.expires);
        Some(OpenDisclosure {
            application: application?,
            decision: wire.decision,
            recipient_key: recipient_key?,
            expires: expires?,
        })
    })
}

/// Of which disclosure a bridge is, to whom and under which key.
pub(super) fn bridge(wire: &IssueBridgeRequest) -> Result<IssueBridge, Error> {
    read_fields(|mut at| {
        let disclosure = at.parsed("disclosure", &wire.disclosure);
        let party = at.parsed("party", &wire.party);
        let key = at.parsed("key", &wire.key);
        Some(IssueBridge { disclosure: disclosure?, party: party?, key: key? })
    })
}

/// Into which disclosure a bridge is loaded, and from whom.
pub(super) fn loading(
    wire: &LoadBridgeHeader,
) -> Result<(DisclosureId, OrganisationNumber), Error> {
    read_fields(|mut at| {
        let disclosure = at.parsed("disclosure", &wire.disclosure);
        disclosure.zip(at.parsed("party", &wire.party))
    })
}

/// Which disclosure, and the serial's digits, in a text that is wiped.
pub(super) fn serial(
    wire: IdentifySerialRequest,
) -> Result<(DisclosureId, Zeroizing<String>), Error> {
    let serial = Zeroizing::new(wire.serial);
    Ok((disclosure_id(&wire.disclosure)?, serial))
}

/// Which disclosure, and what was extracted.
pub(super) fn delivery(
    wire: RecordDeliveryRequest,
) -> Result<(DisclosureId, DeliveryReport), Error> {
    read_fields(|mut at| {
        let id = at.parsed("disclosure", &wire.disclosure);
        if wire.manifest.is_empty() {
            at.problem("manifest", "must be given");
        }
        let files = at.texts("files", wire.files);
        let guard_exceptions = at.texts("guard_exceptions", wire.guard_exceptions);
        let report = DeliveryReport {
            manifest: wire.manifest,
            files: files?,
            rows: wire.rows,
            persons: wire.persons,
            persons_left_out: wire.persons_left_out,
            guard_exceptions: guard_exceptions?,
        };
        Some((id?, report))
    })
}
