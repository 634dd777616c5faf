//! IDs that a register had before: loaded beside its own, converted, and told as pairs.
//!
//! ```text
//! load     register ID, existing ID ─► whose is each? ─► new pairs and entry, durable ─► report by row
//! convert  existing IDs ─► persons ─► budget ─► register IDs of today, recorded as a look-up is
//! pairs    existing ID and register ID of today, in the order of loading
//! ```
//!
//! Identifiers do not come here: who has pairs of identifier and existing ID delivers the identifiers
//! first, as any delivery, and loads the IDs that it gets.
//!
//! Invariants: an existing ID that stands for somebody is never given to somebody else, and one that a
//! request has for two is given to neither; a text that could be a national identifier, of any
//! environment, is refused; who was converted is recorded, as of a look-up.
//!
//! What it does *not* protect: a register that loads wrong pairs has wrong pairs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use zeroize::Zeroizing;

use super::ingest::{digest_of, register_error};
use super::open::Open;
use super::{Error, ErrorCode, Limit, Service, actor, allow};
use crate::audit::{Action, Recorded};
use crate::config::codes::RegisterCode;
use crate::ident::{Declared, Reject, RulesAt, parse_text};
use crate::policy::{Permit, Right};
use crate::registers::budget::{About, Asking, FreshRow, Repeats, Spending};
use crate::registers::catalogue::Register;
use crate::registers::{
    AliasPairs, AliasProblem, AliasRow, Answer, Answered, ExistingId, LoadedAliases, RowCode,
    RowNote,
};
use crate::vault::PersonNo;

/// Most pairs in one answer.
const COUNT_MAX: usize = 10_000;

/// A register ID with an existing ID.  It shows neither.
pub struct AliasPair {
    /// The register ID.
    pub id: u64,
    /// The existing one, as it was sent.
    pub existing: Zeroizing<String>,
}

