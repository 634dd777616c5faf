//! The feed of changes of a register's IDs, which the register polls.
//!
//! ```text
//! root of a leaf changes ─► for each register that has the leaf, in the commit of the link:
//!     superseded  the leaf's ID, by the root's; who is the root joins the register if need be, and
//!                 into a register on consent only while the person's consent is in force; joins it
//!                 later, by a row or with the link of another leaf, the leaves that the register has
//!                 are told then
//!     restored    the leaf's ID, which is again its person's own
//! ID is issued anew ─► its register, in the commit of that, unless it is protected
//!     superseded  the ID until then, by the one from then on, and that by the root's
//! ```
//!
//! Invariants: a change stands in the feed of exactly the registers in which its leaf has an ID, once,
//! in the order of the links; links that are protected change no root here, so that they are in no
//! feed.  IDs are not stored: they are what the register's column has when the feed is read, or made of
//! the register numbers of an ID that was issued anew.  Under protection nothing is told again that was
//! told before it: its number in the feed would show which new ID is whose.
//!
//! FORMAT: docs/FORMATS.md, section "Change of an ID".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fact;
use super::graph::{Graph, Moved, Reach};
use crate::crypto::Entropy;
use crate::registers::answer::Answer;
use crate::registers::joining::Joins;
use crate::registers::records::record_place;
use crate::registers::{Cells, Error, Members, PlaneKeys, Registers};
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Step, Store};
use crate::vault::PersonNo;

const VERSION: u8 = 1;

/// A leaf whose root changes with a commit.
pub(in crate::registers) struct Move {
    pub(super) partition: u16,
    moved: Moved,
    at: Timestamp,
    /// Registers on consent that the root does not join by it: the person's consent is not in force.
    closed: Vec<u16>,
    /// The other leaves of the root, of which one may have been in a register that was closed to it.
    beside: Vec<PersonNo>,
}

impl Move {
    pub(super) const fn new(partition: u16, moved: Moved, at: Timestamp) -> Self {
        Self { partition, moved, at, closed: Vec::new(), beside: Vec::new() }
    }

    /// Looks at the person's leaves and at what the person has said, by the links as they are with this
    /// commit.  For who holds the links: nobody holds rights meanwhile.
    pub(super) fn look_at_person(
        &mut self,
        members: &BTreeMap<u16, Arc<Members>>,
        graph: Option<&Graph>,
    ) {
        let is_closed = |members: &Members| {
            let is_meant = members.partition == self.partition && members.consent_required;
            is_meant && !members.rights.consents(graph, self.moved.root)
        };
        let closed = members.iter().filter(|(_, members)| is_closed(members));
        self.closed = closed.map(|(register, _)| *register).collect();
        let Moved { leaf, root } = self.moved;
        let graph = graph.filter(|graph| leaf != root && graph.root_of(root) == root);
        let leaves = graph.map_or_else(Vec::new, |graph| graph.leaves_of(root, Reach::Shown));
        self.beside = leaves.into_iter().filter(|one| *one != leaf && *one != root).collect();
    }
}

/// A register number of a leaf that another has replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registers) struct Renewed {
    pub(in crate::registers) leaf: PersonNo,
    pub(in crate::registers) from: u64,
    pub(in crate::registers) to: u64,
}

/// What a record of the feed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A leaf has another root.
    Moved(Moved),
    /// A leaf has another register number.
    Renewed(Renewed),
}

/// A change of an ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IdChange {
    /// An ID is its person's own again.
    Restored {
        /// The ID.
        id: u64,
    },
    /// An ID stands for a person who has another.
    Superseded {
        /// The ID.
        old_id: u64,
        /// The person's.
        new_id: u64,
    },
}

/// Changes of a register's IDs, in order.
#[derive(Default)]
pub struct IdChanges {
    /// Each with its sequence number and when it was recorded.
    pub changes: Vec<(u64, IdChange, Timestamp)>,
    /// Go on after this one; changes of persons who are no longer answered are passed over.
    pub last: u64,
    /// Whether there are more.
    pub more: More,
}

/// Whether there is more of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum More {
    /// That was all.
    #[default]
    No,
    /// Ask again.
    Yes,
}

