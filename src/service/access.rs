//! Who may do what from now on: loads of the access file, what of them has effect, and grants.
//!
//! ```text
//! file ─► holders of the record ∩ file ─► in force at once ─► entry and record in one commit
//!            │ none, and no load in the log
//!            └─► what the file says: the first holders
//! grant_role, approved ─► entry, use of the approval and record in one commit ─► in force
//! ```
//!
//! Invariants: a role that takes two persons to grant has effect only after the commit of the entry
//! that says so; what the file takes away has none from the load on; while the server is sealed such
//! roles have none, and who has them is told that it is sealed.
//!
//! What it does *not* protect: an older copy of the record of holders.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Parameters, Service, actor, allow};
use crate::approval::Act;
use crate::approval::holders::{Holders, Proposal, waiting};
use crate::audit::{Action, Actor, Entry, Recorded};
use crate::config::Access;
use crate::config::access::{Role, difference};
use crate::config::codes::PrincipalName;
use crate::policy::{Permit, Right};
use crate::registers::{Registers, Write};
use crate::store::Step;
use crate::store::keys::{Key, Kind};
pub(super) use record::InForce;

mod record;

/// Entries of a log among which the first load is looked for: a ceremony makes a few.
const CEREMONY_ENTRIES_MAX: u64 = 1000;

/// The access that has effect now, for whoever asks who a caller is.
pub type AccessNow = Arc<ArcSwap<Access>>;

/// The file that was loaded last.
#[derive(Default)]
pub(super) struct Loaded(Mutex<Option<Load>>);

struct Load {
    file: Arc<Access>,
    now: AccessNow,
    is_recorded: bool,
}

impl Loaded {
    fn lock(&self) -> MutexGuard<'_, Option<Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the record says, while the stores are open.
pub(super) struct AccessBook(Mutex<Record>);

#[derive(Clone)]
enum Record {
    /// There is a record.
    Known(InForce),
    /// There is none, and no access file was ever recorded.
    First,
    /// There is none, and there should be: the ceremony makes it.
    Missing,
}

impl AccessBook {
    pub(super) fn load(registers: &Registers) -> Result<Self, Error> {
        let unusable = |error| Error::new(ErrorCode::StoreUnusable).with_source(error);
        let found = registers.records(Kind::Access).map_err(unusable)?.pop();
        let known = match found {
            Some((_, plain)) => {
                let damaged = || Error::internal("the record of access does not decode");
                Record::Known(InForce::decode(&plain).ok_or_else(damaged)?)
            }
            None if was_never_loaded(registers)? => Record::First,
            None => {
                tracing::warn!(
                    "nobody is recorded as custodian, approver or officer, so that these roles have \
                     no effect: hvelv access bootstrap"
                );
                Record::Missing
            }
        };
        Ok(Self(Mutex::new(known)))
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the log says of no load of the access file yet: whoever removes the record does not begin
/// anew.
fn was_never_loaded(registers: &Registers) -> Result<bool, Error> {
    if registers.audit_entry_count() > CEREMONY_ENTRIES_MAX {
        return Ok(false);
    }
    let mut is_first = true;
    let read = registers.audit().entries(0..CEREMONY_ENTRIES_MAX, &mut |_, leaf| {
        let entry = match &leaf {
            crate::audit::KeptLeaf::Whole(leaf) => Entry::decode(leaf.body()).ok(),
            _ => None,
        };
        let is_loaded = |entry: Entry| {
            matches!(entry.action, Action::AccessBootstrapped | Action::AccessLoaded)
        };
        is_first &= entry.is_some_and(|entry| !is_loaded(entry));
        Ok(if is_first { Step::Continue } else { Step::Stop })
    });
    read.map_err(Error::internal)?;
    Ok(is_first)
}

/// Who holds a role that takes two persons to grant.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The principal.
    pub principal: String,
    /// The natural person.
    pub person: String,
    /// The role.
    pub role: String,
}

/// Who holds what, and what waits.
#[derive(Clone, Debug, Default)]
pub struct AccessStatus {
    /// Holders.
    pub holders: Vec<Holder>,
    /// What the file says and has no effect.
    pub waiting: Vec<Proposal>,
}

impl Service {
    /// Takes a loaded access file into use, as far as it has effect, and records it: now, or when the
    /// server opens.
    pub fn load_access(&self, file: Arc<Access>, now: AccessNow) {
        let mut loaded = self.loaded.lock();
        let load = loaded.insert(Load { file, now, is_recorded: false });
        match self.open_quietly() {
            Ok(open) => self.apply_or_say(&open, load),
            Err(_) => self.show(load, waiting(&load.file)),
        }
    }

    /// Takes the file that was loaded last into use, with stores that were opened anew.
    pub(super) fn apply_access(&self, open: &Open) -> Result<(), Error> {
        match self.loaded.lock().as_mut() {
            Some(load) => self.apply(open, load),
            None => Ok(()),
        }
    }

    /// The same, when the stores are already others' to use.
    pub(super) fn apply_access_now(&self, open: &Open) {
        if let Some(load) = self.loaded.lock().as_mut() {
            self.apply_or_say(open, load);
        }
    }

    fn apply_or_say(&self, open: &Open, load: &mut Load) {
        if let Err(error) = self.apply(open, load) {
            tracing::error!(causes = %error.causes(), "a load of access could not be recorded yet");
        }
    }

