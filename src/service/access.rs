//! Loads of the access file, recorded: at once, or when the server opens.

use std::sync::PoisonError;

use super::open::Open;
use super::{Error, Service, ingest};
use crate::audit::{Action, Actor};
use crate::config::AccessChange;

impl Service {
    /// Records a change of access, now or when the server opens.
    pub fn record_access_load(&self, changes: Vec<AccessChange>) {
        self.unrecorded_access.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
        if let Ok(open) = self.open_quietly()
            && let Err(error) = self.record_access(&open)
        {
            tracing::error!(error = %error, "a change of access could not be recorded yet");
        }
    }

    pub(super) fn record_access(&self, open: &Open) -> Result<(), Error> {
        let mut waiting = self.unrecorded_access.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut entry = self.entry(Actor::Server, Action::AccessLoaded);
        entry.changes = waiting.iter().map(ToString::to_string).collect();
        let _ = open.registers.record_act_and_wait(entry).map_err(ingest::register_error)?;
        waiting.clear();
        Ok(())
    }
}
