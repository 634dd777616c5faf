//! Who a person of a register is: for a custodian whom another person has allowed to know, once.
//!
//! ```text
//! register ID ─► person ─► identifiers, name and address, opened under the approval
//!                            │ reference, use of the approval, entry: durable
//!                            ▼
//!                          the answer
//! ```
//!
//! Invariants: the approval is of exactly this ID of this register, for this purpose and by this
//! provision, and is used up in the commit of the entry; an ID of nobody, of another register and of
//! somebody who is not to be answered are answered alike, and recorded as refused; a one-way register
//! is refused before anything is looked up, and has nothing that could be opened.
//!
//! What it does *not* protect: whoever is answered knows a person, and the server cannot take that
//! back.

use super::disclosure::RevealedIdentifier;
use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, LogLine, Parameters, Service, Violation, actor, allow};
use crate::approval::Act;
use crate::audit::{Action, Entry, Recorded, Reference};
use crate::config::codes::RegisterCode;
use crate::ident::RegisterId;
use crate::policy::{Permit, Right};
use crate::registers::catalogue::Register;
use crate::registers::{PersonSet, Reach, RowCode, Write};
use crate::vault::{KeptContact, KnownIdentifier, MayReveal, PERSONS, PersonNo};
use zeroize::Zeroizing;

/// Whom to reveal, and why.  It shows no ID.
pub struct RevealIdentity {
    /// The register.
    pub register: RegisterCode,
    /// The register ID.
    pub id: Zeroizing<String>,
    /// What for.
    pub purpose: LogLine,
    /// By which provision.
    pub provision: LogLine,
}

/// Who a person of a register is.
#[derive(Debug)]
pub struct RevealedPerson {
    /// Every identifier that the person is known by.
    pub identifiers: Vec<RevealedIdentifier>,
    /// Name and address as the register has them, for each identifier that it has some of.
    pub contacts: Vec<KeptContact>,
}

impl Service {
    /// The identifiers of the person with a register ID, and name and address as the register has them.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `request_invalid` for what is no ID; `rule_refuses` for a
    /// one-way register, `approval_required`, `approval_void`, `person_not_in_register`, which are
    /// recorded; `server_sealed`, `commit_uncertain`.
    pub fn reveal_identity(
        &self,
        permit: &Permit,
        request: &RevealIdentity,
    ) -> Result<Recorded<RevealedPerson>, Error> {
        allow(permit, &Right::Reveal)?;
        let open = self.open_now()?;
        let RevealIdentity { register: code, id, purpose, provision } = request;
        let register = self.parts.catalogue.by_code(code.as_str());
        let register = register.ok_or_else(|| Error::new(ErrorCode::RegisterUnknown))?;
        let mut entry = self.entry(actor(permit), Action::IdentityRevealed);
        entry.register = Some(register.code.to_string());
        entry.purpose = Some(purpose.as_str().to_owned());
        entry.basis = Some(provision.as_str().to_owned());
        let sealed = self.or_record(&open, &entry, sealed_register(register));
        let register = sealed?;
        let parsed = RegisterId::parse(id.as_bytes()).map_err(|error| {
            let text = error.to_string().into();
            Error::invalid(vec![Violation { field: "id".into(), text }])
        })?;
        let parameters =
            [("id", id.as_str()), ("purpose", purpose.as_str()), ("provision", provision.as_str())];
        let named = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let act = (Act::RevealIdentity, register.code.as_str());
        let approved = self.take_approval(&open, permit, act, &Parameters(named.into()));
        let approved = self.or_record(&open, &entry, approved)?;
        let person = person_of(&open, register, parsed);
        let person = self.or_record(&open, &entry, person)?;
        let reveal = approved.reveal();
        let reveal = reveal.ok_or_else(|| Error::internal("the act opens no identity"))?;
        let leaves = open.registers.hold_links().leaves_of(PERSONS, person, Reach::Shown);
        let known = known(&open, register, &leaves, &reveal)?;
        let side = self.refer(&open, &mut entry, (PERSONS, person))?;
        entry.counts.insert("identifiers".into(), known.identifiers.len() as u64);
        if !known.contacts.is_empty() {
            entry.counts.insert("contacts".into(), known.contacts.len() as u64);
        }
        let recorded = open.registers.record_approved_act_and_wait(
            entry,
            vec![side, concerns(&leaves)],
            approved,
            known,
        );
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        self.watch_reveals(&open, permit);
        Ok(recorded)
    }

    /// Gives an entry a reference of its own, and what leads from it to the person of a partition.
    pub(super) fn refer(
        &self,
        open: &Open,
        entry: &mut Entry,
        (partition, person): (u16, PersonNo),
    ) -> Result<Write, Error> {
        let reference = self.parts.entropy.draw().map_err(Error::internal)?;
        let reference = Reference::from_bytes(reference);
        entry.reference = Some(reference);
        open.registers.audit_person(reference, partition, person).map_err(Error::internal)
    }
}

/// Everybody whose identity an act has opened: after a split, each of them was told about.
pub(super) fn concerns<'a>(leaves: impl IntoIterator<Item = &'a PersonNo>) -> Write {
    let leaves: Vec<PersonNo> = leaves.into_iter().copied().collect();
    let mut whom = PersonSet::default();
    whom.extend(&leaves);
    Write::Concerns(whom)
}

/// A register whose persons have an identity that could be told.
fn sealed_register(register: &Register) -> Result<&Register, Error> {
    if register.is_one_way() {
        let code = &register.code;
        return Err(Error::rule(format!(
            "{code} is a one-way register: it has no identity of anybody, and nobody is told one"
        )));
    }
    Ok(register)
}

/// Whose ID it is.
pub(super) fn person_of(
    open: &Open,
    register: &Register,
    id: RegisterId,
) -> Result<PersonNo, Error> {
    let found = open.registers.identify(register.number, &[id.as_u64()]);
    let found = found.map_err(register_error)?.pop().unwrap_or(Err(RowCode::Unknown));
    found.map_err(|_| {
        Error::new(ErrorCode::PersonNotInRegister).with_text("the register has nobody by this ID")
    })
}

/// Every identifier of a person, by all that the person is, and what the register has besides.
fn known(
    open: &Open,
    register: &Register,
    leaves: &[PersonNo],
    reveal: &impl MayReveal,
) -> Result<RevealedPerson, Error> {
    let (mut identifiers, mut contacts) = (Vec::new(), Vec::new());
    for leaf in leaves {
        let known: Vec<KnownIdentifier> =
            open.vault.reveal(reveal, PERSONS, *leaf).map_err(Error::internal)?;
        identifiers.extend(known.iter().map(|one| RevealedIdentifier::new(&one.id)));
        let contact = open.vault.reveal_contact(reveal, PERSONS, (register.number, *leaf));
        contacts.extend(contact.map_err(Error::internal)?);
    }
    Ok(RevealedPerson { identifiers, contacts })
}
