//! Sets of persons: who was in a delivery, who a look-up asked about.
//!
//! While a delivery runs the set is a flat bitmap, so that the hot path pays one bit a row; small
//! sets stay lists. Stored, a set is cut by person number into parts of 2^24, each a roaring bitmap
//! in its portable format, sealed.
//!
//! ```text
//! FORMAT (plaintext of one part): version 0x01 ‖ part u32 ‖ roaring bitmap (portable) of the lower
//!                                 24 bits of the person numbers
//! ```

use roaring::RoaringBitmap;
use zeroize::{Zeroize, Zeroizing};

use super::Error;
use crate::memory::prefetch;
use crate::vault::PersonNo;

const VERSION: u8 = 0x01;
const PART_BITS: u32 = 24;
/// How many persons before it is set a bit's word is asked for.
const AHEAD: usize = 32;
/// Persons above which a list becomes a bitmap.
const LIST_MAX: usize = 32_768;

/// A set of persons.
#[derive(Clone, Default)]
pub struct PersonSet {
    list: Vec<PersonNo>,
    // One bit a person number; empty while the list is in use.
    words: Vec<u64>,
}

impl PersonSet {
    /// Adds persons.
    pub fn extend(&mut self, persons: &[PersonNo]) {
        if self.words.is_empty() {
            self.list.extend_from_slice(persons);
            if self.list.len() > LIST_MAX {
                self.spread();
            }
            return;
        }
        for (place, person) in persons.iter().enumerate() {
            if let Some(later) = persons.get(place + AHEAD) {
                prefetch(&self.words, split_bit(*later).0);
            }
            self.mark(*person);
        }
    }

    /// Whether a person is in it; fast once it is [`spread_out`](Self::spread_out).
    pub fn contains(&self, person: PersonNo) -> bool {
        if self.words.is_empty() {
            return self.list.contains(&person);
        }
        let (word, bit) = split_bit(person);
        self.words.get(word).is_some_and(|word| word & (1 << bit) != 0)
    }

    /// The same set, to be asked about many persons.
    #[must_use]
    pub fn spread_out(mut self) -> Self {
        if self.words.is_empty() {
            self.spread();
        }
        self
    }

    fn spread(&mut self) {
        let list = std::mem::take(&mut self.list);
        self.words = vec![0; 1024];
        for person in list {
            self.mark(person);
        }
    }

    #[inline]
    fn mark(&mut self, person: PersonNo) {
        let (word, bit) = split_bit(person);
        if word >= self.words.len() {
            self.words.resize((word + 1).next_power_of_two(), 0);
        }
        self.words[word] |= 1 << bit;
    }

    /// Persons in the set.
    pub fn count(&self) -> u64 {
        if self.words.is_empty() {
            let mut list = self.list.clone();
            list.sort_unstable();
            list.dedup();
            return list.len() as u64;
        }
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// At least as many as there are persons in it; known without counting.
    pub(super) fn count_at_most(&self) -> usize {
        self.list.len() + self.words.len() * 64
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.words.is_empty()
    }

    /// The set as stored parts, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] never in practice: a bitmap writes to memory.
    pub(super) fn parts(&self) -> Result<Vec<(u32, Vec<u8>)>, Error> {
        let parts = self.bitmaps(PART_BITS).into_iter();
        parts.map(|(part, bitmap)| Ok((part, encode(part, &bitmap)?))).collect()
    }

    /// The set cut by the bits of the person numbers above `low_bits`, ascending.
    pub(super) fn bitmaps(&self, low_bits: u32) -> Vec<(u32, RoaringBitmap)> {
        if self.words.is_empty() { self.listed(low_bits) } else { self.marked(low_bits) }
    }

    fn listed(&self, low_bits: u32) -> Vec<(u32, RoaringBitmap)> {
        let numbers = self.list.iter().map(|person| person.number()).collect();
        let mut numbers: Zeroizing<Vec<u64>> = Zeroizing::new(numbers);
        numbers.sort_unstable();
        let mut parts: Vec<(u32, RoaringBitmap)> = Vec::new();
        for number in numbers.iter().copied() {
            let (part, low) = split(number, low_bits);
            match parts.last_mut() {
                // Ascending, so that each goes to the end; a person on the list twice stays one.
                Some((last, bitmap)) if *last == part => {
                    let _ = bitmap.try_push(low);
                }
                _ => parts.push((part, RoaringBitmap::from_iter([low]))),
            }
        }
        parts
    }

    /// Word by word, since a delivery may have ten million persons and is stored while it runs.
    fn marked(&self, low_bits: u32) -> Vec<(u32, RoaringBitmap)> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut parts = Vec::new();
        for (part, words) in (0..).zip(self.words.chunks(1 << (low_bits - 6))) {
            bytes.clear();
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            let bitmap = RoaringBitmap::from_lsb0_bytes(0, &bytes);
            if !bitmap.is_empty() {
                parts.push((part, bitmap));
            }
        }
        parts
    }

