//! Conversion of the IDs of a one-way register into those of another, such as IPLOS into KPR, for who
//! is in both: in a window that two persons opened.
//!
//! ```text
//! approval ─► identities of the other register's members, one pass ─► their one-way tags ─► pairs
//!               entry, whose identities were opened, use of the approval: one commit     in memory
//! ID of the one-way register ─► its person ─► pair ─► ID in the other, as it is now; entry, who was
//!                                                     asked about: of the one-way register alone
//! ended by its time, by hand or by sealing: pairs wiped, entry
//! ```
//!
//! Why not the window of a joint disclosure: that gives serials of a disclosure, which die with its key,
//! and never an ID; this gives IDs, to a caller with a right of its own for exactly these two registers.
//!
//! Invariants: no pair is stored or logged; outside a window nobody is answered; an entry of answers
//! names, sealed, who of the one-way register was asked about, and neither who nor how many are in the
//! other register, nor a digest of what was answered: any of these, of one row, would say who is who;
//! whoever is not in the other register, and whoever is not in the one-way register, are answered alike.
//!
//! What it does *not* protect: whoever has the answers has the pairs, and the server cannot take that
//! back.  After a crash, or when the stores are opened anew after a failed commit, the window is gone
//! without an entry of its own; that of its opening says until when it could have lasted.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Limit, LogLine, Parameters, Service, Violation, actor, allow};
use crate::approval::Act;
use crate::audit::{Action, Actor, Entry, Recorded};
use crate::config::codes::RegisterCode;
use crate::policy::{Permit, Right};
use crate::registers::approvals::Approved;
use crate::registers::catalogue::Register;
use crate::registers::{PersonSet, Reach, RowCode, Write};
use crate::vault::{PERSONS, PersonNo};

mod window;

use window::Conversion;
pub(super) use window::Conversions;

/// The longest window: a working day.
const MINUTES_MAX: u32 = 480;

/// From which register into which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one-way register.
    pub from: RegisterCode,
    /// The other.
    pub into: RegisterCode,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from, self.into)
    }
}

/// What is to be opened, for how long and why.
pub struct OpenConversion {
    /// Of which registers.
    pub pair: Pair,
    /// How long, 1 to 480.
    pub minutes: u32,
    /// What for.
    pub purpose: LogLine,
    /// By which provision.
    pub provision: LogLine,
}

/// A window as it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedConversion {
    /// From this moment on nothing is answered in it.
    pub until: Timestamp,
    /// Persons whose sealed identities were opened for it.
    pub looked_at: u64,
}

/// The answer to one row.  It shows no ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ConvertedRow {
    /// The person's ID in the other register.
    Id(u64),
    /// What was sent is no ID.
    Invalid,
    /// The other register does not have the person, or the one-way register has nobody by this ID.
    NotIn,
}

impl fmt::Debug for ConvertedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConvertedRow")
    }
}

impl Service {
    /// Opens a window of a conversion for some minutes.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid`; `rule_refuses` unless the first is a
    /// one-way register and the second is not, `step_out_of_order` when a window is open,
    /// `approval_required`, `approval_void`, which are recorded; `server_sealed`, `commit_uncertain`.
    pub fn open_conversion(
        &self,
        permit: &Permit,
        request: &OpenConversion,
    ) -> Result<Recorded<OpenedConversion>, Error> {
        allow(permit, &Right::Disclose)?;
        let OpenConversion { pair, minutes, purpose, provision } = request;
        if !(1..=MINUTES_MAX).contains(minutes) {
            let text = format!("must be 1 to {MINUTES_MAX}").into();
            return Err(Error::invalid(vec![Violation { field: "minutes".into(), text }]));
        }
        let open = self.open_now()?;
        self.end_late_conversions(&open);
        let (from, into) = self.conversion_registers(pair)?;
        let mut entry = self.entry(actor(permit), Action::ConversionOpened);
        // Whose identities were opened is of the other register's partition.
        entry.register = Some(into.code.to_string());
        entry.purpose = Some(purpose.as_str().to_owned());
        entry.basis = Some(provision.as_str().to_owned());
        self.or_record(&open, &entry, may_convert(from, into))?;
        let key = (from.number, into.number);
        let is_open = open.conversions.read().contains_key(&key);
        let free = if is_open { Err(is_open_already()) } else { Ok(()) };
        self.or_record(&open, &entry, free)?;
        let minutes_text = minutes.to_string();
        let parameters = [
            ("minutes", &*minutes_text),
            ("provision", provision.as_str()),
            ("purpose", purpose.as_str()),
        ];
        let named = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let act = (Act::OpenConversion, &*pair.to_string());
        let approved = self.take_approval(&open, permit, act, &Parameters(named.into()));
        let approved = self.or_record(&open, &entry, approved)?;
        let until = SignedDuration::from_mins(i64::from(*minutes));
        let until = self.parts.clock.now().saturating_add(until).map_err(Error::internal)?;
        let (pairs, seen) = paired(&open, &approved, (from, into))?;
        let window = Conversion {
            pair: pair.clone(),
            until,
            purpose: purpose.as_str().to_owned(),
            provision: provision.as_str().to_owned(),
            pairs,
            batches: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        };
        entry.changes = lines(pair);
        entry.changes.push(format!("until {until:.0}"));
        self.record_conversion(&open, (entry, approved), (key, window), seen)
    }

