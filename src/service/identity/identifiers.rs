//! The identifiers of a batch of events, and their leaves.

use std::sync::Arc;

use jiff::civil::Date;
use zeroize::{Zeroize, Zeroizing};

use super::super::open::Open;
use super::{Falsehood, IdentityEvent, IdentityEventType};
use crate::ident::{NationalId, Reject, RulesAt, birth_date};
use crate::vault::{self, Origin, PersonNo, Unknown};

/// Identifiers that are looked up at once.
const ROWS_AT_ONCE: usize = 64;

/// Every identifier that events name, the same one under one place.
#[derive(Default)]
pub(super) struct Identifiers {
    all: Vec<NationalId>,
    places: std::collections::BTreeMap<[u8; 32], usize>,
}

/// An event whose identifiers are all well-formed: their places.
pub(super) struct Parsed {
    pub(super) main: usize,
    pub(super) others: Vec<usize>,
    joins: bool,
}

/// A leaf, and from which event of the batch on it is known: what came before was about nobody.
#[derive(Clone, Copy)]
pub(super) struct Since {
    pub(super) person: PersonNo,
    pub(super) event: usize,
}

impl Identifiers {
    /// Takes the identifiers of an event; nothing if it means nothing here, or the rules refuse one.
    pub(super) fn parse(
        &mut self,
        event: &IdentityEvent,
        parse: impl Fn(&Zeroizing<String>) -> Result<NationalId, Reject>,
    ) -> Option<Parsed> {
        let event_type = event.event_type?;
        let main = parse(&event.identifier).ok()?;
        let others: Result<Vec<NationalId>, Reject> = event.others.iter().map(&parse).collect();
        let main = self.place(main);
        let mut others: Vec<usize> =
            others.ok()?.into_iter().map(|identifier| self.place(identifier)).collect();
        others.retain(|other| *other != main);
        let is_true = event.falsehood != Some(Falsehood::False);
        let is_void = event_type == IdentityEventType::FalseIdentity && is_true;
        Some(Parsed { main, others, joins: event_type.joins().is_some() && !is_void })
    }

    /// The place of an identifier.
    pub(super) fn place(&mut self, identifier: NationalId) -> usize {
        let mut encoded = [0; 32];
        // EXPOSE: compared with those of the same batch, and wiped when this is dropped.
        identifier.tag_input(&mut encoded);
        let next = self.all.len();
        let place = *self.places.entry(encoded).or_insert(next);
        encoded.zeroize();
        if place == next {
            self.all.push(identifier);
        }
        place
    }

    /// The birth date that the identifier of an event tells, if it does.
    pub(super) fn born(&self, event: &Parsed, rules: &RulesAt<'_>) -> Option<Date> {
        birth_date(self.all.get(event.main)?, rules)
    }

    /// Those of the identifiers that somebody is known by in a partition.
    pub(super) fn known(
        &self,
        open: &Arc<Open>,
        partition: u16,
    ) -> Result<Vec<Option<PersonNo>>, vault::Error> {
        let places: Vec<usize> = (0..self.all.len()).collect();
        self.find(open, partition, &places, Unknown::Leave)
    }

    /// The leaves of all identifiers in a partition, by those that are known.  An identifier that an event joins to one that is
    /// known gets a leaf; so does one that is joined to that one later.
    pub(super) fn persons(
        &self,
        open: &Arc<Open>,
        (partition, known): (u16, Vec<Option<PersonNo>>),
        events: &[Option<Parsed>],
        origin: &Origin,
    ) -> Result<Vec<Option<Since>>, vault::Error> {
        let mut new: Vec<(usize, usize)> = Vec::new();
        let mut is_known: Vec<bool> = known.iter().map(Option::is_some).collect();
        for (at, event) in events.iter().enumerate() {
            let Some(Parsed { main, others, joins: true }) = event else { continue };
            let all = || others.iter().chain([main]).copied();
            if all().any(|place| is_known[place]) {
                for place in all() {
                    if !std::mem::replace(&mut is_known[place], true) {
                        new.push((place, at));
                    }
                }
            }
        }
        let since = |person: Option<PersonNo>, event| person.map(|person| Since { person, event });
        let mut persons: Vec<Option<Since>> =
            known.into_iter().map(|person| since(person, 0)).collect();
        if !new.is_empty() {
            let places: Vec<usize> = new.iter().map(|(place, _)| *place).collect();
            let assigned = self.find(open, partition, &places, Unknown::Assign(origin))?;
            for ((place, event), person) in new.into_iter().zip(assigned) {
                persons[place] = since(person, event);
            }
        }
        Ok(persons)
    }

    /// The persons of the identifiers at places, in their order.
    pub(super) fn find(
        &self,
        open: &Arc<Open>,
        partition: u16,
        places: &[usize],
        unknown: Unknown<'_>,
    ) -> Result<Vec<Option<PersonNo>>, vault::Error> {
        let mut left = places.chunks(ROWS_AT_ONCE);
        let mut found = open.vault.find(partition, places.len(), |rows| {
            let next = left.next().unwrap_or_default();
            rows.extend(next.iter().map(|place| Ok(self.all[*place].clone())));
        })?;
        found.finish(unknown)
    }
}

impl Drop for Identifiers {
    fn drop(&mut self) {
        while let Some((mut encoded, _)) = self.places.pop_first() {
            encoded.zeroize();
        }
    }
}
