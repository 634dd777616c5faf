//! Every request message: what is decoded is encoded, decoded and printed again.

use std::fmt::Debug;

use hvelv::rpc::proto;
use prost::Message;

type Decode = fn(&[u8]);

macro_rules! requests {
    ($($name:ident)*) => {
        /// Names of the messages, in order.
        #[cfg(test)]
        pub(crate) fn names() -> Vec<&'static str> {
            vec![$(stringify!($name)),*]
        }

        const DECODE: &[Decode] = &[$(again::<proto::$name>),*];
    };
}

requests! {
    AcceptRestoreRequest
    ApplyEventsRequest
    AssessCaseRequest
    BackupRequest
    CheckQualityConsentsRequest
    CloseConversionRequest
    CloseDisclosureRequest
    CloseWindowRequest
    CompleteDisclosureRequest
    ConfirmBridgeDeletionRequest
    ConfirmDeletionRequest
    ConfirmOrderRequest
    ConvertIdsRequest
    ConvertOneWayIdsRequest
    DecideApprovalRequest
    DecideCaseRequest
    GetAccessRequest
    GetApplicationRequest
    GetApprovalRequest
    GetCaseRequest
    GetCheckpointRequest
    GetConsistencyProofRequest
    GetDisclosureRequest
    GetInclusionProofRequest
    GetInnsynRequest
    GetReceiptRequest
    GetRegisterRequest
    GetRestoreRequest
    GetRightsRequest
    GiveConsentRequest
    GiveShareRequest
    GrantBudgetRequest
    GrantRoleRequest
    IdentifySerialRequest
    IssueBridgeRequest
    IssueSerialsRequest
    IssueSurrogatesRequest
    LiftReservationRequest
    LinkIdentifiersRequest
    ListAliasesRequest
    ListApplicationsRequest
    ListApprovalsRequest
    ListBridgesRequest
    ListBudgetsRequest
    ListCasesRequest
    ListDisclosuresRequest
    ListEntriesRequest
    ListIdChangesRequest
    ListOrdersRequest
    ListProtectedLinksRequest
    ListRegistersRequest
    ListReissuesRequest
    LoadAliasesRequest
    LoadBridgeRequest
    OpenConversionRequest
    OpenDisclosureRequest
    OpenWindowRequest
    PlanRetentionRequest
    PruneEntriesRequest
    PseudonymizeRequest
    PseudonymizeStreamRequest
    ReceiveApplicationRequest
    ReceiveCaseRequest
    RecordDecisionRequest
    RecordDeliveryRequest
    RecordQualityConsentRequest
    RefuseApplicationRequest
    ReissueIdsRequest
    RequestApprovalRequest
    RevealIdentityRequest
    RouteApplicationRequest
    RunRetentionRequest
    SealRequest
    SetReservationRequest
    StatusRequest
    UnlinkIdentifiersRequest
    UnsealRequest
    WithdrawApplicationRequest
    WithdrawApprovalRequest
    WithdrawCaseRequest
    WithdrawConsentRequest
}

/// A message of the kind that the first byte says.
pub(super) fn messages(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    DECODE[usize::from(*which) % DECODE.len()](rest);
}

fn again<M: Message + Default + Debug>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    let encoded = message.encode_to_vec();
    assert_eq!(message.encoded_len(), encoded.len());
    let again = M::decode(&encoded[..]).expect("what was encoded is decoded");
    assert_eq!(again.encode_to_vec(), encoded);
    assert!(!format!("{message:?}").is_empty());
}