impl Service {
    /// Loads existing IDs for register IDs.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `batch_too_large`, `server_sealed`, `commit_uncertain` (send
    /// them again).
    pub fn load_aliases(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        pairs: Vec<AliasPair>,
    ) -> Result<Recorded<LoadedAliases>, Error> {
        allow(permit, &Right::LoadAliases { register: code.clone() })?;
        self.check_rows(pairs.len())?;
        let open = self.open_now()?;
        let register = self.alias_register(code)?;
        let rules = self.parts.rules.at(self.parts.clock.today());
        let mut entry = self.entry(actor(permit), Action::AliasesLoaded);
        entry.register = Some(code.to_string());
        entry.counts.insert("rows".into(), pairs.len() as u64);
        let rows = pairs.into_iter().map(|pair| read(pair, &rules)).collect();
        open.registers.load_aliases(register.number, rows, entry).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// The IDs of today of persons whom a register had under other IDs before, in the rows' order.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `batch_too_large`, `server_sealed`, `commit_uncertain`.
    pub fn convert_ids(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        existing: &[Zeroizing<String>],
    ) -> Result<Recorded<Answered>, Error> {
        allow(permit, &Right::FollowIds { register: code.clone() })?;
        self.check_rows(existing.len())?;
        let open = self.open_now()?;
        let register = self.alias_register(code)?;
        let texts: Vec<&str> = existing.iter().map(|one| one.as_str()).collect();
        let persons = persons_of(&open, register, &texts)?;
        let (answered, spending) = self.admit_converted(&open, permit, register, &persons)?;
        let asked = persons.iter().filter_map(|one| one.ok()).collect();
        let mut base = self.entry(actor(permit), Action::IdsConverted);
        base.register = Some(code.to_string());
        let digest = digest_of(&open, &answered);
        let (reply, recorded) = sync_channel(1);
        open.registers.record_answer(Answer {
            stream: self.streams.fetch_add(1, Ordering::Relaxed),
            base: Arc::new(base),
            register: register.number,
            partition: register.partition(),
            answered,
            digest,
            joining: Vec::new(),
            moved: Vec::new(),
            asked,
            disclosed: None,
            pins: Vec::new(),
            overridden: std::collections::BTreeMap::new(),
            spending: Some(spending),
            reply: Box::new(move |done| drop(reply.send(done))),
        });
        let failed = || crate::registers::Error::Failed;
        recorded.recv().map_err(|_| failed()).and_then(|done| done).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// The pairs of a register after a number, in the order in which they were loaded.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn alias_pairs(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        (after, count_max): (u64, usize),
    ) -> Result<Recorded<AliasPairs>, Error> {
        allow(permit, &Right::FollowIds { register: code.clone() })?;
        let open = self.open_now()?;
        let register = self.alias_register(code)?;
        let count_max = if count_max == 0 { COUNT_MAX } else { count_max.min(COUNT_MAX) };
        let found = open.registers.alias_pairs(register.number, after, count_max);
        let found = found.map_err(register_error)?;
        let mut entry = self.entry(actor(permit), Action::AliasesRead);
        entry.register = Some(code.to_string());
        entry.counts.insert("pairs".into(), found.pairs.len() as u64);
        let mut hasher = open.registers.keys().digest().hasher();
        for (sequence, _, id) in &found.pairs {
            [*sequence, *id].iter().for_each(|number| hasher.update(&number.to_be_bytes()));
        }
        entry.digest = Some(hasher.finish());
        open.registers.record_value_and_wait(entry, found).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// What rows are answered with, as far as the caller's budgets reach.
    fn admit_converted(
        &self,
        open: &Open,
        permit: &Permit,
        register: &Register,
        persons: &[Result<PersonNo, RowCode>],
    ) -> Result<(Answered, Spending), Error> {
        let account = open.registers.account(permit.principal().as_str(), register.number);
        let told: Vec<Option<PersonNo>> = persons.iter().map(|one| one.ok()).collect();
        let fresh: Vec<FreshRow> = account
            .fresh_rows(&told)
            .into_iter()
            .map(|row| {
                let about = told[row as usize].map_or(About::Nobody, About::Person);
                FreshRow { row, about }
            })
            .collect();
        let terms = || self.terms(permit.principal().as_str(), register.code.as_str());
        let admission = loop {
            if let Some(one) = account.admit(Asking::LookUp, &terms(), &fresh, Repeats::Told) {
                break one;
            }
        };
        let mut answered = Answered {
            ids: open.registers.ids_of_today(register.number, persons).map_err(register_error)?,
            ..Answered::default()
        };
        for row in &admission.refused {
            answered.ids[*row as usize] = 0;
        }
        for (row, person) in (0..).zip(persons) {
            let is_refused = admission.refused.binary_search(&row).is_ok();
            let code = if is_refused { Some(RowCode::BudgetSpent) } else { person.err() };
            answered.notes.extend(code.map(|code| RowNote { row, code }));
        }
        Ok((answered, Spending { account, told: admission.told }))
    }

    fn check_rows(&self, rows: usize) -> Result<(), Error> {
        let max = self.parts.config.limits.batch_identifiers_max;
        if rows > max {
            let limit = Limit { option: "limits.batch_identifiers_max", max: max as u64 };
            return Err(Error::limit(ErrorCode::BatchTooLarge, limit));
        }
        Ok(())
    }

    fn alias_register(&self, code: &RegisterCode) -> Result<&Register, Error> {
        let register = self.parts.catalogue.by_code(code.as_str());
        register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))
    }
}

/// Whom existing IDs of a register stand for.
pub(super) fn persons_of(
    open: &Open,
    register: &Register,
    existing: &[&str],
) -> Result<Vec<Result<PersonNo, RowCode>>, Error> {
    let ids = open.registers.ids_of_existing(register.number, existing).map_err(register_error)?;
    let persons = open.registers.identify(register.number, &ids).map_err(register_error)?;
    // What was never loaded is no malformed ID.
    let unknown = |(id, person)| if id == 0 { Err(RowCode::Unknown) } else { person };
    Ok(ids.into_iter().zip(persons).map(unknown).collect())
}

/// A row that is to be loaded, or what is wrong with its existing ID.
fn read(pair: AliasPair, rules: &RulesAt<'_>) -> AliasRow {
    let AliasPair { id, existing } = pair;
    // A number that this environment refuses is somebody's in another one.
    let parsed = parse_text(rules, Declared::Any, None, existing.as_bytes());
    let is_identifier = matches!(
        parsed,
        Ok(_) | Err(Reject::RealInTest | Reject::SyntheticInProduction | Reject::AssignerMissing)
    );
    if is_identifier {
        return (id, Err(AliasProblem::LooksLikeIdentifier));
    }
    (id, ExistingId::parse(existing).ok_or(AliasProblem::Malformed))
}
