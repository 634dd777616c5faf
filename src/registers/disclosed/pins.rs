//! Leaves that were answered with the serial of another leaf of their person.
//!
//! ```text
//! FORMAT:  SerialPin ‖ disclosure id ‖ sequence    envelope of: version 0x01 ‖ pin*
//!          pin   leaf (5, big-endian) ‖ the leaf whose number its serial is made of (5)
//! ```
//!
//! Why: a person may come under several identifiers and has one serial.  When they turn out to be two,
//! what was answered stays as it was.
//!
//! A later pin of a leaf never differs from the first; the first counts.
//!
//! INVARIANT: whose number it is was answered before, or is in the same commit: in this disclosure or in
//! another of its key.  Pins of an older program may be to a leaf that nobody asked for.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::{Zeroize, Zeroizing};

use super::VERSION;
use crate::crypto::Entropy;
use crate::registers::records::record_place;
use crate::registers::{Error, PlaneKeys};
use crate::store::keys::Key;
use crate::store::{Batch, Step, Store};
use crate::vault::PersonNo;

const PIN_BYTES: usize = 10;

/// A leaf, and the leaf whose number its serial is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The leaf.
    pub leaf: PersonNo,
    /// Whose serial it was answered with.
    pub to: PersonNo,
}

/// The pins of a disclosure.
#[derive(Default)]
pub(super) struct Pins {
    known: BTreeMap<PersonNo, PersonNo>,
    next: u64,
    /// Those of the commit under way, and how many records they are in.
    staged: Vec<Pin>,
    staged_records: u64,
}

impl Pins {
    /// Reads the pins of a disclosure.
    pub(super) fn load(
        store: &dyn Store,
        keys: &PlaneKeys,
        disclosure: [u8; 16],
    ) -> Result<Self, Error> {
        let (mut pins, mut failure) = (Self::default(), None);
        store.scan(Key::serial_pins(disclosure), &mut |bytes, value| {
            let key = Key::parse(bytes)?.1;
            pins.next = Key::trailing_u64(bytes)? + 1;
            let opened = keys.storage().open(&record_place(&key), value).ok();
            match opened.as_deref().and_then(|plain| decode(plain)) {
                Some(read) => read.into_iter().for_each(|pin| pins.take(pin)),
                None => failure = Some(Error::Damaged { what: "pin of a serial" }),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(pins), Err)
    }

    pub(super) fn count(&self) -> u64 {
        self.known.len() as u64
    }

    /// Whose serials the others have.
    pub(super) fn targets(&self) -> BTreeSet<PersonNo> {
        self.known.values().copied().collect()
    }

    pub(super) fn of(&self, leaf: PersonNo) -> Option<PersonNo> {
        self.known.get(&leaf).copied()
    }

    pub(super) fn to(&self, to: PersonNo) -> Vec<PersonNo> {
        let pinned = self.known.iter().filter(|(_, one)| **one == to);
        pinned.map(|(leaf, _)| *leaf).collect()
    }

    /// Puts those that are new into a batch.
    pub(super) fn stage(
        &mut self,
        (keys, entropy): (&PlaneKeys, &Entropy),
        disclosure: [u8; 16],
        pins: &[Pin],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let new = pins.iter().filter(|pin| !self.known.contains_key(&pin.leaf));
        let new: Vec<Pin> = new.copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let key = Key::serial_pin(disclosure, self.next + self.staged_records);
        batch.insert(key, keys.storage().seal(entropy, &record_place(&key), &encode(&new))?);
        self.staged.extend(new);
        self.staged_records += 1;
        Ok(())
    }

    /// After the commit of what was staged.
    pub(super) fn publish(&mut self) {
        self.next += std::mem::take(&mut self.staged_records);
        std::mem::take(&mut self.staged).into_iter().for_each(|pin| self.take(pin));
    }

    fn take(&mut self, pin: Pin) {
        self.known.entry(pin.leaf).or_insert(pin.to);
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        self.known.values_mut().for_each(Zeroize::zeroize);
    }
}

fn encode(pins: &[Pin]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + PIN_BYTES * pins.len()));
    plain.push(VERSION);
    for person in pins.iter().flat_map(|pin| [pin.leaf, pin.to]) {
        plain.extend_from_slice(&person.number().to_be_bytes()[3..]);
    }
    plain
}

fn decode(plain: &[u8]) -> Option<Vec<Pin>> {
    let (&VERSION, pins) = plain.split_first()? else { return None };
    let (pins, rest) = pins.as_chunks::<PIN_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let person = |bytes: &[u8]| {
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        PersonNo::from_number(number)
    };
    let pin = |bytes: &[u8; PIN_BYTES]| {
        let (leaf, to) = bytes.split_at(PIN_BYTES / 2);
        Some(Pin { leaf: person(leaf)?, to: person(to)? })
    };
    pins.iter().map(pin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_the_golden_bytes() {
        let person = |number| PersonNo::from_number(number).unwrap();
        let pins = [
            Pin { leaf: person(7), to: person(0) },
            Pin { leaf: person(9_999_999), to: person(0xff_ffff_fffe) },
        ];
        let plain = encode(&pins);
        let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0100000000070000000000000098967ffffffffffe");
        assert_eq!(decode(&plain).unwrap(), pins);
        for bad in
            [&plain[..0], &plain[..5], &[2][..], &[1, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0]]
        {
            assert!(decode(bad).is_none());
        }
    }
}
