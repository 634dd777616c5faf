//! The registers that a person is in, and what they have said there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Service};
use crate::config::codes::{SourceCode, TermCode};
use crate::registers::catalogue::{self, RetentionLimit};
use crate::registers::{DeliveryId, DeliveryRecord, Fact, RightsFact, Standing};
use crate::rights::report::{self, Organisation, Source, Term};
use crate::vault::PersonNo;

/// A register as it is told, and the person's IDs in it.
pub(super) struct Told {
    pub(super) register: report::Register,
    pub(super) ids: Vec<u64>,
}

type Deliveries = Vec<(DeliveryId, DeliveryRecord)>;

impl Service {
    /// The registers of a partition that a person is in, or has said something to.
    pub(super) fn registers_of_person(
        &self,
        open: &Open,
        partition: u16,
        leaves: &[PersonNo],
    ) -> Result<Vec<Told>, Error> {
        let mut told = Vec::new();
        let deliveries = open.registers.deliveries_of(partition, leaves).map_err(register_error)?;
        for register in self.parts.catalogue.iter() {
            let own = if register.is_one_way() { register.number } else { crate::vault::PERSONS };
            if own == partition {
                told.extend(self.register_told(open, register, leaves, &deliveries)?);
            }
        }
        Ok(told)
    }

    fn register_told(
        &self,
        open: &Open,
        register: &catalogue::Register,
        leaves: &[PersonNo],
        deliveries: &Deliveries,
    ) -> Result<Option<Told>, Error> {
        let (standing, ids) = standing(open, register.number, leaves)?;
        let said = self.said(open, register, leaves)?;
        if standing == "not_member" && said.ledger.is_empty() {
            return Ok(None);
        }
        let today = self.parts.clock.today();
        let of_register = |(_, one): &&(DeliveryId, DeliveryRecord)| {
            standing != "not_member" && one.register == register.code.as_str()
        };
        let sources = sources(register, deliveries.iter().filter(of_register));
        let organisation = |code| self.parts.catalogue.organisation(code);
        let controller = register.controller(today).and_then(organisation);
        let controller = controller.map_or_else(Organisation::default, |one| Organisation {
            number: one.number.map(|number| number.to_string()).unwrap_or_default(),
            name: one.names.nb.clone(),
        });
        let processors = register.processors_on(today).filter_map(organisation);
        let contact = register.innsyn_contact.clone().unwrap_or_default();
        let exclusions = register.innsyn_exclusions.iter();
        let uses = register.reservation.uses.iter();
        let told = report::Register {
            code: register.code.to_string(),
            name: register.names.nb.clone(),
            standing: standing.to_owned(),
            controller,
            processors: processors.map(|one| one.names.nb.clone()).collect(),
            legal_basis: register.legal_basis.clone(),
            basis: register.basis.to_string(),
            purposes: register.purposes.iter().map(ToString::to_string).collect(),
            retention_years: match register.retention.limit {
                RetentionLimit::Unlimited => None,
                RetentionLimit::Years(years) => Some(u64::from(years)),
            },
            first_seen: sources.iter().map(|one| one.first_seen.clone()).min().unwrap_or_default(),
            last_seen: sources.iter().map(|one| one.last_seen.clone()).max().unwrap_or_default(),
            sources,
            reservation_uses: uses.map(|one| term(&one.code, &one.names.nb)).collect(),
            exclusions: exclusions.map(|one| term(&one.code, &one.names.nb)).collect(),
            contact,
            records: None,
            kept: kept(open, register, leaves)?,
            ..said
        };
        Ok(Some(Told { register: told, ids }))
    }

    /// What a person has said in a register: what is in force, and the whole ledger.
    fn said(
        &self,
        open: &Open,
        register: &catalogue::Register,
        leaves: &[PersonNo],
    ) -> Result<report::Register, Error> {
        let mut told = report::Register::default();
        let held = open.registers.hold_rights(register.number).map_err(register_error)?;
        let said = held.said_under(leaves);
        drop(held);
        if let Some(said) = said {
            let facts = open.registers.rights_facts(register.number, &said);
            let facts = facts.map_err(register_error)?;
            told.ledger.extend(facts.iter().map(|fact| self.fact_told(register, fact)));
            told.reservations.extend(said.reservations.iter().map(|code| named(register, code)));
            let consented = said.consent.iter().flatten().map(ToString::to_string);
            told.consented.extend(consented);
            let quality = said.quality.iter();
            told.quality_consents.extend(quality.map(|(code, said, on)| report::QualityConsent {
                register: quality_named(register, code),
                said: said.to_string(),
                on: on.to_string(),
            }));
        }
        told.ledger.sort_by(|one, other| one.at.cmp(&other.at));
        Ok(told)
    }

