//! Who is in a disclosure.
//!
//! ```text
//! a commit's serials ─► DisclosedDelta (disclosure, sequence)         before they are answered
//! end of a stream    ─► Disclosed (partition, chunk, disclosure)      deltas folded and removed
//! serial of another leaf of the person ─► SerialPin (disclosure, sequence)   before it is answered
//! serial of few digits ─► SerialOrdinal (first disclosure of the key, sequence)   likewise
//!
//! FORMAT (plaintext of a delta): as a person set
//! FORMAT (plaintext of a chunk): version 0x01 ‖ roaring bitmap (portable) of the lower 16 bits of
//!                                the person numbers; the chunk is the bits above
//! ```
//!
//! In a joint disclosure persons of two partitions are in it, each in a set of its own: the upper 16
//! bits of a delta's sequence are 0, or the one-way partition whose persons they are.
//!
//! Folded sets are ordered by chunk before disclosure, so that everything about one person is read
//! in one short range, however many disclosures there are.
//!
//! INVARIANT: a serial is answered only after its person is in the store under its disclosure.
//! INVARIANT: a leaf that was answered with a serial is answered with it for as long as the disclosure
//! is open, whatever is joined or split meanwhile.
//! INVARIANT: a delta is removed only in the commit that folds it.

mod ordinals;
mod pins;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;
use zeroize::{Zeroize, Zeroizing};

use super::Error;
use super::keys::PlaneKeys;
use super::persons::PersonSet;
use crate::crypto::{Entropy, Place};
use crate::store::keys::{Key, Kind};
use crate::store::{Batch, Step, Store};
use crate::vault::PersonNo;

pub use ordinals::Ordinals;
pub use pins::Pin;
use pins::Pins;

const VERSION: u8 = 0x01;
const CHUNK_BITS: u32 = 16;
const WORDS: usize = 1 << (CHUNK_BITS - 6);
/// Sequences of one partition's deltas lie below this; see [`Share`].
const SEQUENCES_END: u64 = 1 << 48;
const KIND_DELTA: u16 = 0x63;
const KIND_CHUNK: u16 = 0x64;

/// Whose persons a disclosure's deltas are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Of the one-way partition of a joint disclosure.
    OneWay,
    /// Of the disclosure's only partition, or of sealed identities in a joint one.
    Own,
}

/// The persons of one disclosure, of one partition.  Changed by the recorder alone.
pub struct Membership {
    disclosure: [u8; 16],
    partition: u16,
    ordinals: Option<Arc<Ordinals>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    chunks: BTreeMap<u32, Box<[u64; WORDS]>>,
    /// Deltas that are stored and not folded.
    sequences: Range<u64>,
    /// Chunks that the stored folds lack something of.
    dirty: BTreeSet<u32>,
    /// Persons of the commit under way, and its deltas: one for each stream that it answers.
    staged: Vec<PersonNo>,
    staged_deltas: u64,
    folding: bool,
    pins: Pins,
}

