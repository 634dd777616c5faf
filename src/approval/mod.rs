//! Approvals: what one natural person asks for and another allows, once and not for long.
//!
//! Why it exists: whoever could open a bridge or reveal an identity alone could be bought, forced or
//! robbed of one certificate.  Everything that takes two persons takes them here, in one way.
//!
//! ```text
//!            approve              use: in the commit of the act itself
//! requested ─────────► approved ──────────────────────────────────────► used
//!   │    │ withdraw        │ withdraw
//!   │    └──► withdrawn ◄──┘           what is open when its time is over: expired
//!   └ refuse ──► refused
//! ```
//!
//! An approval is of one act about one subject with exactly the parameters that were asked for.  The
//! subject is what people decide about, so it is shown.  Parameters may be about a person, so nobody
//! is shown them and a keyed digest is all that is kept: what differs in one byte is not approved.
//!
//! Pure: the day, the time and the access file are arguments.  Storage is `registers::approvals`.
//!
//! INVARIANTS: who approves is another natural person than who asked, on the day of the approval and
//! on the day of the use; a used approval is never used again; `expired` is told and never stored.
//!
//! What it does *not* protect: two persons who agree to do wrong; one natural person whom the access
//! file calls two (`person`); whoever sets the clock of the host back.

pub mod holders;
pub mod id;
pub mod rules;

use jiff::Timestamp;

use crate::config::access::{Principal, Role};
use crate::config::codes::{OrganisationNumber, PrincipalName};
use crate::config::words::word_enum;
use crate::crypto::KeyedDigest;

pub use id::ApprovalId;
pub use rules::{Refusal, Today, Verdict};

word_enum! {
    /// What is approved.  A word once given keeps its meaning.
    pub enum Act {
        /// What a restore has lost is accepted, and the server serves again.
        AcceptRestore = "accept_restore",
        /// A file of identifiers and project IDs is taken from another party.
        BridgeIn = "bridge_in",
        /// A file of identifiers and serials is given to a linking party.
        BridgeOut = "bridge_out",
        /// A principal gets a role that takes two persons to grant.
        GrantRole = "grant_role",
        /// The person of a serial in an open disclosure is found in the register.
        IdentifySerial = "identify_serial",
        /// For some time the IDs of a one-way register are answered with those of another.
        OpenConversion = "open_conversion",
        /// For some time the server knows which persons of a one-way register and of others in a
        /// joint disclosure are the same.
        OpenWindow = "open_window",
        /// Bodies of the audit log whose retention is over are dropped.
        PruneAudit = "prune_audit",
        /// A person's IDs in a register are replaced.
        ReissueId = "reissue_id",
        /// Somebody is told who a person is.
        RevealIdentity = "reveal_identity",
    }
}

impl Act {
    /// Whose duty it is: who has the role may ask for the act, and do it once it is approved.  For a
    /// role also who holds that role may: [`Wanted::roles`].
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::BridgeIn
            | Self::BridgeOut
            | Self::IdentifySerial
            | Self::OpenConversion
            | Self::OpenWindow => Role::Officer,
            Self::AcceptRestore | Self::PruneAudit => Role::Operator,
            Self::GrantRole => Role::Approver,
            Self::ReissueId | Self::RevealIdentity => Role::Custodian,
        }
    }

    /// Whether its subject is a disclosure, and what exactly is approved says whose a serial, or an ID
    /// of another party, is: that must not outlive the disclosure's key.
    #[must_use]
    pub const fn dies_with_disclosure(self) -> bool {
        matches!(self, Self::BridgeIn | Self::IdentifySerial)
    }
}

word_enum! {
    /// How far an approval has come.
    pub enum State {
        /// Another person said yes; it can be used.
        Approved = "approved",
        /// Its time was over before it was used.
        Expired = "expired",
        /// Another person said no.
        Refused = "refused",
        /// It waits for another person.
        Requested = "requested",
        /// The act was done.
        Used = "used",
        /// Whoever asked has taken it back.
        Withdrawn = "withdrawn",
    }
}

impl State {
    /// Whether anything can become of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Approved | Self::Requested)
    }

    /// Whether it can become the other.
    #[must_use]
    pub const fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Requested, Self::Approved | Self::Refused | Self::Withdrawn)
                | (Self::Approved, Self::Used | Self::Withdrawn)
        )
    }
}

/// A natural person, as the access file had them when they acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The principal, whose certificate it was.
    pub principal: PrincipalName,
    /// The natural person behind it.
    pub person: PrincipalName,
    /// Their organisation.
    pub organisation: OrganisationNumber,
}

impl Party {
    /// The party that a principal is; nothing for a system.
    #[must_use]
    pub fn of(principal: &Principal) -> Option<Self> {
        Some(Self {
            principal: principal.name().clone(),
            person: principal.person()?.clone(),
            organisation: principal.organisation(),
        })
    }

    /// Whether both are certainly two natural persons.
    #[must_use]
    pub fn is_another_than(&self, other: &Self) -> bool {
        self.person != other.person && self.principal != other.principal
    }
}

/// What exactly is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What is to be done.
    pub act: Act,
    /// About what: a disclosure, a register, a role; never a person.
    pub subject: String,
    /// Keyed digest of act, subject and parameters.
    pub digest: KeyedDigest,
}

impl Wanted {
    /// The roles of which who asks needs one: of who holds the role that is granted, or approves;
    /// none, if the subject names no role that it takes two persons to grant.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        match self.act {
            Act::GrantRole => match holders::role_of(&self.subject) {
                Some(role) => vec![role, self.act.role()],
                None => Vec::new(),
            },
            act => vec![act.role()],
        }
    }

    /// TIMING: whether it is the same; the digest is compared without telling where it differs.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let same_digest = self.digest.ct_eq(&other.digest);
        self.act == other.act && self.subject == other.subject && same_digest
    }
}

/// One step of an approval after it was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What it became.
    pub to: State,
    /// Who moved it.
    pub by: Party,
    /// When.
    pub at: Timestamp,
    /// What they said to it, if anything.
    pub note: Option<String>,
}

/// An approval, or the request for one.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// What is asked for.
    pub wanted: Wanted,
    /// Why.
    pub reason: String,
    /// By which law or decision.
    pub basis: String,
    /// Who asked.
    pub requester: Party,
    /// When.
    pub requested: Timestamp,
    /// From this moment on nothing becomes of it.
    pub expires: Timestamp,
    /// What became of it since, in order.
    pub moves: Vec<Move>,
}

impl Approval {
    /// What it was moved to last; it may have expired since.
    #[must_use]
    pub fn moved_to(&self) -> State {
        self.moves.last().map_or(State::Requested, |last| last.to)
    }

    /// What it is at a moment.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        let state = self.moved_to();
        if state.is_open() && now >= self.expires { State::Expired } else { state }
    }

    /// Who approved it, if anybody has.
    #[must_use]
    pub fn approver(&self) -> Option<&Party> {
        self.moves.iter().find(|one| one.to == State::Approved).map(|one| &one.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_goes_only_where_it_may() {
        use State::{Approved, Expired, Refused, Requested, Used, Withdrawn};
        let may = [
            (Requested, Approved),
            (Requested, Refused),
            (Requested, Withdrawn),
            (Approved, Used),
            (Approved, Withdrawn),
        ];
        for from in State::ALL {
            for to in State::ALL {
                assert_eq!(from.leads_to(*to), may.contains(&(*from, *to)), "{from} to {to}");
            }
            assert_eq!(from.is_open(), may.iter().any(|(one, _)| one == from), "{from}");
        }
        assert!(!Expired.is_open());
    }
}
