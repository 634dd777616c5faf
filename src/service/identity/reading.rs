//! What registers read of changed identities, and what a custodian reads.

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Service, actor, allow};
use crate::audit::{Action, Recorded};
use crate::config::codes::RegisterCode;
use crate::crypto::KeyedDigest;
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{
    IdChange, IdChanges, LinkChange, LinkFact, LinkReason, More, PersonSet, Protection, Write,
};
use crate::vault::{PERSONS, PersonNo};

/// Most changes, or links, in one answer.
const COUNT_MAX: usize = 10_000;

/// A link that is shown to no register.
pub struct ProtectedLink {
    /// Its number among the links, to go on after.
    pub sequence: u64,
    /// The IDs of its two leaves, the first drawn first; 0 where the register has none.
    pub ids: [u64; 2],
    /// By what kind of event.
    pub reason: LinkReason,
    /// Since when it is so, as far as that is known.
    pub effective: Option<Date>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether it is in force.
    pub standing: LinkStanding,
}

/// Whether a link is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStanding {
    /// A split has ended it.
    Ended,
    /// It is.
    InForce,
}

/// Protected links of a register, in order.
pub struct ProtectedLinks {
    /// The links that concern somebody in the register.
    pub links: Vec<ProtectedLink>,
    /// Go on after this one.
    pub last: u64,
    /// Whether there are more.
    pub more: More,
}

impl Service {
    /// The changes of a register's IDs after a sequence number, at most so many.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn id_changes(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        (after, count_max): (u64, usize),
    ) -> Result<Recorded<IdChanges>, Error> {
        allow(permit, &Right::FollowIds { register: code.clone() })?;
        let open = self.open_now()?;
        let register = self.register_of(code)?;
        let count_max = if count_max == 0 { COUNT_MAX } else { count_max.min(COUNT_MAX) };
        let changes = open.registers.id_changes(register.number, after, count_max);
        let changes = changes.map_err(register_error)?;
        let mut entry = self.entry(actor(permit), Action::IdChangesRead);
        entry.register = Some(code.to_string());
        entry.counts.insert("changes".into(), changes.changes.len() as u64);
        entry.digest = Some(digest(&open, &changes));
        open.registers.record_value_and_wait(entry, changes).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// The links that are shown to no register, as far as they concern somebody in this one, after a
    /// sequence number.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn protected_links(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        (after, count_max): (u64, usize),
    ) -> Result<Recorded<ProtectedLinks>, Error> {
        allow(permit, &Right::ReadProtectedLinks)?;
        let open = self.open_now()?;
        let register = self.register_of(code)?;
        let count_max = if count_max == 0 { COUNT_MAX } else { count_max.min(COUNT_MAX) };
        let (found, persons) = protected(&open, register, after, count_max)?;
        let mut entry = self.entry(actor(permit), Action::ProtectedLinksRead);
        entry.register = Some(code.to_string());
        entry.counts.insert("links".into(), found.links.len() as u64);
        entry.digest = Some(digest_of_links(&open, &found));
        let is_named = register.partition() == PERSONS && !persons.is_empty();
        let mut asked = PersonSet::default();
        asked.extend(&persons);
        let writes = is_named.then_some(Write::Concerns(asked)).into_iter().collect();
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, found);
        recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    fn register_of(&self, code: &RegisterCode) -> Result<&Register, Error> {
        let register = self.parts.catalogue.by_code(code.as_str());
        register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))
    }
}

fn protected(
    open: &Open,
    register: &Register,
    after: u64,
    count_max: usize,
) -> Result<(ProtectedLinks, Vec<PersonNo>), Error> {
    let partition = register.partition();
    let held = open.registers.hold_links();
    // Links are numbered from 0 and told from 1, so that 0 is before all of them.
    let graph = held.of(partition);
    let sequences = graph.into_iter().flat_map(|graph| graph.protected());
    let sequences: Vec<(u64, LinkStanding)> = sequences
        .filter(|sequence| *sequence >= after)
        .map(|sequence| {
            let is_in_force = graph.is_some_and(|graph| graph.is_in_force(sequence));
            (sequence, if is_in_force { LinkStanding::InForce } else { LinkStanding::Ended })
        })
        .take(count_max + 1)
        .collect();
    drop(held);
    let more = if sequences.len() > count_max { More::Yes } else { More::No };
    let mut found = ProtectedLinks { links: Vec::new(), last: after, more };
    let mut persons = Vec::new();
    for (sequence, standing) in sequences.into_iter().take(count_max) {
        found.last = sequence + 1;
        let facts = open.registers.link_facts(partition, &[sequence]).map_err(register_error)?;
        let Some((_, fact)) = facts.into_iter().next() else { continue };
        let LinkFact { change: LinkChange::Joined(leaves, Protection::Protected), .. } = &fact
        else {
            continue;
        };
        let mut leaves = *leaves;
        leaves.sort_by_key(|leaf| leaf.drawn);
        let column = open.registers.hold(register.number).map_err(register_error)?;
        let cells = column.cells();
        let ids = leaves.map(|leaf| cells.standing(leaf.person).id().unwrap_or_default());
        if ids == [0, 0] {
            continue;
        }
        persons.extend(leaves.map(|leaf| leaf.person));
        let LinkFact { reason, provenance, .. } = fact;
        let (effective, at) = (provenance.effective, provenance.at);
        let sequence = sequence + 1;
        found.links.push(ProtectedLink { sequence, ids, reason, effective, at, standing });
    }
    Ok((found, persons))
}

/// Binds an entry to what was answered.
fn digest(open: &Open, changes: &IdChanges) -> KeyedDigest {
    let mut hasher = open.registers.keys().digest().hasher();
    for (sequence, change, _) in &changes.changes {
        let (old, new) = match *change {
            IdChange::Restored { id } => (id, id),
            IdChange::Superseded { old_id, new_id } => (old_id, new_id),
        };
        [*sequence, old, new].iter().for_each(|number| hasher.update(&number.to_be_bytes()));
    }
    hasher.finish()
}

/// Binds an entry to the links that were shown.
fn digest_of_links(open: &Open, found: &ProtectedLinks) -> KeyedDigest {
    let mut hasher = open.registers.keys().digest().hasher();
    for link in &found.links {
        let [one, other] = link.ids;
        [link.sequence, one, other].iter().for_each(|number| hasher.update(&number.to_be_bytes()));
        hasher.update(&[u8::from(link.standing == LinkStanding::InForce)]);
    }
    hasher.finish()
}
