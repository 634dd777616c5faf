//! Serials: register IDs in, løpenummer of one disclosure out, or the IDs that another party gave.
//!
//! ```text
//! open_serials ─► (map ─► submit ─► Pending)* ─► finish
//!                   │       └ who is in the disclosure and the entry, durable; then the answer
//!                   └ register ID ─► register number ─► person ─► rights ─► serial
//!
//! serial = digits of FF1[K_disclosure](number), cycle-walked, and a Damm digit; see `scope`,
//!          `numbering`
//! ```
//!
//! Whose number: see `pinning`.  What is another leaf's is pinned before it is answered, so that a later
//! split changes no serial.
//!
//! Invariants: a person has one serial, or one ID, in a disclosure, whichever register's ID it came by; a serial
//! leaves only after its person is recorded as being in the disclosure; a disclosure that is closed
//! while a stream runs ends it; a person whose rights keep the rows from the disclosure is answered
//! `suppressed`, from the entry on that records the right.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Pending, Service, actor, allow};
use super::book::{Handle, InUse, closed, ready};
use super::changing::about;
use super::issued::{IssuingSummary, MappedSerials};
use super::members::OfKey;
use super::naming::no_bridge;
use super::scope::Scope;
use super::screening::{IssuingRegister, Screened};
use crate::audit::{Action, Entry};
use crate::crypto::SerialWidth;
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::{self, Application, Decision, Disclosure, DisclosureId};
use crate::ident;
use crate::policy::{Permit, Right};
use crate::registers::{self, Answer, Answered};

mod mapping;

/// An open stream of serials.
pub struct Issuing {
    service: Arc<Service>,
    open: Weak<Open>,
    id: DisclosureId,
    /// Of messages about persons of the disclosure's own partition, and of its one-way one.
    streams: [u64; 2],
    width: ident::SerialWidth,
    pub(super) scope: Scope,
    /// Whether another party's IDs stand in the place of serials.
    pub(super) has_labels: bool,
    last_day: Date,
    /// The registers whose IDs are taken.
    registers: Vec<IssuingRegister>,
    permit: Permit,
    base: Arc<Entry>,
    /// Held weakly, so that sealing wipes the keys although the stream is open.
    in_use: Handle,
    rows: AtomicU64,
    answered: Arc<AtomicU64>,
}

/// A disclosure that may be used today.
pub(super) struct Using {
    pub(super) open: Arc<Open>,
    pub(super) application: Application,
    pub(super) decided: Decision,
    /// The entry that its use begins.
    pub(super) entry: Entry,
    pub(super) in_use: Arc<InUse>,
    /// From the day after it on nothing is issued.
    pub(super) last_day: Date,
}

/// The width as the cipher has it.
pub(super) fn cipher_width(width: ident::SerialWidth) -> Result<SerialWidth, Error> {
    let digits = u32::try_from(width.digit_count()).map_err(Error::internal)?;
    SerialWidth::new(digits).map_err(Error::internal)
}

impl Service {
    /// Opens a stream of serials.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses` after the last day, `step_out_of_order`
    /// when nothing is issued any more; refusals are recorded. `server_sealed`, `commit_uncertain`.
    pub fn open_serials(
        self: &Arc<Self>,
        permit: &Permit,
        id: DisclosureId,
    ) -> Result<Issuing, Error> {
        let Using { open, application, decided, entry, in_use, last_day } =
            self.use_disclosure(permit, id, DisclosureUse::Issue, Action::SerialsIssued)?;
        let registers = self.registers_of(&application, &decided, IssuingRegister::new)?;
        let has_labels = decided.bridge_in.is_some();
        if has_labels && in_use.current_labels().is_none() {
            return self.or_record(&open, &entry, Err(no_bridge()));
        }
        for register in &registers {
            open.registers.make_ready_to_identify(register.number).map_err(register_error)?;
        }
        let next = || self.streams.fetch_add(1, Ordering::Relaxed);
        Ok(Issuing {
            service: Arc::clone(self),
            open: Arc::downgrade(&open),
            id,
            streams: [next(), next()],
            width: decided.serial_width,
            scope: self.scope_of(&decided)?,
            has_labels,
            last_day,
            registers,
            permit: permit.clone(),
            base: Arc::new(entry),
            in_use: in_use.handle(),
            rows: AtomicU64::new(0),
            answered: Arc::default(),
        })
    }

