//! Another party's IDs of the persons of a disclosure: in memory while it is used, sealed on disk.
//!
//! ```text
//! FORMAT (plaintext of one part, under the disclosure's storage key):
//!   version 0x01 ‖ ( person number (5) ‖ length (1) ‖ ID )*       ascending by person over all parts
//! ```
//!
//! Invariants: nothing of it is under any other key, so that it is dead when the disclosure's is; a
//! person has one ID, and an ID one person.
//!
//! What it does *not* protect: whoever has the register plane's keys and store, before completion, can
//! tell which person number has which ID.

use zeroize::{Zeroize, Zeroizing};

use super::super::Error;
use crate::crypto::{Entropy, Place};
use crate::disclosure::DisclosureId;
use crate::keyring::DisclosureKeys;
use crate::registers::{Registers, Write};
use crate::store::keys::Key;
use crate::vault::PersonNo;

const VERSION: u8 = 0x01;
const KIND: u16 = 0x67;
/// Persons of one stored part.
const PART_PERSONS: usize = 4096;
const PERSON_BYTES: usize = 5;

/// The IDs of a disclosure.
#[derive(Default)]
pub(super) struct Labels {
    /// Ascending by person.
    places: Vec<PlaceOf>,
    text: Zeroizing<String>,
}

/// Whose ID stands where.
struct PlaceOf {
    person: u64,
    start: u32,
    length: u8,
}

impl Labels {
    /// Makes room for the IDs of so many persons.
    pub(super) fn with_capacity(persons: usize, bytes: usize) -> Self {
        let text = Zeroizing::new(String::with_capacity(bytes));
        Self { places: Vec::with_capacity(persons), text }
    }

    /// Adds the ID of a person above all before.
    pub(super) fn push(&mut self, person: PersonNo, label: &str) -> Result<(), Error> {
        let person = person.number();
        let start = u32::try_from(self.text.len()).map_err(Error::internal)?;
        let length = u8::try_from(label.len()).map_err(Error::internal)?;
        if self.places.last().is_some_and(|last| last.person >= person) {
            return Err(Error::internal("IDs of a bridge are not in the order of their persons"));
        }
        self.places.push(PlaceOf { person, start, length });
        self.text.push_str(label);
        Ok(())
    }

    /// The ID of a person.
    pub(super) fn of(&self, person: PersonNo) -> Option<&str> {
        let at = self.places.binary_search_by_key(&person.number(), |place| place.person).ok()?;
        Some(self.label(&self.places[at]))
    }

    fn label(&self, place: &PlaceOf) -> &str {
        let start = place.start as usize;
        self.text.get(start..start + usize::from(place.length)).unwrap_or_default()
    }

    /// How many persons have one.
    pub(super) fn count(&self) -> u64 {
        self.places.len() as u64
    }

    /// What stores them, in the place of all that is stored.
    pub(super) fn seal(
        &self,
        (id, keys): (DisclosureId, &DisclosureKeys),
        registers: &Registers,
        entropy: &Entropy,
    ) -> Result<Vec<Write>, Error> {
        let mut writes = removed(id, registers)?;
        for (sequence, part) in (0..).zip(self.places.chunks(PART_PERSONS)) {
            let key = Key::bridge_labels(id.0, sequence);
            let place = Place { kind: KIND, row: key.as_bytes(), field: 0 };
            let sealed = keys.storage().seal(entropy, &place, &self.encode(part));
            writes.push(Write::Put(key, sealed.map_err(Error::internal)?));
        }
        Ok(writes)
    }

    fn encode(&self, part: &[PlaceOf]) -> Zeroizing<Vec<u8>> {
        let labels = part.iter().map(|place| usize::from(place.length));
        let bytes = labels.map(|length| PERSON_BYTES + 1 + length).sum::<usize>();
        let mut plain = Zeroizing::new(Vec::with_capacity(1 + bytes));
        plain.push(VERSION);
        for place in part {
            let [_, _, _, person @ ..] = place.person.to_be_bytes();
            plain.extend_from_slice(&person);
            plain.push(place.length);
            plain.extend_from_slice(self.label(place).as_bytes());
        }
        plain
    }

    /// Reads what is stored; nothing if no bridge was loaded.
    pub(super) fn load(
        (id, keys): (DisclosureId, &DisclosureKeys),
        registers: &Registers,
    ) -> Result<Option<Self>, Error> {
        if registers.stored(&Key::bridge_in(id.0)).map_err(Error::internal)?.is_none() {
            return Ok(None);
        }
        let stored = registers.stored_all(Key::all_bridge_labels(id.0)).map_err(Error::internal)?;
        let bytes = stored.iter().map(|(_, sealed)| sealed.len()).sum();
        let mut labels = Self::with_capacity(stored.len() * PART_PERSONS, bytes);
        for (key, sealed) in stored {
            let place = Place { kind: KIND, row: key.as_bytes(), field: 0 };
            let plain = keys.storage().open(&place, &sealed).map_err(Error::internal)?;
            labels.decode(&plain)?;
        }
        Ok(Some(labels))
    }

    fn decode(&mut self, plain: &[u8]) -> Result<(), Error> {
        let damaged = || Error::internal("stored IDs of another party are damaged");
        let Some((&VERSION, mut rest)) = plain.split_first() else { return Err(damaged()) };
        while let Some((person, after)) = rest.split_first_chunk::<PERSON_BYTES>() {
            let mut number = [0; 8];
            number[3..].copy_from_slice(person);
            let person = PersonNo::from_number(u64::from_be_bytes(number)).ok_or_else(damaged)?;
            let (length, after) = after.split_first().ok_or_else(damaged)?;
            let (label, after) =
                after.split_at_checked(usize::from(*length)).ok_or_else(damaged)?;
            self.push(person, std::str::from_utf8(label).map_err(|_| damaged())?)?;
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(damaged()) }
    }
}

/// What removes everything that is stored of another party's IDs.
pub(super) fn removed(id: DisclosureId, registers: &Registers) -> Result<Vec<Write>, Error> {
    let stored = registers.stored_all(Key::all_bridge_labels(id.0)).map_err(Error::internal)?;
    Ok(stored.into_iter().map(|(key, _)| Write::Remove(key)).collect())
}

impl Drop for Labels {
    fn drop(&mut self) {
        for place in &mut self.places {
            place.person.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u64) -> PersonNo {
        PersonNo::from_number(number).unwrap()
    }

    /// Never regenerated.
    #[test]
    fn a_part_of_another_partys_ids_is_the_golden_bytes() {
        let mut labels = Labels::with_capacity(2, 8);
        labels.push(person(0x0102), "P-1").unwrap();
        labels.push(person(0x01_0203_0405), "x").unwrap();
        let plain = labels.encode(&labels.places);
        let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, concat!("01", "0000000102", "03", "502d31", "0102030405", "01", "78"));
        let mut read = Labels::default();
        read.decode(&plain).unwrap();
        assert_eq!((read.of(person(0x0102)), read.count()), (Some("P-1"), 2));
        assert_eq!(read.of(person(7)), None);
        for end in [0, 3, 6, 8, plain.len() - 1] {
            assert!(Labels::default().decode(&plain[..end]).is_err(), "cut at {end}");
        }
        assert!(read.decode(&plain).is_err(), "a person stands twice");
    }
}
