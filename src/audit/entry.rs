//! What one entry of the log says: who did what, when, with what right, and how much of it.
//!
//! It exists so that the log can be read for decades, by people and by programs that are not Hvelv:
//! a body is one JSON object, compact, with the field names below in this order.
//!
//! FORMAT: version 1. A field that is absent has nothing to say; none is `null` or empty.
//! ```text
//! v            1
//! time         RFC 3339, UTC, milliseconds: "2026-03-01T12:00:00.000Z"
//! actor        {"kind":"person" or "system","principal":…,"organisation":…} or {"kind":"server"}
//! action       what was done, see Action
//! register source delivery purpose mode basis       text; mode see Mode
//! counts       {name: number}, names ascending
//! digest       64 hexadecimal digits, keyed
//! messages     number of consecutive messages of a stream that the entry covers
//! reference    32 hexadecimal digits, random
//! changes      [text]
//! attempted    for "refused": the action that was refused
//! reason       for "refused": the stable error code; for "delivery_closed": "broken", or absent
//! application  number of the application of a disclosure
//! disclosure   32 hexadecimal digits, random
//! ```
//!
//! A later program may add a field at the end, or a value to `action`, `kind` or `mode`, under
//! version 1; any other change is version 2. A reader passes over a field that it does not know,
//! but not a version or a value: rather than show an entry that means something else it says so,
//! and the caller shows the body as it stands.
//!
//! INVARIANT: **no field holds an identifier, a person number, a register ID or a serial**, nor
//! anything computed from one without a key. An entry can be read by every auditor, leaves the
//! system in exports, and is never changed. Nothing checks this here: callers put counts, codes and
//! names from the configuration in it, and the leak tests look for canaries.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::reference::Reference;
use crate::crypto::{KeyedDigest, hex};

/// Why a body cannot be shown as an entry; show it as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Not JSON of the known form, or a value this program does not know.
    #[error("entry body is not understood at line {line}, column {column}")]
    Malformed {
        /// Line in the body, from 1.
        line: usize,
        /// Column in the line.
        column: usize,
    },
    /// A version this program does not know.
    #[error("entry has the unknown version {0}")]
    UnknownVersion(u64),
}

impl From<serde_json::Error> for EntryError {
    /// Keeps the place and drops the text, which could quote the body.
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

/// The version of the body's form; it has one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct EntryVersion(());

impl EntryVersion {
    const NUMBER: u64 = 1;
}

impl From<EntryVersion> for u64 {
    fn from(_: EntryVersion) -> Self {
        EntryVersion::NUMBER
    }
}

impl TryFrom<u64> for EntryVersion {
    type Error = EntryError;

