//! What messages of rights show of themselves: their names.

use std::fmt;

use super::disclosure::hidden;
use super::*;

// Whom a call is about, what a person has said, and what is said to the person.
hidden!(
    CheckQualityConsentsRequest,
    CheckQualityConsentsResponse,
    GetInnsynRequest,
    GetInnsynResponse,
    GetRightsRequest,
    GetRightsResponse,
    GiveConsentRequest,
    InnsynAccess,
    InnsynBridge,
    InnsynCase,
    InnsynDisclosure,
    InnsynFact,
    InnsynFacts,
    InnsynKept,
    InnsynOrganisation,
    InnsynQualityConsent,
    InnsynRegister,
    InnsynRegisterIds,
    InnsynReport,
    InnsynSource,
    InnsynTerm,
    LiftReservationRequest,
    RecordQualityConsentRequest,
    RightsFact,
    RightsSubject,
    SetReservationRequest,
    WithdrawConsentRequest,
);

// What a person asks for and why, what was found, and IDs.
hidden!(
    AssessCaseRequest,
    AssessCaseResponse,
    CaseStep,
    DataScope,
    DecideCaseRequest,
    DecideCaseResponse,
    DeletionOrder,
    ErasureCase,
    GetCaseResponse,
    ListCasesResponse,
    ListOrdersResponse,
    ReceiveCaseRequest,
    ReceiveCaseResponse,
    WithdrawCaseRequest,
    WithdrawCaseResponse,
);

// IDs, and why somebody wants them.
hidden!(ConvertOneWayIdsRequest, ConvertOneWayIdsResponse, OpenConversionRequest);

impl fmt::Debug for decide_case_request::Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision").finish_non_exhaustive()
    }
}
