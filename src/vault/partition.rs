//! One number space of the vault: its index, and the way in for new persons.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use zeroize::Zeroize;

use super::assigner::{Assigner, Candidate};
use super::index::Index;
use super::keys::PartitionKeys;
use super::{
    Contact, Error, HighWater, KeptContact, KnownIdentifier, Origin, PersonNo, Rows, Seen, Unknown,
    contacts, erasing, group, identity, loading,
};
use crate::crypto::{Entropy, Tag};
use crate::store::keys::Key;
use crate::store::records::load_mark;
use crate::store::{Step, Store};

/// What a partition's readers and its assigner share.
pub(super) struct Shared {
    pub(super) keys: Arc<PartitionKeys>,
    pub(super) index: Index,
    /// End of the positions that are durably used.
    pub(super) used: AtomicU64,
    pub(super) failed: AtomicBool,
    /// Held while groups are rewritten, and while contacts are.
    pub(super) erasing: Mutex<()>,
}

pub(super) struct Partition {
    pub(super) shared: Arc<Shared>,
    assigner: Assigner,
}

/// What the index had for the rows of a batch.
#[must_use = "unknown identifiers are assigned, or left, by `finish`"]
pub struct Found<'a> {
    partition: &'a Partition,
    /// The rows of the batch.
    pub rows: Rows,
    // Of the accepted rows only.
    tags: Vec<Tag>,
    persons: Vec<Option<PersonNo>>,
}

impl Found<'_> {
    /// Persons of the batch, in its order: `None` where the row was refused or, with
    /// [`Unknown::Leave`], nobody is known. A person that is new is durable when this returns.
    /// Blocks for as long as a commit takes when somebody is new.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] and others of the write path. Known persons are then not answered either:
    /// the caller sends the batch again.
    pub fn finish(&mut self, unknown: Unknown<'_>) -> Result<Vec<Option<PersonNo>>, Error> {
        if let Unknown::Assign(origin) = unknown
            && self.persons.iter().any(Option::is_none)
        {
            self.assign(origin)?;
        }
        let persons = std::mem::take(&mut self.persons);
        if persons.len() == self.rows.len() {
            return Ok(persons);
        }
        let mut persons = persons.into_iter();
        let accepted = |row: &Result<_, _>| row.is_ok().then(|| persons.next().flatten());
        Ok(self.rows.iter().map(accepted).map(Option::flatten).collect())
    }

    fn assign(&mut self, origin: &Origin) -> Result<(), Error> {
        let accepted = self.rows.iter().filter_map(|row| row.as_ref().ok());
        let candidates: Vec<Candidate> = accepted
            .zip(self.tags.iter().zip(&self.persons))
            .filter(|(_, (_, person))| person.is_none())
            .map(|(id, (tag, _))| Candidate::new(*tag, id, origin))
            .collect();
        let mut assigned = self.partition.assigner.assign(candidates)?.into_iter();
        for slot in self.persons.iter_mut().filter(|slot| slot.is_none()) {
            *slot = assigned.next();
        }
        Ok(())
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        wipe(&mut self.tags);
    }
}

