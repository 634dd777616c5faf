//! IDs that a register had before this program: each stands for a register number, as an ID does.
//!
//! ```text
//! existing ID ─ table (memory) ─ register number ─ register ID ─ person       or nobody
//!                 ▲ after the commit
//! pairs ─► look: whose is each?  ─► recorder: part of the table and entry in one commit
//! ```
//!
//! Why a register number and not a person: an existing ID is then another spelling of the ID that it
//! was loaded for.  Whatever ends, replaces or hides that ID does so to the existing one, with no
//! state of its own; and the table joins no two registers.
//!
//! INVARIANT: an existing ID stands for one person, the first it was loaded for, until that person's
//! past in the register has ended.
//! INVARIANT: an existing ID has 1 to 64 bytes of text without control characters, and is never a
//! national identifier; that is the service's duty to look for.
//!
//! What it does *not* protect: that an existing ID was paired with the right person is the word of who
//! loads it.
//!
//! FORMAT: docs/FORMATS.md, section "Aliases".

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::answer::RowCode;
use super::keys::PlaneKeys;
use super::records::record_place;
use super::{Error, More, Registers};
use crate::config::words::word_enum;
use crate::store::keys::{Key, Kind};
use crate::store::{Step, Store};
use crate::vault::PersonNo;

mod loading;
mod table;

use table::Table;

const VERSION: u8 = 1;
const NUMBER_BYTES: usize = 6;

/// An ID that a register had before: text that says what its register meant by it.
///
/// INVARIANT: 1 to 64 bytes, no control characters, no space at either end.  It shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ExistingId(Zeroizing<String>);

impl ExistingId {
    /// Most bytes.
    pub const BYTES_MAX: usize = 64;

