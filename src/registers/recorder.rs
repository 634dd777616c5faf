//! Commits the register plane: one owner thread, one synced commit for all who wait.
//!
//! ```text
//! answers, acts, deliveries ─► queue ─► take all that wait
//!     persons who join: a register number each, one delta per register
//!     what was spent of budgets, and who was told about: one record per account
//!     one audit entry per stream for all its messages, one per act, one per approval used
//! one batch ─► commit, synced ─► columns ─► Recorded answers
//! ```
//!
//! The sync costs latency and not throughput: while one commit syncs, the next one fills.
//! Invariants: state and its audit entry are in one batch; a cell is visible, and an answer leaves,
//! only after the commit; consecutive messages of a stream in one commit share one entry; after a
//! commit that failed or is uncertain this thread never writes again.

pub(super) mod stream;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::answer::{Answer, Waiting};
use super::approvals::Moving;
use super::budget::{Spending, Touched};
use super::by_person::AuditIndex;
use super::delta::{self, Stored};
use super::joining::{Joins, joining_count};
use super::keys::PlaneKeys;
use super::leaving::Forgotten;
use super::links::Feed;
use super::numbers::Numbers;
use super::queue::{ActEntry, ActReply, Command, Other, With};
use super::resealing::Replacement;
use super::write::Write;
use super::{Error, Members, VaultUsed};
use crate::audit::{AuditLog, Committed, Entry};
use crate::clock::Clock;
use crate::crypto::Entropy;
use crate::store::keys::Key;
use crate::store::records::encode_mark;
use crate::store::{Batch, Store};
use crate::vault::PersonNo;
use stream::StreamEntry;

/// Commands in one commit, and persons who join with it: bounds its memory.
const COMMANDS_MAX: usize = 1024;
const JOINING_MAX: usize = 131_072;
/// How long a commit waits at most for batches that are being mapped, and how many commands are
/// enough to go without waiting.
const COMMIT_DELAY_MAX: Duration = Duration::from_millis(2);
const COMMANDS_WORTH_A_SYNC: usize = 32;

pub(super) struct Recorder {
    /// Audit entries by person.
    pub(super) index: AuditIndex,
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: Arc<PlaneKeys>,
    pub(super) entropy: Arc<Entropy>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log: AuditLog,
    pub(super) members: BTreeMap<u16, Arc<Members>>,
    pub(super) numbers: BTreeMap<u16, Numbers>,
    /// Where each register's feed of changed IDs goes on.
    pub(super) feed: Feed,
    pub(super) vault_used: VaultUsed,
    pub(super) vault_marks: BTreeMap<u16, u64>,
    pub(super) failed: Arc<AtomicBool>,
    /// Batches that are being mapped and will be recorded next.
    pub(super) arriving: Arc<AtomicUsize>,
    /// Durable entries of the audit log.
    pub(super) entries: Arc<AtomicU64>,
    /// Who joins no register any more.
    pub(super) forgotten: Arc<Forgotten>,
    /// How long the last commit took to be durable.
    pub(super) commit_took: Duration,
}

