//! What is kept of an approval's parameters, where they are about a person of a disclosure.
//!
//! ```text
//! bridge_in, identify_serial    digest under the disclosure's key
//! every other act               digest under the plane's key
//! ```
//!
//! Why: an approval stays for ever, and its use leads to the entry, and the entry to the person.  Under
//! a key that stays, whoever has it could try all serials.
//!
//! Invariants: once the disclosure is closed, nobody can search such a digest.

use super::super::open::Open;
use super::super::{Error, Parameters, Service};
use super::book::stored_key;
use crate::approval::{Act, Wanted};
use crate::disclosure::DisclosureId;

impl Service {
    /// What is wanted, with the keyed digest of it; nothing when the act is about a disclosure, and the
    /// subject is none that has a key.
    ///
    /// # Errors
    ///
    /// `internal` when the key does not open.
    pub(in crate::service) fn wanted(
        &self,
        open: &Open,
        (act, subject): (Act, &str),
        parameters: &Parameters,
    ) -> Result<Option<Wanted>, Error> {
        if !act.dies_with_disclosure() {
            return Ok(Some(parameters.wanted(open.registers.keys().digest(), act, subject)));
        }
        let id: Option<DisclosureId> = subject.parse().ok();
        let wrapped = id.and_then(|id| Some((id, stored_key(&open.registers, id).ok()?)));
        let Some((id, wrapped)) = wrapped else { return Ok(None) };
        let key = wrapped.open_digests(id.0, open.keys().keyring.erasure());
        Ok(Some(parameters.wanted(&key.map_err(Error::internal)?, act, subject)))
    }
}
