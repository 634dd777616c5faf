//! One course: steps that are drawn, done and compared.

use super::super::rights::suppressed;
use super::events::Event;
use super::expected::{Days, Expected, Given};
use super::*;
use crate::disclosure::Decision;
use crate::ident::SerialWidth;

pub(super) struct Course<'a> {
    pub(super) world: &'a World,
    pub(super) numbers: &'a [u64],
    pub(super) draw: Draw,
    pub(super) expected: Expected,
    /// Up to where the feed of each register is read.
    pub(super) read_to: [u64; REGISTERS.len()],
}

impl<'a> Course<'a> {
    pub(super) fn new(
        world: &'a World,
        numbers: &'a [u64],
        (seed, read_to): (u64, [u64; REGISTERS.len()]),
    ) -> Self {
        Self { world, numbers, draw: Draw(seed), expected: Expected::default(), read_to }
    }

    /// Runs it, and says up to where it has read the feeds.
    pub(super) fn run(mut self) -> [u64; REGISTERS.len()] {
        for _ in 0..STEPS {
            self.step();
            self.expected.check_ids();
        }
        self.ask_everything();
        if self.draw.below(20) == 0 {
            self.world.reseal();
            self.ask_everything();
        }
        self.read_to
    }

    fn step(&mut self) {
        match self.draw.below(28) {
            0..6 => {
                let (register, identifiers) = (self.draw.below(REGISTERS.len()), self.draw.some());
                let days = self.draw.of(&Days::ALL);
                self.deliver(register, &identifiers, days);
            }
            6..8 => self.open(),
            8..12 => self.serials(),
            12 => self.close(),
            13..15 => self.reserve(),
            15..17 => self.consent(),
            17 => self.erase(),
            18 => self.look_up(),
            19 => {
                let identifier = self.draw.below(IDENTIFIERS);
                self.innsyn(identifier);
            }
            20 if self.draw.below(10) == 0 => self.world.reseal(),
            _ => self.event(),
        }
    }

    pub(super) fn numbers_of(&self, identifiers: &[usize]) -> Vec<u64> {
        identifiers.iter().map(|identifier| self.numbers[*identifier]).collect()
    }

    pub(super) fn deliver(&mut self, register: usize, identifiers: &[usize], days: Days) {
        // Those who are new come one at a time, so that the first of them is the first known.
        for identifier in identifiers {
            if !self.expected.persons.knows(*identifier) {
                self.deliver_together(register, &[*identifier], days);
            }
        }
        self.deliver_together(register, identifiers, days);
    }

    fn deliver_together(&mut self, register: usize, identifiers: &[usize], days: Days) {
        let (register, _) = REGISTERS[register];
        let answered = self.world.report(register, days.month(), &self.numbers_of(identifiers));
        // Nobody is even known by a row without consent.
        if register != "REHAB" {
            identifiers.iter().for_each(|one| self.expected.persons.comes(*one));
        }
        suppressed(&answered);
        for (row, (identifier, id)) in (0..).zip(identifiers.iter().zip(&answered.ids)) {
            let own = answered.leaf_ids.iter().find(|leaf| leaf.row == row).map(|leaf| leaf.id);
            self.expected.row((register, days), *identifier, (*id, own));
        }
        if register == "REHAB" {
            // A root may have joined by a row, after its link.
            self.read_feed(REHAB)
                .into_iter()
                .for_each(|change| self.expected.told(register, change));
        }
    }

    fn event(&mut self) {
        let event = Event::draw(&mut self.draw, &self.expected.persons);
        let told = event.told(self.world.next_event(), self.numbers);
        let applied = self.world.try_apply(&[told]).unwrap();
        let before = self.expected.persons.roots();
        let became = self.expected.persons.happen(&event);
        let codes: Vec<EventCode> = applied.reports.iter().map(|report| report.code).collect();
        assert_eq!((applied.counts, codes), became.counted(), "what becomes of an event");
        if event.other.is_some() {
            self.follow(before);
        }
    }

    fn erase(&mut self) {
        let (register, _) = self.draw.of(&REGISTERS);
        let identifier = self.draw.below(IDENTIFIERS);
        let number = self.numbers[identifier];
        let (scope, until) = match self.draw.below(3) {
            0 => (Scope::Period { up_to: date(2025, 12, 31) }, Days::Before),
            _ => (Scope::Whole, Days::Now),
        };
        let person = self.expected.persons.of(identifier, Reach::Shown);
        if self.expected.has(register, identifier, Reach::Shown) {
            self.world.erase(register, number, scope);
            self.expected.erase(register, identifier, until);
            self.expected.cases.push(person);
            return;
        }
        let refused = self.world.ask_erasure(register, number, scope).err().unwrap();
        let code = match self.expected.keeps_out(register, identifier, Days::Before) {
            true => ErrorCode::PersonErased,
            false => ErrorCode::PersonNotInRegister,
        };
        assert_eq!(refused.code(), code);
    }

