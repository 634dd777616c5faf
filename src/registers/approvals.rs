//! Approvals in memory, and how each change of one is committed.
//!
//! ```text
//! request, decide, withdraw ─► rules ─► Moving ─► recorder: record and entry in one batch
//! take ─► rules ─► Approved ─► recorder: the act's writes and entry, the use and its entry, in one
//!                                 ▼ after the commit
//!                               the approval as it is now
//! ```
//!
//! INVARIANTS: what is in memory as moved is on disk.  An approval is moved by one at a time: from
//! the rules to the commit it is held, and let go when the [`Moving`] is dropped.  [`Approved`]
//! exists only after the rules have said yes, and only one of an approval at a time; its use is in
//! the commit of the act, so that a failed commit leaves both undone, and an uncertain one both done
//! or both undone, which is read from the store before the next write.
//!
//! What it does *not* protect: an older copy of the store, in which a used approval is unused.

mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Error;
use crate::approval::rules::{self, Refusal, Today, Verdict};
use crate::approval::{Act, Approval, ApprovalId, Move, Party, State, Wanted};
use crate::audit::{Action, Actor, Entry};
use crate::config::approvals::Approvals as Limits;
use crate::crypto::{Entropy, StorageKeys};
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Step, Store};
use crate::vault::{MayMatch, MayReveal};

/// All approvals of the register plane, open or not.
#[derive(Default)]
pub struct Approvals {
    book: Mutex<BTreeMap<ApprovalId, Slot>>,
}

struct Slot {
    approval: Approval,
    /// Somebody is moving it.
    is_moving: bool,
    /// It is on disk; a request that is not is nobody's to see.
    is_durable: bool,
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// A fresh id.
    pub id: ApprovalId,
    /// What is asked for.
    pub wanted: Wanted,
    /// Why.
    pub reason: String,
    /// By which law or decision.
    pub basis: String,
}

/// A change of an approval that is to be committed.  It lets go of the approval when it is dropped.
///
/// INVARIANT: made by [`Approvals`] alone, after the rules.
#[must_use = "a change does nothing until it is committed"]
pub struct Moving {
    approvals: Arc<Approvals>,
    next: Box<Approval>,
}

/// Proof that another natural person has approved exactly this act, and that it is used by nobody
/// else now.  It is used up by the commit of the act.
///
/// INVARIANT: made by [`Approvals::take`] alone:
///
/// ```compile_fail,E0603
/// fn forge(moving: hvelv::registers::approvals::Moving) -> hvelv::registers::approvals::Approved {
///     hvelv::registers::approvals::Approved(moving)
/// }
/// ```
#[must_use = "what was approved is done with the record of its use"]
pub struct Approved(Moving);

