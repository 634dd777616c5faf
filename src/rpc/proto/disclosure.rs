//! What messages of disclosures show of themselves: how many rows there are, and nothing else.

use std::fmt;

use super::*;

/// Shows the name of a message and nothing of its content.
macro_rules! hidden {
    ($($name:ident),+ $(,)?) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })+
    };
}

pub(super) use hidden;

// Texts of applications and decisions, also before anybody has looked whether a person's number is
// among them.
hidden!(
    Application,
    ApplicationRequest,
    Bridge,
    BridgeIn,
    BridgeIssued,
    BridgeOut,
    CloseDisclosureResponse,
    CompleteDisclosureResponse,
    ConfirmBridgeDeletionResponse,
    ConfirmDeletionResponse,
    Decision,
    Disclosure,
    GetApplicationResponse,
    GetDisclosureResponse,
    IdentifySerialRequest,
    IssueBridgeRequest,
    LinkingParty,
    ListApplicationsResponse,
    ListBridgesResponse,
    ListDisclosuresResponse,
    LoadBridgeResponse,
    OpenDisclosureRequest,
    OpenDisclosureResponse,
    OtherSource,
    ReceiveApplicationRequest,
    ReceiveApplicationResponse,
    RecordDecisionRequest,
    RecordDecisionResponse,
    RecordDeliveryRequest,
    RecordDeliveryResponse,
    RefuseApplicationRequest,
    RefuseApplicationResponse,
    RevealIdentityRequest,
    RevealedContact,
    RevealedIdentifier,
    RouteApplicationRequest,
    WithdrawApplicationRequest,
    WithdrawApplicationResponse,
);

impl fmt::Debug for IdentifySerialResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentifySerialResponse")
            .field("rows", &self.identifiers.len())
            .field("audit_entry", &self.audit_entry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RevealIdentityResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealIdentityResponse")
            .field("rows", &self.identifiers.len())
            .field("audit_entry", &self.audit_entry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for load_bridge_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(header) => header.fmt(f),
            Self::Chunk(chunk) => {
                f.debug_struct("Chunk").field("bytes", &chunk.len()).finish_non_exhaustive()
            }
        }
    }
}

impl fmt::Debug for LoadBridgeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadBridgeRequest").field(&self.message).finish()
    }
}

impl fmt::Debug for IssueBridgeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueBridgeResponse")
            .field("bytes", &self.chunk.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterIdBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.ids.len() + self.existing_ids.len();
        f.debug_struct("RegisterIdBatch").field("rows", &rows).finish_non_exhaustive()
    }
}

impl fmt::Debug for issue_serials_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(header) => header.fmt(f),
            Self::Batch(batch) => batch.fmt(f),
        }
    }
}

impl fmt::Debug for IssueSerialsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssueSerialsRequest").field(&self.message).finish()
    }
}

impl fmt::Debug for Serials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serials")
            .field("rows", &self.serials.len().max(self.labels.len()))
            .field("notes", &self.notes.len())
            .field("audit_entry", &self.audit_entry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for issue_serials_response::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(opened) => opened.fmt(f),
            Self::Result(serials) => serials.fmt(f),
            Self::Summary(summary) => summary.fmt(f),
        }
    }
}

impl fmt::Debug for IssueSerialsResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssueSerialsResponse").field(&self.message).finish()
    }
}

impl fmt::Debug for ValueBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueBatch").field("rows", &self.values.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for issue_surrogates_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(header) => header.fmt(f),
            Self::Batch(batch) => batch.fmt(f),
        }
    }
}

impl fmt::Debug for IssueSurrogatesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssueSurrogatesRequest").field(&self.message).finish()
    }
}

impl fmt::Debug for IssueSurrogatesResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueSurrogatesResponse")
            .field("bytes", &self.surrogates.len())
            .field("audit_entry", &self.audit_entry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_of_what_two_persons_open_prints_a_value() {
        const CANARY: &str = "12345678910";
        let text = || CANARY.to_owned();
        let serial = IdentifySerialRequest { disclosure: text(), serial: text() };
        let identifier = RevealedIdentifier { number: text(), ..RevealedIdentifier::default() };
        let identifiers = vec![identifier];
        let identified = IdentifySerialResponse { identifiers, audit_entry: 1 };
        let bridge = IssueBridgeRequest { key: text(), ..IssueBridgeRequest::default() };
        let chunk = IssueBridgeResponse { chunk: text().into_bytes(), issued: None };
        let loading = load_bridge_request::Message::Chunk(text().into_bytes());
        let loading = LoadBridgeRequest { message: Some(loading) };
        let reveal = RevealIdentityRequest { id: text(), ..RevealIdentityRequest::default() };
        let shown = format!("{serial:?}{identified:?}{bridge:?}{chunk:?}{loading:?}{reveal:?}");
        assert!(shown.contains("rows: 1") && shown.contains("bytes: 11"), "{shown}");
        assert!(!shown.contains(CANARY) && !shown.contains("49, 50, 51"), "{shown}");
    }
}
