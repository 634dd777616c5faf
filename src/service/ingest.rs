//! Deliveries: identifiers in, register IDs out.
//!
//! ```text
//! open ─► (map ─► submit ─► Pending)* ─► finish
//!          │        │         └ waits for the commit; then a Recorded answer
//!          │        └ in the order of the stream
//!          └ parsing, tags, index, budgets, column: processor work, batches of a stream in parallel
//! ```
//!
//! Invariants: a refused row never fails its batch and its value goes nowhere; a person of a register
//! on consent is answered only with consent, from the entry on that records it and until the one that
//! records its end, and one without is not even assigned; no row is answered by an ID after the
//! entry that erased it, and none whose period was erased; a batch that
//! failed is sent again and gets the same IDs; a delivery with rows that were refused for a budget
//! is never stored as complete.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::civil::Date;

use super::alarms::Watch;
use super::measure::{Meter, count_answer, meter};
use super::open::Open;
use super::{Error, ErrorCode, Limit, Service, Violation, actor};
use crate::audit::{Action, Entry, Mode as AuditMode, Recorded};
use crate::crypto::KeyedDigest;
use crate::memory::stack::wiped;
use crate::policy::{Denied, Permit};
use crate::registers::budget::{Spending, Terms};
use crate::registers::catalogue::Register;
use crate::registers::{
    self, Answer, Answered, Arriving, DeliveryId, DeliveryRecord, DeliveryState, JoiningRow,
    PersonSet, StoredDelivery,
};
use crate::vault::{self, Found, Origin, PersonNo, yyyymmdd};

pub(super) use answer::{digest_of, digest_under};
pub use batch::{Batch, Column, RowKind};
pub use exception::{EXCEPTIONS_MAX, IdentifierException, KindWord, LogLine};
use joined::Joined;
pub use request::{DeliveryRequest, IngestMode, IngestPurpose};
use rights::{BatchRights, Decided};

mod admission;
mod answer;
mod batch;
mod contacts;
mod exception;
mod joined;
mod request;
mod rights;

/// Rows after which a running delivery stores what it has.
const CHECKPOINT_ROWS: u64 = 1 << 22;

/// A batch that has been mapped and is to be recorded.
#[must_use = "a mapped batch is answered once it is submitted and recorded"]
pub struct Mapped {
    answered: Answered,
    joining: Vec<JoiningRow>,
    persons: Vec<PersonNo>,
    spending: Option<Spending>,
    decided: Decided,
    /// Rows that have the ID of their person's root, and by how many changes of links.
    joined: Joined,
    digest: KeyedDigest,
    /// Names and addresses that rows have said.
    said: Vec<contacts::Said>,
    under_way: UnderWay,
}

impl Mapped {
    /// Whether its record changes nothing of what its delivery's record says: nobody is new, and no
    /// row is refused for a budget.
    pub fn is_settled(&self) -> bool {
        self.joining.is_empty() && self.answered.over_budget_count() == 0
    }
}

#[cfg(test)]
impl Mapped {
    /// What is answered and its digest, as they are before the record.
    pub(super) fn answer(&self) -> (&Answered, KeyedDigest) {
        (&self.answered, self.digest)
    }
}

/// A batch since it came; while it lives the recorder waits a little for it.
struct UnderWay {
    begun: Duration,
    _arriving: Arriving,
}

/// An answer on its way to the disk.
pub type Pending<T> = tokio::sync::oneshot::Receiver<Result<Recorded<T>, registers::Error>>;

/// What came of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows received.
    pub rows: u64,
    /// Rows answered with an ID.
    pub answered: u64,
    /// Persons who were new in the register.
    pub new_members: u64,
    /// Different persons.
    pub persons: u64,
}

