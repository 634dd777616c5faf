//! Leaves and links of one partition, in memory.
//!
//! A person is a connected component of the links in force, and its root is the leaf that was drawn
//! first.  So it is of no account in which order links came, how many lead from one leaf to another,
//! or whether they go round in a circle, and a link that ends takes nothing away but itself.
//!
//! A *protected* link works for the person and shows to nobody: what leaves the server (IDs, the feed
//! of changes, serials) goes by the components of the other links, what protects the person goes by
//! all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fact::{EventId, Leaf, Protection};
use crate::registers::budget::bits::PersonBits;
use crate::vault::PersonNo;

/// Which links count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Those that are not protected.
    Shown,
}

/// A leaf whose root has changed, as others may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The leaf.
    pub leaf: PersonNo,
    /// Its root now; itself if it stands alone or is the root.
    pub root: PersonNo,
}

/// What has become of a link that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joining {
    /// It was made by the same event before: nothing to do.
    Repeated,
    /// It is made.  Leaves of one person get one more reason to be that.
    Made(Vec<Moved>),
    /// It is not made: the person would have too many leaves, or a leaf too many links.
    TooMany,
}

struct Link {
    leaves: [PersonNo; 2],
    event: Option<EventId>,
    protection: Protection,
    in_force: bool,
}

struct Node {
    drawn: u64,
    root: PersonNo,
    /// Sequence numbers of all links of this leaf, ended ones too.
    links: Vec<u64>,
}

/// The links of one partition.
#[derive(Default)]
pub struct Graph {
    /// Leaves that are not their own root, as others may see it.
    superseded: PersonBits,
    superseded_count: u64,
    nodes: HashMap<PersonNo, Node>,
    links: BTreeMap<u64, Link>,
    /// Sequence number of the next fact.
    next: u64,
}

impl Graph {
    /// Most leaves of a person when a link is made, protected links counted.  A link costs a walk over
    /// the person's leaves and their links, while nobody else is answered.
    pub const LEAVES_MAX: usize = 64;
    /// Most links of a leaf when one is made, ended ones too.
    pub const LINKS_MAX: usize = 64;

    /// Whether any leaf has another root than itself.
    #[inline]
    pub fn any(&self) -> bool {
        self.superseded_count > 0
    }

    /// Whether a leaf has another root than itself: one bit a person number.
    #[inline]
    pub fn is_superseded(&self, leaf: PersonNo) -> bool {
        self.superseded.contains(leaf)
    }

    /// The root of a leaf, by the links that may be shown.
    #[inline]
    pub fn root_of(&self, leaf: PersonNo) -> PersonNo {
        if !self.superseded.contains(leaf) {
            return leaf;
        }
        self.nodes.get(&leaf).map_or(leaf, |node| node.root)
    }

    /// Whether a link of any kind was ever made to a leaf.
    pub fn is_known(&self, leaf: PersonNo) -> bool {
        self.nodes.contains_key(&leaf)
    }

    /// The leaves of a leaf's person, the first drawn before the others; itself at least.
    pub fn leaves_of(&self, leaf: PersonNo, reach: Reach) -> Vec<PersonNo> {
        if !self.is_known(leaf) {
            return vec![leaf];
        }
        let mut found = BTreeSet::from([leaf]);
        let mut left = vec![leaf];
        while let Some(one) = left.pop() {
            let links = self.nodes.get(&one).map_or(&[][..], |node| &node.links);
            for link in links.iter().filter_map(|sequence| self.links.get(sequence)) {
                let counts = reach == Reach::All || link.protection == Protection::Shown;
                if link.in_force && counts {
                    left.extend(link.leaves.into_iter().filter(|leaf| found.insert(*leaf)));
                }
            }
        }
        let mut found: Vec<PersonNo> = found.into_iter().collect();
        found.sort_by_key(|leaf| (self.nodes.get(leaf).map(|node| node.drawn), *leaf));
        found
    }

    /// Sequence numbers of the links between two leaves that are in force.
    pub fn links_between(&self, leaves: [PersonNo; 2]) -> Vec<u64> {
        let [one, other] = leaves;
        let is_between = |link: &Link| link.leaves == [one, other] || link.leaves == [other, one];
        let is_meant = |link: &Link| link.in_force && is_between(link);
        let links = self.links_of(one).iter();
        links.filter(|sequence| self.links.get(sequence).is_some_and(is_meant)).copied().collect()
    }

