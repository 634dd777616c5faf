//! Bridges in: a party's IDs by identifier, taken in to stand in the place of serials.
//!
//! ```text
//! grant to that party ─► approval of exactly this file ─► who is it, nobody is assigned
//!    ─► conflicts ─► rights ─► IDs, sealed under the disclosure's key; record, whom it asked about,
//!                              use of the approval, entry: one commit
//! ```
//!
//! Invariants: nothing is looked up before another person has approved the file, by its SHA-256; only
//! counts and the numbers of refused rows are answered, and what makes a row refused is never whether
//! somebody is known; a person has one ID and an ID one person, or nobody in the conflict has any; who
//! is in none of the disclosure's registers is unknown, whatever others there are; IDs that were
//! answered are not replaced.
//!
//! What it does *not* protect: counts of a small file tell whether its persons are in the registers.
//! That is what two persons approve, and the log has whom it was about.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Parameters, Service};
use super::bridge_table::{BridgeTable, invalid};
use super::changing::Changed;
use super::disclosures::allow_reading;
use super::screening::{IssuingRegister, SeenRights, Together, count_overridden};
use super::serials::Using;
use super::taking::{Entry, LoadCounts, RefusedRow, Taken, mark_conflicts};
use crate::approval;
use crate::audit::{Action, Recorded};
use crate::config::codes::OrganisationNumber;
use crate::crypto::sha256;
use crate::disclosure::decision::BridgeIn;
use crate::disclosure::id::Sha256Hex;
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::{
    self, Act, Application, Disclosure, DisclosureId, Label, LabelError, LoadedBridge, Refusal,
};
use crate::ident::NationalId;
use crate::policy::Permit;
use crate::registers::approvals::Approved;
use crate::registers::{Reach, Standing, Write};
use crate::vault::{PERSONS, PersonNo, Unknown};

/// The longest file: some millions of rows.
pub const LOAD_BYTES_MAX: usize = 128 << 20;
/// Rows that are looked up at a time.
const CHUNK_ROWS: usize = 65_536;

/// A bridge that is to be loaded.  Its file is wiped.
pub struct LoadBridge {
    /// Into which disclosure.
    pub disclosure: DisclosureId,
    /// From whom.
    pub party: OrganisationNumber,
    /// The file.
    pub file: Zeroizing<Vec<u8>>,
}

/// A bridge in as it is shown.
#[derive(Clone, Debug)]
pub struct LoadedView {
    /// It.
    pub bridge: LoadedBridge,
    /// Whether its IDs should have been deleted before today, and are not.
    pub is_overdue: bool,
}

/// What came of a file.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// The bridge.
    pub bridge: LoadedView,
    /// How many of what.
    pub counts: LoadCounts,
    /// Rows that were refused, ascending, at most 1,000.
    pub refused: Vec<RefusedRow>,
}

impl fmt::Debug for LoadBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadBridge").field("bytes", &self.file.len()).finish_non_exhaustive()
    }
}

impl Service {
    /// Whether a bridge from a party may be loaded now, before its file is read.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses` when the decision does not name the party,
    /// `step_out_of_order`; refusals are recorded. `server_sealed`, `commit_uncertain`.
    pub fn expect_bridge(
        &self,
        permit: &Permit,
        id: DisclosureId,
        party: OrganisationNumber,
    ) -> Result<(), Error> {
        self.use_granted(permit, id, Action::BridgeLoaded, |disclosure, application, day| {
            grant(disclosure, application, party, day).map(|_| ())
        })
        .map(drop)
    }