/// An open delivery.
pub struct Delivery {
    pub(super) service: Arc<Service>,
    open: Weak<Open>,
    id: DeliveryId,
    stream: u64,
    pub(super) register: u16,
    partition: u16,
    consent_required: bool,
    pub(super) mode: IngestMode,
    purpose: IngestPurpose,
    pub(super) origin: Origin,
    pub(super) base: Arc<Entry>,
    pub(super) principal: String,
    period: (u32, u32),
    exceptions: Vec<IdentifierException>,
    progress: Mutex<Progress>,
    new_members: Arc<AtomicU64>,
    meter: Arc<Meter>,
    /// What its principal sends to its register.
    pub(super) watch: Watch,
}

#[derive(Default)]
struct Progress {
    persons: PersonSet,
    rows: u64,
    answered: u64,
    finished: bool,
}

impl Service {
    /// Opens a delivery.
    ///
    /// # Errors
    ///
    /// `not_allowed` when the permit is for something else; `register_unknown`, `source_unknown`,
    /// `register_closed`, `request_invalid` for a period that begins after today, `server_sealed`.
    pub fn open_delivery(
        self: &Arc<Self>,
        permit: &Permit,
        request: &DeliveryRequest,
    ) -> Result<Delivery, Error> {
        if *permit.right() != request.right() {
            return Err(Denied.into());
        }
        let register = self.check_register(request)?;
        check_organisation(permit, register, request)?;
        check_period(request, self.parts.clock.today())?;
        let open = self.open_now()?;
        let id = DeliveryId(self.parts.entropy.draw().map_err(Error::internal)?);
        let today = self.parts.clock.today();
        let action = match request.mode {
            IngestMode::ResolveOnly => Action::Resolve,
            IngestMode::ResolveOrAssign => Action::Ingest,
        };
        let mut base = self.entry(actor(permit), action);
        base.register = Some(register.code.as_str().to_owned());
        base.source = Some(request.source.as_str().to_owned());
        base.delivery = Some(id.to_string());
        base.purpose = Some(request.purpose.name().to_owned());
        base.mode = Some(match request.mode {
            IngestMode::ResolveOnly => AuditMode::ResolveOnly,
            IngestMode::ResolveOrAssign => AuditMode::ResolveOrAssign,
        });
        let meter = meter(&self.metrics, register.code.as_str(), request.source.as_str());
        self.open_deliveries.fetch_add(1, Ordering::AcqRel);
        Ok(Delivery {
            service: Arc::clone(self),
            open: Arc::downgrade(&open),
            id,
            stream: self.streams.fetch_add(1, Ordering::Relaxed),
            register: register.number,
            partition: register.partition(),
            consent_required: register.requires_consent(),
            mode: request.mode,
            purpose: request.purpose,
            origin: Origin {
                register: register.number,
                source: request.source.as_str().to_owned(),
                seen: today,
            },
            base: Arc::new(base),
            principal: permit.principal().as_str().to_owned(),
            period: request.period.map_or((0, 0), |(from, to)| (yyyymmdd(from), yyyymmdd(to))),
            exceptions: request.exceptions.clone(),
            progress: Mutex::default(),
            new_members: Arc::default(),
            meter: Arc::new(meter),
            watch: self.watch(&open, permit.principal().as_str(), register.number),
        })
    }

