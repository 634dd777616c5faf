//! Disclosures as they are told to a person who is in them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, Service};
use super::book::Entries;
use crate::disclosure::lifecycle::DisclosureStep;
use crate::disclosure::{Application, Decision, Disclosure, DisclosureId};
use crate::rights::report::{self, Organisation, Term};
use crate::vault::PersonNo;

impl Service {
    /// The disclosures that leaves of a partition are in.
    pub(in crate::service) fn disclosures_with(
        &self,
        open: &Open,
        partition: u16,
        leaves: &[PersonNo],
    ) -> Result<BTreeSet<[u8; 16]>, Error> {
        let entries = open.book.entries();
        // A number of one partition is somebody else's in another.
        let is_own = |id: &DisclosureId| {
            let (disclosure, application) = entries.with_application(*id).ok()?;
            let decided = application.decision(disclosure.decision()).ok()?;
            Some(self.scope_of(decided).ok()?.first() == partition)
        };
        let all = entries.disclosures.keys().copied();
        let own: HashSet<DisclosureId> = all.filter(|id| is_own(id).unwrap_or_default()).collect();
        drop(entries);
        let mut found = BTreeSet::new();
        for leaf in leaves {
            let is_own = |id| own.contains(&DisclosureId(id));
            let of = open.registers.disclosures_of((partition, *leaf), is_own);
            found.extend(of.map_err(register_error)?);
        }
        Ok(found)
    }

    /// These disclosures, the newest first, each with those of its bridges that are named.
    pub(in crate::service) fn disclosures_told(
        &self,
        open: &Open,
        ids: &BTreeSet<[u8; 16]>,
        bridges: &BTreeSet<(String, u32)>,
    ) -> Result<Vec<report::Disclosure>, Error> {
        let entries = open.book.entries();
        let mut found = Vec::new();
        for id in ids {
            let (disclosure, application) = entries.with_application(DisclosureId(*id))?;
            let decided = application.decision(disclosure.decision())?;
            let mut told = self.disclosure_told(disclosure, application, decided);
            told.bridges = bridges_told(&entries, disclosure.id(), bridges);
            found.push((disclosure.history().changes().first().map(|opened| opened.at), told));
        }
        found.sort_by_key(|(opened, _)| Reverse(*opened));
        Ok(found.into_iter().map(|(_, told)| told).collect())
    }

    fn disclosure_told(
        &self,
        disclosure: &Disclosure,
        application: &Application,
        decided: &Decision,
    ) -> report::Disclosure {
        let (request, recipient) = (application.request(), application.recipient());
        let at = |step| disclosure.history().last(step).map(|change| change.at.to_string());
        let registers = decided.terms.registers.iter().map(|terms| Term {
            code: terms.register.clone(),
            name: self
                .parts
                .catalogue
                .by_code(&terms.register)
                .map_or_else(|| terms.register.clone(), |register| register.names.nb.clone()),
        });
        report::Disclosure {
            application: application.id().to_string(),
            applicant: request.applicant.to_string(),
            description: request.description.to_string(),
            recipient: Organisation {
                number: recipient.number.to_string(),
                name: recipient.name.to_string(),
            },
            recipient_class: recipient.class.to_string(),
            purpose: request.purpose.to_string(),
            legal_basis: request.legal_basis.iter().map(ToString::to_string).collect(),
            registers: registers.collect(),
            combined_with: request.combined_with.iter().map(|one| one.name.to_string()).collect(),
            delivered_to: request.delivered_to.to_string(),
            authority: decided.authority.to_string(),
            decision_kind: decided.kind.to_string(),
            decision_reference: decided.reference.to_string(),
            decision_dated: decided.dated.to_string(),
            reidentification: decided.reidentification.to_string(),
            opened: at(DisclosureStep::Open).unwrap_or_default(),
            expires: disclosure.opening().expires.to_string(),
            state: disclosure.state().to_string(),
            handed_over: disclosure.deliveries().iter().map(|one| one.at.to_string()).collect(),
            closed: at(DisclosureStep::Close).unwrap_or_default(),
            deletion_confirmed: at(DisclosureStep::ConfirmDeletion).unwrap_or_default(),
            bridges: Vec::new(),
        }
    }
}

fn bridges_told(
    entries: &Entries,
    disclosure: DisclosureId,
    named: &BTreeSet<(String, u32)>,
) -> Vec<report::Bridge> {
    let of_disclosure = entries.bridges.range((disclosure, 0)..=(disclosure, u32::MAX));
    let named = of_disclosure
        .filter(|((id, number), _)| named.contains(&(id.to_string(), *number)))
        .map(|(_, bridge)| report::Bridge {
            to: Organisation {
                number: bridge.to.number.to_string(),
                name: bridge.to.name.to_string(),
            },
            issued: bridge.issued.at.to_string(),
            delete_by: bridge.delete_by.to_string(),
            deleted: bridge.deleted().map(|act| act.at.to_string()).unwrap_or_default(),
        });
    named.collect()
}
