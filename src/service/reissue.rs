//! A person's IDs in a register, issued anew by a custodian with another person's approval.
//!
//! ```text
//! register ID ─► person ─► the IDs of all the person's leaves, replaced
//!                            │ register numbers, feed, reference, use of the approval, entry: durable
//!                            ▼
//!                          the pairs, to the custodian
//! ```
//!
//! Invariants: the approval is of exactly this ID of this register, for this reason and purpose and by
//! this provision, and is used up in the commit of the entry; an ID of nobody, of another register, of
//! somebody who is not to be answered and one that was replaced before are answered alike, and recorded
//! as refused; ingest answers the new IDs from the commit on.
//!
//! What it does *not* protect: rows that the register has under the old ID stay until it has moved them.

use zeroize::Zeroizing;

use super::ingest::register_error;
use super::open::Open;
use super::reveal::{concerns, person_of};
use super::{Error, ErrorCode, LogLine, Parameters, Service, Violation, actor, allow};
use crate::approval::Act;
use crate::audit::{Action, Recorded};
use crate::config::codes::RegisterCode;
use crate::ident::RegisterId;
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{ReissueReason, ReissuedIds, Reissues, RightsChange};
use crate::vault::PersonNo;

/// Most replaced IDs in one answer.
const COUNT_MAX: usize = 10_000;

/// Whose IDs to replace, and why.  It shows no ID.
pub struct ReissueIds {
    /// The register.
    pub register: RegisterCode,
    /// An ID that the person has in it.
    pub id: Zeroizing<String>,
    /// Why.
    pub reason: ReissueReason,
    /// What for.
    pub purpose: LogLine,
    /// By which provision.
    pub provision: LogLine,
}

impl Service {
    /// Replaces the IDs of the person with a register ID.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid` for what is no ID; `approval_required`,
    /// `approval_void`, `person_not_in_register`, which are recorded; `server_sealed`,
    /// `commit_uncertain`.
    pub fn reissue_ids(
        &self,
        permit: &Permit,
        request: &ReissueIds,
    ) -> Result<Recorded<ReissuedIds>, Error> {
        allow(permit, &Right::ReissueIds)?;
        let open = self.open_now()?;
        let ReissueIds { register: code, id, reason, purpose, provision } = request;
        let register = self.parts.catalogue.by_code(code.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let mut entry = self.entry(actor(permit), Action::IdReissued);
        entry.register = Some(register.code.to_string());
        entry.purpose = Some(purpose.as_str().to_owned());
        entry.basis = Some(provision.as_str().to_owned());
        entry.changes = vec![format!("reason {reason}")];
        let parsed = RegisterId::parse(id.as_bytes()).map_err(|error| {
            let text = error.to_string().into();
            Error::invalid(vec![Violation { field: "id".into(), text }])
        })?;
        let parameters = [
            ("id", id.as_str()),
            ("reason", reason.as_str()),
            ("purpose", purpose.as_str()),
            ("provision", provision.as_str()),
        ];
        let named = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let act = (Act::ReissueId, register.code.as_str());
        let approved = self.take_approval(&open, permit, act, &Parameters(named.into()));
        let approved = self.or_record(&open, &entry, approved)?;
        let change = open.registers.change_rights(register.number).map_err(register_error)?;
        let leaves = leaves_of((&open, &change), register, parsed);
        let leaves = match leaves {
            Ok(leaves) => leaves,
            Err(error) => {
                drop(change);
                return self.or_record(&open, &entry, Err(error));
            }
        };
        let side = self.refer(&open, &mut entry, (register.partition(), leaves[0]))?;
        entry.counts.insert("ids".into(), leaves.len() as u64);
        let writes = vec![side, concerns(&leaves)];
        let why = (*reason, self.parts.clock.now());
        change.reissue(&leaves, why, (entry, writes), approved).map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }

    /// The IDs of a register that were replaced, protected ones too, after a number.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn reissues(
        &self,
        permit: &Permit,
        code: &RegisterCode,
        (after, count_max): (u64, usize),
    ) -> Result<Recorded<Reissues>, Error> {
        allow(permit, &Right::ReissueIds)?;
        let open = self.open_now()?;
        let register = self.parts.catalogue.by_code(code.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let count_max = if count_max == 0 { COUNT_MAX } else { count_max.min(COUNT_MAX) };
        let found = open.registers.reissues(register.number, after, count_max);
        let found = found.map_err(register_error)?;
        let mut entry = self.entry(actor(permit), Action::ReissuesRead);
        entry.register = Some(code.to_string());
        entry.counts.insert("reissues".into(), found.reissues.len() as u64);
        let shown: Vec<PersonNo> = found.reissues.iter().map(|one| one.person).collect();
        let writes = (!shown.is_empty()).then(|| concerns(&shown)).into_iter().collect();
        let recorded = open.registers.record_answered_change_and_wait(entry, writes, found);
        recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })
    }
}

/// The leaves that have an ID in the register, of the person whose ID of today this is.
fn leaves_of(
    (open, change): (&Open, &RightsChange<'_>),
    register: &Register,
    id: RegisterId,
) -> Result<Vec<PersonNo>, Error> {
    let person = person_of(open, register, id)?;
    let id_of = |leaf| open.registers.id_of(register.number, leaf).map_err(register_error);
    if id_of(person)? != Some(id.as_u64()) {
        return Err(Error::new(ErrorCode::PersonNotInRegister)
            .with_text("the register has nobody by this ID"));
    }
    let mut leaves = Vec::new();
    for leaf in change.leaves_of(person) {
        leaves.extend(id_of(leaf)?.map(|_| leaf));
    }
    Ok(leaves)
}
