//! The rows of a bridge out: every identifier of the persons of a disclosure, each with the serial.
//!
//! A person whose identifiers turned out to be several is known to the party by any of them: all go,
//! but what a protected link would show.
//!
//! INVARIANT: one pass over the vault; nothing of the plaintext is kept.

use std::collections::BTreeMap;

use super::super::Error;
use super::super::open::Open;
use super::members::Members;
use super::screening::{IssuingRegister, Together};
use crate::config::codes::TermCode;
use crate::extract::bridge::BridgeFile;
use crate::extract::recipient::Recipients;
use crate::ident::{self, Serial};
use crate::keyring::DisclosureKeys;
use crate::registers::{PersonSet, Reach, Standing};
use crate::store::Step;
use crate::vault::{KnownIdentifier, MayReveal, PersonNo};

/// What was sealed.
pub(super) struct Sealed {
    pub(super) file: Vec<u8>,
    pub(super) persons: u64,
    pub(super) rows: u64,
    /// Persons whose reservations keep them out.
    pub(super) left_out: u64,
    /// Persons who are in it in spite of one, by provision.
    pub(super) overridden: BTreeMap<TermCode, u64>,
    /// Who is in it, for innsyn.
    pub(super) whom: PersonSet,
}

/// Whose identifiers are sealed, and how wide their serials are.
pub(super) struct Whom<'a> {
    pub(super) open: &'a Open,
    pub(super) partition: u16,
    pub(super) width: ident::SerialWidth,
    pub(super) members: &'a Members,
}

impl Whom<'_> {
    /// The member of the disclosure whom a leaf is, or is one with.
    pub(super) fn member(&self, leaf: PersonNo) -> Option<PersonNo> {
        if self.members.own.contains(leaf) {
            return Some(leaf);
        }
        let links = self.open.registers.hold_links();
        let graph = links.of(self.partition).filter(|graph| graph.is_known(leaf))?;
        let mut leaves = graph.leaves_of(leaf, Reach::Shown).into_iter();
        leaves.find(|one| self.members.own.contains(*one))
    }

    pub(super) fn is_linked(&self, leaf: PersonNo) -> bool {
        let links = self.open.registers.hold_links();
        links.of(self.partition).is_some_and(|graph| graph.is_known(leaf))
    }

    /// One pass over the vault; nothing of the plaintext is kept.
    pub(super) fn seal(
        &self,
        to: &Recipients,
        keys: &DisclosureKeys,
        reveal: &impl MayReveal,
        is_wanted: impl Fn(PersonNo) -> bool,
    ) -> Result<Sealed, Error> {
        let mut output = BridgeFile::new(to).map_err(Error::internal)?;
        let (mut persons, mut failure) = (0, None);
        let each = |person: PersonNo, known: Vec<KnownIdentifier>| {
            persons += u64::from(self.members.own.contains(person));
            match self.rows(&mut output, keys, person, &known) {
                Ok(()) => Step::Continue,
                Err(error) => {
                    failure = Some(error);
                    Step::Stop
                }
            }
        };
        let revealed = self.open.vault.reveal_each(reveal, self.partition, is_wanted, each);
        revealed.map_err(Error::internal)?;
        failure.map_or(Ok(()), Err)?;
        let rows = output.rows();
        let file = output.finish().map_err(Error::internal)?;
        Ok(Sealed {
            file,
            persons,
            rows,
            left_out: 0,
            overridden: BTreeMap::new(),
            whom: PersonSet::default(),
        })
    }

    fn rows(
        &self,
        output: &mut BridgeFile,
        keys: &DisclosureKeys,
        person: PersonNo,
        known: &[KnownIdentifier],
    ) -> Result<(), Error> {
        let member = self.member(person).unwrap_or(person);
        let by = self.members.own.answered_by(member).unwrap_or(member);
        let number = self.members.number(by);
        let number = number.ok_or_else(|| Error::internal("a person lacks the ordinal"))?;
        let body = keys.serials().encrypt(number).map_err(Error::internal)?;
        let serial = Serial::from_body(self.width, body);
        let serial = serial.ok_or_else(|| Error::internal("a serial begins with 0"))?;
        known.iter().try_for_each(|one| output.row(&one.id, serial)).map_err(Error::internal)
    }
}

/// What a person's rights say, in all registers of the disclosure that have the person, or have
/// recorded what the person said; whom one has erased goes into no bridge.  Held for one person at a
/// time, so that no commit waits for the pass over the vault.
pub(super) fn decide(
    open: &Open,
    registers: &[IssuingRegister],
    person: PersonNo,
    overridden: &mut BTreeMap<TermCode, u64>,
) -> bool {
    let mut released = true;
    let mut provision = None;
    for register in registers {
        // Rights first, then the column.  A register that cannot be read keeps everybody out.
        let Ok(rights) = open.registers.hold_rights(register.number) else { return false };
        let Ok(held) = open.registers.hold(register.number) else { return false };
        match held.cells().standing(person) {
            Standing::Tombstoned(0) if rights.has_tombstone(person) => return false,
            // Whose consent was withdrawn is no member, and has a right there all the same.
            Standing::NotMember | Standing::Tombstoned(0) if rights.of(person).is_none() => {
                continue;
            }
            _ => {}
        }
        match Together::all([register.decide(&rights, person)]) {
            Together::LeftOut => released = false,
            Together::Overridden(code) => provision = provision.or_else(|| Some(code.clone())),
            Together::Released => {}
        }
    }
    if released && let Some(provision) = provision {
        *overridden.entry(provision).or_default() += 1;
    }
    released
}