    /// What the catalogue says of a delivery: known, of a source of now, to a register that is open.
    pub(super) fn check_register(&self, request: &DeliveryRequest) -> Result<&Register, Error> {
        let today = self.parts.clock.today();
        let register = self.parts.catalogue.by_code(request.register.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let imports = request.purpose == IngestPurpose::HistoricalImport;
        let assigns = request.mode == IngestMode::ResolveOrAssign;
        if assigns && !imports && !register.is_open(today) {
            return Err(Error::new(ErrorCode::RegisterClosed));
        }
        // A historical import may come from a source that no longer reports.
        let source = register.source(request.source.as_str());
        if !source.is_some_and(|source| imports || source.validity.contains(today)) {
            return Err(Error::new(ErrorCode::SourceUnknown));
        }
        Ok(register)
    }
}

/// Where the catalogue says whose a source is, only that organisation delivers as it (R-06): a role
/// that is wider by mistake opens no other's source.
fn check_organisation(
    permit: &Permit,
    register: &Register,
    request: &DeliveryRequest,
) -> Result<(), Error> {
    let source = register.source(request.source.as_str());
    let owners = source.map_or(&[][..], |source| &source.organisations);
    if owners.is_empty() || owners.contains(&permit.organisation()) {
        return Ok(());
    }
    Err(Denied.into())
}

/// What has not been cannot be reported: a period that begins later would pass by every tombstone.  Where
/// the sender is, it may be tomorrow already.
fn check_period(request: &DeliveryRequest, today: Date) -> Result<(), Error> {
    let begins = request.period.map(|(from, _)| from);
    if begins.is_none_or(|from| today.tomorrow().is_ok_and(|last| from <= last)) {
        return Ok(());
    }
    let text = "begins after today; correct the dates of what is reported";
    Err(Error::invalid(vec![Violation { field: "delivery.period".into(), text: text.into() }]))
}

impl Delivery {
    /// The delivery's id.
    pub fn id(&self) -> DeliveryId {
        self.id
    }

    /// Whether something stays in the sender's file, so that opening is recorded in any case.
    pub fn has_exceptions(&self) -> bool {
        !self.exceptions.is_empty()
    }

    fn open_now(&self) -> Result<Arc<Open>, Error> {
        self.service.still_open(&self.open)
    }

    /// Records that the delivery was opened, and what stays in the sender's file.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn record_opened(&self) -> Result<Pending<()>, Error> {
        let open = self.open_now()?;
        let (reply, pending) = tokio::sync::oneshot::channel();
        let mut entry = self.entry(Action::DeliveryOpened);
        entry.changes = self.exceptions.iter().map(IdentifierException::line).collect();
        open.registers.record_act(entry, Box::new(move |done| drop(reply.send(done))));
        Ok(pending)
    }

