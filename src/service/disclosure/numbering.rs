//! What number of a person a serial is made of.
//!
//! ```text
//! 9, 13, 14 digits     the person number                             nothing is stored of it
//! 8 digits             the ordinal: how many had one before, in all disclosures of the key; stored
//!                      with the person, before the answer
//! ```
//!
//! Eight digits do not hold one block of person numbers: see `registers::Ordinals`.
//!
//! Invariants: two leaves never have one number under one key; a number that was answered with stays;
//! where a width does not hold the numbers, the answer says which does.

use std::sync::{Arc, PoisonError, Weak};

use super::super::open::Open;
use super::super::{Error, Service};
use super::book::{Book, Entries};
use super::members::{Members, OfKey};
use super::scope::Scope;
use super::serials::cipher_width;
use crate::crypto::SerialWidth;
use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::disclosure::{Decision, DisclosureId};
use crate::registers::{Ordinals, Write};
use crate::vault::PersonNo;

/// Whether serials of a width are made of ordinals.
pub(super) const fn has_ordinals(width: SerialWidth) -> bool {
    width.capacity() < BLOCK_NUMBERS
}

impl Service {
    /// The ordinals of a disclosure whose serials are made of them, and of the others of its key.
    pub(super) fn ordinals(
        &self,
        open: &Open,
        of: &Decision,
        of_key: &OfKey,
    ) -> Result<Option<Arc<Ordinals>>, Error> {
        let width = cipher_width(of.serial_width)?;
        // With another party's IDs there are no serials.
        let is_of_one = matches!(self.scope_of(of)?, Scope::Of(_)) && of.bridge_in.is_none();
        if !is_of_one || !has_ordinals(width) {
            return Ok(None);
        }
        let first = of_key.first;
        let load = || open.registers.ordinals(first.0, width.capacity());
        let ordinals = open.book.ordinals(first, || load().map_err(Error::internal))?;
        if !ordinals.is_empty() {
            return Ok(Some(ordinals));
        }
        // What an earlier program has answered was made of person numbers.
        for (id, of) in &of_key.all {
            if of.bridge_in.is_none() && self.stored_persons(open, *id, of)? > 0 {
                let text = "an earlier version of the server has answered serials of 8 digits in \
                            this disclosure, and they cannot go on; decide on a new disclosure";
                return Err(Error::rule(text.to_owned()));
            }
        }
        Ok(Some(ordinals))
    }

    /// A width that the numbers in use do not fit in would fail in the middle of a stream.
    pub(super) fn check_width(&self, open: &Open, decided: &Decision) -> Result<(), Error> {
        let width = cipher_width(decided.serial_width)?;
        let scope = self.scope_of(decided)?;
        // With another party's IDs there are no serials.
        if decided.bridge_in.is_some() || scope.fits(open, width) {
            return Ok(());
        }
        Err(scope.too_narrow(open, width))
    }
}

impl Scope {
    /// Above every number that serials are made of, unless they are made of ordinals.
    fn numbers_end(self, open: &Open) -> u64 {
        match self {
            Self::Joint { one_way } => open.persons_end(self.first()) + open.persons_end(one_way),
            Self::Of(partition) => open.persons_end(partition),
        }
    }

    /// Whether the numbers in use fit into a width.  With ordinals that is seen when they are drawn; a
    /// joint disclosure has none, since who of the one-way register gets an ordinal that somebody has
    /// would be stored.
    pub(super) fn fits(self, open: &Open, width: SerialWidth) -> bool {
        self.holds(width, self.numbers_end(open))
    }

    fn holds(self, width: SerialWidth, numbers_end: u64) -> bool {
        match self {
            Self::Joint { .. } if has_ordinals(width) => false,
            Self::Of(_) if has_ordinals(width) => true,
            _ => numbers_end <= width.capacity(),
        }
    }

    /// The first width of more digits that holds the numbers; the last one holds all that there are.
    fn wider(self, width: SerialWidth, numbers_end: u64) -> u32 {
        let mut wider = SerialWidth::ALL.into_iter().filter(|one| *one > width);
        wider.find(|one| self.holds(*one, numbers_end)).map_or(14, SerialWidth::digits)
    }

