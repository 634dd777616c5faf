//! The ceremony's part of access: who are the first custodians, approvers and officers.
//!
//! Why: two holders make a third, so that somebody must be first; and whoever has lost all but one
//! begins again here, with what opens both roots, which takes as many persons as the shares say.
//!
//! INVARIANT: nothing but the access file, what opens the roots, and the stores, held by nobody else,
//! is taken; the entry stands in the log before the record has effect.

use super::{Installation, KeysGiven, SetupError};
use crate::audit::{Action, Actor, Entry};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Access;
use crate::service::access;

impl Installation {
    /// Records whom the access file names as holders of what takes two persons to grant.  Gives how
    /// many roles that are.
    ///
    /// # Errors
    ///
    /// The access file's, the key file's; that a store is in use, when the server is open.
    pub fn bootstrap_access(&self, given: KeysGiven) -> Result<u64, SetupError> {
        let file = Access::load(&self.config.access_file, self.catalogue.as_ref());
        let file = file.map_err(SetupError::Config)?;
        let by = given.given.clone();
        let mut entry =
            Entry::new(SystemClock::new().now(), Actor::Server, Action::AccessBootstrapped);
        entry.changes = by.into_iter().map(|line| format!("opened by {line}")).collect();
        entry.changes.extend(super::keys::user().map(|user| format!("by user {user} of the host")));
        self.while_held(given, |open| {
            access::bootstrap(open, entry, &file).map_err(SetupError::Open)
        })
    }
}