/// Version 1.  No `Debug`: it has person numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    kind: String,
    leaf: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    at: String,
}

/// Where each register's feed goes on.  The recorder's.
#[derive(Default)]
pub(in crate::registers) struct Feed {
    next: BTreeMap<u16, u64>,
}

type Plane<'a> = (&'a PlaneKeys, &'a Entropy, &'a BTreeMap<u16, Arc<Members>>);

impl Feed {
    /// Reads where the feeds go on, and how many changes there are.
    pub(in crate::registers) fn load(store: &dyn Store) -> Result<(Self, u64), Error> {
        let (mut feed, mut count) = (Self::default(), 0);
        store.scan(Key::all(Kind::IdChange), &mut |key, _| {
            feed.next.insert(Key::leading_u16(key)?, Key::trailing_u64(key)? + 1);
            count += 1;
            Ok(Step::Continue)
        })?;
        Ok((feed, count))
    }

    /// Puts what changes into a batch, for the registers that it is a change in.
    pub(in crate::registers) fn stage<'a>(
        &mut self,
        moves: impl Iterator<Item = &'a Move> + Clone,
        (keys, entropy, members): Plane<'_>,
        joins: &mut Joins,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let with = |one: &Move| (one.partition, one.moved.leaf, one.moved.root);
        let moving: BTreeSet<_> = moves.clone().map(with).collect();
        for Move { partition, moved: Moved { leaf, root }, at, closed, beside } in moves {
            for (register, members) in members.iter().filter(|one| one.1.partition == *partition) {
                let held = members.column.hold();
                let cells = held.cells();
                let is_member = |person: PersonNo| {
                    let is_new = || joins.has(*register, person);
                    cells.standing(person).is_in_register() || is_new()
                };
                if !is_member(*leaf) {
                    continue;
                }
                let mut told = vec![*leaf];
                if !is_member(*root) && !closed.contains(register) {
                    // Whoever moves with this commit is told by that.
                    let stays = |one: &&PersonNo| !moving.contains(&(*partition, **one, *root));
                    told.extend(beside.iter().filter(stays).filter(|one| is_member(**one)));
                    joins.add((*register, *partition), *root);
                }
                for leaf in told {
                    let told = Told::Moved(Moved { leaf, root: *root });
                    self.put(*register, &encode(&told, *at), (keys, entropy), batch)?;
                }
            }
        }
        Ok(())
    }

    /// Puts into a batch what answers change: leaves whose person's root joins by a row.  Call it before
    /// links change, which wait for answers on their way.
    pub(in crate::registers) fn stage_joined(
        &mut self,
        (answers, at): (&[Answer], Timestamp),
        (keys, entropy, _): Plane<'_>,
        joins: &Joins,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut told = BTreeSet::new();
        for answer in answers {
            for moved in answer.moved.iter().filter(|one| joins.has(answer.register, one.root)) {
                if told.insert((answer.register, moved.leaf)) {
                    let told = encode(&Told::Moved(*moved), at);
                    self.put(answer.register, &told, (keys, entropy), batch)?;
                }
            }
        }
        Ok(())
    }

    /// Puts an ID that is issued anew into a batch, and that the new one is superseded where the leaf
    /// has another root.
    pub(in crate::registers) fn stage_renewed(
        &mut self,
        register: u16,
        (renewed, root, at): (Renewed, PersonNo, Timestamp),
        plane: (&PlaneKeys, &Entropy),
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let leaf = renewed.leaf;
        self.put(register, &encode(&Told::Renewed(renewed), at), plane, batch)?;
        if leaf != root {
            let moved = Told::Moved(Moved { leaf, root });
            self.put(register, &encode(&moved, at), plane, batch)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        register: u16,
        plain: &[u8],
        (keys, entropy): (&PlaneKeys, &Entropy),
        batch: &mut Batch,
    ) -> Result<(), Error> {
        // Sequence numbers begin at 1: whoever has read nothing has read up to 0.
        let next = self.next.entry(register).or_insert(1);
        let key = Key::id_change(register, *next);
        *next += 1;
        batch.insert(key, keys.storage().seal(entropy, &record_place(&key), plain)?);
        Ok(())
    }
}