    /// The answer when they do not.
    pub(super) fn too_narrow(self, open: &Open, width: SerialWidth) -> Error {
        let (digits, wider) = (width.digits(), self.wider(width, self.numbers_end(open)));
        let of = match self {
            Self::Joint { .. } => "the persons of both registers of a joint disclosure",
            Self::Of(_) => "the persons of this server",
        };
        Error::rule(format!(
            "serials of {digits} digits are too few for {of}; decide on {wider} digits, in a \
             disclosure that continues none"
        ))
    }
}

impl Members {
    /// The numbers that the serials of leaves are made of.  `None` when there are no more.
    pub(super) fn numbers(&self, leaves: &[PersonNo]) -> Option<Vec<u64>> {
        match &self.ordinals {
            Some(ordinals) => ordinals.draw(leaves),
            None => Some(leaves.iter().map(|leaf| leaf.number()).collect()),
        }
    }

    /// The number that the serial of a leaf is made of, if it can have been answered with one.
    pub(super) fn number(&self, leaf: PersonNo) -> Option<u64> {
        match &self.ordinals {
            Some(ordinals) => ordinals.of(leaf),
            None => Some(leaf.number()),
        }
    }

    /// The leaf whose serial is made of a number.
    pub(super) fn leaf(&self, number: u64) -> Option<PersonNo> {
        match &self.ordinals {
            Some(ordinals) => ordinals.leaf_of(number),
            None => PersonNo::from_number(number),
        }
    }
}

impl Book {
    /// The ordinals of the disclosures of one key, by the first of them: one for all who use them.
    fn ordinals(
        &self,
        first: DisclosureId,
        load: impl FnOnce() -> Result<Ordinals, Error>,
    ) -> Result<Arc<Ordinals>, Error> {
        let mut all = self.ordinals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&first).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let loaded = Arc::new(load()?);
        all.insert(first, Arc::downgrade(&loaded));
        Ok(loaded)
    }

    /// Leaves so many ordinals of a key in use, as if the others were given.
    #[cfg(test)]
    pub(in crate::service) fn leave_ordinals(&self, first: DisclosureId, count: u64) {
        let all = self.ordinals.lock().unwrap();
        all[&first].upgrade().unwrap().leave(count);
    }
}

/// The answer when every serial of a disclosure is given.
pub(super) fn used_up(width: SerialWidth) -> Error {
    let (digits, capacity) = (width.digits(), width.capacity());
    let text = format!(
        "serials of {digits} digits are for {capacity} persons of a disclosure, and not so many are \
         left; decide on 9 digits, in a disclosure that continues none"
    );
    Error::rule(text)
}

/// Removes the ordinals of a disclosure that is closed, unless another lives with its key.
pub(super) fn without_ordinals(
    open: &Open,
    entries: &Entries,
    (id, of): (DisclosureId, &Decision),
) -> Result<Option<Write>, Error> {
    let width = cipher_width(of.serial_width)?;
    if !has_ordinals(width) || !entries.sharing(id).is_empty() {
        return Ok(None);
    }
    let first = entries.first_of(id);
    let load = || open.registers.ordinals(first.0, width.capacity());
    let ordinals = open.book.ordinals(first, || load().map_err(Error::internal))?;
    Ok(Some(Write::RemoveOrdinals(ordinals)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Scope = Scope::Of(0);
    const JOINT: Scope = Scope::Joint { one_way: 3 };

    #[test]
    fn a_width_that_is_too_narrow_is_refused_with_the_one_to_choose() {
        let table = [
            (ONE, 8, 0, None),
            (ONE, 8, 1_000_000_000, None),
            (ONE, 9, 90_000_000, None),
            (ONE, 9, 100_000_000, Some(13)),
            (ONE, 13, 900_000_000_000, None),
            (ONE, 13, 910_000_000_000, Some(14)),
            (JOINT, 8, 0, Some(9)),
            (JOINT, 8, 20_000_000, Some(9)),
            (JOINT, 8, 100_000_000, Some(13)),
            (JOINT, 9, 20_000_000, None),
        ];
        for (scope, digits, end, expected) in table {
            let width = SerialWidth::new(digits).unwrap();
            let told = (!scope.holds(width, end)).then(|| scope.wider(width, end));
            assert_eq!(told, expected, "{scope:?}, {digits} digits, numbers below {end}");
        }
    }
}
