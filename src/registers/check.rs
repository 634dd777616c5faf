//! Checks every record of the register plane's store, without serving it.
//!
//! Why it exists: a start reads what it needs and stops at the first record that is wrong.  This opens
//! all of them, holds what they say of one another together, and goes on.
//!
//! ```text
//! every record ─► opens under the key of its kind
//! deltas ───────► in sequence; numbers below the lease, one person's each; persons whom the vault has
//! log ──────────► every entry has its hash, every checkpoint its tree (`audit`)
//! log and state ► who joined; keys of disclosures that were closed; references that lead to a person
//! ```
//!
//! INVARIANT: nothing is written; no finding names a person or holds a number of one.
//!
//! What it does *not* show: that the log is the newest one, which takes a witness; and that a record
//! which opens says what was decided.

mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::RegisterSpec;
use super::delta::{self, Stored};
use super::resealing::{SealedBy, place};
use crate::audit::VerifierKey;
use crate::crypto::SerialWidth;
use crate::keyring::{DisclosureKeys, Keyring, WrappedDisclosureKey};
use crate::store::finding::Findings;
use crate::store::keys::{Key, Kind};
use crate::store::records::load_mark;
use crate::store::{self, Step, Store};
use crate::vault::PersonNo;

const DAMAGED: &str = "it is damaged, or was moved";

/// What the register plane is checked with.
pub struct PlaneCheck<'a> {
    /// Its store.
    pub store: &'a Arc<dyn Store>,
    /// The keys.
    pub keyring: &'a Arc<Keyring>,
    /// The registers.
    pub registers: &'a [RegisterSpec],
    /// The keys that checkpoints verify under.
    pub verifiers: &'a [VerifierKey],
    /// Whether a partition of the vault has given a person this number.
    pub knows: &'a dyn Fn(u16, PersonNo) -> bool,
}

/// What the register plane holds.
#[derive(Debug, Default)]
pub struct CheckedPlane {
    /// Records, of all kinds.
    pub records: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Members of each register.
    pub members: BTreeMap<u16, u64>,
}

/// What of the records is held against the log.
#[derive(Default)]
struct State {
    /// How often somebody joined, by register.
    joined: BTreeMap<u16, u64>,
    /// Disclosures that have a key.
    keyed: BTreeSet<[u8; 16]>,
    disclosures: BTreeSet<[u8; 16]>,
    /// Randomised references that lead to a person.
    references: BTreeSet<[u8; 16]>,
    /// Highest number of an entry that a record is of, above which there is none.
    concerned: Option<u64>,
}

