//! Seals anew, in the background, what older keys of both planes have sealed.
//!
//! ```text
//! opened ─► registers, piece by piece ─► vault, piece by piece ─► entry `records_resealed`
//!              └───── a moment's work at each interval, while anything is left ─────┘
//! ```
//!
//! Why it exists: a key that was replaced opens what it has sealed for as long as it lives, and may be
//! destroyed only when nothing is left under it (`hvelv keys destroy`).
//!
//! INVARIANT: sealing the server waits for one piece at most; what is left is begun again when it is
//! opened.
//!
//! What it does *not* do: destroy a key.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ingest::register_error;
use super::open::Open;
use super::{Error, Service};
use crate::audit::{Action, Actor};
use crate::store::keys::Key;
use crate::store::resealing::Resealed;

/// How far it has come since the server was opened.
#[derive(Default)]
pub(super) struct Resealing(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    stage: Stage,
    from: Option<Key>,
    registers: Resealed,
    vault: Resealed,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Registers,
    Vault,
    Done,
}

impl Service {
    /// Seals anew for about so long what older keys have sealed, if anything is left.
    pub fn reseal_for(&self, time: Duration) {
        let Ok(open) = self.open_quietly() else { return };
        // What was restored is left alone until two persons have accepted it.
        if open.restored.check().is_err() {
            return;
        }
        let begun = self.parts.clock.monotonic();
        loop {
            match self.reseal_piece(&open) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = %error, causes = %error.causes(),
                        "what older keys have sealed cannot be sealed anew yet");
                    return;
                }
            }
            let worked = self.parts.clock.monotonic().saturating_sub(begun);
            if worked >= time || open.is_closing() {
                return;
            }
        }
    }

    /// Seals a piece anew; says whether there is more to do.
    fn reseal_piece(&self, open: &Open) -> Result<bool, Error> {
        let mut progress = open.resealing.0.lock().unwrap_or_else(PoisonError::into_inner);
        let piece = match progress.stage {
            Stage::Done => return Ok(false),
            Stage::Registers if open.registers.has_older_keys() => {
                open.registers.reseal_piece(progress.from).map_err(register_error)?
            }
            Stage::Vault if open.vault.has_older_keys() => {
                open.vault.reseal_piece(progress.from).map_err(Error::internal)?
            }
            Stage::Registers | Stage::Vault => Resealed::default(),
        };
        progress.add(piece);
        if progress.stage == Stage::Done {
            self.finish_resealing(open, &progress)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn finish_resealing(&self, open: &Open, progress: &Progress) -> Result<(), Error> {
        let mut entry = self.entry(Actor::Server, Action::RecordsResealed);
        for (plane, resealed) in [("registers", progress.registers), ("vault", progress.vault)] {
            if resealed.damaged > 0 {
                tracing::error!(
                    plane,
                    records = resealed.damaged,
                    "records do not open and were not sealed anew: run `hvelv verify`"
                );
                entry.changes.push(format!("{plane}: {} do not open", resealed.damaged));
            }
            if resealed.records > 0 {
                entry.changes.push(format!("{plane}: {} records", resealed.records));
            }
        }
        if entry.changes.is_empty() {
            return Ok(());
        }
        let _ = open.registers.record_act_and_wait(entry).map_err(register_error)?;
        tracing::info!("what older keys had sealed is sealed anew");
        Ok(())
    }
}

impl Progress {
    fn add(&mut self, piece: Resealed) {
        let (sum, next) = match self.stage {
            Stage::Registers => (&mut self.registers, Stage::Vault),
            Stage::Vault | Stage::Done => (&mut self.vault, Stage::Done),
        };
        sum.records += piece.records;
        sum.damaged += piece.damaged;
        self.from = piece.next;
        if piece.next.is_none() {
            self.stage = next;
        }
    }
}
