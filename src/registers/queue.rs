//! The way to the recorder, and what is known if it ends.
//!
//! ```text
//! command ─► queue ─► recorder ─► its reply is called, once
//!               └─ dropped with its reply: the recorder is gone ─► the plane has failed
//! ```
//!
//! INVARIANT: a command whose reply is never called has failed the plane before whoever waits for the
//! reply learns of it, so that they find that the plane must be opened again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use super::answer::{Answer, Reply};
use super::approvals::Moving;
use super::budget::{Account, NewGrant};
use super::disclosed::Membership;
use super::leaving::Leaving;
use super::links::Move;
use super::recorder::stream::{add_message, finish_disclosed};
use super::reissue::Reissuing;
use super::resealing::Replacement;
use super::write::Write;
use super::{Error, Registers};
use crate::audit::{Committed, Entry, Recorded};
use crate::crypto::{DigestKey, KeyedDigest};

/// What the recorder is told.
pub(super) enum Command {
    Answer(Box<Answer>),
    /// Told when everything before it is recorded, or has failed.
    Barrier(SyncSender<()>),
    Other(Box<Other>),
    /// Records in other envelopes; told when they are durable.
    Replace {
        replacements: Vec<Replacement>,
        done: SyncSender<()>,
    },
}

/// An act with its own entry, and what happens with it.
pub(super) struct Other {
    pub(super) entry: Box<ActEntry>,
    pub(super) with: With,
    pub(super) reply: ActReply,
}

/// The entry of an act, and the digest of what it answers under the key of a disclosure.
pub(super) struct ActEntry {
    entry: Entry,
    answered: Option<KeyedDigest>,
}

impl ActEntry {
    /// The entry, which has that number in the log: see `recorder::stream`.
    pub(super) fn finish(mut self, key: &DigestKey, index: u64) -> Entry {
        if let Some(answered) = self.answered {
            let mut digests = key.hasher();
            add_message(&mut digests, answered, &[]);
            self.entry.digest = Some(finish_disclosed(digests, index));
        }
        self.entry
    }
}

/// What happens in the commit of an act.
#[derive(Default)]
pub(super) struct With {
    /// What it writes.
    pub(super) writes: Vec<Write>,
    /// Leaves whose root changes with it.
    pub(super) moves: Vec<Move>,
    /// Sets of a disclosure's persons that are folded with it.
    pub(super) fold: Vec<Arc<Membership>>,
    /// A grant, and whom it is for.
    pub(super) grant: Option<(Arc<Account>, NewGrant)>,
    /// An approval that it moves, or uses up.
    pub(super) approval: Option<Moving>,
    /// What it answers, as a digest that the entry has with its number.
    pub(super) answered: Option<KeyedDigest>,
    /// Persons whose past in a register ends with it.
    pub(super) leaving: Option<Box<Leaving>>,
    /// IDs that it replaces.
    pub(super) reissue: Option<Arc<Reissuing>>,
}

/// Told what became of an act: the commit and the entry's number, from which it makes its answer.
pub(super) type ActReply = Box<dyn FnOnce(Result<(&Committed, u64), Error>) + Send>;

/// A reply that fails the plane if it is dropped before it is called.
struct Awaited<R> {
    failed: Arc<AtomicBool>,
    reply: Option<R>,
}

impl<R> Awaited<R> {
    fn new(failed: &Arc<AtomicBool>, reply: R) -> Self {
        Self { failed: Arc::clone(failed), reply: Some(reply) }
    }

    fn take(mut self) -> Option<R> {
        self.reply.take()
    }
}

impl<R> Drop for Awaited<R> {
    fn drop(&mut self) {
        if self.reply.is_some() {
            fail(&self.failed, "the recorder ended before it answered");
        }
    }
}

fn fail(failed: &AtomicBool, reason: &'static str) {
    if !failed.swap(true, Ordering::AcqRel) {
        tracing::error!(
            reason,
            "the register plane failed; nothing is answered until it is reopened"
        );
    }
}

impl Command {
    fn awaited(self, failed: &Arc<AtomicBool>) -> Self {
        match self {
            Self::Answer(mut answer) => {
                let awaited = Awaited::new(failed, answer.reply);
                answer.reply = Box::new(move |recorded| {
                    if let Some(reply) = awaited.take() {
                        reply(recorded);
                    }
                });
                Self::Answer(answer)
            }
            Self::Barrier(_) | Self::Replace { .. } => self,
            Self::Other(other) => {
                let Other { entry, with, reply } = *other;
                let awaited = Awaited::new(failed, reply);
                let reply: ActReply = Box::new(move |done| {
                    if let Some(reply) = awaited.take() {
                        reply(done);
                    }
                });
                Self::Other(Box::new(Other { entry, with, reply }))
            }
        }
    }
}

impl Registers {
    /// Records an act of a disclosure, of whose answer the entry has the digest under its key, and waits
    /// until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn record_digested_and_wait<T: Send + 'static>(
        &self,
        (entry, answered): (Entry, KeyedDigest),
        value: T,
    ) -> Result<Recorded<T>, Error> {
        self.send_and_wait(entry, With { answered: Some(answered), ..With::default() }, value)
    }

    /// Fails the plane: nothing is recorded until it is opened again.
    pub(super) fn fail(&self, reason: &'static str) {
        fail(&self.failed, reason);
    }

    pub(super) fn send_and_wait<T: Send + 'static>(
        &self,
        entry: Entry,
        with: With,
        value: T,
    ) -> Result<Recorded<T>, Error> {
        let (reply, answer) = sync_channel(1);
        let reply = Box::new(move |recorded| drop(reply.send(recorded)));
        self.send_act(entry, with, value, reply);
        answer.recv().map_err(|_| Error::Failed)?
    }

    pub(super) fn send_act<T: Send + 'static>(
        &self,
        entry: Entry,
        mut with: With,
        value: T,
        reply: Reply<T>,
    ) {
        let entry = Box::new(ActEntry { entry, answered: with.answered.take() });
        let reply: ActReply = Box::new(move |done| {
            reply(done.map(|(committed, index)| committed.record(index, value)));
        });
        self.send(Command::Other(Box::new(Other { entry, with, reply })));
    }

    /// Waits until everything that was handed to the recorder before has been recorded.
    pub(super) fn wait_for_recorder(&self) -> Result<(), Error> {
        let (passed, waiting) = sync_channel(1);
        self.send(Command::Barrier(passed));
        waiting.recv().map_err(|_| Error::Failed)?;
        if self.has_failed() { Err(Error::Failed) } else { Ok(()) }
    }

    pub(super) fn send(&self, command: Command) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let command = command.awaited(&self.failed);
        let undelivered = match queue {
            Some(queue) => queue.send(command).err().map(|refused| refused.0),
            None => Some(command),
        };
        if let Some(command) = undelivered {
            self.fail("there is no recorder any more");
            match command {
                Command::Answer(answer) => (answer.reply)(Err(Error::Failed)),
                Command::Barrier(_) | Command::Replace { .. } => {}
                Command::Other(other) => (other.reply)(Err(Error::Failed)),
            }
        }
    }
}