    /// Records the window with the use of its approval; it is open when this returns.
    fn record_conversion(
        &self,
        open: &Arc<Open>,
        (mut entry, approved): (Entry, Approved),
        (key, window): ((u16, u16), Conversion),
        seen: PersonSet,
    ) -> Result<Recorded<OpenedConversion>, Error> {
        let mut conversions = open.conversions.write();
        if conversions.contains_key(&key) {
            drop(conversions);
            return self.or_record(open, &entry, Err(is_open_already()));
        }
        let answer = OpenedConversion { until: window.until, looked_at: seen.count() };
        entry.counts.insert("looked_at".into(), answer.looked_at);
        let writes = vec![Write::Concerns(seen)];
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, answer);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })?;
        conversions.insert(key, window);
        Ok(recorded)
    }

    /// The IDs in the other register of persons of the one-way register, row by row.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `batch_too_large`; `step_out_of_order` outside a window, which
    /// is recorded; `server_sealed`, `commit_uncertain`.
    pub fn convert(
        &self,
        permit: &Permit,
        pair: &Pair,
        ids: &[u64],
    ) -> Result<Recorded<Vec<ConvertedRow>>, Error> {
        let Pair { from, into } = pair;
        allow(permit, &Right::Convert { from: from.clone(), into: into.clone() })?;
        let open = self.open_now()?;
        let max = self.parts.config.limits.batch_identifiers_max;
        if ids.len() > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        self.end_late_conversions(&open);
        let (from, into) = self.conversion_registers(pair)?;
        let mut entry = self.entry(actor(permit), Action::ConversionAnswered);
        // Who was asked about is of the one-way register's partition.
        entry.register = Some(from.code.to_string());
        let conversions = open.conversions.read();
        let now = self.parts.clock.now();
        let window = conversions.get(&(from.number, into.number)).filter(|one| now < one.until);
        let Some(window) = window else {
            drop(conversions);
            return self.or_record(&open, &entry, Err(no_window()));
        };
        entry.purpose = Some(window.purpose.clone());
        entry.basis = Some(window.provision.clone());
        entry.changes = lines(pair);
        entry.counts.insert("rows".into(), ids.len() as u64);
        let (answers, asked) = answers(&open, (from, into), window, ids)?;
        let writes = vec![Write::Concerns(asked), Write::VaultUsed(from.partition())];
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, answers);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        window.batches.fetch_add(1, Ordering::Relaxed);
        window.rows.fetch_add(ids.len() as u64, Ordering::Relaxed);
        Ok(recorded)
    }

    /// Ends a window before its time.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`; `step_out_of_order` when none is open, which is recorded;
    /// `server_sealed`, `commit_uncertain`.
    pub fn close_conversion(&self, permit: &Permit, pair: &Pair) -> Result<Recorded<()>, Error> {
        allow(permit, &Right::Disclose)?;
        let open = self.open_now()?;
        self.end_late_conversions(&open);
        let (_, into) = self.conversion_registers(pair)?;
        let mut entry = self.entry(actor(permit), Action::ConversionClosed);
        entry.register = Some(into.code.to_string());
        let ended = open.conversions.take(|one| one.pair == *pair).pop();
        let none = || Error::step("no window of this conversion is open".to_owned());
        let window = self.or_record(&open, &entry, ended.ok_or_else(none))?;
        self.record_conversion_end(&open, entry, &window, "by hand")
    }

    fn record_conversion_end(
        &self,
        open: &Arc<Open>,
        mut entry: Entry,
        window: &Conversion,
        how: &str,
    ) -> Result<Recorded<()>, Error> {
        entry.register = Some(window.pair.into.to_string());
        entry.purpose = Some(window.purpose.clone());
        entry.basis = Some(window.provision.clone());
        entry.changes = lines(&window.pair);
        entry.changes.push(format!("ended: {how}"));
        for (name, count) in [("batches", &window.batches), ("rows", &window.rows)] {
            entry.counts.insert(name.into(), count.load(Ordering::Relaxed));
        }
        open.registers.record_act_and_wait(entry).map_err(|error| {
            self.reopen_if_failed(open);
            register_error(error)
        })
    }

    /// Ends the windows whose time is over.
    pub(super) fn end_late_conversions(&self, open: &Arc<Open>) {
        let now = self.parts.clock.now();
        let is_late = |window: &Conversion| window.until <= now;
        if open.conversions.read().values().any(is_late) {
            self.tell_conversions(open, open.conversions.take(is_late), "its time was over");
        }
    }

    /// Ends all windows, when the server is sealed.
    pub(super) fn end_conversions(&self, open: &Arc<Open>) {
        self.tell_conversions(open, open.conversions.take(|_| true), "the server was sealed");
    }

    /// Windows that are ended are gone, whether that is recorded or not.
    fn tell_conversions(&self, open: &Arc<Open>, ended: Vec<Conversion>, how: &str) {
        for window in ended {
            let entry = self.entry(Actor::Server, Action::ConversionClosed);
            if let Err(error) = self.record_conversion_end(open, entry, &window, how) {
                tracing::warn!(error = %error, "the end of a conversion could not be recorded");
            }
        }
    }

    fn conversion_registers(&self, pair: &Pair) -> Result<(&Register, &Register), Error> {
        Ok((self.rights_register(&pair.from)?, self.rights_register(&pair.into)?))
    }
}

