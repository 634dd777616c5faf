//! A link, and its end, as they are stored.
//!
//! FORMAT: docs/FORMATS.md, section "Link".

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::codes::{OrganisationNumber, PrincipalName, RegisterCode, SourceCode, TermCode};
use crate::config::words::word_enum;
use crate::vault::PersonNo;

const VERSION: u8 = 1;
/// Room for a record, so that its buffer does not grow and leave copies behind.
const RECORD_BYTES: usize = 512;

word_enum! {
    /// Why two identifiers are one person's, or no longer are: the name of the event in
    /// Folkeregisteret, or that a sender has stated it.
    pub enum LinkReason {
        /// A false identity, and whose it is.
        FalseIdentity = "endringIFalskIdentitet",
        /// Another fødselsnummer or D-number.
        IdentifierChanged = "endringIIdentifikasjonsnummer",
        /// A DUF-number.
        DufChanged = "endringIUtlendingsmyndighetenesIdentifikasjonsnummer",
        /// A split: the number that stays.
        SplitChanged = "personErEndretVedSplitting",
        /// A split: the number that comes back.
        SplitRestored = "personErGjenopprettetVedSplitting",
        /// A merge: the number that ends.
        MergedAway = "personErOpphoertSomDublett",
        /// A merge: the number that is carried on.
        MergedInto = "personErViderefoertSomGjeldendeVedSammenslaaing",
        /// A message for a register had both in one row, or its sender took that back.
        Stated = "stated",
    }
}

word_enum! {
    /// Whether a link may be shown to a register.
    pub enum Protection {
        /// To a custodian only.
        Protected = "protected",
        /// To those who hold the person.
        Shown = "shown",
    }
}

/// An identifier's own person number, and where in the order of drawing it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The person number.
    pub person: PersonNo,
    /// Its position in the vault: of two leaves, the one with the lower was drawn first.
    pub drawn: u64,
}

/// The event of a feed that something was known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId {
    /// The feed.
    pub feed: TermCode,
    /// Its sequence number there.
    pub sequence: u64,
}

/// Whose message said something about identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The register that it was for.
    pub register: RegisterCode,
    /// Its source.
    pub source: SourceCode,
}

/// How something about an identity came to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// By which event.
    pub event: Option<EventId>,
    /// Since when it is so, as far as that is known.
    pub effective: Option<Date>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub principal: PrincipalName,
    /// The organisation of who recorded it.
    pub organisation: OrganisationNumber,
    /// By whose message, if it was one.
    pub statement: Option<Statement>,
}

/// What a link fact says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Two leaves are one person's.
    Joined([Leaf; 2], Protection),
    /// One earlier link, by its sequence number, is no longer in force.
    Separated(u64),
}

/// A link or its end, with why and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFact {
    /// What.
    pub change: LinkChange,
    /// Why.
    pub reason: LinkReason,
    /// How it came to be known.
    pub provenance: Provenance,
}

/// Version 1.  No `Debug`: it has person numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaves: Option<[u64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawn: Option<[u64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<u64>,
    reason: String,
    provenance: StoredProvenance,
}

/// How something came to be known, as links and person facts have it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredProvenance {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective: Option<String>,
    at: String,
    principal: String,
    organisation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    register: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl StoredProvenance {
    pub(super) fn new(provenance: &Provenance) -> Self {
        let (event, statement) = (provenance.event.as_ref(), provenance.statement.as_ref());
        Self {
            feed: event.map(|event| event.feed.to_string()),
            event: event.map(|event| event.sequence),
            effective: provenance.effective.map(|date| date.to_string()),
            at: provenance.at.to_string(),
            principal: provenance.principal.to_string(),
            organisation: provenance.organisation.to_string(),
            register: statement.map(|statement| statement.register.to_string()),
            source: statement.map(|statement| statement.source.to_string()),
        }
    }

    pub(super) fn read(self) -> Option<Provenance> {
        let event = match (self.feed, self.event) {
            (Some(feed), Some(sequence)) => Some(EventId { feed: feed.parse().ok()?, sequence }),
            (None, None) => None,
            _ => return None,
        };
        let statement = match (self.register, self.source) {
            (Some(register), Some(source)) => {
                Some(Statement { register: register.parse().ok()?, source: source.parse().ok()? })
            }
            (None, None) => None,
            _ => return None,
        };
        let effective = self.effective.map(|date| date.parse().ok());
        Some(Provenance {
            event,
            effective: match effective {
                Some(date) => Some(date?),
                None => None,
            },
            at: self.at.parse().ok()?,
            principal: self.principal.parse().ok()?,
            organisation: self.organisation.parse().ok()?,
            statement,
        })
    }
}

impl LinkFact {
    /// The plaintext of the record.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (kind, leaves, protection, link) = match &self.change {
            LinkChange::Joined(leaves, protection) => {
                ("joined", Some(leaves), Some(protection.to_string()), None)
            }
            LinkChange::Separated(link) => ("separated", None, None, Some(*link)),
        };
        encode(&StoredV1 {
            v: VERSION,
            kind: kind.to_owned(),
            leaves: leaves.map(|leaves| leaves.map(|leaf| leaf.person.number())),
            drawn: leaves.map(|leaves| leaves.map(|leaf| leaf.drawn)),
            protection,
            link,
            reason: self.reason.to_string(),
            provenance: StoredProvenance::new(&self.provenance),
        })
    }

    /// Reads a record back; `None` when it is not one.
    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let stored: StoredV1 = serde_json::from_slice(plain).ok()?;
        if stored.v != VERSION {
            return None;
        }
        let StoredV1 { leaves, drawn, protection, link, .. } = stored;
        let change = match (stored.kind.as_str(), leaves, drawn, protection, link) {
            ("joined", Some([one, other]), Some([first, second]), Some(protection), None) => {
                let one = Leaf { person: PersonNo::from_number(one)?, drawn: first };
                let other = Leaf { person: PersonNo::from_number(other)?, drawn: second };
                LinkChange::Joined([one, other], protection.parse().ok()?)
            }
            ("separated", None, None, None, Some(link)) => LinkChange::Separated(link),
            _ => return None,
        };
        let provenance = stored.provenance.read()?;
        Some(Self { change, reason: stored.reason.parse().ok()?, provenance })
    }
}

/// A record as JSON, in a buffer that is wiped.
pub(in crate::registers) fn encode(stored: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(RECORD_BYTES));
    // PANIC: serde_json refuses a map key that is no string, and a writer that fails; there is
    // neither.
    serde_json::to_writer(&mut *plain, stored).expect("the record has no maps");
    plain
}
