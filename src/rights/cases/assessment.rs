//! What may be granted: by assessment (S-07), or by the register's own rule (S-08).
//!
//! ```text
//! strongly burdensome, and no strong public interest against it     everything
//! own rule: so many years after death, and they are over            everything
//! own rule: data so many years old                                  data up to that day
//! otherwise                                                         nothing
//! ```
//!
//! The own rule is a right: what it gives cannot be refused.  It gives nothing of which nothing was ever
//! delivered: where the first day that any delivery reported about is after the rule's day, there are no
//! such data.  The date of death is what the officer states in the case.

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::scope::Scope;
use super::words::{Burden, PublicInterest};
use crate::disclosure::line::Line;
use crate::registers::catalogue::{OnRequest, RetentionStart};

/// What the officer has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// How the person feels the data.
    pub burden: Burden,
    /// What speaks for keeping them.
    pub public_interest: PublicInterest,
    /// The day of the person's death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<Date>,
    /// Why so.
    pub note: Line,
}

/// What a permission rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The officer's assessment: may be granted.
    Assessment,
    /// The register's own rule: is granted when it is asked for.
    OwnRule,
}

/// How much may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// All of it.
    Everything,
    /// Nothing.
    Nothing,
    /// Data about days up to and with this one.
    UpTo(Date),
}

/// What may be granted, and what must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// By the assessment.
    pub by_assessment: Permission,
    /// By the register's own rule.
    pub by_rule: Permission,
}

/// What may be granted of a request, on a day, in a register whose deliveries report about days from
/// `earliest` on, as far as that is known.
#[must_use]
pub fn permitted(
    assessment: &Assessment,
    rules: &[OnRequest],
    earliest: Option<Date>,
    today: Date,
) -> Permitted {
    let has_until = |cut: Date| earliest.is_none_or(|earliest| earliest <= cut);
    let Assessment { burden, public_interest, died, .. } = assessment;
    let is_granted = *burden == Burden::Strong && *public_interest == PublicInterest::Ordinary;
    let by_assessment = if is_granted { Permission::Everything } else { Permission::Nothing };
    let by_rule = rules.iter().fold(Permission::Nothing, |so_far, rule| {
        // No day is so early that the years before it do not exist.
        let Ok(cut) = today.checked_sub(i32::from(rule.years).years()) else { return so_far };
        match (so_far, rule.since) {
            (Permission::Everything, _) => so_far,
            (_, RetentionStart::Death) if died.is_some_and(|died| died <= cut) => {
                Permission::Everything
            }
            (_, RetentionStart::Death) => so_far,
            (_, RetentionStart::Recorded) if !has_until(cut) => so_far,
            (Permission::UpTo(day), RetentionStart::Recorded) => Permission::UpTo(day.max(cut)),
            (Permission::Nothing, RetentionStart::Recorded) => Permission::UpTo(cut),
        }
    });
    Permitted { by_assessment, by_rule }
}

impl Permission {
    /// Whether a scope may be granted.
    #[must_use]
    pub fn covers(self, scope: &Scope) -> bool {
        match (self, scope) {
            (Self::Everything, _) => true,
            (Self::UpTo(day), Scope::Period { up_to }) => *up_to <= day,
            // How old named records are, the server does not know.
            (Self::UpTo(_) | Self::Nothing, _) => false,
        }
    }

    /// Whether it gives anything of a scope.
    #[must_use]
    pub const fn touches(self, scope: &Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::UpTo(_) => !matches!(scope, Scope::Records { .. }),
        }
    }
}

impl Permitted {
    /// What a grant of a scope rests on, if it may be made.
    #[must_use]
    pub fn ground(self, scope: &Scope) -> Option<Ground> {
        if self.by_rule.covers(scope) {
            Some(Ground::OwnRule)
        } else {
            self.by_assessment.covers(scope).then_some(Ground::Assessment)
        }
    }
}