impl Partition {
    pub(super) fn open(
        store: Arc<dyn Store>,
        keys: Arc<PartitionKeys>,
        seen: Seen,
        high_water: Arc<dyn HighWater>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, Error> {
        let leased = load_mark(store.as_ref(), &Key::high_water(keys.partition()))?;
        let shared = Arc::new(Shared {
            keys,
            index: Index::with_room(usize::try_from(seen.used_in_registers).unwrap_or(usize::MAX)),
            used: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            erasing: Mutex::new(()),
        });
        let used = loading::load(store.as_ref(), &shared)?;
        for (witness, behind) in [
            ("its own leases", used > leased),
            ("the key file", leased < seen.leased_in_key_file),
            ("the register plane's leases", leased < seen.leased_in_registers),
            ("the register plane's members", used < seen.used_in_registers),
        ] {
            if behind {
                return Err(Error::Behind { witness });
            }
        }
        shared.used.store(used, Ordering::Release);
        // Every start draws from a lease of its own: what an earlier run may have drawn and lost
        // with an uncertain commit, or with a restored copy, is never drawn again.
        let assigner = Assigner::start(Arc::clone(&shared), store, leased, high_water, entropy);
        Ok(Self { shared, assigner })
    }

    /// Looks rows up while they are parsed; see [`Vault::find`](super::Vault::find).
    pub(super) fn find(&self, row_count: usize, mut parse: impl FnMut(&mut Rows)) -> Found<'_> {
        let mut rows = Rows::with_capacity(row_count);
        let mut tags: Vec<Tag> = Vec::with_capacity(row_count);
        let mut persons = Vec::with_capacity(row_count);
        let held = self.shared.index.hold();
        let tables = held.tables();
        loop {
            let (parsed, tagged) = (rows.len(), tags.len());
            parse(&mut rows);
            self.shared.keys.tag_many(&rows[parsed..], &mut tags);
            // The lines of the rows before have come while these were parsed. Each that is read makes
            // room for asking for one more: a processor waits for few at a time.
            let mut next = tags[tagged..].iter();
            persons.extend(tags[persons.len()..tagged].iter().map(|tag| {
                next.next().into_iter().for_each(|next| tables.prefetch(*next));
                tables.find(*tag)
            }));
            next.for_each(|tag| tables.prefetch(*tag));
            if rows.len() == parsed {
                break;
            }
        }
        Found { partition: self, rows, tags, persons }
    }

    /// Finds those of a few identifiers that somebody is known by.
    pub(super) fn find_known(&self, rows: &Rows, each: impl FnMut(PersonNo)) {
        let mut tags = Vec::with_capacity(rows.len());
        self.shared.keys.tag_many(rows, &mut tags);
        let held = self.shared.index.hold();
        let tables = held.tables();
        tags.iter().filter_map(|tag| tables.find(*tag)).for_each(each);
        drop(held);
        wipe(&mut tags);
    }

    pub(super) fn identifier_count(&self) -> u64 {
        self.shared.index.len() as u64
    }

    pub(super) fn index_bytes(&self) -> u64 {
        self.shared.index.bytes() as u64
    }

