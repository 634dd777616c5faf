//! Whose number a serial is made of, for persons who have several identifiers.
//!
//! ```text
//! leaf that was answered        by whom it was answered
//! another leaf of its person    by whom that leaf was answered, the first drawn before the others
//!   was answered
//! none was                      by itself
//! ```
//!
//! Why: a merge may be wrong.  Whoever was asked for has a serial; a leaf that nobody asked for has
//! none, gives none, and is told of no disclosure once it is split off.
//!
//! Invariants: a leaf is named by one that was answered, in this disclosure or in another of its key, or
//! by itself; batches on their way by several leaves of a person are of one mind, since each is looked at
//! again while it is handed over, and what is handed over is answered in that order or not at all.

use std::collections::BTreeMap;

use super::book::InUse;
use super::members::{Handing, Members};
use super::scope::Scope;
use super::serials::Issuing;
use crate::registers::{Graph, HeldLinks, Pin, Reach};
use crate::vault::PersonNo;

/// By whom leaves are named in answers that were handed to the recorder, for leaves that were ever joined
/// to others.
#[derive(Default)]
pub(super) struct Handed {
    by: BTreeMap<PersonNo, PersonNo>,
    /// From so many on, those that are published are let go.
    many: usize,
}

impl Handed {
    /// Keeps whom the leaves of a batch are named by, and lets go of what the sets say by now.
    pub(super) fn keep(
        &mut self,
        links: &HeldLinks<'_>,
        (partition, rows): (u16, &[(u32, PersonNo)]),
        (members, pins): (&Members, &[Pin]),
    ) {
        const MANY: usize = 1024;
        let Some(graph) = links.of(partition) else { return };
        let leaves = rows.iter().map(|(_, leaf)| *leaf).filter(|leaf| graph.is_known(*leaf));
        let pinned: BTreeMap<PersonNo, PersonNo> =
            pins.iter().map(|pin| (pin.leaf, pin.to)).collect();
        for leaf in leaves {
            self.by.insert(leaf, pinned.get(&leaf).copied().unwrap_or(leaf));
        }
        if self.by.len() > self.many.max(MANY) {
            self.by.retain(|leaf, _| members.answered_by(*leaf).is_none());
            self.many = 2 * self.by.len();
        }
    }
}

/// The leaves by which the leaves of a batch are named, in the order of its rows.
pub(super) fn named_by(
    (members, handed): (&Members, &Handed),
    links: &HeldLinks<'_>,
    (partition, rows): (u16, &[(u32, PersonNo)]),
) -> Vec<PersonNo> {
    let leaves = rows.iter().map(|(_, leaf)| *leaf);
    let Some(graph) = links.of(partition) else { return leaves.collect() };
    // Those of this batch come before the rows after them.
    let mut before = BTreeMap::new();
    let mut by = |leaf: PersonNo| {
        // Whoever was ever joined to another is known for ever: everybody else has no pin.
        if !graph.is_known(leaf) {
            return leaf;
        }
        let named = |one: PersonNo| {
            let handed = || handed.by.get(&one).or_else(|| before.get(&one)).copied();
            members.answered_by(one).or_else(handed)
        };
        let of_person = || graph.leaves_of(leaf, Reach::Shown).into_iter().find_map(named);
        let by = named(leaf).or_else(of_person).unwrap_or(leaf);
        before.insert(leaf, by);
        by
    };
    leaves.map(&mut by).collect()
}

/// The leaf whose ID of another party a leaf has: by which it was answered before, else the first of its
/// person's that was, else the first that has one.
pub(super) fn labelled_by(
    members: &Members,
    graph: Option<&Graph>,
    leaf: PersonNo,
    has_label: impl Fn(PersonNo) -> bool,
) -> PersonNo {
    let Some(graph) = graph.filter(|graph| graph.is_known(leaf)) else { return leaf };
    // Of this disclosure alone: serials of another of its key are no IDs of a party.
    members.own.answered_by(leaf).unwrap_or_else(|| {
        let leaves = graph.leaves_of(leaf, Reach::Shown);
        let answered = leaves.iter().find_map(|one| members.own.answered_by(*one));
        let labelled = || leaves.iter().copied().find(|one| has_label(*one));
        answered.or_else(labelled).unwrap_or(leaf)
    })
}

/// The leaves that are named by another.
pub(super) fn pins(rows: &[(u32, PersonNo)], by: &[PersonNo]) -> Vec<Pin> {
    let pin = |((_, leaf), to): (&(u32, PersonNo), &PersonNo)| Pin { leaf: *leaf, to: *to };
    rows.iter().zip(by).map(pin).filter(|pin| pin.leaf != pin.to).collect()
}

impl Issuing {
    /// Holds whom leaves are named by while a batch is handed over, if it is named as it would be now.
    pub(super) fn hand<'a>(
        &self,
        in_use: &'a InUse,
        links: &HeldLinks<'_>,
        (rows, named): (&[(u32, PersonNo)], &[Pin]),
    ) -> Option<Handing<'a>> {
        let mut handing = in_use.members.handing();
        // Labels stay where they are, and in a joint disclosure each leaf stands for itself.
        if let (Scope::Of(partition), false) = (self.scope, self.has_labels) {
            let by = named_by((&in_use.members, &handing), links, (partition, rows));
            if pins(rows, &by) != named {
                return None;
            }
            handing.keep(links, (partition, rows), (&in_use.members, named));
        }
        Some(handing)
    }
}
