//! What is stored of cases and orders: JSON, version field `v`, sealed by who stores it.
//!
//! FORMAT: `docs/FORMATS.md`, "Case record" and "Order record".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::assessment::Assessment;
use super::case::{Case, CaseState, CaseStep, Decision, Request, Whom};
use super::id::CaseId;
use super::order::{About, Confirmation, Order, OrderReason};
use super::scope::Scope;
use crate::config::codes::RegisterCode;
use crate::disclosure::history::{Change, History};

const VERSION: u32 = 1;
/// Room for a record, so that its buffer does not grow and leave copies behind.
const RECORD_BYTES: usize = 4096;

/// A stored record that is none: nothing of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not of the layout, or a history that cannot have happened.
    #[error("the record is damaged")]
    Damaged,
    /// Written by a later program.
    #[error("the record is of a later version than this program knows")]
    Version,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseV1 {
    v: u32,
    id: CaseId,
    register: RegisterCode,
    whom: Whom,
    request: Request,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assessment: Option<Assessment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    history: Vec<Change<CaseState, CaseStep>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderV1 {
    v: u32,
    at: Timestamp,
    about: About,
    scope: Scope,
    reason: OrderReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case: Option<CaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<Confirmation>,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

fn encode(record: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(RECORD_BYTES));
    // PANIC: serde_json refuses a map key that is no string, and a writer that fails; there is
    // neither.
    serde_json::to_writer(&mut *plain, record).expect("the record has text keys and no other map");
    plain
}

fn decode<'a, T: Deserialize<'a>>(plain: &'a [u8]) -> Result<T, RecordError> {
    let VersionOnly { v } = serde_json::from_slice(plain).map_err(|_| RecordError::Damaged)?;
    if v != VERSION {
        return Err(RecordError::Version);
    }
    serde_json::from_slice(plain).map_err(|_| RecordError::Damaged)
}

impl Case {
    /// The plaintext of its record.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        encode(&CaseV1 {
            v: VERSION,
            id: self.id,
            register: self.register.clone(),
            whom: self.whom.clone(),
            request: self.request.clone(),
            assessment: self.assessment.clone(),
            decision: self.decision.clone(),
            order: self.order,
            history: self.history.changes().to_vec(),
        })
    }

    /// The case of a record, which is stored under `id`.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(id: CaseId, plain: &[u8]) -> Result<Self, RecordError> {
        let record: CaseV1 = decode(plain)?;
        let history = History::replay(record.history).ok_or(RecordError::Damaged)?;
        let has = |step| history.last(step).is_some();
        let decided = has(CaseStep::Grant) || has(CaseStep::Refuse);
        let is_whole = record.id == id
            && !record.whom.persons.is_empty()
            && record.assessment.is_some() == has(CaseStep::Assess)
            && record.decision.is_some() == decided
            && record.order.is_some() == has(CaseStep::Grant);
        if !is_whole {
            return Err(RecordError::Damaged);
        }
        let CaseV1 { register, whom, request, assessment, decision, order, .. } = record;
        Ok(Self { id, register, whom, request, assessment, decision, order, history })
    }
}

impl Order {
    /// The plaintext of its record.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        encode(&OrderV1 {
            v: VERSION,
            at: self.at,
            about: self.about.clone(),
            scope: self.scope.clone(),
            reason: self.reason,
            case: self.case,
            confirmed: self.confirmed.clone(),
        })
    }

    /// The order of a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(plain: &[u8]) -> Result<Self, RecordError> {
        let OrderV1 { at, about, scope, reason, case, confirmed, .. } = decode(plain)?;
        // An order about nobody must never be read as one about everybody.
        if matches!(&about, About::Person { leaves, .. } if leaves.is_empty()) {
            return Err(RecordError::Damaged);
        }
        Ok(Self { at, about, scope, reason, case, confirmed })
    }
}
