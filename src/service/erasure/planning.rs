//! The retention plan: what is to be done today, listed before it is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Service, actor, allow};
use super::book::Cases;
use super::orders::stored;
use crate::audit::{Action as AuditAction, Entry, Recorded};
use crate::crypto::KeyedDigest;
use crate::policy::{Permit, Right};
use crate::registers::Reach;
use crate::registers::catalogue::{Register, RetentionLimit};
use crate::rights::cases::{About, Case, OrderReason, Scope};
use crate::rights::retention::{Action, Facts, Hold, PersonFacts, RegisterFacts, sweep};
use crate::vault::{PERSONS, PersonNo};

/// What is to be done, and the digest that names exactly that.
pub struct RetentionPlan {
    /// In an order that depends on the facts alone.
    pub actions: Vec<Action>,
    /// Keyed: it is over persons too.
    pub digest: KeyedDigest,
}

impl Service {
    /// Lists what is to be done because a time is over.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`, `commit_uncertain`.
    pub fn plan_retention(&self, permit: &Permit) -> Result<Recorded<RetentionPlan>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let plan = self.plan(&open, &open.cases.hold())?;
        let entry = self.plan_entry(permit, AuditAction::RetentionPlanned, &plan);
        let recorded = open.registers.record_value_and_wait(entry, plan);
        recorded.map_err(|error| self.rights_failed(&open, error))
    }

    pub(super) fn plan_entry(
        &self,
        permit: &Permit,
        action: AuditAction,
        plan: &RetentionPlan,
    ) -> Entry {
        let mut entry = self.entry(actor(permit), action);
        entry.digest = Some(plan.digest);
        for action in &plan.actions {
            *entry.counts.entry(action.kind().into()).or_default() += 1;
        }
        entry
    }

    /// The plan of this moment.  The cases are held, so that none comes or goes meanwhile.
    pub(super) fn plan(&self, open: &Open, cases: &Cases) -> Result<RetentionPlan, Error> {
        let today = self.parts.clock.today();
        let facts = self.retention_facts(open, cases)?;
        let actions = sweep(today, &facts);
        let mut hasher = open.registers.keys().digest().hasher();
        for action in &actions {
            hasher.update(action.canonical().as_bytes());
            hasher.update(b"\n");
        }
        Ok(RetentionPlan { actions, digest: hasher.finish() })
    }

    fn retention_facts(&self, open: &Open, cases: &Cases) -> Result<Facts, Error> {
        let mut facts = Facts {
            approvals: self.approvals_in_vain(open),
            bridges: open.book.bridges_not_deleted(),
            disclosures: open.book.disclosures_alive(),
            ..Facts::default()
        };
        // Whoever something was ordered of, or has said something, or has a tombstone; and whether an
        // order of theirs is open.
        let mut concerned: BTreeMap<(u16, u64), bool> = BTreeMap::new();
        for register in self.parts.catalogue.iter() {
            let mut ordered = Vec::new();
            for (_, order) in stored(open, register.number, 1, usize::MAX)? {
                if let (About::Everybody, Scope::Period { up_to }) = (&order.about, &order.scope)
                    && order.reason == OrderReason::Retention
                {
                    ordered.push((*up_to, order.at));
                }
                let is_open = order.confirmed.is_none();
                for person in order.persons() {
                    *concerned.entry(person).or_default() |= is_open;
                }
            }
            let rights = open.registers.hold_rights(register.number).map_err(register_error)?;
            for person in rights.persons() {
                concerned.entry((register.partition(), person.number())).or_default();
            }
            drop(rights);
            facts.registers.extend(register_facts(open, register, ordered)?);
        }
        facts.persons = self.persons_facts(open, cases, &concerned)?;
        Ok(facts)
    }

    /// Facts of persons whom a register has erased, or may never have had, by all their leaves: they
    /// stay, or go, together.
    fn persons_facts(
        &self,
        open: &Open,
        cases: &Cases,
        concerned: &BTreeMap<(u16, u64), bool>,
    ) -> Result<Vec<PersonFacts>, Error> {
        let (mut facts, mut seen) = (Vec::new(), BTreeSet::new());
        for (partition, number) in concerned.keys() {
            if seen.contains(&(*partition, *number)) {
                continue;
            }
            let person = PersonNo::from_number(*number);
            let person = person.ok_or_else(|| Error::internal("an order is about nobody"))?;
            let leaves = open.registers.hold_links().leaves_of(*partition, person, Reach::All);
            seen.extend(leaves.iter().map(|leaf| (*partition, leaf.number())));
            let has_open_order =
                leaves.iter().any(|one| concerned.get(&(*partition, one.number())) == Some(&true));
            let whom = (*partition, &leaves[..]);
            let (tombstone_until, hold) = self.person_facts(open, cases, whom, has_open_order)?;
            for leaf in leaves {
                if !open.vault.is_erased(*partition, leaf).map_err(Error::internal)? {
                    let (partition, person) = (*partition, leaf.number());
                    facts.push(PersonFacts { partition, person, tombstone_until, hold });
                }
            }
        }
        facts.sort_by_key(|one| (one.partition, one.person));
        Ok(facts)
    }

    /// Approvals that could still be used but for their time.
    fn approvals_in_vain(&self, open: &Open) -> Vec<(String, Date)> {
        let approvals = open.registers.approvals();
        let found = approvals.list(usize::MAX, |one| one.moved_to().is_open());
        let day = |moment| TimeZone::UTC.to_datetime(moment).date();
        found.into_iter().map(|one| (one.id.to_string(), day(one.expires))).collect()
    }

    fn person_facts(
        &self,
        open: &Open,
        cases: &Cases,
        (partition, leaves): (u16, &[PersonNo]),
        has_open_order: bool,
    ) -> Result<(Option<Date>, Option<Hold>), Error> {
        let (mut tombstone_until, mut is_member, mut in_force) = (None, false, false);
        for register in self.parts.catalogue.iter().filter(|one| is_of(one, partition)) {
            let rights = open.registers.hold_rights(register.number).map_err(register_error)?;
            in_force |= rights.said_under(leaves).is_some_and(|said| said.is_in_force());
            for leaf in leaves {
                tombstone_until = tombstone_until.max(rights.tombstone_until(*leaf));
            }
            // Who is not told about is there all the same.
            let held = open.registers.hold(register.number).map_err(register_error)?;
            let cells = held.cells();
            is_member |= leaves.iter().any(|leaf| cells.standing(*leaf).is_in_register());
        }
        let is_about = |case: &&Case| {
            case.is_open()
                && case.whom().partition == partition
                && leaves.iter().any(|leaf| case.whom().persons.contains(&leaf.number()))
        };
        let hold = if is_member {
            Some(Hold::Member)
        } else if has_open_order {
            Some(Hold::OpenOrder)
        } else if cases.values().any(|case| is_about(&case)) {
            Some(Hold::OpenCase)
        } else {
            in_force.then_some(Hold::InForce)
        };
        Ok((tombstone_until, hold))
    }
}

/// Whether a register's persons are of a partition of the vault.
fn is_of(register: &Register, partition: u16) -> bool {
    if register.is_one_way() { register.number == partition } else { partition == PERSONS }
}

/// What was delivered to a register that does not keep data for ever.
fn register_facts(
    open: &Open,
    register: &Register,
    ordered: Vec<(Date, Timestamp)>,
) -> Result<Option<RegisterFacts>, Error> {
    let limit = register.retention.limit;
    if limit == RetentionLimit::Unlimited {
        return Ok(None);
    }
    let code = register.code.clone();
    let periods = open.registers.delivered_periods(code.as_str()).map_err(register_error)?;
    Ok(Some(RegisterFacts { register: code, limit, periods, ordered }))
}