    /// The whole set as one plaintext: `(length u32 ‖ part)*`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Damaged`]; neither in practice.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut plain = Zeroizing::new(Vec::new());
        for (_, part) in self.parts()? {
            let length = u32::try_from(part.len()).map_err(|_| Error::TooLarge)?;
            plain.extend_from_slice(&length.to_be_bytes());
            plain.extend_from_slice(&part);
        }
        Ok(plain)
    }

    /// Reads the persons of a whole set back.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when it is not one.
    pub fn decode(mut plain: &[u8]) -> Result<Vec<PersonNo>, Error> {
        let damaged = || Error::Damaged { what: "person set" };
        let mut persons = Vec::new();
        while let Some((length, rest)) = plain.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let (part, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
            persons.extend(Self::decode_part(part)?);
            plain = rest;
        }
        if plain.is_empty() { Ok(persons) } else { Err(damaged()) }
    }

    /// Reads a stored part back.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when it is not one.
    pub(super) fn decode_part(plain: &[u8]) -> Result<Vec<PersonNo>, Error> {
        let damaged = || Error::Damaged { what: "person set" };
        let (version, rest) = plain.split_first().ok_or_else(damaged)?;
        let (part, bitmap) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(damaged());
        }
        let high = u64::from(u32::from_be_bytes(*part)) << PART_BITS;
        RoaringBitmap::deserialize_from(bitmap)
            .map_err(|_| damaged())?
            .iter()
            .map(|low| PersonNo::from_number(high | u64::from(low)).ok_or_else(damaged))
            .collect()
    }
}

#[inline]
fn split_bit(person: PersonNo) -> (usize, u64) {
    ((person.number() / 64) as usize, person.number() % 64)
}

#[expect(clippy::cast_possible_truncation, reason = "a person number has 40 bits")]
fn split(number: u64, low_bits: u32) -> (u32, u32) {
    ((number >> low_bits) as u32, (number & ((1 << low_bits) - 1)) as u32)
}

fn encode(part: u32, bitmap: &RoaringBitmap) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::with_capacity(5 + bitmap.serialized_size());
    plain.push(VERSION);
    plain.extend_from_slice(&part.to_be_bytes());
    bitmap.serialize_into(&mut plain).map_err(|_| Error::Damaged { what: "person set" })?;
    Ok(plain)
}

impl Drop for PersonSet {
    fn drop(&mut self) {
        self.list.zeroize();
        self.words.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_sets_come_back_from_their_parts() {
        for count in [0_u64, 1, 1000, 100_000] {
            // Spread over several parts, each person twice.
            let numbers: Vec<u64> = (0..count).map(|n| n * 401).collect();
            let persons: Vec<PersonNo> =
                numbers.iter().map(|n| PersonNo::from_number(*n).unwrap()).collect();
            let mut set = PersonSet::default();
            for _ in 0..2 {
                set.extend(&persons);
            }
            assert_eq!(set.count(), count);
            let mut back = Vec::new();
            for (_, plain) in set.parts().unwrap() {
                back.extend(PersonSet::decode_part(&plain).unwrap());
            }
            let back: Vec<u64> = back.into_iter().map(PersonNo::number).collect();
            assert_eq!(back, numbers);
            let whole = PersonSet::decode(&set.encode().unwrap()).unwrap();
            assert_eq!(whole.into_iter().map(PersonNo::number).collect::<Vec<_>>(), numbers);
        }
    }

    #[test]
    fn damaged_parts_are_refused() {
        for plain in [&[][..], &[1, 0, 0], &[2, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 9, 9]] {
            assert!(PersonSet::decode_part(plain).is_err());
        }
        for plain in [&[0][..], &[0, 0, 0, 0], &[0, 0, 0, 9, 1, 0, 0, 0, 0]] {
            assert!(PersonSet::decode(plain).is_err());
        }
    }
}