impl PlaneCheck<'_> {
    /// Checks everything.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn run(&self, findings: &mut Findings) -> Result<CheckedPlane, store::Error> {
        let mut checked = CheckedPlane::default();
        let mut state = State::default();
        for spec in self.registers {
            let (members, joined) = self.register(spec, findings)?;
            checked.members.insert(spec.number, members);
            state.joined.insert(spec.number, joined);
        }
        let keys = self.disclosure_keys(findings)?;
        self.store.scan(Key::everything(), &mut |key, value| {
            checked.records += 1;
            match Key::parse(key) {
                Ok((kind, _)) => {
                    if let Err(what) = self.record(kind, (key, value), &keys) {
                        findings.record(key, what);
                    }
                    state.note(kind, key)?;
                }
                Err(_) => findings.record(key, "no record is under such a key"),
            }
            Ok(Step::Continue)
        })?;
        checked.entries = self.log(&state, findings)?;
        Ok(checked)
    }

    /// Opens a record under the key of its kind.  Deltas were opened before.
    fn record(
        &self,
        kind: Kind,
        (key, value): (&[u8], &[u8]),
        keys: &BTreeMap<[u8; 16], DisclosureKeys>,
    ) -> Result<(), &'static str> {
        match kind {
            Kind::Contact | Kind::Group => return Err("it is a record of the vault"),
            Kind::HighWater | Kind::IndexMark | Kind::VaultLease | Kind::VaultUsed => {
                let key = Key::parse(key).map_err(|_| DAMAGED)?.1;
                return load_mark(self.store.as_ref(), &key).map(drop).map_err(|_| DAMAGED);
            }
            Kind::Delta => return Ok(()),
            _ => {}
        }
        let opened = match SealedBy::of(kind) {
            // What the log is made of is checked with the log; keys of disclosures were opened.
            SealedBy::AuditStorage | SealedBy::Nothing => return Ok(()),
            SealedBy::Disclosure => {
                let keys = disclosure_of(key).and_then(|id| keys.get(&id));
                let keys = keys.ok_or("it should have died with the key of its disclosure")?;
                keys.storage().open(&place(kind, key), value)
            }
            SealedBy::Storage => self.keyring.registers().storage.open(&place(kind, key), value),
        };
        opened.map(drop).map_err(|_| DAMAGED)
    }

    /// The keys of disclosures.
    fn disclosure_keys(
        &self,
        findings: &mut Findings,
    ) -> Result<BTreeMap<[u8; 16], DisclosureKeys>, store::Error> {
        let mut keys = BTreeMap::new();
        self.store.scan(Key::all(Kind::DisclosureKey), &mut |key, value| {
            let wrapped = WrappedDisclosureKey::from_bytes(value.to_vec());
            // The width decides about serials alone.
            let open = |id| wrapped.open(id, self.keyring.erasure(), SerialWidth::DEFAULT);
            match disclosure_of(key).map(|id| (id, open(id))) {
                Some((id, Ok(opened))) => drop(keys.insert(id, opened)),
                _ => findings.record(key, "it does not open: its erasure key is destroyed"),
            }
            Ok(Step::Continue)
        })?;
        Ok(keys)
    }

    /// Members of a register now, and how often somebody became one.
    fn register(
        &self,
        spec: &RegisterSpec,
        findings: &mut Findings,
    ) -> Result<(u64, u64), store::Error> {
        let leased = load_mark(self.store.as_ref(), &Key::high_water(spec.number));
        let leased = leased.unwrap_or(u64::MAX);
        let (mut next, mut joined) = (0, 0);
        let mut members: BTreeMap<PersonNo, Option<u64>> = BTreeMap::new();
        let mut given: BTreeMap<u64, PersonNo> = BTreeMap::new();
        self.store.scan(Key::deltas(spec.number), &mut |key, value| {
            let sequence = Key::trailing_u64(key)?;
            if sequence != next {
                findings.record(key, "the delta before it is missing");
            }
            next = sequence + 1;
            let Ok(entries) = delta::decode(&self.keyring.registers().storage, key, value) else {
                findings.record(key, DAMAGED);
                return Ok(Step::Continue);
            };
            for (place, (person, stored)) in entries.iter().enumerate() {
                let number = match stored {
                    Stored::Member(number) => Some(*number),
                    Stored::Erased | Stored::Suppressed => None,
                };
                let before = members.insert(*person, number).flatten();
                joined += u64::from(before.is_none() && number.is_some());
                let mut wrong = |what| findings.record(key, format!("entry {place}: {what}"));
                if !(self.knows)(spec.partition, *person) {
                    wrong("the vault has given nobody this person number");
                }
                let Some(number) = number else { continue };
                if !self.was_leased(spec.number, number, leased) {
                    wrong("its register number lies above what was leased");
                }
                if given.insert(number, *person).is_some_and(|other| other != *person) {
                    wrong("its register number is another person's too");
                }
            }
            Ok(Step::Continue)
        })?;
        Ok((members.values().flatten().count() as u64, joined))
    }

    /// Whether a register number stands at a leased position, in any generation.
    fn was_leased(&self, register: u16, number: u64, leased: u64) -> bool {
        let registers = &self.keyring.registers().registers;
        registers.get(&register).is_some_and(|keys| {
            let mut positions = keys.numbers.iter().map(|(_, key)| key.position_of(number));
            positions.any(|position| position.is_ok_and(|position| position < leased))
        })
    }
}

impl State {
    fn note(&mut self, kind: Kind, key: &[u8]) -> Result<(), store::Error> {
        match kind {
            Kind::AuditPerson => self.references.extend(disclosure_of(key)),
            Kind::AuditPersons => {
                let index = Key::trailing_u64(key)?;
                self.concerned = self.concerned.max(Some(index));
            }
            Kind::Disclosure => self.disclosures.extend(disclosure_of(key)),
            Kind::DisclosureKey => self.keyed.extend(disclosure_of(key)),
            _ => {}
        }
        Ok(())
    }
}

/// The sixteen bytes that a key begins with.
fn disclosure_of(key: &[u8]) -> Option<[u8; 16]> {
    key.get(1..17).and_then(|bytes| bytes.try_into().ok())
}
