//! How the persons of a batch are named: by serials, or by the IDs that another party gave.
//!
//! ```text
//! has a bridge in     the party's ID; who has none is left out
//! joint disclosure    who was there when the first window was opened; others are left out
//!                     one-way register: in an open window alone
//! any other           the serial of the person's number, or ordinal: see `numbering`
//! ```
//!
//! Which leaf of a person gives the number, or has the ID, is decided by `pinning`.  In a joint
//! disclosure each leaf stands for itself: a pin would say who of the one-way register is who.
//!
//! Invariants: all of a disclosure has serials, or all has IDs; what an answer was made from is held,
//! and looked at again, from then until the recorder has the answer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use super::super::Error;
use super::super::open::Open;
use super::book::{InUse, LabelSlot};
use super::labels::Labels;
use super::members::Members;
use super::numbering::used_up;
use super::pinning::{labelled_by, named_by, pins};
use super::scope::Scope;
use super::screening::IssuingRegister;
use super::serials::{Issuing, cipher_width};
use super::window::{Window, no_window};
use crate::ident::Serial;
use crate::keyring::DisclosureKeys;
use crate::registers::{Answered, HeldRights, Membership, Pin, RowCode};
use crate::vault::{PERSONS, PersonNo};

/// The rows of a batch whose persons are to be named.
type Rows = Vec<(u32, PersonNo)>;

/// What the names of a batch were made from.
pub(super) enum Named {
    /// Another party's IDs.
    Labels(Arc<Labels>),
    /// Numbers that do not change.
    Serials,
    /// Pairs of a window.
    Window,
}