    fn look_up(&mut self) {
        let identifiers = self.draw.some();
        let numbers = self.numbers_of(&identifiers);
        let (register, source) = self.draw.of(&[REGISTERS[0], REGISTERS[2]]);
        let request = World::request(register, source, IngestMode::ResolveOnly);
        let answered = self.world.deliver(&request, &numbers).unwrap();
        for (identifier, id) in identifiers.iter().zip(answered.ids) {
            let root = self.expected.persons.root(*identifier);
            // Who is the root may not have joined, for want of a consent.
            let of = |one| self.expected.ids.get(&(register, one)).copied();
            let known = of(root).or_else(|| of(*identifier));
            // The look-up is about the days of now.
            let known = known.filter(|_| self.expected.takes(register, *identifier, Days::Now));
            assert_eq!(id, known.unwrap_or(0), "a look-up says what is known, and makes nobody");
        }
    }

    fn open(&mut self) {
        let place = self.expected.given.len();
        if place == 4 {
            return;
        }
        let goes_on = place > 0 && self.draw.below(2) == 0;
        let earlier = goes_on.then(|| self.draw.below(place)).map(|one| &self.expected.given[one]);
        let (key, application, continues, serial_width) = match earlier.filter(|one| one.is_open) {
            Some(one) => (one.key, one.application, Some(one.id), one.serial_width),
            None => {
                let width = self.draw.of(&[SerialWidth::Eight, SerialWidth::Nine]);
                (place, self.world.application(), None, width)
            }
        };
        let decided = Decision { serial_width, continues, ..disclosures::decision() };
        let id = self.world.disclosure_of(application, decided);
        let serials = BTreeMap::new();
        let given = Given { id, application, serial_width, is_open: true, key, serials };
        self.expected.given.push(given);
    }

    fn serials(&mut self) {
        if self.expected.given.is_empty() {
            return;
        }
        let given = self.draw.below(self.expected.given.len());
        let register = self.draw.of(&DISCLOSED);
        let identifiers = self.draw.some();
        self.issue(given, register, &identifiers);
    }

    pub(super) fn issue(&mut self, given: usize, register: &'static str, identifiers: &[usize]) {
        let known = |one: &usize| self.expected.ids.get(&(register, *one)).map(|id| (*one, *id));
        let (identifiers, mut ids): (Vec<usize>, Vec<u64>) =
            identifiers.iter().filter_map(known).unzip();
        let gone = self.expected.gone.iter().filter(|(at, _)| *at == register);
        ids.extend(gone.map(|(_, id)| *id));
        let Given { id, is_open, .. } = self.expected.given[given];
        let answered = self.world.serials(id, register, &ids);
        if !is_open {
            assert_eq!(answered.err().unwrap().code(), ErrorCode::StepOutOfOrder);
            return;
        }
        let serials = answered.unwrap().ids;
        for (identifier, serial) in identifiers.iter().zip(&serials) {
            self.expected.serial(given, register, *identifier, *serial);
        }
        assert!(serials[identifiers.len()..].iter().all(|serial| *serial == 0), "erased IDs");
    }

    fn close(&mut self) {
        if self.expected.given.is_empty() || self.draw.below(3) > 0 {
            return;
        }
        let given = self.draw.below(self.expected.given.len());
        let Given { id, is_open, .. } = self.expected.given[given];
        let closed = self.world.service.close_disclosure(&self.world.officer(), id);
        assert_eq!(closed.is_ok(), is_open, "a disclosure is closed once");
        self.expected.given[given].is_open = false;
    }

    fn reserve(&mut self) {
        let identifier = self.draw.below(IDENTIFIERS);
        let sets = self.draw.below(2) == 0;
        let fact = if sets {
            reserved("secondary_purposes")
        } else {
            Fact::ReservationLifted("secondary_purposes".parse().unwrap())
        };
        self.say("KPR", identifier, (fact, sets, ErrorCode::ReservationNotSet));
    }

    fn consent(&mut self) {
        let identifier = self.draw.below(IDENTIFIERS);
        let gives = self.draw.below(3) > 0;
        let fact = if gives {
            self.expected.persons.comes(identifier);
            Fact::ConsentGiven(BTreeSet::from([DisclosurePurpose::QualityImprovement]))
        } else {
            Fact::ConsentWithdrawn
        };
        let is_said = self.say("REHAB", identifier, (fact, gives, ErrorCode::ConsentNotGiven));
        if is_said && !gives {
            self.expected.end_ids("REHAB", identifier, Reach::All);
        }
        if gives && self.draw.below(2) == 0 {
            // A row under any identifier of the person.
            let person = self.expected.persons.of(identifier, Reach::All);
            let (one, days) = (self.draw.of(&person), self.draw.of(&Days::ALL));
            self.deliver(REHAB, &[one], days);
        }
    }

    /// Says something, and whether it was taken; what is taken back must have been said.
    fn say(
        &mut self,
        register: &'static str,
        identifier: usize,
        (fact, is_so, otherwise): (Fact, bool, ErrorCode),
    ) -> bool {
        let has_said = self.expected.has_said(register, identifier, Reach::All);
        let is_known = has_said || self.expected.has(register, identifier, Reach::All);
        let refused = if is_so {
            // A consent makes somebody known.
            (register == "KPR" && !is_known).then_some(ErrorCode::PersonNotInRegister)
        } else if !is_known {
            Some(ErrorCode::PersonNotInRegister)
        } else {
            let in_force = self.expected.in_force(register, identifier, Reach::All);
            (!in_force).then_some(otherwise)
        };
        let said = self.world.say(register, self.numbers[identifier], fact);
        assert_eq!(said.err().map(|error| error.code()), refused);
        if refused.is_none() {
            self.expected.said.push((register, identifier, is_so));
        }
        refused.is_none()
    }
}