    fn try_from(number: u64) -> Result<Self, EntryError> {
        if number == Self::NUMBER { Ok(Self(())) } else { Err(EntryError::UnknownVersion(number)) }
    }
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// A natural person.
    Person {
        /// Name of the principal in `access.toml`.
        principal: String,
        /// Its organisation.
        organisation: String,
    },
    /// The server itself: start, stop, expiry, sweeps.
    Server,
    /// A client system.
    System {
        /// Name of the principal in `access.toml`.
        principal: String,
        /// Its organisation.
        organisation: String,
    },
}

/// What was done. A name once given keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// At the key ceremony, the holders of what takes two persons to grant were taken from the access
    /// file; `changes` says who.
    AccessBootstrapped,
    /// The table of principals and roles was loaded; `changes` says how it differs, who waits for two
    /// persons, and at the first time who holds what takes two.
    AccessLoaded,
    /// What a client does looks like an enumeration, or somebody reveals much; `changes` says which, and
    /// the numbers; `counts` what it was measured by.
    AlarmRaised,
    /// IDs that a register had before were loaded beside those of today.
    AliasesLoaded,
    /// Pairs of IDs that a register had before and of those of today were read.
    AliasesRead,
    /// An application was recorded.
    ApplicationReceived,
    /// The authority's no to an application was recorded.
    ApplicationRefused,
    /// An application was taken back, or its decision annulled.
    ApplicationWithdrawn,
    /// A person approved what another asked for; `changes` says what, `digest` exactly what.
    ApprovalGiven,
    /// A person refused to approve it.
    ApprovalRefused,
    /// A person asked for the approval of another; `basis` says by which law or decision.
    ApprovalRequested,
    /// What was approved was done: the entry after this one.
    ApprovalUsed,
    /// A request for approval, approved or not, was taken back.
    ApprovalWithdrawn,
    /// Entries, a proof or a checkpoint were read.
    AuditRead,
    /// A backup is being made; `changes` says to whom it is sealed and what it goes on from.
    BackupBegun,
    /// All of a backup was answered; `digest` of its manifest is in `changes`.
    BackupSent,
    /// A linking party's word that it has deleted a bridge was recorded.
    BridgeDeleted,
    /// A file of identifiers and serials was sealed to a linking party and answered.
    BridgeIssued,
    /// IDs of another party were taken from it, in the place of serials.
    BridgeLoaded,
    /// A principal was granted more of a budget; `changes` says what, `basis` why.
    BudgetGranted,
    /// What an officer found about a request for erasure was recorded; `changes` says in which case.
    CaseAssessed,
    /// A request for erasure was recorded; `changes` says what is asked for.
    CaseReceived,
    /// A request for erasure was refused.
    CaseRefused,
    /// A request for erasure was taken back.
    CaseWithdrawn,
    /// Requests for erasure were read.
    CasesRead,
    /// A person's consent was recorded; `changes` says to what.
    ConsentGiven,
    /// A person's consent ended.
    ConsentWithdrawn,
    /// IDs of a one-way register were answered with those of another, to who has them; its persons are
    /// those who were asked about.
    ConversionAnswered,
    /// A window of a conversion ended; `changes` says how.
    ConversionClosed,
    /// A window of a conversion was opened; its persons are those whose identities were opened.
    ConversionOpened,
    /// A decision on an application was recorded; `basis` has its reference.
    DecisionRecorded,
    /// A recipient's word that it has deleted the data was recorded.
    DeletionConfirmed,
    /// A delivery was closed.
    DeliveryClosed,
    /// A delivery was opened.
    DeliveryOpened,
    /// A delivery that goes on stored what it had so far.
    DeliveryStored,
    /// A disclosure was closed: its key is destroyed.
    DisclosureClosed,
    /// Nothing more is issued in a disclosure.
    DisclosureCompleted,
    /// A disclosure was opened: it has a key.
    DisclosureOpened,
    /// An erasure was decided: the data are out of reach, and the register has an order; `changes` says
    /// of what.
    ErasureOrdered,
    /// An extract was recorded and its manifest signed; `changes` has what the guard let pass.
    ExtractRecorded,
    /// Changes of a register's IDs were read.
    IdChangesRead,
    /// Bodies of old entries were dropped; `changes` says of which.
    EntriesPruned,
    /// A role that takes two persons to grant was granted; `changes` says which, to whom.
    RoleGranted,
    /// A person's IDs in a register were replaced; `changes` says why, `reference` is to the person.
    IdReissued,
    /// A sender stated which identifiers are one person's; `counts` says what became of the rows.
    IdentifiersLinked,
    /// A sender took back what it had stated of identifiers.
    IdentifiersUnlinked,
    /// IDs that a register had before were answered with those of today.
    IdsConverted,
    /// Events about identities were recorded; `source` has the feed, `changes` what was out of order.
    IdentityEventsApplied,
    /// Tags and sealed identities were removed from the vault; `counts` says of how many persons.
    IdentitiesErased,
    /// Identifiers were answered with register IDs, new persons being assigned one.
    Ingest,
    /// A custodian was told who a person of a register is; `reference` is to them.
    IdentityRevealed,
    /// The stores and the log were made.
    Initialised,
    /// Everything that is said about a person was answered; `changes` says who asked, and what was so.
    InnsynGiven,
    /// Keys that have a successor were destroyed; `changes` says which.
    KeyDestroyed,
    /// A key got a successor, for what is made from then on; `changes` says which.
    KeyRotated,
    /// After a crash: the keys of disclosures were wrapped under the next erasure key.
    KeysRewrapped,
    /// The log was exported.
    LogExported,
    /// A passphrase opened roots; `changes` says which. Recorded when the server opens.
    PassphraseGiven,
    /// A root was sealed under another passphrase; `changes` says which.
    PassphraseChanged,
    /// Links that may not be shown to a register were read by a custodian.
    ProtectedLinksRead,
    /// A register said that it has deleted what was ordered.
    OrderConfirmed,
    /// A register read its orders.
    OrdersRead,
    /// What a person has said to a quality register was recorded; `changes` says what, to which and when.
    QualityConsentRecorded,
    /// A quality register was answered who has consented to it.
    QualityConsentsChecked,
    /// A receipt for an entry of its own was given to who caused it.
    ReceiptGiven,
    /// What older keys had sealed was sealed under the active ones, all of it but for what does not open;
    /// `changes` says how much.
    RecordsResealed,
    /// Replaced IDs of a register were read by a custodian.
    ReissuesRead,
    /// A request was refused; `attempted` says what it asked for, `reason` why.
    Refused,
    /// A reservation of a person ended; `changes` says against what.
    ReservationLifted,
    /// A reservation of a person was recorded; `changes` says against what.
    ReservationSet,
    /// A register was ordered to delete what it keeps too long.
    RetentionOrdered,
    /// What is to be done because a time is over was listed; `digest` is of the list.
    RetentionPlanned,
    /// What was listed is being done; `digest` is of the list.
    RetentionRun,
    /// Identifiers of persons already known were answered with register IDs.
    Resolve,
    /// Reservations and consents of one person were read.
    RightsRead,
    /// A root was replaced and its keys wrapped anew; `changes` says which, and what opens it.
    RootReplaced,
    /// The server was sealed: its keys were wiped from memory; `changes` says why, if nobody asked.
    Sealed,
    /// The person of a serial was identified; `reference` is to them.
    SerialIdentified,
    /// What a restore has lost was accepted by two persons; `changes` says what.
    RestoreAccepted,
    /// Both stores were restored from a backup; `changes` says which, and what it may have lost.
    Restored,
    /// Register IDs were answered with serials of a disclosure.
    SerialsIssued,
    /// A stream of serials ended.
    SerialsStored,
    /// Checkpoints are signed by a further key from here on; `changes` has its verifier key.
    SigningKeyAdded,
    /// Values of secondary identifiers were answered with surrogates.
    SurrogatesIssued,
    /// A holder gave a share of a root; `changes` says which. Recorded when the server opens.
    ShareGiven,
    /// Shares of a root were made; `changes` says of which, how many, and how many open it.
    SharesMade,
    /// The server was unsealed.
    Unsealed,
    /// A window of a joint disclosure ended; `changes` says how.
    WindowClosed,
    /// A window of a joint disclosure was opened; `changes` says until when.
    WindowOpened,
}