impl Recorder {
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        while let Ok(first) = commands.recv() {
            let mut joining = joining_count(&first);
            let mut taken = vec![first];
            // Never longer than what is saved: another sync.
            let deadline = self.clock.monotonic() + self.commit_took.min(COMMIT_DELAY_MAX);
            while taken.len() < COMMANDS_MAX
                && joining < JOINING_MAX
                && let Some(next) = self.next(commands, taken.len(), deadline)
            {
                joining += joining_count(&next);
                taken.push(next);
            }
            self.record(taken);
        }
    }

    /// The next command, if it is there or on its way: while batches are being mapped that will be
    /// recorded in a moment, one sync for several of them is worth a short wait. Nobody who comes
    /// alone ever waits.
    fn next(
        &self,
        commands: &Receiver<Command>,
        taken: usize,
        deadline: Duration,
    ) -> Option<Command> {
        if let Ok(next) = commands.try_recv() {
            return Some(next);
        }
        if taken >= COMMANDS_WORTH_A_SYNC || self.arriving.load(Ordering::Acquire) == 0 {
            return None;
        }
        let left = deadline.checked_sub(self.clock.monotonic())?;
        commands.recv_timeout(left).ok()
    }

    fn record(&mut self, commands: Vec<Command>) {
        let (mut answers, mut others, mut barriers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut replacements, mut replaced) = (Vec::new(), Vec::new());
        for command in commands {
            match command {
                Command::Answer(answer) => answers.push(*answer),
                Command::Barrier(passed) => barriers.push(passed),
                Command::Other(other) => others.push(*other),
                Command::Replace { replacements: more, done } => {
                    replacements.extend(more);
                    replaced.push(done);
                }
            }
        }
        if !answers.is_empty() || !others.is_empty() || !replacements.is_empty() {
            self.answer((answers, others), replacements);
        }
        if self.failed.load(Ordering::Acquire) {
            // Whoever waits for them is told by that.
            replaced.clear();
        }
        barriers.extend(replaced);
        // Whoever waited may have gone.
        for passed in barriers {
            let _ = passed.send(());
        }
    }

    fn answer(
        &mut self,
        (answers, others): (Vec<Answer>, Vec<Other>),
        replacements: Vec<Replacement>,
    ) {
        let (mut waiting, mut acts) = (Vec::new(), Vec::new());
        let mut batch = Batch::new();
        let staged = if self.failed.load(Ordering::Acquire) {
            Err(Error::Failed)
        } else {
            // First: what acts write about the same records comes after it.
            self.stage_replacements(replacements, &mut batch)
        };
        let outcome = match staged {
            Ok(()) => self.commit((answers, others), batch, &mut waiting, &mut acts),
            Err(error) => {
                waiting.extend(answers.into_iter().map(Waiting::new));
                acts.extend(others.into_iter().map(|other| (other.reply, 0)));
                Err(error)
            }
        };
        match outcome {
            Ok((committed, entries)) => {
                for Waiting { reply, stream, answered } in waiting {
                    reply(Ok(committed.record(entries[&stream], answered)));
                }
                for (reply, index) in acts {
                    reply(Ok((&committed, index)));
                }
            }
            Err(error) => {
                if !self.failed.swap(true, Ordering::AcqRel) {
                    tracing::error!(error = %error, "a write to the register plane failed; \
                        nothing is answered until it is reopened");
                }
                waiting.into_iter().for_each(|waiting| (waiting.reply)(Err(Error::Failed)));
                acts.into_iter().for_each(|(reply, _)| reply(Err(Error::Failed)));
            }
        }
    }

    /// Commits everything. Whatever fails, each reply is in `waiting` or `acts` when this returns.
    fn commit(
        &mut self,
        (answers, others): (Vec<Answer>, Vec<Other>),
        mut batch: Batch,
        waiting: &mut Vec<Waiting>,
        acts: &mut Vec<(ActReply, u64)>,
    ) -> Result<(Committed, HashMap<u64, u64>), Error> {
        batch.answers(answers.len());
        self.index.stage(self.log.size(), &mut batch);
        let mut joins = Joins::collect(&answers, &self.members, &self.forgotten);
        let moves = others.iter().flat_map(|other| &other.with.moves);
        let plane = (&*self.keys, &*self.entropy, &self.members);
        let joined = (&*answers, self.clock.now());
        let told = self.feed.stage_joined(joined, plane, &joins, &mut batch);
        let told = told.and_then(|()| self.feed.stage(moves, plane, &mut joins, &mut batch));
        let drawn = self.draw(&mut joins, &mut batch);
        let (mut streams, mut touched) = (BTreeMap::new(), Touched::default());
        let mut memberships = Vec::new();
        for mut answer in answers {
            let joined = joins.answer(&answer, &self.members);
            let begun = || StreamEntry::of(&answer, self.keys.digest());
            let shared: &mut StreamEntry = streams.entry(answer.stream).or_insert_with(begun);
            shared.add(&answer, &joined);
            answer.spending.take().into_iter().for_each(|spending| touched.add(spending));
            answer.fill(&joined.ids, joined.new_members);
            waiting.push(Waiting::new(answer));
        }
        let mut staged = Vec::with_capacity(others.len());
        let (mut approvals, mut leavings, mut reissues) = (Vec::new(), Vec::new(), Vec::new());
        for Other { entry, with, reply } in others {
            let With { writes, fold, grant, approval, moves: _, answered: _, leaving, reissue } =
                with;
            leavings.extend(leaving);
            reissues.extend(reissue);
            acts.push((reply, 0));
            staged.push((entry, writes, approval.as_ref().and_then(Moving::entry_of_use)));
            memberships.extend(fold);
            approvals.extend(approval);
            if let Some((account, grant)) = grant {
                account.grant(grant);
                touched.add(Spending { account, told: Vec::new() });
            }
        }
        told?;
        drawn?;
        leavings.iter().for_each(|one| one.assert_nobody_joins(&joins));
        leavings.iter().try_for_each(|one| {
            one.stage(&mut self.numbers, &self.keys, &self.entropy, &mut batch)
        })?;
        reissues.iter().try_for_each(|one| one.stage(self, &mut batch))?;
        for membership in &memberships {
            membership.stage_fold(&self.keys, &self.entropy, &mut batch)?;
        }
        touched.stage(self.keys.storage(), &self.entropy, &mut batch)?;
        let mut entries = HashMap::new();
        for (stream, shared) in streams {
            memberships.extend(shared.disclosed().cloned());
            entries.insert(stream, self.stage_stream(shared, &mut batch)?);
        }
        for ((_, index), act) in acts.iter_mut().zip(staged) {
            *index = self.stage_act(act, &mut batch)?;
        }
        approvals
            .iter()
            .try_for_each(|one| one.stage(self.keys.storage(), &self.entropy, &mut batch))?;
        let committed = self.make_durable(batch)?;
        joins.publish(&self.members);
        leavings.iter().for_each(|leaving| leaving.publish(&self.members));
        reissues.iter().for_each(|reissue| reissue.publish(&self.members));
        touched.publish();
        memberships.iter().for_each(|membership| membership.publish());
        approvals.iter().for_each(Moving::publish);
        Ok((committed, entries))
    }

    fn make_durable(&mut self, batch: Batch) -> Result<Committed, Error> {
        let begun = self.clock.monotonic();
        let committed = self.log.commit("record answers", batch)?;
        self.commit_took = self.clock.monotonic().saturating_sub(begun);
        self.index.publish();
        self.entries.store(self.log.size(), Ordering::Release);
        Ok(committed)
    }

    /// Gives those who join their numbers and IDs, and writes the deltas.
    fn draw(&mut self, joins: &mut Joins, batch: &mut Batch) -> Result<(), Error> {
        for (register, joining) in joins.registers() {
            let numbers = self.numbers.get_mut(&register).ok_or(Error::NoRegister)?;
            let drawn = numbers.draw(joining.persons().len(), &self.keys)?;
            let entries: Vec<(PersonNo, Stored)> = joining
                .persons()
                .iter()
                .zip(&drawn)
                .map(|(person, number)| (*person, Stored::Member(*number)))
                .collect();
            let key = Key::delta(register, numbers.next_delta());
            let sealed = delta::encode(self.keys.storage(), &self.entropy, &key, entries)?;
            batch.insert(key, sealed);
            let ids = self.keys.derive_ids(register, drawn.clone())?;
            joining.set_ids(drawn, ids);
        }
        for partition in joins.partitions() {
            self.mark_vault(partition, batch);
        }
        Ok(())
    }

    /// Raises the mark of what the vault has used of a partition.
    pub(super) fn mark_vault(&mut self, partition: u16, batch: &mut Batch) {
        let used = (self.vault_used)(partition);
        let mark = self.vault_marks.entry(partition).or_default();
        if used > *mark {
            *mark = used;
            batch.put(Key::vault_used(partition), encode_mark(used));
        }
    }

    /// Puts an act's entry and what it changes into a batch, after the entry of the approval that it
    /// uses.
    fn stage_act(
        &mut self,
        (entry, writes, used): (Box<ActEntry>, Vec<Write>, Option<Entry>),
        batch: &mut Batch,
    ) -> Result<u64, Error> {
        if let Some(used) = used {
            self.log.stage(&used)?;
        }
        let index = self.log.stage(&entry.finish(self.keys.digest(), self.log.size()))?;
        self.write(index, writes, batch)?;
        Ok(index)
    }

    fn stage_stream(&mut self, shared: StreamEntry, batch: &mut Batch) -> Result<u64, Error> {
        let (entry, whom) = shared.finish(self.clock.now(), self.log.size());
        let index = self.log.stage(&entry)?;
        if let Some(membership) = &whom.disclosed {
            membership.stage(&self.keys, &self.entropy, (&whom.told, &whom.pins), batch)?;
        }
        if !whom.asked.is_empty() {
            self.stage_concerned(index, &whom.asked, batch)?;
        }
        Ok(index)
    }
}
