//! What a batch of serials is on its way to the record, and what came of a stream.

use super::super::ingest::digest_under;
use super::naming::Named;
use super::screening::{IssuingRegister, Screened};
use super::serials::Issuing;
use crate::crypto::KeyedDigest;
use crate::keyring::DisclosureKeys;
use crate::registers::{Answered, Pin};

/// How a batch names persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// By IDs that the register had before; 0 for one that was never loaded.
    Existing,
    /// By register IDs.
    Own,
}

/// A batch that has its serials and is to be recorded.
#[must_use = "a mapped batch is answered once it is submitted and recorded"]
pub struct MappedSerials {
    pub(super) answered: Answered,
    pub(super) screened: Screened,
    pub(super) pins: Vec<Pin>,
    pub(super) place: usize,
    pub(super) ids: Vec<u64>,
    pub(super) spelling: Spelling,
    pub(super) named: Named,
    pub(super) digest: KeyedDigest,
}

/// What came of a stream of serials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssuingSummary {
    /// Rows received.
    pub rows: u64,
    /// Rows answered with a serial.
    pub answered: u64,
    /// Persons in the disclosure, by all its streams.
    pub persons: u64,
}

impl Issuing {
    /// What the entry says was answered, which nobody can search once the disclosure is closed.
    ///
    /// The rows of the one-way register of a joint disclosure are in it without their serials: with
    /// the disclosure's key one could be tried for, and is perhaps that of a person of the others.
    pub(super) fn digest(
        &self,
        keys: &DisclosureKeys,
        register: &IssuingRegister,
        answered: &Answered,
    ) -> KeyedDigest {
        if !register.is_one_way_of(self.scope) {
            return digest_under(keys.digests(), answered);
        }
        let ids = vec![0; answered.ids.len()];
        let rows = Answered { ids, notes: answered.notes.clone(), ..Answered::default() };
        digest_under(keys.digests(), &rows)
    }
}