/// What is held while an answer is handed over, so that it is not taken away meanwhile.
pub(super) enum Holding<'a> {
    Labels { _slot: RwLockReadGuard<'a, LabelSlot> },
    Serials,
    Window { _window: RwLockReadGuard<'a, Option<Window>> },
}

impl InUse {
    /// Another party's IDs, if a bridge was loaded and they are not deleted.
    pub(super) fn current_labels(&self) -> Option<Arc<Labels>> {
        self.labels.read().unwrap_or_else(PoisonError::into_inner).labels.clone()
    }
}

impl IssuingRegister {
    /// Whether its persons are those of the one-way partition of a joint disclosure.
    pub(super) fn is_one_way_of(&self, scope: Scope) -> bool {
        matches!(scope, Scope::Joint { one_way } if one_way == self.partition)
    }

    /// Where its persons are recorded.
    pub(super) fn membership(&self, scope: Scope, members: &Members) -> Arc<Membership> {
        let one_way = members.one_way.as_ref().filter(|_| self.is_one_way_of(scope));
        Arc::clone(one_way.unwrap_or(&members.own))
    }
}

impl Issuing {
    /// Names the persons of a batch; who is not to be named is left out of both.
    pub(super) fn name(
        &self,
        (open, rights): (&Open, &HeldRights<'_>),
        (in_use, keys): (&InUse, &DisclosureKeys),
        register: &IssuingRegister,
        (answered, rows): (&mut Answered, &mut Rows),
    ) -> Result<(Named, Vec<Pin>), Error> {
        self.check_day()?;
        let partition = self.scope.first();
        if self.has_labels {
            let labels = in_use.current_labels().ok_or_else(no_bridge)?;
            answered.labels = vec![String::new(); answered.ids.len()];
            let graph = rights.links().of(partition);
            let has_label = |one| labels.of(one).is_some();
            let by = |leaf| labelled_by(&in_use.members, graph, leaf, has_label);
            leave_out(answered, rows, |leaf| has_label(by(leaf)));
            let by: Vec<PersonNo> = rows.iter().map(|(_, leaf)| by(*leaf)).collect();
            for ((row, _), by) in rows.iter().zip(&by) {
                let label = labels.of(*by).unwrap_or_default();
                answered.labels[*row as usize] = label.to_owned();
            }
            return Ok((Named::Labels(labels), pins(rows, &by)));
        }
        let (width, now) = self.facts();
        let cipher = cipher_width(width)?;
        let is_joint = matches!(self.scope, Scope::Joint { .. });
        if is_joint && !self.scope.fits(open, cipher) {
            return Err(self.scope.too_narrow(open, cipher));
        }
        let own = |rows: &Rows| rows.iter().map(|(_, person)| person.number()).collect();
        let mut pinned = Vec::new();
        let (numbers, named): (Vec<u64>, Named) = if register.is_one_way_of(self.scope) {
            let members = in_use.first_window.one_way().ok_or_else(no_window)?;
            leave_out(answered, rows, |person| members.contains(person));
            let capacity = cipher.capacity();
            let number = |window: &Window, person| window.number(person, capacity);
            let numbers = in_use.in_window(now, |window| {
                Ok(rows.iter().map(|(_, person)| number(window, *person)).collect())
            })?;
            (numbers, Named::Window)
        } else if is_joint {
            let persons = in_use.first_window.sealed().ok_or_else(no_window)?;
            leave_out(answered, rows, |person| persons.contains(person));
            (own(rows), Named::Serials)
        } else {
            let handed = in_use.members.handing();
            let by = named_by((&in_use.members, &handed), rights.links(), (partition, rows));
            drop(handed);
            pinned = pins(rows, &by);
            let numbers = in_use.members.numbers(&by);
            (numbers.ok_or_else(|| used_up(cipher))?, Named::Serials)
        };
        let mut bodies = numbers;
        // A number beyond the width is the one error that there is.
        let encrypted = keys.serials().encrypt_many(&mut bodies);
        encrypted.map_err(|_| self.scope.too_narrow(open, cipher))?;
        for ((row, _), body) in rows.iter().zip(bodies) {
            let serial = Serial::from_body(width, body);
            let serial = serial.ok_or_else(|| Error::internal("a serial begins with 0"))?;
            answered.ids[*row as usize] = serial.as_u64();
        }
        Ok((named, pinned))
    }

    /// Looks again at what a batch was named from, and holds it until the recorder has the answer.
    pub(super) fn look_again<'a>(
        &self,
        in_use: &'a InUse,
        named: &Named,
    ) -> Result<Holding<'a>, Error> {
        match named {
            Named::Labels(labels) => {
                let slot = in_use.labels.read().unwrap_or_else(PoisonError::into_inner);
                let current = slot.labels.as_ref().ok_or_else(no_bridge)?;
                if !Arc::ptr_eq(current, labels) {
                    let text = "the bridge was loaded anew meanwhile; ask again";
                    return Err(Error::step(text.to_owned()));
                }
                slot.is_used.store(true, Ordering::Release);
                Ok(Holding::Labels { _slot: slot })
            }
            Named::Serials => Ok(Holding::Serials),
            Named::Window => {
                let window = in_use.window.read().unwrap_or_else(PoisonError::into_inner);
                let (_, now) = self.facts();
                match window.as_ref().filter(|window| window.is_open(now)) {
                    Some(_) => Ok(Holding::Window { _window: window }),
                    None => Err(no_window()),
                }
            }
        }
    }
}

/// Leaves out whom the disclosure is not about.
fn leave_out(answered: &mut Answered, rows: &mut Rows, is_in: impl Fn(PersonNo) -> bool) {
    let mut outside = Vec::new();
    rows.retain(|(row, person)| {
        let is_in = is_in(*person);
        outside.extend((!is_in).then_some(*row));
        is_in
    });
    answered.leave_out(&outside, RowCode::OutsideDisclosure);
}

/// The answer when there are no IDs to answer with.
pub(super) fn no_bridge() -> Error {
    let text = "the disclosure has IDs of another party in the place of serials, and none are \
                loaded; load the bridge first: `hvelv bridge in`";
    Error::step(text.to_owned())
}

/// The partition of a register's persons.
pub(super) const fn partition_of(number: u16, is_one_way: bool) -> u16 {
    if is_one_way { number } else { PERSONS }
}