/// The plaintext of the record.
pub(super) fn encode(told: &Told, at: Timestamp) -> Zeroizing<Vec<u8>> {
    let (kind, leaf, root, from, to) = match *told {
        Told::Moved(Moved { leaf, root }) if leaf == root => ("restored", leaf, None, None, None),
        Told::Moved(Moved { leaf, root }) => ("superseded", leaf, Some(root.number()), None, None),
        Told::Renewed(Renewed { leaf, from, to }) => ("reissued", leaf, None, Some(from), Some(to)),
    };
    let (kind, leaf, at) = (kind.to_owned(), leaf.number(), at.to_string());
    fact::encode(&StoredV1 { v: VERSION, kind, leaf, root, from, to, at })
}

/// Reads a record back; `None` when it is not one.
pub(super) fn decode(plain: &[u8]) -> Option<(Told, Timestamp)> {
    let StoredV1 { v, kind, leaf, root, from, to, at } = serde_json::from_slice(plain).ok()?;
    let leaf = PersonNo::from_number(leaf)?;
    let told = match (kind.as_str(), root, from, to) {
        ("restored", None, None, None) => Told::Moved(Moved { leaf, root: leaf }),
        ("superseded", Some(root), None, None) => {
            Told::Moved(Moved { leaf, root: PersonNo::from_number(root)? })
        }
        ("reissued", None, Some(from), Some(to)) => Told::Renewed(Renewed { leaf, from, to }),
        _ => return None,
    };
    (v == VERSION).then_some((told, at.parse().ok()?))
}

impl Registers {
    /// The changes of a register's IDs after a sequence number, at most so many.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`], [`Error::Store`].
    pub fn id_changes(
        &self,
        register: u16,
        after: u64,
        count_max: usize,
    ) -> Result<IdChanges, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let mut found = IdChanges { last: after, ..IdChanges::default() };
        let (mut read, mut failure) = (Vec::new(), None);
        let range = Key::id_changes_from(register, after.saturating_add(1));
        self.store.scan(range, &mut |bytes, value| {
            if read.len() == count_max {
                found.more = More::Yes;
                return Ok(Step::Stop);
            }
            let key = Key::parse(bytes)?.1;
            let opened = self.keys.storage().open(&record_place(&key), value).ok();
            match opened.as_deref().and_then(|plain| decode(plain)) {
                Some(change) => read.push((Key::trailing_u64(bytes)?, change)),
                None => failure = Some(Error::Damaged { what: "change of an ID" }),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        let renewed = read.iter().filter_map(|(_, (told, _))| match told {
            Told::Renewed(renewed) => Some([renewed.from, renewed.to]),
            Told::Moved(_) => None,
        });
        let renewed = self.keys.derive_ids(register, renewed.flatten().collect())?;
        let mut renewed = renewed.chunks_exact(2);
        let former = members.former.read().unwrap_or_else(PoisonError::into_inner);
        let held = members.column.hold();
        let cells = held.cells();
        for (sequence, (told, at)) in read {
            found.last = sequence;
            let change = match told {
                Told::Moved(moved) => {
                    let may_tell = |one| former.may_tell(one, at);
                    let is_told = may_tell(moved.leaf) && may_tell(moved.root);
                    is_told.then(|| moved_id(&cells, moved)).flatten()
                }
                // Unless the past of the leaf has ended since.
                Told::Renewed(Renewed { leaf, .. }) => renewed.next().and_then(|ids| {
                    let is_known = former.person(ids[0]) == Some(leaf);
                    is_known.then(|| IdChange::Superseded { old_id: ids[0], new_id: ids[1] })
                }),
            };
            found.changes.extend(change.map(|change| (sequence, change, at)));
        }
        Ok(found)
    }
}

/// What a register is told of a leaf that has another root, if both are answered still.
fn moved_id(cells: &Cells<'_>, Moved { leaf, root }: Moved) -> Option<IdChange> {
    match (cells.standing(leaf).id(), cells.standing(root).id()) {
        (Some(id), _) if leaf == root => Some(IdChange::Restored { id }),
        (Some(old_id), Some(new_id)) => Some(IdChange::Superseded { old_id, new_id }),
        _ => None,
    }
}
