//! Rows of leaves whose person has another root: the root's ID, and the leaf's own beside it.
//!
//! ```text
//! leaf \\ root     member                      not a member
//! member          root's ID, leaf's own       the root joins; look-up: the leaf's own ID alone
//! not a member    root's ID; the leaf joins   both join; look-up: unknown
//! ```
//!
//! Whoever of the two is suppressed, the row is.  What happens after a row was mapped and before it is
//! recorded:
//!
//! ```text
//! joined; the row had the leaf's own ID     as a moment before: the feed says that it is superseded
//! joined; the leaf was to join, or its      answered anew: the feed does not know the ID that it would
//!   past has ended and it joins again         get, since the link came before it
//! split                                     answered anew
//! ```

use super::{Delivery, Mapped, Open, digest_of, register_error};
use crate::registers::{
    Answered, Ended, Gives, HeldLinks, HeldRights, JoiningRow, LeafId, Moved, Reach, RowCode,
    Standing,
};
use crate::service::Error;
use crate::vault::PersonNo;

/// The rows of a batch that have the ID of another leaf.
pub(super) struct Joined {
    pub(super) rows: Vec<JoinedRow>,
    change_count: u64,
}

/// A row that has the ID of its person's root.
#[derive(Clone, Copy)]
pub(super) struct JoinedRow {
    pub(super) row: u32,
    pub(super) leaf: PersonNo,
    pub(super) root: PersonNo,
}

impl Joined {
    pub(super) fn new(change_count: u64) -> Self {
        Self { rows: Vec::new(), change_count }
    }

    /// Whether a row has, or may have, the ID of another leaf.
    pub(super) fn has(&self, row: u32) -> bool {
        self.rows.binary_search_by_key(&row, |joined| joined.row).is_ok()
    }

    /// Forgets rows that are not answered after all.
    pub(super) fn forget(&mut self, rows: &[u32]) {
        self.rows.retain(|joined| rows.binary_search(&joined.row).is_err());
    }
}

/// Whether a row of a leaf and a root that stand so is answered at all.
pub(super) fn answer((leaf, root): (Standing, Standing), looked_up: bool) -> Option<()> {
    let is_out = leaf == Standing::Suppressed || root == Standing::Suppressed;
    let is_nobody = looked_up && leaf == Standing::NotMember && root == Standing::NotMember;
    (!is_out && !is_nobody).then_some(())
}

/// Fills an answered row in, whose ID is 0 so far.
pub(super) fn fill(
    (answered, joining): (&mut Answered, &mut Vec<JoiningRow>),
    (row, leaf, root): (u32, PersonNo, PersonNo),
    standings: (Standing, Standing),
    looked_up: bool,
) {
    let id = &mut answered.ids[row as usize];
    match standings.1 {
        Standing::Member(of_root) => *id = of_root,
        Standing::NotMember if !looked_up => {
            joining.push(JoiningRow { row, person: root, gives: Gives::Id });
        }
        // Whoever has the leaf has the root: see `registers::links`.  A look-up makes nobody.  That
        // there are tombstones was looked at before.
        Standing::NotMember | Standing::Suppressed | Standing::Tombstoned(_) => {
            if let Standing::Member(own) = standings.0 {
                *id = own;
            }
            return;
        }
    }
    match standings.0 {
        Standing::Member(own) => answered.leaf_ids.push(LeafId { row, id: own }),
        Standing::NotMember if !looked_up => {
            joining.push(JoiningRow { row, person: leaf, gives: Gives::LeafId });
        }
        Standing::NotMember | Standing::Suppressed | Standing::Tombstoned(_) => {}
    }
}

impl Mapped {
    /// Rows of a leaf that has been joined to another since, and has no ID that the feed of that link
    /// knows: it was to join, or its past has ended.
    fn take_newly_joined(&mut self, links: &HeldLinks<'_>, partition: u16, ended: &[Ended]) {
        let Some(graph) = links.of(partition).filter(|graph| graph.any()) else { return };
        let is_late = |person: PersonNo| graph.is_superseded(person);
        let joining = self.joining.iter().filter(|joining| joining.gives == Gives::Id);
        let mut late: Vec<(u32, PersonNo)> =
            joining.map(|one| (one.row, one.person)).filter(|one| is_late(one.1)).collect();
        for one in ended.iter().filter(|one| one.id != 0 && is_late(one.person)) {
            let rows = self.answered.ids.iter().zip(0..).filter(|(id, _)| **id == one.id);
            late.extend(rows.map(|(_, row)| (row, one.person)));
        }
        late.retain(|(row, _)| !self.joined.has(*row));
        let late = late.into_iter().map(|(row, leaf)| JoinedRow { row, leaf, root: leaf });
        self.joined.rows.extend(late);
        self.joined.rows.sort_by_key(|joined| joined.row);
    }
}