    /// Takes a party's IDs in, for all persons of the disclosure's registers who have one.
    ///
    /// # Errors
    ///
    /// As [`Service::expect_bridge`]; `request_invalid` for a file that has not the form;
    /// `approval_required`, `approval_void`; `step_out_of_order` when IDs of an earlier bridge were
    /// answered.
    pub fn load_bridge(
        &self,
        permit: &Permit,
        request: &LoadBridge,
    ) -> Result<Recorded<LoadReport>, Error> {
        let LoadBridge { disclosure: id, party, file } = request;
        let granting = |disclosure: &Disclosure, application: &Application, day: Date| {
            grant(disclosure, application, *party, day).map(|_| ())
        };
        let using = self.use_granted(permit, *id, Action::BridgeLoaded, granting)?;
        if file.len() > LOAD_BYTES_MAX {
            let text = format!("has more than {LOAD_BYTES_MAX} bytes; leave out who is not needed");
            return Err(invalid(text));
        }
        let table = BridgeTable::read(file)?;
        let digest = Sha256Hex(sha256(file)).to_string();
        let parameters = [("party", party.to_string()), ("file", digest)];
        let parameters =
            Parameters(parameters.map(|(name, value)| (name.to_owned(), value)).into());
        let act = (approval::Act::BridgeIn, &*id.to_string());
        let approved = self.take_approval(&using.open, permit, act, &parameters);
        let approved = self.or_record(&using.open, &using.entry, approved)?;
        let Using { open, application, decided, .. } = &using;
        let registers = self.registers_of(application, decided, IssuingRegister::new)?;
        let mut taken = Taken::default();
        let mut entries = self.look_up(open, &registers, &table, &mut taken)?;
        mark_conflicts(&mut entries);
        let seen = SeenRights::look(open, registers)?;
        let rights = seen.hold(open)?;
        taken.take(entries, |person, has| {
            let held = seen.registers.iter().zip(&rights).enumerate();
            let held = held.filter(|(place, _)| has & (1 << place) != 0);
            Together::any(held.map(|(_, (register, rights))| register.decide(rights, person)))
        })?;
        drop(rights);
        self.record_loaded(permit, request, using, (taken, seen, approved))
    }

    /// Finds out who the rows are about.
    fn look_up<'a>(
        &self,
        open: &Arc<Open>,
        registers: &[IssuingRegister],
        table: &BridgeTable<'a>,
        taken: &mut Taken,
    ) -> Result<Vec<Entry<'a>>, Error> {
        let rules = self.parts.rules.at(self.parts.clock.today());
        let hashes = RandomState::new();
        let mut entries = Vec::with_capacity(table.len());
        taken.counts.rows = table.len() as u64;
        for first in (0..table.len()).step_by(CHUNK_ROWS) {
            let mut begun: Vec<(u32, NationalId, &str)> = Vec::with_capacity(CHUNK_ROWS);
            for place in first..table.len().min(first + CHUNK_ROWS) {
                let row = table.row(place, &rules);
                let label = Label::parse(&rules, row.label);
                let at = u32::try_from(place).map_err(Error::internal)?;
                match (row.identifier, label) {
                    (Ok(id), Ok(label)) => begun.push((at, id, label.as_str())),
                    (Err(reject), _) => taken.refuse(at, reject.code()),
                    (Ok(_), Err(LabelError::Form)) => taken.refuse(at, "label_form"),
                    (Ok(_), Err(LabelError::Identifier)) => taken.refuse(at, "label_identifier"),
                }
            }
            let persons = find(open, &begun)?;
            let links = open.registers.hold_links();
            let held = registers.iter().map(|one| open.registers.hold(one.number));
            let held = held.collect::<Result<Vec<_>, _>>().map_err(register_error)?;
            let cells: Vec<_> = held.iter().map(crate::registers::Held::cells).collect();
            for ((row, id, label), person) in begun.into_iter().zip(persons) {
                let has = |leaf: &PersonNo| {
                    let is_member = |at: usize| match cells[at].standing(*leaf) {
                        Standing::Member(_) => 1 << at,
                        Standing::Tombstoned(id) if id != 0 => 1 << at,
                        Standing::NotMember | Standing::Suppressed | Standing::Tombstoned(_) => 0,
                    };
                    (0..cells.len()).fold(0_u64, |has, at| has | is_member(at))
                };
                // The party may know a person by another identifier than the registers do.
                let leaves = person.map(|leaf| links.leaves_of(PERSONS, leaf, Reach::Shown));
                let leaves = leaves.unwrap_or_default();
                let member = leaves.iter().copied().find(|leaf| has(leaf) != 0);
                let has = leaves.iter().fold(0, |all, leaf| all | has(leaf));
                let identifier = told_apart(&hashes, &id);
                // Whom it asked about, also who is in other registers alone.
                taken.asked.extend(person.as_slice());
                entries.push(Entry {
                    row,
                    who: member,
                    identifier,
                    label,
                    registers: has,
                    is_conflict: false,
                });
            }
        }
        Ok(entries)
    }

    /// Records a bridge with the use of its approval; then its IDs are answered with.
    fn record_loaded(
        &self,
        permit: &Permit,
        request: &LoadBridge,
        using: Using,
        (taken, seen, approved): (Taken, SeenRights, Approved),
    ) -> Result<Recorded<LoadReport>, Error> {
        let Using { open, mut entry, in_use, .. } = using;
        let LoadBridge { disclosure: id, party, file } = request;
        let mut entries = open.book.entries();
        // A disclosure is completed and closed by whoever holds the entries.
        let keys = in_use.keys()?;
        let (disclosure, application) = entries.with_application(*id)?;
        let today = self.parts.clock.today();
        let granted = grant(disclosure, application, *party, today);
        let BridgeIn { from } = self.or_record_refusal(&open, entry.clone(), granted)?;
        let delete_by = disclosure.opening().expires;
        // Held until it is recorded, as serials hold them, and before the IDs as there.
        let _rights = self.or_record(&open, &entry, seen.hold(&open))?;
        let mut slot = in_use.labels.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_used.load(Ordering::Acquire) || in_use.members.count() > 0 {
            let text = "IDs of an earlier bridge were answered in this disclosure, and stay; more \
                        needs a new disclosure";
            return self.or_record(&open, &entry, Err(Error::step(text.to_owned())));
        }
        let Taken { labels, asked, counts, overridden, refused } = taken;
        let now = Act { by: permit.principal().clone(), at: self.parts.clock.now() };
        let bridge = LoadedBridge::load(*id, from, (labels.count(), delete_by), &now);
        entry.digest = Some(keys.digests().digest(file));
        entry.changes = vec![format!("bridge from {party}, to be deleted by {delete_by}")];
        entry.counts = counts.named().map(|(name, count)| (name.into(), count)).into();
        count_overridden(&mut entry, &overridden);
        let mut writes = labels.seal((*id, &keys), &open.registers, &self.parts.entropy)?;
        let changed = Changed::Loaded(bridge.clone());
        writes.push(changed.write(&open)?);
        writes.extend([Write::Concerns(asked), Write::VaultUsed(PERSONS)]);
        let refused = refused.into_sorted_vec();
        let report = LoadReport { bridge: loaded_view(bridge, today), counts, refused };
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, report);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        changed.publish(&mut entries);
        slot.labels = Some(Arc::new(labels));
        Ok(recorded)
    }

    /// All bridges in, the newest first.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn loaded_bridges(&self, permit: &Permit) -> Result<Vec<LoadedView>, Error> {
        allow_reading(permit)?;
        let open = self.open_now()?;
        let today = self.parts.clock.today();
        let all: Vec<LoadedBridge> = open.book.entries().loaded.values().cloned().collect();
        let mut all: Vec<LoadedView> = all.into_iter().map(|one| loaded_view(one, today)).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.bridge.loaded.at));
        Ok(all)
    }
}

