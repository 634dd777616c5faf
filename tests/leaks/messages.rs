//! `Debug` of every message: none that holds an identifier, an ID or a secret shows one.
//!
//! Method: the descriptors say which fields a message has; a canary is written into each of them, at
//! any depth, as the wire has it; each Rust type decodes that and is printed.  Types that may show
//! what they hold are listed, so that a new message is redacted or added here by a decision.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

use hvelv::rpc::proto::{self, FILE_DESCRIPTOR_SET};

const CANARY: u64 = 41_814_061_033;

/// Prints a message of each type.
macro_rules! shown_of {
    ($($name:ident),+ $(,)?) => {
        BTreeMap::from([$((
            stringify!($name),
            (|bytes: &[u8]| {
                let message = proto::$name::decode(bytes).unwrap();
                format!("{message:?} {message:#?}")
            }) as fn(&[u8]) -> String,
        )),+])
    };
}

mod printers;
mod shown;

use shown::SHOWN;

use printers::{
    printers_of_access, printers_of_bridges, printers_of_erasure, printers_of_identities,
    printers_of_rights,
};

type Printers = BTreeMap<&'static str, fn(&[u8]) -> String>;

fn printers() -> Printers {
    let mut printers = shown_of![
        Approval,
        ApprovalMove,
        ApprovalParameter,
        ApprovalParty,
        BudgetGrant,
        BudgetStatus,
        CalendarDate,
        DecideApprovalRequest,
        DecideApprovalResponse,
        DeliveryHeader,
        DeliveryOpened,
        DeliverySummary,
        GetApprovalRequest,
        GetApprovalResponse,
        GetCheckpointRequest,
        GetCheckpointResponse,
        GetConsistencyProofRequest,
        GetConsistencyProofResponse,
        GetInclusionProofRequest,
        GetInclusionProofResponse,
        GetReceiptRequest,
        GetReceiptResponse,
        GetRegisterRequest,
        GetRegisterResponse,
        GrantBudgetRequest,
        GrantBudgetResponse,
        IdentifierBatch,
        IdentifierException,
        IntegerColumn,
        ListApprovalsRequest,
        ListApprovalsResponse,
        ListBudgetsRequest,
        ListBudgetsResponse,
        ListEntriesRequest,
        ListEntriesResponse,
        ListRegistersRequest,
        ListRegistersResponse,
        Organisation,
        PseudonymizeRequest,
        PseudonymizeResponse,
        PseudonymizeStreamRequest,
        PseudonymizeStreamResponse,
        Register,
        RegisterIds,
        RegisterStatus,
        ReportingPeriod,
        RequestApprovalRequest,
        RequestApprovalResponse,
        RowNote,
        RowType,
        SealRequest,
        SealResponse,
        Source,
        StatusRequest,
        StatusResponse,
        TextColumn,
        WithdrawApprovalRequest,
        WithdrawApprovalResponse,
    ];
    printers.extend(printers_of_backups());
    printers.extend(printers_of_shares());
    printers.extend(printers_of_access());
    printers.extend(printers_of_bridges());
    printers.extend(printers_of_disclosures());
    printers.extend(printers_of_identities());
    printers.extend(printers_of_rights());
    printers.extend(printers_of_erasure());
    printers
}

fn printers_of_shares() -> Printers {
    shown_of![GiveShareRequest, GiveShareResponse, RootStatus, UnsealRequest, UnsealResponse]
}

fn printers_of_backups() -> Printers {
    shown_of![
        AcceptRestoreRequest,
        AcceptRestoreResponse,
        PruneEntriesRequest,
        PruneEntriesResponse,
        BackupBegun,
        BackupComplete,
        BackupRequest,
        BackupResponse,
        GetRestoreRequest,
        GetRestoreResponse,
    ]
}

fn printers_of_disclosures() -> Printers {
    shown_of![
        Application,
        ApplicationRequest,
        CloseDisclosureRequest,
        CloseDisclosureResponse,
        CompleteDisclosureRequest,
        CompleteDisclosureResponse,
        ConfirmDeletionRequest,
        ConfirmDeletionResponse,
        Decision,
        Disclosure,
        ExtractDelivery,
        Generalisation,
        GetApplicationRequest,
        GetApplicationResponse,
        GetDisclosureRequest,
        GetDisclosureResponse,
        HistoryStep,
        IdentifySerialRequest,
        IdentifySerialResponse,
        IssueSerialsRequest,
        IssueSerialsResponse,
        IssueSurrogatesRequest,
        IssueSurrogatesResponse,
        ListApplicationsRequest,
        ListApplicationsResponse,
        ListDisclosuresRequest,
        ListDisclosuresResponse,
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
        RegisterIdBatch,
        RegisterTerms,
        ReservationOverride,
        RouteApplicationRequest,
        RouteApplicationResponse,
        SecondaryIdentifier,
        Serials,
        SerialsHeader,
        SerialsOpened,
        SerialsSummary,
        SmallCells,
        SurrogatesHeader,
        Terms,
        ValueBatch,
        Variable,
        WithdrawApplicationRequest,
        WithdrawApplicationResponse,
    ]
}