    /// Reads text; `None` when it is none.
    #[must_use]
    pub fn parse(text: Zeroizing<String>) -> Option<Self> {
        let is_one = (1..=Self::BYTES_MAX).contains(&text.len())
            && text.trim().len() == text.len()
            && !text.chars().any(char::is_control);
        is_one.then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hash for ExistingId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

word_enum! {
    /// Why a pair was not loaded.
    pub enum AliasProblem {
        /// Another row of the same request has the existing ID for somebody else: neither is loaded.
        Contradicted = "contradicted",
        /// The existing ID could be a person's national identifier.
        LooksLikeIdentifier = "looks_like_identifier",
        /// The existing ID is empty, too long, or no plain text.
        Malformed = "malformed",
        /// The person is not to be answered; why is not told.
        Suppressed = "suppressed",
        /// The existing ID stands for somebody else.
        Taken = "taken",
        /// The register has nobody by the register ID.
        UnknownId = "unknown_id",
    }
}

/// What became of pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedAliases {
    /// Pairs that were new.
    pub loaded: u64,
    /// Pairs that said what was known.
    pub unchanged: u64,
    /// Rows that were not loaded, ascending.
    pub refused: Vec<(u32, AliasProblem)>,
}

/// A row that is to be loaded: a register ID and an existing one, or what is wrong with that.
pub type AliasRow = (u64, Result<ExistingId, AliasProblem>);

/// Pairs in the order in which they were loaded.
#[derive(Default)]
pub struct AliasPairs {
    /// Number, existing ID and register ID of those that stand for somebody.
    pub pairs: Vec<(u64, ExistingId, u64)>,
    /// Go on after this one.
    pub last: u64,
    /// Whether there are more.
    pub more: More,
}

/// The existing IDs of one register.
#[derive(Default)]
pub(super) struct Aliases {
    table: RwLock<Table>,
    /// How many were loaded; held by who loads more.
    loaded: Mutex<u64>,
}

impl Aliases {
    /// Reads the stored parts, in their order, and says how many there are.
    pub(super) fn load(
        store: &dyn Store,
        keys: &PlaneKeys,
        register: u16,
    ) -> Result<(Self, u64), Error> {
        let (mut table, mut loaded, mut parts) = (Table::default(), 0, 0);
        let mut failure = None;
        store.scan(Key::aliases_from(register, 0), &mut |bytes, value| {
            let is_next = Key::trailing_u64(bytes)? == loaded + 1;
            let part = open(keys, &Key::parse(bytes)?.1, value).filter(|_| is_next);
            let taken =
                part.ok_or(Error::Damaged { what: Kind::Aliases.name() }).and_then(|part| {
                    loaded += part.len() as u64;
                    parts += 1;
                    part.iter().try_for_each(|(number, text)| table.insert(text.as_str(), *number))
                });
            failure = taken.err();
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        let aliases = Self { table: RwLock::new(table), loaded: Mutex::new(loaded) };
        failure.map_or(Ok((aliases, parts)), Err)
    }

    fn number_of(&self, existing: &str) -> Option<u64> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).number_of(existing)
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `01 ‖ (register number (6) ‖ length (1) ‖ text)*`.
fn plaintext(pairs: &[(u64, ExistingId)]) -> Zeroizing<Vec<u8>> {
    let bytes = pairs.iter().map(|(_, text)| NUMBER_BYTES + 1 + text.as_str().len()).sum::<usize>();
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + bytes));
    plain.push(VERSION);
    for (number, existing) in pairs {
        plain.extend_from_slice(&number.to_be_bytes()[2..]);
        // PANIC: none; an existing ID has at most 64 bytes.
        plain.push(u8::try_from(existing.as_str().len()).unwrap_or(u8::MAX));
        plain.extend_from_slice(existing.as_str().as_bytes());
    }
    plain
}

fn read(plain: &[u8]) -> Option<Vec<(u64, ExistingId)>> {
    let (VERSION, mut rest) = plain.split_first().map(|(version, rest)| (*version, rest))? else {
        return None;
    };
    let mut pairs = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<{ NUMBER_BYTES + 1 }>() {
        let [n0, n1, n2, n3, n4, n5, length] = *head;
        let (text, after) = after.split_at_checked(usize::from(length))?;
        let text = Zeroizing::new(std::str::from_utf8(text).ok()?.to_owned());
        pairs.push((u64::from_be_bytes([0, 0, n0, n1, n2, n3, n4, n5]), ExistingId::parse(text)?));
        rest = after;
    }
    rest.is_empty().then_some(pairs)
}

fn open(keys: &PlaneKeys, key: &Key, value: &[u8]) -> Option<Vec<(u64, ExistingId)>> {
    read(&keys.storage().open(&record_place(key), value).ok()?)
}

impl Registers {
    /// The register IDs that existing IDs were loaded for, under the key of today; 0 where there is
    /// none.  Whether they still stand for somebody [`Self::identify`] says.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`].
    pub fn ids_of_existing(&self, register: u16, existing: &[&str]) -> Result<Vec<u64>, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let table = members.aliases.table.read().unwrap_or_else(PoisonError::into_inner);
        let numbers: Vec<Option<u64>> = existing.iter().map(|one| table.number_of(one)).collect();
        drop(table);
        let known: Vec<u64> = numbers.iter().map(|number| number.unwrap_or_default()).collect();
        let mut ids = self.keys.derive_ids(register, known)?;
        let unknown = ids.iter_mut().zip(&numbers).filter(|(_, number)| number.is_none());
        unknown.for_each(|(id, _)| *id = 0);
        Ok(ids)
    }

