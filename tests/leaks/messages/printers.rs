//! How messages of some services show themselves.

use super::*;

pub(super) fn printers_of_identities() -> Printers {
    shown_of![
        ApplyEventsRequest,
        ApplyEventsResponse,
        EventReport,
        IdChange,
        IdentityEvent,
        ListIdChangesRequest,
        ListIdChangesResponse,
        ListProtectedLinksRequest,
        ListProtectedLinksResponse,
        ProtectedLink,
        RestoredId,
        SupersededId,
    ]
}

pub(super) fn printers_of_rights() -> Printers {
    shown_of![
        CheckQualityConsentsRequest,
        CheckQualityConsentsResponse,
        GetInnsynRequest,
        GetInnsynResponse,
        GetRightsRequest,
        GetRightsResponse,
        GiveConsentRequest,
        GiveConsentResponse,
        InnsynAccess,
        InnsynBridge,
        InnsynCase,
        InnsynDisclosure,
        InnsynFact,
        InnsynFacts,
        InnsynOrganisation,
        InnsynQualityConsent,
        InnsynRegister,
        InnsynRegisterIds,
        InnsynReport,
        InnsynSource,
        InnsynTerm,
        LiftReservationRequest,
        LiftReservationResponse,
        RecordQualityConsentRequest,
        RecordQualityConsentResponse,
        RightsFact,
        RightsSubject,
        SetReservationRequest,
        SetReservationResponse,
        WithdrawConsentRequest,
        WithdrawConsentResponse,
    ]
}

pub(super) fn printers_of_erasure() -> Printers {
    shown_of![
        AssessCaseRequest,
        AssessCaseResponse,
        CaseStep,
        ConfirmOrderRequest,
        ConfirmOrderResponse,
        DataScope,
        DecideCaseRequest,
        DecideCaseResponse,
        DeletionOrder,
        ErasureCase,
        GetCaseRequest,
        GetCaseResponse,
        ListCasesRequest,
        ListCasesResponse,
        ListOrdersRequest,
        ListOrdersResponse,
        PlanRetentionRequest,
        PlanRetentionResponse,
        ReceiveCaseRequest,
        ReceiveCaseResponse,
        RetentionAction,
        RunRetentionRequest,
        RunRetentionResponse,
        WithdrawCaseRequest,
        WithdrawCaseResponse,
    ]
}

pub(super) fn printers_of_bridges() -> Printers {
    shown_of![
        Bridge,
        BridgeIn,
        BridgeIssued,
        BridgeOut,
        CloseWindowRequest,
        CloseWindowResponse,
        ConfirmBridgeDeletionRequest,
        ConfirmBridgeDeletionResponse,
        IssueBridgeRequest,
        IssueBridgeResponse,
        LinkingParty,
        ListBridgesRequest,
        ListBridgesResponse,
        LoadBridgeHeader,
        LoadBridgeRequest,
        LoadBridgeResponse,
        OpenWindowRequest,
        OpenWindowResponse,
        RefusedRow,
        RevealIdentityRequest,
        RevealIdentityResponse,
        RevealedIdentifier,
    ]
}