fn descriptors() -> BTreeMap<String, DescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours = set.file.into_iter().filter(|file| file.package() == "hvelv.v1");
    ours.flat_map(|file| file.message_type).map(|one| (one.name().to_owned(), one)).collect()
}

/// A message of a type with a canary in every field, each field of a oneof in turn: of the wire's
/// fields of one oneof the last counts, so one message is made for each.
fn filled(all: &BTreeMap<String, DescriptorProto>, message: &DescriptorProto) -> Vec<Vec<u8>> {
    let choices = message.field.iter().filter(|field| field.oneof_index.is_some()).count();
    (0..choices.max(1))
        .flat_map(|choice| {
            let mut variants = vec![Vec::new()];
            let mut met = 0;
            for field in &message.field {
                if field.oneof_index.is_some() {
                    met += 1;
                    if met != choice + 1 {
                        continue;
                    }
                }
                let values: Vec<Vec<u8>> = match field.r#type() {
                    Type::Message => {
                        let inner = field.type_name().rsplit('.').next().unwrap();
                        // What may be shown is empty here; it is filled where it stands alone.
                        let inner = if SHOWN.contains(&inner) {
                            vec![Vec::new()]
                        } else {
                            let mut within = message.nested_type.iter();
                            let within = within.find(|one| one.name() == inner);
                            filled(all, within.unwrap_or_else(|| &all[inner]))
                        };
                        inner.into_iter().map(|bytes| delimited(&bytes)).collect()
                    }
                    kind => vec![scalar(kind, field.label() == Label::Repeated)],
                };
                let tag = varint(u64::from(field.number().unsigned_abs()) << 3 | wire(field));
                variants = variants
                    .iter()
                    .flat_map(|before| {
                        values.iter().map(|value| [&before[..], &tag[..], &value[..]].concat())
                    })
                    .collect();
            }
            variants
        })
        .collect()
}

fn wire(field: &prost_types::FieldDescriptorProto) -> u64 {
    let packed = field.label() == Label::Repeated;
    match field.r#type() {
        Type::Bytes | Type::Message | Type::String => 2,
        _ if packed => 2,
        Type::Fixed64 => 1,
        _ => 0,
    }
}

fn scalar(kind: Type, is_repeated: bool) -> Vec<u8> {
    let value = match kind {
        Type::Bytes | Type::String => return delimited(CANARY.to_string().as_bytes()),
        Type::Fixed64 => CANARY.to_le_bytes().to_vec(),
        // Counts and places in the log: identifiers and IDs travel as none of these.
        Type::Bool | Type::Enum | Type::Sint64 | Type::Uint32 | Type::Uint64 => varint(1),
        other => panic!("{other:?}: say here how the wire writes it"),
    };
    if is_repeated { delimited(&value) } else { value }
}

fn delimited(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(value, &mut bytes);
    bytes
}

/// Whether a text shows the canary: as digits, or as a list of bytes.
fn shows_canary(text: &str) -> bool {
    let digits = CANARY.to_string();
    let list: Vec<String> = digits.bytes().map(|byte| byte.to_string()).collect();
    let without_blanks: String = text.split(char::is_whitespace).collect();
    text.contains(&digits) || without_blanks.contains(&list.join(","))
}

#[test]
fn no_message_that_holds_an_identifier_shows_it_in_its_debug_output() {
    let (all, printers) = (descriptors(), printers());
    let known: BTreeSet<&str> = printers.keys().copied().collect();
    let existing: BTreeSet<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(known, existing, "every message of the interface is printed here");
    let mut hidden = 0;
    for (name, print) in printers {
        for bytes in filled(&all, &all[name]) {
            let is_shown = shows_canary(&print(&bytes));
            assert!(!is_shown || SHOWN.contains(&name), "{name} shows what it holds");
            hidden += usize::from(!is_shown);
        }
    }
    assert!(hidden >= 13, "messages were filled and printed");
}

#[test]
fn the_canary_is_seen_in_every_form_that_debug_gives_it() {
    let bytes = CANARY.to_string().into_bytes();
    for text in [format!("{CANARY}"), format!("{bytes:?}"), format!("{bytes:#?}")] {
        assert!(shows_canary(&text), "{text}");
    }
    let all = descriptors();
    let register = &filled(&all, &all["Register"])[0];
    assert!(shows_canary(&printers()["Register"](register)), "a field that is shown is seen");
    assert!(!shows_canary("TextColumn { rows: 1, .. }"));
}