    /// A disclosure that may be used today, ready to be used, with the entry that its use begins.
    pub(super) fn use_disclosure(
        &self,
        permit: &Permit,
        id: DisclosureId,
        used_for: DisclosureUse,
        action: Action,
    ) -> Result<Using, Error> {
        self.use_granted(permit, id, action, |disclosure, application, day| {
            disclosure.grant(used_for, application, day).map(|_| ())
        })
    }

    /// As [`Self::use_disclosure`], with what is asked of the rules.
    pub(super) fn use_granted(
        &self,
        permit: &Permit,
        id: DisclosureId,
        action: Action,
        grant: impl Fn(&Disclosure, &Application, Date) -> Result<(), disclosure::Error>,
    ) -> Result<Using, Error> {
        allow(permit, &Right::Disclose)?;
        let open = self.open_now()?;
        let (disclosure, application) = entry_of(&open, id)?;
        let decided = application.decision(disclosure.decision())?.clone();
        let entry = self.entry(actor(permit), action);
        let entry = about(entry, &disclosure, &application, &decided);
        let today = self.parts.clock.today();
        let granted = grant(&disclosure, &application, today);
        self.or_record_refusal(&open, entry.clone(), granted)?;
        let in_use = self.in_use(&open, id, &decided)?;
        // Whoever has ended it meanwhile did not find it in use.
        let (disclosure, application) = entry_of(&open, id)?;
        let granted = grant(&disclosure, &application, today);
        self.or_record_refusal(&open, entry.clone(), granted)?;
        let last_day = disclosure.opening().expires.min(decided.valid_until);
        Ok(Using { open, application, decided, entry, in_use, last_day })
    }

    fn in_use(&self, open: &Open, id: DisclosureId, of: &Decision) -> Result<Arc<InUse>, Error> {
        let width = cipher_width(of.serial_width)?;
        let erasure = open.keys().keyring.erasure();
        let of_key = OfKey::of(&open.book.entries(), id)?;
        open.book.in_use(id, || {
            let members = self.members(open, id, &of_key)?;
            InUse::load(&open.registers, erasure, id, width, members)
        })
    }
}

/// A disclosure and its application, as they are now.
fn entry_of(open: &Open, id: DisclosureId) -> Result<(Disclosure, Application), Error> {
    let entries = open.book.entries();
    let (disclosure, application) = entries.with_application(id)?;
    Ok((disclosure.clone(), application.clone()))
}

impl Service {
    /// That the last day of a disclosure is not over.
    pub(super) fn check_last_day(&self, until: Date) -> Result<(), Error> {
        let day = self.parts.clock.today();
        if day <= until {
            return Ok(());
        }
        Err(disclosure::Refusal::DisclosureExpired { until, day }.into())
    }
}

impl Issuing {
    /// That something is issued today.
    pub(super) fn check_day(&self) -> Result<(), Error> {
        self.service.check_last_day(self.last_day)
    }

    /// How many digits a serial has; none in a disclosure with another party's IDs.
    pub fn width(&self) -> Option<usize> {
        (!self.has_labels).then(|| self.width.digit_count())
    }

    /// Most rows a batch may have.
    pub fn batch_max(&self) -> usize {
        self.service.parts.config.limits.batch_identifiers_max
    }

    /// Who asks.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The widths of serials, and the time.
    pub(super) fn facts(&self) -> (ident::SerialWidth, Timestamp) {
        (self.width, self.service.parts.clock.now())
    }

    fn open_now(&self) -> Result<Arc<Open>, Error> {
        self.service.still_open(&self.open)
    }