    /// The pairs of a register after a number, at most so many are looked at: each existing ID with the
    /// ID that its person has today.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`], [`Error::Damaged`], [`Error::Store`].
    pub fn alias_pairs(&self, register: u16, after: u64, max: usize) -> Result<AliasPairs, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let mut found = AliasPairs { last: after, ..AliasPairs::default() };
        let mut read = Vec::new();
        // The part that holds the next one begins at it or before it.
        let first = self.first_part(register, after.saturating_add(1))?;
        let mut failure = None;
        self.store.scan(Key::aliases_from(register, first), &mut |bytes, value| {
            let first = Key::trailing_u64(bytes)?;
            let Some(part) = open(&self.keys, &Key::parse(bytes)?.1, value) else {
                failure = Some(Error::Damaged { what: Kind::Aliases.name() });
                return Ok(Step::Stop);
            };
            for (sequence, (number, existing)) in (first..).zip(part) {
                if sequence > after && read.len() < max {
                    read.push((sequence, number, existing));
                } else if sequence > after {
                    found.more = More::Yes;
                    return Ok(Step::Stop);
                }
            }
            Ok(Step::Continue)
        })?;
        failure.map_or(Ok(()), Err)?;
        let numbers = read.iter().map(|(_, number, _)| *number).collect();
        let ids = self.keys.derive_ids(register, numbers)?;
        let persons = self.identify(register, &ids)?;
        let today = self.ids_of_today(register, &persons)?;
        for ((sequence, number, existing), id) in read.into_iter().zip(today) {
            found.last = sequence;
            // One that was loaded anew since stands for what it was loaded for last.
            if id != 0 && members.aliases.number_of(existing.as_str()) == Some(number) {
                found.pairs.push((sequence, existing, id));
            }
        }
        Ok(found)
    }

    /// The number that the last part begins with that begins at a number or before it.
    fn first_part(&self, register: u16, sequence: u64) -> Result<u64, Error> {
        let mut first = 0;
        // Keys alone: parts are as long as requests are, so there are few.
        self.store.scan(Key::aliases_from(register, 0), &mut |bytes, _| {
            let found = Key::trailing_u64(bytes)?;
            if found > sequence {
                return Ok(Step::Stop);
            }
            first = found;
            Ok(Step::Continue)
        })?;
        Ok(first)
    }

    /// Existing IDs that were loaded into a register, with the bytes that they have in memory.
    pub fn alias_count(&self, register: u16) -> (u64, u64) {
        let Some(members) = self.members.get(&register) else { return (0, 0) };
        let table = members.aliases.table.read().unwrap_or_else(PoisonError::into_inner);
        (table.count(), table.bytes())
    }

    /// The IDs that persons have today, by their roots; 0 for none.
    ///
    /// # Errors
    ///
    /// [`Error::NoRegister`].
    pub fn ids_of_today(
        &self,
        register: u16,
        persons: &[Result<PersonNo, RowCode>],
    ) -> Result<Vec<u64>, Error> {
        let members = self.members.get(&register).ok_or(Error::NoRegister)?;
        let links = self.hold_links();
        let held = members.column.hold();
        let cells = held.cells();
        let id_of = |person: PersonNo| {
            let root = match links.of(members.partition) {
                Some(graph) if graph.any() => graph.root_of(person),
                _ => person,
            };
            cells.standing(root).id().or_else(|| cells.standing(person).id()).unwrap_or_default()
        };
        Ok(persons.iter().map(|person| person.map_or(0, id_of)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(text: &str) -> Option<ExistingId> {
        ExistingId::parse(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_part_of_the_aliases_is_the_golden_bytes() {
        let pairs = [(0x0102_0304_0506, "a"), (7, "æ 1")]
            .map(|(number, text)| (number, existing(text).unwrap()));
        let golden =
            [&[1, 1, 2, 3, 4, 5, 6, 1][..], b"a", &[0, 0, 0, 0, 0, 7, 4], "æ 1".as_bytes()]
                .concat();
        let plain = plaintext(&pairs);
        assert_eq!(plain.as_slice(), golden);
        assert!(read(&golden).unwrap() == pairs);
        for cut in 2..golden.len() {
            assert!(cut == 9 || read(&golden[..cut]).is_none(), "{cut}");
        }
        assert!(read(&[]).is_none() && read(&[2]).is_none());
    }

    #[test]
    fn an_existing_id_is_plain_text_of_bounded_length() {
        let long = "x".repeat(64);
        for good in ["a", "1234", "A-1 / 2", "ærfugl", long.as_str()] {
            assert!(existing(good).is_some(), "{good}");
        }
        for bad in ["", " a", "a ", "a\u{7}b", "a\n", &format!("{long}x")] {
            assert!(existing(bad).is_none(), "{bad:?}");
        }
    }
}
