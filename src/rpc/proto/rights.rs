//! What messages of rights show of themselves: their names.

use std::fmt;

use super::disclosure::hidden;
use super::*;

// Whom a call is about, what a person has said, and what is said to the person.
hidden!(
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
    InnsynOrganisation,
    InnsynRegister,
    InnsynRegisterIds,
    InnsynReport,
    InnsynSource,
    InnsynTerm,
    LiftReservationRequest,
    RightsFact,
    RightsSubject,
    SetReservationRequest,
    WithdrawConsentRequest,
);
