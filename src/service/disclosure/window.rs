//! Windows of joint disclosures: for some time the server knows, in memory alone, which persons of a
//! one-way register are persons of the others.
//!
//! ```text
//! approval ─► identities of the sealed registers' members, one pass ─► their one-way tags ─► pairs
//!               who was where, the first time: see `window_persons`                    in memory
//!               entry, whose identities were opened, use of the approval: one commit
//! ended by its time, by hand, by sealing, by completing or closing the disclosure: pairs wiped, entry
//! ```
//!
//! Invariants: no pair is stored, answered or logged; a pair gives the number that a serial is made of
//! and nothing else; outside a window nobody gets a serial by an ID of the one-way register; all
//! windows of a disclosure are about the persons of its first, on both sides, so that a person has one
//! serial however many there are; the log has no number of those who are in both, since the numbers of
//! two windows would say who came between them.
//!
//! What it does *not* protect: who is told `in_both` of two windows learns as much, and who sees the
//! answers sees equal serials.  The officer's program has the
//! register IDs beside them: see SECURITY.md.  After a crash, or when the stores are opened anew after
//! a failed commit, the window is gone without an entry of its own; that of its opening says until
//! when it could have lasted.

use std::fmt;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroize;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Parameters, Service, Violation, actor};
use super::book::InUse;
use super::changing::about;
use super::scope::Scope;
use super::serials::{Using, cipher_width};
use super::window_persons::Seen;
use crate::approval;
use crate::audit::{Action, Actor, Entry, Recorded};
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::{Decision, DisclosureId};
use crate::policy::Permit;
use crate::registers::approvals::Approved;
use crate::registers::{PersonSet, Write};
use crate::vault::PersonNo;

/// The longest window: a working day.
const MINUTES_MAX: u32 = 480;

/// An open window.
pub(super) struct Window {
    until: Timestamp,
    /// Numbers in the one-way partition, ascending, each with the person number of who is the same.
    pairs: Vec<(u64, u64)>,
}

/// A window as it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedWindow {
    /// From this moment on nothing is answered in it.
    pub until: Timestamp,
    /// Persons whose sealed identities were opened for it.
    pub looked_at: u64,
    /// Persons of the one-way register who are among them.
    pub in_both: u64,
}

/// What a pass has found.
struct Matched {
    window: Window,
    seen: Seen,
}

impl Window {
    /// Whether anything is still answered in it.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// From when on nothing is answered in it.
    pub(super) fn until(&self) -> Timestamp {
        self.until
    }