impl Membership {
    /// Reads the persons of a disclosure.  `persons_end` is above every person number in use.
    pub(super) fn load(
        store: &dyn Store,
        keys: &PlaneKeys,
        disclosure: [u8; 16],
        (partition, share): (u16, Share),
        persons_end: u64,
    ) -> Result<Self, Error> {
        let begin = match share {
            Share::OneWay => u64::from(partition) * SEQUENCES_END,
            Share::Own => 0,
        };
        let mut state = State::default();
        state.sequences = begin..begin;
        for chunk in 0..=chunk_of(persons_end).0 {
            let key = Key::disclosed(partition, chunk, disclosure);
            if let Some(value) = store.get(&key)? {
                state.chunks.insert(chunk, open_chunk(keys, &key, &value)?);
            }
        }
        let (mut failure, mut first) = (None, None);
        let deltas = Key::disclosed_deltas(disclosure, begin..begin.saturating_add(SEQUENCES_END));
        store.scan(deltas, &mut |key, value| {
            let sequence = Key::trailing_u64(key)?;
            state.sequences = *first.get_or_insert(sequence)..sequence + 1;
            match open_delta(keys, key, value) {
                Ok(persons) => persons.into_iter().for_each(|person| state.add(person)),
                Err(error) => failure = Some(error),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(()), Err)?;
        state.pins = Pins::load(store, keys, disclosure)?;
        Ok(Self { disclosure, partition, ordinals: None, state: Mutex::new(state) })
    }

    /// The same, whose persons have serials made of ordinals: stored with the persons.
    #[must_use]
    pub fn with_ordinals(self, ordinals: Option<Arc<Ordinals>>) -> Self {
        Self { ordinals, ..self }
    }

    /// The disclosure's id.
    pub fn disclosure(&self) -> [u8; 16] {
        self.disclosure
    }

    /// How many persons are in it, durably: leaves that share a serial are one, also where whose number
    /// it is made of is in another disclosure of the key alone.
    pub fn count(&self) -> u64 {
        let state = self.state();
        let words = state.chunks.values().flat_map(|chunk| chunk.iter());
        let leaves: u64 = words.map(|word| u64::from(word.count_ones())).sum();
        let elsewhere = state.pins.targets().into_iter().filter(|one| !state.contains(*one));
        leaves + elsewhere.count() as u64 - state.pins.count()
    }

    /// The leaf whose number a leaf's serial is made of, if the leaf was answered with one.
    pub fn answered_by(&self, leaf: PersonNo) -> Option<PersonNo> {
        let state = self.state();
        state.pins.of(leaf).or_else(|| state.contains(leaf).then_some(leaf))
    }

    /// The leaves that were answered with the serial that is made of a leaf's number: it first, if it was.
    pub fn answered_with(&self, leaf: PersonNo) -> Vec<PersonNo> {
        let state = self.state();
        let itself = state.contains(leaf) && state.pins.of(leaf).is_none();
        itself.then_some(leaf).into_iter().chain(state.pins.to(leaf)).collect()
    }

    /// Whether a person is in it, durably.
    pub fn contains(&self, person: PersonNo) -> bool {
        self.state().contains(person)
    }

    /// Puts those of `persons` who are not in it yet into a batch, as a delta.  Several streams of a
    /// disclosure may be answered with one commit, each with a delta of its own.
    pub(super) fn stage(
        &self,
        keys: &PlaneKeys,
        entropy: &Entropy,
        (persons, pins): (&[PersonNo], &[Pin]),
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.pins.stage((keys, entropy), self.disclosure, pins, batch)?;
        if let Some(ordinals) = &self.ordinals {
            ordinals.stage((keys, entropy), persons, batch)?;
        }
        let new: Vec<PersonNo> =
            persons.iter().copied().filter(|person| !state.contains(*person)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut set = PersonSet::default();
        set.extend(&new);
        let sequence = state.sequences.end + state.staged_deltas;
        let key = Key::disclosed_delta(self.disclosure, sequence);
        let place = Place { kind: KIND_DELTA, row: key.as_bytes(), field: 0 };
        batch.insert(key, keys.storage().seal(entropy, &place, &set.encode()?)?);
        state.staged.extend(new);
        state.staged_deltas += 1;
        Ok(())
    }

    /// Puts the changed chunks into a batch, and removes the deltas that they replace.
    pub(super) fn stage_fold(
        &self,
        keys: &PlaneKeys,
        entropy: &Entropy,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut state = self.state();
        for chunk in &state.dirty {
            let Some(words) = state.chunks.get(chunk) else { continue };
            let key = Key::disclosed(self.partition, *chunk, self.disclosure);
            let place = Place { kind: KIND_CHUNK, row: key.as_bytes(), field: 0 };
            let plain = encode_chunk(words)?;
            batch.put(key, keys.storage().seal(entropy, &place, &plain)?);
        }
        for sequence in state.sequences.clone() {
            batch.remove(Key::disclosed_delta(self.disclosure, sequence));
        }
        state.folding = true;
        Ok(())
    }

    /// After the commit of what was staged.
    pub(super) fn publish(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.folding) {
            state.sequences.start = state.sequences.end;
            state.dirty.clear();
        }
        state.sequences.end += std::mem::take(&mut state.staged_deltas);
        state.pins.publish();
        let mut staged = std::mem::take(&mut state.staged);
        staged.drain(..).for_each(|person| state.add(person));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, person: PersonNo) {
        let (chunk, word, bit) = place_of(person);
        self.chunks.entry(chunk).or_insert_with(|| Box::new([0; WORDS]))[word] |= bit;
        self.dirty.insert(chunk);
    }

    fn contains(&self, person: PersonNo) -> bool {
        let (chunk, word, bit) = place_of(person);
        self.chunks.get(&chunk).is_some_and(|words| words[word] & bit != 0)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.chunks.values_mut().for_each(|words| words.zeroize());
        self.staged.zeroize();
    }
}

/// The disclosures that a person is in, as they are stored.  A delta of a disclosure's own partition
/// does not say which that is: `is_own` does, of the person's.
pub(super) fn disclosures_of(
    (store, keys): (&dyn Store, &PlaneKeys),
    (partition, person): (u16, PersonNo),
    is_own: impl Fn([u8; 16]) -> bool,
) -> Result<Vec<[u8; 16]>, Error> {
    let (chunk, low) = chunk_of(person.number());
    let (mut found, mut failure) = (BTreeSet::new(), None);
    store.scan(Key::disclosed_in(partition, chunk), &mut |bytes, value| {
        let (_, key) = Key::parse(bytes)?;
        match (is_in_chunk(keys, &key, value, low), bytes.last_chunk()) {
            (Ok(true), Some(disclosure)) => {
                found.insert(*disclosure);
            }
            (Ok(_), _) => {}
            (Err(error), _) => failure = Some(error),
        }
        Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
    })?;
    // What a stream that was cut off has left: few, and folded when the disclosure is used again.
    store.scan(Key::all(Kind::DisclosedDelta), &mut |bytes, value| {
        let share = Key::trailing_u64(bytes)? / SEQUENCES_END;
        let disclosure = bytes.get(1..).and_then(|parts| parts.first_chunk());
        let is_of_partition = match share {
            0 => disclosure.is_some_and(|id| is_own(*id)),
            one_way => one_way == u64::from(partition),
        };
        if !is_of_partition {
            return Ok(Step::Continue);
        }
        match open_delta(keys, bytes, value) {
            Ok(persons) if persons.contains(&person) => found.extend(disclosure),
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
        Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
    })?;
    failure.map_or_else(|| Ok(found.into_iter().collect()), Err)
}

fn chunk_of(number: u64) -> (u32, u32) {
    // A person number has 40 bits.
    let chunk = u32::try_from(number >> CHUNK_BITS).unwrap_or(u32::MAX);
    (chunk, u32::try_from(number & ((1 << CHUNK_BITS) - 1)).unwrap_or_default())
}

fn place_of(person: PersonNo) -> (u32, usize, u64) {
    let (chunk, low) = chunk_of(person.number());
    (chunk, low as usize / 64, 1 << (low % 64))
}

fn encode_chunk(words: &[u64; WORDS]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bitmap = RoaringBitmap::new();
    for (place, word) in (0_u32..).zip(words) {
        let mut left = *word;
        while left != 0 {
            bitmap.insert(place * 64 + left.trailing_zeros());
            left &= left - 1;
        }
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + bitmap.serialized_size()));
    plain.push(VERSION);
    bitmap.serialize_into(&mut *plain).map_err(|_| damaged())?;
    Ok(plain)
}

fn open_chunk(keys: &PlaneKeys, key: &Key, value: &[u8]) -> Result<Box<[u64; WORDS]>, Error> {
    let place = Place { kind: KIND_CHUNK, row: key.as_bytes(), field: 0 };
    let plain = keys.storage().open(&place, value).map_err(|_| damaged())?;
    decode_chunk(&plain)
}

/// Whether a person is among those of a stored chunk, without spreading it out.
fn is_in_chunk(keys: &PlaneKeys, key: &Key, value: &[u8], low: u32) -> Result<bool, Error> {
    let place = Place { kind: KIND_CHUNK, row: key.as_bytes(), field: 0 };
    let plain = keys.storage().open(&place, value).map_err(|_| damaged())?;
    let Some((&VERSION, bitmap)) = plain.split_first() else { return Err(damaged()) };
    Ok(RoaringBitmap::deserialize_from(bitmap).map_err(|_| damaged())?.contains(low))
}

fn decode_chunk(plain: &[u8]) -> Result<Box<[u64; WORDS]>, Error> {
    let Some((&VERSION, bitmap)) = plain.split_first() else { return Err(damaged()) };
    let bitmap = RoaringBitmap::deserialize_from(bitmap).map_err(|_| damaged())?;
    let mut words = Box::new([0; WORDS]);
    for low in bitmap {
        *words.get_mut(low as usize / 64).ok_or_else(damaged)? |= 1_u64 << (low % 64);
    }
    Ok(words)
}

/// The persons of a stored chunk, ascending.
pub(super) fn persons_of_chunk(
    keys: &PlaneKeys,
    key: &Key,
    value: &[u8],
) -> Result<Vec<PersonNo>, Error> {
    let words = open_chunk(keys, key, value)?;
    let parts = key.as_bytes().get(3..7).and_then(|bytes| bytes.try_into().ok());
    let chunk = parts.map(u32::from_be_bytes).ok_or_else(damaged)?;
    let mut persons = Vec::new();
    for (place, word) in (0_u64..).zip(words.iter()) {
        let bits = (0..64).filter(|bit| word >> bit & 1 == 1);
        for bit in bits {
            let number = (u64::from(chunk) << CHUNK_BITS) | (place * 64 + bit);
            persons.push(PersonNo::from_number(number).ok_or_else(damaged)?);
        }
    }
    Ok(persons)
}

fn open_delta(keys: &PlaneKeys, key: &[u8], value: &[u8]) -> Result<Vec<PersonNo>, Error> {
    let place = Place { kind: KIND_DELTA, row: key, field: 0 };
    let plain = keys.storage().open(&place, value).map_err(|_| damaged())?;
    PersonSet::decode(&plain)
}

fn damaged() -> Error {
    Error::Damaged { what: "disclosure person set" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_the_golden_bytes() {
        let mut words = [0; WORDS];
        words[0] = 0b101;
        words[WORDS - 1] = 1 << 63;
        let plain = encode_chunk(&words).unwrap();
        let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        // Cookie 12346, one container: key 0, 3 values; offset 16; 0, 2, 65535, little-endian.
        assert_eq!(
            hex,
            concat!("01", "3a300000", "01000000", "00000200", "10000000", "00000200ffff")
        );
        assert_eq!(*decode_chunk(&plain).unwrap(), words);
        for bad in [&plain[..0], &plain[..5], &[2, 0, 0][..]] {
            assert!(decode_chunk(bad).is_err());
        }
    }
}
