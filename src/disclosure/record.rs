//! What is stored of applications and disclosures: JSON, version field `v`.
//!
//! FORMAT: `docs/FORMATS.md`, "Application record" and "Disclosure record".
//!
//! Decisions, deliveries and histories are stored as they are: like
//! [`Terms`](super::terms::Terms) they are one type for record, wire and description, and any value
//! of theirs is legal.  An application or a disclosure is not: its record is a type of its own, and
//! comes back only if its history is one that could have happened.

use serde::{Deserialize, Serialize};

use super::application::{Application, ApplicationState, ApplicationStep, Request};
use super::decision::Decision;
use super::delivery::Delivery;
use super::history::{Change, History};
use super::id::{ApplicationId, DisclosureId};
use super::lifecycle::{Disclosure, DisclosureState, DisclosureStep, Opening};
use super::organisations::Recipient;

/// The only version yet.
const VERSION: u32 = 1;

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

/// An application as it is stored.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ApplicationRecord {
    v: u32,
    id: ApplicationId,
    request: Request,
    recipient: Recipient,
    decisions: Vec<Decision>,
    history: Vec<Change<ApplicationState, ApplicationStep>>,
}

/// A disclosure as it is stored.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DisclosureRecord {
    v: u32,
    application: ApplicationId,
    opening: Opening,
    deliveries: Vec<Delivery>,
    history: Vec<Change<DisclosureState, DisclosureStep>>,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

impl Application {
    /// The bytes of its record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = ApplicationRecord {
            v: VERSION,
            id: self.id,
            request: self.request.clone(),
            recipient: self.recipient.clone(),
            decisions: self.decisions.clone(),
            history: self.history.changes().to_vec(),
        };
        serde_json::to_vec(&record).expect("a record has text keys and no other map")
    }

    /// The application of a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: ApplicationRecord = decode(bytes)?;
        let history = History::replay(record.history).ok_or(RecordError::Damaged)?;
        let steps = history.changes().iter();
        let decided = steps.filter(|change| change.step == ApplicationStep::Decide).count();
        let is_its_recipient = record.recipient.number == record.request.organisation;
        if decided != record.decisions.len() || !is_its_recipient {
            return Err(RecordError::Damaged);
        }
        let ApplicationRecord { id, request, recipient, decisions, .. } = record;
        Ok(Self { id, request, recipient, decisions, history })
    }
}

impl Disclosure {
    /// The bytes of its record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = DisclosureRecord {
            v: VERSION,
            application: self.application,
            opening: self.opening.clone(),
            deliveries: self.deliveries.clone(),
            history: self.history.changes().to_vec(),
        };
        serde_json::to_vec(&record).expect("a record has text keys and no other map")
    }

    /// The disclosure of a record, which is stored under `id`.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(id: DisclosureId, bytes: &[u8]) -> Result<Self, RecordError> {
        let record: DisclosureRecord = decode(bytes)?;
        let history = History::replay(record.history).ok_or(RecordError::Damaged)?;
        let count = |step| history.changes().iter().filter(|change| change.step == step).count();
        let is_whole = count(DisclosureStep::Deliver) == record.deliveries.len()
            && count(DisclosureStep::ConfirmDeletion) <= record.deliveries.len().min(1)
            && record.opening.id == id;
        if !is_whole {
            return Err(RecordError::Damaged);
        }
        let DisclosureRecord { application, opening, deliveries, .. } = record;
        Ok(Self { opening, application, deliveries, history })
    }
}

pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, RecordError> {
    let VersionOnly { v } = serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)?;
    if v != VERSION {
        return Err(RecordError::Version);
    }
    serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)
}
