//! A restored installation serves nobody before two persons have accepted what is lost.
//!
//! ```text
//! hvelv restore ─► pending, in the register plane ─► unseal: approvals, audit and status alone
//!                                                      │ asked for, approved by another person
//!                                                      ▼
//!                                           accepted: entry, and the record is gone ─► serves
//! ```
//!
//! Why: what was said since the backup is lost with it, and of that the facts that say *no* (a
//! reservation, a withdrawal, an erasure) must not be forgotten in silence.
//!
//! INVARIANT: while the record is there, [`Service::open_now`] gives nobody the stores.
//!
//! What it does *not* do: bring anything back.  Nothing here replays what was lost.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Parameters, Service, actor, allow};
use crate::approval::Act;
use crate::audit::{Action, Recorded};
use crate::backup::BackupId;
use crate::policy::{Permit, Right};
use crate::registers::{Registers, Write};
use crate::store::keys::{Key, Kind};

/// A restore that nobody has accepted yet.
///
/// FORMAT: JSON, fields in this order; `v` is 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRestore {
    v: u32,
    /// The backup that was restored.
    pub backup: BackupId,
    /// When that was begun.
    pub made: Timestamp,
    /// Entries of the log that it has.
    pub entries: u64,
    /// Entries that the witness had seen; absent if none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<u64>,
}

impl PendingRestore {
    pub(super) const fn new(
        (backup, made): (BackupId, Timestamp),
        entries: u64,
        witnessed: Option<u64>,
    ) -> Self {
        Self { v: 1, backup, made, entries, witnessed }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // PANIC: numbers and texts alone.
        serde_json::to_vec(self).expect("a record of numbers and texts is JSON")
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        serde_json::from_slice(plain).ok().filter(|pending: &Self| pending.v == 1)
    }

    pub(super) fn load(registers: &Registers) -> Result<Option<Self>, Error> {
        let damaged = |error| Error::new(ErrorCode::StoreUnusable).with_source(error);
        let mut records = registers.records(Kind::PendingRestore).map_err(damaged)?;
        let Some((_, plain)) = records.pop() else { return Ok(None) };
        let unreadable = || Error::internal("the record of a restore does not decode");
        Ok(Some(Self::decode(&plain).ok_or_else(unreadable)?))
    }

    /// What an approval of it is about: all that whoever approves must know.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{} with backup {}", self.gap(), self.backup)
    }

    /// What is lost, as it is listed and accepted.
    #[must_use]
    pub fn gap(&self) -> String {
        let entries = self.entries;
        match self.witnessed {
            Some(size) => {
                format!("entries {entries} to {} of the log are lost", size.saturating_sub(1))
            }
            None => format!("any entry of the log from {entries} on may be lost"),
        }
    }
}

impl Service {
    /// The restore that keeps the server from serving, if there is one.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn pending_restore(&self, permit: &Permit) -> Result<Option<PendingRestore>, Error> {
        allow(permit, &Right::Operate)?;
        Ok(self.open_restored()?.restored.read())
    }

    /// Accepts what a restore has lost, with another person's approval; the server serves from then on.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `restore_unknown`; `approval_required`, `approval_void`, which are recorded;
    /// `server_sealed`, `commit_uncertain`.
    pub fn accept_restore(&self, permit: &Permit) -> Result<Recorded<PendingRestore>, Error> {
        allow(permit, &Right::Operate)?;
        let open = self.open_restored()?;
        let unknown = || Error::new(ErrorCode::RestoreUnknown);
        let pending = open.restored.read().ok_or_else(unknown)?;
        let mut entry = self.entry(actor(permit), Action::RestoreAccepted);
        entry.changes = vec![pending.subject()];
        let none = Parameters(Vec::new());
        let subject = pending.subject();
        let approved = self.take_approval(&open, permit, (Act::AcceptRestore, &subject), &none);
        let approved = self.or_record(&open, &entry, approved)?;
        let writes = vec![Write::Remove(Key::pending_restore())];
        let recorded =
            open.registers.record_approved_act_and_wait(entry, writes, approved, pending);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        open.restored.accept();
        tracing::info!("what the restore has lost is accepted; the server serves");
        Ok(recorded)
    }

    /// What is open, also while a restore is not accepted: for what leads to its acceptance alone.
    pub(super) fn open_restored(&self) -> Result<Arc<Open>, Error> {
        self.touch();
        self.open_quietly()
    }
}

/// The restore that is pending, in memory.
#[derive(Default)]
pub(super) struct Restored(std::sync::RwLock<Option<PendingRestore>>);

impl Restored {
    pub(super) fn new(pending: Option<PendingRestore>) -> Self {
        Self(std::sync::RwLock::new(pending))
    }

    fn read(&self) -> Option<PendingRestore> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn accept(&self) {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let pending = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *pending {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorCode::RestoreNotAccepted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_restore_is_the_golden_json_and_says_what_is_lost() {
        let made = "2026-01-15T12:00:00Z".parse().unwrap();
        let of = |witnessed| {
            PendingRestore::new((BackupId::from_bytes([0xab; 16]), made), 57, witnessed)
        };
        let golden = r#"{"v":1,"backup":"abababababababababababababababab","made":"2026-01-15T12:00:00Z","entries":57,"witnessed":60}"#;
        assert_eq!(String::from_utf8(of(Some(60)).encode()).unwrap(), golden);
        assert_eq!(PendingRestore::decode(golden.as_bytes()), Some(of(Some(60))));
        assert_eq!(of(Some(60)).gap(), "entries 57 to 59 of the log are lost");
        let unknown = "any entry of the log from 57 on may be lost";
        assert_eq!(of(None).gap(), unknown);
        assert_eq!(PendingRestore::decode(b"{\"v\":2}"), None);
    }
}
