//! Random worlds: each person is told what concerns them, all of it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::disclosures::decision;
use super::*;
use crate::crypto::test_support::cases;

const PEOPLE: usize = 5;
const REGISTERS: [(&str, &str); 2] = [("NPR", "HF"), ("KPR", "KUHR")];

/// Something that happens to some of the people.
#[derive(Clone, Debug)]
enum Happening {
    Deliver(usize, BTreeSet<usize>),
    Disclose(usize, BTreeSet<usize>),
    Import(BTreeSet<usize>),
    LookUp(BTreeSet<usize>),
    Reseal,
    Reserve(usize),
    Tell(usize),
}

/// What a person must be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Expected {
    /// Deliveries, by register.
    deliveries: BTreeMap<String, u64>,
    disclosures: BTreeSet<String>,
    /// Actions, the oldest first.
    actions: Vec<String>,
    reservations: usize,
}

fn some() -> impl Strategy<Value = BTreeSet<usize>> {
    prop::collection::btree_set(0..PEOPLE, 1..=PEOPLE)
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..2_usize, some()).prop_map(|(at, who)| Happening::Deliver(at, who)),
        3 => (0..2_usize, some()).prop_map(|(at, who)| Happening::Disclose(at, who)),
        1 => some().prop_map(Happening::Import),
        3 => some().prop_map(Happening::LookUp),
        1 => Just(Happening::Reseal),
        2 => (0..PEOPLE).prop_map(Happening::Reserve),
        2 => (0..PEOPLE).prop_map(Happening::Tell),
    ]
}

/// A world, and what each of its people must be told.
struct Course {
    world: World,
    people: Vec<u64>,
    expected: Vec<Expected>,
    ids: BTreeMap<(usize, usize), u64>,
    /// By application: what the report names a disclosure by.
    disclosures: [(DisclosureId, String); 2],
}

impl Course {
    fn new() -> Self {
        let world = World::unsealed();
        let disclosures = [0, 1].map(|_| {
            let application = world.application();
            (world.disclosure_of(application, decision()), application)
        });
        Self {
            people: numbers(PEOPLE),
            expected: vec![Expected::default(); PEOPLE],
            ids: BTreeMap::new(),
            disclosures: disclosures.map(|(id, application)| (id, application.to_string())),
            world,
        }
    }

    fn numbers_of(&self, who: &BTreeSet<usize>) -> Vec<u64> {
        who.iter().map(|place| self.people[*place]).collect()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver(at, who) => {
                let (register, source) = REGISTERS[at];
                let ids = self.world.ingest(register, source, &self.numbers_of(&who));
                for (place, id) in who.into_iter().zip(ids) {
                    self.ids.insert((at, place), id);
                    *self.expected[place].deliveries.entry(register.into()).or_default() += 1;
                }
            }
            Happening::Disclose(which, who) => {
                let of_npr =
                    who.into_iter().filter_map(|one| Some((one, *self.ids.get(&(0, one))?)));
                let (who, ids): (Vec<usize>, Vec<u64>) = of_npr.unzip();
                let (id, application) = &self.disclosures[which];
                self.world.serials(*id, "NPR", &ids).unwrap();
                for place in who {
                    self.expected[place].disclosures.insert(application.clone());
                }
            }
            Happening::Import(who) => {
                self.world.import_iplos(&self.numbers_of(&who));
                for place in who {
                    *self.expected[place].deliveries.entry("IPLOS".into()).or_default() += 1;
                }
            }
            Happening::LookUp(who) => {
                self.world.asked_about("NPR", "HF", &self.numbers_of(&who));
                // Who is in none of the sealed registers is known to nobody there.
                for place in who {
                    if self.is_known(place) {
                        self.expected[place].actions.push("resolve".into());
                    }
                }
            }
            Happening::Reseal => self.world.reseal(),
            Happening::Reserve(place) => {
                let is_member = self.ids.contains_key(&(1, place));
                let said = reserved("secondary_purposes");
                let said = self.world.say("KPR", self.people[place], said);
                assert_eq!(said.is_ok(), is_member);
                if is_member {
                    self.expected[place].reservations += 1;
                    self.expected[place].actions.push("reservation_set".into());
                } else if self.is_known(place) {
                    self.expected[place].actions.push("refused".into());
                }
            }
            Happening::Tell(place) => self.tell(place),
        }
    }

    fn is_known(&self, place: usize) -> bool {
        (0..2).any(|at| self.ids.contains_key(&(at, place)))
    }

    /// Asks for a person, and holds the answer against what is expected.
    fn tell(&mut self, place: usize) {
        let report = self.world.innsyn(self.people[place]);
        let deliveries = |one: &crate::rights::report::Register| {
            (one.code.clone(), one.sources.iter().map(|source| source.deliveries).sum())
        };
        let told = Expected {
            deliveries: report.registers.iter().map(deliveries).collect(),
            disclosures: report.disclosures.iter().map(|one| one.application.clone()).collect(),
            actions: report.accesses.iter().rev().map(|one| one.action.clone()).collect(),
            reservations: report.registers.iter().map(|one| one.ledger.len()).sum(),
        };
        assert_eq!(told, self.expected[place]);
        if !told.deliveries.is_empty() {
            self.expected[place].actions.push("innsyn_given".into());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(u32::try_from(cases(8, 200)).unwrap()))]

    #[test]
    fn each_person_is_told_exactly_what_concerns_them(
        happenings in prop::collection::vec(happening(), 1..25),
    ) {
        let mut course = Course::new();
        for one in happenings {
            course.happen(one);
        }
        for place in 0..PEOPLE {
            course.tell(place);
        }
    }
}
