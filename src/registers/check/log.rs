//! The audit log, entry by entry, and what it says of the records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{PlaneCheck, State};
use crate::audit::{Action, AuditReader, Entry, Frontier, KeptLeaf, LogError};
use crate::crypto::hex;
use crate::store::finding::Findings;
use crate::store::keys::{Key, Kind};
use crate::store::{self, Step};

const LOG: &str = "audit log";

/// What the log says.
#[derive(Default)]
struct Said {
    joined: BTreeMap<String, u64>,
    references: BTreeSet<[u8; 16]>,
    opened: BTreeSet<[u8; 16]>,
    closed: BTreeSet<[u8; 16]>,
    /// Entries whose bodies are gone, or are not understood: what they said is not known.
    unread: u64,
}

impl PlaneCheck<'_> {
    /// Checks the log and holds it against the state; gives its size.
    pub(super) fn log(&self, state: &State, findings: &mut Findings) -> Result<u64, store::Error> {
        let reader = AuditReader::new(Arc::clone(self.store), Arc::clone(self.keyring));
        let (mut said, mut next, mut is_whole) = (Said::default(), 0, true);
        loop {
            let read = reader.entries(next..u64::MAX, &mut |index, leaf| {
                next = index + 1;
                said.note(&leaf);
                Ok(Step::Continue)
            });
            match read {
                Ok(()) => break,
                Err(LogError::Damaged { index, what }) => {
                    findings.add(format!("{LOG} entry {index}"), what);
                    is_whole = false;
                    // An entry that is missing is found by the one after it.
                    next = index.max(next) + 1;
                }
                Err(LogError::Store(error)) => return Err(error),
                Err(error) => {
                    findings.add(LOG, error.to_string());
                    is_whole = false;
                    break;
                }
            }
        }
        if is_whole && let Err(error) = reader.check_from(Frontier::default(), self.verifiers) {
            findings.add(LOG, error.to_string());
        }
        let size = self.beyond(next, findings)?;
        self.agree(state, &said, size, findings);
        Ok(size)
    }

    /// Bodies that have no hash: the log has been cut off.
    fn beyond(&self, size: u64, findings: &mut Findings) -> Result<u64, store::Error> {
        let bodies = Key::audit_body(size)..Key::all(Kind::AuditBody).end;
        self.store.scan(bodies, &mut |key, _| {
            findings.record(key, "the log ends before it");
            Ok(Step::Continue)
        })?;
        Ok(size)
    }

    fn agree(&self, state: &State, said: &Said, size: u64, findings: &mut Findings) {
        if state.concerned.is_some_and(|index| index >= size) {
            findings.add(LOG, "persons are kept for an entry that is not there");
        }
        for id in said.closed.intersection(&state.keyed) {
            findings.record(
                Key::disclosure_key(*id).as_bytes(),
                "the log says that the disclosure is closed",
            );
        }
        for id in said.opened.difference(&state.disclosures) {
            let key = Key::disclosure(*id);
            findings.record(key.as_bytes(), "the log says that it was opened, and it is not there");
        }
        for spec in self.registers {
            let told = said.joined.get(spec.code.as_str()).copied().unwrap_or_default();
            let joined = state.joined.get(&spec.number).copied().unwrap_or_default();
            if joined < told {
                let what = format!("the log says that {told} joined, the records {joined}");
                findings.add(format!("register {}", spec.code), what);
            }
        }
        if said.unread > 0 {
            return;
        }
        for reference in state.references.difference(&said.references) {
            let key = Key::audit_person(*reference);
            findings.record(key.as_bytes(), "no entry of the log has this reference");
        }
        for id in state.disclosures.difference(&said.opened) {
            let key = Key::disclosure(*id);
            findings.record(key.as_bytes(), "no entry of the log says that it was opened");
        }
    }
}

impl Said {
    fn note(&mut self, leaf: &KeptLeaf) {
        let KeptLeaf::Whole(leaf) = leaf else {
            self.unread += 1;
            return;
        };
        let Ok(entry) = Entry::decode(leaf.body()) else {
            self.unread += 1;
            return;
        };
        self.references.extend(entry.reference.map(|reference| *reference.as_bytes()));
        let disclosure = || entry.disclosure.as_deref().and_then(hex::decode::<16>);
        match entry.action {
            Action::DisclosureClosed => self.closed.extend(disclosure()),
            Action::DisclosureOpened => self.opened.extend(disclosure()),
            Action::Ingest | Action::Resolve => {
                let joined = entry.counts.get("new_members").copied().unwrap_or_default();
                if let Some(register) = entry.register {
                    *self.joined.entry(register).or_default() += joined;
                }
            }
            _ => {}
        }
    }
}