    /// The number that the serial of a person of the one-way register is made of.
    pub(super) fn number(&self, person: PersonNo, capacity: u64) -> u64 {
        let number = person.number();
        let found = self.pairs.binary_search_by_key(&number, |(one_way, _)| *one_way);
        found.map_or(capacity - 1 - number, |at| self.pairs[at].1)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The whole allocation, also what was cut off.
        self.pairs.zeroize();
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Service {
    /// Opens a window of a joint disclosure for some minutes.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `request_invalid`, `rule_refuses` when the disclosure is
    /// not joint, `step_out_of_order` when nothing is issued any more or a window is open,
    /// `approval_required`, `approval_void`, `server_sealed`, `commit_uncertain`.
    pub fn open_window(
        &self,
        permit: &Permit,
        id: DisclosureId,
        minutes: u32,
    ) -> Result<Recorded<OpenedWindow>, Error> {
        if !(1..=MINUTES_MAX).contains(&minutes) {
            let text = format!("must be 1 to {MINUTES_MAX}").into();
            return Err(Error::invalid(vec![Violation { field: "minutes".into(), text }]));
        }
        let using = self.use_disclosure(permit, id, DisclosureUse::Issue, Action::WindowOpened)?;
        self.end_late_windows(&using.open);
        let joint = self.joint(&using);
        let one_way = self.or_record(&using.open, &using.entry, joint)?;
        let parameters = Parameters(vec![("minutes".to_owned(), minutes.to_string())]);
        let act = (approval::Act::OpenWindow, &*id.to_string());
        let approved = self.take_approval(&using.open, permit, act, &parameters);
        let approved = self.or_record(&using.open, &using.entry, approved)?;
        let until = SignedDuration::from_mins(i64::from(minutes));
        let until = self.parts.clock.now().saturating_add(until).map_err(Error::internal)?;
        let matched = self.matched(&using, &approved, one_way, until)?;
        self.record_window(using, matched, approved)
    }

    /// The one-way partition of a joint disclosure that has no window open.
    fn joint(&self, using: &Using) -> Result<u16, Error> {
        let Using { open, decided, in_use, .. } = using;
        let scope = self.scope_of(decided)?;
        let Scope::Joint { one_way } = scope else {
            let text = "the disclosure is not one of a one-way register and others: it needs no \
                        window";
            return Err(Error::rule(text.to_owned()));
        };
        if in_use.window.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            let text = "a window of the disclosure is open; close it first, or use it";
            return Err(Error::step(text.to_owned()));
        }
        let width = cipher_width(decided.serial_width)?;
        if !scope.fits(open, width) {
            return Err(scope.too_narrow(open, width));
        }
        Ok(one_way)
    }

    /// One pass over the vault: who of the one-way register is among the sealed registers' members.
    fn matched(
        &self,
        using: &Using,
        approved: &Approved,
        one_way: u16,
        until: Timestamp,
    ) -> Result<Matched, Error> {
        let Using { open, decided, in_use, .. } = using;
        let matching = approved.matching();
        let matching = matching.ok_or_else(|| Error::internal("the act opens no window"))?;
        let registers = self.sealed_registers(decided);
        let earlier = in_use.first_window.sealed().cloned();
        // Before the pass: whoever is among them is known to the vault by now, and found by it.
        let one_way_members = match in_use.first_window.one_way() {
            Some(_) => None,
            None => Some(open.registers.ever_members(one_way).map_err(register_error)?),
        };
        let persons = std::cell::RefCell::new(PersonSet::default());
        let is_wanted = |person: PersonNo| {
            let is_member = || registers.iter().any(|one| is_member(open, *one, person));
            let is_wanted = earlier.as_ref().map_or_else(is_member, |set| set.contains(person));
            if is_wanted {
                persons.borrow_mut().extend(&[person]);
            }
            is_wanted
        };
        let mut window = Window { until, pairs: Vec::new() };
        let each = |person: PersonNo, found: PersonNo| {
            push(&mut window.pairs, (found.number(), person.number()));
        };
        let matched = open.vault.match_one_way(&matching, one_way, is_wanted, each);
        matched.map_err(Error::internal)?;
        window.pairs.sort_unstable();
        // An identifier is one person's, so nobody stands twice; should somebody, the first counts.
        window.pairs.dedup_by_key(|(one_way, _)| *one_way);
        let seen = Seen { sealed: persons.into_inner(), one_way: one_way_members };
        Ok(Matched { window, seen })
    }

    fn sealed_registers(&self, decided: &Decision) -> Vec<u16> {
        let named = decided.terms.registers.iter();
        let found = named.filter_map(|terms| self.parts.catalogue.by_code(&terms.register));
        found.filter(|register| !register.is_one_way()).map(|register| register.number).collect()
    }

    /// Records the window with the use of its approval; it is open when this returns.
    fn record_window(
        &self,
        using: Using,
        matched: Matched,
        approved: Approved,
    ) -> Result<Recorded<OpenedWindow>, Error> {
        let Using { open, in_use, mut entry, .. } = using;
        let entries = open.book.entries();
        // A disclosure is completed and closed by whoever holds the entries.
        let keys = in_use.keys()?;
        let id = in_use.id();
        let (disclosure, application) = entries.with_application(id)?;
        let today = self.parts.clock.today();
        let granted = disclosure.grant(DisclosureUse::Issue, application, today).map(|_| ());
        self.or_record_refusal(&open, entry.clone(), granted)?;
        let mut slot = in_use.window.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            let error = Error::step("a window of the disclosure is open already".to_owned());
            return self.or_record(&open, &entry, Err(error));
        }
        let Matched { window, seen } = matched;
        let looked_at = seen.sealed.count();
        let in_both = window.pairs.len() as u64;
        let until = window.until;
        entry.counts.insert("looked_at".into(), looked_at);
        entry.changes = vec![format!("until {until:.0}")];
        let mut writes = in_use.first_window.writes(id, &keys, (&seen, &self.parts.entropy))?;
        // Of the sealed registers: that ties nobody to the one-way register.
        writes.push(Write::Concerns(seen.sealed.clone()));
        let answer = OpenedWindow { until, looked_at, in_both };
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, answer);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        in_use.first_window.keep(seen);
        *slot = Some(window);
        Ok(recorded)
    }

    /// Ends a disclosure's window before its time.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `step_out_of_order` when none is open, `server_sealed`,
    /// `commit_uncertain`.
    pub fn close_window(&self, permit: &Permit, id: DisclosureId) -> Result<Recorded<()>, Error> {
        let (open, _) = self.begin_act(permit)?;
        self.end_late_windows(&open);
        let entries = open.book.entries();
        let (disclosure, application) = entries.with_application(id)?;
        let decided = application.decision(disclosure.decision())?;
        let entry = self.entry(actor(permit), Action::WindowClosed);
        let entry = about(entry, disclosure, application, decided);
        let ended = open.book.take_window(id);
        let none = || Error::step("the disclosure has no window open".to_owned());
        let window = self.or_record(&open, &entry, ended.ok_or_else(none))?;
        drop((window, entries));
        self.record_end(&open, entry, "by hand")
    }

    /// The entry of a window that has ended.
    pub(super) fn record_end(
        &self,
        open: &Arc<Open>,
        mut entry: Entry,
        how: &str,
    ) -> Result<Recorded<()>, Error> {
        entry.changes = vec![format!("ended: {how}")];
        open.registers.record_act_and_wait(entry).map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })
    }

    /// Ends the windows whose time is over.
    pub(in crate::service) fn end_late_windows(&self, open: &Arc<Open>) {
        let now = self.parts.clock.now();
        let late = open.book.take_windows(|window| !window.is_open(now));
        self.tell_ended(open, late, "its time was over");
    }

    /// Ends all windows, when the server is sealed.
    pub(in crate::service) fn end_windows(&self, open: &Arc<Open>) {
        let all = open.book.take_windows(|_| true);
        self.tell_ended(open, all, "the server was sealed");
    }

    /// Windows that are ended are gone, whether that is recorded or not.
    fn tell_ended(&self, open: &Arc<Open>, ended: Vec<DisclosureId>, how: &str) {
        for id in ended {
            let entries = open.book.entries();
            let mut entry = self.entry(Actor::Server, Action::WindowClosed);
            if let Ok((disclosure, application)) = entries.with_application(id)
                && let Ok(decided) = application.decision(disclosure.decision())
            {
                entry = about(entry, disclosure, application, decided);
            }
            drop(entries);
            if let Err(error) = self.record_end(open, entry, how) {
                tracing::warn!(error = %error, "the end of a window could not be recorded");
            }
        }
    }
}

