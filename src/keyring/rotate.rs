//! When keys change: a pure pass over what is in the clear about them.
//!
//! Nothing happens here: the operator, or a job, carries the actions out with an
//! [`Editor`](super::Editor), offline and with the passphrase.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::kinds::{KeyFacts, KeyState, Purpose};
use super::policy::Policy;
use crate::crypto::KeyId;

/// Something that the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Make the pending key the active one; the active one then only opens.
    Activate {
        /// The pending key.
        id: KeyId,
    },
    /// Destroy a key that has only opened for as long as the policy keeps such keys.  Before that,
    /// the caller sees that nothing is left under it.
    Destroy {
        /// The old key.
        id: KeyId,
    },
    /// Make a pending key: the active one is due.
    Prepare {
        /// What for.
        purpose: Purpose,
        /// For which register.
        scope: Option<u16>,
    },
}

/// What is due at `now`, in the order of the keys.
#[must_use]
pub fn sweep(now: Timestamp, keys: &[KeyFacts], policy: &Policy) -> Vec<Action> {
    let mut actions = Vec::new();
    for key in keys {
        let rule = policy.rule(key.purpose);
        let age_days = whole_days(key.changed, now);
        let is_due = |days: Option<u32>| days.is_some_and(|days| age_days >= i64::from(days));
        match key.state {
            KeyState::Active if is_due(rule.rotate_after_days) => {
                let has_successor = keys.iter().any(|other| {
                    other.is_live(key.purpose, key.scope) && other.state == KeyState::Pending
                });
                if !has_successor && key.epoch < key.purpose.epoch_max() {
                    actions.push(Action::Prepare { purpose: key.purpose, scope: key.scope });
                }
            }
            KeyState::Pending if is_due(Some(rule.activate_after_days)) => {
                actions.push(Action::Activate { id: key.id });
            }
            KeyState::DecryptOnly if is_due(rule.destroy_after_days) => {
                actions.push(Action::Destroy { id: key.id });
            }
            _ => {}
        }
    }
    actions
}

fn whole_days(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// What must hold between keys of one purpose and scope; otherwise what is wrong.
pub(super) fn check_states(keys: &[KeyFacts]) -> Result<(), &'static str> {
    let mut epochs = BTreeSet::new();
    let mut single = BTreeSet::new();
    for key in keys {
        if !epochs.insert((key.purpose, key.scope, key.epoch)) {
            return Err("an epoch occurs twice");
        }
        let is_single = matches!(key.state, KeyState::Active | KeyState::Pending);
        if is_single && !single.insert((key.purpose, key.scope, key.state)) {
            return Err("two keys are active for one purpose");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn key(number: u32, purpose: Purpose, state: KeyState, age_days: i64) -> KeyFacts {
        let changed = Timestamp::from_second(-age_days * 86_400).unwrap();
        let scope = purpose.is_scoped().then_some(1);
        let id = KeyId::new(number);
        KeyFacts { id, purpose, scope, epoch: number, state, created: changed, changed }
    }

    /// Audit storage keys: new after 365 days, in use after 1, destroyed never; see the policy.
    fn swept(keys: &[KeyFacts]) -> Vec<Action> {
        sweep(NOW, keys, &Policy::shipped())
    }

    #[test]
    fn a_young_active_key_stays() {
        let keys = [key(1, Purpose::AuditStorage, KeyState::Active, 364)];
        assert_eq!(swept(&keys), []);
    }

    #[test]
    fn an_old_active_key_gets_one_successor() {
        let active = key(1, Purpose::AuditStorage, KeyState::Active, 365);
        let prepare = Action::Prepare { purpose: Purpose::AuditStorage, scope: None };
        assert_eq!(swept(&[active]), [prepare]);
        let pending = key(2, Purpose::AuditStorage, KeyState::Pending, 0);
        assert_eq!(swept(&[active, pending]), []);
    }

    #[test]
    fn a_pending_key_becomes_active_after_its_day() {
        let active = key(1, Purpose::AuditStorage, KeyState::Active, 366);
        let pending = key(2, Purpose::AuditStorage, KeyState::Pending, 1);
        assert_eq!(swept(&[active, pending]), [Action::Activate { id: KeyId::new(2) }]);
    }

    #[test]
    fn an_old_opening_key_is_destroyed_only_where_the_policy_says_when() {
        let years = 365 * 20;
        let identity = key(1, Purpose::Identity, KeyState::DecryptOnly, years);
        assert_eq!(swept(&[identity]), [Action::Destroy { id: KeyId::new(1) }]);
        let audit = key(1, Purpose::AuditStorage, KeyState::DecryptOnly, years);
        assert_eq!(swept(&[audit]), []);
    }

    #[test]
    fn a_register_at_its_ninth_epoch_gets_no_tenth() {
        let mut rules = Policy::shipped();
        rules.rule_mut(Purpose::RegisterId).rotate_after_days = Some(1);
        let ninth = key(9, Purpose::RegisterId, KeyState::Active, 100);
        assert_eq!(sweep(NOW, &[ninth], &rules), []);
        let eighth = key(8, Purpose::RegisterId, KeyState::Active, 100);
        let prepare = Action::Prepare { purpose: Purpose::RegisterId, scope: Some(1) };
        assert_eq!(sweep(NOW, &[eighth], &rules), [prepare]);
    }

    #[test]
    fn destroyed_keys_and_the_future_ask_for_nothing() {
        let destroyed = key(1, Purpose::Identity, KeyState::Destroyed, 5000);
        let future = key(2, Purpose::Identity, KeyState::Active, -400);
        assert_eq!(swept(&[destroyed, future]), []);
    }

    #[test]
    fn two_active_keys_or_a_repeated_epoch_are_refused() {
        let one = key(1, Purpose::Identity, KeyState::Active, 0);
        let two = key(2, Purpose::Identity, KeyState::Active, 0);
        assert!(check_states(&[one, two]).is_err());
        let again = key(1, Purpose::Identity, KeyState::DecryptOnly, 0);
        assert!(check_states(&[one, again]).is_err());
        let older = key(3, Purpose::Identity, KeyState::DecryptOnly, 0);
        assert_eq!(check_states(&[one, older]), Ok(()));
    }
}
