//! What messages of rights show of themselves: their names.

use std::fmt;

use super::disclosure::hidden;
use super::*;

// Whom a call is about, and what a person has said.
hidden!(
    GetRightsRequest,
    GetRightsResponse,
    GiveConsentRequest,
    LiftReservationRequest,
    RightsFact,
    RightsSubject,
    SetReservationRequest,
    WithdrawConsentRequest,
);