/// Who the vault knows; nobody is assigned.
fn find(open: &Open, begun: &[(u32, NationalId, &str)]) -> Result<Vec<Option<PersonNo>>, Error> {
    let mut chunks = begun.chunks(64);
    let parse = |rows: &mut crate::vault::Rows| {
        let next = chunks.next().unwrap_or_default();
        rows.extend(next.iter().map(|(_, id, _)| Ok(id.clone())));
    };
    let mut found = open.vault.find(PERSONS, begun.len(), parse).map_err(Error::internal)?;
    found.finish(Unknown::Leave).map_err(Error::internal)
}

/// What tells an identifier from others while a file is looked at: keyed, and gone afterwards.
fn told_apart(hashes: &RandomState, id: &NationalId) -> u64 {
    // EXPOSE: into a hash under a key of the moment.
    let mut encoding = Zeroizing::new([0; 32]);
    let length = id.tag_input(&mut encoding);
    hashes.hash_one(&encoding[..length])
}

/// What the decision says of the bridge from a party, if it may be loaded that day.
fn grant(
    disclosure: &Disclosure,
    application: &Application,
    party: OrganisationNumber,
    day: Date,
) -> Result<BridgeIn, disclosure::Error> {
    let granted = disclosure.grant_bridge(DisclosureUse::BridgeIn, party, application, day)?;
    let named = granted.decision().bridge_in.clone();
    Ok(named.ok_or(Refusal::NotPermitted(DisclosureUse::BridgeIn))?)
}

fn loaded_view(bridge: LoadedBridge, today: Date) -> LoadedView {
    let is_overdue = bridge.is_overdue(today);
    LoadedView { bridge, is_overdue }
}
