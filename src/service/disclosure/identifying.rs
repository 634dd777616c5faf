//! Who a serial is: for an officer whom another person has allowed to know, once.
//!
//! ```text
//! serial ─► number, person ─► in the disclosure? ─► identity, opened under the approval
//!                                                     │ reference, use of the approval, entry: durable
//!                                                     ▼
//!                                                   the answer
//! ```
//!
//! Invariants: the disclosure is open and its decision permits it; the approval is of exactly this
//! serial of this disclosure, and is used up in the commit of the entry; a serial of nobody and one of
//! a person who is not in the disclosure are answered alike, and recorded as refused.
//!
//! What it does *not* protect: whoever is answered knows a person, and the server cannot take that
//! back.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::reveal::concerns;
use super::super::{Error, ErrorCode, Parameters, Service, Violation};
use super::book::closed;
use super::members::Members;
use super::serials::Using;
use crate::approval::Act;
use crate::audit::{Action, Recorded};
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::{Decision, DisclosureId};
use crate::ident::{IdKind, NationalId, Serial};
use crate::keyring::DisclosureKeys;
use crate::policy::Permit;
use crate::registers::{Reach, Standing};
use crate::vault::{self, PersonNo};

/// An identifier that was revealed.
///
/// It has no derived `Debug`, and its number is wiped.
pub struct RevealedIdentifier {
    /// What kind it is.
    pub kind: IdKind,
    /// Its digits.
    pub number: Zeroizing<String>,
    /// Who assigned it; only H-numbers have an assigner.
    pub assigner: Option<u32>,
}

impl RevealedIdentifier {
    pub(in crate::service) fn new(id: &NationalId) -> Self {
        // EXPOSE: two persons have allowed this act to say who the person is.
        let number = Zeroizing::new(id.expose_digits().as_str().to_owned());
        Self { kind: id.kind(), number, assigner: id.assigner().map(|one| one.number()) }
    }
}

impl fmt::Debug for RevealedIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedIdentifier").finish_non_exhaustive()
    }
}

impl Service {
    /// The identifiers of the person behind a serial of an open disclosure.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses` when the decision does not permit it,
    /// `step_out_of_order`, `request_invalid` for what is no serial, `approval_required`,
    /// `approval_void`, `serial_unknown`, `person_erased`, `server_sealed`, `commit_uncertain`.
    pub fn identify_serial(
        &self,
        permit: &Permit,
        id: DisclosureId,
        serial: &str,
    ) -> Result<Recorded<Vec<RevealedIdentifier>>, Error> {
        let using =
            self.use_disclosure(permit, id, DisclosureUse::Reidentify, Action::SerialIdentified)?;
        let Using { open, decided, mut entry, in_use, .. } = using;
        let parsed = Serial::parse(decided.serial_width, serial.as_bytes());
        let parsed = parsed.map_err(|error| {
            let text = error.to_string().into();
            Error::invalid(vec![Violation { field: "serial".into(), text }])
        })?;
        let parameters = Parameters(vec![("serial".to_owned(), serial.to_owned())]);
        let act = (Act::IdentifySerial, id.to_string());
        let approved = self.take_approval(&open, permit, (act.0, &act.1), &parameters);
        let approved = self.or_record(&open, &entry, approved)?;
        // Held until it is recorded: a disclosure is not closed between the entry and the answer.
        let held = in_use.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = held.as_ref().ok_or_else(closed)?;
        let answered = answered_with(keys, &in_use.members, parsed);
        let unknown = || Error::new(ErrorCode::SerialUnknown);
        let person = answered.first().copied().ok_or_else(unknown);
        let person = self.or_record(&open, &entry, person)?;
        let reveal = approved.reveal();
        let reveal = reveal.ok_or_else(|| Error::internal("the act opens no identity"))?;
        let leaves = self.leaves_behind(&open, &decided, &answered)?;
        let is_erased = self.is_erased(&open, &decided, &leaves)?;
        let erased = || Error::new(ErrorCode::PersonErased);
        self.or_record(&open, &entry, (!is_erased).then_some(()).ok_or_else(erased))?;
        let known = self.known(&open, &decided, &leaves, &reveal);
        let known = self.or_record(&open, &entry, known)?;
        let partition = self.partition_of(&decided)?;
        let side = self.refer(&open, &mut entry, (partition, person))?;
        entry.counts.insert("identifiers".into(), known.len() as u64);
        let writes = vec![side, concerns(&leaves)];
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, known);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        self.watch_reveals(&open, permit);
        Ok(recorded)
    }

    fn known(
        &self,
        open: &Open,
        decided: &Decision,
        leaves: &BTreeSet<PersonNo>,
        reveal: &impl vault::MayReveal,
    ) -> Result<Vec<RevealedIdentifier>, Error> {
        let partition = self.partition_of(decided)?;
        let mut revealed = Vec::new();
        for leaf in leaves {
            let known = match open.vault.reveal(reveal, partition, *leaf) {
                // Of the others there may be one left.
                Err(vault::Error::Erased) => continue,
                known => known.map_err(Error::internal)?,
            };
            revealed.extend(known.iter().map(|one| RevealedIdentifier::new(&one.id)));
        }
        if revealed.is_empty() { Err(Error::new(ErrorCode::PersonErased)) } else { Ok(revealed) }
    }

    /// Whether a register of the disclosure has erased the person, as bridges ask it: the vault may know
    /// the identity until the last tombstone has expired.
    fn is_erased(
        &self,
        open: &Open,
        decided: &Decision,
        leaves: &BTreeSet<PersonNo>,
    ) -> Result<bool, Error> {
        for terms in &decided.terms.registers {
            let register = self.parts.catalogue.by_code(&terms.register);
            let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
            let rights = open.registers.hold_rights(register.number).map_err(register_error)?;
            let held = open.registers.hold(register.number).map_err(register_error)?;
            let cells = held.cells();
            let is_gone = |leaf: &PersonNo| cells.standing(*leaf) == Standing::Tombstoned(0);
            if leaves.iter().any(|leaf| is_gone(leaf) && rights.has_tombstone(*leaf)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The leaves of the persons who were answered with a serial.
    fn leaves_behind(
        &self,
        open: &Open,
        decided: &Decision,
        answered: &[PersonNo],
    ) -> Result<BTreeSet<PersonNo>, Error> {
        let partition = self.partition_of(decided)?;
        let links = open.registers.hold_links();
        let of = |leaf: &PersonNo| links.leaves_of(partition, *leaf, Reach::Shown);
        Ok(answered.iter().flat_map(of).collect())
    }
}

/// Who in the disclosure was answered with a serial; whose number it is made of first.
fn answered_with(keys: &DisclosureKeys, members: &Members, serial: Serial) -> Vec<PersonNo> {
    let number = keys.serials().decrypt(serial.body()).ok();
    let leaf = number.and_then(|number| members.leaf(number));
    leaf.map(|leaf| members.own.answered_with(leaf)).unwrap_or_default()
}
