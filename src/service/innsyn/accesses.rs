//! Who looked a person up, or acted on them.

use std::collections::{BTreeMap, HashMap};

use super::super::Service;
use crate::audit::{Action, Actor, Entry};
use crate::rights::report::{Access, Organisation, Term};
use crate::rights::representation::Refusal;

/// The bridge that an entry says was issued: its disclosure, and its number there.
pub(super) fn bridge_of(entry: &Entry) -> Option<(String, u32)> {
    let disclosure = entry.disclosure.clone().filter(|_| entry.action == Action::BridgeIssued)?;
    // The line that `bridges.rs` writes: "bridge 1 to 971526920, to be deleted by 2026-06-01".
    let line = entry.changes.first()?.strip_prefix("bridge ")?;
    Some((disclosure, line.split(' ').next()?.parse().ok()?))
}

impl Service {
    /// Entries as they are told, the newest first.  What one delivery did several times is told once.
    pub(super) fn accesses_told(&self, entries: Vec<(u64, Entry)>) -> Vec<Access> {
        let mut told: BTreeMap<u64, Access> = BTreeMap::new();
        let mut first: HashMap<(String, Action), u64> = HashMap::new();
        for (index, entry) in entries {
            let delivery = entry.delivery.clone().map(|delivery| (delivery, entry.action));
            let index = delivery.map_or(index, |key| *first.entry(key).or_insert(index));
            let access = told.entry(index).or_insert_with(|| self.access_told(index, entry));
            access.times += 1;
        }
        told.into_values().rev().collect()
    }

    fn access_told(&self, index: u64, entry: Entry) -> Access {
        let lines = entry.changes.iter().filter(|line| is_for_person(&entry, line));
        let details = lines.cloned().collect();
        let (actor, principal, organisation) = match entry.actor {
            Actor::Person { principal, organisation } => ("person", principal, organisation),
            Actor::Server => ("server", String::new(), String::new()),
            Actor::System { principal, organisation } => ("system", principal, organisation),
        };
        let known = organisation.parse().map(|number| self.organisation_told(number));
        Access {
            entry: index,
            at: entry.time.to_string(),
            times: 0,
            actor: actor.to_owned(),
            principal,
            organisation: known
                .unwrap_or(Organisation { number: organisation, name: String::new() }),
            action: word(entry.action),
            attempted: entry.attempted.map(word).unwrap_or_default(),
            reason: entry.reason.unwrap_or_default(),
            register: entry.register.map(|code| self.register_named(code)),
            source: entry.source.unwrap_or_default(),
            purpose: entry.purpose.unwrap_or_default(),
            basis: entry.basis.unwrap_or_default(),
            application: entry.application.unwrap_or_default(),
            details,
        }
    }

    pub(super) fn register_named(&self, code: String) -> Term {
        let name = self.parts.catalogue.by_code(&code).map(|register| register.names.nb.clone());
        Term { code, name: name.unwrap_or_default() }
    }
}

/// Whether a line of an entry is about the person who reads it.  What it says of whoever asked is not
/// theirs to know: a protected address least of all.  Events come many in an entry.
fn is_for_person(entry: &Entry, line: &str) -> bool {
    match entry.attempted.unwrap_or(entry.action) {
        Action::BridgeIssued
        | Action::BridgeLoaded
        | Action::ConsentGiven
        | Action::ConversionAnswered
        | Action::ConversionOpened
        | Action::QualityConsentRecorded
        | Action::QualityConsentsChecked
        | Action::ReservationLifted
        | Action::ReservationSet => true,
        Action::InnsynGiven => {
            let of_actor = format!("refused {}", Refusal::ActorAddressProtected.as_str());
            let name = line.split(' ').next().unwrap_or_default();
            ["acting", "way", "refused", "register_ids"].contains(&name) && line != of_actor
        }
        _ => false,
    }
}

/// The word of an action, as it stands in the log.
fn word(action: Action) -> String {
    let word = serde_json::to_value(action).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
