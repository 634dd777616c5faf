//! How long keys serve: `keys/policy.toml`, compiled in, so that a server and its policy agree.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::kinds::{Plane, Purpose};
use crate::crypto::aead::SEALS_MAX;

/// The policy: one rule for each purpose.
#[derive(Clone, Debug)]
pub struct Policy {
    /// INVARIANT: has every purpose.
    rules: BTreeMap<Purpose, Rule>,
    quorum: Quorum,
}

/// How many persons an act with keys takes.  People hold this, not code: the record of the ceremony
/// names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// Persons present when a key file is made, changed or opened with its passphrase.
    pub ceremony_persons: u32,
    /// Persons who must agree before a one-way register is opened.
    pub one_way_persons: u32,
}

/// The rule for keys of one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the rule is for.
    pub purpose: Purpose,
    /// The plane, which the purpose decides.
    pub plane: Plane,
    /// What the key is used in.
    pub algorithm: String,
    /// Length of the key.
    pub bits: u32,
    /// Days after which the active key gets a successor; none: only when there is a reason.
    pub rotate_after_days: Option<u32>,
    /// Days after which a pending key becomes active.
    pub activate_after_days: u32,
    /// Days after which a key that only opens is destroyed; none: never by the calendar.
    pub destroy_after_days: Option<u32>,
    /// Most values that one key seals, where it seals values.
    pub seals_max: Option<u64>,
}

/// Why a policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A rule contradicts what the code does.
    #[error("the rule for {purpose} contradicts the code: {reason}")]
    Contradiction {
        /// The rule.
        purpose: Purpose,
        /// In what.
        reason: &'static str,
    },
    /// A purpose lacks its rule, or has two.
    #[error("there must be one rule for {purpose}")]
    NotOneRule {
        /// The purpose.
        purpose: Purpose,
    },
    /// Not the TOML that is expected.
    #[error("the key policy is not well-formed")]
    Toml(#[from] toml::de::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    quorum: Quorum,
    rule: Vec<Rule>,
}

impl Policy {
    /// The policy in `keys/policy.toml`.
    ///
    /// # Panics
    /// Never in a build that passed its tests: one of them parses the file.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(include_str!("../../keys/policy.toml")).expect("a test parses the shipped file")
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// When a purpose has not exactly one rule, or a rule contradicts the code.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let fields: Fields = toml::from_str(text)?;
        let mut rules = BTreeMap::new();
        for rule in fields.rule {
            let purpose = rule.purpose;
            rule.check().map_err(|reason| PolicyError::Contradiction { purpose, reason })?;
            if rules.insert(purpose, rule).is_some() {
                return Err(PolicyError::NotOneRule { purpose });
            }
        }
        for purpose in Purpose::ALL {
            if !rules.contains_key(purpose) {
                return Err(PolicyError::NotOneRule { purpose: *purpose });
            }
        }
        Ok(Self { rules, quorum: fields.quorum })
    }

    /// The rule for a purpose.
    #[must_use]
    pub fn rule(&self, purpose: Purpose) -> &Rule {
        self.rules.get(&purpose).expect("`parse` saw a rule for every purpose")
    }

    /// How many persons it takes.
    #[must_use]
    pub fn quorum(&self) -> Quorum {
        self.quorum
    }

    #[cfg(test)]
    pub(super) fn rule_mut(&mut self, purpose: Purpose) -> &mut Rule {
        self.rules.get_mut(&purpose).unwrap()
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        if self.plane != self.purpose.plane() {
            return Err("plane");
        }
        if self.bits != 256 {
            return Err("every key has 256 bits");
        }
        if self.seals_max.is_some_and(|most| most > SEALS_MAX) {
            return Err("seals_max is above what the key type permits");
        }
        if self.purpose.epoch_max() == 1 && self.rotate_after_days.is_some() {
            return Err("such keys get no new epoch");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../keys/policy.toml");

    #[test]
    fn the_shipped_policy_has_a_rule_for_every_purpose() {
        let policy = Policy::parse(SHIPPED).unwrap();
        for purpose in Purpose::ALL {
            assert_eq!(policy.rule(*purpose).purpose, *purpose);
        }
        assert_eq!(policy.quorum(), Quorum { ceremony_persons: 2, one_way_persons: 2 });
    }

    #[test]
    fn a_missing_rule_is_refused() {
        let (without_last, _) = SHIPPED.rsplit_once("[[rule]]").unwrap();
        assert!(matches!(Policy::parse(without_last), Err(PolicyError::NotOneRule { .. })));
    }

    #[test]
    fn a_repeated_rule_is_refused() {
        let (_, last) = SHIPPED.rsplit_once("[[rule]]").unwrap();
        let twice = format!("{SHIPPED}\n[[rule]]{last}");
        assert!(matches!(Policy::parse(&twice), Err(PolicyError::NotOneRule { .. })));
    }

    #[test]
    fn contradictions_and_unknown_fields_are_refused() {
        for (good, bad) in [
            ("bits = 256", "bits = 128"),
            ("\nplane = \"vault\"", "\nplane = \"registers\""),
            ("seals_max = 4294967296", "seals_max = 4294967297"),
            ("activate_after_days = 1", "activate_days = 1"),
            ("purpose = \"index\"", "purpose = \"indexes\""),
        ] {
            assert!(SHIPPED.contains(good), "{good}");
            assert!(Policy::parse(&SHIPPED.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }
}
