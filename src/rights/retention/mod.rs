//! What is to be done today because a time is over: a pure pass over today, rules and facts.
//!
//! ```text
//! register with a limit in years, data older than that     order: delete them          this run
//! nobody holds the person, last tombstone expired           tag and identity go         this run
//! disclosure after its last day, not closed                 its key is due to die       officer
//! bridge after its deadline, deletion not confirmed         ask the party               officer
//! approval ended lately, neither used nor taken back        ask again if it is needed   requester
//! ```
//!
//! A register that keeps data for ever, or until a person asks, has no row: nothing is done by itself.
//!
//! INVARIANT: a run does what was listed: it is given the digest of the plan that somebody has seen.
//!
//! What it does *not* protect: what only an officer may do is listed, not done.

use std::fmt;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::config::codes::RegisterCode;
use crate::config::words::word_enum;
use crate::disclosure::DisclosureId;
use crate::registers::DeliveredPeriod;
use crate::registers::catalogue::RetentionLimit;

word_enum! {
    /// Why a person's tag and identity stay although an erasure asked for them.
    pub enum Hold {
        /// A reservation or consent is in force, which must find the person.
        InForce = "in_force",
        /// A register has the person.
        Member = "member",
        /// A case waits for its decision.
        OpenCase = "open_case",
        /// A register has not confirmed that it has deleted.
        OpenOrder = "open_order",
    }
}

word_enum! {
    /// Who does it.
    pub enum Performer {
        /// An officer of disclosures.
        Officer = "officer",
        /// Whoever asked for the approval.
        Requester = "requester",
        /// The run itself.
        Run = "run",
    }
}

/// A register, its rule, and what was delivered to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterFacts {
    /// The register.
    pub register: RegisterCode,
    /// How long it keeps data without anybody asking.
    pub limit: RetentionLimit,
    /// What its deliveries reported about.
    pub periods: Vec<DeliveredPeriod>,
    /// The last days of what was ordered deleted before, and when.
    pub ordered: Vec<(Date, Timestamp)>,
}

/// A person of whom a register has erased everything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonFacts {
    /// The partition of the vault.
    pub partition: u16,
    /// The person number.
    pub person: u64,
    /// The last day of the person's last tombstone.
    pub tombstone_until: Option<Date>,
    /// What keeps the identity.
    pub hold: Option<Hold>,
}

impl fmt::Debug for PersonFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonFacts").finish_non_exhaustive()
    }
}

/// All facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Approvals that could still be used but for their time: id and last day.
    pub approvals: Vec<(String, Date)>,
    /// Bridges whose deletion is not confirmed: disclosure, number, deadline.
    pub bridges: Vec<(DisclosureId, u32, Date)>,
    /// Disclosures that are not closed: id and last day.
    pub disclosures: Vec<(DisclosureId, Date)>,
    /// Persons whose identity may be due.
    pub persons: Vec<PersonFacts>,
    /// Registers.
    pub registers: Vec<RegisterFacts>,
}

/// Something that is to be done.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Close a disclosure, which destroys its key.
    CloseDisclosure {
        /// The disclosure.
        disclosure: DisclosureId,
        /// Its last day.
        expired: Date,
    },
    /// Have a linking party confirm that a bridge is deleted.
    ConfirmBridge {
        /// The disclosure.
        disclosure: DisclosureId,
        /// The bridge's number.
        number: u32,
        /// Its deadline.
        due: Date,
    },
    /// Order a register to delete what is older than it keeps.
    DeleteOlder {
        /// The register.
        register: RegisterCode,
        /// The last day of what goes.
        up_to: Date,
    },
    /// Remove a person's tag and sealed identity.
    EraseIdentity {
        /// The partition of the vault.
        partition: u16,
        /// The person number.
        person: u64,
    },
    /// Ask for another approval, if it is still needed: nothing comes of this one.
    RenewApproval {
        /// The approval.
        approval: String,
        /// Its last day.
        expired: Date,
    },
}