impl Delivery {
    /// Leaves that the register has, whose person's root joins by one of these rows.  That is so in a
    /// register on consent alone: elsewhere the root has joined with the link.
    pub(super) fn superseded_by(
        &self,
        open: &Open,
        links: &HeldLinks<'_>,
        joining: &[JoiningRow],
    ) -> Result<Vec<Moved>, Error> {
        let graph = links.of(self.partition).filter(|graph| graph.any());
        let Some(graph) = graph.filter(|_| self.consent_required && !joining.is_empty()) else {
            return Ok(Vec::new());
        };
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let cells = held.cells();
        let joining = joining.iter().map(|joining| joining.person);
        let moved = joining.filter(|person| !graph.is_superseded(*person)).flat_map(|root| {
            let leaves = graph.leaves_of(root, Reach::Shown).into_iter();
            leaves.filter(move |leaf| *leaf != root).map(move |leaf| Moved { leaf, root })
        });
        Ok(moved.filter(|moved| cells.standing(moved.leaf).is_in_register()).collect())
    }

    /// Answers those rows anew whose root has changed since the batch was mapped, or whose past has
    /// ended; gives the leaves of those that are not answered after all.
    pub(super) fn join_again(
        &self,
        open: &Open,
        rights: &HeldRights<'_>,
        ended: &[Ended],
        mapped: &mut Mapped,
    ) -> Result<Vec<PersonNo>, Error> {
        let links = rights.links();
        if links.change_count() == mapped.joined.change_count && ended.is_empty() {
            return Ok(Vec::new());
        }
        mapped.take_newly_joined(links, self.partition, ended);
        if mapped.joined.rows.is_empty() {
            return Ok(Vec::new());
        }
        let has_ended = |person: PersonNo| ended.iter().any(|one| one.person == person);
        let reported = self.reported();
        let looked_up = self.mode == super::IngestMode::ResolveOnly;
        let held = open.registers.hold(self.register).map_err(register_error)?;
        let cells = held.cells();
        let (mut unknown, mut suppressed) = (Vec::new(), Vec::new());
        let mut left_out = Vec::new();
        let Mapped { answered, joining, joined, .. } = mapped;
        for JoinedRow { row, leaf, root } in &mut joined.rows {
            let now = links.root_of(self.partition, *leaf);
            if now == *root && !has_ended(*leaf) && !has_ended(*root) {
                continue;
            }
            *root = now;
            answered.ids[*row as usize] = 0;
            answered.leaf_ids.retain(|one| one.row != *row);
            joining.retain(|one| one.row != *row);
            let standing = |person| reported.standing(rights, person, cells.standing(person));
            let standings = (standing(*leaf), standing(now));
            if answer(standings, looked_up).is_none() {
                left_out.push(*leaf);
                let is_unknown = standings == (Standing::NotMember, Standing::NotMember);
                (if is_unknown { &mut unknown } else { &mut suppressed }).push(*row);
            } else if now == *leaf {
                match standings.0 {
                    Standing::Member(id) => answered.ids[*row as usize] = id,
                    _ => joining.push(JoiningRow { row: *row, person: *leaf, gives: Gives::Id }),
                }
            } else {
                fill((answered, joining), (*row, *leaf, now), standings, looked_up);
            }
        }
        answered.leave_out(&unknown, RowCode::Unknown);
        answered.suppress(&suppressed);
        unknown.append(&mut suppressed);
        unknown.sort_unstable();
        joined.forget(&unknown);
        joining.sort_by_key(|joining| joining.row);
        answered.leaf_ids.sort_by_key(|leaf| leaf.row);
        drop(held);
        mapped.digest = digest_of(open, &mapped.answered);
        Ok(left_out)
    }
}
