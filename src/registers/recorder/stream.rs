//! The entry that the messages of one stream share in a commit.
//!
//! ```text
//! digest = HMAC(K_audit, for each message: digest ‖ joined count ‖ joined ID*)
//!          and of a disclosure ‖ number of the entry, so that no two entries have one digest
//! ```
//!
//! Surrogates are answered one message at a time, each with an entry: its digest is made likewise.
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
use crate::crypto::{DigestKey, KeyedDigest, KeyedHasher};
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
        add_message(&mut self.digests, answer.digest, &joined.ids);
        match &self.whom.disclosed {
            Some(_) => {
                self.whom.told.extend(&answer.asked);
                self.whom.pins.extend(&answer.pins);
            }
            None => self.whom.asked.extend(&answer.asked),
        }
    }

    /// The entry, which has that number in the log, and whom it is about.
    pub(super) fn finish(self, now: Timestamp, index: u64) -> (Entry, Whom) {
        let mut entry = Entry::clone(&self.base);
        entry.time = now;
        entry.messages = Some(self.messages);
        entry.digest = Some(match &self.whom.disclosed {
            Some(_) => finish_disclosed(self.digests, index),
            None => self.digests.finish(),
        });
        entry.counts = self.counts.into_iter().filter(|(_, count)| *count > 0).collect();
        (entry, self.whom)
    }
}

/// Adds the digest of a message, and the IDs of those who join with it.
pub(in crate::registers) fn add_message(
    digests: &mut KeyedHasher,
    message: KeyedDigest,
    joined: &[u64],
) {
    digests.update(message.as_bytes());
    digests.update(&(joined.len() as u64).to_be_bytes());
    joined.iter().for_each(|id| digests.update(&id.to_be_bytes()));
}

/// The digest of messages of a disclosure, in the entry that has that number.
pub(in crate::registers) fn finish_disclosed(mut digests: KeyedHasher, index: u64) -> KeyedDigest {
    digests.update(&index.to_be_bytes());
    digests.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretBytes;

    /// Goal: the digest of an entry of a disclosure stays what FORMATS says.  Method: two batches of one
    /// row under one key, in entry 258 under another; the bytes are from another implementation.
    #[test]
    fn a_digest_under_two_keys_is_the_golden_bytes() {
        let key = |byte| DigestKey::new(&SecretBytes::filled(|bytes| bytes.fill(byte)));
        let (plane, own) = (key(1), key(2));
        let mut digests = plane.hasher();
        for serial in [123_456_784_u64, 0] {
            let mut batch = own.hasher();
            [1, serial, 0].iter().for_each(|part| batch.update(&u64::to_be_bytes(*part)));
            add_message(&mut digests, batch.finish(), &[]);
        }
        let digest = finish_disclosed(digests, 258);
        let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "f6eef354bdcf41384107dfa55d1ab2e4c19b0184390d18dc0ebd5edfe4cd167a");
    }
}
