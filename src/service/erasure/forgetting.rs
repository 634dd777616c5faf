//! The retention run: what was listed is done, and the vault forgets.
//!
//! ```text
//! 1  persons whom the vault is to forget join no register any more
//! 2  an entry, durable: whoever was on the way has joined by now, or never will
//! 3  the plan is made again, and must be the one that was listed
//! 4  orders to registers                                            durable, one by one
//! 5  register plane: whom the vault is to forget, with the entry    durable
//! 6  vault: tags and identities gone, also from its files           durable
//! 7  register plane: forgotten                                      durable
//! ```
//!
//! A crash between 5 and 7 leaves the record of 5; the next start finishes from there.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Service, actor, allow};
use super::book::Cases;
use super::planning::RetentionPlan;
use crate::audit::{Action as AuditAction, Actor, Entry, Recorded};
use crate::crypto::KeyedDigest;
use crate::policy::{Permit, Right};
use crate::registers::{Forgetting, ToForget, Write};
use crate::rights::cases::{About, Order, OrderReason, Scope};
use crate::rights::retention::{Action, Performer};
use crate::vault::PersonNo;

impl Service {
    /// Does what was listed, if it still is what is to be done; answers what was done.
    ///
    /// # Errors
    ///
    /// `not_allowed`; `plan_changed`, which is recorded; `server_sealed`, `commit_uncertain`: some of it
    /// may be done; list it again.
    pub fn run_retention(
        &self,
        permit: &Permit,
        digest: KeyedDigest,
    ) -> Result<Recorded<Vec<Action>>, Error> {
        allow(permit, &Right::Rights)?;
        let open = self.open_now()?;
        let _run = open.cases.hold_run();
        // What an earlier run has left, if any.
        self.finish_forgetting(&open, &actor(permit)).inspect_err(|_| {
            self.reopen_if_failed(&open);
        })?;
        let cases = open.cases.hold();
        let plan = self.plan(&open, &cases)?;
        let persons = persons_of(&plan)?;
        open.registers.forget(&persons);
        let done = self.run_plan(permit, (&open, cases), digest, plan);
        if done.is_err() && !open.has_failed() {
            let to_forget = open.registers.to_forget().is_ok_and(|left| left.is_empty());
            if to_forget {
                open.registers.remember(&persons);
            }
        }
        done.inspect_err(|_| {
            self.reopen_if_failed(&open);
        })
    }

    fn run_plan(
        &self,
        permit: &Permit,
        (open, cases): (&Open, MutexGuard<'_, Cases>),
        digest: KeyedDigest,
        plan: RetentionPlan,
    ) -> Result<Recorded<Vec<Action>>, Error> {
        let entry = self.plan_entry(permit, AuditAction::RetentionPlanned, &plan);
        let _ = open.registers.record_act_and_wait(entry).map_err(register_error)?;
        // Those who are kept out are those of the first; the second is by everybody who was on the way.
        let first = plan.digest;
        let plan = self.plan(open, &cases)?;
        let entry = self.plan_entry(permit, AuditAction::RetentionRun, &plan);
        let is_listed = first.ct_eq(&digest) && plan.digest.ct_eq(&digest);
        let changed = || Error::new(ErrorCode::PlanChanged);
        self.or_record(open, &entry, is_listed.then_some(()).ok_or_else(changed))?;
        for action in &plan.actions {
            if let Action::DeleteOlder { register, up_to } = action {
                let scope = Scope::Period { up_to: *up_to };
                self.order_older(permit, open, (register.as_str(), scope))?;
            }
        }
        let mut writes = Vec::new();
        for (partition, persons) in by_partition(&persons_of(&plan)?) {
            let write = open.registers.forgetting(partition, &persons).map_err(register_error)?;
            writes.push(write);
        }
        let done = plan.actions.into_iter().filter(|one| one.performer() == Performer::Run);
        let done: Vec<Action> = done.collect();
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, done);
        let recorded = recorded.map_err(register_error)?;
        // Whoever is to be forgotten is kept out of cases too, and files are merged for a while.
        drop(cases);
        self.finish_forgetting(open, &actor(permit))?;
        Ok(recorded)
    }

    fn order_older(
        &self,
        permit: &Permit,
        open: &Open,
        (code, scope): (&str, Scope),
    ) -> Result<(), Error> {
        let register = self.parts.catalogue.by_code(code);
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let change = open.registers.change_rights(register.number).map_err(register_error)?;
        let mut entry = self.entry(actor(permit), AuditAction::RetentionOrdered);
        entry.register = Some(code.to_owned());
        entry.changes = vec![format!("order {}: {}", change.next_order(), scope.shown())];
        let order = Order {
            at: entry.time,
            about: About::Everybody,
            scope,
            reason: OrderReason::Retention,
            case: None,
            confirmed: None,
        };
        let _ = change.record_order(&order.encode(), entry).map_err(register_error)?;
        Ok(())
    }

