//! Who is who: identifiers in the order in which they came, links, and what the population register
//! has said.
//!
//! A person is the identifiers that links in force join; the root is the one that came first.

use super::events::{Became, Event, Happens};
use super::*;
use crate::registers::{AddressProtection, Life, PersonFact, PersonStatus, Protection};

#[derive(Default)]
pub(super) struct Persons {
    /// Identifiers that are known, the first first.
    came: Vec<usize>,
    links: Vec<Link>,
    /// What was said, of which identifier, in order.
    said: Vec<(usize, PersonFact)>,
}

struct Link {
    ends: [usize; 2],
    protection: Protection,
    in_force: bool,
}

impl Link {
    fn is_between(&self, [one, other]: [usize; 2]) -> bool {
        self.ends == [one, other] || self.ends == [other, one]
    }
}

impl Persons {
    pub(super) fn knows(&self, identifier: usize) -> bool {
        self.came.contains(&identifier)
    }

    pub(super) fn comes(&mut self, identifier: usize) {
        if !self.knows(identifier) {
            self.came.push(identifier);
        }
    }

    /// The identifiers of a person, the root first.
    pub(super) fn of(&self, identifier: usize, reach: Reach) -> Vec<usize> {
        let mut found = BTreeSet::from([identifier]);
        loop {
            let before = found.len();
            for link in self.links.iter().filter(|link| link.in_force) {
                let counts = reach == Reach::All || link.protection == Protection::Shown;
                if counts && link.ends.iter().any(|end| found.contains(end)) {
                    found.extend(link.ends);
                }
            }
            if found.len() == before {
                break;
            }
        }
        let mut found: Vec<usize> = found.into_iter().collect();
        found.sort_by_key(|one| self.came.iter().position(|other| other == one));
        found
    }

    /// The root, as registers are shown it.
    pub(super) fn root(&self, identifier: usize) -> usize {
        self.of(identifier, Reach::Shown)[0]
    }

    pub(super) fn roots(&self) -> [usize; IDENTIFIERS] {
        std::array::from_fn(|identifier| self.root(identifier))
    }

    /// Two that a link in force joins, if there is one.
    pub(super) fn joined(&self, draw: &mut Draw) -> Option<[usize; 2]> {
        let links: Vec<[usize; 2]> =
            self.links.iter().filter(|link| link.in_force).map(|link| link.ends).collect();
        if links.is_empty() { None } else { Some(draw.of(&links)) }
    }

    /// What holds of a person by what was said of any of their identifiers: the last word on each.
    pub(super) fn status(&self, identifier: usize) -> PersonStatus {
        let person = self.of(identifier, Reach::All);
        let mut status = PersonStatus::default();
        for (_, fact) in self.said.iter().filter(|(of, _)| person.contains(of)) {
            match fact {
                PersonFact::Address(protection) => status.address = *protection,
                PersonFact::Died(day) => status.life = Life::Dead(*day),
                PersonFact::DeathRevoked => status.life = Life::Alive,
                PersonFact::FalseIdentity => status.has_false_identity = true,
                PersonFact::FalseIdentityRevoked => status.has_false_identity = false,
            }
        }
        status
    }

    /// What becomes of an event.
    pub(super) fn happen(&mut self, event: &Event) -> Became {
        let Event { main, other, .. } = *event;
        if let Some(code) = event.what.code() {
            return Became::Wrong(code);
        }
        if !self.knows(main) && !other.is_some_and(|other| self.knows(other)) {
            // Nobody is known, and that is not told: of nobody nothing was said before.
            return match event.what {
                Happens::Corrected(_) => Became::Wrong(EventCode::DeathNotRecorded),
                Happens::Falsehood(Falsehood::True) if other.is_some() => {
                    Became::Wrong(EventCode::NeverJoined)
                }
                Happens::Split => Became::Wrong(EventCode::NeverJoined),
                _ => Became::Unchanged,
            };
        }
        match event.what {
            Happens::Address(protection) => {
                let is_new = self.status(main).address != protection;
                self.say(main, is_new, PersonFact::Address(protection))
            }
            Happens::Corrected(day) => {
                let is_early = self.status(main).life == Life::Alive;
                let became = match day.day() {
                    Some(_) => self.died(main, day),
                    None => self.revived(main),
                };
                if is_early { Became::Wrong(EventCode::DeathNotRecorded) } else { became }
            }
            Happens::Died(day) => self.died(main, day),
            Happens::Falsehood(falsehood) => self.false_identity((main, other), falsehood),
            Happens::Joined(protection) => {
                let [one, two] = [main, other.unwrap()];
                let is_hidden = |one| {
                    let status = self.status(one);
                    status.address == AddressProtection::Strict || status.has_false_identity
                };
                let is_protected = is_hidden(one) || is_hidden(two);
                self.join([one, two], if is_protected { Protection::Protected } else { protection })
            }
            Happens::Revived => self.revived(main),
            Happens::Split => self.split([main, other.unwrap()]),
        }
    }

    /// Whoever is known makes the other known.
    fn join(&mut self, ends: [usize; 2], protection: Protection) -> Became {
        ends.into_iter().for_each(|end| self.comes(end));
        self.links.push(Link { ends, protection, in_force: true });
        Became::Applied
    }

    fn split(&mut self, ends: [usize; 2]) -> Became {
        let between = || self.links.iter().filter(|link| link.is_between(ends));
        let (were_joined, are) = (between().count() > 0, between().any(|link| link.in_force));
        let ended = self.links.iter_mut().filter(|link| link.is_between(ends));
        ended.for_each(|link| link.in_force = false);
        let is_one = self.of(ends[0], Reach::All).contains(&ends[1]);
        match (were_joined, are) {
            (false, _) => Became::Wrong(EventCode::NeverJoined),
            (true, false) => Became::Unchanged,
            (true, true) if is_one => Became::Wrong(EventCode::StillJoined),
            (true, true) => Became::Applied,
        }
    }

    fn false_identity(
        &mut self,
        (main, other): (usize, Option<usize>),
        falsehood: Falsehood,
    ) -> Became {
        let is_false = falsehood == Falsehood::False;
        if is_false {
            other.into_iter().chain([main]).for_each(|one| self.comes(one));
        }
        let fact =
            if is_false { PersonFact::FalseIdentity } else { PersonFact::FalseIdentityRevoked };
        let is_new = self.status(main).has_false_identity != is_false;
        let said = self.say(main, is_new && self.knows(main), fact);
        let linked = match other {
            None => Became::Unchanged,
            Some(other) if is_false => self.join([main, other], Protection::Protected),
            Some(other) => self.split([main, other]),
        };
        match linked {
            Became::Unchanged => said,
            linked => linked,
        }
    }

    fn died(&mut self, main: usize, day: events::Day) -> Became {
        let is_new = self.status(main).life != Life::Dead(day.day());
        self.say(main, is_new, PersonFact::Died(day.day()))
    }

    fn revived(&mut self, main: usize) -> Became {
        let is_new = self.status(main).life != Life::Alive;
        self.say(main, is_new, PersonFact::DeathRevoked)
    }

    fn say(&mut self, main: usize, is_new: bool, fact: PersonFact) -> Became {
        if !is_new {
            return Became::Unchanged;
        }
        self.said.push((main, fact));
        Became::Applied
    }
}