    /// Hands a batch to the recorder; call it in the order of the stream.
    ///
    /// # Errors
    ///
    /// `disclosure_closed`, `server_sealed`.
    pub fn submit(&self, mut mapped: MappedSerials) -> Result<Pending<Answered>, Error> {
        let open = self.open_now()?;
        let register = &self.registers[mapped.place];
        self.rows.fetch_add(mapped.answered.ids.len() as u64, Ordering::AcqRel);
        let (reply, pending) = tokio::sync::oneshot::channel();
        let answered = Arc::clone(&self.answered);
        // Held until the recorder has it: see `InUse::keys`.
        let in_use = ready(&self.in_use)?;
        let keys = in_use.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.as_ref().ok_or_else(closed)?;
        in_use.check_issues()?;
        self.check_day()?;
        // So are the rights, and the links; if any has changed since the batch was mapped, it is
        // mapped again.
        let rights = open.registers.hold_rights(register.number).map_err(register_error)?;
        if rights.change_count() != mapped.screened.change_count {
            let ids = std::mem::take(&mut mapped.ids);
            let ids = (mapped.spelling, &ids[..]);
            mapped = self.map_held((&open, &rights), (&in_use, keys), mapped.place, ids)?;
        }
        // So is a batch whose persons are named by what another has handed over meanwhile: each time by
        // one more of them, so that this ends.
        let _handing = loop {
            let named = (&mapped.screened.rows[..], &mapped.pins[..]);
            if let Some(handing) = self.hand(&in_use, rights.links(), named) {
                break handing;
            }
            let ids = std::mem::take(&mut mapped.ids);
            let ids = (mapped.spelling, &ids[..]);
            mapped = self.map_held((&open, &rights), (&in_use, keys), mapped.place, ids)?;
        };
        // And what persons are named by; whoever loads a bridge holds the rights before it too.
        let _named = self.look_again(&in_use, &mapped.named)?;
        let Screened { rows, overridden, .. } = mapped.screened;
        open.registers.record_answer(Answer {
            stream: self.streams[usize::from(register.is_one_way_of(self.scope))],
            base: Arc::clone(&self.base),
            register: register.number,
            partition: register.partition,
            answered: mapped.answered,
            digest: mapped.digest,
            joining: Vec::new(),
            moved: Vec::new(),
            asked: rows.into_iter().map(|(_, leaf)| leaf).collect(),
            pins: mapped.pins,
            disclosed: Some(register.membership(self.scope, &in_use.members)),
            overridden,
            spending: None,
            reply: Box::new(move |recorded: Result<crate::audit::Recorded<Answered>, _>| {
                if let Ok(recorded) = &recorded {
                    let all = recorded.peek();
                    let count = all.ids.len() as u64 - all.notes.len() as u64;
                    answered.fetch_add(count, Ordering::AcqRel);
                }
                // Who asked may have gone.
                drop(reply.send(recorded));
            }),
        });
        Ok(pending)
    }

    /// Records the end of the stream, and folds who is in the disclosure; says what came of it.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn finish(&self) -> Result<(Pending<()>, IssuingSummary), Error> {
        let open = self.open_now()?;
        let in_use = ready(&self.in_use)?;
        let summary = IssuingSummary {
            rows: self.rows.load(Ordering::Acquire),
            answered: self.answered.load(Ordering::Acquire),
            persons: in_use.members.count(),
        };
        let mut entry = Entry::clone(&self.base);
        entry.time = self.service.parts.clock.now();
        entry.action = Action::SerialsStored;
        for (name, count) in
            [("rows", summary.rows), ("answered", summary.answered), ("persons", summary.persons)]
        {
            entry.counts.insert(name.into(), count);
        }
        let (reply, pending) = tokio::sync::oneshot::channel();
        let reply = Box::new(move |recorded| drop(reply.send(recorded)));
        open.registers.record_fold(entry, in_use.members.all(), reply);
        Ok((pending, summary))
    }

    /// The disclosure.
    pub fn id(&self) -> DisclosureId {
        self.id
    }

    /// Whether the disclosure's keys are in memory for this stream.
    #[cfg(test)]
    pub(in crate::service) fn holds_keys(&self) -> bool {
        self.in_use.is_held()
    }

    /// The error that a client is told when a record failed.
    pub fn record_failed(&self, error: registers::Error) -> Error {
        if let Some(open) = self.open.upgrade() {
            self.service.reopen_if_failed(&open);
        }
        register_error(error)
    }
}
