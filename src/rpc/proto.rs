//! The generated types of `proto/hvelv/v1`.
//!
//! Why: generated code needs exceptions from the house lints; they are kept here.  Messages that hold
//! identifiers, register IDs, secrets or free text derive no `Debug` (`REDACTED` in `build.rs`); the ones below
//! say how many rows there are and nothing else, so that a message in a log line, a panic or a failed
//! assertion shows no value.  Deriving and writing `Debug` for one type does not compile, so each
//! `impl` below is also the proof that the derived one is absent.
//!
//! What it does not protect: the fields are public, and whoever prints a field prints it.

/// The generated code.
#[expect(missing_docs, reason = "generated code; the comments are in the protos")]
#[expect(clippy::allow_attributes, reason = "generated code sets its own lint levels")]
#[expect(clippy::too_many_lines, reason = "generated code")]
#[expect(unused_qualifications, reason = "generated code names everything in full")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/hvelv.v1.rs"));
}

pub use generated::*;

mod alias;
mod approval;
mod disclosure;
mod identity;
mod rights;
#[cfg(test)]
mod secrets;

use std::fmt;

/// The encoded file descriptor set of the interface, with comments.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/hvelv_descriptor.bin"));

/// Rows of a packed column of `bytes`, as far as they can be told from the declared type.
fn packed_rows(bytes: usize, kind: i32) -> usize {
    let is_long = [IdentifierType::Duf, IdentifierType::Local].map(i32::from).contains(&kind);
    if is_long { bytes / 12 } else { bytes / 11 }
}

impl fmt::Debug for TextColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextColumn").field("rows", &self.values.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for IntegerColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntegerColumn").field("rows", &self.values.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for identifier_batch::Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(column) => column.fmt(f),
            Self::PackedAscii(bytes) => {
                f.debug_struct("PackedAscii").field("bytes", &bytes.len()).finish_non_exhaustive()
            }
            Self::Integers(column) => column.fmt(f),
        }
    }
}

impl fmt::Debug for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contacts")
            .field("names", &self.names.len())
            .field("addresses", &self.addresses.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IdentifierBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = match &self.column {
            Some(identifier_batch::Column::Text(column)) => column.values.len(),
            Some(identifier_batch::Column::PackedAscii(bytes)) => {
                packed_rows(bytes.len(), self.r#type)
            }
            Some(identifier_batch::Column::Integers(column)) => column.values.len(),
            None => 0,
        };
        f.debug_struct("IdentifierBatch").field("rows", &rows).finish_non_exhaustive()
    }
}

impl fmt::Debug for PseudonymizeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudonymizeRequest").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl fmt::Debug for pseudonymize_stream_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(_) => f.debug_struct("Open").finish_non_exhaustive(),
            Self::Batch(batch) => batch.fmt(f),
        }
    }
}

impl fmt::Debug for PseudonymizeStreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PseudonymizeStreamRequest").field(&self.message).finish()
    }
}

impl fmt::Debug for RowNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowNote").finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterIds")
            .field("rows", &self.ids.len())
            .field("notes", &self.notes.len())
            .field("audit_entry", &self.audit_entry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PseudonymizeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudonymizeResponse").field("result", &self.result).finish_non_exhaustive()
    }
}

impl fmt::Debug for pseudonymize_stream_response::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(_) => f.debug_struct("Opened").finish_non_exhaustive(),
            Self::Result(result) => result.fmt(f),
            Self::Summary(summary) => summary.fmt(f),
        }
    }
}

impl fmt::Debug for PseudonymizeStreamResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PseudonymizeStreamResponse").field(&self.message).finish()
    }
}

impl fmt::Debug for GetReceiptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetReceiptResponse").field("index", &self.index).finish_non_exhaustive()
    }
}

impl fmt::Debug for ListEntriesResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListEntriesResponse").field("index", &self.index).finish_non_exhaustive()
    }
}

impl fmt::Debug for GrantBudgetRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantBudgetRequest").field("amount", &self.amount).finish_non_exhaustive()
    }
}

