//! The entry that the messages of one stream share in a commit.
//!
//! ```text
//! digest = HMAC(K_audit, for each message: digest ‖ joined count ‖ joined ID*)
//!          and of a disclosure ‖ number of the entry, so that no two entries have one digest
//! ```
//!
//! Invariants: what a disclosure answered is in here as a digest under the disclosure's key alone; so
//! nothing that is stored can be searched for a serial once that key is destroyed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::answer::{Answer, Gives, JoiningRow};
use super::super::disclosed::{Membership, Pin};
use super::super::joining::Joined;
use super::super::persons::PersonSet;
use crate::audit::Entry;
use crate::crypto::{DigestKey, KeyedHasher};
use crate::vault::PersonNo;

/// An entry under way.
pub(super) struct StreamEntry {
    base: Arc<Entry>,
    counts: BTreeMap<Cow<'static, str>, u64>,
    digests: KeyedHasher,
    messages: u64,
    whom: Whom,
}

/// Whom an entry is about.
pub(super) struct Whom {
    pub(super) asked: PersonSet,
    /// The disclosure that those answered are in from now on, they, and by whose serial.
    pub(super) disclosed: Option<Arc<Membership>>,
    pub(super) told: Vec<PersonNo>,
    pub(super) pins: Vec<Pin>,
}

impl StreamEntry {
    /// That of the stream that an answer belongs to, without the answer.
    pub(super) fn of(answer: &Answer, key: &DigestKey) -> Self {
        Self {
            base: Arc::clone(&answer.base),
            counts: BTreeMap::new(),
            digests: key.hasher(),
            messages: 0,
            whom: Whom {
                asked: PersonSet::default(),
                disclosed: answer.disclosed.clone(),
                told: Vec::new(),
                pins: Vec::new(),
            },
        }
    }

    /// The disclosure that those answered are in from now on.
    pub(super) fn disclosed(&self) -> Option<&Arc<Membership>> {
        self.whom.disclosed.as_ref()
    }

    /// Adds an answer of the stream.
    pub(super) fn add(&mut self, answer: &Answer, joined: &Joined) {
        self.messages += 1;
        let gets_id = |(joining, id): &(&JoiningRow, &u64)| joining.gives == Gives::Id && **id != 0;
        let joins = answer.joining.iter().zip(&joined.ids).filter(gets_id).count() as u64;
        let counts = [("answered", joins), ("new_members", u64::from(joined.new_members))];
        for (name, count) in answer.counts().chain(counts) {
            *self.counts.entry(name.into()).or_default() += count;
        }
        for (provision, count) in &answer.overridden {
            let name = format!("overridden_{provision}");
            *self.counts.entry(name.into()).or_default() += count;
        }
        self.digests.update(answer.digest.as_bytes());
        self.digests.update(&(joined.ids.len() as u64).to_be_bytes());
        for id in &joined.ids {
            self.digests.update(&id.to_be_bytes());
        }
        match &self.whom.disclosed {
            Some(_) => {
                self.whom.told.extend(&answer.asked);
                self.whom.pins.extend(&answer.pins);
            }
            None => self.whom.asked.extend(&answer.asked),
        }
    }

    /// The entry, which has that number in the log, and whom it is about.
    pub(super) fn finish(mut self, now: Timestamp, index: u64) -> (Entry, Whom) {
        if self.whom.disclosed.is_some() {
            self.digests.update(&index.to_be_bytes());
        }
        let mut entry = Entry::clone(&self.base);
        entry.time = now;
        entry.messages = Some(self.messages);
        entry.digest = Some(self.digests.finish());
        entry.counts = self.counts.into_iter().filter(|(_, count)| *count > 0).collect();
        (entry, self.whom)
    }
}
