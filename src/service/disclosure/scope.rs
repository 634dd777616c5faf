//! Whose persons a disclosure is about, and the numbers that their serials are made of.
//!
//! ```text
//! sealed registers alone       number = person number                  of 8 digits: see `numbering`
//! one one-way register alone   number = the number in its partition     of 8 digits: see `numbering`
//! joint: both                  sealed:   person number, from 0 up
//!                              one-way:  the person number of who is the same, in an open window;
//!                                        of others capacity − 1 − number in its partition, from the
//!                                        end down
//! ```
//!
//! INVARIANT: in a joint disclosure the two ranges never meet: it is looked at when it is opened, when
//! a window is, and for each batch, since numbers in use grow.

use super::super::{Error, ErrorCode, Service};
use crate::disclosure::Decision;
use crate::vault::PERSONS;

/// Whose persons a disclosure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of a one-way register and of sealed registers.
    Joint {
        /// The partition of the one-way register.
        one_way: u16,
    },
    /// Those of one partition.
    Of(u16),
}

impl Scope {
    /// The partition that serials are of, or in a joint disclosure that of sealed identities.
    pub(super) const fn first(self) -> u16 {
        match self {
            Self::Joint { .. } => PERSONS,
            Self::Of(partition) => partition,
        }
    }

    /// Why the one cannot go on with the serials of the other, if it cannot.
    pub(super) fn refuses_to_continue(self, earlier: Self) -> Option<&'static str> {
        match (self, earlier) {
            (Self::Joint { .. }, _) | (_, Self::Joint { .. }) => Some(
                "a joint disclosure continues none, and none continues it: it is about the persons \
                 of its own first window, and each of their identifiers stands for itself, so that \
                 a person would have two serials; decide on a disclosure of its own",
            ),
            (Self::Of(one), Self::Of(other)) if one != other => Some(
                "the decision continues a disclosure of other persons: those of a one-way register \
                 alone have numbers of their own, which would give two persons one serial; decide \
                 on a disclosure of its own",
            ),
            (Self::Of(_), Self::Of(_)) => None,
        }
    }
}

impl Service {
    /// Whose persons a decision is about.
    pub(super) fn scope_of(&self, decided: &Decision) -> Result<Scope, Error> {
        let mut partitions = Vec::new();
        for terms in &decided.terms.registers {
            let register = self.parts.catalogue.by_code(&terms.register);
            let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
            partitions.push(if register.is_one_way() { register.number } else { PERSONS });
        }
        partitions.sort_unstable();
        partitions.dedup();
        match partitions[..] {
            [partition] => Ok(Scope::Of(partition)),
            [PERSONS, one_way] => Ok(Scope::Joint { one_way }),
            _ => Err(Error::rule(
                "two one-way registers have no persons in common that the server could join; \
                 decide on a disclosure for each"
                    .to_owned(),
            )),
        }
    }

    /// The one partition whose identities a bridge, or who asks for a person, is told.
    pub(super) fn partition_of(&self, decided: &Decision) -> Result<u16, Error> {
        match self.scope_of(decided)? {
            Scope::Of(PERSONS) => Ok(PERSONS),
            Scope::Joint { .. } | Scope::Of(_) => Err(Error::rule(
                "a disclosure that includes a one-way register has no bridge and no way back"
                    .to_owned(),
            )),
        }
    }
}