    fn fact_told(&self, register: &catalogue::Register, recorded: &RightsFact) -> report::Fact {
        let (mut reserved_use, mut purposes) = (None, Vec::new());
        let (mut quality_register, mut on) = (None, String::new());
        match &recorded.fact {
            Fact::ConsentGiven(given) => purposes.extend(given.iter().map(ToString::to_string)),
            Fact::ConsentWithdrawn => {}
            Fact::Quality(said) => {
                quality_register = Some(quality_named(register, &said.register));
                on = said.on.to_string();
            }
            Fact::ReservationLifted(code) | Fact::ReservationSet(code) => {
                reserved_use = Some(named(register, code));
            }
        }
        report::Fact {
            kind: recorded.fact.kind().to_owned(),
            reserved_use,
            purposes,
            at: recorded.at.to_string(),
            principal: recorded.principal.to_string(),
            organisation: self.organisation_told(recorded.organisation),
            channel: recorded.channel.to_string(),
            quality_register,
            on,
        }
    }
}

/// Whether a register keeps name or address of a person, under whichever identifier, and since when.
///
/// Not what they are: who asks here is known by the caller's word, and may be somebody who acts for the
/// person and is not to know where they live.
fn kept(
    open: &Open,
    register: &catalogue::Register,
    leaves: &[PersonNo],
) -> Result<Option<report::Kept>, Error> {
    let mut found = Vec::new();
    for leaf in leaves {
        let kept = open.vault.has_contact(register.partition(), register.number, *leaf);
        found.extend(kept.map_err(Error::internal)?);
    }
    let fields = [
        ("address", found.iter().any(|one| one.address)),
        ("name", found.iter().any(|one| one.name)),
    ];
    let fields = fields.into_iter().filter(|(_, is_kept)| *is_kept);
    let moment = |seconds| Timestamp::from_second(seconds).map_err(Error::internal);
    let (since, said) = (found.iter().map(|one| one.since), found.iter().map(|one| one.said));
    let (Some(since), Some(said)) = (since.min(), said.max()) else { return Ok(None) };
    Ok(Some(report::Kept {
        fields: fields.map(|(field, _)| field.to_owned()).collect(),
        since: moment(since)?.to_string(),
        said: moment(said)?.to_string(),
    }))
}

/// What a register has of a person, and the person's IDs there.
fn standing(
    open: &Open,
    register: u16,
    leaves: &[PersonNo],
) -> Result<(&'static str, Vec<u64>), Error> {
    let held = open.registers.hold(register).map_err(register_error)?;
    let cells = held.cells();
    let (mut standing, mut ids) = ("not_member", Vec::new());
    for leaf in leaves {
        match cells.standing(*leaf) {
            Standing::Member(id) => ids.push(id),
            Standing::Tombstoned(id) if id != 0 => ids.push(id),
            // What was erased is no more; that it was is in the case.
            Standing::NotMember | Standing::Tombstoned(_) => {}
            Standing::Suppressed => standing = "suppressed",
        }
    }
    Ok((if ids.is_empty() { standing } else { "member" }, ids))
}

/// Who has sent something, in the order of the catalogue; sources that it no longer has come last.
fn sources<'a>(
    register: &catalogue::Register,
    deliveries: impl Iterator<Item = &'a (DeliveryId, DeliveryRecord)>,
) -> Vec<Source> {
    let mut by_code: BTreeMap<(usize, &str), Vec<&DeliveryRecord>> = BTreeMap::new();
    for (_, record) in deliveries {
        let place = register.sources.iter().position(|one| one.code.as_str() == record.source);
        let place = place.unwrap_or(register.sources.len());
        by_code.entry((place, &record.source)).or_default().push(record);
    }
    let told = by_code.into_iter().map(|((_, code), records)| {
        let opened = || records.iter().map(|record| record.opened.as_str());
        let from = records.iter().map(|record| record.period_from).filter(|day| *day > 0);
        let to = records.iter().map(|record| record.period_to);
        Source {
            code: code.to_owned(),
            name: register.source(code).map(|one| one.names.nb.clone()).unwrap_or_default(),
            deliveries: records.len() as u64,
            first_seen: opened().min().unwrap_or_default().to_owned(),
            last_seen: opened().max().unwrap_or_default().to_owned(),
            period_from: day(from.min().unwrap_or_default()),
            period_to: day(to.max().unwrap_or_default()),
        }
    });
    told.collect()
}

/// A day of the form yyyymmdd as one with hyphens; nothing for none.
fn day(number: u32) -> String {
    if number == 0 {
        return String::new();
    }
    format!("{:04}-{:02}-{:02}", number / 10_000, number / 100 % 100, number % 100)
}

fn named(register: &catalogue::Register, code: &TermCode) -> Term {
    let known = register.reservation.uses.iter().find(|one| one.code == *code);
    // A use that the catalogue no longer has keeps its code.
    known.map_or_else(|| term(code, code.as_str()), |one| term(&one.code, &one.names.nb))
}

fn quality_named(register: &catalogue::Register, code: &SourceCode) -> Term {
    let name = register.quality_register(code).map_or(code.as_str(), |one| &one.names.nb);
    Term { code: code.to_string(), name: name.to_owned() }
}

fn term(code: &TermCode, name: &str) -> Term {
    Term { code: code.to_string(), name: name.to_owned() }
}
