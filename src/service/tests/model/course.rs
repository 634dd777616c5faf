//! One course: steps that are drawn, done and compared.

use super::expected::{Days, Expected, Given};
use super::*;

/// Where rows go: register and source.
const REGISTERS: [(&str, &str); 3] = [("NPR", "HF"), ("KPR", "KUHR"), ("REHAB", "LOKAL")];

pub(super) struct Course<'a> {
    world: &'a World,
    people: &'a [u64],
    draw: Draw,
    expected: Expected,
}

impl<'a> Course<'a> {
    pub(super) fn new(world: &'a World, people: &'a [u64], seed: u64) -> Self {
        Self { world, people, draw: Draw(seed), expected: Expected::default() }
    }

    pub(super) fn run(mut self) {
        for _ in 0..STEPS {
            self.step();
        }
        self.ask_everything();
        if self.draw.below(20) == 0 {
            self.world.reseal();
            self.ask_everything();
        }
    }

    fn step(&mut self) {
        match self.draw.below(18) {
            0..5 => {
                let (register, persons) = (self.draw.below(REGISTERS.len()), self.draw.some());
                let days = [Days::Now, Days::Now, Days::Later][self.draw.below(3)];
                self.deliver(register, &persons, days);
            }
            5..7 => self.open(),
            7..10 => self.serials(),
            10 => self.close(),
            11..13 => self.reserve(),
            13..15 => self.consent(),
            15 => self.erase(),
            _ => self.look_up(),
        }
    }

    fn deliver(&mut self, register: usize, persons: &[usize], days: Days) {
        let (register, source) = REGISTERS[register];
        let numbers: Vec<u64> = persons.iter().map(|person| self.people[*person]).collect();
        let ids = match days {
            Days::Later => self.world.report(register, LATER, &numbers).ids,
            Days::Now => self.world.ingest(register, source, &numbers),
        };
        for (person, id) in persons.iter().zip(ids) {
            self.expected.row((register, days), *person, id);
        }
    }

    fn erase(&mut self) {
        let (register, person) = (["NPR", "KPR"][self.draw.below(2)], self.draw.below(PERSONS));
        if self.expected.ids.contains_key(&(register, person)) {
            self.world.erase(register, self.people[person], Scope::Whole);
            self.expected.erase(register, person);
            self.expected.erased.insert((register, person));
        }
    }

    fn look_up(&mut self) {
        let persons = self.draw.some();
        let numbers: Vec<u64> = persons.iter().map(|person| self.people[*person]).collect();
        let request = World::request("NPR", "HF", IngestMode::ResolveOnly);
        let answered = self.world.deliver(&request, &numbers).unwrap();
        for (person, id) in persons.iter().zip(answered.ids) {
            // The look-up is about the days of now.
            let is_erased = self.expected.erased.contains(&("NPR", *person));
            let known = self.expected.ids.get(&("NPR", *person)).copied();
            let known = known.filter(|_| !is_erased);
            assert_eq!(id, known.unwrap_or(0), "a look-up says what is known, and makes nobody");
        }
    }

    fn open(&mut self) {
        if self.expected.given.len() < 3 {
            let id = self.world.disclosure();
            self.expected.given.push(Given { id, is_open: true, serials: BTreeMap::new() });
        }
    }

    fn serials(&mut self) {
        if self.expected.given.is_empty() {
            return;
        }
        let given = self.draw.below(self.expected.given.len());
        let register = ["NPR", "KPR"][self.draw.below(2)];
        let persons = self.draw.some();
        self.issue(given, register, &persons);
    }

    fn issue(&mut self, given: usize, register: &'static str, persons: &[usize]) {
        let known =
            |person: &usize| self.expected.ids.get(&(register, *person)).map(|id| (*person, *id));
        let (persons, ids): (Vec<usize>, Vec<u64>) = persons.iter().filter_map(known).unzip();
        let Given { id, is_open, .. } = self.expected.given[given];
        let answered = self.world.serials(id, register, &ids);
        if !is_open {
            assert_eq!(answered.err().unwrap().code(), ErrorCode::StepOutOfOrder);
            return;
        }
        for (person, serial) in persons.iter().zip(answered.unwrap().ids) {
            self.expected.serial(given, register, *person, serial);
        }
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
        let person = self.draw.below(PERSONS);
        let is_reserved = self.expected.reserved.contains(&person);
        let fact = if self.draw.below(2) == 0 {
            reserved("secondary_purposes")
        } else {
            Fact::ReservationLifted("secondary_purposes".parse().unwrap())
        };
        let sets = matches!(fact, Fact::ReservationSet(_));
        let is_known = self.expected.ids.contains_key(&("KPR", person));
        let said = self.world.say("KPR", self.people[person], fact);
        match said {
            // Said twice, it is said twice in the ledger.
            Ok(_) if sets => {
                self.expected.reserved.insert(person);
            }
            Ok(_) => assert!(self.expected.reserved.remove(&person)),
            Err(error) => match error.code() {
                ErrorCode::PersonNotInRegister => assert!(!is_known && !is_reserved),
                ErrorCode::ReservationNotSet => assert!(!sets && !is_reserved),
                code => panic!("{code:?}"),
            },
        }
    }

    fn consent(&mut self) {
        let person = self.draw.below(PERSONS);
        let gives = self.draw.below(3) > 0;
        let fact = if gives {
            Fact::ConsentGiven(BTreeSet::from([DisclosurePurpose::QualityImprovement]))
        } else {
            Fact::ConsentWithdrawn
        };
        let said = self.world.say("REHAB", self.people[person], fact);
        let consents = self.expected.consents.contains(&person);
        match said {
            Ok(_) if gives => {
                self.expected.consents.insert(person);
            }
            Ok(_) => {
                assert!(self.expected.consents.remove(&person));
                self.expected.erase("REHAB", person);
            }
            Err(error) => assert!(!gives && !consents, "{:?}", error.code()),
        }
    }

    /// Everything that can be asked is as the model says.
    fn ask_everything(&mut self) {
        let everybody: Vec<usize> = (0..PERSONS).collect();
        for (place, (register, _)) in REGISTERS.iter().enumerate() {
            let members: Vec<usize> = everybody
                .iter()
                .copied()
                .filter(|person| self.expected.ids.contains_key(&(*register, *person)))
                .collect();
            self.deliver(place, &members, Days::Later);
            self.deliver(place, &members, Days::Now);
        }
        for given in 0..self.expected.given.len() {
            for register in ["NPR", "KPR"] {
                self.issue(given, register, &everybody);
            }
        }
    }
}
