//! Gives new persons their numbers: one owner thread per partition, one synced commit for all who
//! wait.
//!
//! ```text
//! batches with unknown tags ─► queue ─► take all that wait
//!    known by now, or earlier in this commit?  that person
//!    otherwise the next position, numbers permuted, identity sealed
//! one batch of groups ─► commit, synced ─► index ─► answers
//! ```
//!
//! While a commit syncs, the next batches queue up, so the sync costs latency and not throughput.
//!
//! Invariants: one thread draws positions, so no tag is given two; an entry reaches the index, and
//! so anybody else, only after its commit; after a commit that failed, or whose fate is unknown, this
//! thread never writes again and its numbers are burned.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use zeroize::Zeroizing;

use super::partition::{Shared, entries, wipe};
use super::{Error, HighWater, Origin, PersonNo, group, identity};
use crate::crypto::{Entropy, Tag};
use crate::ident::NationalId;
use crate::memory::stack::wiped;
use crate::store::keys::Key;
use crate::store::records::encode_mark;
use crate::store::{Batch, Durability, Store};

/// New persons in one commit: bounds its memory, far above where the sync still shows.
const COMMIT_PERSONS_MAX: usize = 131_072;
/// Numbers in the first lease of a run; each further one is twice as large, up to the maximum. What
/// a lease has left when the server stops is burned, so small runs burn little.
const LEASE_FIRST: u64 = 8_192;
const LEASE_MAX: u64 = 1_048_576;

/// An identifier that the index did not have.
pub(super) struct Candidate {
    tag: Tag,
    identity: Zeroizing<Vec<u8>>,
}

impl Candidate {
    pub(super) fn new(tag: Tag, id: &NationalId, origin: &Origin) -> Self {
        let mut plain = Zeroizing::new(Vec::with_capacity(64));
        identity::encode_new(id, origin, &mut plain);
        Self { tag, identity: plain }
    }
}

type Answer = Result<Vec<PersonNo>, Error>;

struct Request {
    candidates: Vec<Candidate>,
    reply: SyncSender<Answer>,
}

/// The handle to the thread.
pub(super) struct Assigner {
    queue: Mutex<Option<Sender<Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Assigner {
    pub(super) fn start(
        shared: Arc<Shared>,
        store: Arc<dyn Store>,
        leased: u64,
        high_water: Arc<dyn HighWater>,
        entropy: Arc<Entropy>,
    ) -> Self {
        let (queue, requests) = channel();
        let lease = Lease { next: leased, end: leased, size: LEASE_FIRST };
        let worker = Worker { shared, store, lease, high_water, entropy };
        let thread = std::thread::Builder::new()
            .name("hvelv-assigner".into())
            .spawn(move || wiped(|| worker.run(&requests)))
            .expect("the system starts a thread when the server opens");
        Self { queue: Mutex::new(Some(queue)), thread: Some(thread) }
    }

    /// Persons for candidates, in order. Blocks until they are durable.
    pub(super) fn assign(&self, candidates: Vec<Candidate>) -> Answer {
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(Error::Failed)?;
        queue.send(Request { candidates, reply }).map_err(|_| Error::Failed)?;
        drop(queue);
        answer.recv().map_err(|_| Error::Failed)?
    }

    /// Lets the thread finish what is queued, and waits for it.
    pub(super) fn stop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has failed its requests already.
            let _ = thread.join();
        }
    }
}

struct Lease {
    next: u64,
    end: u64,
    size: u64,
}

struct Worker {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    lease: Lease,
    high_water: Arc<dyn HighWater>,
    entropy: Arc<Entropy>,
}

/// The new persons of one commit.
#[derive(Default)]
struct Draft {
    places: HashMap<Tag, usize>,
    tags: Vec<Tag>,
    identities: Vec<Zeroizing<Vec<u8>>>,
    /// Batches that are answered with it.
    batches: usize,
}

/// Where a candidate's person comes from.
enum Source {
    Known(PersonNo),
    New(usize),
}

