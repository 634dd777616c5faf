//! Whose number a serial is made of, for persons who have several identifiers.

use super::members::Members;
use crate::registers::{HeldLinks, Pin, Reach};
use crate::vault::PersonNo;

/// The leaf by which a leaf is named: whom it was answered by before, else the first of its person's
/// leaves that has a name already, else the root.
pub(super) fn named_by(
    members: &Members,
    links: &HeldLinks<'_>,
    (partition, leaf): (u16, PersonNo),
    has_name: impl Fn(PersonNo) -> bool,
) -> PersonNo {
    // Whoever was ever joined to another is known for ever: everybody else has no pin.
    let Some(graph) = links.of(partition).filter(|graph| graph.is_known(leaf)) else { return leaf };
    members.answered_by(leaf).unwrap_or_else(|| {
        let leaves = graph.leaves_of(leaf, Reach::Shown);
        let answered = leaves.iter().find_map(|one| members.answered_by(*one));
        let named = || leaves.iter().copied().find(|one| has_name(*one));
        answered.or_else(named).or_else(|| leaves.first().copied()).unwrap_or(leaf)
    })
}

/// Who is in the disclosure by what is answered: the leaves, and those whose serials they have.
pub(super) fn asked(rows: Vec<(u32, PersonNo)>, pins: &[Pin]) -> Vec<PersonNo> {
    let leaves = rows.into_iter().map(|(_, leaf)| leaf);
    leaves.chain(pins.iter().map(|pin| pin.to)).collect()
}
