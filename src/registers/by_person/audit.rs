//! Audit entries by person.
//!
//! FORMAT: docs/FORMATS.md, section "Index of audit entries".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::persons::PersonSet;
use super::super::records::record_place;
use super::super::{Error, Registers};
use super::{AUDIT, ByPerson, by_chunk, place_of, read_lows};
use crate::audit::{Entry, KeptLeaf, LogError, Reference};
use crate::crypto::Place;
use crate::store::keys::{Key, Kind};
use crate::store::records::{encode_mark, load_mark};
use crate::store::{Batch, Durability, Step};
use crate::vault::{PERSONS, PersonNo};

const VERSION: u8 = 0x01;
const WHAT: &str = "index of audit entries";
/// Entries since the last fold, and their persons, from which on it is time for the next: so many a
/// reader looks through.
const ENTRIES_MAX: u64 = 256;
const PERSONS_MAX: u64 = 1 << 20;

/// What an index reads of an entry's body; the rest, and what later programs add, is passed over.
#[derive(Deserialize)]
struct About {
    action: String,
    register: Option<String>,
    reference: Option<Reference>,
    disclosure: Option<String>,
}

/// Told of an entry: its number, a partition, and persons of it in ascending order.
type Each<'a> = dyn FnMut(u64, u16, &[PersonNo]) -> Step + 'a;

/// Entries and whom each concerns, of one chunk.
type Fold = Vec<(u64, RoaringBitmap)>;

impl ByPerson {
    /// The entries that concern one of these persons of a partition, ascending.
    pub(in crate::registers) fn entries_of(
        &self,
        partition: u16,
        persons: &[PersonNo],
    ) -> Result<BTreeSet<u64>, Error> {
        let mut found = BTreeSet::new();
        let from = load_mark(self.store.as_ref(), &Key::index_mark(AUDIT))?;
        self.concerned(from..u64::MAX, &mut |index, of, concerned| {
            let is_meant = |person| concerned.binary_search(person).is_ok();
            if of == partition && persons.iter().any(is_meant) {
                found.insert(index);
            }
            Step::Continue
        })?;
        for person in persons {
            let (chunk, low) = place_of(*person);
            let mut failure = None;
            self.store.scan(Key::audit_in(partition, chunk), &mut |bytes, value| {
                let (_, key) = Key::parse(bytes)?;
                match self.open_fold(&key, value) {
                    Ok(fold) => found.extend(
                        fold.iter().filter(|(_, lows)| lows.contains(low)).map(|(index, _)| *index),
                    ),
                    Err(error) => failure = Some(error),
                }
                Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
            })?;
            failure.map_or(Ok(()), Err)?;
        }
        Ok(found)
    }