impl Action {
    /// The word for it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CloseDisclosure { .. } => "close_disclosure",
            Self::ConfirmBridge { .. } => "confirm_bridge",
            Self::DeleteOlder { .. } => "delete_older",
            Self::EraseIdentity { .. } => "erase_identity",
            Self::RenewApproval { .. } => "renew_approval",
        }
    }

    /// Who does it.
    #[must_use]
    pub const fn performer(&self) -> Performer {
        match self {
            Self::CloseDisclosure { .. } | Self::ConfirmBridge { .. } => Performer::Officer,
            Self::DeleteOlder { .. } | Self::EraseIdentity { .. } => Performer::Run,
            Self::RenewApproval { .. } => Performer::Requester,
        }
    }

    /// What it is about and since when, as it may be shown: a person is not named.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::CloseDisclosure { disclosure, expired } => {
                format!("disclosure {disclosure}, which expired on {expired}")
            }
            Self::ConfirmBridge { disclosure, number, due } => {
                format!("bridge {number} of disclosure {disclosure}, to be deleted by {due}")
            }
            Self::DeleteOlder { register, up_to } => {
                format!("{register}: data up to {up_to}")
            }
            Self::EraseIdentity { .. } => "a person whom no register holds".to_owned(),
            Self::RenewApproval { approval, expired } => {
                format!("approval {approval}, which expired on {expired}")
            }
        }
    }

    /// Everything that tells it from any other, for the plan's keyed digest alone.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::EraseIdentity { partition, person } => {
                format!("{} {partition} {person}", self.kind())
            }
            _ => format!("{} {}", self.kind(), self.shown()),
        }
    }
}

/// A person's number is not shown.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind(), self.shown())
    }
}

/// What is to be done on a day, in an order that depends on the facts alone.
#[must_use]
pub fn sweep(today: Date, facts: &Facts) -> Vec<Action> {
    let Facts { approvals, bridges, disclosures, persons, registers } = facts;
    let closing = disclosures.iter().filter(|(_, expires)| *expires < today);
    let closing = closing
        .map(|(disclosure, expired)| (*disclosure, *expired))
        .map(|(disclosure, expired)| Action::CloseDisclosure { disclosure, expired });
    let confirming = bridges.iter().filter(|(_, _, due)| *due < today).map(|one| {
        let (disclosure, number, due) = *one;
        Action::ConfirmBridge { disclosure, number, due }
    });
    let deleting = registers.iter().filter_map(|one| {
        let up_to = older(one, today)?;
        Some(Action::DeleteOlder { register: one.register.clone(), up_to })
    });
    let erasing = persons.iter().filter(|one| is_erasure_due(one, today));
    let erasing =
        erasing.map(|one| Action::EraseIdentity { partition: one.partition, person: one.person });
    let is_late = |day: Date| day < today && lately(day, today);
    let renewing = approvals.iter().filter(|(_, expires)| is_late(*expires));
    let renewing = renewing
        .map(|(approval, expired)| (approval.clone(), *expired))
        .map(|(approval, expired)| Action::RenewApproval { approval, expired });
    closing.chain(confirming).chain(deleting).chain(erasing).chain(renewing).collect()
}

/// The last day of what a register keeps too long, if it has been delivered anything of that which
/// was not ordered deleted since.  What is delivered again after an order is there again.
fn older(facts: &RegisterFacts, today: Date) -> Option<Date> {
    let RetentionLimit::Years(years) = facts.limit else { return None };
    // Data are too old from the day after so many years: on the day itself they are not older.
    let cut = today.checked_sub(i32::from(years).years()).ok()?.yesterday().ok()?;
    let is_ordered = |one: &DeliveredPeriod| {
        let covers = |(up_to, at): &(Date, Timestamp)| *up_to >= one.to.min(cut) && *at >= one.at;
        facts.ordered.iter().any(covers)
    };
    facts.periods.iter().any(|one| one.from <= cut && !is_ordered(one)).then_some(cut)
}

/// Whether a day is so near that somebody may still wait for what ended on it.
fn lately(day: Date, today: Date) -> bool {
    const DAYS: i32 = 30;
    today.checked_sub(DAYS.days()).is_ok_and(|first| first <= day)
}

fn is_erasure_due(facts: &PersonFacts, today: Date) -> bool {
    facts.hold.is_none() && facts.tombstone_until.is_none_or(|until| until < today)
}

#[cfg(test)]
mod tests;