    /// Has the vault forget whom the register plane says that it is to, and notes that it has.  What a
    /// crash has left is finished by this too.
    pub(in crate::service) fn finish_forgetting(
        &self,
        open: &Open,
        actor: &Actor,
    ) -> Result<(), Error> {
        for left in open.registers.to_forget().map_err(register_error)? {
            // Persons are kept out of the registers since before the record was there.
            self.forget(open, actor, left)?;
        }
        Ok(())
    }

    /// What of persons the vault is to forget for one register because their past there ends, with the
    /// record of it.  Of somebody without name and address there is nothing.
    pub(in crate::service) fn forgetting_contacts(
        &self,
        open: &Open,
        (partition, register): (u16, u16),
        persons: &[PersonNo],
    ) -> Result<Option<(Write, Forgetting)>, Error> {
        let mut having = Vec::new();
        for person in persons {
            let kept = open.vault.has_contact(partition, register, *person);
            having.extend(kept.map_err(Error::internal)?.map(|_| *person));
        }
        if having.is_empty() {
            return Ok(None);
        }
        let number = self.parts.entropy.draw().map_err(Error::internal)?;
        let forgetting = open.registers.forgetting_contacts((partition, register), number, having);
        forgetting.map(Some).map_err(register_error)
    }

    /// What of names and addresses goes with what is erased: whoever stays in the register keeps them.
    pub(super) fn ending_contacts(
        &self,
        open: &Open,
        whose: (u16, u16),
        (scope, persons): (&Scope, &[PersonNo]),
    ) -> Result<(Vec<Write>, Option<Forgetting>), Error> {
        let contacts = match scope {
            Scope::Whole => self.forgetting_contacts(open, whose, persons)?,
            Scope::Period { .. } | Scope::Records { .. } => None,
        };
        let (write, forgetting) = contacts.unzip();
        Ok((write.into_iter().collect(), forgetting))
    }

    /// Has the vault forget names and addresses of a past that has ended.  Call it while the register's
    /// rights are held alone, so that none comes in meanwhile.  If it fails, the next start does it.
    pub(in crate::service) fn forget_now(
        &self,
        open: &Arc<Open>,
        permit: &Permit,
        contacts: Option<Forgetting>,
    ) -> Result<(), Error> {
        let Some(forgetting) = contacts else { return Ok(()) };
        self.forget(open, &actor(permit), forgetting).inspect_err(|_| {
            self.reopen_if_failed(open);
        })
    }

    /// Has the vault forget what a record says, and notes that it has.
    fn forget(&self, open: &Open, actor: &Actor, left: Forgetting) -> Result<(), Error> {
        let Forgetting { key, partition, what, persons } = left;
        let mut entry: Entry = self.entry(actor.clone(), AuditAction::IdentitiesErased);
        let forgotten = match what {
            ToForget::Everything => {
                entry.counts.insert("persons".into(), persons.len() as u64);
                open.vault.erase(partition, &persons)
            }
            ToForget::Contacts { register } => {
                let found = self.parts.catalogue.by_number(register);
                entry.register = found.map(|register| register.code.to_string());
                entry.counts.insert("contacts".into(), persons.len() as u64);
                open.vault.erase_contacts(partition, register, &persons)
            }
        };
        forgotten.map_err(|error| Error::new(ErrorCode::CommitUncertain).with_source(error))?;
        let recorded = open.registers.record_change_and_wait(entry, vec![Write::Remove(key)]);
        recorded.map(|_| ()).map_err(register_error)
    }
}

/// The persons of a plan whom the vault is to forget.
fn persons_of(plan: &RetentionPlan) -> Result<Vec<(u16, PersonNo)>, Error> {
    let persons = plan.actions.iter().filter_map(|action| match action {
        Action::EraseIdentity { partition, person } => Some((*partition, *person)),
        _ => None,
    });
    let nobody = || Error::internal("a plan is about nobody");
    persons
        .map(|(partition, number)| {
            Ok((partition, PersonNo::from_number(number).ok_or_else(nobody)?))
        })
        .collect()
}

fn by_partition(persons: &[(u16, PersonNo)]) -> BTreeMap<u16, Vec<PersonNo>> {
    let mut found: BTreeMap<u16, Vec<PersonNo>> = BTreeMap::new();
    for (partition, person) in persons {
        found.entry(*partition).or_default().push(*person);
    }
    found
}
