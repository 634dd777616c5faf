//! Orders to a register: delete these data, and say when it is done.
//!
//! An order holds register numbers, never IDs: an ID is computed when the register asks, under the
//! key of that day.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::CaseId;
use super::scope::Scope;
use crate::config::codes::PrincipalName;
use crate::config::words::word_enum;
use crate::disclosure::text::as_text;

word_enum! {
    /// Why data are to be deleted, as far as the register is told.
    pub enum OrderReason {
        /// A consent was withdrawn.
        ConsentWithdrawn = "consent_withdrawn",
        /// An erasure was decided.
        Erasure = "erasure",
        /// The time for which the register keeps data is over.
        Retention = "retention",
    }
}

as_text!(OrderReason);

/// Whose data an order is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// Everybody's in the register.
    Everybody,
    /// One person's.
    Person {
        /// The partition of the vault.
        partition: u16,
        /// The person's leaves that the register has an ID for.
        leaves: Vec<NumberedPerson>,
    },
}

/// A person number with the register number that its ID is made of.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberedPerson {
    /// The person number.
    pub person: u64,
    /// The register number.
    pub number: u64,
}

impl fmt::Debug for NumberedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberedPerson(..)")
    }
}

/// The register's word that it has deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Who confirmed.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was made.
    pub at: Timestamp,
    /// Whose data.
    pub about: About,
    /// Which data.
    pub scope: Scope,
    /// Why.
    pub reason: OrderReason,
    /// The case that it comes from.
    pub case: Option<CaseId>,
    /// That it is done.
    pub confirmed: Option<Confirmation>,
}

impl Order {
    /// The person numbers that it is about.
    pub fn persons(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let (partition, leaves) = match &self.about {
            About::Everybody => (0, &[][..]),
            About::Person { partition, leaves } => (*partition, &leaves[..]),
        };
        leaves.iter().map(move |leaf| (partition, leaf.person))
    }
}