    pub(super) fn used(&self) -> u64 {
        self.shared.used.load(Ordering::Acquire)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// The position that a person was drawn at.
    pub(super) fn drawn(&self, store: &dyn Store, person: PersonNo) -> Result<u64, Error> {
        let keys = &self.shared.keys;
        let mut positions = keys.positions_of(person.number());
        let (first, second) = (positions.next(), positions.next());
        match (first, second) {
            // There was never another generation: there is nothing to look up.
            (Some(only), None) => Ok(only),
            _ => {
                let place = erasing::place_of(keys, store, person)?;
                let place = place.ok_or(Error::Damaged { what: "position of a person" })?;
                Ok(place.first + place.index as u64)
            }
        }
    }

    pub(super) fn open_identity(
        &self,
        store: &dyn Store,
        person: PersonNo,
    ) -> Result<Vec<KnownIdentifier>, Error> {
        let keys = &self.shared.keys;
        let place = erasing::place_of(keys, store, person)?;
        let place = place.ok_or(Error::Damaged { what: "sealed identity" })?;
        if place.is_erased {
            return Err(Error::Erased);
        }
        identity::decode(&group::open_identity(keys, place.first, place.index, &place.value)?)
    }

    /// Whether a person's tag and identity were removed.
    pub(super) fn is_erased(&self, store: &dyn Store, person: PersonNo) -> Result<bool, Error> {
        let place = erasing::place_of(&self.shared.keys, store, person)?;
        Ok(place.is_none_or(|place| place.is_erased))
    }

    /// Removes tags and identities; see [`Vault::erase`](super::Vault::erase).
    pub(super) fn erase(
        &self,
        store: &dyn Store,
        entropy: &Entropy,
        persons: &[PersonNo],
    ) -> Result<(), Error> {
        erasing::erase(&self.shared, store, entropy, persons)
    }

    /// Keeps names and addresses; see [`Vault::keep_contacts`](super::Vault::keep_contacts).
    pub(super) fn keep_contacts(
        &self,
        (store, entropy): (&dyn Store, &Entropy),
        (register, said): (u16, i64),
        rows: &[(PersonNo, Contact)],
    ) -> Result<u64, Error> {
        contacts::keep(&self.shared, store, entropy, &contacts::Saying { register, said, rows })
    }

    /// What a register has of a person's name and address.
    pub(super) fn contact(
        &self,
        store: &dyn Store,
        whose: (u16, PersonNo),
    ) -> Result<Option<KeptContact>, Error> {
        contacts::find(&self.shared.keys, store, whose)
    }

    /// Removes what a register has of persons' names and addresses.
    pub(super) fn erase_contacts(
        &self,
        store: &dyn Store,
        whose: (u16, &[PersonNo]),
    ) -> Result<(), Error> {
        contacts::erase(&self.shared, store, whose)
    }

    /// Opens the identities of those who are wanted, group by group.
    pub(super) fn open_identities(
        &self,
        store: &dyn Store,
        is_wanted: impl Fn(PersonNo) -> bool,
        mut each: impl FnMut(PersonNo, Vec<KnownIdentifier>) -> Step,
    ) -> Result<(), Error> {
        let keys = &self.shared.keys;
        let (mut numbers, mut failure) = (Vec::new(), None);
        store.scan(Key::groups_from(keys.partition(), 0), &mut |key, value| {
            let first = Key::trailing_u64(key)?;
            let step = open_group(keys, (first, value), &mut numbers, &is_wanted, &mut each);
            Ok(step.unwrap_or_else(|error| {
                failure = Some(error);
                Step::Stop
            }))
        })?;
        failure.map_or(Ok(()), Err)
    }
}

/// Opens the identities of those of a group who are wanted.
fn open_group(
    keys: &PartitionKeys,
    (first, value): (u64, &[u8]),
    numbers: &mut Vec<u64>,
    is_wanted: &impl Fn(PersonNo) -> bool,
    each: &mut impl FnMut(PersonNo, Vec<KnownIdentifier>) -> Step,
) -> Result<Step, Error> {
    let mut opened = group::open_tags(keys, first, value)?;
    let count = opened.tags.len() as u64;
    wipe(&mut opened.tags);
    keys.numbers_at(opened.generation, first..first + count, numbers)?;
    for (index, number) in numbers.iter().enumerate() {
        let person = PersonNo::from_number(*number).ok_or(Error::Exhausted)?;
        if is_wanted(person) {
            let known = if opened.erased.contains(&index) {
                Vec::new()
            } else {
                identity::decode(&group::open_identity(keys, first, index, value)?)?
            };
            if let Step::Stop = each(person, known) {
                return Ok(Step::Stop);
            }
        }
    }
    Ok(Step::Continue)
}

/// Pairs tags with the persons of their numbers.
pub(super) fn entries(tags: &[Tag], numbers: &[u64]) -> Result<Vec<(Tag, PersonNo)>, Error> {
    assert_eq!(tags.len(), numbers.len(), "one number for each tag");
    tags.iter()
        .zip(numbers)
        .map(|(tag, number)| PersonNo::from_number(*number).map(|person| (*tag, person)))
        .collect::<Option<_>>()
        .ok_or(Error::Exhausted)
}

/// Overwrites tags that are no longer needed.
pub(super) fn wipe(tags: &mut Vec<Tag>) {
    for tag in tags.iter_mut() {
        *tag = Tag::from_bytes([0; 16]);
    }
    tags.clear();
    tags.shrink_to_fit();
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.assigner.stop();
    }
}

impl Zeroize for PersonNo {
    fn zeroize(&mut self) {
        *self = Self(std::num::NonZeroU64::MIN);
    }
}
