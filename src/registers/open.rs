//! Opens the register plane: columns from deltas, the audit tree from its leaves, then the recorder.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::aliases::Aliases;
use super::approvals::Approvals;
use super::budget::Ledger;
use super::by_person::{AuditIndex, ByPerson};
use super::column::Standing;
use super::delta::{self, Stored};
use super::keys::PlaneKeys;
use super::leaving::Forgotten;
use super::links::{Feed, Links};
use super::numbers::Numbers;
use super::queue::Command;
use super::recorder::Recorder;
use super::reissue;
use super::rights::Rights;
use super::{Error, Members, RegisterMarks, Registers, VaultUsed};
use crate::audit::{AuditLog, AuditReader, VerifierKey};
use crate::clock::Clock;
use crate::config::codes::RegisterCode;
use crate::crypto::Entropy;
use crate::memory::stack::wiped;
use crate::store::keys::Key;
use crate::store::records::load_mark;
use crate::store::{Step, Store};
use crate::vault::PersonNo;

/// A register to open.
#[derive(Clone, Debug)]
pub struct RegisterSpec {
    /// Its number.
    pub number: u16,
    /// Its code.
    pub code: RegisterCode,
    /// The partition of the vault that its persons are of.
    pub partition: u16,
    /// Whether nobody is in it without a consent.
    pub consent_required: bool,
    /// Numbers leased, as the key file has it.
    pub leased_in_key_file: u64,
}

/// What the register plane is opened with.
pub struct Opening {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Its keys.
    pub keys: Arc<PlaneKeys>,
    /// The registers.
    pub registers: Vec<RegisterSpec>,
    /// Positions that the vault has durably used.
    pub vault_used: VaultUsed,
    /// Where leases are kept besides.
    pub marks: Arc<dyn RegisterMarks>,
    /// The keys that checkpoints verify under, older ones included.
    pub verifiers: Vec<VerifierKey>,
    /// Randomness.
    pub entropy: Arc<Entropy>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Opening {
    /// Loads the columns and the audit tree, and starts the recorder.
    ///
    /// # Errors
    ///
    /// [`Error::Behind`], [`Error::Damaged`], [`Error::Log`], [`Error::Store`].
    pub fn open(self) -> Result<Registers, Error> {
        let (mut members, mut numbers) = (BTreeMap::new(), BTreeMap::new());
        let (mut deltas, mut facts) = (0, 0);
        for spec in &self.registers {
            let leased = load_mark(self.store.as_ref(), &Key::high_water(spec.number))?;
            if leased < spec.leased_in_key_file {
                return Err(Error::Behind);
            }
            let (loaded, next_delta, fact_count) = self.load_register(spec)?;
            deltas += next_delta;
            facts += fact_count;
            members.insert(spec.number, Arc::new(loaded));
            numbers.insert(spec.number, Numbers::new(&self, spec.number, (leased, next_delta)));
        }
        let (links, feed, link_seals) = self.load_links(&members)?;
        let keyring = self.keys.keyring();
        let log = AuditLog::open(
            Arc::clone(&self.store),
            Arc::clone(keyring),
            &self.verifiers,
            Arc::clone(&self.entropy),
        )?;
        let storage = self.keys.storage();
        let (ledger, budget_seals) = Ledger::load(self.store.as_ref(), storage, &self.entropy)?;
        let (approvals, approval_seals) = Approvals::load(self.store.as_ref(), storage)?;
        // The bound on seals under one key holds across restarts: each delta and each entry is one.
        // A fact comes with the person of its entry.
        storage.active().resume(deltas + 2 * facts + budget_seals + approval_seals + link_seals);
        keyring.registers().audit.storage.active().resume(log.size());
        let failed = Arc::new(AtomicBool::new(false));
        let arriving = Arc::new(AtomicUsize::new(0));
        let entries = Arc::new(AtomicU64::new(log.size()));
        let by_person = self.index_by_person()?;
        let index = AuditIndex::open(Arc::clone(&by_person), log.size())?;
        let forgotten = Arc::new(Forgotten::default());
        let recorder = Recorder {
            index,
            store: Arc::clone(&self.store),
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.entropy),
            clock: self.clock,
            log,
            members: members.clone(),
            numbers,
            feed,
            vault_used: self.vault_used,
            vault_marks: BTreeMap::new(),
            failed: Arc::clone(&failed),
            arriving: Arc::clone(&arriving),
            entries: Arc::clone(&entries),
            forgotten: Arc::clone(&forgotten),
            commit_took: Duration::ZERO,
        };
        let (queue, thread) = start(recorder);
        let registers = Registers {
            reader: AuditReader::new(Arc::clone(&self.store), Arc::clone(keyring)),
            store: self.store,
            keys: self.keys,
            entropy: self.entropy,
            members,
            links,
            ledger,
            approvals,
            failed,
            arriving,
            entries,
            forgotten,
            queue: Mutex::new(Some(queue)),
            thread: Some(thread),
            by_person,
        };
        registers.keep_out_forgotten()
    }