impl Worker {
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut taken = vec![first];
            let mut persons = taken[0].candidates.len();
            while persons < COMMIT_PERSONS_MAX
                && let Ok(next) = requests.try_recv()
            {
                persons += next.candidates.len();
                taken.push(next);
            }
            self.answer(taken);
        }
    }

    fn answer(&mut self, requests: Vec<Request>) {
        let mut replies = Vec::with_capacity(requests.len());
        let outcome = if self.shared.failed.load(Ordering::Acquire) {
            replies.extend(requests.into_iter().map(|request| request.reply));
            Err(Error::Failed)
        } else {
            self.assign(requests, &mut replies)
        };
        match outcome {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A caller that went away has its persons all the same.
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) => {
                if !self.shared.failed.swap(true, Ordering::AcqRel) {
                    tracing::error!(partition = self.shared.keys.partition(), error = %error,
                        "a write to the vault failed; it takes no new persons until it is reopened");
                }
                let mut first = Some(error);
                for reply in replies {
                    let _ = reply.send(Err(first.take().unwrap_or(Error::Failed)));
                }
            }
        }
    }

    /// Finds or makes the persons of all requests with one commit.
    fn assign(
        &mut self,
        requests: Vec<Request>,
        replies: &mut Vec<SyncSender<Answer>>,
    ) -> Result<Vec<Vec<PersonNo>>, Error> {
        let mut draft = Draft { batches: requests.len(), ..Draft::default() };
        let mut sources = Vec::with_capacity(requests.len());
        for request in requests {
            replies.push(request.reply);
            sources.push(self.draft(request.candidates, &mut draft));
        }
        let mut new = Vec::new();
        if !draft.tags.is_empty() {
            new = self.commit(draft)?;
        }
        let person = |source| match source {
            Source::Known(person) => person,
            Source::New(place) => new[place],
        };
        Ok(sources.into_iter().map(|request| request.into_iter().map(person).collect()).collect())
    }

    fn draft(&self, candidates: Vec<Candidate>, draft: &mut Draft) -> Vec<Source> {
        let tags: Vec<Tag> = candidates.iter().map(|candidate| candidate.tag).collect();
        let known: Vec<Option<PersonNo>> = {
            let held = self.shared.index.hold();
            let tables = held.tables();
            tags.iter().for_each(|tag| tables.prefetch(*tag));
            tags.iter().map(|tag| tables.find(*tag)).collect()
        };
        let decide = |(candidate, known): (Candidate, Option<PersonNo>)| {
            if let Some(person) = known {
                return Source::Known(person);
            }
            let next = draft.tags.len();
            let place = *draft.places.entry(candidate.tag).or_insert(next);
            if place == next {
                draft.tags.push(candidate.tag);
                draft.identities.push(candidate.identity);
            }
            Source::New(place)
        };
        candidates.into_iter().zip(known).map(decide).collect()
    }

    fn commit(&mut self, mut draft: Draft) -> Result<Vec<PersonNo>, Error> {
        let count = draft.tags.len() as u64;
        self.extend_lease(count)?;
        let first = self.lease.next;
        let keys = &self.shared.keys;
        let generation = keys.active_generation();
        let mut numbers = Vec::new();
        keys.numbers_at(generation, first..first + count, &mut numbers)?;
        let entries = entries(&draft.tags, &numbers)?;

        let mut batch = Batch::new();
        batch.answers(draft.batches);
        let starts = (first..).step_by(group::PERSONS_MAX);
        let groups =
            draft.tags.chunks(group::PERSONS_MAX).zip(draft.identities.chunks(group::PERSONS_MAX));
        for (start, (tags, identities)) in starts.zip(groups) {
            let tags = group::Tags::new(generation, tags.to_vec());
            let value = group::encode(keys, &self.entropy, start, &tags, identities)?;
            batch.insert(Key::group(keys.partition(), start), value);
        }
        self.lease.next = first + count;
        self.store.commit("assign persons", batch, Durability::Synced)?;

        self.shared.used.store(first + count, Ordering::Release);
        let inserted = self.shared.index.insert_many(&entries);
        wipe(&mut draft.tags);
        inserted.map_err(|_| Error::Damaged { what: "tag that stands twice" })?;
        Ok(entries.into_iter().map(|(_, person)| person).collect())
    }

    /// Leases positions so that `count` more can be drawn: in the vault first, so that nobody else
    /// is ever ahead of it after a crash, then where the vault does not reach.
    fn extend_lease(&mut self, count: u64) -> Result<(), Error> {
        if self.lease.end - self.lease.next >= count {
            return Ok(());
        }
        let missing = count - (self.lease.end - self.lease.next);
        let end = self.lease.end + missing.max(self.lease.size);
        let partition = self.shared.keys.partition();
        let mut batch = Batch::new();
        batch.put(Key::high_water(partition), encode_mark(end));
        self.store.commit("lease persons", batch, Durability::Synced)?;
        self.high_water.raise(partition, end).map_err(Error::Mark)?;
        self.lease.end = end;
        self.lease.size = (self.lease.size * 2).min(LEASE_MAX);
        Ok(())
    }
}