/// A conversion goes from who has no identity to who has one.
fn may_convert(from: &Register, into: &Register) -> Result<(), Error> {
    if from.is_one_way() && !into.is_one_way() {
        return Ok(());
    }
    let text = "a conversion is from a one-way register into one that is not";
    Err(Error::rule(text.to_owned()))
}

fn lines(Pair { from, into }: &Pair) -> Vec<String> {
    vec![format!("from {from}"), format!("into {into}")]
}

fn is_open_already() -> Error {
    Error::step("a window of this conversion is open; close it first, or use it".to_owned())
}

fn no_window() -> Error {
    let text = "IDs are converted in an open window alone; an officer opens one, with another \
                person's approval: `hvelv convert open`";
    Error::step(text.to_owned())
}

/// One pass over the vault: who of the one-way register is in the other, under any identifier that the
/// other may know; and whose identities were opened for it.
fn paired(
    open: &Open,
    approved: &Approved,
    (from, into): (&Register, &Register),
) -> Result<(Vec<(u64, u64)>, PersonSet), Error> {
    let matching = approved.matching();
    let matching = matching.ok_or_else(|| Error::internal("the act opens no window"))?;
    let seen = RefCell::new(PersonSet::default());
    let is_wanted = |person: PersonNo| {
        let is_wanted = id_of(open, into, person).is_some();
        if is_wanted {
            seen.borrow_mut().extend(&[person]);
        }
        is_wanted
    };
    let mut pairs = Vec::new();
    let each = |person: PersonNo, found: PersonNo| pairs.push((found.number(), person.number()));
    let matched = open.vault.match_one_way(&matching, from.partition(), is_wanted, each);
    matched.map_err(Error::internal)?;
    pairs.sort_unstable();
    // An identifier is one person's, so nobody stands twice; should somebody, the first counts.
    pairs.dedup_by_key(|(one_way, _)| *one_way);
    Ok((pairs, seen.into_inner()))
}

/// A person's ID in a register as it is now: the root's, or else that of another leaf by the links that
/// may be shown.  Links and column are held for one person at a time, so that no commit waits for a pass.
fn id_of(open: &Open, register: &Register, person: PersonNo) -> Option<u64> {
    // The first drawn is the root.
    let leaves = open.registers.hold_links().leaves_of(PERSONS, person, Reach::Shown);
    let held = open.registers.hold(register.number).ok()?;
    let cells = held.cells();
    leaves.iter().find_map(|leaf| cells.standing(*leaf).id())
}

/// What each row is answered, and who of the one-way register was asked about.
fn answers(
    open: &Open,
    (from, into): (&Register, &Register),
    window: &Conversion,
    ids: &[u64],
) -> Result<(Vec<ConvertedRow>, PersonSet), Error> {
    let found = open.registers.identify(from.number, ids).map_err(register_error)?;
    let mut asked = PersonSet::default();
    let rows = found.into_iter().map(|row| match row {
        Ok(one_way) => {
            asked.extend(&[one_way]);
            let id = window.person(one_way).and_then(|person| id_of(open, into, person));
            id.map_or(ConvertedRow::NotIn, ConvertedRow::Id)
        }
        Err(RowCode::Rejected(_)) => ConvertedRow::Invalid,
        Err(_) => ConvertedRow::NotIn,
    });
    let rows = rows.collect();
    Ok((rows, asked))
}