    /// Whom the entries of a range concern, entry by entry, until `each` says stop.
    fn concerned(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Error> {
        let mut failure = None;
        self.reader.entries(range, &mut |index, leaf| {
            let KeptLeaf::Whole(leaf) = leaf else { return Ok(Step::Continue) };
            Ok(self.concerned_by(index, leaf.body(), each).unwrap_or_else(|error| {
                failure = Some(error);
                Step::Stop
            }))
        })?;
        failure.map_or(Ok(()), Err)
    }

    fn concerned_by(&self, index: u64, body: &str, each: &mut Each<'_>) -> Result<Step, Error> {
        let damaged = || Error::Damaged { what: "audit entry" };
        let about: About = serde_json::from_str(body).map_err(|_| damaged())?;
        let mut step = Step::Continue;
        if let Some(reference) = about.reference
            && let Some((partition, person)) = self.person_of(reference)?
        {
            step = each(index, partition, &[person]);
        }
        let persons = match self.persons_of(index)? {
            // A bridge whose persons were not recorded was given to at most those of its disclosure.
            None if about.action == "bridge_issued" => {
                self.disclosed(about.disclosure.as_deref())?
            }
            persons => persons.unwrap_or_default(),
        };
        if persons.is_empty() {
            return Ok(step);
        }
        match about.register.map_or(Some(PERSONS), |code| self.partition_of(&code)) {
            Some(partition) => Ok(each(index, partition, &persons)),
            None => {
                tracing::warn!(
                    entry = index,
                    "the register of an audit entry is not in the \
                    catalogue; innsyn does not show who was looked up there"
                );
                Ok(step)
            }
        }
    }

    fn person_of(&self, reference: Reference) -> Result<Option<(u16, PersonNo)>, Error> {
        super::super::rights::person_of(self.store.as_ref(), &self.keys, reference)
    }

    /// The set of persons that is stored with an entry.
    fn persons_of(&self, index: u64) -> Result<Option<Vec<PersonNo>>, Error> {
        let key = Key::audit_persons(index);
        let Some(stored) = self.store.get(&key)? else { return Ok(None) };
        let plain = self.keys.storage().open(&record_place(&key), &stored);
        let plain = plain.map_err(|_| Error::Damaged { what: "audit person set" })?;
        PersonSet::decode(&plain).map(Some)
    }

    /// The persons of a disclosure, as they are folded.
    fn disclosed(&self, disclosure: Option<&str>) -> Result<Vec<PersonNo>, Error> {
        let (mut found, mut failure) = (Vec::new(), None);
        let Some(disclosure) = disclosure else { return Ok(found) };
        self.store.scan(Key::all(Kind::Disclosed), &mut |bytes, value| {
            let id: String = bytes.iter().skip(7).map(|byte| format!("{byte:02x}")).collect();
            if id == disclosure {
                let (_, key) = Key::parse(bytes)?;
                match super::super::disclosed::persons_of_chunk(&self.keys, &key, value) {
                    Ok(persons) => found.extend(persons),
                    Err(error) => failure = Some(error),
                }
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        found.sort_unstable();
        failure.map_or(Ok(found), Err)
    }

    fn seal_fold(&self, key: &Key, fold: &Fold) -> Result<Vec<u8>, Error> {
        let plain = encode_fold(fold)?;
        Ok(self.keys.storage().seal(&self.entropy, &record_place(key), &plain)?)
    }

    fn open_fold(&self, key: &Key, value: &[u8]) -> Result<Fold, Error> {
        let place: Place<'_> = record_place(key);
        let plain = self.keys.storage().open(&place, value);
        decode_fold(&plain.map_err(|_| Error::Damaged { what: WHAT })?)
    }
}

/// `01 ‖ ( entry u64 ‖ length u32 ‖ roaring bitmap of the lower 16 bits )*`, entries ascending.
pub(super) fn encode_fold(fold: &Fold) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut plain = Zeroizing::new(vec![VERSION]);
    for (index, lows) in fold {
        let length = u32::try_from(lows.serialized_size()).map_err(|_| Error::TooLarge)?;
        plain.extend_from_slice(&index.to_be_bytes());
        plain.extend_from_slice(&length.to_be_bytes());
        lows.serialize_into(&mut *plain).map_err(|_| Error::Damaged { what: WHAT })?;
    }
    Ok(plain)
}

/// Reads a fold back.
pub(super) fn decode_fold(plain: &[u8]) -> Result<Fold, Error> {
    let damaged = || Error::Damaged { what: WHAT };
    let Some((&VERSION, mut rest)) = plain.split_first() else { return Err(damaged()) };
    let mut fold = Fold::new();
    while let Some((index, after)) = rest.split_first_chunk::<8>() {
        let (length, after) = after.split_first_chunk::<4>().ok_or_else(damaged)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (lows, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        fold.push((u64::from_be_bytes(*index), read_lows(lows, WHAT)?));
        rest = after;
    }
    if rest.is_empty() { Ok(fold) } else { Err(damaged()) }
}

/// The index of audit entries, as the recorder keeps it up to date.
pub(in crate::registers) struct AuditIndex {
    source: Arc<ByPerson>,
    /// Entries before this one are folded, durably.
    folded: u64,
    /// Persons of entries since, counted as they come.
    persons: u64,
    staged: Option<u64>,
    /// Something does not open: readers are told, and no commit fails for it.
    is_stuck: bool,
}

impl AuditIndex {
    /// Opens the index.  What a program without one has recorded is folded first, and what runs before
    /// this one have left if it has become much.
    pub(in crate::registers) fn open(source: Arc<ByPerson>, entries: u64) -> Result<Self, Error> {
        let mark = Key::index_mark(AUDIT);
        let mut is_new = source.store.get(&mark)?.is_none();
        let folded = load_mark(source.store.as_ref(), &mark)?;
        let mut index = Self { source, folded, persons: 0, staged: None, is_stuck: false };
        while is_new || entries.saturating_sub(index.folded) >= ENTRIES_MAX {
            let mut batch = Batch::new();
            index.fold(entries, &mut batch)?;
            let store = &index.source.store;
            store.commit("fold audit entries", batch, Durability::Synced)?;
            index.publish();
            is_new = is_new && index.folded < entries;
        }
        Ok(index)
    }

    /// Counts persons whom an entry concerns.
    pub(in crate::registers) fn note(&mut self, persons: usize) {
        self.persons += persons as u64;
    }

    /// Puts the entries since the last fold into a batch, if it is time.  `entries` are durable.
    pub(in crate::registers) fn stage(&mut self, entries: u64, batch: &mut Batch) {
        let waiting = entries.saturating_sub(self.folded);
        let is_due = waiting >= ENTRIES_MAX || (waiting > 0 && self.persons >= PERSONS_MAX);
        if !is_due || self.is_stuck {
            return;
        }
        if let Err(error) = self.fold(entries, batch) {
            self.is_stuck = true;
            tracing::error!(error = %error, "audit entries cannot be put into the index by person");
        }
    }

    /// After the commit of what was staged.
    pub(in crate::registers) fn publish(&mut self) {
        if let Some(folded) = self.staged.take() {
            self.folded = folded;
            self.persons = 0;
        }
    }

    /// Folds entries before `end`, not more at once than fits in memory.
    fn fold(&mut self, end: u64, batch: &mut Batch) -> Result<(), Error> {
        let mut chunks: BTreeMap<(u16, u32), Fold> = BTreeMap::new();
        let (mut seen, mut next) = (0, end);
        self.source.concerned(self.folded..end, &mut |index, partition, persons| {
            if seen >= PERSONS_MAX && index < next {
                next = index;
                return Step::Stop;
            }
            seen += persons.len() as u64;
            for (chunk, lows) in by_chunk(persons) {
                let fold = chunks.entry((partition, chunk)).or_default();
                match fold.last_mut() {
                    Some((last, known)) if *last == index => *known |= lows,
                    _ => fold.push((index, lows)),
                }
            }
            Step::Continue
        })?;
        let mut sealed = Vec::with_capacity(chunks.len());
        for ((partition, chunk), fold) in &chunks {
            let first = fold.first().map_or(self.folded, |(index, _)| *index);
            let key = Key::audit_of(*partition, *chunk, first);
            let value = self.source.seal_fold(&key, fold)?;
            sealed.push((key, value));
        }
        sealed.into_iter().for_each(|(key, value)| batch.put(key, value));
        batch.put(Key::index_mark(AUDIT), encode_mark(next));
        self.staged = Some(next);
        Ok(())
    }
}

impl Registers {
    /// The audit entries that concern a person of a partition, whose leaves these are: who looked the
    /// person up, and every act on the person, refused ones included; ascending.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Log`], [`Error::Store`].
    pub fn audit_of(
        &self,
        partition: u16,
        leaves: &[PersonNo],
    ) -> Result<Vec<(u64, Entry)>, Error> {
        let mut found = Vec::new();
        for index in self.by_person.entries_of(partition, leaves)? {
            self.reader.entries(index..index + 1, &mut |index, leaf| {
                let unread = LogError::Damaged { index, what: "it cannot be read by this program" };
                if let KeptLeaf::Whole(leaf) = leaf {
                    found.push((index, Entry::decode(leaf.body()).map_err(|_| unread)?));
                }
                Ok(Step::Continue)
            })?;
        }
        Ok(found)
    }
}