    /// Reads the links, where the feeds of changed IDs go on, and how many records that is.  Tombstones
    /// are of persons, so that they are marked by the links.
    fn load_links(
        &self,
        members: &BTreeMap<u16, Arc<Members>>,
    ) -> Result<(Links, Feed, u64), Error> {
        let (links, facts) = Links::load(self.store.as_ref(), &self.keys)?;
        members.values().for_each(|members| links.mark_tombstoned(members));
        let (feed, changes) = Feed::load(self.store.as_ref())?;
        Ok((links, feed, facts + changes))
    }

    /// Reads a register: its column and its rights.  Gives the sequence of the next delta and how many
    /// facts there are besides.
    fn load_register(&self, spec: &RegisterSpec) -> Result<(Members, u64, u64), Error> {
        let (mut loaded, next_delta) = self.load(spec.number)?;
        let (rights, facts) = Rights::load(self.store.as_ref(), &self.keys, spec.number)?;
        let former = loaded.former.get_mut().unwrap_or_else(PoisonError::into_inner);
        let place = (spec.number, former);
        let facts = facts + reissue::load(self.store.as_ref(), &self.keys, place)?;
        let (aliases, parts) = Aliases::load(self.store.as_ref(), &self.keys, spec.number)?;
        (loaded.rights, loaded.aliases) = (rights, aliases);
        loaded.partition = spec.partition;
        loaded.consent_required = spec.consent_required;
        Ok((loaded, next_delta, facts + parts))
    }

    fn index_by_person(&self) -> Result<Arc<ByPerson>, Error> {
        let keyring = Arc::clone(self.keys.keyring());
        let of = |spec: &RegisterSpec| (spec.code.to_string(), spec.partition);
        let by_person = ByPerson {
            store: Arc::clone(&self.store),
            keys: Arc::clone(&self.keys),
            entropy: Arc::clone(&self.entropy),
            reader: AuditReader::new(Arc::clone(&self.store), keyring),
            partitions: self.registers.iter().map(of).collect(),
        };
        by_person.index_old_deliveries()?;
        Ok(Arc::new(by_person))
    }

    /// Reads a register's deltas into its column. Gives the sequence of the next delta besides.
    fn load(&self, register: u16) -> Result<(Members, u64), Error> {
        let members = Members::default();
        let (mut next, mut failure) = (0, None);
        self.store.scan(Key::deltas(register), &mut |key, value| {
            let sequence = Key::trailing_u64(key)?;
            let outcome = if sequence == next {
                self.load_delta(register, &members, key, value)
            } else {
                Err(Error::Damaged { what: "sequence of membership deltas" })
            };
            next = sequence + 1;
            failure = outcome.err();
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok((members, next)), Err)
    }

    fn load_delta(
        &self,
        register: u16,
        members: &Members,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Error> {
        let entries = delta::decode(self.keys.storage(), key, value)?;
        let numbers = entries.iter().map(|(_, stored)| match stored {
            Stored::Member(number) => *number,
            Stored::Erased | Stored::Suppressed => 0,
        });
        let ids = self.keys.derive_ids(register, numbers.collect())?;
        let cells: Vec<(PersonNo, Standing)> = entries
            .iter()
            .zip(ids)
            .map(|((person, stored), id)| match stored {
                Stored::Member(_) => (*person, Standing::Member(id)),
                Stored::Erased => (*person, Standing::NotMember),
                Stored::Suppressed => (*person, Standing::Suppressed),
            })
            .collect();
        let held = members.column.hold();
        let before = held.cells();
        let had_id = |person: &PersonNo| before.standing(*person).id().is_some();
        let (mut joined, mut left) = (0, 0);
        let mut former = members.former.write().unwrap_or_else(PoisonError::into_inner);
        for (person, standing) in &cells {
            match (before.standing(*person).id(), standing.id()) {
                (Some(old), Some(_)) => former.replace(*person, old),
                (_, None) => former.end(*person),
                (None, Some(_)) => {}
            }
            match (had_id(person), standing.id().is_some()) {
                (false, true) => joined += 1,
                (true, false) => left += 1,
                _ => {}
            }
        }
        drop((held, former));
        members.column.publish(&cells);
        members.count.fetch_add(joined, Ordering::AcqRel);
        members.count.fetch_sub(left, Ordering::AcqRel);
        Ok(())
    }
}

/// Starts the thread that commits, with the way to it.
fn start(recorder: Recorder) -> (Sender<Command>, JoinHandle<()>) {
    let (queue, commands) = channel();
    let thread = std::thread::Builder::new()
        .name("hvelv-recorder".into())
        .spawn(move || wiped(|| recorder.run(&commands)))
        .expect("the system starts a thread when the server opens");
    (queue, thread)
}