/// What a request may do with persons who are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// Answers only for persons who are already known.
    ResolveOnly,
    /// Assigns an ID to whoever has none.
    ResolveOrAssign,
}

/// One entry of the log. The field order is the order in the body.
///
/// Fields are set on top of [`Entry::new`]; no field may hold an identifier, a person number or an
/// ID (see the module's invariant). Write it with [`Entry::encode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The form's version.
    #[serde(rename = "v")]
    pub version: EntryVersion,
    /// When, by the server's clock; written with milliseconds, the rest cut off.
    #[serde(with = "rfc3339_ms")]
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// Code of the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// Name of the source that delivers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Number of the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Purpose, a code of the register's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// What was allowed with unknown persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Legal basis or decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// How many of what: rows, assigned, unknown, bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<Cow<'static, str>, u64>,
    /// Keyed digest of what was answered. Keyed, because a plain hash of a batch of one is a
    /// searchable hash of a national identifier.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "keyed_digest")]
    pub digest: Option<KeyedDigest>,
    /// How many consecutive messages of one stream the entry covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Randomised reference to the person an act is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// What changed, one line each, for loads of configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// For [`Action::Refused`]: what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<Action>,
    /// For [`Action::Refused`]: the stable error code. For [`Action::DeliveryClosed`]: `broken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of the application, `A-2026-0001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Id of the disclosure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<String>,
}

impl Entry {
    /// An entry that says only who did what and when.
    #[must_use]
    pub fn new(time: Timestamp, actor: Actor, action: Action) -> Self {
        Self {
            version: EntryVersion::default(),
            time,
            actor,
            action,
            register: None,
            source: None,
            delivery: None,
            purpose: None,
            mode: None,
            basis: None,
            counts: BTreeMap::new(),
            digest: None,
            messages: None,
            reference: None,
            changes: Vec::new(),
            attempted: None,
            reason: None,
            application: None,
            disclosure: None,
        }
    }

    /// The body: compact JSON. The same entry always gives the same bytes.
    #[must_use]
    pub fn encode(&self) -> String {
        // PANIC: serde_json refuses a value only for a map key that is no string or a `Serialize`
        // that reports an error; the keys here are strings and every `Serialize` is infallible.
        serde_json::to_string(self).expect("an entry has string keys and infallible fields only")
    }

    /// Reads a body back, for display.
    ///
    /// The body's bytes are the truth: they are what the leaf hash covers. Fields this program does
    /// not know are passed over.
    ///
    /// # Errors
    ///
    /// [`EntryError`]: the body is to be shown as it stands.
    pub fn decode(body: &str) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct VersionOnly {
            v: u64,
        }

        let VersionOnly { v } = serde_json::from_str(body)?;
        EntryVersion::try_from(v)?;
        Ok(serde_json::from_str(body)?)
    }
}

/// Time as RFC 3339, UTC, with three digits after the second.
mod rfc3339_ms {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("time is not RFC 3339"))
    }
}

/// A keyed digest as 64 hexadecimal digits.
mod keyed_digest {
    use serde::{Deserializer, Serializer};

    use super::{KeyedDigest, hex};

    pub(super) fn serialize<S: Serializer>(
        digest: &Option<KeyedDigest>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => hex::serialize(digest.as_bytes(), serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<KeyedDigest>, D::Error> {
        hex::deserialize(deserializer).map(|bytes| Some(KeyedDigest::from_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests;