impl InUse {
    /// Does something in the window, if one is open at that moment; it does not end meanwhile.
    pub(super) fn in_window<T>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&Window) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        match window.as_ref().filter(|window| window.is_open(now)) {
            Some(window) => work(window),
            None => Err(no_window()),
        }
    }
}

/// Adds a pair.  A vector that grows by itself would leave its pairs in freed memory.
fn push(pairs: &mut Vec<(u64, u64)>, pair: (u64, u64)) {
    const FIRST: usize = 1024;
    if pairs.len() == pairs.capacity() {
        let mut grown = Vec::with_capacity(FIRST.max(2 * pairs.len()));
        grown.extend_from_slice(pairs);
        pairs.zeroize();
        *pairs = grown;
    }
    pairs.push(pair);
}

/// Whether a register has a person.  Held for one person at a time, so that no commit waits for the
/// pass over the vault.
fn is_member(open: &Open, register: u16, person: PersonNo) -> bool {
    let held = open.registers.hold(register);
    held.is_ok_and(|held| held.cells().standing(person).id().is_some())
}

/// The answer to whoever asks outside a window.
pub(super) fn no_window() -> Error {
    let text = "IDs of the one-way register are answered in an open window alone; open one, with \
                another person's approval: `hvelv disclosure open-window`";
    Error::step(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no pair is left where a vector was.  Method: it has room before each is added, so that it
    /// never grows by itself, and loses none.
    #[test]
    fn pairs_grow_where_they_are_wiped() {
        let mut pairs = Vec::new();
        for number in 0..5_000_u64 {
            let before = (pairs.as_ptr(), pairs.capacity());
            push(&mut pairs, (number, number + 1));
            let moved = before != (pairs.as_ptr(), pairs.capacity());
            assert_eq!(moved, [0, 1024, 2048, 4096].contains(&number), "{number}");
        }
        assert!((0..5_000).zip(&pairs).all(|(number, pair)| *pair == (number, number + 1)));
        let mut window = Window { until: Timestamp::UNIX_EPOCH, pairs };
        window.pairs.zeroize();
        assert!(window.pairs.is_empty());
    }
}
