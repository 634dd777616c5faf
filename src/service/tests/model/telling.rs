//! What persons and registers are told: innsyn, the feeds of changed IDs, and everything at the end.

use super::course::Course;
use super::expected::Days;
use super::*;
use crate::registers::{AddressProtection, IdChange, Life};
use crate::rights::representation::{Acting, Address, Facts, Life as StatedLife, Stated, Way};

/// Who asks: the person, or the next of kin.
fn asking(acting: Acting) -> Facts {
    Facts {
        life: Some(StatedLife::Alive),
        address: Some(Address::Open),
        address_of_actor: Some(Address::Open),
        next_of_kin: Some(Stated::Yes),
        special_reasons: Some(Stated::No),
        ..Facts::new(acting, Way::Manual)
    }
}

impl Course<'_> {
    /// What is new in the feed of a register.
    pub(super) fn read_feed(&mut self, place: usize) -> Vec<IdChange> {
        let (changes, last) = self.world.told_to(REGISTERS[place].0, self.read_to[place]);
        self.read_to[place] = last;
        changes
    }

    /// Each register is told of each of its IDs whose root has changed, and of no more.  A root whose
    /// consent is not in force joins no register on consent, so that there is nothing to tell.
    pub(super) fn follow(&mut self, before: [usize; IDENTIFIERS]) {
        let now = self.expected.persons.roots();
        for (place, (register, _)) in REGISTERS.into_iter().enumerate() {
            let has = |one: usize| self.expected.ids.contains_key(&(register, one));
            let joins = |one: usize| {
                register != "REHAB" || self.expected.in_force(register, one, Reach::All)
            };
            let has_moved = |one: usize| {
                let root = now[one];
                before[one] != root && has(one) && (has(root) || joins(root))
            };
            // Who is the root may have had to stay out until now.
            let has_come = |root: usize| {
                let brings = |one: usize| now[one] == root && has_moved(one);
                !has(root) && (0..IDENTIFIERS).any(brings)
            };
            let is_told = |one: &usize| has_moved(*one) || (has(*one) && has_come(now[*one]));
            let moved = (0..IDENTIFIERS).filter(is_told).count();
            let changes = self.read_feed(place);
            assert_eq!(changes.len(), moved, "each change is told once");
            changes.into_iter().for_each(|change| self.expected.told(register, change));
        }
    }

    /// Asks for what is registered about a person: all of it, and nothing of others.
    pub(super) fn innsyn(&self, identifier: usize) {
        let expected = &self.expected;
        let status = expected.persons.status(identifier);
        let is_dead = status.life != Life::Alive;
        let facts = asking(if is_dead { Acting::Kin } else { Acting::Person });
        let asked = self.world.ask_innsyn(self.numbers[identifier], facts, RegisterIds::Told);
        let is_protected =
            [AddressProtection::Confidential, AddressProtection::Strict].contains(&status.address);
        if is_dead && is_protected {
            let code = asked.err().unwrap().code();
            assert_eq!(code, ErrorCode::RepresentationRefused, "an address that stays secret");
            return;
        }
        let Innsyn { report, register_ids } = asked.unwrap().0;
        let person = expected.persons.of(identifier, Reach::Shown);
        let is_in = |one: &&expected::Given| {
            person.iter().any(|identifier| one.serials.contains_key(identifier))
        };
        let given = expected.given.iter().filter(is_in).map(|one| one.application.to_string());
        let (mut given, mut told): (Vec<String>, Vec<String>) = (
            given.collect(),
            report.disclosures.iter().map(|one| one.application.clone()).collect(),
        );
        given.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, given, "disclosures of the person");
        let cases = expected.cases.iter();
        let cases = cases.filter(|case| case.iter().any(|one| person.contains(one))).count();
        assert_eq!(report.cases.len(), cases, "cases of the person");
        for (register, _) in REGISTERS {
            let ids = expected.ids_of(register, identifier, Reach::Shown);
            let told = register_ids.iter().find(|(code, _)| code == register);
            let told: BTreeSet<u64> = told.into_iter().flat_map(|one| one.1.clone()).collect();
            assert_eq!(told, ids, "IDs of the person");
            let has_said = expected.has_said(register, identifier, Reach::Shown);
            let told = report.registers.iter().find(|one| one.code == register);
            assert_eq!(told.is_some(), has_said || !ids.is_empty(), "registers of the person");
            let Some(told) = told else { continue };
            assert_eq!(told.standing == "member", !ids.is_empty());
            assert_eq!(told.ledger.is_empty(), !has_said);
            let in_force = expected.in_force(register, identifier, Reach::Shown);
            let is_so = !told.reservations.is_empty() || !told.consented.is_empty();
            assert_eq!(is_so, in_force, "what the person has said");
        }
    }

    /// Everything that can be asked is as the model says.
    pub(super) fn ask_everything(&mut self) {
        let everybody: Vec<usize> = (0..IDENTIFIERS).collect();
        for (place, (register, _)) in REGISTERS.iter().enumerate() {
            let is_member = |one: &usize| self.expected.ids.contains_key(&(*register, *one));
            let members: Vec<usize> = everybody.iter().copied().filter(is_member).collect();
            for days in Days::ALL {
                self.deliver(place, &members, days);
            }
        }
        self.expected.check_ids();
        for given in 0..self.expected.given.len() {
            for register in DISCLOSED {
                self.issue(given, register, &everybody);
            }
            let given = &self.expected.given[given];
            let view = self.world.service.disclosure(&self.world.officer(), given.id).unwrap();
            let serials: BTreeSet<u64> = given.serials.values().copied().collect();
            assert_eq!(view.persons, serials.len() as u64, "who shares a serial is one");
        }
        for identifier in everybody {
            self.innsyn(identifier);
            if self.expected.persons.knows(identifier) {
                let status = self.expected.persons.status(identifier);
                assert_eq!(self.world.status(self.numbers[identifier]), status);
            }
        }
    }
}