impl fmt::Debug for DeliveryHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryHeader")
            .field("purpose", &self.purpose())
            .field("mode", &self.mode())
            .field("identifier_exceptions", &self.identifier_exceptions.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IdentifierException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentifierException").finish_non_exhaustive()
    }
}

impl fmt::Debug for GiveShareRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GiveShareRequest").finish_non_exhaustive()
    }
}

impl fmt::Debug for UnsealRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsealRequest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::{DescriptorProto, FileDescriptorSet};

    use super::identifier_batch::Column;
    use super::secrets::SECRET_FIELDS;
    use super::*;

    fn messages() -> Vec<DescriptorProto> {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        set.file.into_iter().flat_map(|file| file.message_type).collect()
    }

    /// Messages with a secret field, and those that contain such a message.
    fn messages_with_secrets() -> BTreeSet<String> {
        let mut found: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = found.len();
            for message in messages() {
                let name = format!(".hvelv.v1.{}", message.name());
                let holds = message.field.iter().any(|field| {
                    let path = format!("{name}.{}", field.name());
                    SECRET_FIELDS.contains(&path.as_str()) || found.contains(field.type_name())
                });
                if holds {
                    found.insert(name);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// Goal: nobody adds a message around a secret and forgets it.  Method: the list in `build.rs`
    /// is compared with what the descriptors say.
    #[test]
    fn every_message_with_a_secret_is_redacted() {
        let build = include_str!("../../build.rs");
        for name in messages_with_secrets() {
            assert!(
                build.contains(&format!("\"{name}\"")),
                "{name} is not in REDACTED of build.rs"
            );
        }
    }

    /// Goal: a field that is new is looked at.  Method: fields of the kinds that can hold
    /// identifiers are secret, or known to be harmless.
    #[test]
    fn every_field_that_could_hold_an_identifier_was_looked_at() {
        // The files of a backup are sealed before they are sent.
        const HARMLESS: [&str; 9] = [
            ".hvelv.v1.BackupResponse.data",
            ".hvelv.v1.GetConsistencyProofResponse.path",
            ".hvelv.v1.GetInclusionProofResponse.leaf_hash",
            ".hvelv.v1.GetInclusionProofResponse.path",
            ".hvelv.v1.GetReceiptResponse.leaf_hash",
            ".hvelv.v1.GetReceiptResponse.path",
            ".hvelv.v1.GetReceiptResponse.salt",
            ".hvelv.v1.ListEntriesResponse.leaf_hash",
            ".hvelv.v1.ListEntriesResponse.salt",
        ];
        use prost_types::field_descriptor_proto::Type;
        for message in messages() {
            for field in &message.field {
                let path = format!(".hvelv.v1.{}.{}", message.name(), field.name());
                let is_wide = matches!(field.r#type(), Type::Bytes | Type::Fixed64);
                let is_known =
                    SECRET_FIELDS.contains(&path.as_str()) || HARMLESS.contains(&path.as_str());
                assert!(!is_wide || is_known, "{path}: secret or harmless?");
            }
        }
    }

    #[test]
    fn no_name_and_no_address_is_printed() {
        let texts = vec!["Kari".to_owned()];
        let contacts = Some(Contacts { names: texts.clone(), addresses: texts });
        let batch = IdentifierBatch { contacts, ..IdentifierBatch::default() };
        let shown = format!("{:?}{batch:#?}", batch.contacts);
        assert!(shown.contains("names: 1") && !shown.contains("Kari"), "{shown}");
    }

    #[test]
    fn no_message_prints_a_value() {
        const CANARY: &str = "12345678910";
        const NUMBER: u64 = 12_345_678_910;
        let text = TextColumn { values: vec![CANARY.to_owned()], row_types: Vec::new() };
        let columns = [
            Column::Text(text),
            Column::PackedAscii(CANARY.as_bytes().to_vec().into()),
            Column::Integers(IntegerColumn { values: vec![NUMBER] }),
        ];
        let mut shown = String::new();
        for column in columns {
            let batch = IdentifierBatch { column: Some(column), ..IdentifierBatch::default() };
            let message = Some(pseudonymize_stream_request::Message::Batch(batch.clone()));
            shown += &format!("{:?}{:#?}", batch.column, batch);
            shown += &format!("{:?}", PseudonymizeStreamRequest { message });
            shown += &format!("{:?}", PseudonymizeRequest { batch: Some(batch), delivery: None });
        }
        let note = RowNote { row: 0, code: 0, own_id: NUMBER };
        let ids = RegisterIds { ids: vec![NUMBER], notes: vec![note], ..RegisterIds::default() };
        let message = Some(pseudonymize_stream_response::Message::Result(ids.clone()));
        shown += &format!("{ids:?}{note:?}{:?}", PseudonymizeStreamResponse { message });
        let response = PseudonymizeResponse { result: Some(ids), delivery_id: String::new() };
        shown += &format!("{response:?}");
        let body = CANARY.as_bytes().to_vec();
        let receipt = GetReceiptResponse { body: body.clone(), ..GetReceiptResponse::default() };
        shown += &format!("{receipt:?}");
        shown += &format!("{:?}", ListEntriesResponse { body, ..ListEntriesResponse::default() });
        shown += &format!("{:?}", UnsealRequest { passphrase: CANARY.as_bytes().to_vec() });
        shown += &format!("{:?}", GiveShareRequest { share: CANARY.as_bytes().to_vec() });
        let reason = CANARY.to_owned();
        shown += &format!("{:?}", GrantBudgetRequest { reason, ..GrantBudgetRequest::default() });
        let batch = RegisterIdBatch {
            register: "NPR".to_owned(),
            ids: vec![NUMBER],
            ..RegisterIdBatch::default()
        };
        let message = Some(issue_serials_request::Message::Batch(batch));
        shown += &format!("{:?}", IssueSerialsRequest { message });
        let labels = vec![CANARY.to_owned()];
        let serials = Serials { serials: vec![NUMBER], notes: vec![note], audit_entry: 1, labels };
        let message = Some(issue_serials_response::Message::Result(serials));
        shown += &format!("{:?}", IssueSerialsResponse { message });
        let values = vec![CANARY.as_bytes().to_vec().into()];
        let batch = ValueBatch { institutions: values.clone(), values, ..ValueBatch::default() };
        let message = Some(issue_surrogates_request::Message::Batch(batch));
        shown += &format!("{:?}", IssueSurrogatesRequest { message });
        let surrogates = CANARY.as_bytes().to_vec();
        shown += &format!("{:?}", IssueSurrogatesResponse { surrogates, audit_entry: 1 });
        let recipient_key = CANARY.to_owned();
        let open = OpenDisclosureRequest { recipient_key, ..OpenDisclosureRequest::default() };
        shown += &format!("{open:?}");
        let (column, reason) = (CANARY.to_owned(), CANARY.to_owned());
        let exception = IdentifierException { column, reason, kind: String::new() };
        let identifier_exceptions = vec![exception];
        let header = DeliveryHeader { identifier_exceptions, ..DeliveryHeader::default() };
        shown += &format!("{header:?}{:?}", header.identifier_exceptions);
        let text = || CANARY.to_owned();
        let parameters = vec![ApprovalParameter { name: text(), value: text() }];
        shown += &format!("{parameters:?}");
        let act = ApprovalAct::BridgeIn.into();
        let (subject, reason, legal_basis) = (text(), text(), text());
        shown += &format!(
            "{:?}",
            RequestApprovalRequest { act, subject, parameters, reason, legal_basis }
        );
        let decision = DecideApprovalRequest { id: text(), verdict: 1, note: text() };
        shown += &format!("{decision:?}");
        assert!(shown.contains("rows: 1"), "{shown}");
        for canary in [CANARY, "12_345", "49, 50, 51"] {
            assert!(!shown.contains(canary), "{shown}");
        }
    }
}
