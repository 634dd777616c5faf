//! A person's IDs that are replaced, and who looks again because of it.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::super::queue::With;
use super::super::reissue::{ReissuedIds, Reissuing};
use super::{Afterwards, Ended, RightsChange};
use crate::audit::{Entry, Recorded};
use crate::registers::approvals::Approved;
use crate::registers::{Error, ReissueReason, Write};
use crate::vault::PersonNo;

impl RightsChange<'_> {
    /// Replaces the IDs of a person's leaves, as far as they have one, with the use of an approval and
    /// its entry, and waits until everything is durable; the new ones are answered when this returns.
    /// Whoever decided about a row by an old ID looks again, as after an erasure.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`], [`Error::Failed`].
    pub fn reissue(
        self,
        leaves: &[PersonNo],
        (reason, at): (ReissueReason, Timestamp),
        (entry, writes): (Entry, Vec<Write>),
        approved: Approved,
    ) -> Result<Recorded<ReissuedIds>, Error> {
        let Self { registers, register, links, partition, mut state } = self;
        let mut persons = Vec::new();
        for leaf in leaves {
            let Some(id) = registers.id_of(register, *leaf)? else { continue };
            let number = registers.number_of(register, id)?;
            persons.push((*leaf, number.ok_or(Error::Damaged { what: "register ID" })?, id));
        }
        let root = leaves.first().map(|leaf| links.root_of(partition, *leaf));
        let root = root.ok_or(Error::Damaged { what: "person without leaves" })?;
        let new = OnceLock::new();
        let reissuing = Arc::new(Reissuing { register, persons, root, reason, at, new });
        let with = With {
            writes,
            approval: Some(registers.own(approved.into_moving())?),
            reissue: Some(Arc::clone(&reissuing)),
            ..With::default()
        };
        let value = ReissuedIds(Arc::clone(&reissuing));
        let recorded = registers.send_and_wait(entry, with, value)?;
        for (person, _, id) in &reissuing.persons {
            state.endings.push(Ended { person: *person, id: *id, ids: Afterwards::Ends });
        }
        Ok(recorded)
    }
}