    fn apply(&self, open: &Open, load: &mut Load) -> Result<(), Error> {
        let mut book = open.access.lock();
        let file = &load.file;
        let before = match &*book {
            Record::Known(known) => known.clone(),
            Record::First | Record::Missing => InForce::default(),
        };
        let held = before.holders.within(file);
        // What is taken away needs no record first.
        self.show(load, held.in_force(file));
        let is_first = matches!(*book, Record::First);
        let holders = if is_first { Holders::of(file) } else { held };
        if load.is_recorded && holders == before.holders {
            return Ok(());
        }
        let mut entry = self.entry(Actor::Server, Action::AccessLoaded);
        entry.changes = difference(&before.file, file).iter().map(ToString::to_string).collect();
        entry.changes.iter().for_each(|change| tracing::info!(change, "access"));
        if is_first {
            entry.changes.extend(held_lines(&holders));
        }
        entry.changes.extend(holders.proposals(file).iter().map(waiting_line));
        let next = InForce { file: Access::clone(file), holders };
        // Without the ceremony's record there is none: it would look as if there were holders.
        let writes = match *book {
            Record::Missing => Vec::new(),
            Record::First | Record::Known(_) => vec![write(&open.registers, &next)?],
        };
        let recorded = open.registers.record_change_and_wait(entry, writes);
        let _ = recorded.map_err(register_error)?;
        load.is_recorded = true;
        self.show(load, next.holders.in_force(file));
        if !matches!(*book, Record::Missing) {
            *book = Record::Known(next);
        }
        Ok(())
    }

    fn show(&self, load: &Load, access: Access) {
        let access = Arc::new(access);
        self.use_access(Arc::clone(&access));
        load.now.store(access);
    }

    /// Who holds what takes two persons to grant, and what waits for it.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn access_status(&self, permit: &Permit) -> Result<AccessStatus, Error> {
        allow(permit, &Right::SeeApprovals).or_else(|_| allow(permit, &Right::RequestApprovals))?;
        let open = self.open_restored()?;
        let loaded = self.loaded.lock();
        let holders = holders(&open);
        let waiting = loaded.as_ref().map(|load| holders.proposals(&load.file));
        let shown = holders.iter().map(|(principal, role, terms)| Holder {
            principal: principal.to_string(),
            person: terms.person.to_string(),
            role: role.to_string(),
        });
        Ok(AccessStatus { holders: shown.collect(), waiting: waiting.unwrap_or_default() })
    }

    /// How many roles wait to be granted.
    pub(super) fn waiting_roles(&self, open: &Open) -> u64 {
        let loaded = self.loaded.lock();
        loaded.as_ref().map_or(0, |load| holders(open).proposals(&load.file).len() as u64)
    }

    /// Gives a waiting role effect, with another person's approval: durable, recorded and in force when
    /// this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`; `role_not_waiting`, `approval_required`, `approval_void`, which are recorded;
    /// `server_sealed`, `commit_uncertain`.
    pub fn grant_role(
        &self,
        permit: &Permit,
        principal: &PrincipalName,
        role: &Role,
    ) -> Result<Recorded<()>, Error> {
        allow(permit, &Right::RequestApprovals)?;
        let open = self.open_restored()?;
        let mut loaded = self.loaded.lock();
        let mut book = open.access.lock();
        let mut entry = self.entry(actor(permit), Action::RoleGranted);
        let known = match &*book {
            Record::Known(known) => Some(known.clone()),
            Record::First | Record::Missing => None,
        };
        let found = known.zip(loaded.as_mut()).and_then(|(known, load)| {
            let mut proposals = known.holders.proposals(&load.file).into_iter();
            let wanted = |one: &Proposal| one.principal == *principal && one.role == *role;
            Some((proposals.find(wanted)?, known, load))
        });
        let found = found.ok_or_else(|| Error::new(ErrorCode::RoleNotWaiting));
        let (proposal, mut known, load) = self.or_record(&open, &entry, found)?;
        let subject = proposal.subject();
        let none = Parameters::default();
        let approved = self.take_approval(&open, permit, (Act::GrantRole, &subject), &none);
        let approved = self.or_record(&open, &entry, approved)?;
        entry.changes = vec![subject];
        known.holders.grant(proposal);
        let writes = vec![write(&open.registers, &known)?];
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, ());
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        self.show(load, known.holders.in_force(&load.file));
        *book = Record::Known(known);
        tracing::info!(%principal, %role, "a role was granted");
        Ok(recorded)
    }
}

fn holders(open: &Open) -> Holders {
    match &*open.access.lock() {
        Record::Known(known) => known.holders.clone(),
        Record::First | Record::Missing => Holders::default(),
    }
}

/// Records at the ceremony that the file's holders are the first ones.
pub(super) fn bootstrap(open: &Open, mut entry: Entry, file: &Access) -> Result<u64, Error> {
    let known = InForce { holders: Holders::of(file), file: file.clone() };
    entry.action = Action::AccessBootstrapped;
    let lines = held_lines(&known.holders);
    let count = lines.len() as u64;
    entry.changes.splice(0..0, lines);
    let writes = vec![write(&open.registers, &known)?];
    let recorded = open.registers.record_change_and_wait(entry, writes).map_err(register_error)?;
    drop(recorded);
    Ok(count)
}

fn write(registers: &Registers, known: &InForce) -> Result<Write, Error> {
    let key = Key::access();
    Ok(Write::Put(key, registers.seal_record(&key, &known.encode()).map_err(register_error)?))
}

fn held_lines(holders: &Holders) -> Vec<String> {
    let line =
        |(principal, role, terms): (&PrincipalName, &Role, &crate::approval::holders::Terms)| {
            format!("first {role}: {principal} ({})", terms.person)
        };
    holders.iter().map(line).collect()
}

fn waiting_line(proposal: &Proposal) -> String {
    let kind = if proposal.is_held { "further terms wait" } else { "waits" };
    format!("{kind}: {}", proposal.subject())
}
