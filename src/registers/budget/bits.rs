//! One bit a person, in memory: whom an account was told about.
//!
//! Blocks of 10^7 bits, as person numbers are drawn, each made when somebody in it is marked and
//! wiped when it is dropped.

use zeroize::Zeroize;

use crate::crypto::permutation::BLOCK_NUMBERS;
use crate::memory::prefetch;
use crate::vault::PersonNo;

/// How many rows before it is read a person's word is asked for.
const AHEAD: usize = 32;

#[expect(clippy::cast_possible_truncation, reason = "a block's 10^7 bits fit in a usize")]
const BLOCK_WORDS: usize = BLOCK_NUMBERS.div_ceil(64) as usize;

/// A set of persons.
#[derive(Default)]
pub(in crate::registers) struct PersonBits {
    blocks: Vec<Option<Box<[u64]>>>,
}

impl PersonBits {
    /// Whether a person is in it.
    #[inline]
    pub(in crate::registers) fn contains(&self, person: PersonNo) -> bool {
        let place = Place::of(person);
        let block = self.blocks.get(place.block).and_then(Option::as_ref);
        block.and_then(|words| words.get(place.word)).is_some_and(|word| word & place.bit != 0)
    }

    /// Puts a person in; says whether they were not there.
    pub(in crate::registers) fn insert(&mut self, person: PersonNo) -> bool {
        let place = Place::of(person);
        if self.blocks.len() <= place.block {
            self.blocks.resize_with(place.block + 1, || None);
        }
        let block = &mut self.blocks[place.block];
        let words = block.get_or_insert_with(|| vec![0; BLOCK_WORDS].into_boxed_slice());
        let is_new = words[place.word] & place.bit == 0;
        words[place.word] |= place.bit;
        is_new
    }

    /// Takes a person out.
    pub(in crate::registers) fn remove(&mut self, person: PersonNo) {
        let place = Place::of(person);
        if let Some(Some(words)) = self.blocks.get_mut(place.block) {
            words[place.word] &= !place.bit;
        }
    }

    /// The rows whose person is not in it, ascending; a row without a person is one of them.
    pub(in crate::registers) fn rows_without(&self, persons: &[Option<PersonNo>]) -> Vec<u32> {
        let mut rows = Vec::new();
        persons.iter().take(AHEAD).for_each(|person| self.ask(*person));
        for ((place, person), row) in persons.iter().enumerate().zip(0..) {
            if let Some(later) = persons.get(place + AHEAD) {
                self.ask(*later);
            }
            if !person.is_some_and(|person| self.contains(person)) {
                rows.push(row);
            }
        }
        rows
    }

    #[inline]
    fn ask(&self, person: Option<PersonNo>) {
        let Some(place) = person.map(Place::of) else { return };
        if let Some(Some(words)) = self.blocks.get(place.block) {
            prefetch(words, place.word);
        }
    }
}

impl Drop for PersonBits {
    fn drop(&mut self) {
        self.blocks.iter_mut().flatten().for_each(Zeroize::zeroize);
    }
}

/// Where a person's bit is.
struct Place {
    block: usize,
    word: usize,
    bit: u64,
}

impl Place {
    #[inline]
    fn of(person: PersonNo) -> Self {
        let number = person.number();
        Self {
            block: (number / BLOCK_NUMBERS) as usize,
            word: (number % BLOCK_NUMBERS / 64) as usize,
            bit: 1 << (number % BLOCK_NUMBERS % 64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_of_every_block_are_found_again_and_nobody_else() {
        let person = |number| PersonNo::from_number(number).unwrap();
        let mut bits = PersonBits::default();
        let inside = [0, 63, 64, BLOCK_NUMBERS - 1, BLOCK_NUMBERS, 3 * BLOCK_NUMBERS + 5];
        for number in inside {
            assert!(bits.insert(person(number)), "{number} is new");
            assert!(!bits.insert(person(number)), "{number} is there");
        }
        let outside = [1, 65, BLOCK_NUMBERS + 1, 2 * BLOCK_NUMBERS, 99 * BLOCK_NUMBERS];
        for number in outside {
            assert!(!bits.contains(person(number)));
        }
        let asked: Vec<_> = inside.iter().chain(&outside).map(|n| Some(person(*n))).collect();
        assert_eq!(bits.rows_without(&asked), [6, 7, 8, 9, 10]);
        assert_eq!(bits.rows_without(&[None, Some(person(0)), None]), [0, 2]);
        bits.remove(person(64));
        bits.remove(person(2 * BLOCK_NUMBERS));
        assert!(!bits.contains(person(64)) && bits.contains(person(63)));
    }
}