impl Approvals {
    /// Reads every approval.  Gives the number of seals that their records count besides.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`].
    pub(super) fn load(store: &dyn Store, keys: &StorageKeys) -> Result<(Arc<Self>, u64), Error> {
        let (mut book, mut seals, mut failure) = (BTreeMap::new(), 0, None);
        store.scan(Key::all(Kind::Approval), &mut |key, value| {
            match record::open(keys, key, value) {
                Ok(approval) => {
                    seals += 1 + approval.moves.len() as u64;
                    let (is_moving, is_durable) = (false, true);
                    book.insert(approval.id, Slot { approval, is_moving, is_durable });
                }
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        let approvals = Arc::new(Self { book: Mutex::new(book) });
        failure.map_or(Ok((approvals, seals)), Err)
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<ApprovalId, Slot>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An approval, if there is one.
    pub fn find(&self, id: &ApprovalId) -> Option<Approval> {
        self.book().get(id).filter(|slot| slot.is_durable).map(|slot| slot.approval.clone())
    }

    /// The newest approvals that are wanted, at most so many, the newest first.
    pub fn list(&self, max: usize, is_wanted: impl Fn(&Approval) -> bool) -> Vec<Approval> {
        let book = self.book();
        let durable = book.values().filter(|slot| slot.is_durable).map(|slot| &slot.approval);
        let mut found: Vec<&Approval> = durable.filter(|approval| is_wanted(approval)).collect();
        found.sort_by_key(|approval| (std::cmp::Reverse(approval.requested), approval.id));
        found.into_iter().take(max).cloned().collect()
    }

    /// A request, if who asks may ask and has not asked too often.
    ///
    /// # Errors
    ///
    /// The [`Refusal`].
    pub fn request(
        self: &Arc<Self>,
        new: NewRequest,
        by: &Party,
        today: &Today<'_>,
        limits: &Limits,
    ) -> Result<Moving, Refusal> {
        rules::request(&new.wanted, by, today)?;
        let now = today.now;
        let mut book = self.book();
        let own = || book.values().map(|slot| &slot.approval).filter(|one| is_of(one, by));
        if own().filter(|one| one.state(now).is_open()).count() >= usize::from(limits.open_max) {
            return Err(Refusal::TooManyOpen);
        }
        let yesterday = after(now, -24);
        let recent = own().filter(|one| one.requested > yesterday).count();
        if recent >= usize::from(limits.requests_per_day_max) {
            return Err(Refusal::TooManyToday);
        }
        let NewRequest { id, wanted, reason, basis } = new;
        // Ten random bytes are never drawn twice; if they are, the one that is there stays.
        if book.contains_key(&id) {
            return Err(Refusal::Closed);
        }
        let expires = after(now, i64::from(limits.valid_hours));
        let (requester, moves) = (by.clone(), Vec::new());
        let next =
            Approval { id, wanted, reason, basis, requester, requested: now, expires, moves };
        let slot = Slot { approval: next.clone(), is_moving: true, is_durable: false };
        book.insert(id, slot);
        Ok(Moving { approvals: Arc::clone(self), next: Box::new(next) })
    }

    /// A decision about a request.
    ///
    /// # Errors
    ///
    /// The [`Refusal`].
    pub fn decide(
        self: &Arc<Self>,
        id: &ApprovalId,
        (verdict, note): (Verdict, Option<String>),
        by: &Party,
        today: &Today<'_>,
    ) -> Result<Moving, Refusal> {
        let to = match verdict {
            Verdict::Approve => State::Approved,
            Verdict::Refuse => State::Refused,
        };
        let next = Move { to, by: by.clone(), at: today.now, note };
        self.start(id, next, |approval| rules::decide(approval, verdict, by, today))
    }

    /// A request, approved or not, that is taken back.
    ///
    /// # Errors
    ///
    /// The [`Refusal`].
    pub fn withdraw(
        self: &Arc<Self>,
        id: &ApprovalId,
        by: &Party,
        now: Timestamp,
    ) -> Result<Moving, Refusal> {
        let next = Move { to: State::Withdrawn, by: by.clone(), at: now, note: None };
        self.start(id, next, |approval| rules::withdraw(approval, by, now))
    }

    /// The approval that somebody has for exactly this, to be used up by the commit of the act.  Of
    /// several it is the one that expires first.
    ///
    /// # Errors
    ///
    /// [`Refusal::Void`], or [`Refusal::Required`] when there is none.
    pub fn take(
        self: &Arc<Self>,
        wanted: &Wanted,
        by: &Party,
        today: &Today<'_>,
    ) -> Result<Approved, Refusal> {
        let mut found = self.list(usize::MAX, |one| is_of(one, by) && one.wanted.is(wanted));
        found.sort_by_key(|approval| approval.expires);
        let mut refusal = Refusal::Required;
        for approval in found {
            let next = Move { to: State::Used, by: by.clone(), at: today.now, note: None };
            match self.start(&approval.id, next, |one| rules::use_up(one, by, today)) {
                Ok(moving) => return Ok(Approved(moving)),
                Err(Refusal::Void) => refusal = Refusal::Void,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// Begins a move that the rules allow, and holds the approval for it.
    fn start(
        self: &Arc<Self>,
        id: &ApprovalId,
        next: Move,
        rule: impl FnOnce(&Approval) -> Result<(), Refusal>,
    ) -> Result<Moving, Refusal> {
        let mut book = self.book();
        let slot = book.get_mut(id).filter(|slot| slot.is_durable).ok_or(Refusal::NotAllowed)?;
        rule(&slot.approval)?;
        if slot.is_moving || !slot.approval.moved_to().leads_to(next.to) {
            return Err(Refusal::Closed);
        }
        slot.is_moving = true;
        let mut moved = slot.approval.clone();
        moved.moves.push(next);
        Ok(Moving { approvals: Arc::clone(self), next: Box::new(moved) })
    }
}

fn is_of(approval: &Approval, by: &Party) -> bool {
    approval.requester.principal == by.principal
}

fn after(now: Timestamp, hours: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

impl Moving {
    /// The approval as it will be.
    pub fn approval(&self) -> &Approval {
        &self.next
    }

    /// Whether it is of these approvals: not of those of a plane that was opened before.
    pub(super) fn is_of(&self, approvals: &Arc<Approvals>) -> bool {
        Arc::ptr_eq(&self.approvals, approvals)
    }

    /// The entry of the move.
    pub(super) fn entry(&self) -> Entry {
        let Approval { id, wanted, requester, moves, .. } = self.next.as_ref();
        let Wanted { act, subject, digest } = wanted;
        let last = moves.last();
        let (by, at) = last.map_or((requester, self.next.requested), |last| (&last.by, last.at));
        let state = self.next.moved_to();
        let action = match state {
            State::Approved => Action::ApprovalGiven,
            State::Refused => Action::ApprovalRefused,
            State::Requested | State::Expired => Action::ApprovalRequested,
            State::Used => Action::ApprovalUsed,
            State::Withdrawn => Action::ApprovalWithdrawn,
        };
        let actor = Actor::Person {
            principal: by.principal.to_string(),
            organisation: by.organisation.to_string(),
        };
        let mut entry = Entry::new(at, actor, action);
        entry.basis = Some(self.next.basis.clone());
        entry.digest = Some(*digest);
        entry.changes = vec![format!("approval {id} of {act}: {state}"), format!("for {subject}")];
        match last {
            None => {
                entry.changes.push(format!("until {:.0}", self.next.expires));
                entry.changes.push(format!("reason: {}", self.next.reason));
            }
            Some(last) => {
                entry.changes.push(format!("requested by {}", requester.principal));
                entry.changes.extend(last.note.as_ref().map(|note| format!("note: {note}")));
            }
        }
        entry
    }

    /// The entry of its own that a use has beside that of the act.
    pub(super) fn entry_of_use(&self) -> Option<Entry> {
        (self.next.moved_to() == State::Used).then(|| self.entry())
    }

    /// Writes the approval into the commit's batch.
    pub(super) fn stage(
        &self,
        keys: &StorageKeys,
        entropy: &Entropy,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let key = Key::approval(self.next.id.0);
        let sealed = record::seal(keys, entropy, &key, &self.next)?;
        if self.next.moves.is_empty() {
            batch.insert(key, sealed);
        } else {
            batch.put(key, sealed);
        }
        Ok(())
    }

    /// Shows the approval as it is now, after the commit.
    pub(super) fn publish(&self) {
        if let Some(slot) = self.approvals.book().get_mut(&self.next.id) {
            slot.approval = self.next.as_ref().clone();
            slot.is_durable = true;
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        let mut book = self.approvals.book();
        match book.get_mut(&self.next.id) {
            Some(slot) if slot.is_durable => slot.is_moving = false,
            _ => drop(book.remove(&self.next.id)),
        }
    }
}

/// Proof that what was approved is an act that opens identities, for as long as its approval is held.
///
/// INVARIANT: made by [`Approved::reveal`] alone.
#[must_use = "a permit that is not used reveals nothing"]
pub struct RevealPermit<'a>(PhantomData<&'a Approved>);

impl MayReveal for RevealPermit<'_> {}

/// Proof that what was approved is a window, of a joint disclosure or a conversion, for as long as
/// its approval is held.  It opens no identity for anybody.
///
/// INVARIANT: made by [`Approved::matching`] alone.
#[must_use = "a permit that is not used matches nobody"]
pub struct MatchPermit<'a>(PhantomData<&'a Approved>);

impl MayMatch for MatchPermit<'_> {}

impl Approved {
    /// Which approval it is.
    pub fn id(&self) -> ApprovalId {
        self.0.next.id
    }

    /// What opens identities, if the act that was approved is one that does.
    pub fn reveal(&self) -> Option<RevealPermit<'_>> {
        let opens = match self.0.next.wanted.act {
            Act::BridgeOut | Act::IdentifySerial | Act::RevealIdentity => true,
            Act::AcceptRestore
            | Act::BridgeIn
            | Act::GrantRole
            | Act::OpenConversion
            | Act::OpenWindow
            | Act::PruneAudit
            | Act::ReissueId => false,
        };
        opens.then_some(RevealPermit(PhantomData))
    }

    /// What looks for persons of a one-way register among those of others, if it is a window.
    pub fn matching(&self) -> Option<MatchPermit<'_>> {
        let matches = matches!(self.0.next.wanted.act, Act::OpenConversion | Act::OpenWindow);
        matches.then_some(MatchPermit(PhantomData))
    }

    pub(super) fn into_moving(self) -> Moving {
        self.0
    }
}

impl fmt::Debug for Moving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moving").field("id", &self.next.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Approved").field(&self.0.next.id).finish()
    }
}