    /// Whether two leaves were ever joined by a link, in force or not.
    pub fn were_joined(&self, [one, other]: [PersonNo; 2]) -> bool {
        let links = self.links_of(one).iter().filter_map(|sequence| self.links.get(sequence));
        one != other && links.into_iter().any(|link| link.leaves.contains(&other))
    }

    /// Sequence numbers of all links of a leaf, ended ones too.
    pub fn links_of(&self, leaf: PersonNo) -> &[u64] {
        self.nodes.get(&leaf).map_or(&[], |node| &node.links)
    }

    /// The links of a leaf that have ended: what leaves they joined, and whether that was shown.
    pub fn ended_links_of(
        &self,
        leaf: PersonNo,
    ) -> impl Iterator<Item = ([PersonNo; 2], Protection)> + '_ {
        let links = self.links_of(leaf).iter().filter_map(|sequence| self.links.get(sequence));
        links.filter(|link| !link.in_force).map(|link| (link.leaves, link.protection))
    }

    /// Sequence numbers of the protected links, ended ones too.
    pub fn protected(&self) -> impl Iterator<Item = u64> + '_ {
        let is_protected = |link: &Link| link.protection == Protection::Protected;
        self.links.iter().filter(move |(_, link)| is_protected(link)).map(|(at, _)| *at)
    }

    /// Whether a link is in force.
    pub fn is_in_force(&self, sequence: u64) -> bool {
        self.links.get(&sequence).is_some_and(|link| link.in_force)
    }

    /// Sequence number of the next fact.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether there is nothing to make: an event has joined two leaves before, or they are one.
    pub(super) fn has_made(&self, [one, other]: [PersonNo; 2], event: Option<&EventId>) -> bool {
        let is_it = |link: &Link| link.event.as_ref() == event && link.leaves.contains(&other);
        let mut links = self.links_of(one).iter().filter_map(|sequence| self.links.get(sequence));
        one == other || event.is_some() && links.any(is_it)
    }

    /// Whether two leaves may be joined by one more link.  What is stored is taken as it is.
    pub(super) fn has_room_for(&self, [one, other]: [PersonNo; 2]) -> bool {
        if [one, other].iter().any(|leaf| self.links_of(*leaf).len() >= Self::LINKS_MAX) {
            return false;
        }
        let leaves = self.leaves_of(one, Reach::All);
        let is_one = leaves.contains(&other);
        is_one || leaves.len() + self.leaves_of(other, Reach::All).len() <= Self::LEAVES_MAX
    }

    /// Makes a link under the next sequence number, unless the same event has made it before.
    pub(super) fn join(
        &mut self,
        leaves: [Leaf; 2],
        event: Option<EventId>,
        protection: Protection,
    ) -> Joining {
        let persons = leaves.map(|leaf| leaf.person);
        if self.has_made(persons, event.as_ref()) {
            return Joining::Repeated;
        }
        let shown = protection == Protection::Shown;
        let is_one = self.root_of(persons[0]) == self.root_of(persons[1]);
        for leaf in leaves {
            let node = self.nodes.entry(leaf.person).or_insert_with(|| Node {
                drawn: leaf.drawn,
                root: leaf.person,
                links: Vec::new(),
            });
            node.links.push(self.next);
        }
        self.links.insert(self.next, Link { leaves: persons, event, protection, in_force: true });
        self.next += 1;
        let changes = shown && !is_one;
        Joining::Made(if changes { self.settle(persons[0]) } else { Vec::new() })
    }

    /// Ends a link, with a fact under the next sequence number; nothing if it is not in force.
    pub(super) fn separate(&mut self, sequence: u64) -> Option<Vec<Moved>> {
        let link = self.links.get_mut(&sequence).filter(|link| link.in_force)?;
        link.in_force = false;
        let [one, other] = link.leaves;
        self.next += 1;
        let mut moved = self.settle(one);
        moved.extend(self.settle(other));
        Some(moved)
    }

    /// Gives the leaves of a person their root; says whose has changed.
    fn settle(&mut self, leaf: PersonNo) -> Vec<Moved> {
        let leaves = self.leaves_of(leaf, Reach::Shown);
        let root = leaves.first().copied().unwrap_or(leaf);
        let mut moved = Vec::new();
        for leaf in leaves {
            let Some(node) = self.nodes.get_mut(&leaf) else { continue };
            if std::mem::replace(&mut node.root, root) == root {
                continue;
            }
            moved.push(Moved { leaf, root });
            if leaf == root {
                self.superseded.remove(leaf);
                self.superseded_count -= 1;
            } else if self.superseded.insert(leaf) {
                self.superseded_count += 1;
            }
        }
        moved
    }
}