    /// Maps a batch: everything but the record. Processor work, and the wait for a commit of the
    /// vault when somebody is new; call it off the async threads. Batches of one delivery may be
    /// mapped in parallel.
    ///
    /// # Errors
    ///
    /// `batch_too_large`, `request_invalid` for a column that is not whole rows and for names and
    /// addresses where none are taken, `server_sealed`,
    /// `commit_uncertain` (send the batch again).
    pub fn map(&self, mut batch: Batch) -> Result<Mapped, Error> {
        let open = self.open_now()?;
        let limit = self.service.parts.config.limits.batch_identifiers_max as u64;
        if batch.row_count() as u64 > limit {
            let limit = Limit { option: "limits.batch_identifiers_max", max: limit };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        self.check_contacts(&batch.contacts, batch.row_count())?;
        let begun = self.service.parts.clock.monotonic();
        let under_way = UnderWay { begun, _arriving: open.registers.announce() };
        let mut found = self.find(&open, &batch)?;
        let admitted = self.admit(&open, &mut found)?;
        self.look(&open, &admitted.observed);
        let contacts = std::mem::take(&mut batch.contacts);
        let said = contacts::said(contacts, &admitted.persons);
        let mut mapped = self.answer(&open, &found.rows, admitted, under_way)?;
        mapped.said = said;
        self.meter.mapped(self.service.parts.clock.monotonic().saturating_sub(begun));
        Ok(mapped)
    }

    /// What the delivery's principal may spend today.
    pub(super) fn terms(&self) -> Terms {
        let register = self.base.register.as_deref().unwrap_or_default();
        self.service.terms(&self.principal, register)
    }

    /// Finds the persons whom the vault knows.
    fn find<'a>(&self, open: &'a Arc<Open>, batch: &Batch) -> Result<Found<'a>, Error> {
        let rules = self.service.parts.rules.at(self.service.parts.clock.today());
        let found = open.vault.find(self.partition, batch.row_count(), batch.parser(&rules)?);
        found.map_err(|error| self.vault_error(open, error))
    }

    /// Hands a mapped batch to the recorder; call it in the order of the stream.  Names and addresses
    /// are durable first ([`Mapped::says_contacts`]): then it waits for a commit of the vault.
    ///
    /// # Errors
    ///
    /// `server_sealed`; `commit_uncertain` (send the batch again).
    pub fn submit(&self, mut mapped: Mapped) -> Result<Pending<Answered>, Error> {
        let open = self.open_now()?;
        // Held until the recorder has the answer: no consent, link or ID ends in between.
        let held = self.look_again(&open, &mut mapped)?;
        self.keep_contacts(&open, &mut mapped)?;
        let moved = self.superseded_by(&open, held.links(), &mapped.joining)?;
        let due = self.count(&mapped);
        if due {
            self.store(&open, DeliveryState::Open, Action::DeliveryStored, Box::new(drop))?;
        }
        let asked = match self.mode {
            IngestMode::ResolveOnly => mapped.persons,
            IngestMode::ResolveOrAssign => Vec::new(),
        };
        let (reply, pending) = tokio::sync::oneshot::channel();
        let new_members = Arc::clone(&self.new_members);
        let (meter, clock) = (Arc::clone(&self.meter), Arc::clone(&self.service.parts.clock));
        let begun = mapped.under_way.begun;
        open.registers.record_answer(Answer {
            stream: self.stream,
            base: Arc::clone(&self.base),
            register: self.register,
            partition: self.partition,
            answered: mapped.answered,
            digest: mapped.digest,
            joining: mapped.joining,
            moved,
            asked,
            disclosed: None,
            pins: Vec::new(),
            overridden: BTreeMap::new(),
            spending: mapped.spending,
            reply: Box::new(move |recorded: Result<Recorded<Answered>, _>| {
                if let Ok(recorded) = &recorded {
                    let answered = recorded.peek();
                    new_members.fetch_add(u64::from(answered.new_members), Ordering::AcqRel);
                    count_answer(&meter, answered, clock.monotonic().saturating_sub(begun));
                }
                // Who asked may have gone.
                drop(reply.send(recorded));
            }),
        });
        Ok(pending)
    }

    /// Counts a batch; says whether a checkpoint is due.
    fn count(&self, mapped: &Mapped) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = progress.rows;
        let rows = mapped.answered.ids.len() as u64;
        progress.rows += rows;
        // Each row has an ID, now or once it has joined, or a note. Its person says nothing: a
        // look-up may know who it is and still have no ID in this register.
        progress.answered += mapped.answered.answered_count(&[]);
        if self.mode == IngestMode::ResolveOrAssign {
            progress.persons.extend(&mapped.persons);
        }
        before / CHECKPOINT_ROWS != progress.rows / CHECKPOINT_ROWS
    }

    /// Stores the delivery: complete, or broken when its sender went away.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn finish(&self, state: DeliveryState) -> Result<Pending<()>, Error> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has the summary finds the delivery closed.
        if !std::mem::replace(&mut progress.finished, true) {
            self.service.open_deliveries.fetch_sub(1, Ordering::AcqRel);
        }
        drop(progress);
        let open = self.open_now()?;
        let (reply, pending) = tokio::sync::oneshot::channel();
        let reply = Box::new(move |recorded| drop(reply.send(recorded)));
        self.store(&open, state, Action::DeliveryClosed, reply)?;
        Ok(pending)
    }

    /// Records that rows were refused because a budget is spent; gives what the sender is told
    /// once that is recorded.
    ///
    /// # Errors
    ///
    /// `server_sealed`.
    pub fn refuse_over_budget(&self, rows: usize) -> Result<(Error, Pending<()>), Error> {
        let open = self.open_now()?;
        let register = self.service.parts.catalogue.by_number(self.register);
        let spent = register.and_then(|register| {
            let account = (self.principal.as_str(), register);
            self.service.spent_budget(&open, account, self.mode.asking())
        });
        let mut entry = self.entry(Action::Refused);
        entry.attempted = Some(self.base.action);
        entry.reason = Some(ErrorCode::BudgetSpent.as_str().to_owned());
        entry.counts.insert(ErrorCode::BudgetSpent.as_str().into(), rows as u64);
        if let Some(spent) = &spent {
            entry.counts.insert(format!("{}_used", spent.budget).into(), spent.used);
            entry.counts.insert(format!("{}_limit", spent.budget).into(), spent.limit);
        }
        let (reply, pending) = tokio::sync::oneshot::channel();
        open.registers.record_act(entry, Box::new(move |done| drop(reply.send(done))));
        let error = spent.map_or_else(|| Error::new(ErrorCode::BudgetSpent), Error::budget);
        Ok((error, pending))
    }

    /// What has come of the delivery so far, for an answer that is recorded.
    pub fn summary(&self, _: &Recorded<()>) -> Summary {
        self.so_far()
    }

    fn so_far(&self) -> Summary {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Summary {
            rows: progress.rows,
            answered: progress.answered,
            new_members: self.new_members.load(Ordering::Acquire),
            persons: progress.persons.count(),
        }
    }

    fn store(
        &self,
        open: &Open,
        state: DeliveryState,
        action: Action,
        reply: registers::Reply<()>,
    ) -> Result<(), Error> {
        let mut entry = self.entry(action);
        if state == DeliveryState::Broken {
            entry.reason = Some("broken".to_owned());
        }
        let summary = self.so_far();
        for (name, count) in [
            ("rows", summary.rows),
            ("answered", summary.answered),
            ("new_members", summary.new_members),
            ("persons", summary.persons),
        ] {
            entry.counts.insert(name.into(), count);
        }
        let record = DeliveryRecord {
            v: 1,
            register: self.base.register.clone().unwrap_or_default(),
            source: self.origin.source.clone(),
            principal: self.principal.clone(),
            purpose: self.purpose.name().to_owned(),
            period_from: self.period.0,
            period_to: self.period.1,
            opened: self.base.time.to_string(),
            written: entry.time.to_string(),
            state,
            rows: summary.rows,
            answered: summary.answered,
            new_members: summary.new_members,
            persons: summary.persons,
        };
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, persons, partition) = (self.id, &progress.persons, self.partition);
        let delivery = StoredDelivery { id, record: &record, persons, partition };
        // On whichever thread the delivery ends.
        wiped(|| open.registers.record_delivery(&delivery, entry, reply)).map_err(register_error)
    }

    fn entry(&self, action: Action) -> Entry {
        Entry { action, time: self.service.parts.clock.now(), ..Entry::clone(&self.base) }
    }

    fn vault_error(&self, open: &Arc<Open>, error: vault::Error) -> Error {
        if self.service.reopen_if_failed(open) {
            return Error::new(ErrorCode::CommitUncertain).with_source(error);
        }
        Error::internal(error)
    }

    /// What the caller is told when a record failed; begins to reopen the stores.
    pub fn record_failed(&self, error: registers::Error) -> Error {
        if let Some(open) = self.open.upgrade() {
            self.service.reopen_if_failed(&open);
        }
        register_error(error)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if !progress.finished {
            self.service.open_deliveries.fetch_sub(1, Ordering::AcqRel);
        }
        let broken = !progress.finished && progress.rows > 0;
        drop(progress);
        if broken && let Ok(open) = self.open_now() {
            let stored =
                self.store(&open, DeliveryState::Broken, Action::DeliveryClosed, Box::new(drop));
            if let Err(error) = stored {
                tracing::warn!(error = %error, "a broken delivery could not be stored");
            }
        }
    }
}

/// What the caller is told when the register plane fails.
pub(super) fn register_error(error: registers::Error) -> Error {
    let code = match &error {
        registers::Error::Failed | registers::Error::Log(_) | registers::Error::Store(_) => {
            ErrorCode::CommitUncertain
        }
        _ => ErrorCode::Internal,
    };
    Error::new(code).with_source(error)
}
